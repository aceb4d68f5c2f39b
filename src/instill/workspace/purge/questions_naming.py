"""Questions that name a document without showing it: refused ones most of all, with a name or a code that stands only
there. They are what people typed, and not of the document; but they tell of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import sqlalchemy as sa

from instill.catalog import Catalog
from instill.catalog.tables import CACHED_ANSWERS, TURNS, USAGE

_WORD = re.compile(r"\w+(?:[-./_]\w+)*")
_SHORTEST = 3
_JOINS = frozenset({" ", ", ", "-", ' "', " “", " (", "'", "’"})
"""Between two words of one sentence."""


@dataclass(frozen=True, slots=True)
class Naming:
    """Exchanges by their numbers.

    Args:
        asked: rows of the log.
        turns: answers in conversations whose question was not logged.
        cached: questions of the cache of answers.
    """

    asked: tuple[int, ...] = ()
    turns: tuple[int, ...] = ()
    cached: tuple[int, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.asked or self.turns or self.cached)


def telling_words(text: str) -> frozenset[str]:
    """The words of a text that name something, in small letters: codes (with a letter and a digit), and words with a
    capital letter inside a sentence or beside another such word.

    Example:
        >>> sorted(telling_words("The blue lantern was built in 1931 by Quentin Ashgrove. It has a KX-200."))
        ['ashgrove', 'kx-200', 'quentin']
    """
    found = list(_WORD.finditer(text))
    telling: set[str] = set()
    for number, match in enumerate(found):
        word = match.group()
        if len(word) < _SHORTEST:
            continue
        if any(sign.isdigit() for sign in word) and any(sign.isalpha() for sign in word):
            telling.add(word.lower())
            continue
        before = found[number - 1] if number else None
        after = found[number + 1] if number + 1 < len(found) else None
        inside = before is not None and text[before.end() : match.start()] in _JOINS
        beside = after is not None and text[match.end() : after.start()] in (" ", "-") and after.group()[0].isupper()
        if word[0].isupper() and (inside or beside):
            telling.add(word.lower())
    return frozenset(telling)


def words_only_in(texts: Iterable[str], asked: Iterable[str], elsewhere: Callable[[str], bool]) -> frozenset[str]:
    """The telling words of some texts that questions have and no other document has, in small letters.

    Args:
        texts: of the documents.
        asked: words of questions, in small letters.
        elsewhere: whether another document has the word, in any case.
    """
    telling = {word for text in texts for word in telling_words(text)}
    return frozenset(word for word in sorted(telling & set(asked)) if not elsewhere(word))


def words_asked(catalog: Catalog) -> frozenset[str]:
    """All words that people typed, in small letters."""
    return frozenset(word for _, _, text in _typed(catalog) for word in words_of(text))


def questions_with(catalog: Catalog, holds: Callable[[str], bool]) -> Naming:
    """The exchanges whose question holds something, in the log, in conversations, and in the cache of answers."""
    found: dict[str, set[int]] = {"asked": set(), "turns": set(), "cached": set()}
    for kind, number, text in _typed(catalog):
        if holds(text):
            found[kind].add(number)
    return Naming(*(tuple(sorted(found[kind])) for kind in ("asked", "turns", "cached")))


def words_of(text: str) -> set[str]:
    """The words of a text as `telling_words` writes them."""
    return {word.lower() for word in _WORD.findall(text)} | set(re.findall(r"\w+", text.lower()))


def _typed(catalog: Catalog) -> Iterator[tuple[str, int, str]]:
    """Where it stands, its number, and what was typed; of a conversation, the number is the answer's."""
    if not catalog.exists:
        return
    with catalog.reading() as connection:
        there = sa.inspect(connection)
        if there.has_table(USAGE.name):
            asked = sa.select(USAGE.c.usage_id, USAGE.c.question, USAGE.c.standalone_question)
            for number, question, standalone in connection.execute(asked).all():
                yield "asked", number, f"{question}\n{standalone}"
        if there.has_table(TURNS.name):
            turns = sa.select(TURNS.c.turn_id, TURNS.c.conversation_id, TURNS.c.role, TURNS.c.text)
            waiting: dict[str, str] = {}
            for number, conversation, role, text in connection.execute(turns.order_by(TURNS.c.turn_id)).all():
                if role == "user":
                    waiting[conversation] = text
                elif conversation in waiting:
                    yield "turns", number, waiting.pop(conversation)
        if there.has_table(CACHED_ANSWERS.name):
            cached = sa.select(CACHED_ANSWERS.c.cached_id, CACHED_ANSWERS.c.question)
            for number, question in connection.execute(cached).all():
                yield "cached", number, question
