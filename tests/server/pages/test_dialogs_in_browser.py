"""Dialogs and forms in a real Chromium: what Enter and Escape do, what is named, and where a refusal is said."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from instill import Workspace
from instill.models.registry.store import Registry
from instill.server.pages.rendering import HERE
from tests.models.registry.made import make_adapter, make_base, make_card
from tests.server.pages.axe import barriers
from tests.server.pages.test_adding_in_browser import opened
from tests.server.pages.test_browser import QUESTION, TEA, browser
from tests.server.running import Running, running

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Dialog, Page, Route

__all__ = ["browser"]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Running]:
    with Workspace.init(tmp_path / "kb") as workspace:
        workspace.add_text(TEA, name="drinks/tea.md", labels=["old"])
        place = workspace.path
    with running(place) as found:
        yield found


def focused(page: Page) -> str:
    return str(page.evaluate("() => document.activeElement.textContent || document.activeElement.tagName"))


def test_enter_in_a_field_agrees_and_escape_does_not(browser: Browser, server: Running) -> None:
    with opened(browser, server, "/documents") as page:
        for key, labels in (("Escape", ["old"]), ("Enter", ["kitchen"])):
            page.get_by_role("button", name="Labels of Tea").click()
            page.get_by_role("dialog", name="Labels of Tea").get_by_label("Labels, with commas").fill("kitchen")
            if key == "Enter":
                with page.expect_event("load"):
                    page.keyboard.press(key)
            else:
                page.keyboard.press(key)
                page.get_by_role("dialog").wait_for(state="detached")
            assert page.locator("#list .tag").all_text_contents() == labels
        page.get_by_text("“Tea” has the labels kitchen now.").wait_for()
        with page.expect_event("load"):
            page.get_by_role("button", name="Undo").click()
        assert page.locator("#list .tag").all_text_contents() == ["old"]
        page.get_by_role("button", name="Close the message").click()
        assert page.locator(".toast").count() == 0


def test_a_deleted_document_comes_back_by_undo_and_from_the_list(browser: Browser, server: Running) -> None:
    with opened(browser, server, "/documents") as page:
        [before] = server.client().get("/api/documents").json()["documents"]
        for way in ("Undo", "Bring back Tea"):
            page.get_by_role("button", name="Delete Tea").click()
            page.get_by_role("dialog").get_by_role("button", name="Delete", exact=True).click()
            page.get_by_text("Deleted “Tea”.").wait_for()
            assert server.client().get("/api/documents").json()["documents"] == []
            assert page.evaluate("document.activeElement.textContent") == "Undo"
            if way != "Undo":
                page.get_by_text("Deleted in the last week: 1").click()
                assert barriers(page, details=False) == []
            with page.expect_event("load"):
                page.get_by_role("button", name=way).click()
            assert server.client().get("/api/documents").json()["documents"] == [before]
            assert page.locator("details.removed").count() == 0


def test_what_is_dangerous_has_the_focus_on_cancel_and_names_what_goes(browser: Browser, server: Running) -> None:
    with opened(browser, server, "/documents") as page:
        page.get_by_role("button", name="Delete Tea").click()
        question = "Take “Tea” out? Answers no longer stand on it. For a week it can be brought back"
        page.get_by_role("dialog").get_by_text(question).wait_for()
        assert focused(page) == "Cancel"
        page.keyboard.press("Enter")
        page.get_by_role("dialog").wait_for(state="detached")
        assert page.locator("#list .what a").count() == 1
        page.get_by_role("button", name="Delete Tea").click()
        page.get_by_role("button", name="Forget instead").click()
        page.get_by_role("dialog").get_by_text("Forget the whole document Tea?").wait_for()
        page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
        page.get_by_role("dialog").wait_for(state="detached")
        page.goto(f"{server.address}/memory")
        [document] = server.client().get("/api/documents").json()["documents"]
        reference = page.get_by_label("A document, by its path or id, or a fact's id")
        reference.fill("nothing like it")
        page.keyboard.press("Enter")
        page.locator("section[aria-label=Forgetting] .said.bad").wait_for()
        reference.fill(document["doc_id"])
        page.keyboard.press("Enter")
        page.get_by_role("dialog").get_by_text("Forget drinks/tea.md? It is removed from the index").wait_for()
        assert page.locator(".said.bad").count() == 0, "what was wrong before does not stay behind the dialog"
        assert barriers(page, details=False) == []
        held: list[Route] = []
        page.route("**/api/forget", lambda route: held.append(route))
        page.get_by_role("dialog").get_by_role("button", name="Forget").click()
        said = page.locator("section[aria-label=Forgetting] .said").first
        said.get_by_text("Forgetting: the index, all that was made from it, and weights are gone through.").wait_for()
        assert page.locator("section[aria-label=Forgetting] button").first.is_disabled()
        held[0].fulfill(status=400, json={"error": {"what": "It is not there.", "remedy": ""}})
        page.get_by_text("It is not there.").wait_for()


def test_a_refusal_is_said_where_it_was_tried_with_nothing_but_close(browser: Browser, server: Running) -> None:
    with server.client() as client:
        made = client.post("/api/keys", json={"name": "Ann", "role": "admin"}).json()
    with server.client(made["secret"]) as client:
        assert client.post("/api/keys", json={"name": "Eve"}).status_code == 201
    with opened(browser, server, "/login", permissions=["clipboard-read", "clipboard-write"]) as page:
        page.get_by_label("Key").fill(made["secret"])
        page.keyboard.press("Enter")
        page.wait_for_url(f"{server.address}/")
        page.set_viewport_size({"width": 360, "height": 740})
        page.goto(f"{server.address}/settings")
        revoke = page.get_by_role("button", name="Revoke Ann")
        revoke.scroll_into_view_if_needed()
        box = revoke.bounding_box()
        assert box is not None
        assert 0 <= box["x"] <= box["x"] + box["width"] <= 360, "in sight without scrolling sideways"
        revoke.click()
        question = f"Take the key of “Ann” back (admin, {made['key']['key_id']})?"
        page.get_by_role("dialog").get_by_text(question).wait_for()
        page.get_by_role("button", name="Revoke", exact=True).click()
        page.get_by_role("dialog", name="What went wrong").wait_for()
        assert page.get_by_role("dialog").get_by_role("button").all_text_contents() == ["Close"]
        assert page.locator("#new-key .said").text_content() == ""
        assert barriers(page, details=False) == []
        page.keyboard.press("Enter")
        page.get_by_role("dialog").wait_for(state="detached")
        page.get_by_label("For whom").fill("Ann")
        page.get_by_text("An active key has this name. Choose another name").wait_for()
        page.get_by_label("For whom").fill("Site")
        assert page.locator("#same-name").text_content() == ""
        page.get_by_label("Role", exact=False).first.select_option("public")
        page.locator("#new-key input[name=labels]").fill("public")
        page.get_by_label("Web sites").fill("https://example.org")
        page.get_by_role("button", name="Make it").click()
        page.get_by_role("button", name="Copy").click()
        page.get_by_text("Copied.").wait_for()
        held = page.evaluate("() => navigator.clipboard.readText()")
        assert held == page.locator("#new-key .secret").text_content()
        assert held.startswith(f'<script src="{server.address}/widget.js" data-key="instill_')
        assert "passwords" not in page.locator("#new-key").inner_text()


def test_a_second_click_takes_a_judgement_back(browser: Browser, server: Running) -> None:
    with opened(browser, server, "/") as page:
        page.get_by_label("Your question").fill(QUESTION)
        page.keyboard.press("Enter")
        right = page.get_by_role("button", name="Right", exact=True)
        right.click()
        page.get_by_text("Kept under Questions.").wait_for()
        assert len(server.client().get("/api/questions/set").text.splitlines()) == 1
        right.click()
        page.get_by_text("Taken back.").wait_for()
        assert right.get_attribute("aria-pressed") == "false"
        assert server.client().get("/api/questions/set").text == ""
        [question] = server.client().get("/api/questions").json()["questions"]
        assert question["judgements"] == []


def test_a_click_opens_one_dialog_and_sends_one_request(browser: Browser, server: Running, tmp_path: Path) -> None:
    card = make_card("tone", make_base(tmp_path / "base"))
    Registry(server.service.folder / ".instill").add(make_adapter(tmp_path / "tone"), card)
    sent: list[str] = []
    for path, button in (("/models/tone", "Promote"), ("/documents", "Delete Tea")):
        with opened(browser, server, path) as page:
            page.on("request", lambda asked: sent.append(asked.method) if asked.method != "GET" else None)
            page.get_by_role("button", name=button).dblclick()
            page.get_by_role("dialog").wait_for()
            page.wait_for_timeout(300)
            assert page.get_by_role("dialog").count() == 1, path
            page.get_by_role("dialog").get_by_role("button", name=button.split()[0]).click()
            page.get_by_role("dialog").wait_for(state="detached")
            page.wait_for_timeout(300)
    assert sent == ["POST", "DELETE"]


def test_what_a_training_takes_is_said_before_it_begins(browser: Browser, server: Running) -> None:
    recipes = server.service.folder / "recipes"
    recipes.mkdir()
    (recipes / "tone.toml").write_text('name = "tone"\nbase = "micro"\n')
    waiting: list[Route] = []
    with opened(browser, server, "/models") as page:
        page.route("**/api/recipes/estimate", lambda route: waiting.append(route))
        train = page.get_by_role("button", name="Train")
        dialog = page.get_by_role("dialog", name="What the training takes")
        train.click()
        dialog.get_by_text("The model is opened, and a few steps are measured").wait_for()
        dialog.get_by_role("progressbar", name="Working out what it takes").wait_for()
        assert dialog.get_by_role("button", name="Train").is_disabled()
        assert barriers(page) == []
        dialog.get_by_role("button", name="Cancel").click()
        dialog.wait_for(state="detached")
        assert server.service.jobs.all() == []
        for cost, words in (
            ({"passed": False, "said": "This recipe cannot be trained as it is: A row is empty."}, "A row is empty."),
            ({"passed": True, "said": "About 3 min for 120 steps."}, "About 3 min for 120 steps."),
        ):
            train.click()
            dialog.get_by_text("The model is opened").wait_for()
            waiting[-1].fulfill(json=cost)
            dialog.get_by_text(words).wait_for()
            assert dialog.get_by_role("progressbar").count() == 0
            assert dialog.get_by_role("button", name="Train").is_enabled() is cost["passed"]
            assert waiting[-1].request.post_data_json == {"recipe": "recipes/tone.toml", "promote": False}
            assert focused(page) == ("Train" if cost["passed"] else "Cancel")
            page.keyboard.press("Enter")
            dialog.wait_for(state="detached")
        page.locator("instill-job").wait_for()
        assert [job.kind for job in server.service.jobs.all()] == ["train"]


def test_no_page_runs_a_script_twice() -> None:
    """The address of a page's own script has a version, which an import has not: the browser takes them for two."""

    def imported(name: str) -> set[str]:
        direct = set(re.findall(r'(?:from|import) "\./(\w+\.js)"', (HERE / "static" / name).read_text())) - {name}
        seen: set[str] = set()
        while direct - seen:
            more = (direct - seen).pop()
            seen.add(more)
            direct |= set(re.findall(r'(?:from|import) "\./(\w+\.js)"', (HERE / "static" / more).read_text()))
        return seen

    parts = {"base.js", "after_load.js", "focus.js", "judging.js", "jobs.js", "fresh_sections.js"}
    assert imported("questions.js") == parts
    for file in (HERE / "templates").glob("*.html"):
        own = re.findall(r"/static/(\w+\.js)", file.read_text())
        assert not set(own) & set().union(*map(imported, own)), file.name


