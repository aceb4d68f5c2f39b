"""What a question pins down: numbers, versions, years, codes and names that the evidence has to speak of.

"What is new in Python 3.25?" is not answered by what is new in 3.13. A pin must stand in the pieces that are shown, or
in their headings, title or front matter.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from instill.answer.asked.kind_of_answer import read_question
from instill.answer.asked.units import KIND, UNIT, currency_before, unit_behind
from instill.answer.terms import STOPWORDS, joined, normalise, stem
from instill.index.types import Hit

PinKind = Literal["number", "code", "name"]

_NUMBER = re.compile(r"(?<![\w.])[vV]?\d[\d,.'\u202f]*(?:[kKmM]\b)?(?![\w])|(?<![\w.])\d+(?=[%°€$£a-zA-Z]{1,4}\b)")
_CODE = re.compile(
    r"`[^`\n]{2,60}`"
    r"|\b[A-Za-z]+(?:[-_#./:][A-Za-z]+)*[-_#./:]?\d[\w.#:/-]*\b"  # E-9999, C2065, Q1, utf8
    r"|\b\w+_\w+\b|(?<![\w-])--?[a-z][\w-]{2,}\b"  # snake_case, --flags
    r"|\b[a-z]+[A-Z]\w*\b"  # camelCase
)
_NAME = re.compile(r"(?<![.!?:]\s)(?<!^)(?<![\"“(])\b[A-Z][\w’'&-]*[\w](?:\s+[A-Z][\w’'&-]*\w)*")
_VERSIONED = re.compile(
    r"(?:\b[A-Z][\w+#-]*|\b(?i:versions?|release|quarter|level|step|phase|chapter|room|number|no\.))\s*$"
)
_COUNTED = re.compile(r"(?:room|number|no\.)\s*$")
_RANGE = re.compile(
    r"(?<![\w.,+-])(\d{1,9})\s?(?:-|–|to|and|until|through|bis)\s?(?:[€$£]\s?)?(\d{1,9})(?![\w-]|[.,]\d)"
)
_AMOUNT = r"(?:[€$£]\s?)?\d+(?:[.,]\d+)*(?![\d:])"
_BOUND = re.compile(
    r"(?:\b(?:than|over|under|above|below|within|from|until|exceed\w*|beyond|at least|at most|up to|as of)|[<>≤≥]=?)"
    rf"\s(?:the (?:last|first) |about )?{_AMOUNT}"
    rf"|\b(?:minim\w+|maxim\w+|min\.|max\.|limit\w*)[^.\n\d]{{0,40}}{_AMOUNT}"
    rf"|{_AMOUNT}(?=[ -]?[a-z]*,? (?:or|and) (?:more|less|fewer|over|under|older|younger|longer|later|earlier)\b)"
)
"""A number that bounds what is said, up to its end."""
_WORDS = re.compile(r"[\w.#+'’&/-]*\w")
THOUSANDS = re.compile(r"(?<=\d)[,'\u202f](?=\d{3}\b)")
_NUMBER_BEFORE = re.compile(r"\d[\d.,]*\s$")
_VERSION = re.compile(r"v\d[\d.]*")
_NAME_AND_VERSION = re.compile(r"([a-z]{2,}?)v?(\d+)")
_SHORTENED = re.compile(r"[’'](?:m|ve|ll|d|re|s)$")
_PLACEHOLDER = re.compile(r"(?<![A-Za-z])(?:foo|bar|baz|xyz)(?![A-Za-z])\S*", re.IGNORECASE)
"""Names that stand for any name: "foo_1.2-1" is the asker's file, whatever it is called."""
_OWN = re.compile(r"\b(?:i|i'm|i've|my|we|our)\b", re.IGNORECASE)
_SENTENCE = re.compile(r"[^.!?]+(?:[.!?](?=\S)[^.!?]+)*[.!?]*\s*")
_ASKING = (
    "who|whom|whose|what|which|when|where|why|how|is|are|am|was|were|do|does|did|can|could|should|may|must|will|would"
)
_TOLD_FIRST = re.compile(
    rf"\s*(?!(?:in|on|at|with|for|since|after|before|under|as|if|while|of|from|to|by|between|according|{_ASKING})\b)"
    rf"[^,;]*\w[^,;]*(?:,(?!\d)|;|\s[-–])\s*(?:and |so |but |then )*(?=(?:{_ASKING}|have|has)\b)",
    re.IGNORECASE,
)
"""A statement in front of what is asked, in one sentence: "our apprentice is 17, may he use the saw?"."""
_TO_THE_SECOND = re.compile(r"T\d\d:\d\d:\d\d")
_LONG = 5
"""Digits of a number that names one thing ("order 40023"), rather than how much there is of it."""
_CALENDAR = re.compile(
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|"
    r"nov(?:ember)?|dec(?:ember)?|(?:mon|tues|wednes|thurs|fri|satur|sun)days?)[.,]?\s*",
    re.IGNORECASE,
)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_GIVEN = re.compile(KIND + UNIT, re.IGNORECASE)
"""A unit behind a number. Whether "a trip that costs 2000 EUR" needs approval is decided by "above 1,500 EUR"."""


