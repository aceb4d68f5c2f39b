"""Every file has a total time and memory, whatever its format; the message names the setting."""

from __future__ import annotations

import sys
import time
from io import BytesIO
from zipfile import ZIP_DEFLATED, ZipFile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instill.documents.document import Block, Heading, Parsed
from instill.documents.reader_process import IN_PROCESS_BYTES, ReaderPool
from instill.documents.splitting.long_texts import segments
from instill.documents.splitting.passages import split
from instill.documents.time_limit import TimeLimit
from instill.errors import DocumentError
from instill.models.encoders.shipped_encoder import open_shipped
from instill.settings import DocumentSettings

TOKENIZER = open_shipped(threads=1).tokenizer


def workbook_of_far_rows() -> bytes:
    """Two cells, a million rows apart on each of many sheets: small, and slow to walk through."""
    sheet = (
        '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
        '<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>2</v></c></row>'
        "</sheetData></worksheet>"
    )
    names = [f"s{number}" for number in range(1, 30)]
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006"
    content = BytesIO()
    with ZipFile(content, "w", ZIP_DEFLATED) as archive:
        archive.writestr(
            "[Content_Types].xml",
            f'<Types xmlns="{package}/content-types"><Default Extension="rels" '
            'ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Override '
            'PartName="/xl/workbook.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.'
            'sheet.main+xml"/></Types>',
        )
        archive.writestr(
            "_rels/.rels",
            f'<Relationships xmlns="{package}/relationships"><Relationship Id="r" Type="{office}/officeDocument" '
            'Target="xl/workbook.xml"/></Relationships>',
        )
        archive.writestr(
            "xl/workbook.xml",
            f'<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="{office}"><sheets>'
            + "".join(f'<sheet name="{name}" sheetId="{name[1:]}" r:id="{name}"/>' for name in names)
            + "</sheets></workbook>",
        )
        archive.writestr(
            "xl/_rels/workbook.xml.rels",
            f'<Relationships xmlns="{package}/relationships">'
            + "".join(
                f'<Relationship Id="{name}" Type="{office}/worksheet" Target="worksheets/{name}.xml"/>'
                for name in names
            )
            + "</Relationships>",
        )
        for name in names:
            archive.writestr(f"xl/worksheets/{name}.xml", sheet)
    return content.getvalue()


def test_a_small_workbook_that_takes_for_ever_is_stopped() -> None:
    data = workbook_of_far_rows()
    assert len(data) < 50_000
    started = time.monotonic()
    with ReaderPool(DocumentSettings(max_seconds=1)) as pool:
        with pytest.raises(DocumentError, match=r"takes longer than 1 s, the limit for one file") as error:
            pool.read(data, name="a.xlsx")
        assert "max_seconds under [documents]" in error.value.remedy
    assert time.monotonic() - started < 90  # starting a process is slow on a busy machine; the file took minutes


@pytest.mark.parametrize("name", ["a.txt", "a.md", "a.csv", "a.jsonl", "a.json", "a.py", "a.rst"])
def test_large_text_formats_have_the_same_limit(name: str) -> None:
    data = b"a, b, c\n" * (IN_PROCESS_BYTES // 4)

    def is_refused() -> bool:
        try:
            pool.read(data, name=name)
        except DocumentError as error:
            return "limit for one file" in str(error)
        return False  # On a busy machine the reading may be done before this process looks at the clock.

    with ReaderPool(DocumentSettings(max_seconds=0.000_001)) as pool:
        assert any(is_refused() for _ in range(10))
        assert pool.read(b"a, b, c\n1, 2, 3", name=name)[1].text  # small ones are read here


@pytest.mark.skipif(sys.platform != "linux", reason="memory is counted by Linux")
def test_memory_is_limited() -> None:
    table = b"aa,bb,cc,dd,ee,ff\n" * 1_000_000
    with ReaderPool(DocumentSettings(max_memory_mb=256, max_seconds=100)) as pool:
        with pytest.raises(DocumentError, match="256 MB") as error:
            pool.read(table, name="a.csv")
        assert "max_memory_mb under [documents]" in error.value.remedy
        assert pool.read(b"<p>next</p>", name="b.html")[1].text == "next"


def test_cutting_has_a_limit_too() -> None:
    late = TimeLimit(seconds=1, started=time.monotonic() - 2)
    with pytest.raises(DocumentError, match="Cutting it into passages takes longer than 1 s"):
        split(Parsed("a b"), kind="text", tokenizer=TOKENIZER, passage_tokens=100, time_limit=late)


@pytest.mark.parametrize("unit", ["x", "0123456789", "a,b;c,", "漢字仮名交じり文の例", "=", "é"])
def test_a_line_without_spaces_is_cut_within_the_limit(unit: str) -> None:
    text = unit * (60_000 // len(unit))
    passages = split(Parsed(text), kind="text", tokenizer=TOKENIZER, passage_tokens=100)
    assert "".join(passage.text for passage in passages) == text
    counts = TOKENIZER.encode_batch_fast([passage.text for passage in passages], add_special_tokens=False)
    assert max(map(len, counts)) <= 100
    assert max(len(passage.text) for passage in passages) <= 1600


@settings(max_examples=60, deadline=None)
@given(
    text=st.text(alphabet="ab \n#", min_size=1, max_size=300),
    size=st.integers(2, 80),
    starts=st.lists(st.integers(0, 299), max_size=5),
)
def test_segments_are_the_text_with_its_structure(text: str, size: int, starts: list[int]) -> None:
    heads = sorted({start for start in starts if start < len(text)})
    parsed = Parsed(
        text,
        headings=[Heading(1, "h", start) for start in heads],
        blocks=[Block("table", 0, len(text))],
    )
    found = list(segments(parsed, size=size))
    assert "".join(part.text for _, part in found) == text
    assert [offset for offset, _ in found] == [sum(len(part.text) for _, part in found[:k]) for k in range(len(found))]
    assert all(0 < len(part.text) <= size for _, part in found)
    assert [offset + head.start for offset, part in found for head in part.headings] == heads
    assert all((block.start, block.end) == (0, len(part.text)) for _, part in found for block in part.blocks)
