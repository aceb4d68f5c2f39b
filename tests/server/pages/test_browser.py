"""The pages in a real Chromium, as a newcomer uses them: one server, one browser, from the first file to a refusal."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.server.pages.axe import barriers
from tests.server.pages.company import Site, company
from tests.server.running import Process, process

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
QUESTION = "At how many degrees is tea brewed?"
TEA = "# Tea\n\nTea is brewed at 80 degrees.\n\nThe teapot of the kitchen holds two litres.\n"
SLOW = 90_000


def browser_here() -> str:
    """The path of a Chromium; "" where there is none. `REQUIRE_CHROMIUM=yes` makes that a failure."""
    return next((found for name in NAMES if (found := shutil.which(name))), "")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = browser_here()
    if not path and os.environ.get("REQUIRE_CHROMIUM") == "yes":
        pytest.fail("There is no Chromium: apt-get install chromium")
    if not path:
        pytest.skip("There is no Chromium on this machine: apt-get install chromium")
    playwright: Any = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as running:
        found = running.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        yield found
        found.close()


@pytest.mark.timeout(600)
def test_from_the_first_file_to_a_refusal(browser: Browser, tmp_path: Path) -> None:
    tea = tmp_path / "tea.md"
    tea.write_text(TEA)
    (tmp_path / "kb").mkdir()
    with process(tmp_path / "kb") as server:
        context = browser.new_context(viewport={"width": 1280, "height": 800})
        page = context.new_page()
        page.set_default_timeout(SLOW)
        wrong: list[str] = []
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
        page.on("request", lambda sent: wrong.append(sent.url) if not sent.url.startswith(server.address) else None)
        page.goto(server.address)
        page.get_by_text("Begin with your documents.").wait_for()
        page.get_by_role("link", name="Add documents").click()
        page.wait_for_url("**/documents", wait_until="load")
        drop(page, tea)
        page.locator("#list").get_by_role("link", name="Tea").wait_for()
        _ask(page, server.address)
        _judge_and_correct(page)
        _find_under_questions(page, server.address)
        _measure(page, server.address)
        _look_at_every_page(page, server.address)
        _delete(page, server.address)
        page.goto(server.address)
        _send(page, QUESTION)
        page.locator(".refusal").wait_for()
        assert wrong == []
        narrow = browser.new_page(viewport={"width": 360, "height": 740})
        for address in ("/", "/documents", "/questions", "/memory", "/compare", "/models", "/settings", "/docs"):
            narrow.goto(server.address + address)
            wide = narrow.evaluate("() => document.documentElement.scrollWidth")
            assert wide <= 360, f"{address} is {wide} wide"
            last = narrow.locator(".rail nav a").last.evaluate("(each) => each.getBoundingClientRect().right")
            assert last <= 360, "all pages are in sight"
            assert _unnamed(narrow) == []
            assert barriers(narrow) == [], "where nothing is yet"
        context.close()
        with company() as site:
            _widget(browser, server, site)


def drop(page: Page, *files: Path) -> None:
    """Drop files on the page as a person does, and wait until each is in."""
    page.evaluate(
        """(files) => {
          const held = new DataTransfer();
          for (const [name, text] of files) held.items.add(new File([text], name));
          const told = { dataTransfer: held, bubbles: true, cancelable: true };
          document.querySelector("main").dispatchEvent(new DragEvent("drop", told));
        }""",
        [[each.name, each.read_text()] for each in files],
    )
    page.locator("#sent li").get_by_text("added", exact=True).nth(len(files) - 1).wait_for()


def _send(page: Page, question: str) -> None:
    page.evaluate("() => document.activeElement.blur()")
    page.keyboard.press("/")
    page.keyboard.type(question)
    page.keyboard.press("Enter")


def _ask(page: Page, address: str) -> None:
    """Ask by the keyboard; the citation opens the words beside the answer, and Esc closes them."""
    page.goto(address)
    _send(page, QUESTION)
    page.locator(".short").get_by_text("80 degrees").wait_for()
    assert "/ask/" in page.url
    chip = page.locator(".sources .source-chip").first
    chip.focus()
    page.keyboard.press("Enter")
    page.locator("#source mark#cited").get_by_text("Tea is brewed at 80 degrees.").wait_for()
    assert chip.get_attribute("aria-expanded") == "true"
    assert barriers(page, details=False) == []
    page.keyboard.press("Escape")
    page.locator("#source").wait_for(state="hidden")
    assert page.evaluate("() => document.activeElement.className") == "source-chip"
    page.get_by_role("button", name="Why this answer?").click()
    page.locator(".why table").wait_for()


def _judge_and_correct(page: Page) -> None:
    page.get_by_role("button", name="Right", exact=True).click()
    page.get_by_text("Kept under Questions.").wait_for()
    page.get_by_role("button", name="Wrong", exact=True).click()
    page.get_by_label("The right answer is …").fill("holds two litres")
    page.get_by_role("button", name="Save").click()
    page.get_by_text("Kept, and found in the documents: 1. The next answer is not changed by it.").wait_for()
    assert page.locator(".exchange .after .said a").last.get_attribute("href") == "/questions?kind=corrected"
    _send(page, "Who is the king of Spain?")
    page.locator(".refusal").wait_for()
    last = page.locator(".exchange").last
    last.get_by_role("button", name="Tell the owner").click()
    last.get_by_text("The owner finds it under Questions.").wait_for()
    last.get_by_role("button", name="Edit this question and ask again").click()
    last.get_by_label("Your question").wait_for()
    assert barriers(page, details=False) == [], "while a question is edited"
    page.keyboard.press("Escape")


def _find_under_questions(page: Page, address: str) -> None:
    page.goto(f"{address}/questions?kind=corrected")
    page.locator("summary").get_by_text(QUESTION).click()
    page.get_by_text("It should be: “holds two litres”").wait_for()
    page.goto(f"{address}/questions?kind=right")
    page.get_by_text("Nobody has said of an answer that it is right.").wait_for()
    page.get_by_role("link", name="Told the owner").click()
    page.locator("summary").get_by_text("Who is the king of Spain?").click()
    page.get_by_role("button", name="Rightly refused").click()
    page.get_by_text("Kept under Questions.").wait_for()
    page.goto(f"{address}/questions?kind=refused")
    page.get_by_role("heading", name="What your documents do not say yet").wait_for()
    page.get_by_role("heading", name="King of Spain").wait_for()  # as it was understood
    assert "2 judged questions" in page.locator("main").inner_text()


def _measure(page: Page, address: str) -> None:
    """From the pages alone: calibrate with what was judged, make a study set, write a recipe for its rows and find it
    where it is trained."""
    page.goto(f"{address}/questions")
    page.get_by_role("button", name="Calibrate with it").click()
    verdict = page.locator(".verdict").get_by_text("questions are too few to say anything")
    verdict.wait_for()
    page.reload()
    page.get_by_text("Ended lately: 1 done").wait_for()
    verdict.wait_for()
    page.get_by_role("button", name="How long, and what will it show?").click()
    page.get_by_text("Of 2 judged questions").wait_for()  # how many of them are asked depends on their split
    page.goto(f"{address}/compare")
    page.get_by_role("button", name="Make a study set").click()
    page.get_by_role("link", name="The study set", exact=True).click()
    page.get_by_role("heading", name="Study set", exact=True).wait_for()
    page.goto(f"{address}/compare")
    page.get_by_role("button", name="How long, and what will it show?").wait_for()
    most = page.get_by_label("Ask at most")
    most.fill("3")
    page.get_by_role("button", name="How long, and what will it show?").click()
    assert most.evaluate("(each) => document.activeElement === each && !each.validity.valid")
    page.get_by_role("link", name="questions about").first.click()
    page.get_by_role("heading", name="Study set", exact=True).wait_for()
    page.get_by_role("heading", name="Asked in comparisons").wait_for()
    assert page.locator(".what").count() > 0
    assert barriers(page) == []
    page.goto(f"{address}/models")
    page.get_by_label("Model").select_option("micro")
    page.get_by_role("button", name="Write the recipe").click()
    page.wait_for_url("**/models?recipe=**")
    recipe = page.get_by_label("Recipe").input_value()
    assert recipe.startswith("recipes/")
    page.get_by_role("status").get_by_text(f"{recipe} is written. It is chosen under Train.").wait_for()
    assert page.get_by_label("Recipe").locator("option").all_inner_texts() == [f"{recipe} · trains micro"]


def _look_at_every_page(page: Page, address: str) -> None:
    """With a document, answers and judgements, in light and in dark: axe finds nothing in anybody's way."""
    page.goto(f"{address}/documents")
    document = page.locator("#list").get_by_role("link", name="Tea").get_attribute("href")
    page.goto(address)
    conversation = page.locator("#history a").first.get_attribute("href")
    for path in (
        "/documents",
        document,
        conversation,
        "/questions",
        "/memory",
        "/compare",
        "/models",
        "/settings",
        "/docs",
    ):
        page.goto(f"{address}{path}")
        assert barriers(page) == []


