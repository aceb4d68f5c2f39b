"""Names in a filter or a query that mean nothing: named, with the nearest and all that there are.

A field that no document has would quietly find nothing. What is listed is what the caller may see: a field that only
hidden documents have does not exist.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from instill.errors import UsageError
from instill.index.filters import FIELDS, parsed
from instill.index.labels import visible
from instill.index.lance_tables import Table
from instill.index.protocol import View
from instill.index.schema import FIRST
from instill.index.sql_quoting import both

_LISTED = 40
_NO_COLUMN = re.compile(
    r'Referenced column "(?P<a>.+?)" (?:was )?not found|does not have a column named "(?P<b>.+?)"'
    r"|column \"?(?P<c>[^\s\"]+)\"? (?:must appear|does not exist)"
)
_NO_TABLE = re.compile(r"Table with name (?P<name>.+?) does not exist")


def require_known(view: View, where: str, labels: Sequence[str] | None) -> None:
    """Refuse a filter that names a metadata key which no visible document has. Of no documents nothing is asked.

    Raises:
        UsageError: names it, and lists the fields and keys that there are; or `where` is no filter.
    """
    for key in sorted(parsed(where).keys):
        if not view.has_key(key, labels) and view.count(labels)[0]:
            known = view.metadata_keys(labels)
            raise UsageError(f"There is no field {key!r}.", where=where[:200], remedy=_remedy(key, FIELDS, known))


def metadata_keys(table: Table, labels: Sequence[str] | None) -> list[str]:
    """The metadata keys of the visible documents of the Lance table, sorted."""
    rows = table.search().where(both(FIRST, visible(labels))).select(["metadata"]).limit(None).to_arrow()
    found: set[str] = set()
    for text in set(rows.column("metadata").to_pylist()):
        found.update(json.loads(text))
    return sorted(found)


def explained(
    view: View, message: str, query: str, views: Mapping[Any, Sequence[str]], labels: Sequence[str] | None
) -> UsageError | None:
    """What DuckDB says of a column or view that is not there, with those that are; else None."""
    no_table = _NO_TABLE.search(message)
    if no_table:
        name = no_table["name"].strip('"')
        return UsageError(f"There is no view {name!r}.", where=query[:200], remedy=f"There are: {', '.join(views)}.")
    no_column = _NO_COLUMN.search(message)
    if not no_column:
        return None
    name = next(each for each in no_column.groups() if each).strip('"')
    columns = [column for each in views.values() for column in each]
    if name.lower() in columns:
        return None  # it is there, and used in a way that DuckDB explains better
    listed = "; ".join(f"{view}: {', '.join(each)}" for view, each in views.items())
    keys = view.metadata_keys(labels)
    fields = f" Metadata is read as metadata->>'{keys[0]}'; there are: {_list(keys)}." if keys else ""
    return UsageError(
        f"There is no column {name!r}.",
        where=query[:200],
        remedy=f"{_nearest(name, columns)}Columns of {listed}.{fields}",
    )


def has_key(table: Table, key: str, labels: Sequence[str] | None) -> bool:
    """Whether a visible document of the Lance table has this metadata key with a value."""
    condition = both(FIRST, visible(labels), f"json_get_string(metadata, '{key}') IS NOT NULL")
    return bool(table.search().where(condition).select(["doc_id"]).limit(1).to_arrow().num_rows)


def _remedy(name: str, fields: Iterable[str], keys: Sequence[str]) -> str:
    metadata = f"metadata: {_list(keys)}" if keys else "no document has metadata"
    return f"{_nearest(name, [*fields, *keys])}Fields: {', '.join(sorted(fields))}; {metadata}."


def _nearest(name: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(name.lower(), known, n=1, cutoff=0.6)
    return f"Did you mean {near[0]}? " if near else ""


def _list(keys: Sequence[str]) -> str:
    more = f" and {len(keys) - _LISTED} more" if len(keys) > _LISTED else ""
    return ", ".join(key[:60] for key in keys[:_LISTED]) + more
