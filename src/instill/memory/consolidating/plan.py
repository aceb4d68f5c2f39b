"""What a consolidation works with: which facts for whom, the files of a training, and its gate."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from instill.common.made_from import keep_beside
from instill.common.purges import keeping
from instill.common.toml_files import read_toml, toml_value
from instill.errors import UsageError
from instill.memory import TRAININGS
from instill.memory.consolidating.material import Material
from instill.memory.types import Fact
from instill.study.stored_study import StoredStudy, write_study
from instill.train.gate.gate_of_study import write_asked

if TYPE_CHECKING:
    from instill.train.generator.recipes.recipe import Recipe

RETENTION_SHARE = 4
"""One in so many replay rows is not trained on, but measured."""


REPLAY_SHARE = 0.85
"""Of an epoch's rows. With a quarter the micro model's perplexity on other texts rose by a quarter. With 0.7, 36 facts
cost it .035 of its score on what it could do before; with 0.85 they cost it less than can be shown."""


_MICRO_RATE = 5e-4


HARD = 3
"""So many times as often the rows of a fact are shown that was not learnt at first."""


PERPLEXITY_RISE = 0.1
"""On the rows that are measured, where there are enough of them. How far replies move from the base's is not asked:
that is no loss where they are as right."""


@dataclass(frozen=True, slots=True)
class Group:
    """The facts that go into one adapter.

    Args:
        labels: callers who hold one of these may see every document of the facts; () is the owner alone.
    """

    labels: tuple[str, ...]
    facts: tuple[Fact, ...]


def groups_of(facts: Sequence[Fact], held: Mapping[tuple[str, ...], Sequence[str]]) -> list[Group]:
    """Candidates, and what is in weights and still in place, by the labels of their documents; one group has one set of
    labels, so that whoever may use its adapter sees all that it was made from.

    Args:
        facts: as they are now.
        held: ids of the facts that are in weights in use, by labels. A fact whose document has other labels now goes to
            the group of those.
    """
    known = {fact_id for ids in held.values() for fact_id in ids}
    found: dict[tuple[str, ...], list[Fact]] = {}
    for fact in facts:
        stays = fact.fact_id in known and fact.stage == "consolidated" and fact.decision != "excluded"
        if fact.candidate or stays:
            found.setdefault(tuple(sorted(fact.labels)), []).append(fact)
    return [
        Group(labels, tuple(sorted(members, key=lambda fact: fact.fact_id)))
        for labels, members in sorted(found.items())
    ]


def name_of(labels: Sequence[str]) -> str:
    """Of a group's recipe: labels may be any text, and become a hash.

    Example:
        >>> name_of(()), name_of(("hr",))
        ('memory-owner', 'memory-6590efb8')
    """
    if not labels:
        return "memory-owner"
    return f"memory-{hashlib.sha256(json.dumps(sorted(labels)).encode('utf-8', 'surrogatepass')).hexdigest()[:8]}"


@dataclass(frozen=True, slots=True)
class Files:
    """A training's files, in a folder of their own."""

    folder: Path
    study: StoredStudy
    recipe: Recipe


def write_files(
    home: Path,
    group: Group,
    material: Material,
    *,
    base: str,
    replay: Path | None,
    gate: Path | None,
    seed: int,
    epochs: int = 0,
    replay_share: float = REPLAY_SHARE,
    learning_rate: float = 0.0,
    hard: frozenset[str] = frozenset(),
    since: str | None = None,
) -> Files:
    """Write study set, rows, gate and recipe; what was there of the same group is replaced.

    Args:
        home: a workspace's `.instill`.
        base: named so that it is found from any folder.
        replay: rows of what the base can do and is not to forget; one in four is measured instead.
        gate: more conditions, as a gate's file.
        epochs: how often each row is seen; 0: by their number.
        replay_share: of an epoch's rows.
        learning_rate: the peak; 0: by the base.
        hard: ids of facts whose rows are seen `HARD` times as often.
        since: the mark of purges when the facts were read.

    Raises:
        UsageError: a file cannot be read or used.
        OSError: the disk is full.
    """
    from instill.train.generator.data.duplicates import not_trained_on
    from instill.train.generator.data.rows import read_rows, write_rows
    from instill.train.generator.recipes.recipe import Data, Recipe
    from instill.train.generator.recipes.training_section import Hyperparameters

    folder = home / TRAININGS / name_of(group.labels)
    with keeping(home, material.made_from, since):
        study = write_study(home, material.study, material.rows)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        keep_beside(folder, material.made_from)  # so that the rows go with what they say
        shutil.copyfile(study.rows_file, folder / "rows.jsonl")
    again = [row for row in material.rows if any(each in hard for each in _facts_of(row))]
    with (folder / "rows.jsonl").open("a", encoding="utf-8") as stream:
        stream.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in again * (HARD - 1))
    asked = [item for item in material.study.items if item.split == "gate"]
    write_asked(folder / "gate.jsonl", [each for each in asked if each.phrasing not in ("control", "reverse")])
    controls = [each for each in asked if each.phrasing == "control"]
    if controls:
        write_asked(folder / "controls.jsonl", controls)
    kept = [] if replay is None else read_rows(replay)
    trained = [row for number, row in enumerate(kept) if number % RETENTION_SHARE]
    measured = not_trained_on(kept[::RETENTION_SHARE], trained)
    write_rows(measured, folder / "retention.jsonl")
    write_rows(trained, folder / "replay.jsonl")
    (folder / "gate.toml").write_text(
        _gate_toml(len({each.fact_ids for each in controls}), len(measured), gate), encoding="utf-8"
    )
    recipe = Recipe(
        name=name_of(group.labels),
        base=base,
        gate="gate.toml",
        data=Data(rows=["rows.jsonl"], replay=["replay.jsonl"] if trained else [], replay_share=replay_share),
        training=Hyperparameters(**_training(base, len(material.rows), seed, epochs, learning_rate)),
    ).at(folder)
    return Files(folder, study, recipe)


