"""The verdict of a comparison: per need the cheapest arm that is not shown to be worse, and what it can cost at most.

Each need is decided by itself (`instill.measure.statistics.cheapest`), on the questions that all arms were asked.
Where the bound is more than is acceptable, there is not enough evidence; what is proven is said all the same, and
which arm to use until more questions decide, where one can be advised. An arm that shows what is possible and cannot
be used, such as the right passage that is given, or the whole document with the evidence, has scores but is neither
recommended nor what others are held against. Where that leaves one arm, it is named, and it is said that nothing was
chosen: it was held against no other.

The need "cost" is that of a reader who would lose some quality to pay less: the questions of the other needs together,
with a larger tolerance. Formats and tones may be put to other arms than facts, and then no question is put to all of
them. So cost is decided for the arms of the first need that was measured (facts, where there are any), over the tasks
that all of these arms were put; their costs are those of the answers to these tasks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from math import fsum
from typing import Any, Literal

from instill.measure.fact_costs import FactCost, FactRatio, by_arm, fact_costs, fact_ratios, interval_dict
from instill.measure.outcome_table import outcome_table
from instill.measure.outcomes import Outcome, Preparation
from instill.measure.statistics.cheapest import Cheapest, Cost, cheapest
from instill.measure.statistics.cheapest_said import joined, quoted
from instill.measure.statistics.comparing import Table
from instill.measure.statistics.early_looks import cheapest_in_looks
from instill.measure.statistics.interval_type import Interval
from instill.measure.token_rates import Rates

State = Literal["decided", "no arm", "not enough evidence", "not measured"]
"""no arm: every arm is shown to be below what is useful."""

Looks = Mapping[tuple[str, str], int]
"""By task and item, with which part of the questions it was asked, from 0."""

FEW = 20
"""With fewer questions of a kind, their share of right answers says nothing to people."""

COST = "cost"
"""The need that has no questions of its own: it is decided on those of the others."""

ASKED_NEEDS: Mapping[str, tuple[str, ...]] = {
    "facts": ("facts", "paraphrase", "reverse", "two documents"),
    "freshness": ("freshness",),
    "format": ("format",),
    "tone": ("tone",),
    "refusal": ("unanswerable",),
}
"""Each need that has questions of its own, with the tasks whose questions measure it."""

NEEDS: Mapping[str, tuple[str, ...]] = {
    **ASKED_NEEDS,
    COST: ("facts", "paraphrase", "reverse", "two documents", "freshness", "format", "tone", "unanswerable"),
}
"""All needs with the tasks that they are decided on."""

_KEPT = ("against", "beaten", "passed", "meanwhile", "meanwhile_bound", "standings")
"""Of how the arms stand, for `--json`."""

NAMES: Mapping[str, str] = {"format": "the format", "tone": "the tone", "refusal": "refusals"}
"""Of needs in sentences, where it is another word."""


@dataclass(frozen=True, slots=True)
class Way:
    """What a person does who follows the recommendation of an arm.

    Args:
        do: in the imperative, "retrieve"; it begins a sentence or a clause.
        offered: whether it can be recommended.
        base: whether it is the model as it is, without documents.
    """

    do: str
    offered: bool = True
    base: bool = False


@dataclass(frozen=True, slots=True)
class Rules:
    """What the verdict is held to.

    Args:
        tolerance: share of right answers for which one would not pay more.
        acceptable: share that may be lost at most where a need is called decided, from the tolerance on.
        cost_tolerance: both for the need "cost", half of it and all of it.
        least: a need that no arm serves in this share of the questions has no arm.
        answers: the answers over which an arm's preparation is spread when costs are compared, from 1.
        level: of intervals and decisions, for each need by itself.
    """

    tolerance: float = 0.05
    acceptable: float = 0.15
    cost_tolerance: float = 0.2
    least: float = 0.5
    answers: int = 1000
    level: float = 0.95


@dataclass(frozen=True, slots=True)
class NeedVerdict:
    """One need.

    Args:
        arm: the recommended one; where there is not enough evidence, the one to use until then. None where no arm is
            good enough, none can be advised, or nothing was measured.
        bound: what choosing it can cost at most, as a share of the questions; None without an arm, and where no other
            arm could be recommended.
        questions: that all arms were asked.
        left_out: questions that not all arms were asked.
        needed: where there is not enough evidence, about how many questions in all would decide; None: more would
            hardly help. Else 0.
        scores: of each arm, also those that cannot be recommended, with its interval.
        found: how each arm stands; None where nothing was measured.
        said: a sentence for people.
        fewer: arms that were out early and not asked all of the questions; their scores are of what they were asked.
        groups: facts or documents that the questions are about. Questions about one fact are right or wrong together,
            so that intervals count facts: four wrong answers about two facts say as much as two.
    """

    need: str
    state: State
    arm: str | None
    bound: float | None
    questions: int
    left_out: int
    needed: int | None
    scores: Mapping[str, Interval]
    found: Cheapest | None
    said: str
    fewer: tuple[str, ...] = ()
    groups: int = 0

    @property
    def decided(self) -> bool:
        """Whether the arm can be recommended without a reserve."""
        return self.state == "decided"

    @property
    def cheapest(self) -> str | None:
        """The cheapest arm that is not shown to be worse, whether it can be recommended or not."""
        return None if self.found is None else self.found.arm

    @property
    def is_few(self) -> bool:
        """Whether so few questions were asked that the share of right answers says nothing."""
        return 0 < self.questions < FEW

    @property
    def alone(self) -> bool:
        """Whether no other arm could have been recommended."""
        return self.found is not None and len(self.found.standings) == 1

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        plain = ("need", "state", "arm", "bound", "cheapest", "questions", "groups", "left_out", "needed", "said")
        return {
            **{name: getattr(self, name) for name in plain},
            "scores": {arm: interval_dict(each) for arm, each in self.scores.items()},
            "fewer": list(self.fewer),
            **dict.fromkeys(_KEPT),
            **({} if self.found is None else _kept(self.found)),
        }


@dataclass(frozen=True, slots=True)
class Verdict:
    """All needs.

    Args:
        said: the sentence to act on.
        fact_costs, ratios: of one more answerable fact, by arm.
        rules: as they were set.
        references: arms that show what is possible and cannot be recommended.
    """

    said: str
    needs: tuple[NeedVerdict, ...]
    fact_costs: tuple[FactCost, ...]
    ratios: tuple[FactRatio, ...]
    rules: Rules
    references: tuple[str, ...] = ()

    def fewer(self, task: str) -> set[str]:
        """Arms that were not asked all questions of a task, since they were out early."""
        return {arm for each in self.needs if task in NEEDS[each.need] for arm in each.fewer}

    def need(self, name: str) -> NeedVerdict:
        """One of `NEEDS`."""
        return next(each for each in self.needs if each.need == name)

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        names = ("tolerance", "acceptable", "cost_tolerance", "least", "answers", "level")
        return {
            "said": self.said,
            "needs": [each.as_dict() for each in self.needs],
            "fact_costs": [each.as_dict() for each in self.fact_costs],
            "ratios": [each.as_dict() for each in self.ratios],
            "references": list(self.references),
            "rules": {name: getattr(self.rules, name) for name in names},
        }


def reach_verdict(
    outcomes: Sequence[Outcome],
    preparations: Sequence[Preparation],
    *,
    ways: Mapping[str, Way] | None = None,
    rules: Rules | None = None,
    looks: Looks | None = None,
    rates: Rates | None = None,
) -> Verdict:
    """Decide each need, and say in one sentence what follows.

    Args:
        preparations: at most one for each arm; an arm without one has no cost but that of its answers.
        ways: what each arm is; one that is not in it can be recommended by its name ("use NAME").
        looks: where questions were asked in parts, the part of each, from 0; then a need is decided after each part,
            see `instill.measure.statistics.early_looks`. Questions that are not in it count as asked at once.
        rates: what answers take, where that is not told by each one's own clock.

    Raises:
        UsageError: an arm answered a question twice or has two preparations, or a rule is out of its range.

    Example:
        >>> def row(arm: str, item: int, right: float) -> Outcome:
        ...     kind = "correct" if right else "wrong"
        ...     item_, task = f"q{item}", "facts"
        ...     return Outcome(item_, arm, item_, task, "?", ("a",), "a", kind, right, right, right, None, None, .1, 9, 1, 0., "p")
        >>> rows = [row(arm, n, score) for arm, score in {"closed-book": 0.0, "retrieval": 1.0}.items() for n in range(100)]
        >>> reach_verdict(rows, [], ways={"retrieval": Way("retrieve")}).said
        'Retrieve for facts; freshness, the format, the tone and refusals were not measured.'
    """  # noqa: E501 - rows as they are written
    held = rules or Rules()
    arms = list(dict.fromkeys([row.arm for row in outcomes] + [each.arm for each in preparations]))
    known = {arm: (ways or {}).get(arm) or Way(f"use {quoted(arm)}") for arm in arms}
    prepared = by_arm(preparations)
    needs = tuple(_decide(need, outcomes, prepared, known, held, looks or {}, rates or Rates()) for need in NEEDS)
    facts = outcome_table(outcomes, NEEDS["facts"], without=_not_offered(known)).table
    base = next((arm for arm, way in known.items() if way.base), None)
    costs = fact_costs(facts, preparations, base=base, level=held.level)
    ratios = fact_ratios(facts, preparations, base=base, level=held.level)
    references = tuple(arm for arm, way in known.items() if not way.offered)
    return Verdict(_sentence(needs, known), needs, tuple(costs), tuple(ratios), held, references)


def _not_offered(ways: Mapping[str, Way]) -> set[str]:
    return {arm for arm, way in ways.items() if not way.offered}


def _decide(
    need: str,
    outcomes: Sequence[Outcome],
    prepared: Mapping[str, Preparation],
    ways: Mapping[str, Way],
    rules: Rules,
    looks: Looks,
    rates: Rates,
) -> NeedVerdict:
    tasks = NEEDS[need]
    hidden = _not_offered(ways)
    if need == COST:
        outcomes = _shared(outcomes, hidden)
    every = outcome_table(outcomes, tasks).table
    asked = outcome_table(outcomes, tasks, without=hidden)
    if asked.table is None:
        said = "Not measured: no question of this kind was put to all arms." if asked.left_out else "Not measured."
        return NeedVerdict(need, "not measured", None, None, 0, asked.left_out, 0, {}, None, said)
    table = asked.table
    costs = {arm: _cost(arm, need, outcomes, prepared, rules, rates) for arm in table.arms}
    limits = (rules.cost_tolerance / 2, rules.cost_tolerance) if need == COST else (rules.tolerance, rules.acceptable)
    tolerance, acceptable = limits[0], max(limits)
    in_parts = {} if need == COST else {key: part for key, part in looks.items() if key[0] in tasks}
    if in_parts:
        rows = [row for row in outcomes if row.task in tasks and row.arm not in hidden]
        found = _in_looks(need, rows, costs, in_parts, (tolerance, acceptable), rules.level)
        own = {arm: _own(rows, arm, tasks, rules.level) for arm in table.arms}
    else:
        found = cheapest(table, costs, tolerance=tolerance, acceptable=acceptable, need=need, level=rules.level)
        own = table.all_scores(level=rules.level)
    others = {} if every is None else {arm: every.score(arm, level=rules.level) for arm in every.arms if arm not in own}
    scores = {**own, **others}
    best = max(own, key=lambda arm: own[arm].mean)
    state: State = "decided" if found.decided else "not enough evidence"
    said = found.said
    if max(each.high for each in own.values()) < rules.least:
        which = quoted(best)
        which = f"the best, {which}," if len(own) > 1 else f"{which}, the only one that can be recommended,"
        state, said = "no arm", f"No arm is good enough: {which} is right in {own[best]} of the questions."
    elif len(own) == 1:
        said = _only(best, own[best], others)
    arm, bound = (found.arm, found.bound) if found.decided else (found.meanwhile, found.meanwhile_bound)
    if state == "no arm":
        arm = None
    bound = None if arm is None or len(own) == 1 else bound
    needed = found.needed if state == "not enough evidence" else 0
    fewer = _asked_less(found, outcomes, tasks) if in_parts else ()
    left_out = outcome_table(outcomes, tasks, without={*hidden, *fewer}).left_out
    return NeedVerdict(
        need, state, arm, bound, found.questions, left_out, needed, scores, found, said, fewer, len(set(table.groups))
    )


def _in_looks(
    need: str,
    rows: Sequence[Outcome],
    costs: Mapping[str, Cost],
    looks: Looks,
    limits: tuple[float, float],
    level: float,
) -> Cheapest:
    def tables(look: int, out: set[str]) -> Table | None:
        part = [row for row in rows if looks.get((row.task, row.item), 0) <= look]
        return outcome_table(part, NEEDS[need], without=out).table

    done = 1 + max(looks.get((row.task, row.item), 0) for row in rows)
    found, _ = cheapest_in_looks(
        tables, costs, done=done, tolerance=limits[0], acceptable=limits[1], need=need, level=level
    )
    assert found is not None, "all arms were asked something"
    return found


def _own(rows: Sequence[Outcome], arm: str, tasks: Sequence[str], level: float) -> Interval:
    """The arm's score on all that it was asked."""
    table = outcome_table([row for row in rows if row.arm == arm], tasks).table
    assert table is not None, "the arm was asked something"
    return table.score(arm, level=level)


