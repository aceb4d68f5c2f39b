"""What forgetting takes out, said before it is done. Nothing is written."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from instill.catalog import Catalog
from instill.common.plurals import counted
from instill.workspace.purge.holders import Holder, Kind, holders

_DELETED: dict[Kind, str] = {
    "comparison": "comparison",
    "report": "comparison report",
    "data curve": "data curve",
    "run": "unfinished run",
    "candidate": "trained candidate",
}
_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Goes:
    """What goes with some documents.

    Args:
        deleted: what is deleted as a whole, as "report 3f2a".
        changed: what loses the documents' part and keeps the rest.
        said: all of it in sentences.
    """

    deleted: tuple[str, ...]
    changed: tuple[str, ...]
    said: str


def what_goes(home: Path, catalog: Catalog, doc_ids: Collection[str]) -> Goes:
    """What forgetting these documents, or a fact of them, deletes and changes.

    Args:
        home: the workspace's `.instill`.
    """
    wanted = frozenset(doc_ids)
    found = [each for each in holders(home, catalog) if not each.made_from.known or each.made_from.doc_ids & wanted]
    whole = [each for each in found if each.kind in _DELETED]
    studies = [each for each in found if each.kind == "study set"]
    exchanges = sum(each.kind == "exchange" for each in found)
    sentences = [f"Deleted as a whole: {_listed(whole)}."] if whole else []
    if studies:
        names = ", ".join(each.name for each in studies[:_SHOWN]) + _more(len(studies))
        sentences.append(f"{counted(len(studies), 'study set')} ({names}) will lose the facts of it.")
    if exchanges:
        sentences.append(f"{counted(exchanges, 'exchange')} in conversations and the log of questions will be deleted.")
    return Goes(
        deleted=tuple(f"{each.kind} {each.name}" for each in whole),
        changed=tuple(f"{each.kind} {each.name}" for each in studies),
        said=" ".join(sentences) or "Nothing else was made from it.",
    )


def _listed(whole: list[Holder]) -> str:
    parts = []
    for kind, words in _DELETED.items():
        names = [each.name for each in whole if each.kind == kind]
        if names:
            parts.append(f"{counted(len(names), words)} ({', '.join(names[:_SHOWN])}{_more(len(names))})")
    return ", ".join(parts)


def _more(count: int) -> str:
    return f" and {count - _SHOWN} more" if count > _SHOWN else ""
