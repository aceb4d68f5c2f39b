"""Do rewards improve the grounded answers of SmolLM2? Examples first, then GRPO from there, each with its gate.

Questions that people asked about encyclopedia texts, each over one passage that answers it or does not. A reply cites
its passage, or says that the documents do not answer. Rows of some articles are trained on: first as examples
(`method = "lora"`), then others of them with `objective = "reward"`: the right answer, sentences that their citation
proves, and a refusal in the right place. Questions about other articles are asked of the base, after the examples and
after the rewards; intervals are over articles.

    instill generator get smollm2
    python bench/rewards_smollm2.py --reading squad2/dev-v2.0.json squadshifts_new_wiki/new_wiki_v1.0.json --work DIR
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from random import Random
from statistics import fmean

from adapter_rows import ground_rows

from instill.common.progress_watch import Watch
from instill.measure.statistics.percentile_bootstrap import bootstrap_interval
from instill.models.generators.transformers_models import open_model, open_tokenizer
from instill.train.generator.data.rows import Row, row_of, write_rows
from instill.train.generator.loop.replies import replies
from instill.train.generator.recipes.base import base_folder
from instill.train.generator.recipes.recipe import read_recipe
from instill.train.generator.rewarding.rewards import Rewards, rewards_of
from instill.train.pipeline import train_recipe
from instill.train.reader.rows import Row as Asked
from instill.train.reader.rows import read_rows, split_rows
from instill.workspace import Workspace

LONGEST_PASSAGE = 600
"""Characters: a step of GRPO writes dozens of replies to whole prompts."""

REPLY_TOKENS = 96

EXAMPLES = """
name = "examples"
base = "smollm2"
method = "lora"
gate = "gate.toml"
[data]
rows = ["examples.jsonl"]
[lora]
rank = 8
alpha = 16
[training]
epochs = 1
batch_size = 8
learning_rate = 8e-4
warmup = 0.08
pack_width = 1024
micro_tokens = 2048
seed = {seed}
"""

REWARDED = """
name = "rewarded"
base = "smollm2"
objective = "reward"
gate = "gate.toml"
[data]
rows = ["rewarded.jsonl"]
[lora]
rank = 8
alpha = 16
[training]
steps = {steps}
batch_size = {batch}
learning_rate = {rate}
seed = {seed}
precision = "fp32"
[reward]
answer = 1.0
cited = 1.0
refusal = 1.0
group = {group}
max_tokens = {tokens}
"""

GATE = """
scoring = "exact"
max_tokens = {tokens}
[gain]
rows = "gate.jsonl"
at_least = {gain}
[text]
loops = 0.05
"""


def grounded(rows: Sequence[Asked], rng: Random) -> list[Row]:
    """Rows to train on or to ask, whose short answers count as well as the whole sentence."""
    made = []
    for row in rows:
        for chat in ground_rows([row], {}, rng):
            known = row_of({"messages": chat["messages"], "group": row.group})
            made.append(replace(known, answers=tuple(dict.fromkeys(row.texts)) if row.answerable else ()))
    return made


def drawn(rows: Sequence[Row], count: int, rng: Random, missing: float = 1 / 3) -> list[Row]:
    """So many rows, that share of which no passage answers."""
    shuffled = rng.sample(rows, len(rows))
    unanswered = [row for row in shuffled if not row.answers][: round(missing * count)]
    return rng.sample([*unanswered, *[row for row in shuffled if row.answers][: count - len(unanswered)]], count)


def prepared(chosen: argparse.Namespace) -> list[Row]:
    """Writes the rows, recipes and gates; returns the rows that are asked."""
    rng = Random(100 + chosen.seed)
    trained, held = split_rows(
        [row for row in read_rows(chosen.reading) if len(row.passage) <= LONGEST_PASSAGE], 0.3, seed=chosen.seed
    )
    rows = rng.sample(made := grounded(trained, rng), len(made))
    examples = drawn(rows, chosen.examples, rng)
    shown = {str(row.prompt) for row in examples}
    rest = [row for row in rows if str(row.prompt) not in shown]
    rewarded = drawn(rest, chosen.rows, rng)
    asked = drawn(grounded(held, rng), chosen.held_out + chosen.gate, rng)
    for name, part in (("examples", examples), ("rewarded", rewarded), ("gate", asked[: chosen.gate])):
        write_rows(part, chosen.work / f"{name}.jsonl")
    values = {"seed": chosen.seed, "steps": chosen.steps, "batch": chosen.batch, "rate": chosen.rate}
    texts = {
        "examples.toml": EXAMPLES.format(**values).replace("gate.toml", "examples.gate.toml"),
        "rewarded.toml": REWARDED.format(**values, group=chosen.group, tokens=REPLY_TOKENS).replace(
            "gate.toml", "rewarded.gate.toml"
        ),
        "examples.gate.toml": GATE.format(tokens=REPLY_TOKENS, gain=0.1),
        "rewarded.gate.toml": GATE.format(tokens=REPLY_TOKENS, gain=0.02),
    }
    for name, text in texts.items():
        (chosen.work / name).write_text(text, encoding="utf-8")
    return asked[chosen.gate :]


def earned(
    rewards: Rewards, base: Path, candidate: Path | None, rows: Sequence[Row], out: Path
) -> list[dict[str, float]]:
    """What each row's reply earns, by check; the replies are kept in a file, to be read, and for the next run."""
    before = [json.loads(line)["said"] for line in out.read_text(encoding="utf-8").splitlines()] if out.exists() else []
    said = before if len(before) == len(rows) else said_by(base, candidate, rows)
    found = []
    with out.open("w", encoding="utf-8") as stream:
        for row, reply in zip(rows, said, strict=True):
            each = rewards.earned(row, reply)
            found.append({"reward": each.total, "usable": float(not each.fault), **each.parts})
            kept = {"asked": row.prompt[-1]["content"], "right": row.said, "said": reply, **found[-1]}
            stream.write(json.dumps(kept, ensure_ascii=False) + "\n")
    return found


