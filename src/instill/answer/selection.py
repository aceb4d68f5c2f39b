"""From ranked sentences to the ones that are shown: few, different, readable, in an order that reads well."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from instill.answer.citations import Citer
from instill.answer.ranking import FEATURES, WEIGHTS, Ranking, Unit, points_back
from instill.answer.sentences import Sentence, split_sentences
from instill.index.types import Hit

MARGIN = 2.0
"""A further sentence is shown when its score is at most this far below the best (log-odds)."""

SAME = 0.92
"""Sentences with a higher cosine, or a higher overlap of character triples, say the same."""

LONGEST_SPAN = 700
"""Longest merged span in characters."""

_PENALTIES = np.array([WEIGHTS[name] if name in ("heading", "question", "short") else 0.0 for name in FEATURES])

MOST_ITEMS = 15
"""Most items of a list that are quoted."""


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
    return unit.sentence.kind != "heading" and not asks and len(unit.found) > 0


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
    intro = _intro(parts, sentence)
    return Span(hit, hit.start + start, hit.start + sentence.end, _shifted(hit, intro), sentence.kind == "item")


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
        if last and last.hit is span.hit and not (last.listed or span.listed) and last.intro == span.intro:
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


def choose_list(ranking: Ranking, citer: Citer, *, asked: bool) -> list[Span]:
    """The whole list that answers, or nothing.

    A list answers when the question asks for one and the list's introduction, heading or items rank high, or when
    three of the five best statements are its items. The list is followed beyond the passage into its document.

    Args:
        asked: the question asks for a list.
    """
    statements = _statements(ranking)
    best = sorted(statements, key=lambda row: -ranking.scores[row])[:5]
    if not best:
        return []
    top = float(ranking.scores[best[0]])
    groups: dict[tuple[int, int], list[int]] = {}
    for row, unit in enumerate(ranking.units):
        if unit.sentence.kind == "item":
            groups.setdefault((unit.rank, unit.sentence.group), []).append(row)
    worth: dict[tuple[int, int], float] = {}
    for key, rows in groups.items():
        dominant = sum(row in best for row in rows) >= 3
        worth[key] = _list_worth(ranking, rows)
        if not dominant and not (asked and worth[key] >= top - MARGIN / 2):
            del worth[key]
    for key in sorted(worth, key=lambda key: -worth[key]):
        first = ranking.units[groups[key][0]]
        spans = _whole_list(ranking.hits[first.rank], first.sentence.start, citer)
        if len(spans) >= 2:
            return spans
    return []


def _list_worth(ranking: Ranking, rows: Sequence[int]) -> float:
    """The mean of the two best items, or the line above the list scored as if it were a statement."""
    items = sorted((float(ranking.scores[row]) for row in rows), reverse=True)[:2]
    worth = sum(items) / len(items)
    unit = ranking.units[rows[0]]
    above = {unit.sentence.intro, unit.sentence.section} - {None}
    for row, other in enumerate(ranking.units):
        if other.rank == unit.rank and other.position in above:
            # A heading's penalty does not count here: the list is the statement.
            penalty = min(0.0, float(ranking.features[row] @ _PENALTIES))
            worth = max(worth, float(ranking.scores[row]) - penalty - 0.5)
    return worth


def _whole_list(hit: Hit, item_start: int, citer: Citer) -> list[Span]:
    """All items of the list that the item at `item_start` (in the passage) belongs to, from the document itself."""
    text = citer.text(hit.doc_id)
    if text is None or text[hit.start : hit.end] != hit.text:
        return []
    window_start = max(0, text.rfind("\n", 0, max(0, hit.start - 1500)) + 1)
    window_end = min(len(text), hit.end + 4000)
    wide = replace(hit, start=window_start, end=window_end, text=text[window_start:window_end], last_page=None)
    parts = split_sentences(wide.text)
    place = hit.start - window_start + item_start
    own = next((part for part in parts if part.start <= place < part.end), None)
    if own is None or not own.group:
        return []
    items = [part for part in parts if part.group == own.group and part.kind == "item"]
    intro = _shifted(wide, _intro(parts, items[0])) if items else None
    spans = []
    for number, item in enumerate(items[:MOST_ITEMS]):
        start, end = wide.start + item.start, wide.start + item.end
        spans.append(Span(wide, start, end, intro if number == 0 else None, listed=True))
    return spans
