"""Calibrating a real workspace: what is asked, what counts as right, what is hidden, what is kept."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from instill import Workspace
from instill.answer.types import Answer, Citation, Claim, Trace
from instill.errors import UsageError
from instill.fit.calibration import calibrate
from instill.fit.kept.threshold import load_calibration
from instill.fit.trials import Trial, ask_trials, is_hidden, is_right, trials_of
from instill.index.types import Hit
from instill.measure.risk import NOTHING
from instill.study.quick_questions import AskedQuestion, EvidenceText, StudyQuestion
from tests.conftest import write_handbook

RETURNS = "How long do customers have to return goods?"
MINE = [
    AskedQuestion(RETURNS, "thirty days"),
    AskedQuestion("Who approves a journey?", "the head of the department"),
    AskedQuestion("What may a hotel cost?", "140 euros"),
    AskedQuestion("How many characters have passwords?", "fourteen characters"),
    AskedQuestion("When is a lost laptop reported?", "within one hour"),
    AskedQuestion("What do visitors wear?", evidence=(EvidenceText("wear a yellow badge"),)),
]


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    folder = tmp_path_factory.mktemp("calibration")
    with Workspace.init(folder / "kb") as opened:
        opened.add([str(write_handbook(folder / "handbook"))])
        yield opened


def hit(text: str, start: int = 0, doc_id: str = "d1") -> Hit:
    end = start + len(text)
    return Hit(doc_id, 0, start, end, text, "", None, None, "a.md", "text", "A", (), {}, 1.0, 1.0, 1.0)


def answered(text: str, start: int = 0) -> Answer:
    citation = Citation("d1", "a.md", "A", start, start + len(text), text)
    return Answer(f"{text} [1]", (Claim(text, (citation,)),), 0.8, False, Trace("", "", "extractive"))


@pytest.mark.parametrize(
    ("trial", "right"),
    [
        (Trial("?", ("80 degrees",)), True),
        (Trial("?", ("0 degrees",)), False),  # whole words only
        (Trial("?", ("90 degrees", "80 Degrees")), True),
        (Trial("?", ("80 degrees",), kind="removed"), False),
        (Trial("?", kind="unanswerable"), False),
        (Trial("?", spans=(("d1", 95, 105),)), True),
        (Trial("?", spans=(("d1", 0, 100),)), False),
        (Trial("?", spans=(("d2", 95, 105),)), False),
        (Trial("?", quotes=("Green tea is brewed at 80 degrees. It is poured off after two minutes.",)), True),
        (Trial("?", quotes=("Coffee is brewed at 95 degrees.",)), False),
    ],
)
def test_what_counts_as_right(trial: Trial, right: bool) -> None:
    assert is_right(answered("Green tea is brewed at 80 degrees.", start=100), trial) is right


def test_a_long_expected_answer_needs_three_fifths_of_its_words() -> None:
    long = "The customer may return all goods in the original box within thirty days after the delivery for a refund"
    assert is_right(
        answered("Customers return goods in their original box within thirty days of delivery."), Trial("?", (long,))
    )
    assert not is_right(answered("Goods leave in a box."), Trial("?", (long,)))


def test_what_could_answer_is_hidden() -> None:
    trial = Trial("?", ("80 degrees",), (("d1", 100, 120),), ("Tea from Assam is black and strong. More.",))
    assert is_hidden(hit("x" * 50, start=70), trial)
    assert not is_hidden(hit("x" * 30, start=70), trial)
    assert not is_hidden(hit("x" * 50, start=70, doc_id="d2"), trial)
    assert is_hidden(hit("Brew it at\n80 degrees, never hotter.", doc_id="d2"), trial)
    assert is_hidden(hit("First. Tea from Assam is black and strong. Last.", doc_id="d2"), trial)
    assert not is_hidden(hit("Brew it at 180 degrees.", doc_id="d2"), trial)


def test_each_question_is_asked_once_and_half_of_them_without_evidence() -> None:
    questions = [StudyQuestion(f"q{n}", "a", "d", 0, 1, (0, 5), "cloze") for n in range(40)]
    trials = trials_of(questions, seed=3)
    assert sorted(trial.question for trial in trials) == sorted(f"q{n}" for n in range(40))
    assert sum(trial.kind == "removed" for trial in trials) == 20
    assert trials == trials_of(questions, seed=3) != trials_of(questions, seed=4)
    assert sum(trial.kind == "removed" for trial in trials_of(questions, unanswerable=0.25)) == 10


def test_the_mix_of_a_users_own_questions_is_kept() -> None:
    questions = [*MINE, AskedQuestion("What is the moon made of?", answerable=False)]
    assert sorted(trial.kind for trial in trials_of(questions)) == ["answerable"] * 6 + ["unanswerable"]
    assert sum(trial.kind != "answerable" for trial in trials_of(questions, unanswerable=0.6)) == 4


def test_answers_are_right_and_evidence_can_be_hidden(workspace: Workspace) -> None:
    shown = ask_trials(workspace, trials_of(MINE, unanswerable=0.0))
    assert [outcome.right for outcome in shown] == [True] * 6
    hidden = ask_trials(workspace, trials_of(MINE, unanswerable=1.0))
    assert not any(outcome.right for outcome in hidden)
    for outcome in hidden:
        for expected in outcome.trial.answers:
            assert expected not in outcome.text
    mean = [sum(max(0.0, o.confidence) for o in outcomes) / 6 for outcomes in (shown, hidden)]
    assert mean[0] > mean[1] + 0.2


def test_confidences_are_seen_before_the_threshold(workspace: Workspace) -> None:
    [outcome] = ask_trials(workspace, [Trial("what is the capital of some country", kind="unanswerable")])
    assert NOTHING < outcome.confidence < workspace.settings.answer.threshold


def test_a_promise_is_kept_in_the_workspace(workspace: Workspace) -> None:
    seen: list[tuple[int, int]] = []
    report = calibrate(
        workspace, risk=0.5, confidence=0.8, questions=MINE, unanswerable=0.0, origin="mine",
        progress=lambda done, total: seen.append((done, total)),
    )  # fmt: skip
    assert seen == [(number, 6) for number in range(1, 7)]
    assert report.calibration == load_calibration(workspace.home)
    assert report.calibration is not None
    assert (report.answerable, report.answered, report.calibration.questions) == (6, 6, "mine")
    assert workspace.threshold.origin == "calibrated"
    (workspace.home / "calibration.json").unlink()


def test_too_few_questions_change_nothing(workspace: Workspace) -> None:
    report = calibrate(workspace)
    assert report.calibration is None
    assert report.choice.more is None or report.choice.more > 0
    assert len(report.outcomes) >= 4
    assert load_calibration(workspace.home) is None


@pytest.mark.parametrize("wrong", [{"risk": 0.0}, {"confidence": 1.0}, {"unanswerable": 2.0}, {"questions": []}])
def test_a_request_that_makes_no_sense_is_refused(workspace: Workspace, wrong: dict[str, float]) -> None:
    with pytest.raises(UsageError):
        calibrate(workspace, **wrong)  # type: ignore[arg-type]
