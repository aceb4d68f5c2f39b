"""How the service bears load: `python bench/serve.py`; run it alone on the machine.

    python bench/serve.py [--documents DIR] [--passages 11000] [--seconds 60] [--askers 64] [--minutes 10]
                          [--place DIR] [--only one,many,...] [--json FILE]

A workspace of about so many passages is served by `instill serve` in a process of its own; askers are threads of this
one. Without DIR the documents are made from a seed (`serve_world.py`). The questions are written from the documents by
rules, each asked in turn, so that no two askers ask the same at the same time. `--place` keeps the workspace for the
next run. The parts:

    one     one asker: latency, throughput
    same    32 questions one after the other, then by all askers at once: the answers must be the same, bit for bit
    many    all askers, while a document is added every two seconds: errors, latency, throughput, and the ratio to one
    stream  time to the first byte, and to the first words, of a streamed answer (a scripted generator: 20 ms a word)
    search  search alone, one after the other and by all askers
    memory  four askers for --minutes: resident memory of the server, slopes (whole time, second half) with intervals
    drain   SIGTERM while all askers ask: every request that was taken is answered, and the exit code is 0
    kill    SIGKILL while documents are uploaded: what was acknowledged is there after the next start
    two     two servers on one workspace get uploads in turn: each document is there once

Event loop: the share of beats of 10 ms that came more than 50 ms late, from the server's own /metrics, by part.
Intervals: of quantiles by order statistics, of throughput over bins of five seconds, both 95%.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from serve_client import Asked, Server, asking, in_parallel, scripted_endpoint
from serve_world import document, write_documents

from instill import Workspace
from instill.fit.calibration import questions_for

PARTS = ("one", "same", "many", "stream", "search", "memory", "drain", "kill", "two")
PASSAGES_OF_ONE = 20
T_95 = {1: 12.7, 2: 4.3, 3: 3.18, 4: 2.78, 5: 2.57, 6: 2.45, 7: 2.36, 8: 2.31, 9: 2.26, 10: 2.23, 11: 2.2, 12: 2.18}


class Bench:
    """One run: the workspace, its questions, and what was measured."""

    def __init__(self, place: Path, chosen: argparse.Namespace) -> None:
        self.chosen = chosen
        self.place = place / "kb"
        self.results: dict[str, Any] = {}
        made(self.place, chosen)
        with Workspace.open(str(self.place)) as workspace:
            documents, passages = workspace.index.count()
            self.questions = [entry.question for entry in questions_for(workspace, most=2000)]
        self.results["workspace"] = {"documents": documents, "passages": passages, "questions": len(self.questions)}
        self._next = 0
        self.added = 0

    def question(self) -> str:
        """The next one; list.__getitem__ and += on a number of this size need no lock for what they are used for."""
        self._next += 1
        return self.questions[self._next % len(self.questions)]

    # -- the parts ---------------------------------------------------------------------------------------------

    def one(self) -> Any:
        with Server(self.place) as server:
            warm(server, self)
            before = server.cpu_seconds()
            found = asking(server, self.question, askers=1, seconds=self.chosen.seconds)
            return {**told(found), **server.late(), **processor(server.cpu_seconds() - before, found)}

    def same(self) -> Any:
        """Answers by all askers at once beside those one after the other, without what tells time and number."""
        with Server(self.place) as server:
            questions = [self.question() for _ in range(32)]

            def asked(question: str) -> Any:
                return plain(server.ask(question))

            first = [asked(each) for each in questions]
            began = time.perf_counter()
            second = in_parallel([partial(asked, each) for each in questions])
            return {"same": first == second, "questions": len(questions), "seconds": time.perf_counter() - began}

    def many(self) -> Any:
        with Server(self.place) as server:
            warm(server, self)

            def add() -> None:
                self.added += 1
                server.upload(f"added-{self.added}.md", document(100_000 + self.added, sections=2))

            before = server.cpu_seconds()
            found = asking(
                server, self.question, askers=self.chosen.askers, seconds=self.chosen.seconds, beside=add, every=2.0
            )
            used = processor(server.cpu_seconds() - before, found)
            return {**told(found), **server.late(), **used, "documents added": self.added}

    def stream(self) -> Any:
        with scripted_endpoint() as address:
            generator = {"INSTILL_GENERATOR__BASE_URL": address, "INSTILL_GENERATOR__MODEL": "scripted"}
            with Server(self.place, generator) as server:
                warm(server, self)
                first, words = zip(*(server.stream(self.question()) for _ in range(self.chosen.repeats)), strict=True)
        return {"first byte": quantiles(first), "first words": quantiles(words)}

    def search(self) -> Any:
        with Server(self.place) as server:
            warm(server, self)
            alone = []
            for _ in range(5 * self.chosen.repeats):
                began = time.perf_counter()
                server.search(self.question())
                alone.append(time.perf_counter() - began)
            together = asking(
                server, self.question, askers=self.chosen.askers, seconds=self.chosen.seconds / 4, ask=server.search
            )
            return {"alone": quantiles(alone), "together": told(together)}

    def memory(self) -> Any:
        """Megabytes a minute, by least squares over samples of five seconds, of the whole time and of its second half:
        what was not read yet makes the caches grow at first. The first minute warms up."""
        with Server(self.place) as server:
            asking(server, self.question, askers=4, seconds=min(60, self.chosen.minutes * 20))
            began = time.perf_counter()
            samples: list[tuple[float, float]] = []

            def sample() -> None:
                samples.append(((time.perf_counter() - began) / 60, server.megabytes()))

            found = asking(server, self.question, askers=4, seconds=60 * self.chosen.minutes, beside=sample, every=5.0)
            slopes = ["{:+.2f} ± {:.2f}".format(*line(part)) for part in (samples, samples[len(samples) // 2 :])]
            size = " to ".join(f"{samples[at][1]:.0f}" for at in (0, len(samples) // 2, -1)) + " MB"
            return {
                "MB a minute": slopes[0], "in the second half": slopes[1], "resident": size,
                "answers": len(found.seconds),
            }  # fmt: skip

    def drain(self) -> Any:
        with Server(self.place) as server:
            warm(server, self)
            found = asking(server, self.question, askers=self.chosen.askers, seconds=8, beside=server.term, every=4.0)
            code, said = server.ended()
            # A connection that is refused was never taken; one that breaks off was.
            return {
                "exit code": code, "answered": len(found.seconds), "broken off": found.broken, "refused": found.refused,
                "errors": found.errors, "log": said[-200:],
            }  # fmt: skip

    def kill(self) -> Any:
        names: list[str] = []
        with Server(self.place) as server:

            def upload() -> None:
                name = f"killed-{len(names)}-{time.time_ns()}.md"
                server.upload(name, f"# Note\n\nThis note is called {name}.\n")
                names.append(name)

            end = time.perf_counter() + 3
            while time.perf_counter() < end:
                upload()
            server.kill()
        with Server(self.place) as server:
            there = server.names_when_done()
        return {"acknowledged": len(names), "lost": len(set(names) - there)}

    def two(self) -> Any:
        names = [f"two-{number}-{time.time_ns()}.md" for number in range(20)]
        with Server(self.place) as first, Server(self.place) as second:
            for number, name in enumerate(names):
                (first, second)[number % 2].upload(name, f"# Note\n\nThis note is called {name}.\n")
            first.names_when_done()
            found = second.all_names()
        return {"uploaded": len(names), "lost": len(set(names) - set(found)), "twice": len(found) - len(set(found))}


def made(place: Path, chosen: argparse.Namespace) -> None:
    """The workspace, if it is not there yet."""
    if place.exists():
        return
    with Workspace.init(place) as workspace:
        folder = chosen.documents
        if folder is None:
            folder = place.parent / "documents"
            write_documents(folder, max(1, chosen.passages // PASSAGES_OF_ONE))
        workspace.add(folder, follow=False)
    settings = "[server]\nmetrics = true\nrequests_per_minute = 10000000\n"
    (place / "instill.toml").write_text(settings, encoding="utf-8")


def warm(server: Server, bench: Bench) -> None:
    for _ in range(4):
        server.ask(bench.question())
    server.late()


def plain(answer: Any) -> str:
    return json.dumps({key: value for key, value in answer.items() if key not in ("timings", "question_id")})


# -- figures -----------------------------------------------------------------------------------------------------


def told(found: Asked) -> dict[str, Any]:
    """Latency, throughput and errors."""
    bins: dict[int, int] = {}
    for end in found.ends:
        bins[int(end // 5)] = bins.get(int(end // 5), 0) + 1
    whole = [bins.get(number, 0) / 5 for number in range(int(found.lasted // 5))]
    rate = len(found.ends) / found.lasted
    half = T_95.get(len(whole) - 1, 2.0) * statistics.stdev(whole) / math.sqrt(len(whole)) if len(whole) > 1 else 0.0
    return {
        **quantiles(found.seconds), "answers": len(found.seconds), "a second": round(rate, 3), "±": round(half, 3),
        "errors": found.errors + found.broken + found.refused,
    }  # fmt: skip


def processor(seconds: float, found: Asked) -> dict[str, float]:
    """Processor time of an answer, and how many cores were used: the second over the first bounds the throughput."""
    return {
        "CPU s an answer": round(seconds / max(1, len(found.seconds)), 3),
        "cores used": round(seconds / found.lasted, 2),
    }


def quantiles(seconds: Sequence[float]) -> dict[str, str]:
    """p50 and p99 in milliseconds with 95% intervals by order statistics (the 99% one may reach the largest)."""
    ordered = sorted(seconds)
    count = len(ordered)

    def at(place: float) -> float:
        return 1000 * ordered[min(count - 1, max(0, round(place)))]

    def shown(quantile: float) -> str:
        middle, wide = quantile * count, 1.96 * math.sqrt(count * quantile * (1 - quantile))
        return f"{at(middle):.0f} [{at(middle - wide - 1):.0f}, {at(middle + wide):.0f}]"

    return {"p50 ms": shown(0.5), "p99 ms": shown(0.99)}


def line(samples: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Slope by least squares, and half of its 95% interval."""
    if len(samples) < 3:
        return 0.0, math.inf
    slope, intercept = statistics.linear_regression([x for x, _ in samples], [y for _, y in samples])
    middle = statistics.fmean(x for x, _ in samples)
    spread = sum((x - middle) ** 2 for x, _ in samples)
    rest = sum((y - intercept - slope * x) ** 2 for x, y in samples) / (len(samples) - 2)
    return slope, 1.98 * math.sqrt(rest / spread)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--documents", type=Path)
    parser.add_argument("--passages", type=int, default=11_000)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--askers", type=int, default=64)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument(
        "--repeats", type=int, default=40, help="streamed answers; searches alone are five times as many"
    )
    parser.add_argument("--place", type=Path)
    parser.add_argument("--only", default=",".join(PARTS))
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args()
    wanted = chosen.only.split(",")
    if unknown := [name for name in wanted if name not in PARTS]:
        sys.exit(f"unknown: {unknown}; there are {', '.join(PARTS)}")
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(chosen.place or Path(folder), chosen)
        print(f"{os.cpu_count()} cores, {time.strftime('%Y-%m-%d')}; {bench.results['workspace']}", flush=True)
        parts: dict[str, Callable[[], Any]] = {name: getattr(bench, name) for name in wanted}
        for name, part in parts.items():
            load = os.getloadavg()[0]
            bench.results[name] = part()
            print(
                f"{name:8}{json.dumps(bench.results[name], ensure_ascii=False)}  (load before {load:.1f})", flush=True
            )
        one, many = bench.results.get("one"), bench.results.get("many")
        if one and many:
            print(f"throughput of many beside one: {many['a second'] / one['a second']:.2f}")
    if chosen.json:
        chosen.json.write_text(json.dumps(bench.results, indent=1, ensure_ascii=False), encoding="utf-8")


if __name__ == "__main__":
    main()
