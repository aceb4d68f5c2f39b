"""The pieces of a document that an answer is made of: paragraphs, lists, table rows, code, short sections.

A piece is shown whole: a list with the line that introduces it, a block of code with the paragraph above it, a table's
row with the table's head, a short section with everything in it. Its spans are offsets into the document.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from instill.answer.found.fences import block_around
from instill.answer.found.headings import heading_level, heading_text
from instill.answer.found.introductions import LONGEST_INTRODUCTION, lead_of, top_items
from instill.answer.found.named_parts import names_below, names_of_items, section_around, widened
from instill.answer.found.sentences import Sentence, is_record, split_sentences
from instill.answer.found.titled_items import (
    BOLD_QUESTION,
    are_titled,
    line_of_words,
    name_of,
    title_of,
)
from instill.answer.terms import terms
from instill.index.types import Hit

PieceKind = Literal["paragraph", "list", "names", "code", "row", "table", "section", "record"]
"""Of "names" the first span introduces the others."""

LONGEST_PIECE = 1_800
"""Longest piece in characters that is shown whole; a longer list or paragraph is shown in part."""

LONGEST_SECTION = 1_500
"""Longest section in characters that is a piece of its own."""

LONGEST_STEPS = 2_600
"""The same where the steps of something are asked for."""

LONGEST_TABLE = 1_500
"""The same for a table; of a longer one only rows are pieces."""

_AROUND = 3_000
"""Characters of the document that are looked at before and behind a passage."""

_KEY_LINE = re.compile(r"\s*(?:[-*+]\s+)?(?:\*\*|__)?[\w][\w ./()'-]{0,40}(?:\*\*|__)?\s*[:=]\s*\S")


@dataclass(frozen=True, slots=True)
class Block:
    """A paragraph, list, block of code, or table: `text[start:end]` of the window, made of the units `first` to `last`.

    `lead` is where the paragraph begins that introduces it (`start` where none does).
    """

    kind: PieceKind
    start: int
    end: int
    first: int
    last: int
    lead: int
    heading: int | None


@dataclass(frozen=True, slots=True)
class Piece:
    """Something whole that can be shown.

    Args:
        hit: the passage that it was found in, widened so that it holds every span.
        spans: what is quoted, in the document's order; offsets into the document.
        headings: the path of headings above it, from the document's first ("Guide > Install"), without the title.
        rank: the position of its passage among the hits.
    """

    hit: Hit
    kind: PieceKind
    spans: tuple[tuple[int, int], ...]
    headings: str
    rank: int

    @property
    def text(self) -> str:
        """What is quoted, each span on lines of its own."""
        return "\n".join(self.hit.text[start - self.hit.start : end - self.hit.start] for start, end in self.spans)

    @property
    def size(self) -> int:
        """Characters that are quoted."""
        return sum(end - start for start, end in self.spans)

    def holds(self, start: int, end: int) -> bool:
        """Whether one of its spans holds the document's characters `[start, end)`."""
        return any(low <= start and end <= high for low, high in self.spans)


@dataclass(frozen=True, slots=True)
class Window:
    """A passage with some of its document around it, cut into units and blocks."""

    document: str
    hit: Hit
    units: Sequence[Sentence]
    blocks: Sequence[Block]
    rank: int
    passage: tuple[int, int]


def open_window(hit: Hit, document: str | None, rank: int) -> Window | None:
    """The window around a hit; None when the document is gone or has changed."""
    if document is None or document[hit.start : hit.end] != hit.text:
        return None
    start = max(0, document.rfind("\n", 0, max(0, hit.start - _AROUND)) + 1)
    end = min(len(document), hit.end + _AROUND)
    if end < len(document):
        end = max(hit.end, document.rfind("\n", hit.end, end))
    code = block_around(document, start)
    if code is not None and start - code.start <= _AROUND:
        start, code = code.start, None  # The block is shown from its beginning.
    text = document[start:end]
    wide = replace(hit, start=start, end=end, text=text, last_page=None)
    units = split_sentences(text, inside=code.fence if code else "")
    return Window(document, wide, units, _blocks(text, units), rank, (hit.start, hit.end))


