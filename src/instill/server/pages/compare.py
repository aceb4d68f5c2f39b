"""Comparisons, data curves and study sets: what was measured, and measuring."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from instill.measure.verdict_in_words import Finding, findings
from instill.server.access.headers import POLICY
from instill.server.api.questions_in_studies import left_out_for, studies_for, study_for
from instill.server.api.studies_and_comparisons import list_comparisons, list_curves, show_comparison
from instill.server.pages.job_lists import jobs_of
from instill.server.pages.rendering import page
from instill.server.pages.study_words import left_out_of_rules
from instill.server.service import Reading, Seen
from instill.workspace.replies import study_card

router = APIRouter(prefix="/compare")

_ITEMS_SHOWN = 200
"""Of each part of a study set."""

_WITH_REPORT = {"content-security-policy": f"{POLICY}; frame-src 'self'"}


@router.get("", response_class=HTMLResponse)
def overview(seen: Reading) -> HTMLResponse:
    """Reports and study sets, and where one begins others."""
    studies = list(reversed(studies_for(seen).studies))
    reports = [(each, findings(show_comparison(seen, each.id).get("verdict"))) for each in list_comparisons(seen).found]
    return page(
        seen, "compare.html", "/compare", reports=reports, curves=list_curves(seen).found,
        studies=studies, jobs=jobs_of(seen, "study", "compare", "curve"), documents=seen.workspace.index.count()[0],
        prices=seen.workspace.settings.prices,
    )  # fmt: skip


@router.get("/{name}", response_class=HTMLResponse)
def report(seen: Reading, name: str) -> HTMLResponse:
    """A comparison's report, in the page."""
    numbers = show_comparison(seen, name)  # whether the caller may see it, and it is finished
    title = str(numbers.get("title") or "Comparison")
    # A report begins with these words itself, but for one of an older Instill.
    found = [] if numbers.get("in_short") else findings(numbers.get("verdict"))
    return _with_report(seen, title, f"/api/comparisons/{name}/page", found)


@router.get("/curves/{name}", response_class=HTMLResponse)
def curve(seen: Reading, name: str) -> HTMLResponse:
    """A data curve, in the page."""
    from instill.server.api.studies_and_comparisons import curve_page

    curve_page(seen, name)
    return _with_report(seen, "Data curve", f"/api/curves/{name}/page")


@router.get("/studies/{study_id}", response_class=HTMLResponse)
def study(seen: Reading, study_id: str) -> HTMLResponse:
    """A study set: how large it is, and its questions but for the audit's, which stay sealed."""
    found = study_for(seen, study_id)
    gate, train = found.items("gate"), found.items("train")
    parts = [
        ("Asked in comparisons", gate[:_ITEMS_SHOWN], len(gate)),
        ("Trained on", train[:_ITEMS_SHOWN], len(train)),
    ]
    card = study_card(found.card, seen.labels)
    kept_back = sum(card["items"].get("audit", {}).values())
    left_out = left_out_for(seen, found)
    return page(
        seen, "study.html", "/compare", card=card, parts_of_set=parts, kept_back=kept_back,
        left_out=left_out[:_ITEMS_SHOWN], left_out_all=len(left_out), left_out_of_rules=left_out_of_rules(card),
    )  # fmt: skip


def _with_report(seen: Seen, title: str, address: str, found: Sequence[Finding] = ()) -> HTMLResponse:
    answer = page(seen, "report.html", "/compare", title=title, address=address, found=found)
    answer.headers.update(_WITH_REPORT)
    return answer
