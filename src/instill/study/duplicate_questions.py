"""Do two texts ask the same? Compared are the words that carry a question, and its numbers, at any length.

Which words those are is in `instill.study.question_words`.

Two keys are the same question when they have the same words, but not where two parts have changed places around what
stands between them ("Did Ada beat Bo?", "Did Bo beat Ada?"), nor where numbers stand in another order.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache

from instill.study.question_words import Word, words_as_written, words_by_sentence

Key = tuple[str, ...]
"""The words of a question that count, in their order."""

_FEW = 3
"""Words of a key from which on it is found inside of a text however it stands there; a shorter one must be asked."""

_MOST_CLAUSES = 6
_LONGEST_SWAP = 60
"""Words within which a swap is looked for; longer texts of the same words are the same."""
_MOST_SENTENCES = 4


@lru_cache(maxsize=50_000)
def question_key(text: str) -> Key:
    """What carries a question. Of a text that asks nothing and has at most one word besides politeness, such as a
    greeting, all words: there the politeness is what is said.

    Example:
        >>> question_key("What is the flag colour of Norland?")
        ('flag', 'colour', 'norland')
        >>> question_key("Hello! Could you tell me Norland's flag  COLOUR, please")
        ('norland', 'flag', 'colour')
        >>> question_key("Hello there!"), question_key("12 - 7 = ?")
        (('hello', 'there'), ('12', '-', '7', '='))
    """
    words = [word for sentence in words_by_sentence(text) for word in sentence]
    found = tuple(word.text for word in words if word.counts)
    if len(found) > 1 or (found and any(_marks_question(word) for word in words)):
        return found
    return words_as_written(text) or found


def same_question(first: Key, second: Key) -> bool:
    """Whether two keys are those of one question.

    Example:
        >>> same_question(question_key("Norland's flag colour?"), question_key("flag colour of Norland"))
        True
        >>> same_question(question_key("Did Ada beat Bo?"), question_key("Did Bo beat Ada?"))
        False
    """
    if first == second:
        return True
    if len(first) != len(second) or sorted(first) != sorted(second):
        return False
    if [word for word in first if not word.isalpha()] != [word for word in second if not word.isalpha()]:
        return False
    return not _swapped(first, second)


def asks_same(first: str, second: str) -> bool:
    """Whether two questions are one.

    Example:
        >>> asks_same("When was the mill built?", "Please, when was the Mill built"), asks_same("Mill on", "Mill off")
        (True, False)
    """
    return same_question(question_key(first), question_key(second))


def keys_in(text: str, sizes: Iterable[int]) -> Iterator[Key]:
    """The keys of what may be a question in a text: the text as a whole, its sentences, a few of them in a row, and
    their parts between commas and from a question word on. Of a part of the text, a word or two are a question only
    with a question word or a question mark: "tea" is not asked in "Coffee, tea and milk."

    Args:
        sizes: how many words a key has that is looked for; others are left out.
    """
    wanted = frozenset(sizes)
    sentences = [sentence for sentence in words_by_sentence(text) if any(word.counts for word in sentence)]
    counted = [tuple(word.text for word in sentence if word.counts) for sentence in sentences]
    whole = question_key(text)
    if len(whole) in wanted:
        yield whole
    for start in range(len(counted)):
        joined: Key = ()
        for number, words in enumerate(counted[start : start + _MOST_SENTENCES], start):
            joined += words
            asked = any(_marks_question(word) for each in sentences[start : number + 1] for word in each)
            if len(joined) in wanted and (asked or len(joined) >= _FEW):
                yield joined
    for sentence in sentences:
        yield from _parts(sentence, wanted)


def _parts(sentence: Sequence[Word], wanted: frozenset[int]) -> Iterator[Key]:
    pauses = [place for place, word in enumerate(sentence) if word.pause]
    starts = [-1, *pauses, *(place - 1 for place, word in enumerate(sentence) if word.asks and place)]
    ends = [*pauses, len(sentence)]
    for start in starts:
        for end in [*[each for each in ends if each > start + 1][: _MOST_CLAUSES - 1], len(sentence)]:
            part = sentence[start + 1 : end]
            key = tuple(word.text for word in part if word.counts)
            if len(key) in wanted and (len(key) >= _FEW or any(word.asks for word in part)):
                yield key


class Questions:
    """Questions that are looked for in texts.

    Args:
        keys: of each, by number.

    Example:
        >>> wanted = Questions({7: question_key("What is the flag colour of Norland?")})
        >>> sorted(wanted.asked_in("My teacher asked: Norland's flag colour, what is it? I did not know."))
        [7]
        >>> sorted(wanted.asked_in("The flag colour of Norland is green. What is the flag colour of Sudland?"))
        []
    """

    def __init__(self, keys: Mapping[int, Key]) -> None:
        self._by_words: defaultdict[Key, list[tuple[int, Key]]] = defaultdict(list)
        for number, key in keys.items():
            if key:
                self._by_words[tuple(sorted(key))].append((number, key))
        self._sizes = frozenset(len(words) for words in self._by_words)

    def same_as(self, key: Key) -> set[int]:
        """Numbers of the questions that this key is of."""
        near = self._by_words.get(tuple(sorted(key)), ()) if len(key) in self._sizes else ()
        return {number for number, other in near if same_question(key, other)}

    def asked_in(self, text: str) -> set[int]:
        """Numbers of the questions that the text asks."""
        return {number for key in keys_in(text, self._sizes) for number in self.same_as(key)} if self._sizes else set()


def _marks_question(word: Word) -> bool:
    return word.asks or word.text == "?"


def _swapped(first: Key, second: Key) -> bool:
    """Whether two parts have changed places around a third: X M Y, Y M X, with the same before and after."""
    start = next(place for place, (one, other) in enumerate(zip(first, second, strict=True)) if one != other)
    end = next(place for place in range(len(first), 0, -1) if first[place - 1] != second[place - 1])
    one, other = first[start:end], second[start:end]
    size = len(one)
    return size <= _LONGEST_SWAP and any(
        one[:left] == other[size - left :]
        and one[size - right :] == other[:right]
        and one[left : size - right] == other[right : size - left]
        for left in range(1, size - 1)
        for right in range(1, size - left)
    )
