"""What pre-flight and lint find in rows: what is wrong, in which rows, what to do. Imports nothing heavy."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from instill.errors import UsageError

Severity = Literal["error", "warning", "notice"]

SHOWN = 5
"""Rows that a finding names."""

MANY = 0.1
"""Share of the rows from which what is harmless in a few becomes an error."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something about the rows.

    Args:
        name: short and fixed, for programs: "nothing-supervised".
        severity: an error stops the run; a notice tells what was done.
        what: what is wrong, one sentence.
        remedy: what to do about it.
        places: the first rows that it is about, as file:line, with a remark where there is one.
        count: how many rows it is about; 0: none in particular.
    """

    name: str
    severity: Severity
    what: str
    remedy: str
    places: tuple[str, ...] = ()
    count: int = 0

    def __str__(self) -> str:
        more = self.count - len(self.places)
        places = "; ".join(self.places) + (f"; {more} more" if more > 0 else "")
        return f"{self.what} {places + '. ' if places else ''}{self.remedy}"

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "name": self.name,
            "severity": self.severity,
            "what": self.what,
            "remedy": self.remedy,
            "places": list(self.places),
            "count": self.count,
        }


def finding(name: str, severity: Severity, what: str, remedy: str, places: Sequence[str]) -> list[Finding]:
    """One finding about these rows, or none when there are no such rows.

    Example:
        >>> finding("empty", "error", "Rows are empty.", "Fill them.", [])
        []
        >>> print(finding("empty", "error", "Rows are empty.", "Fill them.", ["a:1", "a:2"])[0])
        Rows are empty. a:1; a:2. Fill them.
    """
    if not places:
        return []
    return [Finding(name, severity, what, remedy, tuple(places[:SHOWN]), len(places))]


def refuse_errors(findings: Iterable[Finding]) -> None:
    """Stop where a finding is an error.

    Raises:
        UsageError: it tells the first error, and how many others there are.
    """
    errors = [each for each in findings if each.severity == "error"]
    if not errors:
        return
    first = errors[0]
    others = f" ({len(errors) - 1} more with --dry-run)" if len(errors) > 1 else ""
    more = first.count - len(first.places)
    where = ", ".join(first.places) + (f" and {more} more rows" if more > 0 else "")
    raise UsageError(first.what, where=where, remedy=first.remedy + others)
