"""Every command and every piece of Python on the task pages runs, in order, in a fresh folder."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.conftest import write_handbook
from tests.models.generators.endpoint_process import running_endpoint
from tests.warm import Warm

DOCS = Path(__file__).parents[2] / "docs"
PAGES = [
    "add.md", "ask.md", "reader.md", "calibrate.md", "tune.md", "chat.md", "bring-your-own-model.md", "privacy.md",
    "configuration.md", "train.md", "teach.md", "lab.md", "study.md", "compare.md", "curve.md",
    "memory.md", "edit.md", "forget.md", "plugins.md",
]  # fmt: skip
SERVING = ["serve.md", "api.md", "mcp.md", "widget.md"]
"""Pages that start a server in the background: there `instill` is a program, as it is for a reader, and not a function
of the shell, which would leave it behind when it is ended."""

BLOCK = re.compile(r"^```(console|python)\n(.*?)^```", re.MULTILINE | re.DOTALL)
EXIT = re.compile(r"#\s*exit (\d+)\s*$")


def script_of(page: str, python: str) -> str:
    """The page's commands and programs as one bash script that checks every exit code; `python` is the command, "" for
    what is found in the path."""
    lines = [f'python() {{ {python} "$@"; }}', 'instill() { python -m instill "$@"; }'] if python else []
    for language, body in BLOCK.findall(page):
        if language == "python":
            lines += ["python - <<'PROGRAM' || { echo 'program failed'; exit 99; }", body.rstrip(), "PROGRAM"]
            continue
        for line in body.splitlines():
            if line.startswith("$ "):
                expected = EXIT.search(line)
                code = expected.group(1) if expected else "0"
                command = EXIT.sub("", line[2:]).rstrip()
                complaint = f"exit $code: {command.replace(chr(34), chr(39))}"
                lines += [command, f'code=$?; [ $code = {code} ] || {{ echo "{complaint}"; exit 99; }}']
    return "\n".join(lines)


def with_free_ports(script: str) -> str:
    """The script with ports that nobody listens at in place of the pages' own: a reader may have followed them here."""
    with ExitStack() as held:
        for port in dict.fromkeys(re.findall(r"(?:--port |127\.0\.0\.1:)(\d{4})\b", script)):
            free = held.enter_context(socket.create_server(("127.0.0.1", 0))).getsockname()[1]
            script = re.sub(rf"(--port |127\.0\.0\.1:){port}\b", rf"\g<1>{free}", script)
    return script


@pytest.fixture(scope="module")
def base_url() -> Iterator[str]:
    with running_endpoint() as endpoint:
        yield endpoint.url


@pytest.mark.parametrize(
    # Teaching is training again, half a minute of it; the page of training runs always.
    "page",
    [pytest.param(page, marks=pytest.mark.long) if page == "teach.md" else page for page in PAGES],
)
def test_every_command_of_the_page_works(page: str, tmp_path: Path, base_url: str, warm: Warm) -> None:
    write_handbook(tmp_path / "handbook")
    script = script_of((DOCS / page).read_text(encoding="utf-8"), python=shlex.join(warm.command()))
    assert "instill init" in script
    environment = {**os.environ, "BASE_URL": base_url, "NO_COLOR": "1", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        ["bash", "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, timeout=180
    )
    assert done.returncode == 0, f"{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("page", SERVING)
def test_every_command_of_a_page_with_a_server_works(page: str, tmp_path: Path, warm: Warm) -> None:
    write_handbook(tmp_path / "handbook")
    programs = tmp_path / ".programs"
    programs.mkdir()
    known = f'export PYTHONPATH="{os.environ.get("PYTHONPATH", "")}"'
    quick = shlex.join(warm.command())
    for name, words in (("instill", "-m instill"), ("python", "")):
        cold = f'exec "{sys.executable}" {words} "$@"'  # A server is ended by its own number.
        start = f'#!/bin/sh\n{known}\n[ "$1" = serve ] && {cold}\nexec {quick} {words} "$@"\n'
        (programs / name).write_text(start)
        (programs / name).chmod(0o755)
    script = with_free_ports(script_of((DOCS / page).read_text(encoding="utf-8"), python=""))
    assert "instill serve" in script
    path = os.pathsep.join([str(programs), os.environ["PATH"]])
    environment = {**os.environ, "PATH": path, "NO_COLOR": "1", "OMP_NUM_THREADS": "1"}
    with (tmp_path / ".said").open("w+") as said:  # A server that is left behind would keep a pipe open.
        begun = subprocess.Popen(
            ["bash", "-c", script], cwd=tmp_path, env=environment, stdout=said, stderr=said, start_new_session=True
        )
        try:
            code = begun.wait(timeout=180)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(begun.pid, signal.SIGKILL)
        said.seek(0)
        told = said.read()
    assert code == 0, told[-4000:]
    assert "Traceback" not in told


def test_every_setting_is_on_the_settings_page() -> None:
    from instill.settings import Settings

    page = (DOCS / "configuration.md").read_text(encoding="utf-8")
    for section, field in Settings.model_fields.items():
        for key in type(field.default).model_fields:
            assert f"`{section}.{key}`" in page


def anchors_of(page: str) -> set[str]:
    """What a link can name after "#": the headings of a page as a Markdown host writes them, code blocks left out."""
    text = re.sub(r"^```.*?^```", "", page, flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-") for heading in headings}


def test_links_between_pages_lead_somewhere() -> None:
    root = DOCS.parent
    for page in [*DOCS.rglob("*.md"), root / "README.md", root / "CONTRIBUTING.md"]:
        for target, anchor in re.findall(r"\]\(([^)#:]*)(?:#([^)]*))?\)", page.read_text(encoding="utf-8")):
            linked = page.parent / target if target else page
            assert linked.exists(), f"{page.name} links to {target}"
            if anchor:
                assert anchor in anchors_of(linked.read_text(encoding="utf-8")), f"{page.name}: {target}#{anchor}"
