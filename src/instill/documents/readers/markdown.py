"""Markdown, as files and as what other readers produce: structure by markdown-it, the text untouched."""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping
from itertools import accumulate
from typing import Any

from instill.documents.document import Block, Heading, Parsed, Scalar
from instill.documents.readers.job import Job

_FRONT_MATTER = re.compile(r"\s*(---|\+\+\+)[ \t]*\n(.*?)\n\1[ \t]*(?:\n|\Z)", re.DOTALL)
_LINK = re.compile(r"!?\[([^\]]*)\]\([^)]*\)")
_TAG = re.compile(r"<[^<>]+>")
_ROW = re.compile(r"\s*\|.*\|\s*")
_ANCHOR = re.compile(r"\s*\{#[^}]*\}\s*$")


def read_markdown_file(job: Job) -> Parsed:
    """A Markdown file."""
    return read_markdown(job.text())


def read_markdown(text: str) -> Parsed:
    """Headings (ATX and setext), fenced and indented code, tables; YAML or TOML front matter becomes metadata.

    Front matter is not part of the canonical text unless there is nothing else.
    """
    metadata, body = front_matter(text)
    return structured(body, metadata=metadata)


def structured(text: str, *, title: str = "", metadata: Mapping[str, Scalar] | None = None) -> Parsed:
    """`Parsed` of text in Markdown; the title is the one given, the front matter's, or the first heading of level 1."""
    headings, blocks = structure(text)
    metadata = dict(metadata or {})
    named = metadata.pop("title", "")
    tops = [heading for heading in headings if heading.level == 1]
    first = tops[0].title if tops and (len(tops) == 1 or not text[: tops[0].start].strip()) else ""
    return Parsed(
        text=text,
        title=title or str(named) or first,
        headings=headings,
        blocks=blocks,
        metadata=metadata,
    )


def structure(text: str) -> tuple[list[Heading], list[Block]]:
    """Headings and blocks of Markdown text, offsets into it."""
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark").enable("table").disable(["inline"], ignoreInvalid=True)
    lines = text.split("\n")
    starts = [0, *accumulate(len(line) + 1 for line in lines)]
    headings: list[Heading] = []
    blocks: list[Block] = []
    tokens = parser.parse(text)
    for number, token in enumerate(tokens):
        if token.map is None:
            continue
        first, last = token.map
        start, end = starts[first], min(starts[last], len(text))
        if token.type == "heading_open":
            title = plain(tokens[number + 1].content)
            if title:
                offset = len(lines[first]) - len(lines[first].lstrip())
                headings.append(Heading(int(token.tag[1:]), title, start + offset))
        elif token.type in ("fence", "code_block"):
            blocks.append(Block("code", start, end))
        elif token.type == "table_open":
            head_end = starts[first + 2] - 1 if first + 2 < last else end  # names, and the line of dashes below them
            named = any(character.isalnum() for character in lines[first])
            blocks.append(Block("table", start, end, start, head_end) if named else Block("table", start, end))
        elif token.type == "paragraph_open" and last - first > 1 and all(map(_ROW.fullmatch, lines[first:last])):
            blocks.append(Block("table", start, end))
    return headings, blocks


def plain(inline: str) -> str:
    """A heading's text without links, tags, marks.

    Example:
        >>> plain("The `add` **command** ([docs](https://example.org))")
        'The add command (docs)'
    """
    shown = _ANCHOR.sub("", _TAG.sub("", _LINK.sub(r"\1", inline)))
    return re.sub(r"\s+", " ", re.sub(r"[`*]|(?<!\w)_|_(?!\w)", "", shown)).strip(" #")


def front_matter(text: str) -> tuple[dict[str, Scalar], str]:
    """Metadata from front matter, and the text after it; `({}, text)` where there is none that can be read."""
    match = _FRONT_MATTER.match(text)
    if match is None:
        return {}, text
    values = _load(match[1], match[2])
    if values is None:
        return {}, text
    body = text[match.end() :].lstrip("\n")
    return scalars(values), (body if body.strip() else text)


def _load(fence: str, source: str) -> Mapping[Any, Any] | None:
    import tomllib

    import yaml

    try:
        # YAML's aliases could expand without end; front matter has no use for them.
        values = tomllib.loads(source) if fence == "+++" else None if _aliases(source) else yaml.safe_load(source)
    except (yaml.YAMLError, ValueError, RecursionError):
        return None
    return values if isinstance(values, Mapping) else None


def _aliases(source: str) -> bool:
    return re.search(r"(?m)(?:^|[:\-\[,]\s)\s*\*\w+", source) is not None


def scalars(values: Mapping[Any, Any]) -> dict[str, Scalar]:
    """Metadata keys in `[a-z][a-z0-9_]*`, scalar values, dates as ISO text; a short list of scalars as "a, b"."""
    found: dict[str, Scalar] = {}
    for key, value in values.items():
        name = re.sub(r"[^a-z0-9]+", "_", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", str(key)).lower()).strip("_")
        if not re.match(r"[a-z]", name):
            continue
        if isinstance(value, (datetime.date, datetime.datetime)):
            value = value.isoformat()
        if isinstance(value, list) and all(isinstance(entry, (str, int, float)) for entry in value):
            value = ", ".join(str(entry) for entry in value)
        if isinstance(value, (str, int, float, bool)) and value != "":
            found[name] = value[:1000] if isinstance(value, str) else value
    if isinstance(found.get("date"), str) and "year" not in found:
        year = re.match(r"(\d{4})", str(found["date"]))
        if year:
            found["year"] = int(year[1])
    return found
