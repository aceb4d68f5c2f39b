"""The part of a comparison that asks for formats and tones: split, learn the tone, train, ask, put together.

Each need is by itself: its rows are split, a generator is fine-tuned on those to learn from (the same text may have one
reply in a format and another in a tone), and its outcomes are kept in a folder of its own, which does not hang on the
documents: a comparison after a document was added asks none of it again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from instill.common.made_from import keep_beside, together
from instill.common.progress_watch import Watch
from instill.compare.arms.protocol import counting_with
from instill.compare.examples.arms import IN_PROMPT, PROMPTED, TUNED, PromptedArm, example_arms
from instill.compare.examples.asking_examples import learn_tone, run_examples, split_examples
from instill.compare.examples.plan import NEEDS, ExamplesPlan, Need
from instill.compare.examples.scores import FormatScorer, format_means, tone_means
from instill.compare.plan import ComparePlan
from instill.compare.prices import Prices
from instill.compare.recording import Answered
from instill.compare.report.types import ExampleMeans
from instill.compare.stored_outcomes import Recorded, read_prompts
from instill.compare.tuned.train_arms import Replay, replay_of, tune_arm
from instill.compare.tuned.tuning_by_recipe import Tuned
from instill.errors import UsageError
from instill.measure.fact_costs import interval_dict
from instill.measure.outcomes import Preparation
from instill.measure.verdict import Way
from instill.models.generators.protocol import Generator
from instill.study.study_set import digest
from instill.train.gate.conditions.format import ReplySchema
from instill.train.gate.conditions.tone_classifier import ToneClassifier
from instill.train.generator.data.rows import Row, instructed, rows_hash

if TYPE_CHECKING:
    from instill.workspace import Workspace


class Models(Protocol):
    """Gives generators, see `LineUp.generator`."""

    def generator(self, candidate: str = "") -> Generator:
        """The base, or a candidate by its id."""
        ...

    def release(self) -> None:
        """Let go of the model that is in memory."""
        ...


@dataclass(frozen=True, slots=True)
class NeedRows:
    """One need's rows, split."""

    need: Need
    train: list[Row]
    held_out: list[Row]
    schema: ReplySchema | None = None


