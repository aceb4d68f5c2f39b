"""The training benchmark: what it divides, what it times, and that its arms compute the same thing."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from train import main, write_model, write_rows
from train_arms import ARMS, MARK, Arm, Turn, Turns, Work, chosen_arms
from train_check import Agreement, agreements, rival_of
from train_figures import COMPARED, paired_ratio, ratios, speeds, tables
from train_ours import Ours

from instill.lab.micro_model import make_tokenizer


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Llama of four layers of width 16."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    folder = tmp_path_factory.mktemp("model")
    tokenizer = make_tokenizer(["Where was Ada born? Ada was born in Holm."])
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=16,
        intermediate_size=24,
        num_hidden_layers=4,
        num_attention_heads=2,
        num_key_value_heads=1,
        max_position_embeddings=2048,
        pad_token_id=tokenizer.pad_token_id,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def work(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Work:
    folder = tmp_path_factory.mktemp("work")
    write_model(str(model), folder / "model")
    lengths = write_rows(folder, 8)
    return Work(str(folder), batch=4, width=max(512, *lengths), rounds=1, precision="fp32")


def test_every_compared_pair_is_of_measured_parts() -> None:
    parts = {part for arm in ARMS for part in arm.parts}
    assert {name for pair in COMPARED for name in pair} <= parts
    assert all(rival_of(arm) in ARMS for arm in ARMS)
    assert [arm.name for arm in chosen_arms(["lora padded"])] == ["ours lora padded", "trl lora padded"]


def test_ratios_are_paired_by_round() -> None:
    # Both are slower in the second round; the ratio is 2 in each.
    ratio = paired_ratio([400.0, 40.0, 200.0], [200.0, 20.0, 100.0])
    assert (ratio.value, ratio.low, ratio.high) == pytest.approx((2, 2, 2))
    spread = paired_ratio([1.0, 4.0], [1.0, 1.0])
    assert (spread.value, spread.low, spread.high) == pytest.approx((2, 1, 4))


def test_speed_and_memory_come_from_the_turns() -> None:
    turns = {
        "ours last padded cached": [
            Turn((2.0, 1.0), (1.0, 0.5), 100, 0.1, 300, 420),
            Turn((4.0, 2.0), (1.0, 1.0), 100, 0.1, 300, 440),
        ],
        "trl last padded": [Turn((4.0,), (2.0,), 100, 0.1, 500, 700), Turn((8.0,), (2.0,), 100, 0.1, 500, 700)],
    }
    measured = speeds(turns)
    assert list(measured) == [
        "trl last padded",
        "ours last padded cached, first epoch",
        "ours last padded cached, later epochs",
    ]
    assert measured["ours last padded cached, later epochs"].tokens_per_second == (100, 50)
    assert measured["ours last padded cached, first epoch"].peak == 440
    assert ratios(measured)["ours last padded cached, later epochs", "trl last padded"].value == pytest.approx(4)
    assert "| trl last padded | 19 | 700 | 200 |" in tables(measured)
    assert speeds(turns, processor=True)["trl last padded"].tokens_per_second == (50, 50)


def test_turns_time_epochs_and_wait_after_each_turn() -> None:
    said: list[str] = []
    waited: list[int] = []

    def read() -> str:
        waited.append(len(said))
        return "go\n"

    turns = Turns(2, 100, read=read, say=said.append)
    for loss in (0.4, 0.3, 0.2, 0.1):
        turns.end(loss)
    assert waited == [1, 2]
    assert said[0] == MARK + "{}"
    answer = json.loads(said[1].removeprefix(MARK))
    assert (answer["tokens"], answer["loss"], len(answer["seconds"])) == (100, 0.1, 2)


@pytest.mark.long
def test_both_sides_compute_the_same(work: Work) -> None:
    chosen = chosen_arms(["ours full padded", "ours lora packed", "ours last padded cached"])
    found = list(agreements(work, chosen))
    assert [each.name for each in found] == [arm.name for arm in chosen]
    for each in found:
        assert each.holds, each
        half = len(each.ours) // 2  # Both epochs have the same rows.
        assert sum(each.ours[:half]) > sum(each.ours[half:])


def test_a_difference_is_found() -> None:
    assert not Agreement("", (2.0, 1.0), (2.0, 1.01)).holds
    assert not Agreement("", (2.0,), (2.0, 1.0)).holds


def test_each_turn_of_a_cached_arm_begins_with_an_empty_cache(work: Work, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []

    class Watched(Turns):
        def end(self, loss: float) -> None:
            seen.append((ours._cache.computed, ours._cache.reused))
            super().end(loss)

    ours = Ours(Arm("ours", "last", cached=True), work, tmp_path)
    ours.epochs(Watched(2, 1, read=lambda: "", say=lambda _: None))
    ours.close()
    assert seen == [(8, 0), (8, 8), (8, 0), (8, 8)]


@pytest.mark.long
def test_the_command_tells_what_was_measured(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--rows", "8", "--batch", "4", "--rounds", "1", "--no-check", "--json", str(tmp_path / "found.json")]
    monkeypatch.setattr(sys, "argv", ["train.py", "--model", str(model), "--arms", "full padded", *options])
    main()  # In this process; each arm is one of its own.
    assert "| ours full padded | trl full padded |" in capsys.readouterr().out
    found: dict[str, Any] = json.loads((tmp_path / "found.json").read_text())
    assert list(found["turns"]) == ["ours full padded", "trl full padded"]
    turns = [turn for taken in found["turns"].values() for turn in taken]
    assert all(turn["tokens"] == sum(found["lengths"]) and turn["peak"] >= turn["before"] > 0 for turn in turns)
    assert found["ratios"]["ours full padded / trl full padded"]["value"] > 0
