"""Where the words of a question's answer, or of a quotation, stand in a document."""

from __future__ import annotations

import re
from collections.abc import Iterable

from instill.answer.found.sentences import split_sentences
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
    """Where the quote stands, whatever its white space; without one the sentences that hold the answer."""
    if quote:
        words = quote.split()
        if words[0] in text:
            for match in re.finditer(r"\s+".join(map(re.escape, words)), text):
                yield match.span()
        return
    for match in whole_words(answer).finditer(text):
        first = text.rfind("\n\n", 0, match.start()) + 1
        last = text.find("\n\n", match.end())
        part = text[first : last if last >= 0 else len(text)]
        around = [
            (first + unit.start, first + unit.end)
            for unit in split_sentences(part)
            if first + unit.start <= match.start() and match.end() <= first + unit.end
        ]
        yield around[0] if around else match.span()


def whole_words(answer: str) -> re.Pattern[str]:
    """The answer as it may stand in a text: not inside a longer word, with any white space, in any case; a text as a
    whole where there is none."""
    if not answer.strip():
        return re.compile(r"\S(?:.*\S)?", re.DOTALL)
    pattern = r"\s+".join(map(re.escape, answer.split()))
    before = r"(?<!\w)" if answer.strip()[:1].isalnum() else ""
    after = r"(?!\w)" if answer.strip()[-1:].isalnum() else ""
    return re.compile(f"{before}{pattern}{after}", re.IGNORECASE)
