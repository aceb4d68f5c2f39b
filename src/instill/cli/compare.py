"""compare: should I fine-tune, retrieve, or both? Measured on the workspace's own documents."""

from __future__ import annotations

from dataclasses import replace
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from instill.cli.output import JsonOption, LabelOption, OnOption, WorkspaceOption, print_json, progress_bar, typed
from instill.cli.output_place import must_be_writable
from instill.cli.questions import FEEDBACK
from instill.cli.terminal import say, say_block
from instill.errors import UsageError
from instill.index.types import EMPTY
from instill.settings.location import expanded
from instill.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Mapping

    from instill.compare.arms.specification import ArmSpecification
    from instill.compare.judged.judging import JudgePlan
    from instill.compare.plan import ComparePlan
    from instill.settings import PriceSettings
    from instill.study.stored_study import StoredStudy

CHANGES, LAB_CHANGES = 4, 12
"""Facts that are changed where nobody says how many; in the laboratory a training for one takes seconds."""

_NOT_IN_LAB = (
    "study", "arms", "tokens_in", "tokens_out", "machine_hour",
    "method", "last_layers", "rank", "epochs", "learning_rate", "replay", "label", "dry_run",
)  # fmt: skip

_LEARNING_TO_READ = 4
"""Rows that teach to read are shown this many times less often than facts, which are learnt by heart."""


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command()(compare)


