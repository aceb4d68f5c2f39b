"""Mending a damaged index: what is whole is copied into a new generation, which then becomes the live one.

Nothing is changed in place, so a repair that is stopped has changed nothing. Passages keep their vectors. A document
that lacks passages but still has its text is cut and encoded again; one without is lost to the index, and named.
"""

from __future__ import annotations

import shutil
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from instill.errors import WorkspaceError
from instill.index import lookup, soundness, upkeep, writing
from instill.index.altered_rows import Altered, altered
from instill.index.generations import (
    Generation,
    damaged_pointer,
    live_generation,
    make_live,
    marked_generation,
    new_generation,
)
from instill.index.lance_tables import StoreFailure, Table, Tables, connect, storage_errors, store_failures
from instill.index.lookup import StoredDocument
from instill.index.salvage import Salvaged, opened, readable
from instill.index.schema import TABLE, storable
from instill.index.types import IndexedDocument

if TYPE_CHECKING:
    import pyarrow as pa

_ROWS_PER_COMMIT = 4096

Remake = Callable[[StoredDocument], IndexedDocument]
"""Cuts and encodes a document again, from its text."""


@dataclass(frozen=True, slots=True)
class Repair:
    """What a repair did. `remade` and `lost` are sources; `unreadable` counts rows whose document is not known."""

    damage: tuple[str, ...]
    documents: int = 0
    remade: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    unreadable: int = 0


@dataclass(slots=True)
class _Plan:
    """Row ids to copy, labels that replace what rows say, row ids of texts to cut again, sources that are lost.

    `unsure`: documents whose text may be wrong. They keep no hash, so that `sync` reads them again where it can.
    """

    copied: list[int] = field(default_factory=list)
    labels: dict[str, tuple[str, ...]] = field(default_factory=dict)
    remade: dict[str, int] = field(default_factory=dict)
    lost: list[str] = field(default_factory=list)
    unsure: frozenset[str] = frozenset()


def damage_of(folder: Path) -> list[str]:
    """Everything that is wrong with the index in `folder`, a sentence each: every file of it is read.

    An index that was never made is not damaged.
    """
    generation, wrong = _generation(folder)
    if generation is None:
        return wrong
    place = folder / generation.name
    try:
        with store_failures():
            table = connect(place).open_table(TABLE)
    except StoreFailure as error:
        return [*wrong, f"the table cannot be opened: {_short(error, place)}"]
    if gone := soundness.lost_versions(place, int(table.version)):
        wrong.append(f"the newest changes are gone: {gone}")
    unreadable = [_short(said, place) for said in soundness.unreadable_files(table)]
    if unreadable:
        return [*wrong, *unreadable]
    return [*wrong, *soundness.look(table).sentences()]


def repair(folder: Path, *, fingerprint: str, remake: Remake) -> Repair:
    """Mend the index in `folder`, for a caller that holds its write lock.

    Args:
        fingerprint: the encoder's that `remake` uses; documents of an index of another encoder are not made again.

    Raises:
        WorkspaceError: the disk is full or read-only.
    """
    damage = damage_of(folder)
    if not damage:
        return Repair(())
    with storage_errors(folder):
        generation, _ = _generation(folder)
        if generation is None:
            raise WorkspaceError(
                "No part of the index can be read.",
                where=str(folder),
                remedy=f"Delete {folder} and run: instill sync (it reads the documents again)",
            )
        return _copied(folder, generation, tuple(damage), remake if generation.fingerprint == fingerprint else None)


def _copied(folder: Path, generation: Generation, damage: tuple[str, ...], remake: Remake | None) -> Repair:
    table = opened(folder / generation.name)
    salvaged = readable(table) if table is not None else Salvaged.nothing()
    plan = _planned(salvaged.rows, _altered(table))
    successor = new_generation(folder, generation.dimension, generation.fingerprint)
    place = folder / successor.name
    try:
        upkeep.create_table(place, generation.dimension)
        tables = Tables(place)
        new = tables.writable()
        for start in range(0, len(plan.copied), _ROWS_PER_COMMIT):
            new.add(_taken(table, plan.copied[start : start + _ROWS_PER_COMMIT], plan.labels))
        remade = _remade(table, new, plan, remake, generation.dimension)
        upkeep.run(tables, folder, lambda change: change(tables.writable()), progress=None, force=True)
        soundness.note(place, tables.newest_version())
    except BaseException:
        shutil.rmtree(place, ignore_errors=True)
        raise
    make_live(folder, successor)
    return Repair(damage, lookup.count(tables.snapshot(), None)[0], remade, tuple(plan.lost), salvaged.unreadable)


