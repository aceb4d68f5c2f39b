"""The loop: resumed after SIGKILL it ends with the same weights, bit for bit; frozen layers may come from the cache."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from instill.errors import WorkspaceError
from instill.train import when_to_save
from instill.train.checkpoint_file import begun_at
from instill.train.generator.loop.frozen_cache import FrozenCache, lower_hash
from instill.train.generator.loop.loop import total_steps, train
from instill.train.generator.methods.methods import Method, frozen_layers, prepare
from instill.train.generator.recipes.training_section import Hyperparameters
from instill.train.progress import CHECKPOINT, TrainingStep
from tests.train.generator.small_models import ARCHITECTURES, random_examples, small_model
from tests.warm import Warm

CHOSEN = Hyperparameters(epochs=3, batch_size=4, micro_tokens=64, pack_width=64, learning_rate=1e-2)

WORKER = """
import sys
from pathlib import Path
from tests.train.generator.test_generator_loop import train_small
train_small(Path(sys.argv[1]), save_every=1, pause=0.03, dropout=float(sys.argv[2]))
"""


def weights(model: Any) -> dict[str, Tensor]:
    return {name: each.detach().clone() for name, each in model.named_parameters() if each.requires_grad}


def train_small(
    run: Path, *, save_every: int = 2, pause: float = 0.0, seed: int = 0, dropout: float = 0.0
) -> dict[str, Tensor]:
    torch.set_num_threads(1)
    model = prepare(small_model(), Method(kind="lora", dropout=dropout) if dropout else Method(kind="full"))
    examples = random_examples(22)
    chosen = CHOSEN.model_copy(update={"seed": seed})

    def wait(_: TrainingStep) -> None:
        time.sleep(pause)

    run.mkdir(exist_ok=True)
    train(model, lambda _: examples, chosen, run, identity="x", save_every=save_every, progress=wait)
    return weights(model)


def test_the_loss_falls_and_only_what_is_trained_changes(tmp_path: Path) -> None:
    model = small_model()
    before = {name: each.detach().clone() for name, each in model.named_parameters()}
    model = prepare(model, Method(kind="full", last_layers=1, modules="mlp"))
    examples, losses = random_examples(8), []
    chosen = CHOSEN.model_copy(update={"epochs": 30, "batch_size": 8})
    train(model, lambda _: examples, chosen, tmp_path, identity="x", save_every=0, progress=lambda p: losses.append(p))
    assert [entry.step for entry in losses] == list(range(1, 31))
    assert losses[-1].loss < losses[0].loss - 0.3
    changed = {name for name, each in model.named_parameters() if not torch.equal(each, before[name])}
    assert changed == {f"model.layers.3.mlp.{part}_proj.weight" for part in ("gate", "up", "down")}


@pytest.mark.parametrize("dropout", [0.0, 0.4])
def test_a_run_that_is_killed_again_and_again_ends_with_the_same_weights(
    tmp_path: Path, warm: Warm, dropout: float
) -> None:
    threads = torch.get_num_threads()
    try:
        whole = train_small(tmp_path / "whole", dropout=dropout)
        run = tmp_path / "killed"
        kills = 0
        while kills < 3:
            worker = warm.start("-c", WORKER, str(run), str(dropout))
            stamp = (run / "checkpoint.safetensors").stat().st_mtime_ns if kills else 0
            deadline = time.monotonic() + 60
            while time.monotonic() < deadline and worker.poll() is None:
                file = run / "checkpoint.safetensors"
                if file.exists() and file.stat().st_mtime_ns > stamp:
                    break
                time.sleep(0.002)
            time.sleep(0.04 * kills)
            assert worker.kill(), "the worker ended before it could be killed"
            kills += 1
        resumed = train_small(run, dropout=dropout)
    finally:
        torch.set_num_threads(threads)
    assert resumed.keys() == whole.keys()
    assert all(torch.equal(resumed[name], whole[name]) for name in whole)


class Stopped(Exception):
    """Takes the place of a signal."""


def dropping(run: Path, cache: Path, *, stop: int = 0, dropout: float = 0.5) -> dict[str, Tensor]:
    """Trained with dropout in the adapters and in the attention of all layers, the two lower ones through the cache."""
    method = Method(kind="lora", last_layers=2, dropout=dropout)
    model = small_model()
    for layer in model.model.layers:
        layer.self_attn.attention_dropout = dropout
    model = prepare(model, method)
    lower = FrozenCache(cache, model, frozen_layers(model, method), precision="fp32")
    examples, run_ = random_examples(12), run
    run_.mkdir(exist_ok=True)

    def watch(entry: TrainingStep) -> None:
        if entry.step == stop:
            raise Stopped

    chosen = CHOSEN.model_copy(update={"precision": "fp32"})
    try:
        train(model, lambda _: examples, chosen, run_, identity="x", lower=lower, save_every=2, progress=watch)
    except Stopped:
        pass
    finally:
        lower.close()
    return weights(model)


def test_slow_steps_are_kept_every_minute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run of SmolLM2 has fewer steps than lie between two checkpoints, and takes minutes."""
    assert begun_at(tmp_path / "none") == 0
    monkeypatch.setattr(when_to_save, "LONGEST_S", 0.05)
    kept: list[int] = []
    chosen = CHOSEN.model_copy(update={"epochs": 2, "batch_size": 4})
    model = prepare(small_model(), Method(kind="full"))

    def watch(step: TrainingStep) -> None:
        kept.append(begun_at(tmp_path / CHECKPOINT))
        time.sleep(0.03)
        if step.step == 10:
            raise KeyboardInterrupt

    examples = random_examples(22)
    with pytest.raises(KeyboardInterrupt):
        train(model, lambda _: examples, chosen, tmp_path, identity="x", save_every=1000, progress=watch)
    assert kept[0] == 0
    assert 2 <= begun_at(tmp_path / CHECKPOINT) < 10
    (tmp_path / CHECKPOINT).write_bytes(b"damaged")
    assert begun_at(tmp_path / CHECKPOINT) == 0


