"""Training speed and memory: our loop beside trl's SFTTrainer with peft, on one model, the same rows, in one run.

    python bench/train.py [--model small] [--rows 64] [--rounds 6]          everything
    python bench/train.py --arms lora "last padded"                         only arms whose names hold this

Arms: all weights, LoRA of rank 8 on all layers, and the last quarter of the layers; rows padded or packed; the last
quarter also with the frozen-layer cache, whose first epoch is measured apart. Each arm is a process of its own that
trains all rows once to warm up; then arms take turns, an epoch each, in an order that turns round from round to round.
Tokens are those of the rows, without padding. Ratios are paired by round, with 95% bootstrap intervals. Memory is the
most that the process had resident (on a GPU: that was allocated there). First of all it is checked that both compute
the same thing: equal losses, step by step, in float32.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from train_arms import ARMS, MARK, Arm, Turn, Work, chosen_arms
from train_check import TOLERANCE, Agreement
from train_figures import ratios, speeds, tables

HERE = Path(__file__).parent
SHAPES = {
    "small": {"hidden_size": 256, "num_hidden_layers": 16, "num_attention_heads": 4, "intermediate_size": 704},
    "1b": {"hidden_size": 2048, "num_hidden_layers": 16, "num_attention_heads": 32, "intermediate_size": 8192},
}
"""Llamas with random weights and the micro model's vocabulary: 13 million and 1 billion parameters."""


