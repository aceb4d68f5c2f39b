"""One epoch of training examples from rows: what each question is put beside, and what the model should say of it.

Beside its own passage a question is trained on passages that rank high but do not hold its answer, on its passage
without the sentence that answers, and in a misleading form. Titles come and go, question marks too, and passages are
cut at different places, so that the reader does not depend on how one data set writes.
"""

from __future__ import annotations

import random
import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from tokenizers import Tokenizer

from instill.answer.reading.commented_code import with_comments_as_prose
from instill.answer.reading.reader_input import PASSAGE_TOKENS, Marks, Tokens, marks_of, put_together, tokenize
from instill.train.reader.rows import Row
from instill.train.reader.unanswerable_questions import mislead, names_and_numbers, tweak

IGNORED = -1.0
UNMARKED = -100
"""`start` and `end` of an example whose passage answers without words that could be marked."""
WINDOW = 224
"""Longest passage in training, in tokens; a longer one is cut to a window around the answer."""

_STOP = frozenset(
    ["a", "an", "the", "of", "in", "on", "at", "to", "for", "is", "was", "are", "were", "did", "do", "does", "what",
     "which", "who", "when", "where", "how"]
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Example:
    """One input.

    `start` and `end` (inclusive) are places in `ids`, both 0 when there is no answer, or `UNMARKED`. `answerable` and
    `relevant` are 1.0, 0.0, or `IGNORED`.
    """

    ids: tuple[int, ...]
    first: int
    count: int
    start: int
    end: int
    answerable: float
    relevant: float


@dataclass(frozen=True, slots=True)
class Mix:
    """How often, for each question that its passage answers, another example is put beside it."""

    mined: float = 0.25
    removed: float = 0.12
    misled: float = 0.18
    tweaked: float = 0.0
    """A number, version, year or code of the question exchanged for one that the passage does not have."""
    neighbours: float = 0.0
    """Another passage of the same group that does not hold the answer: the same subject, another attribute."""
    retitled: float = 0.0
    """Its own passage under the title of another group, where only the title held a name of the question."""
    short: float = 0.25
    """Share of passages that are cut to a short window, as pieces of a document are."""
    share: float = 1.0
    """Share of the rows that an epoch takes: a short run over broad data learns more than a long one over a part."""
    unanswerable_copies: int = 2
    """How often each row without an answer comes in an epoch; people's own misleading questions are few."""


class ExampleMaker:
    """Makes the examples of an epoch; the same seed and epoch always give the same ones.

    Args:
        negatives: passages by the number of the row, best first (see `instill.train.reader.hard_negatives`).
    """

    def __init__(
        self, rows: Sequence[Row], negatives: Mapping[int, Sequence[int]], tokenizer: Tokenizer, mix: Mix
    ) -> None:
        self._rows = rows
        self._negatives = negatives
        self._tokenizer = tokenizer
        self._marks: Marks = marks_of(tokenizer)
        self._mix = mix
        self._passages = _tokens_of(tokenizer, [row.passage for row in rows], with_comments_as_prose)
        self._questions = _tokens_of(tokenizer, [row.question for row in rows])
        self._titles = _tokens_of(tokenizer, [row.title for row in rows])
        self._by_group: dict[str, list[str]] = defaultdict(list)
        self._group_rows: dict[str, dict[str, Row]] = defaultdict(dict)
        for row in rows:
            self._by_group[row.group].append(row.question)
            self._group_rows[row.group].setdefault(row.passage, row)

    def epoch(self, number: int, *, seed: int = 0) -> list[Example]:
        """All examples of an epoch, in the order of the rows."""
        rng = random.Random(f"{seed} {number}")  # noqa: S311  Not for security.
        examples: list[Example] = []
        for place, row in enumerate(self._rows):
            if self._mix.share < 1 and rng.random() >= self._mix.share:
                continue
            if not row.answerable:
                for _ in range(self._mix.unanswerable_copies):
                    examples.append(self._asked(row, rng, answerable=0.0, relevant=1.0))
                continue
            examples.append(self._asked(row, rng, answerable=1.0, relevant=1.0))
            mined = self._negatives.get(place)
            if mined and rng.random() < self._mix.mined:
                examples.append(self._beside(row, self._rows[rng.choice(mined)], rng))
            if rng.random() < self._mix.neighbours and (near := self._neighbour(row, rng)):
                examples.append(near)
            if rng.random() < self._mix.retitled and (other := self._other_title(place, row, rng)):
                examples.append(self._asked(other, rng, answerable=0.0, relevant=IGNORED, titled=True))
            if rng.random() < self._mix.tweaked and (
                question := tweak(row.question, row.title + " " + row.passage, rng)
            ):
                tweaked = Row(question, row.passage, row.title, row.group, ())
                examples.append(self._asked(tweaked, rng, answerable=0.0, relevant=IGNORED))
            if row.answers and rng.random() < self._mix.removed and (removed := self._without_evidence(row, rng)):
                examples.append(removed)
            if rng.random() < self._mix.misled:
                question = mislead(row.question, row.passage, self._by_group[row.group], rng)
                if question and question != row.question:
                    misled = Row(question, row.passage, row.title, row.group, ())
                    examples.append(self._asked(misled, rng, answerable=0.0, relevant=IGNORED))
        return examples

    # -- kinds of examples -------------------------------------------------------------------------------------

    def _asked(
        self, row: Row, rng: random.Random, *, answerable: float, relevant: float, titled: bool = False
    ) -> Example:
        """A question on its own passage."""
        tokens = self._passages[row.passage]
        if row.whole:
            # Which words answer is not known: only the beginning of the section is sure to be part of the answer.
            size = WINDOW if rng.random() >= self._mix.short else rng.randint(96, WINDOW)
            return self._example(row, row, tokens.ids[:size], rng, answerable, relevant, None, 0, titled=titled)
        span = token_span(tokens, row.answers[0]) if row.answers else None
        low, high = _window(len(tokens.ids), span, rng, self._mix.short)
        return self._example(row, row, tokens.ids[low:high], rng, answerable, relevant, span, low, titled=titled)

    def _neighbour(self, row: Row, rng: random.Random) -> Example | None:
        """Another passage of its group, none of which holds the answer's words."""
        others = self._group_rows[row.group]
        texts = [text.lower() for text in row.texts]
        near = [
            other
            for passage, other in others.items()
            if passage != row.passage and not any(text in passage.lower() for text in texts)
        ]
        if not near or (row.whole and len(others) > 1 and rng.random() < 0.5):
            return None
        return self._beside(row, rng.choice(near), rng, relevant=IGNORED)

    def _other_title(self, place: int, row: Row, rng: random.Random) -> Row | None:
        """The row under another title; None unless its own title alone says a name or number of the question."""
        names, numbers = names_and_numbers(row.question)
        asked = {word for name in (*names, *numbers) for word in name.lower().split()}
        only = asked & set(row.title.lower().split()) - set(row.passage.lower().split())
        near = self._negatives.get(place) or range(len(self._rows))
        other = self._rows[rng.choice(near)].title
        if not only or not other or only & set(other.lower().split()):
            return None
        return Row(row.question, row.passage, other, row.group, ())

    def _beside(self, row: Row, other: Row, rng: random.Random, *, relevant: float = 0.0) -> Example:
        """A question on a passage that was not written for it."""
        tokens = self._passages[other.passage]
        low, high = _window(len(tokens.ids), None, rng, self._mix.short)
        return self._example(row, other, tokens.ids[low:high], rng, 0.0, relevant, None, 0)

    def _without_evidence(self, row: Row, rng: random.Random) -> Example | None:
        """Its own passage without the sentence that answers; None when the answer stands in another sentence too."""
        start, end = row.answers[0]
        low = max((found.end() for found in re.finditer(r"[.!?]\s+", row.passage[:start])), default=0)
        found = re.search(r"[.!?](\s+|$)", row.passage[end:])
        high = end + found.end() if found else len(row.passage)
        rest = row.passage[:low] + row.passage[high:]
        if len(rest) < 40 or row.passage[start:end].lower() in rest.lower():
            return None
        tokens = self._passages[row.passage]
        ids = [id_ for id_, (a, b) in zip(tokens.ids, tokens.offsets, strict=True) if b <= low or a >= high]
        return self._example(row, row, ids[:WINDOW], rng, 0.0, IGNORED, None, 0)

    def _example(
        self,
        row: Row,
        shown: Row,
        passage: Sequence[int],
        rng: random.Random,
        answerable: float,
        relevant: float,
        span: tuple[int, int] | None,
        low: int,
        *,
        titled: bool = False,
    ) -> Example:
        title = self._title(shown.title) if shown.title and (titled or rng.random() < 0.6) else ()
        made = put_together(self._marks, self._question(row.question, rng), title, passage)
        start, end = (made.first + span[0] - low, made.first + span[1] - low) if span else (0, 0)
        if row.whole and answerable == 1.0:
            start = end = UNMARKED
        return Example(made.ids, made.first, made.count, start, end, answerable, relevant)

    def _title(self, title: str) -> tuple[int, ...]:
        return self._titles[title].ids if title in self._titles else tokenize(self._tokenizer, [title])[0].ids

    def _question(self, question: str, rng: random.Random) -> tuple[int, ...]:
        draw = rng.random()
        if draw < 0.3:
            question = question.rstrip("? ")
        elif draw < 0.37:
            words = [word for word in question.rstrip("? ").split() if word.lower() not in _STOP]
            question = " ".join(words) if len(words) > 2 else question
        if question in self._questions:
            return self._questions[question].ids
        return tokenize(self._tokenizer, [question])[0].ids


def token_span(tokens: Tokens, span: tuple[int, int]) -> tuple[int, int]:
    """First and last token (inclusive) that touch the characters `[start, end)`.

    Example:
        >>> token_span(Tokens((1, 2, 3), ((0, 2), (3, 6), (7, 9))), (3, 8))
        (1, 2)
    """
    starts = [start for start, _ in tokens.offsets]
    first = max(0, bisect_right(starts, span[0]) - 1)
    last = max(first, bisect_right(starts, span[1] - 1) - 1)
    return first, last


def _window(count: int, span: tuple[int, int] | None, rng: random.Random, short: float) -> tuple[int, int]:
    """A part of the passage with the answer in it: the whole of it mostly, sometimes (`short`) a shorter one."""
    size = WINDOW if rng.random() < 1 - short else rng.randint(48, WINDOW)
    if count <= size:
        return 0, count
    if span is None:
        low = rng.randint(0, count - size)
        return low, low + size
    if span[1] - span[0] >= size:
        return span[0], min(count, max(span[1] + 1, span[0] + size), span[0] + PASSAGE_TOKENS)
    low = rng.randint(max(0, span[1] + 1 - size), min(span[0], count - size))
    return low, low + size


def _tokens_of(tokenizer: Tokenizer, texts: Sequence[str], seen_as: Callable[[str], str] = str) -> dict[str, Tokens]:
    unique = list(dict.fromkeys(texts))
    return dict(zip(unique, tokenize(tokenizer, [seen_as(text) for text in unique]), strict=True))
