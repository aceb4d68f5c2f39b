"""`Answerer`: a question and its conversation in, a checked `Answer` out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from time import perf_counter
from typing import Literal, Protocol

from instill.answer.citations import Citer, DocumentPages, DocumentText, candidate
from instill.answer.extractive import REFUSAL, extract
from instill.answer.types import Answer, Trace, Turn
from instill.encoders.protocol import Encoder
from instill.errors import UsageError
from instill.generators.protocol import Generator
from instill.index.types import Hit
from instill.settings import AnswerSettings, GeneratorSettings

AnswerMode = Literal["auto", "extractive", "clusters"]


class Search(Protocol):
    """Ranked passages for a text, best first, already restricted to what the caller may see."""

    def __call__(self, query: str, *, k: int) -> Sequence[Hit]: ...


class Answerer:
    """Answers questions from passages.

    Args:
        search: the index, with the caller's labels and filters bound.
        document_text: canonical text of a document, for checking citations.
        encoder: the encoder of the index.
        document_pages: pages of a document, so that a citation has the page of its very span.
        generator: writes answers in `mode="auto"`; without one they are quoted.
        settings, generator_settings: see `instill.settings`.

    Example:
        answerer = Answerer(search=search, document_text=index.text, encoder=encoder)
        answer = answerer.ask("What are our core values?")
    """

    def __init__(
        self,
        *,
        search: Search,
        document_text: DocumentText,
        encoder: Encoder,
        document_pages: DocumentPages | None = None,
        generator: Generator | None = None,
        settings: AnswerSettings | None = None,
        generator_settings: GeneratorSettings | None = None,
    ) -> None:
        self._search = search
        self._document_text = document_text
        self._document_pages = document_pages
        self._encoder = encoder
        self._generator = generator
        self._settings = settings or AnswerSettings()
        self._generator_settings = generator_settings or GeneratorSettings()

    def ask(
        self,
        question: str,
        *,
        history: Sequence[Turn] = (),
        mode: AnswerMode = "auto",
        on_token: Callable[[str], None] | None = None,
    ) -> Answer:
        question = question.strip()
        if not question:
            raise UsageError("The question is empty.", remedy='Ask something, e.g.: instill ask "What is ...?"')
        return self._extractive(question, question)

    def _extractive(self, question: str, standalone: str) -> Answer:
        started = perf_counter()
        pool = self._search(standalone, k=3 * self._settings.passages)
        searched = perf_counter()
        citer = Citer(self._document_text, self._document_pages)
        hits = pool[: self._settings.passages]
        found = extract(standalone, hits, self._encoder, citer, most=self._settings.sentences, pool=pool)
        trace = Trace(
            question,
            standalone,
            "extractive",
            candidates=tuple(candidate(hit) for hit in pool),
            context=tuple(candidate(hit) for hit in hits),
            dropped_claims=citer.failed,
        )
        timings = {"search": 1e3 * (searched - started), "extract": 1e3 * (perf_counter() - searched)}
        answer = Answer(found.text, found.claims, found.confidence, False, trace, timings=timings)
        if found.confidence < self._settings.threshold or not found.claims:
            return replace(answer, text=REFUSAL, claims=(), abstained=True)
        return answer
