"""The pages of what was measured: candidates with every kind of gate, comparisons and curves, old ones too."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from markupsafe import escape

from instill import Workspace
from instill.measure.verdict_in_words import findings
from instill.models.registry.card import Condition, GateResult, Metrics
from instill.models.registry.store import Registry
from tests.models.registry.made import make_adapter, make_base, make_card
from tests.server.pages.test_pages import HTML, Page
from tests.server.running import Running, running

FAILED = Condition(name="format", passed=False, outcome="failed", said="The share of valid replies is .2.")
UNDECIDED = Condition(name="tone", passed=False, outcome="undecided", said="The gain is .1; 40 more rows would decide.")
MET = Condition(name="kept", passed=True, outcome="passed", said="The loss is .00.")
OLD = Condition(name="old", passed=False, said="A condition of an older Instill.")
GATES = {
    "none": None,
    "passed": GateResult(passed=True, conditions=(MET,)),
    "rejected": GateResult(passed=False, conditions=(MET, FAILED, OLD)),
    "open": GateResult(passed=False, conditions=(MET, UNDECIDED)),
    "empty": GateResult(passed=False),
}
VERDICT = "Retrieve: it loses 0.11 at most."


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    place = tmp_path_factory.mktemp("measured")
    workspace = Workspace.init(place / "kb")
    base = make_base(place / "base")
    for number, (name, gate) in enumerate(GATES.items()):
        more = {"metrics": Metrics(before={"valid": {"mean": 0.1}}, after={"valid": {"mean": 0.9}})} if gate else {}
        card = make_card(name, base, seed=number, passed=None, **more).model_copy(update={"gate": gate})
        Registry(workspace.home).add(make_adapter(place / name), card)
    _report(workspace.home / "reports" / "new", {"title": "Tea", "verdict": {"said": VERDICT}, "outcomes": "/secret"})
    _report(workspace.home / "reports" / "old", {"arms": ["a"]})
    curve = workspace.home / "curves" / "rows"
    curve.mkdir(parents=True)
    (curve / "curve.html").write_text("<p>curve</p>")
    with running(workspace.path) as found:
        yield found


def _report(folder: Path, numbers: dict[str, object]) -> None:
    folder.mkdir(parents=True)
    (folder / "report.json").write_text(json.dumps(numbers))
    (folder / "report.html").write_text("<p>report</p>")


def got(server: Running, path: str) -> Page:
    with server.client() as client:
        response = client.get(path, headers=HTML)
    assert response.status_code == 200, response.text
    return Page(response.text)


@pytest.mark.parametrize(
    ("name", "words", "asked_twice"),
    [
        ("none", ["It was not measured.", "even though its gate was not measured"], True),
        ("passed", ["The loss is .00.", "valid mean", "0.9"], False),
        ("rejected", ["failed", "The share of valid replies is .2.", "even though it has not passed its gate"], True),
        ("open", ["not proven yet", "40 more rows would decide", "even though it has not passed its gate"], True),
        ("empty", ["even though it has not passed its gate"], True),
    ],
)
def test_a_candidate_has_a_page_whatever_its_gate_said(
    server: Running, name: str, words: list[str], asked_twice: bool
) -> None:
    text = got(server, f"/models/{name}").text
    for each in words:
        assert each in text
    assert ("even though" in text) == asked_twice
    assert "undecided" not in text


def test_who_promotes_is_told_which_candidate_and_what_its_gate_said(server: Running) -> None:
    script = {"sec-fetch-site": "same-origin"}
    with server.client() as client:
        page = client.get("/models", headers=HTML).text
        unused = (
            "No answer uses promoted weights yet: this workspace quotes its documents and asks no model. They are used "
            "once generator.folder or generator.gguf in instill.toml names the model that they were made for."
        )
        base = re.search(rf'data-confirm="Promote passed for ([^"?]+)\? {unused} It passed its gate\."', page)
        assert base is not None
        for name, gate in (("rejected", "It has not passed its gate."), ("none", "Its gate was not measured.")):
            asked = f'data-confirm="Promote {name} for {base[1]}? {unused} {gate}"'
            assert asked in client.get(f"/models/{name}", headers=HTML).text
            refused = client.post(f"/api/models/{name}/promote", json={}, headers=script)
            assert refused.json()["error"]["remedy"] == "To use it anyway, check the box beside “Promote”."
        assert client.post("/api/models/passed/promote", json={}).status_code == 200
        page = client.get("/models", headers=HTML).text
        back = f"Take the promotion of passed back? Nothing is promoted for {base[1]} then."
        assert f'data-confirm="{back} No answer uses promoted weights, so answers stay as they are."' in page
        [hashed] = re.findall(r'name="base" value="(\w+)"', page)
        assert client.post("/api/models/rollback", json={"base": hashed}).json()["before"] == "passed"
        assert "/api/models/rollback" not in client.get("/models", headers=HTML).text


def test_where_a_model_answers_it_is_said_what_it_answers_with(tmp_path: Path) -> None:
    base = make_base(tmp_path / "base")
    with Workspace.init(tmp_path / "kb") as workspace:
        for seed, name in enumerate(("first", "second")):
            Registry(workspace.home).add(make_adapter(tmp_path / name), make_card(name, base, seed=seed, passed=True))
        settings = workspace.path / "instill.toml"
    settings.write_text(f'[generator]\nfolder = "{base}"\n')
    with running(tmp_path / "kb") as server, server.client() as client:
        page = client.get("/models", headers=HTML).text
        used = re.search(r'data-confirm="Use first with ([^"]+) from now on\? It passed its gate\."', page)
        assert used is not None
        for candidate, then in (("first", "as it is"), ("second", "with first again")):
            assert client.post(f"/api/models/{candidate}/promote", json={}).status_code == 200
            page = client.get("/models", headers=HTML).text
            assert f'"Take {candidate} out of use? Where {used[1]} answers, it answers {then} then."' in page


def test_only_a_candidate_that_passed_is_promoted_from_the_list(server: Running) -> None:
    with server.client() as client:
        page = client.get("/models", headers=HTML).text
    assert [name for name in GATES if f"/api/models/{name}/promote" in page] == ["passed"]


def test_a_comparison_is_listed_with_its_verdict_and_shown_under_its_title(server: Running) -> None:
    text = got(server, "/compare").text
    assert VERDICT in text
    assert "Tea" in text
    assert "Data curve" in text
    for path, title in (("new", "Tea"), ("old", "Comparison"), ("curves/rows", "Data curve")):
        assert title in got(server, f"/compare/{path}").text
    with server.client() as client:
        listed = {each["id"]: each["summary"] for each in client.get("/api/comparisons").json()["found"]}
    assert listed == {"new": {"title": "Tea", "verdict": VERDICT}, "old": {}}


def test_report_and_page_say_one_verdict(server: Running, tmp_path_factory: pytest.TempPathFactory) -> None:
    """In the words of one function; the page says them only where an older report does not."""
    from instill.compare.report.page import as_html
    from instill.compare.report.text import as_dict
    from tests.compare.report.sample import sample

    report = sample()
    numbers = as_dict(report)
    told = findings(numbers["verdict"])
    assert numbers["in_short"] == [{"about": each.about, "said": each.said, "decided": each.decided} for each in told]
    page = as_html(report)
    for each in told:
        assert str(escape(" ".join(each.said))) in page
    reports = server.service.folder / ".instill" / "reports"
    _report(reports / "with", json.loads(json.dumps(numbers)))
    _report(reports / "without", {key: value for key, value in numbers.items() if key != "in_short"})
    first = " ".join(told[0].said)
    assert (first in got(server, "/compare/with").text, first in got(server, "/compare/without").text) == (False, True)
    assert got(server, "/compare").text.count(first) == 2
