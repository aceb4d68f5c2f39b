"""The short form of a prompt, for a small model that was trained on it: the rules are in its weights.

Every token that such a model reads costs time, so there are no fences and few rules. What a planted text can gain by
that is little: a trained model answers or declines, and every sentence of it is proved from its passage or dropped.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence

from instill.answer.said.prompt import QUOTES, UNKNOWN, Prompt, neutral
from instill.answer.terms import terms
from instill.answer.types import Citation
from instill.documents.table_heads import under_head
from instill.index.types import Hit
from instill.models.generators.protocol import Message

RULES = (
    f"Answer from the passages, and cite them like [1]. Below {QUOTES} copy the words that prove it. "
    f"If they do not answer, write: {UNKNOWN}"
)

CHARACTERS = 2_400
"""Most characters of passages: about 600 tokens of English."""

_MARK = re.compile(r"^(\s*)\[(?=\d{1,3}\])", re.MULTILINE)


def build_compact(question: str, hits: Sequence[Hit], *, characters: int = CHARACTERS) -> Prompt:
    """The prompt for `question` with as many of the best `hits` as `characters` allow, at least one.

    Example:
        >>> hit = Hit("d1", 0, 0, 11, "Pi is 3.14.", "", None, None, "pi.txt", "text", "Pi", (), {}, 1.0, 1.0, 1.0)
        >>> print(build_compact("What is pi?", [hit]).messages[1]["content"])
        [1] Pi
        Pi is 3.14.
        <BLANKLINE>
        Question: What is pi?
    """
    kept: list[Hit] = []
    blocks: list[str] = []
    left = characters
    for hit in hits:
        body = under_head(hit.table_head, hit.text)
        if kept and len(body) > left:
            break
        body = body[:left]
        left -= len(body)
        kept.append(hit)
        blocks.append(block(len(kept), " > ".join(part for part in (hit.title, hit.headings) if part), body))
    return Prompt(messages_for(question, blocks), tuple(kept), secrets.token_hex(8))


def quoted_first(hits: Sequence[Hit], citations: Sequence[Citation]) -> list[Hit]:
    """The hits, those in front that hold what is cited, in the order of the citations."""
    cited = [
        hit
        for citation in citations
        for hit in hits
        if hit.doc_id == citation.doc_id and hit.start < citation.end and citation.start < hit.end
    ]
    return list({(hit.doc_id, hit.ordinal): hit for hit in (*cited, *hits)}.values())


HOLDS = 0.6
"""Share of the words that the reader marks which a composed answer has to hold; their figures it holds all."""


def says(text: str, marked: str) -> bool:
    """Does a composed answer say what the reader takes for the answer?

    Two that agree are seldom wrong together; where they differ, the documents are quoted.

    Example:
        >>> says("It takes one to two business days.", "1-2 business days"), says("At most 512 MB.", "512 MB")
        (False, True)
    """
    wanted, said = set(terms(marked)), set(terms(text))
    if not wanted or any(any(map(str.isdigit, term)) and term not in said for term in wanted):
        return False
    return len(wanted & said) >= HOLDS * len(wanted)


def block(number: int, place: str, body: str) -> str:
    """A passage as it stands in the prompt; marks like [2] at the beginning of its lines are broken up."""
    shown = _MARK.sub(r"\1[ ", neutral(body)).strip()
    return f"[{number}] {' '.join(neutral(place).split())[:120]}\n{shown}"


def messages_for(question: str, blocks: Sequence[str]) -> tuple[Message, ...]:
    """System rules, then the passages and the question."""
    asked = "\n\n".join(blocks) + f"\n\nQuestion: {neutral(question)}"
    return ({"role": "system", "content": RULES}, {"role": "user", "content": asked})
