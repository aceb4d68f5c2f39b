"""Reading what can still be read of a table whose files are not all there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from instill.index.lance_tables import StoreFailure, Table, connect, store_failures
from instill.index.schema import TABLE

NARROW = (
    "doc_id", "ordinal", "passage_count", "source", "content_hash", "passage_identity", "labels",
)  # fmt: skip
_CHUNK = 16_384
_LARGEST_FRAGMENT = 1_048_576  # Lance writes no larger ones
_FRAGMENT_BITS = 32
_NEWEST_FIRST = 2**64 - 1


@dataclass(frozen=True, slots=True)
class Salvaged:
    """Rows that can be read whole, by `_rowid` and the columns `NARROW`, and how many others there are."""

    rows: Sequence[dict[str, Any]]
    unreadable: int

    @staticmethod
    def nothing() -> Salvaged:
        """Of a table that cannot be opened."""
        return Salvaged((), 0)


def opened(folder: Path) -> Table | None:
    """The table in `folder` at the newest version that can be opened, or None."""
    database = connect(folder)
    for version in (None, *_versions(folder)):
        try:
            with store_failures():
                return database.open_table(TABLE, version=version)
        except StoreFailure:
            continue
    return None


def readable(table: Table) -> Salvaged:
    """The rows that can be read: with one scan, or fragment by fragment when a file is missing."""
    try:
        with store_failures():
            batches = table.search().with_row_id(True).limit(None).to_batches()
            rows = [row for batch in batches for row in batch.select([*NARROW, "_rowid"]).to_pylist()]
        return Salvaged(rows, 0)
    except StoreFailure:
        rows = [row for chunk in _chunks(table) for row in chunk]
        return Salvaged(rows, max(0, int(table.stats()["num_rows"]) - len(rows)))


def _chunks(table: Table) -> Iterator[list[dict[str, Any]]]:
    """The rows, as far as they can be read, of each fragment; fragments are found by trying their numbers."""
    statistics = table.stats()
    wanted = int(statistics["fragment_stats"]["num_fragments"])
    is_small = int(statistics["num_rows"]) < _CHUNK
    for fragment in range(20 * int(table.version) + 1000):
        if wanted == 0:
            return
        there = False
        for start in range(0, _LARGEST_FRAGMENT, _CHUNK):
            try:
                with store_failures():
                    rows = _take(table, fragment, range(start, start + _CHUNK))
            except StoreFailure:
                there = True
                break
            there = there or bool(rows)
            yield rows
            if is_small and not rows:
                break
        wanted -= there


def _take(table: Table, fragment: int, offsets: range) -> list[dict[str, Any]]:
    ids = [(fragment << _FRAGMENT_BITS) | offset for offset in offsets]
    # All columns, so that a row counts as readable only if it can be copied.
    found = table.take_row_ids(ids).with_row_id().to_arrow()
    rows: list[dict[str, Any]] = found.select([*NARROW, "_rowid"]).to_pylist()
    return rows


def _versions(folder: Path) -> list[int]:
    """Numbers of the versions whose manifests lie there, newest first."""
    numbers = []
    for file in (folder / f"{TABLE}.lance" / "_versions").glob("*.manifest"):
        if file.stem.isdecimal():
            number = int(file.stem)
            numbers.append(_NEWEST_FIRST - number if number > _NEWEST_FIRST // 2 else number)
    return sorted(numbers, reverse=True)
