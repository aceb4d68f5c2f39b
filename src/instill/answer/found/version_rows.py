"""The rows of two versions of a table that a question names, in place of the tables."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from instill.answer.found.choosing import Chosen
from instill.answer.found.pieces import Piece
from instill.answer.found.record_columns import table_of
from instill.answer.found.record_conditions import record_named
from instill.answer.found.records import collection_at
from instill.answer.found.sentences import split_sentences
from instill.answer.text import terms


def holds_a_table(piece: Piece) -> bool:
    """Is it a table, or a section with one of several rows?"""
    return piece.kind == "table" or (
        piece.kind == "section" and sum(line.count("|") > 1 for line in piece.text.splitlines()) > 3
    )


def rows_of(each: Chosen, question: str, text_of: Callable[[str], str | None]) -> Chosen:
    """A table, or a section with one, as the one row that the question names; what has none, as it is."""
    piece = each.piece
    text = text_of(piece.hit.doc_id) or ""
    if not text or not holds_a_table(piece):
        return each
    start, end = piece.spans[-1]
    units = split_sentences(text)
    first = next((unit for unit in units if unit.kind == "row" and start <= unit.start < end), None)
    records = collection_at(text, units, first.start, first.end) if first else []
    if len(records) < 2:
        return each
    row = record_named(table_of(piece.hit.source, records, frozenset(terms(piece.hit.title))), question)
    record = records[row] if row is not None else None
    if record is None or record.head is None:
        return each
    hit = replace(piece.hit, start=0, end=len(text), text=text, last_page=None)
    reading = each.reading  # Its places are those of the table's text: none is kept.
    if reading is not None:
        reading = replace(reading, start=0, end=0, weights=reading.weights[:0], offsets=reading.offsets[:0])
    spans = (record.head, (record.start, record.end))
    return replace(each, piece=Piece(hit, "row", spans, piece.headings, piece.rank), reading=reading)