def _delete(page: Page, address: str) -> None:
    page.goto(f"{address}/documents")
    page.get_by_role("button", name="Delete").click()
    page.locator("dialog").get_by_role("button", name="Delete").click()
    page.get_by_text("Nothing is here yet.").wait_for()


def _widget(browser: Browser, server: Process, site: Site) -> None:
    """The chat on a page of another server: answers with sources, refuses and hands over, and works nowhere else."""
    with server.client() as maker:
        boss = maker.post("/api/keys", json={"name": "boss", "role": "admin"}).json()["secret"]
    with server.client(headers={"authorization": f"Bearer {boss}"}) as owner:
        sent: dict[str, Any] = {
            "files": {"files": ("tea.md", TEA.encode())},
            "data": {"labels": "public", "wait": "60"},
        }
        assert owner.post("/api/documents", **sent).json()["state"] == "done"
        wanted = {"name": "site", "role": "public", "labels": ["public"], "origins": [site.address]}
        site.shows(server.address, owner.post("/api/keys", json=wanted).json()["secret"])
    page = browser.new_page(viewport={"width": 360, "height": 740})
    page.set_default_timeout(SLOW)
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    told: list[str] = []
    page.on("console", lambda message: told.append(message.text))
    page.goto(site.address)
    page.get_by_role("button", name="Ask about tea").click()
    page.keyboard.type(QUESTION)
    page.keyboard.press("Enter")
    page.locator(".short").get_by_text("80 degrees").wait_for()
    page.locator("summary").get_by_text("Tea").click()
    page.locator("blockquote").get_by_text("Tea is brewed at 80 degrees.").wait_for()
    assert page.locator(".short").evaluate("(each) => getComputedStyle(each).fontSize") == "19.2px"
    page.get_by_label("Your question").fill("Who is the king of Spain?")
    page.keyboard.press("Enter")
    person = page.get_by_role("link", name="Write to us")
    address = person.get_attribute("href")
    assert address == "mailto:help@kettles.example?body=Who%20is%20the%20king%20of%20Spain%3F"
    page.keyboard.press("Escape")
    page.reload()
    page.get_by_role("button", name="Ask about tea").click()
    assert page.locator("article").count() == 2, "a conversation goes on from page to page"
    assert barriers(page, details=False) == []
    page.goto(f"http://localhost:{site.port}/")
    page.get_by_role("button", name="Ask about tea").click()
    page.keyboard.type(QUESTION)
    page.keyboard.press("Enter")
    page.get_by_text("This chat is not set up for this site.").wait_for()
    assert any(f"does not answer pages of http://localhost:{site.port}:" in each for each in told)
    page.route(f"{server.address}/**", lambda route: route.abort())
    page.keyboard.type(QUESTION)
    page.keyboard.press("Enter")
    page.get_by_text("The server cannot be reached.").wait_for()
    page.unroute(f"{server.address}/**")
    page.goto(server.address)
    page.get_by_label("Key").wait_for()
    assert barriers(page) == []
    assert wrong == []


def _unnamed(page: Page) -> list[str]:
    """Controls that a screen reader has no name for, and a page without its one title."""
    found: list[str] = page.evaluate(
        """() => {
          const named = (each) => each.labels?.length || each.getAttribute("aria-label") || each.textContent.trim();
          const controls = "button, a[href], input:not([type=hidden]), select, textarea";
          const wanted = [...document.querySelectorAll(controls)];
          const bare = wanted.filter((each) => !named(each)).map((each) => each.outerHTML);
          return document.querySelectorAll("h1").length === 1 ? bare : [...bare, "titles"];
        }"""
    )
    return found
