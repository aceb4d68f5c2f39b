"""`make` installs by uv, told what pip is configured to, and by pip where uv fails."""

from __future__ import annotations

import subprocess
from typing import Any

import pytest

from tools.install import main, variables


def test_what_pip_is_configured_to_is_said_in_uvs_words() -> None:
    listed = (
        ":env:.find-links='/wheels'\n"
        "global.index-url='https://mirror.example/simple'\n"
        "global.extra-index-url='file:///one file:///two'\n"
        "global.find-links='/old /older'\n"
        "global.cert='/etc/ca.crt'\n"
        "global.disable-pip-version-check='1'\n"
        "install.constraint='/etc/most.txt'\n"
    )
    assert variables(listed) == {
        "UV_DEFAULT_INDEX": "https://mirror.example/simple",
        "UV_INDEX": "file:///one file:///two",
        "UV_FIND_LINKS": "/wheels",
        "SSL_CERT_FILE": "/etc/ca.crt",
        "UV_CONSTRAINT": "/etc/most.txt",
        "UV_INDEX_STRATEGY": "unsafe-best-match",
    }
    assert variables("global.find-links='/a /b'")["UV_FIND_LINKS"] == "/a,/b"


@pytest.mark.parametrize(
    ("fails", "ran", "code"),
    [
        ((), ["install --quiet uv", "config list", "pip install -e ."], 0),
        (("pip install -e .",), ["install --quiet uv", "config list", "pip install -e .", "install --quiet -e ."], 0),
        (("install --quiet uv",), ["install --quiet uv", "install --quiet -e ."], 0),
        (("install --quiet uv", "install --quiet -e ."), ["install --quiet uv", "install --quiet -e ."], 1),
    ],
)
def test_pip_does_it_where_uv_cannot(
    monkeypatch: pytest.MonkeyPatch, fails: tuple[str, ...], ran: list[str], code: int
) -> None:
    said = []

    def run(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        words = [each for each in command[3:] if each not in ("--disable-pip-version-check", "--no-compile")]
        if "--python" in words:
            words = words[1:3] + words[words.index("--python") + 2 :]
        said.append(" ".join(words))
        return subprocess.CompletedProcess(command, int(said[-1] in fails), "", "")

    monkeypatch.setattr(subprocess, "run", run)
    assert main(["-e", "."]) == code
    assert said == ran
