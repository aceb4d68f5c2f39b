"""The fine-tuned arms: from a study set's rows to a candidate, by a recipe that anybody can run again.

Rows, replay and recipe are written into a folder before anything is trained, and it is this recipe that is trained:
`instill train recipe.toml` makes the same candidate.
"""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from instill.common.progress_watch import Watch
from instill.common.toml_files import toml_value
from instill.errors import UsageError, WorkspaceError
from instill.models.registry.card import Card
from instill.settings import GeneratorSettings
from instill.settings.location import expanded
from instill.study.stored_study import StoredStudy
from instill.train.pipeline import train_recipe

RECIPE_FILE, ROWS_FILE, REPLAY_FILE = "recipe.toml", "rows.jsonl", "replay.jsonl"

_ALPHA = 2
"""An adapter's alpha over its rank, as in the defaults of a recipe: its scale does not hang on the rank."""


def base_named(settings: GeneratorSettings) -> str:
    """The folder or file of the local model that the settings name, where it can be trained here; else ""."""
    if settings.gguf and importlib.util.find_spec("torch") is None:  # A file is unpacked for training.
        return ""
    return settings.folder or settings.gguf


@dataclass(frozen=True, slots=True)
class TuningPlan:
    """How an arm is tuned. Values are checked when the recipe is read.

    Args:
        name: of the recipe, and the beginning of the candidate's id: letters, digits, ".", "_" and "-".
        base: a transformers folder, or "micro".
        last_layers: only so many layers, counted from the top; 0: all.
        rank: of an adapter; no effect with "full".
        learning_rate: None: the method's own.
        epochs: how often every row is seen, 1 or more.
        reading_epochs: the same of rows that teach to read, which are ten times as long, and teach one skill together;
            None: as `epochs`.
        batch_size: rows of a step, 1 or more.
        replay_share: of an epoch's rows, 0 to 0.9; no effect where there is no replay.
    """

    name: str
    base: str
    method: Literal["lora", "dora", "full"] = "lora"
    last_layers: int = 0
    rank: int = 8
    learning_rate: float | None = None
    epochs: int = 3
    reading_epochs: int | None = None
    batch_size: int = 16
    replay_share: float = 0.25
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Tuned:
    """A candidate, and what it took.

    Args:
        candidate: its id in the registry.
        seconds: of training, wall clock; of a candidate that was there already, as it was measured then.
        rows: how many were taught, replay not counted.
        folder: the candidate's.
        replay_seconds: of writing the replay that it was shown; 0 where that was given, or none was shown.
    """

    candidate: str
    seconds: float
    rows: int
    steps: int
    recipe_file: Path
    folder: Path
    replay_seconds: float = 0.0


def closed_rows(study: StoredStudy) -> list[dict[str, Any]]:
    """Rows that teach the facts to be known by heart: those of the study set, as they are.

    Raises:
        WorkspaceError: the file is not as it was written.
    """
    return study.rows()


def tune(
    home: Path,
    plan: TuningPlan,
    rows: Sequence[Mapping[str, Any]],
    folder: Path,
    *,
    replay: Sequence[Mapping[str, Any]] = (),
    replay_seconds: float = 0.0,
    parent: str | None = None,
    on: str = "",
    watch: Watch | None = None,
) -> Tuned:
    """Write the rows and the recipe, and train; nothing is promoted. A candidate that is there is used again.

    Args:
        home: the workspace's `.instill`, where the candidate goes.
        rows: in the `messages` or `text` form (see `instill.train.generator.data.rows.read_rows`).
        folder: of this plan alone; what an earlier plan wrote there is replaced.
        replay: rows of what the base can do.
        replay_seconds: that writing them took.
        parent: id of a candidate that is trained on.
        on: train on a node of this Ray cluster, "ray" or "ray://HOST:PORT".

    Raises:
        UsageError: there are no rows, a value of the plan cannot be used, or pre-flight finds what would waste the run.
        WorkspaceError: another process trains the same, or the parent or the card is damaged.
        OSError: the folder cannot be written.
    """
    from instill.train.generator.recipes.recipe import read_recipe

    if not rows:
        raise UsageError(
            "There are no rows to train on.", where=plan.name, remedy="Make a study set with taught facts."
        )
    folder.mkdir(parents=True, exist_ok=True)
    _write_rows(folder / ROWS_FILE, rows)
    replayed = bool(replay) and plan.replay_share > 0
    if replayed:
        _write_rows(folder / REPLAY_FILE, replay)
    else:
        (folder / REPLAY_FILE).unlink(missing_ok=True)
    file = folder / RECIPE_FILE
    file.write_text(recipe_toml(plan, replay=replayed, parent=parent), encoding="utf-8")
    outcome = train_recipe(home, read_recipe(file), parent=parent, promote=False, on=on, watch=watch)
    seconds, steps = training_of(outcome.card, outcome.folder)
    shown = replay_seconds if replayed else 0.0
    return Tuned(outcome.card.id, seconds, len(rows), steps, file, outcome.folder, shown)