def _altered(table: Table | None) -> Altered:
    """Documents that are not what was written, where all rows can be read; otherwise the next repair finds them."""
    try:
        with store_failures():
            return Altered() if table is None else altered(table.search().limit(None).to_batches())
    except StoreFailure:
        return Altered()


def _planned(rows: Sequence[Mapping[str, Any]], odd: Altered) -> _Plan:
    """What to do with each document, from its rows' narrow columns."""
    by_document: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows:
        if row["ordinal"] is not None:
            by_document[row["doc_id"]].append(row)
    plan = _Plan(unsure=frozenset(odd.texts))
    for doc_id in _one_a_source(by_document):
        found = by_document[doc_id]
        edition = [] if doc_id in odd.documents else _newest_whole(found)
        starts = [row for row in found if row["ordinal"] == 0]
        if edition:
            plan.copied += [row["_rowid"] for row in edition]
        elif starts:
            plan.remade[doc_id] = max(row["_rowid"] for row in starts)
        else:
            plan.lost.append(found[-1]["source"])
        held = {tuple(row["labels"]) for row in found}
        if len(held) > 1:  # nobody may come to see what one of the copies did not show him
            plan.labels[doc_id] = tuple(sorted(set.intersection(*map(set, held))))
    plan.copied.sort()
    return plan


def _one_a_source(by_document: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[str]:
    """The documents; of those with one source the one that was written last."""
    chosen: dict[str, tuple[int, str]] = {}
    for doc_id, rows in by_document.items():
        last = max(rows, key=lambda row: row["_rowid"])
        chosen[last["source"]] = max(chosen.get(last["source"], (-1, "")), (last["_rowid"], doc_id))
    return [doc_id for _, doc_id in chosen.values()]


def _newest_whole(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The rows of the newest edition of a document that has all its passages, each once; empty when none has."""
    editions: dict[tuple[Any, ...], dict[int, Mapping[str, Any]]] = defaultdict(dict)
    for row in sorted(rows, key=lambda row: row["_rowid"]):
        named = (row["source"], row["content_hash"], row["passage_identity"], row["passage_count"])
        editions[named][row["ordinal"]] = row
    whole = [
        list(edition.values())
        for (*_, count), edition in editions.items()
        if sorted(edition) == list(range(count))
    ]  # fmt: skip
    return max(whole, key=lambda edition: max(row["_rowid"] for row in edition), default=[])


def _taken(table: Table, row_ids: Sequence[int], labels: Mapping[str, tuple[str, ...]]) -> pa.Table:
    import pyarrow as pa

    rows = table.take_row_ids(list(row_ids)).to_arrow()
    target = storable(writing.schema_of(table))
    columns = [
        rows.column(wanted.name).cast(wanted.type)
        if wanted.name in rows.schema.names
        else pa.nulls(len(rows), wanted.type)
        for wanted in target  # a table of an older Instill lacks the latest columns
    ]
    if labels:
        at = target.get_field_index("labels")
        owners, held = rows.column("doc_id").to_pylist(), rows.column("labels").to_pylist()
        replaced = [list(labels.get(owner, own)) for owner, own in zip(owners, held, strict=True)]
        columns[at] = pa.array(replaced, target.field(at).type)
    return pa.Table.from_arrays(columns, schema=target)


def _remade(table: Table, new: Table, plan: _Plan, remake: Remake | None, dimension: int) -> tuple[str, ...]:
    made = []
    for doc_id, row_id in sorted(plan.remade.items()):
        rows = table.take_row_ids([row_id]).to_arrow()
        source = rows.column("source").to_pylist()[0]
        try:
            row = rows.to_pylist()[0]
            row |= {"labels": plan.labels.get(doc_id, row["labels"])}
            row |= {"content_hash": ""} if doc_id in plan.unsure else {}
            stored = lookup.stored_document(row)
        except (ValueError, KeyError, TypeError):  # what has changed is no text, or no structure of one
            plan.lost.append(source)
            continue
        if remake is None or not stored.text:
            plan.lost.append(source)
            continue
        writing.put(new, [remake(stored)], dimension)
        made.append(source)
    return tuple(made)


def _generation(folder: Path) -> tuple[Generation | None, list[str]]:
    """The generation to look at, and what is wrong with the file that should name it."""
    said = damaged_pointer(folder)
    return (marked_generation(folder), [said]) if said else (live_generation(folder), [])


def _short(said: object, place: Path) -> str:
    """Without the path that every message repeats, and without the store's own source lines."""
    return str(said).replace(f"{place}/", "").replace(f"{str(place).lstrip('/')}/", "").partition(", /")[0][:200]
