"""What every door shows of an answer: where in its text a source is named, and the structured part beside the text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from instill.answer.types import Answer, Citation

_MARK = re.compile(r"\[(\d{1,3})\]")


@dataclass(frozen=True, slots=True)
class Marked:
    """A source that is named at `[start, end)` of the answer's text; `number` counts citations from 1."""

    number: int
    start: int
    end: int
    citation: Citation


def marked(answer: Answer) -> list[Marked]:
    """The places of an answer's text that name a source, in order; one that is named nowhere stands at the end.

    Every citation is there: a document may hold "[1]" itself, so that marks are looked for after each claim's text.
    """
    numbers = {citation: number for number, citation in enumerate(answer.citations, start=1)}
    found: list[Marked] = []
    at = 0
    for claim in answer.claims:
        begin = answer.text.find(claim.text, at)
        at = begin + len(claim.text) if begin >= 0 else at
        for citation in claim.citations:
            number = numbers[citation]
            mark = next((each for each in _MARK.finditer(answer.text, at) if int(each.group(1)) == number), None)
            start, end = mark.span() if mark else (len(answer.text), len(answer.text))
            found.append(Marked(number, start, end, citation))
    return found


def pieces(answer: Answer) -> Iterator[str]:
    """The text in pieces of a few words, for streams; together they are the text.

    A stream shows checked text only: what a generator writes is not shown before, because it cannot be taken back.
    """
    yield from re.findall(r"\s*(?:\S+\s*){1,8}|\s+", answer.text) or [""]


def structured(answer: Answer) -> dict[str, Any]:
    """What other forms have no place for: whether the documents answer, how sure that is, claims with their spans."""
    return {
        "abstained": answer.abstained,
        "confidence": answer.confidence,
        "short": answer.short,
        "claims": [asdict(claim) for claim in answer.claims],
        "nearest": [asdict(claim) for claim in answer.nearest],
        "notices": list(answer.notices),
        "question_id": answer.question_id,
    }


def is_address(source: str) -> bool:
    """Whether a document came from the web."""
    return source.startswith(("http://", "https://"))
