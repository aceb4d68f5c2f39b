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


@pytest.mark.parametrize("pages", [b"/Type /Pages /Kids [] /Count 0", b"/Count 0/Kids[]/Type/Pages"])
def test_a_file_without_pages_is_not_called_damaged(pages: bytes) -> None:
    objects = [b"1 0 obj\n<</Type/Catalog /Pages 2 0 R>>\nendobj\n", b"2 0 obj\n<<" + pages + b">>\nendobj\n"]
    head = b"%PDF-1.4\n"
    places = [len(head), len(head) + len(objects[0])]
    table = b"xref\n0 3\n0000000000 65535 f \n" + b"".join(b"%010d 00000 n \n" % place for place in places)
    body = head + b"".join(objects)
    data = body + table + b"trailer\n<</Size 3 /Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % len(body)
    with pytest.raises(DocumentError) as error:
        parse(data)
    assert (error.value.what, error.value.remedy) == (
        "The PDF has no pages.", "Save it again from the program that made it.",
    )  # fmt: skip


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


# Columns and tables


def rows(
    cells: list[list[str]], *, columns: tuple[int, ...], top: int = 780, bold_head: bool = False
) -> Callable[[Canvas], None]:
    """Cells drawn row by row, each at the left of its column."""

    def draw(canvas: Canvas) -> None:
        for number, row in enumerate(cells):
            canvas.setFont("Helvetica-Bold" if bold_head and number == 0 else "Helvetica", 10)
            for left, cell in zip(columns, row, strict=True):
                canvas.drawString(left, top - number * 14, cell)

    return draw


LEFT = [
    "The rowing club meets every", "Sunday at the old pier. Its boats", "were bought in 1988 by Kari Moe",
    "and they are painted each spring", "by the members. A season costs", "40 euros for adults here.",
]  # fmt: skip
RIGHT = [
    "The sailing school starts in May", "and is open to all who can swim", "well. It is run by Bo Strand, who",
    "came here from Bergen. A course", "costs 310 euros and takes eight", "evenings from May to June.",
]  # fmt: skip


def test_two_columns_drawn_row_by_row_are_read_one_after_the_other() -> None:
    pairs = [[left, right] for left, right in zip(LEFT, RIGHT, strict=True)]
    parsed = parse(pdf(together(lines("Club news of the harbour", top=800), rows(pairs, columns=(60, 320), top=760))))
    assert parsed.text == "\n\n".join(["Club news of the harbour", "\n".join(LEFT), "\n".join(RIGHT)])


def test_columns_of_different_length() -> None:
    pairs = [
        [left, right]
        for left, right in zip([*LEFT, "", ""], [*RIGHT, "Boats are lent to", "all who come."], strict=True)
    ]
    parsed = parse(pdf(rows(pairs, columns=(60, 320))))
    assert parsed.text == "\n\n".join(["\n".join(LEFT), "\n".join([*RIGHT, "Boats are lent to", "all who come."])])


HEAD = ["Berth", "Length", "Water", "Tenant"]
TENANTS = [[f"Berth {n}", f"{n + 5} m", "yes" if n % 2 else "no", f"Tenant {n}"] for n in range(1, 41)]


def test_a_table_over_pages_keeps_its_head() -> None:
    columns = (60, 160, 240, 320)
    first = together(
        lines("The harbour lets its berths by the year.", top=800),
        rows([HEAD, *TENANTS[:20]], columns=columns, top=770),
    )
    second = together(rows(TENANTS[20:], columns=columns), lines("2", top=60))
    parsed = parse(pdf(first, second))
    start, end = parsed.blocks
    head = parsed.text[start.head_start : start.head_end]
    assert head == "| Berth | Length | Water | Tenant |\n| --- | --- | --- | --- |"
    assert (end.head_start, end.head_end) == (start.head_start, start.head_end)
    written = parsed.text[start.start : start.end] + "\n" + parsed.text[end.start : end.end]
    assert written.split("\n")[2:] == [f"| {' | '.join(row)} |" for row in TENANTS]
    assert parsed.pages[1].start == end.start


def test_a_head_that_is_repeated_on_every_page() -> None:
    columns = (60, 160, 240, 320)
    parsed = parse(pdf(*(rows([HEAD, *part], columns=columns) for part in (TENANTS[:20], TENANTS[20:]))))
    assert [parsed.text[block.head_start : block.head_end].split("\n")[0] for block in parsed.blocks] == [
        "| Berth | Length | Water | Tenant |"
    ] * 2
    assert parsed.blocks[1].head_start == parsed.blocks[1].start


def test_lists_terms_and_figures_are_no_tables_with_invented_names() -> None:
    terms = [["AIS", "Automatic identification"], ["VHF", "Radio of ships"], ["SOG", "Speed over ground"]]
    assert parse(pdf(rows(terms, columns=(60, 160)))).blocks == ()
    bullets = [["-", "the first point of it"], ["-", "the second point"], ["-", "and the third"]]
    assert parse(pdf(rows(bullets, columns=(60, 90)))).blocks == ()
    figures = [["Depth at the pier", "11.6 years", "9.1 years"], ["Depth at sea", "10.3 years", "8.7 years"]]
    assert parse(pdf(rows(figures, columns=(60, 200, 300)))).blocks == ()


def test_two_columns_of_words_are_a_table_below_a_bold_head() -> None:
    cells = [["Quay", "Keeper"], ["North quay", "Anna Berg"], ["South quay", "Bo Lie"]]
    parsed = parse(pdf(together(lines(*LEFT, top=800), rows(cells, columns=(60, 200), top=680, bold_head=True))))
    assert parsed.text.split("\n")[-4:] == [
        "| Quay | Keeper |",
        "| --- | --- |",
        "| North quay | Anna Berg |",
        "| South quay | Bo Lie |",
    ]
