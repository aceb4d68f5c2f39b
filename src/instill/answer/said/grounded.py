"""An answer written by a generator and held to its sources: every sentence is proved, or dropped."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from instill.answer.citations import Citer
from instill.answer.found.sentences import split_sentences
from instill.answer.harmless_text import plain_text
from instill.answer.said.citation_numbers import renumbered
from instill.answer.said.prompt import Prompt
from instill.answer.said.quoted_answer import written
from instill.answer.said.quotes import find_quote
from instill.answer.said.reply import AnswerStream, Reply, Statement, read_reply
from instill.answer.terms import terms
from instill.answer.types import Citation, Claim
from instill.index.types import Hit
from instill.models.encoders.protocol import Encoder
from instill.models.generators.protocol import Generator
from instill.models.generators.thoughts import without_thoughts

QUOTE_SUPPORT = 0.3
"""A quote proves a sentence when it holds this share of the sentence's terms, or is as close by cosine as below."""

QUOTE_COSINE = 0.4

SENTENCE_SUPPORT = 0.5
"""Without a quote, the best sentence of the cited passage must hold this share of the terms ..."""

SENTENCE_COSINE = 0.6
"""... or be this close."""

CHARACTERS_PER_TOKEN = 12
"""An endpoint that sends more than this for every token it was allowed is not listened to any longer."""

_TAIL, _SHORTEST = 480, 8
"""Characters at the end of a reply that are looked at, and the shortest words that are noticed when they come again."""

SHOWN_PER_TOKEN = 6
"""Characters of an answer for each token that its length allows; English has four to five."""

_FIGURE = re.compile(r"\d+(?:[.,:/]\d+)*")


@dataclass(frozen=True, slots=True)
class Grounded:
    """What survived of a reply. `dropped` counts the sentences that did not; `unknown`: the generator abstained."""

    text: str
    claims: tuple[Claim, ...]
    dropped: int
    unknown: bool

    @property
    def share(self) -> float:
        """Share of the sentences that survived, 0 to 1."""
        total = len(self.claims) + self.dropped
        return len(self.claims) / total if total else 0.0


def write_answer(
    generator: Generator,
    prompt: Prompt,
    *,
    max_tokens: int,
    length: int | None = None,
    temperature: float = 0.0,
    on_token: Callable[[str], None] | None = None,
) -> Reply:
    """The generator's reply, parsed; shown piece by piece on the way, up to its quotes.

    Args:
        max_tokens: that the generator may write, its thoughts among them.
        length: tokens of what is shown; a longer reply is stopped, and what it began last is left out.

    Raises:
        GeneratorError: from the generator.
    """
    stream = AnswerStream(on_token or (lambda _: None))
    pieces: list[str] = []
    left = CHARACTERS_PER_TOKEN * max_tokens
    if length is not None:
        left = min(left, SHOWN_PER_TOKEN * length)
    cut, tail = False, ""
    for piece in generator.stream(prompt.messages, max_tokens=max_tokens, temperature=temperature):
        pieces.append(piece[:left])
        stream.feed(piece[:left])
        left -= len(piece)
        tail = (tail + piece[-_TAIL:])[-_TAIL:]
        # A model that copies the fences, or repeats itself, has lost the thread: nothing that counts follows.
        if left < 0 or prompt.token in tail or repeats(tail):
            cut = True
            break
    stream.end()
    text = without_thoughts("".join(pieces))
    return read_reply(_whole_part(text) if cut else text)


