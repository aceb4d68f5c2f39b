"""Which sentences of the passages answer the question: a linear score over a few features.

The weights are in log-odds, set by hand. A listwise fit on two of three sets (questions of search engine users, short
and long answers, reading comprehension; 200 each) never did better on the third: first sentence right .60 / .71 / .74,
one of the first three .86 / .93 / .89, by cosine alone .49 / .68 / .64 and .67 / .87 / .81.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from instill.answer.asked.kind_of_answer import Question, offers
from instill.answer.citations import DocumentText
from instill.answer.found.fences import block_around
from instill.answer.found.sentences import Sentence, split_sentences
from instill.answer.harmless_text import plain_text
from instill.answer.reading.findings import Findings
from instill.answer.terms import coverage, rarity, terms
from instill.documents.table_heads import shown_head
from instill.index.types import Hit
from instill.models.encoders.protocol import Encoder, Vectors

MOST_UNITS = 150
"""Most sentences that are encoded for one question."""

MOST_CHARACTERS = 20_000
"""Most characters that are encoded for one question: what bounds the time."""

FEATURES = (
    "cosine",  # question and sentence
    "coverage",  # question terms in the sentence, weighted by rarity
    "passage coverage",  # the same in the passage with its headings and title
    "heading coverage",  # the same in headings and title alone
    "passage cosine",  # as the index found it
    "first ranks",  # 1 / rank of the passage
    "offers",  # signs of what is asked for: a number, a date, a name, "because"
    "follows a question",  # cosine of the question with the heading or question just above
    "neighbours",  # mean cosine of the sentences before and after
    "heading",  # a heading is no statement
    "question",  # nor is a question
    "short",  # under 25 characters
    "code",
    "item",  # a list item when a list is asked for
    "opens",  # first statement of its passage
    "read",  # the reader sees the answer there
)

WEIGHTS: Mapping[str, float] = {
    "cosine": 5.0, "coverage": 2.0, "passage coverage": 1.5, "heading coverage": 0.9, "passage cosine": 2.0,
    "first ranks": 1.0, "offers": 1.0, "follows a question": 1.0, "neighbours": 0.5, "heading": -2.5,
    "question": -2.0, "short": -1.0, "code": -2.5, "item": 0.7, "opens": 0.2, "read": 4.0,
}  # fmt: skip

_DANGLING = re.compile(
    r"(it|its|this|these|those|they|their|them|he|she|his|her|such|however|but|also|then|therefore|thus|otherwise|"
    r"instead|moreover|furthermore|additionally|er|sie|es|dies\w*|il|elle|ils|elles|cela)\b",
    re.IGNORECASE,
)

_LINK = re.compile(r"(?:[-*+]|\d+[.)])?\s*\[[^\]]*\]\([^()]*\)[\s.]*")


@dataclass(frozen=True, slots=True)
class Unit:
    """A sentence of a hit. `rank` is the hit's position; `shown` its displayed text; `found` its terms.

    `link`: it is nothing but a link, a signpost to another page.
    """

    rank: int
    position: int
    sentence: Sentence
    shown: str
    found: frozenset[str]
    link: bool = False


@dataclass(frozen=True, slots=True)
class Ranking:
    """Sentences of the hits with their scores.

    Args:
        units: in the order of the hits and of the text; rows of the arrays follow it.
        vectors: float32 `(len(units), dimension)`.
        features: float64 `(len(units), len(FEATURES))`.
        scores: float64 `(len(units),)`, higher is better, comparable within the ranking.
        wanted: weight of each question term.
        sentences: all units of each hit, `Sentence.intro` and `.section` point into them.
        asked: the question's vector, float32 `(dimension,)`.
    """

    hits: Sequence[Hit]
    units: Sequence[Unit]
    vectors: Vectors
    features: NDArray[np.float64]
    scores: NDArray[np.float64]
    wanted: Mapping[str, float]
    sentences: Sequence[Sequence[Sentence]]
    asked: NDArray[np.float32]

    def feature(self, name: str) -> NDArray[np.float64]:
        column: NDArray[np.float64] = self.features[:, FEATURES.index(name)]
        return column


def rank_sentences(
    question: Question,
    hits: Sequence[Hit],
    encoder: Encoder,
    *,
    pool: Sequence[Hit] = (),
    findings: Findings | None = None,
    document_text: DocumentText = lambda _: None,
) -> Ranking:
    """Score every sentence of `hits`.

    Args:
        pool: more hits; they only tell how rare the question's terms are.
        findings: what the reader found in them.
        document_text: tells whether a hit begins inside of code; without it that is told from the hit alone.
    """
    around = [frozenset(terms(f"{hit.title} {hit.headings} {shown_head(hit.table_head)}")) for hit in hits]
    bodies = [frozenset(terms(hit.text)) | head for hit, head in zip(hits, around, strict=True)]
    others = [set(terms(f"{hit.title} {hit.headings} {hit.text}")) for hit in pool[len(hits) :]]
    wanted = rarity(question.terms, [*map(set, bodies), *others])
    sentences = [
        split_sentences(hit.text, under_head=bool(hit.table_head), inside=_inside(hit, document_text)) for hit in hits
    ]
    units = _preselected(_units(hits, sentences), hits, wanted)
    texts = [unit.shown for unit in units]
    asked = encoder.encode_queries([question.read])
    vectors = encoder.encode_passages(texts) if texts else np.zeros((0, asked.shape[1]), np.float32)
    cosines = (vectors @ asked[0]).astype(np.float64)
    features = np.zeros((len(units), len(FEATURES)))
    for row, unit in enumerate(units):
        hit, kind = hits[unit.rank], unit.sentence.kind
        before, after = _neighbour(units, row, -1), _neighbour(units, row, 1)
        beside = [cosines[i] for i in (before, after) if i is not None]
        own, said = cosines[row], set(unit.found)
        if before is not None and points_back(unit):
            # "It was built in 1987." is about what the sentence before it names.
            own, said = max(own, (own + cosines[before]) / 2), said | units[before].found
        asks = unit.shown.rstrip("*_ ").endswith(("?", "？"))
        features[row] = (
            own,
            coverage(wanted, said),
            coverage(wanted, set(bodies[unit.rank])),
            coverage(wanted, set(around[unit.rank])),
            hit.vector_score,
            1 / (1 + unit.rank),
            offers(question, unit.shown),
            max(0.0, cosines[before]) if before is not None and _introduces(units[before]) else 0.0,
            float(np.mean(beside)) if beside else cosines[row],
            kind == "heading",
            asks,
            len(unit.shown) < 25,
            kind == "code",
            kind == "item" and question.wants_list,
            not any(s.kind in ("prose", "item") for s in sentences[unit.rank][: unit.position]),
            findings.support(hit, unit.sentence.start, unit.sentence.end) if findings else 0.0,
        )
    weights = np.array([WEIGHTS[name] for name in FEATURES])
    return Ranking(hits, units, vectors, features, features @ weights, wanted, sentences, asked[0])


def _inside(hit: Hit, document_text: DocumentText) -> str:
    """The fence of the block of code that the hit begins in."""
    document = document_text(hit.doc_id)
    if document is None or document[hit.start : hit.end] != hit.text:
        return ""
    block = block_around(document, hit.start)
    return block.fence if block else ""


def _units(hits: Sequence[Hit], sentences: Sequence[Sequence[Sentence]]) -> list[Unit]:
    units: list[Unit] = []
    seen: set[tuple[str, int]] = set()
    for rank, (hit, parts) in enumerate(zip(hits, sentences, strict=True)):
        for position, sentence in enumerate(parts):
            place = (hit.doc_id, hit.start + sentence.start)
            text = hit.text[sentence.start : sentence.end]
            shown = plain_text(text)
            if sentence.kind == "mark" or not shown or place in seen:
                continue
            seen.add(place)
            units.append(Unit(rank, position, sentence, shown, frozenset(terms(shown)), bool(_LINK.fullmatch(text))))
    return units


def _preselected(units: list[Unit], hits: Sequence[Hit], wanted: Mapping[str, float]) -> list[Unit]:
    """The units worth encoding, in their order: by keyword overlap and the passage's rank, within the bounds."""
    size = sum(len(unit.shown) for unit in units)
    if len(units) <= MOST_UNITS and size <= MOST_CHARACTERS:
        return units
    worth = [coverage(wanted, set(unit.found)) + 1.0 - unit.rank / max(1, len(hits)) for unit in units]
    chosen: set[int] = set()
    budget = MOST_CHARACTERS
    for row in sorted(range(len(units)), key=lambda row: -worth[row]):
        if len(chosen) == MOST_UNITS or budget < len(units[row].shown):
            break
        chosen.add(row)
        budget -= len(units[row].shown)
    return [unit for row, unit in enumerate(units) if row in chosen]


def points_back(unit: Unit) -> bool:
    """Does the sentence begin with a word that is understood only with the one before it?"""
    return unit.sentence.kind == "prose" and _DANGLING.match(unit.shown) is not None


def _neighbour(units: Sequence[Unit], row: int, step: int) -> int | None:
    other = row + step
    inside = 0 <= other < len(units) and units[other].rank == units[row].rank
    return other if inside else None


def _introduces(unit: Unit) -> bool:
    return unit.sentence.kind == "heading" or unit.shown.rstrip("*_ ").endswith(("?", ":", "？", "："))
