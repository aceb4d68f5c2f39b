"""Hard negatives: passages that the project's own search ranks high for a question and that do not hold its answer."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from instill.common.durable_files import write_json
from instill.documents.document import Document, Parsed, Passage
from instill.errors import WorkspaceError
from instill.index.fusion import ZScoreFusion
from instill.index.store import Index
from instill.index.types import IndexedDocument, SearchRequest
from instill.models.encoders import open_encoder
from instill.models.encoders.protocol import Encoder
from instill.settings import EncoderSettings
from instill.train.reader.rows import Row

PER_QUESTION = 4
_DEPTH = 12


def mine_negatives(
    rows: Sequence[Row], encoder: Encoder, *, progress: Callable[[int, int], None] | None = None
) -> dict[int, list[int]]:
    """For each row that has an answer: numbers of rows whose passages rank high and do not say that answer.

    A real index is filled with all passages in a temporary folder and searched with keywords and vectors.

    Args:
        progress: `(done, total)` questions.
    """
    first_row: dict[str, int] = {}
    for number, row in enumerate(rows):
        first_row.setdefault(row.passage, number)
    passages = list(first_row)
    asked = [number for number, row in enumerate(rows) if row.answerable]
    with tempfile.TemporaryDirectory() as folder:
        index = _filled(Path(folder) / "index", rows, passages, first_row, encoder)
        vectors = encoder.encode_queries([rows[number].question for number in asked])
        negatives: dict[int, list[int]] = {}
        for done, (number, vector) in enumerate(zip(asked, vectors, strict=True)):
            row = rows[number]
            hits = index.search(SearchRequest(row.question, k=_DEPTH), vector, ZScoreFusion()).hits
            found = [
                first_row[hit.text]
                for hit in hits
                if hit.text != row.passage and not any(text.lower() in hit.text.lower() for text in row.texts)
            ]
            negatives[number] = found[:PER_QUESTION]
            if progress is not None and done % 50 == 0:
                progress(done, len(asked))
    return negatives


def kept_negatives(
    rows: Sequence[Row], path: Path, settings: EncoderSettings, *, progress: Callable[[int, int], None] | None = None
) -> dict[int, list[int]]:
    """Those in the file at `path`, which is made when it is missing: a resumed run must train on the same ones.

    Raises:
        WorkspaceError: the file is damaged.
    """
    if path.exists():
        try:
            return {int(key): value for key, value in json.loads(path.read_text(encoding="utf-8")).items()}
        except ValueError as error:
            raise WorkspaceError(
                "The file of mined negatives is damaged.", where=str(path), remedy="Remove it."
            ) from error
    negatives = mine_negatives(rows, open_encoder(settings), progress=progress)
    write_json(path, negatives)
    return negatives


def with_told(rows: Sequence[Row], mined: Mapping[int, Sequence[int]]) -> dict[int, list[int]]:
    """The mined ones, after those that rows without an answer name: they say that a passage does not answer it.

    Example:
        >>> rows = [Row("Who?", "Ann did.", "", "a", ((0, 3),)), Row("Who?", "Bo knows.", "", "b", ())]
        >>> with_told([*rows, Row("When?", "In May.", "", "c", ())], {0: [2]})
        {0: [1, 2]}
    """
    told: dict[str, list[int]] = {}
    for number, row in enumerate(rows):
        if not row.answerable:
            told.setdefault(row.question, []).append(number)
    found = {}
    for number, others in mined.items():
        found[number] = list(dict.fromkeys([*told.get(rows[number].question, ()), *others]))
    return found


def _filled(
    folder: Path, rows: Sequence[Row], passages: Sequence[str], first_row: dict[str, int], encoder: Encoder
) -> Index:
    index = Index.open(folder, dimension=encoder.dimension, fingerprint=encoder.fingerprint, create=True)
    vectors = encoder.encode_passages(passages)
    entries = []
    for place, text in enumerate(passages):
        title = rows[first_row[text]].title
        document = Document(f"{place:016x}", f"row{place}", "text", title, f"{place:x}", len(text), "", Parsed(text))
        passage = Passage(0, 0, len(text), text)
        entries.append(IndexedDocument(document, [passage], vectors[place : place + 1], "mining"))
    for start in range(0, len(entries), 5000):
        index.commit(entries[start : start + 5000])
    index.upkeep(force=True)
    return index
