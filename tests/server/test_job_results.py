"""What came of a job, in words: a sentence, no path of this machine, no raw counter."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from instill.server.jobs.job_kinds import WORK
from instill.server.jobs.job_results import TITLES, Outcome, outcome

PLACE = "/kb/.instill"


@pytest.mark.parametrize(
    ("kind", "result", "said", "page"),
    [
        ("add", {"added": ["a"], "changed": ["b"], "unchanged": 2, "resettled": 0, "failed": [], "seconds": 3.1},
         "1 added, 1 changed, 2 there already.", "/documents"),
        ("sync", {"unchanged": 0, "resettled": 0}, "Nothing was to be done.", "/documents"),
        (
            "study", {"id": "41e0", "folder": f"{PLACE}/studies/41e0"},
            "The study set 41e0 is made. Read on its page what became of the questions before you use it.",
            "/compare/studies/41e0",
        ),
        ("consolidate", {"said": "memory-1 for the owner is in use."}, "memory-1 for the owner is in use.", "/memory"),
        ("train", {"id": "tone", "trained": True, "passed": True, "promoted": True},
         "It passed its gate and is promoted.", "/models/tone"),
        ("train", {"id": "tone", "trained": False, "passed": None, "promoted": False},
         "The same candidate had been trained before, and is not promoted. Its page says what its gate found.",
         "/models/tone"),
        ("calibrate", {"verdict": "The threshold stays.", "asked": 33}, "The threshold stays.", ""),
        ("reindex", {}, "All documents are encoded again.", ""),
    ],
)  # fmt: skip
def test_what_came_of_a_job_is_a_sentence_with_a_page(kind: str, result: Any, said: str, page: str) -> None:
    found = outcome(kind, "done", result)
    assert (found.said, found.page, bool(found.link)) == (said, page, bool(page))


def test_a_report_that_is_gone_is_not_linked(tmp_path: Path) -> None:
    report, curve = tmp_path / "reports" / "a9" / "report.html", tmp_path / "curves" / "rows" / "curve.html"
    compared, measured = {"report": str(report)}, {"files": [str(curve)]}
    for file in (report, curve):
        file.parent.mkdir(parents=True)
        file.write_text("")
    assert outcome("compare", "done", compared) == Outcome(
        said="The report is made.", page="/compare/a9", link="The report"
    )
    assert outcome("curve", "done", measured).page == "/compare/curves/rows"
    report.unlink()
    curve.unlink()
    why = "was deleted since: a document was forgotten, or somebody took it out."
    assert outcome("compare", "done", compared) == Outcome(said=f"The report {why}")
    assert outcome("curve", "done", measured) == Outcome(said=f"The curve {why}")


def test_what_did_not_end_well_says_why() -> None:
    error = {"kind": "UsageError", "what": "It is full.", "where": "/kb/x", "remedy": "Make room."}
    assert outcome("compare", "failed", error) == Outcome(said="It is full. Make room.", again=True)
    assert outcome("compare", "cancelled", None) == Outcome(said="It was stopped.")
    assert outcome("compare", "running", None) == Outcome()
    lost = {"failed": [{"source": "/kb/up/tea.md", "what": "The file is empty.", "remedy": "Fill it."}]}
    assert outcome("add", "done", lost).problems == ["tea.md: The file is empty. Fill it."]
    two = [{"source": f"/kb/.instill/uploads/all/{place}/README.md", "what": "It is empty."} for place in "ab"]
    assert outcome("add", "done", {"failed": two}).problems == [
        "a/README.md: It is empty.",
        "b/README.md: It is empty.",
    ]
    synced = [{"source": f"/docs/{place}/tea.md", "what": "It is empty."} for place in "ab"]
    assert outcome("sync", "done", {"failed": synced}).problems == ["a/tea.md: It is empty.", "b/tea.md: It is empty."]
    assert outcome("add", "done", lost).again is False, "an upload that could not be added is deleted"
    assert outcome("add url", "done", lost).again is True
    assert outcome("add url", "done", {"added": ["a"]}).again is False


def test_every_kind_of_work_has_a_title() -> None:
    assert set(WORK) | {"add", "add url", "sync", "refine"} == set(TITLES)
