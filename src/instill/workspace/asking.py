"""Searching a workspace, asking it, and talking to it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, overload

from instill.catalog.asker import NOBODY, Asker
from instill.errors import UsageError, WorkspaceError
from instill.index.types import EMPTY, NOTHING_TO_SEE, Hit, Mode, SearchRequest, SearchResult
from instill.workspace.arguments import AskMode, Labels, count_of, one_of, query_of, text_of, turns_of, utf8
from instill.workspace.parts import Parts

if TYPE_CHECKING:
    from instill.answer.answerer import Answerer, Speller
    from instill.answer.asked.documents_of_conversation import About
    from instill.answer.chat import Chat
    from instill.answer.streaming import AnswerStream, OnToken
    from instill.answer.types import Answer, Turn
    from instill.memory.answer_cache.cache import AnswerCache

_TOLD = 10
"""Passages in which the words of an earlier answer are looked for."""


class Asking(Parts):
    """What is asked of the documents."""

    def search(
        self,
        query: str,
        *,
        k: int = 10,
        mode: Mode = "hybrid",
        where: str = "",
        labels: Labels = None,
    ) -> SearchResult:
        """The `k` best passages.

        Args:
            where: a condition over document fields and metadata, e.g. "year >= 2024 and kind = 'pdf'".
            labels: what the caller may see; None means everything.

        Raises:
            UsageError: the query is empty or longer than 4,000 characters, there is no such mode, or the condition
                cannot be used.
        """
        query_of(query, "query", 'Try: instill search "your words"')
        one_of(mode, Mode, "mode", "This is not a way to search.")
        count_of(k, "k")
        utf8(where, "where")
        if labels is not None:
            return self.seen_by(labels).search(query, k=k, mode=mode, where=where)
        request = self._request(query, k, mode, where)
        weight = self.settings.search.rerank
        from instill.answer.searching import search_and_rerank, search_spelt

        def search(request: SearchRequest) -> SearchResult:
            if mode != "hybrid" or weight == 0:
                return self._search(request)
            return search_and_rerank(self.index, self.encoder, self.fusion, request, self.reader, weight=weight)

        return search_spelt(search, request, self._speller(where))

    @overload
    def ask(
        self,
        question: str,
        *,
        history: Iterable[Turn] = ...,
        mode: AskMode = ...,
        where: str = ...,
        labels: Labels = ...,
        asked_by: Asker = ...,
        on_token: OnToken | None = ...,
        stream: Literal[False] = ...,
    ) -> Answer: ...

    @overload
    def ask(
        self,
        question: str,
        *,
        history: Iterable[Turn] = ...,
        mode: AskMode = ...,
        where: str = ...,
        labels: Labels = ...,
        asked_by: Asker = ...,
        on_token: OnToken | None = ...,
        stream: Literal[True],
    ) -> AnswerStream: ...

    def ask(
        self,
        question: str,
        *,
        history: Iterable[Turn] = (),
        mode: AskMode = "auto",
        where: str = "",
        labels: Labels = None,
        asked_by: Asker = NOBODY,
        on_token: OnToken | None = None,
        stream: bool = False,
    ) -> Answer | AnswerStream:
        """Answer from the documents, with citations, or say that they do not answer.

        Args:
            history: earlier turns, oldest first. With them, a follow-up is rewritten as a complete question.
            mode: "auto" uses the generator if one is set; "extractive" only quotes; "clusters" makes an answer from
                several documents.
            asked_by: whose question it is, in the log.
            on_token: receives the answer as it is generated, and an empty piece at its end. What it raises ends the
                work; nothing is logged then.
            stream: return an iterator over the pieces as they are generated. Its `answer` is the whole, checked answer.

        Raises:
            UsageError: the question is empty or longer than 4,000 characters, or there is no such mode.
        """
        query_of(question, "question", 'Try: instill ask "your question"')
        one_of(mode, AskMode, "mode", "This is not a way to answer.")
        seen, turns, condition = self.seen_by(labels), turns_of(history), utf8(where, "where")
        if not stream:
            return seen._asked(question, turns, mode, condition, on_token, asked_by)
        from instill.answer.streaming import AnswerStream

        return AnswerStream(lambda put: seen._asked(question, turns, mode, condition, on_token or put, asked_by))

    def _asked(
        self,
        question: str,
        history: Sequence[Turn],
        mode: AskMode,
        where: str,
        on_token: OnToken | None,
        asked_by: Asker,
    ) -> Answer:
        from instill.answer.asked.cited_by_words import with_citations
        from instill.answer.log import log_answer
        from instill.memory.when_idle import note_asked

        self._must_be_open()
        if self.writable:
            note_asked(self.home)
        started = time.perf_counter()
        threshold = self.threshold
        answerer = self._answerer(where, mode, threshold.value)
        history = with_citations(history, lambda text: self._search(self._request(text, _TOLD, "hybrid", where)).hits)
        cache, cache_notice = self._cache(mode, where, threshold.value) if not history else (None, "")
        answer = None if cache is None else cache.find(question)
        if answer is None:
            version = "" if cache is None else cache.version()
            answer = answerer.ask(question, history=history, mode=mode, on_token=on_token)
            if cache is not None:
                with contextlib.suppress(WorkspaceError):  # The answer is there, whether it can be kept or not.
                    cache.keep(question, answer, version)
        if cache_notice:
            answer = replace(answer, notices=(*answer.notices, cache_notice))
        answer = replace(answer, timings={**answer.timings, "total": (time.perf_counter() - started) * 1000})
        if threshold.notice:
            answer = replace(answer, notices=(*answer.notices, threshold.notice))
        answer = self._with_what_changed(answer)
        if asked_by.unread:
            answer = _asked_early(answer, asked_by.unread)
        elif not answer.trace.candidates and self.is_empty:
            answer = replace(answer, notices=(*answer.notices, EMPTY if self.labels is None else NOTHING_TO_SEE))
        if on_token is not None:
            on_token("")  # This ends the work where nobody listens any more: an answer that was stopped is no evidence.
        if self.settings.privacy.log_questions and self.settings.log.questions:
            try:
                whole = self if self._whole is None else self._whole
                uses, key_id = self.settings.log.uses, asked_by.key_id
                number = log_answer(self.catalog, question, answer, self.labels, whole.index, uses=uses, key_id=key_id)
                answer = replace(answer, question_id=number)
            except WorkspaceError as error:  # An answer that was found is not lost because it cannot be written down.
                answer = replace(answer, notices=(*answer.notices, f"The question was not logged. {error.what}"))
        return answer

    def _with_what_changed(self, answer: Answer) -> Answer:
        """The answer, and which of the files that it quotes have changed since they were read."""
        from instill.answer.changed_files import have_changed, said_of

        cited = {cited.doc_id for claim in answer.claims for cited in claim.citations}
        if not cited or answer.abstained:
            return answer
        uploads = self.home / "uploads"  # What is uploaded anew is read by itself.
        records = self.index.records(doc_ids=sorted(cited))
        changed = have_changed(each for each in records if not Path(each.source).is_relative_to(uploads))
        return replace(answer, notices=(*answer.notices, said_of(changed))) if changed else answer

    def _refuses(self, question: str) -> bool:
        """Whether nothing in the documents answers, by quoting; neither logged nor counted as asked.

        A question that cannot be asked any more, because it is too long or of no words, is refused.
        """
        self._must_be_open()
        try:
            return self._answerer("", "extractive", self.threshold.value).ask(question, mode="extractive").abstained
        except UsageError:
            return True

    def _cache(self, mode: AskMode, where: str, threshold: float) -> tuple[AnswerCache | None, str]:
        """The answers that this caller may be shown again; None where that is off or of no use. Without a calibration,
        only the same words are found: they need no promise, because all that the answer was made from is compared."""
        if not self.settings.memory.cache or mode == "clusters":
            return None, ""
        from instill.memory.answer_cache.similarity_threshold import SAME_WORDS, safe_in_use

        fingerprint = self.index.generation.fingerprint
        safe, notice = safe_in_use(self.home, self.settings, fingerprint, self.caller())
        notice = notice if self.labels is None else ""
        if not self._searches_by_meaning:
            return None, notice
        from instill.memory.answer_cache.cache import AnswerCache
        from instill.memory.answer_cache.cache_key import way_of

        most = 3 * self.settings.answer.passages

        def search(question: str) -> Sequence[Hit]:
            return self._search(self._request(question, most, "hybrid", where)).hits

        key = way_of(
            self.home,
            self.settings,
            labels=self.labels,
            encoder=fingerprint,
            generator=self.generator.name if mode == "auto" and self.generator is not None else "",
            where=where,
            threshold=threshold,
        )
        least = SAME_WORDS if safe is None else safe.threshold
        entries = self.settings.memory.cache_entries
        cache = AnswerCache(self.catalog, self.index, self.encoder, search, key, least, entries, lambda: self.reader)
        return cache, notice

    async def ask_async(
        self,
        question: str,
        *,
        history: Iterable[Turn] = (),
        mode: AskMode = "auto",
        where: str = "",
        labels: Labels = None,
    ) -> Answer:
        """`ask`, for a coroutine. The work runs in a thread. Cancelling the task ends the work.

        For the pieces of the answer while it is written: `async with workspace.ask(question, stream=True) as stream`.

        Raises:
            InstillError: as `ask`.
        """
        stream = self.ask(question, history=history, mode=mode, where=where, labels=labels, stream=True)
        return await stream.answer_async()

    def chat(self, conversation_id: str | None = None, *, labels: Labels = None, asked_by: Asker = NOBODY) -> Chat:
        """A conversation: a new one, or an earlier one to continue.

        Args:
            asked_by: who asks; a new conversation is theirs.

        Raises:
            UsageError: there is no such conversation, or it was held under labels that the caller does not hold.
        """
        from instill.answer.chat import Chat

        seen = self.seen_by(labels)
        if conversation_id is not None:
            text_of(conversation_id, "conversation_id")

        def ask(question: str, *, history: Sequence[Turn], on_token: OnToken | None) -> Answer:
            return seen.ask(question, history=history, on_token=on_token, asked_by=asked_by)

        keep = self.settings.privacy.log_questions
        return Chat(ask, self.catalog, conversation_id, keep=keep, caller=seen.caller(), asked_by=asked_by)

    def _request(self, query: str, k: int, mode: Mode, where: str) -> SearchRequest:
        if where:
            self.index.require_known_fields(where)
        if not self._searches_by_meaning:
            if mode == "vector":
                self.check_encoder()
            mode = "keyword"
        return SearchRequest(
            query=query,
            k=k,
            mode=mode,
            where=where,
            labels=self.labels,
            pool=max(self.settings.search.pool, k),
        )

    def _search(self, request: SearchRequest) -> SearchResult:
        from instill.answer.searching import search_index

        return search_index(self.index, self.encoder, self.fusion, request)

    def _speller(self, where: str) -> Speller:
        from instill.answer.asked.spelling import speller

        return speller(lambda: self.index.vocabulary(where=where), lambda: self._asking_encoder.tokenizer)

    def _answerer(self, where: str, mode: AskMode, threshold: float) -> Answerer:
        from instill.answer.for_caller import answerer_for

        def search(query: str, *, k: int) -> Sequence[Hit]:
            # Not reranked: the reader looks at all that it is given anyway.
            return self._search(self._request(query, k, "hybrid", where)).hits

        def search_within(query: str, about: About, *, k: int) -> Sequence[Hit]:
            request = self._request(query, k, "hybrid", where)
            return self._search(replace(request, documents=about.documents, titles=about.titles)).hits

        return answerer_for(
            self.index,
            search=search,
            search_within=search_within,
            labels=self.labels,
            encoder=self._asking_encoder,
            generator=self.generator if mode == "auto" else None,
            reader=self.reader,
            settings=self.settings,
            speller=self._speller(where),
            threshold=threshold,
        )


def _asked_early(answer: Answer, unread: int) -> Answer:
    """The answer with the number of documents that it could not stand on; a refusal says so."""
    from instill.answer.said.early_refusal import early_refusal

    notices = (*answer.notices, early_refusal(unread)) if answer.abstained else answer.notices
    return replace(answer, notices=notices, trace=replace(answer.trace, unread=unread))
