"""Where a span of an earlier version of a document stands in the document as it is now."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from instill.answer.terms import terms
from instill.answer.uses_of_answer import places_of
from instill.index.lookup import StoredDocument
from instill.memory.types import Spot
from instill.memory.whole_words import whole_places
from instill.study.questions_about_any_text import sentence_around

_KNOWN_AGAIN = 4
"""Content words. A shorter sentence ("30 days") may stand in another place and mean something else."""


def place_now(spot: Spot, version: str, text: str) -> Spot | None:
    """The same span in the document as it is now; None where it was edited, or where nobody can say which it is.

    An edit elsewhere moves a span. Its text is found again; where the text stands there several times, it is the one of
    the same number, if there are as many as before.

    Args:
        version: the document's content hash now.
        text: its canonical text now.

    Example:
        >>> spot = Spot("d1", "v1", 0, 4, "Tea.", 0, 1)
        >>> place_now(spot, "v2", "New. Tea.").start
        5
        >>> place_now(spot, "v2", "Coffee."), place_now(spot, "v2", "Tea. Tea.")
        (None, None)
    """
    if not spot.text:
        return None
    if version == spot.version:
        return spot if text[spot.start : spot.end] == spot.text else None
    places = places_of(text, spot.text)
    if len(places) != spot.occurrences or not places:
        return None
    start = places[min(spot.nth, len(places) - 1)]
    return replace(spot, version=version, start=start, end=start + len(spot.text))


def sentence_now(spot: Spot, answer: str, version: str, text: str) -> Spot | None:
    """The sentence of a span that holds the answer, where it stands in the document as it is now.

    A span is often a paragraph: a change of another sentence of it leaves what it proves. None without an answer, where
    the sentence is gone, and where it is too short to be known again.

    Args:
        version: the document's content hash now.
        text: its canonical text now.

    Example:
        >>> spot = Spot("d1", "v1", 0, 50, "Green tea is brewed at 80 degrees. Drink it slowly.", 0, 1)
        >>> sentence_now(spot, "80 degrees", "v2", "Tea. Green tea is brewed at 80 degrees. Drink it fast.").text
        'Green tea is brewed at 80 degrees.'
        >>> sentence_now(spot, "80 degrees", "v2", "Green tea is brewed at 75 degrees.") is None
        True
    """
    sentence = answer_sentence(spot.text, answer)
    places = places_of(text, sentence) if sentence else []
    if not places:
        return None
    nth = min(spot.nth, len(places) - 1)
    return Spot(spot.doc_id, version, places[nth], places[nth] + len(sentence), sentence, nth, len(places))


def answer_sentence(text: str, answer: str) -> str:
    """The sentence that holds an answer; "" where there is none, or where it is too short to be known again."""
    places = whole_places(text, answer) or (places_of(text, answer) if answer else [])
    if not places:
        return ""
    start, end = sentence_around(text, places[0], places[0] + len(answer))
    return text[start:end] if len(terms(text[start:end])) >= _KNOWN_AGAIN else ""


@dataclass(frozen=True, slots=True)
class Found:
    """A span's document as whoever looks sees it, and the span in it. Each is None where it is not there."""

    document: StoredDocument | None
    spot: Spot | None


class Places:
    """Finds spans in documents, each document read once.

    Args:
        documents: documents by id, as whoever looks sees them.
    """

    def __init__(self, documents: Callable[[Sequence[str]], Mapping[str, StoredDocument]]) -> None:
        self._documents = documents
        self._known: dict[str, StoredDocument | None] = {}

    def read(self, doc_ids: Iterable[str]) -> None:
        """Read documents at once: one by one takes some 10 ms for each."""
        unknown = sorted(set(doc_ids) - self._known.keys())
        if unknown:
            found = self._documents(unknown)
            self._known.update({doc_id: found.get(doc_id) for doc_id in unknown})

    def document(self, doc_id: str) -> StoredDocument | None:
        """None where there is none that may be seen."""
        self.read([doc_id])
        return self._known[doc_id]

    def text(self, doc_id: str) -> str | None:
        """The canonical text of a document."""
        stored = self.document(doc_id)
        return None if stored is None else stored.text

    def find(self, spot: Spot, answer: str = "") -> Found:
        """Where the span is now, or else its sentence with the answer."""
        stored = self.document(spot.doc_id)
        if stored is None:
            return Found(None, None)
        now = stored.record.content_hash, stored.text
        return Found(stored, place_now(spot, *now) or sentence_now(spot, answer, *now))
