"""What needs an extra that is not installed says which one; the rest is read."""

from __future__ import annotations

import io
import json
import re
import sys
import tomllib
from pathlib import Path

import pytest

from instill import Workspace
from instill.common import extras
from instill.common.extras import EXTRA_OF, how_to_install
from instill.documents.formats import BUILT_IN
from instill.documents.reading import read
from instill.errors import DocumentError, MissingDependency
from instill.settings import DocumentSettings

SETTINGS = DocumentSettings()
ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def picture(form: str) -> bytes:
    from PIL import Image, ImageDraw

    made, drawn = io.BytesIO(), Image.new("RGB", (300, 80), "white")
    ImageDraw.Draw(drawn).text((10, 30), "The pier is closed.", fill="black")
    drawn.save(made, form)
    return made.getvalue()


def pages(*texts: str) -> bytes:
    """A PDF; a page of "" is a picture."""
    from reportlab.lib.utils import ImageReader
    from reportlab.pdfgen.canvas import Canvas

    made = io.BytesIO()
    canvas = Canvas(made)
    for text in texts:
        if text:
            canvas.drawString(72, 700, text)
        else:
            canvas.drawImage(ImageReader(io.BytesIO(picture("PNG"))), 72, 600, 400, 100)
        canvas.showPage()
    canvas.save()
    return made.getvalue()


@pytest.fixture
def no_ocr(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rapidocr_onnxruntime", None)


@pytest.mark.parametrize(("name", "data"), [("pier.png", picture("PNG")), ("scan.pdf", pages("", ""))])
def test_pictures_without_ocr_name_the_extra(no_ocr: None, name: str, data: bytes) -> None:
    with pytest.raises(DocumentError, match="OCR is not installed") as caught:
        read(data, name=name, settings=SETTINGS)
    assert caught.value.command == how_to_install("ocr")


@pytest.mark.parametrize("ocr", ["auto", "always"])
def test_a_pdf_with_some_pictures_is_read_and_says_what_is_missing(no_ocr: None, ocr: str) -> None:
    data = pages("The lighthouse was built in 1884.", "", "It has ninety steps.")
    _, parsed = read(data, name="a.pdf", settings=DocumentSettings(ocr=ocr))
    assert "1884" in parsed.text
    assert "ninety steps" in parsed.text
    [notice] = parsed.notices
    if ocr == "auto":
        assert notice.startswith("1 of 3 pages are pictures and were not read: 2. " + how_to_install("ocr"))


def test_with_ocr_off_nobody_asks_for_it(no_ocr: None) -> None:
    _, parsed = read(pages("The lighthouse.", ""), name="a.pdf", settings=DocumentSettings(ocr="never"))
    assert not any("[ocr]" in each for each in parsed.notices)


def test_sql_without_duckdb_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "duckdb", None)
    with Workspace.init(tmp_path) as workspace, pytest.raises(MissingDependency) as caught:
        workspace.sql("select 1")
    assert caught.value.command == how_to_install("sql")


def test_every_extra_that_is_named_is_one() -> None:
    known = PROJECT["optional-dependencies"]
    for module, extra in EXTRA_OF.items():
        package = {"opensearchpy": "opensearch-py"}.get(module, module.partition(".")[0].replace("_", "-"))
        assert any(each.startswith(package) for each in known[extra]), module
        assert not any(each.startswith(f"{package}>") for each in PROJECT["dependencies"]), module
    assert {each.extra for each in BUILT_IN.values()} - {""} <= set(known)


def test_every_remedy_names_an_extra_and_takes_the_one_way_to_say_it() -> None:
    known = set(PROJECT["optional-dependencies"])
    for file in (ROOT / "src" / "instill").rglob("*.py"):
        source = file.read_text(encoding="utf-8")
        assert set(re.findall(r'how_to_install\(["\'](\w+)["\']\)', source)) <= known, file.name
        if file.name != "extras.py":
            assert "pip install 'instill[" not in source, f"{file.name}: use how_to_install"


def install(record: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """As if an installer had left this record of where Instill came from."""

    class Installed:
        def read_text(self, name: str) -> str | None:
            assert name == "direct_url.json"
            return record

    monkeypatch.setattr(extras, "distribution", lambda name: Installed())


def test_the_remedy_takes_the_tool_that_instill_was_installed_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(None, monkeypatch)
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    assert how_to_install("ocr") == "Run: pip install 'instill[ocr]'"
    assert how_to_install("") == "Run: pip install --upgrade instill"
    (tmp_path / "uv-receipt.toml").write_text("[tool]\n")
    assert how_to_install("ocr") == "Run: uv tool install 'instill[ocr]'"
    assert how_to_install("") == "Run: uv tool upgrade instill"
    # uv makes the tool anew: without what is not named again.
    (tmp_path / "uv-receipt.toml").write_text(
        "[tool]\nrequirements = [{ name = 'instill', extras = ['sql'], path = '/a/instill.whl' }, "
        "{ name = 'kettle', directory = '/a/kettle' }, { name = 'cup', specifier = '>=2' }]\n"
    )
    assert how_to_install("s3") == "Run: uv tool install --with /a/kettle --with 'cup>=2' 'instill[s3,sql]'"
    assert how_to_install("sql") == "Run: uv tool install --with /a/kettle --with 'cup>=2' 'instill[sql]'"
    (tmp_path / "uv-receipt.toml").write_text("no toml")
    assert how_to_install("s3") == "Run: uv tool install 'instill[s3]'"


def test_the_remedy_installs_from_where_instill_came(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`instill` on PyPI is another package."""
    clone = tmp_path / "a clone"
    clone.mkdir()
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    install(json.dumps({"url": clone.as_uri(), "dir_info": {}}), monkeypatch)
    assert how_to_install("ocr") == f"Run: pip install '{clone}[ocr]'"
    assert how_to_install("") == f"Run: pip install '{clone}'"
    (clone / "constraints.txt").touch()
    assert how_to_install("ocr") == f"Run: pip install -c '{clone}/constraints.txt' '{clone}[ocr]'"
    (tmp_path / "uv-receipt.toml").write_text("[tool]\n")
    assert how_to_install("ocr") == f"Run: uv tool install --constraints '{clone}/constraints.txt' '{clone}[ocr]'"
    wheel = tmp_path / "instill-1.0-py3-none-any.whl"
    install(json.dumps({"url": wheel.as_uri(), "archive_info": {}}), monkeypatch)
    assert how_to_install("ocr") == f"Run: uv tool install 'instill[ocr] @ {wheel.as_uri()}'"


@pytest.mark.parametrize("record", ["{", "[]", '{"url": 7}', '{"url": "https://example.org/instill.git"}'])
def test_a_record_of_no_folder_names_the_package(record: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(record, monkeypatch)
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    assert how_to_install("ocr") == "Run: pip install 'instill[ocr]'"
