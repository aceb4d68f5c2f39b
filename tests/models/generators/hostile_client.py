"""Asks a hostile endpoint everything and prints what came of it, for a test that measures this process:
`python hostile_client.py TIMEOUT_S`, base URLs by kind as one JSON object on standard input."""

from __future__ import annotations

import json
import re
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import openai  # noqa: F401  Its import is no part of the time.

from instill.errors import GeneratorError
from instill.models.generators.endpoint_generator import EndpointGenerator


def ask(url: str, timeout_s: float) -> dict[str, Any]:
    made = EndpointGenerator(url, "m", timeout_s=timeout_s)
    started = time.monotonic()
    found: dict[str, Any] = {"said": "", "error": "", "remedy": ""}
    try:
        found["said"] = "".join(made.stream([{"role": "user", "content": "How hot?"}], max_tokens=600))
    except GeneratorError as error:
        found["error"], found["remedy"] = error.what, error.remedy
    except BaseException as error:
        found["crash"] = repr(error)[:300]
    return {**found, "seconds": time.monotonic() - started, "usage": made.last_usage}


def peak_mb() -> float:
    """The most memory that this process ever had, in MiB. (`getrusage` tells that of the process that started it.)"""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return int(found.group(1)) / 1024 if found else 0.0


def main() -> None:
    urls: dict[str, str] = json.load(sys.stdin)
    results: dict[str, Any] = {}

    def work(kind: str, url: str) -> None:
        results[kind] = ask(url, float(sys.argv[1]))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, *zip(*urls.items(), strict=True)))
    print(json.dumps({"results": results, "peak_mb": peak_mb()}))


if __name__ == "__main__":
    main()
