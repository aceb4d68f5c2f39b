"""The passages that the arms are given, from a workspace's index: found, right ones, whole documents.

An unanswerable item names what must not be seen (`excluded`): passages that touch such a span, or repeat its text, are
never given.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from instill.compare.arms.protocol import Place
from instill.documents.document import Passage
from instill.errors import WorkspaceError
from instill.index.lookup import StoredDocument
from instill.index.types import Hit
from instill.study.study_set import Evidence, Fact, StudyItem

if TYPE_CHECKING:
    from instill.workspace import Workspace

_MORE_HITS, _MOST_HITS = 40, 1000
_COVERED = 0.9


@dataclass(frozen=True, slots=True)
class Cut:
    """Whole documents, as far as they fit.

    Args:
        hits: one for each uninterrupted piece of a document.
        notice: what was left out; "" when nothing.
    """

    hits: tuple[Hit, ...]
    notice: str


class Passages:
    """Passages of a workspace.

    Args:
        facts: of the study set, for the documents of questions without evidence.
    """

    def __init__(self, workspace: Workspace, facts: Iterable[Fact] = ()) -> None:
        self._workspace = workspace
        self._facts: Mapping[str, Fact] = {fact.id: fact for fact in facts}
        self._documents: dict[str, StoredDocument] = {}

    def found(self, item: StudyItem, query: str, k: int) -> Sequence[Hit]:
        """What the index finds, without what must not be seen."""
        if not item.excluded:
            return self._workspace.search(query, k=k).hits
        wanted = k + _MORE_HITS
        while True:
            hits = self._workspace.search(query, k=wanted).hits
            kept = [hit for hit in hits if not is_hidden(hit, item)]
            if len(kept) >= k or len(hits) < wanted or wanted >= _MOST_HITS:
                return kept[:k]
            wanted *= 3

    def oracle(self, item: StudyItem) -> list[Hit]:
        """The passages that hold the evidence, in its order; of an unanswerable item the best one that is found.

        Raises:
            WorkspaceError: the evidence does not stand in the index as it stood in the study set.
        """
        if not item.evidence:
            return list(self.found(item, item.question, 1))
        hits: dict[tuple[str, int], Hit] = {}
        for evidence in item.evidence:
            document = self._document_of(evidence)
            for passage in self._workspace.index.passages_of(evidence.doc_id):
                if passage.start < evidence.end and evidence.start < passage.end:
                    hits[evidence.doc_id, passage.start] = _hit(document, passage)
        return list(hits.values())

    def whole(self, item: StudyItem, budget: int) -> Cut:
        """The documents of the evidence from their beginning, each with an equal part of `budget` tokens.

        The tokens are those of the encoder's tokenizer. Of an unanswerable item it is the document that it asks about,
        without what must not be seen, or the best one that is found.

        Raises:
            WorkspaceError: the evidence does not stand in the index as it stood in the study set.
        """
        for evidence in item.evidence:
            self._document_of(evidence)
        ids = list(dict.fromkeys(evidence.doc_id for evidence in item.evidence)) or self._documents_about(item)
        hits: list[Hit] = []
        notices = []
        for doc_id in ids:
            document = self._document(doc_id)
            if document is None:
                continue
            most = max(1, budget // len(ids))
            found = self._workspace.encoder.tokenizer.encode(document.text, add_special_tokens=False)
            end = found.offsets[most - 1][1] if len(found.ids) > most else len(document.text)
            if end < len(document.text):
                notices.append(f"{document.record.source}: the first {most} of {len(found.ids)} tokens were given.")
            for number, (start, stop) in enumerate(_seen(document.text, end, item)):
                hits.append(_hit(document, Passage(number, start, stop, document.text[start:stop])))
        return Cut(tuple(hits), " ".join(notices))

    def check(self, items: Iterable[StudyItem]) -> None:
        """See that the evidence of all items stands in the index as it stood in the study set.

        Raises:
            WorkspaceError: it does not.
        """
        for item in items:
            for evidence in item.evidence:
                self._document_of(evidence)

    def _documents_about(self, item: StudyItem) -> list[str]:
        known = [self._facts[id_].doc_id for id_ in item.fact_ids if id_ in self._facts]
        found = known or [hit.doc_id for hit in self.found(item, item.question, 1)]
        return list(dict.fromkeys(found))

    def _document(self, doc_id: str) -> StoredDocument | None:
        if doc_id not in self._documents:
            found = self._workspace.index.document_text(doc_id)
            if found is None:
                return None
            self._documents[doc_id] = found
        return self._documents[doc_id]

    def _document_of(self, evidence: Evidence) -> StoredDocument:
        document = self._document(evidence.doc_id)
        if document is None or document.text[evidence.start : evidence.end] != evidence.text:
            raise WorkspaceError(
                "A document changed since the study set was made: the evidence of a question is not in it any longer.",
                where=document.record.source if document else evidence.doc_id,
                remedy="Make the study set again: instill study make",
            )
        return document


def is_hidden(hit: Hit, item: StudyItem) -> bool:
    """Whether the passage holds, or touches, what must not be seen with this item."""
    said = _spaced(hit.text)
    return any(
        (hit.doc_id == each.doc_id and hit.start < each.end and each.start < hit.end) or _spaced(each.text) in said
        for each in item.excluded
    )


def evidence_given(item: StudyItem, passages: Sequence[Place]) -> float | None:
    """The share of the item's evidence that stands in the passages, 0 to 1; None without evidence.

    A piece of evidence counts when nine tenths of its span are covered, by one passage or by several, or when a passage
    of whatever document repeats it word for word.
    """
    if not item.evidence:
        return None
    return sum(_stands_in(evidence, passages) for evidence in item.evidence) / len(item.evidence)


def citation_precision(item: StudyItem, citations: Sequence[Place]) -> float | None:
    """The share of the citations that touch the evidence or repeat it; None when nothing was cited."""
    if not citations:
        return None
    return sum(any(_touches(citation, each) for each in item.evidence) for citation in citations) / len(citations)


def place_of(hit: Hit) -> Place:
    """The span of a passage."""
    return Place(hit.doc_id, hit.start, hit.end, hit.text)


def _stands_in(evidence: Evidence, passages: Sequence[Place]) -> bool:
    wanted = _spaced(evidence.text)
    if any(wanted in _spaced(passage.text) for passage in passages):
        return True
    covered: set[int] = set()
    for passage in passages:
        if passage.doc_id == evidence.doc_id:
            covered.update(range(max(passage.start, evidence.start), min(passage.end, evidence.end)))
    return len(covered) >= _COVERED * max(1, evidence.end - evidence.start)


def _touches(citation: Place, evidence: Evidence) -> bool:
    if citation.doc_id == evidence.doc_id and citation.start < evidence.end and evidence.start < citation.end:
        return True
    cited, held = _spaced(citation.text), _spaced(evidence.text)
    return bool(cited.strip()) and (held in cited or (cited in held and len(cited) >= len(held) / 2))


def _seen(text: str, end: int, item: StudyItem) -> list[tuple[int, int]]:
    """The spans of `text[:end]` that may be seen."""
    hidden = []
    for each in item.excluded:
        place = text.find(each.text) if each.text else -1
        while place >= 0:
            hidden.append((place, place + len(each.text)))
            place = text.find(each.text, place + 1)
    spans, start = [], 0
    for first, last in [*sorted(hidden), (end, end)]:
        stop = min(first, end)
        if text[start:stop].strip():
            spans.append((start, stop))
        start = max(start, last)
    return spans


def _hit(document: StoredDocument, passage: Passage) -> Hit:
    record = document.record
    return Hit(
        record.doc_id, passage.ordinal, passage.start, passage.end, passage.text, passage.headings, passage.page,
        passage.last_page, record.source, record.kind, record.title, record.labels, record.metadata, 1.0, 1.0, 1.0,
        passage.table_head, passage.table_head_start,
    )  # fmt: skip


def _spaced(text: str) -> str:
    return " ".join(text.split())


def as_found(hits: Sequence[Hit]) -> list[Hit]:
    """Passages in the order in which they are to be read, scored so that it stays."""
    return [replace(hit, score=1.0 - place / (len(hits) + 1)) for place, hit in enumerate(hits)]
