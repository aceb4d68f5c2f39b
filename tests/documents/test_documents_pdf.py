"""PDF and images: pages, headings, tables, broken words, OCR, and files that cannot be read."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest
from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas

from instill.documents.document import Parsed
from instill.documents.reading import read
from instill.errors import DocumentError
from instill.settings import DocumentSettings

SETTINGS = DocumentSettings()


def pdf(*pages: Callable[[Canvas], None], **canvas: Any) -> bytes:
    stream = io.BytesIO()
    made = Canvas(stream, pagesize=A4, **canvas)
    made.setTitle("The report")
    made.setAuthor("Ann")
    for page in pages:
        page(made)
        made.showPage()
    made.save()
    return stream.getvalue()


def lines(*texts: str, font: str = "Helvetica", size: int = 11, top: int = 780) -> Callable[[Canvas], None]:
    def draw(canvas: Canvas) -> None:
        canvas.setFont(font, size)
        for number, text in enumerate(texts):
            canvas.drawString(60, top - number * size * 1.3, text)

    return draw


def together(*parts: Callable[[Canvas], None]) -> Callable[[Canvas], None]:
    def draw(canvas: Canvas) -> None:
        for part in parts:
            part(canvas)

    return draw


def parse(data: bytes, settings: DocumentSettings = SETTINGS) -> Parsed:
    kind, parsed = read(data, name="a.pdf", settings=settings)
    assert kind == "pdf"
    return parsed


BODY = [f"Line {number} of the text that makes up the body of this page and is long." for number in range(12)]


def test_each_page_holds_its_own_text() -> None:
    parsed = parse(pdf(lines("First page here."), lines("Second page here."), lines("Third page here.")))
    assert [(page.number, parsed.text[page.start : page.end]) for page in parsed.pages] == [
        (1, "First page here."),
        (2, "Second page here."),
        (3, "Third page here."),
    ]
    assert parsed.title == "The report"
    assert parsed.metadata["author"] == "Ann"
    assert parsed.metadata["pages"] == 3


def test_headings_are_told_by_size_and_weight_and_paragraphs_by_space() -> None:
    page = together(
        lines("Annual Report", size=20),
        lines("Overview", font="Helvetica-Bold", top=740),
        lines(*BODY[:3], top=722),
        lines(*BODY[3:6], top=660),
        lines("Outlook", font="Helvetica-Bold", top=600),
        lines(*BODY[6:], top=582),
    )
    parsed = parse(pdf(page))
    assert [(heading.level, heading.title) for heading in parsed.headings] == [
        (1, "Annual Report"),
        (2, "Overview"),
        (2, "Outlook"),
    ]
    for heading in parsed.headings:
        assert parsed.text[heading.start :].startswith(heading.title)
    assert "\n".join(BODY[:3]) + "\n\n" + "\n".join(BODY[3:6]) in parsed.text


def test_a_row_of_a_table_is_a_line() -> None:
    def table(canvas: Canvas) -> None:
        canvas.setFont("Helvetica", 9)
        for row, cells in enumerate([("Net sales", "$ 81,797", "$ 82,959"), ("Cost of sales", "45,384", "47,074")]):
            for column, cell in enumerate(cells):
                canvas.drawString(60 + column * 150, 700 - row * 14, cell)

    assert parse(pdf(table)).text == "Net sales $ 81,797 $ 82,959\nCost of sales 45,384 47,074"


def test_words_broken_at_line_ends_are_joined() -> None:
    text = parse(pdf(lines("A well-known word and a deve-", "lopment, also a well-", "known word that stays."))).text
    assert "development" in text
    assert "well-known word that stays" in text


def test_an_encrypted_file_is_refused() -> None:
    from reportlab.lib.pdfencrypt import StandardEncryption

    with pytest.raises(DocumentError, match="encrypted") as error:
        parse(pdf(lines("secret"), encrypt=StandardEncryption("password", strength=128)))
    assert error.value.remedy


@pytest.mark.parametrize("data", [b"%PDF-1.7\nnothing more", b"not a pdf at all"])
def test_a_damaged_file_is_refused(data: bytes) -> None:
    with pytest.raises(DocumentError, match="damaged"):
        parse(data)


def scan(text: str) -> Any:
    """A picture of text, as a scanner makes it."""
    from PIL import Image, ImageDraw, ImageFont

    picture = Image.new("RGB", (900, 220), "white")
    ImageDraw.Draw(picture).text((30, 70), text, fill="black", font=ImageFont.load_default(48))
    return picture


def scanned_page(canvas: Canvas) -> None:
    from reportlab.lib.utils import ImageReader

    canvas.drawImage(ImageReader(scan("Invoice number 4711")), 40, 500, width=500, height=122)


def test_a_scanned_page_is_read_by_ocr_and_the_others_are_not() -> None:
    parsed = parse(pdf(lines("Typed page."), scanned_page))
    assert parsed.text[parsed.pages[0].start : parsed.pages[0].end] == "Typed page."
    seen = parsed.text[parsed.pages[1].start : parsed.pages[1].end]
    assert "4711" in seen
    assert "nvoice" in seen
    assert parsed.notices == ("1 of 2 pages were read by OCR.",)


def test_without_ocr_a_scan_is_refused_or_its_pages_are_named() -> None:
    never = DocumentSettings(ocr="never")
    with pytest.raises(DocumentError, match="no text"):
        parse(pdf(scanned_page), never)
    assert parse(pdf(lines("Typed."), scanned_page), never).notices == ("1 of 2 pages have no text: 2.",)


def test_an_image_is_read_by_ocr() -> None:
    stream = io.BytesIO()
    scan("Meeting at noon").save(stream, "PNG")
    kind, parsed = read(stream.getvalue(), name="a.png", settings=SETTINGS)
    assert kind == "image"
    assert "noon" in parsed.text
    assert parsed.notices == ("The text was read by OCR.",)
    with pytest.raises(DocumentError, match="OCR is off"):
        read(stream.getvalue(), name="a.png", settings=DocumentSettings(ocr="never"))


def test_an_image_of_too_many_pixels_or_none_is_refused() -> None:
    from PIL import Image

    stream = io.BytesIO()
    Image.new("1", (20_000, 20_000)).save(stream, "PNG")
    with pytest.raises(DocumentError, match=r"too large|damaged"):
        read(stream.getvalue(), name="a.png", settings=SETTINGS)
    with pytest.raises(DocumentError, match="damaged"):
        read(b"\x89PNG\r\n\x1a\n broken", name="a.png", settings=SETTINGS)
