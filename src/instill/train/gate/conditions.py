"""From what base and candidate say to conditions, a function for each section of the gate.

`level` is that of every interval.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from math import exp, isfinite, isnan, log1p
from statistics import fmean
from typing import TYPE_CHECKING, Literal

from instill.measure.judging.refusals import is_refusal
from instill.measure.judging.scorer import question_in
from instill.measure.statistics.exact_share import share_interval
from instill.measure.statistics.interval_type import Interval
from instill.train.gate.damaged_reply import TAIL, far_below, fault_of, special_marks
from instill.train.gate.decision_rules import (
    FEWEST,
    LEVEL,
    SLACK,
    Decision,
    gain_outcome,
    loss_outcome,
    paired,
    per_token,
    rows_for_gain,
    rows_for_loss,
    rows_for_share,
    rows_for_tokens,
)
from instill.train.gate.rows import GateRows
from instill.train.gate.schema import ReplySchema
from instill.train.gate.scoring import Scoring, score
from instill.train.gate.sentences import gain_sentence, loss_sentence, share_sentence
from instill.train.gate.specification import Forgetting
from instill.train.gate.verdict import Condition
from instill.train.generator.data.rows import Row

if TYPE_CHECKING:
    from instill.train.gate.probes import Probe  # torch, which a comparison without training does not need

_LARGEST = 50.0  # Nats; exp of much more is no number any longer.


def gain(
    base: Probe, candidate: Probe, rows: GateRows, at_least: float, scoring: Scoring, *, level: float = LEVEL
) -> Condition:
    """Better than the base by more than `at_least`, proven."""
    before, after = (scores(probe, rows.asking, scoring) for probe in (base, candidate))
    differences = _minus(after, before)
    groups = rows.asking.groups
    found = paired(differences, groups, level=level)
    outcome = gain_outcome(found, at_least, level=level)
    needed = rows_for_gain(differences, at_least, groups, level=level) if outcome == "undecided" else 0
    sides = fmean(before), fmean(after)
    many = len(set(groups))
    said = gain_sentence(found, at_least, outcome, len(differences), needed, sides, groups=many, level=level)
    return Condition("gain", outcome, found, at_least, said, len(differences), needed, *sides)


def changed_score(
    name: str,
    noun: str,
    base: Probe,
    candidate: Probe,
    rows: GateRows,
    tolerance: float,
    scoring: Scoring,
    *,
    sign: Literal[-1, 1],
    level: float = LEVEL,
) -> Condition:
    """A score that may not drop (`sign` -1), or may not rise (1)."""
    before, after = (scores(probe, rows.asking, scoring) for probe in (base, candidate))
    return _loss(name, noun, before, after, rows.asking.groups, tolerance, sign=sign, level=level)


def forgotten_tokens(
    base: Probe, candidate: Probe, rows: GateRows, wanted: Forgetting, *, level: float = LEVEL
) -> Iterable[Condition]:
    """Perplexity and divergence, over the supervised tokens of rows and texts."""
    if wanted.perplexity_rise is not None:
        before, after = base.log_likelihoods(rows), candidate.log_likelihoods(rows)
        counts = [count for _, count in before]
        lost = per_token(
            _minus([total for total, _ in before], [total for total, _ in after]), counts, rows.groups, level=level
        )
        outcome, needed = _token_outcome(lost, log1p(wanted.perplexity_rise), counts)
        risen = Interval(*(exp(min(each, _LARGEST)) - 1 for each in (lost.mean, lost.low, lost.high)))
        sides = [exp(min(-_per_token(each), _LARGEST)) for each in (before, after)]
        yield _loss_condition(
            "forgetting.perplexity",
            "The rise of the perplexity",
            risen,
            wanted.perplexity_rise,
            outcome,
            len(rows),
            needed,
            sides,
            ruled_out=(1 + wanted.perplexity_rise) ** SLACK - 1,
        )
    if wanted.kl is not None:
        moved = candidate.divergences(base, rows)
        counts = [count for _, count in moved]
        found = per_token([total for total, _ in moved], counts, rows.groups, level=level)
        outcome, needed = _token_outcome(found, wanted.kl, counts)
        noun = "The divergence from the base, in nats per token,"
        yield _loss_condition("forgetting.kl", noun, found, wanted.kl, outcome, len(rows), needed, (0.0, found.mean))


def kept_abstention(
    base: Probe, candidate: Probe, rows: GateRows, phrases: Sequence[str], tolerance: float, *, level: float = LEVEL
) -> Condition:
    """What is rightly refused may not become less."""
    before, after = (refused(probe, rows.asking, phrases) for probe in (base, candidate))
    noun = "The drop of the share of questions without an answer that is refused"
    return _loss("abstention.kept", noun, before, after, rows.asking.groups, tolerance, sign=-1, level=level)


def over_refusal(
    base: Probe,
    candidate: Probe,
    answerable: Sequence[GateRows],
    phrases: Sequence[str],
    tolerance: float,
    *,
    level: float = LEVEL,
) -> Condition:
    """What is wrongly refused may not become more."""
    before: list[float] = []
    after: list[float] = []
    groups: list[str] = []
    for rows in answerable:
        places = [
            place
            for place, accepted in enumerate(rows.asking.accepted)
            if not any(is_refusal(answer, phrases) for answer in accepted)
        ]
        for side, probe in ((before, base), (after, candidate)):
            found = refused(probe, rows.asking, phrases)
            side += [found[place] for place in places]
        groups += rows.asking.some(places).groups
    noun = "The rise of the share of answerable questions that is refused"
    return _loss("abstention.over_refusal", noun, before, after, groups, tolerance, sign=1, level=level)


def valid_format(
    candidate: Probe, rows: GateRows, schema: ReplySchema, valid: float, *, level: float = LEVEL
) -> Condition:
    """The share of replies that follow the schema."""
    bad = sum(not schema.accepts(reply) for reply in candidate.replies(rows.asking))
    return _share_condition("format", "replies do not follow the schema", bad, len(rows.asking), 1 - valid, level)


def sound_text(
    base: Probe, candidate: Probe, asked: Sequence[GateRows], tolerance: float, *, level: float = LEVEL
) -> Condition:
    """The share of replies that are empty, run in circles, end in garbage, are random, or show the chat format."""
    found: Counter[str] = Counter()
    count = 0
    for rows in asked:
        faults = degenerate(base, candidate, rows.asking)
        found.update(fault for fault in faults if fault)
        count += len(faults)
    each = ", ".join(f"{number} {fault}" for fault, number in found.most_common())
    noun = "replies are damaged text" + (f" ({each})" if each else "")
    return _share_condition("text", noun, found.total(), count, tolerance, level)


def degenerate(base: Probe, candidate: Probe, rows: GateRows) -> list[str]:
    """What is wrong with each of the candidate's replies, "" for nothing; not where the right answer is so too."""
    said = candidate.replies(rows)
    answered = [place for place, accepted in enumerate(rows.accepted) if accepted]
    known = rows.some(answered)
    unlikely = [False] * len(said)
    for last in (None, TAIL):
        wanted = base.likelihoods_of(known, [accepted[0] for accepted in known.accepted], last=last)
        far = far_below(base.likelihoods_of(rows, said, last=last), [each for each in wanted if not isnan(each)])
        unlikely = [one or other for one, other in zip(unlikely, far, strict=True)]
    marks = special_marks(candidate.tokenizer)
    return [
        fault_of(reply, accepted, marks=marks) or ("random" if far else "")
        for far, reply, accepted in zip(unlikely, said, rows.accepted, strict=True)
    ]


