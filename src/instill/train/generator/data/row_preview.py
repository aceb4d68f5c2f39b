"""A row as the model reads it, with what is supervised marked, and how many tokens of each kind there are."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from instill.train.generator.data.examples import Example

if TYPE_CHECKING:
    from rich.text import Text

OPEN, CLOSE = "⟦", "⟧"
"""Stand around what is supervised, in plain text."""


@dataclass(frozen=True, slots=True)
class ShownRow:
    """The text of a row in pieces, each with whether the model is trained to say it."""

    pieces: tuple[tuple[str, bool], ...]

    def plain(self) -> str:
        """With marks around what is supervised.

        Example:
            >>> ShownRow((("2 + 2? ", False), ("4", True))).plain()
            '2 + 2? ⟦4⟧'
        """
        return "".join(f"{OPEN}{text}{CLOSE}" if supervised else text for text, supervised in self.pieces)

    def terminal(self) -> Text:
        """In colour: what is supervised green and bold, the rest dim."""
        from rich.text import Text

        from instill.answer.harmless_text import safe_text

        text = Text()
        for piece, supervised in self.pieces:
            text.append(safe_text(piece), "bold green" if supervised else "dim")
        return text


def shown_row(example: Example, tokenizer: Any) -> ShownRow:
    """The row's tokens as text, in runs that are supervised or not."""
    turns = [0, *(np.flatnonzero(np.diff(example.supervised)) + 1).tolist(), example.length]
    pieces, before = [], ""
    for start, end in pairwise(turns):
        # Some tokenizers drop a leading space when a run is decoded alone.
        text = tokenizer.decode(
            example.ids[:end].tolist(), skip_special_tokens=False, clean_up_tokenization_spaces=False
        )
        pieces.append((text[len(before) :], bool(example.supervised[start])))
        before = text
    return ShownRow(tuple(pieces))


@dataclass(frozen=True, slots=True)
class Spread:
    """Smallest, middle and largest of some numbers, and their sum."""

    least: int
    median: float
    most: int
    total: int


@dataclass(frozen=True, slots=True)
class TokenCounts:
    """Tokens a row: those that are supervised, and all."""

    rows: int
    supervised: Spread
    all: Spread


def token_counts(examples: Iterable[Example]) -> TokenCounts:
    """Counts over examples, of which there is at least one."""
    found = [(example.targets, example.length) for example in examples]
    targets, lengths = zip(*found, strict=True)
    return TokenCounts(len(found), _spread(targets), _spread(lengths))


def _spread(numbers: tuple[int, ...]) -> Spread:
    return Spread(min(numbers), float(np.median(numbers)), max(numbers), sum(numbers))
