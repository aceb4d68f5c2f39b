"""From what base and candidate say to conditions, a function for each section of the gate.

`level` is that of every interval.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import exp, isfinite, isnan, log1p
from statistics import fmean

from instill.gate.deciding import (
    FEWEST,
    LEVEL,
    Outcome,
    gain_outcome,
    loss_outcome,
    paired,
    per_token,
    rows_for_gain,
    rows_for_loss,
    rows_for_share,
    rows_for_tokens,
    share,
)
from instill.gate.degenerate import far_below, is_garbled, is_loop
from instill.gate.probes import Probe
from instill.gate.refusals import is_refusal
from instill.gate.rows import GateRows
from instill.gate.schema import ReplySchema
from instill.gate.scoring import Scoring, score
from instill.gate.specification import Forgetting
from instill.gate.verdict import Condition
from instill.measure.paired import Interval

_LARGEST = 50.0  # Nats; exp of much more is no number any longer.


def gain(
    base: Probe, candidate: Probe, rows: GateRows, at_least: float, scoring: Scoring, *, level: float = LEVEL
) -> Condition:
    """Better than the base by more than `at_least`, proven."""
    before, after = (scores(probe, rows.asking, scoring) for probe in (base, candidate))
    differences = _minus(after, before)
    groups = rows.asking.groups
    found = paired(differences, groups, level=level)
    outcome = gain_outcome(found, at_least)
    needed = rows_for_gain(differences, at_least, groups, level=level) if outcome == "undecided" else 0
    sides = fmean(before), fmean(after)
    shown = f"The gain of {found} (from {sides[0]:.3g} to {sides[1]:.3g})"
    said = {
        "passed": f"{shown} is above {at_least:g}.",
        "failed": f"{shown} is not above {at_least:g}.",
        "undecided": f"{shown} is not proven to be above {at_least:g} by {len(differences)} rows; "
        f"if it stays, about {needed} rows would prove it.",
    }[outcome]
    return Condition("gain", outcome, found, at_least, said, len(differences), needed, *sides)


def lost_score(
    name: str,
    noun: str,
    base: Probe,
    candidate: Probe,
    rows: GateRows,
    tolerance: float,
    scoring: Scoring,
    *,
    level: float = LEVEL,
) -> Condition:
    """A score that may not drop."""
    before, after = (scores(probe, rows.asking, scoring) for probe in (base, candidate))
    return _loss(name, noun, before, after, rows.asking.groups, tolerance, sign=-1, level=level)


def risen_score(
    name: str,
    noun: str,
    base: Probe,
    candidate: Probe,
    rows: GateRows,
    tolerance: float,
    scoring: Scoring,
    *,
    level: float = LEVEL,
) -> Condition:
    """A score that may not rise."""
    before, after = (scores(probe, rows.asking, scoring) for probe in (base, candidate))
    return _loss(name, noun, before, after, rows.asking.groups, tolerance, sign=1, level=level)


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
    """The share of replies that run in circles or are random."""
    bad = count = 0
    for rows in asked:
        found = degenerate(base, candidate, rows.asking)
        bad += sum(found)
        count += len(found)
    return _share_condition("text", "replies run in circles or are no text", bad, count, tolerance, level)


def degenerate(base: Probe, candidate: Probe, rows: GateRows) -> list[bool]:
    """Which of the candidate's replies run in circles or are random; not where the right answer does so too."""
    said = candidate.replies(rows)
    answered = [place for place, accepted in enumerate(rows.accepted) if accepted]
    known = rows.some(answered)
    wanted = base.likelihoods_of(known, [accepted[0] for accepted in known.accepted])
    unlikely = far_below(base.likelihoods_of(rows, said), [each for each in wanted if not isnan(each)])
    return [
        far
        or (is_loop(reply) and not any(is_loop(answer) for answer in accepted))
        or (is_garbled(reply) and not any(is_garbled(answer) for answer in accepted))
        for far, reply, accepted in zip(unlikely, said, rows.accepted, strict=True)
    ]


def scores(probe: Probe, rows: GateRows, scoring: Scoring) -> list[float]:
    """Of each row, 0 to 1."""
    said = probe.replies(rows)
    return [score(reply, accepted, scoring) for reply, accepted in zip(said, rows.accepted, strict=True)]


def refused(probe: Probe, rows: GateRows, phrases: Sequence[str]) -> list[float]:
    """Of each row, 1 where the reply is a refusal."""
    return [float(is_refusal(reply, phrases)) for reply in probe.replies(rows)]


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


def _token_outcome(found: Interval, tolerance: float, counts: Sequence[int]) -> tuple[Outcome, int]:
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
    outcome: Outcome,
    rows: int,
    needed: int,
    sides: Sequence[float],
) -> Condition:
    way = f" (from {sides[0]:.3g} to {sides[1]:.3g})" if sides[0] else ""
    shown = f"{noun} of {found}{way}" if isfinite(found.mean) else f"{noun} is no number: the weights are broken; it"
    said = {
        "passed": f"{shown} is within {tolerance:g}.",
        "failed": f"{shown} exceeds {tolerance:g}.",
        "undecided": f"{shown} cannot be held against {tolerance:g} by {rows} rows; about {needed} are needed.",
    }[outcome]
    return Condition(name, outcome, found, tolerance, said, rows, needed, *sides)


def _share_condition(name: str, noun: str, bad: int, rows: int, tolerance: float, level: float) -> Condition:
    found = share(bad, rows, level=level)
    outcome = loss_outcome(found, tolerance)
    needed = rows_for_share(bad, rows, tolerance, level=level) if outcome == "undecided" else 0
    shown = f"{bad} of {rows} {noun}"
    said = {
        "passed": f"{shown}; at most {tolerance:.3g} of them may.",
        "failed": f"{shown}; at most {tolerance:.3g} of them may.",
        "undecided": f"{shown}; too few to say that at most {tolerance:.3g} do so: about {needed} rows are needed.",
    }[outcome]
    return Condition(name, outcome, found, tolerance, said, rows, needed, after=found.mean)


def _per_token(found: Sequence[tuple[float, int]]) -> float:
    return sum(total for total, _ in found) / max(1, sum(count for _, count in found))


def _minus(left: Sequence[float], right: Sequence[float]) -> list[float]:
    return [one - other for one, other in zip(left, right, strict=True)]
