"""Whether another document says otherwise than a fact's evidence."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from instill.answer.found.sentences import split_sentences
from instill.answer.found.version_pairs import group_of, versions_among
from instill.answer.found.versions import differ_in_quantity, quantities
from instill.answer.terms import terms
from instill.index.types import Hit
from instill.memory.events import tells_of_another_event

Search = Callable[[str], Sequence[Hit]]
"""The passages that come nearest to a text, as whoever looks sees them."""

_FEWEST_WORDS = 2
"""Words of a sentence beside its answer: with fewer, another sentence says them by chance."""

_LONGEST = 600
"""Characters of the evidence that are searched for."""


def contradiction(
    question: str, evidence: str, answer: str, doc_id: str, search: Search, text_of: Callable[[str], str | None]
) -> str:
    """The source of a document that says otherwise, or of a newer version of the fact's document; "" if there is none.

    A sentence of another document says otherwise if it has the words of the evidence with other numbers
    (`answer.found.versions`) and is about what was asked, or if it has all of its words but the answer.

    Args:
        evidence: the fact's evidence; the sentence with the answer is compared, or all of them without one.
        doc_id: of the fact's document, which does not contradict itself.
    """
    hits = list({(hit.doc_id, hit.start): hit for hit in (*search(question), *search(evidence[:_LONGEST]))}.values())
    versions = group_of(doc_id, versions_among(hits, text_of))
    if versions and versions[0].hit.doc_id != doc_id:
        return versions[0].hit.source
    said = [sentence for sentence in _sentences(evidence) if not answer or answer in sentence] or [evidence]
    for hit in hits:
        if hit.doc_id == doc_id:
            continue
        about = f"{hit.title} {hit.headings}"
        for sentence in _sentences(hit.text):
            if any(says_otherwise(own, sentence, answer, question, about) for own in said):
                return hit.source
    return ""


def says_otherwise(own: str, other: str, answer: str, question: str, about: str = "") -> bool:
    """Does another sentence say the same of the same thing, with another number or another answer?

    Args:
        about: title and headings over the other sentence.

    Example:
        >>> mill, who = "The mill was built by Ove Nyman.", "Who built the mill?"
        >>> says_otherwise(mill, "The mill was built by Ida Berg.", "Ove Nyman", who)
        True
        >>> says_otherwise(mill, "The mill was built by Ove Nyman in 1899.", "Ove Nyman", who)
        False
        >>> tea, hot = "Green tea is brewed at 80 degrees.", "How hot is green tea brewed?"
        >>> says_otherwise(tea, "Green tea is best brewed at 75 degrees.", "80 degrees", hot)
        True
        >>> died = "Ada Holm died in 1950 in Lund."
        >>> says_otherwise(died, "Ada Holm was born in 1901 in Lund.", "1950", "What is Ada Holm's year of death?")
        False
        >>> says_otherwise(tea, "Black tea is brewed at 95 degrees.", "80 degrees", hot)
        False
    """
    if tells_of_another_event(question, other, ""):
        return False
    first, second, asked = (_words(each) for each in (own, other, question))
    alike = first <= second or second <= first or asked <= second | _words(about)
    if alike and differ_in_quantity(own, other) and _exclude(quantities(own), quantities(other)):
        return True
    if not answer:
        return False
    answered, found = set(terms(answer)), set(terms(other))
    beside = set(terms(own)) - answered
    return len(beside) >= _FEWEST_WORDS and beside <= found and not answered <= found and bool(found - beside)


def _exclude(own: set[str], other: set[str]) -> bool:
    """Is each missing what the other has, or does only one of them deny? More numbers alone contradict nothing."""
    return bool(own - other and other - own) or bool((own ^ other) & _DENYING)


_DENYING = frozenset({"not", "never", "always"})


def _words(text: str) -> set[str]:
    """Content words without numbers."""
    return {term for term in terms(text) if not any(character.isdigit() for character in term)}


def _sentences(text: str) -> list[str]:
    return [text[unit.start : unit.end] for unit in split_sentences(text)]
