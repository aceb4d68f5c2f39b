"""Words that stand for numbers, units, currencies and months."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

from instill.measure.judging.text import word_list, word_set

Unit = tuple[str, Fraction]
"""Dimension and factor: minutes are ("time", 60)."""

_ONES = word_list(
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen"
)
_TENS = word_list("twenty thirty forty fifty sixty seventy eighty ninety")
SMALL: dict[str, int] = {
    **{word: number for number, word in enumerate(_ONES)},
    **{word: 10 * number for number, word in enumerate(_TENS, start=2)},
}
SCALES: dict[str, int] = {
    "hundred": 100, "thousand": 1000, "million": 10**6, "billion": 10**9, "trillion": 10**12, "dozen": 12,
    "lakh": 10**5, "crore": 10**7, "millions": 10**6, "billions": 10**9, "mn": 10**6, "mio": 10**6, "bn": 10**9,
}  # fmt: skip
_FIRST = word_list(
    "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth "
    "fifteenth sixteenth seventeenth eighteenth nineteenth"
)
ORDINALS: dict[str, int] = {
    **{word: number for number, word in enumerate(_FIRST, start=1)},
    **{f"{word[:-1]}ieth": 10 * number for number, word in enumerate(_TENS, start=2)},
    "hundredth": 100,
    "thousandth": 1000,
}
PARTS: dict[str, int] = {"half": 2, "halves": 2, "third": 3, "thirds": 3, "quarter": 4, "quarters": 4}

_MONTHS = word_list("january february march april may june july august september october november december")
MONTHS: dict[str, int] = {
    **{word: number for number, word in enumerate(_MONTHS, start=1)},
    **{word[:3]: number for number, word in enumerate(_MONTHS, start=1)},
    "sept": 9,
}
WEEKDAYS = word_set("monday tuesday wednesday thursday friday saturday sunday")


def _units(table: Iterable[tuple[str, str, str | int]]) -> dict[str, tuple[Unit, ...]]:
    found: dict[str, tuple[Unit, ...]] = {}
    for names, dimension, factor in table:
        for name in names.split("|"):
            found[name] = (*found.get(name, ()), (dimension, Fraction(factor)))
    return found


UNITS: dict[str, tuple[Unit, ...]] = _units(
    [
        ("%|percent|per cent|pct", "share", 1),
        ("percentage points|percentage point", "points", 1),
        ("s|sec|secs|second|seconds", "time", 1), ("min|mins|minute|minutes", "time", 60),
        ("h|hr|hrs|hour|hours", "time", 3600), ("day|days", "time", 86400), ("week|weeks|wk|wks", "time", 604800),
        ("fortnight|fortnights", "time", 1209600),
        ("ms|millisecond|milliseconds", "time", "1/1000"),
        ("month|months", "months", 1), ("year|years|yr|yrs", "months", 12), ("decade|decades", "months", 120),
        ("century|centuries", "months", 1200),
        ("mm|millimetre|millimetres|millimeter|millimeters", "length", "1/1000"),
        ("cm|centimetre|centimetres|centimeter|centimeters", "length", "1/100"),
        ("m|metre|metres|meter|meters", "length", 1),
        ("km|kms|kilometre|kilometres|kilometer|kilometers", "length", 1000),
        ("in|inch|inches", "length", "0.0254"), ("ft|foot|feet", "length", "0.3048"),
        ("yd|yard|yards", "length", "0.9144"), ("mi|mile|miles", "length", "1609.344"),
        ("mg|milligram|milligrams", "mass", "1/1000"), ("g|gram|grams|gramme|grammes", "mass", 1),
        ("kg|kgs|kilo|kilos|kilogram|kilograms", "mass", 1000), ("t|ton|tons|tonne|tonnes", "mass", 10**6),
        ("oz|ounce|ounces", "mass", "28.349523125"), ("lb|lbs|pound|pounds", "mass", "453.59237"),
        ("ml|millilitre|millilitres|milliliter|milliliters", "volume", "1/1000"),
        ("cl|centilitre|centilitres", "volume", "1/100"),
        ("dl|decilitre|decilitres|deciliter|deciliters", "volume", "1/10"),
        ("l|litre|litres|liter|liters", "volume", 1),
        ("m3|cubic metre|cubic metres|cubic meter|cubic meters", "volume", 1000),
        ("m2|sqm|sq m|square metre|square metres|square meter|square meters", "area", 1),
        ("km2|sq km|square kilometre|square kilometres|square kilometer|square kilometers", "area", 10**6),
        ("ha|hectare|hectares", "area", 10**4), ("acre|acres", "area", "4046.8564224"),
        ("sq ft|square foot|square feet", "area", "0.09290304"),
        ("km/h|kmh|kph", "speed", "10/36"), ("m/s", "speed", 1), ("mph", "speed", "0.44704"),
        ("kn|knot|knots", "speed", "1852/3600"),
        ("°c|degrees celsius|degree celsius|degrees c|celsius|centigrade|degrees centigrade", "celsius", 1),
        ("°f|degrees fahrenheit|degree fahrenheit|degrees f|fahrenheit", "fahrenheit", 1),
        ("kelvin", "kelvin", 1), ("°|degree|degrees", "celsius", 1), ("°|degree|degrees", "fahrenheit", 1),
        ("°|degree|degrees", "angle", 1),
        ("w|watt|watts", "power", 1),
        ("kw|kilowatt|kilowatts", "power", 1000),
        ("mw|megawatt|megawatts", "power", 10**6),
        ("kwh|kilowatt hour|kilowatt hours", "energy", 1), ("mwh|megawatt hour|megawatt hours", "energy", 1000),
        ("v|volt|volts", "voltage", 1), ("kv|kilovolt|kilovolts", "voltage", 1000),
        ("mv|millivolt|millivolts", "voltage", "1/1000"),
        ("hz|hertz", "frequency", 1), ("khz|kilohertz", "frequency", 1000),
        ("mhz|megahertz", "frequency", 10**6), ("ghz|gigahertz", "frequency", 10**9),
        ("byte|bytes", "bytes", 1), ("kb|kilobyte|kilobytes", "bytes", 1000), ("mb|megabyte|megabytes", "bytes", 10**6),
        ("gb|gigabyte|gigabytes", "bytes", 10**9), ("tb|terabyte|terabytes", "bytes", 10**12),
        ("kib", "bytes", 2**10), ("mib", "bytes", 2**20), ("gib", "bytes", 2**30),
        ("kcal|kilocalorie|kilocalories|calorie|calories", "food energy", 1),
        ("bc|bce", "before our era", 1),
        ("$|us$|usd|dollar|dollars|us dollar|us dollars", "usd", 1), ("€|eur|euro|euros", "eur", 1),
        ("£|gbp|pound|pounds|pounds sterling|pound sterling|quid", "gbp", 1),
        ("¥|yen|jpy", "jpy", 1),
        ("¥|yuan|cny|rmb", "cny", 1),
        ("chf|franc|francs|swiss francs|swiss franc", "chf", 1),
        ("sek|krona|kronor|kr", "sek", 1),
        ("dkk|kroner|krone|kr", "dkk", 1),
        ("nok|kroner|krone|kr", "nok", 1),
        ("₹|inr|rupee|rupees|rs", "inr", 1),
        ("₽|rub|rouble|roubles|ruble|rubles", "rub", 1),
        ("pln|złoty|zloty", "pln", 1),
        ("ca$|cad|canadian dollars", "cad", 1),
        ("a$|aud|australian dollars", "aud", 1),
        ("₩|krw|won", "krw", 1),
        ("¢|cent|cents", "usd", "1/100"), ("¢|cent|cents|c", "eur", "1/100"), ("pence|penny|p", "gbp", "1/100"),
    ]
)  # fmt: skip
"""What follows a number, or, of a currency, precedes it; every meaning that a word has."""

CURRENCIES = word_set("usd eur gbp jpy cny chf sek dkk nok inr rub pln cad aud krw")
SYMBOLS = "$€£¥₹₽₩¢"
LONGEST_UNIT = max(name.count(" ") + 1 for name in UNITS)

HINTS: dict[str, frozenset[str]] = {
    "share": word_set("percent percentage share proportion rate interest cent fraction %"),
    "money": word_set("cost costs price pay pays paid fee fare charge much worth salary rent expensive"),
    "celsius": word_set("temperature hot cold warm degrees"),
    "months": word_set("old age"),
}
"""Words of a question that say in what its answer is counted."""
