"""What forgetting would take out, and what it would leave, before it is done."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from instill.catalog import Catalog
from instill.catalog.earlier_catalog import earlier_catalog
from instill.index.sql_quoting import text_literal
from instill.index.types import DocumentRecord
from instill.workspace.arguments import text_of
from instill.workspace.consolidating import Consolidating
from instill.workspace.restoring import Restoring

if TYPE_CHECKING:
    from instill.memory.forgetting.receipt_sentences import Store
    from instill.memory.forgetting.receipts import Document, Taken
    from instill.memory.types import Fact
    from instill.workspace.purge.what_goes import Goes

_LEAST_OF_ID = 6
"""Characters of a fact's id: what is forgotten does not come back, and one letter is soon typed by mistake."""

_MOST = 200
"""Passages that a word is looked for in; one that as many others have is no word of a document alone."""

_FEW = 50
"""Documents that a search can leave out."""


@dataclass(frozen=True, slots=True)
class ForgettingPlan:
    """What forgetting does.

    Args:
        documents: sources of the documents, or of the document of the fact.
        goes: what is deleted and changed.
        weights: what becomes of weights and edits, in the words of the receipt.
        stays: what cannot be taken out, as the receipt will name it.
        withdrawn: candidates whose weights are deleted.
        rebuild: weights that have to be made again by hand, a sentence each.
        naming: questions in the log and in conversations that name it and show nothing of it.
        kind: "documents" or "fact".
        words: of a fact, those that are blanked in its document.
        facts: questions of the facts of the documents that a person wrote, worded or pinned; they go with the rest.
        versions: how many earlier versions, and removed copies of the same content, go that could be brought back.
    """

    documents: tuple[str, ...]
    goes: Goes
    weights: tuple[Taken, ...]
    stays: tuple[Taken, ...]
    withdrawn: tuple[str, ...] = ()
    rebuild: tuple[str, ...] = ()
    naming: int = 0
    kind: str = "documents"
    words: str = ""
    facts: tuple[str, ...] = ()
    versions: int = 0

    @property
    def said(self) -> str:
        """What is deleted and changed, in sentences, for people."""
        return " ".join([self.goes.said, *self.memory_said, *(f"{each.where}: {each.said}" for each in self.weights)])

    @property
    def memory_said(self) -> tuple[str, ...]:
        """The words of a fact, and what goes of earlier versions and of what people keep in the memory."""
        from instill.memory.forgetting.receipt_sentences import said_of_earlier

        earlier = said_of_earlier(self.versions, planned=True) if self.versions else ""
        words = f"These words are blanked: “{' '.join(self.words.split())}”." if self.words else ""
        kept = ", ".join(f"“{question}”" for question in self.facts)
        facts = f"The memory keeps these facts of it by hand, and loses them: {kept}." if kept else ""
        return tuple(each for each in (words, earlier, facts) if each)

    def as_dict(self) -> dict[str, Any]:
        """For `--json` and the service."""
        return {
            "kind": self.kind,
            "documents": list(self.documents),
            "deleted": list(self.goes.deleted),
            "changed": list(self.goes.changed),
            "exchanges": self.goes.exchanges,
            "naming": self.naming,
            "withdrawn": list(self.withdrawn),
            "weights": [each.model_dump(mode="json") for each in self.weights],
            "rebuild": list(self.rebuild),
            "stays": [each.model_dump(mode="json") for each in self.stays],
            "words": self.words,
            "facts": list(self.facts),
            "versions": self.versions,
            "said": self.said,
        }


