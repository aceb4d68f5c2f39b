"""The readers that come with Instill pass the tests that those of other packages have to pass."""

from __future__ import annotations

import io
import itertools
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any, ClassVar

import pytest

from instill.documents.document import Page, Parsed
from instill.documents.formats import BUILT_IN, Format
from instill.documents.readers.job import Job
from instill.documents.reading import reader_of
from instill.testing import ReaderTests

TEXT = "Water boils at 100 degrees. The kettle is switched off at once."


def docx() -> bytes:
    from docx import Document

    made, document = io.BytesIO(), Document()
    document.add_heading("Kettles", 1)
    document.add_paragraph(TEXT)
    document.save(made)
    return made.getvalue()


def pptx() -> bytes:
    from pptx import Presentation

    made, slides = io.BytesIO(), Presentation()
    slide = slides.slides.add_slide(slides.slide_layouts[1])
    slide.shapes.title.text, slide.placeholders[1].text = "Kettles", TEXT
    slides.save(made)
    return made.getvalue()


def xlsx() -> bytes:
    from openpyxl import Workbook

    made, book = io.BytesIO(), Workbook()
    for row in (("Kettle", "Litres"), ("Small", 1), ("Large", 3)):
        book.active.append(row)
    book.save(made)
    return made.getvalue()


def pdf() -> bytes:
    from reportlab.pdfgen.canvas import Canvas

    made = io.BytesIO()
    canvas = Canvas(made)
    canvas.drawString(72, 700, TEXT)
    canvas.save()
    return made.getvalue()


SAMPLES: dict[str, Callable[[], bytes]] = {
    "text": lambda: f"{TEXT}\n".encode(),
    "markdown": lambda: f"# Kettles\n\n{TEXT}\n\n| a | b |\n|---|---|\n| 1 | 2 |\n".encode(),
    "rst": lambda: f"Kettles\n=======\n\n{TEXT}\n".encode(),
    "html": lambda: (
        f"<html><head><title>Kettles</title></head><body><h1>Kettles</h1><p>{TEXT}</p></body></html>".encode()
    ),
    "csv": lambda: b"kettle,litres\nsmall,1\nlarge,3\n",
    "json": lambda: json.dumps([{"kettle": "small", "litres": 1}]).encode(),
    "jsonl": lambda: b'{"kettle": "small"}\n{"kettle": "large"}\n',
    "email": lambda: f"From: a@example.org\nSubject: Kettles\n\n{TEXT}\n".encode(),
    "xml": lambda: f"<guide><title>Kettles</title><p>{TEXT}</p></guide>".encode(),
    "rtf": lambda: rb"{\rtf1\ansi Water boils at 100 degrees.\par}",
    "code": lambda: b'"""Kettles."""\n\ndef boil():\n    return 100\n',
    "docx": docx,
    "pptx": pptx,
    "xlsx": xlsx,
    "pdf": pdf,
}


class TestBuiltInReaders(ReaderTests):
    damaged: ClassVar[int] = 6

    @pytest.fixture(params=sorted(SAMPLES), autouse=True)
    def _part(self, request: pytest.FixtureRequest) -> None:
        """As a package would declare it: under a name, an ending and a type of its own, so that it is found as one."""
        name = request.param
        reader = reader_of(name)
        own = type(self)
        own.part = Format(f"x{name}", _as(name, reader), BUILT_IN[name].form, (f"x{name}",), (), (f"text/x-of-{name}",))
        own.samples = {f"kettles.x{name}": SAMPLES[name]()}

    def test_its_files_are_recognised(self) -> None:
        """By their names alone: the content of a built-in format is that format's."""


def _as(kind: str, reader: Callable[[Job], Parsed]) -> Callable[[Job], Parsed]:
    return lambda job: reader(replace(job, kind=kind, name=job.name.replace(".x", ".")))


COUNTED = itertools.count()


def part(read: Callable[[Job], Any], **values: Any) -> Format:
    return Format("tea", read, **{"form": "text", "endings": ("tea",), **values})


@pytest.mark.parametrize(
    ("wrong", "test", "said"),
    [
        (part(lambda job: job.text()), "what_it_reads_can_be_indexed", "not a Parsed"),
        (part(lambda job: Parsed("Tea.", pages=(Page(1, 0, 99),))), "what_it_reads_can_be_indexed", "ends at 99"),
        (part(lambda job: Parsed("a\r\nb")), "what_it_reads_can_be_indexed", "carriage return"),
        (part(lambda job: Parsed(f"Tea {next(COUNTED)}.")), "reading_again_gives_the_same", "in two ways"),
        (part(lambda job: Parsed("Tea."), endings=(".TEA",)), "the_format_is_declared_rightly", "without a dot"),
        (part(lambda job: Parsed("Tea."), endings=("coffee",)), "its_files_are_recognised", "is taken for"),
        (part(lambda job: Parsed("Tea."), form="binary"), "damaged_files_are_refused_or_read", ""),
    ],
)  # fmt: skip
def test_a_reader_that_is_wrong_does_not_pass(wrong: Format, test: str, said: str) -> None:
    class Wrong(ReaderTests):
        part = wrong
        samples: ClassVar[dict[str, bytes]] = {"pot.tea": b"Tea is brewed."}

    run = getattr(Wrong(), f"test_{test}")
    if not said:
        run()  # a reader that reads anything is none that fails
        return
    with pytest.raises(Exception, match=said):
        run()
