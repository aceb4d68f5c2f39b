"""All places of a workspace that keep text of documents, and what each was made from. Opens no index and no model."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from instill.catalog import Catalog
from instill.catalog.earlier_catalog import CATALOG_FILE, earlier_catalog
from instill.common.made_from import UNKNOWN, MadeFrom, Source, kept_beside, together
from instill.common.plurals import counted
from instill.errors import WorkspaceError
from instill.fit.kept.own_encoder import OwnEncoder, own_encoders
from instill.index.earlier_generations import where_of
from instill.index.generations import elsewhere, live_or_none
from instill.index.removed_documents import removed_from, removed_in
from instill.memory import TRAININGS
from instill.models.registry.store import Registry
from instill.study.links import link_of
from instill.study.stored_study import list_studies
from instill.workspace.purge.conversations_and_log import remembered_of, spoken_of

Kind = Literal[
    "index",
    "copy",
    "study set",
    "comparison",
    "report",
    "data curve",
    "run",
    "candidate",
    "encoder",
    "exchange",
    "memory",
    "earlier catalog",
]

COMPARISONS, ARMS, EXAMPLES = "compare", "arms", "examples"
FOLDERS: dict[Kind, str] = {"report": "reports", "data curve": "curves", "run": "runs"}
"""Each holds a folder by name, with the documents written down beside."""

WEIGHTS: tuple[Kind, ...] = ("candidate", "encoder")
"""What was learned stays in them: no text stands in their files, and none can be taken out."""

TRAINED = "trained on them: "
"""Begins a line about weights."""

_ROWS = ("rows.jsonl", "replay.jsonl")
_NO_TEXT = frozenset({"log.jsonl", "lock", "identity"})  # Of a run that is finished.


@dataclass(frozen=True, slots=True)
class Holder:
    """Something that keeps text of documents, or weights that were trained on it.

    Args:
        place: its folder; None for exchanges and the memory, which stand in the catalog or in its earlier file.
    """

    kind: Kind
    name: str
    place: Path | None
    made_from: MadeFrom


def holders(home: Path, catalog: Catalog) -> list[Holder]:
    """All of them but the caches, which purging empties in any case. Of the index it is what was removed from it.

    Args:
        home: a workspace's `.instill`.
    """
    found = made(home)
    found = [*_indices(home / "index"), *found]
    found += [Holder("exchange", name, None, spoken) for name, spoken in spoken_of(catalog)]
    found += [Holder("memory", name, None, kept) for name, kept in remembered_of(catalog)]
    return found + _earlier(home, catalog)


def _earlier(home: Path, catalog: Catalog) -> list[Holder]:
    """What the file holds that the catalog was in before."""
    try:
        with earlier_catalog(home, catalog, read_only=True) as earlier:
            if earlier is None:
                return []
            kept = together(each for _, each in (*spoken_of(earlier), *remembered_of(earlier)))
    except WorkspaceError:  # Whoever takes something out of it is told.
        return []
    return [Holder("earlier catalog", CATALOG_FILE, None, kept)] if kept.doc_ids else []


def _indices(folder: Path) -> list[Holder]:
    """What was removed from the index, and from copies of it that are in another store still."""
    live = live_or_none(folder)
    copies = [each for each in elsewhere(folder) if live is not None and each.name != live.name]
    removed: list[tuple[Kind, str, Path, frozenset[str]]]
    removed = [("index", "index", folder, removed_from(folder, but=[each.name for each in copies]))]
    removed += [("copy", where_of(each), folder / each.name, removed_in(folder / each.name)) for each in copies]
    return [
        Holder(kind, name, place, MadeFrom(tuple(Source(doc_id, "") for doc_id in sorted(gone))))
        for kind, name, place, gone in removed
        if gone
    ]


def made(home: Path) -> list[Holder]:
    """Those that somebody made: study sets, comparisons, reports, data curves, runs, candidates, encoders. Reads no
    conversations."""
    found = [Holder("study set", study.card.id, study.folder, study.card.made_from) for study in list_studies(home)]
    found += _comparisons(home)
    for kind, folder in FOLDERS.items():
        found += [Holder(kind, each.name, each, _beside(each)) for each in _folders(home / folder) if _has_text(each)]
    found += [Holder("run", f"consolidation {each.name}", each, _beside(each)) for each in _folders(home / TRAININGS)]
    for entry in Registry(home).entries():
        learned = UNKNOWN if entry.card is None else entry.card.made_from
        found.append(Holder("candidate", entry.id, home / "adapters" / entry.id, learned))
    return found + [Holder("encoder", own.name, own.folder(home), own.made_from) for own in _encoders(home)]


def touched_by(found: list[Holder], doc_ids: frozenset[str]) -> list[Holder]:
    """The holders that were made from one of these documents, or from nobody knows what."""
    return [each for each in found if not each.made_from.known or each.made_from.doc_ids & doc_ids]


def gone_from(found: list[Holder], present: frozenset[str]) -> list[tuple[Holder, frozenset[str]]]:
    """The holders that were made from documents that are not there any longer, with their ids.

    Args:
        present: ids of the documents in the index.
    """
    with_gone = [(holder, holder.made_from.doc_ids - present) for holder in found]
    return [(holder, gone) for holder, gone in with_gone if gone]


def said_of(found: list[tuple[Holder, frozenset[str]]], exchanges: int) -> list[str]:
    """A line a kind, with the names of the first few.

    Args:
        exchanges: how many would be deleted; see `conversations_and_log.count_exchanges`.

    Example:
        >>> found = [Holder("report", "3f2a", None, MadeFrom()), Holder("exchange", "turn 2", None, MadeFrom())]
        >>> said_of([(holder, frozenset({"d1"})) for holder in found], 1)
        ['1 report (3f2a)', '1 exchange in conversations and the log of questions']
    """
    by_kind: dict[Kind, list[str]] = {}
    for holder, _ in found:
        by_kind.setdefault(holder.kind, []).append(holder.name)
    lines = []
    for kind, names in by_kind.items():
        count = f"{len(names)} {kind}{'s' * (len(names) != 1)}"
        if kind == "index":
            lines.append("files of the index, until it is rewritten")
        elif kind == "copy":
            lines.append(f"earlier copy of the index in {', '.join(names)}, which must be reachable to delete it")
        elif kind == "exchange":
            where = "in conversations and the log of questions"
            lines.append(f"{counted(exchanges, 'exchange')} {where}" if exchanges else f"passages {where}")
        elif kind == "earlier catalog":
            lines.append(f"{', '.join(names)}, the catalog from before it was in a database")
        elif kind == "memory":
            lines.append(f"the memory ({', '.join(names)})")
        else:
            more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
            trained = TRAINED if kind in WEIGHTS else ""
            lines.append(f"{trained}{count} ({', '.join(names[:_SHOWN])}{more})")
    return lines


_SHOWN = 3


def _comparisons(home: Path) -> Iterator[Holder]:
    for folder in _folders(home / COMPARISONS):
        if folder.name == ARMS:
            for arm in _folders(folder):
                yield Holder("comparison", f"{ARMS}/{arm.name}", arm, together(_links(arm)))
        elif folder.name == EXAMPLES:
            for part in _folders(folder):
                yield Holder("comparison", f"{EXAMPLES}/{part.name}", part, _beside(part))
        else:
            yield Holder("comparison", folder.name, folder, _beside(folder))


def _links(arm: Path) -> Iterator[MadeFrom]:
    """Of each row of an arm."""
    for name in _ROWS:
        try:
            lines = (arm / name).read_text(encoding="utf-8").split("\n")
            yield from (link_of(json.loads(line)) for line in lines if line)
        except FileNotFoundError:
            continue
        except (OSError, ValueError, AttributeError, TypeError, RecursionError):
            yield UNKNOWN


def _encoders(home: Path) -> list[OwnEncoder]:
    try:
        return own_encoders(home)
    except WorkspaceError:  # It is told of where the index is opened.
        return []


def _beside(folder: Path) -> MadeFrom:
    made = kept_beside(folder)
    return UNKNOWN if made is None else made


def _has_text(folder: Path) -> bool:
    return any(file.name not in _NO_TEXT for file in folder.iterdir())


def _folders(parent: Path) -> list[Path]:
    """Those that are finished; drafts begin with a dot."""
    if not parent.is_dir():
        return []
    return sorted(each for each in parent.iterdir() if each.is_dir() and not each.name.startswith("."))
