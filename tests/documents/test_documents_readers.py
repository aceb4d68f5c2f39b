"""Every format, from files made here with the libraries that people's programs use."""

from __future__ import annotations

import datetime
import io
import json
import zipfile
from email.message import EmailMessage
from typing import Any

import pytest

from instill.documents.document import Parsed
from instill.documents.readers.html import html_to_markdown
from instill.documents.reading import read
from instill.errors import DocumentError
from instill.settings import DocumentSettings

SETTINGS = DocumentSettings()


def parse(data: bytes | str, name: str, **more: Any) -> Parsed:
    content = data.encode() if isinstance(data, str) else data
    parsed = read(content, name=name, settings=more.pop("settings", SETTINGS), **more)[1]
    for heading in parsed.headings:
        assert 0 <= heading.start < len(parsed.text)
    for block in parsed.blocks:
        assert 0 <= block.start < block.end <= len(parsed.text)
    assert "\r" not in parsed.text
    assert "\x00" not in parsed.text
    return parsed


def titles(parsed: Parsed) -> list[tuple[int, str]]:
    return [(heading.level, heading.title) for heading in parsed.headings]


def block_texts(parsed: Parsed, kind: str) -> list[str]:
    return [parsed.text[block.start : block.end].strip() for block in parsed.blocks if block.kind == kind]


# Text, encodings, Markdown, reStructuredText, code


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ("Grüße\r\nan\ralle".encode(), "Grüße\nan\nalle"),
        ("\ufeffGrüße".encode(), "Grüße"),
        ("Grüße".encode("utf-16"), "Grüße"),
        ("Viele Grüße an alle".encode("utf-16-le"), "Viele Grüße an alle"),
        ("Viele Grüße an alle".encode("utf-16-be"), "Viele Grüße an alle"),
        (
            "日本語の文章です。これは文字コードの試験です。".encode("shift_jis"),
            "日本語の文章です。これは文字コードの試験です。",
        ),
    ],
)
def test_encodings(data: bytes, expected: str) -> None:
    assert parse(data, "a.txt").text == expected


def test_western_european_text_is_guessed() -> None:
    text = "Der Kaffee kostet zwei Euro. Die Grüße gehen an Jürgen und Käthe in Köln. " * 5
    assert parse(text.encode("cp1252"), "a.txt").text == text


def test_the_encoding_that_a_server_names_is_used() -> None:
    assert parse("naïve".encode("cp1252"), "a", content_type="text/plain; charset=windows-1252").text == "naïve"


def test_a_single_first_line_is_the_title() -> None:
    assert parse("The Title\n\nText follows here.", "a.txt").title == "The Title"
    assert parse("A sentence, not a title.\n\nText.", "a.txt").title == ""


def test_markdown_structure_and_untouched_text() -> None:
    text = (
        "# The `guide`\n\nIntro with  two  spaces.\n\nSetext\n------\n\n"
        "```sh\n# no heading\npip install x\n```\n\n"
        "| a | b |\n|---|---|\n| 1 | 2 |\n\n    indented code\n\n## [Linked](x.md) ##\nEnd\n"
    )
    parsed = parse(text, "guide.md")
    assert parsed.text == text
    assert titles(parsed) == [(1, "The guide"), (2, "Setext"), (2, "Linked")]
    assert [text[heading.start :].split("\n")[0] for heading in parsed.headings] == [
        "# The `guide`",
        "Setext",
        "## [Linked](x.md) ##",
    ]
    assert block_texts(parsed, "code") == ["```sh\n# no heading\npip install x\n```", "indented code"]
    assert block_texts(parsed, "table") == ["| a | b |\n|---|---|\n| 1 | 2 |"]
    assert parsed.title == "The guide"