@dataclass(frozen=True, slots=True)
class Pin:
    """One thing that the evidence must speak of; `text` as the question writes it, `unit` what a number counts."""

    text: str
    kind: PinKind
    unit: str = ""


@dataclass(frozen=True)
class Evidence:
    """Texts in which pins are looked for: pieces, headings, titles, values of front matter, paths."""

    texts: Sequence[str]

    @cached_property
    def _plain(self) -> str:
        return _plain(" \n ".join(self.texts))

    @cached_property
    def words(self) -> frozenset[str]:
        """Its words, normalised and stemmed."""
        return frozenset(stem(word.strip(".'’-/")) for word in _WORDS.findall(self._plain))

    def speaks_of(self, pin: Pin) -> bool:
        """Whether the pin stands there: a number as a whole number or inside of a range ("from 14 to 17"), a name by
        every word of it.

        An amount ("20 days") does not stand in "20 minutes". What is said of a bound of the same unit ("more than 14
        days before") speaks of it.
        """
        if pin.kind == "name":
            words = (re.sub(r"'s?$", "", word) for word in _plain(pin.text).split())  # "Holm's number"
            return all(stem(word) in self.words or word in self._plain or self._dates(word) for word in words)
        wanted = _bare_number(pin.text) if pin.kind == "number" else _plain(pin.text.strip("`"))
        # A number may be followed by its unit ("80C", "5gb"), as in the question, but "16k" is another number than 16.
        unit = r"(?![km]\b)[a-z%°€$£]{1,4}\b|" if pin.kind == "number" else ""
        before, after = (r"(?<![\w.])", r"\w|\.\d") if pin.kind == "number" else (r"(?<!\w)", r"\w")
        after += r"|:\d" if pin.unit else ""  # 14 years are not 14:00.
        if _VERSION.fullmatch(wanted):
            before, after = r"(?<![\d.])", r"\w|\.\d"  # "v6" stands in "IPv6".
        there = re.finditer(rf"{before}{_flexible(wanted)}(?={unit}(?!{after}))", self._plain)
        if any(unit_behind(self._plain, match.end()) in ("", pin.unit) or not pin.unit for match in there):
            return True
        if pin.kind != "number":
            return False
        if pin.unit and any(self._counts(match.end(), pin.unit) for match in _BOUND.finditer(self._plain)):
            return True
        return wanted.isdecimal() and self._spans(int(wanted), pin.unit)

    def _counts(self, place: int, unit: str) -> bool:
        """Does the number that ends at `place` count this unit? Of ages and heads the unit is often not said."""
        counted = self._unit_of(place)
        return counted == unit or (not counted and unit in ("year", "person"))

    def _unit_of(self, place: int) -> str:
        """The unit of the number that ends at `place`, behind it or, of money, in front of it."""
        digits = re.search(r"[\d.,]+$", self._plain[max(0, place - 20) : place])
        before = currency_before(self._plain, place - len(digits.group())) if digits else ""
        return unit_behind(self._plain, place) or before

    def _dates(self, word: str) -> bool:
        """Is it a month, and of a date that is written in numbers: "2022-07-27", "27.7.2022"?"""
        if not _CALENDAR.fullmatch(word) or word[:3] not in _MONTHS:
            return False
        month = _MONTHS.index(word[:3]) + 1
        return (
            re.search(rf"\b(?:\d{{4}}-0?{month}(?:-\d|\b)|\d{{1,2}}\.\s?0?{month}\.(?:\s?\d{{2}}|\B))", self._plain)
            is not None
        )

    def _spans(self, number: int, unit: str) -> bool:
        """Is the number inside of a range that is told, of that unit or without one?"""
        return any(
            int(match[1]) < number < int(match[2]) and (not unit or self._unit_of(match.end()) in ("", unit))
            for match in _RANGE.finditer(self._plain)
        )


def spoken_in(hit: Hit, headings: str, text: str) -> list[str]:
    """What a part of a passage speaks of: its words, its headings, its document's title, file name and front matter."""
    # When an office file was saved, to the second, is no mark of what it says; when a mail was written is.
    saved = hit.kind not in ("email", "msg") and _TO_THE_SECOND.search(str(hit.metadata.get("date", "")))
    values = (str(value) for key, value in hit.metadata.items() if not (saved and key in ("date", "year")))
    return [hit.title, headings, text, hit.table_head, hit.source.rpartition("/")[2], *values]


