"""How a question and a passage become the reader's input: the same for training and for answering.

    [CLS] question [SEP] title [SEP] passage [SEP]

The title (of the document, with the passage's headings) tells apart passages that say the same of different things.
Only the passage can hold the answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tokenizers import Tokenizer

QUESTION_TOKENS = 48
TITLE_TOKENS = 32
PASSAGE_TOKENS = 320
"""Longest parts; what is longer is cut at its end (a title at its start, since the last heading says most)."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """A text's tokens; `offsets` are `(start, end)` in characters of the text."""

    ids: tuple[int, ...]
    offsets: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class ReaderInput:
    """`ids` as the model reads them; `first` is the place of the passage's first token, `count` how many it has."""

    ids: tuple[int, ...]
    first: int
    count: int


@dataclass(frozen=True, slots=True)
class Marks:
    """Ids of the special tokens."""

    cls: int
    sep: int


def heading(title: str, headings: str) -> str:
    """What the reader is shown above a passage: the document's title and the passage's headings, each said once.

    Example:
        >>> heading("Tea", "Tea > Brewing")
        'Tea > Brewing'
    """
    parts = [part.strip() for part in (title, *headings.split(" > "))]
    return " > ".join(dict.fromkeys(part for part in parts if part))


def marks_of(tokenizer: Tokenizer) -> Marks:
    """Raises ValueError when the tokenizer lacks one of the special tokens of a BERT vocabulary."""
    cls, sep = tokenizer.token_to_id("[CLS]"), tokenizer.token_to_id("[SEP]")
    if cls is None or sep is None:
        raise ValueError("the tokenizer has no [CLS] and [SEP]")
    return Marks(cls, sep)


def tokenize(tokenizer: Tokenizer, texts: Sequence[str]) -> list[Tokens]:
    """Tokens without special ones, not cut."""
    found = tokenizer.encode_batch(list(texts), add_special_tokens=False)
    return [Tokens(tuple(entry.ids), tuple(entry.offsets)) for entry in found]


def put_together(marks: Marks, question: Sequence[int], title: Sequence[int], passage: Sequence[int]) -> ReaderInput:
    """The model's input.

    Example:
        >>> put_together(Marks(101, 102), [7, 8], [5], [1, 2, 3])
        ReaderInput(ids=(101, 7, 8, 102, 5, 102, 1, 2, 3, 102), first=6, count=3)
    """
    head = (marks.cls, *question[:QUESTION_TOKENS], marks.sep, *title[-TITLE_TOKENS:], marks.sep)
    kept = tuple(passage[:PASSAGE_TOKENS])
    return ReaderInput((*head, *kept, marks.sep), len(head), len(kept))
