"""Asking in a real Chromium, where something comes between the question and the answer; and the panes around it."""

from __future__ import annotations

import re
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from instill import Workspace
from instill.common.kept_answers import NOT_SHOWN
from instill.server.access.keys import KeyStore
from tests.server.pages.axe import barriers
from tests.server.pages.test_adding_in_browser import opened
from tests.server.pages.test_browser import QUESTION, TEA, browser
from tests.server.running import Running, running

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page, Route

__all__ = ["browser"]
LONG_ANSWER = """() => {
  const [answer, acts, composer] = [".answer", ".acts", ".composer"].map((each) => document.querySelector(each));
  window.scrollTo(0, 0);
  const room = composer.getBoundingClientRect().top - acts.getBoundingClientRect().bottom;
  answer.style.minHeight = `${answer.getBoundingClientRect().height + room - 5}px`;
}"""
"""Make the answer so long that its buttons stand right above the field where one asks."""
NEXT = "How much does the teapot hold?"
LONG = TEA + "\n\n".join(f"Line {number} of the kitchen's book says nothing of it." for number in range(200))


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Running]:
    with Workspace.init(tmp_path / "kb") as workspace:
        workspace.add_text(LONG, name="tea.md")
        place = workspace.path
    with running(place) as found:
        yield found


def send(page: Page, question: str) -> None:
    page.get_by_label("Your question").fill(question)
    page.keyboard.press("Enter")


def test_enter_while_an_answer_is_written_asks_after_it(browser: Browser, server: Running) -> None:
    with opened(browser, server, "/") as page:
        held: list[Route] = []
        page.route(f"{server.address}/ask", lambda route: held.append(route), times=1)
        send(page, QUESTION)
        page.get_by_role("button", name="Stop").wait_for()
        send(page, NEXT)
        page.get_by_text("It is asked as soon as the answer above is there.").wait_for()
        assert page.get_by_label("Your question").input_value() == NEXT
        assert barriers(page, details=False) == []
        held[0].continue_()
        page.locator(".exchange").nth(1).get_by_role("button", name="Why").wait_for()
        assert page.locator(".exchange h2").all_inner_texts() == [QUESTION, NEXT]
        assert page.locator(".exchange").nth(0).locator(".short").inner_text() == "80 degrees"
        assert page.get_by_label("Your question").input_value() == ""
        assert page.locator("#next").inner_text() == ""
        pens = page.locator(".exchange [data-edit]").evaluate_all("(all) => all.map((each) => each.innerHTML.trim())")
        assert pens[0].startswith("<svg")
        page.reload()
        shown = page.locator(".exchange [data-edit]").first
        assert shown.evaluate("(each) => each.innerHTML.trim()") == pens[0]


def test_a_broken_answer_says_so_and_keeps_all_questions(browser: Browser, server: Running) -> None:
    with opened(browser, server, "/") as page:
        address = f"{server.address}/ask"
        begun = 'event: piece\ndata: {"text": "Tea is"}\n\n'
        held: list[Route] = []
        page.route(address, lambda route: held.append(route), times=1)
        send(page, QUESTION)
        page.get_by_role("button", name="Stop").wait_for()
        send(page, NEXT)
        held[0].fulfill(status=200, headers={"content-type": "text/event-stream"}, body=begun)
        told = "The server ended before the answer was complete. See whether it still runs, and ask again."
        assert page.locator(".exchange .bad").inner_text() == told
        assert page.get_by_label("Your question").input_value() == NEXT
        page.get_by_role("button", name="Ask again", exact=True).click()
        page.locator(".short").get_by_text("80 degrees").wait_for()


def test_the_link_to_an_answer_scrolls_to_it(browser: Browser, server: Running) -> None:
    with opened(browser, server, "/", permissions=["clipboard-read", "clipboard-write"]) as page:
        for number, question in enumerate((QUESTION, NEXT, QUESTION)):
            send(page, question)
            page.locator(".exchange").nth(number).get_by_role("button", name="Why").wait_for()
        page.locator(".exchange").nth(1).get_by_role("button", name="Link").click()
        told = "The link is copied. It opens only for those who see all documents."
        page.locator(".exchange").nth(1).get_by_text(told).wait_for()
        link = page.evaluate("() => navigator.clipboard.readText()")
        assert re.fullmatch(re.escape(server.address) + r"/ask/\w+#answer-2", link)
        page.goto("about:blank")
        page.goto(link)
        top = page.locator("#answer-2").evaluate("(each) => each.getBoundingClientRect().top")
        assert 0 <= top < 100


