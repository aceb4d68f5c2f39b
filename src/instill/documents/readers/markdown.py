"""Markdown, as files and as what other readers produce: structure by markdown-it, the text untouched."""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Mapping
from dataclasses import replace
from itertools import accumulate
from typing import Any

from instill.documents.document import Block, Heading, Parsed, Scalar
from instill.documents.readers.job import Job

_FRONT_MATTER = re.compile(
    r"\s*(---|\+\+\+|;;;)[ \t]*(?:yaml|toml|json)?[ \t]*\n(.*?)\n(?:\1|(?<!\+)\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL
)
_TITLE_BLOCK = re.compile(r"(?:%[ \t]*\S?[^\n]*(?:\n[ \t]+\S[^\n]*)*(?:\n|\Z)){1,3}")
_LINK = re.compile(r"!?\[([^\]]*)\]\([^)]*\)")
_TAG = re.compile(r"<[^<>]+>")
_ROW = re.compile(r"\s*\|.*\|\s*")
_ANCHOR = re.compile(r"\s*\{#[^}]*\}\s*$")


def read_markdown_file(job: Job) -> Parsed:
    """A Markdown file."""
    return read_markdown(job.text())


def read_markdown(text: str) -> Parsed:
    """Headings (ATX and setext), fenced and indented code, tables; front matter becomes metadata.

    Its lines stand above the text without their fences: what they say can be searched and cited.
    """
    metadata, above, body = front_matter(text)
    return structured(body, metadata=metadata, above=above)


def structured(text: str, *, title: str = "", metadata: Mapping[str, Scalar] | None = None, above: str = "") -> Parsed:
    """`Parsed` of text in Markdown; the title is the one given, the front matter's, or the first heading of level 1.

    Args:
        above: lines that go above the text and are not Markdown.
    """
    headings, blocks = structure(text)
    metadata = dict(metadata or {})
    named = metadata.pop("title", "")
    tops = [heading for heading in headings if heading.level == 1]
    first = tops[0].title if tops and (len(tops) == 1 or not text[: tops[0].start].strip()) else ""
    parsed = Parsed(text, title or str(named) or first, headings, (), blocks, metadata)
    return _below(above, parsed) if above else parsed


def _below(above: str, parsed: Parsed) -> Parsed:
    """The document with lines above it."""
    moved = len(above) + 2 if parsed.text.strip() else len(above)
    return replace(
        parsed,
        text=f"{above}\n\n{parsed.text}" if parsed.text.strip() else above,
        headings=[replace(heading, start=heading.start + moved) for heading in parsed.headings],
        blocks=[
            replace(
                block,
                start=block.start + moved,
                end=block.end + moved,
                head_start=block.head_start + moved if block.head_end else 0,
                head_end=block.head_end + moved if block.head_end else 0,
            )
            for block in parsed.blocks
        ],
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


def front_matter(text: str) -> tuple[dict[str, Scalar], str, str]:
    """Metadata from front matter, its lines, and the text after it; `({}, "", text)` where there is none.

    YAML between `---` (or up to `...`), TOML between `+++`, JSON between `;;;` or in braces alone, and Pandoc's title
    block of lines that begin with `%`.
    """
    match = _FRONT_MATTER.match(text)
    if match is not None:
        values = _load(match[1], match[2])
        above = _json_lines(values) if match[1] == ";;;" and values else match[2].strip("\n")
        end = match.end()
    elif text.lstrip().startswith("{"):
        values, end = _braces(text)
        above = _json_lines(values) if values else ""
    else:
        values, end = _title_block(text)
        above = "\n".join(f"{key}: {value}" for key, value in values.items()) if values else ""
    if values is None:
        return {}, "", text
    return scalars(values), above.rstrip(), text[end:].lstrip("\n")


def _braces(text: str) -> tuple[Mapping[Any, Any] | None, int]:
    start = len(text) - len(text.lstrip())
    try:
        values, end = json.JSONDecoder().raw_decode(text, start)
    except (ValueError, RecursionError):
        return None, 0
    alone = text[end : end + 1] in ("", "\n")
    return (values if isinstance(values, Mapping) and values and alone else None), end


def _json_lines(values: Mapping[Any, Any]) -> str:
    from instill.documents.readers.records import readable

    return "\n".join(readable(values))


def _title_block(text: str) -> tuple[Mapping[Any, Any] | None, int]:
    """Title, authors and date, in this order, as far as they are there."""
    match = _TITLE_BLOCK.match(text)
    if match is None:
        return None, 0
    parts = [" ".join(part.split()) for part in re.split(r"(?m)^%", match[0])[1:]]
    found = {key: part for key, part in zip(("title", "author", "date"), parts, strict=False) if part}
    return found or None, match.end()


def _load(fence: str, source: str) -> Mapping[Any, Any] | None:
    import tomllib

    import yaml

    try:
        # YAML's aliases could expand without end; front matter has no use for them.
        if fence == "+++":
            values: Any = tomllib.loads(source)
        elif fence == ";;;":
            values = json.loads(source if source.lstrip().startswith("{") else f"{{{source}}}")
        else:
            values = None if _aliases(source) else yaml.safe_load(source)
    except (yaml.YAMLError, ValueError, RecursionError, AttributeError, TypeError):
        return None
    return values if isinstance(values, Mapping) and values else None


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