def pieces_at(
    window: Window,
    place: int,
    *,
    sections: bool,
    steps: bool = False,
    advice: bool = False,
    narrow: bool = False,
    titled: bool = False,
    named: Collection[str] = (),
    things: Sequence[frozenset[str]] = (),
) -> list[Piece]:
    """The pieces that hold the document's character `place`, the smallest first.

    Args:
        sections: whether the short section around it is one of them, and the whole list or table.
        steps: whether a paragraph takes along the list or code that follows it in its section.
        advice: whether a block of code takes along what stands behind it: what an error message means, what to do.
        narrow: whether one item of a longer list is shown, not the list.
        titled: the same of a list whose items have titles of their own.
        named: numbers and codes of the question; what stands under a heading with one of them is not cut into items.
        things: what the question names side by side; items of one list that are named after them are one piece.
    """
    at = place - window.hit.start
    # A paragraph that introduces a list or code belongs to both blocks: the later one shows it with what it introduces.
    block = next((each for each in reversed(window.blocks) if each.lead <= at < each.end), None)
    number = next((n for n, unit in enumerate(window.units) if unit.start <= at < unit.end), None)
    if number is None:
        return []
    if window.units[number].kind == "heading":
        section = _section(window, number, steps)
        return [section] if section else []
    if block is None:
        return []
    found: list[Piece] = []
    path = headings_above(window, block.heading)
    if block.kind == "table":
        row = _row(window, number, path)
        found += [row] if row else []
        if block.end - block.start <= LONGEST_TABLE:
            found.append(_piece(window, "table", [(block.lead, block.end)], path))
    elif block.kind == "record":
        found.append(_piece(window, "record", [(block.start, block.end)], path))
        first, last = _records_around(window, block)
        if first < last and window.blocks[last].end - window.blocks[first].start <= LONGEST_TABLE:
            found.append(_piece(window, "table", [(window.blocks[first].start, window.blocks[last].end)], path))
    elif block.kind == "list" and number < block.first and block.end - block.lead > LONGEST_PIECE:
        found.append(_piece(window, "list", [(block.lead, _last_that_fits(window, block))], path))
    elif block.kind == "list" and (
        block.end - block.lead > LONGEST_PIECE
        or (narrow and number >= block.first and _items(window, block) > 5)
        or (titled and number >= block.first and _stand_alone(window, block, path, named))
    ):
        spans, several = _item_spans(window, block, number, things)
        title = "" if several else title_of(window.hit.text[slice(*spans[-1])])
        found.append(_piece(window, "list", spans, " > ".join(part for part in (path, title) if part)))
    elif block.kind == "paragraph" and narrow and (line := line_of_words(window.hit.text, block.start, block.end, at)):
        found.append(_piece(window, "paragraph", [line], path))
    elif block.kind == "paragraph" and block.end - block.lead > LONGEST_PIECE:
        found.append(_piece(window, "paragraph", [_around(window.units, number, block)], path))
    else:
        start, end = _with_steps(window, block, advice) if steps or advice else (block.lead, block.end)
        found.append(_piece(window, block.kind, [(start, end)], path))
    if sections and block.heading is not None:
        section = _section(window, block.heading, steps)
        if section and all(section.spans != piece.spans for piece in found):
            found.append(section)
    return found


def lists_of(window: Window) -> list[Piece]:
    """Every list of several items in the window, whole."""
    return [
        _piece(window, "list", [(block.lead, block.end)], headings_above(window, block.heading))
        for block in window.blocks
        if block.kind == "list" and _items(window, block) > 1 and block.end - block.lead <= LONGEST_STEPS
    ]


def names_at(window: Window, place: int) -> list[Piece]:
    """The names of what the document's character `place` is a part of, where that is too long to be shown: of the items
    of lists in its section, and of the headings below its heading and below the one above that."""
    found = []
    low, high = section_around(window.document, place)
    whole = replace(window.hit, start=low, end=high, text=window.document[low:high])
    section = open_window(whole, window.document, window.rank)
    assert section is not None
    for block in section.blocks:
        if block.kind == "list" and block.end - block.lead > LONGEST_PIECE and block.start < high - section.hit.start:
            names = names_of_items(section.hit.text, section.units[block.first : block.last + 1])
            intro = _introduced_by(section, block)
            if names and intro:
                found.append(_piece(section, "names", [intro, *names], headings_above(section, block.heading)))
    number = next((n for n, unit in enumerate(window.units) if unit.start <= place - window.hit.start < unit.end), None)
    for heading in _headings_over(window, number)[-2:] if number is not None else ():
        unit, base = window.units[heading], window.hit.start
        below = names_below(window.document, (base + unit.start, base + unit.end))
        if below is not None:
            spans = (below[0], *below[1])
            hit = widened(window.hit, window.document, spans)
            if hit.end - spans[0][0] > LONGEST_SECTION:
                found.append(Piece(hit, "names", spans, headings_above(window, heading), window.rank))
    return found


