"""Which spans of documents served an answer: what the ledger keeps of it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Any

from instill.answer.types import Answer, Citation, Claim
from instill.common.made_from import Source
from instill.index.lookup import StoredDocument

_NUMBER = re.compile(r"(?<![\w.,])\d+(?:[.,:]\d+)*(?!\w)")


def uses_of(answer: Answer, documents: Mapping[str, tuple[Source, str]]) -> list[dict[str, Any]]:
    """One entry for each span that the answer shows, in its order; none of a refusal.

    The claim that carries the answer leads: the one with the short answer, else the first; of its spans the one with
    the short answer, else the last. What is shown beside it is kept too, but does not lead.

    Args:
        documents: by id, each as it is now and its canonical text; spans of others, and those that do not hold what
            they held, are left out.
    """
    if answer.abstained or not answer.claims:
        return []
    carrying = next((claim for claim in answer.claims if answer.short and answer.short in claim.text), answer.claims[0])
    leading = _leading(carrying.citations, answer.short)
    short = words_of_span(answer.short, leading.text) if leading else ""
    seen: dict[Citation, Claim] = {}
    for claim in answer.claims:
        for citation in claim.citations:
            seen.setdefault(citation, claim)
    return [
        _use(citation, claim, short, *documents[citation.doc_id], leads=citation == leading)
        for citation, claim in seen.items()
        if citation.doc_id in documents and _holds(documents[citation.doc_id][1], citation)
    ]


def words_of_span(short: str, text: str) -> str:
    """A short answer in the words of the span that proves it. Of a table, it may have the unit from the column's name,
    and the number alone stands in the row.

    Example:
        >>> words_of_span("289 EUR", "item: Heron desk; price_eur: 289; stock: 7")
        '289'
        >>> words_of_span("1,250 EUR", "price_eur: 1250"), words_of_span("89 EUR", "price_eur: 289")
        ('1250', '89 EUR')
        >>> words_of_span("49.90 euros", "price: 49.90 euros"), words_of_span("blue", "Colour: azure")
        ('49.90 euros', 'blue')
    """
    numbers = _NUMBER.findall(short)
    if short in text or len(numbers) != 1:
        return short
    wanted = numbers[0].replace(",", "")
    return next((each for each in _NUMBER.findall(text) if each.replace(",", "") == wanted), short)


def read_documents(doc_ids: Sequence[str], stored: Sequence[StoredDocument | None]) -> dict[str, tuple[Source, str]]:
    """What `uses_of` takes, of documents as the whole index keeps them; those that are gone are left out."""
    return {
        doc_id: (
            Source(doc_id, each.record.content_hash, tuple(sorted(set(each.record.labels)))),
            each.text,
        )
        for doc_id, each in zip(doc_ids, stored, strict=True)
        if each is not None
    }


def _leading(citations: Sequence[Citation], short: str) -> Citation | None:
    if not citations:
        return None
    return next((each for each in citations if short and short in each.text), citations[-1])


def _holds(text: str, citation: Citation) -> bool:
    return bool(citation.text) and text[citation.start : citation.end] == citation.text


def _use(citation: Citation, claim: Claim, short: str, source: Source, text: str, *, leads: bool) -> dict[str, Any]:
    nth, occurrences = occurrence(text, citation.text, citation.start)
    return {
        "doc_id": citation.doc_id,
        "version": source.version,
        "source_labels": list(source.labels),
        "start": citation.start,
        "end": citation.end,
        "text": citation.text,
        "nth": nth,
        "occurrences": occurrences,
        "claim_hash": hashlib.sha256(claim.text.encode("utf-8", "surrogatepass")).hexdigest(),
        "leads": leads,
        "short": short if leads else "",
    }


def occurrence(text: str, part: str, start: int) -> tuple[int, int]:
    """Which occurrence of `part` stands at `start`, from 0, and how many there are; they may overlap.

    Example:
        >>> occurrence("aba aba", "aba", 4), occurrence("aaa", "aa", 1)
        ((1, 2), (1, 2))
    """
    places = places_of(text, part)
    return places.index(start), len(places)


def places_of(text: str, part: str) -> list[int]:
    """Where `part` begins in `text`, every time."""
    found, at = [], text.find(part)
    while at >= 0:
        found.append(at)
        at = text.find(part, at + 1)
    return found
