"""Questions about two versions of one document, answered from both: the piece that is asked for in each of them, the
newer first, or what differs between them."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from instill.answer.asked.adjectives import measure_words
from instill.answer.asked.kind_of_answer import read_question
from instill.answer.asked.version_wish import VersionWish, version_wish_of
from instill.answer.found.chosen_piece import Chosen
from instill.answer.found.pieces import Piece, PieceKind, Window, headings_above, open_window
from instill.answer.found.record_columns import Table, table_of
from instill.answer.found.record_figures import change_of
from instill.answer.found.record_named import record_named
from instill.answer.found.records import collection_at, starts_in
from instill.answer.found.sentences import split_sentences
from instill.answer.found.version_pairs import (
    Version,
    group_of,
    mark_fits,
    versions_among,
    without_marks,
)
from instill.answer.terms import content_words, terms
from instill.index.types import Hit

LONGEST_DOCUMENT = 100_000
"""Longer documents are not held against each other, in characters."""

MOST_DIFFERENCES = 40
"""Most pieces in which two versions differ that are shown; of more only their number is said."""

SAME_SUBJECT = 0.6
"""Least share of common words, numbers left out, of two pieces that say something of the same."""

_GENERIC = frozenset(
    terms(
        "list document version edition file text new thing item entry entries change difference anything everything "
        "compare year rest old one page content period rule policy regulation condition number amount date time "
        "limit maximum minimum",
        keep_stop=True,
    )
)
_ENTRIES = re.compile(
    r"\W*(?:which|what)\s+(?P<what>(?!is\b|are\b|was\b|were\b|has\b|have\b)[\w -]+?)\s+(?:is|are|was|were|has|have)\b",
    re.I,
)
"""What kind of entries is asked for: "which tiles are new"."""
_ADDED = re.compile(r"\b(?:added|removed|dropped|deleted|discontinued|no longer)\b", re.IGNORECASE)

_BESIDE = frozenset(["near", "beside", "behind", "inside", "within", "without", "around", "along", "across", "beyond"])
"""Words of place, which two versions need not have."""


@dataclass(frozen=True, slots=True)
class VersionsTold:
    """What two versions say.

    Args:
        pieces: of the newer, then of the older version.
        names: how the documents are called, by id: title and mark.
        said: a sentence on what was compared.
        short: the two values, or "".
        sure: every word of the question is accounted for.
        listed: the pieces are entries that differ, each shown as an item.
        lacking: the words that the pieces do not speak of, as a sentence, or "".
    """

    pieces: tuple[Piece, ...]
    names: Mapping[str, str]
    said: str
    short: str
    sure: bool
    listed: bool
    lacking: str = ""


def told_of_versions(
    question: str,
    chosen: Sequence[Chosen],
    hits: Sequence[Hit],
    text_of: Callable[[str], str | None],
    choose: Callable[[str, Sequence[Hit]], Sequence[Chosen]],
) -> VersionsTold | None:
    """What two versions of a document say to the question; None where it does not ask for two, or there are none.

    Args:
        hits: all that was found, best first.
        choose: the best pieces of some hits for a question.
    """
    wish = version_wish_of(question)
    if wish is None or not chosen:
        return None
    pair = _pair(wish, question, chosen[0].piece.hit.doc_id, versions_among(hits, text_of))
    if pair is None:
        return None
    newer, older = (_Document.of(each, text_of(each.hit.doc_id) or "") for each in pair)
    if max(len(newer.text), len(older.text)) > LONGEST_DOCUMENT:
        return None
    called = set(terms(" ".join(f"{each.hit.title} {each.hit.source.rpartition('/')[2]}" for each in pair)))
    about = [term for term in read_question(wish.rest).terms if term not in _GENERIC] if terms(wish.rest) else []
    telling = [term for term in about if term not in called]
    if wish.kind in ("new", "gone") or (wish.kind == "changed" and not telling):
        entries = _ENTRIES.match(question)
        return _differences(wish, question, newer, older, terms(entries["what"]) if entries else telling)
    inside = [hit for hit in hits if hit.doc_id in (newer.doc_id, older.doc_id)]
    found = choose(wish.rest, inside)
    return _both(wish, question, found[0].piece, newer, older, telling) if found else None


def _pair(
    wish: VersionWish, question: str, best: str, groups: Sequence[Sequence[Version]]
) -> tuple[Version, Version] | None:
    """The newer and the older version that are meant."""
    own = group_of(best, groups)
    if not wish.marks:
        return (own[0], own[1]) if own else None
    for group in [own, *(group for group in groups if group is not own)]:
        named = [next((each for each in group if mark_fits(mark, each)), None) for mark in wish.marks]
        places = sorted({group.index(each) for each in named if each is not None})
        if not group or None in named:
            continue
        if len(places) == 2:
            return group[places[0]], group[places[1]]
        if len(places) == 1:
            place = places[0]
            since = bool(re.search(r"\bsince\b", question, re.IGNORECASE)) or place == len(group) - 1
            if since and place:
                return group[0], group[place]
            return (group[place], group[place + 1]) if place + 1 < len(group) else None
    return None


@dataclass(frozen=True)
class _Document:
    """A version with its text in one window."""

    version: Version
    text: str
    window: Window
    tables: Sequence[Table]

    @classmethod
    def of(cls, version: Version, text: str) -> _Document:
        hit = replace(version.hit, start=0, end=len(text), text=text, last_page=None, headings="")
        window = open_window(hit, text, 0)
        assert window is not None
        units = split_sentences(text)
        tables: list[Table] = []
        covered = 0
        for start, end in starts_in(text, units, 0, len(text)):
            collection = collection_at(text, units, start, end) if start >= covered else []
            if len(collection) > 1:
                name = version.hit.source.rpartition("/")[2]
                tables.append(table_of(name, collection, frozenset(terms(version.hit.title))))
                covered = collection[-1].end
        return cls(version, text, window, tables)

    @property
    def doc_id(self) -> str:
        return self.version.hit.doc_id

    @property
    def file(self) -> str:
        return self.version.hit.source.rpartition("/")[2]

    @property
    def name(self) -> str:
        title, mark = self.version.hit.title, self.version.mark
        return title if mark.lower() in title.lower() else f"{title} ({mark})"

    def pieces(self) -> list[Piece]:
        """Every row, record, item of a list, paragraph and block of code."""
        found: list[Piece] = []
        hit, units = self.window.hit, self.window.units
        in_tables = [(record, table) for table in self.tables for record in table.records]
        for block in self.window.blocks:
            path = headings_above(self.window, block.heading)
            inside = [record for record, _ in in_tables if block.start < record.end and record.start < block.end]
            if inside:
                found += [self.record_piece(record.start) for record in inside]
            elif block.kind == "list":
                items = [unit for unit in units[block.first : block.last + 1] if unit.kind == "item"]
                found += [Piece(hit, "list", ((unit.start, unit.end),), path, 0) for unit in items]
            else:
                found.append(Piece(hit, block.kind, ((block.start, block.end),), path, 0))
        return list({piece.spans: piece for piece in found}.values())

    def record_piece(self, start: int) -> Piece:
        record = next(each for table in self.tables for each in table.records if each.start == start)
        number = next((n for n, unit in enumerate(self.window.units) if unit.end > start), None)
        heading = self.window.units[number].section if number is not None else None
        path = record.name or headings_above(self.window, heading)
        span = (record.start, record.end)
        kind: PieceKind = "row" if record.head else "section" if record.name else "record"
        return Piece(self.window.hit, kind, (record.head, span) if record.head else (span,), path, 0)


# -- the same piece in both ----------------------------------------------------------------------------------------


def _both(
    wish: VersionWish, question: str, best: Piece, newer: _Document, older: _Document, telling: Sequence[str]
) -> VersionsTold | None:
    home, other = (newer, older) if best.hit.doc_id == newer.doc_id else (older, newer)
    names = {each.doc_id: each.name for each in (newer, older)}
    said = f"From two versions, the newer first: {newer.file} and {older.file}."
    row = _row(home, best, wish.rest)
    short = ""
    if row is not None:
        table, number = row
        piece = home.record_piece(table.records[number].start)
        twin = _twin_row(other, table, number)
        match = other.record_piece(twin[0].records[twin[1]].start) if twin else None
        if twin:
            short = _values(wish, question, (table, number), twin, home is newer, telling)
    else:
        piece = best
        match = _twin(best, other.pieces(), other)
    shown = [piece, *([match] if match else [])]
    unsaid = [
        word
        for word in content_words(wish.rest)
        if word not in _BESIDE and not _accounts(set(terms(word)) & {*telling}, shown)
    ]
    lacking = f"Nothing in {newer.file} or {older.file} that was found speaks of {_listed(unsaid)}." if unsaid else ""
    if match is None:
        said = f"{other.file} has nothing like it."
        return VersionsTold((piece,), names, said, "", not unsaid, False, lacking)
    marks = (newer.version.mark, older.version.mark)
    if without_marks(piece.text, marks) == without_marks(match.text, marks):
        said = f"{newer.file} and {older.file} say the same."
    pieces = (piece, match) if home is newer else (match, piece)
    return VersionsTold(pieces, names, said, short, not unsaid, False, lacking)


def _listed(words: Sequence[str]) -> str:
    return " and ".join(f'"{word}"' for word in words[:3])


def _row(home: _Document, best: Piece, question: str) -> tuple[Table, int] | None:
    """The record of the best piece's table that the question names, or that the piece is."""
    start, end = best.spans[-1]
    for table in home.tables:
        inside = [n for n, record in enumerate(table.records) if record.start < end and start < record.end]
        if not inside:
            continue
        named = record_named(table, question)
        if named in inside:
            return table, named
        if len(inside) == 1:
            return table, inside[0]
    return None


