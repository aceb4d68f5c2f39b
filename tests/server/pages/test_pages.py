"""The pages without a browser: who may see which, and that nothing of a document is ever more than words."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import httpx
import pytest

from instill import Workspace
from instill.server.access.caller_role import Role
from instill.server.access.headers import POLICY
from instill.server.access.keys import KeyStore
from instill.server.pages.rendering import EDITORS_PAGES, PAGES, prose
from instill.workspace.asked_questions import Feedback
from tests.server.running import Running, running
from tests.server.walking import routes_of

HTML = {"accept": "text/html,*/*;q=0.8"}
EVIL = "\"'><script>alert(1)</script><img src=x onerror=alert(1)><a href=javascript:alert(1)>{{7*7}}"
EVIL_TEXT = f"""# Tea {EVIL}

Tea {EVIL} is brewed at 80 degrees. [click](javascript:alert(1)) ![x](http://127.0.0.1:1/x.png) <style>*{{}}</style>

| Kind | Degrees |
|:---:|---:|
| Green {EVIL} | 70 |
"""
QUESTION = f"At how many degrees is tea brewed? {EVIL}"


class Page(HTMLParser):
    """Checks every element that comes by: nothing in a page runs, styles or loads but files of ours."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.tags: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.tags.append(tag)
        assert tag not in ("style", "object", "embed", "base"), tag
        assert "style" not in given, given
        assert not [name for name in given if name.startswith("on")], given
        if tag == "script":
            assert (given.get("src") or "").startswith("/static/"), given
        for name in ("src", "href", "action", "formaction", "data-source"):
            if name in given:
                assert (given[name] or "").startswith(("/", "#")), given
                assert not (given[name] or "").startswith("//"), given

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(self.words)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    workspace = Workspace.init(tmp_path_factory.mktemp("pages") / "kb")
    workspace.add_text(
        EVIL_TEXT, name=f"tea{EVIL.replace('/', '_')}.md", labels=f"label{EVIL}", metadata={"note": EVIL}
    )
    workspace.chat().say(QUESTION)
    return workspace


@pytest.fixture(scope="module")
def server(place: Workspace) -> Iterator[Running]:
    with running(place.path) as found:
        yield found


def got(client: httpx.Client, path: str, status: int = 200) -> Page:
    response = client.get(path, headers=HTML)
    assert response.status_code == status, response.text
    assert response.headers["content-type"].startswith("text/html")
    assert response.headers["content-security-policy"] == POLICY
    return Page(response.text)


def sent(client: httpx.Client, **asked: Any) -> dict[str, Any]:
    """The events of a question by name; of pieces the last."""
    response = client.post("/ask", json=asked)
    assert response.status_code == 200, response.text
    lines = response.text.strip().split("\n\n")
    return {each.split("\n")[0][7:]: json.loads(each.split("\n")[1][6:]) for each in lines}


def test_what_documents_and_questions_bring_is_never_more_than_words(server: Running, place: Workspace) -> None:
    [record] = place.documents()
    [talk] = place.conversations()
    with server.client() as client:
        addresses = [address for address, _ in PAGES]
        addresses += [f"/ask/{talk['conversation_id']}", f"/documents/{record.doc_id}?start=2&end=90"]
        addresses += [f"/documents/{record.doc_id}/source?start=2&end=90", "/?words=%22%3E%3Cscript%3E", "/login"]
        for address in addresses:
            got(client, address)
        assert "script" not in got(client, f"/documents/{record.doc_id}/source?start=2&end=90").tags
        assert "alert(1)" in got(client, f"/documents/{record.doc_id}").text
        assert "{{7*7}}" in got(client, f"/ask/{talk['conversation_id']}").text
        told = sent(client, text=QUESTION)
        shown = Page(told["answer"]["html"])
        assert "80 degrees" in shown.text
        assert {"script", "img"}.isdisjoint(shown.tags)


def test_prose_is_markup_of_few_kinds() -> None:
    shown = Page(
        str(prose(EVIL_TEXT + "\n- one\n- two\n\n`code` **bold**\n\n[r]: http://127.0.0.1:1\n\n[r] <http://x.y>"))
    )
    assert set(shown.tags) <= {"p", "table", "thead", "tbody", "tr", "th", "td", "ul", "li", "code", "strong", "em"}
    assert {"table", "li", "code", "strong"} <= set(shown.tags)
    assert "[click](javascript:alert(1))" in shown.text


def test_every_page_is_there_for_each_role_with_what_it_may(tmp_path: Path) -> None:
    with Workspace.init(tmp_path / "kb") as workspace:
        workspace.add_text("# Tea\n\nTea is brewed at 80 degrees.", name="tea.md", labels="staff")
        store = KeyStore(workspace.catalog)
        roles: tuple[Role, ...] = ("reader", "editor", "admin")
        keys = {
            role: store.add(role, role=role, labels=None if role == "admin" else ["staff"]).secret for role in roles
        }
        [record] = workspace.documents()
        with running(workspace.path) as server:
            for role in roles:
                with server.client(keys[role]) as client:
                    for address, name in PAGES:
                        shown = role != "reader" or address not in EDITORS_PAGES
                        assert name in got(client, address, 200 if shown else 403).text or not shown
                        assert (f'<a href="{address}"' in client.get("/settings", headers=HTML).text) == shown
                    page = got(client, "/documents").text
                    assert ("Choose files" in page) == (role != "reader")
                    assert "Tea" in page
                    assert "80 degrees" in got(client, f"/documents/{record.doc_id}").text
                    for address, steps, who in (
                        ("/compare", "Make a study set: questions", "An editor or an admin starts them."),
                        ("/models", "A recipe says which model", "An admin trains them."),
                    ):
                        page = got(client, address).text
                        does = role != "reader" if address == "/compare" else role == "admin"
                        assert ((steps in page), (who in page)) == (does, not does), "what they have buttons for"
                    assert "There is nothing at this address." in got(client, "/nowhere", 404).text
                    assert "No document has this name or id." in got(client, "/documents/ffff", 404).text
            with server.client(follow_redirects=False) as client:
                for address, _ in PAGES:
                    response = client.get(address, headers=HTML)
                    assert (response.status_code, response.headers["location"]) == (303, f"/login?next={address}")


def test_what_to_do_is_said_in_the_words_of_the_door(tmp_path: Path) -> None:
    """A page names what one does on a page; programs read addresses and commands, as before."""
    script = {"sec-fetch-site": "same-origin", "sec-fetch-mode": "cors"}
    with Workspace.init(tmp_path / "kb") as workspace, running(workspace.path) as server, server.client() as client:
        listed = client.get("/api/conversations/nothing")
        assert listed.json()["error"]["remedy"] == "List them: GET /api/conversations"
        assert client.get("/api/conversations/nothing", headers=script).json()["error"]["remedy"] == (
            "List them on the page Ask"
        )
        assert "List them on the page Ask" in got(client, "/ask/nothing", 404).text
        assert "list the documents (on the page Documents)" in got(client, "/documents/ffff", 404).text

        forget = {"reference": "nothing.md"}
        for headers, said in (
            ({}, "List the documents: instill status --documents"),
            (script, "List the documents on the page Documents"),
        ):
            assert client.post("/api/forget", json=forget, headers=headers).json()["error"]["remedy"] == said
        key = {"name": "site", "role": "public", "labels": ["public"]}
        assert "--origin" not in client.post("/api/keys", json={**key, "origins": ["x"]}, headers=script).text
        first = client.post("/api/keys", json=key, headers=script).json()["error"]["remedy"]
        assert first == "Make your own first, with the role admin."

        asked = client.post("/ask", json={"text": "How hot is tea brewed?"}, headers=script)
        assert "Add documents on the page Documents" in asked.text
        assert "instill add" not in asked.text
        assert "instill add PATH" in client.post("/api/ask", json={"question": "How hot is tea brewed?"}).text
        for address, _ in PAGES:
            if address != "/settings":  # There settings name the commands that they are for.
                assert "instill " not in client.get(address, headers=HTML).text.replace("instill.toml", ""), address


def test_people_log_in_with_a_key_and_out_again(tmp_path: Path) -> None:
    with Workspace.init(tmp_path / "kb") as workspace:
        secret = KeyStore(workspace.catalog).add("ann").secret
        with running(workspace.path) as server, server.client(follow_redirects=False) as client:
            wrong = client.post("/login", data={"key": "instill_x", "next": "/documents"})
            assert wrong.status_code == 401
            assert "not known" in Page(wrong.text).text
            for wanted, where in (
                ("/documents?words=a", "/documents?words=a"),
                ("//evil.example", "/"),
                ("https://x", "/"),
            ):
                right = client.post("/login", data={"key": secret, "next": wanted})
                assert (right.status_code, right.headers["location"]) == (303, where)
            page = client.get("/", headers=HTML)
            assert "ann" in Page(page.text).text
            token = client.get("/api/me").json()["csrf_token"]
            assert f'content="{token}"' in page.text
            assert client.post("/ask", json={"text": "Tea?"}).status_code == 403
            assert client.post("/ask", json={"text": "Tea?"}, headers={"x-csrf-token": token}).status_code == 200
            assert client.post("/logout", data={"csrf_token": "x"}).status_code == 403
            assert client.post("/logout", data={"csrf_token": token}).status_code == 303
            assert client.get("/", headers=HTML).status_code == 303


def test_a_question_that_is_edited_becomes_another_conversation(tmp_path: Path) -> None:
    with Workspace.init(tmp_path / "kb") as workspace:
        workspace.add_text("# Tea\n\nTea is brewed at 80 degrees.\n\nTea costs 4 euros.", name="tea.md")
        with running(workspace.path) as server, server.client() as client:
            first = sent(client, text="At how many degrees is tea brewed?")["conversation"]["conversation_id"]
            sent(client, text="How much does tea cost?", conversation_id=first)
            other = sent(client, text="What does tea cost in euros?", conversation_id=first, keep=2)
            second = other["conversation"]["conversation_id"]
            turns = [each.text for each in workspace.catalog.turns(second) if each.role == "user"]
            assert turns == ["At how many degrees is tea brewed?", "What does tea cost in euros?"]
            names = re.findall(r'<a href="/ask/(\w+)" title="([^"]+)"', client.get("/", headers=HTML).text)
            assert [name for _, name in names] == ["At how many degrees is tea brewed?"] * 2
            assert {each for each, _ in names} == {first, second}
            assert len(workspace.catalog.turns(first)) == 4
            listed = client.get("/?words=in EUROS", headers=HTML).text
            assert f"/ask/{second}" in listed
            assert f"/ask/{first}" not in listed
            assert f"/ask/{second}" not in client.get("/?words=%25", headers=HTML).text, "a sign of its own"
            assert client.delete(f"/api/conversations/{second}").status_code == 204
            assert [each["conversation_id"] for each in workspace.conversations()] == [first]
            refused = client.post("/ask", json={"text": "x", "conversation_id": second})
            assert refused.status_code == 404
            assert got(client, f"/ask/{second}", 404)


def test_pages_of_a_pdf_are_drawn_with_the_words_marked(tmp_path: Path) -> None:
    from PIL import Image
    from reportlab.pdfgen import canvas

    file = tmp_path / "tea.pdf"
    pdf = canvas.Canvas(str(file), pagesize=(400, 200))
    pdf.drawString(40, 150, "Tea is brewed at 80 degrees.")
    pdf.drawString(40, 50, "Coffee is brewed at 93 degrees.")
    pdf.save()
    with Workspace.init(tmp_path / "kb") as workspace:
        workspace.add(file)
        [record] = workspace.documents()
        stored = workspace.show(record.doc_id)
        start = stored.text.index("Coffee")
        span = f"?start={start}&end={start + 31}"
        with running(workspace.path) as server, server.client() as client:
            assert f"/documents/{record.doc_id}/pages/1" in client.get(f"/documents/{record.doc_id}/source{span}").text
            response = client.get(f"/documents/{record.doc_id}/pages/1{span}")
            assert response.headers["content-type"] == "image/png"
            (tmp_path / "page.png").write_bytes(response.content)
            picture = Image.open(tmp_path / "page.png").convert("RGB")
            assert picture.size == (1100, 550)
            colours: list[Any] = [picture.getpixel((118, y)) for y in range(550)]
            washed = [y for y, (red, green, _) in enumerate(colours) if green > red + 20]
            assert all(380 < y < 430 for y in washed)
            assert len(washed) > 10
            assert client.get(f"/documents/{record.doc_id}/pages/2").status_code == 404
            file.write_bytes(file.read_bytes()[:-1] + b"\t")  # another file, as large
            assert client.get(f"/documents/{record.doc_id}/pages/1?start=0&end=3").status_code == 404


def test_static_files_and_nothing_else_need_no_key(server: Running) -> None:
    mounted = {route.path for route in routes_of(server.app)}
    assert "/static/" in mounted
    with server.client() as client:
        for name in ("style.css", "ask.js", "base.js"):
            assert client.get(f"/static/{name}").status_code == 200
        for name in ("../rendering.py", "%2e%2e/rendering.py", "..%2frendering.py"):
            assert client.get(f"/static/{name}").status_code == 404


def test_a_conversation_of_somebody_else_has_their_name(tmp_path: Path) -> None:
    with Workspace.init(tmp_path / "kb") as workspace:
        workspace.add_text("# Tea\n\nTea is brewed at 80 degrees.", name="tea.md", labels="staff")
        store = KeyStore(workspace.catalog)
        boss, ann = (store.add(name, role="admin").secret for name in ("boss", "ann"))
        with running(workspace.path) as server:
            with server.client(ann) as client:
                sent(client, text="At how many degrees is tea brewed?")
                assert "<small>" not in client.get("/", headers=HTML).text, "one's own"
                client.post("/api/chat", json={"text": "How hot is tea?"})
            with server.client(boss) as client:
                assert client.get("/", headers=HTML).text.count("<small>ann</small>") == 2
                whose = [each["asked_by"] for each in client.get("/api/conversations").json()["conversations"]]
                assert whose == ["ann", "ann"]


def test_what_a_deletion_takes_along_is_said_before_and_after(tmp_path: Path) -> None:
    with Workspace.init(tmp_path / "kb") as workspace, running(workspace.path) as server, server.client() as client:
        workspace.add_text("# Tea\n\nTea is brewed at 80 degrees.", name="tea.md")
        workspace.add_text("# Coffee\n\nCoffee is brewed at 93 degrees.", name="coffee.md")
        for thing in ("tea", "coffee"):
            answer = workspace.ask(f"At how many degrees is {thing} brewed?")
            assert answer.question_id is not None
            Feedback(workspace).judge(answer.question_id, "right")
        wrong = workspace.ask("How is tea brewed?").question_id
        assert wrong is not None
        Feedback(workspace).judge(wrong, "wrong")
        assert "2 judged questions" in got(client, "/questions").text
        tea = next(each for each in workspace.documents() if each.title == "Tea")
        said = client.get(f"/api/documents/{tea.doc_id}/removal").json()["said"]
        assert said == (
            "For a week it can be brought back on the page Documents. Its text is kept nowhere else. "
            "Conversations, the list of questions and the memory keep the words of it that were shown. "
            "Forgetting it takes it out of these too. "
            "1 judged question no longer counts: its answer stands in it alone."
        )
        for path in ("/documents", f"/documents/{tea.doc_id}"):
            [form] = re.findall(r"<form [^>]*data-instead hidden>.*?</form>", client.get(path, headers=HTML).text)[:1]
            assert ('data-call="POST /api/forget"' in form, 'data-plan="POST /api/forget/plan"' in form) == (True, True)
        for name, way in (
            ("tea.html", "For a week it can be brought back on the page Documents. Its file stays where it is."),
            ("up.md", "For a week it can be brought back on the page Documents. Then the file that was uploaded is"),
        ):
            if name == "up.md":
                client.post("/api/documents", files={"files": (name, b"Up.")})
                file = next((workspace.home / "uploads").rglob(name))
            else:
                file = tmp_path / name
                file.write_text("<p>Tea.</p>")
            workspace.add(file)
            added = next(each for each in workspace.documents() if each.source == str(file))
            assert client.get(f"/api/documents/{added.doc_id}/removal").json()["said"].startswith(way)
        assert client.delete(f"/api/documents/{tea.doc_id}").status_code == 200
        shown = got(client, "/questions").text
        assert "1 judged question with its answer" in shown
        why = "1 of documents that were deleted; 1 judged wrong without the right answer."
        assert f"Judged, and not counted: {why}" in shown


def test_what_somebody_found_in_the_documents_is_no_gap(tmp_path: Path) -> None:
    with Workspace.init(tmp_path / "kb") as workspace, running(workspace.path) as server, server.client() as client:
        workspace.add_text("# Tea\n\nTea is brewed at 80 degrees.", name="tea.md")
        wanted, found = "Who is the king of Spain?", "Which drink comes from far away?"
        numbers = {words: workspace.ask(words).question_id for words in (wanted, found, found)}
        gaps = re.compile(r"<h3>.*?<ul><li>([^<]+)</li>", re.DOTALL)
        page = client.get("/questions?kind=refused", headers=HTML).text
        assert gaps.findall(page) == [found, wanted]
        assert re.findall(r"<h3>([^<]+?)\s*<", page) == ["Drink comes from far away", "King of Spain"]
        asked = client.post(
            f"/api/questions/{numbers[found]}/judgements", json={"verdict": "wrong", "correction": "tea is brewed"}
        )
        assert len(asked.json()["judgements"][0]["spans"]) == 1
        assert gaps.findall(client.get("/questions?kind=refused", headers=HTML).text) == [wanted]
        [tea] = workspace.documents()
        workspace.remove(tea.doc_id)
        workspace.add_text("# Coffee\n\nCoffee is brewed at 93 degrees.", name="coffee.md")
        assert gaps.findall(client.get("/questions?kind=refused", headers=HTML).text) == [found, wanted]


def test_the_link_says_for_whom_it_opens(tmp_path: Path) -> None:
    """As it is held, whoever looks: it is what `may_see` decides by."""
    staff = "It opens for those who hold the label staff, and for those who see all documents."
    with Workspace.init(tmp_path / "kb") as workspace:
        workspace.add_text("# Tea\n\nTea is brewed at 80 degrees.", name="tea.md", labels="staff")
        store = KeyStore(workspace.catalog)
        boss, ann = store.add("boss", role="admin").secret, store.add("ann", labels=["staff"]).secret
        with running(workspace.path) as server, server.client(ann) as reader, server.client(boss) as owner:
            talk = sent(reader, text="At how many degrees is tea brewed?")["conversation"]["conversation_id"]
            page = owner.get(f"/ask/{talk}", headers=HTML).text
            assert f'data-opens="{staff}"' in page
            assert 'data-opens-mine="It opens only for those who see all documents."' in page
            assert f'data-opens="{staff}" data-opens-mine="{staff}"' in reader.get("/", headers=HTML).text
            sent(owner, text="How hot is tea?", conversation_id=talk)
            assert reader.get(f"/ask/{talk}", headers=HTML).status_code == 404, "what was said is the owner's now"


def test_a_question_that_a_document_answered_twice_is_listed_once(tmp_path: Path) -> None:
    with Workspace.init(tmp_path / "kb") as workspace, running(workspace.path) as server, server.client() as client:
        workspace.add_text("# Tea\n\nTea is brewed at 80 degrees. The pot holds two litres.", name="tea.md")
        for words in (
            "At how many degrees is tea brewed?",
            "at how many degrees is tea  brewed?",
            "What does the pot hold?",
        ):
            workspace.ask(words)
        [tea] = workspace.documents()
        text = client.get(f"/documents/{tea.doc_id}", headers=HTML).text
        listed = re.findall(r'questions\?number=\d+">([^<]+)</a>( <span class="tag">asked 2 times</span>)?', text)
        assert [(words.lower(), bool(often)) for words, often in listed] == [
            ("what does the pot hold?", False),
            ("at how many degrees is tea brewed?", True),
        ]


def test_while_the_first_documents_are_read_nothing_asks_for_documents(tmp_path: Path) -> None:
    Workspace.init(tmp_path / "kb").close()
    with running(tmp_path / "kb") as server, server.client() as client:  # nobody does its jobs
        assert "Nothing is here yet." in client.get("/documents", headers=HTML).text
        assert client.post("/api/documents", files={"files": ("tea.md", b"# Tea\n\nGreen.\n")}).status_code == 202
        shown = client.get("/documents", headers=HTML).text
        assert "The first documents are being read." in shown
        assert "Nothing is here yet." not in shown
