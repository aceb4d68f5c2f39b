"""Where the words of a question's answer, or of a quotation, stand in a document."""

from __future__ import annotations

import re
from collections.abc import Iterable

from instill.answer.found.sentences import split_sentences
from instill.answer.said.quotes import find_quote
from instill.index.types import DocumentRecord
from instill.study.types import EvidenceText


def is_named(document: DocumentRecord, piece: EvidenceText) -> bool:
    """Whether the piece may stand in this document: it names it by its id, its source or the end of that, or none."""
    source = document.source.replace("\\", "/")
    wanted = piece.source.strip().replace("\\", "/").removeprefix("./")
    if piece.doc_id and document.doc_id != piece.doc_id:
        return False
    return not wanted or source == wanted or source.endswith(f"/{wanted}")


def places_of(text: str, quote: str, answer: str) -> Iterable[tuple[int, int]]:
    """Where the quote stands, whatever its white space; without one the sentences that hold the answer. Where it does
    not stand in these very characters, also without marks of Markdown, addresses of links and forms of quotation marks,
    as one reads it on a page.

    Example:
        >>> text = "Take a **minimum of 30 days** total."
        >>> [text[start:end] for start, end in places_of(text, "take a minimum of 30 days total", "")]
        ['Take a **minimum of 30 days** total.']
    """
    if quote:
        words = quote.split()
        places = []
        if words[0] in text:
            places = [match.span() for match in re.finditer(r"\s+".join(map(re.escape, words)), text)]
        found = None if places else as_read(quote, text)
        yield from places or ([found] if found else [])
        return
    answers = [match.span() for match in whole_words(answer).finditer(text)]
    found = None if answers else as_read(answer, text)
    for start, end in answers or ([found] if found else []):
        first = text.rfind("\n\n", 0, start) + 1
        last = text.find("\n\n", end)
        part = text[first : last if last >= 0 else len(text)]
        around = [
            (first + unit.start, first + unit.end)
            for unit in split_sentences(part)
            if first + unit.start <= start and end <= first + unit.end
        ]
        yield around[0] if around else (start, end)


def answer_in(text: str, answer: str) -> tuple[int, int] | None:
    """Where the answer first stands in the text, by `whole_words` or else as it is read; the text as a whole, without
    white space around it, where there is no answer."""
    found = whole_words(answer).search(text)
    return found.span() if found else as_read(answer, text)


def as_read(words: str, text: str) -> tuple[int, int] | None:
    """Where these words stand as a page shows them, without the marks of Markdown; see `find_quote`."""
    there = text.casefold()
    # Most texts lack a word: that is seen at once.
    if not words.strip() or any(word not in there for word in re.findall(r"[a-z0-9]{3,}", words.casefold())):
        return None
    return find_quote(words, text)


def whole_words(answer: str) -> re.Pattern[str]:
    """The answer as it may stand in a text: not inside a longer word, with any white space, in any case; a text as a
    whole where there is none."""
    if not answer.strip():
        return re.compile(r"\S(?:.*\S)?", re.DOTALL)
    pattern = r"\s+".join(map(re.escape, answer.split()))
    before = r"(?<!\w)" if answer.strip()[:1].isalnum() else ""
    after = r"(?!\w)" if answer.strip()[-1:].isalnum() else ""
    return re.compile(f"{before}{pattern}{after}", re.IGNORECASE)
