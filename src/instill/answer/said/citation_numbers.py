"""A reply's statements under the passages that hold what they say, where the generator mixed up the numbers.

Small models copy from one passage and give it the number of another. Which passage is meant is known from the words, so
the number is put right; whether the passage proves what is said is checked afterwards as ever.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from instill.answer.found.sentences import split_sentences
from instill.answer.said.quotes import find_quote
from instill.answer.said.reply import Reply, Statement
from instill.answer.terms import terms

SHORTEST = 12
"""Of a quote that is moved, in characters: fewer may stand in another passage by chance."""


def renumbered(reply: Reply, passages: Sequence[str], question: str) -> Reply:
    """Move what is not in the passage of its number, and surely in another, to that one.

    A quote moves to the one other passage in which it stands, and the statements that cite its number cite that passage
    instead; where some of its quotes stay, both. A statement without quotes moves when no passage that it cites holds
    all its words, to the one with a sentence that does and that also has the most words of the question, if any.

    Args:
        passages: text of each, in the order of their numbers, which begin with 1.
        question: what was asked; of several passages that say a thing, the one about the question is meant.

    Example:
        >>> from instill.answer.said.reply import read_reply
        >>> passages = ["No.", "The planet has two moons."]
        >>> said = read_reply('Two moons. [1]\\nQUOTES:\\n[1] "has two moons"')
        >>> moved = renumbered(said, passages, "How many?")
        >>> moved.statements[0].passages, moved.quotes
        ((2,), {2: ['has two moons']})
        >>> renumbered(read_reply("Two. [1]"), passages, "How many moons?").statements[0].passages
        (2,)
    """
    quotes: dict[int, list[str]] = {}
    cited: dict[int, list[int]] = {}
    for number, each in reply.quotes.items():
        for quote in each:
            holder = _holder(quote, number, passages)
            quotes.setdefault(holder, []).append(quote)
            cited.setdefault(number, []).append(holder)
    asked = set(terms(question))
    statements = tuple(
        replace(each, passages=_moved(each.passages, cited))
        if cited.keys() & set(each.passages)
        else _said_elsewhere(each, passages, asked)
        for each in reply.statements
    )
    return replace(reply, statements=statements, quotes=quotes)


def _moved(numbers: Sequence[int], cited: Mapping[int, Sequence[int]]) -> tuple[int, ...]:
    return tuple(dict.fromkeys(holder for number in numbers for holder in cited.get(number, [number])))


def _holder(quote: str, number: int, passages: Sequence[str]) -> int:
    """Number of the passage that the quote is from; the given one where that is not known."""
    own = passages[number - 1] if 1 <= number <= len(passages) else ""
    if len(quote) < SHORTEST or find_quote(quote, own) is not None:
        return number
    found = [place for place, text in enumerate(passages, 1) if find_quote(quote, text) is not None]
    return found[0] if len(found) == 1 else number


def _said_elsewhere(statement: Statement, passages: Sequence[str], asked: set[str]) -> Statement:
    """The statement, citing the one passage that says it and answers the question; as it is where that is not known."""
    said = set(terms(statement.text))
    own = (passages[number - 1] for number in statement.passages if 1 <= number <= len(passages))
    if not said or not statement.passages or any(said <= set(terms(text)) for text in own):
        return statement
    shared = [_shared_where_said(text, said, asked) for text in passages]
    most = max(shared, default=0)
    return replace(statement, passages=(shared.index(most) + 1,)) if most and shared.count(most) == 1 else statement


def _shared_where_said(text: str, said: set[str], asked: set[str]) -> int:
    """How many words of the question stand in a sentence that has all that is said; 0 without such a one."""
    sentences = (set(terms(text[each.start : each.end])) for each in split_sentences(text))
    return max((len(asked & words) for words in sentences if said <= words), default=0)