def _asked_less(found: Cheapest, outcomes: Sequence[Outcome], tasks: Sequence[str]) -> tuple[str, ...]:
    """Arms that were out early, and so were not asked all that the named one was."""
    asked = Counter(row.arm for row in outcomes if row.task in tasks)
    return tuple(each.arm for each in found.standings if asked[each.arm] < asked[found.arm])


def _kept(found: Cheapest) -> dict[str, Any]:
    every = found.as_dict()
    return {name: every[name] for name in _KEPT}


def _only(arm: str, score: Interval, references: Mapping[str, Interval]) -> str:
    """What is known of an arm that was held against none.

    Args:
        references: of arms that show what is possible.
    """
    said = (
        f"{quoted(arm)} was the only way to answer that can be recommended: there was none to compare it with. It is "
        f"right in {score} of the questions"
    )
    possible = "".join(
        f"; {quoted(each)}, which shows what is possible, in {found}" for each, found in references.items()
    )
    return f"{said}{possible}."


def _shared(outcomes: Sequence[Outcome], hidden: Collection[str]) -> list[Outcome]:
    """What cost is decided on: of the arms of the first need that was measured, the tasks that all of them were put.

    Args:
        hidden: arms that cannot be recommended; their outcomes of these tasks stay.
    """
    tables = (outcome_table(outcomes, tasks, without=hidden).table for tasks in ASKED_NEEDS.values())
    arms = set(next((table.arms for table in tables if table is not None), ()))
    put: dict[str, set[str]] = {}
    for row in outcomes:
        put.setdefault(row.task, set()).add(row.arm)
    return [row for row in outcomes if arms and arms <= put[row.task] and row.arm in {*arms, *hidden}]


