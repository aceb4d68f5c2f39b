"""From ranked sentences to the ones that are shown: few, different, readable, in an order that reads well."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from instill.answer.found.ranking import Ranking, Unit, points_back
from instill.answer.found.sentences import Sentence
from instill.index.types import Hit

MARGIN = 2.0
"""A further sentence is shown when its score is at most this far below the best (log-odds)."""

SAME = 0.92
"""Sentences with a higher cosine, or a higher overlap of character triples, say the same."""

LONGEST_SPAN = 700
"""Longest merged span in characters."""


@dataclass(frozen=True, slots=True)
class Span:
    """`hit.text[start - hit.start : end - hit.start]` is quoted; offsets are the document's.

    Args:
        intro: the span that introduces it (a list's opening line, a table's head), or None.
        listed: shown as a list item.
    """

    hit: Hit
    start: int
    end: int
    intro: tuple[int, int] | None = None
    listed: bool = False


def choose(ranking: Ranking, most: int, *, margin: float = MARGIN) -> list[int]:
    """Rows of the best statements, best first: at most `most`, none saying the same as another."""
    statements = _statements(ranking)
    ordered = sorted(statements, key=lambda row: -ranking.scores[row])
    chosen: list[int] = []
    for row in ordered:
        if len(chosen) == most or ranking.scores[row] < ranking.scores[ordered[0]] - margin:
            break
        if not any(_alike(ranking, row, other) for other in chosen):
            chosen.append(row)
    return chosen


def _statements(ranking: Ranking) -> list[int]:
    """Rows that say something: no headings, no questions, no heads of tables."""
    heads = {(rank, part.intro) for rank, parts in enumerate(ranking.sentences) for part in parts if part.kind == "row"}
    return [
        row
        for row, unit in enumerate(ranking.units)
        if _states(unit) and not (unit.sentence.kind == "row" and (unit.rank, unit.position) in heads)
    ]


def _states(unit: Unit) -> bool:
    asks = unit.shown.rstrip("*_ ").endswith(("?", "？"))
    return unit.sentence.kind != "heading" and not asks and not unit.link and len(unit.found) > 0


def _alike(ranking: Ranking, row: int, other: int) -> bool:
    if float(ranking.vectors[row] @ ranking.vectors[other]) > SAME:
        return True
    first, second = _triples(ranking.units[row].shown), _triples(ranking.units[other].shown)
    return len(first & second) > SAME * min(len(first), len(second))


def _triples(text: str) -> set[str]:
    text = " ".join(text.lower().split())
    return {text[i : i + 3] for i in range(max(1, len(text) - 2))}


def arrange(ranking: Ranking, rows: Sequence[int]) -> list[Span]:
    """Spans in reading order: the best document first, inside a document in its order; neighbours merged."""
    best_of: dict[str, float] = {}
    for row in rows:
        doc_id = ranking.hits[ranking.units[row].rank].doc_id
        best_of[doc_id] = max(best_of.get(doc_id, -np.inf), float(ranking.scores[row]))
    spans: list[Span] = []
    for doc_id in sorted(best_of, key=lambda doc_id: -best_of[doc_id]):
        inside = [row for row in rows if ranking.hits[ranking.units[row].rank].doc_id == doc_id]
        inside.sort(key=lambda row: _place(ranking, row))
        spans.extend(_merged([_with_context(ranking, row) for row in inside]))
    return spans


def _place(ranking: Ranking, row: int) -> int:
    unit = ranking.units[row]
    return ranking.hits[unit.rank].start + unit.sentence.start


def _with_context(ranking: Ranking, row: int) -> Span:
    """The sentence, with the one before it when it begins with a word that points back."""
    unit = ranking.units[row]
    hit, parts = ranking.hits[unit.rank], ranking.sentences[unit.rank]
    sentence, start = unit.sentence, unit.sentence.start
    if unit.position and sentence.kind == "prose" and points_back(unit):
        before = parts[unit.position - 1]
        close = hit.text[before.end : start].count("\n") < 2
        if before.kind in ("prose", "item") and close and sentence.end - before.start <= LONGEST_SPAN:
            start = before.start
    above = _shifted(hit, _intro(parts, sentence))
    if sentence.kind == "row" and hit.table_head and above is None:
        above = (hit.table_head_start, hit.table_head_start + len(hit.table_head))
    return Span(hit, hit.start + start, hit.start + sentence.end, above, sentence.kind == "item")


def _intro(parts: Sequence[Sentence], sentence: Sentence) -> Sentence | None:
    return parts[sentence.intro] if sentence.intro is not None else None


def _shifted(hit: Hit, sentence: Sentence | None) -> tuple[int, int] | None:
    return (hit.start + sentence.start, hit.start + sentence.end) if sentence else None


def _merged(spans: list[Span]) -> list[Span]:
    merged: list[Span] = []
    for span in spans:
        last = merged[-1] if merged else None
        if last and span.intro == (last.start, last.end):
            # The line that introduces this item was chosen itself: it is not quoted twice.
            span = replace(span, intro=None)
        rows = span.intro is not None  # each stands below the table's head on its own
        if last and last.hit is span.hit and not (last.listed or span.listed or rows) and last.intro == span.intro:
            gap = (
                span.hit.text[last.end - span.hit.start : span.start - span.hit.start] if span.start > last.end else ""
            )
            if not gap.strip() and span.end - last.start <= LONGEST_SPAN and gap.count("\n") < 2:
                merged[-1] = replace(last, end=max(last.end, span.end))
                continue
        if last and last.hit is span.hit and span.start < last.end:
            span = replace(span, start=last.end)
        if span.start < span.end:
            merged.append(span)
    return merged
