"""JSON, JSON lines and notebooks as lines that a person can read; every key is kept.

    address.city: Berlin

A value keeps its whole path, so that a passage from the middle of a file can be understood.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace

from instill.documents.document import Block, Heading, Parsed
from instill.documents.limits_before_parsing import check_depth
from instill.documents.readers.job import Job
from instill.documents.readers.markdown import structured
from instill.documents.readers.text import read_text

_OUTPUT_LENGTH = 5000


def read_json(job: Job) -> Parsed:
    """A section for each large member of the top object, a paragraph for each record of a list.

    What is not valid JSON (a file with comments, say) is read as the text that it is, with a notice.
    """
    text = job.text()
    check_depth(text)
    try:
        value = json.loads(text)
    except ValueError as error:
        return _as_text(text, f"It is not valid JSON ({error}), so it was read as plain text.")
    return _document(value)


def read_jsonl(job: Job) -> Parsed:
    """A paragraph for each line's record."""
    text = job.text()
    paragraphs: list[str] = []
    broken = 0
    for number, line in enumerate(text.split("\n")):
        if not line.strip():
            continue
        check_depth(line)
        try:
            paragraphs.append("\n".join(_lines(json.loads(line), "")))
        except ValueError:
            broken += 1
            paragraphs.append(line.strip())
        if number % 5000 == 4999:
            job.alive()
    if broken and broken == len(paragraphs):
        return _as_text(text, "No line is valid JSON, so it was read as plain text.")
    notices = (
        (f"{broken} of {len(paragraphs)} lines are not valid JSON and were read as plain text.",) if broken else ()
    )
    return Parsed(text="\n\n".join(filter(None, paragraphs)), notices=notices)


def read_notebook(job: Job) -> Parsed:
    """Markdown cells as they are, code cells and their text outputs as code blocks."""
    text = job.text()
    check_depth(text)
    try:
        notebook = json.loads(text)
        cells = notebook.get("cells") or [cell for sheet in notebook["worksheets"] for cell in sheet["cells"]]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        return _as_text(text, f"It is not a valid notebook ({type(error).__name__}), so it was read as plain text.")
    metadata = notebook.get("metadata") or {}
    language = str((metadata.get("kernelspec") or {}).get("language") or "python")
    parts = [part.strip("\n") for cell in cells if isinstance(cell, dict) for part in _cell(cell, language)]
    return structured("\n\n".join(part for part in parts if part.strip()), title=str(metadata.get("title") or ""))


def _cell(cell: Mapping[str, object], language: str) -> Iterator[str]:
    source = _joined(cell.get("source", cell.get("input", "")))
    if cell.get("cell_type") != "code":
        yield source
        return
    if source.strip():
        yield _fenced(source, language)
    outputs = cell.get("outputs")
    for output in outputs if isinstance(outputs, list) else []:
        data = output.get("data") if isinstance(output.get("data"), dict) else {}
        shown = _joined(output.get("text") or data.get("text/markdown") or data.get("text/plain") or "")
        if shown.strip():
            yield _fenced(shown[:_OUTPUT_LENGTH], "text")


def _fenced(content: str, language: str) -> str:
    fence = "```"
    while fence in content:
        fence += "`"
    return f"{fence}{language}\n{content.rstrip()}\n{fence}"


def _joined(value: object) -> str:
    return "".join(map(str, value)) if isinstance(value, list) else str(value or "")


def _as_text(text: str, notice: str) -> Parsed:
    return replace(read_text(text), notices=(notice,))


def _document(value: object) -> Parsed:
    if isinstance(value, list):
        return Parsed(text="\n\n".join(filter(None, ("\n".join(_lines(entry, "")) for entry in value))))
    if not isinstance(value, dict):
        return Parsed(text=_scalar(value))
    small = [line for key, entry in value.items() if _is_small(entry) for line in _lines(entry, str(key))]
    parts = ["\n".join(small)] if small else []
    length = len(parts[0]) + 2 if parts else 0
    headings: list[Heading] = []
    blocks: list[Block] = []
    for key, entry in value.items():
        if _is_small(entry):
            continue
        name = " ".join(str(key).split()) or "(no name)"
        headings.append(Heading(1, name, length))
        if isinstance(entry, list):
            body = "\n\n".join(filter(None, ("\n".join(_lines(record, "")) for record in entry)))
        else:
            body = "\n".join(_lines(entry, ""))
        part = f"{name}\n{body}"
        parts.append(part)
        length += len(part) + 2
    title = value.get("title") or value.get("name")
    return Parsed(
        text="\n\n".join(parts), title=title if isinstance(title, str) else "", headings=headings, blocks=blocks
    )


def _is_small(value: object) -> bool:
    """Scalars and lists of scalars, which fit a line."""
    if isinstance(value, list):
        return not any(isinstance(entry, (dict, list)) for entry in value)
    return not isinstance(value, dict) or not value


def _lines(value: object, path: str) -> Iterator[str]:
    if isinstance(value, dict):
        for key, entry in value.items():
            yield from _lines(entry, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list) and not _is_small(value):
        for number, entry in enumerate(value):
            yield from _lines(entry, f"{path}[{number}]")
    else:
        shown = ", ".join(map(_scalar, value)) if isinstance(value, list) else _scalar(value)
        if shown:
            yield f"{path}: {shown}" if path else shown


def readable(value: object) -> list[str]:
    """A JSON value as lines, each with the path of its value."""
    return list(_lines(value, ""))


def _scalar(value: object) -> str:
    if value is None or value in ({}, []):
        return ""
    return value.strip() if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
