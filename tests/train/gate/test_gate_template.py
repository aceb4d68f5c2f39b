"""The gate that is written to begin from can be passed with the rows that it names."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instill.train.gate.rows import GateRows
from instill.train.gate.rows_needed import too_few_rows
from instill.train.gate.specification import SECTIONS, Gate, load_gate
from instill.train.gate.template import Files, Measuring, gate_toml
from instill.train.generator.data.rows import chat_row


def gate_of(folder: Path, text: str) -> Gate:
    file = folder / "gate.toml"
    file.write_text(text, encoding="utf-8")
    return load_gate(file)


def gate_rows(count: int, file: Path) -> GateRows:
    rows = tuple(chat_row(f"question {number}", "a") for number in range(count))
    return GateRows(rows, (("a",),) * count, file)


def test_without_any_file_it_asks_for_a_gain(tmp_path: Path) -> None:
    found = gate_of(tmp_path, gate_toml())
    assert found.gain is not None
    assert found.gain.rows == tmp_path / "unseen.jsonl"
    assert [name for name in SECTIONS if getattr(found, name) is not None] == ["gain"]


def test_the_whole_template_is_a_gate_and_shows_the_defaults(tmp_path: Path) -> None:
    switched_on = re.sub(r"^# (?=\[|\w+ = )", "", gate_toml(), flags=re.MULTILINE)
    found = gate_of(tmp_path, switched_on)
    assert all(getattr(found, name) is not None for name in SECTIONS)
    sparse = gate_of(
        tmp_path,
        "".join(f'[{name}]\nrows = "{name}.jsonl"\n' for name in ("gain", "reading", "abstention", "text", "controls")),
    )
    for name in ("gain", "reading", "abstention", "text", "controls"):
        shown, default = getattr(found, name), getattr(sparse, name)
        assert shown.model_dump(exclude={"rows"}) == default.model_dump(exclude={"rows"})
    assert found.format is not None
    assert found.format.valid == 0.98
    assert found.format.schema_file == tmp_path / "reply.schema.json"
    assert found.forgetting is not None
    assert (found.forgetting.accuracy_drop, found.forgetting.perplexity_rise, found.forgetting.kl) == (0.02, 0.1, 0.05)
    assert (found.scoring, found.max_tokens) == (Gate.model_fields["scoring"].default, 64)


@settings(max_examples=15)
@given(unseen=st.integers(9, 300), kept=st.integers(1, 300), as_json=st.booleans())
def test_it_can_be_passed_with_the_rows_that_it_names(
    tmp_path_factory: pytest.TempPathFactory, unseen: int, kept: int, as_json: bool
) -> None:
    folder = tmp_path_factory.mktemp("gate")
    files = Files(Measuring("u.jsonl", unseen), Measuring("k.jsonl", kept), "reply.schema.json", as_json)
    text = gate_toml(files)
    for wanted in (text, re.sub(r"^# (?=\[text\]|loops = )", "", text, flags=re.MULTILINE)):
        found = gate_of(folder, wanted)
        rows = {folder / "u.jsonl": gate_rows(unseen, folder / "u"), folder / "k.jsonl": gate_rows(kept, folder / "k")}
        assert too_few_rows(found, rows) == []
    assert (found.forgetting is not None) == (kept >= 20)
    assert found.scoring == ("json" if as_json else "exact")
    assert f"there are {unseen}" in text


def test_many_rows_have_the_usual_tolerances(tmp_path: Path) -> None:
    text = gate_toml(Files(Measuring("u.jsonl", 400), Measuring("k.jsonl", 400), "s.json"))
    found = gate_of(tmp_path, re.sub(r"^# (?=\[text\]|loops = )", "", text, flags=re.MULTILINE))
    assert found.format is not None
    assert found.text is not None
    assert found.forgetting is not None
    assert (found.format.valid, found.text.loops, found.forgetting.accuracy_drop) == (0.98, 0.01, 0.02)
