"""When a run writes a checkpoint."""

from __future__ import annotations

import time

import pytest

from instill.train.when_to_save import Saving, is_due


def test_a_checkpoint_is_due_every_so_many_steps_and_after_the_last() -> None:
    due = [2, 4, 5]
    assert [done for done in range(1, 6) if is_due(done, 5, 2)] == due
    saving = Saving(5, 2)
    assert [done for done in range(1, 6) if saving.is_due(done)] == due


def test_writing_takes_a_twentieth_of_the_time_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    saving = Saving(1000, 1000)
    due = []
    for second in range(1, 400):
        clock[0] += 1.0
        if saving.is_due(second):
            due.append(second)
            with saving:
                clock[0] += 6.0  # so that 120 s have to pass
    assert due == [60, 180, 300]