@pytest.mark.parametrize("stop", [1, 4, 5])
def test_with_dropout_and_the_cache_a_stopped_run_ends_with_the_same_weights(tmp_path: Path, stop: int) -> None:
    whole = dropping(tmp_path / "whole", tmp_path / "cache")
    dropping(tmp_path / "stopped", tmp_path / "other", stop=stop)
    resumed = dropping(tmp_path / "stopped", tmp_path / "other")
    assert all(torch.equal(resumed[name], whole[name]) for name in whole)
    # The dropout is real, and a run that finds the lower layers in the cache is the same as one that computes them.
    dry = dropping(tmp_path / "dry", tmp_path / "cache", dropout=0.0)
    assert any(not torch.equal(dry[name], whole[name]) for name in whole)
    again = dropping(tmp_path / "again", tmp_path / "cache")
    assert all(torch.equal(again[name], whole[name]) for name in whole)


def test_a_checkpoint_without_random_numbers_is_taken_up(tmp_path: Path) -> None:
    """As an earlier version wrote it; without dropout nothing is lost."""
    whole = train_small(tmp_path / "whole")
    file = tmp_path / "whole" / "checkpoint.safetensors"
    with safe_open(file, "pt") as opened:
        kept = {name: opened.get_tensor(name) for name in opened.keys() if not name.startswith("random.")}  # noqa: SIM118
        save_file(kept, file, {key: value for key, value in opened.metadata().items() if key != "random"})
    again = train_small(tmp_path / "whole")
    assert all(torch.equal(again[name], whole[name]) for name in whole)


def test_a_checkpoint_of_another_run_is_refused(tmp_path: Path) -> None:
    train_small(tmp_path)
    model = prepare(small_model(), Method(kind="full"))
    with pytest.raises(WorkspaceError, match="other data or settings"):
        train(model, lambda _: random_examples(3), CHOSEN, tmp_path, identity="y")


def test_another_seed_gives_other_weights(tmp_path: Path) -> None:
    first, second = train_small(tmp_path / "a"), train_small(tmp_path / "b", seed=1)
    assert any(not torch.equal(first[name], second[name]) for name in first)


def test_steps_are_counted_with_a_part_of_a_step_as_one() -> None:
    assert total_steps(lambda _: random_examples(9), CHOSEN) == 9
    assert total_steps(lambda _: random_examples(9), CHOSEN.model_copy(update={"steps": 4})) == 4


