"""What is said of an answer and of a refusal that were given before all documents were read."""

from __future__ import annotations

from instill.common.plurals import counted

ASKED_EARLY = "Asked while documents were still being read."
"""What stands beside such a refusal once they are read, in front of a button to ask again."""


def early_refusal(unread: int) -> str:
    """The notice on a refusal.

    Args:
        unread: documents that were still being read when the question was asked, 1 or more.

    Example:
        >>> early_refusal(2)
        'Asked while 2 documents were still being read. Ask again when they are in.'
    """
    if unread == 1:
        return "Asked while 1 document was still being read. Ask again when it is in."
    return f"Asked while {counted(unread, 'document')} were still being read. Ask again when they are in."


def early_answer(unread: int) -> str:
    """What stands below an answer.

    Example:
        >>> early_answer(1)
        'Asked while 1 document was still being read.'
    """
    return early_refusal(unread).partition(". ")[0] + "."