def pins_of(question: str) -> list[Pin]:
    """What `question` pins down, in its order.

    A number of one digit counts only where it tells one of several apart ("Redis 7", "version 2", "step 3"). So does
    any number in a statement about the asker: "My invoices start at 5000. Where do I set this?", "I need a van on 12
    June, who do I ask?" The day that such a statement names is no name either.

    Example:
        >>> [pin.text for pin in pins_of("Does PowerShell 8.2 return E-9999 on Windows?")]
        ['PowerShell', '8.2', 'E-9999', 'Windows']
    """
    question = joined(question)
    found: list[tuple[int, int, Pin]] = []
    decides = bool({"yesno", "person"} & set(read_question(question).wanted))
    own = _told_of_the_asker(question)
    placeholders = [match.span() for match in _PLACEHOLDER.finditer(question)]

    def add(start: int, end: int, kind: PinKind, unit: str = "") -> None:
        taken = [*placeholders, *((known_start, known_end) for known_start, known_end, _ in found)]
        if not any(start < known_end and known_start < end for known_start, known_end in taken):
            found.append((start, end, Pin(question[start:end], kind, unit)))

    for match in _CODE.finditer(question):
        add(match.start(), match.end(), "code")
    for match in _NUMBER.finditer(question):
        end = match.start() + len(match.group().rstrip(".,'"))
        digits = sum(character.isdigit() for character in question[match.start() : end])
        if decides and (_GIVEN.match(question, end) or question[: match.start()].endswith(("€", "$", "£"))):
            continue
        versioned = _VERSIONED.search(question[: match.start()])
        told = any(start <= match.start() < stop for start, stop in own)
        before = versioned.group() if versioned else ""
        one_of_several = before and not (_COUNTED.match(before) or _CALENDAR.fullmatch(before))
        if told and digits < _LONG and not one_of_several:
            continue
        if digits > 1 or versioned:
            unit = unit_behind(question, end) or currency_before(question, match.start())
            add(match.start(), end, "number", unit)
    for match in _NAME.finditer(question):
        for word in re.finditer(r"\S+", match.group()):
            place = match.start() + word.start()
            if _CALENDAR.fullmatch(word.group()) and any(start <= place < stop for start, stop in own):
                continue
            if _NUMBER_BEFORE.search(question[:place]) and _GIVEN.fullmatch(word.group()):
                continue  # "49 EUR" names no EUR.
            name = _SHORTENED.sub("", word.group())  # "I'm", "Poetry's"
            if normalise(word.group()) not in STOPWORDS and normalise(name) not in STOPWORDS and len(name) > 1:
                add(place, place + len(name), "name")
    return [pin for _, _, pin in sorted(found, key=lambda each: each[0])]


def _told_of_the_asker(question: str) -> list[tuple[int, int]]:
    """Sentences and clauses that tell what the asker has or wants, in front of what is asked."""
    sentences = [match.span() for match in _SENTENCE.finditer(question)]
    told = [
        (start, stop)
        for start, stop in sentences[:-1]
        if _OWN.search(question, start, stop) and not question[start:stop].rstrip().endswith("?")
    ]
    first = [_TOLD_FIRST.match(question, start, stop) for start, stop in sentences]
    return [*told, *(match.span() for match in first if match)]


def missing_pins(pins: Iterable[Pin], evidence: Evidence) -> list[Pin]:
    """Those that the evidence does not speak of."""
    return [pin for pin in pins if not evidence.speaks_of(pin)]


def other_form_of(pin: Pin, evidence: Evidence) -> str:
    """The word of the evidence that is another form of a name, or ""; misspelt names are mended before (`spelling`).

    Example:
        >>> other_form_of(Pin("Romanian", "name"), Evidence(["Offices in Romania."]))
        'romania'
        >>> other_form_of(Pin("Andersen", "name"), Evidence(["Anderson wrote it."]))
        ''
    """
    word = _plain(pin.text)
    if pin.kind != "name" or len(word) < 5:
        return ""
    return min((other for other in evidence.words if _differ_in_ending(word, other)), key=len, default="")


def _differ_in_ending(word: str, other: str) -> bool:
    """Have two words all but their last letters in common, five at least?"""
    differing = (place for place in range(min(len(word), len(other))) if word[place] != other[place])
    prefix = next(differing, min(len(word), len(other)))
    one, two = word[prefix:], other[prefix:]
    return prefix >= max(5, len(word) - 2) and len(two) <= 3 and not (one and two and one[-1] == two[-1])


def _plain(text: str) -> str:
    return THOUSANDS.sub("", normalise(text)).replace("’", "'")


def _bare_number(text: str) -> str:
    return _plain(text).lstrip("v").rstrip(".,'")


def _flexible(wanted: str) -> str:
    """The pattern of a pin: hyphen, space and underscore are the same, a leading "v" may be there or not."""
    versioned = _NAME_AND_VERSION.fullmatch(wanted)
    if versioned:  # "NFSv4" is written "NFS v4", "NFS 4" and "NFS version 4" too
        return rf"{re.escape(versioned[1])}[-_ ]?(?:v|version )?{versioned[2]}"
    pattern = re.escape(wanted)
    pattern = re.sub(r"(?:\\[- ]|_)", r"[-_ ]?", pattern)
    return rf"v?{pattern}" if wanted[:1].isdigit() else pattern
