"""How many examples a pattern takes: `python bench/structure.py --data DIR --out DIR [--tasks format ...]`.

DIR holds snips_nlu, clinc_oos, e2e_nlg and text2sql; the tasks are those of `bench/structure_sets.py`. For each task,
size and seed a recipe is written to the output folder and run as `instill train` runs it, on rows that the seed draws.
Every run of a task sees about as many tokens, so small sizes have more epochs, `--most-epochs` at most. Measured on
the held-out rows, with 95% intervals (bootstrap over rows, of the mean over seeds):

- format: replies that follow the schema; wholly right; F1 of the fields (right key with right value);
- tool: calls of a known function with known arguments; wholly right; F1 of the fields;
- refuse: intents that are right; sentences out of scope that get "I don't know"; answerable ones that get it too;
- tone: values of the data that stand in the text, of those that stand in one of people's sentences; word F1;
- query: the same as the known query but for case and spaces; what parses as SQL; shared words (F1).

What was measured stays in the output folder: the same command goes on where it was stopped. `--method` tries another
way to train: `full`, `lora`, `last` (two layers, with the cache of the frozen ones). `--svg FOLDER` draws the curves:
whether the form is right (teach-form.svg) and what is in it (teach-content.svg).
"""

from __future__ import annotations

import argparse
import json
import random
import re
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from structure_sets import TASKS, Task, read_task, write_task

from instill.cli.output import columns
from instill.lab.drawing import curves
from instill.measure.judging.refusals import is_refusal
from instill.measure.judging.scorer import overlap
from instill.measure.statistics.interval_type import Interval
from instill.measure.statistics.percentile_bootstrap import bootstrap_interval
from instill.models.generators.model_hash import model_hash
from instill.models.generators.transformers_models import open_model, open_tokenizer
from instill.models.weights import micro_folder
from instill.train.gate.conditions.format import ReplySchema
from instill.train.gate.rows import GateRows, read_gate_rows
from instill.train.gate.scoring import json_score, parse_json, score
from instill.train.generator.data.examples import make_examples
from instill.train.generator.data.rows import Row
from instill.train.generator.loop.replies import replies
from instill.train.generator.recipes.base import base_folder
from instill.train.generator.recipes.recipe import read_recipe
from instill.train.generator.run import Prepared, fit, open_recipe

Measures = dict[str, list[float]]
"""Quantity -> of each row that it is measured on, 0 to 1."""

METHODS = {
    "full": ('method = "full"\n', 2e-3),
    "lora": ('method = "lora"\n', 4e-3),
    "last": ("last_layers = 2\n", 2e-3),
}
TOKENS = {"format": 400_000, "tool": 300_000, "refuse": 250_000, "tone": 300_000, "query": 500_000}
"""Of a run: 40 to 80 s on a core that nothing else uses."""

FORM = {"format": "valid", "tool": "valid", "refuse": "refused, out of scope", "query": "parses"}
CONTENT = {"format": "field F1", "tool": "field F1", "refuse": "intent", "tone": "word F1", "query": "word F1"}
"""Which quantity of a task is drawn in the picture of forms, and in that of contents."""

TITLES = {"format": "format", "tool": "tool call", "refuse": "intent or refusal", "tone": "tone", "query": "query"}


def measure(name: str, rows: GateRows, said: Sequence[str], folder: Path) -> Measures:
    """What a task's replies are worth."""
    pairs = list(zip(said, rows.rows, rows.accepted, strict=True))
    if name == "format":
        schema = ReplySchema(folder / "reply.schema.json")
        return {
            "valid": [float(schema.accepts(reply)) for reply in said],
            "exact": [float(_same_json(reply, right[0])) for reply, _, right in pairs],
            "field F1": [json_score(reply, right[0]) for reply, _, right in pairs],
        }
    if name == "tool":
        return {
            "valid": [float(_is_call(reply, row)) for reply, row, _ in pairs],
            "exact": [float(_is_call(reply, row) and json_score(reply, right[0]) == 1) for reply, row, right in pairs],
            "field F1": [json_score(reply, right[0]) for reply, _, right in pairs],
        }
    if name == "refuse":
        inside = [(reply, row) for reply, row, _ in pairs if row.task != "unknown"]
        return {
            "intent": [score(reply, [row.said]) for reply, row in inside],
            "refused, out of scope": [float(is_refusal(reply)) for reply, row, _ in pairs if row.task == "unknown"],
            "refused, in scope": [float(is_refusal(reply)) for reply, _ in inside],
        }
    if name == "tone":
        return {
            "values kept": [_values_kept(reply, row, right) for reply, row, right in pairs],
            "word F1": [score(reply, right, "f1") for reply, _, right in pairs],
        }
    return {
        "exact": [score(reply, right, "verbatim") for reply, _, right in pairs],
        "parses": [float(_parses(reply)) for reply in said],
        "word F1": [overlap(reply, right[0]) for reply, _, right in pairs],
    }


