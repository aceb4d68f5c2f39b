"""Which documents a conversation has been about: those that its answers cited."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from instill.answer.asked.ellipsis import SAID_BESIDE
from instill.answer.asked.subject import topic_name
from instill.answer.terms import terms
from instill.answer.types import Turn, is_refusal

MOST_DOCUMENTS = 6
"""Documents that a follow-up is looked for in by itself."""

ANSWERS = (1.0, 0.7, 0.5)
"""What the last answers weigh, the newest first: one wrong answer does not yet change the subject."""

FURTHER = 0.8
"""What a document weighs beside the one that was cited in front of it."""


@dataclass(frozen=True, slots=True)
class About:
    """The documents that were cited, by id, or by title where a turn came without ids; those that weigh most first.

    Args:
        weights: by id or title, 1 for the one that weighs most.
        last: id or title of the document that the last answer cited first.
        name, section: its title, and the heading of the place, or "".
    """

    documents: tuple[str, ...] = ()
    titles: tuple[str, ...] = ()
    weights: Mapping[str, float] = field(default_factory=dict)
    last: str = ""
    name: str = ""
    section: str = ""

    def __bool__(self) -> bool:
        return bool(self.documents or self.titles)

    def nearness(self, doc_id: str, title: str) -> float:
        """How much the conversation is about this document: 1 most, 0 for one that was not cited."""
        return max(self.weights.get(doc_id, 0.0), self.weights.get(title, 0.0))

    def just_said(self, doc_id: str, title: str, headings: str) -> bool:
        """Is it of the very section that the last answer cited first?"""
        same = headings.rpartition(" > ")[2] == self.section if self.section else True
        return same and self.last in (doc_id, title)

    def with_name(self, question: str) -> str:
        """The question with the document's title beside it, where it does not name it itself.

        Example:
            >>> About(name="Sentinel").with_name("how many do I need?")
            'how many do I need (Sentinel)?'
        """
        if not set(terms(self.name)) - set(terms(question)):
            return question
        return f"{SAID_BESIDE.sub('', question).rstrip(' ?.!')} ({self.name})?"


def about_of(history: Sequence[Turn]) -> About:
    """What the last answers cited.

    Example:
        >>> about = about_of([Turn("user", "Who?"), Turn("assistant", "Ann. [1]", topics=("People", "Staff"))])
        >>> about.name, about.section, about.nearness("d1", "People")
        ('People', 'Staff', 1.0)
    """
    answers = [turn for turn in history if turn.role == "assistant" and not is_refusal(turn.text)]
    weights: dict[str, float] = {}
    titles: set[str] = set()
    for turn, weight in zip(reversed(answers), ANSWERS, strict=False):
        named = turn.documents or turn.topics
        titles.update(() if turn.documents else turn.topics)
        for place, each in enumerate(named):
            weights[each] = weights.get(each, 0.0) + weight * FURTHER**place
    weights.pop("", None)
    best = sorted(weights, key=lambda each: -weights[each])[:MOST_DOCUMENTS]
    newest = answers[-1] if answers else Turn("assistant", "")
    name, section = (*newest.topics, "", "")[:2]
    return About(
        tuple(each for each in best if each not in titles),
        tuple(each for each in best if each in titles),
        {each: weights[each] / weights[best[0]] for each in best},
        (*newest.documents, *newest.topics, "")[0],
        topic_name(name),
        section,
    )
