"""Questions that are queries: "which projects are paused?" over a hundred records of one document.

What is found leads to the records among which it stands. Each telling word of the question has to be a value of the
records ("paused"), a column of yes and no ("a projector"), or a bound ("over 500"). Those that meet them all are the
answer: all of them, each by its name. A bound or a negation that cannot be told is said, never guessed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from instill.answer.asked.question import Question
from instill.answer.asked.units import UNIT
from instill.answer.found.pieces import Piece
from instill.answer.found.records import Record, collection_at
from instill.answer.text import normalise, stem, terms, word_set
from instill.index.types import Hit

LONGEST_DOCUMENT = 400_000
"""Longer documents are not looked through, in characters."""

FEWEST = 4
"""Fewest records that are a collection."""

MOST_SHOWN = 40
"""Most records that are shown; of more only their number is said."""

_ASKS = re.compile(r"\b(?:which|what|who|list|show|name|all|every|how many)\b", re.IGNORECASE)
_ALL = re.compile(
    r"\b(?:list|show|name) (?:me )?(?:all|every)\b|\bhow many\b|\ball (?:the |of the )?\w+\b", re.IGNORECASE
)
_QUERY = re.compile(
    r"^\W*(?:and |so )?(?:in |at |on |of )?(?:which|who|list|show|name|find|give|how many|what (?:\w+ )?\w+s are)\b",
    re.IGNORECASE,
)
_THAN = re.compile(r"\b(?:\w+er|(?:more|less) \w+) than\b[^?.]*", re.IGNORECASE)
_NEGATED = re.compile(
    r"\b(?:not|no|without|except(?: for)?|other than|isn't|aren't|don't|doesn't|never)\s+"
    r"(?:have |has |an? |the |any |in |on |yet )*([\w-]+)",
    re.IGNORECASE,
)
_BOUND = re.compile(
    r"\b(?P<more>over|more than|above|greater than|higher than|larger than|exceed(?:s|ing)?|longer than|older than)"
    r"\b[^\d\n]{0,8}(?P<a>\d[\d.,]*)"
    rf"(?:{UNIT})?"
    r"|\b(?P<least>at least|not less than)\b[^\d\n]{0,8}(?P<b>\d[\d.,]*)"
    rf"(?:{UNIT})?"
    r"|\b(?P<less>under|less than|below|fewer than|lower than|smaller than|cheaper than|shorter than|younger than)"
    r"\b[^\d\n]{0,8}(?P<c>\d[\d.,]*)"
    rf"(?:{UNIT})?"
    r"|\b(?P<most>at most|up to|no more than|not more than)\b[^\d\n]{0,8}(?P<d>\d[\d.,]*)"
    rf"(?:{UNIT})?",
    re.IGNORECASE,
)
_YES = word_set("yes true y x ✓ ✔ 1 ja oui sí si on")
_NO = word_set("no false n - – ✗ ✘ 0 nein non off none")
_GENERIC = frozenset(
    terms(
        "work have own belong live stand name named people person employee record records entry entries item row "
        "list show number exist contain hold cost many less least most every total registered",
        keep_stop=True,
    )
)
"""Words that say that something is asked of records, not of which."""
_PRICE = frozenset(terms("price cost fee amount preis prix"))


@dataclass(frozen=True, slots=True)
class Selection:
    """The records that a question asks for, as pieces; `total` is how many the collection has.

    `sure`: it is asked as a query, and every word of it is accounted for. `said` is a sentence: how many match, or why
    none are shown.
    """

    pieces: tuple[Piece, ...]
    total: int
    sure: bool
    said: str


def select_records(
    question: Question,
    chosen: Sequence[Piece],
    hits: Sequence[Hit],
    document: Callable[[str], str | None],
    weights: Mapping[str, float],
) -> Selection | None:
    """What the question selects from a collection; None where it is no such query.

    The collection is the one around the best piece, or another one that was found and that accounts for every word.

    Args:
        weights: the question's terms by rarity; those of no weight are ignored.
    """
    if not _ASKS.search(question.text):
        return None
    first: Selection | None = None
    starts = [Piece(hit, "record", ((hit.start, hit.end),), hit.headings, rank) for rank, hit in enumerate(hits)]
    tried: set[tuple[str, int]] = set()
    for place, piece in enumerate([*chosen, *starts]):
        text = document(piece.hit.doc_id) or ""
        if len(text) > LONGEST_DOCUMENT:
            continue
        collection = collection_at(text, piece)
        if len(collection) < FEWEST or (piece.hit.doc_id, collection[0].start) in tried:
            continue
        tried.add((piece.hit.doc_id, collection[0].start))
        found = _selected(question, piece, text, collection, weights)
        if found is not None and found.sure:
            return found
        if place == 0:
            first = found
    return first


def _selected(
    question: Question, best: Piece, document: str, collection: list[Record], weights: Mapping[str, float]
) -> Selection | None:
    name = best.hit.source.rpartition("/")[2]
    keys = list(dict.fromkeys(key for record in collection for key, _ in record.fields))
    about = _about(best, document, collection)
    text = question.text
    keep = [True] * len(collection)
    conditions, plain = 0, True
    is_query = bool(_QUERY.match(text)) and sum(bool(record.fields) for record in collection) >= 0.8 * len(collection)
    bound, than, negation = _BOUND.search(text), _THAN.search(text), _NEGATED.search(text)
    if not is_query and (bound or than or negation):
        return None
    if than and not bound:
        return Selection((), len(collection), False, _cannot(name, collection, than.group()))
    asked = [term for term in question.terms if term in weights]
    if bound:
        key = _bounded_column(question, keys, collection)
        if not key:
            return Selection((), len(collection), False, _cannot(name, collection, bound.group()))
        keep = [_within(bound, record.value(key)) for record in collection]
        asked = [term for term in asked if term not in terms(bound.group(), keep_stop=True)]
        text = text.replace(bound.group(), " ")
        conditions, plain = 1, False
    negated = {stem(normalise(match.group(1))): match.group() for match in _NEGATED.finditer(text)}
    unknown: list[str] = []
    positive: dict[str, list[list[bool]]] = {}
    for term in asked:
        beside = _column_beside(term, asked, keys)
        holding = [term in (terms(record.value(beside)) if beside else record.held) for record in collection]
        columns = [key for key in keys if term in terms(key)]
        flag = next((key for key in columns if _is_flag(collection, key)), "")
        if flag and not any(holding):
            holding = [_is_yes(record.value(flag)) for record in collection]
        elif not 0 < sum(holding) < len(collection):
            if not (all(holding) or columns or term in about or term in _GENERIC):
                unknown.append(term)
            continue
        elif term in about and not _is_value(collection, term):
            continue
        conditions += 1
        if term in negated:
            del negated[term]
            plain = False
            keep = [kept and not held for kept, held in zip(keep, holding, strict=True)]
        else:
            column = flag or _column_of(collection, term, keys)
            positive.setdefault(column, []).append(holding)
    if negated:
        return Selection((), len(collection), False, _cannot(name, collection, next(iter(negated.values()))))
    if is_query and len(positive) > 1 and re.search(r"\bor\b", text):
        return Selection((), len(collection), False, _cannot(name, collection, "or"))
    for lists in positive.values():
        every = [all(each) for each in zip(*lists, strict=True)]
        some = [any(each) for each in zip(*lists, strict=True)]
        # "paused or done": no record is both.
        meets = every if any(every) or len(lists) == 1 else some
        keep = [kept and met for kept, met in zip(keep, meets, strict=True)]
    if not conditions and (unknown or not _ALL.search(question.text)):
        return None
    found = [record for record, kept in zip(collection, keep, strict=True) if kept]
    sure = is_query and not unknown
    if len(found) == 1 and plain and _same(found[0], best):
        return None  # Looked up, not selected: the record itself is the best piece.
    if not sure and (len(found) < 2 or not any(_same(record, best) for record in found)):
        return None
    if len(found) > MOST_SHOWN:
        return Selection((), len(collection), sure, _said(found, collection, name)) if is_query else None
    return Selection(_pieces(found, best, document), len(collection), sure, _said(found, collection, name))


def _said(found: Sequence[Record], collection: Sequence[Record], name: str) -> str:
    """How many match, as a sentence."""
    total = len(collection)
    if not found:
        return f"None of the {total} records of {name} matches."
    if len(found) > MOST_SHOWN:
        share = "all" if len(found) == total else str(len(found))
        return f"{name} has {total} records; {share} match, too many to show."
    if len(found) == total:
        return f"{name} has {total} records, and all of them match."
    return f"{len(found)} of the {total} records of {name} match{'es' * (len(found) == 1)}."


def _column_beside(term: str, asked: Sequence[str], keys: Sequence[str]) -> str:
    """Of a number, the column whose name stands beside it in the question: "floor 2", "10 seats"."""
    if not term.isdigit():
        return ""
    place = asked.index(term)
    near = [*asked[place + 1 : place + 2], *asked[max(0, place - 1) : place]]
    return next((key for word in near for key in keys if word in terms(key)), "")


def _pieces(found: Sequence[Record], best: Piece, document: str) -> tuple[Piece, ...]:
    hit = replace(best.hit, start=0, end=len(document), text=document, last_page=None)
    head = best.spans[0] if best.kind == "row" and len(best.spans) == 2 else None
    return tuple(
        Piece(
            hit,
            "row" if head else "section" if record.name else "record",
            (head, (record.start, record.end)) if head else ((record.start, record.end),),
            record.name or best.headings,
            best.rank,
        )
        for record in found
    )


def _cannot(name: str, collection: Sequence[Record], words: str) -> str:
    return (
        f"It asks for a selection from the {len(collection)} records of {name}; "
        f'what "{words.strip()}" means there cannot be told, so the list cannot be completed.'
    )


def _about(best: Piece, document: str, collection: Sequence[Record]) -> frozenset[str]:
    """What the collection is called: title, file, headings, the line above its first record."""
    above = document[: collection[0].start].rstrip().rpartition("\n")[2]
    file = best.hit.source.rpartition("/")[2].rpartition(".")[0]
    return frozenset(terms(f"{best.hit.title} {best.headings} {file} {above}"))


def _is_value(collection: Sequence[Record], term: str) -> bool:
    return any(term in terms(value) for record in collection for _, value in record.fields)


def _column_of(collection: Sequence[Record], term: str, keys: Sequence[str]) -> str:
    """The column that holds the term most often."""
    counts = {key: sum(term in terms(record.value(key)) for record in collection) for key in keys}
    return max(keys, key=lambda key: counts[key]) if any(counts.values()) else f"?{term}"


def _is_flag(collection: Sequence[Record], key: str) -> bool:
    """Does the column say yes or no of each?"""
    values = {record.value(key).casefold() for record in collection}
    return bool(values & (_YES | _NO)) and values <= _YES | _NO | {""}


def _is_yes(value: str) -> bool:
    return value.casefold() in _YES


def _bounded_column(question: Question, keys: Sequence[str], collection: Sequence[Record]) -> str:
    """The column of numbers that a bound is meant for: named in the question, or the only one."""
    numeric = [
        key
        for key in keys
        if sum(_number(record.value(key)) is not None for record in collection) > len(collection) / 2
    ]
    asked = set(question.terms) | set(terms(question.text, keep_stop=True))
    named = [key for key in numeric if set(terms(key)) & asked]
    if not named and asked & frozenset(terms("cost price expensive cheaper pay")):
        named = [key for key in numeric if set(terms(key)) & _PRICE]
    if len(named) == 1:
        return named[0]
    return numeric[0] if len(numeric) == 1 and not named else ""


def _within(bound: re.Match[str], value: str) -> bool:
    number = _number(value)
    limit = _number(next(bound[name] for name in "abcd" if bound[name]))
    if number is None or limit is None:
        return False
    if bound["more"]:
        return number > limit
    if bound["least"]:
        return number >= limit
    return number < limit if bound["less"] else number <= limit


def _number(value: str) -> float | None:
    """The number that a value begins with, behind a sign of money at most; "1,200.50" is 1200.5.

    Example:
        >>> _number("€ 1,200.50"), _number("90 kEUR"), _number("P-100"), _number("0,95 EUR")
        (1200.5, 90.0, None, 0.95)
    """
    found = re.match(r"\s*[€$£¥]?\s*(-?\d[\d.,]*)", value)
    if not found:
        return None
    digits = found.group(1).rstrip(".,")
    if re.fullmatch(r"-?\d+,\d{1,2}", digits):
        digits = digits.replace(",", ".")
    try:
        return float(digits.replace(",", ""))
    except ValueError:
        return None


def _same(record: Record, piece: Piece) -> bool:
    start, end = piece.spans[-1]
    return record.start <= start and end <= record.end
