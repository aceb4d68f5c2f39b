"""Documents that disagree: an old and a new version of one text are shown as such, the newer first."""

from __future__ import annotations

import re
from collections.abc import Callable

from instill.answer.found.chosen_piece import Chosen
from instill.answer.found.days import Dated, first_day
from instill.answer.found.pieces import Piece
from instill.answer.found.version_rows import holds_a_table, rows_of
from instill.answer.terms import terms

ALIKE = 0.6
"""Least share of common words (numbers left out) of two pieces that say the same of the same thing."""

_BEGINNING = 800
"""Characters of a document in which its date is looked for."""

_QUANTITY = re.compile(
    r"\d[\d.,]*|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|twenty|thirty|never|always|not)\b",
    re.IGNORECASE,
)


def disagree(one: Chosen, other: Chosen) -> bool:
    """Do two pieces of different documents say the same in the same words, with other numbers?

    A table, and a record or another table whose columns are the names of its rows, are of two kinds: sales of May are
    no newer price list.
    """
    if one.piece.hit.doc_id == other.piece.hit.doc_id or _form(one.piece) != _form(other.piece):
        return False
    if not alike(_columns(one.piece), _columns(other.piece)):
        return False
    return differ_in_quantity(one.piece.text, other.piece.text)


def differ_in_quantity(one: str, other: str) -> bool:
    """Do two texts have most of their words in common, but other numbers?

    Example:
        >>> differ_in_quantity("Goods are returned within 30 days.", "Goods are returned within 14 days.")
        True
        >>> differ_in_quantity("Goods are returned within 30 days.", "The mill has 14 stones.")
        False
    """
    first, second = _words(one), _words(other)
    if not first or not second or not alike(first, second):
        return False
    return quantities(one) != quantities(other)


def newer_first(
    chosen: list[Chosen], question: str, text_of: Callable[[str], str | None]
) -> tuple[list[Chosen], dict[str, str]]:
    """The pieces with the newer of two that disagree first, and for each such document how it dates itself.

    Of two tables the rows that the question names are shown, and where these agree, the one of the newer alone. The
    second value is empty where nothing disagrees, or where the documents do not say how old they are.
    """
    best = chosen[0]
    rivals = [each for each in chosen[1:] if disagree(best, each)]
    if not rivals:
        return chosen, {}
    rows = {id(each): rows_of(each, question, text_of) for each in (best, *rivals)}
    if all(row.piece.kind == "row" for row in rows.values()):
        chosen = [rows.get(id(each), each) for each in chosen]
        best, rivals = chosen[0], [rows[id(each)] for each in rivals]
    dates = {each.piece.hit.doc_id: dated(each, text_of) for each in (best, *rivals)}
    known = {doc_id: found for doc_id, found in dates.items() if found}
    if len(known) < len(dates) or len({found.when for found in known.values()}) < 2:
        return chosen, {}
    versions = sorted((best, *rivals), key=lambda each: known[each.piece.hit.doc_id].when, reverse=True)
    rest = [each for each in chosen if each not in versions]
    if not any(disagree(versions[0], each) for each in versions[1:]):
        return [versions[0], *rest], {}
    return [*versions, *rest], {doc_id: found.words for doc_id, found in known.items()}


def dated(each: Chosen, text_of: Callable[[str], str | None]) -> Dated | None:
    """The date in a document's front matter, first lines, title or file name; None where there is none."""
    hit = each.piece.hit
    values = [
        str(hit.metadata[key]) for key in ("date", "updated", "valid_from", "version_date") if key in hit.metadata
    ]
    beginning = (text_of(hit.doc_id) or "")[:_BEGINNING]
    said = "\n".join(line for line in beginning.splitlines() if not _is_row(line))
    for text in (*values, said, hit.title, hit.source.rpartition("/")[2]):
        found = first_day(text)
        if found:
            return found
    return None


def alike(one: set[str], other: set[str]) -> bool:
    """Have two sets of words most of the smaller one in common?"""
    return not one or not other or len(one & other) >= ALIKE * min(len(one), len(other))


def _columns(piece: Piece) -> set[str]:
    """The words of a table's first line; none of anything else."""
    lines = [line for line in piece.text.splitlines() if line.count("|") > 1]
    return set(terms(lines[0], keep_stop=True)) if len(lines) > 1 else set()


def _form(piece: Piece) -> str:
    if piece.kind in ("row", "record"):
        return "record"
    return "table" if holds_a_table(piece) else "text"


def _is_row(line: str) -> bool:
    """Is it a line of a table or of values with commas? What stands in a cell dates its row, not the document.

    Example:
        >>> _is_row("| Holm | 2015 |"), _is_row("E-500,Oak panel,74.00,2024"), _is_row("Valid from 1 March 2026, Basel")
        (True, True, False)
    """
    return line.count("|") > 1 or "\t" in line.strip() or len(re.findall(r",(?=\S)", line)) > 1


def _words(text: str) -> set[str]:
    return set(terms(_QUANTITY.sub(" ", text)))


def quantities(text: str) -> set[str]:
    """Numbers, number words, "never", "always" and "not"."""
    return {found.group().lower().rstrip(".,") for found in _QUANTITY.finditer(text)}
