"""Documents a second from a folder of text files to searchable: Instill beside LlamaIndex, Chroma and txtai.

    python bench/peers.py [--data DIR] [--documents 1000] [--rounds 3]

The peers are installed into a virtual environment of their own, which sees the packages of this one (PyTorch among
them); `constraints-peers.txt` has their versions. All of them get the same weights of MiniLM, and nothing is downloaded
from a model hub. Chroma's export of MiniLM would be such a download: its default encoder runs an export made here.
Each run is a fresh process; the systems take turns, round after round. The first round also asks the queries and
finds the share of the text that each system has made vectors from: a system that reads less is quicker.

DIR has the BEIR layout: the judged documents of up to 300 queries go in, and a fixed sample of the others. Without
DIR the documents are synthetic, and a query is a few words of one of them. Speeds are compared as ratios within a
round; processor time says how much of the wall time other programs took.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
import venv
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from encoder import synthetic_passages
from peers_arms import ARMS, DEPTH
from retrieval import Collection, interval, ndcg_at, read

from instill.models.encoders.minilm import find_minilm, verify_minilm

ROOT = Path(__file__).parent.parent
OURS = {"Instill, MiniLM": "minilm", "Instill": "instill"}
"""The arms that run in this environment, with their `encoder.model`."""

_QUANTILES = (12.71, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262)  # Student's t at .975, from 1 degree


def environment(folder: Path) -> Path:
    """The interpreter of the peers' environment, which is made unless it is there with these versions."""
    wanted = (ROOT / "constraints-peers.txt").read_text("utf-8")
    python, done = folder / "bin" / "python", folder / "installed.txt"
    if done.is_file() and done.read_text("utf-8") == wanted:
        return python
    _say(f"Installing the peers into {folder} (once, 400 MB) ...")
    venv.create(folder, clear=True, with_pip=True)
    place = subprocess.check_output([python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], text=True)
    (Path(place.strip()) / "others.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    install = ["-m", "pip", "--disable-pip-version-check", "--quiet", "install", "--no-deps", "--ignore-installed"]
    subprocess.run([python, *install, "-r", ROOT / "constraints-peers.txt"], check=True)
    done.write_text(wanted, encoding="utf-8")
    return python


def minilm_for_chroma(folder: Path, python: Path) -> Path:
    """The folder of the weights' files with an export to ONNX beside them, as Chroma's default encoder wants it."""
    made = folder / "minilm"
    if not (made / "model.onnx").is_file():
        shutil.copytree(find_minilm(), made, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.md", "data_*"))
        command: list[str | Path] = [
            python,
            "-W",
            "ignore",
            ROOT / "bench" / "peers_export.py",
            made,
            made / "part.onnx",
        ]
        _succeed(command, "")
        (made / "part.onnx").rename(made / "model.onnx")
    return made


def chosen(collection: Collection, documents: int) -> Collection:
    """The first queries, while their judged documents are at most a half; those, and a fixed sample of the others."""
    there = {name for name, _, _ in collection.documents}
    queries, judged = [], set[str]()
    for query in collection.queries:
        more = judged | (collection.judged[query[0]].keys() & there)
        if len(more) > documents // 2:
            break
        queries.append(query)
        judged = more
    others = [name for name, _, _ in collection.documents if name not in judged]
    order = np.random.default_rng(0).permutation(len(others))[: documents - len(judged)]
    kept = judged | {others[number] for number in order}
    return replace(collection, documents=[each for each in collection.documents if each[0] in kept], queries=queries)


def synthetic(documents: int) -> Collection:
    """Documents of 110 words; a query is six words in a row from the second half of one."""
    texts = synthetic_passages(documents, 110)
    rows = [(str(number), "", text) for number, text in enumerate(texts)]
    queries = [(name, " ".join(text.split()[70:76])) for name, _, text in rows[:: max(1, documents // 100)]]
    return Collection("synthetic", rows, queries, {name: {name: 1.0} for name, _ in queries})


def write_files(collection: Collection, folder: Path) -> None:
    """A file for each document, named by its number."""
    folder.mkdir()
    for number, (_, title, text) in enumerate(collection.documents):
        (folder / f"{number:06d}.txt").write_text(f"{title}\n\n{text}".strip() + "\n", encoding="utf-8")


def run(arm: str, python: Path, files: Path, job: Mapping[str, Any]) -> dict[str, Any]:
    """One arm in a fresh process; adds `process_seconds`, from its start to its end."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "place").mkdir()
        path = Path(folder) / "job.json"
        path.write_text(json.dumps(job), encoding="utf-8")
        command: list[str | Path] = [python, ROOT / "bench" / "peers_arms.py", arm, files, Path(folder) / "place", path]
        started = time.perf_counter()
        _succeed(command, OURS.get(arm, ""))
        outcome: dict[str, Any] = json.loads(path.read_text("utf-8"))
    outcome["process_seconds"] = time.perf_counter() - started
    return outcome


def _succeed(command: Sequence[str | Path], encoder: str) -> None:
    """Run it; of one that fails, the end of what it said."""
    ended = subprocess.run(command, capture_output=True, text=True, env=_variables(encoder))
    if ended.returncode:
        raise SystemExit(f"{Path(command[0]).name} ended with {ended.returncode}: {ended.stderr[-2000:]}")


def _variables(encoder: str) -> dict[str, str]:
    """All cores for everybody, nothing from the net, and Instill's own code only where an encoder is named."""
    kept = {name: value for name, value in os.environ.items() if name not in ("OMP_NUM_THREADS", "PYTHONPATH")}
    offline = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "ANONYMIZED_TELEMETRY": "False"}
    ours = {"INSTILL_ENCODER__MODEL": encoder, "PYTHONPATH": str(ROOT / "src")} if encoder else {}
    return kept | offline | ours


def in_turns(
    arms: Sequence[str],
    python: Path,
    files: Path,
    job: Mapping[str, Any],
    queries: Sequence[str],
    rounds: int,
    log: Path | None,
) -> list[dict[str, Any]]:
    """The outcomes of all runs; another arm begins each round, and the queries are asked in the first."""
    runs: list[dict[str, Any]] = []
    for number in range(rounds):
        first = number % len(arms)
        for arm in (*arms[first:], *arms[:first]):
            asked = {"first": queries[0], "queries": [] if number else queries}
            outcome = run(arm, Path(sys.executable) if arm in OURS else python, files, {**job, **asked})
            runs.append(outcome | {"round": number, "load": os.getloadavg()[0]})
            _say(
                f"round {number + 1}, {arm}: {outcome['seconds']:.1f} s, {outcome['processor_seconds']:.1f} s of "
                f"processor time; load {runs[-1]['load']:.1f}"
            )
            if log is not None:
                with log.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(runs[-1]) + "\n")
    return runs


def spread(values: Sequence[float]) -> tuple[float, float, float]:
    """Geometric mean of rounds with its 95% interval by Student's t; one round has none.

    Example:
        >>> [round(each, 2) for each in spread([1.9, 2.0, 2.1])]
        [2.0, 1.76, 2.26]
    """
    logs = np.log(values)
    if len(values) < 2:
        return float(values[0]), math.nan, math.nan
    quantile = _QUANTILES[min(len(values) - 1, len(_QUANTILES)) - 1]
    half = quantile * logs.std(ddof=1) / math.sqrt(len(values))
    middle = logs.mean()
    return float(np.exp(middle)), float(np.exp(middle - half)), float(np.exp(middle + half))


def scores(collection: Collection, found: Sequence[Sequence[str]]) -> tuple[list[float], list[float]]:
    """nDCG@10 and hit@10 (whether a relevant document is among the ten) of each query."""
    names = [name for name, _, _ in collection.documents]
    gained, hit = [], []
    for (query, _), numbers in zip(collection.queries, found, strict=True):
        ranked = [names[int(number)] for number in numbers]
        gains = collection.judged[query]
        gained.append(ndcg_at(ranked, gains, DEPTH))
        hit.append(float(any(name in gains for name in ranked)))
    return gained, hit


def table(collection: Collection, runs: Sequence[Mapping[str, Any]]) -> str:
    """The rows of all arms, and the ratios to the fastest peer, wall and processor time."""
    arms = list(dict.fromkeys(str(each["arm"]) for each in runs))
    by_arm = {arm: [each for each in runs if each["arm"] == arm] for arm in arms}
    count = len(collection.documents)
    rate = {arm: spread([count / each["seconds"] for each in by_arm[arm]]) for arm in arms}
    peers = [arm for arm in arms if arm not in OURS]
    lines = [
        "| system | documents/s | per processor second | with the start | vectors a document | cut after | text read "
        "| nDCG@10 | hit@10 | memory MB | disk MB |",
        "|" + "---|" * 11,
    ]
    ndcg: dict[str, list[float]] = {}
    for arm in arms:
        first = by_arm[arm][0]
        ndcg[arm], hit = scores(collection, first["found"])
        lines.append(
            f"| {arm} | {rate[arm][0]:.1f} {_interval(rate[arm][1:], 1)} "
            f"| {spread([count / each['processor_seconds'] for each in by_arm[arm]])[0]:.1f} "
            f"| {spread([count / each['process_seconds'] for each in by_arm[arm]])[0]:.1f} "
            f"| {first['pieces'] / count:.2f} | {first['tokens']} tokens | {first['share_read']:.1%} "
            f"| {np.mean(ndcg[arm]):.3f} | {np.mean(hit):.3f} "
            f"| {max(each['peak_mb'] for each in by_arm[arm]):,.0f} | {first['disk_mb']:.1f} |"
        )
    if peers and len(peers) < len(arms):
        fastest = max(peers, key=lambda arm: rate[arm][0])
        best = max(peers, key=lambda arm: np.mean(ndcg[arm]))
        for arm in (arm for arm in arms if arm in OURS):
            wall, processor = (
                spread([base[key] / own[key] for base, own in zip(by_arm[fastest], by_arm[arm], strict=True)])
                for key in ("seconds", "processor_seconds")
            )
            gain, low, high = interval(np.array(ndcg[arm]) - np.array(ndcg[best]))
            lines.append(
                f"\n{arm}: {wall[0]:.2f} {_interval(wall[1:], 2)} times as fast as {fastest}; in processor time "
                f"{processor[0]:.2f} {_interval(processor[1:], 2)}. nDCG@10 minus that of {best}: {gain:+.3f} "
                f"[{low:+.3f}, {high:+.3f}]"
            )
    versions = {name: number for each in runs for name, number in each["versions"].items()}
    lines.append("\n" + ", ".join(f"{name} {number}" for name, number in sorted(versions.items())))
    return "\n".join(lines)


def _interval(ends: Sequence[float], digits: int) -> str:
    return "" if math.isnan(ends[0]) else f"[{ends[0]:.{digits}f}, {ends[1]:.{digits}f}]"


def _say(line: str) -> None:
    print(f"[{time.strftime('%H:%M:%S')}] {line}", file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="a folder in the BEIR layout")
    parser.add_argument("--documents", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--queries", type=int, default=300, help="at most so many")
    parser.add_argument("--arm", action="append", choices=list(ARMS), help="all by default")
    parser.add_argument("--environment", type=Path, default=Path(sys.prefix) / "peers", help="of the peers")
    parser.add_argument("--runs", type=Path, help="a file that each run is added to, a line of JSON each")
    arguments = parser.parse_args()
    verify_minilm(find_minilm())
    arms = arguments.arm or list(ARMS)
    python = environment(arguments.environment) if set(arms) - set(OURS) else Path(sys.executable)
    minilm = minilm_for_chroma(arguments.environment, python) if "Chroma" in arms else find_minilm()
    given = read(arguments.data, arguments.queries) if arguments.data else synthetic(arguments.documents)
    collection = chosen(given, arguments.documents)
    queries = [text for _, text in collection.queries]
    with tempfile.TemporaryDirectory() as folder:
        files = Path(folder) / "files"
        write_files(collection, files)
        runs = in_turns(arms, python, files, {"minilm": str(minilm)}, queries, arguments.rounds, arguments.runs)
    print(
        f"\n{collection.name}: {len(collection.documents)} documents, {len(queries)} queries, {arguments.rounds} "
        f"rounds, {len(os.sched_getaffinity(0))} cores, load {np.mean([each['load'] for each in runs]):.1f}\n"
    )
    print(table(collection, sorted(runs, key=lambda each: (each["round"], arms.index(each["arm"])))))


if __name__ == "__main__":
    main()
