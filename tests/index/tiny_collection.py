"""The smallest collection that a package could bring: a table of SQLite, and every vector compared."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from instill.index.protocol import Capabilities, Place
from instill.index.stores.collection import LIVE, Among, Fields, Row
from instill.models.encoders.protocol import Vectors


def open_store(place: Place, *, create: bool) -> TinyCollection:
    return TinyCollection(place, create=create)


class TinyCollection:
    capabilities = Capabilities(labels="instill", sharing="processes")
    longest = 20_000

    def __init__(self, place: Place, *, create: bool) -> None:
        self._file = place.folder / "rows.db"
        if not create:
            return
        self._do("CREATE TABLE head(id INTEGER PRIMARY KEY, head TEXT)")
        self._do(
            "CREATE TABLE rows(id INTEGER PRIMARY KEY, document INT, born INT, died INT, labels TEXT, passage TEXT, "
            "part TEXT, vector BLOB)"
        )

    def _do(self, statement: str, values: Sequence[Sequence[object]] = ((),)) -> list[tuple[Any, ...]]:
        connection = sqlite3.connect(self._file, timeout=60)
        try:
            with connection:
                if len(values) == 1:
                    return connection.execute(statement, values[0]).fetchall()
                connection.executemany(statement, values)
                return []
        finally:
            connection.close()

    def head(self) -> str:
        found = self._do("SELECT head FROM head")
        return str(found[0][0]) if found else ""

    def set_head(self, head: str) -> None:
        self._do("INSERT OR REPLACE INTO head VALUES (1, ?)", [[head]])

    def insert(self, rows: Sequence[Row]) -> None:
        assert all(row.passage.isascii() and row.part.isascii() and row.vector is not None for row in rows)
        assert all(max(len(row.passage), len(row.part)) <= self.longest for row in rows)
        values = [
            (row.id, row.document, row.born, row.died, json.dumps(row.labels), row.passage, row.part,
             None if row.vector is None else row.vector.tobytes())
            for row in rows
        ]  # fmt: skip
        self._do("INSERT OR REPLACE INTO rows VALUES (?, ?, ?, ?, ?, ?, ?, ?)", [*values[:-1], values[-1]])

    def end(self, ids: Sequence[int], died: int) -> None:
        self._do("UPDATE rows SET died = ? WHERE id = ?", [(died, each) for each in ids])

    def delete(self, ids: Sequence[int]) -> None:
        self._do("DELETE FROM rows WHERE id = ?", [(each,) for each in ids])

    def nearest(self, vector: Vectors, among: Among, count: int) -> list[tuple[int, float]]:
        """It leaves labels and documents to Instill, as its capabilities say."""
        rows = self._do("SELECT id, vector FROM rows WHERE born <= ? AND died > ?", [[among.version] * 2])
        cosines = [(row, float(np.frombuffer(own, np.float32) @ vector)) for row, own in rows]
        return sorted(cosines, key=lambda pair: -pair[1])[:count]

    def read(self, ids: Sequence[int], fields: Fields) -> list[Row]:
        return [row for row in self.changed(0, fields) if row.id in set(ids)]

    def changed(self, since: int, fields: Fields) -> Iterator[Row]:
        found = self._do("SELECT * FROM rows WHERE born > ? OR (died > ? AND died < ?)", [[since, since, LIVE]])
        for row, document, born, died, _, passage, part, vector in found:
            yield Row(
                row, document, born, died, (), passage if "passage" in fields else "", part if "part" in fields else "",
                np.frombuffer(vector, np.float32) if "vector" in fields else None,
            )  # fmt: skip

    def bytes(self) -> int:
        return self._file.stat().st_size

    def drop(self) -> None:
        self._file.unlink()

    def close(self) -> None:
        """Nothing is held open."""