def train_and_measure(task: Task, size: int, seed: int, method: str, options: Any) -> dict[str, Any]:
    """One run; what was measured earlier is read."""
    folder = options.out / f"{task.name}-{options.base}-{method}-{size}-{seed}"
    done = folder / "measured.json"
    if done.is_file():
        found: dict[str, Any] = json.loads(done.read_text(encoding="utf-8"))
        return found
    rows = random.Random(seed).sample(list(task.rows), size)
    folder.mkdir(parents=True, exist_ok=True)
    settings, rate = METHODS[method]
    training = f"learning_rate = {rate}\nbatch_size = 8\npacking = false\nseed = {seed}\n"
    draft = write_task(task, folder, rows=rows, settings=settings, training=training)
    epochs = _epochs(open_recipe(read_recipe(draft)), options.tokens or TOKENS[task.name], options.most_epochs)
    training = f"epochs = {epochs}\n{training}"
    prepared = open_recipe(read_recipe(write_task(task, folder, rows=rows, settings=settings, training=training)))
    spent = time.process_time()
    fitted = fit(prepared, folder / "run", caches=options.out / "frozen")
    spent = time.process_time() - spent
    measures = _measured(task, prepared.base, fitted.folder, prepared.tokenizer, folder)
    found = {"size": size, "seed": seed, "epochs": epochs, "steps": fitted.steps, "seconds": spent, "found": measures}
    done.write_text(json.dumps(found), encoding="utf-8")
    return found


def of_base(task: Task, options: Any) -> Measures:
    """What the model can do before any training."""
    folder = options.out / f"{task.name}-{options.base}"
    done = folder / "measured.json"
    if not done.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        base = base_folder(read_recipe(write_task(task, folder, rows=task.rows[:1])))
        done.write_text(json.dumps(_measured(task, base, None, open_tokenizer(base), folder)), encoding="utf-8")
    found: Measures = json.loads(done.read_text(encoding="utf-8"))
    return found


def pooled(runs: Sequence[Mapping[str, Any]], name: str) -> Interval:
    """The mean over seeds, with its interval over rows."""
    values = [value for run in runs for value in run["found"][name]]
    return bootstrap_interval(values, [str(place) for run in runs for place in range(len(run["found"][name]))])


def _measured(task: Task, base: Path, candidate: Path | None, tokenizer: Any, folder: Path) -> Measures:
    model = open_model(base, candidate=candidate)
    rows = read_gate_rows(folder / "held_out.jsonl", tokenizer)
    tools = rows.rows[0].tools  # Of a task, all rows have the same.
    said = replies(model, tokenizer, [row.prompt for row in rows.rows], max_tokens=task.max_tokens, tools=tools)
    (folder / "replies.json").write_text(json.dumps(said, ensure_ascii=False, indent=0), encoding="utf-8")
    return measure(task.name, rows, said, folder)


def _epochs(prepared: Prepared, wanted: int, most: int) -> int:
    """So many that a run has about as many tokens as wanted."""
    tokens = sum(example.length for example in make_examples(prepared.rows, prepared.tokenizer))
    return max(1, min(most, round(wanted / tokens)))


def _same_json(reply: str, right: str) -> bool:
    return (found := parse_json(reply)) is not None and found == parse_json(right)


def _is_call(reply: str, row: Row) -> bool:
    found = re.fullmatch(r"<tool_call>(.*)</tool_call>", reply.strip(), re.DOTALL)
    call = parse_json(found.group(1)) if found else None
    if call is None or not isinstance(call[0], dict) or not isinstance(call[0].get("arguments"), dict):
        return False
    known = {tool["function"]["name"]: tool["function"]["parameters"]["properties"] for tool in row.tools}
    return call[0].get("name") in known and set(call[0]["arguments"]) <= set(known[call[0]["name"]])


