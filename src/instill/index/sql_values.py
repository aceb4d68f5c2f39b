"""The values of a query's result as Python and JSON know them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from instill.errors import UsageError


def plain_rows(table: pa.Table) -> list[dict[str, Any]]:
    """Rows by column; a number that is not finite becomes "NaN", "Infinity" or "-Infinity", for which JSON has no word.

    Raises:
        UsageError: a column holds values that Python has no type for (a date in the year 200,000); it is named.

    Example:
        >>> plain_rows(pa.table({"a": [1.0, float("inf")]}))
        [{'a': 1.0}, {'a': 'Infinity'}]
    """
    columns: list[list[Any]] = []
    for number, name in enumerate(table.column_names):
        try:
            columns.append([_plain(value) for value in table.column(number).to_pylist()])
        except (ArithmeticError, ValueError, TypeError, NotImplementedError, pa.ArrowException) as error:
            raise UsageError(
                f"The values of a column cannot be shown: {str(error).strip()[:200]}",
                where=name,
                remedy=f'Cast it to text: "{name}"::varchar',
            ) from error
    return [dict(zip(table.column_names, row, strict=True)) for row in zip(*columns, strict=True)]


def _plain(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, Mapping):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(entry) for entry in value]
    return value
