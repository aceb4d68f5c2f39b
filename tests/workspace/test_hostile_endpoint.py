"""`ask` through endpoints that mean harm: the quoted answer comes, in time and in bounded memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from instill import Workspace
from tests.models.generators.hostile_server import hostile_server
from tests.workspace import hostile_ask

KINDS = ["drip-header", "drip-text", "endless-error", "endless-line", "endless-text", "deep", "digits", "gzip", "wide",
         "redirect-to", "closed-in-a-chunk", "bad-utf8"]  # fmt: skip
TOTAL_S, SLACK_S = 1.5, 2.0


def test_the_quoted_answer_comes(tmp_path: Path) -> None:
    tea = tmp_path / "tea.md"
    tea.write_text("# Tea\n\nGreen tea is brewed at 80 degrees for two minutes.\n", encoding="utf-8")
    with Workspace.init(tmp_path / "kb") as workspace:
        workspace.add([str(tea)])
    root = Path(hostile_ask.__file__).parents[2]
    path = os.pathsep.join([str(root), os.environ.get("PYTHONPATH", "")])
    with hostile_server() as server, hostile_server() as other:
        server.elsewhere = other.url("cookies")
        result = subprocess.run(
            [sys.executable, "-m", "tests.workspace.hostile_ask", str(tmp_path / "kb")],
            input=json.dumps([server.url(kind) for kind in KINDS]),
            capture_output=True, text=True, timeout=120, check=True, cwd=root, env={**os.environ, "PYTHONPATH": path},
        )  # fmt: skip
        assert other.posts == []
    found = json.loads(result.stdout)
    assert len(found["answers"]) == len(KINDS)
    for kind, answer in zip(KINDS, found["answers"], strict=True):
        assert answer["quoted"] == ["Green tea is brewed at 80 degrees for two minutes."], kind
        assert answer["how"] == "extractive", kind
        assert "quotes the documents instead" in answer["notices"][0], kind
        assert answer["seconds"] < TOTAL_S + SLACK_S, kind
    # What is opened anew twelve times and each thread's own memory; it stays at about 130 however many more are asked.
    assert found["more_mb"] < 200
