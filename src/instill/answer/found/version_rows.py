"""The rows of two versions of a table that a question names, in place of the tables."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from instill.answer.found.chosen_piece import Chosen
from instill.answer.found.pieces import Piece, PieceKind
from instill.answer.found.record_columns import Table, table_of
from instill.answer.found.record_named import record_named
from instill.answer.found.records import collection_at
from instill.answer.found.sentences import may_hold_rows, split_sentences
from instill.answer.terms import terms


def holds_a_table(piece: Piece) -> bool:
    """Is it a table, or a section with one of several rows?"""
    return piece.kind == "table" or (
        piece.kind == "section" and sum(line.count("|") > 1 for line in piece.text.splitlines()) > 3
    )


def rows_of(each: Chosen, question: str, text_of: Callable[[str], str | None]) -> Chosen:
    """A table, or a section with one, as the one row that the question names; what has none, as it is."""
    found = named_row(each, question, text_of) if holds_a_table(each.piece) else None
    return (narrowed(each, *found, text_of) or each) if found else each


def named_row(each: Chosen, question: str, text_of: Callable[[str], str | None]) -> tuple[Table, int] | None:
    """The table that a piece is, or holds, or is a row of, and the one record of it that the question names."""
    piece = each.piece
    text = text_of(piece.hit.doc_id) or ""
    start, end = piece.spans[-1]
    if piece.kind != "record" and not may_hold_rows(text[start:end]):
        return None
    units = split_sentences(text)
    first = next((unit for unit in units if unit.kind == "row" and start <= unit.start < end), None)
    place = (first.start, first.end) if first else (start, end) if piece.kind == "record" else None
    records = collection_at(text, units, *place) if place else []
    if len(records) < 2:
        return None
    name = piece.hit.source.rpartition("/")[2]
    table = table_of(name, records, frozenset(terms(piece.hit.title)))
    row = record_named(table, question)
    return (table, row) if row is not None else None


def narrowed(each: Chosen, table: Table, row: int, text_of: Callable[[str], str | None]) -> Chosen | None:
    """The row in place of a piece that holds it; a record that the piece is, as it is; None for other records."""
    record, piece = table.records[row], each.piece
    if record.head is None:
        return each if piece.spans[-1] == (record.start, record.end) else None
    return replaced(each, table, row, text_of)


def replaced(each: Chosen, table: Table, row: int, text_of: Callable[[str], str | None]) -> Chosen:
    """The row, or the record, in place of a piece of its document."""
    record, piece = table.records[row], each.piece
    first = (record.head or (record.start, record.end))[0]
    hit = piece.hit
    if first < hit.start or record.end > hit.end:  # The head of a long table stands before the passage.
        text = text_of(hit.doc_id) or ""
        hit = replace(hit, start=0, end=len(text), text=text, last_page=None)
    reading = each.reading  # Its places are those of the table's text: none is kept.
    if reading is not None:
        reading = replace(reading, start=0, end=0, weights=reading.weights[:0], offsets=reading.offsets[:0])
    own = (record.start, record.end)
    spans = (record.head, own) if record.head else (own,)
    above = piece.headings.rpartition(" > ")[0]
    headings = " > ".join(part for part in (above, record.name) if part) if record.name else piece.headings
    kind: PieceKind = "row" if record.head else "section" if record.name else "record"
    mine = Piece(hit, kind, spans, headings, piece.rank)
    return replace(each, piece=mine, reading=reading)