def _twin_row(other: _Document, table: Table, row: int) -> tuple[Table, int] | None:
    """The record of the other version that is called the same."""
    label = table.label(row).casefold()
    for rival in other.tables:
        named = [n for n in range(len(rival.records)) if rival.label(n).casefold() == label]
        if len(named) == 1:
            return rival, named[0]
    return None


def _values(
    wish: VersionWish,
    question: str,
    own: tuple[Table, int],
    twin: tuple[Table, int],
    own_newer: bool,
    telling: Sequence[str],
) -> str:
    """What the column that is asked for says in both: "from 45.00 to 48.50 EUR"; "" where it is not clear."""
    (new, new_row), (old, old_row) = (own, twin) if own_newer else (twin, own)
    named = {terms(column.key)[0] if terms(column.key) else "" for column in new.named(telling)}
    columns = [column for column in new.named(telling) if column.comparable([new_row])]
    if len(columns) != 1 or len(named) != 1:
        return ""
    before = next((column for column in old.columns if column.key == columns[0].key), None)
    if before is None or before.kind != columns[0].kind or before.units_of([old_row]) != columns[0].units_of([new_row]):
        return ""
    joined = replace(
        columns[0],
        cells=(columns[0].cells[new_row], before.cells[old_row]),
        values=(columns[0].values[new_row], before.values[old_row]),
        row_units=tuple(columns[0].row_units[new_row : new_row + 1] + before.row_units[old_row : old_row + 1]),
    )
    return change_of(joined, (0, 1), question, past=wish.kind == "before")


