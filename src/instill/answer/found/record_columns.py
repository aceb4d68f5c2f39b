"""The columns of a collection of records: which hold numbers, which dates, in which unit, and which one is meant.

Numbers are exact decimals. Nothing is said of a column whose numbers can be read in two ways ("1.200" beside "950") or
whose units differ.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cached_property

from instill.answer.asked.adjectives import CURRENCIES, Measures, measure_words, measures
from instill.answer.found.days import day_of
from instill.answer.found.records import Record
from instill.answer.terms import terms, word_set

_MONEY = {
    "€": "EUR", "euro": "EUR", "eur": "EUR", "$": "USD", "dollar": "USD", "usd": "USD", "£": "GBP", "pound": "GBP",
    "gbp": "GBP", "franc": "CHF", "chf": "CHF", "¥": "JPY",
}  # fmt: skip
_AMOUNT = re.compile(
    r"\s*(?P<before>[€$£¥]|[A-Z]{3}(?=[\s\d]))?\s*(?P<number>[-−]?\d[\d.,'\u202f\u00a0]*(?: \d{3}\b)*)\s*"
    r"(?P<unit>(?:[€$£¥%°]|[^\W\d_])[^\d;,]{0,15}[²³2]?)?\s*"
)
_KEY_UNIT = re.compile(r"[(\[]\s*(?:in )?([€$£¥%°\w/²³]{1,8})\s*[)\]]\s*$")
_KEY_ENDS = re.compile(
    r"(?<=[a-z])[_ ](g|kg|mg|lb|mm|cm|m|km|ft|ml|l|s|ms|min|h|days|weeks|months|years|gb|mb|tb|kw|w|c|eur|usd|gbp|chf"
    r"|sek|nok|dkk|jpy|pln|czk|pct|percent)$",
    re.IGNORECASE,
)
"""A unit at the end of a column's name: "flying_weight_g", "price_gbp"."""
_KEY_UNITS = {"c": "°C", "pct": "%", "percent": "%", "gb": "GB", "mb": "MB", "tb": "TB", "kw": "kW", "w": "W"}
_ABSENT = word_set("- – — n/a none null nil no unknown missing empty ? vacant tbd tba open unfilled")
YES = word_set("yes true y x ✓ ✔ 1 ja oui sí si on")
NO = word_set("no false n - – ✗ ✘ 0 nein non off none")
_COUNTED = frozenset(
    terms("id no number nr code sku phone telephone fax extension zip postcode floor room locker page")
)
"""Words of columns whose numbers are names: none is the largest of them."""

_CURRENCY = frozenset(terms("currency ccy"))
_UNIT_NAMES = frozenset(terms("unit"))
_MONEY_WORDS = frozenset(
    terms("price cost fee charge amount rate total sum value salary budget turnover revenue net gross invoice balance")
)

_PEOPLE = frozenset(terms("people person contact", keep_stop=True))
_STAFF = frozenset(terms("employee staff personnel colleague worker team crew", keep_stop=True))
_MEMBERS = frozenset(terms("member", keep_stop=True))
_NAMES = frozenset(terms("name", keep_stop=True))
_PERSON = re.compile(r"[^\W\d_a-z][\w’'.-]+(?: [^\W\d_a-z][\w’'.-]*)+")

LONGEST_KEY = 3
"""Most terms of a cell that names its record; a longer one is prose."""

Value = Decimal | tuple[int, int, int]
"""What is compared: a number, or a date as year, month and day."""


def beyond(value: Value, limit: Value, direction: int) -> bool:
    """Is a value above another one of its column (direction 1), or below it (-1)? Equal ones are neither.

    Example:
        >>> beyond((2024, 5, 1), (2023, 1, 1), 1), beyond(Decimal(3), Decimal(3), -1)
        (True, False)
    """
    if isinstance(value, tuple) and isinstance(limit, tuple):
        return value > limit if direction > 0 else value < limit
    if isinstance(value, Decimal) and isinstance(limit, Decimal):
        return value > limit if direction > 0 else value < limit
    return False


