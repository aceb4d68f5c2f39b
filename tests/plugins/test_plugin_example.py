"""The example package, installed as a user would: a reader of .odt files."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest

from instill.documents.document import Parsed
from instill.documents.formats import Format
from instill.documents.plugged import READERS, Formats
from instill.documents.reader_process import ReaderPool
from instill.documents.reading import read
from instill.errors import DocumentError
from instill.settings import DocumentSettings
from instill.testing import ReaderTests
from tests.plugins.odt_files import MINUTES, odt, packed

EXAMPLE = Path(__file__).parents[2] / "examples" / "plugin"
SOURCE = Path(__file__).parents[2] / "src"
SETTINGS = DocumentSettings()


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with the example in it, by pip, which gets nothing from anywhere; on Python's path, here and for the
    processes that read files."""
    place = tmp_path_factory.mktemp("packages")
    copy = tmp_path_factory.mktemp("source") / "plugin"
    shutil.copytree(EXAMPLE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-index"]
    how = ["--no-deps", "--no-build-isolation", "--target", str(place)]
    subprocess.run([*pip, *how, str(copy)], check=True, capture_output=True, text=True)
    before = set(sys.modules)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(place))
        patch.setenv("PYTHONPATH", os.pathsep.join([str(place), str(SOURCE)]))
        yield place
    for name in set(sys.modules) - before:
        if name.startswith("instill_odt"):
            del sys.modules[name]


@pytest.fixture(scope="module")
def format_(packages: Path) -> Format:
    return READERS.one("odt")


@pytest.fixture(scope="module")
def pool(packages: Path) -> Iterator[ReaderPool]:
    """Reads in a process, which a hostile file may end."""
    with ReaderPool(DocumentSettings(max_text_mb=1)) as found:
        yield found


class TestOdt(ReaderTests):
    @pytest.fixture(autouse=True)
    def _installed(self, format_: Format) -> None:
        type(self).part = format_

    samples: ClassVar[dict[str, bytes]] = {"minutes.odt": MINUTES}


def parsed_of(data: bytes) -> Parsed:
    kind, parsed = read(data, name="minutes.odt", settings=SETTINGS)
    assert kind == "odt"
    return parsed


def test_what_it_reads(packages: Path) -> None:
    parsed = parsed_of(MINUTES)
    assert parsed.text == (
        "# Minutes of the allotment society\n\nThe meeting was held in the clubhouse on the third of May.\n\n"
        "## Watering\n\nThe pump at the well is locked at nine in the evening.\n\n"
        "[1] From October to March at six.\n\n* Bring your own hose.\n* Close the tap.\n\n"
        "| Plot | Rent in euros |\n| --- | --- |\n| Corner plot | 84 |\n| Middle plot | 67 |\n\n"
        "```\npump --lock\npump --open\n```\n\nSee you <soon>."
    )
    assert parsed.title == "Minutes of the allotment society"
    assert [(each.level, each.title) for each in parsed.headings] == [
        (1, "Minutes of the allotment society"),
        (2, "Watering"),
    ]
    assert [block.kind for block in parsed.blocks] == ["table", "code"]
    assert dict(parsed.metadata) == {"author": "Ada Brook", "date": "2024-05-03T20:00:00"}


def test_merged_cells_are_filled(packages: Path) -> None:
    row = "<table:table-row>{}</table:table-row>"
    cell = "<table:table-cell{}><text:p>{}</text:p></table:table-cell>"
    table = (
        "<table:table>"
        + row.format(cell.format("", "Plot") + cell.format("", "Rent") + cell.format("", "Water"))
        + row.format(cell.format(' table:number-rows-spanned="2"', "Corner") + cell.format("", "84") * 2)
        + row.format("<table:covered-table-cell/>" + cell.format(' table:number-columns-repeated="2"', "67"))
        + "</table:table>"
    )
    assert "| Corner | 84 | 84 |\n| Corner | 67 | 67 |" in parsed_of(odt(table)).text


ROW = (
    '<table:table><table:table-row table:number-rows-repeated="1000000000"><table:table-cell '
    'table:number-columns-repeated="1000000000"><text:p>{}</text:p></table:table-cell></table:table-row></table:table>'
)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (odt(ROW.format("much " * 20_000) * 40), "too long|MB; the limit"),
        (odt(f"<text:p>{'x' * (70 * 1024**2)}</text:p>"), "zip bomb"),
        (packed({"content.xml": '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'}), "declares entities"),
        (packed({"content.xml": "<a>" * 5 + "</a>" * 5}), "not an OpenDocument text"),
        (packed({"content.xml": "<a><b></a>"}), "odt files failed"),
        (packed({"other.xml": "<a/>"}), "no content.xml"),
        (odt("<text:p>a</text:p>", more={"META-INF/manifest.xml": "<manifest:encryption-data/>"}), "encrypted"),
        (odt("<text:section>" * 20_000 + "<text:p>deep</text:p>" + "</text:section>" * 20_000), "nested|crashed"),
        (odt(""), "no text"),
        (MINUTES[: len(MINUTES) // 2], "damaged"),
        (b"only text", "damaged"),
    ],
    ids=["copies", "bomb", "entities", "other", "broken", "empty", "encrypted", "deep", "nothing", "cut", "text"],
)  # fmt: skip
def test_a_hostile_file_is_refused_and_the_next_one_is_read(pool: ReaderPool, data: bytes, said: str) -> None:
    with pytest.raises(DocumentError, match=said):
        pool.read(data, name="bad.odt")
    assert pool.read(MINUTES, name="good.odt")[1].title == "Minutes of the allotment society"


def test_turned_off_the_file_is_refused_as_before(packages: Path) -> None:
    with (
        ReaderPool(SETTINGS, formats=Formats(off=["instill-odt"])) as pool,
        pytest.raises(DocumentError, match="This is an OpenDocument text, which is not read"),
    ):
        pool.read(MINUTES, name="minutes.odt")


def run(*arguments: str, cwd: Path, code: int = 0) -> Any:
    done = subprocess.run(
        [sys.executable, "-P", "-m", "instill", *arguments, "--json"],
        cwd=cwd,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, f"{done.stdout}\n{done.stderr}"
    return json.loads(done.stdout.splitlines()[-1] if arguments[0] == "add" else done.stdout)


def test_a_user_installs_it_adds_a_file_and_asks(packages: Path, tmp_path: Path) -> None:
    (tmp_path / "minutes.odt").write_bytes(MINUTES)
    subprocess.run([sys.executable, "-m", "instill", "init", "."], cwd=tmp_path, check=True, capture_output=True)
    [listed] = [each for each in run("plugins", cwd=tmp_path)["plugins"] if each["package"] == "instill-odt"]
    assert (listed["group"], listed["name"], listed["package"]) == ("readers", "odt", "instill-odt")
    assert (listed["version"], listed["state"]) == ("1.0.0", "ok")
    run("add", "minutes.odt", cwd=tmp_path)
    answer = run("ask", "When is the pump at the well locked?", cwd=tmp_path)
    [citation, *_] = [each for claim in answer["claims"] for each in claim["citations"]]
    assert citation["source"].endswith("/minutes.odt")
    assert "The pump at the well is locked at nine in the evening." in citation["text"]
    findings = {each["name"]: each for each in run("doctor", cwd=tmp_path)["findings"]}
    assert findings["readers.odt"]["verdict"] == "ok"
