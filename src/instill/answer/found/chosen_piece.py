"""A piece that was chosen, with what is thought of it."""

from __future__ import annotations

from dataclasses import dataclass

from instill.answer.asked.must_be_spoken_of import Evidence, spoken_in
from instill.answer.found.pieces import Piece
from instill.answer.reading.reader import Reading


@dataclass(frozen=True, slots=True)
class Chosen:
    """A piece with what is thought of it: `score` is the sum, `reading` the reader's say of the piece by itself."""

    piece: Piece
    score: float
    reading: Reading | None

    @property
    def answerable(self) -> float:
        """Logit that the piece answers; 0 without a reader."""
        return self.reading.answerable if self.reading else 0.0


def evidence_of(piece: Piece) -> Evidence:
    """What a piece speaks of; see `spoken_in`."""
    return Evidence(spoken_in(piece.hit, piece.headings, piece.text))
