"""A clock that was set back: nothing is lost, nothing changes its order, and where the store cannot work it is said.

The clock is that of the process alone: a small library that is put before the system's.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from instill import Workspace
from instill.index.generations import Generation, make_live, new_generation

SOURCE = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>
int clock_gettime(clockid_t id, struct timespec *t) {
  static int (*real)(clockid_t, struct timespec *);
  if (!real) real = dlsym(RTLD_NEXT, "clock_gettime");
  int result = real(id, t);
  const char *offset = getenv("TEST_CLOCK_OFFSET_S");
  if (offset && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)) t->tv_sec += atol(offset);
  return result;
}
int gettimeofday(struct timeval *t, void *zone) {
  struct timespec s;
  clock_gettime(CLOCK_REALTIME, &s);
  t->tv_sec = s.tv_sec;
  t->tv_usec = s.tv_nsec / 1000;
  return 0;
}
time_t time(time_t *t) {
  struct timespec s;
  clock_gettime(CLOCK_REALTIME, &s);
  if (t) *t = s.tv_sec;
  return s.tv_sec;
}
"""

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """The command with its clock moved by so many seconds."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None or sys.platform != "linux":
        pytest.skip("needs Linux and a C compiler, for a clock of its own")
    library = tmp_path / "clock.so"
    (tmp_path / "clock.c").write_text(SOURCE)
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library, tmp_path / "clock.c", "-ldl"], check=True)

    def command(*arguments: str, offset_s: int) -> subprocess.CompletedProcess[str]:
        moved = {"LD_PRELOAD": str(library), "TEST_CLOCK_OFFSET_S": str(offset_s)}
        return subprocess.run(
            [sys.executable, "-m", "instill", *arguments, "--workspace", str(tmp_path / "kb")],
            env={**os.environ, **moved}, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip

    return command


def test_a_clock_that_was_set_back_loses_nothing(run: Run, tmp_path: Path) -> None:
    for name in ("tea", "coffee"):
        (tmp_path / f"{name}.md").write_text(f"# {name}\n\nThe {name} stands in the kitchen.\n", encoding="utf-8")
    with Workspace.init(tmp_path / "kb") as workspace:
        workspace.add([str(tmp_path / "tea.md")])
    assert run("add", str(tmp_path / "coffee.md"), offset_s=-3600).returncode == 0
    result = run("reindex", offset_s=-7200)
    assert (result.returncode, "2 documents" in result.stdout) == (0, True)
    (tmp_path / "tea.md").write_text("# tea\n\nThe tea stands in the hall.\n", encoding="utf-8")
    assert run("sync", offset_s=-400_000_000).returncode == 0
    with Workspace.open(tmp_path / "kb") as workspace:
        assert [record.title for record in workspace.documents()] == ["coffee", "tea"]
        assert "hall" in workspace.search("Where stands the tea?", k=1).hits[0].text


def test_before_1970_it_is_said_and_nothing_is_lost(run: Run, tmp_path: Path) -> None:
    (tmp_path / "tea.md").write_text("# Tea\n\nThe tea stands in the kitchen.\n", encoding="utf-8")
    with Workspace.init(tmp_path / "kb") as workspace:
        workspace.add([str(tmp_path / "tea.md")])
    back = -int(time.time()) - 100_000_000
    for arguments in (["status"], ["search", "tea"], ["add", str(tmp_path / "tea.md")]):
        result = run(*arguments, offset_s=back)
        assert result.returncode == 4, arguments
        assert "clock of this machine" in result.stderr
        assert "Traceback" not in result.stderr
    with Workspace.open(tmp_path / "kb") as workspace:
        assert len(workspace.documents()) == 1


def test_a_new_generation_sorts_behind_all_others_whatever_the_clock_says(tmp_path: Path) -> None:
    future = Generation(f"g{2 * time.time_ns():020d}0000", 2, "demo")
    for name in (future.name, f"g{3 * time.time_ns():020d}ffff"):
        (tmp_path / name).mkdir()
    make_live(tmp_path, future)
    first = new_generation(tmp_path, 2, "demo")
    (tmp_path / first.name).mkdir()
    make_live(tmp_path, first)
    second = new_generation(tmp_path, 2, "demo")
    assert sorted([second.name, *(path.name for path in tmp_path.glob("g*"))])[-2:] == [first.name, second.name]
