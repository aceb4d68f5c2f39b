"""Which facts are in which weights: `.instill/memory/weights.json`. It holds ids and hashes, no text of documents."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from instill.common.durable_files import write_json
from instill.common.made_from import OWNER, Caller, MadeFrom, Source
from instill.common.untrusted_files import read_small_json
from instill.errors import InstillError, WorkspaceError
from instill.memory import FOLDER

if TYPE_CHECKING:
    from instill.models.registry.store import Registry

_FILE = "weights.json"
_MOST_BYTES = 64_000_000

State = Literal["in use", "rejected", "withdrawn", "replaced"]


class _Frozen(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Held(_Frozen):
    """A fact that an adapter was trained on, and where it came from.

    Args:
        version: of its document then.
        source_labels: of its document then.
        evidence_hash: sha256 of the evidence's text.
        passed: it was known when it was examined; otherwise it was trained on and is not counted.
    """

    fact_id: str
    doc_id: str
    version: str
    source_labels: tuple[str, ...]
    evidence_hash: str
    adapter: str
    passed: bool = True


class Adapter(_Frozen):
    """Weights that were made of facts.

    Args:
        id: the candidate's.
        base: hash of the base.
        labels: callers who hold one of these may use it; () is the owner alone.
        why: what became of it, in words.
        facts: all that it was trained on.
    """

    id: str
    base: str
    labels: tuple[str, ...]
    state: State
    why: str = ""
    made: str = ""
    facts: tuple[Held, ...] = ()

    @property
    def made_from(self) -> MadeFrom:
        """The documents of its facts."""
        sources = {Source(each.doc_id, each.version, tuple(sorted(each.source_labels))) for each in self.facts}
        return MadeFrom(tuple(sorted(sources)))


class Weights(_Frozen):
    """All adapters that were made of facts, oldest first, and those that have to be made again, by labels."""

    version: Literal[1] = 1
    adapters: tuple[Adapter, ...] = ()
    rebuild: tuple[tuple[str, ...], ...] = ()

    def in_use(self, labels: Sequence[str]) -> Adapter | None:
        """The one for callers who hold one of `labels`."""
        wanted = tuple(sorted(labels))
        return next((each for each in self.adapters if each.state == "in use" and each.labels == wanted), None)

    def with_adapter(self, adapter: Adapter) -> Weights:
        """The same with one more, or with another state of one; of those for the same labels only one is in use."""
        found = []
        for each in self.adapters:
            if each.id == adapter.id:
                continue
            replaced = adapter.state == "in use" and each.state == "in use" and each.labels == adapter.labels
            found.append(each.model_copy(update={"state": "replaced"}) if replaced else each)
        return self.model_copy(update={"adapters": (*found, adapter)})


def read_weights(home: Path) -> Weights:
    """The record; empty where nothing was consolidated yet.

    Args:
        home: a workspace's `.instill`.

    Raises:
        WorkspaceError: it is damaged.
    """
    file = home / FOLDER / _FILE
    try:
        return Weights.model_validate(read_small_json(file, _MOST_BYTES))
    except FileNotFoundError:
        return Weights()
    except (ValidationError, ValueError, RecursionError) as error:
        raise WorkspaceError(
            "The record of consolidated facts is damaged.",
            where=str(file),
            remedy="Remove it (all facts count as indexed then) and run: instill consolidate",
        ) from error


def write_weights(home: Path, weights: Weights) -> None:
    """Put the record in place, at once."""
    (home / FOLDER).mkdir(exist_ok=True)
    write_json(home / FOLDER / _FILE, weights.model_dump(mode="json"))


def held_in_weights(home: Path, caller: Caller = OWNER) -> dict[str, Held]:
    """The facts that are in weights which are in use and which the caller may use, by id."""
    adapters = [each for each in read_weights(home).adapters if each.state == "in use" and caller.sees(each.made_from)]
    return {fact.fact_id: fact for adapter in adapters for fact in adapter.facts if fact.passed}


def adapter_for_caller(home: Path, caller: Caller) -> str:
    """The id of the adapter in use that knows most facts of those which the caller may use; "" where there is none.

    One that is for labels is for callers who see every document that it was made from. The owner, who sees all, gets
    the one with most facts.
    """
    from instill.models.registry.store import Registry

    registry = Registry(home)
    usable = []
    for each in read_weights(home).adapters:
        if each.state != "in use":
            continue
        try:
            measured_on = registry.get(each.id).card.made_from  # What its gate asked about, too.
        except InstillError:
            continue
        if caller.sees(each.made_from | measured_on):
            usable.append(each)
    found = max(usable, key=lambda each: (len(each.facts), each.id)).id if usable else ""
    return _with_edits(registry, found, caller) or found


def _with_edits(registry: Registry, adapter: str, caller: Caller) -> str:
    """The candidate in use that has edits on top of an adapter, where the caller may use it; "" where there is none."""
    from instill.models.registry.champions import Champions

    for line in Champions(registry).lines().values():
        try:
            card = registry.get(line.champion).card if line.champion else None
        except InstillError:
            continue
        if card is not None and "edits" in card.recipe and (card.parent or "") == adapter:
            return card.id if caller.sees(card.made_from) else ""
    return ""
