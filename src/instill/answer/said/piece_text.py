"""How a piece of a document reads in an answer: lists as lists, code as code, a table's row with its columns' names."""

from __future__ import annotations

import re
from collections.abc import Iterator

from instill.answer.found.definitions import defined
from instill.answer.found.headings import heading_text
from instill.answer.found.pieces import Piece, key_lines
from instill.answer.found.sentences import Sentence, is_key_value, is_record, split_sentences
from instill.answer.harmless_text import plain_text, safe_text

_NUMBER = re.compile(r"\s*(\(?\d{1,3}[.)])\s")
_HIDDEN = re.compile(
    r"^\s*(?:\{[%{].*[%}]\}|\[[^\]]+\]:\s*\S+.*|#!?\[.*\]|<!--.*-->|\.\. \|[^|]+\| \w+::.*|---+|\+\+\++)\s*$"
)
"""Lines of a page's own machinery: template tags, link definitions, attributes, rules."""


_SENTENCE_WORDS = 6
"""An indented line of so many words that ends like a sentence is one, and no code."""

_DEEP_KEY = re.compile(r"\s*[\w-]+(?:\[\d+\]|\.[\w-]+\[)[\w.\[\]-]*\s*:")
"""A key deep inside a record ("arguments[0].name: key"): machinery, not something to read."""


def shown(piece: Piece) -> str:
    """The piece as Markdown without decoration: paragraphs on one line, list items and code on lines of their own.

    Example:
        >>> from instill.answer.found.pieces import open_window, pieces_at
        >>> from instill.index.types import Hit
        >>> text = "Use this command:\\n\\n```\\napp remove\\n```\\n"
        >>> hit = Hit("d", 0, 0, len(text), text, "", None, None, "a.md", "text", "A", (), {}, 1.0, 1.0, 1.0)
        >>> [piece] = pieces_at(open_window(hit, text, 0), 0, sections=False)
        >>> print(shown(piece))
        Use this command:
        ```
        app remove
        ```
    """
    if piece.kind == "row" and len(piece.spans) == 2:
        head, row = (piece.hit.text[start - piece.hit.start : end - piece.hit.start] for start, end in piece.spans)
        return row_with_names(head, row) or plain_text(row)
    if piece.kind == "row" and piece.hit.table_head:
        return row_with_names(piece.hit.table_head, piece.text) or plain_text(piece.text)
    if piece.kind == "names":
        names = (piece.hit.text[start - piece.hit.start : end - piece.hit.start] for start, end in piece.spans[1:])
        return "\n".join([*_lines(piece, *piece.spans[0]), *(f"- {_name(name)}" for name in names)])
    lines = [line for span in piece.spans for line in _lines(piece, *span)]
    return "\n".join(line for number, line in enumerate(lines) if line.strip() or _ends_a_list(lines, number))


def _ends_a_list(lines: list[str], number: int) -> bool:
    """Is it the empty line without which the paragraph below would go on with the list's last item?"""
    return 0 < number < len(lines) - 1 and bool(lines[number - 1].strip()) and bool(lines[number + 1].strip())


def _name(text: str) -> str:
    """A heading, or the names of one thing, on one line."""
    lines = (heading_text(line) if line.startswith("#") else line for line in text.splitlines())
    return ", ".join(plain_text(line) for line in lines if line.strip())


def row_with_names(head: str, row: str) -> str:
    """A table row with the names of its columns: "Plan: Team, Price: 10"; "" when they do not match."""
    names = [plain_text(cell) for cell in _cells(head)]
    cells = [plain_text(cell) for cell in _cells(row)]
    if len(names) != len(cells):
        return ""
    return ", ".join(f"{name}: {cell}" if name else cell for name, cell in zip(names, cells, strict=True) if cell)


def _cells(line: str) -> list[str]:
    line = line.strip().splitlines()[0] if line.strip() else ""
    if "\t" in line and "|" not in line:
        return line.split("\t")
    return re.split(r"(?<!\\)\|", line.strip().strip("|"))


