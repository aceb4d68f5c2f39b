"""The facts that people keep asking a workspace for, and what is decided on them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from instill.common.plurals import counted
from instill.errors import UsageError
from instill.index.sql_quoting import text_literal
from instill.index.types import Hit, Mode, SearchRequest
from instill.workspace.arguments import Labels, text_of, utf8
from instill.workspace.asking import Asking

if TYPE_CHECKING:
    from instill.answer.types import Citation
    from instill.memory.answer_cache.threshold_calibration import Trials
    from instill.memory.answered_elsewhere import Elsewhere
    from instill.memory.recurring_facts import Memory
    from instill.memory.types import Fact

_NEAR = 20


class Remembering(Asking):
    """What recurs."""

    def memory(self, *, labels: Labels = None, now: datetime | None = None) -> Memory:
        """The facts that people keep asking for, as the caller sees them.

        Args:
            now: the time that weights and ages are counted to; None: this moment.
        """
        from instill.memory.recurring_facts import Around, Memory

        seen = self.seen_by(labels)

        def search(text: str) -> Sequence[Hit]:
            return seen._near(text)

        def ask(question: str, without: frozenset[str]) -> Elsewhere | None:
            return seen._answered_without(question, without)

        around = Around(
            home=seen.home,
            catalog=seen.catalog,
            index=seen.index,
            encoder=seen._asking_encoder,
            caller=seen.caller(),
            search=search,
            settings=seen.settings.memory,
            ask=ask,
        )
        return Memory(around, now or datetime.now(UTC))

    def _answered_without(self, question: str, without: frozenset[str]) -> Elsewhere | None:
        """What the other documents answer. If they refuse or are not certain, what a passage says that names the
        subject, or None. Nothing is logged."""
        from instill.memory.answered_elsewhere import Elsewhere
        from instill.study.questions_about_any_text import sentence_around

        where = " and ".join(f"doc_id <> {text_literal(doc_id)}" for doc_id in sorted(without))
        try:
            found = self._answerer(where, "extractive", self.threshold.value).ask(question, mode="extractive")
        except UsageError:  # A question of no words, or too long.
            return None
        if found.abstained or found.is_uncertain or not found.citations:
            return self._uncertain_answer(question, where)
        holding = next((each for each in found.citations if found.short in each.text), found.citations[0])
        answer = found.short or self._sentence_that_answers(question, holding)
        at = holding.text.find(answer)
        first, last = sentence_around(holding.text, at, at + len(answer)) if at >= 0 else (0, 0)
        return Elsewhere(holding.doc_id, holding.source, answer, holding.text[first:last])

    def _uncertain_answer(self, question: str, where: str) -> Elsewhere | None:
        from instill.memory.uncertain_answers import uncertain_answer

        if self.reader is None:
            return None
        return uncertain_answer(question, self._near(question, where), self.reader)

    def _near(self, text: str, where: str = "") -> Sequence[Hit]:
        """The passages that come nearest to a text, of documents that meet a condition."""
        from instill.answer.searching import search_index

        mode: Mode = "hybrid" if self._searches_by_meaning else "keyword"
        pool = self.settings.search.pool
        request = SearchRequest(query=text, k=_NEAR, mode=mode, where=where, labels=self.labels, pool=pool)
        return search_index(self.index, self.encoder, self.fusion, request).hits

    def _sentence_that_answers(self, question: str, citation: Citation) -> str:
        """Of a citation, where no words of it are safe to show alone; all of it without a reader."""
        from instill.memory.uncertain_answers import sentence_about
        from instill.study.questions_about_any_text import sentence_around

        if self.reader is None:
            return citation.text
        [reading] = self.reader.read(question, [(f"{citation.title} > {citation.headings}", citation.text)])
        start, end = sentence_around(citation.text, reading.start, reading.end)
        return sentence_about(question, citation.text, citation.text[start:end]).strip().rstrip(".")

    def cache_said(self) -> str:
        """What the cache of answers does now, in a sentence; "" if it is off, or for callers with labels."""
        from instill.memory.answer_cache.similarity_threshold import state_of_cache

        if self.labels is not None:
            return ""
        fingerprint = self.index.generation.fingerprint
        return state_of_cache(self.home, self.settings, fingerprint, passages=lambda: self.index.count()[1])

    def calibrate_cache(
        self,
        *,
        risk: float = 0.05,
        confidence: float = 0.95,
        most: int = 1000,
        seed: int = 0,
        labels: Labels = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> Trials:
        """Find the similarity of two questions from which an answer may be shown again, and store it.

        If nothing can be promised, nothing is stored.

        Args:
            risk: the largest share of the answers shown again that may be wrong.
            most: the maximum number of questions, one for each fact.

        Raises:
            UsageError: a share lies outside 0 to 1, or the documents yield no question.
            WorkspaceError: the workspace is on read-only storage.
        """
        from instill.common.made_from import made_from
        from instill.memory.answer_cache.similarity_threshold import identity_of, save_safe
        from instill.memory.answer_cache.threshold_calibration import asked_of, calibrate_cache

        self._must_be_writable()
        for name, share, usual in (("risk", risk, 0.05), ("confidence", confidence, 0.95)):
            if not 0 < share < 1:
                raise UsageError(
                    f"The {name} must be between 0 and 1.",
                    where=f"{name}: {share}",
                    remedy=f"Example: --{name} {usual}",
                )
        seen = self.seen_by(labels)
        seen.check_encoder()
        records = sorted(seen.index.records(), key=lambda record: record.doc_id)
        documents = seen.index.stored_documents([record.doc_id for record in records])
        asked = asked_of(documents, most=most, seed=seed)
        if not asked:
            seen._calibration_failed()
            raise UsageError(
                "No question could be written from the documents.",
                where=f"{seen.path}: {counted(len(records), 'document')}",
                remedy="Add documents with English prose: instill add PATH",
            )
        trials = calibrate_cache(
            asked,
            seen.encoder,
            seen.reader,
            identity=identity_of(seen.settings, seen.index.generation.fingerprint),
            made_from=made_from(records),
            risk=risk,
            confidence=confidence,
            seed=seed,
            progress=progress,
        )
        if trials.safe is not None:
            save_safe(seen.home, trials.safe, seen.labels)
        else:
            seen._calibration_failed()
        return trials

    def _calibration_failed(self) -> None:
        from instill.memory.answer_cache.similarity_threshold import identity_of, save_tried

        if self.labels is None:  # Nobody else is told to calibrate.
            identity = identity_of(self.settings, self.index.generation.fingerprint)
            save_tried(self.home, identity, self.index.count()[1])

    def remember(
        self, question: str, answer: str, *, document: str = "", note: str = "", wordings: Iterable[str] = ()
    ) -> Fact:
        """Add a fact by hand, and pin it; short for `memory().add`.

        Args:
            answer: whole words and numbers of the document, exactly as they are there.
            wordings: other wordings of the question. A consolidation needs at least two that differ.
            document: its id or source. "": Instill looks in the documents that a search for the question finds.

        Raises:
            UsageError: no document holds the answer, or the workspace is seen under labels.
            WorkspaceError: the catalog cannot be written.
        """
        from instill.memory.worded_by_hand import BY_HAND

        text_of(question, "question", remedy=BY_HAND)
        text_of(answer, "answer", remedy=BY_HAND)
        worded = [utf8(each, "wording") for each in ([wordings] if isinstance(wordings, str) else wordings)]
        return self.memory().add(question, answer, document=utf8(document, "document"), note=note, wordings=worded)
