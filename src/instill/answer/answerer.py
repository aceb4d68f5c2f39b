"""`Answerer`: a question and its conversation in, a checked `Answer` out."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from time import perf_counter
from typing import Literal, Protocol

from instill.answer.asked.acronyms import definitions, other_form
from instill.answer.asked.conversation import Standalone, standalone
from instill.answer.asked.pinned import Evidence, Pin, missing_pins, pins_of, spoken_in
from instill.answer.asked.sides import sides_of, spoken_of, with_each_side
from instill.answer.asked.spelling import Spelling
from instill.answer.citations import Citer, DocumentPages, DocumentText, candidate
from instill.answer.found.choosing import MOST_PIECES
from instill.answer.found.followed import WITHIN, SearchWithin, follow, gather, shown
from instill.answer.reading.findings import Findings, read_passages
from instill.answer.reading.reader import Reader
from instill.answer.said.clusters_answer import POOL, PassageVectors, clusters_of, keywords, piece_together
from instill.answer.said.compact import build_compact, quoted_first, says
from instill.answer.said.grounded import Grounded, ground, write_answer
from instill.answer.said.length import is_said_briefly, most_tokens
from instill.answer.said.prompt import CONTEXT_CHARACTERS, Prompt, build_prompt
from instill.answer.said.quoted_answer import Extract, extract
from instill.answer.said.reply import Reply
from instill.answer.types import REFUSAL, Answer, Claim, Trace, Turn
from instill.encoders.protocol import Encoder
from instill.errors import GeneratorError, UsageError
from instill.generators.protocol import Generator, skilled
from instill.generators.timed import Timed
from instill.index.types import Hit
from instill.settings import AnswerSettings, GeneratorSettings

_CONTROL = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|[\x00-\x1f\x7f-\x9f]")
"""What a terminal acts on, sequences as a whole: "[31m" is no word of a question."""

AnswerMode = Literal["auto", "extractive", "clusters"]

LONGEST_QUESTION = 4_000
"""Longest question in characters."""


class Search(Protocol):
    """Ranked passages for a text, best first, already restricted to what the caller may see."""

    def __call__(self, query: str, *, k: int) -> Sequence[Hit]: ...


class Speller(Protocol):
    """What of a question is misspelt, given the passages that a search for it brought up."""

    def __call__(self, text: str, hits: Sequence[Hit], /) -> Spelling: ...


class Answerer:
    """Answers questions from passages.

    Args:
        search: the index, with the caller's labels and filters bound.
        document_text: canonical text of a document, for checking citations.
        encoder: the encoder of the index.
        document_pages: pages of a document, so that a citation has the page of its very span.
        search_within: the same search in the documents that a conversation is about; without it a follow-up is only
            looked for everywhere.
        passage_vectors: stored vectors of hits, for clusters and follow-ups; without it the passages are encoded again.
        generator: writes answers in `mode="auto"`; without one they are quoted.
        reader: finds the words that answer; without one, sentences are chosen by likeness alone.
        speller: looks for misspelt words; without one the question is taken as it is written.
        settings, generator_settings: see `instill.settings`.

    Example:
        >>> import numpy as np
        >>> class OneWord:  # a toy encoder: does the text speak of tea?
        ...     def encode_passages(self, texts, *, progress=None):
        ...         rows = [(1.0, 0.0) if "tea" in text else (0.0, 1.0) for text in texts]
        ...         return np.array(rows, dtype=np.float32)
        ...     encode_queries = encode_passages
        >>> text = "Green tea is brewed at 80 degrees. Coffee is brewed at 95 degrees."
        >>> hit = Hit("d1", 0, 0, len(text), text, "", None, None, "tea.txt", "text", "Tea", (), {}, 1.0, 5.0, 0.9)
        >>> answerer = Answerer(search=lambda q, *, k: [hit], document_text=lambda d: text, encoder=OneWord())
        >>> answerer.ask("At how many degrees is green tea brewed?").citations[0].text
        'Green tea is brewed at 80 degrees. Coffee is brewed at 95 degrees.'
    """

    def __init__(
        self,
        *,
        search: Search,
        document_text: DocumentText,
        encoder: Encoder,
        document_pages: DocumentPages | None = None,
        search_within: SearchWithin | None = None,
        passage_vectors: PassageVectors | None = None,
        generator: Generator | None = None,
        reader: Reader | None = None,
        speller: Speller | None = None,
        settings: AnswerSettings | None = None,
        generator_settings: GeneratorSettings | None = None,
    ) -> None:
        self._search = search
        self._document_text = document_text
        self._document_pages = document_pages
        self._search_within = search_within
        self._vectors_of = passage_vectors or (lambda hits: encoder.encode_passages([hit.text for hit in hits]))
        self._encoder = encoder
        self._generator_settings = generator_settings or GeneratorSettings()
        self._generator = None if generator is None else Timed(generator, self._generator_settings.answer_s)
        self._reader = reader
        self._speller = speller
        self._settings = settings or AnswerSettings()

    def ask(
        self,
        question: str,
        *,
        history: Sequence[Turn] = (),
        mode: AnswerMode = "auto",
        on_token: Callable[[str], None] | None = None,
    ) -> Answer:
        """Answer `question`.

        Args:
            history: the conversation before it, oldest first; a follow-up is made to stand alone with it.
            mode: "auto" lets the generator write where there is one; "extractive" quotes; "clusters" pieces together
                one answer from many documents.
            on_token: receives the generator's text as it comes, before it is checked; the returned answer counts.

        Returns:
            The answer. `text` carries markers: `[n]` is the n-th of `citations`.

        Raises:
            UsageError: the question is empty or too long.
        """
        question = " ".join(_CONTROL.sub(" ", question).split())
        if not question:
            raise UsageError("The question is empty.", remedy='Ask something, e.g.: instill ask "What is ...?"')
        if len(question) > LONGEST_QUESTION:
            raise UsageError(
                f"The question has {len(question)} characters; at most {LONGEST_QUESTION} are read.",
                remedy="Ask a shorter question; put long text into a document.",
            )
        generator = self._generator if mode == "auto" else None
        run = _Run(question)
        with run.step("rewrite"):
            rewritten = standalone(question, history, generator, alike=self._alike)
            run.standalone, run.searched = rewritten.question, rewritten.search
            run.shown = rewritten.question
        if mode == "clusters":
            return self._clusters(run)
        with run.step("search"):
            run.pool = self._found(run)
        if history and rewritten.about and run.pool:
            self._follow(run, rewritten.spelt(run.spelling.applied))
        elif self._reader is not None and run.pool:
            with run.step("read"):
                run.findings = read_passages(run.standalone, run.pool, self._reader)
                run.pool = run.findings.hits
        run.read = with_each_side(run.pool, sides_of(run.standalone), self._settings.passages)
        if generator is not None and run.read and not run.spelling.stranger:
            trained = skilled(generator, "ground")
            if trained is not None:
                return self._composed(run, trained, on_token)
            return self._written(run, generator, on_token)
        return self._quoted(run)

    def _found(self, run: _Run) -> Sequence[Hit]:
        """Hits for the question, for its other form where the documents define one, and for what it names exactly.

        Passages that hold an identifier of the question (a code, a name with an underscore) come first: no likeness
        tells "E-1037" from "E-1074".
        """
        most = 3 * self._settings.passages
        hits = list(self._search(run.searched, k=most))
        if self._spelt(run, hits):
            hits = list(self._search(run.searched, k=most))
        other = other_form(run.standalone, definitions(hit.text for hit in hits))
        if other:
            run.standalone = run.shown = other
            hits = merged(self._search(other, k=most), hits)[:most]
        for side in sides_of(run.standalone):
            if not any(side.is_in(spoken_of(hit)) for hit in hits[: self._settings.passages]):
                named = [
                    hit for hit in self._search(side.text, k=self._settings.passages) if side.is_in(spoken_of(hit))
                ]
                hits = merged(hits[: most - len(named[:2])], named[:2])
        codes = [pin for pin in pins_of(run.standalone) if pin.kind == "code"]
        if codes:
            if not any(holds_all(hit, codes) for hit in hits):
                exact = self._search(" ".join(pin.text.strip("`") for pin in codes), k=self._settings.passages)
                hits = merged([hit for hit in exact if holds_all(hit, codes)], hits)[:most]
            hits.sort(key=lambda hit: not holds_all(hit, codes))
        return hits

    def _follow(self, run: _Run, follow_up: Standalone) -> None:
        """A follow-up is looked for in the conversation's documents too, and read in each way that it may be meant."""
        about, within = follow_up.about, self._search_within
        with run.step("search"):
            lists = [run.pool, *([within(run.searched, about, k=WITHIN)] if within else [])]
            for form in follow_up.forms:
                lists += [] if form.vague else [self._search(form.read, k=WITHIN)]
                lists += [within(form.read, about, k=WITHIN)] if within else []
            run.pool = gather(lists)
        with run.step("read"):
            taken = follow(follow_up, run.pool, self._encoder, self._vectors_of, self._reader)
            run.standalone, run.in_context = taken.form.question, taken.form.in_context
            run.pool, run.findings = taken.hits, taken.findings
            run.shown = shown(follow_up, taken, run.question)

    def _alike(self, text: str, others: Sequence[str]) -> Sequence[float]:
        vectors = self._encoder.encode_passages([text, *others])
        cosines: list[float] = (vectors[1:] @ vectors[0]).tolist()
        return cosines

    # -- the three ways ----------------------------------------------------------------------------------------

    def _quoted(self, run: _Run, notices: tuple[str, ...] = (), dropped: int = 0, generator: str = "") -> Answer:
        return self._told(run, self._extract(run), notices, dropped, generator)

    def _told(
        self,
        run: _Run,
        extracted: tuple[Extract, Citer],
        notices: tuple[str, ...] = (),
        dropped: int = 0,
        generator: str = "",
    ) -> Answer:
        found, citer = extracted
        trace = run.trace("extractive", dropped=dropped + citer.failed, generator=generator)
        return self._finished(run, found, trace, notices)

    def _written(self, run: _Run, generator: Timed, on_token: Callable[[str], None] | None) -> Answer:
        """The generator's answer as far as its sources prove it; the quoted answer when nothing of it is left."""
        prompt = build_prompt(run.standalone, run.read, characters=generator.context_characters or CONTEXT_CHARACTERS)
        try:
            with run.step("generate"):
                reply = self._reply(run, generator, prompt, on_token)
        except GeneratorError as error:
            notice = f"{error} This answer quotes the documents instead."
            return self._quoted(run, (notice,), generator=generator.name)
        citer = Citer(self._document_text, self._document_pages)
        with run.step("check"):
            grounded = ground(reply, prompt, run.standalone, self._encoder, citer)
        run.read = prompt.hits
        if grounded.unknown:
            trace = run.trace("generator", generator=generator.name)
            return run.refused("", self._extract(run)[0].claims, 0.0, trace, ())
        if not grounded.claims:
            notice = (
                "No sentence of the generator's answer could be proved from the documents; "
                "this answer quotes the documents instead."
            )
            return self._quoted(run, (notice,), dropped=grounded.dropped, generator=generator.name)
        return self._proved(run, grounded, generator.name)

    def _composed(self, run: _Run, generator: Generator, on_token: Callable[[str], None] | None) -> Answer:
        """A small model that was trained for it says in a sentence what would be quoted, from the passages around it.

        Whether the documents answer, and with which pieces, is not left to it: the reader knows that better, and its
        words have to be in what is said. What is told whole, as steps and lists are, is quoted.
        """
        extracted = self._extract(run)
        found, quoted = extracted[0], self._told(run, extracted)
        if quoted.abstained or found.notice or not found.marked or not is_said_briefly(run.standalone):
            return quoted
        prompt = build_compact(run.standalone, quoted_first(run.read, quoted.citations))
        try:
            with run.step("generate"):
                reply = self._reply(run, generator, prompt, on_token)
        except GeneratorError as error:
            notice = f"{error} This answer quotes the documents instead."
            return self._told(run, extracted, (notice,), generator=generator.name)
        citer = Citer(self._document_text, self._document_pages)
        with run.step("check"):
            grounded = ground(reply, prompt, run.standalone, self._encoder, citer)
        if not grounded.claims or not says(grounded.text, found.marked):
            dropped = grounded.dropped + len(grounded.claims)
            return self._told(run, extracted, dropped=dropped, generator=generator.name)
        run.read = prompt.hits
        trace = run.trace("generator", dropped=grounded.dropped, generator=generator.name)
        return run.answer(grounded.text, grounded.claims, grounded.share * quoted.confidence, trace, ())

    def _reply(self, run: _Run, generator: Generator, prompt: Prompt, on_token: Callable[[str], None] | None) -> Reply:
        return write_answer(
            generator,
            prompt,
            max_tokens=self._generator_settings.max_tokens,
            length=most_tokens(run.standalone, self._generator_settings.max_tokens),
            temperature=self._generator_settings.temperature,
            on_token=on_token,
        )

    def _proved(self, run: _Run, grounded: Grounded, generator: str) -> Answer:
        """An answer of which at least one sentence is proved: half its confidence is that, half the retrieval's."""
        belief = self._extract(run)[0].confidence
        confidence = grounded.share * (0.5 + 0.5 * belief)
        notices: tuple[str, ...] = ()
        if grounded.dropped:
            count = f"{grounded.dropped} sentence{'s' * (grounded.dropped != 1)}"
            notices = (f"{count} of the generator's answer had no proof in the documents and were left out.",)
        trace = run.trace("generator", dropped=grounded.dropped, generator=generator)
        return run.answer(grounded.text, grounded.claims, confidence, trace, notices)

    def _clusters(self, run: _Run) -> Answer:
        with run.step("search"):
            hits = list(self._search(keywords(run.searched), k=POOL))
            if self._spelt(run, hits):
                hits = list(self._search(keywords(run.searched), k=POOL))
            run.pool = [hit for hit in hits if hit.keyword_score > 0] or hits
        with run.step("cluster"):
            clusters = clusters_of(run.pool, self._vectors_of(run.pool)) if run.pool else []
        citer = Citer(self._document_text, self._document_pages)
        most = self._settings.passages
        with run.step("extract"):
            found = piece_together(run.standalone, clusters, self._encoder, citer, most=most, pool=run.pool)
        run.read = found.ranking.hits if found.ranking else ()
        trace = run.trace("clusters", dropped=citer.failed, clusters=tuple(str(group) for group in clusters))
        return self._finished(run, found, trace, ())

    def _spelt(self, run: _Run, hits: Sequence[Hit]) -> bool:
        """Look for misspelt words and take the right ones from now on; whether there were any."""
        if self._speller is not None:
            run.spelling = self._speller(run.standalone, hits)
            run.standalone, run.searched = run.spelling.applied(run.standalone), run.spelling.applied(run.searched)
            run.shown = run.standalone
        return bool(run.spelling.changes)

    # -- parts -------------------------------------------------------------------------------------------------

    def _extract(self, run: _Run) -> tuple[Extract, Citer]:
        citer = Citer(self._document_text, self._document_pages)
        with run.step("extract"):
            found = extract(
                run.standalone,
                run.read,
                self._encoder,
                citer,
                in_context=run.in_context,
                most=min(MOST_PIECES, self._settings.sentences),
                pool=run.pool,
                findings=run.findings,
                reader=self._reader,
            )
        return found, citer

    def _finished(self, run: _Run, found: Extract, trace: Trace, notices: tuple[str, ...]) -> Answer:
        """The answer, or the refusal where it is not trusted enough."""
        missing = run.spelling.stranger or found.missing
        confidence = 0.0 if run.spelling.stranger else found.confidence
        if missing or not found.claims or confidence < self._settings.threshold:
            return run.refused(missing or found.reason, found.claims, confidence, trace, notices)
        notices = (*notices, found.notice) if found.notice else notices  # What is said of an answer, not of a refusal.
        return run.answer(found.text, found.claims, confidence, trace, notices, short=found.short)


def merged(first: Sequence[Hit], second: Sequence[Hit]) -> list[Hit]:
    """Both in turn, each passage once."""
    pairs = ((hit.doc_id, hit.ordinal, hit) for hits in (first, second) for hit in hits)
    return list({(doc_id, ordinal): hit for doc_id, ordinal, hit in reversed([*pairs])}.values())[::-1]


def holds_all(hit: Hit, pins: Sequence[Pin]) -> bool:
    """Does the passage, its title or its headings speak of every pin?"""
    return not missing_pins(pins, Evidence(spoken_in(hit, hit.headings, hit.text)))


class _Run:
    """What is known of one question while it is being answered."""

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
        parts = (REFUSAL, missing, "" if self.spelling.stranger else self.spelling.questions)
        text = " ".join(part for part in parts if part)
        answer = self.answer(text, (), confidence, trace, notices, abstained=True)
        return replace(answer, nearest=tuple(nearest[:MOST_PIECES]))

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
