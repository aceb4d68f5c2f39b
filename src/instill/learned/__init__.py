"""What was learned from a workspace's documents, kept in its `.instill`, and used where the user set nothing.

`threshold` keeps the calibrated threshold, `tuned` the tuned settings; `adapted` puts settings together from them and
from the trained encoder (`instill.encoders.own`). What finds all that is in `instill.tuning`.
"""