def run_upper(
    name: str, method: Method, folder: Path, *, cache: Path | None, chosen: Hyperparameters
) -> tuple[dict[str, Tensor], FrozenCache | None]:
    model = small_model(name)
    torch.manual_seed(1)
    model = prepare(model, method)
    lower = FrozenCache(cache, model, frozen_layers(model, method), precision="fp32") if cache else None
    examples = random_examples(20)
    train(model, lambda _: examples, chosen, folder, identity="x", save_every=0, lower=lower)
    if lower is not None:
        lower.close()
    return weights(model), lower


@pytest.mark.parametrize("name", ARCHITECTURES)
@pytest.mark.parametrize("kind", ["full", "lora"])
def test_with_the_cache_the_weights_are_the_same_bit_for_bit(name: str, kind: str, tmp_path: Path) -> None:
    method = Method.model_validate({"kind": kind, "rank": 2, "last_layers": 2 if kind == "lora" else 1})
    chosen = CHOSEN.model_copy(update={"batch_size": 20, "precision": "fp32"})  # every step has the same batches
    plain, _ = run_upper(name, method, tmp_path, cache=None, chosen=chosen)
    cached, lower = run_upper(name, method, tmp_path, cache=tmp_path / "cache", chosen=chosen)
    assert lower is not None
    assert (lower.computed, lower.reused) == (20, 40)
    assert all(torch.equal(plain[name], cached[name]) for name in plain)
    # Another run starts from what is on disk.
    again, lower = run_upper(name, method, tmp_path, cache=tmp_path / "cache", chosen=chosen)
    assert lower is not None
    assert (lower.computed, lower.reused) == (0, 60)
    assert all(torch.equal(plain[name], again[name]) for name in plain)


def test_with_the_cache_and_other_batches_the_weights_are_close(tmp_path: Path) -> None:
    method = Method(kind="full", last_layers=1)
    chosen = CHOSEN.model_copy(update={"precision": "fp32", "learning_rate": 1e-3})
    plain, _ = run_upper("llama", method, tmp_path, cache=None, chosen=chosen)
    cached, lower = run_upper("llama", method, tmp_path, cache=tmp_path / "cache", chosen=chosen)
    assert lower is not None
    assert lower.reused >= 40
    for name, value in plain.items():
        torch.testing.assert_close(cached[name], value, atol=1e-4, rtol=1e-3)


def test_the_cache_is_of_these_weights_and_this_precision() -> None:
    model = small_model()
    first = lower_hash(model, 2, "fp32")
    with torch.no_grad():
        model.model.layers[3].mlp.up_proj.weight.add_(1)
    assert lower_hash(model, 2, "fp32") == first
    assert lower_hash(model, 2, "bf16") != first
    with torch.no_grad():
        model.model.layers[1].mlp.up_proj.weight.add_(1)
    assert lower_hash(model, 2, "fp32") != first


def test_a_record_that_a_killed_process_left_unfinished_is_computed_again(tmp_path: Path) -> None:
    method = Method(kind="full", last_layers=1)
    chosen = CHOSEN.model_copy(update={"batch_size": 20, "precision": "fp32"})
    whole, lower = run_upper("llama", method, tmp_path, cache=tmp_path / "cache", chosen=chosen)
    assert lower is not None
    for file, cut in (("index.bin", 20), ("hidden.bin", 3)):
        content = (lower.folder / file).read_bytes()
        (lower.folder / file).write_bytes(content[:-cut] if file == "index.bin" else content + b"xyz")
    again, lower = run_upper("llama", method, tmp_path, cache=tmp_path / "cache", chosen=chosen)
    assert lower is not None
    assert lower.computed >= 1
    assert all(torch.equal(whole[name], again[name]) for name in whole)


def test_a_second_process_reads_the_cache_and_does_not_write(tmp_path: Path) -> None:
    model = prepare(small_model(), Method(kind="full", last_layers=1))
    first = FrozenCache(tmp_path, model, 3, precision="fp32")
    second = FrozenCache(tmp_path, model, 3, precision="fp32")
    assert first.writes
    assert not second.writes
    first.close()
