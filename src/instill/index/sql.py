"""`instill sql`: read-only SQL over what the caller may see, by DuckDB over Arrow.

Two views. `documents` has the document fields, one row a document, `text` being the canonical text; `passages` has a
row a passage with the same fields, `ordinal`, `start`, `"end"`, `headings`, `page`, `last_page` and its own `text`.
`metadata` is JSON (`metadata->>'year'`). `vector` is FLOAT[dimension]. When a question's vector is passed, `passages`
has `similarity`, the cosine with it.

Nothing but these rows can be reached: DuckDB runs in memory with external access off, its configuration locked and
its look at Python's variables off; one SELECT is run, under the limits of `sql_limits.py`. A column is loaded only when
the query names it; `select *` brings neither `vector` nor `documents.text`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from instill.common.extras import needed
from instill.errors import UsageError
from instill.index.known_fields import explained
from instill.index.labels import held_of
from instill.index.lookup import vector_matrix
from instill.index.protocol import View
from instill.index.schema import DOCUMENT_COLUMNS, PASSAGE_COLUMNS, schema
from instill.index.sql_limits import SqlLimits, bounded, interrupted_after, too_much_memory, too_slow
from instill.models.encoders.protocol import Vectors

_LONGEST = 100_000
_BATCH_ROWS = 1000


@dataclass(frozen=True, slots=True)
class _Shown:
    """`columns` come with `select *`; `on_request` only by name. `stored` renames: column -> column in the store."""

    columns: tuple[str, ...]
    on_request: tuple[str, ...]
    stored: tuple[tuple[str, str], ...] = ()


_VIEWS: dict[Literal["documents", "passages"], _Shown] = {
    "documents": _Shown(DOCUMENT_COLUMNS, ("text",), (("text", "document"),)),
    "passages": _Shown(
        ("doc_id", *PASSAGE_COLUMNS, *(name for name in DOCUMENT_COLUMNS if name != "doc_id")),
        ("vector", "similarity"),
    ),
}


@dataclass(frozen=True, slots=True)
class _Needs:
    """What a query names: views with the number of times, columns, and whether it says `*`."""

    views: dict[Literal["documents", "passages"], int]
    names: frozenset[str]
    everything: bool


def run(
    view: View,
    query: str,
    *,
    labels: Sequence[str] | None,
    query_vector: Vectors | None,
    limits: SqlLimits,
    called: Callable[[str], str] | None = None,
) -> pa.Table:
    """See `Index.sql`."""
    duckdb = needed("duckdb", "SQL needs DuckDB.")
    if len(query) > _LONGEST:
        raise UsageError("The query is too long.", where=f"{len(query)} characters, at most {_LONGEST}")
    memory = f"{max(64, int(limits.max_memory_mb / 2))}MB"  # what DuckDB does not count takes as much again
    connection = duckdb.connect(config={"python_enable_replacements": "false", "memory_limit": memory, "threads": "2"})
    try:
        statements = connection.extract_statements(query)
        if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
            raise UsageError("Only one SELECT is run.", where=query[:200], remedy=_example())
        needs = _needs(query)
        for name, times in needs.views.items():
            reader = _reader(view, name, needs, labels, query_vector, called)
            # A stream can be read once; a query that names the view again needs it in memory.
            connection.register(name, reader if times == 1 else reader.read_all())
        for setting in ("SET autoinstall_known_extensions=false", "SET autoload_known_extensions=false",
                        "SET enable_external_access=false", "SET lock_configuration=true"):  # fmt: skip
            connection.execute(setting)
        return _timed(connection, query, limits)
    except duckdb.Error as error:
        message = " ".join(str(error).split())[:1000]
        views = {name: (*each.columns, *each.on_request) for name, each in _VIEWS.items()}
        raise explained(view, message, query, views, labels) or UsageError(
            f"The query failed: {message}", where=query[:200], remedy=_example()
        ) from error
    finally:
        connection.close()


def _timed(connection: Any, query: str, limits: SqlLimits) -> pa.Table:
    """The result, read as a stream, so that no more of it is made than the limits allow."""
    import duckdb

    try:
        with interrupted_after(connection, limits.max_seconds):
            stream = connection.sql(query).to_arrow_reader(_BATCH_ROWS)
            return bounded(stream, stream.schema, limits, query)
    except duckdb.InterruptException as error:
        raise too_slow(limits, query) from error
    except (duckdb.OutOfMemoryException, MemoryError) as error:
        raise too_much_memory(limits, query) from error
    except duckdb.Error as error:
        raise error from None
    except (pa.ArrowException, ArithmeticError, ValueError, TypeError, OSError, RuntimeError) as error:
        # A stream hands DuckDB's errors on as Arrow's.
        if "INTERRUPT" in str(error):
            raise too_slow(limits, query) from error
        if "Out of Memory" in str(error) or "bad_alloc" in str(error) or "allocate" in str(error):
            raise too_much_memory(limits, query) from error
        raise UsageError(
            f"The result cannot be represented: {str(error).strip()[:300]}",
            where=query[:200],
            remedy="Cast the column to text: my_column::varchar",
        ) from error


def _needs(query: str) -> _Needs:
    """Only decides what is loaded; whether the query may run is DuckDB's to say."""
    from sqlglot import exp, parse
    from sqlglot.errors import SqlglotError

    try:
        trees = [tree for tree in parse(query, read="duckdb") if tree is not None]
    except (SqlglotError, RecursionError):
        # What sqlglot cannot read DuckDB may; then everything is loaded, or DuckDB explains the mistake.
        return _Needs(
            dict.fromkeys(_VIEWS, 2), frozenset(name for view in _VIEWS.values() for name in view.on_request), True
        )
    if len(trees) != 1 or not isinstance(trees[0], exp.Query):
        raise UsageError("Only one SELECT is run.", where=query[:200], remedy=_example())
    tree = trees[0]
    tables = [node.name.lower() for node in tree.find_all(exp.Table)]
    names = frozenset(node.name.lower() for node in tree.find_all(exp.Identifier))
    columns = {node.name.lower() for node in tree.find_all(exp.Column)}
    aliases = {node.alias_or_name.lower() for node in tree.find_all(exp.Table, exp.Subquery)}
    everything = any(True for _ in tree.find_all(exp.Star, exp.Columns)) or bool(columns & aliases)
    return _Needs({name: tables.count(name) for name in _VIEWS if name in tables}, names, everything)


