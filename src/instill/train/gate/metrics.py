"""How a gate scores replies: the built-in ways, and metrics of installed packages. Imports nothing heavy."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from math import isfinite
from typing import Protocol, cast

from instill.common.articles import type_of
from instill.errors import UsageError
from instill.plugins import Group
from instill.plugins.entry_points import installed

BUILT_IN = ("exact", "verbatim", "f1", "json", "contains")
"""See `instill.train.gate.scoring`."""


class Metric(Protocol):
    """What a package declares in the group "instill.metrics"."""

    def __call__(self, reply: str, accepted: Sequence[str], *, question: str) -> float:
        """How right a reply is, from 0 to 1.

        Args:
            reply: of a model; anything, also nothing.
            accepted: the answers that are right, one at least.
            question: what was asked.

        Raises:
            ValueError: an accepted answer is of a form that cannot be scored; found before anything is trained.
        """
        ...


def _checked(found: object) -> Metric:
    if not callable(found):
        raise TypeError(f"it is {type_of(found)}, not a function")
    return cast("Metric", found)


METRICS: Group[Metric] = Group("metrics", check=_checked, built_in=lambda: BUILT_IN, about="how a gate scores replies")


def known_scoring(name: str, off: Sequence[str] = ()) -> str:
    """The name, where there is such a metric and it can be used; a plug-in's is imported to see that.

    Raises:
        UsageError: there is none.

    Example:
        >>> known_scoring("f1")
        'f1'
    """
    if name not in BUILT_IN:
        there = ", ".join(map(repr, [*BUILT_IN, *METRICS.names(off=off)]))
        if name not in METRICS.names():
            raise UsageError(
                f"There is no way {name!r} to score replies.", where="scoring", remedy=f"Take one of {there}."
            )
        METRICS.one(name, off=off, where=f"scoring = {name!r}")
    return name


def plugged_score(name: str, reply: str, accepted: Sequence[str], question: str) -> float:
    """The score by a plug-in's metric, 0 to 1.

    Raises:
        UsageError: there is no such metric, or it failed, or gave something that is no score.
        ValueError: an accepted answer cannot be scored.
    """
    try:
        found = _metric(name)(reply, accepted, question=question)
    except (UsageError, ValueError):
        raise
    except Exception as error:
        raise _wrong(name, f"failed ({type(error).__name__}: {error})") from error
    if not isinstance(found, (int, float)) or not isfinite(found) or not 0 <= found <= 1:
        raise _wrong(name, f"gave {found!r:.60} as a score, which is not from 0 to 1")
    return float(found)


def identity_of(name: str) -> str:
    """Names the package and version of a plug-in's metric, so that a gate measures again with another one; "" for a
    built-in one."""
    found = [] if name in BUILT_IN else [each for each in installed("metrics") if each.name == name]
    return ", ".join(f"{each.full_name} {each.package} {each.version}" for each in found)


@lru_cache(maxsize=32)
def _metric(name: str) -> Metric:
    """Looked up once: a gate scores thousands of replies. Whether it is turned off was checked with the gate."""
    return METRICS.one(name)


def _wrong(name: str, what: str) -> UsageError:
    return UsageError(
        f"The metric {name!r} {what}.",
        where=f"scoring = {name!r}",
        remedy="Tell the authors of its package (instill plugins names it), or choose another scoring.",
    )