def _values_kept(reply: str, row: Row, right: Sequence[str]) -> float:
    values = [value.casefold() for value in re.findall(r"\[([^\]]+)\]", str(row.prompt[-1]["content"]))]
    said = [text.casefold() for text in right]
    wanted = [value for value in values if any(value in text for text in said)]
    return sum(value in reply.casefold() for value in wanted) / len(wanted) if wanted else 1.0


def _parses(reply: str) -> bool:
    import sqlglot

    try:
        found = sqlglot.parse_one(reply)
    except sqlglot.errors.SqlglotError:
        return False
    return isinstance(found, sqlglot.exp.Query)


def _table(task: Task, base: Measures, runs: Mapping[int, Sequence[Mapping[str, Any]]], *, markdown: bool) -> str:
    names = list(base)
    lines = [["examples", *names, "epochs", "processor s"]]
    lines.append(
        ["0", *(str(bootstrap_interval(base[name], list(map(str, range(len(base[name])))))) for name in names), "", ""]
    )
    for size, found in sorted(runs.items()):
        seconds = sum(run["seconds"] for run in found) / len(found)
        lines.append(
            [str(size), *(str(pooled(found, name)) for name in names), str(found[0]["epochs"]), f"{seconds:.0f}"]
        )
    seeds = max(len(found) for found in runs.values())
    held_out = " and ".join(sorted({str(len(values)) for values in base.values()}))
    title = f"{task.name}: {len(task.rows)} rows, {held_out} held out, seeds: {seeds}"
    if markdown:
        ruled = [lines[0], ["---"] * len(lines[0]), *lines[1:]]
        return "\n".join([title, "", *(f"| {' | '.join(cells)} |" for cells in ruled)])
    return f"{title}\n{columns(lines)}"


def _draw(
    runs: Mapping[str, Mapping[int, Sequence[Mapping[str, Any]]]], quantities: Mapping[str, str], label: str, file: Path
) -> None:
    points = {
        f"{TITLES[name]}, {size}": pooled(found, quantities[name])
        for name, sizes in runs.items()
        if name in quantities
        for size, found in sizes.items()
    }
    file.write_text(curves(points, {name: float(name.split(", ")[1]) for name in points}, label=label) + "\n", "utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with snips_nlu, clinc_oos, ...")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--tasks", nargs="+", choices=list(TASKS), default=list(TASKS))
    parser.add_argument("--sizes", nargs="+", type=int, default=[30, 100, 300, 1000, 3000])
    parser.add_argument(
        "--all", action="store_true", help="also all rows of a set that has fewer than the largest size"
    )
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1])
    parser.add_argument("--method", choices=list(METHODS), default="full")
    parser.add_argument("--tokens", type=int, default=0, help="of a run; by default what the task has")
    parser.add_argument("--most-epochs", type=int, default=40)
    parser.add_argument("--svg", type=Path)
    parser.add_argument("--markdown", action="store_true", help="tables for docs/")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    options.base = model_hash(micro_folder())
    drawn: dict[str, dict[int, Sequence[Mapping[str, Any]]]] = {}
    told: dict[str, Any] = {}
    for name in options.tasks:
        task = read_task(name, options.data)
        sizes = [size for size in options.sizes if size <= len(task.rows)]
        sizes += [len(task.rows)] if options.all and len(task.rows) < max(options.sizes) else []
        base, runs = of_base(task, options), drawn.setdefault(name, {})
        for size in sizes:
            runs[size] = [train_and_measure(task, size, seed, options.method, options) for seed in options.seeds]
        if not options.json:
            print(_table(task, base, runs, markdown=options.markdown) + "\n", flush=True)
        told[name] = {
            str(size): {each: vars_of(pooled(found, each)) for each in base} for size, found in runs.items()
        } | {"0": {each: sum(values) / len(values) for each, values in base.items()}}
    if options.svg:
        options.svg.mkdir(parents=True, exist_ok=True)
        _draw(
            drawn, FORM, "valid JSON, valid call, SQL that parses, refused out of scope", options.svg / "teach-form.svg"
        )
        _draw(drawn, CONTENT, "F1 of fields or words; for refusals the right intent", options.svg / "teach-content.svg")
    if options.json:
        print(json.dumps(told, indent=1))


def vars_of(found: Interval) -> dict[str, float]:
    return {"mean": found.mean, "low": found.low, "high": found.high}


if __name__ == "__main__":
    main()
