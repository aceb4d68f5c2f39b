"""The reader: which words of a passage answer a question, if any do. Runs on ONNX Runtime; PyTorch is not needed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from instill.answer.reading.commented_code import with_comments_as_prose
from instill.answer.reading.reader_input import PASSAGE_TOKENS, Marks, Tokens, marks_of, put_together, tokenize
from instill.common.untrusted_files import odd_file
from instill.errors import WorkspaceError
from instill.models.encoders.onnx_encoder import available_cores, well_formed
from instill.models.encoders.onnx_session import open_session
from instill.models.encoders.shared_threads import Workers
from instill.models.encoders.shared_tokenizers import tokenizer_of

MODEL_FILE, TOKENIZER_FILE, MANIFEST_FILE = "reader.onnx", "tokenizer.json", "reader.json"

LONGEST_ANSWER = 40
"""Most tokens of an answer."""

SPAN_WEIGHT = 0.25
"""Weight of the span's margin beside the answerability head."""

_STRIDE = PASSAGE_TOKENS // 2
_HEAD_TOKENS = PASSAGE_TOKENS // 4
_MOST_WINDOWS = 4
"""A passage is read in at most this many windows (about 1,000 tokens); the rest of a longer one is not read."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What the reader finds in one passage.

    Args:
        start, end: characters of the passage that answer best; `start == end` when there is no token to choose.
        span: logit of that span over "no answer", the sum of both ends' margins.
        answerable: logit that the passage answers the question.
        relevant: logit that the passage is about what is asked.
        weights: float32 `(tokens,)`, probability that the answer covers a token, given that there is one.
        offsets: int64 `(tokens, 2)`, the tokens' characters in the passage.
    """

    start: int
    end: int
    span: float
    answerable: float
    relevant: float
    weights: NDArray[np.float32]
    offsets: NDArray[np.int64]

    @property
    def score(self) -> float:
        """Logit-like: how likely the passage answers, from both of the reader's opinions."""
        return self.answerable + SPAN_WEIGHT * self.span

    def mass(self, start: int, end: int) -> float:
        """Probability, 0 to 1, that the answer's middle lies in the characters `[start, end)`."""
        inside = (self.offsets[:, 0] < end) & (self.offsets[:, 1] > start)
        return float(self.weights[inside].sum())


class Reader:
    """An opened reader; thread-safe.

    Args:
        folder: holds the model, its tokenizer and its manifest.
        threads: 0 for one a core.

    Raises:
        WorkspaceError: a file is missing or cannot be used.

    Example:
        >>> from instill.models.weights import shipped
        >>> reader = Reader(shipped())
        >>> text = "Green tea is brewed at 80 degrees. Black tea takes 95 degrees."
        >>> [found] = reader.read("What takes 95 degrees?", [("Tea", text)])
        >>> text[found.start : found.end]
        'Black tea'
    """

    def __init__(self, folder: Path, *, threads: int = 0) -> None:
        self._folder = folder
        self._workers = Workers(threads or available_cores(), "read")
        odd = odd_file(folder) if folder.is_dir() else ""
        if odd:
            raise WorkspaceError(f"The reader is refused: {odd}.", where=str(folder), remedy="Train it again.")
        try:
            self._manifest: dict[str, Any] = json.loads((folder / MANIFEST_FILE).read_text(encoding="utf-8"))
            self._tokenizer = tokenizer_of(folder / TOKENIZER_FILE)
            self._marks: Marks = marks_of(self._tokenizer)
        except Exception as error:  # tokenizers raises plain Exception.
            raise WorkspaceError(
                f"The reader cannot be opened: {error}.", where=str(folder), remedy="Install Instill again."
            ) from error

    @property
    def fingerprint(self) -> str:
        """Names the weights."""
        return str(self._manifest["fingerprint"])

    def read(self, question: str, passages: Sequence[tuple[str, str]], *, heads: Sequence[str] = ()) -> list[Reading]:
        """Read each of `passages`, pairs of title (with headings, or "") and text; the readings in their order.

        Args:
            heads: for each passage the head of the table that it is cut from, or "". It is read above the text in
                every window; no answer is taken from it.
        """
        asked = tokenize(self._tokenizer, [well_formed(question)])[0]
        titles = tokenize(self._tokenizer, [well_formed(title) for title, _ in passages])
        texts = tokenize(self._tokenizer, [with_comments_as_prose(well_formed(text)) for _, text in passages])
        above = tokenize(self._tokenizer, [well_formed(head) for head in heads or [""] * len(passages)])
        session = self._session  # opened before the threads start, which would each open one

        found: dict[int, Reading] = {}

        def one(place: int) -> None:
            found[place] = _read(session, self._marks, asked, titles[place], texts[place], above[place])

        # Longest first, so that no thread is left alone with a long passage at the end.
        self._workers.each(sorted(range(len(passages)), key=lambda place: -len(texts[place].ids)), one)
        return [found[place] for place in range(len(passages))]

    @cached_property
    def _session(self) -> Any:
        return open_session(self._folder / MODEL_FILE, what="The reader's model", remedy="Install Instill again.")


