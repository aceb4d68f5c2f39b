"""The words of a fact alone: a paragraph that answers one question often says other things too."""

from __future__ import annotations

from instill.answer.found.sentences import split_sentences
from instill.memory.types import Fact
from instill.memory.whole_words import whole_places


def own_words(evidence: str, answer: str) -> tuple[int, int]:
    """Where, in the evidence of a fact, the sentences stand that hold its answer; all of it where none does.

    Example:
        >>> evidence = "Anselm Rook keeps the lighthouse. It is 38 metres tall. It was built of stone."
        >>> evidence[slice(*own_words(evidence, "38 metres"))]
        'It is 38 metres tall.'
        >>> own_words("It is tall.", "")
        (0, 11)
    """
    units = [unit for unit in split_sentences(evidence) if unit.kind != "mark"]
    holding = [unit for unit in units if answer and whole_places(evidence[unit.start : unit.end], answer)]
    return (holding[0].start, holding[-1].end) if holding else (0, len(evidence))


def narrowed(fact: Fact) -> Fact:
    """The fact with its own words as its evidence."""
    start, end = own_words(fact.evidence, fact.answer)
    return fact.model_copy(
        update={"start": fact.start + start, "end": fact.start + end, "evidence": fact.evidence[start:end]}
    )
