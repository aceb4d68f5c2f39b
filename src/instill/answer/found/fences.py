"""Where code stands between fences, in a whole document and in a part that may begin inside of it.

Fences open and close alike, so which of them one is can only be told from the document's beginning.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

FENCE = re.compile(r"\s*(`{3,}|~{3,}|\{\{[<%]\s*highlight\b|\{%-?\s*highlight\b)")
_TICKS = re.compile(r"\s{0,3}(`{3,}|~{3,})\s*([\w{.][^`]*)?$")
_CLOSING = {"{{": re.compile(r"\s*\{\{[<%]\s*/\s*highlight"), "{%": re.compile(r"\s*\{%-?\s*endhighlight")}
"""What closes a block of code that a page's templates open (Hugo, Jekyll)."""
QUOTED = re.compile(r"(?: {0,3}>(?:$| (?![\d<])))+")
"""What begins a line of a Markdown quotation; not ">>>" of Python, nor "> 90 days"."""


@dataclass(frozen=True, slots=True)
class Line:
    start: int
    end: int
    text: str

    @property
    def indent(self) -> int:
        return len(self.text) - len(self.text.lstrip())


@dataclass(frozen=True, slots=True)
class CodeBlock:
    """The characters `[start, end)` of a document from the line of the opening fence to the end of the closing one;
    `fence` is what opens it."""

    start: int
    end: int
    fence: str


def block_around(document: str, place: int) -> CodeBlock | None:
    """The block of code that `place` stands in, behind its opening fence and not behind its closing one.

    Example:
        >>> document = "Run:\\n```\\nmake\\nmake test\\n```\\nThen look."
        >>> block_around(document, document.index("make test")), block_around(document, document.index("Then"))
        (CodeBlock(start=5, end=27, fence='```'), None)
    """
    return next((block for block in code_blocks(document) if block.start < place < block.end), None)


@lru_cache(maxsize=64)
def code_blocks(document: str) -> tuple[CodeBlock, ...]:
    """All blocks of code between fences, in order; one that is never closed reaches to the end."""
    if not any(mark in document for mark in ("```", "~~~", "highlight")):
        return ()
    lines = list(lines_of(document))
    found = []
    number = 0
    while number < len(lines):
        fence = fence_of(lines, number)
        if not fence:
            number += 1
            continue
        last = closing_line(lines, number + 1, fence)
        end = lines[min(last, len(lines) - 1)].end
        found.append(CodeBlock(lines[number].start, end, fence))
        number = last + 1
    return tuple(found)


def fence_of(lines: Sequence[Line], number: int) -> str:
    """What opens a block of code at line `number`: "```", or "{{" of a template; "" where nothing does."""
    if is_adornment(lines, number):
        return ""
    match = FENCE.match(lines[number].text)
    return match[1] if match else ""


def closing_line(lines: Sequence[Line], number: int, fence: str) -> int:
    """The line, from `number` on, that closes what `fence` opened; the number of lines where none does."""
    closing = _CLOSING.get(fence[:2])
    while number < len(lines) and not (
        closing.match(lines[number].text) if closing else lines[number].text.lstrip().startswith(fence)
    ):
        number += 1
    return number


def closed_first(lines: Sequence[Line]) -> int:
    """The line of the first fence where it closes a block that begins before the text, as in a passage that was cut
    inside of code; 0 where none does. A fence that opens the next block by naming a language shows it: between two
    fences that open, one closes.

    Example:
        >>> closed_first(list(lines_of("let s = 1;\\n```\\nSo s is 1.\\n```rust\\nlet t = 2;\\n```")))
        1
    """
    fences = [(number, match) for number, line in enumerate(lines) if (match := _TICKS.match(line.text))]
    if len(fences) < 2 or fences[0][0] == 0:
        return 0
    (first, one), (_, two) = fences[:2]
    return first if one[1] == two[1] and not one[2] and two[2] else 0


def lines_of(text: str) -> Iterator[Line]:
    """A line of a quotation begins behind its mark, so that lists and code in it are what they are elsewhere."""
    start = 0
    for line in text.split("\n"):
        mark = QUOTED.match(line) if ">" in line[:4] else None
        inside = mark.end() if mark else 0
        yield Line(start + inside, start + len(line), line[inside:])
        start += len(line) + 1


def is_adornment(lines: Sequence[Line], number: int) -> bool:
    """Is it a line of "~~~~" or "````" below or above a heading of reStructuredText, and no fence around code?

    It is as long as its heading; one whose heading stands in another passage has nothing right below it.
    """
    mark = lines[number].text.rstrip()
    if len(mark) < 3 or mark[0] not in "~`" or set(mark) != {mark[0]} or mark == "```":
        return False  # Three backticks below a word of one or two letters open code.
    above = lines[number - 1].text.strip() if number else ""
    below = lines[number + 1].text.strip() if number + 1 < len(lines) else ""
    again = lines[number + 2].text.rstrip() if number + 2 < len(lines) else ""
    if above and set(above) != {mark[0]}:
        return len(mark) >= len(above) and any(character.isalnum() for character in above)
    if below:
        return mark[0] == "~" and len(mark) > 4 and again == mark and len(mark) >= len(below)
    return number == 0 and len(mark) > 4
