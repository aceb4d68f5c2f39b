"""The arms of `bench/train.py`. `python bench/train_arms.py ARM WORK` is one arm's process.

Such a process opens the model, trains the rows once to warm up, and waits. For each line that it reads it trains an
epoch and answers with a line: seconds, tokens, memory. So arms take turns without being started anew.
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

MARK = "#arm "
"""Begins the lines that are answers; whatever else a library prints is not."""

FIRST, LATER = "first epoch", "later epochs"


@dataclass(frozen=True, slots=True)
class Arm:
    """One way to train.

    Args:
        kind: all weights ("full"), adapters of rank 8 on all layers ("lora"), or the last quarter of layers ("last").
        cached: the frozen layers' output is kept; each turn is then two epochs, the first with an empty cache.
    """

    side: Literal["ours", "trl"]
    kind: Literal["full", "lora", "last"]
    packing: bool = False
    cached: bool = False

    @property
    def name(self) -> str:
        """Names the arm in options and tables."""
        layout = "packed" if self.packing else "padded"
        return f"{self.side} {self.kind} {layout}{' cached' if self.cached else ''}"

    @property
    def parts(self) -> tuple[str, ...]:
        """What is measured in each turn."""
        return (f"{self.name}, {FIRST}", f"{self.name}, {LATER}") if self.cached else (self.name,)


LAYOUTS = (False, True)
ARMS = (
    *(Arm(side, "full", packing) for packing in LAYOUTS for side in ("ours", "trl")),
    *(Arm(side, "lora", packing) for packing in LAYOUTS for side in ("ours", "trl")),
    *(Arm(side, "last", packing) for packing in LAYOUTS for side in ("ours", "trl")),
    *(Arm("ours", "last", packing, cached=True) for packing in LAYOUTS),
)


@dataclass(frozen=True, slots=True)
class Work:
    """What all arms do.

    Args:
        folder: holds the model's folder `model` and the rows `rows.json`.
        batch: rows of a step; where trl packs, as many packed rows as hold that many tokens.
        width: tokens of a packed row, no fewer than the longest row has.
        rounds: turns of each arm after the epoch that warms up.
        bins: packed rows that trl takes through the model at one time.
        precision: "auto" is bfloat16 where the hardware has it, in both.
        first: only so many of the rows; 0: all.
    """

    folder: str
    batch: int
    width: int
    rounds: int
    bins: int = 1
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    rate: float = 1e-4
    first: int = 0

    def examples(self) -> list[Any]:
        """The rows as tokens; see `instill.train.generator.data.examples`."""
        from instill.train.generator.data.examples import Example

        read = json.loads((Path(self.folder) / "rows.json").read_text(encoding="utf-8"))[: self.first or None]
        return [
            Example(np.asarray(ids, np.int32), np.asarray(supervised, np.bool_), number)
            for number, (ids, supervised) in enumerate(read)
        ]


@dataclass(frozen=True, slots=True)
class Turn:
    """What an arm's process answers.

    Args:
        seconds: wall time of each part.
        used: processor time of each part, in seconds.
        tokens: of the rows of one part, without padding.
        loss: mean over the tokens of the last part.
        before: megabytes that the process had when the model was open; on a GPU, that were allocated there.
        peak: the most megabytes until now.
    """

    seconds: tuple[float, ...]
    used: tuple[float, ...]
    tokens: int
    loss: float
    before: float
    peak: float


class Turns:
    """Times epochs, and waits for a line on standard input after each turn.

    Args:
        parts: epochs of a turn. The turn that warms up is not reported.
    """

    def __init__(self, parts: int, tokens: int, *, read: Callable[[], str], say: Callable[[str], None]) -> None:
        self._parts, self._tokens = parts, tokens
        self._read, self._say = read, say
        self._warm = False
        self._before = memory_mb()[0]
        self._taken: list[tuple[float, float]] = []
        self.begin()

    @property
    def first_part(self) -> bool:
        """Whether the next epoch begins a turn."""
        return not self._taken

    def begin(self) -> None:
        """An epoch begins now."""
        self._started = time.perf_counter(), time.process_time()

    def end(self, loss: float) -> None:
        """An epoch has ended; waits where that ends a turn."""
        wall, used = time.perf_counter() - self._started[0], time.process_time() - self._started[1]
        self._taken.append((wall, used))
        if len(self._taken) == self._parts:
            if self._warm:
                self._answer(loss)
            else:
                self._say(MARK + "{}")
            self._taken, self._warm = [], True
            self._read()
        self.begin()

    def _answer(self, loss: float) -> None:
        seconds, used = zip(*self._taken, strict=True)
        answer = Turn(seconds, used, self._tokens, loss, self._before, memory_mb()[1])
        self._say(MARK + json.dumps(asdict(answer)))


def memory_mb() -> tuple[float, float]:
    """Megabytes that this process has now, and the most that it had: of the GPU where there is one, else resident."""
    import torch

    if torch.cuda.is_available():
        return torch.cuda.memory_allocated() / 2**20, torch.cuda.max_memory_allocated() / 2**20
    status = Path("/proc/self/status")
    if not status.exists():
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        return peak, peak
    lines = dict(line.split(":", 1) for line in status.read_text().splitlines())
    now, most = (int(lines[name].split()[0]) / 1024 for name in ("VmRSS", "VmHWM"))
    return now, most


def method_of(arm: Arm, model: Any) -> Any:
    """What both sides train; see `instill.train.generator.methods.methods`."""
    from instill.train.generator.loop.layers import decoder_layers
    from instill.train.generator.methods.methods import Method

    if arm.kind == "lora":
        return Method(kind="lora", rank=8)
    return Method(kind="full", last_layers=len(decoder_layers(model)) // 4 if arm.kind == "last" else 0)


def run(arm: Arm, work: Work, *, read: Callable[[], str], say: Callable[[str], None]) -> None:
    """Be this arm's process."""
    tokens = sum(example.length for example in work.examples())
    with tempfile.TemporaryDirectory() as folder:
        if arm.side == "trl":
            from train_trl import Rival

            rival = Rival(arm, work, Path(folder))
            rival.epochs(Turns(1, tokens, read=read, say=say))
        else:
            from train_ours import Ours

            with closing(Ours(arm, work, Path(folder))) as ours:
                ours.epochs(Turns(len(arm.parts), tokens, read=read, say=say))


def chosen_arms(names: Iterable[str]) -> list[Arm]:
    """The arms whose name holds one of these, such as "lora" or "ours full padded"; all, where none is given."""
    wanted = list(names)
    return [arm for arm in ARMS if not wanted or any(name in arm.name for name in wanted)]


def main() -> None:
    arm, work = (json.loads(text) for text in sys.argv[1:3])
    answers = sys.stdout

    def say(line: str) -> None:
        print(line, file=answers, flush=True)

    run(Arm(**arm), Work(**work), read=sys.stdin.readline, say=say)


if __name__ == "__main__":
    main()
