"""From ranked sentences to the pieces that answer: the best one, and further ones only where they add something.

Sentences lead to pieces; the reader then reads each piece by itself, with the headings above it, and says whether it
answers. Both opinions are added.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from instill.answer.asked.acronyms import asks_for, explains
from instill.answer.asked.compared_things import Side, sides_of
from instill.answer.asked.kind_of_answer import Question, names_a_message
from instill.answer.asked.must_be_spoken_of import Pin, missing_pins, pins_of
from instill.answer.asked.side_by_side import side_by_side
from instill.answer.citations import Citer
from instill.answer.found.chosen_piece import Chosen, evidence_of
from instill.answer.found.contradiction import contradictions
from instill.answer.found.introductions import points_elsewhere
from instill.answer.found.other_kinds import kinds_among
from instill.answer.found.pieces import Piece, Window, names_at, open_window, pieces_at
from instill.answer.found.ranking import WEIGHTS, Ranking, Unit
from instill.answer.found.versions import disagree, newer_first
from instill.answer.harmless_text import plain_text
from instill.answer.reading.findings import Findings
from instill.answer.reading.reader import Reading
from instill.answer.reading.reader_input import heading
from instill.answer.reading.reranking import Reads
from instill.answer.terms import coverage, terms
from instill.index.types import Hit
from instill.models.encoders.protocol import Encoder

MOST_CANDIDATES = 9
"""Pieces that are read one by one."""

FAR_BEHIND = 5.0
"""Pieces of a passage whose reading is so much below the best passage's are not read. Of 815 pieces of 90 development
questions, 313 were of passages that are 4 or more below; none of these was shown."""

SMALL_TABLE = 600
"""A table of at most so many characters is shown whole where its row leaves words of the question unsaid."""

MOST_PIECES = 3
"""Pieces of an answer."""

MOST_CHARACTERS = 2_800
"""Characters after which no further piece is added."""

VERIFIED_WEIGHT = 1.2
"""Weight of the reader's "this piece answers" (logit) beside the sentences' score."""

SECTION_WEIGHT = 0.8
"""How much better a whole section must be than the piece in it."""

PIN_WEIGHT = 0.8
"""What a piece loses three times for each number or code of the question that it does not speak of; once for a name."""

LIST_WEIGHT = 1.5
"""What a list, a table or a whole section is worth more where a list is asked for."""

ROW_WEIGHT = 1.5
"""What a row of a small table is worth more that alone has a word of the question."""

TITLE_WEIGHT = 4.0
"""What a title of plain text is worth less: it answers nothing."""

OTHER_KIND_WEIGHT = 6.0
"""What a piece is worth less that is about another kind of what is asked for; see `other_kinds`."""

POINTER_WEIGHT = 3.0
"""What a piece is worth less that says where else its subject is treated."""

EXPLAINED_WEIGHT = 3.0
"""What a piece is worth more that says what a short form means, where that is all that is asked for."""

FURTHER = 2.0
"""A further piece is at most this far below the best one."""

_GENERIC = frozenset(terms("number amount name date time value kind type total"))
"""Words that say of what kind the answer is, not what it is about: "the phone number"."""

_NUMBERS = re.compile(r"\d[\d.,]*|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|twelve|not|never)\b")


def choose_pieces(
    question: Question,
    ranking: Ranking,
    encoder: Encoder,
    citer: Citer,
    reader: Reads | None,
    *,
    most: int = MOST_PIECES,
    findings: Findings | None = None,
) -> list[Chosen]:
    """The pieces to show, best first; none where the hits state nothing.

    Args:
        findings: what the reader found in the passages.
    """
    found = _candidates(question, ranking, citer)
    sides = sides_of(question.text)
    if findings is not None and not sides:
        found = _near_the_best(found, findings)
    if question.wants_list:
        found = [_as_list(piece, score, ranking, encoder) for piece, score in found]
    if not found:
        return []
    readings: Sequence[Reading | None] = [None] * len(found)
    if reader is not None:
        texts = [(heading(piece.hit.title, piece.headings), piece.text) for piece, _ in found]
        readings = reader.read(question.read, texts)
    weighed = [
        Chosen(piece, score + (VERIFIED_WEIGHT * reading.answerable if reading else 0.0), reading)
        for (piece, score), reading in zip(found, readings, strict=True)
    ]
    pins = pins_of(question.text)
    weighed = [replace(each, score=each.score - PIN_WEIGHT * _lacks(pins, each.piece)) for each in weighed]
    weighed = [
        replace(each, score=each.score - POINTER_WEIGHT) if points_elsewhere(each.piece.text) else each
        for each in weighed
    ]
    short = asks_for(question.text)
    if short:
        weighed = [
            replace(each, score=each.score + EXPLAINED_WEIGHT) if explains(each.piece.text, short) else each
            for each in weighed
        ]
    if not sides:
        kinds = kinds_among(question.text, ranking.hits)
        weighed = [
            replace(each, score=each.score - OTHER_KIND_WEIGHT) if kinds.other_of(each.piece) else each
            for each in weighed
        ]
    weighed.sort(key=lambda each: -each.score)
    chosen = _with_each_side(_without_repeats(question, ranking, weighed, most, pins, sides), weighed, sides)
    return _in_order(_with_the_contradicting(question, ranking, chosen, weighed, citer.text))


def _near_the_best(found: list[tuple[Piece, float]], findings: Findings) -> list[tuple[Piece, float]]:
    """Without the pieces of passages that are far less likely to answer than the best of the passages they are from."""
    readings = [findings.reading_of(piece.hit) for piece, _ in found]
    least = max((reading.score for reading in readings if reading is not None), default=0.0) - FAR_BEHIND
    return [each for each, reading in zip(found, readings, strict=True) if reading is None or reading.score >= least]


def _lacks(pins: Sequence[Pin], piece: Piece) -> int:
    """How many numbers and codes of the question the piece does not speak of; names count as a third."""
    lacking = missing_pins(pins, evidence_of(piece))
    return sum(3 if pin.kind != "name" else 1 for pin in lacking)


def _in_order(chosen: list[Chosen]) -> list[Chosen]:
    """Best first, but what stands before the best in its own section is read before it."""
    best = chosen[0]
    same = [
        each
        for each in chosen
        if each.piece.hit.doc_id == best.piece.hit.doc_id and each.piece.headings == best.piece.headings
    ]
    same.sort(key=lambda each: each.piece.spans[-1][0])
    return [*same, *(each for each in chosen if each not in same)]


def _row_or_table(question: Question, pieces: list[Piece], wide: bool) -> tuple[list[Piece], float]:
    """A row, or the small table around it where the row leaves words of the question unsaid ("cost", "Price"), and what
    the row is worth more because no other row has a word of the question that it has."""
    if len(pieces) < 2 or pieces[0].kind not in ("row", "record") or pieces[1].kind != "table":
        return pieces, 0.0
    others = pieces[1].text.replace(pieces[0].text.rpartition("\n")[2], "")
    own = set(question.terms) & set(terms(pieces[0].text)) - set(terms(others))
    if not set(question.terms) & set(terms(pieces[0].text)) and pieces[1].size <= SMALL_TABLE:
        return pieces[1:], 0.0  # Its title or heading is asked for: "opening hours".
    unsaid = set(question.terms) - _held(pieces[0]) - _GENERIC
    elsewhere = unsaid & _held(pieces[1])
    if unsaid and not elsewhere and not own and pieces[1].size <= SMALL_TABLE:
        return pieces[1:], 0.0
    return pieces if wide else [pieces[0], *pieces[2:]], ROW_WEIGHT * bool(own)


def _is_title(piece: Piece) -> bool:
    """Is it the beginning of a document, and no sentence: "EXPENSES (agreed in January)"?"""
    return piece.spans[0][0] == 0 and piece.size <= 160 and not piece.text.rstrip("*_ ").endswith((".", "!", "?", ":"))


def _as_list(piece: Piece, score: float, ranking: Ranking, encoder: Encoder) -> tuple[Piece, float]:
    """A list that is asked for is worth what stands above it is worth: the line that introduces it, and its heading."""
    if piece.kind not in ("list", "names", "table", "section"):
        return piece, score
    first = plain_text(piece.text.partition("\n")[0])
    above = " ".join(
        part for part in (piece.headings.rpartition(" > ")[2], first if first.endswith(":") else "") if part
    )
    lines = [above or piece.hit.title, f"{piece.hit.title}: {above}"]
    cosine = float((encoder.encode_passages(lines) @ ranking.asked).max())
    held = coverage(ranking.wanted, set(terms(" ".join(lines))))
    best = max(float(cosine_of) for cosine_of in ranking.feature("cosine"))
    worth = WEIGHTS["cosine"] * (cosine - best) + WEIGHTS["coverage"] * held
    return piece, score + LIST_WEIGHT + max(0.0, worth)


def pieces_of(ranking: Ranking, rows: Sequence[int]) -> list[Chosen]:
    """The sentences of `rows` as pieces of their own."""
    found = []
    for row in rows:
        unit = ranking.units[row]
        hit = ranking.hits[unit.rank]
        span = (hit.start + unit.sentence.start, hit.start + unit.sentence.end)
        found.append(
            Chosen(Piece(hit, "paragraph", (span,), hit.headings, unit.rank), float(ranking.scores[row]), None)
        )
    return found


def _candidates(question: Question, ranking: Ranking, citer: Citer) -> list[tuple[Piece, float]]:
    """Pieces that hold the best sentences, each once, with the score of its best sentence."""
    windows: dict[int, Window | None] = {}
    scores: dict[tuple[str, tuple[tuple[int, int], ...]], tuple[Piece, float]] = {}
    wide = bool({"manner", "reason", "list", "yesno", "definition"} & set(question.wanted))
    quoted = names_a_message(question.text)
    steps = "manner" in question.wanted
    sides = sides_of(question.text)
    narrow = len(sides) < 2 and not ({"list", "manner", "reason"} & set(question.wanted))
    titled = len(sides) < 2 and not ({"list", "manner"} & set(question.wanted))
    named = [pin.text for pin in pins_of(question.text) if pin.kind != "name"]
    things = side_by_side(question.text)
    for row in np.argsort(-ranking.scores, kind="stable").tolist():
        unit = ranking.units[row]
        hit = ranking.hits[unit.rank]
        if unit.link:
            continue
        if len(scores) >= MOST_CANDIDATES:
            unsaid = [side for side in sides if not any(side.is_in(_held(piece)) for piece, _ in scores.values())]
            if not any(side.is_in(_held_by(hit, unit)) for side in unsaid):
                continue
        if unit.rank not in windows:
            windows[unit.rank] = open_window(hit, citer.text(hit.doc_id), unit.rank)
        window = windows[unit.rank]
        if window is None:
            citer.failed += 1
            continue
        asks = unit.shown.rstrip("*_ ").endswith(("?", "？"))
        score = float(ranking.scores[row])
        if unit.sentence.kind == "code":
            score -= WEIGHTS["code"]  # As a part of a piece, code is no worse than prose.
        pieces = pieces_at(
            window,
            hit.start + unit.sentence.start,
            sections=wide or asks or quoted,
            steps=steps,
            advice=quoted,
            narrow=narrow,
            titled=titled,
            named=named,
            things=things,
        )
        pieces, own_words = _row_or_table(question, pieces, question.wants_list)
        pieces += names_at(window, hit.start + unit.sentence.start) if question.wants_list else []
        for piece in pieces[1:] if asks and len(pieces) > 1 else pieces:
            if piece.kind == "paragraph" and asks and piece.size <= len(unit.shown) + 8:
                continue
            if piece.kind == "paragraph" and _is_title(piece):
                score -= TITLE_WEIGHT
            if piece.kind == "section":
                held = coverage(ranking.wanted, set(terms(f"{hit.title} {piece.headings}")))
                score -= SECTION_WEIGHT * (1 - held if steps else 1)
            elif piece.kind in ("row", "record"):
                score += own_words
            key = (piece.hit.doc_id, piece.spans)
            if key not in scores:
                scores[key] = (piece, score)
    return list(scores.values())


def _without_repeats(
    question: Question,
    ranking: Ranking,
    weighed: Sequence[Chosen],
    most: int,
    pins: Sequence[Pin],
    sides: Sequence[Side],
) -> list[Chosen]:
    best = weighed[0]
    chosen = [best]
    said = _held(best.piece)
    size = best.piece.size
    for other in weighed[1:]:
        if len(chosen) == most or size + other.piece.size > MOST_CHARACTERS:
            break
        if any(_overlap(other.piece, each.piece) for each in chosen):
            continue
        held = _held(other.piece)
        adds = _adds(question, ranking.wanted, sides, said, held)
        if other.score < best.score - (2 * FURTHER if adds else FURTHER):
            continue
        hard = [pin for pin in pins if pin.kind != "name"] if adds else pins
        if _lacks(hard, other.piece) > _lacks(hard, best.piece) and not sides:
            continue
        if other.reading is not None and other.answerable < (-1.0 if adds else max(0.0, best.answerable - 2.0)):
            continue
        if _same_words(other.piece, chosen):
            continue
        chosen.append(other)
        said |= held
        size += other.piece.size
    return chosen


def _with_each_side(chosen: list[Chosen], weighed: Sequence[Chosen], sides: Sequence[Side]) -> list[Chosen]:
    """The chosen pieces, and for each thing compared that none of them is about the best piece that is."""
    for side in sides:
        others = [other for other in sides if other is not side]
        if any(_is_about(each.piece, side, others) for each in chosen):
            continue
        able = [
            each
            for each in weighed
            if _is_about(each.piece, side, others) and not any(_overlap(each.piece, other.piece) for other in chosen)
        ]
        if able:
            chosen.append(max(able, key=lambda each: (_is_about(each.piece, side, others), each.score)))
    return chosen


def _with_the_contradicting(
    question: Question,
    ranking: Ranking,
    chosen: list[Chosen],
    weighed: Sequence[Chosen],
    text_of: Callable[[str], str | None],
) -> list[Chosen]:
    """The chosen pieces, and the best one of another document that answers with another amount, or says the same of
    another time: one of them alone would be shown as if it were the only answer."""
    pins = pins_of(question.text)
    rest = [
        each
        for each in weighed
        if not any(_overlap(each.piece, other.piece) for other in chosen)
        and _lacks(pins, each.piece) <= _lacks(pins, chosen[0].piece)  # "The oven of Alba" is none of Berg.
    ]
    if len(contradictions(question, chosen, ranking.wanted)) > 1:
        return chosen
    older = [
        each for each in rest if each.answerable >= max(0.0, chosen[0].answerable - 2.0) and disagree(chosen[0], each)
    ]
    for each in older[:1]:
        if newer_first([chosen[0], each], question.text, text_of)[1]:
            return [*chosen, each]
    return [*chosen, *(each for each, _ in contradictions(question, [chosen[0], *rest], ranking.wanted)[1:2])]


def _is_about(piece: Piece, side: Side, others: Sequence[Side]) -> int:
    """2 where its headings or title name the side alone, 1 where its text does, 0 where it names others too."""
    above = set(terms(f"{piece.hit.title} {piece.headings}"))
    if side.is_in(above) and not any(other.is_in(above) for other in others):
        return 2
    held = set(terms(f"{piece.headings} {piece.text}"))
    return int(side.is_in(held) and not any(other.is_in(held) for other in others))


def _held_by(hit: Hit, unit: Unit) -> set[str]:
    return set(unit.found) | set(terms(f"{hit.title} {hit.headings}"))


def _held(piece: Piece) -> set[str]:
    return set(terms(f"{piece.hit.title} {piece.headings} {piece.text}"))


def _adds(
    question: Question, weights: Mapping[str, float], sides: Sequence[Side], said: set[str], held: set[str]
) -> bool:
    """Does the piece speak of something of the question that the pieces so far do not?"""
    if any(side.is_in(held) and not side.is_in(said) for side in sides):
        return True
    missing = [term for term in question.terms if term not in said]
    return sum(weights.get(term, 0.0) for term in missing if term in held) > 1.5


def _overlap(one: Piece, other: Piece) -> bool:
    if one.hit.doc_id != other.hit.doc_id:
        return False
    if one.kind == other.kind == "row":
        return one.spans[-1] == other.spans[-1]
    return any(a < d and c < b for a, b in one.spans for c, d in other.spans)


def _same_words(piece: Piece, chosen: Sequence[Chosen]) -> bool:
    """Does a chosen piece say it already, in the same words and with the same numbers?"""
    own, numbers = set(terms(piece.text)), _NUMBERS.findall(piece.text.lower())
    for each in chosen:
        other = set(terms(each.piece.text))
        if len(own & other) > 0.85 * min(len(own), len(other)):
            return numbers == _NUMBERS.findall(each.piece.text.lower()) or len(own) < 4
    return False
