"""Finding out from which likeness on an answer may be shown again, with questions whose answers are known.

Every fact is asked for once, in one wording. The cache holds one wording of each other fact, and of half the facts
another wording of their own. Showing an answer that is not the fact's is wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random

import numpy as np

from instill.answer.reading.reader import Reader
from instill.answer.terms import same_words
from instill.common.made_from import MadeFrom
from instill.index.lookup import StoredDocument
from instill.measure.risk import GRID, NOTHING, Choice, JudgedAnswer, choose_threshold
from instill.memory.answer_cache.earlier_question import Earlier, likeness
from instill.memory.answer_cache.similarity_threshold import FLOOR, Safe
from instill.models.encoders.protocol import Encoder
from instill.study.facts import find_facts
from instill.study.rules.wordings_of_fact import items_of
from instill.study.study_set import Fact

_NEAREST = 3
_FORMS = ("direct", "reworded", "indirect", "keywords")
_STEPS = tuple(value for value in GRID if value >= FLOOR)


@dataclass(frozen=True, slots=True)
class Asked:
    """A fact with its wordings, two or more."""

    fact: Fact
    wordings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Trials:
    """What was tried, and what it lets be promised.

    Args:
        choice: the lowest likeness that keeps the promise; without one, how many more questions are needed.
        safe: what is to be kept; None without a promise.
    """

    judged: tuple[JudgedAnswer, ...]
    choice: Choice
    safe: Safe | None


def asked_of(documents: Iterable[StoredDocument], *, most: int, seed: int = 0) -> list[Asked]:
    """Facts of the documents that the rules word in two ways or more, at most `most`, spread over the documents."""
    found = []
    for fact in find_facts(documents, seed=seed).facts:
        items = [item for item in items_of(fact, seed=seed) if item.form in _FORMS and item.answer == fact.answer]
        wordings = tuple(dict.fromkeys(item.question for item in items if "___" not in item.question))
        if len(wordings) > 1:
            found.append(Asked(fact, wordings))
    if len(found) > most:
        kept = set(Random(seed).sample(range(len(found)), most))  # noqa: S311  Not for security.
        found = [each for number, each in enumerate(found) if number in kept]
    return found


def calibrate_cache(
    asked: Sequence[Asked],
    encoder: Encoder,
    reader: Reader | None,
    *,
    identity: str,
    made_from: MadeFrom,
    risk: float = 0.05,
    confidence: float = 0.95,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> Trials:
    """Try all of them, and find the likeness from which on at most `risk` of the answers shown again are wrong."""
    judged = tuple(_tried(asked, encoder, reader, seed, progress))
    choice = choose_threshold(judged, risk=risk, confidence=confidence, grid=_STEPS)
    if choice.threshold is None or choice.point is None:
        return Trials(judged, choice, None)
    date = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    point = choice.point
    safe = Safe(choice.threshold, risk, confidence, len(judged), point.given, point.wrong, date, identity, made_from)
    return Trials(judged, choice, safe)


def _tried(
    asked: Sequence[Asked],
    encoder: Encoder,
    reader: Reader | None,
    seed: int,
    progress: Callable[[int, int], None] | None,
) -> Iterable[JudgedAnswer]:
    if not asked:
        return
    rng = Random(seed)  # noqa: S311  Not for security.
    pairs = [rng.sample(each.wordings, 2) for each in asked]
    vectors = encoder.encode_queries([wording for pair in pairs for wording in pair])
    questions, kept = vectors[0::2], vectors[1::2]
    entries = [
        Earlier(pair[1], each.fact.answer, each.fact.evidence.text, each.fact.title, vector)
        for pair, each, vector in zip(pairs, asked, kept, strict=True)
    ]
    there = [rng.random() < 0.5 for _ in asked]
    for number, (pair, each) in enumerate(zip(pairs, asked, strict=True)):
        alike = kept @ questions[number]
        best, right = NOTHING, True
        near = [int(place) for place in np.argsort(-alike, kind="stable") if place != number or there[number]]
        for place in near[:_NEAREST]:
            found = likeness(pair[0], questions[number], entries[place], reader)
            if found > max(best, 0.0):
                best, right = found, _is_right(each.fact, asked[place].fact)
        yield JudgedAnswer(best, not right)
        if progress is not None:
            progress(number + 1, len(asked))


def _is_right(fact: Fact, shown: Fact) -> bool:
    """Is it the same fact, or the same words for an answer?"""
    return fact.id == shown.id or (fact.evidence.text == shown.evidence.text and same_words(fact.answer, shown.answer))