def said_by(base: Path, candidate: Path | None, rows: Sequence[Row]) -> list[str]:
    """The reply to each row."""
    model, tokenizer = open_model(base, candidate=candidate), open_tokenizer(base)
    return list(replies(model, tokenizer, [row.prompt for row in rows], max_tokens=REPLY_TOKENS))


def told(done: int, of: int, said: str = "") -> None:
    """Says how far a training or its gate is."""
    print(f"{done}/{of} {said}", flush=True)


def table(stages: dict[str, list[dict[str, float]]], rows: Sequence[Row]) -> str:
    """A line for each check: the mean of each stage, and the gain of the last over the one before."""
    lines = [
        "| check | " + " | ".join(stages) + " | gain of the last [95% interval] |",
        "|---" * (len(stages) + 2) + "|",
    ]
    parts = {
        "all": rows,
        "answered": [r for r in rows if r.answers],
        "not answered": [r for r in rows if not r.answers],
    }
    *_, before, after = stages.values()
    for part, members in parts.items():
        places = [place for place, row in enumerate(rows) if row in members]
        for name in after[0]:
            means = [fmean(found[place][name] for place in places) for found in stages.values()]
            gain = bootstrap_interval(
                [after[place][name] - before[place][name] for place in places], [rows[place].group for place in places]
            )
            lines.append(
                f"| {name} ({part}, {len(places)}) | "
                + " | ".join(f"{mean:.3f}" for mean in means)
                + f" | {gain.mean:+.3f} [{gain.low:.3f}, {gain.high:.3f}] |"
            )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reading", type=Path, nargs="+", required=True, help="Files in SQuAD's form.")
    parser.add_argument(
        "--work", type=Path, required=True, help="Folder of the trainings; run again, it goes on there."
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--examples", type=int, default=640)
    parser.add_argument("--rows", type=int, default=120)
    parser.add_argument("--steps", type=int, default=24)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--group", type=int, default=6)
    parser.add_argument("--rate", type=float, default=2e-4)
    parser.add_argument("--gate", type=int, default=60, help="Rows of the gate.")
    parser.add_argument("--held-out", type=int, default=150)
    chosen = parser.parse_args()
    chosen.work.mkdir(parents=True, exist_ok=True)
    rows = prepared(chosen)
    home = chosen.work / ".instill"
    if not home.exists():
        Workspace.init(chosen.work)
    recipe = read_recipe(chosen.work / "rewarded.toml")
    base = base_folder(recipe)
    rewards = rewards_of(recipe, open_tokenizer(base))
    stages = {"base": earned(rewards, base, None, rows, chosen.work / "base.said.jsonl")}
    parent = None
    for name in ("examples", "rewarded"):
        started = time.process_time()
        outcome = train_recipe(
            home,
            read_recipe(chosen.work / f"{name}.toml"),
            parent=parent,
            promote=False,
            watch=Watch(progress=told),
        )
        parent = outcome.card.id
        print(f"{name}: {time.process_time() - started:.0f} s of processor time; gate: {outcome.card.gate}", flush=True)
        stages[name] = earned(rewards, base, outcome.folder, rows, chosen.work / f"{name}.said.jsonl")
    print(table(stages, rows))


if __name__ == "__main__":
    main()
