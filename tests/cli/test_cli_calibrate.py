"""`instill calibrate`: a promise, or how many questions are missing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from instill.cli.calibrate import verdict
from instill.cli.calibrate_picture import svg_picture, terminal_picture
from instill.fit.calibration import CalibrationReport
from instill.measure.risk import Choice, JudgedAnswer, choose_threshold, curve
from tests.cli.test_cli import instill

MINE = (
    '{"question": "How long do customers have to return goods?", "answer": "thirty days"}',
    '{"question": "Who approves a journey?", "answer": "the head of the department"}',
    '{"question": "What may a hotel cost?", "answer": "140 euros"}',
    '{"question": "What is the capital of Mongolia?", "answerable": false}',
)


@pytest.fixture
def kb(tmp_path: Path, handbook: Path) -> Path:
    (tmp_path / "kb").mkdir()
    instill("init", ".", cwd=tmp_path / "kb")
    instill("add", str(handbook), cwd=tmp_path / "kb")
    (tmp_path / "kb" / "mine.jsonl").write_text("\n".join(MINE))
    return tmp_path / "kb"


def test_from_too_few_questions_to_a_promise(kb: Path) -> None:
    done = instill("calibrate", cwd=kb, code=1)
    assert "stays as it was" in done.stdout
    assert "share of questions answered" in done.stdout
    assert not (kb / ".instill" / "calibration.json").exists()

    arguments = ("calibrate", "--questions", "mine.jsonl", "--risk", "0.6", "--confidence", "0.6")
    done = instill(*arguments, "--plot", "curve.svg", cwd=kb)
    assert "Of the answers given, at most 60% are wrong" in done.stdout
    assert "3 of 3 questions that the documents answer get an answer." in done.stdout
    assert ElementTree.fromstring((kb / "curve.svg").read_text()).tag.endswith("svg")

    found = json.loads(instill(*arguments, "--json", cwd=kb).stdout)
    assert (found["promised"], found["asked"], found["answerable"], found["more_questions"]) == (True, 4, 3, 0)
    assert found["calibration"]["questions"] == "mine.jsonl"
    assert "(calibrated)" in instill("status", cwd=kb).stdout

    (kb / "instill.toml").write_text("[answer]\nthreshold = 0.4\n")
    assert "It is not used as long as" in instill(*arguments, cwd=kb).stdout
    assert "0.4 (set)" in instill("status", cwd=kb).stdout


def test_a_share_of_a_few_answers_is_not_said() -> None:
    """Three wrong answers of three are no finding: what is said is how many it takes."""
    few = [JudgedAnswer(0.5, wrong=True)] * 3
    outcomes: list[Any] = few
    report = CalibrationReport(0.1, 0.95, choose_threshold(few, risk=0.1, confidence=0.95), curve(few), outcomes, None)
    assert report.choice.more is None
    assert verdict(report) == (
        "3 questions are too few to say anything: even where no answer is wrong, it takes 29 answers to promise that "
        "at most 10% are. The threshold stays as it was."
    )
    many = [JudgedAnswer(0.5, wrong=True)] * 10
    report = CalibrationReport(
        0.1, 0.95, choose_threshold(many, risk=0.1, confidence=0.95), curve(many), outcomes, None
    )
    assert "of the answers with the highest confidence, 100% are wrong" in verdict(report)


def test_too_few_questions_do_not_contradict_a_small_share() -> None:
    answers = [JudgedAnswer(0.95 - at * 0.02, wrong=at == 0 or at >= 20) for at in range(31)]
    outcomes: list[Any] = answers
    choice = choose_threshold(answers, risk=0.1, confidence=0.95)
    assert (choice.threshold, choice.more) == (None, None)
    assert verdict(CalibrationReport(0.1, 0.95, choice, curve(answers), outcomes, None)) == (
        "31 questions are too few to promise that at most 10% of the answers are wrong, although of the 20 with the "
        "highest confidence only 5% are. About 149 more questions would be enough if that share stays the same. The "
        "threshold stays as it was."
    )


def test_mistakes_are_explained(kb: Path, tmp_path: Path) -> None:
    assert "between 0 and 1" in instill("calibrate", "--risk", "1.5", cwd=kb, code=2).stderr
    (kb / "bad.jsonl").write_text("nonsense")
    assert "bad.jsonl, line 1" in instill("calibrate", "--questions", "bad.jsonl", cwd=kb, code=2).stderr
    instill("init", "empty", cwd=tmp_path)
    assert "Nothing was added" in instill("calibrate", cwd=tmp_path / "empty", code=2).stderr


def test_the_picture_has_the_curve_the_line_and_the_choice() -> None:
    answers = [JudgedAnswer(0.5 + i / 1000, i < 30) for i in range(400)]
    points, choice = curve(answers), choose_threshold(answers, risk=0.1)
    lines = terminal_picture(points, 0.1, choice).splitlines()
    assert len(lines) == 15
    assert max(len(line) for line in lines) <= 80
    assert "".join(lines).count("◆") == 1
    allowed = next(line for line in lines if line.lstrip().startswith("10%"))
    assert allowed.count("─") >= 40
    root = ElementTree.fromstring(svg_picture(points, 0.1, choice, title="a < b & c"))
    assert len(root.findall("{*}polyline")) == 3
    assert len(root.findall("{*}circle")) == 1
    nothing = ElementTree.fromstring(svg_picture([], 0.1, Choice(None, 29, None), title=""))
    assert nothing.findall("{*}circle") == []
