"""The learning rate with which each arm of the experiment `methods` learns most: `python bench/lab_rates.py`.

Each arm is trained at rates a factor of two apart, on people of seeds that no experiment uses (--first, 1000). Counted
are facts in wordings that were never trained on. The rate with the best mean is written as the experiment's
`RATE_OF`; at equal means the lower rate, which forgets less. It takes a quarter of an hour of one core.
"""

from __future__ import annotations

import argparse
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from instill.cli.output import columns
from instill.lab.experiments.methods_and_ranks import METHOD_OF, taught
from instill.lab.measuring import recall
from instill.lab.running import one_thread
from instill.lab.workbench import FULL_RATE, LORA_RATE, Bench
from instill.models.weights import micro_folder

STEPS = (0.25, 0.5, 1.0, 2.0, 4.0)


def rates_of(arm: str) -> list[float]:
    """Rates around the usual one of the arm's kind."""
    usual = FULL_RATE if METHOD_OF[arm].kind == "full" else LORA_RATE
    return [usual * step for step in STEPS]


def learned(arm: str, rate: float, seed: int) -> float:
    """The share of the taught facts that are known in new wordings."""
    bench = Bench(micro_folder(), seed)
    model, people = taught(bench, METHOD_OF[arm], rate)
    right = bench.measure(model, {"new": recall(people, seed=seed)})["new"]
    return sum(value for _, value in right) / len(right)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--first", type=int, default=1000, help="the first seed")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--workers", type=int, default=2)
    chosen = parser.parse_args()
    seeds = range(chosen.first, chosen.first + chosen.seeds)
    with ProcessPoolExecutor(chosen.workers, mp_context=get_context("spawn"), initializer=one_thread) as pool:
        jobs = {
            (arm, rate): [pool.submit(learned, arm, rate, seed) for seed in seeds]
            for arm in METHOD_OF
            for rate in rates_of(arm)
        }
        means = {key: sum(job.result() for job in found) / len(found) for key, found in jobs.items()}
    rows = [("arm", *(f"x {step:g}" for step in STEPS), "best rate")]
    for arm in METHOD_OF:
        best = max(rates_of(arm), key=lambda rate: (means[arm, rate], -rate))
        rows.append((arm, *(f"{means[arm, rate]:.2f}" for rate in rates_of(arm)), f"{best:g}"))
    print(columns(rows))


if __name__ == "__main__":
    main()
