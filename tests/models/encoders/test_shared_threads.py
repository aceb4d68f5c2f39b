"""Callers that share a model's threads take turns, and get what they would get one after the other."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instill.answer.reading.reader import Reader, Reading
from instill.models.encoders.protocol import Vectors
from instill.models.encoders.shared_threads import Workers
from instill.models.encoders.shipped_encoder import ShippedEncoder, open_shipped
from instill.models.weights import shipped

WORDS = st.lists(st.sampled_from(["tea", "is", "brewed", "at", "80", "degrees", "Ünïcode", "东京", "."]), max_size=30)
TEXTS = st.lists(WORDS.map(" ".join), min_size=1, max_size=6)


@pytest.fixture(scope="module")
def models() -> tuple[ShippedEncoder, Reader]:
    encoder = open_shipped(threads=2)
    encoder._known = None  # Every vector is computed.
    return encoder, Reader(shipped(), threads=2)


@settings(max_examples=15)
@given(asked=st.lists(TEXTS, min_size=2, max_size=6))
def test_together_is_as_one_after_the_other_bit_for_bit(
    models: tuple[ShippedEncoder, Reader], asked: list[list[str]]
) -> None:
    encoder, reader = models

    def one(texts: list[str]) -> tuple[Vectors, list[Reading]]:
        return encoder.encode_passages(texts), reader.read(texts[0], [("", text) for text in texts])

    alone = [one(texts) for texts in asked]
    with ThreadPoolExecutor(len(asked)) as pool:
        together = list(pool.map(one, asked))
    for (vectors, readings), (expected, read) in zip(together, alone, strict=True):
        assert np.array_equal(vectors, expected)
        for got, wanted in zip(readings, read, strict=True):
            assert (got.start, got.end, got.span, got.answerable, got.relevant) == (
                wanted.start, wanted.end, wanted.span, wanted.answerable, wanted.relevant,
            )  # fmt: skip
            assert np.array_equal(got.weights, wanted.weights)


def test_who_wants_little_does_not_wait_for_who_wants_much() -> None:
    workers, order = Workers(1), list[str]()
    begun, go = threading.Event(), threading.Event()

    def much(number: int) -> None:
        begun.set()
        assert go.wait(10)
        order.append(f"much {number}")

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(workers.each, range(50), much)
        assert begun.wait(10)
        second = pool.submit(workers.each, ["little"], order.append)
        end = time.monotonic() + 10
        while not workers._pool._work_queue.qsize() and time.monotonic() < end:  # the little one stands in the queue
            time.sleep(0.001)
        go.set()
        first.result(10)
        second.result(10)
    assert order.index("little") == 1
    assert len(order) == 51


def test_as_many_run_at_once_as_there_are_threads() -> None:
    workers, lock, running, most = Workers(3), threading.Lock(), 0, 0
    three = threading.Barrier(3, timeout=10)

    def one(_: int) -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        three.wait()
        with lock:
            running -= 1

    with ThreadPoolExecutor(5) as pool:
        for done in [pool.submit(workers.each, range(6), one) for _ in range(5)]:
            done.result(20)
    assert most == 3


def test_an_error_is_raised_and_ends_only_its_callers_work() -> None:
    workers, done = Workers(1), list[int]()

    def fail(number: int) -> None:
        done.append(number)
        if number == 2:
            raise IndexError("of mine")

    with pytest.raises(IndexError, match="of mine"):
        workers.each(range(1, 100), fail)
    assert done == [1, 2]
    workers.each([7], done.append)
    workers.each([], done.append)
    assert done == [1, 2, 7]


def test_what_is_done_is_told_on_the_way() -> None:
    done: list[int] = []
    told: list[int] = []
    Workers(2).each(range(5), done.append, tick=lambda: told.append(len(done)))
    assert told[-1] == 5
