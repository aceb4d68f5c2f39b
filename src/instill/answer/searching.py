"""A search of the index with words and vector, and the reader's say in the order of the first hits."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from instill.answer.asked.spelling import Spelling
from instill.answer.reading.reader import Reader
from instill.answer.reading.reranking import rerank
from instill.errors import UsageError
from instill.index.fusion import Fusion
from instill.index.store import Index
from instill.index.types import READ, Hit, SearchRequest, SearchResult
from instill.models.encoders.protocol import Encoder


def search_index(index: Index, encoder: Encoder, fusion: Fusion, request: SearchRequest) -> SearchResult:
    """Encode the query where the mode needs it, and search; timings in milliseconds."""
    started = time.perf_counter()
    vector = None if request.mode == "keyword" else encoder.encode_queries([request.query])[0]
    encoded = time.perf_counter()
    result = index.search(request, vector, fusion)
    return SearchResult(result.hits, {"encode": (encoded - started) * 1000, **result.timings})


def search_and_rerank(
    index: Index, encoder: Encoder, fusion: Fusion, request: SearchRequest, reader: Reader | None, *, weight: float
) -> SearchResult:
    """The same, where the reader decides with a share of `weight` on the order of the first hits.

    Raises:
        UsageError: there is no reader.
    """
    if reader is None:
        raise UsageError(
            "search.rerank needs a reader, and there is none.",
            where='answer.reader = "off"',
            remedy="Set search.rerank to 0, or answer.reader to a folder that `instill train reader` made.",
        )
    result = search_index(index, encoder, fusion, replace(request, k=max(request.k, READ)))
    started = time.perf_counter()
    ranked = rerank(request.query, result.hits, reader, weight=weight, depth=READ)
    timings = {**result.timings, "rerank": (time.perf_counter() - started) * 1000}
    return SearchResult(tuple(ranked[: request.k]), timings)


def search_spelt(
    search: Callable[[SearchRequest], SearchResult],
    request: SearchRequest,
    speller: Callable[[str, Sequence[Hit]], Spelling],
) -> SearchResult:
    """`search`, once more with the right words where the query has misspelt ones."""
    result = search(request)
    spelling = speller(request.query, result.hits)
    questions = (spelling.stranger,) if spelling.stranger else (spelling.questions,) if spelling.unsure else ()
    if not spelling.changes:
        return replace(result, notices=questions)
    searched = spelling.applied(request.query)
    result = search(replace(request, query=searched))
    return replace(result, searched=searched, notices=(*spelling.notices, *questions))
