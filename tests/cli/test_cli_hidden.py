"""A caller with labels: every command says the same whether hidden documents, and what was made of them, are there.

Two workspaces are compared. Both hold the documents that the caller sees. One holds others besides, and the owner has
made a study set, a threshold and tuned values from all of them; the other holds and has none of it.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import shutil
import signal
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st

from instill import Workspace
from instill.cli import main
from instill.common.made_from import made_from
from instill.fit.kept.threshold import Calibration, identity_of, save_calibration
from instill.fit.kept.tuned import Tuned, save_tuned, tuned_identity
from instill.study.study_making import StudySettings
from instill.study.study_workspace import study_workspace

LABELS = "abc"
WHEN = 1_700_000_000

SUBJECTS = ("stone oven", "iron bridge", "old mill", "long wharf", "red barn")
PEOPLE = ("Marta Lindqvist", "Karin Solberg", "Rut Halvorsen", "Ines Quexford", "Tora Vik")


def page(number: int) -> str:
    """A document of a few facts, each word of its name in no other."""
    subject, person = SUBJECTS[number], PEOPLE[number]
    return (
        f"# The {subject}\n\nThe {subject} was built in {1900 + number} by {person}. "
        f"The {subject} was painted in {1950 + number} by Ove Nyman{number}. "
        f"The {subject} was repaired in {1970 + number} by Nils Aaberg{number}. "
        f"The {subject} was sold in {1980 + number} by Olga Pryde{number}. "
        f"The {subject} holds {30 + number} people in its main room.\n"
    )


def quick(visible: int, hidden: int) -> list[list[str]]:
    """Commands that answer a caller with labels."""
    seen, unseen = SUBJECTS[visible], SUBJECTS[hidden]
    return [
        ["search", f"who built the {unseen}", "--json"],
        ["search", f"{seen} painted", "--mode", "vector"],
        ["search", f"{seen} {unseen}", "--mode", "keyword", "--json"],
        ["search", "people", "--where", f"title like '%{unseen}%'"],
        ["ask", f"Who built the {unseen}?", "--json"],
        ["ask", f"Who built the {seen}?"],
        ["status", "--documents"],
        ["show", f"pages/{hidden}.md"],
        ["show", f"pages/{visible}.md", "--passages", "--json"],
        ["show", f"{hidden}.md", "--json"],
        ["sql", "select title, text from passages order by title, text"],
        ["study", "list"],
        ["study", "show"],
        ["study", "make", "--no-check", "--json"],
        ["study", "list", "--json"],
        ["study", "show", "-n", "3", "--json"],
        ["study", "check"],
        ["study", "export", "", "--to", "exported"],
    ]


LONG = (
    ["calibrate", "--most", "30", "--risk", "0.3"],
    ["tune", "search", "--passage-sizes"],
    ["curve", "--study", "--base", "micro"],
    ["compare", "--noise", "0", "--changes", "0", "--questions", "20"],
)
"""Commands that measure something."""


def run(arguments: Sequence[str], cwd: Path) -> tuple[int, str]:
    """Exit code and all that was printed, without what differs from run to run."""
    stdout, stderr = io.StringIO(), io.StringIO()
    handler = signal.getsignal(signal.SIGINT)
    streams = contextlib.redirect_stdout(stdout), contextlib.redirect_stderr(stderr)
    with contextlib.chdir(cwd), streams[0], streams[1], pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["instill", *arguments])
        patch.setenv("COLUMNS", "160")
        with pytest.raises(SystemExit) as end:
            main.run()
    signal.signal(signal.SIGINT, handler)
    said = stdout.getvalue() + stderr.getvalue()
    said = re.sub(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?(Z|\+00:00)?", "WHEN", said)
    said = re.sub(r'"timings": \{[^}]*\}', "TIMINGS", said)
    said = re.sub(r'"question_id": \d{11,}', "QUESTION", said)  # A moment.
    said = re.sub(r"\b\d+(\.\d+)? (ms|s|MB|seconds)\b", "TIME", said)
    said = re.sub(
        r"^\w[^\n:]*: \d+(?: of \d+)? after TIME[^\n]*\n", "", said, flags=re.MULTILINE
    )  # Progress, where it takes long.
    return int(end.value.code or 0), re.sub(r" +", " ", said)


def made(folder: Path, labels: dict[int, tuple[str, ...]], *, of_owner: bool) -> None:
    """A workspace of these documents; with what its owner made of all of them."""
    (folder / "pages").mkdir(parents=True)
    with Workspace.init(folder) as workspace:
        for number, own in sorted(labels.items()):
            file = folder / "pages" / f"{number}.md"
            file.write_text(page(number), encoding="utf-8")
            os.utime(file, (WHEN, WHEN))
            workspace.add([str(file)], labels=own)
        if not of_owner:
            return
        study_workspace(workspace, StudySettings(), check=False)
        sources, encoder = made_from(workspace.documents()), workspace.index.generation.fingerprint
        tuned = Tuned({"search.vector_weight": 0.9}, "", "written", "", "", sources)
        save_tuned(workspace.home, replace(tuned, identity=tuned_identity(workspace.settings, encoder)))
        workspace.refresh()
        assert workspace.settings.search.vector_weight == 0.9
        promise = Calibration(0.97, 0.1, 0.95, 0.5, 50, 20, 1, 25, "written", 3, "2026", "", sources)
        save_calibration(workspace.home, replace(promise, identity=identity_of(workspace.settings, encoder)))
        assert workspace.threshold.value == 0.97
        workspace.ask(f"Who built the {SUBJECTS[0]}?")


OWN = st.lists(st.sampled_from(LABELS), unique=True, max_size=2).map(tuple)


HELD = st.lists(st.sampled_from(LABELS), unique=True, min_size=1, max_size=2)


# Every example is some seconds of work, so none is made smaller when it fails.
@settings(
    max_examples=1, phases=[Phase.generate], deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
@given(own=st.lists(OWN, min_size=4, max_size=4), held=HELD)
def test_what_is_hidden_changes_nothing(own: list[tuple[str, ...]], held: list[str]) -> None:
    labels = dict(enumerate(own))
    visible = [number for number, each in labels.items() if set(each) & set(held)]
    assume(0 < len(visible) < len(labels))
    check(labels, held, quick(visible[0], min(set(labels) - set(visible))))


def test_what_is_hidden_changes_nothing_that_is_measured() -> None:
    check({0: ("a",), 1: ("b",), 2: ("a", "c"), 3: (), 4: ("a", "b")}, ["a"], LONG)


def check(labels: dict[int, tuple[str, ...]], held: Sequence[str], asked: Sequence[Sequence[str]]) -> None:
    """Every command says the same in both workspaces, and nothing of what is hidden."""
    visible = {number: each for number, each in labels.items() if set(each) & set(held)}
    options = [part for label in held for part in ("--label", label)]
    said: dict[bool, list[tuple[int, str]]] = {}
    with tempfile.TemporaryDirectory() as parent:
        folder = Path(parent) / "kb"
        for everything in (True, False):
            made(folder, labels if everything else visible, of_owner=everything)
            said[everything] = [run([*command, *options], folder) for command in asked]
            shutil.rmtree(folder)
    for command, with_hidden, without in zip(asked, said[True], said[False], strict=True):
        assert with_hidden == without, " ".join(command)
        for number in set(labels) - set(visible):
            assert PEOPLE[number] not in with_hidden[1], " ".join(command)
            assert f"Nyman{number}" not in with_hidden[1], " ".join(command)


def test_the_owner_is_told_everything(tmp_path: Path) -> None:
    """The same questions are answered where nobody's labels are asked for, so that the test above tests something."""
    made(tmp_path / "kb", {0: ("a",), 1: ("b",), 2: ()}, of_owner=True)
    code, said = run(["search", "who built the old mill", "--json"], tmp_path / "kb")
    assert code == 0
    assert PEOPLE[2] in said
    assert len(json.loads(run(["study", "list", "--json"], tmp_path / "kb")[1])["studies"]) == 1
    none = "There is no study set yet: instill study make\n"
    assert run(["study", "list", "--label", "a"], tmp_path / "kb") == (0, none)
    with Workspace.open(tmp_path / "kb") as workspace:
        assert workspace.threshold.value == 0.97
        assert workspace.seen_by(["a"]).threshold.value != 0.97
        assert workspace.seen_by(["a"]).settings.search.vector_weight != 0.9
        assert workspace.seen_by(["a", "b"]).threshold.value != 0.97  # The third document is the owner's.
