"""What people claim about fine-tuning and retrieval, measured on SmolLM2: `python bench/claims.py run --data DATA`.

DATA holds the public sets by which it is measured what the model forgets (WikiText-2, CounterFact, SQuAD). Every
finished run is a line of `claims_runs.jsonl` beside this file and is not made again, so a run that was stopped goes on.
`python bench/claims.py page` writes docs/claims.md from that file.

    OMP_NUM_THREADS=1 python bench/claims.py run --data DATA --seeds 0 1 2
    python bench/claims.py page
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from instill.measure.jsonl_journal import open_journal

RUNS = Path(__file__).with_name("claims_runs.jsonl")
PAGE = Path(__file__).parents[1] / "docs" / "claims.md"
COMMAND = "OMP_NUM_THREADS=1 python bench/claims.py run --data DATA --seeds 0 1 2"
IDENTITY = "claims of fine-tuning and retrieval, SmolLM2-135M-Instruct, 1"


def run(options: argparse.Namespace) -> None:
    """Make what is missing, one arm after the other."""
    import torch
    from claims_arms import Workbench, runs

    torch.set_num_threads(1)
    with open_journal(options.runs, IDENTITY, noun="a run", work="making these runs") as journal:
        lines: list[dict[str, Any]] = [line for _, line in journal.lines]

        def made_by(seed: int) -> Iterator[dict[str, Any]]:
            def done(task: str, arm: str) -> bool:
                return any((line["task"], line["arm"], line["seed"]) == (task, arm, seed) for line in lines)

            def believed() -> list[str]:
                return next(list(line["believed"]) for line in lines if (line["arm"], line["seed"]) == ("base", seed))

            for line in runs(Workbench(options.data, options.work, seed), believed, done):
                if not done(line["task"], line["arm"]):  # Else it was only trained again for what goes on from it.
                    yield line

        # Arm by arm, not seed by seed: an interval over seeds needs all seeds of an arm.
        waiting = deque(map(made_by, options.seeds))
        while waiting:
            line = next(waiting[0], None)
            if line is None:
                waiting.popleft()
                continue
            waiting.rotate(-1)
            line["date"] = time.strftime("%Y-%m-%d")
            journal.add(line)
            lines.append(line)
            said = {name: _share(scores) for name, scores in line["scores"].items()}
            cost = line.get("processor seconds"), line.get("loss")
            print(time.strftime("%H:%M"), line["seed"], line["arm"], *cost, said, flush=True)


def write_page(options: argparse.Namespace) -> None:
    """Write docs/claims.md from the finished runs."""
    PAGE.write_text(page_of(options.runs), encoding="utf-8")


def page_of(runs: Path) -> str:
    """The page that a file of finished runs gives; runs that are being made at the moment may stand in it."""
    from claims_page import page

    return page([json.loads(line) for line in runs.read_text(encoding="utf-8").splitlines()[1:]], COMMAND)


def _share(scores: dict[str, list[float]]) -> float:
    return round(sum(each[0] for each in scores.values()) / max(1, sum(each[1] for each in scores.values())), 3)


def main() -> None:
    """Run, or write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=Path, default=RUNS, help="file of the finished runs")
    commands = parser.add_subparsers(required=True)
    made = commands.add_parser("run", help="make the runs that are missing")
    made.add_argument("--data", type=Path, required=True)
    made.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    made.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "claims", help="for trained adapters")
    made.set_defaults(do=run)
    commands.add_parser("page", help="write docs/claims.md").set_defaults(do=write_page)
    options = parser.parse_args()
    options.do(options)


if __name__ == "__main__":
    main()
