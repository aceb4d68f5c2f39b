"""Fitting the search to a workspace: the weight of either leg, the reader's share, the size of passages.

Questions with known answers are searched in every way that is tried; what comes first is judged. A way takes the
place of the one in use only when cross-validation over documents says that it is better (`cross_validation`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np

from instill.common.made_from import made_from
from instill.common.plurals import are, counted
from instill.common.progress_watch import Staged
from instill.errors import UsageError, WorkspaceError
from instill.fit.calibration import questions_for
from instill.fit.documents_for_all import refuse_unless_alike
from instill.fit.kept.tuned import SIZE, Tuned, is_set, load_tuned, save_tuned, tuned_identity
from instill.fit.passage_sizes import Sized, SizedIndexes, measure_sizes
from instill.fit.search_ways import Scores, Searcher, Way, in_use, measure_ways, ways_around
from instill.fit.targets import Target, targets_of
from instill.index.store import Index
from instill.measure.statistics.cross_validation import Choice, choose
from instill.measure.statistics.interval_type import Interval
from instill.measure.statistics.percentile_bootstrap import bootstrap_interval
from instill.settings import Settings
from instill.study.types import AskedQuestion, StudyQuestion

if TYPE_CHECKING:
    from instill.fit.fitted_workspace import FittedWorkspace


LEAST_QUESTIONS = 20


@dataclass(frozen=True, slots=True)
class Figures:
    """MRR@10 and the share of answers in the first five passages, with 95% intervals over documents."""

    mrr: Interval
    recall: Interval


@dataclass(frozen=True, slots=True)
class SearchReport:
    """What tuning found.

    Args:
        before, after: of the way in use and of the one to be used; the same when nothing is kept.
        legs: "keyword" and "vector" alone.
        choice: of the weights; `gain` is of MRR@10, cross-validated.
        sizes: the sizes of passages that were tried, or none.
        values: the settings to change, by their full names; empty when nothing is measurably better.
        fixed: settings that would have been tuned but are set by the user.
        notes: what else there is to say, a sentence each.
    """

    questions: int
    documents: int
    way: Way
    best: Way
    before: Figures
    after: Figures
    legs: Mapping[str, Figures]
    choice: Choice
    sizes: Sized | None
    values: Mapping[str, float]
    fixed: Sequence[str]
    notes: Sequence[str]


def tune_search(
    workspace: FittedWorkspace,
    *,
    questions: Sequence[AskedQuestion | StudyQuestion] | None = None,
    most: int = 300,
    sizes: bool = False,
    documents: int = 200,
    seed: int = 0,
    progress: Staged | None = None,
) -> SearchReport:
    """Measure the ways to search on questions with known answers; changes nothing (see `keep`).

    Args:
        workspace: as its caller sees it (`Workspace.seen_by`): the documents that are asked about, and searched.
        questions: a user's own; None: written from the documents by rules, at most `most`.
        sizes: try half and double the size of passages too, in an index beside the live one.
        documents: for that, the most documents that are split and encoded again.

    Raises:
        UsageError: there are too few questions, or they are about fewer than two documents; or `sizes` where callers
            see different documents: the index has one size of passages for all of them.
        WorkspaceError: `sizes` on read-only storage.
    """
    workspace.check_encoder()
    if sizes:
        refuse_unless_alike(workspace)
    asked = questions_for(workspace, most=most, seed=seed) if questions is None else questions
    targets = targets_of(asked)[:most]
    groups = [target.group for target in targets]
    if len(targets) < LEAST_QUESTIONS or len(set(groups)) < 2:
        remedy = f"Add documents, or give {LEAST_QUESTIONS} of your own: instill tune search --questions FILE"
        if questions is not None:
            remedy = f"Give {LEAST_QUESTIONS} or more questions with evidence, about two documents or more."
        found = f"{counted(len(targets), 'question')} about {counted(len(set(groups)), 'document')}"
        raise UsageError(f"{found} {are(len(targets))} too few to tune on.", remedy=remedy)
    tell = progress or (lambda _what, _done, _total: None)
    settings, index = workspace.settings, workspace.index
    way = in_use(settings)
    sized = None
    values: dict[str, float] = {}
    with SizedIndexes(workspace, targets, documents, seed) as indexes:
        if sizes and not is_set(workspace.given, SIZE):
            if not workspace.writable:
                raise WorkspaceError("The workspace is on read-only storage.", where=str(workspace.path))
            targets = indexes.covered(targets)
            groups = [target.group for target in targets]
            sized = measure_sizes(workspace, targets, indexes, way, tell)
            if sized.choice.kept:
                values[SIZE] = sized.best
                index = indexes.at(sized.best)
        scores, legs = _measured(workspace, index, targets, way, settings, tell)
    choice = choose(scores.mrr, groups, seed=seed)
    best = scores.ways[choice.best] if choice.kept else way
    values |= _changes(workspace.given, way, best)
    return SearchReport(
        questions=len(targets),
        documents=len(set(groups)),
        way=way,
        best=best,
        before=_figures(scores, 0, groups),
        after=_figures(scores, choice.best if choice.kept else 0, groups),
        legs={name: _figures(leg, 0, groups) for name, leg in legs.items()},
        choice=choice,
        sizes=sized,
        values=values,
        fixed=[name for name in _considered(sizes) if is_set(workspace.given, name)],
        notes=_notes(scores, legs, choice, workspace, own=questions is not None),
    )


def keep(workspace: FittedWorkspace, report: SearchReport, *, origin: str) -> Tuned:
    """Put the report's values to use: they are stored in the workspace, and a new size of passages is indexed.

    Raises:
        WorkspaceError: the workspace cannot be written.
    """
    if not workspace.writable:
        raise WorkspaceError("The workspace is on read-only storage.", where=str(workspace.path))
    size = int(report.values[SIZE]) if SIZE in report.values else None
    tuned = Tuned(
        values=_together(workspace, report.values),
        summary=summary_of(report),
        questions=origin,
        date=datetime.now(UTC).isoformat(timespec="seconds"),
        identity=tuned_identity(workspace.settings, workspace.index.generation.fingerprint, size),
        made_from=made_from(workspace.documents()),
    )
    save_tuned(workspace.home, tuned, workspace.labels)
    workspace.refresh()
    if size is not None:
        workspace.reindex()
    return tuned


def summary_of(report: SearchReport) -> str:
    """What is changed and gained, in one sentence."""
    changes = ", ".join(f"{name} = {value:g}" for name, value in report.values.items())
    return (
        f"Tuned on {report.questions} questions: {changes}; MRR@10 {report.before.mrr.mean:.3f} before, "
        f"{report.after.mrr.mean:.3f} after."
    )


def _together(workspace: FittedWorkspace, values: Mapping[str, float]) -> dict[str, float]:
    """With the values tuned before that are still in use; the size of passages always is."""
    before = load_tuned(workspace.home, workspace.caller())
    if before is None:
        return dict(values)
    kept = {name: value for name, value in before.values.items() if workspace.tuned is not None or name == SIZE}
    return {**kept, **values}


def _measured(
    workspace: FittedWorkspace, index: Index, targets: Sequence[Target], way: Way, settings: Settings, tell: Staged
) -> tuple[Scores, dict[str, Scores]]:
    searcher = Searcher(index, workspace.encoder, settings.search, workspace.reader)
    ways = ways_around(way, settings, workspace.given, reader=workspace.reader is not None)
    scores = measure_ways(searcher, targets, ways, lambda done, total: tell("Searching", done, total))
    return scores, searcher.legs(targets)


def _figures(scores: Scores, row: int, groups: Sequence[str]) -> Figures:
    return Figures(bootstrap_interval(scores.mrr[row], groups), bootstrap_interval(scores.recall[row], groups))


def _considered(sizes: bool) -> list[str]:
    return ["search.vector_weight", "search.rerank", *([SIZE] if sizes else [])]


def _changes(given: Settings, way: Way, best: Way) -> dict[str, float]:
    pairs = {
        "search.vector_weight": (way.vector_weight, best.vector_weight),
        "search.rerank": (way.rerank, best.rerank),
    }
    return {name: new for name, (old, new) in pairs.items() if old != new and not is_set(given, name)}


def _notes(
    scores: Scores, legs: Mapping[str, Scores], choice: Choice, workspace: FittedWorkspace, *, own: bool
) -> list[str]:
    notes = []
    used = scores.mrr[choice.best if choice.kept else 0]
    name, leg = max(legs.items(), key=lambda entry: float(np.mean(entry[1].mrr)))
    if np.mean(leg.mrr) > np.mean(used) + 1e-9:
        notes.append(
            f"The {name} search alone scored {np.mean(leg.mrr) - np.mean(used):.3f} higher than what is used, "
            "which these questions cannot tell from chance."
        )
    if not own:
        notes.append(
            "These questions were written by rules and share more words with their answers than a person's, "
            "which favours the keyword search: give your own with --questions when you have some."
        )
    if workspace.reader is None:
        notes.append("No reader is set (answer.reader), so reranking was not tried.")
    return notes