def _reader(
    view: View,
    name: Literal["documents", "passages"],
    needs: _Needs,
    labels: Sequence[str] | None,
    query_vector: Vectors | None,
    called: Callable[[str], str] | None,
) -> pa.RecordBatchReader:
    """The view's needed columns as a stream of visible rows."""
    shown = _VIEWS[name]
    stored = dict(shown.stored)
    wanted = [column for column in shown.columns if needs.everything or column in needs.names]
    wanted += [column for column in shown.on_request if column in needs.names]
    if "similarity" in wanted and query_vector is None:
        wanted.remove("similarity")
    wanted = wanted or ["doc_id"]  # count(*)
    loaded = list(dict.fromkeys("vector" if each == "similarity" else stored.get(each, each) for each in wanted))
    batches = view.batches(name, loaded, labels)
    columns = schema(view.dimension)
    target = pa.schema([_field(columns, stored.get(each, each), each) for each in wanted])
    return pa.RecordBatchReader.from_batches(target, _renamed(batches, target, stored, query_vector, labels, called))


def _field(columns: pa.Schema, stored: str, name: str) -> pa.Field:
    if name == "similarity":
        return pa.field(name, pa.float32())
    return pa.field(name, pa.json_() if stored == "metadata" else columns.field(stored).type)


def _renamed(
    batches: Any,
    target: pa.Schema,
    stored: dict[str, str],
    query_vector: Vectors | None,
    labels: Sequence[str] | None,
    called: Callable[[str], str] | None,
) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        columns = []
        for field in target:
            if field.name == "similarity" and query_vector is not None:
                vector = np.asarray(query_vector, np.float32).reshape(-1)
                columns.append(pa.array(vector_matrix(batch.column("vector"), len(vector)) @ vector))
            elif field.name == "labels":
                theirs = (held_of(each, labels) for each in batch.column("labels").to_pylist())
                columns.append(pa.array([list(each) for each in theirs], type=field.type))
            elif field.name == "source" and called is not None:
                columns.append(pa.array(map(called, batch.column("source").to_pylist()), type=field.type))
            else:
                column = batch.column(stored.get(field.name, field.name))
                columns.append(column if column.type == field.type else column.cast(field.type))
        yield pa.RecordBatch.from_arrays(columns, schema=target)


def _example() -> str:
    return "Write for example: select kind, count(*) from documents group by kind"
