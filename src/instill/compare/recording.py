"""Questions times arms to outcomes, each kept as soon as it is there: one way for documents and for examples."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from instill.compare.arms.protocol import ArmReply
from instill.compare.prices import Prices
from instill.compare.stored_outcomes import Recorded, StoredOutcomes, open_outcomes
from instill.errors import GeneratorError
from instill.measure.judging.scorer import Judged
from instill.measure.outcomes import Outcome
from instill.models.generators.protocol import Message


class Named(Protocol):
    """An arm, whatever it is asked."""

    @property
    def name(self) -> str: ...


AnyArm = TypeVar("AnyArm", bound=Named)


@dataclass(frozen=True, slots=True)
class Answered:
    """An outcome is there.

    Args:
        taken_up: whether it was there from an earlier run.
        done, most: outcomes so far, and in all.
    """

    recorded: Recorded
    taken_up: bool
    done: int
    most: int


@dataclass(frozen=True, slots=True)
class Graded:
    """A reply beside what was expected; see `Outcome` for the two of citations and passages."""

    judged: Judged
    citation_precision: float | None = None
    recall: float | None = None


@dataclass(frozen=True, slots=True)
class Question(Generic[AnyArm]):
    """What is put to every arm; the first fields are those of `Outcome`.

    Args:
        prompt: what stands for the prompt in the log where an arm fails before it has one.
        put: asks an arm.
        grade: a reply.
    """

    item: str
    group: str
    task: str
    question: str
    expected: tuple[str, ...]
    prompt: tuple[Message, ...]
    put: Callable[[AnyArm], ArmReply]
    grade: Callable[[ArmReply], Graded]


def record_outcomes(
    questions: Sequence[Question[AnyArm]],
    arms: Sequence[AnyArm],
    folder: Path,
    identity: str,
    *,
    prices: Prices,
    again_after_errors: bool = False,
    models: Mapping[str, str] | None = None,
    progress: Callable[[Answered], None] | None = None,
) -> list[Recorded]:
    """Put every question to every arm, so that one model is in memory at a time.

    Arms that share a model are asked in turn, question by question: what else the machine does meanwhile then slows
    all of them alike.

    Every outcome is on the disk before the next question; what is there from an earlier run is taken up, at the prices
    of now. A generator that fails makes a wrong answer, with its error, and not the end of the run.

    Args:
        questions, arms: each once.
        folder, identity: see `open_outcomes`.
        prices: for the money of each outcome.
        again_after_errors: ask again where a generator failed in an earlier run.
        models: by arm, which model it holds ("" for none); an arm that is not in it is asked by itself.
        progress: called after every outcome.

    Returns:
        In the order of arms and questions.

    Raises:
        WorkspaceError: the files are damaged, in use, or of another identity.
    """
    found: dict[tuple[str, int], Recorded] = {}
    with open_outcomes(folder, identity) as stored:
        for together in _sharing(arms, models or {}):
            for place, question in enumerate(questions):
                first = place % len(together)  # No arm is always asked after another one.
                for arm in (*together[first:], *together[:first]):
                    known = stored.get(question.task, question.item, arm.name)
                    taken_up = known is not None and not (again_after_errors and known.error)
                    if known is not None and taken_up:
                        recorded = _priced(known, prices.of_arm(arm.name))
                    else:
                        recorded = _asked(question, arm, prices.of_arm(arm.name), stored)
                    found[arm.name, place] = recorded
                    if progress is not None:
                        progress(Answered(recorded, taken_up, len(found), len(questions) * len(arms)))
    return [found[arm.name, place] for arm in arms for place in range(len(questions))]


def _sharing(arms: Sequence[AnyArm], models: Mapping[str, str]) -> list[list[AnyArm]]:
    """The arms by the model that they hold, in their order; an arm whose model is not known stands by itself."""
    found: dict[tuple[bool, str], list[AnyArm]] = {}
    for arm in arms:
        key = (True, models[arm.name]) if arm.name in models else (False, arm.name)
        found.setdefault(key, []).append(arm)
    return list(found.values())


def _asked(question: Question[AnyArm], arm: AnyArm, prices: Prices, stored: StoredOutcomes) -> Recorded:
    try:
        reply = question.put(arm)
    except GeneratorError as error:
        reply = ArmReply("", False, question.prompt, None, (), 0.0, error=str(error))
    prompt = stored.log_prompt(arm.name, question.item, reply.messages, reply.passages)
    graded = question.grade(reply)
    outcome = Outcome(
        item=question.item,
        arm=arm.name,
        group=question.group,
        task=question.task,
        question=question.question,
        expected=question.expected,
        reply=reply.text,
        kind=graded.judged.kind,
        exact=graded.judged.exact,
        f1=graded.judged.f1,
        right=graded.judged.right,
        citation_precision=graded.citation_precision,
        recall=graded.recall,
        seconds=reply.seconds,
        tokens_in=reply.tokens_in,
        tokens_out=reply.tokens_out,
        money=prices.of_tokens(reply.tokens_in, reply.tokens_out),
        prompt=prompt,
        quoted=reply.quoted,
    )
    recorded = Recorded(outcome, reply.error, reply.estimated, reply.notices)
    stored.add(recorded)
    return recorded


def _priced(known: Recorded, prices: Prices) -> Recorded:
    """At the prices of now, which may have changed since it was asked."""
    money = prices.of_tokens(known.outcome.tokens_in, known.outcome.tokens_out)
    return replace(known, outcome=replace(known.outcome, money=money))
