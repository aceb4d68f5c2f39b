"""`--where`: a SQL condition over document fields and metadata."""

from __future__ import annotations

from instill.errors import UsageError


def compiled(where: str) -> str:
    raise UsageError("Filters are not there yet.", where=where)
