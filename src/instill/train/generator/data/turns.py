"""Every reply of a conversation taught: together, or one at a time where the chat template shows a reply otherwise
once others follow it (as Qwen3's leaves out the thoughts of earlier ones); and how many are.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from instill.errors import UsageError
from instill.train.generator.data.examples import Example, render
from instill.train.generator.data.roles import disorder
from instill.train.generator.data.rows import Row


@dataclass(frozen=True, slots=True)
class TurnCounts:
    """Assistants' turns of conversations: replies in text, and those that call tools; taught, and left out."""

    replies: int = 0
    replies_untaught: int = 0
    calls: int = 0
    calls_untaught: int = 0

    def __add__(self, other: TurnCounts) -> TurnCounts:
        return TurnCounts(
            self.replies + other.replies,
            self.replies_untaught + other.replies_untaught,
            self.calls + other.calls,
            self.calls_untaught + other.calls_untaught,
        )


def one_row_a_turn(rows: Sequence[Row], tokenizer: Any) -> list[Row]:
    """The rows as they are taught: one of which the template would hide earlier replies becomes a row for each reply,
    with what stands before it.

    Left as they are: rows with a `teacher`, which knows the last reply only; rows that the template refuses.
    """
    return [part for row in rows for part in _parts(row, tokenizer)]


def _parts(row: Row, tokenizer: Any) -> Iterable[Row]:
    places = [place for place, message in enumerate(row.messages) if is_taught(message)]
    if len(places) < 2 and not (places and places[0] + 1 < len(row.messages)):
        return [row]
    if row.teacher or row.rejected or row.last_only or disorder(row):
        return [row]
    try:
        if not render(row, tokenizer).hidden:
            return [row]
    except UsageError:
        pass  # The last turn too may be shown otherwise after what the row ends with.
    parts = [replace(row, messages=row.messages[: place + 1], last_only=True, answers=()) for place in places]
    return [*parts[:-1], replace(parts[-1], answers=row.answers)]


def is_taught(message: Any) -> bool:
    """Whether a message is one that the model learns to say: an assistant's, without `"weight": 0`."""
    return bool(message["role"] == "assistant" and message.get("weight", 1) != 0)


def untaught(rows: Sequence[Row], examples: Sequence[Example | None]) -> list[int]:
    """Places of rows of which a reply that is to be taught has no supervised token.

    Args:
        rows: as they are taught.
        examples: of the same rows; one without any, or with nothing supervised at all, is left out.
    """
    found = []
    for place, (row, example) in enumerate(zip(rows, examples, strict=True)):
        if example is not None and example.targets and row.messages and _stretches(example) < len(_wanted(row)):
            found.append(place)
    return found


def count_turns(rows: Sequence[Row], parts: Sequence[Row], examples: Sequence[Example | None]) -> TurnCounts:
    """How many turns of the rows are taught, by what is supervised in the examples.

    Args:
        rows: as they are in the file.
        parts: the same as they are taught (`one_row_a_turn`).
        examples: of `parts`; None for one that has no tokens.
    """
    taught = TurnCounts()
    for row, example in zip(parts, examples, strict=True):
        wanted = _wanted(row)
        if example is None or not wanted:
            continue
        # Where some are hidden the last ones are shown: it is earlier turns that templates hide.
        shown = wanted[max(0, len(wanted) - _stretches(example)) :]
        taught += _counted(row, shown)
    there = TurnCounts()
    for row in rows:
        there += _counted(row, [place for place, each in enumerate(row.messages) if each["role"] == "assistant"])
    return TurnCounts(taught.replies, there.replies - taught.replies, taught.calls, there.calls - taught.calls)


def count_last(rows: Sequence[Row]) -> TurnCounts:
    """The same where the last reply alone is weighed against another, and earlier ones are only read.

    Example:
        >>> from instill.train.generator.data.rows import turns_row
        >>> count_last([turns_row([("2 + 2?", "4"), ("And 3?", "7")])])
        TurnCounts(replies=1, replies_untaught=1, calls=0, calls_untaught=0)
    """
    all_, last = TurnCounts(), TurnCounts()
    for row in rows:
        places = [place for place, each in enumerate(row.messages) if each["role"] == "assistant"]
        all_ += _counted(row, places)
        last += _counted(row, [place for place in places if place + 1 == len(row.messages)])
    return TurnCounts(last.replies, all_.replies - last.replies, last.calls, all_.calls - last.calls)


def _wanted(row: Row) -> list[int]:
    places = [place for place, message in enumerate(row.messages) if is_taught(message)]
    return [place for place in places if not row.last_only or place + 1 == len(row.messages)]


def _counted(row: Row, places: Sequence[int]) -> TurnCounts:
    calls = sum(bool(row.messages[place].get("tool_calls")) for place in places)
    return TurnCounts(replies=len(places) - calls, calls=calls)


def _stretches(example: Example) -> int:
    """Runs of supervised tokens; between two turns stands what the template writes."""
    edges = np.diff(example.supervised.astype(np.int8), prepend=0)
    return int((edges == 1).sum())