def test_front_matter_becomes_metadata() -> None:
    parsed = parse(
        "---\ntitle: Setup\nauthor: Ann\ndate: 2024-03-05\ntags: [a, b]\nlinkTitle: S\n"
        "draft: true\nnested: {x: 1}\n---\n\nText.\n",
        "a.md",
    )
    assert parsed.text == (
        "title: Setup\nauthor: Ann\ndate: 2024-03-05\ntags: [a, b]\nlinkTitle: S\n"
        "draft: true\nnested: {x: 1}\n\nText.\n"
    )
    assert parsed.title == "Setup"
    assert dict(parsed.metadata) == {
        "author": "Ann",
        "date": "2024-03-05",
        "year": 2024,
        "tags": "a, b",
        "link_title": "S",
        "draft": True,
    }


@pytest.mark.parametrize(
    "text", ["---\nnot: [closed\n---\nText.\n", "---\n\nA rule above.\n\n---\n", "---\na: &x [1]\nb: *x\n---\nText\n"]
)
def test_what_is_no_front_matter_stays_text(text: str) -> None:
    parsed = parse(text, "a.md")
    assert parsed.text == text
    assert parsed.metadata == {}


def test_toml_front_matter() -> None:
    parsed = parse('+++\ntitle = "T"\nweight = 3\n+++\nText\n', "a.md")
    assert (parsed.title, dict(parsed.metadata), parsed.text) == (
        "T",
        {"weight": 3},
        'title = "T"\nweight = 3\n\nText\n',
    )


def test_rst_sections_blocks_and_tables() -> None:
    text = (
        "=====\nTitle\n=====\n\nText::\n\n    literal line\n\n    more\n\nFirst\n=====\n\n"
        ".. code-block:: python\n\n   x = 1\n\n"
        "Sub ``name``\n~~~~~~~~~~~~\n\n+---+---+\n| a | b |\n+---+---+\n\n"
        "Second\n======\n\n===  ===\nA    B\n===  ===\n1    2\n===  ===\n\nEnd.\n"
    )
    parsed = parse(text, "a.rst")
    assert parsed.text == text
    assert titles(parsed) == [(1, "Title"), (2, "First"), (3, "Sub name"), (2, "Second")]
    assert block_texts(parsed, "code") == ["literal line\n\n    more", "x = 1"]
    assert block_texts(parsed, "table") == [
        "+---+---+\n| a | b |\n+---+---+",
        "===  ===\nA    B\n===  ===\n1    2\n===  ===",
    ]


def test_python_code_has_its_classes_and_functions_as_headings() -> None:
    text = '"""Doc."""\n\nimport os\n\n\n@cache\ndef f():\n    pass\n\n\nclass A:\n    def g(self):\n        pass\n'
    parsed = parse(text, "a.py")
    assert titles(parsed) == [(1, "f"), (1, "A"), (2, "g")]
    assert text[parsed.headings[0].start :].startswith("@cache")
    assert read(b"int main() {}", name="a.c", settings=SETTINGS)[0] == "code"
    assert parse("def broken(:\n", "b.py").headings == ()


# HTML, mail, XML


def test_html_is_its_main_text_as_markdown() -> None:
    page = """<!doctype html><html lang="en"><head><title>Pears &amp; more</title>
    <meta name="author" content="Ann"><meta property="article:published_time" content="2024-05-06T07:08:09Z">
    <script>alert(1)</script><style>p {}</style></head><body>
    <nav><a href="/">Home</a></nav><header>Banner</header>
    <main><h1>Pears</h1><p>They are <b>fruit</b>, see <a href="/x">here</a> or <a href="https://e.org/">there</a>.</p>
    <h2>Kinds</h2><ul><li>Green</li><li>Red</li></ul>
    <table><tr><th>Kind</th><th>Price</th></tr><tr><td>Green</td><td>2</td></tr></table>
    <pre><code>buy(pear)</code></pre><img src="a.png" alt="icon"></main><footer>Imprint</footer></body></html>"""
    parsed = parse(page, "a.html")
    assert parsed.title == "Pears & more"
    assert dict(parsed.metadata) == {"author": "Ann", "date": "2024-05-06T07:08:09Z", "year": 2024, "language": "en"}
    assert titles(parsed) == [(1, "Pears"), (2, "Kinds")]
    assert "They are **fruit**, see here or [there](https://e.org/)." in parsed.text
    assert len(block_texts(parsed, "table")) == 1
    assert "buy(pear)" in block_texts(parsed, "code")[0]
    for gone in ("alert", "Home", "Banner", "Imprint", "icon"):
        assert gone not in parsed.text


