"""`instill compare` as it is typed: what it prints and writes, and what it says about mistakes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from instill.compare.plan import ARMS, ORACLE, QUOTED
from tests.cli.test_cli import FORBIDDEN, as_json, instill
from tests.study.documents import workshops

SMALL = ("--questions", "20", "--noise", "2", "--changes", "1")


@pytest.fixture(scope="module")
def kb(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("compare")
    (folder / "pages").mkdir()
    for page in workshops(5):
        (folder / "pages" / f"{page.record.doc_id}.md").write_text(f"# {page.record.title}\n\n{page.text}")
    instill("init", ".", cwd=folder)
    instill("add", "pages", cwd=folder)
    return folder


def test_a_study_set_is_made_on_the_way_and_a_report_written(kb: Path) -> None:
    done = instill("compare", *SMALL, cwd=kb)
    (card,) = as_json("study", "list", cwd=kb)["studies"]
    assert "there is no study set yet: one is made" in done.stderr
    assert f"made study set {card['id']}" in done.stderr
    assert "20 questions" in done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == f"Fine-tune or retrieve? {kb.name}"
    assert "Retrieve" in done.stdout
    page = Path(done.stdout.rpartition("The report is in ")[2].strip())
    assert page.parent.parent == kb / ".instill" / "reports"
    assert "instill compare --questions 20 --noise 2 --changes 1" in page.read_text(encoding="utf-8")

    again = instill("compare", card["id"][:6], *SMALL, "--json", "--out", "out", cwd=kb)
    assert again.stderr == ""
    found = json.loads(again.stdout)
    assert found["report"] == "out/report.html"
    assert found["arms"] == [QUOTED, ORACLE]
    assert found["about"]["study set"] == f"{card['id']}, written by rules"
    assert found["commands"] == [f"instill compare {card['id'][:6]} {' '.join(SMALL)} --json --out out"]
    assert found["verdict"]["rules"]["tolerance"] == 0.05
    assert Path(found["outcomes"]).name == page.parent.name
    written = json.loads((kb / "out" / "report.json").read_text(encoding="utf-8"))
    assert {**written, "report": "out/report.html"} == found

    fewer = as_json(
        "compare", *SMALL, "--tolerance", "0.2", "--wanted", "0.01", "--arm", QUOTED, "--arm", ORACLE, cwd=kb
    )
    assert fewer["verdict"]["rules"]["tolerance"] == 0.2
    assert "For 0.01 about" in fewer["beforehand"]


def test_the_arms_are_listed_without_a_workspace(tmp_path: Path) -> None:
    shown = instill("compare", "--list", cwd=tmp_path).stdout
    assert [line[:24].strip() for line in shown.splitlines()] == list(ARMS)
    listed = as_json("compare", "--list", cwd=tmp_path)["arms"]
    assert listed == dict(ARMS)


def test_mistakes_are_explained(kb: Path, tmp_path: Path) -> None:
    def refused(*arguments: str, code: int = 2) -> str:
        stderr = instill("compare", *arguments, cwd=kb, code=code).stderr
        assert "Traceback" not in stderr
        return stderr

    assert "This is not an arm." in refused("--arm", "magic")
    assert "needs two arms" in refused("--arm", QUOTED)
    assert "This arm needs a generator." in refused("--arm", "closed-book", "--arm", QUOTED)
    assert "no study set" in refused("zz").lower()
    assert "Usage: " in refused("--questions", "3")
    assert "of its own" in refused("--lab", "--epochs", "3")
    assert "--learning-rate" in refused("--lab", "--learning-rate", "0.1", "-w", str(tmp_path / "lab"))
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    assert "no workspace" in refused("--lab", "-w", str(tmp_path / "full"))
    assert "another workspace" in refused("--lab", "-w", str(kb))
    error = json.loads(instill("compare", "--arm", "magic", "--json", cwd=kb, code=2).stderr)["error"]
    assert error["where"] == "magic"

    instill("init", "empty", cwd=tmp_path)
    assert "Nothing was added" in instill("compare", cwd=tmp_path / "empty", code=2).stderr
    assert not (tmp_path / "empty" / ".instill" / "studies").exists()
    assert "no workspace here" in instill("compare", cwd=tmp_path, code=4).stderr


def test_help_and_list_import_nothing_heavy(tmp_path: Path) -> None:
    program = (
        "import sys; from typer.testing import CliRunner; from instill.cli.main import app; "
        "assert CliRunner().invoke(app, ['compare', '--help']).exit_code == 0; "
        "assert CliRunner().invoke(app, ['compare', '--list']).exit_code == 0; "
        f"print([name for name in {FORBIDDEN!r} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], env=os.environ, cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
