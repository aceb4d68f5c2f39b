"""Days as documents write them."""

from __future__ import annotations

import re
from dataclasses import dataclass

_MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
    "december",
)  # fmt: skip
_NAMES = "|".join(_MONTHS)
_SHORT = "|".join(name[:3] for name in _MONTHS) + "|sept"
_DAY = re.compile(
    rf"\b(?:(?P<day>\d{{1,2}})\.? (?P<month>{_NAMES})|(?P<month2>{_NAMES})(?: (?P<day2>\d{{1,2}}),?)?)"
    r" (?P<year>(?:19|20)\d\d)\b",
    re.IGNORECASE,
)
_NAMED_DAY = re.compile(
    rf"\b(?:(?P<day>\d{{1,2}})(?:st|nd|rd|th)?\.?(?: of)? (?P<month>{_NAMES}|{_SHORT})\b\.?"
    rf"|(?P<month2>{_NAMES}|{_SHORT})\b\.? (?P<day2>\d{{1,2}})(?:st|nd|rd|th)?\b)"
    r"(?:,? (?P<year>(?:19|20)\d\d)\b)?",
    re.IGNORECASE,
)
_ISO = re.compile(r"\b(?P<year>(?:19|20)\d\d)-(?P<month>\d\d)(?:-(?P<day>\d\d))?\b")
_DOTTED = re.compile(r"(?P<day>\d{1,2})\.(?P<month>\d{1,2})\.(?P<year>(?:1[5-9]|20)\d\d)")
_YEAR = re.compile(r"(?<!\d)(?:19|20)\d\d(?!\d)")
_ENDS = re.compile(r"\b(?:until|till|to|through|expires?(?: on)?|before|by|valid to)\s+$", re.IGNORECASE)
"""Before a day that ends something: it does not date the text."""
_TIME = re.compile(r"[T ]\d\d:\d\d(?::\d\d)?(?:\.\d+)?Z?$")


@dataclass(frozen=True, slots=True)
class Dated:
    """What a text says of its age: `when` sorts, `words` is how it says it."""

    when: tuple[int, int, int]
    words: str


def first_day(text: str) -> Dated | None:
    """The first day, month or year in a text, whole days before years; None where there is none."""
    for pattern in (_DAY, _ISO):
        found = (match for match in pattern.finditer(text) if not _ENDS.search(text, 0, match.start()))
        match = next(found, None)
        if match:
            return Dated(_when(match), match.group())
    year = _YEAR.search(text)
    return Dated((int(year.group()), 1, 1), year.group()) if year else None


def day_named(text: str) -> tuple[int | None, int, int] | None:
    """The first whole day that a text names, as year, month and day; the year is None where it is left out.

    Example:
        >>> day_named("What was decided on 5 October?"), day_named("minutes of October 5th, 2026"), day_named("in May")
        ((None, 10, 5), (2026, 10, 5), None)
        >>> day_named("minutes 2026-10-05"), day_named("on 05.10.2026")
        ((2026, 10, 5), (2026, 10, 5))
    """
    for pattern in (_ISO, _DOTTED, _NAMED_DAY):
        for match in pattern.finditer(text):
            part = match.groupdict()
            name = (part.get("month2") or part["month"] or "").lower()
            month = next((n for n, known in enumerate(_MONTHS, 1) if len(name) > 2 and known.startswith(name)), 0)
            month = month or (int(name) if name.isdigit() else 0)
            day = int(part.get("day") or part.get("day2") or 0)
            if 1 <= month <= 12 and 1 <= day <= 31:
                return (int(part["year"]) if part["year"] else None), month, day
    return None


def day_of(text: str) -> tuple[int, int, int] | None:
    """The day, month or year that is all of the text; None for anything else, as for "3/4/2014".

    Example:
        >>> day_of("2014-03-01"), day_of("1 March 2014"), day_of("01.03.2014"), day_of("2014"), day_of("4410")
        ((2014, 3, 1), (2014, 3, 1), (2014, 3, 1), (2014, 1, 1), None)
    """
    text = _TIME.sub("", text.strip())
    if re.fullmatch(r"(?:1[5-9]|20)\d\d", text):
        return int(text), 1, 1
    match = _ISO.fullmatch(text) or _DAY.fullmatch(text) or _DOTTED.fullmatch(text)
    when = _when(match) if match else (0, 0, 0)
    return when if match and 1 <= when[1] <= 12 and 1 <= when[2] <= 31 else None


def _when(match: re.Match[str]) -> tuple[int, int, int]:
    part = match.groupdict()
    name = (part.get("month2") or part.get("month") or "1").lower()
    month = _MONTHS.index(name) + 1 if name in _MONTHS else int(name)
    return int(part["year"]), month, int(part.get("day") or part.get("day2") or 1)