class PlanningToForget(Restoring, Consolidating):
    """What forgetting would do."""

    def forgetting_plan(self, reference: str, *, questions: bool = False, jobs_end: bool = False) -> ForgettingPlan:
        """What `forget` would take out, and what it would leave. Nothing is written.

        Args:
            reference, questions: see `forget`.
            jobs_end: whether jobs of the service run now. They stop before, so what they hold open does not stay.

        Raises:
            UsageError: the reference names nothing.
        """
        from instill.memory.forgetting.edits_left import edits_left
        from instill.memory.forgetting.receipt_sentences import of_weights, what_stays
        from instill.memory.forgetting.withdrawing import to_withdraw
        from instill.workspace.purge.conversations_and_log import questions_left
        from instill.workspace.purge.questions_naming import Naming
        from instill.workspace.purge.what_goes import what_goes

        fact = self._fact_of(reference)
        records = self.index.records(doc_ids=sorted(self._forgotten_by(reference)))
        doc_ids = self._with_earlier(records, self._kept_of(records))
        named = self._named_by(fact, doc_ids, take=questions)
        naming = Naming(named["asked"], named["turns"], named["cached"])
        goes = what_goes(self.home, self.catalog, doc_ids, naming=naming, jobs_end=jobs_end)
        uploads = self.home / "uploads"  # They are deleted with their documents.
        own = [each.source for each in records if fact or not Path(each.source).is_relative_to(uploads)]
        withdrawal = to_withdraw(self.home, doc_ids)
        stays = what_stays(
            "fact" if fact else "documents",
            own,
            in_use=goes.in_use,
            encoders=goes.encoders,
            unknown=goes.unknown,
            endpoint=self.settings.generator.base_url,
            store=self._store(),
            questions=questions_left(self.catalog, doc_ids, naming),
            naming=named["naming"],
            taken=named["taken"],
            catalog=self._database(),
        )
        edits = edits_left(self.home, self.catalog, withdrawal.ids, doc_ids)
        return ForgettingPlan(
            documents=tuple(record.source for record in records),
            goes=goes,
            weights=(*of_weights(withdrawal, planned=True), *edits.planned()),
            stays=tuple(stays),
            withdrawn=withdrawal.ids,
            rebuild=withdrawal.rebuild,
            naming=named["naming"] or named["taken"],
            kind="fact" if fact else "documents",
            words=fact.evidence if fact else "",
            facts=self._kept_by_hand(doc_ids, "" if fact is None else fact.fact_id),
            versions=len(self._kept_of(records)),
        )

    # -- inside ------------------------------------------------------------------------------------------------

    def _forgotten_by(self, reference: str) -> frozenset[str]:
        """The documents that weights would be withdrawn for."""
        from instill.ingest.document_references import resolve

        fact = self._fact_of(reference)
        if fact is not None:
            return frozenset([fact.doc_id])
        return frozenset(record.doc_id for record in resolve(self.index, reference, many=True))

    def _kept_of(
        self, documents: Sequence[DocumentRecord | Document], contents: Collection[str] = ()
    ) -> list[DocumentRecord]:
        """What is kept of documents for `restore`, and of these contents; see `RemovedDocuments.versions_of`."""
        from instill.workspace.removed_documents import RemovedDocuments

        return RemovedDocuments(self.home, self.index).versions_of(
            {each.doc_id for each in documents},
            {each.source for each in documents},
            {*contents, *(each.content_hash for each in documents)},
        )

    def _with_earlier(
        self, documents: Sequence[DocumentRecord | Document], earlier: Sequence[DocumentRecord | Document]
    ) -> list[str]:
        """The ids of documents, and of those that stood at their places before and are gone."""
        sources = {each.source for each in documents}
        before = {each.doc_id for each in earlier if each.source in sources}
        there = {record.doc_id for record in self.index.records(doc_ids=sorted(before))} if before else set()
        return list(dict.fromkeys([*(each.doc_id for each in documents), *sorted(before - there)]))

    def _fact_of(self, reference: str) -> Fact | None:
        """The fact that a reference means; None where it means documents."""
        from instill.ingest.document_references import named

        text_of(reference, "reference", what="No document or fact is named.", remedy="Try: instill forget PATH")
        return None if named(self.index, reference) else self._fact_named(reference)

    def _fact_named(self, reference: str) -> Fact | None:
        """With its own words as its evidence: what else its paragraph says is not forgotten."""
        from instill.memory.forgetting.own_words import narrowed

        if len(reference) < _LEAST_OF_ID:
            return None
        found = [fact for fact in self.memory().facts(asked="none") if fact.fact_id.startswith(reference)]
        return narrowed(found[0]) if len(found) == 1 else None

    def _kept_by_hand(self, doc_ids: Collection[str], but: str) -> tuple[str, ...]:
        """Questions of the facts of these documents that a person wrote, worded or pinned, but for one."""
        facts = [fact for fact in self.memory().facts(asked="none") if fact.doc_id in doc_ids and fact.fact_id != but]
        return tuple(fact.question for fact in facts if fact.by_hand or fact.decision or fact.note)

    def _store(self) -> Store:
        from instill.memory.forgetting.receipt_sentences import Store

        live = self.index.generation
        able = self.index.capabilities
        return Store(live.store, live.url, able.left, anywhere=able.sharing == "anywhere")

    def _database(self) -> str:
        """Where the catalog is, if that is in a database; "" if it is a file of the workspace."""
        return self.catalog.where if self.catalog.shared else ""

    def _is_elsewhere(self, doc_ids: Collection[str]) -> Callable[[str], bool]:
        """Whether a document beside these holds a text, in any case."""

        def holds(text: str) -> bool:
            hits = self.memory().near(text[:600])
            others = {hit.doc_id for hit in hits} - set(doc_ids)
            found = self.index.document_texts(sorted(others)).values()
            return any(text.lower() in each.text.lower() for each in found)

        return holds

    def _named_by(self, fact: Fact | None, doc_ids: Collection[str], *, take: bool) -> dict[str, Any]:
        """The exchanges that name the documents, or the evidence of the fact, and show nothing of them: what a job
        holds of them, and how many are `taken`.

        Args:
            take: whether they go; if not, only their number is of interest.
        """
        from instill.workspace.purge.conversations_and_log import count_exchanges
        from instill.workspace.purge.questions_naming import (
            Naming,
            questions_with,
            words_asked,
            words_of,
            words_only_in,
        )

        texts = {doc_id: each.text for doc_id, each in self.index.document_texts(sorted(doc_ids)).items()}
        rest = ""
        if fact is not None and fact.doc_id in texts:  # The rest of its document stays.
            text = texts[fact.doc_id]
            texts, rest = {fact.doc_id: fact.evidence}, f"{text[: fact.start]}\n{text[fact.end :]}"
        left = words_of(rest)
        stands = self._stands_elsewhere(doc_ids)
        with earlier_catalog(self.home, self.catalog, read_only=True) as earlier:
            asked = words_asked(self.catalog) | (frozenset() if earlier is None else words_asked(earlier))
            words = words_only_in(texts.values(), asked, lambda word: word in left or stands(word))

            def naming_in(catalog: Catalog) -> Naming:
                return questions_with(catalog, lambda text: not words.isdisjoint(words_of(text))) if words else Naming()

            found = naming_in(self.catalog)
            before = Naming() if earlier is None else naming_in(earlier)
        count = count_exchanges(self.catalog, doc_ids, found) - count_exchanges(self.catalog, doc_ids)
        taken = asdict(found if take else Naming())
        taken |= {f"earlier_{name}": numbers for name, numbers in asdict(before if take else Naming()).items()}
        return {**taken, "naming": 0 if take else count, "taken": count if take else 0}

    def _stands_elsewhere(self, doc_ids: Collection[str]) -> Callable[[str], bool]:
        """Whether a document beside these has a word, in any case."""
        from instill.answer.searching import search_index
        from instill.index.types import SearchRequest

        gone = set(doc_ids)
        where = ""
        if len(gone) <= _FEW:
            where = " and ".join(f"doc_id <> {text_literal(doc_id)}" for doc_id in sorted(gone))

        def stands(word: str) -> bool:
            request = SearchRequest(query=word, k=_MOST, mode="keyword", where=where, labels=self.labels, pool=_MOST)
            hits = search_index(self.index, self.encoder, self.fusion, request).hits
            others = [hit for hit in hits if hit.doc_id not in gone]
            whole = re.compile(rf"(?<!\w){re.escape(word)}(?!\w)", re.IGNORECASE)
            return len(others) >= _MOST or any(whole.search(f"{hit.title}\n{hit.text}") for hit in others)

        return stands
