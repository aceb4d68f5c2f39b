"""What forgetting takes out and what it leaves, said before it is done. Nothing is written."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from instill.catalog import Catalog
from instill.catalog.earlier_catalog import CATALOG_FILE
from instill.common.made_from import UNKNOWN, Caller
from instill.common.plurals import counted
from instill.errors import WorkspaceError
from instill.study.purged import leaves_nothing
from instill.study.stored_study import StoredStudy
from instill.workspace.purge.conversations_and_log import NONE, count_exchanges
from instill.workspace.purge.holders import Holder, Kind, holders, made, touched_by
from instill.workspace.purge.purging import MEASURED, in_use, unreadable_studies
from instill.workspace.purge.questions_naming import Naming

_DELETED: dict[Kind, str] = {
    "study set": "study set",
    "comparison": "comparison",
    "report": "comparison report",
    "data curve": "data curve",
    "run": "unfinished run",
    "candidate": "trained candidate",
}
_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Goes:
    """What goes with some documents, and what does not. The receipt of forgetting says the same afterwards.

    Args:
        deleted: what is deleted as a whole, as "report 3f2a".
        changed: what loses the documents' part and keeps the rest.
        exchanges: how many questions with their answers are deleted.
        unknown: candidates of which nobody wrote down what they learned from, by name; they stay.
        encoders: that were trained on the documents, by name; they stay.
        in_use: what another process works on now, so that it would stay.
        said: what goes, in sentences.
    """

    deleted: tuple[str, ...]
    changed: tuple[str, ...]
    exchanges: int
    unknown: tuple[str, ...]
    encoders: tuple[str, ...]
    in_use: tuple[str, ...]
    said: str


def what_goes(
    home: Path, catalog: Catalog, doc_ids: Collection[str], *, naming: Naming = NONE, jobs_end: bool = False
) -> Goes:
    """What forgetting these documents, or a fact of them, deletes and changes.

    Args:
        home: the workspace's `.instill`.
        naming: exchanges that go too, whatever they show.
        jobs_end: what is in use is so by jobs that end before.
    """
    wanted = frozenset(doc_ids)
    found = touched_by(holders(home, catalog), wanted)
    busy = [] if jobs_end else [each for each in found if each.kind in MEASURED and each.place and in_use(each.place)]
    studies = [each for each in found if each.kind == "study set"]
    emptied = [each for each in studies if _is_emptied(each, wanted)]
    emptied += [Holder("study set", each.name, each, UNKNOWN) for each in unreadable_studies(home)]
    candidates = [each for each in found if each.kind == "candidate"]
    learned = [each for each in candidates if each.made_from.known]
    measured = [each for each in found if each.kind in MEASURED and each not in busy]
    whole = [*emptied, *measured, *learned]
    kept = [each for each in studies if each not in emptied]
    exchanges = count_exchanges(catalog, wanted, naming)
    sentences = [f"Deleted as a whole: {_listed(whole)}."] if whole else []
    if kept:
        names = ", ".join(each.name for each in kept[:_SHOWN]) + _more(len(kept))
        sentences.append(f"{counted(len(kept), 'study set')} ({names}) will lose the facts of it, where there are any.")
    if exchanges:
        sentences.append(f"{counted(exchanges, 'exchange')} in conversations and the log of questions will be deleted.")
    if any(each.kind == "memory" for each in found):
        sentences.append("So will the facts, uses and cached answers that the memory keeps of it.")
    if any(each.kind == "earlier catalog" for each in found):
        sentences.append(f"The same goes from {CATALOG_FILE}, the catalog from before it was in a database.")
    return Goes(
        deleted=tuple(map(_name, whole)),
        changed=tuple(map(_name, kept)),
        exchanges=exchanges,
        unknown=tuple(each.name for each in candidates if not each.made_from.known),
        encoders=tuple(each.name for each in found if each.kind == "encoder"),
        in_use=tuple(map(_name, busy)),
        said=" ".join(sentences) or "Nothing else was made from it.",
    )


def what_keeps(home: Path, doc_ids: Collection[str], caller: Caller) -> str:
    """What was made from these documents and keeps their words when they are only taken out of the index: of what the
    caller sees, with the names of the first few; "" where there is nothing.

    Args:
        home: the workspace's `.instill`.
    """
    wanted = frozenset(doc_ids)
    return _listed([each for each in made(home) if each.made_from.doc_ids & wanted and caller.sees(each.made_from)])


def _name(holder: Holder) -> str:
    return f"{holder.kind} {holder.name}"


def _is_emptied(study: Holder, doc_ids: frozenset[str]) -> bool:
    """Whether no fact of a study set is left, or nobody can take a part of it out."""
    assert study.place is not None
    try:
        return leaves_nothing(StoredStudy(study.place), doc_ids)
    except WorkspaceError:
        return True


def _listed(whole: list[Holder]) -> str:
    parts = []
    for kind, words in _DELETED.items():
        names = [each.name for each in whole if each.kind == kind]
        if names:
            parts.append(f"{counted(len(names), words)} ({', '.join(names[:_SHOWN])}{_more(len(names))})")
    return ", ".join(parts)


def _more(count: int) -> str:
    return f" and {count - _SHOWN} more" if count > _SHOWN else ""
