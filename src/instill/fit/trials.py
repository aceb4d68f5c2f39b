"""Asking a workspace questions whose right answer is known, or that it cannot answer, and judging what it says."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import TYPE_CHECKING, Literal

from instill.answer.for_caller import answerer_for
from instill.answer.found.sentences import split_sentences
from instill.answer.terms import normalise, terms
from instill.answer.types import Answer, Citation
from instill.common.progress_watch import Counted
from instill.index.types import Hit
from instill.measure.judging.scorer import judge
from instill.measure.risk import NOTHING, JudgedAnswer
from instill.models.encoders.encoded_once import EncodedOnce
from instill.study.types import AskedQuestion, StudyQuestion

if TYPE_CHECKING:
    from instill.fit.fitted_workspace import FittedWorkspace

TrialKind = Literal["answerable", "removed", "unanswerable"]

_SHORT_ANSWER = 12  # words
_SHARED = 0.6
_SHORTEST_QUOTE = 20  # characters
_MORE_HITS = 40
_MOST_HITS = 1000
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Trial:
    """A question to be asked.

    Args:
        answers: texts of which one makes an answer right.
        spans: places `(doc_id, start, end)` that answer it; an answer that cites one is right.
        quotes: texts that answer it, where the place is not known.
        kind: "removed" is asked with everything hidden that could answer it, "unanswerable" was never answered by the
            documents; giving an answer to either is wrong.
    """

    question: str
    answers: tuple[str, ...] = ()
    spans: tuple[tuple[str, int, int], ...] = ()
    quotes: tuple[str, ...] = ()
    kind: TrialKind = "answerable"


@dataclass(frozen=True, slots=True)
class AskedTrial:
    """What came of a trial. `confidence` is -inf when no answer was found, whatever the threshold."""

    trial: Trial
    confidence: float
    right: bool
    text: str

    @property
    def judged(self) -> JudgedAnswer:
        """For `instill.measure.risk`: giving this answer is wrong unless it is right."""
        return JudgedAnswer(self.confidence, not self.right)


def trials_of(
    questions: Iterable[StudyQuestion | AskedQuestion], *, unanswerable: float | None = None, seed: int = 0
) -> list[Trial]:
    """One trial a question, in random order; a share of them with the evidence removed.

    Each question is asked once only: asked twice, with and without evidence, its two answers would not be independent.

    Args:
        unanswerable: share of trials without an answer, 0 to 1. None: the mix of the questions where some of them are
            marked unanswerable, otherwise one half.
    """
    trials = [_trial(question) for question in questions]
    Random(seed).shuffle(trials)  # noqa: S311
    given = sum(trial.kind == "unanswerable" for trial in trials)
    share = unanswerable if unanswerable is not None else (given / len(trials) if given else 0.5)
    missing = max(0, round(share * len(trials)) - given)
    for position, trial in enumerate(trials):
        if missing and trial.kind == "answerable":
            trials[position] = replace(trial, kind="removed")
            missing -= 1
    Random(seed + 1).shuffle(trials)  # noqa: S311
    return trials


def ask_trials(
    workspace: FittedWorkspace, trials: Sequence[Trial], *, progress: Counted | None = None
) -> list[AskedTrial]:
    """Ask all of them, quoting the documents, with no threshold."""
    encoder = EncodedOnce(workspace.encoder)
    outcomes = []
    for number, trial in enumerate(trials, start=1):
        answerer = answerer_for(
            workspace.index,
            search=_search_for(workspace, trial),
            labels=None,
            encoder=encoder,
            generator=None,
            reader=workspace.reader,
            settings=workspace.settings,
            threshold=0.0,
        )
        answer = answerer.ask(trial.question, mode="extractive")
        confidence = NOTHING if answer.abstained else answer.confidence
        outcomes.append(AskedTrial(trial, confidence, is_right(answer, trial), answer.text))
        if progress is not None:
            progress(number, len(trials))
    return outcomes


def is_right(answer: Answer, trial: Trial) -> bool:
    """Is the answer given, and does it hold the expected answer or cite its evidence?

    An expected answer of more than twelve words counts as held when three fifths of its content words are.
    """
    if answer.abstained or trial.kind != "answerable":
        return False
    if any(_says(answer.text, expected, trial.question) for expected in trial.answers):
        return True
    return any(_cites(citation, trial) for citation in answer.citations)


def is_hidden(hit: Hit, trial: Trial) -> bool:
    """Could the passage answer the trial: does it touch the evidence, hold an answer, or hold a quoted sentence?"""
    if any(hit.doc_id == doc_id and hit.start < end and start < hit.end for doc_id, start, end in trial.spans):
        return True
    words = _words(hit.text)
    if any(_words(expected) in words for expected in trial.answers if _words(expected).strip()):
        return True
    return any(_words(part) in words for quote in trial.quotes for part in _parts(quote))


def _search_for(workspace: FittedWorkspace, trial: Trial) -> Callable[..., Sequence[Hit]]:
    def plain(query: str, *, k: int) -> Sequence[Hit]:
        return workspace.search(query, k=k).hits

    def without_evidence(query: str, *, k: int) -> Sequence[Hit]:
        wanted = k + _MORE_HITS
        while True:
            hits = workspace.search(query, k=wanted).hits
            kept = [hit for hit in hits if not is_hidden(hit, trial)]
            if len(kept) >= k or len(hits) < wanted or wanted >= _MOST_HITS:
                return kept[:k]
            wanted *= 3

    return without_evidence if trial.kind == "removed" else plain


def _trial(question: StudyQuestion | AskedQuestion) -> Trial:
    if isinstance(question, StudyQuestion):
        return Trial(question.question, (question.answer,), ((question.doc_id, *question.evidence),))
    kind: TrialKind = "answerable" if question.answerable else "unanswerable"
    quotes = tuple(evidence.text for evidence in question.evidence)
    return Trial(question.question, (question.answer,) if question.answer else (), (), quotes, kind)


def _says(text: str, expected: str, question: str) -> bool:
    """Whether the answer, which may quote at any length, says what was expected; of a long answer, the most of it."""
    if judge(text, [expected], question=question, abstained=False, quotes=True).right:
        return True
    told = set(terms(expected))
    return len(_words(expected).split()) > _SHORT_ANSWER and len(told & set(terms(text))) >= _SHARED * len(told)


def _cites(citation: Citation, trial: Trial) -> bool:
    for doc_id, start, end in trial.spans:
        if citation.doc_id == doc_id and citation.start < end and start < citation.end:
            return True
    cited = _words(citation.text)
    return any(_words(part) in cited for quote in trial.quotes for part in _parts(quote)) or any(
        len(cited) >= _SHORTEST_QUOTE and cited in _words(quote) for quote in trial.quotes
    )


def _parts(quote: str) -> list[str]:
    """The quote's sentences that are long enough to be recognised; the whole quote when none is."""
    sentences = [quote[unit.start : unit.end] for unit in split_sentences(quote)]
    return [sentence for sentence in sentences if len(sentence) >= _SHORTEST_QUOTE] or [quote]


def _words(text: str) -> str:
    """The words with one space around each, so that a text is found in another by whole words only."""
    return f" {' '.join(_WORD.findall(normalise(text)))} "