def compare(
    context: typer.Context,
    study: Annotated[
        str,
        typer.Argument(
            metavar="[STUDY]",
            help="Id of a study set; default: the newest, or a new one if there is none.",
            show_default=False,
        ),
    ] = "",
    arm: Annotated[
        list[str] | None, typer.Option("--arm", metavar="NAME", help="Run only this arm (repeatable); see --list.")
    ] = None,
    arms: Annotated[
        Path | None,
        typer.Option("--arms", metavar="FILE", help="TOML file with more arms; default: the setting compare.arms."),
    ] = None,
    questions: Annotated[
        str,
        typer.Option(
            metavar="N|feedback",
            help="Maximum number of questions, 20 or more; default: all of the gate split. `feedback`: those that "
            "people judged, in a study set that is made now.",
            show_default=False,
        ),
    ] = "",
    audit: Annotated[
        bool, typer.Option("--audit", help="Ask the audit split. Each opening of it is recorded.")
    ] = False,
    train: Annotated[
        bool, typer.Option("--train/--no-train", help="Also fine-tune arms, if a local model is set.")
    ] = True,
    method: Annotated[Literal["lora", "dora", "full"], typer.Option(help="Method of fine-tuning.")] = "lora",
    last_layers: Annotated[
        int, typer.Option(min=0, help="With --method full: train only this number of layers from the top; 0: all.")
    ] = 0,
    rank: Annotated[
        int, typer.Option(min=1, help="Rank of the adapter: a higher rank learns more and forgets more.")
    ] = 16,
    epochs: Annotated[
        int,
        typer.Option(
            min=1, help="How often each training row is shown; rows that teach reading are shown a quarter as often."
        ),
    ] = 8,
    learning_rate: Annotated[float | None, typer.Option(help="Learning rate; default: that of the method.")] = None,
    replay: Annotated[
        float,
        typer.Option(min=0, max=0.9, help="Share of rows with replies of the base itself, so that it forgets less."),
    ] = 0.25,
    noise: Annotated[
        int, typer.Option(min=0, help="Number of questions that are asked again with irrelevant passages added.")
    ] = 60,
    changes: Annotated[
        int | None, typer.Option(min=0, help="Number of facts to change, for freshness and conflicts; default: 4.")
    ] = None,
    wanted: Annotated[
        float | None,
        typer.Option(
            min=0.001, max=1, help="The difference that matters to you, e.g. 0.05; prints how many questions it takes."
        ),
    ] = None,
    tolerance: Annotated[
        float,
        typer.Option(min=0.001, max=0.5, help="Share of right answers that you would give up to use a cheaper arm."),
    ] = 0.05,
    acceptable: Annotated[
        float | None,
        typer.Option(
            "--acceptable-loss",
            min=0.001,
            max=0.9,
            help="Largest possible loss of right answers that you accept; default: compare.acceptable_loss.",
        ),
    ] = None,
    tokens_in: Annotated[
        float | None, typer.Option(min=0, help="Price of 1,000 tokens read; default: prices.tokens_in.")
    ] = None,
    tokens_out: Annotated[
        float | None, typer.Option(min=0, help="Price of 1,000 tokens written; default: prices.tokens_out.")
    ] = None,
    machine_hour: Annotated[
        float | None,
        typer.Option(min=0, help="Price of an hour of indexing or training; default: prices.machine_hour."),
    ] = None,
    format: Annotated[
        Path | None,
        typer.Option(
            "--format", metavar="ROWS", help="Examples of a format (JSON Lines); a part of them is held out and asked."
        ),
    ] = None,
    schema: Annotated[
        Path | None, typer.Option(metavar="FILE", help="JSON Schema that replies in the format must follow.")
    ] = None,
    tone: Annotated[
        Path | None,
        typer.Option(metavar="ROWS", help="Examples of a tone (JSON Lines); a part of them is held out and asked."),
    ] = None,
    instructions: Annotated[
        str,
        typer.Option(
            metavar="TEXT", help="Instructions for the arms of formats and tones: a text, or a file with the text."
        ),
    ] = "",
    judge: Annotated[
        bool, typer.Option("--judge", help="Let the generator judge the replies too, beside the scorer.")
    ] = False,
    judge_url: Annotated[str, typer.Option(metavar="URL", help="Use this endpoint as the judge instead.")] = "",
    judge_model: Annotated[str, typer.Option(metavar="NAME", help="Model of the judging endpoint.")] = "",
    judge_key: Annotated[
        str, typer.Option(metavar="VARIABLE", help="Environment variable with the key of the judging endpoint.")
    ] = "",
    lab: Annotated[
        bool,
        typer.Option(
            "--lab", help="Run the demonstration: a fictional world and the micro model, in ./lab-compare or in -w."
        ),
    ] = False,
    seed: Annotated[int, typer.Option(help="A different seed gives other samples and another training.")] = 0,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FOLDER", help="Folder for the report; default: .instill/reports.")
    ] = None,
    list_arms: Annotated[bool, typer.Option("--list", help="Print the arms and exit.")] = False,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", help="Print the arms, the questions, what they can show and how long it takes, and do nothing."
        ),
    ] = False,
    on: OnOption = "",
    label: LabelOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Ask a model, retrieval and fine-tuned models the same questions, and recommend one of them for each need.

    The questions come from a study set (`instill study make`); if there is none, a small one is made. Without a
    generator there is only quoting, and nothing to compare it with. With a local model, arms are fine-tuned too.
    Results are saved as soon as they exist: after a stop, the same command continues. With --on, the arms are trained
    on a Ray cluster, several at the same time.

    Example: `instill compare`

    Example: `instill compare --dry-run`

    Example: `instill compare --lab`

    Example: `instill compare --arm retrieval --arm closed-book --questions 100`

    Example: `instill compare --format orders.jsonl --schema order.json --tone letters.jsonl --judge`
    """
    from instill.compare.arms.line_up import has_generator
    from instill.compare.examples.plan import read_examples
    from instill.compare.judged.judging import judge_plan
    from instill.compare.plan import ComparePlan, chosen_arms
    from instill.compare.tuned.tuning_by_recipe import TuningPlan
    from instill.measure.verdict import Rules

    if list_arms:
        _list_arms(arms, workspace, as_json)
        return
    must_be_writable(out, "--out", folder=True)
    plan = ComparePlan(
        arms=tuple(arm or ()),
        questions=None if questions == FEEDBACK else _most(questions),
        audit=audit,
        noise=noise,
        changes=(LAB_CHANGES if lab else CHANGES) if changes is None else changes,
        wanted=wanted,
        rules=Rules(tolerance=tolerance),
        examples=read_examples(format, tone, schema=schema, instructions=instructions),
        seed=seed,
        on=on,
    )
    given = {"tokens_in": tokens_in, "tokens_out": tokens_out, "machine_hour": machine_hour}
    judging = judge_plan(judge, judge_url, judge_model, judge_key)
    if lab:
        _refuse_beside_lab(context)
        _run_lab(Path(workspace or "lab-compare"), plan, acceptable, train, out, as_json, judging)
        return
    with Workspace.open(workspace) as whole:
        opened = whole.seen_by(label)
        if opened.is_empty:
            raise UsageError(EMPTY)
        folder = _trained_base(opened) if train else ""
        if folder:
            reading = max(1, epochs // _LEARNING_TO_READ)
            tuning = TuningPlan("compare", folder, method, last_layers, rank, learning_rate, epochs, reading)
            plan = replace(plan, tuning=replace(tuning, replay_share=replay, seed=seed))
        plan = replace(plan, prices=_priced(opened.settings.prices, given))
        plan = replace(_accepting(plan, opened, acceptable), own=_own_arms(opened, arms, plan.prices))
        names = chosen_arms(plan, generator=has_generator(opened))  # Before a study set is made for nothing.
        if dry_run:
            from instill.cli.compare_dry_run import show_plan

            show_plan(opened, plan, names, study, feedback=questions == FEEDBACK, as_json=as_json)
            return
        _run(opened, _study(opened, study, as_json, own=questions == FEEDBACK), plan, out, as_json, judging)


def _trained_base(opened: Workspace) -> str:
    """The folder of the local model that is set, where it can be trained here."""
    from instill.compare.tuned.tuning_by_recipe import base_named
    from instill.models.generators.generator_by_word import local_base

    settings = opened.settings.generator
    return local_base(settings) if base_named(settings) else ""


def _refuse_beside_lab(context: typer.Context) -> None:
    """What the laboratory has its own of."""
    for name in _NOT_IN_LAB:
        source = context.get_parameter_source(name)
        if source is not None and source.name != "DEFAULT":
            raise UsageError(
                "The laboratory has a study set, a model and a training of its own.",
                where=f"--{name.replace('_', '-')}" if name != "study" else "STUDY",
                remedy="Leave it out beside --lab.",
            )


def _priced(prices: PriceSettings, given: Mapping[str, float | None]) -> PriceSettings:
    """The prices that are set, but those that are given.

    Raises:
        UsageError: one is no number.
    """
    for name, price in given.items():
        if price is not None and not isfinite(price):
            option = f"--{name.replace('_', '-')}"
            raise UsageError(f"{price:g} is no price.", where=option, remedy="Give a number from 0 on.")
    return prices.model_copy(update={name: price for name, price in given.items() if price is not None})


def _own_arms(
    opened: Workspace, file: Path | None, prices: PriceSettings | None = None
) -> tuple[ArmSpecification, ...]:
    """Those of the file, or of the one that is set, whose path is relative to the workspace; and those of packages."""
    from instill.compare.arms.plugged import beside, brought_arms
    from instill.compare.arms.users_arms import read_arms
    from instill.compare.prices import Prices

    settings = opened.settings
    if file is None and settings.compare.arms:
        file = opened.path / expanded(settings.compare.arms)
    from_file = () if file is None else read_arms(file, Prices.of_settings(prices or settings.prices))
    return beside(from_file, brought_arms(settings.plugins.off))


def _list_arms(file: Path | None, workspace: str | None, as_json: bool) -> None:
    """The built-in arms, and those of the file or of the workspace, where there is one."""
    from instill.compare.arms.plugged import beside, brought_arms
    from instill.compare.arms.users_arms import read_arms
    from instill.compare.plan import ComparePlan
    from instill.compare.prices import FREE
    from instill.errors import WorkspaceError

    own: tuple[ArmSpecification, ...] = ()
    try:
        with Workspace.open(workspace) as opened:
            own = _own_arms(opened, file)
    except WorkspaceError:
        if workspace is not None:
            raise
        own = beside(() if file is None else read_arms(file, FREE), brought_arms())
    found = {name: each.about for name, each in ComparePlan(own=own).known.items()}
    if as_json:
        print_json({"arms": found})
    else:
        say(*(f"{name:24}  {about}" for name, about in found.items()))


def _accepting(plan: ComparePlan, opened: Workspace, acceptable: float | None) -> ComparePlan:
    """The plan with the loss that is acceptable: as it was asked for, else as it is set."""
    most = opened.settings.compare.acceptable_loss if acceptable is None else acceptable
    return replace(plan, rules=replace(plan.rules, acceptable=most))


def _run_lab(
    folder: Path,
    plan: ComparePlan,
    acceptable: float | None,
    train: bool,
    out: Path | None,
    as_json: bool,
    judging: JudgePlan | None,
) -> None:
    from instill.compare.laboratory import in_laboratory, open_laboratory

    found = open_laboratory(folder, seed=plan.seed)
    with found.workspace:
        _run(
            found.workspace,
            found.study,
            in_laboratory(found, _accepting(plan, found.workspace, acceptable), train=train),
            out,
            as_json,
            judging,
            title="Fine-tune or retrieve? The laboratory's world",
        )


def _run(
    workspace: Workspace,
    study: StoredStudy,
    plan: ComparePlan,
    out: Path | None,
    as_json: bool,
    judging: JudgePlan | None,
    title: str = "",
) -> None:
    from instill.common.progress_watch import Watch
    from instill.compare.comparing import compare as run
    from instill.compare.report.text import as_text
    from instill.compare.saved_reports import as_json as numbers
    from instill.compare.saved_reports import save

    with progress_bar("Comparing", hidden=as_json) as update:
        watch = Watch(lambda what: _say(what, as_json), update)
        compared = run(workspace, study, plan, title=title, commands=[typed()], judge=judging, watch=watch)
    page = save(compared, out or workspace.home / "reports" / compared.folder.name)
    if as_json:
        print_json({"report": str(page), **numbers(compared)})
        return
    say_block(as_text(compared.report))
    say(f"The report is in {page}", bold=True)


def _most(questions: str) -> int | None:
    """At most so many questions; "" is None.

    Raises:
        UsageError: it is no number from 20.
    """
    if not questions:
        return None
    if not questions.isdecimal() or int(questions) < 20:
        raise UsageError(
            "This is neither a number of questions nor feedback.",
            where=f"--questions {questions}",
            remedy="Write 20 or more, or: --questions feedback",
        )
    return int(questions)


def _study(workspace: Workspace, reference: str, as_json: bool, *, own: bool = False) -> StoredStudy:
    """The study set of this id, the newest, or one that is made now.

    Args:
        own: it is made now, with the questions that people judged.

    Raises:
        UsageError: there is no such study set, or nothing that was judged can be used.
    """
    from instill.cli.questions import judged_questions
    from instill.compare.asked_beforehand import FACTS
    from instill.study.stored_study import list_studies, open_study
    from instill.study.study_making import StudySettings
    from instill.study.study_workspace import study_workspace

    caller = workspace.caller()
    if own and reference:
        raise UsageError(
            "A study set has its own questions.", where=reference, remedy="Leave it out beside --questions feedback."
        )
    judged = judged_questions(workspace) if own else None
    if judged is None and (reference or list_studies(workspace.home, caller)):
        return open_study(workspace.home, reference, caller)
    if judged is None:
        _say("there is no study set yet: one is made, by rules (instill study make has settings for that)", as_json)
    else:
        _say(f"making a study set with {len(judged)} questions that people judged", as_json)
    with progress_bar("Making", hidden=as_json) as update:
        made = study_workspace(
            workspace,
            StudySettings(most_facts=FACTS),
            questions=judged,
            progress=lambda what, done, total: update(done, total, what),
        )
    _say(f"made study set {made.card.id}; look at it: instill study show {made.card.id}", as_json)
    return made


def _say(what: str, as_json: bool) -> None:
    """A line above the bar."""
    if not as_json:
        say(what, err=True)
