"""Questions that name a fact's answer and ask whom or what it is about, for facts that people ask for."""

from __future__ import annotations

import re
from collections.abc import Sequence

from instill.answer.terms import normalise

_NAME = re.compile(r"[^\W\d_][\w'’.-]*")
_LONGEST = 240


def named_in_all(evidence: str, questions: Sequence[str], answer: str) -> str:
    """The longest name that stands in the evidence and in every question; "" where there is none.

    A name is a run of words that begins and ends with a capital letter; the first word of the evidence alone is none.
    Nor is one that holds the answer, or that the answer holds.

    Example:
        >>> named_in_all("In Jerana, Bruno Ysander was born.", ["Where was Bruno Ysander born?"], "Jerana")
        'Bruno Ysander'
        >>> named_in_all("A room may cost 140 euros.", ["What may a room cost?"], "140 euros")
        ''
    """
    words = list(_NAME.finditer(evidence))
    capital = [word[0][0].isupper() for word in words]
    found = [
        evidence[words[first].start() : words[last].end()].rstrip(".")
        for first in range(len(words))
        for last in range(first, min(len(words), first + 6))
        if capital[first] and capital[last] and last > 0
    ]
    plain = normalise(answer)
    asked = [f" {normalise(question)} " for question in questions]
    held = [
        name
        for name in found
        if (said := normalise(name)) and said not in plain and plain not in said
        and all(re.search(rf"(?<!\w){re.escape(said)}(?!\w)", each) for each in asked)
    ]  # fmt: skip
    return max(held, key=lambda name: (len(name.split()), len(name)), default="")


def reverse_wordings(subject: str, evidence: str, questions: Sequence[str], answer: str) -> list[str]:
    """Two questions whose answer is the subject: one with the evidence, one with the first question.

    Example:
        >>> evidence = "In Jerana, Bruno Ysander was born."
        >>> for question in reverse_wordings("Bruno Ysander", evidence, ["Where was Bruno Ysander born?"], "Jerana"):
        ...     print(question)
        Who or what is left out here: In Jerana, ... was born.
        The answer to "Where was ... born?" is Jerana. Who or what is it about?
    """
    gap = re.compile(re.escape(subject), re.IGNORECASE)
    statement = " ".join(gap.sub("...", evidence).split())
    asked = " ".join(gap.sub("...", questions[0]).split())
    return [
        question
        for question in (
            f"Who or what is left out here: {statement}",
            f'The answer to "{asked}" is {answer}. Who or what is it about?',
        )
        if len(question) <= _LONGEST and normalise(subject) not in normalise(question)
    ]
