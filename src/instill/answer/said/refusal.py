"""What a refusal says: the words of the question that nothing speaks of, and what the documents speak of instead."""

from __future__ import annotations

import re
from collections.abc import Sequence

from instill.answer.asked.compared_things import sides_of, spoken_of
from instill.answer.asked.must_be_spoken_of import (
    THOUSANDS,
    Evidence,
    Pin,
    missing_pins,
    other_form_of,
    pins_of,
    spoken_in,
)
from instill.answer.found.chosen_piece import Chosen, evidence_of
from instill.answer.found.other_kinds import Kind
from instill.answer.found.pieces import Piece
from instill.index.types import Hit

_YEAR = re.compile(r"(?:19|20)\d\d")
ABOVE = 200
"""Characters in front of a piece in which the term that it explains may stand."""


def what_is_missing(question: str, chosen: Sequence[Chosen], pool: Sequence[Hit]) -> tuple[str, float]:
    """What the question names and the chosen pieces do not speak of, as a sentence, and its share of all it names.

    A name that no passage of the pool holds, a number, version or code that the pieces do not hold: the sentence says
    so. A name that stands elsewhere in the pool only counts in the share. A code that stands right above a piece, as
    the term above its definition does, is what the piece is about.
    """
    pins = pins_of(question)
    if not pins:
        return "", 0.0
    pieces = [each.piece for each in chosen]
    evidence = Evidence([line for piece in pieces for line in evidence_of(piece).texts])
    above = Evidence([_right_above(piece) for piece in pieces])
    lacking = [pin for pin in missing_pins(pins, evidence) if pin.kind != "code" or not above.speaks_of(pin)]
    around = Evidence([line for hit in pool for line in spoken_in(hit, hit.headings, hit.text)])
    hard = [pin for pin in lacking if pin.kind != "name" or not (around.speaks_of(pin) or other_form_of(pin, around))]
    soft = [pin for pin in lacking if not other_form_of(pin, evidence)]
    if not hard:
        return "", len(soft) / len(pins)
    others = [*dict.fromkeys(other for pin in hard for other in others_of_its_kind(pin, evidence.texts))]
    named = " and ".join(f'"{pin.text.strip("`")}"' for pin in hard[:3])
    if others:
        return f"The documents speak of {', '.join(others)}, not of {named}.", 1.0
    if all(around.speaks_of(pin) for pin in hard):
        return f"What comes nearest does not speak of {named}.", 1.0
    return f"Nothing that was found speaks of {named}.", 1.0


def of_another_kind(found: tuple[Kind, str] | None) -> str:
    """What a refusal says where the nearest piece is about another kind of what is asked for; "" for None."""
    return f"What comes nearest is about {found[1]}, not about {found[0].written}." if found else ""


def others_of_its_kind(pin: Pin, texts: Sequence[str]) -> list[str]:
    """What the texts have in the place of the pin: other versions, years or codes of the same form; at most three.

    Example:
        >>> others_of_its_kind(Pin("3.25", "number"), ["New in Python 3.13 and 3.12."])
        ['3.13', '3.12']
    """
    if pin.kind == "name":
        return []
    if pin.kind == "number":
        texts = [THOUSANDS.sub("", text) for text in texts]
    digits = rf"\d{{{len(pin.text)}}}" if pin.text.isdecimal() else r"\d+"  # To a year other years, no minutes.
    shape = re.escape(re.sub(r"\d+", "0", pin.text.strip("`"))).replace("0", digits)
    found = dict.fromkeys(
        match.group() for text in texts for match in re.finditer(rf"(?<![\w.]){shape}(?![\w]|\.\d)", text, re.I)
    )
    if _YEAR.fullmatch(pin.text):
        found = {other: None for other in found if _YEAR.fullmatch(other)} or found  # To a year other years.
    return [other for other in found if other.lower() != pin.text.lower()][:3]


def _right_above(piece: Piece) -> str:
    """The end of its passage in front of the piece."""
    start = piece.spans[0][0] - piece.hit.start
    return piece.hit.text[max(0, start - ABOVE) : start]


def missing_side(question: str, pool: Sequence[Hit]) -> str:
    """Which of the things that the question compares nothing that was found speaks of, as a sentence, or ""."""
    held = [spoken_of(hit) for hit in pool]
    missing = [f'"{side.text}"' for side in sides_of(question) if not any(side.is_in(found) for found in held)]
    return f"Nothing that was found speaks of {' and '.join(missing)}." if missing else ""
