"""From what base and candidate say to conditions: a file for each section of a gate file.

`gain`, `forgetting`, `reading`, `abstention`, `format`, `text`, `controls` and `role` are named as the sections are.
The keys of a section are in `instill.train.gate.specification`; `instill.train.gate.run` puts the sections together.
`losses_and_shares` has what they share; `damaged_reply` tells what is damaged text, for [text] and [role];
`tone_classifier` tells a tone, for [role] and for comparisons. `level` is that of every interval.
"""