def test_anchors_and_the_rows_of_links_around_a_manual_page_are_no_text() -> None:
    page = """<body><div class="header"><p>Next: <a href="b.html" accesskey="n">Files</a></p></div>
    <h1>Prompt<a class="headerlink" href="#prompt">¶</a></h1><div class="header">Kept.</div>
    <p>The prompt is shown<a href="#index-PS1"> ¶</a>. See <a href="#s2">section 2</a>.</p></body>"""
    assert parse(page, "a.html").text == "# Prompt\n\nKept.\n\nThe prompt is shown. See section 2."


def test_tables_that_set_out_a_page_are_no_data() -> None:
    menu = "".join(f'<li><a href="{page}.html">{page}</a></li>' for page in ("home", "docs", "news", "faq", "bugs"))
    answer = "<p>Quote it twice.</p><pre>run --param 1</pre>" + "<p>It is read as an expression.</p>" * 12
    data = "<table><tr><th>Plan</th><th>Price</th></tr><tr><td>Team</td><td>10</td></tr></table>"
    page = f"""<table width="100%"><tr><td><table><tr><td><ul>{menu}</ul></td></tr></table></td>
    <td><table><tr><td><h2>Parameters are empty</h2>{answer}{data}</td></tr></table></td></tr></table>"""
    parsed = parse(page, "a.html")
    assert parsed.text.startswith("## Parameters are empty\n\nQuote it twice.\n\n```\nrun --param 1\n```")
    assert [heading.title for heading in parsed.headings] == ["Parameters are empty"]
    assert parsed.text.endswith("| Plan | Price |\n| --- | --- |\n| Team | 10 |")
    small = "<table><tr><td>Adult</td><td>10</td></tr><tr><td>Child</td><td>5</td></tr></table>"
    assert parse(small, "a.html").text == "| Adult | 10 |\n| Child | 5 |"


def test_html_names_its_own_encoding() -> None:
    page = '<html><head><meta charset="iso-8859-1"></head><body><p>Größe</p></body></html>'
    assert parse(page.encode("latin-1"), "a.html").text == "Größe"


def mail(html: bool = False) -> EmailMessage:
    message = EmailMessage()
    message["Subject"], message["From"], message["To"] = "Grüße", "Ann <ann@example.org>", "bob@example.org"
    message["Date"] = "Tue, 05 Mar 2024 10:00:00 +0200"
    if html:
        message.set_content("<p>Hello <b>Bob</b></p>", subtype="html")
    else:
        message.set_content("Hello Bob\n\nSee you.")
        message.add_alternative("<p>HTML side</p>", subtype="html")
    message.add_attachment(b"\x00\x01", maintype="application", subtype="pdf", filename="plan.pdf")
    return message


def test_mail() -> None:
    parsed = parse(mail().as_bytes(), "a.eml")
    assert parsed.title == "Grüße"
    assert parsed.text.startswith("Subject: Grüße\nFrom: Ann <ann@example.org>\nTo: bob@example.org\n")
    assert parsed.text.endswith("Hello Bob\n\nSee you.")
    assert parsed.metadata["date"] == "2024-03-05T08:00:00Z"
    assert parsed.metadata["year"] == 2024
    assert parsed.notices == ("Attachments were not read: plan.pdf.",)
    assert "Hello **Bob**" in parse(mail(html=True).as_bytes(), "a.eml").text


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252"])
@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_a_mail_whose_head_is_written_in_bytes_of_a_code_page_is_read(encoding: str, ends: str) -> None:
    lines = ["From: Jörg Müller <j@a.de>", "Subject: Die Küche für 5 €", "", "Größe – 5 €", ""]
    parsed = parse(ends.join(lines).encode(encoding), "a.eml")
    assert parsed.title == "Die Küche für 5 €"
    assert parsed.text == "Subject: Die Küche für 5 €\nFrom: Jörg Müller <j@a.de>\n\nGröße – 5 €"


