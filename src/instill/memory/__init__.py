"""What people keep asking for: which facts recur, which are worth having in weights, and answers that are shown again.

The log of questions keeps which spans served which answers (the ledger). `recurring_facts.py` makes facts of it, with
their stage and why each is, or is not, a candidate for weights; `answer_cache/` shows an answer again while nothing
that it was made from has changed. Everything is worked out from the index as it is at that moment, so that nothing has
to be told of a change.
"""

from __future__ import annotations

FOLDER = "memory"
"""In a workspace's `.instill`: what is kept beside the catalog."""

TRAININGS = f"{FOLDER}/training"
"""Rows, gate and recipe of the last consolidation of each group of labels; each consolidation writes them anew."""
