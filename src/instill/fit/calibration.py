"""Calibrating a workspace: ask it questions with known answers, and find the threshold that keeps a promise."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random
from typing import TYPE_CHECKING

from instill.common.made_from import made_from
from instill.common.progress_watch import Counted
from instill.errors import UsageError, WorkspaceError
from instill.fit.kept.threshold import Calibration, identity_of, load_calibration, save_calibration
from instill.fit.trials import AskedTrial, ask_trials, trials_of
from instill.measure.risk import Choice, JudgedAnswer, Point, choose_threshold, curve
from instill.models.generators.protocol import skilled
from instill.study.questions_about_any_text import list_questions
from instill.study.quick_questions import AskedQuestion, StudyQuestion, write_questions

if TYPE_CHECKING:
    from instill.fit.fitted_workspace import FittedWorkspace
    from instill.index.lookup import StoredDocument

__all__ = ["CalibrationReport", "calibrate", "load_calibration", "questions_for"]


@dataclass(frozen=True, slots=True)
class CalibrationReport:
    """What a calibration found.

    Args:
        choice: the threshold that keeps the promise, or how many more questions are needed.
        curve: risk and coverage by threshold, highest threshold first.
        outcomes: every question asked.
        calibration: what was stored; None when there is no promise (then nothing was changed).
    """

    risk: float
    confidence: float
    choice: Choice
    curve: Sequence[Point]
    outcomes: Sequence[AskedTrial]
    calibration: Calibration | None

    @property
    def answerable(self) -> int:
        """How many of the questions had their evidence at hand."""
        return sum(outcome.trial.kind == "answerable" for outcome in self.outcomes)

    @property
    def answered(self) -> int:
        """How many of these get an answer, right or wrong, at the threshold; 0 without one."""
        line = self.choice.threshold
        return (
            sum(o.trial.kind == "answerable" and o.confidence >= line for o in self.outcomes) if line is not None else 0
        )


def calibrate(
    workspace: FittedWorkspace,
    *,
    risk: float = 0.1,
    confidence: float = 0.95,
    questions: Sequence[AskedQuestion | StudyQuestion] | None = None,
    origin: str = "written",
    most: int = 400,
    unanswerable: float | None = None,
    seed: int = 0,
    progress: Counted | None = None,
) -> CalibrationReport:
    """Find the threshold from which on at most `risk` of the answers given are wrong, with `confidence`, and keep it.

    The answers quote the documents (no generator). When nothing can be promised, the workspace is left as it was.

    Args:
        workspace: as its caller sees it (`Workspace.seen_by`): the documents that are asked about, and searched. What
            is found is kept for callers with the same labels; without labels, for all who may see all the documents.
        questions: a user's own; None: written from the documents, at most `most`; see `questions_for`.
        origin: what the stored calibration says about where the questions come from.
        unanswerable: share of the questions asked with their evidence hidden; see `trials_of`.

    Raises:
        UsageError: there is nothing to ask about, or a share lies outside 0 to 1.
        WorkspaceError: the workspace is read-only.
    """
    if not workspace.writable:
        raise WorkspaceError("The workspace is on read-only storage.", where=str(workspace.path))
    for name, share, usual in (("risk", risk, 0.1), ("confidence", confidence, 0.95)):
        if not 0 < share < 1:
            raise UsageError(
                f"The {name} must be between 0 and 1.", where=f"{name}: {share}", remedy=f"Example: --{name} {usual}"
            )
    workspace.check_encoder()
    if unanswerable is not None and not 0 <= unanswerable <= 1:
        raise UsageError("A share must be between 0 and 1.", where=str(unanswerable))
    asked: Sequence[AskedQuestion | StudyQuestion]
    asked = questions_for(workspace, most=most, seed=seed) if questions is None else questions
    if not asked:
        raise UsageError(
            "No question could be written from the documents.",
            remedy="Add documents with English prose, or give your own: instill calibrate --questions FILE",
        )
    trials = trials_of(asked, unanswerable=unanswerable, seed=seed)[:most]
    outcomes = ask_trials(workspace, trials, progress=progress)
    answers = [outcome.judged for outcome in outcomes]
    choice = choose_threshold(answers, risk=risk, confidence=confidence)
    stored = _stored(workspace, choice, answers, outcomes, risk, confidence, origin)
    if stored is not None:
        save_calibration(workspace.home, stored, workspace.labels)
    return CalibrationReport(risk, confidence, choice, curve(answers, confidence=confidence), outcomes, stored)


def questions_for(workspace: FittedWorkspace, *, most: int = 400, seed: int = 0) -> list[StudyQuestion]:
    """Questions written from the workspace's documents; of very many documents from a random part.

    They are listed by the workspace's generator where that was trained for it, else written by rules.
    """
    writer = skilled(workspace.generator, "questions")
    if writer is not None:
        return list_questions(_documents(workspace, most, seed), writer, most=most, seed=seed)
    return write_questions(_documents(workspace, most, seed), most=most, seed=seed)


def _stored(
    workspace: FittedWorkspace,
    choice: Choice,
    answers: Sequence[JudgedAnswer],
    outcomes: Sequence[AskedTrial],
    risk: float,
    confidence: float,
    origin: str,
) -> Calibration | None:
    if choice.threshold is None or choice.point is None:
        return None
    return Calibration(
        threshold=choice.threshold,
        risk=risk,
        confidence=confidence,
        coverage=choice.point.coverage,
        asked=len(answers),
        given=choice.point.given,
        wrong=choice.point.wrong,
        unanswerable=sum(outcome.trial.kind != "answerable" for outcome in outcomes),
        questions=origin,
        documents=workspace.index.count()[0],
        date=datetime.now(UTC).isoformat(timespec="seconds"),
        identity=identity_of(workspace.settings, workspace.index.generation.fingerprint),
        made_from=made_from(workspace.documents()),
    )


def _documents(workspace: FittedWorkspace, most: int, seed: int) -> Iterator[StoredDocument]:
    """The documents in random order; of very many as many as questions need, twice over."""
    records = sorted(record.doc_id for record in workspace.index.records())
    Random(seed).shuffle(records)  # noqa: S311
    for doc_id in records[: 2 * most]:
        document = workspace.index.document_text(doc_id)
        if document is not None:
            yield document
