"""The memory over HTTP and as a page: facts under labels, decisions, forgetting with a receipt that verifies."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from instill import Workspace
from instill.common.made_from import keep_beside, made_from
from instill.server.access.keys import KeyStore
from instill.server.jobs.store import JobStore
from tests.server.pages.axe import barriers
from tests.server.pages.test_browser import SLOW, browser
from tests.server.pages.test_pages import got
from tests.server.running import Running, running
from tests.server.test_api import events

if TYPE_CHECKING:
    from playwright.sync_api import Browser

__all__ = ["browser"]

TEA = "# Tea\n\nGreen tea is brewed at 80 degrees.\n"
PAY = "# Pay\n\nThe bonus of the board is 90 thousand euros.\n"


@dataclass
class Place:
    workspace: Workspace
    keys: dict[str, str]
    facts: dict[str, str]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with Workspace.init(tmp_path / "kb") as workspace:
        workspace.add_text(TEA, name="tea.md", labels="staff")
        workspace.add_text(PAY, name="pay.md", labels="hr")
        for _ in range(3):
            workspace.ask("At how many degrees is green tea brewed?", labels=["staff"])
        pay = workspace.remember("What is the bonus of the board?", "90 thousand euros", document="stdin:pay.md")
        tea = next(each for each in workspace.memory().facts() if "tea" in each.question)
        store = KeyStore(workspace.catalog)
        keys = {
            "owner": store.add("owner", role="admin").secret,
            "staff": store.add("staff", role="reader", labels=["staff"]).secret,
            "editor": store.add("editor", role="editor", labels=["staff"]).secret,
        }
        yield Place(workspace, keys, {"tea": tea.fact_id, "pay": pay.fact_id})


@pytest.fixture
def server(place: Place) -> Iterator[Running]:
    with running(place.workspace.path) as found:
        yield found


def ok(response: Any, status: int = 200) -> Any:
    assert response.status_code == status, response.text
    return response.json()


def test_facts_and_the_page_are_those_of_the_callers_documents(server: Running, place: Place) -> None:
    with server.client(place.keys["staff"]) as staff:
        ok(staff.get("/api/memory"), 403)  # It shows what others ask.
        ok(staff.get(f"/api/memory/{place.facts['tea']}"), 403)
        got(staff, "/memory", 403)
        ok(staff.post(f"/api/memory/{place.facts['tea']}/decision", json={"decision": "pinned"}), 403)
        ok(staff.post("/api/forget", json={"reference": place.facts["tea"]}), 403)
        ok(staff.get("/api/receipts"), 403)
    with server.client(place.keys["editor"]) as editor:
        [fact] = ok(editor.get("/api/memory"))["facts"]
        assert (fact["fact_id"], fact["uses"], fact["stage"]) == (place.facts["tea"], 3, "indexed")
        assert ok(editor.get(f"/api/memory/{place.facts['pay']}"), 404)["error"]["what"] == "There is no such fact."
        page = got(editor, "/memory").text
        assert "green tea" in page
        assert "bonus" not in page
        assert "Forget" not in page
    with server.client(place.keys["editor"]) as editor:  # Weights serve others too: an editor decides nothing on them.
        ok(editor.get("/api/receipts"), 403)
        ok(editor.post(f"/api/memory/{place.facts['tea']}/decision", json={"decision": "pinned"}), 403)
        ok(editor.post("/api/forget", json={"reference": "stdin:tea.md"}), 403)
        assert "bonus" not in got(editor, "/memory").text
    assert {each.source for each in place.workspace.documents()} == {"stdin:tea.md", "stdin:pay.md"}
    with server.client(place.keys["owner"]) as owner:
        place.workspace.remove(["stdin:tea.md"])
        facts = {each["fact_id"]: each["stage"] for each in ok(owner.get("/api/memory"))["facts"]}
        assert facts == {place.facts["tea"]: "deleted", place.facts["pay"]: "indexed"}
        assert "2 facts: 1 document deleted, 1 indexed." in " ".join(got(owner, "/memory").text.split())
        shown = got(owner, "/memory?kind=deleted").text
        assert "green tea" in shown
        assert "bonus" not in shown


def test_facts_are_added_and_taken_back_over_http(server: Running, place: Place) -> None:
    with server.client(place.keys["editor"]) as editor:
        ok(editor.delete(f"/api/memory/{place.facts['tea']}"), 403)
        ok(editor.post("/api/memory", json={"question": "How hot?", "answer": "80 degrees"}), 403)
    with server.client(place.keys["owner"]) as owner:
        assert " Remove " in got(owner, "/memory?kind=pinned").text
        removed = ok(owner.delete(f"/api/memory/{place.facts['pay']}"))
        assert (removed["question"], removed["still_asked"]) == ("What is the bonus of the board?", 0)
        assert [each["fact_id"] for each in ok(owner.get("/api/memory"))["facts"]] == [place.facts["tea"]]
        told = ok(owner.delete(f"/api/memory/{place.facts['tea']}"), 400)["error"]
        assert told["what"].startswith("Nothing was done with this fact by hand")
        made = {"question": "What does the board get?", "answer": "90 thousand euros", "wordings": ["Board bonus?"]}
        added = ok(owner.post("/api/memory", json=made))
        assert (added["decision"], added["wordings"], added["source"]) == ("pinned", ["Board bonus?"], "stdin:pay.md")
        told = ok(owner.post("/api/memory", json={**made, "answer": "95 euros"}), 400)["error"]
        assert "No document holds these words" in told["what"]


def test_who_sees_everything_consolidates_on_the_page(server: Running, place: Place) -> None:
    begin = {"kind": "consolidate", "arguments": {"base": "micro"}}
    with server.client(place.keys["staff"]) as staff:
        ok(staff.post("/api/jobs", json=begin), 403)
    with server.client(place.keys["editor"]) as editor:  # Of some documents only.
        told = ok(editor.post("/api/jobs", json=begin), 400)["error"]
        assert told["what"] == "This is done with all documents."
        assert "to train" not in got(editor, "/memory").text
    with server.client(place.keys["owner"]) as owner:
        assert "There is nothing to train: no fact is a candidate." in got(owner, "/memory").text
        ok(owner.post("/api/jobs", json={"kind": "consolidate", "arguments": {"base": "/etc"}}), 400)
    (place.workspace.path / "instill.toml").write_text("[memory]\nstable_days = 0\n")
    with running(place.workspace.path, jobs=True) as working, working.client(place.keys["owner"]) as owner:
        page = got(owner, "/memory").text
        assert "Facts to train: 2." in page, "the one that was asked for three times, the one remembered by hand"
        assert "No model of this workspace is set that could be trained" in page
        for fact_id in place.facts.values():
            ok(owner.post(f"/api/memory/{fact_id}/decision", json={"decision": "excluded"}))
        job = ok(owner.post("/api/jobs", json=begin), 202)
        with owner.stream("GET", f"/api/jobs/{job['job_id']}/events") as response:
            ended = events(response)[-1][1]
        assert (ended["state"], ended["result"]) == (
            "done", {"said": "No fact is a candidate, so nothing was trained."},
        )  # fmt: skip


def test_decisions_words_and_forgetting_with_a_receipt(server: Running, place: Place) -> None:
    tea = f"/api/memory/{place.facts['tea']}"
    report = place.workspace.home / "reports" / "r1" / "report.html"
    report.parent.mkdir(parents=True)
    report.write_text("90 thousand euros")
    [pay] = [each for each in place.workspace.index.records() if each.source == "stdin:pay.md"]
    keep_beside(report.parent, made_from([pay]))
    with server.client(place.keys["owner"]) as owner:
        assert len(ok(owner.get("/api/memory"))["facts"]) == 2
        assert ok(owner.post(f"{tea}/decision", json={"decision": "pinned", "note": "often"}))["decision"] == "pinned"
        assert ok(owner.post(f"{tea}/words", json={"question": "How hot?"}))["question"] == "How hot?"
        assert "Say how hot." in ok(owner.post(f"{tea}/words", json={"wording": "Say how hot."}))["wordings"]
        assert "does not hold" in ok(owner.post(f"{tea}/words", json={"answer": "90"}), 400)["error"]["what"]
        ok(owner.post(f"{tea}/decision", json={"decision": "kept"}), 422)
        page = got(owner, "/memory").text
        assert "How hot?" in page
        assert "Nothing was forgotten yet." in page
        plan = ok(owner.post("/api/forget/plan", json={"reference": "stdin:pay.md"}))
        assert plan["documents"] == ["stdin:pay.md"]
        assert (plan["deleted"], plan["changed"]) == (["report r1"], [])
        assert plan["said"].startswith("Deleted as a whole: 1 comparison report (r1).")
        assert ok(owner.post("/api/forget/plan", json={"reference": "stdin:tea.md"}))["deleted"] == []
        assert ok(owner.post("/api/forget/plan", json={"reference": "none"}), 400)
        ok(owner.post("/api/forget/allow", json={"reference": "~nobody-of-this-name"}), 404)
        assert report.is_file()
        receipt = ok(owner.post("/api/forget", json={"reference": "stdin:pay.md"}))
        assert not report.exists()
        assert [each["source"] for each in receipt["documents"]] == ["stdin:pay.md"]
        assert [each["id"] for each in ok(owner.get("/api/receipts"))["receipts"]] == [receipt["id"]]
        assert ok(owner.get(f"/api/receipts/{receipt['id']}")) == receipt
        verified = ok(owner.post(f"/api/receipts/{receipt['id']}/verify"))
        assert verified["genuine"] is True
        ok(owner.post("/api/receipts/none/verify"), 404)
        page = got(owner, "/memory").text
        assert "bonus" not in page
        assert receipt["id"] in page
        assert ok(owner.get(f"/api/memory/{place.facts['pay']}"), 404)


@pytest.mark.timeout(300)
def test_the_page_in_a_browser(browser: Browser, server: Running, place: Place) -> None:
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    page.set_default_timeout(SLOW)
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.goto(f"{server.address}/login?next=/memory")
    page.locator("input[name=key]").fill(place.keys["owner"])
    page.locator("main button").first.click()
    page.get_by_role("heading", name="What recurs").wait_for()
    assert barriers(page) == []
    card = page.locator("details.card").filter(has_text="green tea").first
    card.evaluate("(each) => { each.open = true; }")
    with page.expect_navigation():
        card.get_by_role("button", name="Exclude").click()
    card = page.locator("details.card").filter(has_text="green tea").first
    assert "excluded" in card.locator("summary").first.inner_text()
    card.evaluate("(each) => { each.open = true; }")
    card.get_by_role("button", name="Forget the fact").click()
    page.locator("dialog").get_by_role("button", name="Cancel").click()
    assert len(place.workspace.memory().facts()) == 2
    jobs = JobStore(place.workspace.catalog, place.workspace.home / "jobs")
    running = jobs.add("compare", "work", {}, labels=None, asked_by="owner").job_id
    assert jobs.take("work") is not None
    page.get_by_label("A document, by its path or id").fill("stdin:pay.md")
    page.get_by_role("button", name="Forget", exact=True).click()
    dialog = page.locator("dialog")
    assert "outside: Exports of models" in dialog.inner_text()
    assert "They stop, and begin again afterwards" in dialog.inner_text()
    assert "Comparing" in dialog.inner_text()
    assert barriers(page) == []
    with page.expect_navigation():
        dialog.get_by_role("button", name="Forget when they are done").click()
    [later] = [each for each in jobs.all() if each.kind == "forget"]
    assert (later.state, later.arguments) == ("waiting", {"reference": "stdin:pay.md", "questions": False})
    assert page.locator("instill-job").filter(has_text="Forgetting").count() == 1
    for each in (later.job_id, running):
        jobs.stop(each)
    jobs.end(running, "cancelled", None)
    page.get_by_label("A document, by its path or id").fill("stdin:pay.md")
    page.get_by_role("button", name="Forget", exact=True).click()
    assert "begin again" not in page.locator("dialog").inner_text()
    with page.expect_navigation():
        page.locator("dialog").get_by_role("button", name="Forget").click()
    page.get_by_role("button", name="Verify").click()
    page.get_by_text("Genuine, signed with the key").wait_for()
    assert barriers(page) == []
    page.set_viewport_size({"width": 360, "height": 740})
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 360
    assert wrong == []
    context.close()
