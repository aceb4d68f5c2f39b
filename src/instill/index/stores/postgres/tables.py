"""The tables of a generation in PostgreSQL: their columns, plain indexes and names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

_TABLES = """
CREATE TABLE {documents} (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, doc_id text COLLATE "C" NOT NULL UNIQUE,
    source text COLLATE "C", name text COLLATE "C", kind text COLLATE "C", title text COLLATE "C",
    content_hash text COLLATE "C", size bigint, modified text COLLATE "C", added text COLLATE "C", labels text[],
    metadata json, passage_count int, record text, body text);
CREATE INDEX ON {documents} (source);
CREATE INDEX ON {documents} (content_hash);
CREATE INDEX ON {documents} USING gin (labels);
CREATE TABLE {passages} (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, number bigint NOT NULL REFERENCES {documents} ON DELETE CASCADE,
    ordinal int NOT NULL, headings text COLLATE "C", page int, length int, tokens tsvector, body text,
    vector vector({dimension}), UNIQUE (number, ordinal));
CREATE INDEX ON {passages} USING gin (tokens);
CREATE TABLE {about} (version bigint NOT NULL);
INSERT INTO {about} VALUES (1);
"""


@dataclass(frozen=True, slots=True)
class Names:
    """The tables of a generation, as they stand in a statement."""

    documents: str
    passages: str
    about: str

    @staticmethod
    def of(generation: str) -> Names:
        """The tables of the generation with this name, which is letters and digits."""
        return Names(*(f"instill_{generation}_{part}" for part in ("documents", "passages", "about")))


def create_tables(connection: Any, names: Names, dimension: int) -> None:
    """Make the empty tables of a generation.

    Args:
        dimension: of the vectors.
    """
    connection.execute(
        _TABLES.format(documents=names.documents, passages=names.passages, about=names.about, dimension=dimension)
    )
