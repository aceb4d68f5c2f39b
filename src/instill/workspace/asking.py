"""Searching a workspace, asking it, and talking to it."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Literal, overload

from instill.errors import WorkspaceError
from instill.index.types import EMPTY, NOTHING_TO_SEE, Hit, Mode, SearchRequest, SearchResult
from instill.workspace.arguments import AskMode, Labels, count_of, one_of, text_of, turns_of, utf8
from instill.workspace.parts import Parts

if TYPE_CHECKING:
    from instill.answer.answerer import Answerer, Speller
    from instill.answer.asked.about import About
    from instill.answer.chat import Chat
    from instill.answer.streaming import AnswerStream, OnToken
    from instill.answer.types import Answer, Turn


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
            UsageError: the query is empty, there is no such mode, or the condition cannot be used.
        """
        text_of(query, "query", what="The query is empty.", remedy='Try: instill search "your words"')
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
        on_token: OnToken | None = None,
        stream: bool = False,
    ) -> Answer | AnswerStream:
        """Answer from the documents, with citations, or say that they do not answer.

        Args:
            history: earlier turns, oldest first; a follow-up is made standalone with them.
            mode: "auto" uses the generator when one is set; "extractive" quotes only; "clusters" pieces an answer
                together from several documents.
            on_token: receives the answer as it is generated.
            stream: give an iterator over the pieces as they are generated; its `answer` is the whole, checked answer.

        Raises:
            UsageError: the question is empty, or there is no such mode.
        """
        text_of(question, "question", what="The question is empty.", remedy='Try: instill ask "your question"')
        one_of(mode, AskMode, "mode", "This is not a way to answer.")
        seen, turns, condition = self.seen_by(labels), turns_of(history), utf8(where, "where")
        if not stream:
            return seen._asked(question, turns, mode, condition, on_token)
        from instill.answer.streaming import AnswerStream

        return AnswerStream(lambda put: seen._asked(question, turns, mode, condition, on_token or put))

    def _asked(
        self, question: str, history: Sequence[Turn], mode: AskMode, where: str, on_token: OnToken | None
    ) -> Answer:
        from instill.answer.log import log_answer

        self._must_be_open()
        started = time.perf_counter()
        threshold = self.threshold
        answerer = self._answerer(where, mode, threshold.value)
        answer = answerer.ask(question, history=history, mode=mode, on_token=on_token)
        answer = replace(answer, timings={**answer.timings, "total": (time.perf_counter() - started) * 1000})
        if threshold.notice:
            answer = replace(answer, notices=(*answer.notices, threshold.notice))
        if not answer.trace.candidates and self.is_empty:
            answer = replace(answer, notices=(*answer.notices, EMPTY if self.labels is None else NOTHING_TO_SEE))
        if self.settings.privacy.log_questions and self.settings.log.questions:
            try:
                whole = self if self._whole is None else self._whole
                number = log_answer(self.catalog, question, answer, self.labels, whole.index)
                answer = replace(answer, question_id=number)
            except WorkspaceError as error:  # An answer that was found is not lost because it cannot be written down.
                answer = replace(answer, notices=(*answer.notices, f"The question was not logged. {error.what}"))
        return answer

    def chat(self, conversation_id: str | None = None, *, labels: Labels = None) -> Chat:
        """A conversation, new or taken up again.

        Raises:
            UsageError: there is no such conversation, or it was held under labels that the caller does not hold.
        """
        from instill.answer.chat import Chat

        seen = self.seen_by(labels)
        if conversation_id is not None:
            text_of(conversation_id, "conversation_id")

        def ask(question: str, *, history: Sequence[Turn], on_token: OnToken | None) -> Answer:
            return seen.ask(question, history=history, on_token=on_token)

        keep = self.settings.privacy.log_questions
        return Chat(ask, self.catalog, conversation_id, keep=keep, labels=seen.labels)

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
