"""PDF: the text layer page by page (pypdfium2), headings by font, OCR for pages without text."""

from __future__ import annotations

import re
import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from instill.common.extras import how_to_install
from instill.documents.document import Block, Heading, Page, Parsed, Scalar
from instill.documents.readers.job import OCR_SECONDS, Job
from instill.documents.readers.pdf_layout import Region, Row, Word, continues, regions
from instill.documents.text_decoding import normalise
from instill.errors import DocumentError

MAX_PAGES = 20_000
_LIGATURES = {"ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "\ufb05": "st", "\ufb06": "st"}
_LIGATURE = re.compile("[" + "".join(_LIGATURES) + "]")
_HYPHEN = re.compile("([^\\W\\d_]+)(?:-\n|[\x02\xad\ufffe]\\s*)([a-z]+)")  # PDFium marks those that it finds itself
_SOFT_HYPHEN = re.compile("(\\d?)[\x02\xad\ufffe]\\s*")
_CONTROL = re.compile("[\x00-\x08\x0b\x0e-\x1b\x7f-\x84\x86-\x9f]")
_NUMBER = re.compile(r"\d[\d,.]*")
_BOLD = re.compile(r"bold|black|heavy|semibold|demi", re.IGNORECASE)
_COMPANY = re.compile(r"\b(?:Inc|Corp|Co|Ltd|Bros|etc)\.\s*$")
_LONG_NUMBER = re.compile(r"(?!(?:19|20)\d\d\b)\d{4,}|\d,\d{3}|\d%")
_NO_TITLE = re.compile(r"\(?(?:untitled|anonymous|unspecified|unknown|none)\)?|[\W\d_]*", re.IGNORECASE)
_PROGRAM = re.compile(r"^(?:Microsoft (?:Word|PowerPoint|Excel)|Print(?:ing)?) - ", re.IGNORECASE)
_MAX_HEADING = 110
_SHAPES = 20
_FEW_LINES = 2  # a running head or foot beside a table that goes on


@dataclass(frozen=True, slots=True)
class _Line:
    text: str
    size: float
    bold: bool
    gap: float  # white space over it, in line heights
    top: float = 0.0
    bottom: float = 0.0
    words: tuple[Word, ...] = ()
    table: Region | None = None


def read_pdf(job: Job) -> Parsed:
    """One `Page` a page. Paragraphs are told apart by the space between lines, headings by size and weight.

    Raises:
        DocumentError: encrypted, damaged, without pages, or without any text.
    """
    import pypdfium2

    try:
        document = pypdfium2.PdfDocument(job.data)
    except pypdfium2.PdfiumError as error:
        raise _refused(error, job.data) from error
    try:
        if not 0 < len(document) <= MAX_PAGES:
            raise DocumentError(
                f"The PDF has {len(document)} pages; 1 to {MAX_PAGES:,} are read.",
                remedy="Split it into smaller files.",
            )
        pages, notices = _pages(document, job)
        return _assembled(pages, _metadata(document), notices)
    finally:
        document.close()


_PAGE = re.compile(rb"/Type\s{0,9}/Page\b")
_NO_PAGES = re.compile(rb"<<(?=[^<>]{0,300}/Type\s{0,9}/Pages\b)[^<>]{0,300}/Count\s{1,9}0\b")
"""The dictionary of a tree of pages that has none."""


def _refused(error: Exception, data: bytes) -> DocumentError:
    if _NO_PAGES.search(data) and not _PAGE.search(data):  # PDFium does not tell this from damage
        return DocumentError("The PDF has no pages.", remedy="Save it again from the program that made it.")
    if "password" in str(error).lower():
        return DocumentError(
            "The PDF is encrypted.", remedy="Save a copy without the password and add that, e.g. by printing to PDF."
        )
    return DocumentError(
        "The PDF is damaged and cannot be opened.", remedy="Open it in a viewer, save it again, and add the new file."
    )


def _pages(document: Any, job: Job) -> tuple[list[list[_Line]], list[str]]:
    import pypdfium2

    pages: list[list[_Line]] = []
    table: Region | None = None
    read_by_ocr: list[int] = []
    ocr = job.settings.ocr
    unreadable: list[int] = []
    unseen: list[int] = []
    for number in range(1, len(document) + 1):
        job.alive()
        try:
            page = document[number - 1]
            lines = [] if ocr == "always" else _text_lines(page)
            if not lines and ocr != "never" and (ocr == "always" or _has_image(page)):
                from instill.documents.readers.image import can_read_pictures, ocr_page

                if can_read_pictures():
                    job.alive(OCR_SECONDS)
                    lines = [_Line(text, 0.0, False, 0.0) for text in ocr_page(page)]
                    read_by_ocr += [number] if lines else []
                else:
                    unseen.append(number)
                    lines = _text_lines(page) if ocr == "always" else []
            lines, table = _arranged(lines, table)
            pages.append(lines)
            page.close()
        except pypdfium2.PdfiumError:
            unreadable.append(number)
            pages.append([])
    notices = []
    if unseen and not any(pages):
        raise DocumentError("Its pages are pictures, and OCR is not installed.", remedy=how_to_install("ocr"))
    if unseen:
        notices.append(
            f"{len(unseen)} of {len(document)} pages are pictures and were not read: {_some(unseen)}. "
            f"{how_to_install('ocr')}, then remove the document and add it again."
        )
    if read_by_ocr:
        notices.append(f"{len(read_by_ocr)} of {len(document)} pages were read by OCR.")
    if unreadable:
        notices.append(
            f"{len(unreadable)} of {len(document)} pages are damaged and were left out: {_some(unreadable)}."
        )
    empty = [number for number, lines in enumerate(pages, 1) if not lines and number not in (*unreadable, *unseen)]
    if empty and len(empty) < len(pages):
        notices.append(f"{len(empty)} of {len(document)} pages have no text: {_some(empty)}.")
    return pages, notices


def _some(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, numbers[:10])) + (", ..." if len(numbers) > 10 else "")


