"""Facts that were forgotten stay blank: their words are known again by a hash when their document is read anew."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import replace

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
    words = _WORD.findall(text.lower())
    return len(words), _hash(words)


def places_of_fact(fact: ForgottenFact, text: str) -> list[tuple[int, int]]:
    """Where the words of a fact stand in a text, in its order and without overlaps."""
    found = list(_WORD.finditer(text))
    words = [each.group().lower() for each in found]
    places: list[tuple[int, int]] = []
    for at in range(len(words) - fact.words + 1 if fact.words else 0):
        start, end = found[at].start(), found[at + fact.words - 1].end()
        if (not places or start >= places[-1][1]) and _hash(words[at : at + fact.words]) == fact.hash:
            places.append((start, end))
    return places


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
    notices = []
    for fact in facts:
        text, title = document.parsed.text, document.title
        places = places_of_fact(fact, text)
        if not places:
            continue
        own = fact.doc_id == document.doc_id
        notices.append(notice_of(fact, blank=own))
        if own:
            shown = places_of_fact(fact, title) or any(title in text[start:end] for start, end in places)
            title = BLANK if shown else title
            parsed = replace(document.parsed, text=blanked(text, places), title=title)
            document = replace(document, title=title, parsed=parsed)
    return document, notices


def notice_of(fact: ForgottenFact, *, blank: bool) -> str:
    """What is said where a document holds a forgotten fact again."""
    held = f"It holds again what was forgotten on {fact.day} (fact {fact.fact_id[:6]})"
    if blank:
        return f"{held}. This stays blank in the index: remove it from the file, or forget the document."
    return f"{held} in another document: remove it from the file, or forget this document too."


def _hash(words: Sequence[str]) -> str:
    return hashlib.sha256(" ".join(words).encode("utf-8", "surrogatepass")).hexdigest()
