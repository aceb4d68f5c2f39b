"""Question sets as JSON Lines."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from instill.documents.text_decoding import strict_text
from instill.errors import UsageError
from instill.study.types import AskedQuestion, EvidenceText, StudyQuestion

FORMS = ("direct", "reworded", "keywords", "reverse", "indirect")
"""How a question may ask."""

_FORMAT = '{"question": "…", "answer": "…"}'


def read_questions(path: str | os.PathLike[str], *, unknown: bool = False) -> list[AskedQuestion]:
    """A user's own questions, a JSON object a line.

    A line has `question` and, unless `"answerable": false`, an `answer` or an `evidence` list of
    `{"text": …, "source" or "doc_id": …}` (or both). `quote` and `document` are short for one piece of evidence, a list
    of answers holds the others that are as right, as `accepted` does, and `form` says how it asks. `wrong` lists
    quotations, in the form of `evidence`, that do not answer. Other keys are ignored. What `write_jsonl` wrote can be
    read.

    Args:
        unknown: include questions of which only `wrong` is known; training uses them.

    Raises:
        UsageError: the file cannot be read, a line is not such an object, or there is no line; the line is named.

    Example:
        >>> import tempfile
        >>> file = Path(tempfile.mkdtemp()) / "questions.jsonl"
        >>> _ = file.write_text('{"question": "Who approves journeys?", "answer": "the head of the department"}')
        >>> read_questions(file)[0].answer
        'the head of the department'
    """
    file = Path(path)
    try:
        lines = strict_text(file.read_bytes()).split("\n")
    except OSError as error:
        raise UsageError(f"The questions cannot be read: {error.strerror}.", where=str(file)) from error
    except UnicodeDecodeError as error:
        raise UsageError("The questions are not UTF-8 text.", where=str(file)) from error
    read = (_read(line, str(file), number) for number, line in enumerate(lines, start=1) if line.strip())
    found = [question for question in read if unknown or question.is_known]
    if not found:
        raise UsageError("There is no question in the file.", where=str(file), remedy=f"A line looks like {_FORMAT}")
    return found


def write_jsonl(path: str | os.PathLike[str], questions: Iterable[StudyQuestion | AskedQuestion]) -> int:
    """Write questions, one JSON object a line; how many. `read_questions` reads them again."""
    count = 0
    with Path(path).open("w", encoding="utf-8") as file:
        for question in questions:
            row = asdict(question)
            if isinstance(question, StudyQuestion):
                row["evidence"] = [{"doc_id": question.doc_id, "text": question.answer}]
                row["evidence_span"] = list(question.evidence)
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
            count += 1
    return count


def _read(line: str, file: str, number: int) -> AskedQuestion:
    where = f"{file}, line {number}"
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        reason = error.msg if isinstance(error, json.JSONDecodeError) else "it cannot be read"
        raise UsageError(f"This line is not JSON: {reason}.", where=where, remedy=f"It looks like {_FORMAT}") from None
    if not isinstance(row, Mapping) or not _text(row, "question"):
        raise UsageError("This line has no question.", where=where, remedy=f"It looks like {_FORMAT}")
    answerable = row.get("answerable", True)
    if not isinstance(answerable, bool):
        raise UsageError('"answerable" must be true or false.', where=where)
    evidence, wrong = _quotations(row, "evidence", where), _quotations(row, "wrong", where)
    form = _text(row, "form") or "direct"
    if form not in FORMS:
        raise UsageError(f'"form" must be one of {", ".join(FORMS)}.', where=where)
    answer, *others = [*_texts(row, "answer", where), *_texts(row, "accepted", where)] or [""]
    quote = _text(row, "quote")
    if answerable and not (answer or evidence or quote or wrong):
        raise UsageError(
            "This question has neither an answer nor evidence.",
            where=where,
            remedy='Give an "answer", or say "answerable": false.',
        )
    if quote or _text(row, "document"):
        evidence.append(EvidenceText(quote or answer, _text(row, "document")))
    return AskedQuestion(
        _text(row, "question"), answer, tuple(evidence), answerable, tuple(others), form, number, tuple(wrong)
    )


def _quotations(row: Mapping[str, Any], key: str, where: str) -> list[EvidenceText]:
    parts = row.get(key) or []
    if not isinstance(parts, list) or not all(isinstance(part, Mapping) and _text(part, "text") for part in parts):
        raise UsageError(f'"{key}" must be a list of objects with a "text".', where=where)
    return [EvidenceText(_text(part, "text"), _text(part, "source"), _text(part, "doc_id")) for part in parts]


def _texts(row: Mapping[str, Any], key: str, where: str) -> list[str]:
    """One text or several."""
    values = row.get(key)
    if not isinstance(values, list):
        return [text] if (text := _text(row, key)) else []
    found = [_text({key: value}, key) for value in values]
    if not all(found):
        raise UsageError(f'"{key}" must be a text or a list of texts.', where=where)
    return found


def _text(row: Mapping[str, Any], key: str) -> str:
    value = row.get(key)
    return str(value).strip() if isinstance(value, (str, int, float)) and not isinstance(value, bool) else ""
