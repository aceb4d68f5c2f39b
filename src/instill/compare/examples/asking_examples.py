"""The needs "format" and "tone" of a comparison: arms asked for what example rows show.

Formats and tones come from a file of rows (`{"messages": [...]}`), not from documents. Some rows are held out and
asked; the others are there to learn from, for the arm with examples in the prompt and for training. The outcomes have
the task "format" or "tone", and are kept as those of `run_arms` are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

from instill.compare.examples.arms import ExampleArm, NearestExamples, PromptedArm, example_arms
from instill.compare.examples.rows import (
    asked_of,
    check_examples,
    groups_of,
    input_of,
    prompt_of,
    split_examples,
)
from instill.compare.examples.scores import FormatMeans, FormatScorer, Scorer, ToneScorer, format_means
from instill.compare.prices import FREE, Prices
from instill.compare.recording import Answered, Graded, Question, record_outcomes
from instill.compare.stored_outcomes import Recorded
from instill.errors import UsageError
from instill.measure.judging.scorer import Judged
from instill.study.study_set import digest
from instill.train.gate.conditions.format import ReplySchema
from instill.train.gate.conditions.tone_classifier import ToneClassifier
from instill.train.generator.data.rows import Row

__all__ = [
    "ExampleArm",
    "FormatMeans",
    "NearestExamples",
    "PromptedArm",
    "example_arms",
    "format_means",
    "learn_tone",
    "run_examples",
    "split_examples",
]

Need = Literal["format", "tone"]

OWN_REPLIES = "own-replies"
"""The folder beside the outcomes with what the base says to the rows that a tone is learned from."""

MOST_OWN_REPLIES = 200

_WRONG = Judged("wrong", 0.0, 0.0, 0.0, held=False)


def run_examples(
    rows_train: Sequence[Row],
    rows_held_out: Sequence[Row],
    arms: Sequence[ExampleArm],
    folder: Path,
    identity: str,
    *,
    need: Need,
    schema: ReplySchema | None = None,
    tone: ToneClassifier | None = None,
    prices: Prices = FREE,
    again_after_errors: bool = False,
    progress: Callable[[Answered], None] | None = None,
) -> list[Recorded]:
    """Ask every arm every held-out row, arm by arm; resumed as `run_arms` is.

    A tone that cannot be measured (`tone.reason`) is not asked for: the result is empty, and the verdict says that the
    need was not measured.

    Args:
        rows_train: what arms were shown or trained on.
        rows_held_out: see `split_examples`; of equal rows the first is asked.
        arms: each with a name of its own.
        folder: for `outcomes.jsonl` and `compare-prompts.jsonl`; it may be that of `run_arms` with the same identity.
        identity: names rows, schema, models and settings: whatever makes the same arm reply otherwise, or another reply
            right.
        schema: for a format: what replies have to follow.
        tone: for a tone: see `learn_tone`.
        prices: for the money of each outcome.
        again_after_errors: ask again where a generator failed in an earlier run.
        progress: called after every outcome.

    Returns:
        In the order of arms and rows.

    Raises:
        UsageError: a row cannot be used, its input or its group is among `rows_train`, there are no rows or arms, an
            arm is there twice, or there is no classifier for a tone.
        WorkspaceError: the files are damaged, in use, or of another identity.
    """
    scorer = _scorer(need, schema, tone)
    _check(rows_train, rows_held_out, arms, scorer)
    if need == "tone" and tone is not None and not tone.measurable:
        return []
    groups = groups_of(rows_held_out)
    asked = {_id_of(row): (row, group) for row, group in reversed(list(zip(rows_held_out, groups, strict=True)))}
    return record_outcomes(
        [_question(row, group, item, need, scorer) for item, (row, group) in reversed(asked.items())],
        arms,
        folder,
        identity,
        prices=prices,
        again_after_errors=again_after_errors,
        progress=progress,
    )


def learn_tone(
    rows_train: Sequence[Row],
    base: ExampleArm,
    folder: Path,
    identity: str,
    *,
    most: int = MOST_OWN_REPLIES,
    prices: Prices = FREE,
    progress: Callable[[Answered], None] | None = None,
) -> ToneClassifier:
    """Ask the base the training inputs, and learn to tell the taught replies from its own; resumed as `run_arms` is.

    Args:
        rows_train: with the taught replies; none of them may be asked later.
        base: the model as it is, best without instructions: with some that call for the tone, its own replies have it
            too, and only what they lack is measured.
        folder: that of `run_examples`; what the base says is kept in `own-replies` in it.
        identity: see `run_examples`.
        most: rows, from 1; of more, some are drawn.

    Raises:
        UsageError: a row cannot be used, or the base gave no reply at all.
        WorkspaceError: the files are damaged, in use, or of another identity.
    """
    if most < 1:
        raise UsageError(f"A tone cannot be learned from {most} rows.", remedy="Allow 1 or more.")
    drawn = sorted(rows_train, key=_id_of)[:most]
    own = run_examples(
        [], drawn, [base], folder / OWN_REPLIES, identity, need="format", prices=prices, progress=progress
    )
    said = [each for each in own if not each.error]
    if not said:
        raise UsageError(
            f"The model gave no reply to learn its own tone from: {own[0].error}",
            where=base.name,
            remedy="See its log.",
        )
    return ToneClassifier.fit(
        [each.outcome.expected[0] for each in said],
        [each.outcome.reply for each in said],
        groups=[each.outcome.group for each in said],
    )


def _scorer(need: Need, schema: ReplySchema | None, tone: ToneClassifier | None) -> Scorer:
    if need == "format":
        return FormatScorer(schema)
    if tone is None:
        raise UsageError("A tone is measured by a classifier, and there is none.", remedy="Make it with learn_tone.")
    return ToneScorer(tone)


def _check(rows_train: Sequence[Row], rows_held_out: Sequence[Row], arms: Sequence[ExampleArm], scorer: Scorer) -> None:
    names = [arm.name for arm in arms]
    if not names or len(set(names)) < len(names):
        raise UsageError("There is no arm, or one is there twice.", where=", ".join(names)[:200])
    if not rows_held_out:
        raise UsageError("There is no example to ask.", remedy="Hold some out.")
    check_examples(rows_held_out)
    shown = {key for row in rows_train for key in (("input", input_of(row)), ("group", row.group)) if key[1]}
    for row in rows_held_out:
        scorer.check(row)
        if ("input", input_of(row)) in shown or ("group", row.group) in shown:
            raise UsageError(
                "An example that is to be asked has its input, or its group, among those to learn from.",
                where=row.place or asked_of(row.prompt)[:80],
                remedy="Split them with split_examples.",
            )


def _id_of(row: Row) -> str:
    return digest([prompt_of(row), row.said, row.answers])


def _question(row: Row, group: str, item: str, need: Need, scorer: Scorer) -> Question[ExampleArm]:
    prompt, expected = prompt_of(row), (row.said, *row.answers)
    return Question(
        item=item,
        group=group,
        task=need,
        question=asked_of(row.prompt),
        expected=expected,
        prompt=prompt,
        put=lambda arm: arm.answer(prompt),
        grade=lambda reply: Graded(_WRONG if reply.error else scorer.judge(reply.text, expected)),
    )
