"""train attack: prompts on which a candidate fails, as rows to train on and as cases for the gate."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from instill.cli.output import JsonOption, WorkspaceOption, clean, columns, print_json
from instill.cli.output_place import must_be_writable
from instill.cli.terminal import err, say, say_block
from instill.errors import UsageError
from instill.settings.location import find_workspace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from instill.models.generators.protocol import Generator
    from instill.train.attack.attacking import Attacked, Failure
    from instill.train.generator.data.rows import Row
    from instill.train.generator.recipes.recipe import Recipe

_OF_A_BASE = (
    "This is the base: the figures show which forms of the rows it fails on before any training. They do not show what "
    "a training breaks or mends. For that, train (instill train {recipe}) and attack the candidate with the same "
    "--seed; the rows above can be added to [data] rows first."
)


def attack(
    recipe: Annotated[Path, typer.Argument(help="The recipe whose candidate is attacked.")],
    out: Annotated[
        Path, typer.Option("--out", help="File for the rows to train on; NAME.gate.jsonl gets the cases for the gate.")
    ],
    candidate: Annotated[
        str, typer.Option(help='Id or name of a candidate, or "base"; by default the one that the recipe made.')
    ] = "",
    most: Annotated[int, typer.Option(min=1, max=20_000, help="Prompts that are tried.")] = 500,
    max_tokens: Annotated[int, typer.Option(min=1, max=4096, help="Longer replies are cut.")] = 64,
    seed: Annotated[int, typer.Option(min=0, help="Other seeds make other variants.")] = 0,
    generator: Annotated[
        bool, typer.Option(help="Let the workspace's generator, if one is set, word questions anew as well.")
    ] = True,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Look for prompts on which a candidate fails: typos, other forms, injected instructions, long conversations, and
    passages without the answer.

    Rows that the recipe trains on give rows to train on. Its held-out rows (or those of the gate's [gain]) give cases
    for the gate, none of which is trained on. Each line says what failed and how.

    Example: `instill train attack lights.toml --out attacks.jsonl`
    """
    from instill.models.generators.model_hash import model_hash
    from instill.models.generators.transformers_models import open_model, open_tokenizer
    from instill.models.registry.store import Registry
    from instill.train.attack.attacking import attack as run
    from instill.train.attack.attacking import replier
    from instill.train.generator.recipes.base import base_folder
    from instill.train.generator.recipes.recipe import read_recipe

    if _is_model(recipe):
        raise UsageError(
            "This is a model, and no recipe. An attack asks the rows of a recipe in harder forms.",
            where=str(recipe),
            remedy=f"Write a recipe (instill train init FILE --base {recipe}), then: instill train attack FILE --out "
            "ROWS.jsonl --candidate base",
        )
    cases = out.with_name(f"{out.stem}.gate.jsonl")
    for place in (out, cases):
        must_be_writable(place, "--out")
    read = read_recipe(recipe)
    for place in (out, cases):
        if place.exists():
            raise UsageError("This file is there already.", where=str(place), remedy="Name another one.")
    home, base = find_workspace(workspace) / ".instill", base_folder(read)
    if not candidate and not any(each.startswith(f"{read.name}-") for each in Registry(home).ids()):
        raise UsageError(
            "Nothing is trained from this recipe yet.",
            where=str(recipe),
            remedy=f"Train it first: instill train {recipe}, or attack the base: --candidate base",
        )
    found = None if candidate == "base" else Registry(home).check(candidate or read.name)
    if found is not None and found.card.base.hash != model_hash(base):
        raise UsageError("The candidate was made from another base than the recipe names.", where=found.card.id)
    held_out, scoring = _measured_on(read)
    tokenizer = open_tokenizer(base)
    reply, fits = replier(open_model(base, candidate=found.folder if found else None), tokenizer, max_tokens)
    asked = found.card.id if found else "the base"
    if not as_json:
        err.print(f"attacking {clean(asked)} ...", markup=False)

    def attacked(writer: Generator | None) -> Attacked:
        return run(
            reply,
            read.study_rows(),
            held_out,
            fits=fits,
            scoring=scoring,
            most=most,
            seed=seed,
            generator=writer,
        )

    if generator:
        from instill.workspace import Workspace

        with Workspace.open(workspace) as opened:
            result = attacked(opened.generator)
    else:
        result = attacked(None)
    note = "" if found else _OF_A_BASE.format(recipe=recipe)
    _write(out, result.learn)
    _write(cases, result.cases)
    if as_json:
        counts = {"tried": dict(result.tried), "failed": dict(result.failed), "broken": dict(result.broken)}
        print_json({"candidate": asked, **counts, "rows": len(result.learn), "cases": len(result.cases), "note": note})
        return
    lines = [["kind", "tried", "failed", "of these, the plain row is answered rightly"]]
    lines += [
        [kind, str(count), str(result.failed[kind]), str(result.broken[kind])] for kind, count in result.tried.items()
    ]
    say_block(columns(lines))
    say(f"{len(result.learn)} rows to train on are in {out}, {len(result.cases)} cases for the gate in {cases}.")
    if not held_out:
        say("No rows are held out (data.held_out, or the gate's [gain]), so there are no cases for the gate.")
    if note:
        say(note)


def _is_model(recipe: Path) -> bool:
    """Is it the name or the place of a model, as `--base` takes it?"""
    from instill.models.generators.gguf.known import is_gguf
    from instill.models.generators.named_model import MICRO

    if recipe.is_file() and recipe.suffix.lower() != ".gguf":
        return False
    return str(recipe) == MICRO or is_gguf(str(recipe)) or (recipe / "config.json").is_file()


def _measured_on(recipe: Recipe) -> tuple[Sequence[Row], str]:
    """The rows that are held out, and how replies are scored."""
    from instill.train.gate.specification import load_gate
    from instill.train.generator.data.rows import instructed, read_rows

    gate = load_gate(recipe.path(recipe.gate)) if recipe.gate else None
    scoring = gate.scoring_of("gain") if gate else "exact"
    rows: Sequence[Row] = recipe.held_out_rows()
    if not rows and gate is not None and gate.gain is not None:
        rows = [instructed(row, recipe.data.instructions) for row in read_rows(gate.gain.rows)]
    return rows, scoring


def _write(file: Path, failures: Sequence[Failure]) -> None:
    """None are written where there are none: a file of rows has at least one."""
    if not failures:
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w", encoding="utf-8") as stream:
        stream.writelines(json.dumps(each.as_line(), ensure_ascii=False) + "\n" for each in failures)
