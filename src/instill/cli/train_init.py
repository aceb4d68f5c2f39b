"""train init: a recipe and a gate to begin from, for the files that are there."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from instill.cli.output_place import must_be_writable
from instill.cli.terminal import say
from instill.errors import UsageError

if TYPE_CHECKING:
    from instill.train.gate.template import Files, Measuring
    from instill.train.generator.data.rows import Row

_LEARNT = ("rows", "train", "training")
_UNSEEN = ("unseen", "gate", "test", "held_out", "held-out", "eval", "valid", "validation", "dev")
_KEPT = ("retention", "kept", "keep", "known")
_MOST_FILES = 50
_LONGEST_NAME = 60


def init(
    file: Annotated[Path, typer.Argument(help="File for the recipe; the gate is written beside it.")] = Path(
        "recipe.toml"
    ),
    base: Annotated[
        str, typer.Option(help='The model: "smollm2", a folder, a .gguf file, "hub:OWNER/NAME".')
    ] = "micro",
    kind: Annotated[
        Literal["plain", "character"],
        typer.Option(help="character: with example rows, a system prompt, and conversations to keep its role in."),
    ] = "plain",
    name: Annotated[
        str | None, typer.Option(help="With --kind character: what it is called; by default Captain Bell.")
    ] = None,
) -> None:
    """Write a commented recipe and a commented gate to begin from; existing files are left alone.

    If these files are beside the recipe, it names them: rows.jsonl or train.jsonl to train on; unseen.jsonl or
    test.jsonl to measure the gain; retention.jsonl to measure what was forgotten; *.schema.json as the schema of the
    replies. The tolerances of the gate are chosen so that these rows can prove them.

    Example: `instill train init recipe.toml`

    Example: `instill train init tickets/recipe.toml --base smollm2`

    Example: `instill train init captain/recipe.toml --kind character --name "Captain Bell"`
    """
    from instill.train.gate.template import Files, gate_toml
    from instill.train.generator.recipes.recipe_template import template_toml

    gate = file.with_name("gate.toml")
    must_be_writable(file, "FILE")
    if kind == "character":
        _character(file, gate, base, "Captain Bell" if name is None else name)
        return
    if name is not None:
        raise UsageError("--name goes with --kind character.", where=f"--name {name}", remedy="Add: --kind character")
    if file.exists():
        raise UsageError("This file is there already.", where=str(file), remedy="Name another one.")
    own_gate = gate.exists()
    learnt, files = _beside(file.parent) if file.parent.is_dir() else (None, Files())
    file.parent.mkdir(parents=True, exist_ok=True)
    measured = gate.name if files.unseen or own_gate else ""
    file.write_text(template_toml(base=base, rows=learnt, gate=measured, schema=files.schema), encoding="utf-8")
    if own_gate:
        say(f"Wrote {file}. {gate} is there already; the recipe names it as it is.")
    else:
        gate.write_text(gate_toml(files), encoding="utf-8")
        say(f"Wrote {file} and {gate}.")
    for line in _told(learnt, files):
        say(f"  {line}")
    missing = [
        *([] if learnt else ["name your rows in it"]),
        *(
            []
            if measured
            else [f'name the rows that measure in {gate.name}, and set gate = "{gate.name}" in the recipe']
        ),
    ]
    say(f"Next: {''.join(f'{each}, then: ' for each in (', '.join(missing),) if each)}instill train {file} --dry-run")


def _character(file: Path, gate: Path, base: str, name: str) -> None:
    from instill.train.generator.recipes import character

    if len(name) > _LONGEST_NAME or not name.isprintable() or any(sign in '"\\' for sign in name) or not name.strip():
        raise UsageError("This is no name for a character.", where=f"--name {name!r}", remedy="Use a few plain words.")
    lines = {
        "rows.jsonl": character.learnt_rows(name),
        "unseen.jsonl": character.unseen_rows(name),
        "role.jsonl": character.scripts(name),
    }
    texts = {file: character.recipe_toml(name, base), gate: character.gate_toml(name)}
    for beside, rows in lines.items():
        texts[file.with_name(beside)] = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    for place in texts:
        if place.exists():
            raise UsageError("This file is there already.", where=str(place), remedy="Name a recipe in another folder.")
    file.parent.mkdir(parents=True, exist_ok=True)
    for place, text in texts.items():
        place.write_text(text, encoding="utf-8")
    say(f"Wrote {', '.join(place.name for place in texts)} for {name} in {file.parent}.")
    say("  It is an example that can be trained: replace the system prompt, rows, script and gate by your own.")
    say(f"Next: instill train {file} --dry-run")


def _told(learnt: str | None, files: Files) -> Iterable[str]:
    if learnt:
        yield f"learnt: {learnt}"
    for said, measuring in (("the gain is measured on", files.unseen), ("what must not be lost", files.retention)):
        if measuring:
            yield f"{said}: {measuring.file} ({measuring.groups} rows)"
    if files.schema:
        yield f"the schema of replies: {files.schema}"
    if learnt and not files.unseen:
        yield (
            "No rows to measure on: nothing will be promoted. Keep a part of your rows, in other words than those that "
            'are learnt, in unseen.jsonl, and set gate = "gate.toml".'
        )


def _beside(folder: Path) -> tuple[str | None, Files]:
    """The file that is learnt, and what a gate can measure on."""
    from instill.train.gate.template import Files

    found = sorted(folder.glob("*.jsonl"))[:_MOST_FILES]
    unseen, kept = _named(found, _UNSEEN), _named(found, _KEPT)
    others = [each for each in found if each not in (unseen, kept)]
    learnt = _named(others, _LEARNT) or (others[0] if len(others) == 1 else None)
    schemas = sorted(folder.glob("*.schema.json"))
    rows = _rows(unseen)
    files = Files(
        unseen=_measuring(unseen),
        retention=_measuring(kept),
        schema=schemas[0].name if len(schemas) == 1 else "",
        as_json=bool(rows) and all(_is_object(row.answer) for row in rows),
    )
    return learnt.name if learnt else None, files


def _named(files: list[Path], stems: tuple[str, ...]) -> Path | None:
    """The file with one of these names, the first name first."""
    by_stem = {each.stem.lower(): each for each in files}
    return next((by_stem[stem] for stem in stems if stem in by_stem), None)


def _rows(file: Path | None) -> list[Row]:
    """Those that can be replied to; none where they cannot be read, which the dry run explains."""
    from instill.train.generator.data.rows import read_rows

    try:
        return [row for row in read_rows(file) if row.prompt] if file else []
    except UsageError:
        return []


def _measuring(file: Path | None) -> Measuring | None:
    from instill.train.gate.template import Measuring

    rows = _rows(file)
    return Measuring(file.name, len({row.group or row.place for row in rows})) if file and rows else None


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), (dict, list))
    except ValueError:
        return False
