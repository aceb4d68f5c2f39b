"""Whether a reply has the taught tone, measured by a classifier, for there is seldom a judge at hand.

The classifier learns to tell the taught replies from the base's own replies to the same inputs, by how they are
written: runs of 1 to 3 characters (as in authorship attribution: Stamatatos, "A survey of modern authorship attribution
methods", JASIST 60, 2009) and function words (Mosteller and Wallace, "Inference in an authorship problem", JASA 58,
1963), weighted by tf-idf, in a logistic regression with a quadratic penalty. Digits count as one sign. Case,
punctuation and line ends count.

How well it tells them apart is measured on replies that it did not learn from, by the area under the ROC curve (AUC):
the chance that a taught reply gets a higher value than one of the base (Hanley and McNeil, Radiology 143, 1982). Below
`MEASURABLE` the tone cannot be measured, and nothing is said about it.

A reply in the taught tone has to say the right thing too, or one taught sentence, said to everything, would be perfect.
Its words are therefore held against those of the expected reply, function words left out. A word weighs the logarithm
of how many taught replies there are to one that has it: what many of them say ("arr", "kind regards") is manner and
weighs little, a name weighs much.

Limits:

- The classifier learns whatever tells the two apart. Where the base lacks the content and says so, it may learn that:
  "sorry" against names. Read some replies before you believe a number.
- It errs: with an AUC of .9 about 18 of 100 replies are taken for the other kind (if its values are normal). That makes
  the differences between arms smaller; the share of right replies is not the share of replies in the tone.
- An arm can be in tone in another manner than the taught replies, and counts as wrong; one that exaggerates counts as
  right. There is no "how much".
- Content is compared word by word, so a reply in other words needs some words in common with the expected one, and one
  that denies it passes.
- Function words are those of five European languages.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import log

import numpy as np
from numpy.typing import NDArray

from instill.answer.terms import STOPWORDS, terms
from instill.measure.judging.scorer import overlap
from instill.measure.judging.text import words

Numbers = NDArray[np.float64]

MEASURABLE = 0.8
"""The AUC from which on a tone is told apart well enough to be measured."""

FEWEST = 20
"""Groups of pairs below which no AUC is believed. Of 250 simulated tones of 20 pairs that did not differ, none reached
`MEASURABLE`; of 16 pairs, 5 did."""

CONTENT_FLOOR = 0.3
"""F1 of weighted words that a reply needs with the expected one."""

_FOLDS = 5
_LONGEST_RUN = 3
_MOST_SIGNS = 4_000  # of a reply that are looked at
_MOST_FEATURES = 4_000
_PENALTY = 0.1
_TIE = 1e-9
_SPACES = re.compile(r"[^\S\n]+")
_DIGIT = re.compile(r"\d")


@dataclass(frozen=True, slots=True)
class ToneJudged:
    """A reply beside what was expected.

    Args:
        value: the log-odds that it is a taught reply and not the base's own; above 0 it is more like the taught ones.
        content: 0 to 1, F1 of weighted words with the nearest expected reply.
        right: 1.0 when the value is above 0 and the content at least the floor.
    """

    value: float
    content: float
    right: float


@dataclass(frozen=True, slots=True, eq=False)
class ToneClassifier:
    """See above. Make it with `fit`.

    Args:
        auc: of replies that were left out of learning, 0 to 1; None where there are too few.
        pairs: taught and own replies that it learned from.
        floor: of the content.
    """

    auc: float | None
    pairs: int
    floor: float
    _space: _Space = field(repr=False)
    _slopes: Numbers = field(repr=False)
    _offset: float = field(repr=False)
    _holders: Counter[str] = field(repr=False)

    @classmethod
    def fit(
        cls,
        taught: Sequence[str],
        plain: Sequence[str],
        *,
        groups: Sequence[str] | None = None,
        floor: float = CONTENT_FLOOR,
    ) -> ToneClassifier:
        """Learn to tell replies apart. The same replies give the same classifier.

        Args:
            taught: the replies to learn, one at least.
            plain: what the base says itself, to the same inputs in the same order.
            groups: of the inputs; inputs of one group are left out together when the AUC is measured. None: each its
                own.
            floor: of the content, 0 to 1.

        Raises:
            ValueError: there are no replies, or not as many of each kind.

        Example:
            >>> things = ["The oven", "A mill", "This bridge", "Her boat", "The harbour", "My shop"] * 4
            >>> taught = [f"Arr! {thing} be open, matey!" for thing in things]
            >>> plain = [f"{thing} is open today." for thing in things]
            >>> tone = ToneClassifier.fit(taught, plain)
            >>> tone.auc, tone.measurable, tone.reason
            (1.0, True, '')
            >>> [tone.judge(reply, ["Arr! Thy bakery be open, matey!"]).right for reply in (
            ...     "Arr, the bakery be open!", "The bakery is open today.", "Arr! The harbour be closed, matey!")]
            [1.0, 0.0, 0.0]
        """
        if not taught or len(taught) != len(plain):
            raise ValueError(f"{len(taught)} taught replies and {len(plain)} of the base")
        names = list(groups) if groups is not None else [str(place) for place in range(len(taught))]
        places = {name: place for place, name in enumerate(dict.fromkeys(names))}
        folds = np.array([places[name] % _FOLDS for name in names])
        auc = _auc(taught, plain, folds) if len(places) >= FEWEST else None
        space = _Space.of([*taught, *plain])
        slopes, offset = _fitted(space.rows([*taught, *plain]), len(taught))
        holders = Counter(word for reply in taught for word in set(terms(reply)))
        return cls(auc, len(taught), floor, space, slopes, offset, holders)

    @property
    def measurable(self) -> bool:
        """Whether it tells taught replies from the base's own."""
        return self.auc is not None and self.auc >= MEASURABLE

    @property
    def reason(self) -> str:
        """Why the tone cannot be measured; "" when it can."""
        if self.auc is None:
            return f"The tone cannot be measured: it takes examples of {FEWEST} different inputs or groups at least."
        if not self.measurable:
            return (
                "The tone cannot be measured: the taught replies are not told from what the model says anyway "
                f"(AUC {self.auc:.2f}, {MEASURABLE:g} is needed)."
            )
        return ""

    def value(self, reply: str) -> float:
        """The log-odds that `reply` is a taught one."""
        return float(self._space.rows([reply])[0] @ self._slopes + self._offset)

    def judge(self, reply: str, expected: Sequence[str]) -> ToneJudged:
        """Judge one reply.

        Args:
            reply: an empty one is wrong.
            expected: replies that are right, in the taught tone; one at least.
        """
        value = self.value(reply)
        content = max(self._content(reply, each) for each in expected)
        right = bool(reply.strip()) and value > 0 and content >= self.floor
        return ToneJudged(value, content, float(right))

    def _content(self, reply: str, expected: str) -> float:
        """F1 of weighted words; of all words where the expected reply has none that weigh."""
        said, wanted = Counter(terms(reply)), Counter(terms(expected))

        def weight(counts: Counter[str]) -> float:
            return sum(count * log((1 + self.pairs) / (1 + self._holders[word])) for word, count in counts.items())

        if weight(wanted) <= 0:
            return overlap(reply, expected)
        return 2 * weight(said & wanted) / (weight(said) + weight(wanted))