def _lines(piece: Piece, start: int, end: int) -> Iterator[str]:
    text = piece.hit.text[start - piece.hit.start : end - piece.hit.start]
    units = split_sentences(text)
    head: str | None = None
    paragraph: list[str] = []
    code_at = -1
    last_end = 0
    for number, unit in enumerate(units):
        raw = text[unit.start : unit.end]
        gap = text[last_end : unit.start].count("\n")
        last_end = unit.end
        if paragraph and (unit.kind != "prose" or gap > 1 or is_key_value(raw)):
            yield " ".join(paragraph)
            paragraph = []
        if number and units[number - 1].group and unit.kind == "prose" and not unit.group and gap > 1:
            yield ""
        if unit.kind == "mark":
            continue  # Also the line between a table's head and its rows.
        if unit.kind != "row":
            head = None
        if unit.kind == "code" or (unit.kind == "prose" and _is_code(text, unit)):
            if code_at < 0 or not _joined_code(text, units, number):
                yield "```"
            yield from _code(text, unit)
            code_at = number
            if not _next_is_code(text, units, number):
                yield "```"
                code_at = -1
            continue
        if unit.kind == "heading":
            yield plain_text(raw).rstrip(":") + ":"
        elif unit.kind == "row":
            if head is None and not _only_row(units, number):
                head = raw
                continue
            names = head or _head_above(piece.hit.text, start - piece.hit.start + unit.start)
            yield "- " + (row_with_names(names, raw) or plain_text(raw))
        elif unit.kind == "item":
            yield _item(text, unit)
        elif is_record(raw) and len(units) > 1:
            yield f"- {plain_text(raw)}"
        elif key_lines(raw) or (is_key_value(raw) and _beside_key_line(text, units, number)):
            yield from (plain_text(line) for line in raw.splitlines() if line.strip() and not _DEEP_KEY.match(line))
        else:
            paragraph.extend(_prose(raw))
    if paragraph:
        yield " ".join(paragraph)


def _head_above(text: str, place: int) -> str:
    """The names above the row at `place`: the table's first line, where the second has no letters; else ""."""
    lines = text[:place].splitlines()
    table: list[str] = []
    while lines and "|" in lines[-1]:
        table.append(lines.pop())
    return table[-1] if len(table) > 1 and set(table[-2].strip()) <= set("|-: ") else ""


def _beside_key_line(text: str, units: list[Sentence], number: int) -> bool:
    """Is the unit before or behind, on the next line, of the same form?"""
    for other in (number - 1, number + 1):
        if 0 <= other < len(units):
            between = text[min(units[number].end, units[other].end) : max(units[number].start, units[other].start)]
            if between.count("\n") == 1 and is_key_value(text[units[other].start : units[other].end]):
                return True
    return False


def _prose(raw: str) -> list[str]:
    kept = "\n".join(line for line in raw.splitlines() if not _HIDDEN.match(line))
    text = plain_text(kept)
    return [text] if text else []


def _item(text: str, unit: Sentence) -> str:
    raw = text[unit.start : unit.end]
    line_start = text.rfind("\n", 0, unit.start) + 1
    indent = "  " if unit.start - line_start >= 2 else ""
    lines = raw.splitlines()
    if len(lines) > 1 and key_lines(raw):
        return f"{indent}- " + "; ".join(plain_text(line) for line in lines if line.strip())
    definition = defined(raw)
    if definition:
        return f"{indent}- {plain_text(definition[0])}: {plain_text(definition[1])}"
    number = _NUMBER.match(raw)
    if number:
        return f"{indent}{number.group(1).strip('()').rstrip('.')}. {plain_text(raw[number.end() :])}"
    return f"{indent}- {plain_text(raw).removeprefix('- ')}"


def _is_code(text: str, unit: Sentence) -> bool:
    """Is it indented, and neither a sentence nor what goes on behind one?"""
    lead = text[text.rfind("\n", 0, unit.start) + 1 : unit.start]
    if unit.group or not lead.startswith(("    ", "\t")) or lead.strip():
        return False
    raw = text[unit.start : unit.end].rstrip()
    return not (raw.endswith((".", "!", "?", ":")) and len(raw.split()) >= _SENTENCE_WORDS)


def _code(text: str, unit: Sentence) -> Iterator[str]:
    line_start = text.rfind("\n", 0, unit.start) + 1
    lines = safe_text(text[line_start : unit.end]).splitlines()
    indents = [len(line) - len(line.lstrip()) for line in lines if line.strip()]
    least = min(indents, default=0)
    yield from (line[least:].rstrip() for line in lines)


def _next_is_code(text: str, units: list[Sentence], number: int) -> bool:
    following = units[number + 1] if number + 1 < len(units) else None
    return following is not None and (
        following.kind == "code" or (following.kind == "prose" and _is_code(text, following))
    )


def _joined_code(text: str, units: list[Sentence], number: int) -> bool:
    before = units[number - 1] if number else None
    return before is not None and (before.kind == "code" or (before.kind == "prose" and _is_code(text, before)))


def _only_row(units: list[Sentence], number: int) -> bool:
    return not any(unit.kind == "row" for unit in units[number + 1 :])
