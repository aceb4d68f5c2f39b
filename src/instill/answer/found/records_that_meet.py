"""Which records meet what was demanded of them so far."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from instill.answer.found.record_columns import Column


@dataclass
class Conditions:
    """Which records meet what is asked.

    Args:
        keep: for each record, whether it meets everything.
        count: how many conditions there are.
        bounds: how many of them are bounds and states, which are told before values.
        plain: only values that stand in the records; no bound, negation or state.
        unknown: terms that nothing accounts for.
        linked: how many terms stand in the records or in what they are called.
        used: keys of columns that a condition looks at.
        cannot: the words that cannot be told, or "".
        unsaid: records in which a column that is looked at says nothing.
    """

    keep: list[bool]
    count: int = 0
    bounds: int = 0
    plain: bool = True
    unknown: list[str] = field(default_factory=list)
    linked: int = 0
    used: set[str] = field(default_factory=set)
    cannot: str = ""
    unsaid: dict[str, int] = field(default_factory=dict)

    def demand(self, meets: Sequence[bool]) -> None:
        """One more condition."""
        self.keep = [kept and met for kept, met in zip(self.keep, meets, strict=True)]
        self.count += 1

    def note_unsaid(self, column: Column) -> None:
        """A condition looks at a column of numbers or dates; in some records it may say nothing."""
        self.used.add(column.key)
        missing = sum(value is None for value in column.values)
        if missing:
            self.unsaid[column.key] = missing
