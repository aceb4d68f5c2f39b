"""Which facts can be hidden so that no other text answers what is asked about them.

A question counts as unanswerable only if nothing that may still be seen answers it. So only narrow questions are asked
about hidden facts: for a date, a name, a number, a place, or a name or number that fills a gap. What a thing is, why
something is done and what stands below a heading is answered by the text around the sentence, too. And a fact is hidden
only where no other paragraph, of whatever document, holds its answer beside its subject.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence

from instill.answer.terms import STOPWORDS, terms
from instill.index.lookup import StoredDocument
from instill.study.study_set import Fact

_OPEN = frozenset({"definition", "heading", "reason"})
"""Kinds of facts that are asked for by open questions."""

_PARAGRAPH = re.compile(r"(?:[^\n]|\n(?![ \t]*\n))+")
_MOST = 0.5
"""Share of the other words of a sentence from which on a paragraph speaks of the same, where no subject is known."""

_FEW = 0.25
"""The same share where the answer fills a gap: a word that stands beside a few of these words may be guessed."""


class Elsewhere:
    """What the paragraphs of all documents say of some facts.

    Args:
        documents: all that can be searched.
        facts: those that are asked about.

    Example:
        >>> from instill.index.types import DocumentRecord
        >>> from instill.study.study_set import Evidence
        >>> record = DocumentRecord("d1", "oven.md", "markdown", "Oven", "", 0, "", "", (), {}, 1, "")
        >>> text = "The oven was built in 1987. The oven was sold in 1990.\\n\\nAs said, the oven is of 1987."
        >>> documents = [StoredDocument(record, text, (), (), ())]
        >>> def fact(start, end, answer):
        ...     evidence = Evidence(doc_id="d1", start=start, end=end, text=text[start:end])
        ...     return Fact(id=answer, doc_id="d1", evidence=evidence, subject="The oven", answer=answer,
        ...                 start=text.find(answer), end=text.find(answer) + 4, kind="date")
        >>> built, sold = fact(0, 27, "1987"), fact(28, 54, "1990")
        >>> elsewhere = Elsewhere(documents, [built, sold])
        >>> elsewhere.can_be_hidden(built), elsewhere.can_be_hidden(sold)
        (False, True)
    """

    def __init__(self, documents: Iterable[StoredDocument], facts: Sequence[Fact]) -> None:
        asked = {term for fact in facts if _is_narrow(fact) for term in terms(fact.answer, keep_stop=True)}
        self._paragraphs: list[tuple[StoredDocument, int, int]] = []
        self._holders: defaultdict[str, set[int]] = defaultdict(set)
        for document in documents:
            for found in _PARAGRAPH.finditer(document.text):
                held = asked.intersection(terms(found[0], keep_stop=True))
                for term in held:
                    self._holders[term].add(len(self._paragraphs))
                if held:
                    self._paragraphs.append((document, found.start(), found.end()))

    def can_be_hidden(self, fact: Fact) -> bool:
        """Whether questions about the fact have no answer once its evidence, and what repeats it, cannot be seen."""
        answer = terms(fact.answer, keep_stop=True)
        if not answer or not _is_narrow(fact) or _is_told_beside(fact):
            return False
        places = set.intersection(*(self._holders.get(term, set()) for term in answer))
        return not any(self._tells(number, fact, frozenset(answer)) for number in places)

    def _tells(self, number: int, fact: Fact, answer: frozenset[str]) -> bool:
        document, start, end = self._paragraphs[number]
        left = _spaced(document.text[start:end]).replace(_spaced(fact.evidence.text), " ")
        said = frozenset(terms(left, keep_stop=True))
        if not answer <= said:
            return False
        if fact.kind == "cloze" and document.record.doc_id == fact.doc_id:
            return True  # A gap is filled by what the page speaks of.
        return speaks_of(fact, f"{document.record.title} {left}", _FEW if fact.kind == "cloze" else _MOST)


def speaks_of(fact: Fact, text: str, share: float = _MOST) -> bool:
    """Whether a text speaks of what the fact is about: it holds the words of its subject or, where none is known, this
    share of the other words of its sentence."""
    said = frozenset(terms(text))
    about = frozenset(terms(fact.subject)) - STOPWORDS
    if about and share == _MOST:
        return about <= said
    about = frozenset(terms(fact.evidence.text)) - frozenset(terms(fact.answer, keep_stop=True))
    return len(about & said) >= share * len(about)


def _is_narrow(fact: Fact) -> bool:
    if fact.kind == "cloze":
        return any(letter.isupper() or letter.isdigit() for letter in fact.answer)
    return fact.kind not in _OPEN


def _is_told_beside(fact: Fact) -> bool:
    """Whether what stands around a gap gives the answer: the rest of its word, or a bracket that explains it."""
    start, end = fact.start - fact.evidence.start, fact.end - fact.evidence.start
    text = fact.evidence.text
    return text[max(0, start - 1) : start].isalnum() or text[end:].lstrip(" `*_").startswith("(")


def _spaced(text: str) -> str:
    return " ".join(text.split())
