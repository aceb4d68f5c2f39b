"""Cut a passage into quotable units with exact offsets: sentences, list items, table rows, headings, code.

The text is read line by line, because canonical text keeps the line structure of its source (Markdown,
reStructuredText, the text layer of a PDF). Prose is then cut at sentence ends. No unit overlaps another and every
character that is not white space belongs to exactly one unit, except the marks in front of a quotation's lines.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise
from typing import Literal

from instill.answer.found.definitions import meaning_line
from instill.answer.found.fences import (
    FENCE,
    QUOTED,
    Line,
    closed_first,
    closing_line,
    fence_of,
    is_adornment,
    lines_of,
)
from instill.answer.terms import word_set

Kind = Literal["prose", "item", "row", "heading", "code", "mark"]

LONGEST = 600
"""Longest unit in characters; longer ones (minified data, text without punctuation) are cut at a pause or a space."""

LONGEST_WITH_LINK = 2_400
"""The same of a unit that a link would otherwise be cut in two by."""

_LINK = re.compile(r"\[[^\[\]]*\]\([^()\s]*(?:\([^()]*\)[^()\s]*)*\)|https?://\S+")
_HEADING = re.compile(r"\s{0,3}#{1,6}\s+\S")
_ITEM = re.compile(r"(\s*)(?:[-*+•◦▪‣●○·]|[–—](?=\s)|\(?\d{1,3}[.)]|\([a-zA-Z]\)|[a-z]\)|\(?[ivx]{1,4}[.)])\s+(?=\S)")
_CODE_LINE = re.compile(
    r"\s*(>>>|\.\.\.\s|\$ |#!|//|/\*|</?\w|[\w.\[\]]+\s*(=|\+=|::=)\s)|.*[{};]\s*$|.*\)\s*->|.*\):\s*$"
)
_COMMAND = re.compile(
    r"\s+(?=.*(?:\s--?\w|[\w~.]/\w|\s/\w|\w@\w|\.service\b))[a-z][\w.-]*(?: [^\s]+)+?(?<![.,;:!?])\s*"
)
"""An indented line such as "systemctl start dump@main.service"; it ends like no sentence."""
_BOLD_LEAD = re.compile(r"(\*\*|__)(?=\S)[^*_\n]{2,120}\1(?=[\s:.,–—-]|$)|\*\*[^\n]{2,120}?[.:!?]\*\*")
_STANDS_ALONE = re.compile(
    r"(\*\*|__)(?:(?:important|note|notice|warning|caution|tip|attention|remark|hint)\b|[^\n]+\1\s*$)", re.IGNORECASE
)
"""A warning, or a line that is bold from end to end: a heading rather than one of a list."""
_COUNTED_LEAD = re.compile(r"(?:\*\*|__)?([A-Z][a-z]+) (?:\d{1,2}|[A-F])(?:\.|:)(?=\W)")
_KEY_VALUE = re.compile(r"\s*[^\W\d_][^:;\n.!?]{0,60}: \S")
_RECORD = re.compile(r"[^:;\n]{1,80}: [^;\n]*(?:; [^:;\n]{1,80}:(?: [^;\n]*)?)+;?")
_UNDERLINES = set("=-~^*#\"'+")

_ENDING = re.compile(r"""(?:[.!?…]+|[؟۔।॥]+)(?:["'”’»)\]}*_`]|\[\d{1,3}\])*(?=\s|$)|[。！？｡]+[」』”’）)]*""")
_NEXT_WORD = re.compile(r"""\s*["'“‘«(\[*_`¿¡]*(\w*)""")
_LAST_WORD = re.compile(r"[\w&'’-]+(?:\.[\w&'’-]+)*$")
_INITIALS = re.compile(r"(?:[^\W\d_]\.)*[^\W\d_]$")

_NEVER_LAST = word_set(
    "mr mrs ms dr prof rev hon st gen col sgt capt lt sen rep gov pres messrs mt ft vs e.g i.e cf viz approx "
    "fig figs no nos vol vols ch sec eq ref refs art pp ed eds al "
    "z.b d.h u.a bzw nr abs vgl hr fr bsp p.ex mme mlle sr sra srta pág núm sig dott"
)
_SOMETIMES_LAST = word_set(
    "etc inc ltd co corp jr bros dept est univ a.m p.m u.s u.k u.n d.c b.c a.d ph.d m.d b.a m.a usw "
    "jan feb mar apr jun jul aug sep sept oct nov dec"
)
_STARTERS = word_set(
    "the a an it he she they we you i this that these those there in on at as if when while after before since for "
    "but and or so however its his her their our my all some many most no one der die das ein eine er sie es wir im "
    "le la les un une il elle nous el los las una lo gli i"
)
_MONTHS = word_set("januar februar märz april mai juni juli august september oktober november dezember")


@dataclass(frozen=True, slots=True)
class Sentence:
    """A unit `text[start:end]`, without white space at its ends.

    Args:
        kind: "mark" is a line without letters or digits (a rule, a table's separator, a code fence): never quoted.
        group: units of one list or one table share a number, from 1; 0 for others.
        intro: position, in the returned list, of the line that introduces this unit: the line ending with ":"
            above a list, or the head of a table; None when there is none.
        section: position of the nearest heading above, or None.
    """

    start: int
    end: int
    kind: Kind
    group: int = 0
    intro: int | None = None
    section: int | None = None


def split_sentences(text: str, *, under_head: bool = False, inside: str = "") -> list[Sentence]:
    """The units of `text`, in order.

    Args:
        under_head: the head of the text's first table stands elsewhere (`Passage.table_head`), so none of the table's
            rows is one.
        inside: the fence of the block of code that the text begins in (`instill.answer.found.fences`), "" for none.

    Example:
        >>> text = "We value:\\n- trust, i.e. candour\\n- speed\\n\\nDr. Who agreed. Nobody else did."
        >>> [(s.kind, text[s.start : s.end]) for s in split_sentences(text)][1:4]
        [('item', '- trust, i.e. candour'), ('item', '- speed'), ('prose', 'Dr. Who agreed.')]
    """
    known = _known if len(text) <= _SHORT else _known_long if len(text) <= _LONGEST_KNOWN else _split
    return list(known(text, under_head, inside))


def _split(text: str, under_head: bool, inside: str) -> tuple[Sentence, ...]:
    units: list[Sentence] = []
    for kind, start, end in _blocks(text, inside):
        if kind == "prose" or (kind == "item" and end - start > LONGEST // 2):
            spans = list(_prose(text, start, end))
        else:
            spans = [(start, end)]
        first = True
        for span_start, span_end in spans:
            for piece_start, piece_end in _short_enough(text, span_start, span_end):
                piece = _trimmed(text, piece_start, piece_end)
                if piece is not None:
                    # The later sentences of a long list item are prose that belongs to the item's list.
                    piece_kind: Kind = kind if first or kind != "item" else "prose"
                    units.append(Sentence(*piece, piece_kind))
                    first = False
    return tuple(_linked(text, units, under_head=under_head))


# One question takes the same documents apart several times, and the next question the same passages.
_known, _known_long = lru_cache(maxsize=96)(_split), lru_cache(maxsize=8)(_split)
_SHORT, _LONGEST_KNOWN = 40_000, 400_000
"""Characters of a text that is remembered; of long ones few are."""


def _blocks(text: str, inside: str) -> Iterator[tuple[Kind, int, int]]:
    """Runs of lines of one kind; a heading, list item or table row is a run of its own."""
    lines = list(lines_of(text))
    number = 0
    if inside:
        number = yield from _inside(lines, 0, inside)
    elif closing := closed_first(lines):
        number = yield from _inside(lines, 0, fence_of(lines, closing))
    while number < len(lines):
        line = lines[number]
        if not line.text.strip():
            number += 1
            continue
        if is_adornment(lines, number):
            number += 1
            continue
        fence = fence_of(lines, number)
        if fence:
            yield "mark", line.start, line.end
            number = yield from _inside(lines, number + 1, fence)
            continue
        if _is_underline(lines, number + 1, line.text):
            yield "heading", line.start, line.end
            number += 1
            continue
        kind = _line_kind(lines, number)
        last = number
        if kind == "prose":
            while _continues(lines, last + 1):
                last += 1
        elif kind == "item":
            last = meaning_line(lines, number) or number
            while _continues(lines, last + 1) and not _ends_item(lines[last], lines[last + 1], line):
                last += 1
        elif kind == "code":
            while last + 1 < len(lines) and lines[last + 1].text.strip() and lines[last + 1].indent >= 2:
                last += 1
        yield kind, line.start, lines[last].end
        number = last + 1


def _inside(lines: Sequence[Line], number: int, fence: str) -> Generator[tuple[Kind, int, int], None, int]:
    """Code from line `number` on, and the line that closes it; returns (by `yield from`) the line behind the block."""
    last = closing_line(lines, number, fence)
    if last > number:
        yield "code", lines[number].start, lines[last - 1].end
    if last < len(lines):
        yield "mark", lines[last].start, lines[last].end
    return last + 1


def _line_kind(lines: list[Line], number: int) -> Kind:
    line = lines[number].text
    stripped = line.strip()
    if not any(character.isalnum() for character in stripped):
        return "mark"
    if _HEADING.match(line):
        return "heading"
    if meaning_line(lines, number):
        return "item"
    if (stripped.count("|") >= 2 and (stripped.startswith("|") or " | " in stripped)) or "\t" in stripped:
        return "row"
    if _ITEM.match(line):
        return "item"
    opens = number == 0 or not lines[number - 1].text.strip()
    if lines[number].indent >= 2 and _CODE_LINE.match(line) and opens:
        return "code"
    if (opens or lines[number - 1].text.rstrip().endswith(":")) and _are_commands(lines, number):
        return "code"
    return "prose"


def may_hold_rows(text: str) -> bool:
    """Can there be a table's row in it? Quick, and never wrong where it says no.

    Example:
        >>> may_hold_rows("| Rye | 5 |"), may_hold_rows("Rye is 5.")
        (True, False)
    """
    return "|" in text or "\t" in text


def _are_commands(lines: list[Line], number: int) -> bool:
    """Are the lines from here to the next blank one all indented and commands, with options, paths or units?"""
    last = number
    while last < len(lines) and lines[last].text.strip():
        if lines[last].indent < 2 or len(lines[last].text) > 200 or not _COMMAND.fullmatch(lines[last].text):
            return False
        last += 1
    return last > number


def _is_underline(lines: list[Line], number: int, title: str) -> bool:
    """Is line `number` the underline of the heading `title` ("====" below it)?"""
    if number >= len(lines):
        return False
    mark, title = lines[number].text.strip(), title.strip()
    long_enough = len(mark) >= 3 and len(mark) >= 0.6 * len(title)
    return long_enough and mark[0] in _UNDERLINES and set(mark) == {mark[0]} and "|" not in title and len(title) < 200


def _continues(lines: list[Line], number: int) -> bool:
    """Does line `number` go on with the paragraph or list item above it?"""
    if number >= len(lines) or not lines[number].text.strip() or FENCE.match(lines[number].text):
        return False
    return _line_kind(lines, number) == "prose" and not _is_underline(lines, number + 1, lines[number].text)


def _ends_item(above: Line, line: Line, item: Line) -> bool:
    """A line that is not indented, below a finished item, starts a paragraph of its own."""
    return line.indent <= item.indent and above.text.rstrip().endswith((".", ":", "!", "?", "。"))


def _prose(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Sentence spans inside one paragraph."""
    cuts = {match.end() for match in _ENDING.finditer(text, start, end) if _is_sentence_end(text, match, start, end)}
    cuts |= _line_cuts(text, start, end)
    begin = start
    for cut in sorted(cuts | {end}):
        if cut > begin:
            yield begin, cut
            begin = cut


def _is_sentence_end(text: str, match: re.Match[str], start: int, end: int) -> bool:
    mark = match.group()[0]
    if mark in "。！？｡؟۔।॥" or match.end() >= end:
        return True
    following = _NEXT_WORD.match(text, match.end(), end)
    next_word = following.group(1) if following else ""
    if next_word[:1].islower():
        return False
    if mark != "." or match.group().startswith(".."):
        return True
    before = _LAST_WORD.search(text, max(start, match.start() - 40), match.start())
    word = before.group() if before else ""
    lower, starts_sentence = word.lower(), next_word.lower() in _STARTERS
    if lower in _NEVER_LAST:
        # "no." is also a word: "The answer is no. They left."
        return lower in ("no", "art", "fig") and starts_sentence
    if lower in _SOMETIMES_LAST or (_INITIALS.match(word) and word[:1].isupper()):
        return starts_sentence
    if word.isdigit():
        only_number = not text[start : match.start() - len(word)].strip() if before else False
        return not only_number and next_word.lower() not in _MONTHS
    return True


def _line_cuts(text: str, start: int, end: int) -> set[int]:
    """Line ends inside a paragraph that end a unit too: after ":", between lines of "name: value", or a short line
    before a new beginning.

    Hard-wrapped prose has lines of about one length; a much shorter one closes a title, an address, a caption.
    """
    lines = [line for line in lines_of(text[start:end]) if line.text.strip()]
    widest = max((len(line.text) for line in lines), default=0)
    cuts = set()
    for line, following in pairwise(lines):
        ends_open = line.text.rstrip().endswith(":")
        begins = following.text.lstrip()[:1]
        if is_record(line.text) or is_record(following.text):
            cuts.add(start + line.end)
            continue
        short = len(line.text) < 0.6 * widest and (begins.isupper() or begins.isdigit())
        records = is_key_value(line.text) and is_key_value(following.text)
        if (
            records
            or ends_open
            or (short and not line.text.rstrip().endswith((",", "-", "–", "and", "or", "the", "of")))
        ):
            cuts.add(start + line.end)
    return cuts


def _short_enough(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    while end - start > LONGEST:
        window = text[start : start + LONGEST]
        cut = max(window.rfind("\n"), window.rfind("; ") + 1)
        if cut < LONGEST // 3:
            cut = max(window.rfind(" "), window.rfind("\t"))
        if cut < LONGEST // 3:
            cut = LONGEST
        cut = _behind_link(text, start, start + cut) - start
        yield start, start + cut
        start += cut
    yield start, end


def _behind_link(text: str, start: int, cut: int) -> int:
    """The end of the link or address that the cut falls into, or the cut where the unit would become far too long."""
    places = [text.rfind(mark, start, cut) for mark in ("[", "http")]
    found = [match.end() for place in places if place >= 0 and (match := _LINK.match(text, place))]
    return max((end for end in found if cut < end <= start + LONGEST_WITH_LINK), default=cut)


def _trimmed(text: str, start: int, end: int) -> tuple[int, int] | None:
    piece = text[start:end]
    left = len(piece) - len(piece.lstrip())
    quoted = QUOTED.match(piece, left) if "\n" in piece[:left] else None
    left = quoted.end() if quoted else left
    right = len(piece.rstrip())
    return (start + left, start + right) if right > left else None


def _linked(text: str, units: list[Sentence], *, under_head: bool) -> list[Sentence]:
    """Give every unit its section, list or table number, and introduction."""
    linked: list[Sentence] = []
    groups = 0
    section: int | None = None
    open_lists: list[tuple[int, int, int | None]] = []  # (indent, group, intro), outermost first
    table: tuple[int, int | None] | None = None
    for position, unit in enumerate(units):
        indent = unit.start - (text.rfind("\n", 0, unit.start) + 1)
        before = linked[-1] if linked else None
        opens = before is not None and _opens_list(text, before)
        if unit.kind != "row" and unit.kind != "mark":
            table = None
        if unit.kind == "heading":
            open_lists, section = [], position
            linked.append(unit)
            continue
        if unit.kind == "item":
            while open_lists and open_lists[-1][0] > indent:
                open_lists.pop()
            if not open_lists or open_lists[-1][0] < indent:
                groups += 1
                open_lists.append((indent, groups, position - 1 if opens else None))
            linked.append(replace(unit, group=open_lists[-1][1], intro=open_lists[-1][2], section=section))
            continue
        if unit.kind == "row":
            if table is None:
                groups += 1
                headed = _has_head(text, units, position) and not under_head
                under_head = False
                table = (groups, position if headed else None)
                linked.append(replace(unit, group=groups, section=section))
            else:
                linked.append(replace(unit, group=table[0], intro=table[1], section=section))
            continue
        inside = open_lists and (indent > open_lists[-1][0] or _same_line(text, before, unit))
        if not inside and unit.kind == "prose":
            open_lists = []
        group = open_lists[-1][1] if inside and open_lists else 0
        linked.append(replace(unit, group=group, section=section))
    return _with_leads(text, linked, groups)


def _has_head(text: str, units: list[Sentence], position: int) -> bool:
    """Does a table begin with the names of its columns: a row of bars over a line of dashes, or cells with tabs?"""
    row = text[units[position].start : units[position].end]
    if "|" not in row:
        return True
    below = units[position + 1] if position + 1 < len(units) else None
    return below is not None and below.kind == "mark" and "-" in text[below.start : below.end]


def is_key_value(line: str) -> bool:
    """Does the line begin with a name and its value: "Owner: Olav"?"""
    return _KEY_VALUE.match(line) is not None


def is_record(line: str) -> bool:
    """Is this line a record of a table without a grid: "Item: Chair; Size: M; Price: 12"?

    Example:
        >>> is_record("Item: Chair; Size: M"), is_record("Note: one thing; and another")
        (True, False)
    """
    return _RECORD.fullmatch(line.strip()) is not None


def _with_leads(text: str, units: list[Sentence], groups: int) -> list[Sentence]:
    """Paragraphs of a section that begin alike are a list without bullets: "**Speed.** We ...", "Objective 1: ..."."""
    leads: dict[tuple[int | None, str], list[int]] = {}
    for position, unit in enumerate(units):
        at_line_start = not text[text.rfind("\n", 0, unit.start) + 1 : unit.start].strip()
        if unit.kind == "prose" and not unit.group and at_line_start:
            counted = _COUNTED_LEAD.match(text, unit.start, unit.end)
            line_end = text.find("\n", unit.start)
            alone = _STANDS_ALONE.match(text, unit.start, line_end if line_end >= 0 else len(text))
            if counted or (_BOLD_LEAD.match(text, unit.start, unit.end) and not alone):
                leads.setdefault((unit.section, counted.group(1).lower() if counted else ""), []).append(position)
    for positions in leads.values():
        if len(positions) >= 2:
            groups += 1
            for position in positions:
                units[position] = replace(units[position], kind="item", group=groups)
    return units


def _opens_list(text: str, unit: Sentence) -> bool:
    """Does a list below the unit belong to it: "We need:", or "Objective 2: ..." with its details?"""
    counted = _COUNTED_LEAD.match(text, unit.start, unit.end) is not None
    return unit.kind in ("prose", "item") and (text[unit.end - 1] in ":：" or counted)


def _same_line(text: str, before: Sentence | None, unit: Sentence) -> bool:
    return before is not None and "\n" not in text[before.end : unit.start]
