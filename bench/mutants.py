"""How many small faults the tests notice, by room: mutation testing on a random sample.

    python bench/mutants.py [--room index ...] [--count 40] [--seed 1] [--minutes 10] [--log FILE]

Sources and tests are copied to a temporary folder. The tests of the room run there once, to see which of them enters
which function. Then, for each sampled change (`mutations.py`), the changed module is put into the copy and the tests
that enter its function run, quickest first, until one fails: killed. A run that takes four times the processor time
that its tests took before is killed too. Every run is a fork of one process that has imported the slow packages.

Printed are by room: killed, all, and the share with its 95% interval (Wilson, "Probable inference, the law of
succession, and statistical inference", 1927); then the survivors. Changes that alter no behaviour are named with the
reason in `mutants_equal.toml`, by file, line and change, and left out before sampling.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import importlib
import json
import os
import random
import resource
import shutil
import signal
import sys
import tempfile
import threading
import time
import tomllib
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from math import inf, sqrt
from pathlib import Path
from typing import Any

import pytest
from mutations import Mutant, mutants_of

ROOT = Path(__file__).resolve().parent.parent
EQUAL = Path(__file__).with_name("mutants_equal.toml")
COPIED = ("src", "tests", "bench", "pyproject.toml")
MEMORY = 12 * 2**30
SPARE_S = 15.0


@dataclass(frozen=True)
class Room:
    """Sources, as patterns below `src/instill`, and the files or folders of their tests."""

    sources: tuple[str, ...]
    tests: tuple[str, ...]

    def files(self, root: Path) -> list[str]:
        found = {file for pattern in self.sources for file in (root / "src/instill").glob(pattern)}
        return sorted(file.relative_to(root).as_posix() for file in found if file.name != "__init__.py")


QUOTING = (
    "citations", "citation_numbers", "display", "prompt", "quotes", "reply", "reranking", "sentences", "terms",
)  # fmt: skip
ROOMS = {
    "statistics": Room(("measure/statistics/*.py",), ("tests/measure",)),
    "registry": Room(("models/registry/*.py",), ("tests/models/registry",)),
    "loss": Room(
        ("train/generator/loop/loss.py",),
        ("tests/train/generator/test_loss.py", "tests/train/generator/test_teacher.py"),
    ),
    "gate": Room(("train/gate/*.py",), ("tests/train/gate",)),
    "index": Room(("index/*.py",), ("tests/index",)),
    # What of answer/ works on texts alone, with the tests that need no index; and all of it.
    "quoting": Room(
        (*(f"answer/**/{name}.py" for name in QUOTING), "measure/answer_scores.py"),
        (
            *(f"tests/answer/test_answer_{name}.py" for name in (*QUOTING, "tables")),
            "tests/measure/test_measure_answer_scores.py",
        ),
    ),
    "answer": Room(("answer/**/*.py",), ("tests/answer",)),
}


@dataclass
class Ran:
    """What one test did: the functions that it entered, as [file, first line], and its processor time in seconds."""

    called: set[tuple[str, int]] = field(default_factory=set)
    seconds: float = 0.0


@dataclass(eq=False)
class Recorder:
    """A pytest plugin: which test enters which function of the given files, itself or by a fixture."""

    files: frozenset[str]
    tests: dict[str, Ran] = field(default_factory=lambda: defaultdict(Ran))
    fixtures: dict[str, set[tuple[str, int]]] = field(default_factory=lambda: defaultdict(set))
    programs: list[str] = field(default_factory=list)
    failed: set[str] = field(default_factory=set)
    into: set[tuple[str, int]] = field(default_factory=set)

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.failed:
            self.failed.add(report.nodeid)

    def pytest_collection_finish(self, session: Any) -> None:
        self.programs = [item.nodeid for item in session.items if "warm" in getattr(item, "fixturenames", ())]

    def trace(self, frame: Any, event: str, _: Any) -> None:
        name = frame.f_code.co_filename
        if event == "call" and name in self.files:
            self.into.add((name, frame.f_code.co_firstlineno))

    @contextlib.contextmanager
    def _phase(self, nodeid: str, into: set[tuple[str, int]]) -> Iterator[None]:
        self.into, began = into, time.process_time()
        sys.settrace(self.trace)
        threading.settrace(self.trace)
        try:
            yield
        finally:
            sys.settrace(None)
            self.tests[nodeid].seconds += time.process_time() - began

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_setup(self, item: Any) -> Iterator[None]:
        # What a fixture runs may be shared: it counts for every test of the folder, after those that run it themselves.
        with self._phase(item.nodeid, self.fixtures[str(Path(item.nodeid.split("::")[0]).parent)]):
            return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: Any) -> Iterator[None]:
        with self._phase(item.nodeid, self.tests[item.nodeid].called):
            return (yield)


class Chosen:
    """A pytest plugin: these tests, in this order."""

    def __init__(self, nodeids: Sequence[str]) -> None:
        self._places = {nodeid: place for place, nodeid in enumerate(nodeids)}

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[Any]) -> None:
        items[:] = sorted(
            (item for item in items if item.nodeid in self._places), key=lambda item: self._places[item.nodeid]
        )


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--room", action="append", choices=sorted(ROOMS))
    parser.add_argument("--count", type=int, default=40, help="changes a room, at most")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=inf, help="a room; no further change is tried after that")
    parser.add_argument("--only", action="append", default=[], help="only files whose path holds this")
    parser.add_argument("--log", type=Path, help="what pytest says goes here")
    given = parser.parse_args(argv)
    before_tests = load_slow()
    figures: list[tuple[int, int]] = []
    for name in given.room or [name for name in ROOMS if name != "answer"]:
        room = ROOMS[name]
        with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
            trial = Trial(ROOT, Path(folder).resolve() / "copy", room, before_tests=before_tests, log=given.log)
            figures.append(
                measured(trial, name, sampled(trial, given.count, given.seed, given.only), minutes=given.minutes)
            )
    if len(figures) > 1:
        print(line("all", sum(killed for killed, _ in figures), sum(tried for _, tried in figures)), flush=True)


def measured(trial: Trial, name: str, chosen: Sequence[tuple[str, Mutant]], *, minutes: float = inf) -> tuple[int, int]:
    """Try the changes, as many as there is time for, and print what survives."""
    began = time.monotonic()
    trial.record()
    survivors = []
    tried = 0
    for file, mutant in chosen:
        if time.monotonic() - began > 60 * minutes:
            break
        tried += 1
        if trial.survives(file, mutant):
            survivors.append((file, mutant))
            print(f"  survived  {described(file, mutant)}", flush=True)
    killed = tried - len(survivors)
    print(line(name, killed, tried) + f"  ({time.monotonic() - began:.0f} s)", flush=True)
    return killed, tried


def described(file: str, mutant: Mutant) -> str:
    return f"{file.removeprefix('src/instill/')}:{mutant.line} {mutant.kind}: {mutant.before} -> {mutant.after}"


def line(name: str, killed: int, tried: int) -> str:
    low, high = wilson(killed, tried)
    return f"{name:<12} {killed}/{tried} killed: {killed / max(tried, 1):.3f} [{low:.3f}, {high:.3f}]"


def wilson(hits: int, tried: int, z: float = 1.959964) -> tuple[float, float]:
    """The 95% interval of a share.

    Example:
        >>> [round(end, 3) for end in wilson(34, 40)]
        [0.709, 0.929]
    """
    if not tried:
        return 0.0, 1.0
    share, square = hits / tried, z * z / tried
    middle = share + square / 2
    half = z * sqrt(share * (1 - share) / tried + square / (4 * tried))
    return (middle - half) / (1 + square), (middle + half) / (1 + square)


def sampled(trial: Trial, count: int, seed: int, only: Sequence[str] = ()) -> list[tuple[str, Mutant]]:
    """Changes of a room by chance, without those known to alter no behaviour; the first ones are a sample as well."""
    equal = known_equal(EQUAL)
    every = [
        (file, mutant)
        for file in trial.room.files(trial.root)
        if not only or any(part in file for part in only)
        for mutant, named in named_mutants(trial.root, file)
        if named not in equal
    ]
    return random.Random(seed).sample(every, min(count, len(every)))


Named = tuple[str, str, str, str]
"""File below `src/instill`, text of the first line that is changed, what is changed, and to what."""


def named_mutants(root: Path, file: str) -> list[tuple[Mutant, Named]]:
    """All changes of a file, each with what it is known by whatever its line's number is."""
    source = (root / file).read_text(encoding="utf-8")
    lines = source.splitlines()
    short = file.removeprefix("src/instill/")
    return [(each, (short, lines[each.line - 1].strip(), each.before, each.after)) for each in mutants_of(source)]


