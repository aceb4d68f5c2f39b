"""What a group of questions is about, in a few words: the heading above them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from instill.answer.asked.subject import noun_phrases, without_participle
from instill.answer.terms import terms, word_set

_LONGEST = 80
_JOINS = word_set("of in for from with on at to by a an the our your my their its and or per")
"""Small words that may stand inside a heading: "refund of a ticket"."""

_FRONT = re.compile(
    r"^\W*(?:who +(?!is\b|are\b|was\b|were\b)[a-z]+(?:s|ed|t|n) +|how [a-z]+ (?:is|are|was|were) +)", re.IGNORECASE
)
"""Who does something, and how tall something is: the verb and the measure are not the subject."""

_LAST = re.compile(r"\s+(?:paid|done|sent|spent|given|set)$", re.IGNORECASE)


def heading_of(wordings: Sequence[str]) -> str:
    """A heading for questions that are about one thing: the words that most of them share, as one of them has them.

    Args:
        wordings: of the questions, 1 or more, the newest first.

    Example:
        >>> heading_of(["What is the capital of Mongolia?"]), heading_of(["Can I bring a dog to the office?"])
        ('Capital of Mongolia', 'Bring a dog to the office')
        >>> heading_of(["Who pays for parking in Porto?", "Is there parking in Porto?", "Where is the parking lot?"])
        'Parking in Porto'
    """
    asked = [set(terms(each)) for each in wordings]

    def fits(chain: str) -> tuple[float, int]:
        own = set(terms(chain))
        shared = sum(len(own & other) for other in asked) / len(asked)
        return shared - len(own) / 2 if len(asked) > 1 else float(len(own)), len(chain)

    found = [chain for each in wordings for chain in _chains(each)]
    best = max(found, key=fits, default="")
    if not best:
        return wordings[0].strip()[:_LONGEST]
    if len(asked) == 1 and len(set(terms(best))) == 1:  # "Employees" alone, of "How many employees work in Berlin?"
        best = ", ".join(found[:2])
    return best[0].upper() + best[1:]


def _chains(question: str) -> list[str]:
    """Runs of content words with the small words between them, as the question has them.

    Example:
        >>> _chains("How many days of vacation can a new employee take?")
        ['days of vacation', 'employee']
    """
    text = _FRONT.sub("", question)
    spans: list[tuple[int, int]] = []
    at = 0
    for phrase in noun_phrases(text):
        start = text.find(phrase, at)
        if start < 0:
            continue
        at = start + len(phrase)
        between = re.findall(r"\w+|[^\w\s]", text[spans[-1][1] : start]) if spans else ["."]
        if all(word.lower() in _JOINS for word in between) and at - spans[-1][0] <= _LONGEST:
            spans[-1] = (spans[-1][0], at)
        else:
            spans.append((start, at))
    return [chain for start, end in spans if (chain := _LAST.sub("", without_participle(text[start:end])))]