@pytest.mark.parametrize("width", [360, 700, 1280])
def test_the_newest_question_stands_at_the_top(browser: Browser, server: Running, width: int) -> None:
    def tall(route: Route) -> None:
        route.fulfill(body=route.fetch().text() + ".answer { min-height: 2000px }", content_type="text/css")

    def top(number: int) -> float:
        found: float = page.locator(".exchange h2").nth(number).evaluate("(each) => each.getBoundingClientRect().top")
        return found

    with opened(browser, server, "/") as page:
        page.set_viewport_size({"width": width, "height": 740})
        page.route("**/style.css*", tall)
        page.reload()
        for number, question in enumerate((QUESTION, NEXT)):
            send(page, question)
            page.locator(".exchange").nth(number).get_by_role("button", name="Why").wait_for()
            assert 0 <= top(number) < 100, "as it is asked"
            page.reload()
            page.wait_for_function("() => document.activeElement.id === 'question'")
            assert 0 <= top(number) < 100, "opened again"


def test_a_question_that_is_too_long_stays_in_the_field(browser: Browser, server: Running) -> None:
    with opened(browser, server, "/") as page:
        field = page.get_by_label("Your question")
        field.fill("tea " * 925)
        assert page.locator("#next").inner_text() == "3,699 of 4,000 characters."
        send(page, "tea " * 1001)
        told = "4,003 characters; at most 4,000 are read. Shorten the question, or add long text as a document."
        assert page.locator("#next").inner_text() == told
        assert field.get_attribute("aria-invalid") == "true"
        assert len(field.input_value()) == 4004
        assert page.locator(".exchange").count() == 0
        assert page.url == f"{server.address}/"
        assert barriers(page, details=False) == []
        with server.client() as client:
            refused = client.post("/ask", json={"text": "tea " * 1001})
        assert refused.status_code == 400
        assert refused.json()["error"]["what"].startswith("The question has 4,004 characters")


def test_a_question_without_an_answer_is_no_conversation(browser: Browser, server: Running) -> None:
    with opened(browser, server, "/") as page:
        begun = 'event: conversation\ndata: {"conversation_id": "abc"}\n\n'
        begun += 'event: error\ndata: {"error": {"what": "No."}}\n\n'
        page.route(
            f"{server.address}/ask",
            lambda route: route.fulfill(headers={"content-type": "text/event-stream"}, body=begun),
        )
        send(page, QUESTION)
        page.locator(".exchange .bad").get_by_text("No.").wait_for()
        assert page.url == f"{server.address}/"
        assert page.locator("#history a").count() == 0


def test_questions_that_are_asked_twice_keep_their_words_in_the_history(browser: Browser, server: Running) -> None:
    with server.client() as client:
        for question in (QUESTION, QUESTION, NEXT):
            assert client.post("/ask", json={"text": question}).status_code == 200
    with opened(browser, server, "/") as page:
        names = page.locator("#history a").all_inner_texts()
        assert sorted(name.split("\n")[0] for name in names) == [QUESTION, QUESTION, NEXT]
        page.get_by_label("Search conversations").type("zebra")
        page.wait_for_function("() => document.querySelectorAll('#history a').length === 0")
        page.get_by_label("Search conversations").fill("teapot")
        page.wait_for_function("() => document.querySelectorAll('#history a').length === 1")
        assert page.locator("#history a").get_attribute("title") == NEXT
        told = [name for name in names if re.search(r"\n20\d\d-\d\d-\d\d \d\d:\d\d$", name)]
        assert [name.split("\n")[0] for name in told] == [QUESTION, QUESTION]


def test_a_conversation_that_is_gone_leaves_the_list_of_an_open_page(browser: Browser, server: Running) -> None:
    with server.client() as client:
        for question in (QUESTION, NEXT):
            assert client.post("/ask", json={"text": question}).status_code == 200
        with opened(browser, server, "/") as page:
            assert page.locator("#history a").count() == 2
            told = client.get("/api/conversations").json()["conversations"]
            gone = next(each["conversation_id"] for each in told if each["first_question"] == QUESTION)
            assert client.delete(f"/api/conversations/{gone}").status_code == 204
            page.evaluate("() => document.dispatchEvent(new Event('visibilitychange', { bubbles: true }))")
            page.wait_for_function("() => document.querySelectorAll('#history a').length === 1")
            assert page.locator("#history a").get_attribute("title") == NEXT