@dataclass(frozen=True)
class Column:
    """One column: `cells` are the records' values as they stand ("" where missing), `values` what they are worth.

    `kind` is "number", "date" or "text"; `row_units` are the units of its numbers, "" where a record gives none.
    `doubtful`: numbers that can be read in two ways, so that it counts as text.
    """

    key: str
    cells: tuple[str, ...]
    kind: str
    values: tuple[Value | None, ...]
    row_units: tuple[str, ...] = ()
    doubtful: bool = False

    @cached_property
    def units(self) -> frozenset[str]:
        """The units of its numbers; one that a record does not give is that of the others."""
        return self.units_of(range(len(self.row_units)))

    @cached_property
    def words(self) -> frozenset[str]:
        """The terms of its name, without "at" and the like where it has others: "reorder_at"."""
        name = self.key.replace("_", " ")
        return frozenset(terms(name) or terms(name, keep_stop=True))

    def units_of(self, rows: Iterable[int]) -> frozenset[str]:
        """The units of the numbers of some records."""
        return frozenset(self.row_units[row] for row in rows if self.row_units and self.row_units[row])

    @property
    def unit(self) -> str:
        """Its only unit; "" without one."""
        return next(iter(self.units)) if len(self.units) == 1 else ""

    def comparable(self, rows: Iterable[int]) -> bool:
        """Do the values of these records have one unit?"""
        return self.kind != "text" and len(self.units_of(rows)) < 2

    @cached_property
    def has_zeros(self) -> bool:
        """Is one of its numbers 0?"""
        return self.kind == "number" and any(value == 0 for value in self.values)

    @cached_property
    def is_flag(self) -> bool:
        """Does the column say yes or no of each?"""
        values = {cell.casefold() for cell in self.cells}
        return bool(values & (YES | NO)) and values <= YES | NO | {""}

    def unit_text(self, rows: Iterable[int]) -> str:
        """The only unit of these records, as the first of them writes it; "" without one."""
        rows = list(rows)
        units = self.units_of(rows)
        written = (_AMOUNT.fullmatch(self.cells[row]) for row in rows)
        own = (match["unit"] or match["before"] for match in written if match and (match["unit"] or match["before"]))
        return next((unit.strip() for unit in own), next(iter(units))) if len(units) == 1 else ""

    def absent(self, row: int) -> bool | None:
        """Does the record have none of it: no "yes" in a column of yes and no, 0 in one that has zeros, else an empty
        cell? None where it is not said."""
        cell = self.cells[row].strip().casefold()
        if self.is_flag:
            return cell not in YES
        if self.has_zeros:
            return None if self.values[row] is None else self.values[row] == 0
        return not cell or cell in _ABSENT


