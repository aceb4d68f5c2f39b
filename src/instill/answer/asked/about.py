"""Which documents a conversation has been about: those that its answers cited."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from instill.answer.asked.ellipsis import SAID_BESIDE
from instill.answer.text import terms
from instill.answer.types import Turn, is_refusal

MOST_DOCUMENTS = 6
"""Documents that a follow-up is looked for in by itself."""

FURTHER = 0.8
"""What a document is nearer than the one that was cited behind it."""


@dataclass(frozen=True, slots=True)
class About:
    """The documents that were cited: by id, or by title where a turn came without ids. The newest answer's first.

    Args:
        name: the title of the first of them.
        section: the heading of the place that was cited first, or "".
    """

    documents: tuple[str, ...] = ()
    titles: tuple[str, ...] = ()
    name: str = ""
    section: str = ""

    def __bool__(self) -> bool:
        return bool(self.documents or self.titles)

    def nearness(self, doc_id: str, title: str) -> float:
        """1 for the document that the last answer cited first, less for each further one, 0 for one not cited."""
        places = [
            known.index(each) for known, each in ((self.documents, doc_id), (self.titles, title)) if each in known
        ]
        return FURTHER ** min(places) if places else 0.0

    def just_said(self, doc_id: str, title: str, headings: str) -> bool:
        """Is it of the very section that the last answer cited first?"""
        same = headings.rpartition(" > ")[2] == self.section if self.section else True
        return same and self.nearness(doc_id, title) == 1.0

    def with_name(self, question: str) -> str:
        """The question with the document's title beside it, where it does not name it itself.

        Example:
            >>> About(("d1",), name="Sentinel").with_name("how many do I need?")
            'how many do I need (Sentinel)?'
        """
        if not set(terms(self.name)) - set(terms(question)):
            return question
        return f"{SAID_BESIDE.sub('', question).rstrip(' ?.!')} ({self.name})?"


def about_of(history: Sequence[Turn]) -> About:
    """What the last two answers cited.

    Example:
        >>> about_of([Turn("user", "Who?"), Turn("assistant", "Ann. [1]", topics=("People",))])
        About(documents=(), titles=('People',), name='People', section='')
    """
    answers = [turn for turn in history if turn.role == "assistant" and not is_refusal(turn.text)][-2:]
    documents = dict.fromkeys(each for turn in reversed(answers) for each in turn.documents)
    titles = dict.fromkeys(each for turn in reversed(answers) if not turn.documents for each in turn.topics if each)
    name, section = next(((*turn.topics, "")[:2] for turn in reversed(answers) if turn.topics), ("", ""))
    return About(tuple(documents)[:MOST_DOCUMENTS], tuple(titles)[: 2 * MOST_DOCUMENTS], name, section)
