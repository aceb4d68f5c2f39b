"""Cold start of `search` and `ask` beside importing the two libraries that they cannot do without.

    python bench/start.py [--repeats 9]

Makes a workspace of Python's own reference topics in a temporary folder, then runs the three commands in turn, each
as a fresh process, and prints medians and the ratio pair by pair with a 95% bootstrap interval of its median.
Expected: a ratio of 2.5 or less.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from pydoc_data.topics import topics  # type: ignore[import-untyped, unused-ignore]

import numpy as np

from instill import Workspace

REFERENCE = [sys.executable, "-c", "import lancedb, onnxruntime"]


def seconds(command: list[str], place: Path) -> float:
    started = time.perf_counter()
    subprocess.run(command, cwd=place, check=True, capture_output=True)
    return time.perf_counter() - started


def interval(values: list[float]) -> tuple[float, float]:
    """95% bootstrap interval of the median."""
    chance = np.random.default_rng(0)
    medians = np.median(chance.choice(values, (10_000, len(values))), axis=1)
    low, high = np.quantile(medians, [0.025, 0.975])
    return float(low), float(high)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=9)
    repeats = parser.parse_args().repeats
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        for name, text in topics.items():
            (place / f"{name}.rst").write_text(text, encoding="utf-8")
        with Workspace.init(place) as workspace:
            workspace.add(["*.rst"])
        commands = {
            "import lancedb, onnxruntime": REFERENCE,
            "instill search": [sys.executable, "-m", "instill", "search", "nonlocal statement"],
            "instill ask": [sys.executable, "-m", "instill", "ask", "What does the nonlocal statement do?"],
            "instill status": [sys.executable, "-m", "instill", "status"],
        }
        for command in commands.values():
            seconds(command, place)
        taken: dict[str, list[float]] = {name: [] for name in commands}
        for _ in range(repeats):
            for name, command in commands.items():
                taken[name].append(seconds(command, place))
    print(f"| command | median s | ratio | 95% interval |\n|---|---|---|---|  ({repeats} runs each)")
    reference = taken["import lancedb, onnxruntime"]
    for name, values in taken.items():
        ratios = [value / base for value, base in zip(values, reference, strict=True)]
        low, high = interval(ratios)
        print(f"| {name} | {np.median(values):.2f} | {np.median(ratios):.2f} | {low:.2f} to {high:.2f} |")


if __name__ == "__main__":
    main()
