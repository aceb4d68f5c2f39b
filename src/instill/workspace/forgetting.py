"""Taking documents and facts out for good: out of the index, of all that was made from them, and of weights."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from instill.common.extras import extras_named
from instill.errors import UsageError
from instill.settings.location import expanded
from instill.workspace.arguments import path_of, text_of
from instill.workspace.forgetting_plan import PlanningToForget

if TYPE_CHECKING:
    from instill.index.lookup import StoredDocument
    from instill.index.types import DocumentRecord
    from instill.memory.forgetting.job import Job, Span
    from instill.memory.forgetting.receipts import Document, Receipt, Verified
    from instill.memory.types import Fact


class Forgetting(PlanningToForget):
    """What is taken out for good."""

    def forget(self, reference: str, *, questions: bool = False) -> Receipt:
        """Forget documents (by id, source, pattern or folder) or one fact (by its id, or the start of it). Returns the
        signed receipt, which the workspace keeps.

        First, weights that learned from the documents are withdrawn and deleted. Then the documents are removed, and
        everything that was made from them is purged. They stay out: `add` and `sync` skip them until you call `allow`.
        For a fact, its evidence is blanked in its document, and everything that was made from the document is purged.
        Edits of weights whose value came from the documents end, and the others are made again. If an earlier call was
        killed, it is finished first.

        Args:
            questions: also delete the questions that name it, with a name or a code that stands in no other document,
                though they showed nothing of it. The receipt says how many there are in either case.

        Raises:
            UsageError: the reference names nothing, or the workspace is seen under labels.
            WorkspaceError: the workspace cannot be written.
        """
        from instill.ingest.document_references import named, resolve
        from instill.memory.forgetting.job import Job, Span, begun
        from instill.memory.forgetting.leftovers import telling_sentences

        text_of(reference, "reference", what="No document or fact is named.", remedy="Try: instill forget PATH")
        self._must_be_writable()
        if self._whole is not None:
            raise UsageError("Only the owner can forget: what was made from these documents may serve others too.")
        before = begun(self.home)
        receipt = None if before is None else self._worked(before, [])
        fact = None if named(self.index, reference) else self._fact_named(reference)
        if fact is not None:
            stored = self._present(fact)
            job = Job(
                kind="fact",
                reference=fact.fact_id,
                documents=(_document(stored),),
                span=Span.of(fact.doc_id, fact.start, fact.evidence),
                **self._named_by(fact, [fact.doc_id], take=questions),
            )
            alone = not self._is_elsewhere([fact.doc_id])(fact.evidence)
            return self._worked(job, [fact.evidence] if alone else [])
        if receipt is not None and before is not None and before.reference == reference:
            return receipt
        doc_ids = [record.doc_id for record in resolve(self.index, reference, many=True)]
        found = self.index.document_texts(doc_ids)
        documents = [found[doc_id] for doc_id in doc_ids if doc_id in found]
        elsewhere = self._is_elsewhere(doc_ids)
        sentences = [line for each in documents for line in telling_sentences(each.text, elsewhere)]
        job = Job(
            kind="documents",
            reference=reference,
            documents=tuple(map(_document, documents)),
            **self._named_by(None, doc_ids, take=questions),
        )
        return self._worked(job, sentences)

    @extras_named()
    def forget_and_probe(
        self,
        reference: str,
        *,
        base: str = "",
        replay: Path | None = None,
        seed: int = 0,
        epochs: int = 0,
        replay_share: float | None = None,
        learning_rate: float = 0.0,
        questions: bool = False,
    ) -> Receipt:
        """Forget, train the weights again without what was forgotten, and probe the old and the new weights. The
        receipt has what was known before, and what is known now, after 4-bit quantisation, and after a part was taught
        again.

        Args:
            reference, questions: see `forget`.
            base, replay, seed, epochs, replay_share, learning_rate: see `consolidation`. With the values of the earlier
                consolidation, the training is the same except for what was forgotten.

        Raises:
            UsageError: see `forget`; or no weights in use hold a fact of the document, or there is nothing to compare
                with.
            WorkspaceError: the workspace cannot be written.
        """
        from instill.memory.facts_in_weights import read_weights
        from instill.memory.forgetting.receipts import keep_receipt, sign
        from instill.memory.forgetting.weight_probes import probe, subject_of
        from instill.models.registry.store import Registry
        from instill.train.generator.recipes.base import folder_of

        doc_ids = self._forgotten_by(reference)
        registry = Registry(self.home)
        groups, setting = self.consolidation(
            base=base,
            replay=replay,
            seed=seed,
            epochs=epochs,
            replay_share=replay_share,
            learning_rate=learning_rate,
        )
        adapters = {each.labels: each for each in read_weights(self.home).adapters if each.state == "in use"}
        found = [
            (group.labels, adapters[group.labels], subject)
            for group, material in groups
            if group.labels in adapters
            and (subject := subject_of(material, doc_ids, seed=seed)).facts
            and subject.never
        ]
        if not found:
            raise UsageError(
                "No weights in use hold a fact of it, so there is nothing to probe.",
                where=reference,
                remedy="Forget it without --probe.",
            )
        model = folder_of(setting.base)
        probes = [
            each
            for _, adapter, subject in found
            for each in probe(model, registry.check(adapter.id).folder, subject, before=True, seed=seed)
        ]
        receipt = self.forget(reference, questions=questions)
        made = {
            each.labels: each.adapter
            for each in self.consolidate(
                base=base,
                replay=replay,
                seed=seed,
                epochs=epochs,
                replay_share=replay_share,
                learning_rate=learning_rate,
            )
            if each.adapter
        }
        for labels, _, subject in found:
            folder = registry.check(made[labels]).folder if labels in made else None
            probes += probe(model, folder, subject, seed=seed)
        signed = sign(receipt.model_copy(update={"probes": tuple(probes)}), self.home)
        keep_receipt(self.home, signed)
        return signed

    def allow(self, path: str) -> bool:
        """Allow forgotten documents to be added again. Returns False if no document from this source was forgotten.

        Args:
            path: a path or an address, as it was added, the name of a file in a followed folder, the name of an upload
                with its folders, or what the notice of `add` names. A folder or a pattern allows all files in it.
        """
        from instill.documents.bucket_addresses import is_in_bucket
        from instill.documents.sources import find_sources
        from instill.ingest.document_references import absolute, has_wildcard
        from instill.memory.forgetting.forgotten_documents import allow, allow_content, is_forgotten

        self._must_be_writable()
        text_of(path, "path")
        kept = (self.home, self.catalog)
        sources = [path, absolute(path), f"stdin:{path}"]
        if has_wildcard(path) or is_in_bucket(path) or expanded(path).is_dir():
            sources += [each.source for each in find_sources([path], base=Path.cwd(), exclude=[])]
        elif not expanded(path).exists():  # the name alone, as `forget` takes it
            followed = [root.path for root in self.catalog.roots() if not is_in_bucket(root.path)]
            found = [each.source for each in find_sources(followed, base=Path.cwd(), exclude=[])]
            named = [each for each in found if each.endswith(f"/{path}") and is_forgotten(*kept, each)]
            named += [source for source in self._uploads_forgotten(path) if source not in named]
            sources += named if len(named) == 1 else []  # which of several is meant, a path says
        if allow_content(*kept, path):
            return True
        allowed = [allow(*kept, source) for source in sources]
        return any(allowed)

    def _uploads_forgotten(self, name: str) -> list[str]:
        """The sources of forgotten uploads of this name, which the receipts hold, and which stay out still."""
        from instill.memory.forgetting.forgotten_documents import is_forgotten

        uploads = f"{(self.home / 'uploads').as_posix()}/"
        sources = {document.source for receipt in self.receipts() for document in receipt.documents}
        named = {each for each in sources if each.startswith(uploads) and each.endswith(f"/{name}")}
        exact = {each for each in named if each.removeprefix(uploads).partition("/")[2] == name}
        return [each for each in sorted(exact or named) if is_forgotten(self.home, self.catalog, each)]

    def receipts(self) -> list[Receipt]:
        """The receipts of this workspace, oldest first."""
        from instill.memory.forgetting.receipts import receipts_of

        return receipts_of(self.home)

    def verify_receipt(self, receipt: Receipt | str | os.PathLike[str], *, key: str = "") -> Verified:
        """Check that a receipt was signed, and has not been changed since.

        Args:
            receipt: a receipt, or the path of its file.
            key: the name of the key that must have signed it. "": the key of this workspace.

        Raises:
            UsageError: there is no such file, or it is no receipt.
        """
        from instill.memory.forgetting.receipts import Receipt, key_name, public_key, read_receipt, verify

        found = receipt if isinstance(receipt, Receipt) else read_receipt(Path(path_of(receipt, "receipt")))
        return verify(found, [key or key_name(public_key(self.home))])

    # -- inside ------------------------------------------------------------------------------------------------

    def _present(self, fact: Fact) -> StoredDocument:
        stored = self.index.document_text(fact.doc_id)
        if stored is None or stored.text[fact.start : fact.end] != fact.evidence:
            raise UsageError(
                "The fact's evidence is not in the index any longer.",
                where=fact.fact_id,
                remedy="Forget its document, if it is there (instill forget PATH), or run: instill remove --purge",
            )
        return stored

    def _worked(self, job: Job, sentences: Sequence[str]) -> Receipt:
        """Every step may be done twice, so that a job that was killed is begun again.

        Args:
            sentences: that are looked for afterwards; a job that is taken up again has none.
        """
        from instill.workspace.jobs_pause import jobs_paused

        with jobs_paused(self.home, self.catalog):
            return self._taken_out(job, sentences)

    def _taken_out(self, job: Job, sentences: Sequence[str]) -> Receipt:
        """`_worked`, while no job of the service runs."""
        from instill.memory.editing.kept_texts import kept_texts
        from instill.memory.forgetting.edits_left import edits_left, end_unused, make_again
        from instill.memory.forgetting.forgotten_documents import block
        from instill.memory.forgetting.job import begin, end
        from instill.memory.forgetting.leftovers import look_for
        from instill.memory.forgetting.receipt_sentences import unsigned
        from instill.memory.forgetting.receipts import Taken, keep_receipt, sign
        from instill.memory.forgetting.withdrawing import to_withdraw, withdraw_learned
        from instill.workspace.purge.conversations_and_log import questions_left
        from instill.workspace.purge.purging import purge
        from instill.workspace.purge.questions_naming import Naming

        job = self._with_kept(job)
        doc_ids = self._with_earlier(job.documents, job.versions)
        contents = {each.content_hash for each in (*job.documents, *job.versions)}
        naming = Naming(job.asked, job.turns, job.cached)
        earlier_naming = Naming(job.earlier_asked, job.earlier_turns, job.earlier_cached)
        begin(self.home, job)
        end_unused(self.home, self.catalog)
        edits = edits_left(self.home, self.catalog, to_withdraw(self.home, doc_ids).ids, doc_ids)
        withdrawal = withdraw_learned(self.home, doc_ids)
        if job.span is not None:
            self._blank(job.span, job.reference)
            purged = purge(
                self.home,
                self.catalog,
                self.index,
                [],
                changed=doc_ids,
                contents=contents,
                naming=naming,
                earlier_naming=earlier_naming,
            )
        else:
            with self.index.alone():  # from here on none of them is replaced or brought back
                job = self._with_kept(job)
                contents = {each.content_hash for each in (*job.documents, *job.versions)}
                begin(self.home, job)
                block(self.home, self.catalog, _stay_out(job))
            there = [record.doc_id for record in self.index.records(doc_ids=doc_ids)]
            if there:
                self.remove(there, keep=False)
            purged = purge(
                self.home,
                self.catalog,
                self.index,
                doc_ids,
                contents=contents,
                naming=naming,
                earlier_naming=earlier_naming,
            )
        self.refresh()  # The index was made anew.
        again = make_again(self.home, self.catalog, lambda: kept_texts(self.index))
        if again:
            self.refresh()
        receipt = unsigned(
            job,
            withdrawal.as_now(self.home),
            gone_edits=edits.gone,
            edits_again=again,
            questions_left=questions_left(self.catalog),
            rewritten=purged.rewritten,
            removed=purged.removed,
            exchanges=purged.exchanges,
            earlier=purged.earlier,
            in_use=purged.in_use,
            copies=[Taken(where=copy.name, said=copy.said) for copy in purged.copies],
            encoders=[name.split(" ", 1)[1] for name in purged.trained if name.startswith("encoder ")],
            left=look_for(self.home, sentences),
            endpoint=self.settings.generator.base_url,
            store=self._store(),
            catalog=self._database(),
        )
        signed = sign(receipt, self.home)
        keep_receipt(self.home, signed)
        end(self.home)
        return signed

    def _with_kept(self, job: Job) -> Job:
        """The job with what is kept of its documents now; on a second try, also with what the first had found."""
        known = {(each.doc_id, each.content_hash): each for each in job.versions}
        for record in self._kept_of(job.documents, [each.content_hash for each in job.versions]):
            known.setdefault((record.doc_id, record.content_hash), _document_of(record))
        return job.model_copy(update={"versions": tuple(known.values())})

    def _blank(self, span: Span, fact_id: str) -> None:
        """Put the document in again with blanks for the evidence; its content hash stays that of its file, so that
        `sync` leaves it as it is while the file does not change."""
        from instill.index.lookup import document_of
        from instill.ingest.passages import Prepared, cut, encode_and_commit, passage_identity
        from instill.memory.forgetting.forgotten_documents import block_fact
        from instill.memory.forgetting.forgotten_facts import BLANK, blanked

        stored = self.index.document_text(span.doc_id)
        if stored is None or not span.is_in(stored.text):
            return
        held = stored.text[span.start : span.end]
        block_fact(self.home, self.catalog, fact_id, span.doc_id, stored.record.source, held)
        document = document_of(stored)
        text = blanked(stored.text, [(span.start, span.end)])
        title = document.title if held not in document.title and document.title not in held else BLANK
        document = replace(document, title=title, parsed=replace(document.parsed, text=text, title=title))
        prepared = Prepared(document, cut(document, self.encoder, self.settings.documents), "changed")
        identity = passage_identity(self.settings.documents, self.index.generation.fingerprint)
        encode_and_commit(self.index, self.encoder, [prepared], identity)


def _stay_out(job: Job) -> list[tuple[str, str]]:
    """Sources and content hashes of what must not come back: of a document each version, under the document's source,
    so that allowing that allows all of them."""
    sources = {each.doc_id: each.source for each in job.documents}
    own = {each.source for each in job.documents}
    found = [(each.source, each.content_hash) for each in job.documents]
    for each in job.versions:
        if each.doc_id in sources or each.source in own:
            found.append((sources.get(each.doc_id, each.source), each.content_hash))
    return found


def _document(stored: StoredDocument) -> Document:
    return _document_of(stored.record)


def _document_of(record: DocumentRecord) -> Document:
    from instill.memory.forgetting.receipts import Document

    return Document(
        doc_id=record.doc_id, source=record.source, content_hash=record.content_hash, labels=tuple(record.labels)
    )
