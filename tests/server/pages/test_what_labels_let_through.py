"""Pages and dialogs for keys with labels: they tell of what the key sees, and nothing of the rest."""

from __future__ import annotations

from pathlib import Path

from instill import Workspace
from instill.common.made_from import keep_beside, made_from
from instill.models.registry.store import Registry
from instill.server.access.keys import KeyStore
from tests.models.registry.made import make_adapter, make_base, make_card
from tests.server.pages.test_pages import got
from tests.server.running import running


def test_where_a_key_sees_nothing_it_is_not_said_that_there_is_nothing(tmp_path: Path) -> None:
    with Workspace.init(tmp_path / "kb") as workspace:
        workspace.add_text("# Tea\n\nTea is brewed at 80 degrees.", name="tea.md", labels="staff")
        store = KeyStore(workspace.catalog)
        staff = store.add("sam", role="editor", labels=["staff"]).secret
        guest = store.add("gus", role="reader").secret
        hr = store.add("ann", role="editor", labels=["hr"]).secret
        place = workspace.path
    with running(place) as server:
        with server.client(staff) as client:
            asked = {"question": "At how many degrees is tea brewed?"}
            number = client.post("/api/ask", json=asked).json()["question_id"]
            client.post(f"/api/questions/{number}/judgements", json={"verdict": "right"})
        said = {
            "/": ["No document with your label is here yet."],
            "/?words=tea": ["Nothing like it was said in your conversations."],
            "/documents": ["No document with your label is here yet."],
            "/questions": [
                "No question that your key sees is judged yet",
                "Nobody with your label has asked yet.",
                "What was asked with other labels is listed for those who hold them",
            ],
            "/questions?kind=right": ["That is told of the questions that your key sees."],
            "/compare": ["Nothing that your key sees was compared yet.", "There is none that your key sees yet."],
            "/models": ["Nothing that your key sees was trained yet."],
            "/memory": [
                "Nothing recurs yet in documents with your label.",
                "Nothing that your key sees was consolidated yet.",
            ],
        }
        with server.client(hr) as client:
            for address, words in said.items():
                page = got(client, address).text
                assert [each for each in words if each not in page] == [], address
        with server.client(guest) as client:
            assert "You have not asked yet." in got(client, "/questions").text
        with server.client(staff) as client:
            assert "1 judged question with its answer" in got(client, "/questions").text
            assert "Nothing like it was asked." not in got(client, "/questions?words=tea").text


def test_what_was_made_from_a_document_is_named_before_it_is_deleted(tmp_path: Path) -> None:
    with Workspace.init(tmp_path / "kb") as workspace:
        for name, labels in (("tea", ["staff"]), ("coffee", ["hr"])):
            workspace.add_text(f"# {name}\n\n{name} is hot.", name=f"{name}.md", labels=labels)
        tea, coffee = sorted(workspace.documents(), key=lambda each: each.title == "coffee")
        base = make_base(tmp_path / "base")
        for seed, (name, records) in enumerate({"r1": [tea], "r2": [coffee], "r3": [tea, coffee]}.items()):
            folder = workspace.home / "reports" / name
            folder.mkdir(parents=True)
            (folder / "report.html").write_text("hot")
            keep_beside(folder, made_from(records))
            card = make_card(f"of-{name}", base, seed=seed, documents=made_from(records).as_json())
            Registry(workspace.home).add(make_adapter(tmp_path / name), card)
        staff = KeyStore(workspace.catalog).add("sam", role="editor", labels=["staff"]).secret
        admin = KeyStore(workspace.catalog).add("ann", role="admin").secret
        place = workspace.path
    said = {}
    with running(place) as server:
        for key in (admin, staff):
            with server.client(key) as client:
                said[key] = client.get(f"/api/documents/{tea.doc_id}/removal").json()["said"]
    stays = "2 comparison reports (r1, r3), 2 trained candidates (of-r1, of-r3)"
    assert f"stays as it is: {stays}. Forgetting it takes it out of these too." in said[admin]
    stays = "1 comparison report (r1), 1 trained candidate (of-r1)"
    assert f"stays as it is: {stays}. Forgetting it, which an admin can do, takes it out of these too." in said[staff]
