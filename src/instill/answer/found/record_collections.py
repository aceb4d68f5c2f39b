"""The collections of records that a question may be put to: around the chosen pieces, then in the other hits."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from instill.answer.asked.kind_of_answer import Question
from instill.answer.found.pieces import Piece
from instill.answer.found.records import Record, collection_at, starts_in
from instill.answer.found.sentences import Sentence, split_sentences
from instill.answer.found.version_pairs import Version, newer_before
from instill.index.types import Hit

LONGEST_DOCUMENT = 400_000
"""Longer documents are not looked through, in characters."""

FEWEST = 4
"""Fewest records that are a collection; two are enough where they have the same fields, three of them or more."""


def collections_in(
    question: Question,
    chosen: Sequence[Piece],
    hits: Sequence[Hit],
    document: Callable[[str], str | None],
    groups: Sequence[Sequence[Version]],
) -> Iterator[tuple[Piece, str, Sequence[Record]]]:
    """The collections around the chosen pieces and in the hits, each once, of two versions of a document the newer
    first: a piece of it, the document's text, the records."""
    units: dict[str, Sequence[Sentence]] = {}
    tried: list[tuple[str, int, int]] = []
    found = [*chosen, *(Piece(hit, "record", ((hit.start, hit.end),), hit.headings, n) for n, hit in enumerate(hits))]
    order = newer_before([piece.hit.doc_id for piece in found], groups, question.text)
    for piece in (found[place] for place in order):
        doc_id, whole = piece.hit.doc_id, piece.kind == "record" and len(piece.spans) == 1
        text = document(doc_id) or ""
        if not text or len(text) > LONGEST_DOCUMENT:
            continue
        if doc_id not in units:
            units[doc_id] = split_sentences(text)
        begin, end = piece.spans[-1]
        for start, stop in starts_in(text, units[doc_id], begin, end) if whole else ((begin, end),):
            if any(known == doc_id and low <= start < high for known, low, high in tried):
                continue
            collection = collection_at(text, units[doc_id], start, stop)
            if len(collection) < FEWEST and not are_alike(collection):
                continue
            tried.append((doc_id, collection[0].start, collection[-1].end))
            yield piece, text, collection


def are_alike(records: Sequence[Record]) -> bool:
    """Are there several, with the same fields?"""
    keys = {tuple(key for key, _ in record.fields) for record in records}
    return len(records) > 1 and len(keys) == 1 and len(next(iter(keys))) >= 3
