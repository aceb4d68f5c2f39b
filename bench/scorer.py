"""How far the scorer of replies agrees with verdicts of people.

    python bench/scorer.py [--show] [FILE ...]

Each line of a file is a question, the expected answers (none: right is not to answer), a reply, and the right verdict:
"correct", "wrong" or "abstained". By default the tables in `tests/measure/judging`: `develop.jsonl`, by which the
scorer was made; `check.jsonl`, which was written before it and kept aside; and `further.jsonl`, written afterwards to
break it. Printed for each: the share of pairs with the same verdict, by kind, with its exact 95% interval (Clopper and
Pearson).
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from instill.measure.judging.scorer import judge
from instill.measure.statistics.exact_share import share_interval

NAMES = ("develop", "check", "further")
TABLE = Path(__file__).parents[1] / "tests" / "measure" / "judging"


def agreement(pairs: list[dict[str, Any]], *, show: bool = False) -> list[tuple[str, int, int]]:
    """Of each kind and of all: how many pairs have the right verdict, and how many there are."""
    found: dict[str, list[bool]] = {}
    for pair in pairs:
        said = judge(pair["reply"], pair["expected"], question=pair["question"]).kind
        found.setdefault(pair["kind"], []).append(said == pair["verdict"])
        if show and said != pair["verdict"]:
            print(
                f"  {said} instead of {pair['verdict']}: {pair['reply']!r} for {pair['expected']} ({pair['question']})"
            )
    rows = [(kind, sum(each), len(each)) for kind, each in found.items()]
    return [*rows, ("all", sum(right for _, right, _ in rows), sum(count for _, _, count in rows))]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", type=Path, nargs="*", default=[TABLE / f"{name}.jsonl" for name in NAMES])
    parser.add_argument("--show", action="store_true", help="print every pair with another verdict")
    options = parser.parse_args()
    print("| pairs | kind | same verdict | of | share |\n|---|---|---|---|---|")
    for file in options.files:
        pairs = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
        for kind, right, count in agreement(pairs, show=options.show):
            print(f"| {file.stem} | {kind} | {right} | {count} | {share_interval(right, count)} |")


if __name__ == "__main__":
    main()