def _read(session: Any, marks: Marks, asked: Tokens, title: Tokens, text: Tokens, head: Tokens) -> Reading:
    """The best of the passage's windows."""
    places = range(0, max(1, min(len(text.ids), _STRIDE * _MOST_WINDOWS) - _STRIDE), _STRIDE)
    above = head.ids[:_HEAD_TOKENS]
    windows = []
    for low in places:
        shown = text.ids[low : low + PASSAGE_TOKENS - len(above)]
        given = put_together(marks, asked.ids, title.ids, (*above, *shown))
        spans, verdicts = session.run(None, {"input_ids": np.array([given.ids], np.int32)})
        inside = spans[given.first + len(above) : given.first + given.count]
        offsets = np.array(text.offsets[low : low + len(shown)], np.int64).reshape(-1, 2)
        windows.append(_decode(inside, spans[0], verdicts[0], offsets))
    return max(windows, key=lambda reading: reading.score)


def _decode(
    scores: NDArray[np.float32], nothing: NDArray[np.float32], verdicts: NDArray[np.float32], offsets: NDArray[np.int64]
) -> Reading:
    """Scores `(tokens, 2)` of the passage's tokens, and of "no answer" `(2,)`, to a reading."""
    answerable, relevant = float(verdicts[0]), float(verdicts[1])
    if not len(scores):
        return Reading(0, 0, -20.0, answerable, relevant, np.zeros(0, np.float32), offsets)
    first, last, best = best_span(scores[:, 0], scores[:, 1])
    start, end = int(offsets[first, 0]), int(offsets[last, 1])
    weights = ((_softmax(scores[:, 0]) + _softmax(scores[:, 1])) / 2).astype(np.float32)
    return Reading(start, end, best - float(nothing.sum()), answerable, relevant, weights, offsets)


def best_span(starts: NDArray[np.float32], ends: NDArray[np.float32]) -> tuple[int, int, float]:
    """First and last token (inclusive) with the highest sum of scores, at most `LONGEST_ANSWER` tokens apart.

    Example:
        >>> best_span(np.array([0.0, 5.0, 1.0], np.float32), np.array([7.0, 0.0, 4.0], np.float32))
        (1, 2, 9.0)
    """
    sums = np.full((len(starts), LONGEST_ANSWER), -np.inf, np.float32)
    for length in range(min(LONGEST_ANSWER, len(starts))):
        sums[: len(starts) - length, length] = starts[: len(starts) - length] + ends[length:]
    place = int(sums.argmax())
    first, length = divmod(place, LONGEST_ANSWER)
    return first, first + length, float(sums[first, length])


def _softmax(scores: NDArray[np.float32]) -> NDArray[np.float32]:
    raised: NDArray[np.float32] = np.exp(scores - scores.max())
    shares: NDArray[np.float32] = raised / raised.sum()
    return shares
