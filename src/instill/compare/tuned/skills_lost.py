"""What a tuned model lost of what its base could do: old tasks, perplexity, reading, refusing.

Base and candidate reply to the same rows at temperature 0, so a loss is paired, row by row, and its interval counts
groups of rows whole (`instill.measure.statistics.grouped_mean_interval`).

- "old tasks": right replies to the retention rows, by `scoring`.
- "perplexity": of what the retention rows say. A row's loss is the rise of its mean negative log-likelihood per token,
  in nats; rows count equally, however long. Before and after are exp of the means over rows, so that the loss is the
  logarithm of their ratio: 0.1 is a rise by 10.5%.
- "reading": whether the right answer comes, alone or in a sentence, from the passages in the prompt.
- "refusals": whether it says that it does not know where the passages do not answer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import exp, nan
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from instill.answer.said.reply import read_reply
from instill.common.progress_watch import Told, nobody
from instill.compare.report.types import Kept
from instill.errors import UsageError
from instill.measure.judging.refusals import PHRASES
from instill.measure.judging.scorer import judge, question_in
from instill.measure.statistics.grouped_mean_interval import group_interval
from instill.measure.statistics.grouping import check_between
from instill.train.gate.rows import GateRows, as_gate_rows
from instill.train.gate.scores_of_rows import scores
from instill.train.gate.scoring import Scoring
from instill.train.generator.data.rows import Row

if TYPE_CHECKING:
    from instill.train.gate.probes import Probe

Numbers = NDArray[np.float64]
Skill = Literal["old tasks", "perplexity", "reading", "refusals"]

ALLOWED: Mapping[str, float] = MappingProxyType(
    {"old tasks": 0.05, "perplexity": 0.1, "reading": 0.05, "refusals": 0.05}
)
"""How much of each skill may be lost; of the perplexity, in logarithms."""

SHORT_REPLY = 64
"""Most tokens of a reply."""

_LARGEST = 50.0  # Nats per token; exp of much more is no number any longer.
_LOST = 1.0  # Nats per token by which a row is lost as a whole.


@dataclass(frozen=True, slots=True)
class _Measured:
    """A skill, its rows, and how a model's value on each of them is found."""

    skill: Skill
    rows: GateRows
    values: Callable[[Probe, GateRows], list[float]]


def forgetting(
    base: Path,
    candidates: Mapping[str, Sequence[Path]],
    *,
    retention: Sequence[Row] = (),
    reading: Sequence[Row] = (),
    refusals: Sequence[Row] = (),
    level: float = 0.95,
    allowed: float | Mapping[str, float] = ALLOWED,
    scoring: Scoring = "exact",
    cites: bool = False,
    max_tokens: int = SHORT_REPLY,
    told: Told = nobody,
) -> list[Kept]:
    """Measure what each candidate lost against its base; one model is in memory at a time.

    Args:
        base: folder of the model that all candidates were made from.
        candidates: by arm, the folders of its candidates; of several (seeds), the mean of each row counts.
        retention: what was known before, conversations or texts; of texts only the perplexity is taken.
        reading: prompts with passages that answer, see `instill.compare.tuned.skill_rows.reading_rows_of`.
        refusals: prompts with passages that do not answer, see `instill.compare.tuned.skill_rows.refusal_rows_of`.
        level: of the intervals, above 0 and below 1.
        allowed: the tolerance, above 0: one for all, or by skill.
        scoring: of the replies to the retention rows.
        cites: whether reading and refusal prompts ask for markers and quotes, as `instill.compare.arms.prompts.RULES`.
        max_tokens: longer replies are cut.
        told: how many replies to the rows of a skill are written, of how many, and whose.

    Returns:
        By arm and skill, in the order of `candidates` and of the list above; a skill without rows is left out.

    Raises:
        UsageError: the base is no model, a row cannot be measured on, or a setting is out of its range; except for the
            first, before any model is asked.
        WorkspaceError: a candidate is damaged or does not fit the base.
    """
    from instill.models.generators.transformers_models import open_model, open_tokenizer
    from instill.train.gate.probes import Probe

    tokenizer = open_tokenizer(base)
    measured = _measured(retention, reading, refusals, tokenizer, scoring, cites)
    check_between(level, "level")
    tolerances = [_tolerance(allowed, each.skill) for each in measured]
    for arm, folders in candidates.items():
        if not folders:
            raise UsageError(
                "An arm has no candidate to measure.", where=arm, remedy="Name the folder of at least one."
            )
    if not measured or not candidates:
        return []

    def values(candidate: Path | None, whose: str) -> list[Numbers]:
        def replied(done: int, total: int) -> None:
            told(done, total, f"replies: {whose}")

        probe = Probe(open_model(base, candidate=candidate), tokenizer, max_tokens=max_tokens, told=replied)
        return [np.asarray(each.values(probe, each.rows), np.float64) for each in measured]

    before = values(None, "the model as it is")
    found = []
    for arm, folders in candidates.items():
        after = [values(folder, arm) for folder in folders]
        for place, each in enumerate(measured):
            first, last = before[place], np.mean([one[place] for one in after], axis=0)
            counted = np.flatnonzero(np.isfinite(first)).tolist()
            if counted:
                groups = [each.rows.groups[number] for number in counted]
                allow = tolerances[place]
                found.append(
                    loss_of(arm, each.skill, first[counted], last[counted], groups, level=level, allowed=allow)
                )
    return found


