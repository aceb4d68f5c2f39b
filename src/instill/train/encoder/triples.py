"""One epoch of training: batches of a question, the passage that answers it, and a passage that only looks like it."""

from __future__ import annotations

import random
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from tokenizers import Tokenizer

from instill.train.encoder.settings import EncoderHyperparameters
from instill.train.reader.rows import Row

LENGTH_STEP = 32
"""Passages of a batch are padded to a multiple of this: each other shape costs the matrix kernels a preparation."""
_OPEN = 8
_QUESTION_TOKENS = 48
_TITLED = 0.5

Ids = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Triple:
    """Token ids of a question, its passage, and a hard negative (none where nothing was mined)."""

    question: Ids
    passage: Ids
    negative: Ids


class TripleMaker:
    """Makes the batches of an epoch; the same seed and epoch always give the same ones.

    Args:
        rows: those with an answer are trained on; all may be negatives.
        negatives: numbers of rows whose passages rank high for a row, best first.
        tokenizer: of the encoder, with its special tokens.
    """

    def __init__(
        self,
        rows: Sequence[Row],
        negatives: Mapping[int, Sequence[int]],
        tokenizer: Tokenizer,
        chosen: EncoderHyperparameters,
    ) -> None:
        self._rows = rows
        self._negatives = negatives
        self._tokenizer = tokenizer
        self._chosen = chosen
        empty = tokenizer.encode("").ids
        self._head, self._tail = tuple(empty[:1]), tuple(empty[1:])
        unique = list(dict.fromkeys(row.passage for row in rows))
        self._passages = dict(zip(unique, tokenizer.encode_batch(unique, add_special_tokens=False), strict=True))
        self.asked = [number for number, row in enumerate(rows) if row.answerable]

    def epoch(self, number: int) -> list[list[Triple]]:
        """The batches, in the order of training."""
        rng = random.Random(f"{self._chosen.seed} {number}")  # noqa: S311  Not for security.
        order = list(self.asked)
        rng.shuffle(order)
        classes: dict[int, list[int]] = {}
        for place in order:
            classes.setdefault(self._length_class(place), []).append(place)
        batches: list[list[Triple]] = []
        left: list[int] = []
        for length in sorted(classes):
            whole, left = self._packed(left + classes[length], rng)
            batches += [self._made(batch, length, rng) for batch in whole]
        if len(left) > 1:  # one question alone has nothing to be told apart from
            batches += [self._made(batch, self._chosen.passage_tokens, rng) for batch in self._rest(left, rng)]
        rng.shuffle(batches)
        return batches

    def _length_class(self, place: int) -> int:
        count = len(self._passages[self._rows[place].passage].ids) + 2
        return min(self._chosen.passage_tokens, -(-count // LENGTH_STEP) * LENGTH_STEP)

    def _packed(self, places: Sequence[int], rng: random.Random) -> tuple[list[list[tuple[int, int]]], list[int]]:
        """Full batches in which no passage comes twice (it would be its own negative), and what is left over."""
        full: list[list[tuple[int, int]]] = []
        filling = [_Batch() for _ in range(_OPEN)]
        left: list[int] = []
        for place in places:
            choices = [self._rows[other].passage for other in self._negatives.get(place, ())]
            rng.shuffle(choices)
            others = {self._rows[other].passage: other for other in self._negatives.get(place, ())}
            for batch in filling:
                if batch.takes(self._rows[place].passage, choices):
                    negative = batch.put(self._rows[place].passage, choices)
                    batch.entries.append((place, others[negative] if negative else -1))
                    if len(batch.entries) == self._chosen.batch:
                        full.append(batch.entries)
                        filling[filling.index(batch)] = _Batch()
                    break
            else:
                left.append(place)
        return full, [*left, *(place for batch in filling for place, _ in batch.entries)]

    def _rest(self, places: Sequence[int], rng: random.Random) -> Iterator[list[tuple[int, int]]]:
        """Smaller batches of what is left; none of a single question."""
        while len(places) > 1:
            batch, later = _Batch(), []
            for place in places:
                row = self._rows[place]
                if len(batch.entries) < self._chosen.batch and batch.takes(row.passage, []):
                    batch.put(row.passage, [])
                    batch.entries.append((place, -1))
                else:
                    later.append(place)
            if len(batch.entries) < 2:
                return
            yield batch.entries
            rng.shuffle(later)
            places = later

    def _made(self, entries: Sequence[tuple[int, int]], length: int, rng: random.Random) -> list[Triple]:
        triples = []
        for place, negative in entries:
            row = self._rows[place]
            passage = self._shown(row, row.answers[0] if row.answers else None, length, rng)
            other = self._shown(self._rows[negative], None, length, rng) if negative >= 0 else ()
            triples.append(Triple(self._question(row.question, rng), passage, other))
        return triples

    def _question(self, question: str, rng: random.Random) -> Ids:
        text = question.rstrip("? ") if rng.random() < 0.3 else question
        ids = self._tokenizer.encode(text, add_special_tokens=False).ids
        return (*self._head, *ids[: _QUESTION_TOKENS - 2], *self._tail)

    def _shown(self, row: Row, answer: tuple[int, int] | None, length: int, rng: random.Random) -> Ids:
        """A passage, at times below its title, cut to `length` tokens with the answer in it."""
        title = self._tokenizer.encode(row.title, add_special_tokens=False).ids if rng.random() < _TITLED else []
        title = title[: length // 4]
        room = length - len(title) - len(self._head) - len(self._tail)
        encoding = self._passages[row.passage]
        low = 0
        if len(encoding.ids) > room and answer is not None:
            starts = [start for start, _ in encoding.offsets]
            first = max(0, bisect_right(starts, answer[0]) - 1)
            last = max(first, bisect_right(starts, answer[1] - 1) - 1)
            # Mostly from the beginning, as an index holds it; else somewhere around the answer.
            if last >= room or rng.random() < 0.3:
                low = rng.randint(max(0, min(first, last + 1 - room)), min(first, len(encoding.ids) - room))
        return (*self._head, *title, *encoding.ids[low : low + room], *self._tail)


class _Batch:
    """A batch that is being filled, and the passages in it."""

    def __init__(self) -> None:
        self.entries: list[tuple[int, int]] = []
        self._there: set[str] = set()

    def takes(self, passage: str, choices: Sequence[str]) -> bool:
        """Whether the passage, and one of the choices if there are any, is not in it yet."""
        return passage not in self._there and (not choices or any(other not in self._there for other in choices))

    def put(self, passage: str, choices: Sequence[str]) -> str:
        """Note the passage and the first choice that is not there; that choice, or ""."""
        self._there.add(passage)
        chosen = next((other for other in choices if other not in self._there), "")
        if chosen:
            self._there.add(chosen)
        return chosen
