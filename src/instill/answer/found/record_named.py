"""The one record that words name, and words that mean what a column of numbers holds."""

from __future__ import annotations

from instill.answer.asked.measures import measure_words
from instill.answer.found.record_columns import Table
from instill.answer.text import terms


def record_named(table: Table, words: str) -> int | None:
    """The one record that the words name; None where none or several are."""
    wanted = set(terms(words))
    if not wanted:
        return None
    about_columns = {word for column in table.columns for word in column.words}
    labels = [set(terms(table.label(row))) for row in range(len(table.records))]
    if not any(wanted <= label for label in labels):
        # "The price of the slate tile": words of columns name no record.
        wanted = {word for word in wanted if word not in about_columns - table.called and not is_measured(table, word)}
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
