"""What a run is told of the sources, and what it tells of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from instill.documents.document import Scalar


@dataclass(frozen=True, slots=True)
class Failure:
    """A source that did not go in: why, and what to do."""

    source: str
    what: str
    remedy: str


@dataclass(frozen=True, slots=True)
class FileOutcome:
    """What became of one source, told as soon as it holds on the disk: a run that is stopped later has said so.

    Args:
        result: "added", "changed", "moved" (`was`: from where), "relabelled", "removed", "unchanged", "forgotten" (so
            that it is not added) or "failed".
        passages: how many were encoded.
        replaced: what brings the earlier version back (`restore`), where it is kept; otherwise "".
        what, remedy: of a failure, and of what was forgotten.
    """

    source: str
    result: Literal["added", "changed", "moved", "relabelled", "removed", "unchanged", "forgotten", "failed"]
    passages: int = 0
    was: str = ""
    what: str = ""
    remedy: str = ""
    replaced: str = ""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is: `done` of `total` sources looked at, `passages` committed so far, the source at hand."""

    done: int
    total: int
    passages: int
    source: str


@dataclass(slots=True)
class IngestReport:
    """What a run did, by source.

    `replaced` are the (source, what `restore` takes) of those of `changed` whose earlier versions are kept,
    `forgotten` the (source, what `instill forget --allow` takes) of those that were not added because they were
    forgotten. `notices` are (source, text) pairs. `resettled` counts the documents that were processed again only
    because a setting for passages had changed. `in_words` counts the passages whose vectors were told from their words
    and are still to be computed, `refined` those whose vectors were computed afterwards.
    """

    added: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    moved: list[tuple[str, str]] = field(default_factory=list)
    relabelled: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    replaced: list[tuple[str, str]] = field(default_factory=list)
    forgotten: list[tuple[str, str]] = field(default_factory=list)
    unchanged: int = 0
    resettled: int = 0
    failed: list[Failure] = field(default_factory=list)
    notices: list[tuple[str, str]] = field(default_factory=list)
    passages: int = 0
    in_words: int = 0
    refined: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Attributes:
    """What the user says of the sources that he adds. `labels` None leaves the labels of known documents alone."""

    labels: tuple[str, ...] | None = None
    metadata: Mapping[str, Scalar] = field(default_factory=dict)


Governing = Callable[[], Callable[[str], Attributes | None]]
"""Looks up what the user says now, and gives what that means for a source; None when it is not wanted any more."""