def test_what_a_job_made_is_in_the_lists_and_choices_without_a_reload(browser: Browser, server: Running) -> None:
    jobs, recipes = server.service.jobs, server.service.folder / "recipes"
    recipes.mkdir()
    (recipes / "one.toml").write_text('base = "micro"\n')
    for _ in range(2):
        jobs.add("train", "work", {"recipe": "recipes/one.toml"}, labels=None, asked_by="owner")
    with opened(browser, server, "/models") as page:
        assert page.locator("instill-job").count() == 2
        page.get_by_text("Training: waiting").first.wait_for()
        assert page.get_by_label("Promote it where it passes").is_checked() is False
        page.get_by_label("Promote it where it passes").check()
        task = jobs.take("work")
        assert task is not None
        (recipes / "two.toml").write_text('base = "micro"\n')
        jobs.end(task.job_id, "done", {})
        option = page.locator("select[name='arguments.recipe'] option", has_text="recipes/two.toml")
        option.wait_for(state="attached")
        assert page.get_by_label("Promote it where it passes").is_checked()
        page.get_by_text("Training: done.", exact=True).wait_for()
        page.get_by_text("Training: waiting").wait_for()
        assert page.locator("instill-job").count() == 2
        task = jobs.take("work")
        assert task is not None
        jobs.end(task.job_id, "failed", {"what": "The disk is full.", "remedy": "Make room."})
        failure = page.locator("instill-job.failure")
        failure.get_by_text("The disk is full. Make room.").wait_for()
        assert barriers(page, details=False) == []
        page.reload()
        failure.get_by_role("button", name="Try again").click()
        page.get_by_text("Training: waiting").wait_for()
        assert failure.count() == 0
        assert [job.state for job in jobs.all()] == ["waiting", "failed", "done"]
        page.reload()
        page.get_by_text("Training: waiting").wait_for()
        assert failure.count() == 0


