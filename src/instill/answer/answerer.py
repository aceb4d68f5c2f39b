"""From a question to its citations, from top to bottom: `Answerer.ask`, and its steps below it in their order.

A question is made to stand alone, searched for, and read; then it is answered in one of three ways (quoted, written by
a generator, pieced together from clusters), and the answer is checked: spans against documents, confidence against the
threshold.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Literal, Protocol

from instill.answer.asked.compared_things import sides_of, with_each_side
from instill.answer.asked.conversation import Standalone, standalone
from instill.answer.asked.spelling import Spelling
from instill.answer.asked.two_questions_in_one import leaves_one_out, parts_of
from instill.answer.citations import Citer, DocumentPages, DocumentText
from instill.answer.found.choose_pieces import MOST_PIECES
from instill.answer.found.follow_up_passages import WITHIN, SearchWithin, follow, gather, shown
from instill.answer.found.version_pairs import of_the_named_version
from instill.answer.longest_question import check_length
from instill.answer.passage_candidates import Search, candidates
from instill.answer.question_in_progress import Run
from instill.answer.reading.findings import read_passages
from instill.answer.reading.reader import Reader
from instill.answer.said.clusters_answer import POOL, PassageVectors, clusters_of, keywords, piece_together
from instill.answer.said.compact_prompt import build_compact, quoted_first, says
from instill.answer.said.grounded import Grounded, ground, write_answer
from instill.answer.said.nearest import nearest_claims
from instill.answer.said.prompt import CONTEXT_CHARACTERS, Prompt, build_prompt
from instill.answer.said.quoted_answer import Extract, extract, written
from instill.answer.said.reply import Reply
from instill.answer.said.reply_length import is_said_briefly, most_tokens
from instill.answer.types import Answer, Claim, Trace, Turn
from instill.errors import GeneratorError, UsageError
from instill.index.types import Hit
from instill.models.encoders.protocol import Encoder
from instill.models.generators.protocol import Generator, skilled
from instill.models.generators.time_limited import Timed
from instill.settings import AnswerSettings, GeneratorSettings

_CONTROL = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|[\x00-\x1f\x7f-\x9f]")
"""What a terminal acts on, sequences as a whole: "[31m" is no word of a question."""

AnswerMode = Literal["auto", "extractive", "clusters"]

_NOT_USED = (
    "What the generator wrote has no proof in the documents, or does not say what was asked; this answer quotes the "
    "documents instead."
)


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
        run = Run(_checked(question))
        generator = self._generator if mode == "auto" else None
        rewritten = self._stand_alone(run, history, generator)
        if mode == "clusters":
            return self._clusters(run)
        with run.step("search"):
            run.pool = candidates(run, self._search, self._spelt, passages=self._settings.passages)
            run.pool = of_the_named_version(run.standalone, run.pool, self._document_text)
        if history and rewritten.about and run.pool:
            self._follow(run, rewritten.spelt(run.spelling.applied))
        elif self._reader is not None and run.pool:
            with run.step("read"):
                run.findings = read_passages(run.standalone, run.pool, self._reader)
                run.pool = run.findings.hits
        run.read = with_each_side(run.pool, sides_of(run.standalone), self._settings.passages)
        if generator is None or not run.read or run.spelling.stranger:
            quoted = self._quoted(run)
            parts = parts_of(run.question)  # A part has no parts: this ends.
            return self._in_parts(run, quoted, parts, history) if parts and leaves_one_out(parts, quoted) else quoted
        trained = skilled(generator, "ground")
        return self._written(run, generator, on_token) if trained is None else self._composed(run, trained, on_token)

    # -- the passages --------------------------------------------------------------------------------------------

    def _stand_alone(self, run: Run, history: Sequence[Turn], generator: Generator | None) -> Standalone:
        """The question with all that the conversation before it leaves unsaid."""
        with run.step("rewrite"):
            rewritten = standalone(run.question, history, generator, alike=self._alike)
            run.standalone, run.searched = rewritten.question, rewritten.search
            run.shown = rewritten.question
        return rewritten

    def _follow(self, run: Run, follow_up: Standalone) -> None:
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

    def _spelt(self, run: Run, hits: Sequence[Hit]) -> bool:
        """Look for misspelt words and take the right ones from now on; whether there were any."""
        if self._speller is not None:
            run.spelling = self._speller(run.standalone, hits)
            run.standalone, run.searched = run.spelling.applied(run.standalone), run.spelling.applied(run.searched)
            run.shown = run.standalone
        return bool(run.spelling.changes)

    def _alike(self, text: str, others: Sequence[str]) -> Sequence[float]:
        vectors = self._encoder.encode_passages([text, *others])
        cosines: list[float] = (vectors[1:] @ vectors[0]).tolist()
        return cosines

    # -- the three ways ----------------------------------------------------------------------------------------

    def _quoted(self, run: Run, notices: tuple[str, ...] = (), dropped: int = 0, generator: str = "") -> Answer:
        return self._told(run, self._extract(run), notices, dropped, generator)

    def _failed(self, run: Run, extracted: tuple[Extract, Citer], error: GeneratorError, generator: str) -> Answer:
        """The quoted answer, where the generator gave none."""
        notice = f"{error} This answer quotes the documents instead."
        found = self._told(run, extracted, (notice,), generator=generator)
        return replace(found, trace=replace(found.trace, failure=str(error)))

    def _told(
        self,
        run: Run,
        extracted: tuple[Extract, Citer],
        notices: tuple[str, ...] = (),
        dropped: int = 0,
        generator: str = "",
    ) -> Answer:
        found, citer = extracted
        trace = run.trace("extractive", dropped=dropped + citer.failed, generator=generator)
        return self._finished(run, found, citer, trace, notices)

    def _in_parts(self, run: Run, whole: Answer, parts: Sequence[str], history: Sequence[Turn]) -> Answer:
        """Two questions in one that no piece answers together, each by itself; `whole` where none is answered."""
        told: list[Answer] = []
        notices: list[str] = []
        for part in parts:
            answer = self.ask(part, history=[*history, *(told[-1].turns() if told else ())], mode="extractive")
            if answer.abstained:
                notices.append(f'The documents do not answer: "{part}"')
            else:
                told.append(answer)
                notices += answer.notices
        if not told:
            return whole
        claims = tuple(dict.fromkeys(claim for answer in told for claim in answer.claims))
        confidence = min(answer.confidence for answer in told)
        return run.answer(written(claims), claims, confidence, run.trace("extractive"), tuple(dict.fromkeys(notices)))

    def _written(self, run: Run, generator: Timed, on_token: Callable[[str], None] | None) -> Answer:
        """The generator's answer as far as its sources prove it; the quoted answer when nothing of it is left."""
        prompt = build_prompt(run.standalone, run.read, characters=generator.context_characters or CONTEXT_CHARACTERS)
        try:
            with run.step("generate"):
                reply = self._reply(run, generator, prompt, on_token)
        except GeneratorError as error:
            return self._failed(run, self._extract(run), error, generator.name)
        citer = Citer(self._document_text, self._document_pages)
        with run.step("check"):
            grounded = ground(reply, prompt, run.standalone, self._encoder, citer)
        run.read = prompt.hits
        if grounded.unknown:
            trace = run.trace("generator", generator=generator.name)
            return run.refused("", self._nearest(run, *self._extract(run)), 0.0, trace, ())
        if not grounded.claims:
            notice = (
                "No sentence of the generator's answer could be proved from the documents; "
                "this answer quotes the documents instead."
            )
            return self._quoted(run, (notice,), dropped=grounded.dropped, generator=generator.name)
        return self._proved(run, grounded, generator.name)

    def _composed(self, run: Run, generator: Generator, on_token: Callable[[str], None] | None) -> Answer:
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
            return self._failed(run, extracted, error, generator.name)
        citer = Citer(self._document_text, self._document_pages)
        with run.step("check"):
            grounded = ground(reply, prompt, run.standalone, self._encoder, citer)
        if not grounded.claims or not says(grounded.text, found.marked):
            dropped = grounded.dropped + len(grounded.claims)
            return self._told(run, extracted, (_NOT_USED,), dropped=dropped, generator=generator.name)
        run.read = prompt.hits
        trace = run.trace("generator", dropped=grounded.dropped, generator=generator.name)
        return run.answer(grounded.text, grounded.claims, grounded.share * quoted.confidence, trace, ())

    def _reply(self, run: Run, generator: Generator, prompt: Prompt, on_token: Callable[[str], None] | None) -> Reply:
        return write_answer(
            generator,
            prompt,
            max_tokens=self._generator_settings.max_tokens,
            length=most_tokens(run.standalone, self._generator_settings.max_tokens),
            temperature=self._generator_settings.temperature,
            on_token=on_token,
        )

    def _proved(self, run: Run, grounded: Grounded, generator: str) -> Answer:
        """An answer of which at least one sentence is proved: half its confidence is that, half the retrieval's."""
        belief = self._extract(run)[0].confidence
        confidence = grounded.share * (0.5 + 0.5 * belief)
        notices: tuple[str, ...] = ()
        if grounded.dropped:
            count = f"{grounded.dropped} sentence{'s' * (grounded.dropped != 1)}"
            notices = (f"{count} of the generator's answer had no proof in the documents and were left out.",)
        trace = run.trace("generator", dropped=grounded.dropped, generator=generator)
        return run.answer(grounded.text, grounded.claims, confidence, trace, notices)

    def _clusters(self, run: Run) -> Answer:
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
        return self._finished(run, found, citer, trace, ())

    # -- parts -------------------------------------------------------------------------------------------------

    def _extract(self, run: Run) -> tuple[Extract, Citer]:
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

    def _nearest(self, run: Run, found: Extract, citer: Citer) -> tuple[Claim, ...]:
        with run.step("nearest"):
            return nearest_claims(run.standalone, found.claims, found.ranking, citer)

    def _finished(self, run: Run, found: Extract, citer: Citer, trace: Trace, notices: tuple[str, ...]) -> Answer:
        """The answer, or the refusal where it is not trusted enough."""
        missing = run.spelling.stranger or found.missing
        confidence = 0.0 if run.spelling.stranger else found.confidence
        if missing or not found.claims or confidence < self._settings.threshold:
            nearest = self._nearest(run, found, citer)
            return run.refused(missing or found.reason, nearest, confidence, trace, notices)
        notices = (*notices, found.notice) if found.notice else notices  # What is said of an answer, not of a refusal.
        return run.answer(found.text, found.claims, confidence, trace, notices, short=found.short)


def _checked(question: str) -> str:
    """The question in one line, without what a terminal acts on.

    Raises:
        UsageError: it is empty or too long.
    """
    question = " ".join(_CONTROL.sub(" ", question).split())
    if not question:
        raise UsageError(
            "The question is empty.", where="question", remedy='Ask something, e.g.: instill ask "What is ...?"'
        )
    check_length(question, "question")
    return question
