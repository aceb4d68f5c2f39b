"""Do rewards teach what examples did not? The micro model answers from passages, before and after GRPO.

For each seed, rows of one draw are trained on with `objective = "reward"`, and others are asked before and after.
Prints the gain of each check, with a 95% interval over all held-out rows, and the gain of each seed.

    OMP_NUM_THREADS=1 python bench/rewards.py --seeds 0 1 2 --steps 15
    OMP_NUM_THREADS=1 python bench/rewards.py --form asking --seeds 0 --steps 8   # long prompts: 15 s a step
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from statistics import fmean

from instill.lab.measuring import asking, reading
from instill.lab.world import make_world
from instill.measure.statistics.percentile_bootstrap import bootstrap_interval
from instill.models.generators.transformers_models import open_model, open_tokenizer
from instill.models.weights import micro_folder
from instill.train.generator.data.rows import Row, write_rows
from instill.train.generator.loop.replies import replies
from instill.train.generator.recipes.recipe import read_recipe
from instill.train.generator.rewarding.rewards import rewards_of
from instill.train.generator.run import fit, open_recipe

RECIPE = """
name = "asking"
base = "micro"
objective = "reward"
[data]
rows = ["rows.jsonl"]
[training]
steps = {steps}
batch_size = 8
learning_rate = {rate}
seed = {seed}
precision = "fp32"
[lora]
rank = 16
[reward]
answer = 1.0
{checks}
group = {group}
max_tokens = 24
"""


FORMS = ("asking", "reading")
_ALIKE = 1.0  # Others have a part of the name that is asked for, which is what the micro model mixes up.


def asked(form: str, count: int, seed: int) -> list[Row]:
    """Rows in the form of `instill ask`, or short ones of which a third cannot be answered."""
    world = make_world()
    if form == "asking":
        return [each.row for each in asking(count, world, seed=seed)]
    missing = count // 3
    known = reading(count - missing, world, evaluated=True, alike=_ALIKE, seed=seed)
    return [each.row for each in (*known, *reading(missing, world, unknown=True, alike=_ALIKE, seed=seed + 1))]


def one(args: argparse.Namespace, seed: int, folder: Path) -> list[dict[str, float]]:
    """What each held-out row earns before and after, by check."""
    write_rows(asked(args.form, args.rows, 100 * seed + 1), folder / "rows.jsonl")
    checks = "cited = 1.0" if args.form == "asking" else "refusal = 1.0"
    text = RECIPE.format(steps=args.steps, rate=args.rate, seed=seed, group=args.group, checks=checks)
    (folder / "recipe.toml").write_text(text, encoding="utf-8")
    recipe = read_recipe(folder / "recipe.toml")
    started = time.process_time()
    fitted = fit(
        open_recipe(recipe), folder / "run", caches=folder / "caches", progress=lambda entry: print(entry.said)
    )
    spent = time.process_time() - started
    held_out = asked(args.form, args.held_out, 100 * seed + 51)
    tokenizer, base = open_tokenizer(micro_folder()), micro_folder()
    rewards = rewards_of(recipe, tokenizer)
    found = []
    for candidate in (None, fitted.folder):
        said = replies(
            open_model(base, candidate=candidate), tokenizer, [row.prompt for row in held_out], max_tokens=24
        )
        earned = [rewards.earned(row, reply) for row, reply in zip(held_out, said, strict=True)]
        found.append([{"reward": each.total, **each.parts} for each in earned])
    print(f"seed {seed}: {spent:.0f} s of processor time")
    before, after = found
    return [
        {**{f"{name} before": old[name] for name in old}, **{f"{name} after": new[name] for name in new}}
        for old, new in zip(before, after, strict=True)
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--form", choices=FORMS, default="reading")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--steps", type=int, default=15)
    parser.add_argument("--rows", type=int, default=120)
    parser.add_argument("--held-out", type=int, default=150)
    parser.add_argument("--group", type=int, default=8)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    runs = []
    for seed in args.seeds:
        with tempfile.TemporaryDirectory() as folder:
            runs.append(one(args, seed, Path(folder)))
    print("| check | before | after | gain [95% interval] | gains of the seeds |\n|---|---|---|---|---|")
    names = [name.removesuffix(" before") for name in runs[0][0] if name.endswith(" before")]
    for name in names:
        gains = [[row[f"{name} after"] - row[f"{name} before"] for row in rows] for rows in runs]
        groups = [str(seed) + ":" + str(place) for seed, rows in enumerate(gains) for place in range(len(rows))]
        all_ = bootstrap_interval([each for rows in gains for each in rows], groups)
        before, after = (fmean(row[f"{name} {side}"] for rows in runs for row in rows) for side in ("before", "after"))
        of_seeds = ", ".join(f"{fmean(rows):+.3f}" for rows in gains)
        print(
            f"| {name} | {before:.3f} | {after:.3f} | {all_.mean:+.3f} [{all_.low:.3f}, {all_.high:.3f}] | {of_seeds} |"
        )
    if args.json:
        args.json.write_text(json.dumps(runs), encoding="utf-8")


if __name__ == "__main__":
    main()