def _has_image(page: Any) -> bool:
    """Whether the page shows something to read: a picture, or letters drawn as shapes (a few are rules and boxes)."""
    import pypdfium2.raw as raw

    shapes = 0
    for found in page.get_objects(max_depth=4):
        if found.type in (raw.FPDF_PAGEOBJ_IMAGE, raw.FPDF_PAGEOBJ_SHADING):
            return True
        shapes += found.type == raw.FPDF_PAGEOBJ_PATH
    return shapes > _SHAPES


def _text_lines(page: Any) -> list[_Line]:
    """The lines of a page's text layer with their look, taken from one character in the middle of each."""
    textpage = page.get_textpage()
    try:
        raw_text: str = textpage.get_text_range(errors="ignore")
        aligned = len(raw_text) == textpage.count_chars()
        lines: list[_Line] = []
        position, last_bottom = 0, None
        for piece in raw_text.split("\n"):
            start, position = position, position + len(piece) + 1
            text = piece.rstrip("\r").rstrip()
            if not text.strip():
                continue
            size, bold, top, bottom = _look(textpage, start, len(text)) if aligned else (0.0, False, 0.0, 0.0)
            height = max(size, 1.0)
            gap = (last_bottom - top) / height if last_bottom is not None and aligned else 0.0
            last_bottom = bottom
            words = _words(textpage, text, start) if aligned else ()
            lines.append(_Line(text, size, bold, gap, top, bottom, words))
        return lines
    finally:
        textpage.close()


def _words(textpage: Any, text: str, start: int) -> tuple[Word, ...]:
    """The words of a line with where they begin and end, as far as they stand from left to right."""
    import ctypes

    import pypdfium2.raw as raw

    left, right, bottom, top = (ctypes.c_double() for _ in range(4))
    words: list[Word] = []
    for match in re.finditer(r"\S+", text):
        raw.FPDFText_GetCharBox(textpage, start + match.start(), left, right, bottom, top)
        begin = left.value
        raw.FPDFText_GetCharBox(textpage, start + match.end() - 1, left, right, bottom, top)
        if right.value < begin or (words and begin < words[-1].left):
            return ()
        words.append(Word(match[0], begin, right.value))
    return tuple(words)


