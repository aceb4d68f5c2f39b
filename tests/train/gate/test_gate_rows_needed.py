"""Sections that have too few rows to pass are named before anything is trained; with one row more they can pass."""

from __future__ import annotations

from pathlib import Path

import pytest

from instill.measure.statistics.exact_share import share_interval
from instill.train.gate.decision_rules import (
    fewest_for_gain,
    fewest_for_loss,
    gain_outcome,
    loss_outcome,
    paired,
)
from instill.train.gate.run import too_few
from instill.train.gate.specification import load_gate
from instill.train.generator.data.rows import Row, chat_row
from tests.train.gate.gate_models import gate_file, small_tokenizer


def rows(count: int, group: str = "") -> list[Row]:
    made = [chat_row(f"Where is town {number}?", f"by river {number}") for number in range(count)]
    return [Row(row.messages, group=group) if group else row for row in made]


def names(folder: Path, text: str, **files: list[Row]) -> list[str]:
    return [each.what for each in too_few(load_gate(gate_file(folder, text, **files)), small_tokenizer())]


@pytest.mark.parametrize(
    ("section", "enough"),
    [
        ('[gain]\nrows = "a.jsonl"', 9),
        ('[gain]\nrows = "a.jsonl"\nat_least = 0.2', 12),
        ('[forgetting]\nrows = "a.jsonl"\naccuracy_drop = 0.1', 11),
        ('[forgetting]\nrows = "a.jsonl"\nkl = 0.1', 20),
        ('[reading]\nrows = "a.jsonl"\ndrop = 0.1', 11),
        ('[controls]\nrows = "a.jsonl"\nrise = 0.1', 11),
        ('[abstention]\nrows = "a.jsonl"\ndrop = 0.1\n', 11),
        ('[text]\nrows = "a.jsonl"\nloops = 0.1', 11),
    ],
)
def test_one_row_less_than_enough_is_named(tmp_path: Path, section: str, enough: int) -> None:
    assert names(tmp_path, section, a=rows(enough)) == []
    (said,) = names(tmp_path, section, a=rows(enough - 1))
    assert said.startswith(f"{section.split(chr(10))[0]} of the gate cannot pass: it has {enough - 1} rows")
    assert f"{enough} at least are needed" in said


def test_rows_of_one_group_are_one(tmp_path: Path) -> None:
    (said,) = names(tmp_path, '[gain]\nrows = "a.jsonl"', a=rows(40, group="one"))
    assert "it has 40 rows of 1 group, and 9 at least are needed" in said


@pytest.mark.parametrize("limit", [0.01, 0.02, 0.05, 0.1, 0.3])
def test_the_fewest_pass_at_best_and_one_less_never(limit: float) -> None:
    few = fewest_for_loss(limit)
    assert loss_outcome(paired([0.0] * few), limit) == "passed"
    assert loss_outcome(paired([0.0] * (few - 1)), limit) == "undecided"
    few = fewest_for_gain(limit)
    assert gain_outcome(paired([1.0] * few), limit) == "passed"
    assert gain_outcome(paired([1.0] * (few - 1)), limit) == "undecided"
    assert loss_outcome(share_interval(0, 10), 0.3) == "passed"