def _introduced_by(window: Window, block: Block) -> tuple[int, int] | None:
    """The line that introduces a list, or the paragraph above it; else its heading."""
    if block.lead < block.start:
        return block.lead, len(window.hit.text[: block.start].rstrip())
    place = window.blocks.index(block)
    above = window.blocks[place - 1] if place else None
    if above is not None and above.kind == "paragraph" and above.heading == block.heading:
        return (above.start, above.end) if above.end - above.start <= LONGEST_INTRODUCTION else None
    heading = None if block.heading is None else window.units[block.heading]
    return None if heading is None else (heading.start, heading.end)


def _headings_over(window: Window, number: int) -> list[int]:
    """The headings that a unit stands under, or is, the outermost first."""
    found: list[int] = []
    level = 7
    for place in range(number, -1, -1):
        unit = window.units[place]
        if unit.kind == "heading" and heading_level(window.hit.text, unit) < level:
            level = heading_level(window.hit.text, unit)
            found.insert(0, place)
    return found


def _stand_alone(window: Window, block: Block, path: str, named: Collection[str]) -> bool:
    """Is each of its items shown alone, as they have titles? Not where a heading above them is asked about, as in "What
    is new in 3.4.1?"."""
    starts = [unit.start for unit in window.units[block.first : block.last + 1] if unit.kind == "item"]
    ends = [*starts[1:], block.end]
    items = [window.hit.text[start:end] for start, end in zip(starts, ends, strict=True)]
    return not any(name in path for name in named) and are_titled(items)


def _records_around(window: Window, block: Block) -> tuple[int, int]:
    first = last = window.blocks.index(block)
    while first > 0 and window.blocks[first - 1].kind == "record":
        first -= 1
    while last + 1 < len(window.blocks) and window.blocks[last + 1].kind == "record":
        last += 1
    return first, last


def _items(window: Window, block: Block) -> int:
    return sum(unit.kind == "item" for unit in window.units[block.first : block.last + 1])


def _with_steps(window: Window, block: Block, advice: bool) -> tuple[int, int]:
    """The block and the steps that belong to it: the next list or code of its section, one paragraph between at most.

    With `advice`, code (an error message) takes along what stands behind it in its section: the cause, and the steps of
    the remedy. The span never ends with a line that introduces something which is left out.
    """
    place = window.blocks.index(block)
    following = [each for each in window.blocks[place + 1 : place + 6] if each.heading == block.heading]
    wanted = len(following) if block.kind == "code" and advice else 0
    for number, each in enumerate(following[:3]):
        if each.kind in ("list", "code") and (number <= 1 or following[number - 1].kind == each.kind):
            wanted = max(wanted, number + 1)
    while 0 < wanted < len(following) and following[wanted].lead < following[wanted - 1].end:
        wanted += 1
    ends = [block.end, *(each.end for each in following[:wanted])]
    for number in range(len(ends) - 1, -1, -1):
        opens = number < len(following) and following[number].lead < ends[number]
        if ends[number] - block.lead <= LONGEST_PIECE and not opens:
            return block.lead, ends[number]
    return block.lead, block.end


def headings_above(window: Window, heading: int | None) -> str:
    """The path of headings down to the unit `heading`, with what the passage knows of the headings above the window."""
    path: list[str] = []
    level = 7
    number = heading
    while number is not None and number >= 0:
        unit = window.units[number]
        if unit.kind == "heading":
            own = heading_level(window.hit.text, unit)
            if own < level:
                path.insert(0, heading_text(window.hit.text[unit.start : unit.end]))
                level = own
        number -= 1
    known = [part for part in window.hit.headings.split(" > ") if part]
    if not path:
        return " > ".join(known)
    if path[0] in known:
        return " > ".join([*known[: known.index(path[0])], *path])
    return " > ".join(path if level == 1 else [*known[: max(0, level - 1)], *path])