@dataclass(frozen=True)
class Table:
    """A collection of records with its columns. `about` are the terms of what it is called by."""

    name: str
    records: tuple[Record, ...]
    columns: tuple[Column, ...]
    about: frozenset[str]

    @cached_property
    def label_column(self) -> Column | None:
        """The column that names the records: one called "name", else the first."""
        named = (column for column in self.columns if column.words & _NAMES and column.kind == "text")
        texts = (column for column in self.columns if column.kind == "text")
        return next(named, None) or next(texts, None)

    @cached_property
    def keys(self) -> tuple[Column, ...]:
        """The other columns that name the records: short texts, no two alike and none missing ("H-60" beside "Strike
        hammer")."""
        found = []
        for column in self.columns:
            names = {cell.strip().casefold() for cell in column.cells}
            if column is self.label_column or column.kind != "text" or "" in names:
                continue
            if len(names) == len(self.records) > 1 and all(len(terms(name)) <= LONGEST_KEY for name in names):
                found.append(column)
        return tuple(found)

    @cached_property
    def period(self) -> Column | None:
        """The column of years (quarters, months) over which the same names come again; None without one."""
        label = self.label_column
        if label is None or any(record.name for record in self.records):
            return None
        for column in self.columns:
            if column.kind != "date" or not all(re.fullmatch(r"(?:19|20)\d\d", cell) for cell in column.cells):
                continue
            years = len(set(column.cells))
            pairs = set(zip(label.cells, column.cells, strict=True))
            if 1 < years <= 6 and len(pairs) == len(self.records) > len(set(label.cells)):
                return column
        return None

    @cached_property
    def of_people(self) -> bool:
        """Are its records people?"""
        if self.about & (_PEOPLE | _STAFF | _MEMBERS):
            return True
        label = self.label_column
        if label is None or any(record.name for record in self.records):
            return False
        if label.words & (_PEOPLE | _STAFF | _MEMBERS):
            return True
        return sum(bool(_PERSON.fullmatch(cell)) for cell in label.cells) > 0.6 * len(label.cells)

    @cached_property
    def called(self) -> frozenset[str]:
        """What its records may be called: `about`, the name of their first column, and the like of people."""
        found = self.about | (self.label_column.words if self.label_column else frozenset())
        if found & _PEOPLE:
            return found | _PEOPLE | _STAFF | _MEMBERS
        if found & _STAFF:
            return found | _PEOPLE | _STAFF
        if found & _MEMBERS:
            return found | _PEOPLE | _MEMBERS
        return found | (_PEOPLE if self.of_people else frozenset())

    def label(self, row: int) -> str:
        """What a record is called: its heading or its name, with the year where the same name comes again."""
        record = self.records[row]
        if record.name:
            return record.name
        label = self.label_column
        if label is None or not label.cells[row]:
            return record.fields[0][1] if record.fields else ""
        if self.period is not None:
            return f"{label.cells[row]} ({self.period.cells[row]})"
        return label.cells[row]

    def named(self, words: Iterable[str]) -> list[Column]:
        """Columns of numbers or dates whose name has one of the terms; of several those that have most of them."""
        own = frozenset(words)
        found = [(len(column.words & own), column) for column in self.columns if column.kind != "text"]
        best = max((held for held, _ in found), default=0)
        if best:
            named = [column for held, column in found if held == best]
            whole = [column for column in named if column.words <= own]  # "bells" rather than "heaviest_bell".
            return whole or named
        wider = measure_words(own)
        return [column for column in self.columns if column.kind != "text" and column.words & wider]

    def numbers(self) -> list[Column]:
        """Columns of numbers that measure something."""
        return [column for column in self.columns if column.kind == "number" and not column.words & _COUNTED]

    def measured(self, wanted: Measures) -> tuple[Column, int] | None:
        """The one column that fits the first measure that any fits, and the direction; None where it cannot be told."""
        for name, direction in wanted:
            measure = measures()[name]
            if name == "date" and self.of_people and any(other == "age" for other, _ in wanted):
                continue  # The oldest of people is not the one who joined first.
            fitting = [
                column
                for column in self.columns
                if column.kind == ("date" if measure.dated else "number")
                and (column.words & measure.words or column.units & measure.units)
            ]
            fitting = fitting or [each for each in self.columns if name == "date" and each.kind == "date"]
            if fitting:
                exact = [column for column in fitting if column.words & measure.words] or fitting
                return (exact[0], direction) if len(exact) == 1 else None
        return None


def table_of(name: str, records: Sequence[Record], about: frozenset[str]) -> Table:
    """The columns of a collection, in the order in which its records have them; a column "Currency" or "Unit" gives the
    units of those numbers that have none."""
    keys = dict.fromkeys(key for record in records for key, _ in record.fields)
    columns = [column_of(key, [record.value(key) for record in records]) for key in keys]
    for given, of in ((_CURRENCY, _MONEY_WORDS), (_UNIT_NAMES, None)):
        unit = next((column for column in columns if column.words & given and column.kind == "text"), None)
        bare = [column for column in columns if column.kind == "number" and not column.units]
        bare = [column for column in bare if of is None or column.words & of] or (bare if of else [])
        for column in bare if unit else ():
            row_units = tuple(unit_of(cell) for cell in unit.cells) if unit else ()
            columns[columns.index(column)] = replace(column, row_units=row_units)
    return Table(name, tuple(records), tuple(columns), about)