def _twin(piece: Piece, candidates: Sequence[Piece], other: _Document) -> Piece | None:
    """The piece of the other version that says it in most of the same words, the one under the same heading first."""
    own = _words(piece.text)
    best: tuple[float, Piece] | None = None
    if piece.kind == "section":
        span = _section_span(other, piece.headings)
        return Piece(other.window.hit, "section", (span,), piece.headings, 0) if span else None
    for each in candidates:
        words = _words(each.text)
        if not own or not words:
            continue
        share = len(own & words) / min(len(own), len(words))
        worth = share + 0.2 * (without_marks(each.headings) == without_marks(piece.headings))
        if share >= SAME_SUBJECT and (best is None or worth > best[0]):
            best = worth, each
    return best[1] if best else None


def _section_span(document: _Document, headings: str) -> tuple[int, int] | None:
    """The blocks under the heading of that name."""
    name = without_marks(headings.rpartition(" > ")[2])
    inside = [
        block
        for block in document.window.blocks
        if without_marks(headings_above(document.window, block.heading).rpartition(" > ")[2]) == name
    ]
    return (inside[0].start, inside[-1].end) if inside else None


def _accounts(telling: Collection[str], pieces: Sequence[Piece]) -> bool:
    """Does each piece speak of every telling word, or of the like of it ("price" by "costs")?"""
    for piece in pieces:
        held = set(terms(f"{piece.hit.title} {piece.headings} {piece.text}", keep_stop=True))
        if not all(term in held or measure_words([term]) & held for term in telling):
            return False
    return True


