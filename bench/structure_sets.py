"""Rows, schemas, gates and recipes from public sets: `python bench/structure_sets.py --data DIR --out DIR`.

DIR holds `snips_nlu`, `clinc_oos`, `e2e_nlg` and `text2sql`. Written are five folders, one a task, with `rows.jsonl`,
`held_out.jsonl`, `recipe.toml` and `gate.toml`, and `reply.schema.json` where replies are JSON:

- format: what somebody says to an assistant, as JSON (snips_nlu, seven intents; trained on its full training sets, held
  out are its validation sets);
- tool: the same for two of the intents, as a call of one of two functions whose schemas stand in the prompt;
- refuse: the intent of a sentence about banking or travel, or "I don't know" (clinc_oos; its training and test splits;
  out of scope are its own such sentences and, in training, also those about the other eight domains);
- tone: a restaurant's data as a sentence in the style of the set (e2e_nlg, cleaned; trained on the development set, one
  sentence for each, held out is the test set with all of its sentences as right answers);
- query: a question as SQL (text2sql, geography; the split by questions). Aliases are shortened (`CITYalias0` to `c0`).

No sentence that is held out is trained on: those that both splits have are taken out of training.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from instill.train.generator.data.rows import Row, chat_row, write_rows

HELD_OUT = 300
"""Rows that are measured on, drawn by a fixed seed; fewer where the set has fewer."""

UNKNOWN = "I don't know"
DOMAINS = ("banking", "travel")
UNKNOWN_SHARE = 0.2
TOOLS = {"AddToPlaylist": "add", "SearchCreativeWork": "search"}


@dataclass(frozen=True, slots=True)
class Task:
    """A set as rows.

    Args:
        epochs: of the recipe on all rows.
        scoring: of the gate.
        max_tokens: of a reply.
        schema: JSON schema of the replies, or None.
        gate: more sections of the gate.
    """

    name: str
    rows: Sequence[Row]
    held_out: Sequence[Row]
    instructions: str
    epochs: int
    scoring: str
    max_tokens: int
    schema: Any = None
    gate: str = ""


def format_task(data: Path) -> Task:
    """snips_nlu as JSON."""
    rows = _snips_rows(data, "train", _as_json)
    schema = {"oneOf": [_object(name, slots) for name, slots in sorted(_slots(data).items())]}
    return Task(
        "format",
        rows,
        _snips_rows(data, "validate", _as_json),
        "",
        3,
        "json",
        96,
        schema,
        '\n[format]\nschema = "reply.schema.json"\nvalid = 0.95\n\n[text]\nloops = 0.01\n',
    )


def tool_task(data: Path) -> Task:
    """Two intents of snips_nlu as functions."""
    slots = _slots(data)
    tools = tuple(
        {
            "type": "function",
            "function": {
                "name": tool,
                # No descriptions, and no types, which are all strings: a tool's tokens are in front of every row.
                "parameters": {"properties": {slot: {} for slot in sorted(slots[intent])}},
            },
        }
        for intent, tool in TOOLS.items()
    )

    def as_call(text: str, intent: str, found: dict[str, Any]) -> Row | None:
        if intent not in TOOLS:
            return None
        call = {"type": "function", "function": {"name": TOOLS[intent], "arguments": found}}
        asked = {"role": "user", "content": text}
        return Row((asked, {"role": "assistant", "content": "", "tool_calls": [call]}), tools=tools, task="tool")

    return Task("tool", _snips_rows(data, "train", as_call), _snips_rows(data, "validate", as_call), "", 3, "json", 96)


def refuse_task(data: Path) -> Task:
    """clinc_oos: two domains, and "I don't know" for all else."""
    found = json.loads((data / "clinc_oos" / "data_full.json").read_text(encoding="utf-8"))
    domains = json.loads((data / "clinc_oos" / "domains.json").read_text(encoding="utf-8"))
    known = {intent for domain in DOMAINS for intent in domains[domain]}

    def row(text: str, intent: str) -> Row:
        answer = intent.replace("_", " ") if intent in known else UNKNOWN
        return chat_row(text, answer, task="intent" if intent in known else "unknown")

    inside = [row(*each) for each in found["train"] if each[1] in known]
    strange = [row(*each) for each in found["oos_train"] + found["oos_val"]]
    others = _shuffled([row(*each) for each in found["train"] if each[1] not in known])
    wanted = round(len(inside) * UNKNOWN_SHARE / (1 - UNKNOWN_SHARE))
    outside = strange + others[: wanted - len(strange)]
    answered = _shuffled([row(*each) for each in found["test"] if each[1] in known])[:HELD_OUT]
    refused = _shuffled([row(*each) for each in found["oos_test"]])[: HELD_OUT // 2]
    held_out = answered + refused
    gate = '\n[abstention]\nrows = "unknown.jsonl"\ndrop = 0.05\nover_refusal = 0.05\n'
    return Task("refuse", _without(inside + outside, held_out), held_out, "", 6, "exact", 16, gate=gate)


def tone_task(data: Path) -> Task:
    """e2e_nlg: data to a sentence."""
    folder = data / "e2e_nlg" / "cleaned-data"
    train = _references(folder / "devel-fixed.no-ol.csv")
    test = _references(folder / "test-fixed.csv")
    rows = [chat_row(said, texts[0], task="tone") for said, texts in train.items() if said not in test]
    held_out = [
        Row(chat_row(said, texts[0]).messages, answers=tuple(texts[1:]), task="tone") for said, texts in test.items()
    ]
    return Task("tone", rows, held_out, "", 10, "f1", 128, gate="\n[text]\nloops = 0.02\n")


def query_task(data: Path) -> Task:
    """text2sql, geography."""
    parts: dict[str, list[Row]] = {"train": [], "dev": [], "test": []}
    for entry in json.loads((data / "text2sql" / "geography.json").read_text(encoding="utf-8")):
        query = short_aliases(min(entry["sql"], key=len))
        for sentence in entry["sentences"]:
            asked, answer = sentence["text"], query
            for name, value in sentence["variables"].items():
                asked, answer = asked.replace(name, value), answer.replace(name, value)
            parts[sentence["question-split"]].append(chat_row(" ".join(asked.split()), answer, task="query"))
    held_out = _once(parts["test"])
    return Task("query", _without(_once(parts["train"] + parts["dev"]), held_out), held_out, "", 30, "verbatim", 384)


TASKS: dict[str, Callable[[Path], Task]] = {
    "format": format_task,
    "tool": tool_task,
    "refuse": refuse_task,
    "tone": tone_task,
    "query": query_task,
}


def read_task(name: str, data: Path) -> Task:
    """A task with its rows in a random order that is always the same, and the held-out rows that are measured on."""
    task = TASKS[name](data)
    rows = _shuffled(_without(_once(task.rows), task.held_out))
    held_out = task.held_out if name == "refuse" else _shuffled(_once(task.held_out))[:HELD_OUT]
    return Task(**{**{key: getattr(task, key) for key in Task.__slots__}, "rows": rows, "held_out": held_out})


def write_task(
    task: Task, folder: Path, *, rows: Sequence[Row] | None = None, settings: str = "", training: str = ""
) -> Path:
    """Write a task's files; the recipe's path.

    Args:
        rows: trained on, instead of all.
        settings: lines of the recipe above its sections, instead of `method = "full"`.
        training: lines of its section [training], instead of the task's own.
    """
    write_rows(task.rows if rows is None else rows, folder / "rows.jsonl")
    write_rows(task.held_out, folder / "held_out.jsonl")
    unknown = [row for row in task.held_out if row.task == "unknown"]
    answered = [row for row in task.held_out if row.task != "unknown"]
    if unknown:
        write_rows(unknown, folder / "unknown.jsonl")
        write_rows(answered, folder / "answered.jsonl")
    schema = ""
    if task.schema is not None:
        (folder / "reply.schema.json").write_text(json.dumps(task.schema, indent=1), encoding="utf-8")
        schema = 'schema = "reply.schema.json"\n'
    (folder / "gate.toml").write_text(
        f'scoring = "{task.scoring}"\nmax_tokens = {task.max_tokens}\n\n[gain]\n'
        f'rows = "{"answered" if unknown else "held_out"}.jsonl"\n{task.gate}',
        encoding="utf-8",
    )
    file = folder / "recipe.toml"
    file.write_text(
        f'name = "{task.name}"\nbase = "micro"\n{settings or METHOD}gate = "gate.toml"\n\n[data]\n'
        f'rows = ["rows.jsonl"]\nheld_out = ["held_out.jsonl"]\n{schema}\n[training]\n'
        f"{training or f'epochs = {task.epochs}{chr(10)}{TRAINING}'}",
        encoding="utf-8",
    )
    return file


METHOD = 'method = "full"\n'
TRAINING = "learning_rate = 2e-3\nbatch_size = 8\npacking = false\n"


def short_aliases(query: str) -> str:
    """A query in lower case with short aliases and plain spaces.

    Example:
        >>> short_aliases('SELECT CITYalias0.CITY_NAME FROM CITY AS CITYalias0 WHERE CITYalias0.X = "y" ;')
        'select c0.city_name from city as c0 where c0.x = "y"'
    """
    said = re.sub(r"\b([A-Za-z_]+)alias(\d+)", lambda found: found.group(1)[0] + found.group(2), query)
    said = re.sub(
        r'"[^"]*"|[^"]+', lambda found: found.group() if found.group()[0] == '"' else found.group().lower(), said
    )
    return " ".join(said.split()).rstrip("; ")


def _snips_rows(data: Path, split: str, made: Callable[[str, str, dict[str, Any]], Row | None]) -> list[Row]:
    rows = []
    for file in sorted((data / "snips_nlu").glob(f"*/{split}_*.json")):
        if split == "train" and not file.stem.endswith("_full"):
            continue  # The full file holds them too.
        for intent, entries in json.loads(file.read_bytes().decode("utf-8", "replace")).items():
            for entry in entries:
                found: dict[str, Any] = {}
                for part in entry["data"]:
                    if "entity" in part:
                        found.setdefault(part["entity"], " ".join(part["text"].split()))
                row = made(" ".join("".join(part["text"] for part in entry["data"]).split()), intent, found)
                if row is not None:
                    rows.append(row)
    return rows


def _as_json(text: str, intent: str, found: dict[str, Any]) -> Row:
    return chat_row(text, json.dumps({"intent": intent, **found}, ensure_ascii=False), task="format")


def _slots(data: Path) -> dict[str, set[str]]:
    slots: dict[str, set[str]] = {}

    def note(_: str, intent: str, found: dict[str, Any]) -> None:
        slots.setdefault(intent, set()).update(found)

    for split in ("train", "validate"):
        _snips_rows(data, split, note)
    return slots


def _object(intent: str, slots: set[str]) -> dict[str, Any]:
    properties = {"intent": {"const": intent}, **{slot: {"type": "string"} for slot in sorted(slots)}}
    return {"type": "object", "properties": properties, "required": ["intent"], "additionalProperties": False}


def _references(file: Path) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    with file.open(encoding="utf-8", newline="") as stream:
        for entry in csv.DictReader(stream):
            texts = found.setdefault(entry["mr"], [])
            said = " ".join(entry["ref"].split())
            if said not in texts:
                texts.append(said)
    return found


def _asked(row: Row) -> str:
    return " ".join(str(row.prompt[-1]["content"]).casefold().split())


def _once(rows: Iterable[Row]) -> list[Row]:
    return list({_asked(row): row for row in rows}.values())


def _without(rows: Iterable[Row], held_out: Iterable[Row]) -> list[Row]:
    taken = {_asked(row) for row in held_out}
    return [row for row in rows if _asked(row) not in taken]


def _shuffled(rows: Sequence[Row]) -> list[Row]:
    return random.Random(0).sample(rows, len(rows))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with snips_nlu, clinc_oos, ...")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    for name in TASKS:
        task = read_task(name, options.data)
        print(f"{write_task(task, options.out / name)}: {len(task.rows)} rows, {len(task.held_out)} held out")
