"""Training the encoder of a workspace on its own documents, and putting it to use only if it is better.

Questions are written from the documents by rules. Documents are dealt to three parts: what is trained on, what the
share is chosen on, and what the old and the new index are compared on.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import numpy as np
from filelock import FileLock, Timeout

from instill.common.made_from import MadeFrom, made_from
from instill.common.progress_watch import Counted
from instill.errors import UsageError, WorkspaceError
from instill.fit.calibration import questions_for
from instill.fit.documents_for_all import seen_by_everyone
from instill.fit.kept.own_encoder import FOLDER, RECORD_FILE, OwnEncoder, add_own, keep_only
from instill.fit.kept.tuned import is_set
from instill.fit.search_ways import Searcher, in_use
from instill.fit.targets import Target, reciprocal, targets_of
from instill.index.store import Index
from instill.ingest.reindex import reindex
from instill.measure.statistics.interval_type import Interval, Numbers
from instill.measure.statistics.percentile_bootstrap import bootstrap_interval
from instill.models.encoders import open_encoder
from instill.models.encoders.protocol import Encoder
from instill.study.types import StudyQuestion
from instill.train.encoder.averaging import Candidates
from instill.train.encoder.choosing import Chosen, choose_share
from instill.train.encoder.ranking_quality import RankingSet, built_in, from_rows
from instill.train.encoder.run import EncoderWatch, base_folder, need_torch, trained_candidates
from instill.train.encoder.settings import EncoderHyperparameters, Share
from instill.train.reader.rows import Row, held_out, rows_hash

if TYPE_CHECKING:
    from instill.fit.fitted_workspace import FittedWorkspace
    from instill.fit.question_rows import QuestionRows

LEAST_COMPARED = 20
_COMPARED, _CHOSEN_ON = 0.25, 0.25
_MOST_OTHERS = 1500


@dataclass(frozen=True, slots=True)
class EncoderVerdict:
    """What came of it.

    Args:
        chosen: the share of the trained weights, and what it was chosen from.
        before, after, gain: MRR@10 of the old and the new index on questions about documents that were neither
            trained on nor chosen on, and the paired difference; None when no share was better than the base.
        switched: whether the workspace uses the new encoder now.
    """

    trained_on: int
    chosen_on: int
    compared_on: int
    chosen: Chosen
    before: Interval | None
    after: Interval | None
    gain: Interval | None
    switched: bool
    encoder: str = ""


@dataclass(frozen=True, slots=True)
class _Parts:
    """The questions by what they are for, each question once; documents are in one part only."""

    trained: Sequence[StudyQuestion]
    chosen: Sequence[StudyQuestion]
    compared: Sequence[StudyQuestion]


def train_own_encoder(
    workspace: FittedWorkspace,
    *,
    most: int = 3000,
    seed: int = 0,
    hyperparameters: EncoderHyperparameters | None = None,
    unrelated: Sequence[RankingSet] = (),
    watch: EncoderWatch | None = None,
    encoding: Counted | None = None,
    questions: QuestionRows | None = None,
) -> EncoderVerdict:
    """Train on questions about the documents, and switch the workspace over if the search gets measurably better.

    The new index is filled beside the old one, which answers until the switch; when it is not better it is dropped.
    The encoder serves all callers, so where documents have labels it is trained on those that all callers see.

    Args:
        most: most questions that are used.
        questions: those of people; None: they are written from the documents.
        unrelated: sets on which nothing may be lost; none for the built-in one.

    Raises:
        UsageError: `encoder.model` is set, so that the trained encoder could not be used; or the documents give too
            few questions.
        WorkspaceError: the workspace is read-only.
        MissingDependency: PyTorch or sentence-transformers is not installed.
    """
    need_torch()
    _must_be_free(workspace)
    shared = seen_by_everyone(workspace)
    known = {record.doc_id for record in shared}
    asked_of = questions_for(workspace, most=most, seed=seed) if questions is None else questions.places[:most]
    parts = _dealt([question for question in asked_of if question.doc_id in known], seed)
    base = base_folder(workspace.settings.encoder)
    rows = _rows(workspace, parts.trained, seed) + _told(questions, parts)
    chosen_parameters = _fitting(hyperparameters or EncoderHyperparameters(), rows)
    run = workspace.home / FOLDER / f".run-{rows_hash(rows)[:12]}"
    run.mkdir(parents=True, exist_ok=True)
    with _alone(run):
        candidates = trained_candidates(
            rows, base, workspace.settings.encoder, chosen_parameters, run, watch or EncoderWatch()
        )
        asked = from_rows("own", _rows(workspace, parts.chosen, seed), most=len(parts.chosen))
        chosen = choose_share(
            candidates.encoder, asked, list(unrelated) or [built_in()], progress=(watch or EncoderWatch()).measuring
        )
        sizes = (len(parts.trained), len(parts.chosen), len(parts.compared))
        if chosen.share.alpha == 0:
            verdict = EncoderVerdict(*sizes, chosen, None, None, None, switched=False)
        else:
            verdict = _compare_and_switch(workspace, candidates, chosen, parts, sizes, encoding, made_from(shared))
    shutil.rmtree(run, ignore_errors=True)
    return verdict


def undo_own_encoder(workspace: FittedWorkspace, *, progress: Counted | None = None) -> int:
    """Go back to the encoder of the settings: encode everything again with it, switch over, remove the trained one.

    Returns how many documents were encoded.

    Raises:
        UsageError: no trained encoder is in use.
    """
    if workspace.own_encoder is None:
        raise UsageError("No trained encoder is in use here.", where=str(workspace.path))
    encoder = open_encoder(workspace.given.encoder, off=workspace.given.plugins.off)
    count = reindex(
        workspace.home / "index", encoder, workspace.settings.documents, progress, store=workspace.given.store
    )
    keep_only(workspace.home, "")
    (workspace.home / RECORD_FILE).unlink(missing_ok=True)
    workspace.refresh()
    return count


@contextmanager
def _alone(run: Path) -> Iterator[None]:
    """No other process trains the same meanwhile, and nobody takes the folder for one that a kill has left."""
    lock = FileLock(run / "lock", timeout=0)
    try:
        lock.acquire()
    except Timeout as error:
        raise WorkspaceError(
            "Another process is training on these documents.", where=str(run), remedy="Wait for it, or stop it."
        ) from error
    try:
        yield
    finally:
        lock.release()


# -- parts -----------------------------------------------------------------------------------------------------


def _must_be_free(workspace: FittedWorkspace) -> None:
    if not workspace.writable:
        raise WorkspaceError("The workspace is on read-only storage.", where=str(workspace.path))
    if is_set(workspace.given, "encoder.model"):
        raise UsageError(
            "encoder.model is set, so a trained encoder would not be used.",
            where=workspace.given.encoder.model,
            remedy="Take it out of instill.toml (training begins from the encoder in use), or train with --data.",
        )


def _dealt(questions: Sequence[StudyQuestion], seed: int) -> _Parts:
    """By a hash of the document, so that the same document is always in the same part."""
    compared = [entry for entry in questions if held_out(entry.doc_id, _COMPARED, seed=seed)]
    rest = [entry for entry in questions if not held_out(entry.doc_id, _COMPARED, seed=seed)]
    chosen = [entry for entry in rest if held_out(entry.doc_id, _CHOSEN_ON, seed=seed + 1)]
    trained = [entry for entry in rest if not held_out(entry.doc_id, _CHOSEN_ON, seed=seed + 1)]
    parts = _Parts(trained, chosen, compared)
    if min(len(compared), len(chosen)) < LEAST_COMPARED or len({entry.doc_id for entry in compared}) < 2:
        raise UsageError(
            f"There are {len(questions)} questions about the documents ({len(trained)} to train on, {len(chosen)} to "
            f"choose with, {len(compared)} to compare with), which is too few: {LEAST_COMPARED} of each are needed.",
            remedy="Add more documents, judge more answers, or train on rows of your own: "
            "instill train encoder --data FILE --out FOLDER",
        )
    return parts


def _rows(workspace: FittedWorkspace, questions: Sequence[StudyQuestion], seed: int) -> list[Row]:
    """A row for each question with the passage that holds its answer, and other passages as rows without answers."""
    rows: list[Row] = []
    others: list[Row] = []
    by_document: dict[str, list[StudyQuestion]] = {}
    for question in questions:
        by_document.setdefault(question.doc_id, []).append(question)
    for doc_id in sorted(by_document):
        stored = workspace.index.document_text(doc_id)
        title = "" if stored is None else stored.record.title
        for passage in workspace.index.passages_of(doc_id):
            place = passage.headings or title
            inside = [
                entry for entry in by_document[doc_id] if passage.start <= entry.start and entry.end <= passage.end
            ]
            for entry in inside:
                answer = (entry.start - passage.start, entry.end - passage.start)
                rows.append(Row(entry.question, passage.text, place, doc_id, (answer,)))
            if not inside:
                others.append(Row("-", passage.text, place, doc_id, ()))
    if len(others) > _MOST_OTHERS:
        others = Random(seed).sample(others, _MOST_OTHERS)  # noqa: S311  Not for security.
    return rows + others


def _told(questions: QuestionRows | None, parts: _Parts) -> list[Row]:
    """Pieces of which people said that they do not answer a question that is trained on."""
    trained = {question.question for question in parts.trained}
    return [row for row in questions.rows if row.question in trained and not row.answerable] if questions else []


def _fitting(chosen: EncoderHyperparameters, rows: Sequence[Row]) -> EncoderHyperparameters:
    """A batch that leaves at least ten steps an epoch, and epochs that make about a hundred steps."""
    asked = sum(bool(row.answers) for row in rows)
    batch = max(8, min(chosen.batch, asked // 10))
    steps = max(1, asked // batch)
    return replace(chosen, batch=batch, epochs=max(chosen.epochs, min(4, -(-100 // steps))))


# -- comparing -------------------------------------------------------------------------------------------------


def _compare_and_switch(
    workspace: FittedWorkspace,
    candidates: Candidates,
    chosen: Chosen,
    parts: _Parts,
    sizes: tuple[int, int, int],
    encoding: Counted | None,
    sources: MadeFrom,
) -> EncoderVerdict:
    folder = _saved(workspace, candidates, chosen.share)
    settings = workspace.settings.encoder.model_copy(update={"model": str(folder)})
    encoder = open_encoder(settings)
    targets = targets_of(parts.compared)
    old = _ranks(workspace, workspace.index, workspace.encoder, targets)
    found: list[EncoderVerdict] = []

    def accept(index: Index) -> bool:
        new = _ranks(workspace, index, encoder, targets)
        found.append(_judged(sizes, chosen, old, new, [target.group for target in targets], encoder))
        if found[-1].switched:  # Recorded first: the record is in force once the index is switched.
            add_own(workspace.home, _record(workspace, folder, encoder, found[-1], sources))
        return found[-1].switched

    store = workspace.given.store
    reindex(workspace.home / "index", encoder, workspace.settings.documents, encoding, accept, store=store)
    [verdict] = found
    if verdict.switched:
        keep_only(workspace.home, folder.name)
        workspace.refresh()
    else:
        shutil.rmtree(folder, ignore_errors=True)
    return verdict


def _saved(workspace: FittedWorkspace, candidates: Candidates, share: Share) -> Path:
    """The folder of the trained encoder, named by its weights."""
    draft = workspace.home / FOLDER / ".draft"
    candidates.save(share, draft)
    digest = hashlib.sha256()
    for file in sorted(draft.rglob("*.safetensors")):
        digest.update(file.read_bytes())
    folder = workspace.home / FOLDER / digest.hexdigest()[:12]
    shutil.rmtree(folder, ignore_errors=True)
    draft.rename(folder)
    return folder


def _ranks(workspace: FittedWorkspace, index: Index, encoder: Encoder, targets: Sequence[Target]) -> Numbers:
    """`1 / rank` of each answer, with the weights in use."""
    way = in_use(workspace.settings)
    searcher = Searcher(index, encoder, workspace.settings.search, workspace.reader if way.rerank else None)
    searcher.encode([target.question for target in targets])
    return np.array([reciprocal(searcher.ranks(target, [way])[0]) for target in targets], np.float64)


def _judged(
    sizes: tuple[int, int, int], chosen: Chosen, old: Numbers, new: Numbers, groups: Sequence[str], encoder: Encoder
) -> EncoderVerdict:
    gain = bootstrap_interval(new - old, groups)
    return EncoderVerdict(
        *sizes,
        chosen,
        bootstrap_interval(old, groups),
        bootstrap_interval(new, groups),
        gain,
        switched=gain.low > 0,
        encoder=encoder.fingerprint,
    )


def _record(
    workspace: FittedWorkspace, folder: Path, encoder: Encoder, verdict: EncoderVerdict, sources: MadeFrom
) -> OwnEncoder:
    means = [part.mean for part in (verdict.before, verdict.after) if part is not None]
    summary = (
        f"Encoder trained on {verdict.trained_on} questions about these documents; MRR@10 on "
        f"{verdict.compared_on} others {means[0]:.3f} before, {means[-1]:.3f} after."
    )
    date = datetime.now(UTC).isoformat(timespec="seconds")
    return OwnEncoder(folder.name, (encoder.fingerprint,), workspace.given.encoder.model, summary, date, sources)
