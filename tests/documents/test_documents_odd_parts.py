"""Front matter of every kind; office files with odd parts; kinds that are not read say what to do."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import docx
import openpyxl
import pptx
import pytest
from PIL import Image
from pptx.util import Inches

from instill import Workspace
from instill.documents.document import Parsed
from instill.documents.reading import read
from instill.errors import DocumentError
from instill.settings import DocumentSettings


def parse(data: bytes | str, name: str) -> Parsed:
    content = data.encode() if isinstance(data, str) else data
    return read(content, name=name, settings=DocumentSettings())[1]


# Front matter

BODY = "# Moorings\n\nBoats lie here.\n\n| Berth | Length |\n| --- | --- |\n| A | 9 m |\n"


@pytest.mark.parametrize(
    ("front", "lines"),
    [
        ("---\ntitle: Quay\nexpires: 2031-09-30\n---\n", "title: Quay\nexpires: 2031-09-30"),
        ("---\ntitle: Quay\nexpires: 2031-09-30\n...\n", "title: Quay\nexpires: 2031-09-30"),
        ("\n---\ntitle: Quay\nexpires: 2031-09-30\n---\n", "title: Quay\nexpires: 2031-09-30"),
        ('+++\ntitle = "Quay"\nexpires = 2031-09-30\n+++\n', 'title = "Quay"\nexpires = 2031-09-30'),
        ('{\n  "title": "Quay",\n  "expires": "2031-09-30"\n}\n', "title: Quay\nexpires: 2031-09-30"),
        (';;;\n"title": "Quay", "expires": "2031-09-30"\n;;;\n', "title: Quay\nexpires: 2031-09-30"),
    ],
)
def test_front_matter_is_text_and_metadata(front: str, lines: str) -> None:
    parsed = parse(f"{front}\n{BODY}", "quay.md")
    assert parsed.text == f"{lines}\n\n{BODY}"
    assert (parsed.title, parsed.metadata["expires"]) == ("Quay", "2031-09-30")
    [heading] = parsed.headings
    assert parsed.text[heading.start :].startswith("# Moorings")
    [block] = parsed.blocks
    assert parsed.text[block.start : block.end].startswith("| Berth")
    assert parsed.text[block.head_start : block.head_end] == "| Berth | Length |\n| --- | --- |"


def test_pandocs_title_block() -> None:
    parsed = parse("% Quay rules\n  and fees\n% Siri Moe; Bo Lie\n% 2024-05-01\n\nBoats lie here.\n", "quay.md")
    assert parsed.text == "title: Quay rules and fees\nauthor: Siri Moe; Bo Lie\ndate: 2024-05-01\n\nBoats lie here.\n"
    assert parsed.title == "Quay rules and fees"
    assert dict(parsed.metadata) == {"author": "Siri Moe; Bo Lie", "date": "2024-05-01", "year": 2024}


@pytest.mark.parametrize("text", ["{ not json\n}\n", "[1, 2]\n\nText\n", "{}\n\nText\n", "%\n\nText\n", "50% of it.\n"])
def test_what_is_no_front_matter_stays(text: str) -> None:
    assert parse(text, "a.md").text == text


def test_front_matter_alone_is_a_document() -> None:
    assert parse("---\nowner: Siri\n---\n", "a.md").text == "owner: Siri"


def test_front_matter_answers(tmp_path: Path) -> None:
    (tmp_path / "crane.md").write_text(
        "---\ntitle: Contract of the crane\nkeeper: Odd Berg\nends: 2033-04-01\n---\n\nThe crane is oiled in May.\n"
    )
    with Workspace.init(tmp_path / "kb") as workspace:
        workspace.add([str(tmp_path / "crane.md")])
        assert "Odd Berg" in workspace.ask("Who is the keeper of the crane?").text
        assert "2033-04-01" in workspace.ask("When does the contract of the crane end?").text


# Odd parts


def saved(book: Any) -> bytes:
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def picture() -> io.BytesIO:
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8)).save(buffer, "PNG")
    buffer.seek(0)
    return buffer


def changed(data: bytes, change: Callable[[str, bytes], bytes | None]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            content = change(name, old.read(name))
            if content is not None:
                new.writestr(name, content)
    return out.getvalue()


def word() -> bytes:
    document = docx.Document()
    document.add_heading("Slipway", 1)
    document.add_paragraph("The slipway closes in November.")
    document.add_picture(picture())
    return saved(document)


def slides() -> bytes:
    deck = pptx.Presentation()
    slide = deck.slides.add_slide(deck.slide_layouts[5])
    slide.shapes.title.text = "Slipway"
    box = slide.shapes.add_textbox(Inches(1), Inches(2), Inches(4), Inches(1))
    box.text_frame.text = "The slipway closes in November."
    slide.shapes.add_picture(picture(), Inches(1), Inches(3))
    return saved(deck)


def sheet() -> bytes:
    book = openpyxl.Workbook()
    for row in (["Place", "Closes"], ["Slipway", "November"]):
        book.active.append(row)
    return saved(book)


def external(name: str, content: bytes) -> bytes:
    if not name.endswith(".rels"):
        return content
    for target in (b"media/image1.png", b"../media/image1.png"):
        content = content.replace(b'Target="' + target + b'"', b'Target="http://127.0.0.1/a.png" TargetMode="External"')
    return content


def no_such_relationship(name: str, content: bytes) -> bytes:
    return content.replace(b'r:embed="rId', b'r:embed="rId99')


def no_picture(name: str, content: bytes) -> bytes | None:
    return None if "/media/" in name else content


def to_null(name: str, content: bytes) -> bytes:
    return content.replace(b"media/image1.png", b"NULL") if name.endswith(".rels") else content


def lost_part(name: str, content: bytes) -> bytes:
    extra = b'<Relationship Id="rId77" Type="http://x/customXml" Target="../customXml/item9.xml"/></Relationships>'
    return content.replace(b"</Relationships>", extra) if name.endswith(".rels") else content


def bad_properties(name: str, content: bytes) -> bytes:
    if name != "docProps/core.xml":
        return content
    bad = b'<dcterms:created xsi:type="x">soon</dcterms:created></cp:coreProperties>'
    return content.replace(b"</cp:coreProperties>", bad)


def no_properties(name: str, content: bytes) -> bytes | None:
    return None if name.startswith("docProps/") else content


def bad_styles(name: str, content: bytes) -> bytes:
    return b"<styles><oops/></styles>" if name.endswith("styles.xml") else content


CHANGES = [external, no_such_relationship, no_picture, to_null, lost_part, bad_properties, no_properties, bad_styles]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: str(change.__name__))
@pytest.mark.parametrize("kind", ["docx", "pptx", "xlsx"])
def test_odd_parts_do_not_damage_a_file(kind: str, change: Callable[[str, bytes], bytes | None]) -> None:
    whole = {"docx": word, "pptx": slides, "xlsx": sheet}[kind]()
    text = parse(changed(whole, change), f"slipway.{kind}").text
    if kind == "xlsx":
        assert "Slipway" in text
        assert "November" in text
    else:
        assert "# Slipway" in text
        assert "The slipway closes in November." in text


def test_a_slide_show_and_a_template_are_read() -> None:
    for kind in (b"slideshow", b"template"):

        def other(_: str, content: bytes, main: bytes = kind + b".main+xml") -> bytes:
            return content.replace(b"presentation.main+xml", main)

        assert "The slipway closes in November." in parse(changed(slides(), other), "slipway.pptx").text


def test_a_file_without_its_text_is_damaged() -> None:
    data = changed(word(), lambda name, content: content[:200] if name == "word/document.xml" else content)
    with pytest.raises(DocumentError, match="damaged"):
        parse(data, "a.docx")


# Kinds that are not read

OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)


def opendocument() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.text")
        archive.writestr("content.xml", "<x/>")
    return out.getvalue()


@pytest.mark.parametrize(
    ("data", "name", "what", "remedy"),
    [
        (OLE + "WordDocument".encode("utf-16-le"), "minutes.doc", "Word file", '--convert-to docx "minutes.doc"'),
        (OLE + "WordDocument Workbook".encode("utf-16-le"), "x", "Word file", "docx"),
        (OLE + "WordDocument".encode("utf-16-le"), "minutes.docx", "Word file", "docx"),
        (OLE + "PowerPoint Document".encode("utf-16-le"), "talk.ppt", "PowerPoint file", "pptx"),
        (opendocument(), "minutes.odt", "OpenDocument text", "docx"),
        (opendocument(), "minutes", "OpenDocument text", "docx"),
        (bytes(200), "costs.numbers", "Apple Numbers", "CSV"),
        (bytes(200), "costs.xlsb", "binary Excel", "xlsx"),
        (b"ID3\x04" + bytes(200), "talk.mp3", "sound", "transcript"),
        (b"7z\xbc\xaf\x27\x1c" + bytes(200), "all.7z", "archive", "Unpack"),
        (b"\x00\x00\x00\x18ftypheic" + bytes(200), "photo.heic", "picture", "PNG"),
    ],
)
def test_a_kind_that_is_not_read_says_what_to_do(data: bytes, name: str, what: str, remedy: str) -> None:
    with pytest.raises(DocumentError) as error:
        parse(data, name)
    assert what in error.value.what
    assert remedy in error.value.remedy


def test_the_advice_reaches_who_adds_a_file(tmp_path: Path) -> None:
    """Also where another process would read it."""
    (tmp_path / "talk.mp3").write_bytes(b"ID3\x04" + bytes(200))
    (tmp_path / "minutes.doc").write_bytes(OLE + "WordDocument".encode("utf-16-le"))
    with Workspace.init(tmp_path / "kb") as workspace:
        failed = {Path(each.source).name: each for each in workspace.add(tmp_path).failed}
    assert "transcript" in str(failed["talk.mp3"])
    assert "soffice" in str(failed["minutes.doc"])


def test_the_content_decides_over_a_wrong_ending() -> None:
    assert parse(sheet(), "book.docx").text.endswith("Place: Slipway; Closes: November")
    assert parse("{\\rtf1 The slipway closes.}", "old.doc").text == "The slipway closes."
    page = "<html><table><tr><th>Place</th><th>Closes</th></tr><tr><td>Slipway</td><td>May</td></tr></table></html>"
    assert parse(page, "export.xls").text == "| Place | Closes |\n| --- | --- |\n| Slipway | May |"
    assert parse("Place\tCloses\nSlipway\tMay\n", "export.xls").text == "Place: Slipway; Closes: May"
