"""From ranked sentences to the ones that are shown: few, different, readable, in an order that reads well."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from instill.answer.citations import Citer
from instill.answer.display import plain_text
from instill.answer.question import Question
from instill.answer.ranking import FEATURES, WEIGHTS, Ranking, Unit, points_back
from instill.answer.sentences import Sentence, leads, split_sentences
from instill.answer.text import coverage, terms
from instill.encoders.protocol import Encoder
from instill.index.types import Hit

MARGIN = 2.0
"""A further sentence is shown when its score is at most this far below the best (log-odds)."""

READER_MARGIN = 3.0
"""The same where a reader adds its share, which spreads the scores."""

SAME = 0.92
"""Sentences with a higher cosine, or a higher overlap of character triples, say the same."""

LONGEST_SPAN = 700
"""Longest merged span in characters."""

FEW_ITEMS = 6
"""Most items of a list whose introduction was among the chosen sentences."""

MOST_LISTS = 6
"""Most lists that are weighed."""

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


def choose_list(ranking: Ranking, citer: Citer, question: Question, encoder: Encoder) -> list[Span]:
    """The whole list that answers, or nothing.

    A list answers when what stands above it (the line that introduces it, the heading, the title) is about as close
    to the question as the best statement outside the list; closer, where the question does not ask for a list. The
    list is followed beyond the passage into its document.
    """
    asked = question.wants_list or bool({"manner", "reason"} & set(question.wanted))
    lists: list[_List] = []
    statements = _statements(ranking)
    for row in statements:
        unit = ranking.units[row]
        hit = ranking.hits[unit.rank]
        item = unit.sentence.kind == "item" or leads(hit.text[unit.sentence.start : unit.sentence.end])
        if item and len(lists) < MOST_LISTS and not any(_inside(hit, unit, known.spans) for known in lists):
            spans, above = _whole_list(hit, unit.sentence.start, citer)
            if len(spans) >= 2:
                lists.append(_List(row, spans, above))
    best: tuple[float, list[Span]] = (-np.inf, [])
    for known in lists:
        outside = [
            float(ranking.scores[row])
            for row in statements
            if not _inside(ranking.hits[ranking.units[row].rank], ranking.units[row], known.spans)
        ]
        worth = _list_worth(ranking, known, encoder)
        if worth > best[0] and worth >= max(outside, default=-np.inf) + (-MARGIN / 2 if asked else MARGIN / 2):
            best = (worth, known.spans)
    return best[1]


@dataclass(frozen=True, slots=True)
class _List:
    """A list found through the item in `row`; `above` is what stands above it."""

    row: int
    spans: list[Span]
    above: list[str]


def _list_worth(ranking: Ranking, known: _List, encoder: Encoder) -> float:
    """The score of the item that led to the list, had it the words of what stands above the list instead of its own.

    What is known of the passage is taken from the best passage of the document; a longer list counts a little more.
    """
    hit = ranking.hits[ranking.units[known.row].rank]
    whole = [f"{hit.title}: {line}" for line in known.above]
    cosines = encoder.encode_passages([*known.above, *whole]) @ ranking.asked
    count = len(known.above)
    values = dict(zip(FEATURES, ranking.features[known.row], strict=True))
    values["cosine"] = max((2 * cosines[i] + cosines[i + count]) / 3 for i in range(count))
    values["coverage"] = coverage(ranking.wanted, set(terms(" ".join(whole))))
    same = [row for row, unit in enumerate(ranking.units) if ranking.hits[unit.rank].doc_id == hit.doc_id]
    for name in ("passage coverage", "passage cosine", "first ranks"):
        values[name] = max(ranking.feature(name)[same])
    return sum(WEIGHTS[name] * float(value) for name, value in values.items()) + 0.1 * min(len(known.spans), 8)


def _inside(hit: Hit, unit: Unit, spans: Sequence[Span]) -> bool:
    place = hit.start + unit.sentence.start
    return any(span.hit.doc_id == hit.doc_id and span.start <= place < span.end for span in spans)


def _whole_list(hit: Hit, item_start: int, citer: Citer) -> tuple[list[Span], list[str]]:
    """All items of the list that the item at `item_start` (in the passage) belongs to, from the document itself.

    Also what stands above the list: the line that introduces it, else the heading and the sentence before the list.
    """
    wide = _widened(hit, citer)
    if wide is None:
        return [], []
    parts = split_sentences(wide.text)
    place = hit.start - wide.start + item_start
    own = next((part for part in parts if part.start <= place < part.end), None)
    items = [part for part in parts if own and own.group and part.group == own.group and part.kind == "item"]
    if not items:
        return [], []
    lead = _intro(parts, items[0])
    first = parts.index(items[0])
    before = parts[first - 1] if first and parts[first - 1].kind == "prose" else None
    heading = parts[items[0].section] if items[0].section is not None else None
    above = [plain_text(wide.text[part.start : part.end]) for part in ([lead] if lead else [heading, before]) if part]
    above = [line for line in above if line] or [plain_text(hit.headings.rpartition(" > ")[2]) or hit.title]
    intro = _shifted(wide, lead)
    spans = [
        Span(wide, wide.start + item.start, wide.start + item.end, None if number else intro, listed=True)
        for number, item in enumerate(items[:MOST_ITEMS])
    ]
    return spans, above


def _widened(hit: Hit, citer: Citer) -> Hit | None:
    """The hit with some of the document around it; None when the document has changed."""
    text = citer.text(hit.doc_id)
    if text is None or text[hit.start : hit.end] != hit.text:
        return None
    start = max(0, text.rfind("\n", 0, max(0, hit.start - 1500)) + 1)
    end = min(len(text), hit.end + 4000)
    return replace(hit, start=start, end=end, text=text[start:end], last_page=None)


def with_their_lists(spans: Sequence[Span], citer: Citer) -> list[Span]:
    """A quoted line that ends with ":" is followed by the list it introduces; one that introduces none is left out.

    Such a line is kept when there is nothing else.
    """
    result: list[Span] = []
    for span in spans:
        line = span.hit.text[span.start - span.hit.start : span.end - span.hit.start]
        if not line.rstrip("*_ ").endswith((":", "：")):
            result.append(span)
            continue
        wide = _widened(span.hit, citer)
        parts = split_sentences(wide.text) if wide else []
        items = [
            part for part in parts if part.kind == "item" and wide and _ends_at(parts, part, span.end - wide.start)
        ]
        if wide and items:
            result.append(span)
            result.extend(
                Span(wide, wide.start + item.start, wide.start + item.end, listed=True) for item in items[:FEW_ITEMS]
            )
    return result or list(spans)


def _ends_at(parts: Sequence[Sentence], item: Sentence, end: int) -> bool:
    intro = _intro(parts, item)
    return intro is not None and intro.end == end