def repeats(text: str) -> bool:
    """Whether a text ends with the same words four times in a row.

    Example:
        >>> repeats("It is a promise. " * 4), repeats("It is a promise. " * 3), repeats("1, 2, 3, 4, 5, 6, 7, 8")
        (True, False, False)
    """
    return any(text.endswith(text[-size:] * 4) for size in range(_SHORTEST, len(text) // 4 + 1))


def _whole_part(text: str) -> str:
    """A reply that was stopped, up to the last line end or mark: what came after is half a sentence or half a quote.

    Example:
        >>> _whole_part("Tea is hot [1]. Milk is")
        'Tea is hot [1]'
        >>> _whole_part('Tea is hot [1].\\nQUOTES:\\n[1] "Tea is ho')
        'Tea is hot [1].\\nQUOTES:'
    """
    line_end, mark = text.rfind("\n"), text.rfind("]", 0, text.rfind("QUOTES:") + 1 or None)
    return text[: max(line_end, mark + 1)] if max(line_end, mark) > 0 else text


def ground(
    reply: Reply, prompt: Prompt, question: str, encoder: Encoder, citer: Citer, *, renumber: bool = True
) -> Grounded:
    """Keep the statements that their passages prove.

    Args:
        renumber: first put right the numbers of passages that the generator mixed up.
    """
    if reply.unknown:
        return Grounded("", (), 0, True)
    if renumber:
        reply = renumbered(reply, [hit.text for hit in prompt.hits], question)
    support = _Support(prompt.hits, encoder, citer)
    claims: list[Claim] = []
    dropped = 0
    for statement in reply.statements:
        citations = _proof(statement, reply, prompt.hits, question, support)
        if citations:
            claims.append(Claim(f"- {statement.text}" if statement.listed else statement.text, citations))
        elif not (statement.text.endswith(":") and not statement.passages):
            # A line such as "The documents say:" claims nothing; it is left out without being counted.
            dropped += 1
    return Grounded(written(claims), tuple(claims), dropped, False)


def _proof(
    statement: Statement, reply: Reply, hits: Sequence[Hit], question: str, support: _Support
) -> tuple[Citation, ...]:
    """Citations that prove the statement; empty when one of its figures is nowhere, or nothing supports it."""
    cited = [number for number in statement.passages if 1 <= number <= len(hits)]
    sources = " ".join(
        f"{hits[number - 1].title} {hits[number - 1].headings} {hits[number - 1].text}" for number in cited
    )
    figures = set(_FIGURE.findall(statement.text)) - set(_FIGURE.findall(question))
    if not cited or not figures <= set(_FIGURE.findall(sources)):
        return ()
    citations: list[Citation] = []
    for number in cited:
        quotes = reply.quotes.get(number, [])
        if quotes and not statement.inherited:
            citations.extend(support.by_quotes(statement.text, quotes, hits[number - 1]))
        else:
            best = support.by_sentence(statement.text, hits[number - 1])
            citations.extend([best] if best else [])
    return tuple(dict.fromkeys(citations))


class _Support:
    """Does a span of a passage support a sentence? Encodes each text once."""

    def __init__(self, hits: Sequence[Hit], encoder: Encoder, citer: Citer) -> None:
        self._hits = hits
        self._encoder = encoder
        self._citer = citer
        self._vectors: dict[str, np.ndarray] = {}

    def by_quotes(self, claim: str, quotes: Sequence[str], hit: Hit) -> list[Citation]:
        """Citations of the quotes that stand verbatim in the passage and have to do with the claim."""
        citations = []
        for quote in quotes:
            span = find_quote(quote, hit.text)
            if span is None or not self._close(claim, quote, QUOTE_SUPPORT, QUOTE_COSINE):
                continue
            citation = self._citer.cite(hit, hit.start + span[0], hit.start + span[1])
            if citation is not None:
                citations.append(citation)
        return citations

    def by_sentence(self, claim: str, hit: Hit) -> Citation | None:
        """The best-matching sentence of the passage, if it supports the claim."""
        parts = [part for part in split_sentences(hit.text) if part.kind not in ("mark", "heading")]
        shown = [plain_text(hit.text[part.start : part.end]) for part in parts]
        wanted = set(terms(claim))
        if not parts or not wanted:
            return None
        self._encode([claim, *shown])
        overlaps = [len(wanted & set(terms(text))) / len(wanted) for text in shown]
        cosines = [self._cosine(claim, text) for text in shown]
        best = max(range(len(parts)), key=lambda i: overlaps[i] + cosines[i])
        if overlaps[best] < SENTENCE_SUPPORT and cosines[best] < SENTENCE_COSINE:
            return None
        return self._citer.cite(hit, hit.start + parts[best].start, hit.start + parts[best].end)

    def _close(self, claim: str, quote: str, overlap: float, cosine: float) -> bool:
        wanted = set(terms(claim))
        if wanted and len(wanted & set(terms(quote))) / len(wanted) >= overlap:
            return True
        self._encode([claim, quote])
        return self._cosine(claim, quote) >= cosine

    def _encode(self, texts: Sequence[str]) -> None:
        new = [text for text in dict.fromkeys(texts) if text not in self._vectors]
        if new:
            self._vectors.update(zip(new, self._encoder.encode_passages(new), strict=True))

    def _cosine(self, first: str, second: str) -> float:
        return float(self._vectors[first] @ self._vectors[second])
