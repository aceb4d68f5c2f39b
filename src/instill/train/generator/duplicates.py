"""Rows that are there twice, or that give away what is measured on rows held out."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from instill.train.generator.findings import Finding, finding
from instill.train.generator.row_text import asked, place_of, whole
from instill.train.generator.rows import Row

GRAM = 8
"""Words in a row that two texts hardly share by chance."""

_OVERLAP = 0.5  # share of a question's word sequences in one training row from which they are taken for one question


def duplicate_findings(rows: Sequence[Row], held_out: Sequence[Row]) -> list[Finding]:
    """Duplicates within the rows, and questions that rows share, nearly or exactly, with those held out."""
    leaked, near = _leaks(rows, held_out)
    return [
        *finding(
            "held-out-in-training",
            "error",
            "Rows that are held out are trained on, so measuring on them would not show what was learnt.",
            "Remove them from the one side or the other.",
            leaked,
        ),
        *finding(
            "held-out-nearly-in-training",
            "warning",
            f"Rows that are held out share most of their sequences of {GRAM} words with a row that is trained on.",
            "Remove them where they ask the same thing, unless other wordings are what you measure.",
            near,
        ),
        *finding(
            "duplicates",
            "warning",
            "Rows are there more than once, and weigh more than the others.",
            "Remove the copies, unless that is what you want.",
            _copies(rows),
        ),
    ]


def _copies(rows: Sequence[Row]) -> list[str]:
    first: dict[str, int] = {}
    found = []
    for number, row in enumerate(rows):
        original = first.setdefault(whole(row), number)
        if original != number:
            found.append(f"{place_of(row, number)} = {place_of(rows[original], original)}")
    return found


def _leaks(rows: Sequence[Row], held_out: Sequence[Row]) -> tuple[list[str], list[str]]:
    if not held_out:
        return [], []
    questions = [asked(row) for row in rows]
    places = [place_of(row, number) for number, row in enumerate(rows)]
    exact = {question: place for place, question in reversed(list(zip(places, questions, strict=True)))}
    grams = _grams_of_rows(questions, {gram for row in held_out for gram in _grams(asked(row))})
    leaked, near = [], []
    for number, row in enumerate(held_out):
        place, question = place_of(row, number), asked(row)
        if question in exact:
            leaked.append(f"{place} = {exact[question]}")
            continue
        nearest = _nearest(question, grams, len(rows))
        if nearest is not None:
            near.append(f"{place} ~ {places[nearest]}")
    return leaked, near


def _grams_of_rows(questions: Iterable[str], wanted: set[int]) -> dict[int, list[int]]:
    """Hash of a wanted sequence of words -> the rows that it is in."""
    found: dict[int, list[int]] = defaultdict(list)
    for number, question in enumerate(questions):
        for gram in _grams(question) & wanted:
            found[gram].append(number)
    return found


def _nearest(question: str, grams: dict[int, list[int]], count: int) -> int | None:
    # What stands in many rows is a phrase that frames the questions, and says nothing about this one.
    frame = min(max(10, count // 50), max(2, count // 2))
    own = [gram for gram in _grams(question) if len(grams.get(gram, ())) <= frame]
    shared = Counter(row for gram in own for row in grams.get(gram, ()))
    if not shared:
        return None
    row, most = min(shared.items(), key=lambda each: (-each[1], each[0]))
    return row if most >= _OVERLAP * len(own) else None


def _grams(text: str) -> set[int]:
    words = text.split()
    return {hash(tuple(words[start : start + GRAM])) for start in range(len(words) - GRAM + 1)}