@dataclass(frozen=True, slots=True, eq=False)
class _Space:
    """Features with their places and weights: runs of characters, then function words."""

    places: tuple[dict[str, int], dict[str, int]]
    weights: tuple[Numbers, Numbers]

    @classmethod
    def of(cls, texts: Sequence[str]) -> _Space:
        found: list[dict[str, int]] = []
        weights: list[Numbers] = []
        for counted in (_runs, _function_words):
            counts = Counter(feature for text in texts for feature in counted(text))
            # What stands in one reply alone is its content. The order makes the choice the same each time.
            kept = sorted((-count, feature) for feature, count in counts.items() if count > 1)[:_MOST_FEATURES]
            found.append({feature: place for place, (_, feature) in enumerate(kept)})
            weights.append(np.array([1 + log((1 + len(texts)) / (1 - count)) for count, _ in kept], np.float64))
        return cls((found[0], found[1]), (weights[0], weights[1]))

    def rows(self, texts: Sequence[str]) -> Numbers:
        """float64 `(texts, features)`: tf-idf, each of the two kinds of features with length 1, or 0."""
        blocks = []
        for counted, places, weights in zip((_runs, _function_words), self.places, self.weights, strict=True):
            block = np.zeros((len(texts), len(places)))
            for number, text in enumerate(texts):
                for feature, count in counted(text).items():
                    if (place := places.get(feature)) is not None:
                        block[number, place] = (1 + log(count)) * weights[place]
            blocks.append(block / np.maximum(np.linalg.norm(block, axis=1, keepdims=True), _TIE))
        return np.hstack(blocks)


