"""How often given answers are wrong, what can be promised about it, and the threshold that keeps a promise.

The risk of a threshold is the share of wrong answers among those given, that is, whose confidence reaches it. Its upper
bound is exact (`instill.measure.statistics.exact_share`). A threshold that is chosen by looking at the same answers
needs more care: see `choose_threshold`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil, inf, isfinite, log, log1p

from instill.measure.statistics.exact_share import binomial_tail, check_share, lower_bound, upper_bound

GRID = tuple(round(1 - step / 200, 3) for step in range(201))
"""The thresholds that are tried, fixed in advance, from 1 down to 0 in steps of 0.005."""

NOTHING = -inf
"""The confidence of a question for which there is nothing to give, whatever the threshold."""

START_SHARES = (0.1, 0.25)
"""Testing starts where this share of all questions gets an answer, once for each."""


@dataclass(frozen=True, slots=True)
class JudgedAnswer:
    """An answer: its confidence (0 to 1; -inf when there is nothing to give) and whether giving it is wrong."""

    confidence: float
    wrong: bool


@dataclass(frozen=True, slots=True)
class Point:
    """What a threshold does: `given` of `asked` questions get an answer, `wrong` of these are wrong.

    `risk` is their share (0 without answers); it lies between `low` and `high`, each with the confidence asked for.
    """

    threshold: float
    asked: int
    given: int
    wrong: int
    risk: float
    low: float
    high: float

    @property
    def coverage(self) -> float:
        """Share of the questions that get an answer, 0 to 1."""
        return self.given / self.asked if self.asked else 0.0


@dataclass(frozen=True, slots=True)
class Choice:
    """The lowest threshold for which the promise holds; None when there is none.

    Args:
        more: how many more questions are needed, if the answers to them are as good as these; 0 when the promise
            holds, None when more questions would hardly help because too many answers are wrong.
    """

    threshold: float | None
    more: int | None
    point: Point | None


_MOST_NEEDED = 10_000


def answers_needed(risk: float, confidence: float = 0.95) -> int:
    """The fewest answers, none of them wrong, that let `risk` be promised.

    Example:
        >>> answers_needed(0.1), answers_needed(0.05), answers_needed(0.01)
        (29, 59, 299)
    """
    check_share(risk, "risk")
    check_share(confidence, "confidence")
    return max(1, ceil(log(1 - confidence) / log1p(-risk) - 1e-9))


def answers_needed_at(share: float, risk: float, confidence: float = 0.95) -> int | None:
    """The fewest answers that let `risk` be promised where this share of them is wrong; None where ten thousand do not.

    Example:
        >>> answers_needed_at(0.0, 0.1), answers_needed_at(0.05, 0.1), answers_needed_at(0.1, 0.1)
        (29, 116, None)
    """
    found = range(answers_needed(risk, confidence), _MOST_NEEDED)
    return next((each for each in found if binomial_tail(ceil(share * each), each, risk) <= 1 - confidence), None)


def curve(answers: Sequence[JudgedAnswer], *, confidence: float = 0.95, grid: Sequence[float] = GRID) -> list[Point]:
    """Risk and coverage of each threshold of the grid, highest first; thresholds that change nothing are left out.

    The bounds hold for each point by itself, not for all at once.

    Example:
        >>> points = curve([JudgedAnswer(0.9, False), JudgedAnswer(0.8, False), JudgedAnswer(0.4, True)])
        >>> [(point.threshold, point.given, point.wrong) for point in points]
        [(0.9, 1, 0), (0.8, 2, 0), (0.4, 3, 1)]
    """
    points: list[Point] = []
    for threshold, given, wrong in _counts(answers, grid):
        if given and (not points or points[-1].given != given):
            points.append(_point(threshold, len(answers), given, wrong, confidence))
    return points


def choose_threshold(
    answers: Sequence[JudgedAnswer], *, risk: float, confidence: float = 0.95, grid: Sequence[float] = GRID
) -> Choice:
    """The lowest threshold for which "at most `risk` of the answers given are wrong" can be promised.

    The promise: over data sets drawn like this one, the threshold that comes out breaks it in at most `1 - confidence`
    of them, although it is chosen by looking at the data. Nothing is assumed about how confidence and truth hang
    together, except for the place where testing starts (below). What is assumed: the questions are independent draws
    of what will be asked.

    Method: fixed-sequence testing with several starts (Angelopoulos, Bates, Candès, Jordan and Lei, "Learn then Test",
    arXiv 2110.01052, 2021, section on family-wise error control; selective prediction with a guaranteed risk is due to
    Geifman and El-Yaniv, "Selective Classification for Deep Neural Networks", NIPS 2017, section 3). From a start, the
    thresholds of the grid are tested downwards, each with the exact binomial test that its risk is above `risk`, until
    one test fails; with s starts each test has level (1 - confidence) / s. The lowest threshold that passed is taken.

    The starts are the highest thresholds that give answers to a fixed number of questions (`START_SHARES` of them, and
    enough to pass without a wrong answer), for at the very top are too few answers to pass any test. Counting
    answers does not look at which are wrong. It leaves the level exact when more confident answers are not
    wrong more often; were it the other way round, the level could be slightly exceeded near the start.

    Raises:
        ValueError: `risk` or `confidence` is not between 0 and 1, or the grid does not go down.

    Example:
        >>> answers = [JudgedAnswer(0.5 + i / 400, i < 8) for i in range(200)]
        >>> choose_threshold(answers, risk=0.1).threshold
        0.5
        >>> choose_threshold(answers[:20], risk=0.1)
        Choice(threshold=None, more=30, point=None)
    """
    check_share(risk, "risk")
    check_share(confidence, "confidence")
    if any(later >= earlier for earlier, later in pairwise(grid)):
        raise ValueError("the thresholds of the grid go down")
    counts = _counts(answers, grid)
    best = _lowest_passed(counts, len(answers), risk, confidence)
    if best is None:
        return Choice(None, _more(counts, len(answers), risk, confidence), None)
    # Lower thresholds that give the very same answers passed with it; the highest of them is the most careful.
    threshold, given, wrong = next(count for count in counts if count[1] == counts[best][1])
    return Choice(threshold, 0, _point(threshold, len(answers), given, wrong, confidence))


def starts(asked: int, risk: float, confidence: float) -> list[int]:
    """How many answers each start of the testing has; depends on the number of questions only.

    Example:
        >>> starts(1000, 0.1, 0.95), starts(100, 0.1, 0.95), starts(40, 0.1, 0.95)
        ([100, 250], [29], [29])
    """
    for number in range(len(START_SHARES), 1, -1):
        needed = answers_needed(risk, 1 - (1 - confidence) / number)
        found = sorted({max(needed, ceil(asked * share)) for share in START_SHARES})
        if len(found) == number:
            return found
    return [max(answers_needed(risk, confidence), ceil(asked * START_SHARES[0]))]


_Count = tuple[float, int, int]
"""A threshold, how many answers reach it, and how many of these are wrong."""


def _counts(answers: Sequence[JudgedAnswer], grid: Sequence[float]) -> list[_Count]:
    ordered = sorted(
        (answer for answer in answers if isfinite(answer.confidence)), key=lambda answer: -answer.confidence
    )
    counts: list[_Count] = []
    given = wrong = 0
    for threshold in grid:
        while given < len(ordered) and ordered[given].confidence >= threshold:
            wrong += ordered[given].wrong
            given += 1
        counts.append((threshold, given, wrong))
    return counts


def _lowest_passed(counts: Sequence[_Count], asked: int, risk: float, confidence: float) -> int | None:
    """Position of the lowest threshold that passes, from any of the starts."""
    numbers = starts(asked, risk, confidence)
    level = (1 - confidence) / len(numbers)
    best: int | None = None
    for number in numbers:
        position = next((place for place, (_, given, _) in enumerate(counts) if given >= number), len(counts))
        while position < len(counts) and binomial_tail(counts[position][2], counts[position][1], risk) <= level:
            best = position if best is None else max(best, position)
            position += 1
    return best


def _more(counts: Sequence[_Count], asked: int, risk: float, confidence: float) -> int | None:
    """How many more questions would do, if they went like these; None when more would hardly help."""
    if not asked or not counts[-1][1]:
        return max(1, answers_needed(risk, confidence) - asked)
    for factor in (1.1, 1.25, 1.5, 2, 2.5, 3, 4, 6, 8, 12, 16, 24, 32):
        scaled = [(threshold, int(given * factor), ceil(wrong * factor)) for threshold, given, wrong in counts]
        if _lowest_passed(scaled, ceil(asked * factor), risk, confidence) is not None:
            return ceil(asked * factor) - asked
    return None


def _point(threshold: float, asked: int, given: int, wrong: int, confidence: float) -> Point:
    low, high = lower_bound(wrong, given, confidence), upper_bound(wrong, given, confidence)
    return Point(threshold, asked, given, wrong, wrong / given if given else 0.0, low, high)
