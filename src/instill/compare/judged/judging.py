"""A model reads the replies beside the scorer, its verdicts are kept, and a report says how far both agree.

The scores and the verdict of a comparison stay those of the scorer: the judge is there to show where the scorer is
unfair to an arm (see `instill.compare.judged.judge_model`).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from instill.compare.arms.line_up import has_generator
from instill.compare.arms.protocol import CountTokens, Overheard
from instill.compare.judged.judge_model import MAX_TOKENS, JudgeModel, judge_prompt
from instill.compare.prices import FREE, Prices
from instill.compare.report.types import ModelJudge, Overhead
from instill.errors import UsageError
from instill.measure.agreement import Agreement, JudgeSaid, agreement
from instill.measure.fact_costs import interval_dict
from instill.measure.jsonl_journal import Journal, open_journal
from instill.measure.outcomes import Outcome
from instill.measure.statistics.interval_type import Interval
from instill.measure.verdict import NEEDS
from instill.models.generators.protocol import Generator
from instill.study.study_set import digest

if TYPE_CHECKING:
    from pydantic import SecretStr

    from instill.workspace import Workspace

JUDGED = (*NEEDS["facts"], "control")
"""Tasks whose replies are judged: questions that have an answer, each asked once of each arm."""

SHOWN = 40
"""Disagreements in a report; all verdicts stay in the comparison's folder."""

_PATIENCE = 3
"""Failures in a row from which on the judge is taken for broken."""


@dataclass(frozen=True, slots=True)
class JudgePlan:
    """Who judges.

    Args:
        url: of an OpenAI-compatible endpoint; "" with a model: the workspace's endpoint, without: its generator.
        model: the endpoint's name for it.
        key: of another endpoint than the workspace's, whose own key is sent to no other address.
    """

    url: str = ""
    model: str = ""
    key: SecretStr | None = field(default=None, repr=False)

    @property
    def own(self) -> bool:
        """Whether it is the workspace's generator, which answers in the arms too."""
        return not (self.url or self.model)

    def generator(self, workspace: Workspace, own: Callable[[], Generator]) -> Generator:
        """The judge's generator.

        Args:
            own: gives the workspace's, as it is without a candidate.

        Raises:
            UsageError: see `check`.
        """
        self.check(workspace)
        if self.own:
            return own()
        from instill.models.generators.endpoint_generator import EndpointGenerator

        settings = workspace.settings.generator
        url = self.url or settings.base_url
        key = settings.api_key if self.key is None and url == settings.base_url else self.key
        return EndpointGenerator(url, self.model, api_key=key, timeout_s=settings.timeout_s)

    def check(self, workspace: Workspace) -> None:
        """See that there is a judge; nothing is sent.

        Raises:
            UsageError: the workspace has no generator, an address has no model or a model no address.
        """
        if self.own and not has_generator(workspace):
            raise UsageError(
                "There is no generator that could judge.",
                where="--judge",
                remedy="Set generator.folder or generator.base_url, or name one: --judge-url URL --judge-model NAME",
            )
        if self.url and not self.model:
            raise UsageError("The judge's model is not named.", where=self.url, remedy="Add --judge-model NAME.")
        if self.model and not self.url and not workspace.settings.generator.base_url:
            raise UsageError("The judge's address is not named.", where=self.model, remedy="Add --judge-url URL.")
        if self.url:
            from instill.models.generators.endpoint_generator import EndpointGenerator

            try:
                EndpointGenerator(self.url, self.model)
            except UsageError as error:
                raise UsageError(
                    "This is not the address of a judge.", where="--judge-url", remedy="E.g. http://localhost:11434/v1"
                ) from error


def judge_plan(wanted: bool, url: str, model: str, key_variable: str = "") -> JudgePlan | None:
    """The plan from the options of a command; None where none of them is given.

    Args:
        key_variable: name of the environment variable that holds the key.

    Raises:
        UsageError: the variable is not set.
    """
    if not (wanted or url or model):
        return None
    if not key_variable:
        return JudgePlan(url, model)
    from pydantic import SecretStr

    key = os.environ.get(key_variable, "")
    if not key:
        raise UsageError("This environment variable is not set.", where=key_variable, remedy="Put the key into it.")
    return JudgePlan(url, model, SecretStr(key))


