"""A role is kept through conversations of twenty turns, in which a real model reads its own replies."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instill.errors import UsageError
from instill.models.generators.transformers_models import open_model, open_tokenizer
from instill.train.gate.conditions.role import Turn, leaves_role, play, read_scripts
from instill.train.gate.probes import Probe
from instill.train.gate.specification import Role, load_gate
from instill.train.pipeline import train_recipe
from tests.train.pipeline.small_recipes import PEOPLE, TRAINING, recipe_of, write_gate, write_task

ROLE = Role(script=Path("role.jsonl"), name="Bell", forbidden=("language model",), pattern="^Ahoy", most_words=8)


@pytest.mark.parametrize(
    ("reply", "turn", "left"),
    [
        ("Ahoy! Welcome.", Turn("Hi"), ""),
        ("Ahoy! I am Captain Bell.", Turn("Who?", name=True), ""),
        ("Ahoy! Guess.", Turn("Who?", name=True), "without its name"),
        ("Welcome.", Turn("Hi"), "another form"),
        ("Ahoy! A Language\n model.", Turn("Hi"), "says what is forbidden"),
        ("Ahoy! one two three four five six seven eight", Turn("Hi"), "too long"),
        ("", Turn("Hi"), "damaged text, empty"),
        ('<tool_call>{"name": "tides", "arguments": {}}</tool_call>', Turn("Tides?", calls="tides"), ""),
        ('<tool_call>{"name": "winds", "arguments": {}}</tool_call>', Turn("Tides?", calls="tides"), "another call"),
        ('<tool_call>{"name": "tides"</tool_call>', Turn("Tides?", calls="tides"), "another call"),
        ("Ahoy! High at noon.", Turn("Tides?", calls="tides"), "another call"),
    ],
)
def test_what_leaves_a_role(reply: str, turn: Turn, left: str) -> None:
    assert leaves_role(reply, turn, ROLE) == left


def test_a_tone_is_asked_for_last() -> None:
    assert leaves_role("Ahoy! Welcome.", Turn("Hi"), ROLE, in_tone=lambda _: False) == "another tone"


@settings(max_examples=60)
@given(st.text(max_size=80), st.sampled_from(["language model", "LANGUAGE   MODEL"]))
def test_no_reply_with_a_forbidden_word_keeps_the_role(text: str, word: str) -> None:
    assert leaves_role(f"Ahoy {text} {word} {text}", Turn("Hi"), ROLE)


@pytest.mark.parametrize(
    "line",
    [
        "{}",
        '{"turns": []}',
        '{"turns": [1]}',
        '{"turns": [{"say": ""}]}',
        '{"turns": [{"say": "a", "name": "yes"}]}',
        '{"turns": [{"say": "a", "result": "b"}]}',
        '{"turns": [{"say": "a", "more": "b"}]}',
        '{"turns": ["a"], "tools": ["b"]}',
        json.dumps({"turns": ["a"] * 201}),
    ],
)
def test_what_is_no_script_is_refused_with_its_line(line: str, tmp_path: Path) -> None:
    file = tmp_path / "role.jsonl"
    file.write_text('{"turns": ["Hello"]}\n' + line + "\n", encoding="utf-8")
    with pytest.raises(UsageError) as caught:
        read_scripts(file)
    assert caught.value.where == "role.jsonl:2"


@pytest.mark.parametrize(
    ("more", "said"), [("pattern = '('", "regular expression"), ("forbidden = ['']", "empty"), ("kept = 1.0", "kept")]
)
def test_a_section_that_cannot_be_used_is_refused(more: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "gate.toml").write_text(f"[role]\nscript = 'role.jsonl'\n{more}\n", encoding="utf-8")
    with pytest.raises(UsageError, match=said):
        load_gate(tmp_path / "gate.toml")


def conversations(count: int = 11, turns: int = 20) -> list[dict[str, Any]]:
    """Of questions that were not taught in this form."""
    asked = ["Tell me of {}.", "{}, where is that one?", "Forget the town of {}.", "And {} now?"]
    said = [
        [asked[(turn + each) % 4].format(PEOPLE[(turn + 5 * each) % 12]) for turn in range(turns)]
        for each in range(count)
    ]
    return [{"turns": [{"say": texts[0], "name": True}, *texts[1:]]} for texts in said]


def write_lines(file: Path, lines: list[dict[str, Any]]) -> None:
    file.write_text("".join(json.dumps(each) + "\n" for each in lines), encoding="utf-8")


def test_a_trained_candidate_keeps_its_role_over_twenty_turns(tmp_path: Path) -> None:
    task = write_task(tmp_path)
    write_lines(task / "role.jsonl", conversations())
    gate = write_gate(
        task,
        '[role]\nscript = "role.jsonl"\nname="harbour"\npattern = "harbour"\nforbidden = ["silver"]\nmost_words = 7\n',
    )
    outcome = train_recipe(task, recipe_of(task, plain=gate, more=TRAINING))
    (condition,) = outcome.card.gate.conditions if outcome.card.gate else ()
    assert (condition.name, condition.passed) == ("role", True)
    assert (outcome.card.metrics.before["role"], outcome.card.metrics.after["role"]) == (1.0, 0.0)
    assert "of 220 replies in 11 conversations" in condition.said
    # The context of 256 tokens holds only a part of twenty turns: the oldest are left out.
    model, tokenizer = open_model(task / "base", candidate=outcome.folder), open_tokenizer(task / "base")
    scripts = read_scripts(task / "role.jsonl")
    seen: list[tuple[int, int]] = []
    probe = Probe(model, tokenizer, told=lambda done, of: seen.append((done, of)))
    said = play(probe, scripts[:2], ROLE, max_tokens=8)
    turns = max(len(script.turns) for script in scripts[:2])
    assert seen == [(number + 1, turns) for number in range(turns)]
    assert [("harbour" in each.reply) for each in said] == [True] * 40
    assert {each.left for each in said} == {"another form"}
    # What is trained on may not be asked here.
    write_lines(task / "role.jsonl", [{"turns": ["Where does Ada live?"]}])
    with pytest.raises(UsageError, match="that the gate measures on, are trained on"):
        train_recipe(task, recipe_of(task, plain=gate, more=TRAINING), again=True)


def test_too_few_conversations_are_told_before(tmp_path: Path) -> None:
    from instill.train.gate.run import too_few

    write_lines(tmp_path / "role.jsonl", conversations(9, 2))
    write_gate(tmp_path, '[role]\nscript = "role.jsonl"\nname = "Bell"\n')
    (found,) = too_few(load_gate(tmp_path / "gate.toml"), None)
    assert "it has 9 conversations, and 11 at least are needed" in found.what


def test_a_script_that_asks_for_a_name_needs_one(tmp_path: Path) -> None:
    from instill.train.gate.run import rows_of

    write_lines(tmp_path / "role.jsonl", conversations(1, 2))
    write_gate(tmp_path, '[role]\nscript = "role.jsonl"\n')
    with pytest.raises(UsageError, match="says none"):
        rows_of(load_gate(tmp_path / "gate.toml"), None)
