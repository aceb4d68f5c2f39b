"""The one record that words name, and words that mean what a column of numbers holds."""

from __future__ import annotations

from collections.abc import Sequence

from instill.answer.asked.adjectives import measure_words
from instill.answer.found.record_columns import Table
from instill.answer.terms import terms

_KINDS = frozenset(terms("number name date value amount address detail info"))
"""Words that say of what kind the cell is: "Jun's phone number", under "Phone"."""
_ALIKE = 4
"""First letters that two words of one meaning have in common: "ext." and "extension" have three, and are short."""


def record_named(table: Table, words: str) -> int | None:
    """The one record that the words name; None where none or several are."""
    wanted = set(terms(words))
    if not wanted:
        return None
    rows = range(len(table.records))
    by_label = _named(table, wanted, [set(terms(table.label(row))) for row in rows])
    if by_label is not None:
        return by_label
    for key in table.keys:
        names = [set(terms(cell)) for cell in key.cells]
        whole = [row for row in rows if names[row] and names[row] <= wanted]
        if len(whole) == 1:
            return whole[0]
    return None


def name_said(table: Table, row: int, words: str) -> set[str]:
    """The terms of that name of the record which the words say whole; of its label where they say none."""
    wanted, label = set(terms(words)), set(terms(table.label(row)))
    names = [label, *(set(terms(key.cells[row])) for key in table.keys)]
    return next((name for name in names if name and name <= wanted), label)


def _named(table: Table, wanted: set[str], labels: Sequence[set[str]]) -> int | None:
    about_columns = {word for column in table.columns for word in column.words}
    if not any(wanted <= label for label in labels):
        # "The price of the slate tile": words of columns name no record.
        wanted = {word for word in wanted if word not in about_columns - table.called and not is_measured(table, word)}
        # "The extension of Ayla", under "Ext."; a word that a name has as well stays.
        names = frozenset[str]().union(*labels)
        plain = frozenset(
            word for word in wanted - names if word in _KINDS or any(begins_alike(word, key) for key in about_columns)
        )
        wanted -= plain
    exact = [row for row, label in enumerate(labels) if label == wanted]
    inside = [row for row, label in enumerate(labels) if label and label <= wanted] or [
        row
        for row, label in enumerate(labels)
        if wanted <= label | (table.called & wanted) and label & wanted - table.called
    ]
    chosen = exact or inside
    return chosen[0] if len(chosen) == 1 else None


def is_measured(table: Table, term: str) -> bool:
    """Does the term mean what a column of numbers holds: "earn" the salary?"""
    wider = measure_words([term])
    return any(column.kind == "number" and column.words & wider for column in table.columns)


def begins_alike(one: str, two: str) -> bool:
    """Do two words begin with the same four letters, or a short one ("ext.") with the other's?

    Example:
        >>> begins_alike("extension", "ext"), begins_alike("price", "prize"), begins_alike("at", "attic")
        (True, False, False)
    """
    length = min(len(one), len(two), _ALIKE)
    return length >= 3 and one[:length] == two[:length] and (length == _ALIKE or len(one) == 3 or len(two) == 3)
