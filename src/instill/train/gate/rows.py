"""The rows that a gate measures on, with the answers that are accepted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from instill.errors import UsageError
from instill.models.generators.thoughts import ReplyTokens, without_thoughts
from instill.train.gate.scoring import Scoring, score
from instill.train.generator.data.examples import render
from instill.train.generator.data.rows import Row, instructed, read_rows, rows_hash


@dataclass(frozen=True, slots=True)
class GateRows:
    """The rows of one file, or some of them.

    Args:
        accepted: of each row, the answers that are right; none for a text or a row without a reply.
        file: for errors.
    """

    rows: tuple[Row, ...]
    accepted: tuple[tuple[str, ...], ...]
    file: Path

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def hash(self) -> str:
        """16 hexadecimal digits over the rows; the accepted answers do not count, for no model sees them."""
        return rows_hash(self.rows)

    @property
    def groups(self) -> list[str]:
        """Of each row: the group that it names, or one of its own."""
        return [row.group or row.place or f"{self.file}:{place}" for place, row in enumerate(self.rows)]

    @property
    def asking(self) -> GateRows:
        """Those that have a prompt, and so can be replied to."""
        return self.some([place for place, row in enumerate(self.rows) if row.prompt])

    def some(self, places: list[int]) -> GateRows:
        """The rows at these places."""
        return GateRows(
            tuple(self.rows[place] for place in places), tuple(self.accepted[place] for place in places), self.file
        )

    def check_asking(self, section: str) -> None:
        """See that some row can be replied to.

        Raises:
            UsageError: none has a prompt.
        """
        if not len(self.asking):
            raise UsageError(f"[{section}] needs rows with messages.", where=str(self.file))

    def check_scored(self, scoring: Scoring, section: str) -> None:
        """See that there is something to score, before a model is asked.

        Raises:
            UsageError: no row has a prompt, or one has no answer, or, for "json", one that is not JSON.
        """
        self.check_asking(section)
        for row, accepted in zip(self.asking.rows, self.asking.accepted, strict=True):
            try:
                score("", accepted, scoring)
            except ValueError as error:
                raise UsageError(
                    f"[{section}] cannot score this row: {error}.",
                    where=row.place or str(self.file),
                    remedy='End its messages with the right reply, or add "answers": ["..."].',
                ) from error


def read_gate_rows(file: Path, tokenizer: Any, instructions: str = "") -> GateRows:
    """The rows of a file, each with its last reply and its `answers`, a list of further right ones.

    Args:
        instructions: system prompt of rows that have none.

    Raises:
        UsageError: see `read_rows` and `render`.
    """
    return as_gate_rows([instructed(row, instructions) for row in read_rows(file)], tokenizer, file)


def as_gate_rows(rows: Sequence[Row], tokenizer: Any, file: Path) -> GateRows:
    """Rows with what is accepted as their reply.

    Args:
        file: for errors.

    Raises:
        UsageError: see `render`.
    """
    for row in rows:
        render(row, tokenizer)
    return GateRows(tuple(rows), tuple(_accepted(row, tokenizer) for row in rows), file)


def _accepted(row: Row, tokenizer: Any) -> tuple[str, ...]:
    own = row.said or _tool_calls(row, tokenizer)
    further = (without_thoughts(each).strip() for each in row.answers)
    return tuple(dict.fromkeys(each for each in (own, *further) if each))


def _tool_calls(row: Row, tokenizer: Any) -> str:
    """The last reply as the model would write it, where it is tool calls."""
    if not row.messages or not row.messages[-1].get("tool_calls"):
        return ""
    rendered = render(row, tokenizer)
    start, end = rendered.spans[-1]
    ids = tokenizer(rendered.text[start:end], add_special_tokens=False)["input_ids"]
    return without_thoughts(ReplyTokens(tokenizer).decode(ids)).strip()