# -- all that differs ----------------------------------------------------------------------------------------------


def _differences(
    wish: VersionWish, question: str, newer: _Document, older: _Document, about: Sequence[str]
) -> VersionsTold | None:
    new, old = _distinct(newer, older), _distinct(older, newer)
    pairs: list[tuple[Piece, Piece]] = []
    gone, added = list(old), []
    for piece in new:
        match = _match(piece, newer, older, gone)
        if match is None:
            added.append(piece)
        else:
            pairs.append((piece, match))
            gone.remove(match)
    only = bool(_ADDED.search(question)) or bool(about)
    counts = f"{len(added)} new, {len(pairs)} changed, {len(gone)} left out"
    said = f"{newer.file} compared with {older.file}: {counts}."
    if only:
        pieces = gone if wish.kind == "gone" else added
    elif wish.kind == "gone":
        pieces = gone
    else:
        pieces = [*added, *(piece for pair in pairs for piece in pair), *(gone if wish.kind == "changed" else ())]
    kept = [piece for piece in pieces if _accounts(about, [piece])]
    rows = [(piece, _row(newer, piece, "") or _row(older, piece, "")) for piece in kept if about]
    entries = [piece for piece, row in rows if row is not None and set(about) & row[0].called]
    kept = entries or kept  # "Which cars are new?" asks for entries of the table of cars.
    if about and not kept:
        return None
    names = {each.doc_id: each.name for each in (newer, older)}
    if not kept or len(kept) > MOST_DIFFERENCES:
        said += " That is too much to show." if kept else ""
        return VersionsTold((), names, said, "", True, True)
    return VersionsTold(tuple(kept), names, said, "", True, True)


def _distinct(document: _Document, other: _Document) -> list[Piece]:
    """The pieces that the other version does not have word by word, but for its mark."""
    marks = (document.version.mark, other.version.mark)
    known = {without_marks(piece.text, marks) for piece in other.pieces()}
    return [
        piece
        for piece in document.pieces()
        if without_marks(piece.text, marks) not in known and piece.text.strip() and terms(piece.text, keep_stop=True)
    ]


def _match(piece: Piece, newer: _Document, older: _Document, old: Sequence[Piece]) -> Piece | None:
    """The piece of the older version that this one is a changed form of."""
    row = _row(newer, piece, "")
    if row is not None:
        twin = _twin_row(older, *row)
        start = twin[0].records[twin[1]].start if twin else -1
        return next((each for each in old if each.spans[-1][0] == start), None)
    return _twin(piece, old, older)


def _words(text: str) -> set[str]:
    return {term for term in terms(text) if not any(character.isdigit() for character in term)}
