"""The keyword leg in PostgreSQL: its full text search finds the passages, and BM25 is counted from what it keeps.

`tokens` is made from our own tokens, so that the same words are found as in every store. PostgreSQL's own `ts_rank`
knows neither how rare a word is nor how long passages are; it only chooses among passages where too many match.
"""

from __future__ import annotations

import threading
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from instill.index.bm25_for_caller import K1, B, rarity
from instill.index.protocol import Scored
from instill.index.stores.postgres.postgres_filters import array_literal
from instill.index.stores.postgres.tables import Names
from instill.index.stores.tokens import Cutter

_MOST_SCORED = 3000
_MOST_PLACES = 16_383
_REMEMBERED = 64


class Statistics:
    """Counts over the passages that one caller sees in one version; `holding` fills as words are asked for."""

    def __init__(self, passages: int, average: float) -> None:
        self.passages, self.average = passages, average
        self.holding: dict[str, int] = {}


class Counts:
    """Statistics by version and labels, those used last. Safe to share between threads."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[int, tuple[str, ...] | None], Statistics] = OrderedDict()
        self._lock = threading.Lock()

    def of(
        self, connection: Any, names: Names, version: int, labels: Sequence[str] | None, seen: str, asked: Iterable[str]
    ) -> Statistics:
        """The counts that the words `asked` need, under the condition `seen`."""
        identity = (version, None if labels is None else tuple(sorted(set(labels))))
        with self._lock:
            found = self._kept.get(identity)
        table = f"{names.passages} AS p JOIN {names.documents} AS d USING (number)"
        if found is None:
            query = f"SELECT count(*), coalesce(avg(p.length), 0) FROM {table} WHERE {seen}"
            [(passages, average)] = connection.execute(query).fetchall()
            found = Statistics(int(passages), max(1.0, float(average)))
        for token in asked:
            if token not in found.holding:
                query = (
                    f"SELECT count(*) FROM {table} WHERE p.tokens @@ {_constant(any_of([token]))}::tsquery AND {seen}"
                )
                [(count,)] = connection.execute(query).fetchall()
                found.holding[token] = int(count)
        with self._lock:
            self._kept[identity] = found
            self._kept.move_to_end(identity)
            while len(self._kept) > _REMEMBERED:
                self._kept.popitem(last=False)
        return found


def matching(
    connection: Any, names: Names, counts: Statistics, asked: Mapping[str, int], condition: str
) -> tuple[Scored, bool]:
    """BM25 of passages that hold a word, and whether these are all.

    Where too many match, those are scored that hold one of the rarest words, which have the most to say.
    """
    there = sorted((token for token in asked if counts.holding[token]), key=lambda token: counts.holding[token])
    chosen: list[str] = []
    total = 0
    for token in there:
        total += counts.holding[token]
        if chosen and total > _MOST_SCORED:
            break
        chosen.append(token)
    if not chosen:
        return {}, True
    found = _scored(
        connection, names, counts, asked,
        f"p.tokens @@ {_constant(any_of(chosen))}::tsquery AND {condition}",
        f"ORDER BY ts_rank(p.tokens, {_constant(any_of(there))}::tsquery, 1) DESC, p.id LIMIT {_MOST_SCORED}",
    )  # fmt: skip
    return found, len(chosen) == len(there) and len(found) < _MOST_SCORED


def scores(connection: Any, names: Names, counts: Statistics, asked: Mapping[str, int], rows: Iterable[int]) -> Scored:
    """BM25 of these passages; 0 where no word matches."""
    ids = [int(row) for row in rows]
    if not ids:
        return {}
    numbers = ", ".join(map(str, ids))
    found = _scored(connection, names, counts, asked, f"p.id IN ({numbers})", "")
    return {row: found.get(row, 0.0) for row in ids}


def _scored(
    connection: Any, names: Names, counts: Statistics, asked: Mapping[str, int], condition: str, order: str
) -> Scored:
    query = (
        "SELECT c.id, c.length, u.lexeme, coalesce(cardinality(u.positions), 1) FROM ("
        f"SELECT p.id, p.length, p.tokens FROM {names.passages} AS p JOIN {names.documents} AS d USING (number) "
        f"WHERE {condition} {order}) AS c, unnest(c.tokens) AS u WHERE u.lexeme = ANY({array_literal(list(asked))})"
    )
    found: defaultdict[int, float] = defaultdict(float)
    for row, length, token, times in connection.execute(query):
        weight = asked[token] * rarity(counts.passages, counts.holding[token])
        found[int(row)] += weight * times * (K1 + 1) / (times + K1 * (1 - B + B * length / counts.average))
    return dict(found)


def vector_of(cutter: Cutter, text: str) -> str:
    """A text that was made ready for the index, as a constant of type tsvector.

    Example:
        >>> vector_of(Cutter(), "rent rents paid")
        "'rent':1,2 'paid':3"
    """
    places: dict[str, list[int]] = {}
    for place, token in enumerate(cutter.of(text), 1):
        places.setdefault(token, []).append(min(place, _MOST_PLACES))
    return " ".join(f"{_lexeme(token)}:{','.join(map(str, at))}" for token, at in places.items())


def any_of(tokens: Iterable[str]) -> str:
    """A constant of type tsquery: one of the tokens."""
    return " | ".join(_lexeme(token) for token in tokens)


def asked_in(cutter: Cutter, query: str) -> Counter[str]:
    """The words that a query asks for, and how often."""
    return Counter({token.replace("\x00", ""): times for token, times in cutter.asked(query).items()})


def _lexeme(token: str) -> str:
    clean = token.replace("\x00", "").replace("\\", "\\\\").replace("'", "''")
    return f"'{clean}'"


def _constant(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
