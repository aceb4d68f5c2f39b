"""From scores to what can be said of them: intervals, risk, verdicts, and parts of pages. Knows no documents.

Public face: `choose_threshold` and `curve` in `instill.measure.risk`, `reach_verdict` in `instill.measure.verdict`, and
the packages `statistics`, `judging`, `page`.
"""
