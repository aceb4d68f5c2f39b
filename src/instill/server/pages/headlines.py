"""The short answer on top of a longer one: where it says something of its own, and where its words stand."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from instill.answer.found.sentences import split_sentences
from instill.answer.harmless_text import plain_text

_LONGEST = 200
_MARKS = r"[\s*_`\\\\]"
"""What Markdown has around and between words."""


@dataclass(frozen=True, slots=True)
class Headline:
    """The short answer of an answer.

    Args:
        shown: whether it stands on top; False where the answer begins with the same sentence.
        is_first_claim: whether it is all that the first claim says.
        stands_in: the citation whose text holds its words; None where none does.
    """

    words: str
    shown: bool
    is_first_claim: bool
    stands_in: Any


def headline(said: Mapping[str, Any]) -> Headline:
    """The headline of an answer, given as plain data.

    Example:
        >>> said = {"short": "80 degrees", "claims": [{"text": "Brew at 80 degrees.", "citations": []}]}
        >>> headline(said).shown, headline({**said, "short": "Brew at 80 degrees"}).shown
        (True, False)
    """
    words = str(said["short"] or "")
    first = _bare(plain_text(said["claims"][0]["text"])) if said["claims"] else ""
    own = _bare(plain_text(words))
    begins = bool(own) and (first == own or bool(re.match(re.escape(own) + r"[.!?:]+\s", first)))
    cited = (citation for claim in said["claims"] for citation in claim["citations"])
    stands_in = next((each for each in cited if words and place_of(words, each["text"]) is not None), None)
    return Headline(words, bool(words) and len(words) < _LONGEST and not begins, begins and first == own, stands_in)


def _bare(text: str) -> str:
    return " ".join(text.split()).rstrip(".!?: ").lower()


def place_of(words: str, text: str) -> tuple[int, int] | None:
    """Where words stand in a text of Markdown, which may emphasise some of them; None where they do not.

    Example:
        >>> place_of("140 euros", "Up to **140** euros.")
        (8, 19)
    """
    parts = [re.escape(each) for each in words.split()]
    match = re.search(f"{_MARKS}+".join(parts), text) if parts else None
    return match.span() if match else None


def sentence_of(words: str, text: str, start: int, end: int) -> tuple[int, int]:
    """Of a span `[start, end)` of a text, the sentence that holds the words; the whole span where none does.

    Example:
        >>> sentence_of("80 degrees", "Tea. Brew at 80 degrees. Wait.", 0, 30)
        (5, 24)
    """
    span = text[start:end]
    place = place_of(words, span)
    if place is None:
        return start, end
    for each in split_sentences(span):
        if each.start <= place[0] and place[1] <= each.end:
            return start + each.start, start + each.end
    return start, end