def _cost(
    arm: str,
    need: str,
    outcomes: Sequence[Outcome],
    prepared: Mapping[str, Preparation],
    rules: Rules,
    rates: Rates,
) -> Cost:
    """Of an answer with its share of the preparation; for freshness, with all that one changed fact takes."""
    before = prepared.get(arm)
    rows = [row for row in outcomes if row.arm == arm and row.task in NEEDS[need]]
    money, seconds = (
        fsum(each) / len(rows) for each in zip(*((row.money, rates.seconds(row)) for row in rows), strict=True)
    )
    if before is None:
        return Cost(money, seconds)
    if need == "freshness":
        return Cost(money + before.money_per_fact, seconds + before.seconds_per_fact)
    return Cost(money + before.money / rules.answers, seconds + before.seconds / rules.answers)


def _sentence(needs: Sequence[NeedVerdict], ways: Mapping[str, Way]) -> str:
    """What to do for most needs, what else for which, and what is not known."""
    served: dict[str, list[NeedVerdict]] = {}
    for each in needs:
        if each.arm is not None and each.decided and each.need != COST:
            served.setdefault(ways[each.arm].do, []).append(each)
    by_state = {
        state: [each for each in needs if each.state == state and each.need != COST]
        for state in ("no arm", "not enough evidence", "not measured")
    }
    clauses = []
    main = max(served, key=lambda do: len(served[do])) if served else ""
    arms = {each.arm for found in served.values() for each in found}
    if main and len(arms) == 1 and all(each.alone for each in served[main]):
        arm = arms.pop() or ""
        shares = [
            f"in {each.scores[arm]} of the questions on {_needs([each])}" for each in served[main] if not each.is_few
        ]
        clauses.append(
            f"for {_needs(served[main])}, {quoted(arm)} was the only way to answer that can be recommended: there was "
            "none to compare it with"
        )
        clauses += [f"it is right {joined(shares)}"] if shares else []
    elif main:
        facts = any(each.need == "facts" for found in served.values() for each in found)
        bare = len(served[main]) > 1 and facts and not all(each.alone for each in served[main])
        clauses.append(f"{main if bare else f'{main} for {_needs(served[main])}'}{_without_choice(served[main])}")
        only = "only " if bare else ""
        clauses += [
            f"{do} {only}for {_needs(found)}{_without_choice(found)}" for do, found in served.items() if do != main
        ]
        clauses += _where_cost_decides(needs, ways, main)
    none = [each for each in by_state["no arm"] if not each.is_few]
    if none:
        clauses.append(f"no arm is good enough for {_needs(none)}")
    if by_state["not enough evidence"]:
        clauses.append(_undecided(by_state["not enough evidence"]))
    few = [each for each in needs if each.is_few and each.need != COST]
    if few:
        clauses.append(_too_few(few))
    missing = [each.need for each in by_state["not measured"]]
    if len(missing) == len(NEEDS) - 1:
        return "Nothing was measured, so nothing is recommended."
    if missing:
        was = "was" if missing in (["freshness"], ["format"], ["tone"]) else "were"
        clauses.append(f"{_listed(missing)} {was} not measured")
    said = "; ".join(clauses)
    return f"{said[0].upper()}{said[1:]}."


