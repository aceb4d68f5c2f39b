"""Hostile and broken files: each is refused with a reason and a remedy, whatever its kind; a reader may hang or die."""

from __future__ import annotations

import io
import os
import random
import signal
import subprocess
import sys
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instill.documents.formats import BUILT_IN
from instill.documents.reader_process import ReaderPool, _Process
from instill.documents.reading import read
from instill.errors import DocumentError
from instill.settings import DocumentSettings

SETTINGS = DocumentSettings()


def packed(members: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return stream.getvalue()


def refused(data: bytes, name: str, match: str, options: DocumentSettings = SETTINGS) -> None:
    with pytest.raises(DocumentError, match=match) as error:
        read(data, name=name, settings=options)
    assert error.value.where == name
    assert error.value.remedy
    assert error.value.exit_code == 3


def test_empty_blank_and_too_large() -> None:
    refused(b"", "a.txt", "empty")
    refused(b" \n\t\n", "a.txt", "no text")
    refused(b"\x00\x00", "a.md", "binary")
    refused(b"x" * 200_000, "a.txt", "limit is 0 MB", DocumentSettings(max_file_mb=0.1))
    refused(b"x" * 200_000, "a.txt", "Its text has", DocumentSettings(max_text_mb=0.1))


def test_binary_content() -> None:
    refused(b"\x7fELF\x02\x01\x01" + bytes(500), "program", "no kind that can be read")
    refused(bytes(random.Random(1).randbytes(4000)), "data.bin", "no kind|binary")
    refused(b"\x7fELF\x02\x01\x01" + bytes(500), "notes.txt", "its content is binary")


def test_zip_bombs_are_refused_before_they_are_opened() -> None:
    bomb = packed({"word/document.xml": bytes(200 * 1024**2)})
    assert len(bomb) < 1024**2
    refused(bomb, "a.docx", "zip bomb")
    refused(packed({f"word/{number}": b"" for number in range(20_001)}, zipfile.ZIP_STORED), "a.docx", "zip bomb")


def test_an_archive_is_not_opened() -> None:
    refused(packed({"a.txt": b"hi"}), "a.zip", "Archives are not opened")


@pytest.mark.parametrize("kind", ["docx", "pptx", "xlsx", "epub"])
def test_damaged_and_encrypted_office_files(kind: str) -> None:
    refused(b"PK\x03\x04 broken", f"a.{kind}", "damaged")
    refused(packed({"other.txt": b"hi"}), f"a.{kind}", "damaged|no text")
    refused(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"), f"a.{kind}", "encrypted")
    archive = bytearray(packed({"word/document.xml": b"<a/>"}))
    archive[archive.index(b"PK\x01\x02") + 8] |= 1  # the directory's "encrypted" flag
    refused(bytes(archive), f"a.{kind}", "encrypted")


BOMB = b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x "ha"><!ENTITY y "&x;&x;&x;">]><a>&y;</a>'


def test_xml_entities_are_refused_in_files_and_inside_office_files() -> None:
    refused(BOMB, "a.xml", "entities")
    refused(BOMB.decode().encode("utf-16"), "a.xml", "entities")
    refused(b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>', "a.xml", "entities")
    refused(packed({"word/document.xml": BOMB}), "a.docx", "entities")


def test_deep_nesting_is_refused() -> None:
    refused(b"[" * 100_000, "a.json", "nested")
    refused(b'{"a":' * 1000 + b"1" + b"}" * 1000, "a.json", "nested")
    refused(b"<a>" * 5000 + b"x" + b"</a>" * 5000, "a.xml", "nested")


@settings(max_examples=60, deadline=None)
@given(data=st.binary(max_size=300), kind=st.sampled_from(sorted(set(BUILT_IN) - {"image"})))
def test_any_bytes_are_read_or_refused(data: bytes, kind: str) -> None:
    try:
        _, parsed = read(data, name=f"a.{kind}", settings=SETTINGS, kind=kind)
    except DocumentError as error:
        outcome = error.what and error.remedy
    else:
        outcome = parsed.text.strip()
    assert outcome


def test_nothing_is_printed_and_heavy_libraries_stay_out_of_the_light_path() -> None:
    program = (
        "import sys\n"
        "from instill.documents.reading import read\n"
        "from instill.documents.sources import find_sources\n"
        "from instill.documents.splitting.passages import split\n"
        "from instill.settings import DocumentSettings\n"
        "for name in ('a.txt', 'a.md', 'a.csv', 'a.json', 'a.py', 'a.rst'):\n"
        "    read(b'Hello world', name=name, settings=DocumentSettings())\n"
        "heavy = {'markitdown', 'pandas', 'torch', 'transformers', 'onnxruntime'}\n"
        "heavy |= {'pypdfium2', 'magika', 'httpx', 'bs4', 'PIL'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


# Reader processes


def test_a_pool_gives_what_the_reader_gives() -> None:
    page = b"<html><title>T</title><body><h1>Head</h1><p>Text</p></body></html>"
    with ReaderPool(SETTINGS) as pool:
        assert pool.read(page, name="a.html") == read(page, name="a.html", settings=SETTINGS)
        with pytest.raises(DocumentError, match="damaged") as error:
            pool.read(b"%PDF-1.7 nothing", name="a.pdf")
        assert (error.value.where, bool(error.value.remedy)) == ("a.pdf", True)
        assert pool.read(page, name="b.html")[1].title == "T"


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
@pytest.mark.parametrize(("sign", "reason"), [(signal.SIGSTOP, "made no progress"), (signal.SIGKILL, "crashed")])
def test_a_reader_that_hangs_or_dies_costs_one_file(
    sign: signal.Signals, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = b"<html><body><p>Text</p></body></html>"
    monkeypatch.setattr("instill.documents.reader_process._START_SECONDS", 0.5)
    with ReaderPool(SETTINGS, silence_s=0.5) as pool:
        process = _Process(SETTINGS)
        assert process.read(page, name="a.html", content_type="", kind="html", silence=60)[1].text == "Text"
        os.kill(process._process.pid, sign)
        with pytest.raises(DocumentError, match=reason):
            process.read(page, name="a.html", content_type="", kind="html", silence=0.5)
        assert not process.running()
        pool.close()
    with ReaderPool(SETTINGS) as pool:
        monkeypatch.undo()
        assert pool.read(page, name="a.html")[1].text == "Text"
