"""Which candidate a local generator uses, by the setting `generator.adapter`. Reads two small files, no weights."""

from __future__ import annotations

from pathlib import Path

from instill.common.made_from import Caller
from instill.errors import InstillError, WorkspaceError
from instill.models.generators.protocol import AdapterOf
from instill.models.registry.card import read_card
from instill.models.registry.champions import Champions
from instill.models.registry.store import Registry


def adapter_for(home: Path, setting: str) -> AdapterOf | None:
    """How to find the candidate that is used; None where the base is used as it is, whatever it is.

    Args:
        home: a workspace's `.instill`.
        setting: "champion", "none", or a candidate's id or the beginning of it.

    Raises:
        UsageError: there is no such candidate.
        WorkspaceError: the record of champions or the candidate's card is damaged.

    Example:
        >>> import tempfile
        >>> adapter_for(Path(tempfile.mkdtemp()), "champion") is None
        True
    """
    if setting in ("", "none"):
        return None
    registry = Registry(home)
    if setting != "champion":
        id_ = registry.get(setting).card.id
        return lambda base_hash: _checked(registry, id_, base_hash)
    champions = {base: line.champion for base, line in Champions(registry).lines().items() if line.champion}
    if not champions:
        return None

    def champion_of(base_hash: str) -> Path | None:
        champion = champions.get(base_hash)
        try:
            return None if champion is None else _checked(registry, champion, base_hash)
        except InstillError as error:
            raise WorkspaceError(
                f"The champion cannot be used. {error.what}", where=error.where, remedy="Run: instill models rollback"
            ) from error

    return champion_of


def measured_reading(candidate: Path) -> bool:
    """Whether the gate of a candidate measured that it answers from passages. One for a format, say, does not write the
    answers of `ask` when it becomes the champion.

    Raises:
        WorkspaceError: its card is damaged.
    """
    gate = read_card(candidate).gate
    return gate is not None and any(each.name == "reading" for each in gate.conditions)


def may_be_used_for(caller: Caller, home: Path, setting: str) -> bool:
    """Whether the caller may see all documents that the candidates were made from which `adapter_for` would find.

    For a caller who may not, the base is used as it is. Of several bases the champions of all are looked at.

    Args:
        home, setting: see `adapter_for`.

    Raises:
        UsageError, WorkspaceError: as `adapter_for`.
    """
    if caller.labels is None or setting in ("", "none"):
        return True
    registry = Registry(home)
    if setting != "champion":
        return caller.sees(registry.get(setting).card.made_from)
    champions = [line.champion for line in Champions(registry).lines().values() if line.champion]
    return all(caller.sees(registry.get(each).card.made_from) for each in champions)


def _checked(registry: Registry, id_: str, base_hash: str) -> Path:
    found = registry.check(id_)
    if found.card.base.hash != base_hash:
        raise WorkspaceError(
            f"The candidate was made for another model ({found.card.base.name}).",
            where=id_,
            remedy="Set generator.folder to that model, or generator.adapter to another candidate.",
        )
    return found.folder
