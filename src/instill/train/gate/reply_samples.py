"""A few replies of a candidate beside what was expected, so that a person sees what the numbers mean."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from instill.common.durable_files import write_json
from instill.common.untrusted_files import read_small_json

SHOWN = 3
_LONGEST = 2000  # characters of a text that are kept
_MOST_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class Reply:
    """What was asked of a candidate on one row of a gate.

    Args:
        expected: the accepted answer, "" where the row has none.
        score: 0 to 1.
    """

    asked: str
    expected: str
    said: str
    score: float


def some_of(replies: Sequence[Reply], count: int = SHOWN) -> tuple[Reply, ...]:
    """`count` of them, spread from the worst to the best by score; of equal ones those that come first.

    Example:
        >>> each = [Reply(str(number), "yes", "no", score) for number, score in enumerate((1, 0, 0.5, 0, 1))]
        >>> [(one.asked, one.score) for one in some_of(each)]
        [('1', 0), ('2', 0.5), ('4', 1)]
    """
    ordered = sorted(replies, key=lambda each: each.score)
    if len(ordered) <= count:
        return tuple(ordered)
    return tuple(ordered[round(place * (len(ordered) - 1) / (count - 1))] for place in range(count))


def keep(home: Path, candidate: str, replies: Sequence[Reply]) -> None:
    """Keep them with what gates measured, which purging removes: rows may be words of documents.

    Args:
        home: the workspace's `.instill`.
        candidate: its id.
    """
    cut = [
        {key: each[:_LONGEST] if isinstance(each, str) else each for key, each in asdict(one).items()}
        for one in replies
    ]
    write_json(_file(home, candidate), cut)


def kept(home: Path, candidate: str) -> tuple[Reply, ...]:
    """Those that were kept; none where they are gone or damaged."""
    try:
        found: Any = read_small_json(_file(home, candidate), _MOST_BYTES)
        return tuple(Reply(**{field.name: each[field.name] for field in fields(Reply)}) for each in found)
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return ()


def _file(home: Path, candidate: str) -> Path:
    return home / "gates" / f"replies-{candidate}.json"