def column_of(key: str, cells: Sequence[str]) -> Column:
    """A column from its cells.

    Example:
        >>> column = column_of("Price", ["1,200.50 EUR", "€ 90", ""])
        >>> column.kind, column.values, column.units
        ('number', (Decimal('1200.50'), Decimal('90'), None), frozenset({'EUR'}))
        >>> column_of("Bought", ["2015-10-30", "2017-05-02"]).values
        ((2015, 10, 30), (2017, 5, 2))
        >>> column_of("Weight", ["1.200 g", "950 g"]).kind  # 1.2 or 1200?
        'text'
    """
    given = [cell for cell in cells if cell.strip()]
    amounts = [_AMOUNT.fullmatch(cell) for cell in cells]
    days = [day_of(cell) for cell in cells]
    years = [cell for cell in given if re.fullmatch(r"(?:1[5-9]|20)\d\d", cell.strip())]
    own = Column(key, tuple(cells), "text", tuple(None for _ in cells))
    wide = frozenset(word for each in measures().values() if not each.dated for word in each.words)
    if given and len([day for day in days if day]) == len(given) and not (years and own.words & wide):
        return replace(own, kind="date", values=tuple(days))
    found = [match for match in amounts if match]
    if not given or 2 * len(found) < len(given) or len(found) < 2:
        return own
    point = _point([match["number"] for match in found])
    if not point:
        return replace(own, doubtful=True)
    values = tuple(_decimal(match["number"], point) if match else None for match in amounts)
    default = _unit_in(key)
    units = tuple(_unit_said(match) or default if match else "" for match in amounts)
    return replace(own, kind="number", values=values, row_units=units)


def _unit_said(amount: re.Match[str]) -> str:
    """The unit of an amount; of "£18 per child" that of the money."""
    before = unit_of(amount["before"] or "")
    return before if before in CURRENCIES else unit_of(amount["unit"] or amount["before"] or "")


def _unit_in(key: str) -> str:
    """The unit that the name of a column gives, or ""."""
    bracketed, ending = _KEY_UNIT.search(key), _KEY_ENDS.search(key)
    if bracketed:
        return unit_of(bracketed.group(1))
    unit = ending.group(1).lower() if ending else ""
    return _KEY_UNITS.get(unit, unit_of(unit)) if unit else ""


def unit_of(text: str) -> str:
    """A unit in one form: money by its code, others in the singular.

    Example:
        >>> unit_of("€"), unit_of("euros"), unit_of("months"), unit_of("kEUR"), unit_of("m²")
        ('EUR', 'EUR', 'month', 'kEUR', 'm²')
    """
    text = text.strip().strip(".").strip()
    bare = text.casefold()
    if bare in _MONEY or bare.rstrip("s") in _MONEY:
        return _MONEY.get(bare) or _MONEY[bare.rstrip("s")]
    if text in CURRENCIES:
        return text
    return bare[:-1] if len(bare) > 3 and bare.endswith("s") and bare.isalpha() else text


def amount_in(text: str) -> tuple[Decimal, str] | None:
    """A number with its unit, where that is all of the text."""
    match = _AMOUNT.fullmatch(text)
    point = _point([match["number"]]) if match else ""
    if match is None or not point:
        return None
    return _decimal(match["number"], point) or Decimal(0), _unit_said(match)


def _point(numbers: Sequence[str]) -> str:
    """The decimal mark of a column of numbers, "." or ","; "" where it cannot be told."""
    votes: set[str] = set()
    doubtful = False
    for number in numbers:
        marks = [mark for mark in number.rstrip(".,") if mark in ".,"]
        if not marks:
            continue
        last = marks[-1]
        behind = len(number.rstrip(".,").rpartition(last)[2])
        if len(set(marks)) == 2:
            votes.add(last)
        elif len(marks) > 1:
            votes.add("," if last == "." else ".")
        elif behind != 3 or number.lstrip("-−").startswith("0"):
            votes.add(last)
        elif last == ",":
            votes.add(".")
        else:
            doubtful = True
    if len(votes) > 1 or (doubtful and not votes):
        return ""
    return next(iter(votes), ".")


def _decimal(number: str, point: str) -> Decimal | None:
    digits = re.sub(r"[\s'\u202f\u00a0]", "", number.replace("−", "-")).rstrip(".,")
    digits = digits.replace("," if point == "." else ".", "").replace(point, ".")
    return Decimal(digits) if re.fullmatch(r"-?\d+(?:\.\d+)?", digits) else None