def known_equal(file: Path) -> set[Named]:
    """The changes that alter no behaviour."""
    if not file.exists():
        return set()
    found = tomllib.loads(file.read_text(encoding="utf-8"))["equal"]
    return {(each["file"], each["line"], each["before"], each["after"]) for each in found}


class Trial:
    """A copy of sources and tests, in which one change after another is tried.

    Args:
        copy: a folder to be made.
        before_tests: called in every fork first.
        spare_s: processor time that a run may take beside four times that of its tests.
    """

    def __init__(
        self,
        root: Path,
        copy: Path,
        room: Room,
        *,
        before_tests: Callable[[], None] = lambda: None,
        log: Path | None = None,
        spare_s: float = SPARE_S,
    ) -> None:
        self.root, self.copy, self.room = root, copy, room
        self._before_tests, self._log, self._spare_s = before_tests, log, spare_s
        self._tests: dict[str, Ran] = {}
        self._fixtures: dict[str, set[tuple[str, int]]] = {}
        self._programs: list[str] = []
        ignored = shutil.ignore_patterns("__pycache__", ".*")
        for name in COPIED:
            if (root / name).is_dir():
                shutil.copytree(root / name, copy / name, ignore=ignored)
            elif (root / name).exists():
                shutil.copy2(root / name, copy / name)

    def record(self) -> None:
        """Run the room's tests once. One that fails here, without any change, is named and left out."""
        out = self.copy / "recorded.json"
        files = self.room.files(self.copy)
        recorder = Recorder(frozenset(str(self.copy / file) for file in files))

        def run() -> int:
            code = self._pytest([*self.room.tests, *files], [recorder], stop=False)
            written = {
                "tests": {name: [sorted(ran.called), ran.seconds] for name, ran in recorder.tests.items()},
                "fixtures": {folder: sorted(called) for folder, called in recorder.fixtures.items()},
                "programs": recorder.programs,
                "failed": sorted(recorder.failed),
            }
            out.write_text(json.dumps(written))
            return code

        code = self._forked(run, processor_s=1800)
        read = json.loads(out.read_text()) if out.exists() else {"tests": {}, "failed": []}
        if code > 1 or not read["tests"].keys() - set(read["failed"]):
            sys.exit(f"The tests fail without any change (exit code {code}). Give --log FILE and read it.")
        for name in read["failed"]:
            print(f"  fails without any change and is left out: {name}", flush=True)
            read["tests"].pop(name, None)
        self._tests = {
            name: Ran({(file, first) for file, first in called}, seconds)
            for name, (called, seconds) in read["tests"].items()
        }
        self._fixtures = {
            folder: {(file, first) for file, first in called} for folder, called in read["fixtures"].items()
        }
        self._programs = [name for name in read["programs"] if name in self._tests]

    def survives(self, file: str, mutant: Mutant) -> bool:
        """Do all tests pass with this change?"""
        wanted = self.choose(file, mutant)
        if not wanted:
            return True
        target = self.copy / file
        source = target.read_text(encoding="utf-8")
        stat = target.stat()
        target.write_text(mutant.applied(source), encoding="utf-8")
        os.utime(target, ns=(stat.st_atime_ns, stat.st_mtime_ns + 10**9))  # compiled forms of the source do not fit
        try:
            spent = sum(self._tests[name].seconds for name in wanted)
            places = list(dict.fromkeys(name.split("::")[0] for name in wanted))
            code = self._forked(lambda: self._pytest(places, [Chosen(wanted)]), processor_s=4 * spent + self._spare_s)
        finally:
            target.write_text(source, encoding="utf-8")
            os.utime(target, ns=(stat.st_atime_ns, stat.st_mtime_ns))
        if code == pytest.ExitCode.NO_TESTS_COLLECTED:
            sys.exit(f"No test was found for {described(file, mutant)}.")
        return code == 0

    def choose(self, file: str, mutant: Mutant) -> list[str]:
        """The tests that may notice a change: those that enter its function, those whose fixtures do, programs."""
        name = str(self.copy / file)

        def concerns(called: set[tuple[str, int]]) -> bool:
            if mutant.function:
                return (name, mutant.function) in called
            return any(each == name for each, _ in called)

        def by_time(names: set[str]) -> list[str]:
            return sorted(names, key=lambda each: (self._tests[each].seconds, each))

        direct = {test for test, ran in self._tests.items() if concerns(ran.called)}
        folders = {folder for folder, called in self._fixtures.items() if concerns(called)}
        fixed = {test for test in self._tests if str(Path(test.split("::")[0]).parent) in folders}
        every = set(self._tests) if not mutant.function else set()
        rest = (fixed | every | set(self._programs)) - direct
        return [*by_time(direct), *by_time(rest)]

    def _pytest(self, places: Sequence[str], plugins: list[Any], *, stop: bool = True) -> int:
        options = ["-q", "--no-header", "--tb=short", "-p", "no:cacheprovider", "--hypothesis-seed=0",
                   f"--basetemp={self.copy / 'temporary'}", "--rootdir", str(self.copy)]  # fmt: skip
        return int(pytest.main([*options, *(["-x"] if stop else []), *places], plugins=plugins))

    def _forked(self, run: Callable[[], int], *, processor_s: float) -> int:
        """The exit code of `run` in a fork that works in the copy; 137 when it takes too long."""
        shutil.rmtree(self.copy / ".hypothesis", ignore_errors=True)  # no change learns from another
        sys.stdout.flush()
        pid = os.fork()
        if pid:
            return self._awaited(pid, wall_s=60 + 30 * processor_s)
        code = 1
        try:
            os.setsid()
            said = os.open(self._log or os.devnull, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
            for stream in (1, 2):
                os.dup2(said, stream)
            os.chdir(self.copy)
            resource.setrlimit(resource.RLIMIT_CPU, (int(processor_s) + 1, int(processor_s) + 1))
            resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            sys.dont_write_bytecode = True
            os.environ.update(PYTHONPATH=str(self.copy / "src"), PYTHONDONTWRITEBYTECODE="1")
            sys.path[:] = [str(self.copy / "src"), *(each for each in sys.path if not each.startswith(str(self.root)))]
            forget_own()
            importlib.invalidate_caches()
            self._before_tests()
            code = run()
        except BaseException as error:
            print(f"{type(error).__name__}: {error}", flush=True)
        finally:
            with contextlib.suppress(OSError, ValueError):
                sys.stdout.flush()
            os._exit(code)

    def _awaited(self, pid: int, *, wall_s: float) -> int:
        ends = time.monotonic() + wall_s
        try:
            while time.monotonic() < ends:
                done, status = os.waitpid(pid, os.WNOHANG)
                if done:
                    code = os.waitstatus_to_exitcode(status)
                    return code if code >= 0 else 128 - code
                time.sleep(0.02)
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            return 128 + signal.SIGKILL
        finally:
            with contextlib.suppress(ProcessLookupError, PermissionError):  # what the tests started and left
                os.killpg(pid, signal.SIGKILL)


def load_slow() -> Callable[[], None]:
    """Import the slow packages, and none of our own modules: a fork imports them from the copy.

    Returns:
        What a fork must call before it runs tests.
    """
    sys.path[:0] = [str(ROOT), str(ROOT / "src")]
    server = importlib.import_module("tests.warm_server")
    for name in (*server.SLOW, "hypothesis", "hypothesis.stateful", "numpy", "sqlglot", "fastapi", "uvicorn"):
        with contextlib.suppress(ModuleNotFoundError):
            importlib.import_module(name)
    start_loop: Callable[[], None] = server.import_lancedb()
    forget_own()
    gc.freeze()
    return start_loop


def forget_own() -> None:
    """Let the next import read our modules from the first place in the path."""
    for name in [name for name in sys.modules if name.split(".")[0] in ("instill", "tests")]:
        del sys.modules[name]


if __name__ == "__main__":
    main()
