"""Installs packages into this Python's environment, for the Makefile: by uv, ten times as fast as pip, or else by pip.

    .venv/bin/python tools/install.py -c constraints.txt -e .

The arguments are those of `pip install`. uv does not read pip's settings (indexes, folders of wheels, constraints,
certificates), so they are handed to it as variables of the environment. Where uv cannot be installed, or fails, pip
does the work and says what is wrong.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping

PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check")

SAME = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
    "constraint": "UV_CONSTRAINT",
    "trusted-host": "UV_INSECURE_HOST",
    "no-index": "UV_NO_INDEX",
    "cert": "SSL_CERT_FILE",
    "proxy": "ALL_PROXY",
    "default-timeout": "UV_HTTP_TIMEOUT",
}
"""What pip calls a setting, and the variable by which uv is told."""

_SETTING = re.compile(r"^(?:global|install|:env:)\.([a-z-]+)=(.*)$")


def variables(listed: str) -> dict[str, str]:
    """The variables for uv that say the same as pip's settings.

    Args:
        listed: what `pip config list` prints. A later line goes before an earlier one.

    Example:
        >>> variables("global.index-url='https://mirror.example/simple'\\nglobal.timeout='9'")["UV_DEFAULT_INDEX"]
        'https://mirror.example/simple'
    """
    found = {}
    for line in sorted(listed.splitlines(), key=lambda line: not line.startswith(":env:"), reverse=True):
        setting = _SETTING.match(line)
        if setting and setting[1] in SAME:
            values = " ".join(shlex.split(setting[2])).split()
            found[SAME[setting[1]]] = ("," if setting[1] == "find-links" else " ").join(values)
    # pip takes the best release of all indexes; uv by itself that of the first index that has the package.
    return {**found, "UV_INDEX_STRATEGY": "unsafe-best-match"}


def installed_by_uv(arguments: list[str], environment: Mapping[str, str]) -> bool:
    """Whether uv could be had and installed everything."""
    if subprocess.run([*PIP, "install", "--quiet", "uv"], capture_output=True, check=False).returncode:
        return False
    listed = subprocess.run([*PIP, "config", "list"], capture_output=True, text=True, check=False).stdout
    told = {**variables(listed), **environment}  # What a person sets for uv counts more.
    command = [sys.executable, "-m", "uv", "--quiet", "pip", "install", "--python", sys.executable, *arguments]
    return subprocess.run(command, env=told, check=False).returncode == 0


def main(arguments: list[str]) -> int:
    if installed_by_uv(arguments, os.environ):
        return 0
    print("uv could not install this; now pip tries.", flush=True)
    return subprocess.run([*PIP, "install", "--quiet", "--no-compile", *arguments], check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