def _too_few(needs: Sequence[NeedVerdict]) -> str:
    """For which needs so few questions were asked that their shares say nothing."""
    asked = joined([f"{each.questions} on {_needs([each])}" for each in needs])
    return f"too few questions were asked to rely on what is said here of them: {asked} (it takes {FEW} of a kind)"


def _without_choice(needs: Sequence[NeedVerdict]) -> str:
    """For which of them no other arm could have been recommended."""
    alone = [each for each in needs if each.alone]
    if not alone:
        return ""
    where = "" if len(alone) == len(needs) else f"for {_needs(alone)} "
    return f" ({where}no other can be recommended)"


def _where_cost_decides(needs: Sequence[NeedVerdict], ways: Mapping[str, Way], main: str) -> list[str]:
    cost = next(each for each in needs if each.need == COST)
    if cost.arm is None or not cost.decided or ways[cost.arm].do == main or cost.found is None:
        return []
    return [f"if you accept a loss of {cost.found.acceptable:g} to pay less, {ways[cost.arm].do}"]


def _undecided(needs: Sequence[NeedVerdict]) -> str:
    """What to do until more questions decide, by need, and how many would."""
    said = []
    for each in needs:
        until = "no arm can be advised until then"
        if each.arm is not None and each.bound is not None:
            until = f"until then use {quoted(each.arm)}, which may lose {each.bound:.2f}"
        many = (
            "more would hardly help" if each.needed is None else f"about {each.needed:,} questions in all would decide"
        )
        said.append(f"not enough evidence for {_needs([each])}: {until}; {many}")
    return "; ".join(said)


def _needs(needs: Sequence[NeedVerdict]) -> str:
    return _listed([each.need for each in needs])


def _listed(needs: Sequence[str]) -> str:
    """Example: facts, freshness and the format."""
    return joined([NAMES.get(need, need) for need in needs])
