"""How well a reader reads, measured on the model as it is shipped (ONNX, int8), on rows that were not trained on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from instill.answer.reading.reader import Reader
from instill.measure.answer_scores import auc, exact_match, token_f1
from instill.train.reader.rows import Row

Floats = NDArray[np.float64]
_RESAMPLES = 1000


@dataclass(frozen=True, slots=True)
class ReadPassage:
    """One question read beside one passage. `f1` and `exact` are NaN where the passage has no answer."""

    group: str
    answerable: bool
    f1: float
    exact: float
    score: float
    relevant: float


@dataclass(frozen=True, slots=True)
class Figure:
    """A mean or an AUC with its 95% interval (bootstrap over groups, so that articles count as a whole)."""

    value: float
    low: float
    high: float
    count: int

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}] (n={self.count})"


def judge(
    reader: Reader,
    rows: Sequence[Row],
    *,
    titles: bool = True,
    progress: Callable[[int, int], None] | None = None,
) -> list[ReadPassage]:
    """Read every row; `titles` says whether the passage's title is shown to the reader."""
    judged = []
    for done, row in enumerate(rows):
        [found] = reader.read(row.question, [(row.title if titles else "", row.passage)])
        answer = row.passage[found.start : found.end]
        f1, exact = (token_f1(answer, row.texts), exact_match(answer, row.texts)) if row.answers else (np.nan, np.nan)
        judged.append(ReadPassage(row.group, row.answerable, f1, exact, found.score, found.relevant))
        if progress is not None:
            progress(done + 1, len(rows))
    return judged


def figures(judged: Sequence[ReadPassage]) -> Mapping[str, Figure]:
    """`f1` and `exact` over the answerable rows; `auc` of the score, where there are rows of both kinds."""
    answered = [entry for entry in judged if not np.isnan(entry.f1)]
    found = {
        "f1": interval(answered, lambda part: float(np.mean([entry.f1 for entry in part]))),
        "exact": interval(answered, lambda part: float(np.mean([entry.exact for entry in part]))),
    }
    if 0 < sum(entry.answerable for entry in judged) < len(judged):
        found["auc"] = interval(judged, answerability_auc)
    return found


def answerability_auc(judged: Sequence[ReadPassage]) -> float:
    """AUC of the score between rows with and without an answer."""
    return auc(
        np.array([entry.score for entry in judged if entry.answerable]),
        np.array([entry.score for entry in judged if not entry.answerable]),
    )


def interval(judged: Sequence[ReadPassage], figure: Callable[[Sequence[ReadPassage]], float]) -> Figure:
    """The figure with its 95% percentile interval over resampled groups."""
    if not judged:
        return Figure(float("nan"), float("nan"), float("nan"), 0)
    groups: dict[str, list[ReadPassage]] = {}
    for entry in judged:
        groups.setdefault(entry.group, []).append(entry)
    names, rng = list(groups), np.random.default_rng(0)
    draws = []
    for _ in range(_RESAMPLES):
        drawn = rng.integers(0, len(names), len(names))
        draws.append(figure([entry for place in drawn for entry in groups[names[place]]]))
    low, high = np.nanpercentile(draws, [2.5, 97.5])
    return Figure(figure(judged), float(low), float(high), len(judged))
