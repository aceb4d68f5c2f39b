"""What was measured: study sets, comparisons, data curves."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any, Literal

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse
from pydantic import BaseModel

from instill.common.made_from import UNKNOWN, kept_beside
from instill.errors import WorkspaceError
from instill.server.api.questions_in_studies import reads_report, studies_for, study_for
from instill.server.errors import unknown
from instill.server.page_words import report_on_pages
from instill.server.service import Reading, Seen
from instill.workspace.replies import Studies, study_card

router = APIRouter(prefix="/api", tags=["evidence"])

_ID = re.compile(r"[A-Za-z0-9][\w.-]{0,100}")
_REPORT_HEADERS = {
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'; "
    "sandbox",
    "x-frame-options": "SAMEORIGIN",
}
"""A report is one file with its styles in it, and nothing in it runs; a page of ours shows it in a frame."""


class StudyShown(BaseModel):
    """A study set's card, and some of its questions with their evidence."""

    card: Mapping[str, Any]
    shown: Sequence[Mapping[str, Any]]


class Kept(BaseModel):
    """Something that was measured and is kept: a comparison or a data curve."""

    id: str
    made: str
    summary: Mapping[str, Any]


class KeptList(BaseModel):
    """Newest first."""

    found: Sequence[Kept]


@router.get("/studies")
def list_studies(seen: Reading) -> Studies:
    """Study sets whose documents and questions the caller may see, oldest first."""
    return studies_for(seen)


@router.get("/studies/{study_id}")
def show_study(
    seen: Reading,
    study_id: str,
    split: Literal["train", "gate"] = "gate",
    many: int = Query(12, ge=0, le=1000),
    seed: int = 0,
) -> StudyShown:
    """A study set's card and some of its questions; the audit's stay sealed."""
    found = study_for(seen, study_id)
    items = found.items(split)
    items = Random(seed).sample(items, min(many, len(items)))  # noqa: S311
    shown = [item.model_dump(mode="json") for item in items]
    return StudyShown(card=study_card(found.card, seen.labels), shown=shown)


@router.get("/comparisons")
def list_comparisons(seen: Reading) -> KeptList:
    """Comparisons whose documents the caller may see, newest first."""
    return KeptList(found=_list(seen, "reports", "report.json"))


@router.get("/comparisons/{name}")
def show_comparison(seen: Reading, name: str) -> dict[str, Any]:
    """The numbers of a comparison's report."""
    file = _folder(seen, "reports", name) / "report.json"
    if not file.is_file():
        raise unknown("It is not finished yet.", name[:80])
    return {key: value for key, value in _read(file).items() if key not in _OF_THIS_MACHINE}


@router.get("/comparisons/{name}/page", response_class=HTMLResponse)
def comparison_page(seen: Reading, name: str) -> HTMLResponse:
    """The report as a page by itself."""
    return _page(seen, _folder(seen, "reports", name) / "report.html")


@router.get("/curves")
def list_curves(seen: Reading) -> KeptList:
    """Data curves whose documents the caller may see, newest first."""
    return KeptList(found=_list(seen, "curves", "curve.html"))


@router.get("/curves/{name}/page", response_class=HTMLResponse)
def curve_page(seen: Reading, name: str) -> HTMLResponse:
    """The curve's page."""
    return _page(seen, _folder(seen, "curves", name) / "curve.html")


def _list(seen: Seen, kind: str, numbers: str) -> list[Kept]:
    folders = [each for each in (seen.workspace.home / kind).glob("*") if _ID.fullmatch(each.name)]
    found = []
    for folder in folders:
        file = folder / numbers
        if not file.is_file() or not _may_see(seen, folder):
            continue
        values = _read(file) if file.suffix == ".json" else {}
        found.append(Kept(id=folder.name, made=_time(file), summary=_summary(values)))
    return sorted(found, key=lambda each: (each.made, each.id), reverse=True)


def _summary(values: Mapping[str, Any]) -> dict[str, Any]:
    """What a report says in one value, and its verdict in one sentence; not where on this machine it lies."""
    plain = {
        key: value
        for key, value in values.items()
        if isinstance(value, (str, int, float, bool)) and key not in _OF_THIS_MACHINE
    }
    verdict = values.get("verdict")
    said = verdict.get("said") if isinstance(verdict, dict) else None
    return {**plain, "verdict": str(said)} if said else plain


def _folder(seen: Seen, kind: str, name: str) -> Path:
    folder = seen.workspace.home / kind / name
    if not _ID.fullmatch(name) or not folder.is_dir() or not _may_see(seen, folder):
        raise unknown("Nothing has this id.", name[:80], f"List them: GET /api/{_LISTS[kind]}")
    return folder


_OF_THIS_MACHINE = ("outcomes",)
"""The folder of all replies."""

_LISTS = {"reports": "comparisons", "curves": "curves"}


def _page(seen: Seen, file: Path) -> HTMLResponse:
    if not file.is_file():
        raise unknown("There is no page of it.", file.parent.name)
    markup = report_on_pages(file.read_text(encoding="utf-8"))
    return HTMLResponse(markup if seen.names is None else seen.names.in_page(markup), headers=_REPORT_HEADERS)


def _may_see(seen: Seen, folder: Path) -> bool:
    """Whether the caller sees all documents behind it, and, of a comparison, the questions that people asked."""
    if not seen.caller.sees(kept_beside(folder) or UNKNOWN):
        return False
    report = folder / "report.json"
    return not report.is_file() or reads_report(seen, _read(report))


def _read(file: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError, RecursionError, TypeError) as error:
        raise WorkspaceError("It cannot be read.", where=file.parent.name, remedy="Measure it again.") from error


def _time(file: Path) -> str:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(file.stat().st_mtime, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
