"""Facts that were forgotten stay blank: their words are known again by a hash when their document is read anew."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate

from pydantic import BaseModel, ConfigDict

from instill.documents.document import Document

BLANK = "\u2588"
"""Stands in the place of each character of a fact that was forgotten, but for line ends."""

_WORD = re.compile(r"\w+")


class ForgottenFact(BaseModel):
    """What is kept of a forgotten fact: no text, but the number of its words and their hash.

    Args:
        fact_id: its id; `day`: when it was forgotten, "2026-11-30".
        doc_id: of its document; `source`: the hash of where that came from.
        words: the number of words of its evidence; `hash`: of these words in lower case, with a space between.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    fact_id: str
    day: str
    doc_id: str
    source: str
    words: int
    hash: str


def hash_of_words(text: str) -> tuple[int, str]:
    """The number of words of a text, and the hash of them.

    Example:
        >>> hash_of_words("Tea is  hot.") == hash_of_words("**tea** is\\nhot")
        True
    """
    words = [each.group().lower() for each in _WORD.finditer(text)]
    return len(words), _hash(" ".join(words))


def places_of_facts(facts: Sequence[ForgottenFact], text: str) -> list[list[tuple[int, int]]]:
    """Of each fact, where its words stand in a text, in its order and without overlaps.

    The text is read once for each number of words that facts have, however many facts there are.
    """
    found = list(_WORD.finditer(text))
    words = [each.group().lower() for each in found]
    ends = list(accumulate(len(word) + 1 for word in words))  # of each word in the words with a space between
    joined = " ".join(words)
    places: dict[tuple[int, str], list[tuple[int, int]]] = {(fact.words, fact.hash): [] for fact in facts}
    for count in {fact.words for fact in facts if fact.words}:
        for at in range(len(words) - count + 1):
            own = places.get((count, _hash(joined[ends[at] - len(words[at]) - 1 : ends[at + count - 1] - 1])))
            start, end = found[at].start(), found[at + count - 1].end()
            if own is not None and (not own or start >= own[-1][1]):
                own.append((start, end))
    return [places[fact.words, fact.hash] for fact in facts]


def blanked(text: str, places: Sequence[tuple[int, int]]) -> str:
    """A text with blanks in these places.

    Example:
        >>> blanked("Tea is hot.", [(0, 3)])
        '███ is hot.'
    """
    for start, end in places:
        blank = "".join(letter if letter == "\n" else BLANK for letter in text[start:end])
        text = text[:start] + blank + text[end:]
    return text


def without_facts(document: Document, facts: Sequence[ForgottenFact]) -> tuple[Document, list[str]]:
    """A document with blanks for the facts that were forgotten of it, itself where it holds none; and a notice of each
    fact that it holds, also of another document's."""
    text, title = document.parsed.text, document.title
    held = [(fact, places) for fact, places in zip(facts, places_of_facts(facts, text), strict=True) if places]
    notices = [notice_of(fact, blank=fact.doc_id == document.doc_id) for fact, _ in held]
    own = [(fact, places) for fact, places in held if fact.doc_id == document.doc_id]
    if not own:
        return document, notices
    blanks = [place for _, places in own for place in places]
    shown = any(places_of_facts([fact for fact, _ in own], title)) or any(
        title in text[start:end] for start, end in blanks
    )
    title = BLANK if shown else title
    parsed = replace(document.parsed, text=blanked(text, blanks), title=title)
    return replace(document, title=title, parsed=parsed), notices


def notice_of(fact: ForgottenFact, *, blank: bool) -> str:
    """What is said where a document holds a forgotten fact again."""
    held = f"It holds again what was forgotten on {fact.day} (fact {fact.fact_id[:6]})"
    if blank:
        return f"{held}. This stays blank in the index: remove it from the file, or forget the document."
    return f"{held} in another document: remove it from the file, or forget this document too."


def _hash(words: str) -> str:
    return hashlib.sha256(words.encode("utf-8", "surrogatepass")).hexdigest()
