"""Every reply is there in time or is an error; the generator is stopped then."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from time import monotonic, sleep

import pytest

from instill.errors import GeneratorError
from instill.models.generators.protocol import Message
from instill.models.generators.time_limited import Timed
from tests.models.generators.tiny_gguf import token, write_tiny

ASKED: list[Message] = [{"role": "user", "content": "Where?"}]


class Drip:
    """A piece every `pause` seconds, without end."""

    name = "drip"

    def __init__(self, pause: float) -> None:
        self.pause = pause
        self.closed = threading.Event()

    def stream(self, messages: Sequence[Message], *, max_tokens: int, temperature: float = 0.0) -> Iterator[str]:
        try:
            for _ in range(max_tokens):
                sleep(self.pause)
                yield "a"
        finally:
            self.closed.set()


def test_pieces_that_come_without_end_are_cut_off_and_the_generator_stopped() -> None:
    drip = Drip(0.01)
    began = monotonic()
    pieces: list[str] = []
    with pytest.raises(GeneratorError, match=r"took longer than 0\.3 s"):
        pieces.extend(Timed(drip, 0.3).stream(ASKED, max_tokens=100_000))
    assert monotonic() - began < 5
    assert drip.closed.wait(10)


def test_a_first_piece_that_does_not_come() -> None:
    began = monotonic()
    with pytest.raises(GeneratorError, match="took longer"):
        list(Timed(Drip(3), 0.2).stream(ASKED, max_tokens=1))
    assert monotonic() - began < 2.5


def test_whoever_stops_reading_stops_the_generator() -> None:
    drip = Drip(0.001)
    pieces = Timed(drip, 60).stream(ASKED, max_tokens=100_000)
    assert next(pieces) == "a"
    pieces.close()  # type: ignore[attr-defined]
    assert drip.closed.wait(10)


def test_its_errors_and_its_pieces_come_through() -> None:
    class Breaks(Drip):
        def stream(self, messages: Sequence[Message], *, max_tokens: int, temperature: float = 0.0) -> Iterator[str]:
            yield "one"
            raise GeneratorError("It broke.", where="here")

    pieces = Timed(Breaks(0), 60).stream(ASKED, max_tokens=3)
    assert next(pieces) == "one"
    with pytest.raises(GeneratorError, match="It broke"):
        next(pieces)
    assert "".join(Timed(Drip(0), 60).stream(ASKED, max_tokens=7)) == "a" * 7


def test_a_model_that_reads_too_long_is_ended_and_answers_again(tmp_path: Path) -> None:
    pytest.importorskip("xllamacpp")
    from instill.models.generators.gguf.generator import GgufGenerator

    endless = {token("\n"): token("a"), token("a"): token("b"), token("b"): token("a")}
    generator = GgufGenerator(
        write_tiny(tmp_path / "a.gguf", follows=endless, context=200_000), threads=1, context=200_000
    )
    with pytest.raises(GeneratorError, match="took longer"):
        list(Timed(generator, 1.0).stream(ASKED, max_tokens=190_000))
    assert "".join(Timed(generator, 60).stream(ASKED, max_tokens=4)) == "abab"
    generator.close()
