"""What edits did, by what the model says: never by the likelihood of tokens that are given to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import exp, log
from typing import Any

from torch import Tensor

from instill.common.plurals import counted
from instill.measure.judging.scorer import judge
from instill.measure.statistics.interval_type import Interval
from instill.measure.statistics.percentile_bootstrap import bootstrap_interval
from instill.train.editing.edit_prompts import Edit
from instill.train.gate.decision_rules import Decision, fewest_for_loss, loss_outcome
from instill.train.gate.verdict import Condition, not_checked
from instill.train.generator.data.examples import Example
from instill.train.generator.data.rows import Row
from instill.train.generator.loop.replies import log_likelihoods, replies

TOLERANCE = 0.02
"""Of answers to other questions that may be lost."""

WORDINGS_NEEDED = 0.5
PERPLEXITY_RISE = 0.1
NORM_RISE = 0.25
MAX_TOKENS = 48


@dataclass(frozen=True, slots=True)
class Said:
    """What a model says.

    Args:
        edits: the reply to each edit's own prompt.
        wordings: whether each other wording is answered with its edit's value.
        kept: whether each row of what must stay is answered as it is.
        loss: of the texts that must stay, in nats a token; 0 without any.
    """

    edits: tuple[str, ...]
    right: tuple[bool, ...]
    wordings: tuple[bool, ...]
    kept: tuple[bool, ...]
    loss: float


def said_by(
    model: Any,
    tokenizer: Any,
    edits: Sequence[Edit],
    wordings: Sequence[tuple[str, str]],
    kept: Sequence[Row],
    texts: Sequence[Example],
) -> Said:
    """Ask a model.

    Args:
        wordings: questions that no edit was made with, each with its value.
        kept: rows with messages.
    """
    questions = [edit.prompt for edit in edits] + [question for question, _ in wordings]
    prompts: list[Any] = [[{"role": "user", "content": each}] for each in questions]
    found = replies(model, tokenizer, [*prompts, *(row.prompt for row in kept)], max_tokens=MAX_TOKENS)
    values = [edit.value for edit in edits] + [value for _, value in wordings]
    right = [
        judge(reply, (value,), question=question).right == 1
        for reply, value, question in zip(found, values, questions, strict=False)
    ]
    same = [
        judge(reply, (row.said, *row.answers), question="").right == 1
        for reply, row in zip(found[len(questions) :], kept, strict=True)
    ]
    total, count = 0.0, 0
    for each, tokens in log_likelihoods(model, texts) if texts else ():
        total, count = total - each, count + tokens
    first = len(edits)
    return Said(tuple(found[:first]), tuple(right[:first]), tuple(right[first:]), tuple(same), total / max(1, count))


def conditions(
    before: Said, after: Said, rows: Sequence[Row], weights: Mapping[str, Tensor], known: Mapping[str, Tensor]
) -> list[Condition]:
    """Whether edits may be used: said, in other words too, and nothing else lost.

    Args:
        rows: those of `kept`.
        weights, known: what changed, and what was there before, by name.
    """
    outcome: Decision
    found = [_share("edits", "new values are said", after.right, 1.0)]
    if after.wordings:
        found.append(
            _share("wordings", "other wordings are answered with the new value", after.wordings, WORDINGS_NEEDED)
        )
    else:
        why = "the edits have one wording each; name others with --wording TEXT, or give the relation as a noun."
        found.append(not_checked("wordings", f"In other words the model was not asked: {why}", limit=WORDINGS_NEEDED))
    if not any(before.kept):
        found.append(not_checked("kept", _nothing_kept(before.kept), limit=TOLERANCE, rows=len(before.kept)))
    else:
        groups = [row.group or str(number) for number, row in enumerate(rows)]
        lost = bootstrap_interval([float(b) - float(a) for b, a in zip(before.kept, after.kept, strict=True)], groups)
        tolerance = TOLERANCE if fewest_for_loss(TOLERANCE) <= len(before.kept) else 0.1
        counts = f"{sum(before.kept)} of {len(before.kept)} were right before, {sum(after.kept)} are now"
        found.append(
            Condition(
                "kept", loss_outcome(lost, tolerance), lost, tolerance, f"Rows of what must stay: {counts}.",
                len(before.kept), 0, sum(before.kept) / len(before.kept), sum(after.kept) / len(after.kept),
            )
        )  # fmt: skip
    if not before.loss:
        why = "There is no text to measure the perplexity on: no rows of --keep, and no documents."
        found.append(not_checked("perplexity", why, limit=PERPLEXITY_RISE))
    else:
        rise = exp(after.loss - before.loss) - 1
        said = f"The perplexity of texts that must stay rises by {rise:.1%}, from {exp(before.loss):.2f}."
        outcome = "passed" if after.loss - before.loss <= log(1 + PERPLEXITY_RISE) else "failed"
        found.append(Condition("perplexity", outcome, _exact(rise), PERPLEXITY_RISE, said, len(before.right)))
    norm = max(float(value.norm() / known[name].norm()) for name, value in weights.items())
    said = f"The norm of the matrix that changed is {norm:.2f} times what it was before."
    outcome = "passed" if norm <= 1 + NORM_RISE else "failed"
    found.append(Condition("norm", outcome, _exact(norm), 1 + NORM_RISE, said, 1))
    return found


def _nothing_kept(kept: Sequence[bool]) -> str:
    if not kept:
        return "What else the model can do is not known: name rows of it with --keep FILE."
    return f"The model answers none of the {counted(len(kept), 'row')} of --keep rightly, so it could lose none."


def _share(name: str, noun: str, right: Sequence[bool], needed: float) -> Condition:
    share = sum(right) / len(right)
    said = f"{sum(right)} of {len(right)} {noun}; {needed:.0%} are needed."
    return Condition(name, "passed" if share >= needed else "failed", _exact(share), needed, said, len(right))


def _exact(value: float) -> Interval:
    return Interval(value, value, value)
