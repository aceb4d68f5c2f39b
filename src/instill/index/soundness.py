"""Whether a table is whole: every passage once, every document complete, every file there.

The invariant: (document, ordinal) is unique; a document has its passages 0 to `passage_count - 1` and no others; a
source belongs to one document. Commits keep it, so it need not be looked at each time: `sound.json` in the
generation's folder names the last version that is known to be sound. Another version than this one was left by a
process that was killed between its commit and this note, or by an older Instill, and is looked at once, by a few
narrow columns. An older version than this one means that the file of the newest versions is gone: Lance would go on
with what it still finds, without a word.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from instill.errors import DamagedIndex
from instill.index.altered_rows import altered
from instill.index.generations import REPAIR
from instill.index.lance_tables import StoreFailure, Table, first_line, store_failures
from instill.index.schema import TOMBSTONE

if TYPE_CHECKING:
    import pyarrow as pa

NOTE = "sound.json"
_NARROW = ["key", "doc_id", "ordinal", "passage_count", "source"]
_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Unsound:
    """Documents that break the invariant, by doc_id. `hidden_twice`: a tombstone stands beside a passage."""

    twice: tuple[str, ...] = ()
    incomplete: tuple[str, ...] = ()
    same_source: tuple[str, ...] = ()
    hidden_twice: tuple[str, ...] = ()

    def kinds(self) -> list[str]:
        """What is wrong without saying where, for whoever opens the index; empty when readers see nothing wrong."""
        said = (
            (self.twice, "passages are stored twice"),
            (self.incomplete, "passages are missing"),
            (self.same_source, "documents share a source"),
        )
        return [text for ids, text in said if ids]

    def sentences(self) -> list[str]:
        """What is wrong and where, a sentence a kind."""
        said = (
            (self.twice, "passages are stored twice in"),
            (self.incomplete, "passages are missing in"),
            (self.same_source, "one source belongs to"),
            (self.hidden_twice, "a passage will be stored twice by the next change of"),
        )
        return [f"{text} {_documents(ids)}" for ids, text in said if ids]


def look(table: Table) -> Unsound:
    """Check the invariant on every row, by five narrow columns (0.4 s for a million passages)."""
    import pyarrow as pa
    import pyarrow.compute as pc

    rows = table.search().select(_NARROW).limit(None).to_arrow()
    current = rows.filter(pc.is_valid(rows["ordinal"]))
    twice = _repeated(current, "key")
    of_documents = current.group_by("doc_id").aggregate(
        [("ordinal", "count_distinct"), ("ordinal", "min"), ("ordinal", "max"), ("passage_count", "min"),
         ("passage_count", "max")]
    )  # fmt: skip
    whole = pc.and_kleene(
        pc.and_kleene(
            pc.equal(of_documents["ordinal_min"], 0),
            pc.equal(pc.cast(of_documents["ordinal_count_distinct"], pa.int64()), of_documents["passage_count_min"]),
        ),
        pc.and_kleene(
            pc.equal(pc.add(of_documents["ordinal_max"], 1), of_documents["passage_count_min"]),
            pc.equal(of_documents["passage_count_max"], of_documents["passage_count_min"]),
        ),
    )
    incomplete = of_documents.filter(pc.invert(pc.fill_null(whole, False)))["doc_id"].to_pylist()
    places = current.select(["doc_id", "source"]).group_by(["doc_id", "source"]).aggregate([])
    shared = places.filter(pc.is_in(places["source"], pa.array(_repeated(places, "source"), pa.string())))
    hidden = set(_repeated(rows, "key")) - set(twice)
    return Unsound(
        twice=tuple(sorted({key.rpartition(":")[0] for key in twice})),
        incomplete=tuple(sorted(incomplete)),
        same_source=tuple(sorted(set(shared["doc_id"].to_pylist()))),
        hidden_twice=tuple(sorted({key.rpartition(":")[0] for key in hidden})),
    )


def require(table: Table, folder: Path, newest: Callable[[], int], *, note_it: bool) -> None:
    """Go on when the table in `folder` is known to be sound, or is found to be.

    Args:
        newest: the table's newest version at the time of the call.
        note_it: whether what is found may be written down.

    Raises:
        DamagedIndex: the invariant is broken, or the newest versions are gone.
    """
    noted, version = noted_version(folder), int(table.version)
    if noted == version:
        return
    if noted is not None and version < noted and (left := newest()) < noted:
        raise DamagedIndex(
            f"A file of the index is gone: its version {noted} was written, and {left} is the newest left.",
            where=str(folder),
            remedy=REPAIR,
        )
    found = look(table)
    if wrong := found.kinds():
        raise DamagedIndex(f"The index is damaged: {'; '.join(wrong)}.", where=str(folder), remedy=REPAIR)
    if note_it and not found.hidden_twice and (noted is None or version > noted):
        note(folder, version)


def lost_versions(folder: Path, version: int) -> str:
    """What is to be said when the newest version is older than the one that was noted; "" when it is not."""
    noted = noted_version(folder)
    if noted is None or version >= noted:
        return ""
    return f"its version {noted} was written, and {version} is the newest left"


def noted_version(folder: Path) -> int | None:
    """The last version that is known to be sound; None when none is."""
    try:
        return int(json.loads((folder / NOTE).read_text(encoding="utf-8"))["version"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def note(folder: Path, version: int) -> None:
    """Write down that `version` is sound. Torn or lost, the next opening only looks again."""
    try:
        (folder / NOTE).write_text(json.dumps({"version": version}), encoding="utf-8")
    except OSError:
        (folder / NOTE).unlink(missing_ok=True)


def unreadable_files(table: Table) -> Iterator[str]:
    """What cannot be read, or is not what was written: all rows and columns are read, and every file of every index."""
    try:
        with store_failures():
            found = altered(table.search().limit(None).to_batches())
    except StoreFailure as error:
        yield f"passages cannot be read: {first_line(str(error))}"
    else:
        if found.texts:
            yield f"passages are not what the text says in {_documents(tuple(sorted(found.texts)))}"
        if found.keys:
            yield f"keys are damaged in {_documents(tuple(sorted(found.keys)))}"
        if found.vectors:
            yield f"vectors are damaged in {_documents(tuple(sorted(found.vectors)))}"
    for index in table.list_indices():
        try:
            with store_failures():
                table.prewarm_index(index.name)
        except StoreFailure as error:
            yield f"the index on {', '.join(index.columns)} cannot be read: {first_line(str(error))}"


def without_old_tombstones(table: Table) -> None:
    """Delete the tombstones of an older Instill, which could come to stand beside a passage with the same key."""
    if table.count_rows(TOMBSTONE):
        table.delete(TOMBSTONE)


def _repeated(rows: pa.Table, column: str) -> list[str]:
    import pyarrow.compute as pc

    counted = rows.select([column]).group_by(column).aggregate([([], "count_all")])
    found: list[str] = counted.filter(pc.greater(counted["count_all"], 1))[column].to_pylist()
    return found


def _documents(ids: tuple[str, ...]) -> str:
    shown = ", ".join(ids[:_SHOWN]) + (" ..." if len(ids) > _SHOWN else "")
    return f"{len(ids)} document{'s' if len(ids) > 1 else ''} ({shown})"
