"""Progress where nobody watches a terminal: few lines, none for what is quick."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instill.cli.output import PlainProgress


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def lines(
    capsys: pytest.CaptureFixture[str], moments: list[tuple[float, int]], total: int, remark: str = ""
) -> list[str]:
    clock = Clock()
    progress = PlainProgress("Training", clock)
    for seconds, done in moments:
        clock.now = 100.0 + seconds
        progress.update(done, total, remark)
    out, err = capsys.readouterr()
    assert out == ""
    return err.splitlines()


def test_what_is_quick_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert lines(capsys, [(each / 2, each) for each in range(1, 20)], 19) == []


def test_what_takes_long_says_how_far_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert lines(capsys, [(20.0 * each, each) for each in range(1, 6)], 5, "loss 0.125\x1b") == [
        "Training: 2 of 5 after 40 s, loss 0.125\\x1b",
        "Training: 4 of 5 after 80 s, loss 0.125\\x1b",
    ]
    assert lines(capsys, [(31, 4), (70, 8)], 0) == ["Training: 4 after 31 s", "Training: 8 after 70 s"]


def test_a_part_that_is_counted_anew_is_told_too(capsys: pytest.CaptureFixture[str]) -> None:
    moments = [(40.0, 90), (80.0, 100), (120.0, 10), (160.0, 60)]
    assert lines(capsys, moments, 100) == [
        "Training: 90 of 100 after 40 s",
        "Training: 100 of 100 after 80 s",
        "Training: 10 of 100 after 120 s",
        "Training: 60 of 100 after 160 s",
    ]


@given(st.integers(1, 5000), st.floats(0.001, 60))
def test_a_log_stays_short(total: int, each: float) -> None:
    with pytest.MonkeyPatch.context() as patch:
        said: list[str] = []
        patch.setattr("instill.cli.output.say", lambda line, **_: said.append(line))
        clock = Clock()
        progress = PlainProgress("Reading", clock)
        for done in range(1, total + 1):
            clock.now = 100.0 + done * each
            progress.update(done, total, "")
    assert len(said) <= min(22, 2 + total * each / 30)
