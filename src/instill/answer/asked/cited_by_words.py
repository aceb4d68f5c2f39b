"""What the answers of a conversation stood on, where only their words came back.

A program that speaks OpenAI's or Anthropic's form sends the messages of a conversation and nothing else. The passages
that its answers were made of are found again by their words, so that a follow-up is understood as it is where the
citations are kept.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

from instill.answer.asked.documents_of_conversation import ANSWERS
from instill.answer.asked.pronouns import MARK
from instill.answer.harmless_text import plain_text
from instill.answer.terms import terms
from instill.answer.types import Turn, is_refusal
from instill.index.types import Hit

_MOST_PIECES = 6
_MOST_CHARACTERS = 600
"""Of a piece of an answer that is looked for."""

_LEAST_WORDS = 2
_SAME = 0.6
"""From this share of a piece's words that stand in a passage on, it may have been made of it."""

_PIECES = re.compile(r"\n\s*\n|\[\d{1,3}\](?:\s*\[\d{1,3}\])*")


def with_citations(history: Sequence[Turn], search: Callable[[str], Sequence[Hit]]) -> Sequence[Turn]:
    """The turns; the last answers that name no document with those that they were made of, as far as they are found.

    Args:
        search: the passages that fit best, best first, of what the caller may see.

    Example:
        >>> text, place = "Green tea is brewed at 80 degrees.", ("Tea > Green", None, None, "tea.md", "md", "Tea")
        >>> tea = Hit("d1", 0, 0, len(text), text, *place, (), {}, 1.0, 1.0, 1.0)
        >>> told = [Turn("user", "How hot?"), Turn("assistant", "Green tea is brewed at 80 degrees. [1]")]
        >>> found = with_citations(told, lambda text: [tea])[1]
        >>> found.topics, found.documents
        (('Tea', 'Green'), ('d1',))
        >>> with_citations([Turn("assistant", "Coffee costs two euros.")], lambda text: [tea])[0].documents
        ()
    """
    found = list(history)
    answers = [at for at, turn in enumerate(found) if turn.role == "assistant" and not is_refusal(turn.text)]
    for at in answers[-len(ANSWERS) :]:
        turn = found[at]
        if not turn.documents and not turn.topics:
            hits = [hit for piece in _pieces(turn.text) for hit in _made_of(piece, search)]
            names = (name for hit in hits for name in (hit.title, hit.headings.rpartition(" > ")[2]))
            topics = tuple(dict.fromkeys(name for name in names if name))
            found[at] = replace(turn, topics=topics, documents=tuple(dict.fromkeys(hit.doc_id for hit in hits)))
    return found


def _pieces(text: str) -> list[str]:
    """The parts of an answer, each of which has its own source: what stands before the mark of one."""
    plain = (plain_text(MARK.sub("", each)).strip()[:_MOST_CHARACTERS] for each in _PIECES.split(text))
    return [each for each in plain if len(set(terms(each))) >= _LEAST_WORDS][:_MOST_PIECES]


def _made_of(piece: str, search: Callable[[str], Sequence[Hit]]) -> list[Hit]:
    """The passage that holds most of the piece's words; none where no passage holds nearly all of them."""
    words = set(terms(piece))
    best, most = None, _SAME
    for hit in search(piece):
        share = len(words & set(terms(f"{hit.title} {hit.headings} {hit.text}"))) / len(words)
        if share > most or (best is None and share >= most):
            best, most = hit, share
    return [] if best is None else [best]
