"""What every reader of a format does."""

from __future__ import annotations

import io
import random
import time
import zipfile
from collections.abc import Iterator, Mapping
from typing import ClassVar

from instill.documents.document import Parsed
from instill.documents.format_detection import kind_of
from instill.documents.formats import Format
from instill.documents.plugged import Formats, checked_format
from instill.documents.reader_output_check import fault_of
from instill.documents.reading import read
from instill.errors import DocumentError
from instill.settings import DocumentSettings

_SETTINGS = DocumentSettings(ocr="never")
_MOST_SECONDS = 20.0


class ReaderTests:
    """Subclass it, and set:

    Attributes:
        part: the `Format`.
        samples: files of the format with text in them, small ones: name -> bytes.
        damaged: how many damaged versions of each sample are tried.
    """

    part: ClassVar[Format]
    samples: ClassVar[Mapping[str, bytes]]
    damaged: ClassVar[int] = 40

    def test_the_format_is_declared_rightly(self) -> None:
        assert checked_format(self.part) is self.part
        assert self.samples, "set `samples`: files of the format"

    def test_its_files_are_recognised(self) -> None:
        """By their name, and without it by their media type or their content, as far as the format tells them."""
        for name, data in self.samples.items():
            found = kind_of(data, name=name, formats=self._formats())
            assert found == self.part.name, f"{name} is taken for {found or 'nothing known'}"
            for media_type in self.part.types:
                found = kind_of(data, name="download", content_type=media_type, formats=self._formats())
                assert found == self.part.name, f"as {media_type} it is taken for {found or 'nothing known'}"

    def test_what_it_reads_can_be_indexed(self) -> None:
        """Text without carriage returns and null characters, structure inside of the text, plain metadata."""
        for name, data in self.samples.items():
            parsed = self._read(name, data)
            assert parsed.text.strip(), f"{name}: there is no text"
            assert not fault_of(parsed), f"{name}: {fault_of(parsed)}"

    def test_reading_again_gives_the_same(self) -> None:
        """A document is compared with its earlier version, and citations point into it."""
        for name, data in self.samples.items():
            assert self._read(name, data) == self._read(name, data), f"{name} is read in two ways"

    def test_a_heading_starts_where_it_says(self) -> None:
        """At the start of a line that shows the words of its title."""
        for name, data in self.samples.items():
            parsed = self._read(name, data)
            for heading in parsed.headings:
                before = parsed.text[: heading.start]
                assert not before or before.endswith("\n"), f"{name}: {heading.title!r} does not start a line"

    def test_damaged_files_are_refused_or_read(self) -> None:
        """Cut off and changed bytes: an error that is an Exception, or a sound result; never a hang or an exit."""
        for name, data in self.samples.items():
            for harmed in _harmed(data, self.damaged):
                began = time.monotonic()
                try:
                    _, parsed = read(
                        harmed, name=name, settings=_SETTINGS, formats=self._formats(), kind=self.part.name
                    )
                except DocumentError:
                    continue
                finally:
                    seconds = time.monotonic() - began
                    assert seconds < _MOST_SECONDS, f"a damaged {name} takes {seconds:.0f} s"
                assert not fault_of(parsed), f"{name}, damaged: {fault_of(parsed)}"

    def test_hostile_archives_are_refused(self) -> None:
        """Of formats that are archives: one with nothing in it, one that explodes, one that declares entities."""
        if self.part.form != "archive":
            return
        for harmed in (
            _archive({}),
            _exploding(),
            _archive({"content.xml": _ENTITIES, "word/document.xml": _ENTITIES}),
        ):
            try:
                read(harmed, name="hostile", settings=_SETTINGS, formats=self._formats(), kind=self.part.name)
            except DocumentError:
                continue
            raise AssertionError("a hostile archive is read")

    def test_a_text_that_is_too_long_is_refused(self) -> None:
        """The limit of the settings holds, whatever the reader does."""
        tight = _SETTINGS.model_copy(update={"max_text_mb": 1e-6})
        for name, data in self.samples.items():
            try:
                read(data, name=name, settings=tight, formats=self._formats(), kind=self.part.name)
            except DocumentError:
                continue
            raise AssertionError(f"{name} is longer than max_text_mb, and is read")

    def _formats(self) -> Formats:
        return Formats(more=(self.part,))

    def _read(self, name: str, data: bytes) -> Parsed:
        return read(data, name=name, settings=_SETTINGS, formats=self._formats(), kind=self.part.name)[1]


_ENTITIES = b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "c"><!ENTITY d "&b;&b;">]><a>&d;</a>'


def _harmed(data: bytes, count: int) -> Iterator[bytes]:
    chance = random.Random(0)  # noqa: S311 - the same damage in every run
    for number in range(count):
        place = chance.randrange(1, max(2, len(data)))
        if number % 2:
            yield data[:place]
        else:
            changed = bytearray(data)
            for at in chance.sample(range(len(data)), min(4, len(data))):
                changed[at] = chance.randrange(256)
            yield bytes(changed)


def _archive(members: Mapping[str, bytes]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return made.getvalue()


def _exploding() -> bytes:
    return _archive({"content.xml": b" " * (60 * 1024**2)})
