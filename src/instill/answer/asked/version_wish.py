"""Whether a question is about two versions of one thing: what changed, what is new, what it was before."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from instill.answer.asked.version_marks import MARK

VersionKind = Literal["changed", "new", "gone", "before"]

_NEW = re.compile(
    r"\bwhat(?:['’]s| is| was| are| were|) (?:the )?new\b(?: (?:things|items|entries|rows))?"
    r"|\b(?:has|have|was|were|been) (?:newly )?added\b"
    r"|\bis new\b|\bare new\b|\bnew(?:ly)? (?:in|since)\b",
    re.IGNORECASE,
)
_GONE = re.compile(
    r"\b(?:was|were|been|has|have) (?:removed|dropped|deleted|discontinued)\b"
    r"|\bno longer (?:in|on|listed|offered|there)\b",
    re.IGNORECASE,
)
_CHANGED = re.compile(
    r"\bchang(?:e|es|ed|ing)\b|\bdevelop(?:s|ed|ment)?\b|\bevol(?:ve|ves|ved|ution)\b|\bdiffer(?:s|ed|ent|ence|ences)?\b"
    r"|\bincreas(?:e|es|ed)\b|\bdecreas(?:e|es|ed)\b|\b(?:gone|went|go) (?:up|down)\b"
    r"|\b(?:risen|rose|fallen|fell|grow|grew|grown|shrunk|shrank)\b"
    r"|\bhow much (?:more|less|\w+er)\b|\bcompar(?:e|ed|ison)\b",
    re.IGNORECASE,
)
_CHANGED_ITSELF = re.compile(
    r"\b(?:has|have|had|did)\b.*\b(?:chang(?:e|ed)|develop(?:ed)?|evolved?|increased?|decreased?|gone (?:up|down)"
    r"|go (?:up|down)"
    r"|risen|rise|fallen|fall|grown?|shrunk|shrink)\b|\bwhat(?:['’]s| is| has| have|) changed\b",
    re.IGNORECASE,
)
"""Something changed, by itself; not "how do I change it"."""

_BEFORE = re.compile(
    r"\b(?:before|previously|formerly|earlier|in the past|until now|up to now|last (?:year|time|month))\W*$"
    r"|\b(?:previously|formerly)\b|\bused to (?=be\b|cost\b|have\b)"
    r"|\b(?:old|previous|former|earlier|last year['’]s) "
    r"(?=price|rate|fee|rule|version|value|list|limit|amount|edition)",
    re.IGNORECASE,
)
_THEN = r"(?:last (?:year|season|month|time)|before|previously|formerly|earlier|until now|in the past|(?:19|20)\d\d)"
_NOW = r"(?:this (?:year|season|month)|now|today|currently|at the moment|nowadays)"
_THEN_OR_NOW = re.compile(rf"\b(?:(?P<then>{_THEN})|(?P<now>{_NOW}))\b", re.IGNORECASE)
_THAN_THEN = re.compile(
    r"\b(?:(?:\w+er|more|less|fewer)(?: \w+)? than|(?:as \w+ |the same )as) (?:in |it was |they were )?(?:the )?"
    rf"{_THEN}\b",
    re.IGNORECASE,
)
"""Held against an earlier time: "more expensive than in 2025"."""
_BETWEEN = re.compile(r"\b(?:and|or|vs|versus|to|with|than)\b|,", re.IGNORECASE)
_OLD_AND_NEW = re.compile(
    r"\b(?:old|previous|former)(?: and | vs\.? | or |/)(?:the )?(?:new|current)\b"
    r"|\b(?:new|current)(?: and | vs\.? | or |/)(?:the )?(?:old|previous|former)\b|\bthen and now\b",
    re.IGNORECASE,
)
_TIMES = re.compile(
    rf"\b(?:and |or |vs\.? |to |than |with |in |as of )*(?:(?:how much|what) (?:is|was|does|did|are|were) (?:it|they)"
    rf"(?: cost)? )?(?:{_THEN}|{_NOW})\b|\b(?:old|previous|former|new|current)\b|\bthen and now\b",
    re.IGNORECASE,
)
_JOINTS = re.compile(
    r"\b(?:(?:from|between|in|since|and|to|with|than|of|for|as of|against|compared (?:to|with))\s+)(?=the\s*\0|\0)"
    r"|\0(?:\s*(?:one|version|edition|list))?",
    re.IGNORECASE,
)
_TOLD = re.compile(
    r"^\W*(?:by )?how (?:much )?(?:has|have|had|did|does|do|is|are)\s+|^\W*(?:so |and )?(?:has|have|did)\s+", re.I
)


@dataclass(frozen=True, slots=True)
class VersionWish:
    """What is asked of versions.

    Args:
        marks: the versions that the question names, in its order.
        rest: the question without them and without the words of change: what it is about.
    """

    kind: VersionKind
    marks: tuple[str, ...]
    rest: str


def version_wish_of(question: str) -> VersionWish | None:
    """What the question asks of two versions; None where it asks for no such thing.

    Example:
        >>> version_wish_of("How has the delivery price changed from 2025 to 2026?")
        VersionWish(kind='changed', marks=('2025', '2026'), rest='the delivery price?')
        >>> version_wish_of("What did the oak panel cost before?")
        VersionWish(kind='before', marks=(), rest='What did the oak panel cost')
        >>> version_wish_of("What is new in the 2026 list?").marks, version_wish_of("What has to be done before noon?")
        (('2026',), None)
        >>> version_wish_of("Oak panel, price last year and this year")
        VersionWish(kind='changed', marks=(), rest='Oak panel, price')
        >>> version_wish_of("Is the oak panel more expensive than in 2025?")
        VersionWish(kind='changed', marks=('2025',), rest='Is the oak panel?')
        >>> version_wish_of("How do I change my password?")
    """
    marks = tuple(dict.fromkeys(match.group().lower() for match in MARK.finditer(question)))
    kinds: tuple[tuple[VersionKind, re.Pattern[str]], ...] = (
        ("new", _NEW), ("gone", _GONE), ("changed", _CHANGED), ("before", _BEFORE)
    )  # fmt: skip
    found = next((kind for kind, pattern in kinds if pattern.search(question)), None)
    if found == "changed" and len(marks) < 2 and not _CHANGED_ITSELF.search(question):
        found = None
    if found in (None, "before") and _names_two_times(question):
        question, found = _TIMES.sub(" ", question), "changed"
    if found is None and _THAN_THEN.search(question):
        question, found = _THAN_THEN.sub(" ", question), "changed"
    if found is None and len(marks) != 2:
        return None
    rest = _JOINTS.sub(" ", MARK.sub("\0", question))
    for pattern in (_NEW, _GONE, _CHANGED, _BEFORE):
        rest = pattern.sub(" ", rest)
    rest = re.sub(r"\s*[:,;–-]+\s*(?=[?.!]|$)|^\W*(?:the )?and\s+", "", re.sub(r"\s+", " ", rest))
    rest = _TOLD.sub("", rest).strip()
    return VersionWish(found or "changed", marks, re.sub(r"\s+([?.!])", r"\1", rest))


def _names_two_times(question: str) -> bool:
    """Two times in words: "last year and this year", "what was it before and what is it now", "old and new price"."""
    return _OLD_AND_NEW.search(question) is not None or any(map(_then_and_now, re.split(r"[.?!]", question)))


def _then_and_now(sentence: str) -> bool:
    times = [*_THEN_OR_NOW.finditer(sentence)]
    if len({match.lastgroup for match in times}) < 2:
        return False
    # In order, two neighbours of different kinds; between some of them stands "and" or the like.
    pairs = pairwise(times)
    return any(
        one.lastgroup != other.lastgroup and _BETWEEN.search(sentence, one.end(), other.start()) for one, other in pairs
    )
