"""Opened things are shared as long as somebody holds them, and no longer."""

from __future__ import annotations

import gc
import os
import threading
from pathlib import Path

import pytest

from instill.common.shared_while_used import SharedWhileUsed, files_of


class Model:
    """Something that is opened."""


def test_one_for_all_that_hold_it_and_a_new_one_afterwards() -> None:
    opened, made = SharedWhileUsed[Model](), []

    def opening() -> Model:
        made.append(1)
        return Model()

    held = [opened.get("a", opening) for _ in range(3)]
    assert len(set(held)) == 1
    assert made == [1]
    del held
    gc.collect()
    opened.get("a", opening)
    assert made == [1, 1]


def test_threads_at_the_same_time_get_one() -> None:
    opened, found, begin = SharedWhileUsed[Model](), [], threading.Barrier(8)

    def ask() -> None:
        begin.wait()
        found.append(opened.get("a", Model))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len(found) == 8
    assert len(set(found)) == 1


def test_what_could_not_be_opened_is_tried_again() -> None:
    opened = SharedWhileUsed[Model]()

    def broken() -> Model:
        raise ValueError("damaged")

    with pytest.raises(ValueError, match="damaged"):
        opened.get("a", broken)
    assert isinstance(opened.get("a", Model), Model)


def test_a_key_of_files_changes_with_any_of_them(tmp_path: Path) -> None:
    file = tmp_path / "model.onnx"
    file.write_bytes(b"1234")
    os.utime(file, ns=(10, 10))
    before = files_of(tmp_path)
    assert before == (("model.onnx", 10, 4),)
    file.write_bytes(b"5678")  # The same size; only its time says so.
    assert files_of(tmp_path) != before
    os.utime(file, ns=(10, 10))
    (tmp_path / "words.bin").write_bytes(b"")
    assert files_of(tmp_path) != before
