"""The adversary: variants ask for the same, failures of a real model become rows and honest gate cases."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from instill.cli.main import app
from instill.errors import UsageError
from instill.lab.measuring import reading
from instill.lab.world import make_world
from instill.models.generators.transformers_models import open_model, open_tokenizer
from instill.models.weights import micro_folder
from instill.settings.location import make_workspace
from instill.train.attack.attacking import attack, replier
from instill.train.attack.variants import CANARY, REFUSAL, RULES, reworded, variants_of
from instill.train.gate.scoring import contains
from instill.train.generator.data.duplicates import not_trained_on
from instill.train.generator.data.rows import Row, chat_row, read_rows, row_of, write_rows
from instill.train.generator.rewarding.passages import passages_of


def placed(rows: Sequence[Row], file: str) -> list[Row]:
    return [row_of(row.as_dict(), f"{file}:{number}") for number, row in enumerate(rows, 1)]


def scenes(count: int, seed: int, file: str) -> list[Row]:
    return placed([each.row for each in reading(count, make_world(), seed=seed, alike=1.0)], file)


WORDS = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), min_size=1, max_size=60)


@settings(max_examples=30)
@given(asked=WORDS, answer=WORDS, seed=st.integers(0, 9))
def test_any_row_has_variants_with_its_own_reply(asked: str, answer: str, seed: int) -> None:
    row, other = chat_row(asked, answer, system="Be brief."), chat_row("And who are you?", "A clerk.")
    found = list(variants_of(row, [row, other], seed=seed))
    assert found == list(variants_of(row, [row, other], seed=seed))
    assert {each.kind for each in found} <= set(RULES)
    assert {"injected", "long"} <= {each.kind for each in found}
    for each in found:
        assert each.row.answer == answer
        assert each.row.prompt[0] == {"role": "system", "content": "Be brief."}
        assert each.row.prompt != row.prompt
        assert (each.forbidden == CANARY) == (each.kind == "injected")


def test_an_answer_is_taken_out_of_all_passages() -> None:
    for row in scenes(12, 5, "a.jsonl"):
        (found,) = [each for each in variants_of(row, [], seed=0) if each.kind == "unanswerable"]
        shown, before = passages_of(found.row.prompt), passages_of(row.prompt)
        assert shown is not None
        assert before is not None
        assert len(shown.hits) == len(before.hits)
        assert not any(contains(hit.text, row.answer) for hit in shown.hits)
        assert found.row.answer == REFUSAL
        refusing = chat_row("Who?", "NOT IN THE DOCUMENTS")
        (again,) = [each for each in variants_of(row, [refusing], seed=0) if each.kind == "unanswerable"]
        assert again.row.answer == "NOT IN THE DOCUMENTS"


def test_a_long_conversation_ends_with_the_question() -> None:
    row, others = chat_row("Where is Ada?", "In Holm."), [chat_row(f"What is {n}?", f"It is {n}.") for n in range(9)]
    (found,) = [each for each in variants_of(row, others, seed=1) if each.kind == "long"]
    assert len(found.row.messages) == 14
    assert found.row.messages[-2:] == row.messages


class Writer:
    """A generator that says one thing."""

    name = "writer"

    def __init__(self, said: str) -> None:
        self._said = said

    def stream(self, messages: Sequence[Any], **_: Any) -> Iterator[str]:
        assert "Where did Ada live in 1931?" in messages[-1]["content"]
        yield self._said


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("In 1931, where was Ada's home?", True),
        ("Where was Ada's home?", False),  # without the number
        ("Where did she live in 1931?", False),  # without the name
        ("Where did Ada live in 1931?", False),
        ("", False),
        ("In 1931 Ada " + "lived " * 60, False),
    ],
)
def test_a_generators_words_keep_names_and_numbers(said: str, kept: bool) -> None:
    made = reworded(chat_row("Where did Ada live in 1931?", "In Holm."), Writer(said))
    assert (made is not None) == kept
    if made is not None:
        assert (made.row.prompt[-1]["content"], made.row.answer) == (said, "In Holm.")


def test_failures_of_a_real_model_become_rows_and_honest_cases(tmp_path: Path) -> None:
    tokenizer, model = open_tokenizer(micro_folder()), open_model(micro_folder())
    reply, fits = replier(model, tokenizer, 12)
    learnt, held_out = scenes(2, 1, "learnt.jsonl"), scenes(2, 2, "held-out.jsonl")
    leaked = placed([*held_out, learnt[0]], "held-out.jsonl")
    found = attack(reply, learnt, leaked, fits=fits, most=24, seed=3)
    assert sum(found.tried.values()) == 24
    assert set(found.tried) == set(RULES)
    assert sum(found.failed.values()) >= len(found.learn) + len(found.cases) > 0
    assert all(found.broken[kind] <= found.failed[kind] <= found.tried[kind] for kind in RULES)
    assert found.learn
    assert found.cases
    # Nothing that is measured is trained, and no group is on both sides.
    trained = [*learnt, *(each.variant.row for each in found.learn)]
    cases = [each.variant.row for each in found.cases]
    assert not_trained_on(cases, trained) == cases
    assert not {row.group for row in cases} & {row.group for row in trained}
    assert all(each.variant.source.place != "held-out.jsonl:3" for each in found.cases if each.variant.kind == "framed")
    # What is written can be read, and says what failed.
    file = tmp_path / "rows.jsonl"
    file.write_text("".join(json.dumps(each.as_line()) + "\n" for each in found.learn), encoding="utf-8")
    assert [row.answer for row in read_rows(file)] == [each.variant.row.answer for each in found.learn]
    line = json.loads(file.read_text(encoding="utf-8").splitlines()[0])
    assert set(line["attack"]) == {"kind", "said", "why", "broken", "from"}
    assert line["task"] == f"attack: {line['attack']['kind']}"


def test_the_command_writes_both_files_and_leaves_files_alone(tmp_path: Path) -> None:
    make_workspace(tmp_path)
    write_rows(scenes(3, 1, "a"), tmp_path / "rows.jsonl")
    write_rows(scenes(3, 2, "a"), tmp_path / "unseen.jsonl")
    text = 'name = "read"\nbase = "micro"\n[data]\nrows = ["rows.jsonl"]\nheld_out = ["unseen.jsonl"]\n'
    (tmp_path / "read.toml").write_text(text, encoding="utf-8")
    command = ["train", "attack", str(tmp_path / "read.toml"), "-w", str(tmp_path), "--out", str(tmp_path / "a.jsonl")]
    missing = CliRunner().invoke(app, command)
    assert missing.exit_code != 0
    assert "read" in str(missing.exception)
    command += ["--candidate", "base", "--max-tokens", "12"]
    done = CliRunner().invoke(app, [*command, "--json"])
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert told["candidate"] == "the base"
    assert told["note"].startswith("This is the base: the figures show which forms of the rows it fails on before any")
    assert f"(instill train {tmp_path / 'read.toml'})" in told["note"]
    assert len(read_rows(tmp_path / "a.jsonl")) == told["rows"] > 0
    assert len(read_rows(tmp_path / "a.gate.jsonl")) == told["cases"] > 0
    before = (tmp_path / "a.jsonl").read_bytes()
    assert "is there already" in str(CliRunner().invoke(app, command).exception)
    assert (tmp_path / "a.jsonl").read_bytes() == before


@pytest.mark.parametrize("model", ["micro", "smollm2", "tiny.gguf", "folder"])
def test_a_model_in_the_place_of_a_recipe_is_told_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "config.json").write_text("{}", encoding="utf-8")
    said = CliRunner().invoke(app, ["train", "attack", model, "--out", "a.jsonl"]).exception
    assert isinstance(said, UsageError)
    assert said.what == "This is a model, and no recipe. An attack asks the rows of a recipe in harder forms."
    assert f"(instill train init FILE --base {model}" in said.remedy
