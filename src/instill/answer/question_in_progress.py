"""One question while it is being answered: what is known of it so far, and the answer or refusal made from that."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from time import perf_counter

from instill.answer.asked.spelling import Spelling
from instill.answer.citations import candidate
from instill.answer.harmless_text import with_short_addresses
from instill.answer.reading.findings import Findings
from instill.answer.types import REFUSAL, UNSURE, UNSURE_FROM, Answer, Claim, Trace
from instill.index.types import Hit


class Run:
    """What is known of one question.

    Attributes:
        question: as it was asked.
        standalone: what is answered: with the conversation's subject, without misspelt words, in the documents' terms.
        in_context: the same in the words of the conversation; "" where it stands alone.
        shown: what the reader of the answer is told that was answered.
        searched: what is searched for.
        pool: passages that were found, best first.
        read: those of them that the answer is made from.
        findings: what the reader said of the passages; None without a reader.
        spelling: what of the question is misspelt.
    """

    def __init__(self, question: str) -> None:
        self.question = question
        self.standalone = question
        self.in_context = ""
        self.shown = question
        self.searched = question
        self.pool: Sequence[Hit] = ()
        self.read: Sequence[Hit] = ()
        self.findings: Findings | None = None
        self.spelling = Spelling()
        self._timings: dict[str, float] = {}
        self._started = perf_counter()

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        started = perf_counter()
        try:
            yield
        finally:
            self._timings[name] = self._timings.get(name, 0.0) + 1e3 * (perf_counter() - started)

    def trace(self, method: str, *, dropped: int = 0, generator: str = "", clusters: tuple[str, ...] = ()) -> Trace:
        return Trace(
            self.question,
            self.shown,
            method,
            candidates=tuple(candidate(hit) for hit in self.pool),
            context=tuple(candidate(hit) for hit in self.read),
            clusters=clusters,
            dropped_claims=dropped,
            generator=generator,
        )

    def refused(
        self, missing: str, nearest: Sequence[Claim], confidence: float, trace: Trace, notices: tuple[str, ...]
    ) -> Answer:
        """The refusal; `missing` is a sentence on what the documents do not speak of, or ""."""
        said = UNSURE if confidence >= UNSURE_FROM and nearest and not missing else REFUSAL
        parts = (said, missing, "" if self.spelling.stranger else self.spelling.questions)
        text = " ".join(part for part in parts if part)
        answer = self.answer(text, (), confidence, trace, notices, abstained=True)
        shown = (replace(claim, text=with_short_addresses(claim.text)) for claim in nearest)
        return replace(answer, nearest=tuple(shown))

    def answer(
        self,
        text: str,
        claims: tuple[Claim, ...],
        confidence: float,
        trace: Trace,
        notices: tuple[str, ...],
        *,
        abstained: bool = False,
        short: str = "",
    ) -> Answer:
        timings = {**self._timings, "total": 1e3 * (perf_counter() - self._started)}
        notices = (*self.spelling.notices, *notices)
        return Answer(text, claims, confidence, abstained, trace, notices, timings, short)