def _arranged(lines: list[_Line], above: Region | None) -> tuple[list[_Line], Region | None]:
    """The lines with columns of prose one after the other and tables as one line each; the table that may go on.

    Args:
        above: the table that ends the page before.
    """
    together = _beside_each_other(lines)
    if not all(line.words for line in lines):
        return lines, None
    rows = [_row(lines, places, together[number - 1] if number else ()) for number, places in enumerate(together)]
    found = _regions(rows, above)
    if not found:
        return lines, None
    arranged: list[_Line] = []
    number = 0
    for region in found:
        arranged += [lines[place] for places in together[number : region.first] for place in places]
        looks = [lines[places[0]] for places in together[region.first : region.last]]
        if region.prose:
            for column in range(len(region.gutters) + 1):
                texts = [(look, row[column]) for look, row in zip(looks, region.cells, strict=True) if row[column]]
                arranged += [
                    replace(look, text=text, gap=look.gap if place else 1.0, words=())
                    for place, (look, text) in enumerate(texts)
                ]
        else:
            arranged.append(replace(looks[0], text=region.written(), words=(), table=region))
        number = region.last
    arranged += [lines[place] for places in together[number:] for place in places]
    last = found[-1]
    goes_on = not last.prose and len(rows) - last.last <= _FEW_LINES
    return arranged, last if goes_on else None


def _regions(rows: list[Row], above: Region | None) -> list[Region]:
    for first in range(min(_FEW_LINES + 1, len(rows)) if above is not None else 0):
        assert above is not None
        going_on = continues(above, rows, first)
        if going_on is not None and going_on.cells[0] == above.names:
            break  # it has its head again
        if going_on is not None:
            rest = regions(rows[going_on.last :])
            moved = [replace(each, first=each.first + going_on.last, last=each.last + going_on.last) for each in rest]
            return [going_on, *moved]
    return regions(rows)


def _beside_each_other(lines: Sequence[_Line]) -> list[list[int]]:
    """Lines of one height that stand beside each other, by their places."""
    together: list[list[int]] = []
    for place, line in enumerate(lines):
        last = lines[place - 1] if place else None
        beside = last is not None and last.words and line.words and line.words[0].left >= last.words[-1].right
        if last is not None and beside and abs(line.bottom - last.bottom) < 0.3 * max(line.size, 1.0):
            together[-1].append(place)
        else:
            together.append([place])
    return together


def _row(lines: Sequence[_Line], places: Sequence[int], before: Sequence[int]) -> Row:
    words = tuple(word for place in places for word in lines[place].words)
    line = lines[places[0]]
    gap = lines[before[0]].bottom - line.top if before else 0.0
    return Row(words, max(line.size, 1.0), gap if gap >= -line.size else float("inf"), line.bold)


def _look(textpage: Any, start: int, length: int) -> tuple[float, bool, float, float]:
    """Font size and weight, top and bottom, of the line's middle character that is no space."""
    import ctypes

    import pypdfium2.raw as raw

    index = start + length // 2
    if chr(raw.FPDFText_GetUnicode(textpage, index)).isspace() and length > 1:
        index += 1 if length // 2 + 1 < length else -1
    left, right, bottom, top = (ctypes.c_double() for _ in range(4))
    raw.FPDFText_GetCharBox(textpage, index, left, right, bottom, top)
    name = ctypes.create_string_buffer(128)
    flags = ctypes.c_int()
    raw.FPDFText_GetFontInfo(textpage, index, name, 128, flags)
    bold = raw.FPDFText_GetFontWeight(textpage, index) >= 600 or _BOLD.search(name.value.decode("latin-1")) is not None
    # The nominal font size misses the text matrix's scale; the box's height follows it.
    _, low, _, high = textpage.get_charbox(index, loose=True)
    size = max(high - low, 0.1)
    return size, bold, high, low


