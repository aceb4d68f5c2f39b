"""Lint of a task: could a person do this from the instructions and examples? Imports nothing heavy."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from instill.common.extras import how_to_install
from instill.errors import MissingDependency, UsageError
from instill.train.generator.data.findings import MANY, Finding, finding
from instill.train.generator.data.row_text import normal, place_of
from instill.train.generator.data.rows import Row
from instill.train.generator.data.values import copied_values, leaves, parsed, words_of

_LONG = 8  # words; where a reply is longer, another to the same question is a wording and no contradiction
_CLOSED = 3  # different inputs with which a value is seen before it counts as one of a few to choose from
_ENOUGH = 3  # rows from which something is said about all of them


def lint(rows: Sequence[Row], *, schema: Any = None, instructions: str = "") -> list[Finding]:
    """What a person who had only the instructions and the rows would stumble over; empty when nothing.

    Plain texts are left alone, and so are turns that call tools.

    Args:
        schema: the JSON schema that every reply is to follow; None: there is none.
        instructions: what is told besides the rows' own system messages.

    Raises:
        UsageError: the schema is no JSON schema.
        MissingDependency: a schema is given and the package jsonschema is not installed.
    """
    tasks = [_Task(place_of(row, number), row) for number, row in enumerate(rows) if reply_of(row)]
    return [
        *_contradictions(tasks),
        *(schema_findings(rows, schema) if schema is not None else []),
        *_out_of_nothing(tasks, instructions),
        *_all_alike(tasks),
        *_always_null(tasks),
    ]


def schema_findings(rows: Sequence[Row], schema: Any) -> list[Finding]:
    """Replies that are no JSON, or do not follow the schema."""
    checker = _checker(schema)
    broken, unfit = [], []
    for number, row in enumerate(rows):
        if not reply_of(row):
            continue
        place = place_of(row, number)
        try:
            value = json.loads(reply_of(row))
        except ValueError as error:
            broken.append(f"{place} ({error})")
            continue
        first = _first_error(checker, value)
        if first is not None:
            unfit.append(f"{place} ({first.json_path}: {first.message[:100]})")
    remedy = "Correct the replies, or the schema."
    return [
        *finding("reply-not-json", "warning", "Replies are not JSON, which the schema asks for.", remedy, broken),
        *finding("reply-against-schema", "warning", "Replies do not follow the JSON schema.", remedy, unfit),
    ]


def reply_of(row: Row) -> str:
    """The last reply without thoughts; JSON may hold their tags as text.

    Example:
        >>> from instill.train.generator.data.rows import chat_row
        >>> reply_of(chat_row("?", "<think>hm</think>4")), reply_of(chat_row("?", '["<think>"]'))
        ('4', '["<think>"]')
    """
    return row.answer if parsed(row.answer) is not None else row.said


class _Task:
    """What of a row the checks look at."""

    def __init__(self, place: str, row: Row) -> None:
        self.place = place
        self.reply = reply_of(row)
        self.value = parsed(self.reply)
        self.output = json.dumps(self.value, sort_keys=True) if self.value is not None else normal(self.reply)
        self.shown = "\n".join(_text(message) for message in row.prompt) + (str(row.tools) if row.tools else "")
        self.input = normal(self.shown)

    @property
    def is_long(self) -> bool:
        return len(self.reply.split()) > _LONG


def _text(message: Mapping[str, Any]) -> str:
    calls = f" {message['tool_calls']}" if message.get("tool_calls") else ""
    return f"{message.get('content') or ''}{calls}"


def _contradictions(tasks: Sequence[_Task]) -> list[Finding]:
    by_input: dict[str, list[_Task]] = defaultdict(list)
    for task in tasks:
        by_input[task.input].append(task)
    contrary: list[str] = []
    wordings: list[str] = []
    for group in by_input.values():
        if len({task.output for task in group}) > 1:
            free = all(task.value is None for task in group) and any(task.is_long for task in group)
            (wordings if free else contrary).extend(task.place for task in group)
    return [
        *finding(
            "contradictions",
            "error" if len(contrary) > MANY * len(tasks) else "warning",
            "The same input has different outputs; nobody could know which one is wanted.",
            "Decide for one, or add to the input what makes the difference.",
            contrary,
        ),
        *finding(
            "several-wordings",
            "warning",
            "The same input has several long replies; the model learns to say each of them some of the time.",
            "Keep them if any will do.",
            wordings,
        ),
    ]


def _out_of_nothing(tasks: Sequence[_Task], instructions: str) -> list[Finding]:
    told = words_of(instructions)
    values = [(task, copied_values(task.reply)) for task in tasks]
    inputs: dict[frozenset[str], set[str]] = defaultdict(set)
    for task, found in values:
        for value in found:
            inputs[words_of(value)].add(task.input)
    places = []
    for task, found in values:
        known = words_of(task.shown) | told
        missing = [value for value in found if not words_of(value) <= known and len(inputs[words_of(value)]) < _CLOSED]
        if missing:
            places.append(f"{task.place} ({', '.join(missing[:3])})")
    return finding(
        "out-of-nothing",
        "warning",
        "Replies hold values that are neither in the input nor in the instructions, and not one of a few to choose"
        " from; the model learns to make such values up.",
        "Put into the input what they come from. Facts belong into the index, unless teaching them is the purpose.",
        places,
    )


def _all_alike(tasks: Sequence[_Task]) -> list[Finding]:
    alike = len({task.output for task in tasks}) == 1 and len({task.input for task in tasks}) >= _ENOUGH
    return finding(
        "all-alike",
        "warning",
        "All replies are the same, so the model learns to say it whatever is asked.",
        "Add rows with other replies.",
        [task.place for task in tasks] if alike else [],
    )


def _always_null(tasks: Sequence[_Task]) -> list[Finding]:
    seen: dict[str, list[str]] = defaultdict(list)
    filled: set[str] = set()
    for task in tasks:
        for path, value in leaves(task.value) if task.value is not None else ():
            if value is None:
                seen[path].append(task.place)
            else:
                filled.add(path)
    found = []
    for path, places in seen.items():
        # A field that elsewhere holds an object or a list is not always null.
        inside = any(each.startswith((f"{path}.", f"{path}[]")) for each in filled)
        if path not in filled and not inside and len(places) >= _ENOUGH:
            found += finding(
                "always-null",
                "warning",
                f"The field {path} is null in every reply, so the model learns that it always is.",
                "Remove the field, or add rows in which it has a value.",
                places,
            )
    return found


def _checker(schema: Any) -> Any:
    try:
        from jsonschema import SchemaError
        from jsonschema.validators import validator_for
        from jsonschema_specifications import REGISTRY
    except ImportError as error:
        raise MissingDependency(
            "A JSON schema is checked with the package jsonschema.", remedy=how_to_install("train")
        ) from error
    kind = validator_for(schema)
    try:
        kind.check_schema(schema)
    except SchemaError as error:
        raise UsageError(f"This is not a JSON schema: {error.message[:200]}.", where="data.schema") from error
    # With the usual registry it would fetch what the schema refers to.
    return kind(schema, registry=REGISTRY)


def _first_error(checker: Any, value: Any) -> Any:
    from referencing.exceptions import Unresolvable

    try:
        return next(iter(checker.iter_errors(value)), None)
    except Unresolvable as error:
        raise UsageError(
            f"The JSON schema refers to something that it does not hold: {error}.",
            where="data.schema",
            remedy="Put it into the schema, under $defs; nothing is fetched.",
        ) from error
