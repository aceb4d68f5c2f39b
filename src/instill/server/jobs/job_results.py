"""What a job is called, and what came of it, in words and with the page that shows it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path, PurePath
from typing import Any

from pydantic import BaseModel

from instill.common.place_in_words import names_apart
from instill.common.plurals import counted
from instill.server.page_words import on_pages
from instill.server.uploads import name_of_upload

TITLES: Mapping[str, str] = {
    "add": "Adding documents",
    "add url": "Adding a page",
    "sync": "Bringing the documents up to date",
    "refine": "Computing vectors",
    "calibrate": "Calibrating",
    "tune": "Tuning the search",
    "study": "Making a study set",
    "compare": "Comparing",
    "curve": "Measuring a data curve",
    "train": "Training",
    "reindex": "Encoding all documents again",
    "consolidate": "Consolidating",
    "forget": "Forgetting",
}
"""By kind of job."""


_MOST_PROBLEMS = 100
_MOST_NAMED = 2
FORGOTTEN = "It was forgotten, so that it is not added. An admin allows it again: instill forget --allow"
_FETCHED = ("add url", "sync")
"""What these jobs could not add is still where it was; an upload that could not be added is deleted."""
_GONE = "was deleted since: a document was forgotten, or somebody took it out."


class Outcome(BaseModel):
    """What came of a job.

    Args:
        said: in a few words; "" as long as it goes on.
        page: the address of the page that shows it, and `link`, what that page shows; "" where there is none.
        problems: of documents, which could not be added and why, each in a few words; the first hundred.
        again: whether doing the same once more may help.
    """

    said: str = ""
    page: str = ""
    link: str = ""
    problems: list[str] = []
    again: bool = False


def outcome(kind: str, state: str, result: Any) -> Outcome:
    """What came of a job of a kind.

    Args:
        result: of a job that is done, what its command prints as JSON; of one that failed, the error.

    Example:
        >>> outcome("compare", "done", {"report": "/kb/.instill/reports/a9c7/report.html"}).said
        'The report was deleted since: a document was forgotten, or somebody took it out.'
        >>> outcome("curve", "done", {}).page
        '/compare'
        >>> outcome("add", "done", {"added": ["a", "b"], "unchanged": 1, "failed": [{}]}).said
        '2 added, 1 there already, 1 could not be added.'
        >>> outcome("add", "done", {"changed": ["/kb/.instill/uploads/all/a/index.md"],
        ...     "replaced": [["/kb/.instill/uploads/all/a/index.md", "0a1b"]]}).said
        '1 replaces the earlier a/index.md.'
        >>> outcome("add", "done", {"forgotten": [["/kb/.instill/uploads/all/tea.md", "0a1b"]]}).said
        '1 not added, because it was forgotten.'
    """
    found = result if isinstance(result, dict) else {}
    if state == "failed":
        return Outcome(said=_words(found), again=True)
    if state == "cancelled":
        return Outcome(said="It was stopped.")
    if state != "done":
        return Outcome()
    if kind in _FETCHED:
        told = _documents(found)
        return told.model_copy(update={"again": bool(told.problems)})
    said = _SAID.get(kind)
    return said(found) if said else Outcome(said=on_pages(str(found.get("verdict", ""))))


def _documents(found: Mapping[str, Any]) -> Outcome:
    replaced = [str(source) for source, _ in found.get("replaced", ())]
    counts = [(len(found.get(name, ())), words) for name, words in _COUNTED]
    counts = [(count - len(replaced), words) if words == "changed" else (count, words) for count, words in counts]
    names = _names(replaced[:_MOST_NAMED])
    more = [f"{len(replaced) - len(names):,} more"] if len(replaced) > len(names) else []
    them = f"{'replaces' if len(replaced) == 1 else 'replace'} the earlier {' and '.join([*names, *more])}"
    counts.append((len(replaced), them))
    unchanged = (int(found.get("unchanged", 0)), "there already")
    failed = (len(found.get("failed", ())), "could not be added")
    forgotten = len(found.get("forgotten", ()))
    kept_out = (forgotten, f"not added, because {'it was' if forgotten == 1 else 'they were'} forgotten")
    parts = [f"{count} {words}" for count, words in (*counts, unchanged, kept_out, failed) if count]
    said = ", ".join(parts or ["Nothing was to be done"]) + "."
    return Outcome(said=said, page="/documents", link="The documents", problems=_problems(found))


def _problems(found: Mapping[str, Any]) -> list[str]:
    failed = [each for each in found.get("failed", ()) if each]
    names = _names([str(each.get("source", "")) for each in failed[:_MOST_PROBLEMS]])
    told = [f"{name}: {_words(each)}" for name, each in zip(names, failed, strict=False)]
    rest = len(failed) - len(told)
    forgotten = [(str(source), str(by)) for source, by in found.get("forgotten", ())][:_MOST_PROBLEMS]
    names = _names([source for source, _ in forgotten])
    told += [
        f"{name}: {FORGOTTEN} {name if by == source else by}"
        for name, (source, by) in zip(names, forgotten, strict=True)
    ]
    return [*told, f"and {rest:,} more"] if rest else told


def _names(sources: Sequence[str]) -> list[str]:
    """Of an upload, the name with folders under which it was sent; of other documents, names that tell them apart.

    Example:
        >>> _names(["/kb/.instill/uploads/all/a/README.md", "/kb/.instill/uploads/all/README.md", "/doc/b/tea.md"])
        ['a/README.md', 'README.md', 'tea.md']
    """
    others = [source for source in sources if name_of_upload(source) == source]
    apart = dict(zip(others, names_apart(others), strict=True))
    return [apart.get(source) or name_of_upload(source) for source in sources]


def _words(problem: Mapping[str, Any]) -> str:
    """What happened and what to do, without paths of this machine and options of commands.

    Example:
        >>> _words({"what": "This is not an arm.", "where": "nonsense", "remedy": "Choose another."})
        'This is not an arm. (nonsense) Choose another.'
        >>> _words({"what": "The file is empty.", "where": "/kb/tea.md", "remedy": ""})
        'The file is empty.'
    """
    where = str(problem.get("where") or "")
    parts = (
        on_pages(str(problem.get("what") or "")),
        f"({where})" if where and "/" not in where and not where.startswith("--") else "",
        on_pages(str(problem.get("remedy") or "")),
    )
    return " ".join(str(each) for each in parts if each)


_COUNTED = (
    ("added", "added"), ("changed", "changed"), ("moved", "moved"), ("relabelled", "labelled anew"),
    ("removed", "removed"),
)  # fmt: skip


def _study(found: Mapping[str, Any]) -> Outcome:
    made = str(found.get("id", ""))
    said = f"The study set {made} is made. Read on its page what became of the questions before you use it."
    return Outcome(said=said, page=f"/compare/studies/{made}" if made else "/compare", link="The study set")


def _compare(found: Mapping[str, Any]) -> Outcome:
    report = str(found.get("report", ""))
    if report and not Path(report).is_file():
        return Outcome(said=f"The report {_GONE}")
    name = PurePath(report).parent.name
    return Outcome(said="The report is made.", page=f"/compare/{name}" if name else "/compare", link="The report")


def _curve(found: Mapping[str, Any]) -> Outcome:
    files = found.get("files") or [""]
    if files[0] and not Path(str(files[0])).is_file():
        return Outcome(said=f"The curve {_GONE}")
    name = PurePath(str(files[0])).parent.name
    return Outcome(said="The curve is made.", page=f"/compare/curves/{name}" if name else "/compare", link="The curve")


def _train(found: Mapping[str, Any]) -> Outcome:
    passed = found.get("passed")
    gate = "It has no gate" if passed is None else f"It {'passed' if passed else 'did not pass'} its gate"
    use = "and is promoted" if found.get("promoted") else "and is not promoted"
    said = f"{gate} {use}."
    if not found.get("trained", True):
        said = f"The same candidate had been trained before, {use}. Its page says what its gate found."
    return Outcome(said=said, page=f"/models/{found.get('id', '')}", link="The candidate")


def _consolidate(found: Mapping[str, Any]) -> Outcome:
    return Outcome(said=on_pages(str(found.get("said", ""))), page="/memory", link="What was consolidated")


def _forget(_: Mapping[str, Any]) -> Outcome:
    return Outcome(said="It is forgotten.", page="/memory", link="The receipt")


def _refine(found: Mapping[str, Any]) -> Outcome:
    refined = int(found.get("refined", 0))
    return Outcome(said=f"The vectors of {counted(refined, 'passage')} are computed.")


def _reindex(_: Mapping[str, Any]) -> Outcome:
    return Outcome(said="All documents are encoded again.")


_SAID: Mapping[str, Callable[[Mapping[str, Any]], Outcome]] = {
    "add": _documents,
    "refine": _refine,
    "study": _study,
    "compare": _compare,
    "curve": _curve,
    "train": _train,
    "reindex": _reindex,
    "consolidate": _consolidate,
    "forget": _forget,
}
