"""Where the focus is after a dialog, and after something is gone: never lost, in a real Chromium."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from instill import Workspace
from tests.server.pages.test_adding_in_browser import dropped, opened
from tests.server.pages.test_browser import browser
from tests.server.running import Running, running

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

__all__ = ["browser"]
NAMES = ("ale", "broth", "cocoa")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Running]:
    with Workspace.init(tmp_path / "kb") as workspace:
        for name in NAMES:
            workspace.add_text(f"# {name.title()}\n\nThe {name} is served at 80 degrees.\n", name=f"{name}.md")
        place = workspace.path
    with running(place) as found:
        yield found


def focused(page: Page) -> str:
    """The text of what has the focus, or what it is."""
    return " ".join(str(page.evaluate("() => document.activeElement.innerText || document.activeElement.id")).split())


def pressed(page: Page, name: str, *, within: str = "body") -> None:
    """Press a button by the keyboard."""
    button = page.locator(within).get_by_role("button", name=name, exact=True)
    button.focus()
    page.keyboard.press("Enter")


def test_a_dialog_gives_the_focus_back_to_what_opened_it(browser: Browser, server: Running) -> None:
    with opened(browser, server, "/documents") as page:
        for name in ("Delete Broth", "Labels of Broth", "Delete all 3", "Label all 3"):
            pressed(page, name)
            page.get_by_role("dialog").wait_for()
            page.keyboard.press("Escape")
            page.get_by_role("dialog").wait_for(state="detached")
            assert focused(page) == name
        pressed(page, "Delete Broth")
        pressed(page, "Forget instead", within="dialog")
        page.get_by_role("dialog", name="Forget").wait_for()
        page.keyboard.press("Escape")
        page.get_by_role("dialog").wait_for(state="detached")
        page.wait_for_function("() => document.activeElement.textContent.startsWith('Delete')")
        assert focused(page) == "Delete Broth"


def test_after_forgetting_the_next_document_has_the_focus(browser: Browser, server: Running) -> None:
    with opened(browser, server, "/documents") as page:
        for gone, then in (("Broth", "Cocoa"), ("Cocoa", "Ale"), ("Ale", "")):
            pressed(page, f"Delete {gone}")
            pressed(page, "Forget instead", within="dialog")
            with page.expect_event("load"):
                page.get_by_role("dialog", name="Forget").get_by_role("button", name="Forget", exact=True).focus()
                page.keyboard.press("Enter")
            page.get_by_text(f"“{gone}” is forgotten.").wait_for()
            page.wait_for_function("() => document.activeElement !== document.body")
            assert focused(page).startswith(then or "Documents"), "the next one, the last one, or the page"
    with opened(browser, server, "/memory") as page:
        page.get_by_label("A document, by its path or id").fill("nothing.md")
        page.keyboard.press("Enter")
        page.get_by_text("No document").first.wait_for()
        assert page.evaluate("() => document.activeElement.name || document.activeElement.textContent") in (
            "reference", "Forget",
        )  # fmt: skip


def test_after_a_message_is_closed_one_goes_on_where_one_was(browser: Browser, server: Running) -> None:
    with opened(browser, server, "/documents") as page:
        pressed(page, "Delete Broth")
        with page.expect_event("load"):
            page.get_by_role("dialog").get_by_role("button", name="Delete", exact=True).focus()
            page.keyboard.press("Enter")
        page.get_by_text("Deleted “Broth”.").wait_for()
        assert focused(page) == "Undo"
        pressed(page, "Close the message")
        assert focused(page) == "Cocoa"
        page.get_by_text("Deleted in the last week: 1").click()
        with page.expect_event("load"):
            pressed(page, "Bring back Broth, deleted " + page.locator("details.removed p").last.inner_text()[8:24])
        page.get_by_text("“Broth” is back.").wait_for()
        page.wait_for_function("() => document.activeElement !== document.body")
        assert focused(page) != ""


def test_what_is_dismissed_and_what_is_judged_leave_the_focus_near(browser: Browser, server: Running) -> None:
    with opened(browser, server, "/documents") as page:
        dropped(page, 2)
        page.get_by_text("All are sent. You may leave this page").wait_for()
        task = server.service.jobs.take("documents")
        assert task is not None
        failed = [{"source": path, "what": "The file is empty."} for path in task.arguments["paths"]]
        server.service.jobs.end(task.job_id, "done", {"added": [], "failed": failed})
        page.goto(f"{server.address}/documents")
        page.locator("instill-job.partly").get_by_role("button", name="Dismiss").focus()
        page.keyboard.press("Enter")
        page.locator("instill-job.partly").wait_for(state="detached")
        page.wait_for_function("() => document.activeElement !== document.body")
        page.goto(f"{server.address}/")
        page.get_by_label("Your question").fill("At how many degrees is the ale served?")
        page.keyboard.press("Enter")
        page.locator(".short").get_by_text("80 degrees").wait_for()
        pressed(page, "Wrong")
        assert page.locator(".judging textarea").evaluate("(each) => document.activeElement === each")
        pressed(page, "Save")
        page.get_by_text("Kept").first.wait_for()
        page.wait_for_function("() => document.activeElement !== document.body")
        assert page.evaluate("() => Boolean(document.activeElement.closest('.exchange'))")
