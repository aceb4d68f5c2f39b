"""Taking documents out of a file of rows that others stand in too."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from itertools import chain
from pathlib import Path

import pyarrow as pa

from instill.common.durable_files import in_place_of


def keep_rows(file: Path, doc_ids: Collection[str]) -> bool:
    """Write a file of rows anew with those of these documents alone, where it holds others: wholly or not at all.

    Returns:
        Whether it can be read.

    Raises:
        OSError: the disk is full.
    """
    wanted = set(doc_ids)
    if not file.is_file() or not file.stat().st_size:
        return False
    try:
        if all(set(batch.column("doc_id").to_pylist()) <= wanted for batch in _batches(file)):
            return True
        draft = file.with_name(f".{file.name}.{os.getpid()}")
        with in_place_of(file, draft):
            _write(draft, _batches(file), wanted)
    except (pa.ArrowInvalid, KeyError):
        return False
    return True


def _batches(file: Path) -> Iterator[pa.RecordBatch]:
    with pa.memory_map(str(file)) as held:
        reader = pa.ipc.open_file(held)
        for number in range(reader.num_record_batches):
            yield reader.get_batch(number)


def _write(draft: Path, batches: Iterator[pa.RecordBatch], wanted: Collection[str]) -> None:
    first = next(batches)
    with pa.OSFile(str(draft), "wb") as sink, pa.ipc.new_file(sink, first.schema) as writer:
        for batch in chain([first], batches):
            writer.write_batch(batch.filter(pa.array([each in wanted for each in batch.column("doc_id").to_pylist()])))
    with draft.open("rb") as written:
        os.fsync(written.fileno())
