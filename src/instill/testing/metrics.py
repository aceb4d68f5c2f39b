"""What every metric of a gate does."""

from __future__ import annotations

import time
from collections.abc import Sequence
from math import isfinite
from typing import ClassVar

from instill.common.articles import type_of
from instill.train.gate.metrics import Metric

_ODD = ("", " ", "\n\n", "\u0000", "😀" * 100, "[" * 5_000, "word " * 20_000, "NaN", '{"a": 1}', "</s><|im_end|>")
_MOST_SECONDS = 10.0


class MetricTests:
    """Subclass it, define `metric()`, and set:

    Attributes:
        question: what the examples answer.
        accepted: answers that are right.
        right: replies that score better than each of `wrong`.
        wrong: replies that do not answer.
    """

    question: ClassVar[str] = ""
    accepted: ClassVar[Sequence[str]]
    right: ClassVar[Sequence[str]]
    wrong: ClassVar[Sequence[str]]

    def metric(self) -> Metric:
        """The metric."""
        raise NotImplementedError("define metric()")

    def test_a_score_is_from_0_to_1(self) -> None:
        """Whatever a model says: nothing, garbage, something very long."""
        for reply in (*self.right, *self.wrong, *_ODD):
            began = time.monotonic()
            self._score(reply)
            assert time.monotonic() - began < _MOST_SECONDS, f"scoring {reply[:30]!r} takes too long"

    def test_right_replies_score_better_than_wrong_ones(self) -> None:
        worst = min(map(self._score, self.right))
        best = max(map(self._score, self.wrong))
        assert worst > best, f"the worst right reply scores {worst:.3f}, the best wrong one {best:.3f}"

    def test_the_answer_itself_scores_best(self) -> None:
        for answer in self.accepted:
            assert self._score(answer) >= max(map(self._score, self.right)) - 1e-9, f"{answer!r} is not the best reply"

    def test_a_score_is_the_same_again(self) -> None:
        for reply in (*self.right, *self.wrong):
            assert self._score(reply) == self._score(reply), f"{reply!r} is scored in two ways"

    def test_the_order_of_the_answers_does_not_matter(self) -> None:
        for reply in (*self.right, *self.wrong):
            turned = self._score(reply, list(self.accepted)[::-1])
            assert abs(self._score(reply) - turned) < 1e-9, f"{reply!r}: the order of the answers changes its score"

    def test_another_accepted_answer_never_costs(self) -> None:
        for reply in (*self.right, *self.wrong):
            more = self._score(reply, [*self.accepted, self.accepted[0]])
            assert more >= self._score(reply) - 1e-9, f"{reply!r} scores less when an answer stands there twice"

    def _score(self, reply: str, accepted: Sequence[str] | None = None) -> float:
        found = self.metric()(reply, list(self.accepted if accepted is None else accepted), question=self.question)
        assert isinstance(found, (int, float)), f"the score is {type_of(found)}"
        assert isfinite(found), f"the score of {reply[:30]!r} is {found}"
        assert 0 <= found <= 1, f"the score of {reply[:30]!r} is {found}"
        return float(found)
