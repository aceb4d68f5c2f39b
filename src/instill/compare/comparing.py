"""`instill compare`: train what is to be trained, ask every arm every question, change documents, reach the verdict.

Everything that was asked and trained is kept, so that the same comparison after a stop, by whatever, goes on.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from instill import __version__
from instill.compare.beforehand import say_beforehand
from instill.compare.changing import (
    NOISY,
    Setting,
    ask_among_contradictions,
    ask_among_noise,
    contradict,
    refresh_arms,
)
from instill.compare.copies import fresh_copy
from instill.compare.costs import preparations, seconds_per_document
from instill.compare.example_part import example_needs, run_example_part
from instill.compare.failures import Causes
from instill.compare.forgetting import forgetting
from instill.compare.judging import JudgePlan, judge_outcomes
from instill.compare.line_up import LineUp, has_generator
from instill.compare.passages import Passages
from instill.compare.plan import TUNED, ComparePlan, chosen_arms
from instill.compare.prices import Prices
from instill.compare.replies import counting_with
from instill.compare.running import TASKS, Progress, draw, group_of, questions_of, run_arms
from instill.compare.skills import reading_rows_of, refusal_rows_of
from instill.compare.stored import Recorded, read_prompts
from instill.compare.tuned_arms import Trained, train_arms
from instill.compare.writing_cost import writing_cost
from instill.errors import UsageError
from instill.measure.report.types import Kept, Report
from instill.measure.verdict import reach_verdict
from instill.registry.card import environment, now
from instill.study.sets import StudyItem, digest
from instill.study.stored import StoredStudy
from instill.training import Watch as TrainingWatch

if TYPE_CHECKING:
    from instill.train.generator.rows import Row
    from instill.workspace import Workspace

_PARTS = ("questions", "noise", "freshness", "conflict", "contradiction")


@dataclass(frozen=True, slots=True)
class Watch:
    """Receivers of progress: stages by name, and (done, of how many, what)."""

    stage: Callable[[str], None] = field(default=lambda _: None)
    progress: Callable[[int, int, str], None] = field(default=lambda *_: None)


@dataclass(frozen=True, slots=True)
class Compared:
    """A comparison.

    Args:
        folder: where outcomes and prompts are kept.
        records: all of them.
        beforehand: what so many questions can show.
        winners: of the conflict, for `--json`.
        examples, judge: their numbers, for `--json`.
    """

    report: Report
    folder: Path
    records: Sequence[Recorded]
    beforehand: str
    winners: Sequence[dict[str, Any]] = ()
    examples: Mapping[str, Any] = field(default_factory=dict)
    judge: Mapping[str, Any] | None = None


def compare(
    workspace: Workspace,
    study: StoredStudy,
    plan: ComparePlan,
    *,
    title: str = "",
    commands: Sequence[str] = (),
    judge: JudgePlan | None = None,
    watch: Watch | None = None,
) -> Compared:
    """Run the comparison and put its report together; `instill.compare.saved.save` writes it.

    Args:
        title: of the report; "": the workspace's folder.
        commands: that made it, for its reader.
        judge: reads the replies beside exact match, see `instill.compare.judging`; None: nobody does.

    Raises:
        UsageError: an arm is not known or cannot be run, or the study set has no questions.
        WorkspaceError: documents are not as they were when the study set was made, or files are damaged or in use.
        EvidenceInPrompt: a closed-book prompt held evidence.
        GeneratorError: the base gives no replies for replay.
    """
    watch = watch or Watch()
    names = chosen_arms(plan, generator=has_generator(workspace))
    if len(names) < 2:
        raise UsageError("A comparison needs two arms.", where=", ".join(names), remedy="Name more: --arm NAME")
    items = questions_of(study, audit=plan.audit, most=plan.questions, seed=plan.seed)
    needs = example_needs(plan.examples, generator=has_generator(workspace), seed=plan.seed)
    if judge is not None:
        judge.check(workspace)
    prices = Prices.of_settings(workspace.settings.prices)
    before = say_beforehand([group_of(item, "fact") for item in items], len(names), wanted=plan.wanted).said
    watch.stage(before)
    trained = _trained(workspace, study, plan, names, watch)
    identity = _identity(workspace, study, plan, trained)
    folder = workspace.home / "compare" / digest([identity])
    folder.mkdir(parents=True, exist_ok=True)
    line_up = LineUp(workspace, plan, study.facts(), trained.by_arm)

    def progress(made: Progress) -> None:
        watch.progress(made.done, made.most, made.recorded.outcome.arm)

    training = _training_watch(watch)
    examples = run_example_part(needs, workspace, plan, line_up, prices=prices, progress=progress, watch=training)
    watch.stage(f"asking {len(items)} questions of {len(names)} arms")
    records = run_arms(
        items, line_up.arms(names), folder / "questions", identity=identity, prices=prices, progress=progress
    )
    with _copy_of(workspace, folder) as copy:
        setting = Setting(workspace, copy, study, plan, line_up, trained, names, folder, identity, prices, progress)
        per_document = seconds_per_document(copy, seed=plan.seed)
        if plan.noise:
            watch.stage("asking among noise")
            noisy = [item for item in items if TASKS[item.phrasing] in NOISY]
            if noisy:
                records += ask_among_noise(setting, draw(noisy, plan.noise, seed=plan.seed), items)
        refreshes, winners, retraining = _changed(setting, records, watch)
    watch.stage("measuring what was forgotten")
    kept = _kept(workspace, study, plan, trained)
    facts = study.facts()
    made = preparations(
        names,
        documents=len(workspace.documents()),
        per_document=per_document,
        tuned=trained.by_arm,
        retraining=retraining,
        facts=sum(fact.role != "removed" for fact in facts),
        taught=sum(fact.role == "taught" for fact in facts),
        prices=prices,
    )
    judging = None
    if judge is not None:
        watch.stage("judging the replies")
        judging = judge_outcomes(
            [each.outcome for each in records],
            judge.generator(workspace, line_up.generator),
            folder / "judged",
            counting_with(workspace.encoder),
            own=judge.own,
            prices=prices,
            progress=watch.progress,
        )
    made += examples.preparations
    every = [*records, *examples.records]
    outcomes = [each.outcome for each in every]
    report = Report(
        title=title or f"Fine-tune or retrieve? {workspace.path.name}",
        verdict=reach_verdict(outcomes, made, rules=plan.rules),
        outcomes=outcomes,
        preparations=made,
        evidence=_evidence(workspace, items),
        prompts={**_prompts(folder, identity), **examples.prompts},
        causes=_causes(records, items, study),
        kept=kept,
        refreshes=refreshes,
        missing={**_missing(plan, prices), **examples.missing, **(judging.missing if judging else {})},
        commands=list(commands),
        about={
            **_about(workspace, study, plan, trained, before),
            **writing_cost(study, prices),
            **examples.about,
            **(judging.about if judging else {}),
        },
        currency=prices.currency,
    )
    numbers = judging.as_dict() if judging else None
    return Compared(report, folder, every, before, winners, examples.numbers, numbers)


def _trained(
    workspace: Workspace, study: StoredStudy, plan: ComparePlan, names: Sequence[str], watch: Watch
) -> Trained:
    return train_arms(workspace, study, plan, names, workspace.home / "compare" / "arms", watch=_training_watch(watch))


def _training_watch(watch: Watch) -> TrainingWatch:
    def stepped(entry: Any) -> None:
        watch.progress(entry.step, entry.steps, f"loss {entry.loss:.3f}")

    return TrainingWatch(stepped, watch.stage)


def _identity(workspace: Workspace, study: StoredStudy, plan: ComparePlan, trained: Trained) -> str:
    """Names all that makes an arm answer otherwise; not which arms and questions there are, which may be added."""
    settings = workspace.settings
    parts = [
        study.card.id,
        study.card.hashes,
        workspace.index.generation.fingerprint,
        settings.search.model_dump(),
        settings.answer.model_dump(),
        settings.generator.model_dump(mode="json", exclude={"api_key", "adapter"}),
        repr(plan.wording),
        plan.pipeline,
        plan.passages,
        plan.changes,
        plan.seed,
        {arm: each.candidate for arm, each in trained.by_arm.items()},
    ]
    return digest(parts)


class _copy_of:  # noqa: N801 - used like a function
    """A copy of the workspace for a while; it is removed afterwards."""

    def __init__(self, workspace: Workspace, folder: Path) -> None:
        self._workspace, self._place = workspace, folder / "copy"

    def __enter__(self) -> Workspace:
        self._copy = fresh_copy(self._workspace, self._place)
        return self._copy

    def __exit__(self, *_: object) -> None:
        self._copy.close()
        shutil.rmtree(self._place, ignore_errors=True)


def _changed(
    setting: Setting, records: list[Recorded], watch: Watch
) -> tuple[Sequence[Any], list[dict[str, Any]], float | None]:
    """Freshness, conflict and contradiction; their records are added."""
    if not setting.plan.changes:
        return (), [], None
    watch.stage("changing documents")
    main = list(records)
    changes, fresh = refresh_arms(setting)
    if fresh is None:
        return (), [], None
    records += fresh.records
    watch.stage("contradicting what models believe")
    found = contradict(setting, changes, main)
    records += found.records if found else []
    records += ask_among_contradictions(setting, changes)
    winners = [each.as_dict() for each in found.winners] if found else []
    return fresh.refreshes, winners, fresh.seconds_per_fact.get(TUNED)


def _kept(workspace: Workspace, study: StoredStudy, plan: ComparePlan, trained: Trained) -> list[Kept]:
    if not trained.by_arm:
        return []
    passages = Passages(workspace, study.facts())
    return forgetting(
        Path(workspace.settings.generator.folder),
        {arm: [each.folder] for arm, each in trained.by_arm.items()},
        retention=_rows(trained.retention),
        reading=reading_rows_of(study, passages, plan.wording, most=100, seed=plan.seed),
        refusals=refusal_rows_of(study, passages, plan.wording, unknown=plan.unknown or "", most=100, seed=plan.seed),
        level=plan.rules.level,
        cites=plan.wording.cites,
    )


def _rows(lines: Sequence[Any]) -> list[Row]:
    from instill.train.generator.rows import row_of

    return [row_of(line, f"row {number}") for number, line in enumerate(lines, 1)]


def _evidence(workspace: Workspace, items: Sequence[StudyItem]) -> dict[str, str]:
    titles = {record.doc_id: record.title or record.source for record in workspace.documents()}
    return {item.id: titles.get(item.evidence[0].doc_id, "") for item in items if item.evidence}


def _prompts(folder: Path, identity: str) -> dict[str, str]:
    """The first prompt of each arm in each part; all of them stay in the folder."""
    found: dict[tuple[str, str], tuple[str, str]] = {}
    for part in _PARTS:
        if (folder / part).is_dir():
            for line in read_prompts(folder / part, identity):
                said = [f"{message['role']}: {message['content']}" for message in line["messages"]]
                found.setdefault((part, str(line["arm"])), (str(line["id"]), "\n\n".join(said)))
    return dict(found.values())


def _causes(
    records: Sequence[Recorded], items: Sequence[StudyItem], study: StoredStudy
) -> dict[tuple[str, str, str], str]:
    causes = Causes(items, study.facts())
    found: dict[tuple[str, str, str], str] = {}
    for each in records:
        kind = causes.of(each)
        if kind is not None:
            found[each.key] = kind
    return found


def _missing(plan: ComparePlan, prices: Prices) -> dict[str, str]:
    found = {}
    if plan.tuning is None:
        found["fine-tuning"] = "no arm was trained: it needs a local generator (generator.folder)"
    if prices.note:
        found["money"] = prices.note
    return found


def _about(
    workspace: Workspace, study: StoredStudy, plan: ComparePlan, trained: Trained, before: str
) -> dict[str, str]:
    made = environment()
    generator = workspace.settings.generator
    found = {
        "made": now(),
        "instill": __version__,
        "machine": str(made.get("machine", "")),
        "study set": f"{study.card.id}, written by {study.card.writer}",
        "documents": str(len(workspace.documents())),
        "encoder": workspace.index.generation.fingerprint,
        "generator": Path(generator.folder).name if generator.folder else generator.model or "none",
        "questions": before,
        "seed": str(plan.seed),
    }
    for arm, each in trained.by_arm.items():
        found[f"{arm} candidate"] = f"{each.candidate}: {each.rows} rows, {each.steps} steps, {each.seconds:.1f} s"
    return found
