"""What docs/serve.md gives to systemd and to Docker is well formed, and starts a command that there is."""

from __future__ import annotations

import configparser
import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from instill.cli.main import app
from instill.server.listening import DRAIN_S

ROOT = Path(__file__).parents[2]


def snippet(language: str) -> str:
    page = (ROOT / "docs" / "serve.md").read_text(encoding="utf-8")
    [found] = re.findall(rf"^```{language}\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    return str(found)


def check_command(words: list[str]) -> None:
    """Its options are known; nothing is run."""
    command = typer.main.get_command(app)
    context = command.make_context("instill", words)
    _, inner, rest = command.resolve_command(context, words)  # type: ignore[attr-defined]
    while rest and hasattr(inner, "resolve_command"):
        _, inner, rest = inner.resolve_command(inner.make_context(inner.name, list(rest)), rest)
    inner.make_context(inner.name, list(rest), resilient_parsing=False)


def unit() -> configparser.ConfigParser:
    found = configparser.ConfigParser(strict=True, interpolation=None)
    found.optionxform = str  # type: ignore[assignment,method-assign]
    found.read_string(snippet("ini"))
    return found


def test_the_unit_starts_the_server_and_lets_it_end() -> None:
    service = unit()["Service"]
    program, *words = shlex.split(service["ExecStart"])
    assert program.endswith("/bin/instill")
    check_command(words)
    assert words[1].removeprefix("/var/lib/") == service["StateDirectory"]
    assert service["Environment"].partition("=")[2].removeprefix("/var/cache/") == service["CacheDirectory"]
    assert int(service["TimeoutStopSec"]) > DRAIN_S
    with pytest.raises(Exception, match="No such option"):
        check_command(["serve", "--hots", "x"])


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="There is no systemd here.")
def test_systemd_finds_nothing_wrong_with_the_unit(tmp_path: Path) -> None:
    def said(text: str) -> str:
        file = tmp_path / "instill.service"
        file.write_text(text)
        command = ["systemd-analyze", "verify", str(file)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        return "\n".join(line for line in (done.stdout + done.stderr).splitlines() if "instill.service" in line)

    text = snippet("ini").replace("/opt/instill/bin/instill", sys.executable)
    assert said(text) == ""
    assert "restart specifier" in said(text.replace("on-failure", "on-failur"))


def test_the_linter_finds_nothing_wrong_with_the_dockerfile(tmp_path: Path) -> None:
    program = Path(sys.executable).with_name("hadolint")

    def said(text: str) -> str:
        (tmp_path / "Dockerfile").write_text(text)
        command = [str(program), "--no-color", str(tmp_path / "Dockerfile")]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60).stdout

    text = snippet("dockerfile")
    assert said(text) == ""
    assert "DL3042" in said(text.replace(" --no-cache-dir", ""))


def test_the_container_runs_commands_that_there_are() -> None:
    text = snippet("dockerfile")
    for words in map(json.loads, re.findall(r"CMD (\[.*\])$", text, re.MULTILINE)):
        if words[0] == "instill":
            check_command(words[1:])
        else:
            compile(words[2], "HEALTHCHECK", "exec")
    assert (ROOT / "constraints.txt").is_file()
    commands = re.findall(r" instill instill (.*)$", snippet("sh"), re.MULTILINE)
    assert len(commands) == 2
    for words in commands:
        check_command(shlex.split(words))
