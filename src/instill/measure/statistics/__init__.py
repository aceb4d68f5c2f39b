"""The statistics of a comparison: arms on the same questions, questions in groups.

Public face: `Table`, `compare` and `against_best` in `comparing`; `cheapest` and `Cost` in `cheapest`; how many
questions are needed, in `power`; below them `group_interval` (`grouped_mean_interval`), `bootstrap_interval`
(`percentile_bootstrap`), `share_interval` (`exact_share`), `choose` (`cross_validation`), `permutation_p`
(`permutation`), `holm` and `benjamini_hochberg` (`multiple_comparisons`). A group is what fails together: the questions
about one document or fact. Everything here draws, flips or weighs groups whole, but `share_interval`, whose draws have
no groups.
"""