def recipe_toml(plan: TuningPlan, *, replay: bool, parent: str | None = None) -> str:
    """The plan as a recipe beside its rows.

    Args:
        replay: whether there are rows of it.

    Example:
        >>> print(recipe_toml(TuningPlan("known", "micro", "full", learning_rate=1e-3), replay=True))
        # A fine-tuned arm of a comparison. The same candidate again: instill train recipe.toml
        name = "known"
        base = "micro"
        method = "full"
        last_layers = 0
        <BLANKLINE>
        [data]
        rows = ["rows.jsonl"]
        replay = ["replay.jsonl"]
        replay_share = 0.25
        <BLANKLINE>
        [training]
        epochs = 3
        batch_size = 16
        learning_rate = 0.001
        seed = 0
        <BLANKLINE>
    """
    base = plan.base if _is_named(plan.base) else str(expanded(plan.base).resolve())
    again = f"instill train {RECIPE_FILE}" + (f" --from {parent}" if parent else "")
    plain = {"name": plan.name, "base": base, "method": plan.method, "last_layers": plan.last_layers}
    data: dict[str, object] = {"rows": [ROWS_FILE]}
    if replay:
        data |= {"replay": [REPLAY_FILE], "replay_share": plan.replay_share}
    training: dict[str, object] = {"epochs": plan.epochs, "batch_size": plan.batch_size}
    if plan.learning_rate is not None:
        training["learning_rate"] = plan.learning_rate
    training["seed"] = plan.seed
    sections: dict[str, dict[str, object]] = {"data": data}
    if plan.method != "full":
        sections["lora"] = {"rank": plan.rank, "alpha": _ALPHA * plan.rank}
    sections["training"] = training
    lines = [f"# A fine-tuned arm of a comparison. The same candidate again: {again}", *_keys(plain)]
    for name, values in sections.items():
        lines += ["", f"[{name}]", *_keys(values)]
    return "\n".join(lines) + "\n"


def _keys(values: Mapping[str, object]) -> list[str]:
    return [f"{key} = {toml_value(value)}" for key, value in values.items()]


def _is_named(base: str) -> bool:
    from instill.models.generators.gguf.known import KNOWN
    from instill.models.generators.named_model import MICRO
    from instill.train.generator.recipes.recipe import HUB

    return base == MICRO or base in KNOWN or base.startswith(HUB)


def _write_rows(file: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """As they are: what a row says of its facts and documents stays with it."""
    with file.open("w", encoding="utf-8") as stream:
        for row in rows:
            stream.write(json.dumps(row, ensure_ascii=False) + "\n")


def training_of(card: Card, folder: Path) -> tuple[float, int]:
    """Seconds and steps, which stand on the card of a new candidate and of one that was there."""
    found: Any = card.metrics.after.get("training")
    try:
        return float(found["seconds"]), int(found["steps"])
    except (TypeError, KeyError, ValueError) as error:
        raise WorkspaceError(
            "The candidate's card does not say how long its training took.",
            where=str(folder),
            remedy=f"Train it again: instill train {RECIPE_FILE} --again",
        ) from error
