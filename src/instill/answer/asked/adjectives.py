"""What an adjective measures: "cheapest" is the lowest price, "oldest" the highest age or the earliest date.

A measure is known by the words that a column of it is called by and by the units of its values. An adjective that is
not listed measures nothing that can be told.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache

from instill.answer.terms import terms, word_set

CURRENCIES = word_set("EUR USD GBP CHF SEK NOK DKK JPY PLN CZK kEUR MEUR kCHF kUSD")
"""Units of money as `unit_of` writes them."""


@dataclass(frozen=True, slots=True)
class Measure:
    """`words` are the terms of column names, `units` those of values; `dated`: its values are dates."""

    words: frozenset[str]
    units: frozenset[str] = frozenset()
    dated: bool = False


Measures = tuple[tuple[str, int], ...]
"""Names of measures, the likelier first, each with 1 where the adjective means its high end, else -1."""

_WORDS: Mapping[str, tuple[str, str]] = {
    "price": ("price cost fee charge amount rate tariff preis prix eur euro usd dollar chf gbp", ""),
    "value": ("value worth", ""),
    "stock": ("stock quantity qty inventory available copies hand onhand", ""),
    "salary": ("salary wage income pay earn earnings", ""),
    "extent": ("page words", ""),
    "age": ("age", ""),
    "duration": (
        "duration term runtime period length time",
        "year month week day hour minute second h min s ms",
    ),
    "length": ("length distance", "m km cm mm mile ft"),
    "size": ("size area surface volume capacity space", "m² m2 sqm ha km² l litre liter GB MB TB KB"),
    "weight": ("weight mass load weigh", "g kg t lb"),
    "height": ("height altitude elevation", "m cm mm ft"),
    "depth": ("depth", "m cm mm"),
    "width": ("width", "m cm mm"),
    "thickness": ("thickness", "mm cm"),
    "speed": ("speed velocity throughput bandwidth", "km/h mph m/s Mbit/s Gbit/s rpm"),
    "power": ("power strength output", "W kW hp"),
    "temperature": ("temperature", "°C °F C F"),
    "distance": ("distance", "km m mile"),
    "population": ("population inhabitants", ""),
}
_DATES = {
    "birth": "born birth birthday birthdate dob",
    "tenure": "since joined hired entry employed start started member joining",
    "date": "date year bought purchased built founded since joined started published created released acquired made",
}
_ADJECTIVES: Mapping[str, Measures] = {
    "expensive": (("price", 1),),
    "costly": (("price", 1),),
    "dear": (("price", 1),),
    "pricey": (("price", 1),),
    "cheap": (("price", -1),),
    "inexpensive": (("price", -1),),
    "valuable": (("value", 1), ("price", 1)),
    "old": (("age", 1), ("birth", -1), ("date", -1)),
    "young": (("age", -1), ("birth", 1)),
    "new": (("date", 1),),
    "recent": (("date", 1),),
    "early": (("date", -1),),
    "late": (("date", 1),),
    "long": (("duration", 1), ("length", 1), ("extent", 1), ("tenure", -1)),
    "short": (("duration", -1), ("length", -1), ("extent", -1), ("tenure", 1)),
    "large": (("size", 1),),
    "big": (("size", 1),),
    "great": (("size", 1),),
    "small": (("size", -1),),
    "heavy": (("weight", 1),),
    "light": (("weight", -1),),
    "tall": (("height", 1),),
    "high": (("height", 1),),
    "low": (("height", -1),),
    "deep": (("depth", 1),),
    "shallow": (("depth", -1),),
    "wide": (("width", 1),),
    "broad": (("width", 1),),
    "narrow": (("width", -1),),
    "thick": (("thickness", 1),),
    "thin": (("thickness", -1),),
    "fast": (("speed", 1),),
    "quick": (("speed", 1),),
    "slow": (("speed", -1),),
    "strong": (("power", 1),),
    "powerful": (("power", 1),),
    "weak": (("power", -1),),
    "hot": (("temperature", 1),),
    "warm": (("temperature", 1),),
    "cold": (("temperature", -1),),
    "cool": (("temperature", -1),),
    "far": (("distance", 1),),
    "near": (("distance", -1),),
    "close": (("distance", -1),),
    "populous": (("population", 1),),
}
_OF_ANYTHING = frozenset(["large", "big", "great", "small", "high", "low"])
"""Adjectives that go with any number: "the highest turnover", "the smallest budget"."""

_DOUBLED = frozenset(["big", "hot", "thin"])
_IRREGULAR = {"farthest": "far", "furthest": "far", "farther": "far", "further": "far"}


@cache
def measures() -> Mapping[str, Measure]:
    """Every measure by its name."""
    numbers = {
        name: Measure(
            frozenset(terms(words, keep_stop=True)),
            frozenset(units.split()) | (CURRENCIES if name == "price" else frozenset()),
        )
        for name, (words, units) in _WORDS.items()
    }
    dates = {name: Measure(frozenset(terms(words, keep_stop=True)), dated=True) for name, words in _DATES.items()}
    return {**numbers, **dates}


@cache
def _forms(ending: str) -> Mapping[str, str]:
    """Adjectives by their form with "est" or "er"."""
    found = {form: base for form, base in _IRREGULAR.items() if form.endswith(ending)}
    for base in _ADJECTIVES:
        if base.endswith("y"):
            found[f"{base[:-1]}i{ending}"] = base
        elif base.endswith("e"):
            found[base + ending[1:]] = base
        else:
            found[base + (base[-1] if base in _DOUBLED else "") + ending] = base
    return found


def adjective_of(word: str, more: str, ending: str) -> str:
    """The adjective that a superlative ("est") or comparative ("er") is made of; "" where it is none that is known.

    Args:
        more: "most", "least", "more", "less" or "", what stands in front.

    Example:
        >>> [adjective_of(*of) for of in (("cheapest", "", "est"), ("expensive", "most", "est"), ("nicest", "", "est"))]
        ['cheap', 'expensive', '']
    """
    return (word if word in _ADJECTIVES else "") if more else _forms(ending).get(word, "")


def measures_of(adjective: str, sign: int = 1) -> Measures:
    """What an adjective measures; none for one that is not known. `sign` -1 turns the direction: "least expensive"."""
    return tuple((name, sign * direction) for name, direction in _ADJECTIVES.get(adjective, ()))


def of_anything(adjective: str) -> bool:
    """Does the adjective go with any number?"""
    return adjective in _OF_ANYTHING


def measure_words(found: Iterable[str]) -> frozenset[str]:
    """The words of all measures that one of the words belongs to: "cost" leads to "price"."""
    own = set(found)
    return frozenset(
        word for measure in measures().values() if not measure.dated and measure.words & own for word in measure.words
    )
