"""What is cut on a page says so."""

from __future__ import annotations

from pathlib import Path

import pytest

from instill import Workspace
from instill.server.jobs.job_results import outcome
from instill.server.page_words import on_pages
from instill.server.pages import ask, questions
from tests.server.pages.test_pages import HTML, sent
from tests.server.running import running


def test_lists_say_how_much_more_there_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ask, "_SHOWN", 2)
    monkeypatch.setattr(questions, "_GROUPS", 1)
    with Workspace.init(tmp_path / "kb") as workspace, running(workspace.path) as server, server.client() as client:
        workspace.add_text("# Tea\n\nTea is brewed at 80 degrees. The pot holds two litres.", name="tea.md")
        [tea] = workspace.documents()
        for number in range(10):
            assert not sent(client, text=f"At how many degrees is tea brewed{' ' * number}?")["answer"]["abstained"]
        for words in ("Who is the king of Spain?", "Which song did the choir sing?"):
            assert sent(client, text=words)["answer"]["abstained"]
        first = client.get("/", headers=HTML).text
        assert first.count('href="/ask/') == 2
        assert '<a href="/?words=&amp;after=2">Older: 10</a>' in first
        second = client.get("/?after=2", headers=HTML).text
        assert (second.count('href="/ask/'), '<a href="/?words=&amp;after=0">Newer</a>' in second) == (2, True)
        last = client.get("/?after=10", headers=HTML).text
        assert (last.count('href="/ask/'), "Older: " in last) == (2, False)
        refused = client.get("/questions?kind=refused", headers=HTML).text
        assert refused.count("<h3>") == 1
        assert "And 1 subject that fewer people asked about: their questions stand below." in refused
        for number in range(9):
            workspace.ask(f"How many litres does the pot hold, for {number + 2} cups?")
        page = client.get(f"/documents/{tea.doc_id}", headers=HTML).text
        assert page.count('href="/questions?number=') == 8
        assert '<li class="soft">and 2 more</li>' in page
        jobs = server.service.jobs
        for _ in range(12):
            job = jobs.add("sync", "documents", {}, labels=None, asked_by="ann")
            jobs.end(job.job_id, "done", {"added": []})
        assert "The newest 10 of 12." in client.get("/documents", headers=HTML).text


def test_what_could_not_be_added_is_counted_where_it_is_cut() -> None:
    lost = [{"source": f"/x/{number}.md", "what": "The file is empty."} for number in range(102)]
    problems = outcome("add", "done", {"failed": lost}).problems
    assert (len(problems), problems[-2:]) == (101, ["99.md: The file is empty.", "and 2 more"])


def test_who_adds_files_on_a_page_is_not_told_to_exclude_them() -> None:
    for said, meant in (
        ("Add it again when it has content, or exclude it.", "Add it again when it has content."),
        ("Give it the right ending, or exclude it in instill.toml.", "Give it the right ending."),
        ("If it is a scan, do that; else exclude it.", "If it is a scan, do that; else leave it out."),
        ("Exclude it in instill.toml.", "Leave it out."),
        ("Exclude it.", "Leave it out."),
    ):
        assert on_pages(said) == meant
