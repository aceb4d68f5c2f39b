"""One page of a PDF as a picture, by a process of its own.

`python -m instill.documents.pdf_page_picture` reads a line of JSON and the file from standard input, and writes a PNG.
"""

from __future__ import annotations

import io
import json
import sys
import unicodedata
from collections.abc import Iterator, Sequence
from typing import Any

_PIXELS_WIDE = 1100
_LONGEST_SIDE = 2400
_MARK = (186, 226, 219)
_LEAST = 12
"""Letters that a run of words has at least to be looked for by itself."""


def letters(text: str) -> tuple[str, list[int]]:
    """The letters and digits of a text in one form, and where each stands: lines, hyphens and marks tell nothing.

    Example:
        >>> letters("A-b\\nﬁ")
        ('abfi', [0, 2, 4, 4])
    """
    found, places = [], []
    for place, character in enumerate(text):
        for each in unicodedata.normalize("NFKC", character).casefold():
            if each.isalnum():
                found.append(each)
                places.append(place)
    return "".join(found), places


def spans(page: str, words: str, before: str) -> list[tuple[int, int]]:
    """Where words of a document stand in the text of its page, as `[start, end)`: as a whole, the occurrence nearest
    to where they should be, or line by line where the page has them in another order.

    Example:
        >>> spans("Tea is brewed\\nat 80 degrees.", "brewed at 80", "Tea is ")
        [(7, 19)]
    """
    there, places = letters(page)
    near = len(letters(before)[0])
    whole = _nearest(there, letters(words)[0], near)
    parts = [whole] if whole else [found for line in _runs(words) if (found := _nearest(there, line, near))]
    return [(places[a], places[b - 1] + 1) for a, b in parts]


def _runs(words: str) -> Iterator[str]:
    for line in words.splitlines():
        for cell in line.split("|"):
            found = letters(cell)[0]
            if len(found) >= _LEAST or (found and "|" in line):
                yield found


def _nearest(text: str, wanted: str, near: int) -> tuple[int, int] | None:
    if not wanted:
        return None
    best, at = -1, text.find(wanted)
    while at >= 0:
        if best < 0 or abs(at - near) < abs(best - near):
            best = at
        at = text.find(wanted, at + 1)
    return None if best < 0 else (best, best + len(wanted))


def draw(data: bytes, number: int, words: str, before: str) -> bytes:
    """The page as PNG, at most 2,400 pixels long, with the words under a wash."""
    import pypdfium2
    from PIL import Image, ImageChops, ImageDraw

    document = pypdfium2.PdfDocument(data)
    page = document[number - 1]
    width, height = page.get_size()
    scale = min(_PIXELS_WIDE / max(1.0, width), _LONGEST_SIDE / max(1.0, height), 4.0)
    picture = page.render(scale=scale, may_draw_forms=False).to_pil().convert("RGB")
    wash = Image.new("RGB", picture.size, (255, 255, 255))
    brush = ImageDraw.Draw(wash)
    for left, bottom, right, top in boxes(page, words, before) if words else ():
        a, b = _device(page, left, top, picture.size), _device(page, right, bottom, picture.size)
        edges = sorted((a[0], b[0])), sorted((a[1], b[1]))
        brush.rounded_rectangle((edges[0][0] - 2, edges[1][0] - 2, edges[0][1] + 2, edges[1][1] + 2), 3, fill=_MARK)
    written = io.BytesIO()
    ImageChops.multiply(picture, wash).quantize(64).save(written, "PNG", optimize=True)
    return written.getvalue()


def boxes(page: Any, words: str, before: str) -> Sequence[tuple[float, float, float, float]]:
    """Left, bottom, right and top of the words on the page, in its own units."""
    textpage = page.get_textpage()
    whole = "".join(textpage.get_text_range(at, 1) or " " for at in range(textpage.count_chars()))
    found = []
    for start, end in spans(whole, words, before):
        for each in range(textpage.count_rects(start, end - start)):
            found.append(textpage.get_rect(each))
    return found


def _device(page: Any, x: float, y: float, size: tuple[int, int]) -> tuple[int, int]:
    """Where a point of the page is in the picture, whichever way the page is turned or cut."""
    import ctypes

    import pypdfium2.raw as raw

    across, down = ctypes.c_int(), ctypes.c_int()
    raw.FPDF_PageToDevice(page, 0, 0, size[0], size[1], 0, x, y, ctypes.byref(across), ctypes.byref(down))
    return across.value, down.value


def _limit(megabytes: float) -> None:
    try:
        import resource
    except ImportError:  # Windows
        return
    most = int(megabytes * 1024**2)
    resource.setrlimit(resource.RLIMIT_DATA, (most, most))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    head = json.loads(sys.stdin.buffer.readline())
    _limit(head["memory_mb"])
    sys.stdout.buffer.write(draw(sys.stdin.buffer.read(head["size"]), head["number"], head["words"], head["before"]))