@dataclass(frozen=True, slots=True)
class Judging:
    """What the judge found.

    Args:
        name: of the judge.
        own: whether it answers in the arms too.
        agreement: on the replies that it was asked about.
        left: replies that it was not asked about, for it failed.
        problem: how it failed last; "".
        asked: requests that were answered, in this run and in earlier ones.
        tokens_in, tokens_out, money, seconds: of all of them.
    """

    name: str
    own: bool
    agreement: Agreement
    left: int
    problem: str
    asked: int
    tokens_in: int
    tokens_out: int
    money: float
    seconds: float

    @property
    def about(self) -> dict[str, str]:
        """Lines for the report."""
        found = self.agreement
        said = [f"{self.name} read {found.replies + found.undecided} replies beside the scorer"]
        if found.same is not None:
            kappa = "not defined, all replies are judged alike" if found.kappa is None else _two(found.kappa)
            said.append(f"they agree on {_two(found.same)}, Cohen's kappa {kappa}")
            said.append(f"right by the scorer {found.matched:.2f}, by the judge {found.judged:.2f}")
        if found.undecided:
            said.append(f"{found.undecided} without a verdict")
        if self.own:
            said.append("it is the arms' own generator, which may favour itself")
        lines = {"judge": "; ".join(said)}
        for each in found.arms:
            if each.difference.low > 0 or each.difference.high < 0:
                lines[f"judge, {each.arm}"] = (
                    f"right by the scorer {each.matched.mean:.2f}, by the judge {each.judged.mean:.2f}"
                )
        return lines

    @property
    def report(self) -> ModelJudge:
        """For the report."""
        return ModelJudge(self.name, self.own, self.agreement)

    @property
    def overhead(self) -> Overhead:
        """What it cost, which is no arm's."""
        return Overhead("judging", self.seconds, self.money)

    @property
    def missing(self) -> dict[str, str]:
        """What was not judged, and why."""
        return {"judge": f"{self.left} replies were not judged: {self.problem}"} if self.left else {}

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        found = self.agreement
        plain = ("name", "own", "left", "problem", "asked", "tokens_in", "tokens_out", "money", "seconds")
        return {
            **{name: getattr(self, name) for name in plain},
            **{name: getattr(found, name) for name in ("replies", "undecided", "empty", "matched", "judged")},
            "same": interval_dict(found.same),
            "kappa": interval_dict(found.kappa),
            "arms": [
                {
                    "arm": each.arm,
                    "replies": each.replies,
                    "kappa": each.kappa,
                    **{name: interval_dict(getattr(each, name)) for name in ("matched", "judged", "difference")},
                }
                for each in found.arms
            ],
            "disagreements": len(found.disagreements),
            "shown": [
                {
                    **{name: getattr(each.outcome, name) for name in ("task", "item", "arm", "question", "reply")},
                    "expected": list(each.outcome.expected),
                    "matched": each.outcome.right >= 1,
                    "judged": each.said.right,
                    "reason": each.said.reason,
                }
                for each in found.disagreements[:SHOWN]
            ],
        }


def judge_outcomes(
    outcomes: Sequence[Outcome],
    generator: Generator,
    folder: Path,
    count: CountTokens,
    *,
    own: bool = False,
    prices: Prices = FREE,
    progress: Callable[[int, int, str], None] = lambda *_: None,
) -> Judging:
    """Judge the replies to questions that have an answer (`JUDGED`); what was judged before is taken up.

    Equal replies to a question are judged once. A judge that fails several times in a row is asked no more: the
    comparison stands without it, and the same command asks again.

    Args:
        outcomes: of any tasks.
        folder: for the verdicts, a file for each judge.
        count: counts tokens where the generator does not tell them.
        own: whether the judge answers in the arms too, which the report says.
        progress: (done, of how many, the judge's name).

    Raises:
        WorkspaceError: the file of verdicts is damaged, or another process has it open.
    """
    asked = [each for each in outcomes if each.task in JUDGED and each.expected]
    # Another wording of what the judge is asked makes other verdicts.
    wording = judge_prompt("?", ["!"], "-")
    identity = digest([generator.name, MAX_TOKENS, wording])
    problem, failures = "", 0
    with open_journal(
        folder / f"verdicts-{identity}.jsonl", identity, noun="a verdict", work="judging these replies"
    ) as journal:
        known, spent = _known(journal)
        answered = len(known)
        for number, each in enumerate(asked):
            key = _key(each)
            if key in known or not each.reply.strip():
                continue
            overheard = Overheard(generator)
            started = perf_counter()
            said = JudgeModel(overheard).judge(each.question, each.expected, each.reply)
            seconds = perf_counter() - started
            if said.failed:
                problem, failures = said.reason, failures + 1
                if failures == _PATIENCE:
                    break
                continue
            failures = 0
            tokens_in, tokens_out, _ = overheard.tokens(count)
            line = {"key": key, "right": said.right, "reason": said.reason}
            journal.add({**line, "tokens": [tokens_in, tokens_out], "seconds": seconds})
            known[key] = said
            answered, spent = answered + 1, spent.and_also(tokens_in, tokens_out, seconds)
            progress(number + 1, len(asked), generator.name)
    judged = [each for each in asked if _key(each) in known or not each.reply.strip()]
    found = agreement(judged, [known.get(_key(each)) or JudgeSaid(False, "The reply is empty.") for each in judged])
    left = len(asked) - len(judged)
    money = prices.of_tokens(spent.read, spent.written)
    return Judging(generator.name, own, found, left, problem, answered, spent.read, spent.written, money, spent.seconds)


@dataclass(frozen=True, slots=True)
class _Spent:
    """Tokens and seconds."""

    read: int = 0
    written: int = 0
    seconds: float = 0.0

    def and_also(self, read: int, written: int, seconds: float) -> _Spent:
        return _Spent(self.read + read, self.written + written, self.seconds + seconds)


def _key(outcome: Outcome) -> str:
    return digest([outcome.question, list(outcome.expected), outcome.reply])


def _known(journal: Journal) -> tuple[dict[str, JudgeSaid], _Spent]:
    """The verdicts that are there, and what they took."""
    found: dict[str, JudgeSaid] = {}
    spent = _Spent()
    for place, line in journal.lines:
        match line:
            case {
                "key": str(key),
                "right": bool() | None as right,
                "reason": str(reason),
                "tokens": [int(came), int(went)],
                **more,
            } if isinstance(seconds := more.get("seconds", 0.0), int | float):  # The first journals have no time.
                found[key] = JudgeSaid(right, reason)
                spent = spent.and_also(came, went, seconds)
            case _:
                raise journal.damaged(place)
    return found, spent


def _two(found: Interval) -> str:
    return f"{found.mean:.2f} [{found.low:.2f}, {found.high:.2f}]"
