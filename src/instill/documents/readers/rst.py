"""reStructuredText as it is; sections by their adornment, literal blocks and tables kept together."""

from __future__ import annotations

import re
from itertools import accumulate

from instill.documents.document import Block, Heading, Parsed
from instill.documents.readers.job import Job

_ADORNED = re.compile(r"([!-/:-@\[-`{-~])\1{2,}\s*")
_LITERAL = re.compile(r"(?!\.\.(?! (?:code|code-block|sourcecode|literalinclude|highlight)::)).*::(?:\s+\S+)?\s*")
_TABLE_EDGE = re.compile(r"\s*(?:\+[-=+]{3,}\+|={2,}(?: +={2,})+)\s*")
_ROLE = re.compile(r":[\w:.+-]+:`~?([^`<]+?)(?: <[^>]*>)?`|``([^`]+)``|`([^`<]+?)(?: <[^>]*>)?`_{0,2}")


def read_rst(job: Job) -> Parsed:
    """Level 1 is the first adornment in the file, as in docutils."""
    text = job.text()
    lines = text.split("\n")
    starts = [0, *accumulate(len(line) + 1 for line in lines)]
    headings = _headings(lines, starts)
    blocks = [Block("table", starts[a], starts[b] - 1) for a, b in _tables(lines)]
    taken = {line for block in _tables(lines) for line in range(*block)}
    blocks += [Block("code", starts[a], starts[b] - 1) for a, b in _literals(lines) if a not in taken]
    title = headings[0].title if headings else ""
    return Parsed(text=text, title=title, headings=headings, blocks=sorted(blocks, key=lambda block: block.start))


def _headings(lines: list[str], starts: list[int]) -> list[Heading]:
    styles: list[tuple[str, bool]] = []
    headings: list[Heading] = []
    number = 0
    while number + 1 < len(lines):
        line, below = lines[number], lines[number + 1]
        over = (
            _ADORNED.fullmatch(line) is not None
            and number + 2 < len(lines)
            and lines[number + 2].strip()[:1] == line[:1]
            and _ADORNED.fullmatch(lines[number + 2]) is not None
            and bool(below.strip())
            and _ADORNED.fullmatch(below) is None
        )
        under = (
            bool(line.strip())
            and not line[:1].isspace()
            and _ADORNED.fullmatch(line) is None
            and _ADORNED.fullmatch(below) is not None
            and len(below.rstrip()) >= min(len(line.rstrip()), 4)
            and (number == 0 or not lines[number - 1].strip() or lines[number - 1].startswith(".. "))
        )
        if over or under:
            style = ((line if over else below)[0], over)
            if style not in styles:
                styles.append(style)
            title = _plain(below if over else line)
            headings.append(Heading(min(styles.index(style) + 1, 6), title, starts[number]))
            number += 3 if over else 2
        else:
            number += 1
    return headings


def _plain(title: str) -> str:
    return " ".join(_ROLE.sub(lambda match: match[1] or match[2] or match[3] or "", title).split())


def _literals(lines: list[str]) -> list[tuple[int, int]]:
    """Indented lines after a line that ends in "::", or after a code directive."""
    found: list[tuple[int, int]] = []
    number = 0
    while number < len(lines):
        line = lines[number]
        number += 1
        if not _LITERAL.fullmatch(line):
            continue
        indent = len(line) - len(line.lstrip())
        first, last = number, number
        while number < len(lines) and (
            not lines[number].strip() or len(lines[number]) - len(lines[number].lstrip()) > indent
        ):
            number += 1
            last = number if lines[number - 1].strip() else last
        while first < last and not lines[first].strip():
            first += 1
        if first < last:
            found.append((first, last))
    return found


def _tables(lines: list[str]) -> list[tuple[int, int]]:
    """Grid tables up to the next blank line; simple tables up to their last edge before a blank line."""
    found: list[tuple[int, int]] = []
    number = 0
    while number < len(lines):
        if not _TABLE_EDGE.fullmatch(lines[number]):
            number += 1
            continue
        first = number
        simple = "+" not in lines[number]
        edges = 1
        number += 1
        while number < len(lines) and (lines[number].strip() or (simple and edges < 3)):
            edges += bool(_TABLE_EDGE.fullmatch(lines[number]))
            number += 1
            if simple and edges >= 3:
                break
        found.append((first, number))
    return found
