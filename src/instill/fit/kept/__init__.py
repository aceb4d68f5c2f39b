"""What was found for a workspace's documents, kept in its `.instill`, and used where the user set nothing.

`threshold` keeps the calibrated threshold, `tuned` the tuned settings, `own_encoder` the record of a trained encoder;
`adapted` puts the settings together.
"""
