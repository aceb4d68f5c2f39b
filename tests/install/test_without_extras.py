"""Every command where no extra is installed: it works, or says in words which extra it needs. Nothing is fetched: the
packages are hidden from the import system of a process of its own.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from instill.common.extras import EXTRA_OF

ROOT = Path(__file__).parents[2]
HIDDEN = sorted({*(name.partition(".")[0] for name in EXTRA_OF), "milvus_lite"})
WORKER = """
import importlib.machinery, io, json, os, sys, traceback
from contextlib import redirect_stderr, redirect_stdout

hidden, commands = json.loads(sys.argv[1]), json.loads(sys.argv[2])
plain = importlib.machinery.PathFinder.find_spec


def find_spec(name, path=None, target=None):
    return None if name.partition(".")[0] in hidden else plain(name, path, target)


importlib.machinery.PathFinder.find_spec = staticmethod(find_spec)
from instill.cli.main import run

for command in commands:
    sys.argv = ["instill", *command]
    out, err, code = io.StringIO(), io.StringIO(), 0
    with redirect_stdout(out), redirect_stderr(err):
        try:
            run()
        except SystemExit as ended:
            code = ended.code or 0
        except BaseException:
            code = -1
            traceback.print_exc()
    print(json.dumps([command, code, out.getvalue()[-3000:], err.getvalue()[-3000:]]), flush=True)
"""
DONE, FAILED, WRONG, SOME_FAILED, MISSING = 0, 1, 2, 3, 6
EXPECTED: list[tuple[str, int]] = [
    ("init .", DONE),
    ("add oven.md mill.md", DONE),
    ("ask 'Who built the oven?'", DONE),
    ("study make --no-check", DONE),
    ("compare --list", DONE),
    ("compare --noise 0 --changes 0 --questions 20", DONE),
    ("compare --lab", MISSING),
    ("compare --arm closed-book --arm retrieval", WRONG),
    ("train init", DONE),
    ("train rows.toml --dry-run", MISSING),
    ("train rows.toml", MISSING),
    ("train rows.toml --on ray", MISSING),
    ("train encoder", MISSING),
    ("train reader --data rows.json --out reader", MISSING),
    ("train attack rows.toml --candidate none --out found.jsonl", MISSING),
    ("curve rows.toml", MISSING),
    ("lab list", MISSING),
    ("lab run replay", MISSING),
    ("lab measure", MISSING),
    ("lab pretrain --out lab", MISSING),
    ("edit oven builder Ann --base micro", MISSING),
    ("edit --undo 0a1b", WRONG),
    ("edit --list", DONE),
    ("consolidate --base micro", DONE),
    ("models list", DONE),
    ("models try base hello", WRONG),
    ("generator list", DONE),
    ("generator get smollm2", MISSING),
    ("ask 'Who built the oven?' --generator smollm2", WRONG),
    ("sql 'select 1'", MISSING),
    ("store show", DONE),
    ("store copy --to qdrant", MISSING),
    ("store catalog --to postgresql://localhost/none", MISSING),
    ("add s3://bucket/pages", SOME_FAILED),
    ("sync --on ray", MISSING),
    ("serve --on ray", WRONG),  # without a key
    ("keys add ann --role admin", DONE),
    ("serve --on ray", MISSING),
    ("memory", DONE),
    ("doctor", FAILED),
    ("plugins", DONE),
    ("tune search", WRONG),
    ("reindex", DONE),
    ("status", DONE),
]


@pytest.mark.timeout(300)
def test_every_command_works_or_names_its_extra(tmp_path: Path) -> None:
    (tmp_path / "oven.md").write_text(
        "# Ovens\n\nThe stone oven was built in 1987 by Marta Lindqvist. It holds forty loaves.\n\n"
        "The copper oven was painted in 1991 by Ove Nyman. It is used on Sundays.\n"
    )
    (tmp_path / "mill.md").write_text(
        "# Mills\n\nThe timber mill was built in 1742 by Sigrid Holm. It grinds rye.\n\n"
        "The iron mill was opened in 1863 by Torsten Ekberg. Visitors are welcome.\n"
    )
    (tmp_path / "rows.json").write_text("[]")
    row = {
        "messages": [{"role": "user", "content": "Name an oven."}, {"role": "assistant", "content": "The stone oven."}]
    }
    (tmp_path / "rows.jsonl").write_text(json.dumps(row))
    (tmp_path / "rows.toml").write_text('name = "ovens"\nbase = "micro"\n\n[data]\nrows = ["rows.jsonl"]\n')
    commands = [shlex.split(command) for command, _ in EXPECTED]
    asked = [sys.executable, "-c", WORKER, json.dumps(HIDDEN), json.dumps(commands)]
    settings = {**os.environ, "INSTILL_CACHE_DIR": str(tmp_path / "cache")}
    done = subprocess.run(asked, cwd=tmp_path, env=settings, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(found) == len(EXPECTED)
    wrong = []
    for (command, expected), (_, code, out, err) in zip(EXPECTED, found, strict=True):
        if "Traceback" in err or code != expected:
            wrong.append(f"{command}: exit code {code}, expected {expected}\n{out[-400:]}\n{err[-1500:]}")
        elif code == MISSING:
            assert "Run: " in err, (command, err)
    assert not wrong, "\n\n".join(wrong)
    assert not (tmp_path / "lab-compare").exists()


def test_every_extra_that_is_imported_by_name_is_known() -> None:
    """A new extra of pyproject.toml stands in the table, so that its absence is said in words."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert set(EXTRA_OF.values()) >= set(extras) - {"dev", "tracing"}