def key_lines(text: str) -> bool:
    """Is this a block of lines such as "Owner: Olav"?

    Example:
        >>> key_lines("Owner: Olav\\nStatus: paused"), key_lines("One line: no block.")
        (True, False)
    """
    lines = [line for line in text.splitlines() if line.strip()]
    return len(lines) >= 2 and sum(bool(_KEY_LINE.match(line)) and len(line) < 160 for line in lines) >= 0.7 * len(
        lines
    )


def _piece(window: Window, kind: PieceKind, spans: Sequence[tuple[int, int]], path: str) -> Piece:
    base = window.hit.start
    return Piece(window.hit, kind, tuple((base + start, base + end) for start, end in spans), path, window.rank)


def _blocks(text: str, units: Sequence[Sentence]) -> list[Block]:
    blocks: list[Block] = []
    number = 0
    heading: int | None = None
    while number < len(units):
        unit = units[number]
        if unit.kind == "heading":
            heading = number
            number += 1
            continue
        last = number
        if unit.kind == "mark" and not _fence(text, unit):
            number += 1
            continue
        if unit.kind in ("code", "mark"):
            kind: PieceKind = "code"
            while last + 1 < len(units) and units[last + 1].kind in ("code", "mark") and _near(text, units, last):
                last += 1
                if units[last].kind == "mark" and _fence(text, units[last]):
                    break
        elif unit.kind == "prose" and not unit.group and _indented(text, unit):
            kind = "code"
            while last + 1 < len(units) and units[last + 1].kind in ("prose", "code") and _goes_on(text, units, last):
                last += 1
        elif unit.kind == "row":
            kind = "table"
            while (
                last + 1 < len(units) and units[last + 1].kind in ("row", "mark") and not _fence(text, units[last + 1])
            ):
                last += 1
            while units[last].kind == "mark":
                last -= 1
        elif unit.kind == "item":
            kind = "list"
            while last + 1 < len(units) and _in_list(text, units, last + 1):
                last += 1
        elif is_record(text[unit.start : unit.end]):
            kind = "record"
        else:
            kind = "paragraph"
            while last + 1 < len(units) and units[last + 1].kind == "prose" and _same_paragraph(text, units, last):
                if is_record(text[units[last + 1].start : units[last + 1].end]):
                    break
                last += 1
        start, end = units[number].start, units[last].end
        lead = lead_of(text, blocks, kind, start, heading, top_items(text, units[number : last + 1]))
        blocks.append(Block(kind, start, end, number, last, lead, heading))
        number = last + 1
    return blocks


def _fence(text: str, unit: Sentence) -> bool:
    return text[unit.start : unit.end].lstrip().startswith(("```", "~~~", "{{<", "{{%", "{%"))


def _indented(text: str, unit: Sentence) -> bool:
    """Markdown's other form of code: its lines begin with four spaces."""
    line = text[text.rfind("\n", 0, unit.start) + 1 : unit.end]
    return line.startswith(("    ", "\t"))


def _goes_on(text: str, units: Sequence[Sentence], number: int) -> bool:
    return _indented(text, units[number + 1]) and _near(text, units, number)


def _near(text: str, units: Sequence[Sentence], number: int) -> bool:
    """A fence opens and closes with marks; between them everything is code."""
    return text[units[number].end : units[number + 1].start].count("\n") < 3


def _same_paragraph(text: str, units: Sequence[Sentence], number: int) -> bool:
    return text[units[number].end : units[number + 1].start].count("\n") < 2


def _in_list(text: str, units: Sequence[Sentence], number: int) -> bool:
    """Does the unit go on with the list: another item, or what stands, indented, inside an item?"""
    unit = units[number]
    if unit.kind == "item":
        return True
    if unit.kind in ("heading", "row"):
        return False
    if unit.kind == "prose" and "\n" not in text[units[number - 1].end : unit.start]:
        return True  # "**Do I have to book?** Only for ..."
    indent = unit.start - (text.rfind("\n", 0, unit.start) + 1)
    if unit.kind == "prose":
        return unit.group > 0 or (indent >= 2 and not text[text.rfind("\n", 0, unit.start) + 1 : unit.start].strip())
    following = next((each for each in units[number + 1 :] if each.kind not in ("code", "mark")), None)
    return indent >= 2 or (
        following is not None and following.kind == "item" and following.group == units[number - 1].group
    )


