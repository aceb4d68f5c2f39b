"""20,000 records from file to searchable, with all vectors computed and with estimated ones, and what is found.

    python bench/records.py [--rows 20000] [--formats csv,jsonl,md,xlsx] [--ranking-rows 4000]

First table: `instill add` of one file, in a process of its own: processor seconds and wall seconds, with
`documents.estimated_from` at its default (estimated) and at 0 (all computed: what was done before there were
estimates). Second table: two indexes of the same tables, and questions whose row is known; the share of questions
for which the row's passage is among the first five, by both, and the paired difference with its interval.
All rows are made from a seed.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random

import numpy as np

from instill.workspace import Workspace

Row = dict[str, str]
_TEXT = (
    "amber basil copper delta ember fjord garnet harbor indigo juniper kelp lumen maple nectar onyx pine quartz river "
    "saffron tundra umber velvet willow xenon yarrow zephyr"
)
WORDS = _TEXT.split()
CITIES = ["Berlin", "Paris", "Rome", "Madrid", "Oslo", "Vienna", "Prague", "Dublin"]
PROBLEMS = {
    "the screen stays black after switching on": "Which ticket reports a display that remains dark?",
    "the battery is empty after an hour": "Whose device does not hold its charge?",
    "the speaker makes a crackling noise": "Who hears distorted sound?",
    "the parcel arrived two weeks late": "Which delivery took far too long?",
    "the invoice was charged twice": "Who paid two times for one purchase?",
    "the keyboard misses every second letter": "Where does typing not work properly?",
    "the password cannot be reset by mail": "Who is unable to log in again?",
    "the lid broke on the first day": "Which product had a damaged cover?",
    "the app closes when a photo is taken": "Where does the software crash with the camera?",
    "the manual is missing from the box": "Which customer got no instructions?",
    "the printer pulls in several sheets at once": "Where is there a paper jam?",
    "the device becomes too hot to touch": "Which ticket is about overheating?",
}


def orders(count: int) -> tuple[list[Row], list[tuple[str, str]]]:
    """Short fields; a row is asked for by its number and by its customer. Questions come with what the row holds."""
    random = Random(1)
    rows = [
        {
            "order_id": f"A-{number:06d}",
            "customer": f"{random.choice(WORDS).title()} {random.choice(WORDS).title()}{number % 977}",
            "city": random.choice(CITIES),
            "date": f"20{random.randint(10, 26)}-{random.randint(1, 12):02d}-{random.randint(1, 28):02d}",
            "product": f"{random.choice(WORDS)} {random.choice(WORDS)}",
            "quantity": str(random.randint(1, 99)),
            "price": f"{random.uniform(1, 999):.2f}",
            "note": " ".join(random.choices(WORDS, k=6)),
        }
        for number in range(count)
    ]
    asked = random.sample(rows, 150)
    questions = [(f"What is the price of order {row['order_id']}?", row["order_id"]) for row in asked[:75]]
    questions += [(f"Where does {row['customer']} live?", row["customer"]) for row in asked[75:]]
    return rows, questions


def tickets(count: int) -> tuple[list[Row], list[tuple[str, str]]]:
    """A sentence in each row; asked for in other words, in which keywords help little, and by customer."""
    random = Random(2)
    problems = list(PROBLEMS)
    rows = [
        {
            "ticket": f"T{number}",
            "customer": f"{random.choice(WORDS).title()} {random.choice(WORDS).title()}{number % 499}",
            "device": random.choice(["laptop", "phone", "tablet", "camera", "printer"]),
            "problem": random.choice(problems),
            "status": random.choice(["open", "closed", "waiting"]),
        }
        for number in range(count)
    ]
    questions = [(question, problem) for problem, question in PROBLEMS.items()]
    questions += [(f"What did {row['customer']} report?", row["customer"]) for row in random.sample(rows, 75)]
    return rows, questions


def rare(count: int) -> tuple[list[Row], list[tuple[str, str]]]:
    """Each problem stands in three rows among thousands without one: can the vector side find them?"""
    random = Random(3)
    rows, _ = orders(count)
    for place, problem in zip(random.sample(range(count), 3 * len(PROBLEMS)), [*PROBLEMS] * 3, strict=True):
        rows[place]["note"] = problem
    return rows, [(question, problem) for problem, question in PROBLEMS.items()]


def write(rows: Sequence[Row], path: Path) -> Path:
    names = list(rows[0])
    if path.suffix == ".csv":
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, names)
            writer.writeheader()
            writer.writerows(rows)
    elif path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    elif path.suffix == ".md":
        lines = ["| " + " | ".join(values) + " |" for values in (names, *(list(row.values()) for row in rows))]
        lines.insert(1, "|" + "---|" * len(names))
        path.write_text("# Rows\n\n" + "\n".join(lines) + "\n", encoding="utf-8")
    elif path.suffix == ".xlsx":
        import openpyxl

        book = openpyxl.Workbook(write_only=True)
        sheet = book.create_sheet("Rows")
        for values in (names, *(list(row.values()) for row in rows)):
            sheet.append(values)
        book.save(path)
    return path


def add(path: Path, folder: Path, estimated_from: str) -> tuple[float, float]:
    """Processor and wall seconds of `instill add PATH` in a fresh workspace."""
    run = [sys.executable, "-m", "instill"]
    subprocess.run([*run, "init", str(folder)], check=True, capture_output=True)
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    environment = {**os.environ, "INSTILL_DOCUMENTS__ESTIMATED_FROM": estimated_from}
    subprocess.run([*run, "add", str(path), "-w", str(folder)], check=True, capture_output=True, env=environment)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return spent, time.perf_counter() - started


def found(workspace: Workspace, questions: Sequence[tuple[str, str]], mode: str) -> np.ndarray:
    """1 for every question whose answer's row stands in one of the first five passages."""
    return np.array(
        [
            any(holds in hit.text for hit in workspace.search(question, k=5, mode=mode).hits)  # type: ignore[arg-type]
            for question, holds in questions
        ],
        float,
    )


