"""A stream in a coroutine: pieces, errors, and a task that is cancelled."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

from instill.answer.streaming import AnswerStream, OnToken
from instill.answer.types import Answer, Trace
from instill.errors import UsageError

ANSWER = Answer("one two", (), 0.9, False, Trace("?", "?", "generator"))


def test_pieces_come_as_they_are_written() -> None:
    def work(put: OnToken) -> Answer:
        put("one ")
        put("two")
        return ANSWER

    async def read() -> tuple[list[str], Answer]:
        async with AnswerStream(work) as stream:
            return [piece async for piece in stream], await stream.answer_async()

    assert asyncio.run(read()) == (["one ", "two"], ANSWER)


def test_an_error_is_raised_in_the_coroutine() -> None:
    def work(put: OnToken) -> Answer:
        raise UsageError("The question is empty.")

    async def read() -> Answer:
        return await AnswerStream(work).answer_async()

    with pytest.raises(UsageError, match="empty"):
        asyncio.run(read())


def test_a_cancelled_task_ends_the_work_and_leaves_no_thread_that_waits() -> None:
    ended = threading.Event()

    def work(put: OnToken) -> Answer:
        try:
            while True:
                put("more ")
                time.sleep(0.01)
        finally:
            ended.set()

    async def read() -> None:
        stream = AnswerStream(work)
        task = asyncio.create_task(stream.answer_async())
        await asyncio.sleep(0.1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    began = time.monotonic()
    asyncio.run(read())  # waits for its threads before it returns
    assert ended.wait(5)
    assert time.monotonic() - began < 5


def test_a_stream_that_is_closed_elsewhere_ends_for_who_waits() -> None:
    release = threading.Event()

    def work(put: OnToken) -> Answer:
        release.wait(10)
        return ANSWER

    stream = AnswerStream(work)
    threading.Timer(0.2, stream.close).start()
    assert list(stream) == []
    release.set()
    with pytest.raises(RuntimeError, match="closed"):
        stream.answer  # noqa: B018 - a property that waits
