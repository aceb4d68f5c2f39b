"""Documents that are versions of each other: their path or title differs only in a year, a date or the number of a
version, and they have most of their words in common."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from instill.answer.asked.version_marks import MARK
from instill.answer.asked.version_wish import version_wish_of
from instill.answer.terms import terms
from instill.index.types import Hit

ALIKE = 0.5
"""Least share of the words of the one that has fewer."""

_LOOKED_AT = 20_000
"""Characters of each document that are compared."""


_STATE = re.compile(
    r"\b(?:old|new|archived?|obsolete|superseded|outdated|current|latest|final|draft|valid)\b", re.IGNORECASE
)
"""What a file's name says of a version beside its mark: "prices-2024-OLD"."""


@dataclass(frozen=True, slots=True)
class Version:
    """A document that has others of its kind: a passage of it, its mark ("2026") and what sorts it."""

    hit: Hit
    mark: str
    when: tuple[int, ...]


def versions_among(hits: Sequence[Hit], text_of: Callable[[str], str | None]) -> list[list[Version]]:
    """The documents of `hits` that are versions of each other, each group newest first."""
    groups: dict[tuple[str, str], dict[str, Version]] = {}
    for hit in hits:
        for kind, name in (("path", hit.source.rpartition(".")[0] or hit.source), ("title", hit.title)):
            found = [*_marks(name)]
            if found:
                version = Version(hit, found[-1].group(), _when(found[-1].group()))
                groups.setdefault((kind, _without(name)), {}).setdefault(hit.doc_id, version)
    kept: list[list[Version]] = []
    for group in groups.values():
        versions = sorted(group.values(), key=lambda each: each.when, reverse=True)
        if len({each.when for each in versions}) < len(versions):
            continue
        alike = [each for each in versions if each is versions[0] or _alike(versions[0], each, text_of)]
        known = {each.hit.doc_id for each in alike}
        if len(alike) > 1 and not any(known & {each.hit.doc_id for each in other} for other in kept):
            kept.append(alike)
    return kept


def group_of(doc_id: str, groups: Sequence[Sequence[Version]]) -> Sequence[Version]:
    """The versions that a document is one of, newest first; empty where it is the only one."""
    return next((group for group in groups if any(each.hit.doc_id == doc_id for each in group)), ())


def newer_before(doc_ids: Sequence[str], groups: Sequence[Sequence[Version]], question: str) -> list[int]:
    """The places of `doc_ids` with those of a version that the question names, else of the newest, before the others of
    its group; the rest stays where it is."""
    marks = [match.group() for match in MARK.finditer(question)]
    rank: dict[str, tuple[int, int]] = {}
    for number, group in enumerate(groups):
        named = sorted(group, key=lambda each: not any(mark_fits(mark, each) for mark in marks))
        rank |= {version.hit.doc_id: (number, place) for place, version in enumerate(named)}
    first: dict[int, int] = {}
    for place, doc_id in enumerate(doc_ids):
        if doc_id in rank:
            first.setdefault(rank[doc_id][0], place)

    def order(place: int) -> tuple[int, int, int]:
        own = rank.get(doc_ids[place])
        return (first[own[0]], own[1], place) if own else (place, 0, place)

    return sorted(range(len(doc_ids)), key=order)


def of_the_named_version(question: str, hits: Sequence[Hit], text_of: Callable[[str], str | None]) -> list[Hit]:
    """Without the other versions of a document, if the question names one of them: "what was the limit in 2024?"."""
    marks = {match.group().lower() for match in MARK.finditer(question)}
    if len(marks) != 1 or version_wish_of(question) is not None:
        return list(hits)
    [mark] = marks
    others: set[str] = set()
    for group in versions_among(hits, text_of):
        named = [version.hit.doc_id for version in group if mark_fits(mark, version)]
        if len(named) == 1:
            others |= {version.hit.doc_id for version in group} - set(named)
    return [hit for hit in hits if hit.doc_id not in others]


def mark_fits(mark: str, version: Version) -> bool:
    """Does a mark of a question name the version: "2025" that of 2025-03?"""
    when = _when(mark)
    return when == version.when[: len(when)]


def without_marks(text: str, marks: Collection[str] = ()) -> str:
    """The text without what tells versions apart, for a comparison.

    Args:
        marks: those of the versions that are compared. Without them all that looks like one is left out, as it is right
            in headings; in what a document says, a price looks like one.

    Example:
        >>> without_marks("From 1 January 2026") == without_marks("from 1 January 2025")
        True
        >>> without_marks("Oak: 208.00", ("2025", "2026")) == without_marks("Oak: 196.00", ("2025", "2026"))
        False
    """
    known = {mark.casefold() for mark in marks}
    bare = MARK.sub(lambda found: "#" if not known or found.group().casefold() in known else found.group(), text)
    return " ".join(bare.casefold().split())


def _marks(name: str) -> list[re.Match[str]]:
    return list(MARK.finditer(_parted(name)))


def _without(name: str) -> str:
    return " ".join(_STATE.sub(" ", MARK.sub("#", _parted(name))).casefold().split())


def _parted(name: str) -> str:
    """The name with spaces for underscores and hyphens, but for those of a date."""
    return re.sub(r"(?<!\d)-|-(?!\d\d(?!\d))", " ", name.replace("_", " "))


def _when(mark: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", mark))


def _alike(one: Version, other: Version, text_of: Callable[[str], str | None]) -> bool:
    first, second = (
        {term for term in terms((text_of(each.hit.doc_id) or "")[:_LOOKED_AT]) if not term.isdigit()}
        for each in (one, other)
    )
    return len(first & second) >= ALIKE * min(len(first), len(second)) if first and second else False