def scores(probe: Probe, rows: GateRows, scoring: Scoring) -> list[float]:
    """Of each row, 0 to 1."""
    said = probe.replies(rows)
    return [
        score(reply, accepted, scoring, question=question_of(row))
        for reply, accepted, row in zip(said, rows.accepted, rows.rows, strict=True)
    ]


def refused(probe: Probe, rows: GateRows, phrases: Sequence[str]) -> list[float]:
    """Of each row, 1 where the reply is a refusal."""
    said = zip(probe.replies(rows), rows.rows, strict=True)
    return [float(is_refusal(reply, phrases, question=question_of(row))) for reply, row in said]


def question_of(row: Row) -> str:
    """What the last turn of the prompt asks, without what stands around it."""
    return question_in(str(row.prompt[-1].get("content") or "")) if row.prompt else ""


def _loss(
    name: str,
    noun: str,
    before: Sequence[float],
    after: Sequence[float],
    groups: Sequence[str],
    tolerance: float,
    *,
    sign: int,
    level: float,
) -> Condition:
    differences = [sign * each for each in _minus(after, before)]
    found = paired(differences, groups, level=level)
    outcome = loss_outcome(found, tolerance)
    needed = rows_for_loss(differences, tolerance, groups, level=level) if outcome == "undecided" else 0
    sides = fmean(before), fmean(after)
    return _loss_condition(name, noun, found, tolerance, outcome, len(differences), needed, sides)


def _token_outcome(found: Interval, tolerance: float, counts: Sequence[int]) -> tuple[Decision, int]:
    if not isfinite(found.mean):
        return "failed", 0
    rows = sum(count > 0 for count in counts)
    outcome = loss_outcome(found, tolerance)
    if outcome == "passed" and rows < FEWEST:
        outcome = "undecided"
    return outcome, rows_for_tokens(found, rows, tolerance) if outcome == "undecided" else 0


def _loss_condition(
    name: str,
    noun: str,
    found: Interval,
    tolerance: float,
    outcome: Decision,
    rows: int,
    needed: int,
    sides: Sequence[float],
    ruled_out: float | None = None,
) -> Condition:
    said = loss_sentence(noun, found, tolerance, outcome, rows, needed, sides, ruled_out=ruled_out)
    return Condition(name, outcome, found, tolerance, said, rows, needed, *sides)


def _share_condition(name: str, noun: str, bad: int, rows: int, tolerance: float, level: float) -> Condition:
    found = share_interval(bad, rows, level=level)
    outcome = loss_outcome(found, tolerance)
    needed = rows_for_share(bad, rows, tolerance, level=level) if outcome == "undecided" else 0
    said = share_sentence(noun, bad, rows, found, tolerance, outcome, needed)
    return Condition(name, outcome, found, tolerance, said, rows, needed, after=found.mean)


def _per_token(found: Sequence[tuple[float, int]]) -> float:
    return sum(total for total, _ in found) / max(1, sum(count for _, count in found))


def _minus(left: Sequence[float], right: Sequence[float]) -> list[float]:
    return [one - other for one, other in zip(left, right, strict=True)]
