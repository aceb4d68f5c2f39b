"""What a reader is trained from: questions with a passage and the answer's place in it, or with no answer in it.

Two forms are read. JSON in the layout of SQuAD (versions 1.1 and 2.0), and JSON lines with one row each:

    {"question": "...", "passage": "...", "title": "...", "group": "...",
     "answers": [{"text": "...", "start": 17}]}

`answers` is empty when the passage does not answer; `start` counts characters. `"answerable": true` beside empty
`answers` says that the passage as a whole answers and no words of it are to be marked (the steps of a procedure). Rows
of one `group` (an article, a story, a manual) always stay on one side of the split into trained and held out; without
it the title is the group.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from instill.documents.text_decoding import strict_text
from instill.errors import UsageError


@dataclass(frozen=True, slots=True)
class Row:
    """One question; `answers` are `(start, end)` in characters of `passage`, none when it does not answer.

    `whole`: the passage answers, and no words of it are marked.
    """

    question: str
    passage: str
    title: str
    group: str
    answers: tuple[tuple[int, int], ...]
    whole: bool = False

    @property
    def answerable(self) -> bool:
        """Whether the passage answers."""
        return self.whole or bool(self.answers)

    @property
    def texts(self) -> list[str]:
        """The answers as they stand in the passage."""
        return [self.passage[start:end] for start, end in self.answers]


def read_rows(paths: Sequence[Path], more: Iterable[Row] = ()) -> list[Row]:
    """All rows of the files, in their order, then `more`; the same question on the same passage counts once.

    Raises:
        UsageError: a file is missing, is in neither form, or names an answer that is not where it says.
    """
    rows: dict[tuple[str, str], Row] = {}
    for path in paths:
        try:
            for row in _read(path):
                rows.setdefault((row.question, row.passage), row)
        except OSError as error:
            raise UsageError(
                "The file cannot be read.", where=str(path), remedy=str(error.strerror or error)
            ) from error
    for row in more:
        rows.setdefault((row.question, row.passage), row)
    return list(rows.values())


def held_out(group: str, share: float, *, seed: int = 0) -> bool:
    """Whether this group is kept from training: decided by a hash of its normalised name, the same in every data set.

    Example:
        >>> held_out("Steam engine", 0.5) == held_out("Steam_engine", 0.5)
        True
    """
    name = " ".join(group.replace("_", " ").lower().split())
    digest = hashlib.sha256(f"{seed} {name}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64 < share


def split_rows(rows: Iterable[Row], share: float, *, seed: int = 0) -> tuple[list[Row], list[Row]]:
    """`(trained, held out)`, whole groups on one side; rows whose passage is on both sides are not trained on."""
    trained: list[Row] = []
    held: list[Row] = []
    for row in rows:
        (held if held_out(row.group, share, seed=seed) else trained).append(row)
    passages = {row.passage for row in held}
    return [row for row in trained if row.passage not in passages], held


def rows_hash(rows: Iterable[Row]) -> str:
    """A hash of all rows in their order, for cards and for noticing changed data on resuming."""
    digest = hashlib.sha256()
    for row in rows:
        said = [row.question, row.passage, row.title, row.answers, *([True] if row.whole else [])]
        digest.update(json.dumps(said).encode())
    return digest.hexdigest()[:24]


def _read(path: Path) -> Iterator[Row]:
    text = strict_text(path.read_bytes())
    if path.suffix == ".jsonl":
        for number, line in enumerate(text.splitlines(), 1):
            if line.strip():
                yield _checked(_json(line, f"{path}:{number}"), f"{path}:{number}")
        return
    whole = _json(text, str(path))
    if not isinstance(whole, dict) or not isinstance(whole.get("data"), list):
        raise UsageError(
            "The file is not a reading data set.",
            where=str(path),
            remedy='Give JSON in the layout of SQuAD, or JSON lines with "question", "passage" and "answers".',
        )
    for article in whole["data"]:
        yield from _squad(article, str(path))


def _squad(article: Any, where: str) -> Iterator[Row]:
    try:
        title = str(article.get("title", "")).replace("_", " ")
        for paragraph in article["paragraphs"]:
            for entry in paragraph["qas"]:
                answers = () if entry.get("is_impossible") else entry["answers"]
                yield _checked(
                    {
                        "question": entry["question"],
                        "passage": paragraph["context"],
                        "title": title,
                        "answers": [{"text": each["text"], "start": each["answer_start"]} for each in answers],
                    },
                    where,
                )
    except (KeyError, TypeError, AttributeError) as error:
        raise UsageError(
            f"The file is not in the layout of SQuAD: {error} is missing or of another kind.", where=where
        ) from error


def _json(text: str, where: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise UsageError(f"The file is not valid JSON: {error}.", where=where) from error


def _checked(entry: Any, where: str) -> Row:
    """The row, when every answer stands in the passage where it says (a `start` off by white space is mended)."""
    try:
        question, passage = str(entry["question"]).strip(), str(entry["passage"])
        title = str(entry.get("title") or "")
        group = str(entry.get("group") or title or hashlib.sha256(passage.encode()).hexdigest())
        spans = []
        for answer in entry["answers"]:
            text = str(answer["text"]).strip()
            start = passage.find(text, max(0, int(answer["start"]) - 3))
            if not text or start < 0 or start > int(answer["start"]) + 3:
                raise UsageError(
                    f'The answer "{text[:60]}" is not at character {answer["start"]} of its passage.', where=where
                )
            spans.append((start, start + len(text)))
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise UsageError(
            f"A row cannot be used: {error!r}.",
            where=where,
            remedy='A row needs "question", "passage" and "answers" (a list of {"text", "start"}).',
        ) from error
    if not question or not passage.strip():
        raise UsageError("A row has an empty question or passage.", where=where)
    return Row(
        question, passage, title, group, tuple(dict.fromkeys(spans)), not spans and entry.get("answerable") is True
    )
