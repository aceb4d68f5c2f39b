"""The wheel, installed with pip and with `uv tool install`: its size, what it reads without any extra, and what it says
of the rest.

Fetches the dependencies and takes minutes, so it runs only where it is asked for: INSTALL_TEST=yes pytest tests/install
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from email.message import EmailMessage
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MOST_MB = 850
MOST_MB_WITH_UV = 770
"""Of site-packages, without pip and setuptools; docs/benchmarks/safety.md says what weighs."""

pytestmark = [
    pytest.mark.skipif(os.environ.get("INSTALL_TEST") != "yes", reason="fetches packages; INSTALL_TEST=yes"),
    pytest.mark.timeout(1800),
]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("wheel")
    how = ["--no-deps", "--no-build-isolation", "--quiet", "--wheel-dir", str(place)]
    subprocess.run([sys.executable, "-m", "pip", "wheel", str(ROOT), *how], check=True)
    [file] = place.glob("*.whl")
    return file


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("fresh")
    subprocess.run([sys.executable, "-m", "venv", str(place)], check=True)
    pip = [str(place / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "--constraint", str(ROOT / "constraints.txt"), str(wheel)], check=True)
    return place


@pytest.fixture(scope="module")
def tool(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The environment that `uv tool install` makes of the wheel."""
    place = tmp_path_factory.mktemp("uv")
    subprocess.run([sys.executable, "-m", "venv", str(place / "uv")], check=True)
    pip = [str(place / "uv" / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check", "uv"]
    subprocess.run(pip, check=True)
    uv = [str(place / "uv" / "bin" / "uv"), "tool", "install", "--quiet", "--python", sys.executable]
    folders = {"UV_TOOL_DIR": place / "tools", "UV_TOOL_BIN_DIR": place / "bin", "UV_CACHE_DIR": place / "cache"}
    settings = {**os.environ, **{name: str(folder) for name, folder in folders.items()}}
    subprocess.run([*uv, "--constraints", str(ROOT / "constraints.txt"), str(wheel)], check=True, env=settings)
    assert (place / "bin" / "instill").is_file()
    return place / "tools" / "instill"


@pytest.fixture(params=["environment", "tool"])
def installed(request: pytest.FixtureRequest) -> Path:
    """Once with pip and once with uv."""
    found: Path = request.getfixturevalue(request.param)
    return found


def run(environment: Path, *arguments: str, cwd: Path, code: int = 0) -> str:
    settings = {"PATH": os.environ["PATH"], "HOME": str(cwd), "INSTILL_CACHE_DIR": str(cwd / "cache")}
    command = [str(environment / "bin" / "instill"), *arguments]
    done = subprocess.run(command, cwd=cwd, env=settings, capture_output=True, text=True, check=False)
    assert done.returncode == code, f"{arguments}: {done.stdout}\n{done.stderr}"
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr


def write_documents(folder: Path) -> list[str]:
    """A document of each format that needs no extra, each with a sentence of its own; their names."""
    from docx import Document
    from openpyxl import Workbook
    from pptx import Presentation
    from reportlab.pdfgen.canvas import Canvas

    folder.mkdir()
    (folder / "a.txt").write_text("The gate is locked at nine in the evening.\n")
    (folder / "b.md").write_text("# Boats\n\nBoats are rented for eleven euros an hour.\n")
    (folder / "c.html").write_text("<html><body><h1>Kites</h1><p>Kites are lent to children.</p></body></html>")
    (folder / "d.py").write_text('def tide():\n    """High tide comes twice a day."""\n')
    letter = EmailMessage()
    letter["Subject"], letter["From"] = "Lamps", "a@example.org"
    letter.set_content("The lamps are cleaned on Mondays.")
    (folder / "e.eml").write_bytes(bytes(letter))
    word = Document()
    word.add_paragraph("The cellar holds ninety barrels.")
    word.save(str(folder / "f.docx"))
    slides = Presentation()
    slide = slides.slides.add_slide(slides.slide_layouts[5])
    slide.shapes.title.text = "The ferry carries forty cars"
    slides.save(str(folder / "g.pptx"))
    book = Workbook()
    for row in (("Oar", "Price in euros"), ("Short", 31), ("Long", 47)):
        book.active.append(row)
    book.save(folder / "h.xlsx")
    page = Canvas(str(folder / "i.pdf"))
    page.drawString(72, 700, "The lighthouse was built in 1884.")
    page.save()
    return sorted(each.name for each in folder.iterdir())


def test_the_wheel_is_typed_and_brings_its_models(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    for name in (
        "py.typed",
        "models/weights/encoder.onnx",
        "models/weights/reader.onnx",
        "models/weights/tokenizer.json",
    ):
        assert f"instill/{name}" in names
    assert not any(name.startswith(("tests/", "bench/")) for name in names)


def size_of(environment: Path) -> tuple[Path, float]:
    """The folder of the packages, and what they weigh in MB, without pip and setuptools."""
    [packages] = environment.glob("lib/python*/site-packages")
    files = [file for file in packages.rglob("*") if file.is_file()]
    ours = [file for file in files if file.relative_to(packages).parts[0].split("-")[0] not in ("pip", "setuptools")]
    return packages, sum(file.lstat().st_size for file in ours) / 1e6


def test_the_base_is_not_heavier_than_it_was(environment: Path) -> None:
    packages, size = size_of(environment)
    assert size < MOST_MB, f"{size:.0f} MB"
    for heavy in ("torch", "transformers", "cv2", "pandas", "duckdb", "onnx"):
        assert not (packages / heavy).exists(), f"{heavy} is in the base"


def test_with_uv_it_is_lighter_because_nothing_is_compiled(tool: Path) -> None:
    _, size = size_of(tool)
    assert size < MOST_MB_WITH_UV, f"{size:.0f} MB"


def test_it_reads_and_answers_without_any_extra(installed: Path, tmp_path: Path) -> None:
    names = write_documents(tmp_path / "documents")
    run(installed, "init", "kb", cwd=tmp_path)
    added = run(installed, "add", "documents", "-w", "kb", "--json", cwd=tmp_path)
    report = json.loads(added.strip().splitlines()[-1])
    assert sorted(Path(source).name for source in report["added"]) == names
    answer = json.loads(run(installed, "ask", "When is the gate locked?", "-w", "kb", "--json", cwd=tmp_path))
    assert answer["claims"][0]["citations"][0]["source"].endswith("a.txt")
    assert "lighthouse" in run(installed, "search", "lighthouse", "-w", "kb", cwd=tmp_path)
    assert json.loads(run(installed, "status", "-w", "kb", "--json", cwd=tmp_path))["documents"] == len(names) == 9


def test_what_needs_an_extra_says_which(installed: Path, tmp_path: Path) -> None:
    from PIL import Image, ImageDraw

    picture = Image.new("RGB", (400, 100), "white")
    ImageDraw.Draw(picture).text((10, 40), "The pier is closed.", fill="black")
    picture.save(tmp_path / "pier.png")
    picture.save(tmp_path / "scan.pdf")
    (tmp_path / "note.txt").write_text("A note.\n")
    run(installed, "init", "kb", cwd=tmp_path)
    said = run(installed, "add", "pier.png", "scan.pdf", "note.txt", "-w", "kb", cwd=tmp_path, code=3)
    install = "uv tool install" if (installed / "uv-receipt.toml").exists() else "pip install"
    assert said.count(f"Run: {install} 'instill[ocr] @ file:") == 2
    assert "1 added" in said
    said = run(installed, "sql", "select 1", "-w", "kb", cwd=tmp_path, code=6)
    assert f"Run: {install} 'instill[sql] @ file:" in said
    (tmp_path / "kb" / "instill.toml").write_text('[encoder]\nmodel = "minilm"\n')
    assert "pip install" in run(installed, "search", "note", "-w", "kb", cwd=tmp_path, code=6)
