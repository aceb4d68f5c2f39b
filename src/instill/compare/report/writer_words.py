"""The sentences about who wrote the answers, the same on the page and in the terminal."""

from __future__ import annotations

from instill.common.plurals import counted
from instill.compare.report.types import Report

WRITERS = "Who wrote the answers"
"""The heading."""


def writer_notes(report: Report) -> list[str]:
    """Of each arm that answers as `instill ask` does with a generator, how many answers the model wrote.

    Example:
        >>> from instill.compare.report.types import Writers
        >>> from instill.measure.verdict import reach_verdict
        >>> writer_notes(Report("t", reach_verdict([], []), [], writers=[Writers("retrieval", 9, 2, 4, 0, 3, 0)]))
        ['"retrieval", 9 answers: 2 written by the model; 4 quoted, because nothing that it wrote could be proved; 3 refused.']
    """  # noqa: E501 - the sentence as it is printed
    found = []
    for each in report.writers:
        parts = [
            (each.written, "written by the model"),
            (each.unproved, "quoted, because nothing that it wrote could be proved"),
            (each.unasked, "quoted, without asking it"),
            (each.refused, "refused"),
            (each.failed, "failed, which count as wrong"),
        ]
        said = "; ".join(f"{count:,} {what}" for count, what in parts if count or what == parts[0][1])
        found.append(f'"{each.arm}", {counted(each.answers, "answer")}: {said}.')
    return found