def test_what_was_done_is_said_for_a_while(browser: Browser, server: Running) -> None:
    with opened(browser, server, "/documents") as page:
        page.clock.install()
        for shut, words in ((False, "Tea is out."), (True, "It stays.")):
            page.evaluate("(text) => sessionStorage.setItem('instill-said', JSON.stringify({ text, undo: [] }))", words)
            page.reload()
            toast = page.locator(".toast")
            toast.get_by_text(words).wait_for()
            if shut:
                toast.hover()
            page.clock.fast_forward(7000)
            assert toast.count() == (1 if shut else 0)


def test_a_new_key_is_not_left_behind_unseen(browser: Browser, server: Running) -> None:
    asked: list[str] = []

    def stay(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.dismiss()

    with opened(browser, server, "/settings", permissions=["clipboard-read", "clipboard-write"]) as page:
        page.on("dialog", stay)
        page.get_by_text("There is none: everybody on this machine is the owner").wait_for()
        page.get_by_label("For whom").fill("Ann")
        page.get_by_role("button", name="Make it").click()
        page.get_by_role("dialog").get_by_text("From now on everybody needs a key to come in").wait_for()
        page.get_by_role("button", name="Make the key").click()
        page.locator(".secret").wait_for()
        assert page.get_by_text("There is none").count() == 0
        page.get_by_text("This browser is logged in with it now, as Ann.").wait_for()
        page.get_by_role("link", name="Memory").click()
        page.wait_for_timeout(500)
        assert (asked, page.url) == (["beforeunload"], f"{server.address}/settings")
        page.get_by_role("button", name="Copy").click()
        page.get_by_text("Copied.").wait_for()
        page.get_by_role("link", name="Memory").click()
        page.wait_for_url("**/memory")
        page.get_by_role("button", name="Log out").wait_for()
        assert asked == ["beforeunload"]


def test_the_first_key_is_offered_as_an_admins_alone(browser: Browser, server: Running) -> None:
    with opened(browser, server, "/settings") as page:
        roles = page.get_by_label("Role").locator("option")
        assert roles.all_inner_texts() == ["admin"]
        assert page.locator("#new-key [name=labels], #new-key [name=origins]").count() == 0
        keys = server.service.keys
        keys.revoke(keys.add("Ann", role="admin").key.key_id)
        page.reload()
        assert roles.all_inner_texts() == ["admin"], "who has a key that was revoked does not come in"
        made = keys.add("Ann", role="admin").secret
        page.goto(f"{server.address}/login?next=/settings")
        page.get_by_label("Key").fill(made)
        page.get_by_role("button", name="Log in").click()
        page.wait_for_url("**/settings")
        assert roles.all_inner_texts() == ["public", "reader", "editor", "admin"]


def test_the_fields_of_a_form_stand_in_line(browser: Browser, server: Running) -> None:
    markup = """<form class="card"><div class="form-grid">
      <label class="field">A name <input></label>
      <label class="field">A name that is so long that it takes two lines of a narrow form <input></label>
      <label class="field">Another <select><option>one</option></select> <span class="small">said below</span></label>
    </div></form>"""
    with opened(browser, server, "/compare") as page:
        page.locator("main").evaluate("(main, markup) => { main.innerHTML = markup; }", markup)
        for width in (1280, 800):
            page.set_viewport_size({"width": width, "height": 850})
            boxes = page.locator("main .field > :first-child").evaluate_all(
                "(all) => all.map((each) => each.getBoundingClientRect()).map((box) => [box.top, box.width])"
            )
            assert len({round(top) for top, _ in boxes}) == 1, boxes
            assert len({round(wide) for _, wide in boxes}) == 1, boxes


def test_a_page_that_was_open_before_the_first_key_goes_on_or_says_to_log_in(browser: Browser, server: Running) -> None:
    with opened(browser, server, "/") as page, opened(browser, server, "/documents") as other:
        made = page.context.new_page()
        made.goto(f"{server.address}/settings")
        made.get_by_label("For whom").fill("Ann")
        made.get_by_role("button", name="Make it").click()
        made.get_by_role("button", name="Make the key").click()
        made.get_by_text("This browser is logged in with it now, as Ann.").wait_for()
        page.get_by_label("Your question").fill(QUESTION)
        page.keyboard.press("Enter")
        page.locator(".short").get_by_text("80 degrees").wait_for()
        other.get_by_role("button", name="Delete Tea").click()
        note = other.locator(".toast.login-needed")
        note.get_by_text("A key is needed now, and this page is not logged in.").wait_for()
        assert other.url == f"{server.address}/documents"
        other.get_by_role("dialog").get_by_role("button", name="Close").click()
        note.get_by_role("link", name="Log in").click()
        other.wait_for_url("**/login?next=*")


def test_a_wrong_value_is_named_by_the_label_of_its_field(browser: Browser, server: Running) -> None:
    with opened(browser, server, "/compare") as page:
        most = page.get_by_label("At most this many facts")
        most.evaluate("(each) => each.removeAttribute('max')")
        most.fill("20000")
        page.get_by_role("button", name="Make a study set").click()
        page.get_by_text("“At most this many facts” must be 10000 or less.").wait_for()
        assert most.evaluate("(each) => document.activeElement === each")
        assert barriers(page, details=False) == []
