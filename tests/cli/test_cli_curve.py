"""`instill curve` as it is typed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch")

from instill.lab.micro_model import make_tokenizer, save_micro
from instill.study.stored_study import write_study
from instill.study.study_making import StudySettings, make_study
from instill.train.generator.data.rows import Row, write_rows
from tests.cli.test_cli import FORBIDDEN, as_json, instill
from tests.study.documents import workshops
from tests.train.pipeline.small_recipes import recipe_of, small_llama, write_task

SHORT = "[training]\nepochs = 2\nbatch_size = 6\nlearning_rate = 0.02\nprecision = 'fp32'\n"
HELD_OUT = 'held_out = ["unseen.jsonl"]'


@pytest.fixture(scope="module")
def kb(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with a recipe, a recipe that holds nothing out, a study set, and a base that knows its words."""
    folder = tmp_path_factory.mktemp("curve")
    instill("init", "kb", cwd=folder)
    kb = write_task(folder / "kb")
    recipe_of(kb, data=HELD_OUT, more=SHORT)
    recipe_of(kb, name="unmeasured", more=SHORT)
    made = make_study(workshops(6), StudySettings(most_facts=24))
    study = write_study(kb / ".instill", made.study, made.rows)
    texts = [json.dumps(row, ensure_ascii=False) for row in study.rows()]
    tokenizer = make_tokenizer([*texts, *(item.question for item in study.items("gate"))])
    save_micro(small_llama(tokenizer), tokenizer, kb / "words")
    write_rows([Row(text="Not of the study set.")], kb / "own.jsonl")
    (kb / "how.toml").write_text(
        f"name = 'how'\nbase = 'words'\nmethod = 'full'\n[data]\nrows = ['own.jsonl']\n{SHORT}", encoding="utf-8"
    )
    return kb


def test_a_recipe_gets_table_advice_page_and_picture(kb: Path) -> None:
    done = instill("curve", "homes.toml", "--sizes", "2,4,9,18", "--seeds", "1", "--out", "out", cwd=kb)
    lines = done.stdout.splitlines()
    assert lines[0] == "homes: right answers by number of rows"
    assert lines[1].split() == ["rows", "score", "[95%]", "seeds", "taught", "rows", "steps", "time"]
    assert [line.split()[0] for line in lines[2:6]] == ["2", "4", "9", "18"]
    assert "note: The 2 rows were trained in 2 steps, the 18 in 6" in done.stdout
    assert "Wrote out/curve.html" in done.stdout
    page = (kb / "out/curve.html").read_text()
    assert "instill curve homes.toml --sizes 2,4,9,18 --seeds 1 --out out" in page
    assert (kb / "out/curve.svg").read_text().startswith("<svg ")

    found = as_json("curve", "homes.toml", "--sizes", "2,4,9,18", "--seeds", "1", "--out", "out", cwd=kb)
    assert [each["size"] for each in found["results"]] == [2, 4, 9, 18]
    assert found["advice"]["kind"] in ("stop", "collect", "not enough evidence")
    assert (found["advice"]["have"], found["advice"]["gain"], found["rows"]) == (36, 0.01, 36)
    assert found["advice"]["said"] in done.stdout
    assert found["files"] == ["out/curve.html", "out/curve.svg"]
    assert (found["questions"], found["scoring"]) == (12, "exact")
    asked = as_json(
        "curve",
        "homes.toml",
        "--sizes",
        "2,4,9,18",
        "--seeds",
        "1",
        "--out",
        "out",
        "--gain",
        "0.05",
        "--have",
        "20",
        cwd=kb,
    )
    assert (asked["advice"]["have"], asked["advice"]["gain"]) == (20, 0.05)


def test_a_study_set_is_asked_closed_book_with_controls_beside(kb: Path) -> None:
    arguments = ("curve", "--study", "--recipe", "how.toml", "--sizes", "8,16", "--seeds", "1", "--out", "study")
    found = as_json(*arguments, cwd=kb)
    card = as_json("study", "list", cwd=kb)["studies"][0]
    assert found["name"] == f"Study set {card['id']}"
    assert found["rows"] == sum(card["rows"].values())
    assert found["scoring"] == "right"
    gate = card["items"]["gate"]
    assert 0 < found["questions"] <= sum(gate.values()) - gate.get("control", 0) - gate.get("unanswerable", 0)
    assert set(found["controls"]) == {"8", "16"}
    assert any("never taught" in note for note in found["notes"])
    assert any("--by wording" in note for note in found["notes"])
    assert "never taught" in instill(*arguments, cwd=kb).stdout.splitlines()[1]
    with_id = as_json("curve", card["id"][:6], *arguments[1:], cwd=kb)
    assert with_id["results"] == found["results"]
    worded = as_json(
        "curve", "--study", "--recipe", "how.toml", "--by", "wording", "--seeds", "1", "--sizes", "30", cwd=kb
    )
    assert worded["folder"] != found["folder"]
    assert worded["advice"]["kind"] == "not enough evidence"


def test_mistakes_are_explained(kb: Path) -> None:
    assert "No recipe is named" in instill("curve", cwd=kb, code=2).stderr
    assert "holds no rows out" in instill("curve", "unmeasured.toml", cwd=kb, code=2).stderr
    assert "whole numbers" in instill("curve", "homes.toml", "--sizes", "few", cwd=kb, code=2).stderr
    assert "cannot be drawn from 36" in instill("curve", "homes.toml", "--sizes", "5000", cwd=kb, code=2).stderr
    assert "between 0 and 1" in instill("curve", "homes.toml", "--gain", "3", cwd=kb, code=2).stderr
    assert "about the same" in instill("curve", "homes.toml", "--by", "wording", cwd=kb, code=2).stderr
    assert "no model at this path" in instill("curve", "homes.toml", "--base", "none", cwd=kb, code=2).stderr
    assert "No model to train is named" in instill("curve", "--study", cwd=kb, code=2).stderr
    assert "No study set has this id" in instill("curve", "zz", "--study", cwd=kb, code=2).stderr
    assert "goes with --study" in instill("curve", "homes.toml", "--recipe", "how.toml", cwd=kb, code=2).stderr
    assert "Leave --score out" in instill("curve", "--study", "--score", "f1", cwd=kb, code=2).stderr
    assert "No such file" in instill("curve", "nothing.toml", cwd=kb, code=2).stderr


def test_the_help_imports_nothing_heavy(kb: Path) -> None:
    program = (
        "import sys; from typer.testing import CliRunner; from instill.cli.main import app; "
        "assert CliRunner().invoke(app, ['curve', '--help']).exit_code == 0; "
        f"print([name for name in {FORBIDDEN!r} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], env=os.environ, cwd=kb, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
