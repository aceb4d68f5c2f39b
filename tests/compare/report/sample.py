"""A report as a comparison would make it: seven arms, five tasks and more of 120 questions. Run as a script: writes it.

The shares of right answers are made up after the micro world's: retrieval is right where its passage was found,
fine-tuning is right on taught facts and weak from the other end, only tuned arms keep to the format.
"""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path

import numpy as np

from instill.compare.arms.specification import BUILT_IN
from instill.compare.report.types import (
    ConflictWins,
    DataCurve,
    ExampleMeans,
    Kept,
    ModelJudge,
    Overhead,
    Refresh,
    Report,
)
from instill.curve.advising import advise
from instill.curve.laws.fitting import fit_curve
from instill.curve.overfitting import find_overfitting
from instill.curve.results import Result
from instill.measure.agreement import JudgeSaid, agreement
from instill.measure.outcomes import Kind, Outcome, Preparation
from instill.measure.statistics.interval_type import Interval
from instill.measure.verdict import reach_verdict

ARMS = (
    "closed-book",
    "retrieval",
    "right passage, given",
    "whole documents",
    "fine-tuned",
    "fine-tuned + retrieval",
    "retrieval-aware tuning",
)
CHANCES = {  # of a right answer, in the order of the arms
    "facts": (0.02, 0.95, 0.97, 0.90, 0.88, 0.95, 0.96),
    "reverse": (0.02, 0.92, 0.96, 0.85, 0.30, 0.92, 0.93),
    "unanswerable": (0.60, 0.96, 0.97, 0.90, 0.35, 0.70, 0.97),
    "format": (0.25, 0.30, 0.30, 0.25, 0.97, 0.97, 0.97),
    "noise": (0.02, 0.85, 0.97, 0.80, 0.87, 0.84, 0.93),
}
NAMES = ("Tova Lindqvist", "Amaru Quispe", "Ngozi Bello", "Ilse van Wijk", "Rafael Duarte", "Mei Sakamoto")
PLACES = ("Port Elm", "Kasari", "Upper Thorn", "Vadsø", "Sankt Alban", "Río Claro")


