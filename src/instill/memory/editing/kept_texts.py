"""Passages of the documents that weights with edits must go on saying as before, where a user gives no rows."""

from __future__ import annotations

from instill.common.made_from import made_from
from instill.index.store import Index
from instill.memory.editing.making import Kept
from instill.train.generator.data.rows import Row

NOTE = "edit-"
"""Begins the name of a document that says what an edit says, where no document did."""

_PASSAGES = 200
_LONGEST, _MOST = 1500, 6000
"""Characters of a passage, and of a document."""


def kept_texts(index: Index) -> Kept:
    """The first passages of the documents, in the order of their ids; notes of edits are left out."""
    texts: list[Row] = []
    for record in sorted(index.records(), key=lambda each: each.doc_id):
        if len(texts) >= _PASSAGES:
            break
        stored = index.document_text(record.doc_id)
        if stored is not None and not record.source.startswith(f"stdin:{NOTE}"):
            made = made_from([record])
            end = min(len(stored.text), _MOST)
            parts = [stored.text[start : start + _LONGEST] for start in range(0, end, _LONGEST)]
            texts += [Row(text=part, made_from=made) for part in parts if part.strip()]
    return Kept(texts=tuple(texts[:_PASSAGES]))