def test_open_pages_show_no_words_of_what_was_forgotten(browser: Browser, server: Running) -> None:
    with server.client() as client, ExitStack() as open_pages:
        [record] = client.get("/api/documents").json()["documents"]
        first = client.post("/api/chat", json={"text": QUESTION}).json()
        pages = []
        for path in ("/questions", "/memory", "/documents", f"/ask/{first['conversation_id']}"):
            page = open_pages.enter_context(opened(browser, server, path))
            page.clock.install()
            assert QUESTION in page.locator("body").inner_text() or path == "/documents"
            pages.append(page)
        assert client.post("/api/forget", json={"reference": record["doc_id"]}).status_code == 200
        for page in pages:
            page.clock.fast_forward(11_000)
            page.wait_for_function("(words) => !document.body.innerText.includes(words)", arg=QUESTION)
            page.wait_for_function("(words) => !document.body.innerText.includes(words)", arg=record["title"])


def test_open_pages_show_no_words_of_what_a_key_does_not_see_any_more(browser: Browser, tmp_path: Path) -> None:
    with Workspace.init(tmp_path / "kb") as workspace:
        workspace.add_text(TEA, name="tea.md", labels=["staff"])
        [record] = workspace.documents()
        store = KeyStore(workspace.catalog)
        boss = store.add("boss", role="admin").secret
        secret = store.add("ann", role="reader", labels=["staff"]).secret
    with running(tmp_path / "kb") as server, server.client(boss) as client, server.client(secret) as ann:
        kept = ann.post("/api/chat", json={"text": QUESTION}).json()
        words = kept["answer"]["claims"][0]["citations"][0]["text"]
        with opened(browser, server, "/login") as page:
            page.get_by_label("Key").fill(secret)
            page.get_by_role("button").first.click()
            page.wait_for_url(f"{server.address}/")
            for path in ("/", f"/ask/{kept['conversation_id']}"):
                client.put(f"/api/documents/{record.doc_id}/labels", json={"labels": ["staff"]})
                page.goto(f"{server.address}{path}")
                page.clock.install()
                if path == "/":
                    send(page, QUESTION)
                page.locator(".sources .source-chip").first.click()
                page.locator("#source mark#cited").wait_for()
                client.put(f"/api/documents/{record.doc_id}/labels", json={"labels": ["board"]})
                page.clock.fast_forward(11_000)
                page.locator(".refusal").get_by_text(NOT_SHOWN).wait_for()
                shown = page.content()
                assert QUESTION in shown
                assert [each for each in (words, record.title) if each in shown] == []
                assert barriers(page) == []


def test_an_open_page_of_a_document_is_emptied_when_it_is_gone(browser: Browser, server: Running) -> None:
    with server.client() as client:
        [record] = client.get("/api/documents").json()["documents"]
        with opened(browser, server, f"/documents/{record['doc_id']}") as page:
            page.get_by_text("Line 3 of the kitchen's book").wait_for()
            page.evaluate("window.dispatchEvent(new Event('focus'))")
            client.delete(f"/api/documents/{record['doc_id']}")
            page.evaluate("window.dispatchEvent(new Event('focus'))")
            page.get_by_text("This document is not there any more").wait_for()
            assert "kitchen" not in page.locator("body").inner_text()


def test_the_field_for_a_correction_opens_in_sight(browser: Browser, server: Running) -> None:
    with opened(browser, server, "/") as page:
        page.set_viewport_size({"width": 1280, "height": 850})
        send(page, QUESTION)
        wrong = page.get_by_role("button", name="Wrong")
        wrong.wait_for()
        page.evaluate(LONG_ANSWER)
        wrong.click()
        save = page.get_by_role("button", name="Save")
        save.wait_for()
        below = save.evaluate("(each) => each.getBoundingClientRect().bottom")
        composer = page.locator(".composer").evaluate("(each) => each.getBoundingClientRect().top")
        assert below <= composer
        assert page.locator(".judging textarea").evaluate("(each) => document.activeElement === each")


