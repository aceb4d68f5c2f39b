"""`instill compare`: train what is to be trained, ask every arm every question, change documents, reach the verdict.

Everything that was asked and trained is kept, so that the same comparison after a stop, by whatever, goes on.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout

from instill import __version__
from instill.common.made_from import MadeFrom, keep_beside, made_from, together
from instill.common.progress_watch import Watch
from instill.common.purges import last_purge
from instill.compare.arm_costs import measure_indexing, preparations
from instill.compare.arms.line_up import LineUp, has_generator
from instill.compare.arms.passages import Passages
from instill.compare.arms.protocol import counting_with
from instill.compare.arms.users_arms import identity_of
from instill.compare.asking_arms import groups_by_need, questions_of
from instill.compare.asking_in_parts import ask_in_parts
from instill.compare.changed.copies import fresh_copy
from instill.compare.changed.parts_with_changes import ask_among_noise, change_documents
from instill.compare.comparison_setting import ComparisonSetting, told_of_answers, told_of_replay
from instill.compare.duration import Duration, how_long, measured_here, rows_of
from instill.compare.examples.example_part import example_needs, example_ways, run_example_part
from instill.compare.judged.judging import JudgePlan, Judging, judge_outcomes
from instill.compare.plan import ComparePlan, chosen_arms
from instill.compare.prices import Prices
from instill.compare.report.types import Report
from instill.compare.report_material import about_run, causes_of, evidence_of, failed, first_prompts, not_done
from instill.compare.said_beforehand import say_by_need
from instill.compare.stored_outcomes import Recorded
from instill.compare.tuned.skills_lost_part import measure_forgetting
from instill.compare.tuned.train_arms import Trained, train_arms
from instill.compare.writers_counted import count_writers
from instill.compare.writing_cost import writing_cost
from instill.errors import UsageError, WorkspaceError
from instill.measure import judging
from instill.measure.token_rates import measure_rates
from instill.measure.verdict import Way, reach_verdict
from instill.study.stored_study import StoredStudy
from instill.study.study_set import digest

if TYPE_CHECKING:
    from instill.settings import GeneratorSettings
    from instill.workspace import Workspace


GRADING = 3
"""Goes up when the same answers may be graded otherwise."""


@dataclass(frozen=True, slots=True)
class Compared:
    """A comparison.

    Args:
        folder: where outcomes and prompts are kept.
        records: all outcomes.
        beforehand: what this number of questions can show.
        duration: how long it was to take, as well as that could be told.
        examples, judge: the numbers of formats, tones and judge, for `--json`.
        made_from: the documents and rows from which it was made.
        page: the file with its report, if it is saved.
        since: the mark of purges when it began; see `instill.common.purges`.
    """

    report: Report
    folder: Path
    records: Sequence[Recorded]
    beforehand: str
    duration: Duration
    examples: Mapping[str, Any] = field(default_factory=dict)
    judge: Mapping[str, Any] | None = None
    made_from: MadeFrom = field(default_factory=MadeFrom)
    page: Path | None = None
    since: str | None = None


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
    """Run the comparison and put its report together; `instill.compare.saved_reports.save` writes it.

    Args:
        workspace: as its caller sees it (`Workspace.seen_by`): nothing else is asked, shown, or trained on.
        title: of the report; "": the workspace's folder.
        commands: that made it, for its reader.
        judge: reads the replies beside the scorer, see `instill.compare.judged.judging`; None: nobody does.

    Raises:
        UsageError: an arm is not known or cannot be run, or the study set has no questions, or the caller may not see
            the documents of it.
        WorkspaceError: documents are not as they were when the study set was made, files are damaged or in use, or
            another process runs the same comparison.
        EvidenceInPrompt: a closed-book prompt held evidence.
        GeneratorError: the base gives no replies for replay.
    """
    watch = watch or Watch()
    since = last_purge(workspace.home)
    workspace.check_encoder()
    made = _made_from(workspace, study, plan)
    names = chosen_arms(plan, generator=has_generator(workspace))
    needs = example_needs(plan.examples, generator=has_generator(workspace), seed=plan.seed)
    if judge is not None:
        judge.check(workspace)
    items = questions_of(study, audit=plan.audit, most=plan.questions, seed=plan.seed)
    Passages(workspace).check(items)
    prices = Prices.of_settings(plan.prices or workspace.settings.prices)
    own = {each.name: each.own.prices for each in plan.own if each.own is not None and each.own.prices is not None}
    prices = replace(prices, own=own)
    groups = groups_by_need(items)
    before = say_by_need(groups, [plan.known[name] for name in names], wanted=plan.wanted)
    watch.stage(before)
    takes = how_long(measured_here(workspace), plan, names, groups, rows=rows_of(study, plan))
    watch.stage(takes.said)

    arms = workspace.home / "compare" / "arms"
    trained = train_arms(workspace, study, plan, names, arms, watch=watch, replied=told_of_replay(watch))
    identity = _identity(workspace, study, plan, trained)
    folder = workspace.home / "compare" / digest([identity])
    folder.mkdir(parents=True, exist_ok=True)
    keep_beside(folder, made)
    facts, ways = study.facts(), _ways(plan)
    line_up = LineUp(workspace, plan, facts, trained.by_arm)

    with _alone(folder), _copy_of(workspace, folder / "copy") as copy:
        setting = ComparisonSetting(
            workspace, copy, study, plan, line_up, trained, names, folder, identity, prices, watch
        )
        indexing = measure_indexing(copy, seed=plan.seed)
        of_arms = partial(
            preparations,
            setting.specifications,
            documents=len(workspace.documents()),
            indexing=indexing,
            tuned=trained.by_arm,
            facts=sum(fact.role != "removed" for fact in facts),
            taught=sum(fact.role == "taught" for fact in facts),
            prices=prices,
        )
        asked = ask_in_parts(setting, items, of_arms(retraining=None), ways)
        records = asked.records
        records += ask_among_noise(setting, items)
        changed = change_documents(setting, records)
        records += changed.records
        examples = run_example_part(
            needs, workspace, plan, line_up, prices=prices, progress=told_of_answers(watch), watch=watch
        )
        kept = measure_forgetting(setting)
        judging = None if judge is None else _judged(setting, judge, records)

    prepared = of_arms(retraining=changed.retraining)
    prepared += examples.preparations
    every = [*records, *examples.records]
    outcomes = [each.outcome for each in every]
    rates = measure_rates((each.outcome for each in asked.records), setting.kinds)
    report = Report(
        title=title or f"Fine-tune or retrieve? {workspace.path.name}",
        verdict=reach_verdict(outcomes, prepared, ways=ways, rules=plan.rules, looks=asked.looks, rates=rates),
        outcomes=outcomes,
        preparations=prepared,
        evidence=evidence_of(workspace, [*items, *changed.items]),
        prompts={**first_prompts(folder, identity, records), **examples.prompts},
        causes={**causes_of(records, [*items, *changed.items], facts), **failed(examples.records)},
        writers=count_writers(records, setting.asked_with_a_generator),
        kept=kept,
        refreshes=changed.refreshes,
        conflicts=changed.winners,
        examples=examples.means,
        judge=judging.report if judging else None,
        overheads=[judging.overhead] if judging else (),
        missing={
            **not_done(workspace, plan, names, changed, every),
            **({"money": prices.note} if prices.note else {}),
            **examples.missing,
            **(judging.missing if judging else {}),
        },
        commands=list(commands),
        about={
            **about_run(workspace, study, plan, trained),
            "questions": before,
            **{
                f"questions for {need} that were not needed": f"{count:,}, since it was decided before"
                for need, count in asked.left.items()
            },
            **writing_cost(study, prices),
            **examples.about,
            **(judging.about if judging else {}),
        },
        currency=prices.currency,
    )
    numbers = judging.as_dict() if judging else None
    return Compared(report, folder, every, before, takes, examples.numbers, numbers, made, since=since)


def _ways(plan: ComparePlan) -> dict[str, Way]:
    """What a person does who chooses an arm; those of the examples too."""
    return {**{name: each.way for name, each in plan.known.items()}, **example_ways()}


def _made_from(workspace: Workspace, study: StoredStudy, plan: ComparePlan) -> MadeFrom:
    """Every document may have been found for a question; rows of examples say what they were made from."""
    shown = () if plan.examples is None else (*plan.examples.format, *plan.examples.tone)
    given = study.card.made_from | together(row.made_from for row in shown)
    if not workspace.caller().sees(given):
        raise UsageError(
            "There is no such study set, or no such rows of examples, for this caller.",
            where=study.card.id,
            remedy="Make one with the same --label: instill study make --label LABEL",
        )
    return given | made_from(workspace.documents())


def _judged(setting: ComparisonSetting, judge: JudgePlan, records: Sequence[Recorded]) -> Judging:
    """What a model says to the replies."""
    setting.watch.stage("judging the replies")
    return judge_outcomes(
        [each.outcome for each in records],
        judge.generator(setting.workspace, setting.line_up.generator),
        setting.folder / "judged",
        counting_with(setting.workspace.encoder),
        own=judge.own,
        prices=setting.prices,
        progress=setting.watch.progress,
    )


def _identity(workspace: Workspace, study: StoredStudy, plan: ComparePlan, trained: Trained) -> str:
    """Names all that makes an arm answer otherwise: study set, documents, settings, models.

    Which questions and arms there are is not in it, so that they may be added; candidates are.
    """
    settings = workspace.settings
    beside = {"api_key", "adapter", "timeout_s", "temperature"} | (
        {"plugin"} if not settings.generator.plugin else set()
    )
    parts = [
        __version__,
        judging.VERSION,
        GRADING,
        study.card.id,
        study.card.hashes,
        sorted((each.doc_id, each.content_hash, each.passage_identity) for each in workspace.documents()),
        workspace.index.generation.fingerprint,
        workspace.threshold.value,
        settings.encoder.model_dump(exclude={"threads"}),
        settings.search.model_dump(),
        settings.answer.model_dump(),
        settings.generator.model_dump(mode="json", exclude=beside),
        _base_hash(settings.generator),
        repr(plan.wording),
        plan.pipeline,
        plan.passages,
        plan.seed,
        {arm: each.candidate for arm, each in trained.by_arm.items()},
        *identity_of([each for each in plan.own if not plan.arms or each.name in plan.arms]),
    ]
    return digest(parts)


def _base_hash(generator: GeneratorSettings) -> str:
    if generator.gguf:
        from instill.models.generators.gguf.base_folder import gguf_hash
        from instill.models.generators.gguf.known import KNOWN, gguf_file

        return gguf_hash(gguf_file(generator.gguf), KNOWN.get(generator.gguf))
    if not generator.folder:
        return ""
    from instill.models.generators.model_hash import model_hash

    return model_hash(Path(generator.folder))


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """No other process runs this comparison meanwhile: both would change the same copy."""
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / "compare.lock", timeout=0)
    try:
        lock.acquire()
    except Timeout as error:
        raise WorkspaceError(
            "Another process runs this comparison.",
            where=str(folder),
            remedy="Wait for it, or stop it, then run the command again.",
        ) from error
    try:
        yield
    finally:
        lock.release()


@contextmanager
def _copy_of(workspace: Workspace, folder: Path) -> Iterator[Workspace]:
    """A copy whose documents may be changed; it is removed afterwards, and one that a killed run left, before."""
    shutil.rmtree(folder, ignore_errors=True)
    copy = fresh_copy(workspace, folder)
    try:
        yield copy
    finally:
        copy.close()
        shutil.rmtree(folder, ignore_errors=True)
