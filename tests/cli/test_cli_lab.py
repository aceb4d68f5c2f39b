"""instill lab: what it lists and writes, and what it says about mistakes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from instill.cli.main import app
from instill.errors import InstillError
from instill.lab.experiments.all import EXPERIMENTS

RUNNER = CliRunner()


def test_list_names_every_experiment_with_its_source() -> None:
    done = RUNNER.invoke(app, ["lab", "list", "--json"])
    assert done.exit_code == 0
    found = json.loads(done.stdout)
    assert [each["name"] for each in found] == list(EXPERIMENTS)
    assert all(each["source"] and each["mirrors"] for each in found)


def test_documents_writes_a_page_about_each_person_of_the_groups(tmp_path: Path) -> None:
    done = RUNNER.invoke(app, ["lab", "documents", str(tmp_path / "people"), "--groups", "CE", "--json"])
    assert json.loads(done.stdout)["pages"] == 100
    pages = list((tmp_path / "people").glob("*.md"))
    assert len(pages) == 100
    assert all(page.read_text(encoding="utf-8").startswith("# ") for page in pages)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["lab", "run", "alchemy"], "not an experiment"),
        (["lab", "documents", "x", "--groups", "Z"], "groups A to E"),
        (["lab", "measure", "--model", "nowhere"], "no config.json"),
    ],
)
def test_mistakes_are_explained(
    arguments: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = RUNNER.invoke(app, arguments)
    assert isinstance(done.exception, InstillError)
    assert said in str(done.exception)
    assert not list(tmp_path.iterdir())