def test_the_source_keeps_its_head_and_says_where_it_was_deleted(browser: Browser, server: Running) -> None:
    with opened(browser, server, "/") as page:
        send(page, QUESTION)
        page.locator(".sources .source-chip").first.click()
        page.locator("#source mark#cited").wait_for()
        page.locator("#source .inside").evaluate("(each) => each.scrollTo(0, 3000)")
        assert page.get_by_role("button", name="Close the source").evaluate("(x) => x.getBoundingClientRect().top") >= 0
        assert page.locator("#source h2").evaluate("(x) => x.getBoundingClientRect().top") >= 0
        page.keyboard.press("Escape")
        page.get_by_role("button", name="Why this answer?").click()
        scores = [float(each) for each in page.locator(".why td[data-name=Score]").all_inner_texts()]
        assert scores == sorted(scores, reverse=True)
        assert page.locator(".why td b").count() == 0
        link = page.locator(".sources .source-chip").first.get_attribute("href")
        with server.client() as client:
            [document] = client.get("/api/documents").json()["documents"]
            assert client.delete(f"/api/documents/{document['doc_id']}").status_code == 200
        page.locator(".sources .source-chip").first.click()
        page.locator("#source").get_by_text("The document that this citation points to was deleted").wait_for()
        page.locator("#source").get_by_text("Ask the question again").wait_for()
        assert barriers(page, details=False) == []
        page.goto(f"{server.address}{link}")
        page.get_by_role("heading", name="The document that this citation points to was deleted").wait_for()


def test_the_cited_sentence_is_marked_and_a_table_has_cells(browser: Browser, tmp_path: Path) -> None:
    text = (
        "# Rules\n\nAsk [before](a.md) you travel. A [hotel](https://example.org/h) may cost up to 140 "
        "euros a night. Keep the receipt.\n\n"
        "| <strong>Kind</strong> | [Degrees](d.md) |\n|---|---:|\n| Green tea <b> | 70 |\n| Black tea | 95 |\n"
    )
    with Workspace.init(tmp_path / "kb") as workspace:
        workspace.add_text(text, name="rules.md")
        [record] = workspace.documents()
    with running(tmp_path / "kb") as server, opened(browser, server, "/") as page:
        send(page, "How much may a hotel cost a night?")
        page.locator(".sources .source-chip").first.click()
        page.locator("#source mark#cited").wait_for()
        assert page.locator("#source mark").all_inner_texts() == ["A hotel may cost up to 140 euros a night."]
        rows = page.locator("#source table tr").all_inner_texts()
        assert rows == ["Kind\tDegrees", "Green tea <b>\t70", "Black tea\t95"]
        page.locator("#source .text").get_by_text("Ask before you travel.").wait_for()
        assert "|" not in page.locator("#source .text").inner_text()
        assert barriers(page, details=False) == []
        start = text.index("| Black")
        page.goto(f"{server.address}/documents/{record.doc_id}?start={start}&end={start + 18}#cited")
        assert page.locator("mark").all_inner_texts() == ["Black tea", "95"]
        assert page.locator("mark#cited").count() == 1
        assert barriers(page) == []


def test_many_conversations_scroll_in_their_own_part_of_the_rail(browser: Browser, server: Running) -> None:
    with server.client() as client:
        for number in range(16):
            assert client.post("/ask", json={"text": f"{QUESTION} {number}"}).status_code == 200
    with opened(browser, server, "/") as page:
        page.set_viewport_size({"width": 1200, "height": 640})
        history, who = (page.locator(each).bounding_box() for each in (".history", ".who"))
        assert history is not None
        assert who is not None
        assert history["y"] + history["height"] <= who["y"] <= 640 - who["height"]
        assert page.locator("#history li").count() == 16
        assert page.locator(".history > summary").is_hidden()
        assert barriers(page) == []
        page.goto(f"{server.address}/documents")
        names = page.locator("#list .acts button:visible").evaluate_all("(all) => all.map((each) => each.textContent)")
        assert names == ["Labels of Tea", "Delete Tea"]


def test_a_calibration_is_listed_and_stopped_after_a_reload(browser: Browser, server: Running) -> None:
    with server.client() as client:
        assert client.post("/api/jobs", json={"kind": "calibrate", "arguments": {}}).status_code == 202
        assert client.post("/api/jobs", json={"kind": "reindex", "arguments": {}}).status_code == 202
    with opened(browser, server, "/questions") as page:
        page.get_by_text("Calibrating: waiting").wait_for()
        assert page.locator("instill-job").count() == 1, "only what is begun on this page"
        page.get_by_role("button", name="Stop Calibrating").click()
        page.get_by_text("Calibrating: cancelled.", exact=True).wait_for()
        page.reload()
        page.get_by_text("Ended lately: 1 cancelled").wait_for()
        page.locator(".verdict").get_by_text("It was stopped.").wait_for()
        assert barriers(page) == []