def test_a_feed_is_a_section_an_entry() -> None:
    feed = """<?xml version="1.0"?><rss version="2.0"><channel><title>News</title><description>All of it</description>
    <item><title>First</title><pubDate>Mon, 01 Jan 2024</pubDate>
    <description>&lt;p&gt;A &lt;b&gt;bold&lt;/b&gt; text&lt;/p&gt;</description>
    </item>
    <item><title>Second</title><description>Plain</description></item></channel></rss>"""
    parsed = parse(feed, "feed.xml")
    assert titles(parsed) == [(1, "News"), (2, "First"), (2, "Second")]
    assert "A **bold** text" in parsed.text
    atom = '<feed xmlns="http://www.w3.org/2005/Atom"><title>N</title>'
    atom += '<entry><title>E</title><link href="http://e.org/1"/></entry></feed>'
    assert "Link: http://e.org/1" in parse(atom, "feed.atom").text


def test_other_xml_is_lines_with_their_path() -> None:
    text = parse('<shop><item id="7"><name>Pear</name><note>very <b>good</b> indeed</note></item></shop>', "a.xml").text
    assert text == "shop.item@id: 7\nshop.item.name: Pear\nshop.item.note: very good indeed"
    broken = parse("<a><b></a>", "a.xml")
    assert broken.text == "<a><b></a>"
    assert "not valid XML" in broken.notices[0]


# Tables and records


@pytest.mark.parametrize(("name", "separator"), [("a.csv", ","), ("a.csv", ";"), ("a.tsv", "\t"), ("a.csv", "|")])
def test_each_row_of_a_table_names_its_columns(name: str, separator: str) -> None:
    rows = [["Country", "Capital", "Note"], ["France", "Paris", f'"a{separator} b"'], ["Peru", "Lima", ""]]
    parsed = parse("\r\n".join(separator.join(row) for row in rows), name)
    assert (
        parsed.text
        == f"Country: France; Capital: Paris; Note: {' '.join(f'a{separator} b'.split())}\nCountry: Peru; Capital: Lima"
    )
    assert [block.kind for block in parsed.blocks] == ["table"]


def test_a_table_without_header_keeps_its_cells() -> None:
    assert parse("1,2,3\n4,5,6\n", "a.csv").text == "1 | 2 | 3\n4 | 5 | 6"


def test_spreadsheets() -> None:
    import openpyxl

    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "Sales"
    for row in (
        ["Region", "Revenue", "Since"],
        ["North", 10.0, datetime.datetime(2024, 1, 31)],
        [],
        ["South", 12.5, None],
    ):
        sheet.append(row)
    book.create_sheet("Notes").append(["Only a note"])
    book.create_sheet("Secret").append(["a", "b"])
    book["Secret"].sheet_state = "hidden"
    book.properties.title, book.properties.creator = "Figures", "Ann"
    stream = io.BytesIO()
    book.save(stream)
    parsed = parse(stream.getvalue(), "a.xlsx")
    assert parsed.title == "Figures"
    assert parsed.metadata["author"] == "Ann"
    assert titles(parsed) == [(2, "Sales"), (2, "Notes")]
    assert parsed.text == (
        "## Sales\n\nRegion: North; Revenue: 10; Since: 2024-01-31\nRegion: South; Revenue: 12.5\n\n"
        "## Notes\n\nOnly a note"
    )
    assert parsed.notices == ("Hidden sheets were left out: Secret.",)


def test_json_keeps_every_key_with_its_path() -> None:
    value = {
        "name": "Shop",
        "open": True,
        "tags": ["a", "b"],
        "address": {"city": "Köln", "geo": {"lat": 50.9}},
        "items": [{"id": 1, "parts": [{"n": "x"}]}, {"id": 2}],
        "none": None,
    }
    parsed = parse(json.dumps(value), "a.json")
    assert parsed.title == "Shop"
    assert titles(parsed) == [(1, "address"), (1, "items")]
    assert parsed.text == (
        "name: Shop\nopen: true\ntags: a, b\n\naddress\ncity: Köln\ngeo.lat: 50.9\n\n"
        "items\nid: 1\nparts[0].n: x\n\nid: 2"
    )
    assert parse('[{"a": 1}, {"a": 2}]', "a.json").text == "a: 1\n\na: 2"