def ranking(count: int) -> None:
    print("\n| table (questions) | search | computed | estimated | difference [95%] |\n|---|---|---|---|---|")
    kinds: dict[str, Callable[[int], tuple[list[Row], list[tuple[str, str]]]]] = {
        "orders": orders,
        "tickets": tickets,
        "rare sentences": rare,
    }
    for name, make in kinds.items():
        rows, questions = make(count)
        with tempfile.TemporaryDirectory() as place:
            path = write(rows, Path(place) / "rows.csv")
            workspaces = []
            for setting in ("0", "1000"):
                add(path, Path(place) / setting, setting)
                workspaces.append(Workspace.open(Path(place) / setting))
            for mode in ("hybrid", "vector"):
                both = [found(workspace, questions, mode) for workspace in workspaces]
                difference = both[1] - both[0]
                draws = np.random.default_rng(0).choice(difference, (2000, len(difference))).mean(axis=1)
                low, high = np.quantile(draws, [0.025, 0.975])
                print(
                    f"| {name} ({len(questions)}) | {mode} | {both[0].mean():.3f} | {both[1].mean():.3f} "
                    f"| {difference.mean():+.3f} [{low:+.3f}, {high:+.3f}] |",
                    flush=True,
                )
            for workspace in workspaces:
                workspace.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--formats", default="csv,jsonl,md,xlsx")
    parser.add_argument("--ranking-rows", type=int, default=4000)
    arguments = parser.parse_args()
    if arguments.rows:
        print("| file | computed: CPU s, wall s | estimated: CPU s, wall s | CPU ratio |\n|---|---|---|---|")
        rows, _ = orders(arguments.rows)
        for ending in filter(None, arguments.formats.split(",")):
            with tempfile.TemporaryDirectory() as place:
                path = write(rows, Path(place) / f"rows.{ending}")
                slow, fast = (add(path, Path(place) / setting, setting) for setting in ("0", "1000"))
                print(
                    f"| {ending} | {slow[0]:.1f}, {slow[1]:.1f} | {fast[0]:.1f}, {fast[1]:.1f} "
                    f"| {slow[0] / fast[0]:.1f} |",
                    flush=True,
                )
    if arguments.ranking_rows:
        ranking(arguments.ranking_rows)


if __name__ == "__main__":
    main()