def _facts_of(row: Mapping[str, Any]) -> Sequence[str]:
    found = row.get("facts")
    return found if isinstance(found, list) else ()


def _training(base: str, rows: int, seed: int, epochs: int, learning_rate: float) -> dict[str, Any]:
    """Few rows are seen often: facts are learnt by repetition. The micro model did not learn one fact in five, or lost
    an older one, at twice its rate and half as often. For other models, a recipe's defaults fill in rate and batch."""
    chosen: dict[str, Any] = {"epochs": epochs or (20 if rows < 400 else 14), "seed": seed}
    if base == "micro":
        chosen |= {"batch_size": 16, "learning_rate": _MICRO_RATE}
    return {**chosen, "learning_rate": learning_rate} if learning_rate else chosen


def _gate_toml(controls: int, retention: int, more: Path | None) -> str:
    """Gain and controls of the facts, what is kept of the replay's rows, and the sections of the user's own gate."""
    from instill.train.gate.decision_rules import FEWEST, provable_loss

    sections: dict[str, Any] = {"max_tokens": 48, "gain": {"rows": "gate.jsonl"}}
    if controls:
        sections["controls"] = {"rows": "controls.jsonl", "rise": provable_loss(controls)}
    if retention:
        sections["forgetting"] = {"rows": "retention.jsonl", "accuracy_drop": tolerance_of(retention)}
        if retention >= FEWEST:
            sections["forgetting"]["perplexity_rise"] = PERPLEXITY_RISE
    unchecked = not_checked_of(controls, retention)
    if more is not None:
        for name, section in read_toml(more, "gate").items():
            if name in ("gain", "controls"):
                raise UsageError(
                    f"The gate's [{name}] is written from the facts.", where=str(more), remedy="Remove it."
                )
            sections[name] = _from(more.parent, section)
            unchecked = {part: why for part, why in unchecked.items() if part.partition(".")[0] != name}
    if unchecked:
        sections["not_checked"] = unchecked
    plain = [f"{key} = {toml_value(value)}" for key, value in sections.items() if not isinstance(value, dict)]
    tables = [
        "\n".join([f"\n[{key}]", *(f'"{name}" = {toml_value(each)}' for name, each in value.items())])
        for key, value in sections.items()
        if isinstance(value, dict)
    ]
    return "\n".join([*plain, *tables]) + "\n"


def not_checked_of(controls: int, retention: int) -> dict[str, str]:
    """What such a gate cannot check, with the reason.

    Args:
        controls: facts that no row teaches.
        retention: rows of what the model could do before that are measured.

    Example:
        >>> list(not_checked_of(0, 0)), list(not_checked_of(3, 4)), not_checked_of(3, 20)
        (['controls', 'forgetting'], ['forgetting.perplexity'], {})
    """
    from instill.train.gate.decision_rules import FEWEST

    found = {}
    if not controls:
        found["controls"] = "The documents tell no other facts, so whether the model now guesses is not known."
    if not retention:
        found["forgetting"] = "There are no rows of what the model could do before: name some with --replay FILE."
    elif retention < FEWEST:
        found["forgetting.perplexity"] = (
            f"This takes {FEWEST} rows of --replay that are kept back; there are {retention}."
        )
    return found


def tolerance_of(rows: int) -> float:
    """The smallest drop that so many rows can rule out even if half of it is seen, one row at least. A tolerance that
    they rule out only if no reply gets worse would reject almost every training of a model that replies in sentences.

    Example:
        >>> [tolerance_of(rows) for rows in (20, 40, 60, 100)]
        [0.1, 0.05, 0.03, 0.02]
    """
    from instill.train.gate.decision_rules import TOLERANCES, loss_outcome, paired

    def passes(tolerance: float) -> bool:
        lost = min(rows, max(1, ceil(rows * tolerance / 2 - 1e-9)))
        return loss_outcome(paired([1.0] * lost + [0.0] * (rows - lost)), tolerance) == "passed"

    return next((each for each in TOLERANCES if passes(each)), TOLERANCES[-1])


def _from(folder: Path, section: Any) -> Any:
    """A section with its files named from wherever it is read."""
    if not isinstance(section, dict):
        return section
    return {
        name: str((folder / value).resolve()) if name in ("rows", "schema") and isinstance(value, str) else value
        for name, value in section.items()
    }