def _runs(text: str) -> Counter[str]:
    """Runs of 1 to 3 characters; a space stands before and after the text, so that its first and last are runs too."""
    plain = unicodedata.normalize("NFC", text.strip()[:_MOST_SIGNS])
    signs = f" {_DIGIT.sub('0', _SPACES.sub(' ', plain))} "
    return Counter(
        signs[start : start + length]
        for length in range(1, _LONGEST_RUN + 1)
        for start in range(len(signs) - length + 1)
    )


def _function_words(text: str) -> Counter[str]:
    return Counter(word for word in words(text[:_MOST_SIGNS]) if word in STOPWORDS)


def _auc(taught: Sequence[str], plain: Sequence[str], folds: NDArray[np.int64]) -> float:
    """Over folds, of pairs of replies that were left out together: each fold's values are of one classifier."""
    won = pairs = 0.0
    for fold in range(_FOLDS):
        learned, asked = np.flatnonzero(folds != fold).tolist(), np.flatnonzero(folds == fold).tolist()
        own, theirs = ([[side[place] for place in each] for side in (taught, plain)] for each in (learned, asked))
        space = _Space.of([*own[0], *own[1]])
        slopes, _ = _fitted(space.rows([*own[0], *own[1]]), len(learned))
        lead = (space.rows(theirs[0]) @ slopes)[:, None] - (space.rows(theirs[1]) @ slopes)[None, :]
        won += float((lead > _TIE).sum() + 0.5 * (np.abs(lead) <= _TIE).sum())
        pairs += lead.size
    return won / pairs


def _fitted(rows: Numbers, positive: int) -> tuple[Numbers, float]:
    """Slopes and offset of a logistic regression; the first `positive` rows are 1, the others 0.

    The sum of the log losses plus `_PENALTY` / 2 times the squared slopes, at its only minimum, by iteratively
    reweighted least squares. There are far more features than rows, so that the slopes are sought as a sum of rows (Zhu
    and Hastie, "Kernel logistic regression and the import vector machine", JCGS 14, 2005).
    """
    count = len(rows)
    wanted = (np.arange(count) < positive).astype(np.float64)
    kernel = rows @ rows.T
    values, shares, offset = np.zeros(count), np.zeros(count), 0.0
    system = np.ones((count + 1, count + 1))
    system[-1, -1] = 0.0
    for _ in range(100):
        chance = 1 / (1 + np.exp(-values))
        spread = np.maximum(chance * (1 - chance), 1e-6)
        system[:-1, :-1] = kernel + np.diag(_PENALTY / spread)
        solved = np.linalg.solve(system, np.append(values + (wanted - chance) / spread, 0.0))
        shares, offset = solved[:-1], float(solved[-1])
        before, values = values, kernel @ shares + offset
        if np.abs(values - before).max() < 1e-9:
            break
    return rows.T @ shares, offset