def _assembled(pages: Sequence[Sequence[_Line]], metadata: dict[str, Scalar], notices: list[str]) -> Parsed:
    levels = _heading_levels(pages)
    parts: list[str] = []
    found_pages: list[Page] = []
    headings: list[Heading] = []
    blocks: list[Block] = []
    head = (0, 0)
    length = 0
    words = Counter(
        word for lines in pages for line in lines for word in re.findall(r"[^\W\d_]+(?:-[a-z]+)*", line.text)
    )
    for number, lines in enumerate(pages, 1):
        text, found, tables = _page_text(lines, levels, words)
        if not text:
            found_pages.append(Page(number, length, length))
            continue
        if parts:
            parts.append("\n\n")
            length += 2
        found_pages.append(Page(number, length, length + len(text)))
        headings += [Heading(heading.level, heading.title, length + heading.start) for heading in found]
        for start, written, region in tables:
            if region.names:
                names_end = written.find("\n", written.find("\n") + 1)
                head = (length + start, length + start + names_end)
            blocks.append(Block("table", length + start, length + start + len(written), *head))
        parts.append(text)
        length += len(text)
    title = str(metadata.pop("title", ""))
    return Parsed("".join(parts), title, headings, found_pages, blocks, metadata, notices)


def _page_text(
    lines: Sequence[_Line], levels: dict[tuple[float, bool], int], words: Counter[str]
) -> tuple[str, list[Heading], list[tuple[int, str, Region]]]:
    """The page's text, cleaned, its headings by offset into it, and its tables with their offset and text."""
    paragraphs: list[str] = []
    heading_at: list[tuple[int, int, str]] = []  # paragraph number, level, title
    last_style: tuple[float, bool] | None = None
    table_at: dict[int, Region] = {}
    looks = [
        levels.get((round(line.size, 1), line.bold), 0) if line.table is None and _like_heading(line.text) else 0
        for line in lines
    ]
    for line, level in zip(lines, _without_lists(looks), strict=True):
        style = (round(line.size, 1), line.bold)
        if line.table is not None:
            table_at[len(paragraphs)] = line.table
            paragraphs.append(line.text)
            last_style = (0.0, False)  # what follows is a paragraph of its own
            continue
        if level and style == last_style and line.gap < 1.0 and paragraphs[-1].count("\n") < 2:
            paragraphs[-1] += "\n" + line.text
            heading_at[-1] = (heading_at[-1][0], level, f"{heading_at[-1][2]} {line.text}"[:300])
            continue
        if level:
            paragraphs.append(line.text)
            heading_at.append((len(paragraphs) - 1, level, line.text))
        elif last_style is not None or line.gap > 0.6 or not paragraphs:
            paragraphs.append(line.text)
        else:
            paragraphs[-1] += "\n" + line.text
        last_style = style if level else None
    headings: list[Heading] = []
    tables: list[tuple[int, str, Region]] = []
    parts: list[str] = []
    length = 0
    titles = {number: (level, title) for number, level, title in heading_at}
    for number, paragraph in enumerate(paragraphs):
        clean = _clean(paragraph, words if number not in table_at else None)
        if not clean:
            continue
        if parts:
            separator = "\n" if number - 1 in titles else "\n\n"
            parts.append(separator)
            length += len(separator)
        if number in titles:
            level, title = titles[number]
            headings.append(Heading(level, re.sub(r"\s+", " ", _clean(title, words)), length))
        if number in table_at:
            tables.append((length, clean, table_at[number]))
        parts.append(clean)
        length += len(clean)
    return "".join(parts), headings, tables


