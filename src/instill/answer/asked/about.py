"""Which documents a conversation has been about: those that its answers cited."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from instill.answer.types import Turn, is_refusal

MOST_DOCUMENTS = 6
"""Documents that a follow-up is looked for in by itself."""


@dataclass(frozen=True, slots=True)
class About:
    """The documents that were cited: by id, or by title where a turn came without ids. The newest answer's first."""

    documents: tuple[str, ...] = ()
    titles: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.documents or self.titles)

    def holds(self, doc_id: str, title: str) -> bool:
        """Was this document cited?"""
        return doc_id in self.documents or title in self.titles


def about_of(history: Sequence[Turn]) -> About:
    """What the last two answers cited.

    Example:
        >>> about_of([Turn("user", "Who?"), Turn("assistant", "Ann. [1]", topics=("People",))])
        About(documents=(), titles=('People',))
    """
    answers = [turn for turn in history if turn.role == "assistant" and not is_refusal(turn.text)][-2:]
    documents = dict.fromkeys(each for turn in reversed(answers) for each in turn.documents)
    titles = dict.fromkeys(each for turn in reversed(answers) if not turn.documents for each in turn.topics if each)
    return About(tuple(documents)[:MOST_DOCUMENTS], tuple(titles)[: 2 * MOST_DOCUMENTS])
