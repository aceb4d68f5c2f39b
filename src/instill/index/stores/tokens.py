"""The tokens of a text as the full-text index of the Lance table cuts them: the same words are found in every store."""

from __future__ import annotations

import threading
from collections import Counter
from functools import cached_property
from typing import Any

from instill.index.bm25_for_caller import Term, Tokens

_COLUMN = "keywords"


class Cutter:
    """Cuts texts and queries into tokens. Safe to share between threads."""

    def __init__(self) -> None:
        self._tokens = Tokens()
        self._lock = threading.Lock()

    def of(self, text: str) -> list[str]:
        """The tokens of a text that was made ready for the index (`instill.index.keywords.indexed`)."""
        return self._tokens.of(self._tokenize, [text])[0]

    def asked(self, query: str) -> Counter[str]:
        """The tokens that a query asks for, and how often."""
        asked: Counter[str] = Counter()
        terms: Counter[Term] = self._tokens.terms(self._tokenize, query)
        for term, times in terms.items():
            asked[term.token] += times
        return asked

    def _tokenize(self, text: str) -> Any:
        with self._lock:
            table = self._table
        return table.tokenize(text, column=_COLUMN)

    @cached_property
    def _table(self) -> Any:
        """A table in memory without rows: only its tokenizer is used."""
        import pyarrow as pa

        from instill.index.lance_tables import imported_lancedb

        database = imported_lancedb().connect("memory://")
        from lancedb.index import FTS

        table = database.create_table("words", schema=pa.schema([(_COLUMN, pa.string())]))
        table.create_index(_COLUMN, config=FTS())
        return table