def loss_of(
    arm: str,
    skill: Skill,
    before: ArrayLike,
    after: ArrayLike,
    groups: Sequence[str],
    *,
    level: float = 0.95,
    allowed: float = 0.05,
) -> Kept:
    """What became of one skill, from its values on the same rows.

    The interval of the perplexity needs the ends of a scale that has none (`group_interval`). They are the largest
    change of a row, on both sides, and 1 nat at least: a row whose tokens became e times less likely is lost as a
    whole, and a few rows without such a loss do not prove that there is none.

    Args:
        before, after: `(rows,)`, of base and arm: scores from 0 to 1; for "perplexity" mean negative log-likelihoods in
            nats per token.
        groups: what fails together, of each row.
        level: of the interval.
        allowed: the tolerance, above 0.

    Raises:
        UsageError: `level` is not between 0 and 1.
        ValueError: there are no values, or not as many of each.

    Example:
        >>> groups = [f"fact {number}" for number in range(40)]
        >>> found = loss_of("tuned", "reading", [1.0] * 40, [1.0] * 30 + [0.0] * 10, groups)
        >>> print(found.before, found.after, found.loss, found.state)
        1.0 0.75 0.250 [0.086, 0.412] lost
        >>> found = loss_of("tuned", "perplexity", [1.0] * 40, [1.5] * 40, groups, allowed=0.1)
        >>> print(f"{found.before:.3f} {found.after:.3f} {found.loss} {found.state}")
        2.718 4.482 0.500 [0.367, 0.544] lost
    """
    first, last = np.asarray(before, np.float64), np.asarray(after, np.float64)
    if first.shape != last.shape:
        raise ValueError(f"{first.shape} values before and {last.shape} after")
    if skill != "perplexity":
        loss = group_interval(first - last, groups, level=level)
        return Kept(arm, skill, float(first.mean()), float(last.mean()), loss, allowed)
    risen = last - first
    reach = max(float(np.abs(risen).max(initial=0.0)), _LOST)
    loss = group_interval(risen, groups, level=level, scale=(-reach, reach))
    return Kept(arm, skill, exp(float(first.mean())), exp(float(last.mean())), loss, allowed)


def _measured(
    retention: Sequence[Row],
    reading: Sequence[Row],
    refusals: Sequence[Row],
    tokenizer: Any,
    scoring: Scoring,
    cites: bool,
) -> list[_Measured]:
    """The skills that have rows, checked."""
    found: list[_Measured] = []
    known = as_gate_rows(retention, tokenizer, Path("retention rows"))
    answered = known.some([place for place, row in enumerate(known.rows) if row.prompt and known.accepted[place]])
    if len(answered):
        answered.check_scored(scoring, "old tasks")
        found.append(_Measured("old tasks", answered, lambda probe, rows: scores(probe, rows, scoring)))
    told = known.some([place for place, row in enumerate(known.rows) if row.text or known.accepted[place]])
    if len(told):
        found.append(_Measured("perplexity", told, _surprises))
    if reading:
        read = as_gate_rows(reading, tokenizer, Path("reading rows"))
        read.check_scored("exact", "reading")
        found.append(_Measured("reading", read.asking, lambda probe, rows: _read(probe, rows, cites)))
    if refusals:
        refused = as_gate_rows(refusals, tokenizer, Path("refusal rows"))
        refused.check_asking("refusals")
        found.append(_Measured("refusals", refused.asking, lambda probe, rows: _refused(probe, rows, cites)))
    return found


def _tolerance(allowed: float | Mapping[str, float], skill: str) -> float:
    found = allowed.get(skill, ALLOWED[skill]) if isinstance(allowed, Mapping) else allowed
    if not found > 0:
        raise UsageError(f"The tolerance {found:g} is not above 0.", where=skill, remedy="E.g. 0.05")
    return found


def _surprises(probe: Probe, rows: GateRows) -> list[float]:
    """Mean negative log-likelihood per token, at most `_LARGEST`; nan where all that is supervised was cut off."""
    found = []
    for total, count in probe.log_likelihoods(rows):
        mean = -total / max(1, count)
        known = mean if mean < _LARGEST else _LARGEST  # Also where the model gives no number.
        found.append(known if count else nan)
    return found


def _read(probe: Probe, rows: GateRows, cites: bool) -> list[float]:
    found = []
    for row, accepted, reply in zip(rows.rows, rows.accepted, probe.replies(rows), strict=True):
        text, abstained = _as_answer(reply, cites)
        found.append(judge(text, accepted, question=_question_of(row), abstained=abstained).right)
    return found


def _refused(probe: Probe, rows: GateRows, cites: bool) -> list[float]:
    found = []
    for row, accepted, reply in zip(rows.rows, rows.accepted, probe.replies(rows), strict=True):
        text, abstained = _as_answer(reply, cites)
        found.append(
            judge(text, (), abstained=abstained, question=_question_of(row), phrases=(*PHRASES, *accepted)).right
        )
    return found


def _as_answer(reply: str, cites: bool) -> tuple[str, bool | None]:
    """What the reply says without markers and quotes, and whether it says itself that it abstains, as arms read it."""
    if not cites or not reply:
        return reply, None
    parsed = read_reply(reply)
    if parsed.unknown:
        return reply, True
    return " ".join(statement.text for statement in parsed.statements) or reply, None


def _question_of(row: Row) -> str:
    """What stands behind the passages in the prompts of `instill.compare.arms.prompts`; "" in others."""
    asked = str(row.prompt[-1].get("content") or "")
    return question_in(asked) if "Question:" in asked else ""