def _row(window: Window, number: int, path: str) -> Piece | None:
    """The row, under the table's head; None for the head itself."""
    unit = window.units[number]
    if unit.intro is not None:
        head = window.units[unit.intro]
        return _piece(window, "row", [(head.start, head.end), (unit.start, unit.end)], path)
    hit = window.hit
    if hit.table_head and not hit.start <= hit.table_head_start < hit.end:
        return _piece(window, "row", [(unit.start, unit.end)], path)
    return None


def _item_spans(
    window: Window, block: Block, number: int, things: Sequence[frozenset[str]]
) -> tuple[list[tuple[int, int]], bool]:
    """Of a long list: the line that introduces it and the item, with what stands inside the item; with the items beside
    it that are named after other things of the question. Whether there are any."""
    units = window.units
    first = number
    while first > block.first and units[first].kind != "item":
        first -= 1
    shown = _beside(window, block, first, things)
    items = [(units[each].start, units[_last_inside(window, block, each)].end) for each in shown]
    if block.lead < block.start:
        above = window.hit.text[block.lead : block.start].rstrip()
        return [(block.lead, block.lead + len(above)), *items], len(items) > 1
    intro = units[first].intro
    if intro is not None:
        return [(units[intro].start, units[intro].end), *items], len(items) > 1
    return items, len(items) > 1


def _last_inside(window: Window, block: Block, item: int) -> int:
    """The last unit of what stands inside the item, up to the next item."""
    last = item
    while last < block.last and window.units[last + 1].kind != "item":
        last += 1
    return last


def _beside(window: Window, block: Block, item: int, things: Sequence[frozenset[str]]) -> list[int]:
    """The items of the item's own list that are named after the things, where it is and several are; else itself."""
    units, text = window.units, window.hit.text
    called: dict[int, set[int]] = {}
    for number in range(block.first, block.last + 1):
        if things and units[number].kind == "item" and units[number].group == units[item].group:
            name = set(terms(name_of(text[units[number].start : units[number].end])))
            found = {place for place, thing in enumerate(things) if thing & name}
            called |= {number: found} if found else {}
    several = len(set().union(*called.values())) > 1
    return list(called) if item in called and several else [item]


def _last_that_fits(window: Window, block: Block) -> int:
    """Where a list that is shown with what announces it ends: whole as far as steps are, else at its last item that is
    no longer than a piece."""
    if block.end - block.lead <= LONGEST_STEPS:
        return block.end
    starts = [unit.start for unit in window.units[block.first : block.last + 1] if unit.kind == "item"]
    ends = [len(window.hit.text[:start].rstrip()) for start in starts[1:]]
    return max((end for end in ends if end - block.lead <= LONGEST_PIECE), default=block.start)


def _around(units: Sequence[Sentence], number: int, block: Block) -> tuple[int, int]:
    """Of a long paragraph: the sentence and its neighbours, about 600 characters."""
    first = last = number
    while units[last].end - units[first].start < 600:
        grow_back = first > block.first and units[last].end - units[first - 1].start < 900
        grow_on = last < block.last and units[last + 1].end - units[first].start < 900
        if not grow_back and not grow_on:
            break
        if grow_on:
            last += 1
        if grow_back and units[last].end - units[first - 1].start < 900:
            first -= 1
    return units[first].start, units[last].end


def _section(window: Window, heading: int, steps: bool) -> Piece | None:
    """The heading's whole section, when it is short and says something."""
    text, units = window.hit.text, window.units
    level = heading_level(text, units[heading])
    end = len(units)
    for number in range(heading + 1, len(units)):
        if units[number].kind == "heading" and heading_level(text, units[number]) <= level:
            end = number
            break
    inside = [unit for unit in units[heading + 1 : end] if unit.kind not in ("heading", "mark")]
    if not inside or (end == len(units) and window.hit.end - units[-1].end > 1):
        return None
    last = units[end - 1]
    first = units[heading + 1]
    if last.end - first.start > (LONGEST_STEPS if steps else LONGEST_SECTION):
        return None
    if len(BOLD_QUESTION.findall(text, first.start, last.end)) > 1:
        return None  # Questions with their answers are pieces of their own.
    path = headings_above(window, heading)
    return _piece(window, "section", [(first.start, last.end)], path)
