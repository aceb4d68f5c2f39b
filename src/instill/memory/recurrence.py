"""Which uses are uses of one fact, and how much it is used.

Two uses are of one fact if their spans stand in one place of one document and their questions mean the same. Spans are
compared where they stand now, so that an edit elsewhere in the document changes nothing. An answer's shortest form says
most about what was asked: if both have it, it must be the same, and the questions need only be about the same thing.
Without it, the questions themselves must be close, and ask for the same kind of thing, with the same names and numbers.
Where their words do not say which kind, one must have all content words of the other. Questions for two kinds of thing
are never of one fact, and neither are two short answers that differ.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from instill.answer.terms import normalise, same_words, terms
from instill.memory.kind_of_value import kinds_wanted
from instill.memory.moved_spans import answer_sentence
from instill.memory.same_question import cosine, same_kind, same_pins
from instill.memory.types import Spot, Use
from instill.models.encoders.protocol import Vectors
from instill.study.study_set import digest

ABOUT_THE_SAME = 0.35
"""Least cosine of two questions whose short answers are the same words of the same place."""

THE_SAME = 0.75
"""Least cosine of two questions where one has no short answer."""

_NAMED = frozenset({"person", "place"})
"""Kinds that one short answer may have both: "Who does Ann work for?", "Where does Ann work?"."""

OVERLAP = 0.5
"""Least share of the shorter of two spans that lies in the other."""

DAY = 86_400.0


@dataclass(frozen=True, slots=True, eq=False)
class Shape:
    """What makes two uses uses of one fact.

    Args:
        spot: where it stands now, or where it stood, in the version of then.
    """

    question: str
    short: str
    spot: Spot
    vector: Vectors


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """A fact with its uses, oldest first. `fact_id` is known, or made of the first use."""

    fact_id: str
    shape: Shape
    uses: tuple[Use, ...]

    def weight(self, now: datetime, half_life_days: float) -> float:
        """The number of questions, each counting half for every half-life since. One that is dated later counts 1."""
        ages = (max(0.0, (now - use.at).total_seconds()) / DAY for use in self.uses)
        return float(sum(0.5 ** (age / half_life_days) for age in ages))

    @property
    def wordings(self) -> tuple[str, ...]:
        """The questions, most often asked first, of those the newest first."""
        counts: dict[str, tuple[int, int]] = {}
        for number, use in enumerate(self.uses):
            counts[use.question] = (counts.get(use.question, (0, 0))[0] + 1, number)
        return tuple(sorted(counts, key=lambda question: counts[question], reverse=True))


def grouped(known: Sequence[tuple[str, Shape]], uses: Iterable[tuple[Use, Spot]]) -> list[Group]:
    """The known facts in their order with their uses, and then the new ones by their first use.

    A use belongs to the first fact that it fits, so that later uses never change what earlier ones belong to. The order
    of `uses` does not matter. A question counts once for a fact.

    Args:
        known: ids and shapes of facts that somebody decided on.
        uses: each with the place where its span stands now (or stood).
    """
    ids = [fact_id for fact_id, _ in known]
    shapes = [shape for _, shape in known]
    members: list[list[Use]] = [[] for _ in known]
    in_document: dict[str, list[int]] = {}
    for number, shape in enumerate(shapes):
        in_document.setdefault(shape.spot.doc_id, []).append(number)
    for use, spot in sorted(uses, key=lambda each: (each[0].at, each[0].use_id)):
        shape = Shape(use.question, use.short, spot, use.vector)
        near = in_document.setdefault(spot.doc_id, [])
        number = next((each for each in near if is_one_fact(shapes[each], shape)), -1)
        if number < 0:
            number = len(shapes)
            shapes.append(shape)
            members.append([])
            ids.append(new_id(use.spot, use.question, taken=ids))
            near.append(number)
        elif use.short and not shapes[number].short:
            shapes[number] = replace(shapes[number], short=use.short)  # A use with another answer fits no longer.
        if all(use.usage_id != other.usage_id for other in members[number]):
            members[number].append(use)
    return [Group(ids[number], shapes[number], tuple(members[number])) for number in range(len(shapes))]


def is_one_fact(one: Shape, other: Shape) -> bool:
    """Do two shapes belong to one fact?"""
    if not overlap(one.spot, other.spot) and not _one_sentence(one, other):
        return False
    kinds, others = kinds_wanted(one.question), kinds_wanted(other.question)
    alike = cosine(one.vector, other.vector)
    if one.short and other.short:
        differ = kinds and others and kinds != others and not kinds | others <= _NAMED
        return not differ and same_words(one.short, other.short) and alike >= ABOUT_THE_SAME
    if kinds and others and kinds != others:
        return False
    if alike < THE_SAME or not same_pins(one.question, other.question) or not same_kind(one.question, other.question):
        return False
    words, more = set(terms(one.question)), set(terms(other.question))
    return bool(kinds and others) or words <= more or more <= words


def _one_sentence(one: Shape, other: Shape) -> bool:
    """Does one sentence hold both answers, in two versions of one document that differ around it?"""
    if one.spot.doc_id != other.spot.doc_id or one.spot.version == other.spot.version:
        return False
    first, second = (answer_sentence(each.spot.text, each.short) for each in (one, other))
    return bool(first) and first == second


def overlap(one: Spot, other: Spot) -> bool:
    """Do the spans stand in one place of one document, with at least half of the shorter one in the other?

    Spans of two versions of it stand in one place if one's text is at least half of the other's.
    """
    if one.doc_id != other.doc_id:
        return False
    if one.version != other.version:
        shorter, longer = sorted((one.text, other.text), key=len)
        return bool(shorter) and shorter in longer and len(shorter) >= OVERLAP * len(longer)
    common = min(one.end, other.end) - max(one.start, other.start)
    return common > 0 and common >= OVERLAP * min(one.end - one.start, other.end - other.start)


def new_id(spot: Spot, question: str, *, taken: Sequence[str] = ()) -> str:
    """12 hexadecimal digits, of document, text, its number there, and question; another one if it is taken.

    Example:
        >>> moved = Spot("d1", "v2", 9, 13, "Tea.", 0, 1)
        >>> new_id(Spot("d1", "v1", 0, 4, "Tea.", 0, 1), "Tea?") == new_id(moved, "Tea?")
        True
    """
    parts = [spot.doc_id, spot.text, str(spot.nth), normalise(question)]
    found = digest(parts)[:12]
    while found in taken:
        parts.append("again")
        found = digest(parts)[:12]
    return found
