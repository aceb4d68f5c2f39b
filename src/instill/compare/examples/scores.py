"""Whether a reply to an example is right: for a format by its fields, for a tone by a classifier."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from instill.compare.stored_outcomes import Recorded
from instill.errors import UsageError
from instill.measure.judging.scorer import Judged, overlap
from instill.measure.outcomes import Outcome
from instill.measure.statistics.grouped_mean_interval import SCORE, group_interval
from instill.measure.statistics.interval_type import Interval
from instill.train.gate.conditions.format import ReplySchema
from instill.train.gate.conditions.tone_classifier import ToneClassifier
from instill.train.gate.scoring import json_score, score, verbatim
from instill.train.generator.data.rows import Row


class Scorer(Protocol):
    """Judges replies to examples."""

    def check(self, row: Row) -> None:
        """See that replies to this row can be judged.

        Raises:
            UsageError: its expected reply is none that could be right.
        """
        ...

    def judge(self, reply: str, expected: Sequence[str]) -> Judged:
        """Judge one reply beside the replies that are right, one at least."""
        ...


@dataclass(frozen=True, slots=True)
class FormatScorer:
    """Replies in a format.

    With a schema a reply is right when all of it is JSON as the schema wants it, and the same JSON as an expected
    reply, in any order of keys. JSON in a fence of Markdown, or with a sentence before it, is not: the program that is
    to read it would fail. `f1` is that of the fields (`json_score`), which forgives a fence.

    Without a schema a reply is right when it is the expected text but for case, spaces and punctuation around it;
    `f1` is that of the words.

    Args:
        schema: None for none.
    """

    schema: ReplySchema | None = None

    def check(self, row: Row) -> None:
        """See `Scorer.check`."""
        for reply in (row.said, *row.answers):
            if self.schema is not None and not self.schema.accepts(reply):
                raise UsageError(
                    "The reply of this example does not follow the schema, so that no reply could be right.",
                    where=row.place or reply[:80],
                    remedy="Correct the example or the schema.",
                )

    def judge(self, reply: str, expected: Sequence[str]) -> Judged:
        """See `Scorer.judge`."""
        if self.schema is None:
            right, nearest = score(reply, expected, "verbatim"), max(overlap(reply, each) for each in expected)
        else:
            nearest = max(json_score(reply, each) for each in expected)
            right = float(nearest == 1 and self.schema.accepts(reply))
        return Judged("correct" if right else "wrong", right, nearest, right, held=bool(right))


@dataclass(frozen=True, slots=True)
class ToneScorer:
    """Replies in a tone, see `instill.train.gate.conditions.tone_classifier`.

    `exact` is equality with an expected reply, which nobody needs; `f1` is that of the weighted words.
    """

    tone: ToneClassifier

    def check(self, row: Row) -> None:
        """See `Scorer.check`: any reply in text can be judged."""

    def judge(self, reply: str, expected: Sequence[str]) -> Judged:
        """See `Scorer.judge`."""
        found = self.tone.judge(reply, expected)
        same = max(verbatim(reply, each) for each in expected)
        return Judged("correct" if found.right else "wrong", same, found.content, found.right, held=bool(found.right))


@dataclass(frozen=True, slots=True)
class FormatMeans:
    """An arm on the examples of a format; means from 0 to 1 with their 95% intervals.

    Args:
        questions: how many it was asked.
        valid: replies that follow the schema, right or wrong; None without a schema.
        f1: of the fields; of the words without a schema.
        exact: the share of right replies.
    """

    arm: str
    questions: int
    valid: Interval | None
    f1: Interval
    exact: Interval

    @property
    def shown(self) -> dict[str, Interval]:
        """For people."""
        if self.valid is None:
            return {"F1 of words": self.f1, "right": self.exact}
        return {"follows the schema": self.valid, "F1 of fields": self.f1, "right": self.exact}


@dataclass(frozen=True, slots=True)
class ToneMeans:
    """An arm on the examples of a tone; means from 0 to 1 with their 95% intervals.

    Args:
        questions: how many it was asked.
        in_tone: replies that are more like the taught ones than like the model's own, whatever they say.
        content: F1 of weighted words with the nearest expected reply.
        right: the share of right replies, which have both.
    """

    arm: str
    questions: int
    in_tone: Interval
    content: Interval
    right: Interval

    @property
    def shown(self) -> dict[str, Interval]:
        """For people."""
        return {"in the tone": self.in_tone, "F1 of content": self.content, "right": self.right}


def format_means(records: Sequence[Recorded], schema: ReplySchema | None = None) -> list[FormatMeans]:
    """The means of each arm, in the order in which they first stand; outcomes of other tasks are left out.

    Args:
        schema: by which the replies were judged.

    Raises:
        UsageError: the schema cannot be followed.
    """
    found = []
    for arm, outcomes in _by_arm(records, "format").items():
        follows = None if schema is None else [float(schema.accepts(each.reply)) for each in outcomes]
        found.append(
            FormatMeans(
                arm,
                len(outcomes),
                valid=None if follows is None else _mean(outcomes, follows),
                f1=_mean(outcomes, [each.f1 for each in outcomes]),
                exact=_mean(outcomes, [each.exact for each in outcomes]),
            )
        )
    return found


def tone_means(records: Sequence[Recorded], tone: ToneClassifier) -> list[ToneMeans]:
    """As `format_means`, of a tone.

    Args:
        tone: by which the replies were judged.
    """
    return [
        ToneMeans(
            arm,
            len(outcomes),
            in_tone=_mean(
                outcomes, [float(bool(each.reply.strip()) and tone.value(each.reply) > 0) for each in outcomes]
            ),
            content=_mean(outcomes, [each.f1 for each in outcomes]),
            right=_mean(outcomes, [each.right for each in outcomes]),
        )
        for arm, outcomes in _by_arm(records, "tone").items()
    ]


def _by_arm(records: Sequence[Recorded], task: str) -> dict[str, list[Outcome]]:
    arms: dict[str, list[Outcome]] = {}
    for each in records:
        if each.outcome.task == task:
            arms.setdefault(each.outcome.arm, []).append(each.outcome)
    return arms


def _mean(outcomes: Sequence[Outcome], values: Sequence[float]) -> Interval:
    return group_interval(values, [each.group for each in outcomes], scale=SCORE)