def _clean(text: str, words: Counter[str] | None) -> str:
    """Without control codes and ligatures; words broken at line ends joined, where `words` has the document's."""
    text = text.replace("\r", "")
    text = _LIGATURE.sub(lambda match: _LIGATURES[match[0]], text)
    if words is not None:
        known = words
        text = _HYPHEN.sub(lambda match: _joined(match[1], match[2], known), text)
    text = _SOFT_HYPHEN.sub(lambda match: f"{match[1]}-" if match[1] else "", text)
    text = _CONTROL.sub("", normalise(text)).replace("\u00a0", " ")
    return "\n".join(line.rstrip() for line in text.split("\n")).strip()


def _joined(first: str, second: str, words: Counter[str]) -> str:
    """A word broken at a line end: with its hyphen only where the document writes it so elsewhere."""
    hyphened = words[f"{first}-{second}"] > words[first + second]
    return f"{first}-{second}" if hyphened else first + second


def _like_heading(text: str) -> bool:
    letters = sum(character.isalpha() for character in text)
    return (
        letters >= 3
        and len(text) <= _MAX_HEADING
        and letters >= 0.5 * len(text.replace(" ", ""))
        and len(_NUMBER.findall(text)) <= 2
        and "$" not in text
        and (not text.rstrip().endswith((",", ";", ":", ".")) or _COMPANY.search(text) is not None)
        and _LONG_NUMBER.search(text) is None
        and (text.lstrip()[:1].isupper() or text.lstrip()[:1].isdigit() or not text.lstrip()[:1].isascii())
    )


def _without_lists(levels: Sequence[int]) -> list[int]:
    """Seven and more heading lines in a row are a list in bold, not headings."""
    kept = list(levels)
    first = 0
    while first < len(kept):
        last = first
        while last < len(kept) and kept[last] == kept[first]:
            last += 1
        if kept[first] and last - first > 6:
            kept[first:last] = [0] * (last - first)
        first = last
    return kept


def _heading_levels(pages: Sequence[Sequence[_Line]]) -> dict[tuple[float, bool], int]:
    """Looks that are rarer and larger, or bolder, than the body's: level 1 for the largest."""
    weights: Counter[tuple[float, bool]] = Counter()
    for lines in pages:
        for line in lines:
            if line.size:
                weights[(round(line.size, 1), line.bold)] += len(line.text)
    if not weights:
        return {}
    (body_size, body_bold), _ = weights.most_common(1)[0]
    total = sum(weights.values())
    median = statistics.median(
        size for (size, _), weight in weights.items() for _ in range(max(1, weight * 200 // total))
    )
    body_size = max(body_size, median)
    looks = [
        (size, bold)
        for (size, bold), weight in weights.items()
        if weight < 0.2 * total and (size > 1.12 * body_size or (bold and not body_bold and size > 0.97 * body_size))
    ]
    looks.sort(key=lambda look: (-look[0], not look[1]))
    levels: dict[tuple[float, bool], int] = {}
    level, last = 0, float("inf")
    for size, bold in looks:
        if size < last * 0.97 or not levels:
            level, last = min(level + 1, 4), size
        levels[(size, bold)] = level
    return levels


def _metadata(document: Any) -> dict[str, Scalar]:
    found: dict[str, Scalar] = {}
    values = document.get_metadata_dict(skip_empty=True)
    for key, name in (("Title", "title"), ("Author", "author"), ("Subject", "subject"), ("Keywords", "keywords")):
        value = re.sub(r"\s+", " ", _CONTROL.sub("", str(values.get(key, "")))).strip()
        value = _PROGRAM.sub("", value)
        if not _NO_TITLE.fullmatch(value):
            found[name] = value[:500]
    date = re.match(r"D:(\d{4})(\d{2})?(\d{2})?", str(values.get("CreationDate", "")))
    if date and 1970 <= int(date[1]) <= 2100:
        found["year"] = int(date[1])
        if date[2] and date[3]:
            found["date"] = f"{date[1]}-{date[2]}-{date[3]}"
    found["pages"] = len(document)
    return found