def test_json_lines_and_broken_json() -> None:
    parsed = parse('{"a": 1}\n{"a": \n{"a": 3}\n', "a.jsonl")
    assert parsed.text == 'a: 1\n\n{"a":\n\na: 3'
    assert parsed.notices == ("1 of 3 lines are not valid JSON and were read as plain text.",)
    loose = parse("{// comment\n}", "a.json")
    assert loose.text == "{// comment\n}"
    assert "not valid JSON" in loose.notices[0]


def test_a_notebook_is_its_cells() -> None:
    cells = [
        {"cell_type": "markdown", "source": ["# Study\n", "Text"]},
        {"cell_type": "code", "source": "print('```')", "outputs": [{"output_type": "stream", "text": ["42\n"]}]},
    ]
    parsed = parse(json.dumps({"cells": cells, "metadata": {}, "nbformat": 4}), "a.ipynb")
    assert parsed.title == "Study"
    assert parsed.text == "# Study\nText\n\n````python\nprint('```')\n````\n\n```text\n42\n```"
    assert len(parsed.blocks) == 2


# Office


def test_word() -> None:
    import docx

    document = docx.Document()
    document.core_properties.title, document.core_properties.author = "Manual", "Ann"
    document.add_heading("Install", 1)
    document.add_paragraph("First do this.")
    document.add_heading("Linux", 2)
    table = document.add_table(2, 2)
    for number, value in enumerate(("Key", "Value", "port", "8080")):
        table.cell(number // 2, number % 2).text = value
    stream = io.BytesIO()
    document.save(stream)
    parsed = parse(stream.getvalue(), "a.docx")
    assert (parsed.title, parsed.metadata["author"]) == ("Manual", "Ann")
    assert titles(parsed) == [(1, "Install"), (2, "Linux")]
    assert "First do this." in parsed.text
    assert "port | 8080" in block_texts(parsed, "table")[0]


def test_slides_are_pages() -> None:
    import pptx

    deck = pptx.Presentation()
    for number in (1, 2):
        slide = deck.slides.add_slide(deck.slide_layouts[1])
        slide.shapes.title.text = f"Slide {number}"
        slide.placeholders[1].text = f"Point {number}"
    deck.slides[1].notes_slide.notes_text_frame.text = "Say hello"
    stream = io.BytesIO()
    deck.save(stream)
    parsed = parse(stream.getvalue(), "a.pptx")
    assert [page.number for page in parsed.pages] == [1, 2]
    first, second = (parsed.text[page.start : page.end] for page in parsed.pages)
    assert first == "# Slide 1\nPoint 1"
    assert second.startswith("# Slide 2\nPoint 2")
    assert second.endswith("Say hello")
    assert "<!--" not in parsed.text


def test_epub() -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("mimetype", "application/epub+zip")
        archive.writestr(
            "META-INF/container.xml",
            '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
            '<rootfile full-path="c.opf" media-type="application/oebps-package+xml"/></rootfiles></container>',
        )
        archive.writestr(
            "c.opf",
            '<package xmlns="http://www.idpf.org/2007/opf" version="3.0">'
            '<metadata xmlns:dc="http://purl.org/dc/elements/1.1/">'
            "<dc:title>Book</dc:title><dc:creator>Ann</dc:creator></metadata><manifest>"
            '<item id="a" href="a.xhtml" media-type="application/xhtml+xml"/></manifest>'
            '<spine><itemref idref="a"/></spine></package>',
        )
        archive.writestr("a.xhtml", "<html><body><h1>Chapter</h1><p>Once upon a time.</p></body></html>")
    parsed = parse(stream.getvalue(), "a.epub")
    assert (parsed.title, parsed.metadata["author"]) == ("Book", "Ann")
    assert parsed.text == "# Chapter\n\nOnce upon a time."


def test_rtf() -> None:
    assert parse(rb"{\rtf1\ansi Pears are {\b fruit}.\par Second \'fc.}", "a.rtf").text == "Pears are fruit.\nSecond ü."


# Kinds


def test_content_corrects_a_wrong_or_missing_ending() -> None:
    assert read(b"<!DOCTYPE html><p>Hi", name="page", settings=SETTINGS)[0] == "html"
    assert read(b"#!/bin/sh\necho hi", name="run", settings=SETTINGS)[0] == "code"
    assert read(b"all: build", name="Makefile", settings=SETTINGS)[0] == "code"
    assert read(b"Just text", name="LICENSE", settings=SETTINGS)[0] == "text"
    assert read(b"Just text", name="data.unknownending", settings=SETTINGS)[0] == "text"


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(DocumentError, match="no reader"):
        read(b"x", name="a", settings=SETTINGS, kind="hologram")


def test_html_elements_that_markdown_has_no_sign_for() -> None:
    page = (
        '<p><u>Two</u> boxes: <input type="checkbox" checked>sent <input type="checkbox">paid <strike>void</strike></p>'
        '<p><a href="ftp://a.org/x">by ftp</a>, <a href="https://a.org/a b%20c%">by web</a>, '
        '<code><a href="https://a.org">f</a></code></p>'
        '<pre>fn load(at: *const <a href="https://a.org">i8</a>)</pre>'
        '<h2>A picture <img src="a.png" alt="of the old mill"></h2>'
    )
    assert html_to_markdown(page) == (
        "<u>Two</u> boxes: [x] sent [ ] paid ~~void~~\n\n"
        "by ftp, [by web](https://a.org/a%20b%20c%25), `[f](https://a.org)`\n\n"
        "```\nfn load(at: *const i8)\n```\n\n"
        "## A picture (image: of the old mill)"
    )


def test_a_quote_that_is_never_closed_swallows_no_rows() -> None:
    parsed = parse('name,age,note\nAda,3,"left open\nBob,4,plain\nCara,5,plain\n', "pets.csv")
    assert "name: Bob; age: 4" in parsed.text
    said = "A quotation mark is not closed. Quotation marks are read as letters, and each line as a row."
    assert list(parsed.notices) == [said]
    assert not parse('name,age,note\nAda,3,"two\nlines"\nBob,4,plain\n', "pets.csv").notices


@pytest.mark.parametrize(
    ("text", "notice"),
    [
        ("a: [1, 2\nb: 3\n", "It is not valid YAML (line 2:"),
        ("a: 1\n---\nb: !Ref other\n", ""),
        ("name: {{ .Values.name }}\n\tbad: [\n", ""),
        ("a: &x [1]\nb: [*x, *x]\n", ""),
    ],
)
def test_yaml_that_cannot_be_parsed_says_so(text: str, notice: str) -> None:
    found = parse(text, "a.yaml").notices
    assert bool(found) is bool(notice)
    assert all(each.startswith(notice) and each.endswith("It was read as text.") for each in found)


@pytest.mark.parametrize(
    "menu",
    [
        '<ul class="docnav"><li><a accesskey="p" href="a.html">Prev</a> 9.4</li><li>Next 9.6</li></ul>',
        '<ul><li><a accesskey="p" href="a.html">Prev</a></li><li><a accesskey="n" href="b.html">Next</a></li></ul>',
        '<ul><li><a rel="prev" href="a.html">Prev</a></li><li><a rel="next" href="b.html">Next</a></li></ul>',
        '<div class="breadcrumbs"><a href="/">Guide</a> / <a href="/x">Next</a></div>',
        '<nav><a href="a.html">Prev</a></nav><div class="navfooter">Prev 9.4 Home</div>',
    ],
)
def test_links_to_the_pages_beside_it_are_no_text_of_a_page(menu: str) -> None:
    rye = "<p>The mill grinds rye.</p><ul><li><a href='c.html'>Next year</a></li></ul>"
    assert parse(f"<html><body>{menu}{rye}{menu}</body></html>", "a.html").text == "The mill grinds rye.\n\n* Next year"
