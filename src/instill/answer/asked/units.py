"""Units that stand behind a number in a question: what they count is an amount, not the name of something."""

from __future__ import annotations

import re

UNIT = (
    r"\s?(?:%|€|\$|£|(?:percent|eur|euros?|usd|dollars?|gbp|pounds?|chf|francs?|seconds?|minutes?|hours?|days?|weeks?"
    r"|months?|years?|km|m|cm|mm|kg|g|[kmgt]i?b|miles?|people|persons?|employees|items|pieces|times)\b)"
)
"""The pattern of a unit with the space in front of it, for a pattern that ignores case."""

KIND = r"(?:[ -](?:business|working|calendar|consecutive|full|whole|paid|unpaid))?"
"""What kind of days or hours is counted, between number and unit: "12 business days"."""

_BEHIND = re.compile(rf"{KIND}-?({UNIT})", re.IGNORECASE)
_SAME = {"€": "eur", "euro": "eur", "$": "usd", "dollar": "usd", "£": "gbp", "pound": "gbp", "franc": "chf"}
_SAME |= {"people": "person", "employee": "person", "percent": "%"}


def unit_behind(text: str, place: int) -> str:
    """The unit of the number that ends at a place of a text, in one form; "" where none stands there.

    Example:
        >>> unit_behind("a 14-year-old", 4), unit_behind("20 days before", 2), unit_behind("49 EUR", 2)
        ('year', 'day', 'eur')
        >>> unit_behind("12 business days", 2), unit_behind("12 full-time weeks", 2)
        ('day', '')
    """
    match = _BEHIND.match(text, place)
    unit = match[1].strip().lower() if match else ""
    unit = unit[:-1] if len(unit) > 2 and unit.endswith("s") else unit
    return _SAME.get(unit, unit)


def currency_before(text: str, place: int) -> str:
    """The unit of the amount whose digits begin at a place of a text, by the sign of a currency in front of it; "" for
    none.

    Example:
        >>> currency_before("above $ 10,000", 8), currency_before("above 10,000", 6)
        ('usd', '')
    """
    return _SAME.get(text[:place].rstrip(" \u00a0")[-1:], "") if place else ""
