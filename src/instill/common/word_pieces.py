"""Tokens of long texts, word by word: most words of a text were met before, and need no tokenizer.

A tokenizer of BERT's kind cuts at white space before anything else, so the tokens of a text are those of its words, one
after the other. Looking words up takes a fraction of the tokenizer's time.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import lru_cache
from itertools import chain
from threading import Lock

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

_MOST_KNOWN = 200_000
"""Words that are remembered, which takes about 40 MB."""

_LONGEST_KNOWN = 64
"""Characters. A text with a longer one, which is hardly a word, is left to the tokenizer."""

Ids = NDArray[np.int64]


@lru_cache(maxsize=4)
def word_pieces(tokenizer: Tokenizer) -> WordPieces:
    """The same for everybody who asks for this tokenizer, so that a word is met once a process."""
    return WordPieces(tokenizer)


class WordPieces:
    """The tokens that a tokenizer makes of texts, without special ones.

    The same as the tokenizer's own, in another way where that is faster. Thread-safe.

    Args:
        tokenizer: neither truncates nor pads.

    Example:
        >>> from instill.models.encoders import open_encoder
        >>> from instill.settings import EncoderSettings
        >>> tokenizer = open_encoder(EncoderSettings()).tokenizer
        >>> pieces = WordPieces(tokenizer)
        >>> pieces.ids(["A kettle\\nboils."])[0].tolist() == tokenizer.encode("A kettle boils.").ids[1:-1]
        True
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._lock = Lock()
        self._known = _Words()
        self.by_words = _cuts_at_spaces(tokenizer)
        """Whether the tokens of parts that are cut at white space are those of the whole."""

    def counts(self, texts: Sequence[str]) -> list[int]:
        """How many tokens each text has."""
        return [len(ids) for ids in self.ids(texts)]

    def ids(self, texts: Sequence[str]) -> list[Ids]:
        """The tokens of each text, int64 `(tokens,)`.

        Other white space than the commonest stays inside a "word", and is the tokenizer's.
        """
        if not self.by_words or not texts:
            return self._encoded(texts)
        words = [text.replace("\n", " ").split(" ") for text in texts]
        with self._lock:
            if len(self._known.row) > _MOST_KNOWN:
                self._known = _Words()
            row = self._known.row
            new = {word for each in words for word in each if word not in row and len(word) <= _LONGEST_KNOWN}
            if new:
                self._known.learn(new, self._encoded(new))
            rows = [list(map(row.get, each)) for each in words]
            known = [place for place, each in enumerate(rows) if None not in each]
            found = dict(zip(known, self._known.pieces_of([rows[place] for place in known]), strict=True))
        rest = [place for place in range(len(texts)) if place not in found]
        found.update(zip(rest, self._encoded([texts[place] for place in rest]), strict=True))
        return [found[place] for place in range(len(texts))]

    def _encoded(self, texts: Collection[str]) -> list[Ids]:
        encodings = self._tokenizer.encode_batch_fast(list(texts), add_special_tokens=False) if texts else []
        return [np.array(each.ids, np.int64) for each in encodings]


def _cuts_at_spaces(tokenizer: Tokenizer) -> bool:
    added = (token.content for token in tokenizer.get_added_tokens_decoder().values())
    return (
        type(tokenizer.pre_tokenizer).__name__ == "BertPreTokenizer"
        and type(tokenizer.normalizer).__name__ in ("BertNormalizer", "NoneType")
        and not any(character.isspace() for content in added for character in content)
    )


class _Words:
    """Words and their tokens: those of the word in row `n` are `pieces[ends[n] - counts[n] : ends[n]]`."""

    def __init__(self) -> None:
        self.row: dict[str, int] = {}
        self._counts, self._ends, self._pieces = (np.zeros(0, np.int64) for _ in range(3))
        self._filled = 0

    def learn(self, words: Collection[str], ids: Sequence[Ids]) -> None:
        first, end = len(self.row), len(self.row) + len(words)
        counts = np.array([len(each) for each in ids], np.int64)
        self._counts, self._ends = _with_room(self._counts, end), _with_room(self._ends, end)
        self._counts[first:end] = counts
        self._ends[first:end] = self._filled + counts.cumsum()
        filled = self._filled + int(counts.sum())
        self._pieces = _with_room(self._pieces, filled)
        self._pieces[self._filled : filled] = np.concatenate(ids)
        self._filled = filled
        self.row.update(zip(words, range(first, end), strict=True))

    def pieces_of(self, rows: Sequence[list[int | None]]) -> list[Ids]:
        """The tokens of texts, each given by the rows of its words, of which it has at least one."""
        if not rows:
            return []
        all_ = np.fromiter(chain.from_iterable(rows), np.int64)
        counts = self._counts[all_]
        ends = counts.cumsum()
        # Where each token stands: in its word, which begins somewhere else among all pieces.
        places = np.arange(ends[-1]) + np.repeat(self._ends[all_] - ends, counts)
        last = np.fromiter(map(len, rows), np.int64).cumsum()[:-1] - 1
        return np.split(self._pieces[places], ends[last])


def _with_room(values: Ids, size: int) -> Ids:
    """The same values with room for so many; for twice as many where there is none, so that growing stays cheap."""
    return values if size <= len(values) else np.concatenate([values, np.zeros(2 * size - len(values), np.int64)])
