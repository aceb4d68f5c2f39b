"""A reply's quotes under the passages that hold them, where the generator mixed up the numbers.

Small models quote a passage word for word and give it the number of another. Which passage is meant is known from the
words, so the number is put right; whether the quote proves what is said of it is checked afterwards as ever.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from instill.answer.quotes import find_quote
from instill.answer.reply import Reply

SHORTEST = 12
"""Of a quote that is moved, in characters: fewer may stand in another passage by chance."""


def renumbered(reply: Reply, passages: Sequence[str]) -> Reply:
    """Move quotes that are not in the passage of their number, and stand in exactly one other, to that one.

    Statements that cite a number whose quotes all moved cite those passages instead; where some of its quotes stay,
    those passages as well.

    Args:
        passages: text of each, in the order of their numbers, which begin with 1.

    Example:
        >>> from instill.answer.reply import read_reply
        >>> said = read_reply('Two moons. [1]\\nQUOTES:\\n[1] "it has two moons"')
        >>> moved = renumbered(said, ["No.", "It has two moons."])
        >>> moved.statements[0].passages, moved.quotes
        ((2,), {2: ['it has two moons']})
    """
    quotes: dict[int, list[str]] = {}
    cited: dict[int, list[int]] = {}
    for number, each in reply.quotes.items():
        for quote in each:
            holder = _holder(quote, number, passages)
            quotes.setdefault(holder, []).append(quote)
            cited.setdefault(number, []).append(holder)
    if all(set(holders) == {number} for number, holders in cited.items()):
        return reply
    statements = tuple(replace(each, passages=_moved(each.passages, cited)) for each in reply.statements)
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
