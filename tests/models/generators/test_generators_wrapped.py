"""A generator around another one passes on all that the inner one can do."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import pytest

from instill.compare.arms.one_at_a_time import OneAtATime
from instill.compare.arms.protocol import Overheard
from instill.models.generators.plugged import Plugged
from instill.models.generators.protocol import Generator, Message, Skill, skilled, usage_of
from instill.models.generators.time_limited import Timed
from instill.models.generators.wrapped import Wrapped


class Able:
    """Has all that a generator may have."""

    context_characters = 1200

    def __init__(self, name: str = "able") -> None:
        self.name, self.last_usage, self.interrupted = name, (0, 0), False

    def stream(self, messages: Sequence[Message], *, max_tokens: int, temperature: float = 0.0) -> Iterator[str]:
        self.last_usage = len(messages), max_tokens
        yield self.name

    def skilled(self, skill: Skill) -> Generator | None:
        return Able(f"trained for {skill}") if skill == "ground" else None

    def interrupt(self) -> None:
        self.interrupted = True


class Plain:
    """Has only what it must have."""

    name = "plain"

    def stream(self, messages: Sequence[Message], *, max_tokens: int, temperature: float = 0.0) -> Iterator[str]:
        yield "plain"


WRAPPERS: dict[str, Callable[[Generator], Generator]] = {
    "limited in time": lambda inner: Timed(inner, 10.0),
    "of a plug-in": lambda inner: Plugged("mine", inner),
    "overheard": Overheard,
    "opened when it is asked": lambda inner: OneAtATime(lambda _: inner).generator("any"),
    "all of them": lambda inner: Overheard(OneAtATime(lambda _: Timed(Plugged("mine", inner), 10.0)).generator("any")),
}


@pytest.fixture(params=list(WRAPPERS.values()), ids=list(WRAPPERS))
def wrap(request: pytest.FixtureRequest) -> Callable[[Generator], Wrapped]:
    found: Callable[[Generator], Wrapped] = request.param
    return found


def said(generator: Generator | None) -> str:
    assert generator is not None
    return "".join(generator.stream([{"role": "user", "content": "?"}], max_tokens=7))


def test_what_the_inner_one_can_do_is_passed_on(wrap: Callable[[Generator], Wrapped]) -> None:
    inner = Able()
    outer = wrap(inner)
    assert (outer.name, said(outer), outer.context_characters) == ("able", "able", 1200)
    assert usage_of(outer) == (1, 7)
    assert said(skilled(outer, "ground")) == "trained for ground"
    assert skilled(outer, "standalone") is None
    outer.interrupt()
    assert inner.interrupted


def test_what_the_inner_one_cannot_do_is_not_made_up(wrap: Callable[[Generator], Wrapped]) -> None:
    outer = wrap(Plain())
    assert (outer.name, said(outer)) == ("plain", "plain")
    assert (outer.context_characters, usage_of(outer), skilled(outer, "ground")) == (None, None, None)
    outer.interrupt()


def test_what_a_trained_model_is_asked_is_overheard_too() -> None:
    overheard = Overheard(Able())
    assert said(skilled(overheard, "ground")) == "trained for ground"
    assert ["".join(each.pieces) for each in overheard.exchanges] == ["trained for ground"]
    assert overheard.exchanges[0].usage == (1, 7)


def test_every_wrapper_of_the_package_is_tried_here() -> None:
    """A new one is added to `WRAPPERS`."""
    known = {type(wrap(Plain())) for wrap in WRAPPERS.values()}
    assert {each for each in Wrapped.__subclasses__() if each.__module__.startswith("instill.")} <= known
