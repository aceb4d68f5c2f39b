"""Facts that people add or word by hand: their words, and the sentence that proves them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from instill.answer.uses_of_answer import occurrence
from instill.errors import UsageError
from instill.index.lookup import StoredDocument
from instill.index.store import Index
from instill.memory.types import Fact, Spot
from instill.memory.whole_words import whole_places, words_shared
from instill.study.questions_about_any_text import sentence_around

BY_HAND = 'Example: instill memory add "How hot is green tea brewed?" "80 degrees"'
"""What is said to who adds a fact without its words."""

_LONGEST = 2000
"""Characters of a question, an answer or a note that is written by hand."""


def evidence_for(
    answer: str, documents: Sequence[str], index: Index, question: str = ""
) -> tuple[Spot, tuple[str, ...]] | None:
    """The sentence around a place where the answer stands in one of the documents, and the document's labels.

    The answer has to stand there in whole words and whole numbers. Of several places, it is the one whose sentence
    shares most content words with the question; of equals, the first.

    Args:
        documents: ids, the likeliest first.
    """
    best: tuple[int, StoredDocument, int, int] | None = None
    for doc_id in documents:
        stored = index.document_text(doc_id)
        if stored is None:
            continue
        for at in whole_places(stored.text, answer):
            start, end = sentence_around(stored.text, at, at + len(answer))
            shared = words_shared(question, stored.text[start:end], answer)
            if best is None or shared > best[0]:
                best = (shared, stored, start, end)
    if best is None:
        return None
    _, stored, start, end = best
    text = stored.text[start:end]
    nth, occurrences = occurrence(stored.text, text, start)
    spot = Spot(stored.record.doc_id, stored.record.content_hash, start, end, text, nth, occurrences)
    return spot, tuple(sorted(stored.record.labels))


def doubt(fact: Fact) -> str:
    """A sentence, where the evidence of a fact that was added by hand is about something else; else ""."""
    if words_shared(fact.question, fact.evidence):
        return ""
    return "The evidence shares no word with the question: check that it proves the answer, or name --document DOC."


def texts_of(wordings: Iterable[str]) -> list[str]:
    """Wordings that say something; one text alone is one wording, and no list of letters."""
    every = [wordings] if isinstance(wordings, str) else list(wordings)
    return [each for each in every if each.strip()]


def worded(question: str, wordings: Iterable[str]) -> tuple[str, ...]:
    """Other wordings of a question, each once; empty ones are left out.

    Raises:
        UsageError: one is too long.
    """
    found = dict.fromkeys(short_text(each, "wording") for each in wordings)
    return tuple(each for each in found if each and each != question)


def short_text(text: str, name: str) -> str:
    found = text.strip()
    if len(found) > _LONGEST:
        raise UsageError(f"This is longer than {_LONGEST:,} characters.", where=name, remedy="Shorten it.")
    return found