def outcomes(questions: int = 120, seed: int = 5) -> list[Outcome]:
    """A row for each question and arm."""
    chance = np.random.default_rng(seed)
    found = []
    for task, shares in CHANCES.items():
        hard = chance.random(questions)
        for number in range(questions):
            name, place = NAMES[number % 6], PLACES[(number // 6) % 6]
            for arm, share in zip(ARMS, shares, strict=True):
                luck = hard[number] if chance.random() < 0.7 else chance.random()
                found.append(_row(task, number, arm, bool(luck < share), name, place, chance))
    return found


def _row(task: str, number: int, arm: str, right: bool, name: str, place: str, chance: np.random.Generator) -> Outcome:
    reads = arm not in ("closed-book", "fine-tuned")
    refusing = task == "unanswerable"
    kind: Kind = "correct" if right else "abstained" if chance.random() < 0.4 and not refusing else "wrong"
    if refusing and right:
        kind = "abstained"
    reply = place if right else "I do not know." if kind == "abstained" else f"{name} grew up in {PLACES[number % 5]}."
    score = float(right and not refusing)
    found = float(arm == "right passage, given" or chance.random() < 0.96 or right) if reads and not refusing else None
    tokens = {"whole documents": 6000, "closed-book": 40, "fine-tuned": 40}.get(arm, 900)
    return Outcome(
        item=f"{task}-{number}",
        arm=arm,
        group=f"fact-{number}",
        task=task,
        question=f"Where was {name} born, according to record {number}?"
        if task != "reverse"
        else f"Who is of {place}?",
        expected=() if refusing else (place,),
        reply="I do not know." if refusing and right else reply,
        kind=kind,
        exact=score,
        f1=score if right or chance.random() < 0.8 else 0.6,
        right=float(right),
        citation_precision=0.9 if reads and kind == "correct" else None,
        recall=found,
        seconds=float(0.2 + tokens / 3000 + chance.random() * 0.2),
        tokens_in=tokens,
        tokens_out=12,
        money=tokens * 2e-7,
        prompt=f"{arm}-{task}",
    )


PREPARATIONS = (
    Preparation("retrieval", 4.2, 0.0, 480, 0.03, 0.00001),
    Preparation("right passage, given", 0.0, 0.0, 480, 0.0, 0.0),
    Preparation("whole documents", 0.0, 0.0, 480, 0.0, 0.0),
    Preparation("fine-tuned", 860.0, 0.41, 480, 25.0, 0.012, 95.0),
    Preparation("fine-tuned + retrieval", 864.2, 0.41, 480, 25.03, 0.012, 95.0),
    Preparation("retrieval-aware tuning", 1210.0, 0.60, 480, 2.5, 0.0013, 95.0),
)


@cache
def sample() -> Report:
    """The report; the same one at every call."""
    rows = outcomes()
    results = [
        Result(size, seed, tuple((np.random.default_rng([size, seed]).random(120) < 0.9 - 2 * size**-0.5) * 1.0))
        for size in (10, 22, 46, 100, 220, 460)
        for seed in range(3)
    ]
    fit = fit_curve(results)
    chance = np.random.default_rng(1)
    held_out = [(2.0 + level + 0.1 * chance.standard_normal(60)).tolist() for level in (0.0, -0.8, -0.5, -0.2)]
    overfitting = find_overfitting([1, 2, 3, 4], [[2.0], [1.0], [0.4], [0.1]], held_out)
    kept = [
        Kept("fine-tuned", "reading", 0.76, 0.31, Interval(0.45, 0.36, 0.54), 0.05),
        Kept("fine-tuned", "refusals", 0.98, 0.55, Interval(0.43, 0.33, 0.53), 0.05),
        Kept("fine-tuned", "old facts", 1.0, 0.99, Interval(0.01, 0.0, 0.03), 0.05),
        Kept("fine-tuned", "perplexity", 2.10, 2.22, Interval(0.12, -0.05, 0.29), 0.10),
        Kept("retrieval-aware tuning", "reading", 0.76, 0.83, Interval(-0.07, -0.12, -0.02), 0.05),
        Kept("retrieval-aware tuning", "refusals", 0.98, 0.97, Interval(0.01, -0.02, 0.04), 0.05),
        Kept("retrieval-aware tuning", "old facts", 1.0, 0.95, Interval(0.05, 0.0, 0.10), 0.05),
        Kept("retrieval-aware tuning", "perplexity", 2.10, 2.13, Interval(0.03, 0.01, 0.05), 0.10),
    ]
    judged = [row for row in rows if row.task in ("facts", "reverse")]
    says = [JudgeSaid(row.right >= 1 or row.f1 >= 0.6, "It names the place.") for row in judged]
    return Report(
        title="Registry of Port Elm",
        verdict=reach_verdict(rows, PREPARATIONS, ways={name: each.way for name, each in BUILT_IN.items()}),
        outcomes=rows,
        preparations=PREPARATIONS,
        evidence={row.item: f"Register, volume {int(row.group.split('-')[1]) % 9 + 1}" for row in rows},
        prompts={
            f"{arm}-facts": f"Answer in a few words, or say that you do not know.\n\n[1] Register\nTova Lindqvist was "
            f"born in Port Elm.\n\nQuestion: Where was she born?\nAs {arm}:"
            for arm in ARMS
        },
        kept=kept,
        refreshes=[
            Refresh("retrieval", 1.4, 0.0, "document indexed"),
            Refresh("fine-tuned", 640.0, 0.31, "trained again from the base"),
            Refresh("closed-book", None, None, ""),
        ],
        conflicts=[
            ConflictWins("retrieval", 9, {"document": 7, "belief": 1, "neither": 1, "abstained": 0}, None),
            ConflictWins(
                "fine-tuned + retrieval", 1_114, {"document": 1_003, "belief": 99, "neither": 0, "abstained": 12}, None
            ),
        ],
        curves=[
            DataCurve("facts, rows of fine-tuning", fit, advise(fit, gain=0.02, have=460), results, overfitting),
        ],
        examples=[
            ExampleMeans(
                "format",
                arm,
                30,
                {
                    "follows the schema": Interval(share, max(0.0, share - 0.15), min(1.0, share + 0.15)),
                    "F1 of fields": Interval(share / 2, share / 2 - 0.1, share / 2 + 0.1),
                    "right": Interval(share / 3, share / 3 - 0.1, share / 3 + 0.1),
                },
            )
            for arm, share in (("prompted", 0.4), ("examples in the prompt", 0.8), ("fine-tuned on examples", 0.9))
        ],
        judge=ModelJudge("large", False, agreement(judged, says)),
        overheads=[Overhead("judging", 125.0, 0.34)],
        missing={"tone": "the study set has no questions on tone"},
        commands=["instill add registry/", "instill study make --seed 5", "instill compare --arms all --seed 5"],
        about={
            "date": "2026-11-21",
            "instill": "0.1.0",
            "model": "micro, 0.96 M parameters, sha256 3f1c…9a",
            "study set": "registry-5, sha256 77ab…02",
            "seed": "5",
            "machine": "2 cores",
        },
    )


if __name__ == "__main__":
    from instill.compare.report.page import as_html
    from instill.compare.report.text import as_text

    Path(sys.argv[1]).write_text(as_html(sample()), encoding="utf-8")
    sys.stdout.write(as_text(sample()))
