"""The passages that a question is answered from: the first search, and what it may have missed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from instill.answer.asked.acronyms import definitions, other_form
from instill.answer.asked.compared_things import sides_of, spoken_of
from instill.answer.asked.must_be_spoken_of import Evidence, Pin, missing_pins, pins_of, spoken_in
from instill.answer.question_in_progress import Run
from instill.answer.terms import joined
from instill.index.types import Hit


class Search(Protocol):
    """Ranked passages for a text, best first, already restricted to what the caller may see."""

    def __call__(self, query: str, *, k: int) -> Sequence[Hit]: ...


def candidates(run: Run, search: Search, respell: Callable[[Run, Sequence[Hit]], bool], *, passages: int) -> list[Hit]:
    """Hits for the question, for its other form where the documents define one, and for what it names exactly.

    Args:
        respell: corrects the run's question in the light of these hits; whether it did.
        passages: how many are read; three times as many are found.
    """
    most = 3 * passages
    hits = list(search(_in_both_forms(run.searched), k=most))
    if respell(run, hits):
        hits = list(search(_in_both_forms(run.searched), k=most))
    hits = _with_other_form(run, hits, search, most)
    hits = _with_each_side(run, hits, search, most, passages)
    return _with_codes_first(run, hits, search, most, passages)


def _in_both_forms(text: str) -> str:
    """A text to search for with "401k" beside "401(k)"."""
    one_word = joined(text)
    added = " ".join(word for word in one_word.split() if word not in text)
    return f"{text} {added}" if added else text


def _with_other_form(run: Run, hits: list[Hit], search: Search, most: int) -> list[Hit]:
    """An abbreviation, or its long form, may be what the documents say elsewhere."""
    other = other_form(run.standalone, definitions(hit.text for hit in hits))
    if not other:
        return hits
    run.standalone = other  # What is shown and kept as asked stays in the words of who asks.
    return merged(search(other, k=most), hits)[:most]


def _with_each_side(run: Run, hits: list[Hit], search: Search, most: int, passages: int) -> list[Hit]:
    """A question that compares two things needs passages about both."""
    for side in sides_of(run.standalone):
        if not any(side.is_in(spoken_of(hit)) for hit in hits[:passages]):
            named = [hit for hit in search(side.text, k=passages) if side.is_in(spoken_of(hit))]
            hits = merged(hits[: most - len(named[:2])], named[:2])
    return hits


def _with_codes_first(run: Run, hits: list[Hit], search: Search, most: int, passages: int) -> list[Hit]:
    """Passages that hold an identifier of the question (a code, a name with an underscore) come first: no likeness
    tells "E-1037" from "E-1074"."""
    codes = [pin for pin in pins_of(run.standalone) if pin.kind == "code"]
    if not codes:
        return hits
    if not any(holds_all(hit, codes) for hit in hits):
        exact = search(" ".join(pin.text.strip("`") for pin in codes), k=passages)
        hits = merged([hit for hit in exact if holds_all(hit, codes)], hits)[:most]
    return sorted(hits, key=lambda hit: not holds_all(hit, codes))


def merged(first: Sequence[Hit], second: Sequence[Hit]) -> list[Hit]:
    """Both in turn, each passage once."""
    pairs = ((hit.doc_id, hit.ordinal, hit) for hits in (first, second) for hit in hits)
    return list({(doc_id, ordinal): hit for doc_id, ordinal, hit in reversed([*pairs])}.values())[::-1]


def holds_all(hit: Hit, pins: Sequence[Pin]) -> bool:
    """Does the passage, its title or its headings speak of every pin?"""
    return not missing_pins(pins, Evidence(spoken_in(hit, hit.headings, hit.text)))
