"""The documents that were read last are kept for one version, as each caller sees them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from instill import Workspace
from instill.index import lookup
from instill.index.known_documents import KnownDocuments
from instill.index.lookup import StoredDocument
from instill.index.types import DocumentRecord


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[Sequence[str]]:
    """The documents that were read from the table."""
    asked: list[Sequence[str]] = []
    real = lookup.document_texts

    def counted(table: object, doc_ids: Sequence[str], labels: Sequence[str] | None) -> dict[str, StoredDocument]:
        asked.append(list(doc_ids))
        return real(table, doc_ids, labels)

    monkeypatch.setattr(lookup, "document_texts", counted)
    return asked


def test_a_document_is_read_once_a_version_and_for_each_caller(tmp_path: Path, read: list[Sequence[str]]) -> None:
    with Workspace.init(tmp_path / "kb") as workspace:
        index = workspace.index
        workspace.add_text("The oven is warm.", name="oven.txt", labels=["a"])
        [first] = (record.doc_id for record in index.records())
        read.clear()
        for _ in range(2):
            for labels, text in ((None, "The oven is warm."), (["a"], "The oven is warm."), (["b"], None)):
                found = index.document_text(first, labels)
                assert (found and found.text) == text
        assert read == [[first]] * 3
        workspace.add_text("The mill is old.", name="mill.txt")
        [second] = {record.doc_id for record in index.records()} - {first}
        read.clear()
        both = index.document_texts([first, second, first])
        assert {doc_id: each.text for doc_id, each in both.items()} == {
            first: "The oven is warm.",
            second: "The mill is old.",
        }
        assert index.document_texts([second, "nothing"]).keys() == {second}
        assert read == [[first, second], ["nothing"]]
        workspace.remove("oven.txt")
        assert index.document_text(first) is None
        assert index.document_text(second) is not None


def stored(doc_id: str, characters: int) -> StoredDocument:
    record = DocumentRecord(doc_id, doc_id, "text", doc_id, "", 0, "", "", (), {}, 1, "")
    return StoredDocument(record, "x" * characters, (), (), ())


def test_what_was_read_longest_ago_goes_first_and_an_older_version_is_not_mixed_in() -> None:
    known, asked = KnownDocuments(), list[str]()

    def read(doc_ids: Sequence[str]) -> dict[str, StoredDocument]:
        asked.extend(doc_ids)
        return {doc_id: stored(doc_id, 1_500_000) for doc_id in doc_ids}

    for doc_id in "abacab":
        known.of(7, [doc_id], None, read)
    assert "".join(asked) == "abcb"
    known.of(6, ["b"], None, read)  # Somebody reads what was before.
    known.of(7, ["b"], None, read)
    known.of(8, ["b"], None, read)
    assert "".join(asked[4:]) == "bb"
    many = [str(number) for number in range(40)]
    for _ in range(2):
        assert list(known.of(8, many, None, lambda some: {each: stored(each, 1) for each in some})) == many
    known.of(8, ["b"], None, read)
    assert len(asked) == 6
