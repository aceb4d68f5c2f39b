"""Asks a workspace through hostile endpoints and prints answers, times and memory: `python hostile_ask.py WORKSPACE`,
base URLs as a JSON list on standard input."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import openai  # noqa: F401  Its import is no part of the time.

from instill import Workspace
from instill.settings import with_values
from tests.models.generators.hostile_client import peak_mb

QUESTION = "At how many degrees is green tea brewed?"


def main() -> None:
    folder, found = Path(sys.argv[1]), []
    with Workspace.open(folder) as workspace:
        workspace.ask(QUESTION, mode="extractive")
        before = peak_mb()
        given = workspace.given
        for url in json.load(sys.stdin):
            values = {"generator.base_url": url, "generator.model": "m", "generator.timeout_s": 0.3}
            workspace.given = with_values(given, values)
            workspace.refresh()
            workspace.ask(QUESTION, mode="extractive")  # opens the encoder again, which is no part of the time
            started = time.monotonic()
            answer = workspace.ask(QUESTION)
            seconds = time.monotonic() - started
            quoted = [each.text for each in answer.citations]
            found.append({"seconds": seconds, "quoted": quoted, "notices": answer.notices, "how": answer.trace.method})
    print(json.dumps({"answers": found, "more_mb": peak_mb() - before}))


if __name__ == "__main__":
    main()