def write_model(name: str, folder: Path) -> None:
    """Put the model of this name, or from the folder of this name, into `folder`."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    from instill.models.generators.model_folder import checked_folder
    from instill.models.generators.transformers_models import open_tokenizer
    from instill.models.weights import micro_folder

    if name not in SHAPES:
        folder.symlink_to(micro_folder() if name == "micro" else checked_folder(Path(name)), target_is_directory=True)
        return
    tokenizer = open_tokenizer(micro_folder())
    shape: dict[str, Any] = {"num_key_value_heads": SHAPES[name]["num_attention_heads"] // 2, **SHAPES[name]}
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        max_position_embeddings=4096,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        **shape,
    )
    model = LlamaForCausalLM(config)
    model.to(torch.bfloat16 if name == "1b" else torch.float32).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def write_rows(folder: Path, count: int) -> list[int]:
    """Put rows of the laboratory's world, as the model's tokens, into `folder`: questions, and reading with passages.

    Returns:
        How many tokens each has.
    """
    from instill.lab.curriculum import Shares, epoch_rows
    from instill.lab.world import make_world
    from instill.models.generators.transformers_models import open_tokenizer
    from instill.train.generator.data.examples import make_examples

    # Messages only, so that it is the assistant's words that are supervised.
    rows = epoch_rows(make_world(), 0, count, Shares(question=20, reverse=3, reading=20, exam=30, short=6, json=5))
    examples = make_examples(rows, open_tokenizer(folder / "model"))
    found = [[each.ids.tolist(), each.supervised.tolist()] for each in examples]
    (folder / "rows.json").write_text(json.dumps(found), encoding="utf-8")
    return [each.length for each in examples]


class Process:
    """An arm's process, which trains an epoch whenever it is asked to."""

    def __init__(self, arm: Arm, work: Work, log: Path) -> None:
        self._log = log
        with log.open("w") as errors:
            self._process = subprocess.Popen(
                [sys.executable, str(HERE / "train_arms.py"), json.dumps(asdict(arm)), json.dumps(asdict(work))],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
        self._answer()

    def turn(self) -> Turn:
        """Train, and tell how it went."""
        self._go()
        found = self._answer()
        return Turn(**{**found, "seconds": tuple(found["seconds"]), "used": tuple(found["used"])})

    def stop(self) -> None:
        self._process.kill()
        self._process.communicate()

    def _go(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write("go\n")
        self._process.stdin.flush()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith(MARK):
                found: dict[str, Any] = json.loads(line.removeprefix(MARK))
                return found
        raise SystemExit(f"An arm's process ended:\n{self._log.read_text()[-3000:]}")


@contextmanager
def processes(arms: Sequence[Arm], work: Work) -> Iterator[list[tuple[Arm, Process]]]:
    """All arms' processes, warmed up, one after another."""
    started: list[tuple[Arm, Process]] = []
    try:
        for number, arm in enumerate(arms):
            started.append((arm, Process(arm, work, Path(work.folder) / f"arm{number}.log")))
            _say(f"ready: {arm.name}")
        yield started
    finally:
        for _, process in started:
            process.stop()


def measure(arms: Sequence[Arm], work: Work, *, until: float = float("inf")) -> dict[str, list[Turn]]:
    """The turns of each arm, by its name.

    Args:
        until: no round begins after this time, in seconds of the monotonic clock; but one always does.
    """
    taken: dict[str, list[Turn]] = {arm.name: [] for arm in arms}
    with processes(arms, work) as running:
        for number in range(work.rounds):
            if number and time.monotonic() > until:
                break
            for arm, process in running if number % 2 == 0 else reversed(running):
                taken[arm.name].append(process.turn())
            _say(f"round {number + 1} of {work.rounds}")
    return taken


def check(work: Work) -> list[Agreement]:
    """Whether both compute the same thing, from a process of its own."""
    done = subprocess.run(
        [sys.executable, str(HERE / "train_check.py"), json.dumps(asdict(work))], capture_output=True, text=True
    )
    if done.returncode:
        raise SystemExit(f"The check failed:\n{done.stderr[-3000:]}")
    read = [json.loads(line.removeprefix(MARK)) for line in done.stdout.splitlines() if line.startswith(MARK)]
    return [Agreement(name, tuple(ours), tuple(trl)) for name, ours, trl in read]


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="small", help="small, 1b (for a GPU), micro (the shipped one), or a folder")
    parser.add_argument("--rows", type=int, default=64)
    parser.add_argument("--batch", type=int, default=16, help="rows of a step")
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--minutes", type=float, default=float("inf"), help="after these no further round begins")
    parser.add_argument("--arms", nargs="*", default=[], help=f"parts of names: {', '.join(arm.name for arm in ARMS)}")
    parser.add_argument("--bins", type=int, default=1, help="packed rows that trl computes at one time")
    parser.add_argument("--no-check", action="store_true", help="leave the comparison of losses out")
    parser.add_argument("--processor", action="store_true", help="divide by processor time instead of wall time")
    parser.add_argument("--json", type=Path, help="write everything that was measured to this file")
    return parser.parse_args()


def main() -> None:
    chosen = options()
    until = time.monotonic() + 60 * chosen.minutes
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_model(chosen.model, folder / "model")
        lengths = write_rows(folder, chosen.rows)
        width = max(512, max(lengths))
        work = Work(name, chosen.batch, width, chosen.rounds, chosen.bins)
        agreed = [] if chosen.no_check else check(work)
        turns = measure(chosen_arms(chosen.arms), work, until=until)
    wall, processor = speeds(turns), speeds(turns, processor=True)
    if chosen.json:
        everything = {
            "model": chosen.model,
            "lengths": lengths,
            "batch": chosen.batch,
            "width": width,
            "agreement": {each.name: each.difference for each in agreed},
            "turns": {name: [asdict(turn) for turn in taken] for name, taken in turns.items()},
            "ratios": {" / ".join(pair): asdict(ratio) for pair, ratio in ratios(wall).items()},
            "processor_ratios": {" / ".join(pair): asdict(ratio) for pair, ratio in ratios(processor).items()},
        }
        chosen.json.write_text(json.dumps(everything, indent=2), encoding="utf-8")
    quarters = np.percentile(lengths, [0, 50, 100])
    print(f"{len(lengths)} rows of {quarters[0]:.0f} to {quarters[2]:.0f} tokens (median {quarters[1]:.0f})\n")
    for each in agreed:
        verdict = "agree" if each.holds else "DIFFER"
        print(f"losses of {len(each.ours)} steps {verdict}, {each.name} and trl: {each.difference:.1e} at most")
    print(f"\n{tables(processor if chosen.processor else wall)}", flush=True)
    if not all(each.holds for each in agreed):
        raise SystemExit(f"Losses differ by more than {TOLERANCE:g} of their size.")


if __name__ == "__main__":
    main()
