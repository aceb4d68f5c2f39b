"""Adding and labelling documents in a real Chromium: dropped on Ask, in portions that do not wait for the reading.

Nothing does the jobs here but the tests themselves, so that what waits goes on waiting.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from instill import Workspace
from instill.server.access.keys import KeyStore
from tests.server.pages.axe import barriers
from tests.server.pages.test_browser import QUESTION, SLOW, TEA, browser
from tests.server.running import Running, running

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Dialog, Page, Route

__all__ = ["browser"]
BY_PAGE = "As long as this page is open, it asks again by itself."
MANY = 450
OVER = """() => {
  const out = document.querySelector(".who button").getBoundingClientRect();
  const isOver = (each) => {
    const box = each.getBoundingClientRect();
    return box.left < out.right && out.left < box.right && box.top < out.bottom && out.top < box.bottom;
  };
  return [...document.querySelectorAll(".rail a")].filter(isOver).map((each) => each.textContent);
}"""
"""Links of the rail that the button to log out lies over."""


def dropped(page: Page, count: int) -> None:
    """Drop so many small files on the page."""
    page.evaluate(
        """(count) => {
          const held = new DataTransfer();
          for (let at = 0; at < count; at++) held.items.add(new File([`Note ${at}.`], `${at}.md`));
          const told = { dataTransfer: held, bubbles: true, cancelable: true };
          document.querySelector("main").dispatchEvent(new DragEvent("drop", told));
        }""",
        count,
    )


@contextmanager
def opened(browser: Browser, server: Running, path: str, **more: object) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1200, "height": 800}, **more)  # type: ignore[arg-type]
    page = context.new_page()
    page.set_default_timeout(SLOW)
    page.goto(server.address + path)
    yield page
    context.close()


def read(server: Running, failing: int = -1) -> None:
    """Do the oldest job; the file at the place `failing` cannot be added."""
    jobs = server.service.jobs
    task = jobs.take("documents")
    assert task is not None
    for at, path in enumerate(task.arguments["paths"]):
        told = {"source": path, "result": "added", "what": "", "remedy": ""}
        if at == failing:
            told |= {"result": "failed", "what": "The file is empty.", "remedy": "Send it with its words."}
        jobs.tell(task.job_id, "file", told)
    jobs.tell(task.job_id, "progress", {"done": len(task.arguments["paths"]), "total": 0, "what": ""})
    failed = [{"source": task.arguments["paths"][failing], "what": "The file is empty."}] if failing >= 0 else []
    jobs.end(task.job_id, "done", {"added": task.arguments["paths"][len(failed) :], "failed": failed})


def test_files_dropped_on_ask_are_sent_at_once_and_read_later(browser: Browser, tmp_path: Path) -> None:
    Workspace.init(tmp_path / "kb").close()
    with running(tmp_path / "kb") as server, opened(browser, server, "/") as page:
        dropped(page, MANY)
        page.get_by_text("All are sent. You may leave this page").wait_for()
        assert page.url == f"{server.address}/"
        jobs = server.service.jobs.all()
        assert [len(job.arguments["paths"]) for job in jobs] == [50, 200, 200]
        assert page.locator("#progress").inner_text() == "450 of 450 sent, 0 read"
        assert page.locator("#progress progress").evaluate("(bar) => bar.value / bar.max") == 0.5
        page.locator("#unread").get_by_text("None of the 450 documents is read yet.").wait_for()
        page.get_by_role("heading", name="Your documents are being read.").wait_for()
        page.locator("#empty").get_by_text("None of the 450 documents is read yet. You can ask when").wait_for()
        assert barriers(page) == []
        page.get_by_label("Your question").fill(QUESTION)
        page.keyboard.press("Enter")
        page.get_by_text("Asked while 450 documents were still being read.").wait_for()
        page.get_by_text(BY_PAGE).wait_for()
        [kept] = server.client().get("/api/conversations").json()["conversations"]
        assert (kept["first_question"], kept["turns"]) == (QUESTION, 2), "the server has it, should the page be closed"
        with Workspace.open(tmp_path / "kb") as workspace:
            workspace.add_text(TEA, name="tea.md")
        page.locator(".short").get_by_text("80 degrees").wait_for()
        [again] = server.client().get("/api/conversations").json()["conversations"]
        assert (again["conversation_id"], again["turns"]) == (kept["conversation_id"], 2), "in the place of the refusal"
        assert page.locator(".exchange").count() == 1
        page.locator("#unread").get_by_text("Answers stand on 1 of 451 documents so far.").wait_for()
        read(server)
        page.locator("#unread").get_by_text("Answers stand on 1 of 251 documents so far.").wait_for()
        page.get_by_text("450 of 450 sent, 200 read").wait_for()
        later = page.context.new_page()
        later.set_default_timeout(SLOW)
        later.goto(f"{server.address}/documents")
        later.get_by_text("Adding documents: 0 of 250 read").wait_for()
        assert later.locator("#jobs instill-job, #jobs instill-upload").count() == 1, "two portions, one bar"
        read(server, failing=7)
        read(server)
        later.locator("#jobs .partly").get_by_text("449 added, 1 could not be added.").wait_for()
        assert later.locator("#jobs instill-job, #jobs instill-upload").count() == 1
        later.close()
        page.get_by_text("449 are in. 1 could not be added: the list begins with it and says why.").wait_for()
        first = page.locator("#sent li").first
        assert first.inner_text().split("\n") == ["207.md", "not added", "The file is empty. Send it with its words."]
        page.get_by_role("button", name="Only what could not be added").click()
        assert [each.inner_text() for each in page.locator("#sent li:visible > span:first-child").all()] == ["207.md"]
        page.goto(f"{server.address}/documents")
        failure = page.locator("instill-job.partly")
        failure.get_by_text("207.md: The file is empty.").wait_for()
        failure.get_by_text("Adding documents: done.").wait_for()
        assert barriers(page) == []
        failure.get_by_role("button", name="Dismiss").click()
        failure.wait_for(state="detached")
        page.reload()
        page.get_by_text("Ended lately: 1 done; 1 document could not be added").wait_for()
        assert failure.count() == 0


def test_what_could_not_be_added_is_told_once_and_dismissed_at_once(browser: Browser, tmp_path: Path) -> None:
    Workspace.init(tmp_path / "kb").close()
    with running(tmp_path / "kb") as server, opened(browser, server, "/documents") as page:
        dropped(page, 3)
        page.get_by_text("All are sent. You may leave this page").wait_for()
        read(server, failing=0)
        page.get_by_text("2 are in. 1 could not be added").wait_for()
        page.wait_for_timeout(300)
        assert page.get_by_text("The file is empty.").count() == 1
        page.get_by_role("button", name="Dismiss").click()
        page.get_by_text("The file is empty.").wait_for(state="detached")
        page.reload()
        page.get_by_text("Ended lately: 1 done; 1 document could not be added").wait_for()
        assert page.get_by_role("button", name="Dismiss").count() == 0


def test_what_came_of_uploads_before_and_after_a_page_was_left_is_told(browser: Browser, tmp_path: Path) -> None:
    Workspace.init(tmp_path / "kb").close()
    with running(tmp_path / "kb") as server, opened(browser, server, "/documents") as page:
        dropped(page, 4)
        page.get_by_text("All are sent. You may leave this page").wait_for()
        page.goto(f"{server.address}/")
        page.goto(f"{server.address}/documents")
        page.locator("#jobs instill-job").wait_for()
        dropped(page, 3)
        page.get_by_text("3 of 3 sent").wait_for()
        dropped(page, 2)
        page.get_by_text("5 of 5 sent").wait_for()
        read(server, failing=3)
        page.locator("#jobs .partly").get_by_text("3.md: The file is empty.").wait_for()
        page.wait_for_timeout(500)
        assert page.locator("#sent li").count() == 5, "the list of what is being added stays when another job ends"
        page.get_by_role("button", name="Choose files").click()
        assert page.locator("#files").evaluate("(field) => field.isConnected")
        read(server, failing=1)
        page.locator("#progress").get_by_text("5 of 5 sent, 3 read").wait_for()
        read(server)
        page.get_by_text("4 are in. 1 could not be added: below it is said why.").wait_for()
        panel = page.locator("#jobs instill-job")
        assert panel.count() == 1, "all of it is one upload"
        assert panel.locator(".problems li").all_inner_texts() == [
            "3.md: The file is empty.",
            "1.md: The file is empty.",
        ]
        assert page.locator("#sent li.failed").count() == 0, "each is told once"
        assert page.locator("#only-failed button, #dismiss-failed button").locator("visible=true").count() == 0
        assert barriers(page) == []
        panel.get_by_role("button", name="Dismiss").click()
        panel.wait_for(state="detached")
        page.reload()
        page.get_by_text("Ended lately: 1 done; 2 documents could not be added").wait_for()
        assert page.get_by_role("button", name="Dismiss").locator("visible=true").count() == 0, "of none of the jobs"


def test_what_is_dismissed_in_the_list_leaves_what_others_could_not_add(browser: Browser, tmp_path: Path) -> None:
    Workspace.init(tmp_path / "kb").close()
    with running(tmp_path / "kb") as server, opened(browser, server, "/documents") as page:
        later = page.context.new_page()
        later.set_default_timeout(SLOW)
        later.goto(f"{server.address}/")
        dropped(page, 3)
        page.get_by_text("All are sent. You may leave this page").wait_for()
        dropped(later, 2)
        later.get_by_text("All are sent. You may leave this page").wait_for()
        read(server, failing=2)
        read(server, failing=0)
        later.get_by_text("1 is in. 1 could not be added: the list begins with it and says why.").wait_for()
        later.get_by_role("button", name="Dismiss").click()
        later.locator("#sent li").first.wait_for(state="detached")
        page.reload()
        told = page.locator("#jobs .partly .problems li")
        told.first.wait_for()
        assert told.all_inner_texts() == ["2.md: The file is empty."]


def test_what_a_waiting_question_says_stays_true(browser: Browser, tmp_path: Path) -> None:
    Workspace.init(tmp_path / "kb").close()
    with running(tmp_path / "kb") as server, opened(browser, server, "/") as page:
        dropped(page, 30)
        page.get_by_text("All are sent. You may leave this page").wait_for()
        page.locator("#unread").get_by_text("None of the 30 documents is read yet.").wait_for()
        page.get_by_label("Your question").fill(QUESTION)
        page.keyboard.press("Enter")
        waiting = page.locator(".exchange .answer")
        waiting.get_by_text("Asked while 30 documents were still being read.").wait_for()
        task = server.service.jobs.take("documents")
        assert task is not None
        server.service.jobs.tell(task.job_id, "progress", {"done": 12, "total": 30, "what": ""})
        page.locator("#unread").get_by_text("12 of 30 documents are read, and none is in the index yet.").wait_for()
        waiting.get_by_text(BY_PAGE).wait_for()
        assert (waiting.locator(".refusal").count(), waiting.locator(".notice").count()) == (0, 1)


def test_a_page_that_is_opened_again_says_what_was_asked_before_all_was_read(browser: Browser, tmp_path: Path) -> None:
    Workspace.init(tmp_path / "kb").close()
    with running(tmp_path / "kb") as server, opened(browser, server, "/") as page:
        dropped(page, 2)
        page.get_by_text("All are sent. You may leave this page").wait_for()
        page.get_by_label("Your question").fill(QUESTION)
        page.keyboard.press("Enter")
        page.get_by_text("Asked while 2 documents were still being read.").wait_for()
        place = page.url
        page.goto(f"{server.address}/documents")  # Nobody is there when they are read.
        read(server)
        with Workspace.open(tmp_path / "kb") as workspace:
            workspace.add_text(TEA, name="tea.md")
        page.goto(place)
        page.get_by_text("Asked while documents were still being read.").wait_for()
        assert (page.get_by_text(BY_PAGE).count(), page.locator("[data-by-page]:visible").count()) == (1, 0)
        assert page.locator(".exchange").count() == 1, "nothing is asked by itself"
        page.locator(".early").get_by_role("button", name="Ask again").click()
        page.locator(".short").get_by_text("80 degrees").wait_for()
        page.goto(place)
        page.locator(".short").get_by_text("80 degrees").wait_for()
        assert (page.locator(".exchange").count(), page.locator(".early, .refused").count()) == (1, 0)


def test_a_refusal_before_all_is_read_is_asked_again_when_it_is(browser: Browser, tmp_path: Path) -> None:
    with Workspace.init(tmp_path / "kb") as workspace:
        workspace.add_text(TEA, name="tea.md")
    with running(tmp_path / "kb") as server, opened(browser, server, "/") as page:
        dropped(page, 2)
        page.get_by_text("All are sent. You may leave this page").wait_for()
        page.get_by_label("Your question").fill("Who waters the plants?")
        page.keyboard.press("Enter")
        page.get_by_text("Asked while 2 documents were still being read.").wait_for()
        page.get_by_text(BY_PAGE).wait_for()
        assert page.locator(".early button:visible").count() == 0
        assert barriers(page) == []
        with Workspace.open(tmp_path / "kb") as workspace:
            workspace.add_text("# Plants\n\nThe plants are watered by Ann Carter.", name="plants.md")
        read(server)
        page.locator(".exchange").get_by_text("watered by Ann Carter").first.wait_for()
        assert (page.locator(".exchange").count(), page.locator(".early").count()) == (1, 0)
        page.reload()
        assert (page.locator(".exchange").count(), page.locator(".early, .refused").count()) == (1, 0)


def test_what_is_read_is_counted_before_it_is_in_the_index_and_a_lost_server_is_told(
    browser: Browser, tmp_path: Path
) -> None:
    Workspace.init(tmp_path / "kb").close()
    with running(tmp_path / "kb") as server, opened(browser, server, "/documents") as page:
        dropped(page, 30)
        page.get_by_text("All are sent. You may leave this page").wait_for()
        jobs = server.service.jobs
        task = jobs.take("documents")
        assert task is not None
        jobs.tell(task.job_id, "progress", {"done": 12, "total": 30, "what": "11.md"})
        page.get_by_text("30 of 30 sent, 12 read").wait_for()
        jobs.tell(task.job_id, "file", {"source": task.arguments["paths"][0], "result": "added"})
        page.locator("#sent").get_by_text("added", exact=True).wait_for()
        assert page.locator("#progress").inner_text() == "30 of 30 sent, 12 read"
        server.end()
        page.get_by_text("The server does not answer. It has 30 of 30 files, and reads them when it runs").wait_for()
        assert barriers(page) == []


def test_only_what_the_server_has_counts_as_sent_and_the_rest_is_sent_again(browser: Browser, tmp_path: Path) -> None:
    Workspace.init(tmp_path / "kb").close()
    with running(tmp_path / "kb") as server, opened(browser, server, "/documents") as page:
        sent: list[Route] = []

        def first_alone(route: Route) -> None:
            sent.append(route)
            if len(sent) == 1:
                route.continue_()
            else:
                route.abort()

        page.route("**/api/documents", first_alone)
        dropped(page, MANY)
        told = "The server does not answer. It has 200 of 450 files, and reads them when it runs again. "
        page.get_by_text(f"{told}250 were not sent: keep this page open, and send them when it runs.").wait_for()
        assert page.locator("#progress").inner_text() == "200 of 450 sent, 0 read"
        assert page.locator("#sent li").get_by_text("not sent", exact=True).count() == 250
        assert barriers(page) == []
        page.unroute("**/api/documents")
        page.get_by_role("button", name="Send the rest again").click()
        page.get_by_text("All are sent. You may leave this page").wait_for()
        assert page.locator("#progress").inner_text() == "450 of 450 sent, 0 read"
        assert page.get_by_role("button", name="Send the rest again").is_hidden()
        assert [len(job.arguments["paths"]) for job in server.service.jobs.all()] == [50, 200, 200]


def test_who_leaves_while_files_are_unsent_is_asked_first(browser: Browser, tmp_path: Path) -> None:
    Workspace.init(tmp_path / "kb").close()
    asked: list[str] = []

    def stay(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.dismiss()

    with running(tmp_path / "kb") as server, opened(browser, server, "/documents") as page:
        page.on("dialog", stay)
        held: list[Route] = []
        page.route("**/api/documents", lambda route: held.append(route))
        page.get_by_role("heading", name="Documents", exact=True).click()
        dropped(page, 3)
        page.locator("#sent li").get_by_text("sending", exact=True).first.wait_for()
        page.get_by_role("link", name="Memory").click()
        page.wait_for_timeout(500)
        assert (asked, page.url) == (["beforeunload"], f"{server.address}/documents")
        held[0].continue_()
        page.get_by_text("All are sent. You may leave this page").wait_for()
        page.get_by_role("link", name="Memory").click()
        page.wait_for_url("**/memory")
        assert asked == ["beforeunload"]


def test_who_may_not_add_is_told_so(browser: Browser, tmp_path: Path) -> None:
    with Workspace.init(tmp_path / "kb") as workspace:
        secret = KeyStore(workspace.catalog).add("bob", role="reader").secret
    headers = {"authorization": f"Bearer {secret}"}
    with running(tmp_path / "kb") as server, opened(browser, server, "/", extra_http_headers=headers) as page:
        dropped(page, 1)
        page.get_by_role("dialog").get_by_text("Your key does not add documents").wait_for()
        assert server.service.jobs.all() == []


def test_on_a_telephone_nothing_lies_over_the_pages_names(browser: Browser, tmp_path: Path) -> None:
    with Workspace.init(tmp_path / "a-workspace-with-a-long-name") as workspace:
        secret = KeyStore(workspace.catalog).add("somebody with a long name", role="admin").secret
        place = workspace.path
    with running(place) as server, opened(browser, server, "/login") as page:
        page.set_viewport_size({"width": 360, "height": 740})
        page.get_by_label("Key").fill(secret)
        page.get_by_role("button", name="Log in").click()
        for path in ("/", "/documents", "/questions", "/memory", "/compare", "/models", "/settings"):
            page.goto(server.address + path)
            page.evaluate("() => document.querySelectorAll('details').forEach((each) => { each.open = true; })")
            assert page.evaluate("() => document.documentElement.scrollWidth") <= 360, path
            assert page.evaluate(OVER) == [], path


def test_what_a_search_finds_is_labelled_at_once(browser: Browser, tmp_path: Path) -> None:
    with Workspace.init(tmp_path / "kb") as workspace:
        for name in ("tea green", "tea black", "coffee"):
            workspace.add_text(f"# {name}\n\nThe {name} is hot.", name=f"{name}.md", labels=["old"])
    with running(tmp_path / "kb") as server, opened(browser, server, "/documents?words=tea") as page:
        page.get_by_label("Find documents").fill("coffee")
        assert page.get_by_role("button", name="Label all 2").is_disabled()
        page.get_by_label("Find documents").fill("tea")
        page.get_by_role("button", name="Label all 2").click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_text("All 2 documents of this list. Their other labels stay.").wait_for()
        assert barriers(page, details=False) == []
        dialog.get_by_label("Add these labels").fill("kitchen, guests")
        dialog.get_by_label("Take these away").fill("old")
        with page.expect_event("load"):
            dialog.get_by_role("button", name="Save").click()
        assert page.locator(".tag").all_text_contents() == ["guests", "kitchen"] * 2
        with server.client() as client:
            held = {each["title"]: each["labels"] for each in client.get("/api/documents").json()["documents"]}
        assert held == {"tea green": ["guests", "kitchen"], "tea black": ["guests", "kitchen"], "coffee": ["old"]}
        page.get_by_role("status").get_by_text("2 of 2 documents have other labels now.").wait_for()
        assert barriers(page, details=False) == []
        with page.expect_event("load"):
            page.get_by_role("button", name="Undo").click()
        page.get_by_text("It is as it was before.").wait_for()
        assert page.locator(".tag").all_text_contents() == ["old"] * 2
        page.get_by_role("button", name="Label all 2").click()
        page.get_by_role("dialog").get_by_label("Add these labels").fill("kitchen")
        page.get_by_role("dialog").get_by_label("Take these away").fill("kitchen")
        page.get_by_role("dialog").get_by_role("button", name="Save").click()
        page.get_by_text("Name labels to add or to take away, none of them twice.").wait_for()


def test_what_a_drop_replaces_and_leaves_out_is_said(browser: Browser, tmp_path: Path) -> None:
    Workspace.init(tmp_path / "kb").close()
    with running(tmp_path / "kb", jobs=True) as server, opened(browser, server, "/documents") as page:
        for words in ("The tea is in the tin.", "The tea is in the jar."):
            folder = tmp_path / "notes"
            folder.mkdir(exist_ok=True)
            (folder / "tea.md").write_text(words)
            (folder / ".hidden.md").write_text("Hidden.")
            page.locator("#folder").set_input_files(folder)
            page.get_by_text("1 file or folder was left out: its name begins with a dot.").wait_for()
        assert page.locator("#sent li").text_content() == "notes/tea.mdreplaces the earlier notes/tea.mdUndo"
        assert "1 replaces an earlier document, which can be brought back." in (
            page.locator("#said").text_content() or ""
        )
        page.get_by_role("button", name="Undo").click()
        page.get_by_text("the earlier notes/tea.md is back").wait_for()
        [record] = server.client().get("/api/documents").json()["documents"]
        assert Path(record["source"]).read_text() == "The tea is in the tin."
