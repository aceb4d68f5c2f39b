"""The words of the passages that a caller sees: is a word of a question one of them, and which are near?

The full-text index cannot say: it holds stems, and stems of hidden passages. So the words are read from the passages
themselves when they are first needed, under the caller's labels and filter, and kept for that version of the table.
Scripts without spaces between words have none here; pairs of characters find them anyway.
"""

from __future__ import annotations

import re
import threading
import unicodedata
from collections import Counter, OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from instill.index.lance_tables import Table
from instill.index.protocol import View

MOST_WORDS_READ = 2_500_000
"""Words of running text that are read (about 25,000 passages); of more, evenly spread passages are."""

MOST_WORDS_KEPT = 200_000
"""Different words that are kept, the most frequent ones."""

_REMEMBERED = 8
_LONGEST_WORD = 40

# Marks belong to the word that they stand in: accents, points, vowel signs.
WORD = re.compile(r"(?:[^\W\d_]|[\u0300-\u036f\u0591-\u05c7\u064b-\u065f\u0900-\u0dff])+")
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3041-\u30ff\u3400-\u9fff\uac00-\ud7a3\U00020000-\U0003134f]"
)
_ASCII_LETTERS = bytes(code if chr(code).isalpha() and code < 128 else 32 for code in range(256))


@dataclass(frozen=True, slots=True)
class Known:
    """A word of the passages. `form` is how it is mostly written, `count` how often it was met in any writing.

    `named`: it is always written with a capital letter, as names are.
    """

    form: str
    count: int
    named: bool


class Vocabulary:
    """Words by their folded form; see `folded`.

    Example:
        >>> words = Vocabulary.of(["Redis writes snapshots.", "Snapshots of redis are read by Olav."])
        >>> words.get("REDIS").count, words.get("olav").named, words.get("kernel")
        (2, True, None)
        >>> [(known.form, distance) for known, distance in words.near("redsi", 1)]
        [('redis', 1)]
    """

    def __init__(self, words: Mapping[str, Known]) -> None:
        self._words = words

    @classmethod
    def of(cls, texts: Sequence[str]) -> Vocabulary:
        """The words of `texts`."""
        forms: Counter[str] = Counter()
        plain = "\n".join(text for text in texts if text.isascii())
        # Counting bytes is several times as fast as a pattern over text.
        for word, count in Counter(plain.encode().translate(_ASCII_LETTERS).split()).items():
            forms[word.decode()] += count
        for text in texts:
            if not text.isascii():
                forms.update(word for word in WORD.findall(text) if not _UNSPACED.search(word))
        kept: dict[str, Known] = {}
        for form, count in forms.most_common(MOST_WORDS_KEPT):
            if not 2 < len(form) <= _LONGEST_WORD:
                continue
            key, small = folded(form), form == form.lower()
            known = kept.get(key)
            if known is None:
                kept[key] = Known(form, count, not small)
            else:
                # The most frequent writing came first; a small one tells that the word is no name.
                better = form if known.named and small else known.form
                kept[key] = Known(better, known.count + count, known.named and not small)
        return cls(kept)

    def __len__(self) -> int:
        return len(self._words)

    def get(self, word: str) -> Known | None:
        """The word in any writing; None where the passages do not have it."""
        return self._words.get(folded(word))

    @cached_property
    def _by_length(self) -> Mapping[int, Sequence[str]]:
        lengths: dict[int, list[str]] = {}
        for word in self._words:
            lengths.setdefault(len(word), []).append(word)
        return lengths

    def near(self, word: str, most: int) -> list[tuple[Known, int]]:
        """Words that become `word` by at most `most` changes, nearest first, then the more frequent.

        A change is a letter more, less, or another, or two neighbours exchanged (optimal string alignment).
        """
        from rapidfuzz.distance import OSA
        from rapidfuzz.process import extract

        key = folded(word)
        near = [
            each for length in range(len(key) - most, len(key) + most + 1) for each in self._by_length.get(length, ())
        ]
        found = extract(key, near, scorer=OSA.distance, score_cutoff=most, limit=None)
        pairs = [(self._words[other], int(distance)) for other, distance, _ in found]
        return sorted(pairs, key=lambda pair: (pair[1], -pair[0].count, pair[0].form))


class Vocabularies:
    """Vocabularies by table version, labels and filter, the ones used last. Safe to share between threads."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[int, tuple[str, ...] | None, str], Vocabulary] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, view: View, labels: Sequence[str] | None, where: str = "") -> Vocabulary:
        """The words of the passages that a caller who holds `labels` sees, of those that `where` lets through."""
        identity = (view.version, None if labels is None else tuple(sorted(set(labels))), where)
        with self._lock:
            known = self._kept.get(identity)
        if known is None:
            known = Vocabulary.of(view.texts(labels, where, MOST_WORDS_READ))
        with self._lock:
            self._kept[identity] = known
            self._kept.move_to_end(identity)
            while len(self._kept) > _REMEMBERED:
                self._kept.popitem(last=False)
        return known


def texts_of(table: Table, condition: str, most: int = MOST_WORDS_READ) -> list[str]:
    """What the keyword leg searches of the passages under `condition`; of evenly spread ones, where all have more than
    `most` words."""
    found = table.search().where(condition).select(["length"]).limit(None).with_row_id(True).to_arrow()
    words = int(np.sum(found["length"].to_numpy())) if found.num_rows else 0
    if words <= most:
        rows = table.search().where(condition).select(["keywords"]).limit(None).to_arrow()
    else:
        wanted = np.sort(found["_rowid"].to_numpy())[:: -(-words // most)].tolist()
        rows = table.take_row_ids(wanted).select(["keywords"]).to_arrow()
    texts: list[str] = rows["keywords"].to_pylist()
    return texts


def folded(word: str) -> str:
    """The word in small letters and without accents, as the full-text index compares words.

    Example:
        >>> folded("Résumé"), folded("Ёлка")
        ('resume', 'елка')
    """
    if word.isascii():
        return word.lower()
    parts = unicodedata.normalize("NFKD", word.casefold())
    return "".join(part for part in parts if not "\u0300" <= part <= "\u036f")
