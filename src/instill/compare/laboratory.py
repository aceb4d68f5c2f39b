"""The demonstration: documents of the laboratory's world in a real index, the micro model, real training, all arms.

In this world it is known what is true, what a model can know, and that nobody outside has heard of it.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from instill.common.toml_files import toml_value
from instill.compare.arms.prompts import PLAIN
from instill.compare.arms.specification import ArmSpecification
from instill.compare.plan import ComparePlan
from instill.compare.tuned.tuning_by_recipe import TuningPlan
from instill.errors import UsageError
from instill.lab.study_set import lab_replay, lab_study
from instill.lab.world import UNKNOWN, make_world, write_documents
from instill.measure.verdict import Way
from instill.settings import SETTINGS_FILE
from instill.study.stored_study import StoredStudy, list_studies, write_study

if TYPE_CHECKING:
    from instill.workspace import Workspace

TAUGHT, CONTROLS, STRANGERS, OTHERS = 12, 12, 30, 40
"""People whose facts are taught, are in the documents only, are nowhere, and fill the index."""

QUESTIONS = 360

IN_ITS_FORM = ArmSpecification(
    "retrieval, plain",
    "the micro model with what retrieval finds, in the form that it was trained on",
    "base",
    "found",
    Way('use "retrieval, plain"'),
)
"""The micro model follows no instructions, so that `ask` can only quote with it; this is what it can read."""

LEARNING_RATE, EPOCHS, BATCH = 4e-4, 8, 32
REPLAY_ROWS, REPLAY_SHARE, RETENTION_ROWS = 3000, 0.5, 200


@dataclass(frozen=True, slots=True)
class Laboratory:
    """What `compare` needs."""

    workspace: Workspace
    study: StoredStudy
    plan: ComparePlan


def open_laboratory(folder: Path, *, model: Path | None = None, seed: int = 0) -> Laboratory:
    """The workspace with documents and study set, made in `folder` where it is not there yet.

    Args:
        model: folder of the micro model; None: the one that ships.

    Raises:
        UsageError: the folder holds something else, or another model's laboratory.
        MissingDependency: this build comes without the micro model, or PyTorch is not installed.
    """
    from instill.common.extras import needed
    from instill.models.weights import micro_folder
    from instill.workspace import Workspace

    needed("torch", "The laboratory trains a model.")  # Before a folder is made for it.
    base = (model or micro_folder()).resolve()
    people = make_world().people
    new = [person for person in people if person.group == "C"]
    taught, controls = new[:TAUGHT], new[TAUGHT : TAUGHT + CONTROLS]
    others = [person for person in people if person.group == "D"][:OTHERS]
    strangers = [person for person in people if person.group == "E"][:STRANGERS]
    _make(folder, base)
    workspace = Workspace.open(folder)
    if workspace.settings.generator.folder != str(base):
        raise UsageError(
            "The folder holds another workspace, or another model's laboratory.",
            where=str(folder),
            remedy="Name a new folder: --workspace FOLDER",
        )
    write_documents([*taught, *controls, *others], folder / "people")
    workspace.add([str(folder / "people")])  # Nothing is done for those that are there.
    made = lab_study(workspace.stored_documents(), taught, controls, strangers, seed=seed)
    known = {study.card.id: study for study in list_studies(workspace.home)}
    # Written once: the record of who opened the audit stands beside it.
    study = known.get(made.study.card.id) or write_study(workspace.home, made.study, made.rows, made.prompts)
    plan = ComparePlan(
        own=(IN_ITS_FORM,),
        questions=QUESTIONS,
        tuning=TuningPlan(
            "lab",
            str(base),
            "full",
            learning_rate=LEARNING_RATE,
            epochs=EPOCHS,
            batch_size=BATCH,
            replay_share=REPLAY_SHARE,
            seed=seed,
        ),
        replay=lab_replay(seed, REPLAY_ROWS),
        retention=lab_replay(seed + 1, RETENTION_ROWS),
        wording=PLAIN,
        pipeline=False,
        passages=3,
        unknown=UNKNOWN,
        contrast=True,
        seed=seed,
    )
    return Laboratory(workspace, study, plan)


def in_laboratory(found: Laboratory, plan: ComparePlan, *, train: bool = True) -> ComparePlan:
    """The laboratory's plan, with what a user chose of it.

    Args:
        plan: its arms, questions, noise, changes, examples, split, rules and wanted difference are taken.
        train: whether arms are fine-tuned.
    """
    return replace(
        found.plan,
        arms=plan.arms,
        questions=found.plan.questions if plan.questions is None else plan.questions,
        audit=plan.audit,
        tuning=found.plan.tuning if train else None,
        noise=plan.noise,
        changes=plan.changes,
        wanted=plan.wanted,
        examples=plan.examples,
        rules=plan.rules,
    )


def _make(folder: Path, base: Path) -> None:
    """An empty workspace with its settings, whole or not at all."""
    from instill.workspace import Workspace

    if (folder / SETTINGS_FILE).exists():
        return
    if folder.exists():
        if not folder.is_dir() or any(folder.iterdir()):
            raise UsageError(
                "The folder holds something that is no workspace.", where=str(folder), remedy="Name a new folder."
            )
        folder.rmdir()
    draft = folder.with_name(f".{folder.name}.draft")
    shutil.rmtree(draft, ignore_errors=True)
    Workspace.init(draft).close()
    (draft / SETTINGS_FILE).write_text(f"[generator]\nfolder = {toml_value(str(base))}\n", encoding="utf-8")
    draft.rename(folder)