@dataclass(frozen=True, slots=True)
class ExamplePart:
    """What the rest of a comparison takes from it.

    Args:
        records: outcomes with the tasks "format" and "tone".
        preparations: of the arms that learn from examples.
        means: of each arm, for the report.
        missing: needs that could not be measured, and why.
        about: lines for the report.
        prompts: the text of the first prompt of each arm, by its id.
        numbers: for `--json`, by need.
    """

    records: list[Recorded] = field(default_factory=list)
    preparations: list[Preparation] = field(default_factory=list)
    means: list[ExampleMeans] = field(default_factory=list)
    missing: dict[str, str] = field(default_factory=dict)
    about: dict[str, str] = field(default_factory=dict)
    prompts: dict[str, str] = field(default_factory=dict)
    numbers: dict[str, dict[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Asked:
    """One need, asked."""

    numbers: dict[str, Any]
    records: list[Recorded] = field(default_factory=list)
    preparations: list[Preparation] = field(default_factory=list)
    means: list[ExampleMeans] = field(default_factory=list)
    prompts: Mapping[str, str] = field(default_factory=dict)
    tuned: Tuned | None = None
    why_not: str = ""


def example_needs(examples: ExamplesPlan | None, *, generator: bool, seed: int = 0) -> list[NeedRows]:
    """The needs that are asked for, with their rows split; nothing is asked yet.

    Args:
        examples: None for no need.
        generator: whether the workspace has one.
        seed: of the split.

    Raises:
        UsageError: there is no generator, a row cannot be asked or judged, or the rows cannot be split.
    """
    if examples is None:
        return []
    if not generator:
        raise UsageError(
            "Formats and tones are asked of a generator, and none is set.",
            where="generator",
            remedy="Set generator.folder or generator.base_url in instill.toml.",
        )
    found = []
    for need in NEEDS:
        rows = examples.rows(need)
        if rows:
            schema = ReplySchema(examples.schema) if need == "format" and examples.schema else None
            train, held_out = split_examples(rows, share=examples.share, seed=seed)
            if need == "format":
                for row in rows:
                    FormatScorer(schema).check(row)
            found.append(NeedRows(need, train, held_out, schema))
    return found


def run_example_part(
    needs: Sequence[NeedRows],
    workspace: Workspace,
    plan: ComparePlan,
    models: Models,
    *,
    prices: Prices,
    progress: Callable[[Answered], None] | None = None,
    watch: Watch | None = None,
) -> ExamplePart:
    """Ask each need's arms its held-out rows; what was asked and trained before is taken up.

    The arms are `instill.compare.examples.arms`; with `plan.tuning` one is fine-tuned, with replay of the base. Where
    both needs are measured, the arms that learn are named by their need: they have learned something else.

    Args:
        needs: see `example_needs`.
        models: the line-up of the comparison.
        watch: of training, and of stages.

    Raises:
        UsageError: training cannot be done, see `tune`.
        GeneratorError: the base gives no replies for replay.
        WorkspaceError: files are damaged or in use.
    """
    watch = watch or Watch()
    part = ExamplePart()
    for each in needs:
        asked = _asked(each, workspace, plan, models, prices, progress, watch)
        names = _names(each.need) if len(needs) > 1 else {}
        part.records.extend(_renamed(record, names) for record in asked.records)
        part.preparations.extend(replace(made, arm=names.get(made.arm, made.arm)) for made in asked.preparations)
        part.means.extend(replace(found, arm=names.get(found.arm, found.arm)) for found in asked.means)
        if asked.why_not:
            part.missing[each.need] = asked.why_not
        part.prompts.update(asked.prompts)
        part.numbers[each.need] = asked.numbers
        part.about.update(_about(each, asked, names))
    return part


def _asked(
    rows: NeedRows,
    workspace: Workspace,
    plan: ComparePlan,
    models: Models,
    prices: Prices,
    progress: Callable[[Answered], None] | None,
    watch: Watch,
) -> _Asked:
    assert plan.examples is not None, "there are needs"
    instructions = plan.examples.instructions
    numbers: dict[str, Any] = {"rows": len(rows.train) + len(rows.held_out), "asked": len(rows.held_out)}
    tone = None
    if rows.need == "tone":
        tone, why_not = _tone(rows, workspace, models, prices, progress, watch)
        numbers["tone"] = None if tone is None else {"auc": tone.auc, "pairs": tone.pairs}
        if why_not:
            return _Asked({**numbers, "why_not": why_not}, why_not=why_not)
    models.release()  # Training opens the base by itself.
    tuned = _tuned(rows, workspace, plan, watch)
    arms = example_arms(
        rows.train,
        models.generator(),
        workspace.encoder,
        instructions=instructions,
        tuned=None if tuned is None else models.generator(tuned.candidate),
        max_tokens=workspace.settings.generator.max_tokens,
    )
    identity = _identity(rows, workspace, plan, tuned)
    folder = _folder(rows, workspace, identity)
    watch.stage(f"asking {len(rows.held_out)} examples of a {rows.need} of {len(arms)} arms")
    records = run_examples(
        rows.train,
        rows.held_out,
        arms,
        folder,
        identity,
        need=rows.need,
        schema=rows.schema,
        tone=tone,
        prices=prices,
        again_after_errors=True,
        progress=progress,
    )
    prepared = [_prepared(arm.name, arm.seconds, 0.0, prices) for arm in arms if arm.name == IN_PROMPT]
    if tuned is not None:
        prepared.append(_prepared(TUNED, tuned.seconds, tuned.replay_seconds, prices))
        numbers["candidate"] = tuned.candidate
    numbers["outcomes"] = str(folder)
    found = format_means(records, rows.schema) if tone is None else tone_means(records, tone)
    names = ("valid", "f1", "exact") if tone is None else ("in_tone", "content", "right")
    numbers["means"] = [
        {
            "arm": each.arm,
            "questions": each.questions,
            **{name: interval_dict(getattr(each, name)) for name in names},
        }
        for each in found
    ]
    means = [ExampleMeans(rows.need, each.arm, each.questions, each.shown) for each in found]
    return _Asked(numbers, records, prepared, means, _first_prompts(folder, identity), tuned)


def _prepared(arm: str, seconds: float, replay: float, prices: Prices) -> Preparation:
    """An arm makes no fact answerable."""
    return Preparation(arm, seconds + replay, prices.of_seconds(seconds + replay), 0, 0.0, 0.0, replay)


def _tone(
    rows: NeedRows,
    workspace: Workspace,
    models: Models,
    prices: Prices,
    progress: Callable[[Answered], None] | None,
    watch: Watch,
) -> tuple[ToneClassifier | None, str]:
    """The classifier, and why there is none that can be used."""
    watch.stage("learning the tone from what the model says itself")
    # Without the plan's instructions, which may call for the tone; and the same whatever is trained later.
    base = PromptedArm(
        "base",
        models.generator(),
        counting_with(workspace.encoder),
        max_tokens=workspace.settings.generator.max_tokens,
    )
    identity = digest([rows_hash(rows.train), *_generator_of(workspace)])
    folder = _folder(rows, workspace, identity)
    try:
        tone = learn_tone(rows.train, base, folder, identity, prices=prices, progress=progress)
    except UsageError as error:  # The rows were checked: no reply came.
        return None, str(error)
    return tone, tone.reason


def _tuned(rows: NeedRows, workspace: Workspace, plan: ComparePlan, watch: Watch) -> Tuned | None:
    if plan.tuning is None:
        return None
    assert plan.examples is not None, "there are needs"
    folder = workspace.home / "compare" / "arms"
    # Where none is shown, the base is not asked for it either.
    replay = replay_of(workspace, plan, folder, watch) if plan.tuning.replay_share else Replay((), ())
    # As the arm is asked afterwards: with the instructions.
    taught = [instructed(row, plan.examples.instructions).as_line() for row in rows.train]
    return tune_arm(workspace, plan.tuning, rows.need, taught, replay, folder, watch, on=plan.on)


def _identity(rows: NeedRows, workspace: Workspace, plan: ComparePlan, tuned: Tuned | None) -> str:
    """Names all that makes an arm reply otherwise, or another reply right."""
    examples = plan.examples
    assert examples is not None, "there are needs"
    schema = examples.schema.read_text(encoding="utf-8") if rows.schema and examples.schema else ""
    return digest(
        [
            rows.need,
            rows_hash(rows.train),
            rows_hash(rows.held_out),
            schema,
            examples.instructions,
            workspace.encoder.fingerprint,
            *_generator_of(workspace),
            tuned.candidate if tuned else "",
        ]
    )


def _generator_of(workspace: Workspace) -> list[Any]:
    settings = workspace.settings.generator
    base = ""
    if settings.folder:
        from instill.models.generators.model_hash import model_hash

        base = model_hash(Path(settings.folder))
    return [base, settings.gguf, settings.plugin, settings.base_url, settings.model, settings.max_tokens]


def _folder(rows: NeedRows, workspace: Workspace, identity: str) -> Path:
    folder = workspace.home / "compare" / "examples" / f"{rows.need}-{identity}"
    folder.mkdir(parents=True, exist_ok=True)
    keep_beside(folder, together(row.made_from for row in (*rows.train, *rows.held_out)))
    return folder


def example_ways() -> dict[str, Way]:
    """What a person does who chooses one of these arms, by the names that they have in a comparison."""
    ways = {PROMPTED: Way("write instructions")}
    for need in NEEDS:
        names = _names(need)
        ways[names[IN_PROMPT]] = Way("put examples into the prompt")
        ways[names[TUNED]] = Way("fine-tune")
    return ways


def _names(need: Need) -> dict[str, str]:
    """One name would stand for two candidates, or two selections of examples."""
    return {IN_PROMPT: f"{need} {IN_PROMPT}", TUNED: f"fine-tuned on {need} examples"}


def _renamed(record: Recorded, names: Mapping[str, str]) -> Recorded:
    arm = record.outcome.arm
    return replace(record, outcome=replace(record.outcome, arm=names.get(arm, arm)))


def _first_prompts(folder: Path, identity: str) -> dict[str, str]:
    found: dict[str, tuple[str, str]] = {}
    for line in read_prompts(folder, identity):
        said = "\n\n".join(f"{message['role']}: {message['content']}" for message in line["messages"])
        found.setdefault(str(line["arm"]), (str(line["id"]), said))
    return dict(found.values())


def _about(rows: NeedRows, asked: _Asked, names: Mapping[str, str]) -> dict[str, str]:
    found = {f"{rows.need} examples": f"{len(rows.train)} to learn from, {len(rows.held_out)} asked"}
    tone = asked.numbers.get("tone")
    if tone and tone["auc"] is not None:
        found["tone"] = (
            f"told by a classifier from what the model says itself: AUC {tone['auc']:.2f} on {tone['pairs']} pairs"
        )
    for each in asked.numbers.get("means", ()) if rows.need == "format" else ():
        valid = "" if each["valid"] is None else f"valid {each['valid']['mean']:.2f}, "
        of = "words" if each["valid"] is None else "fields"
        said = f"{valid}F1 of {of} {each['f1']['mean']:.2f}, the same {each['exact']['mean']:.2f}"
        found[f"format, {names.get(each['arm'], each['arm'])}"] = said
    if asked.tuned is not None:
        found[f"{names.get(TUNED, TUNED)} candidate"] = f"{asked.tuned.candidate}, {asked.tuned.seconds:.1f} s"
    return found
