"""Which candidate is in use for which base, and the way back: `.instill/champion.json`."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from instill.common.durable_files import write_json
from instill.common.untrusted_files import read_small_json
from instill.errors import InstillError, UsageError, WorkspaceError
from instill.models.registry.card import Card, Id, now
from instill.models.registry.lock import registry_lock
from instill.models.registry.store import Registry

RECORD = "champion.json"


class Event(BaseModel):
    """One change of a champion.

    Args:
        champion: in use from then on; None: the base as it is.
        before: in use until then.
        forced: promoted although the gate had not passed it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    when: str
    action: Literal["promote", "rollback", "withdraw"]
    champion: Id | None
    before: Id | None
    forced: bool = False


class Line(BaseModel):
    """The champions of one base.

    Args:
        base: its name, for people.
        line: those that were promoted and not rolled back, oldest first; the last is in use.
        history: all that ever happened, oldest first.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    base: str
    line: tuple[Id, ...] = ()
    history: tuple[Event, ...] = ()

    @property
    def champion(self) -> str | None:
        """The candidate in use; None: the base as it is."""
        return self.line[-1] if self.line else None

    def after(self, event: Event, line: tuple[str, ...]) -> Line:
        """The same with one event more, and what is then the line."""
        return self.model_copy(update={"line": line, "history": (*self.history, event)})


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    version: Literal[1] = 1
    bases: dict[str, Line] = {}


@dataclass(frozen=True, slots=True)
class Change:
    """What a promotion or a rollback did.

    Args:
        champion: in use now; None: the base as it is.
        notices: what else a person should know, a sentence each.
    """

    base: str
    base_hash: str
    champion: str | None
    before: str | None
    notices: tuple[str, ...] = ()


class Champions:
    """Reads and changes which candidates of a registry are in use.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> Champions(Registry(Path(tempfile.mkdtemp()))).champion("0a1b") is None
        True
    """

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._file = registry.home / RECORD

    def lines(self) -> dict[str, Line]:
        """The champions of each base, by its hash.

        Raises:
            WorkspaceError: the record is damaged.
        """
        return self._read().bases

    def champion(self, base_hash: str) -> str | None:
        """The id of the candidate in use with a base; None: the base as it is."""
        line = self.lines().get(base_hash)
        return None if line is None else line.champion

    def promote(self, reference: str, *, force: bool = False) -> Change:
        """Put a candidate into use, once its files are found whole; at once, or not at all.

        Args:
            force: also one that the gate rejected or did not see. This is recorded. Damaged files are never put to use.

        Raises:
            UsageError: there is no such candidate, or the gate has not passed it.
            WorkspaceError: its files are not those of its card.
        """
        with registry_lock(self._registry.home):
            card = self._registry.check(reference).card
            passed = card.gate is not None and card.gate.passed
            if not passed and not force:
                raise _not_passed(card)
            lines = self.lines()
            line = lines.get(card.base.hash, Line(base=card.base.name))
            change = Change(card.base.name, card.base.hash, card.id, line.champion)
            if line.champion == card.id:
                return replace(change, notices=(f"{card.id} is in use already.",))
            event = Event(when=now(), action="promote", champion=card.id, before=line.champion, forced=not passed)
            self._write(lines, card.base.hash, line.after(event, (*line.line, card.id)))
        return change

    def rollback(self, base: str | None = None) -> Change:
        """Go back to the champion before, or to the base as it is when there was none.

        The files of the present champion are not looked at. Earlier ones that are damaged or gone are skipped.

        Args:
            base: name or hash of the base, where several have champions.

        Raises:
            UsageError: nothing is in use, or it is not clear for which base.
        """
        with registry_lock(self._registry.home):
            lines = self.lines()
            base_hash, line = _chosen(lines, base)
            rest, notices = list(line.line[:-1]), []
            while rest:
                try:
                    self._registry.check(rest[-1])
                    break
                except InstillError as error:
                    notices.append(f"{rest.pop()} was skipped. {error.what}")
            champion = rest[-1] if rest else None
            event = Event(when=now(), action="rollback", champion=champion, before=line.champion)
            self._write(lines, base_hash, line.after(event, tuple(rest)))
        return Change(line.base, base_hash, champion, line.champion, tuple(notices))

    def withdraw(self, ids: Collection[str]) -> list[Change]:
        """Take candidates out of use for good, also as the ones to go back to; a change for each base whose champion
        was among them. The one before it, if any is left, is in use then.

        Args:
            ids: whole ids; those that were never in use are passed over.
        """
        with registry_lock(self._registry.home):
            lines = self.lines()
            changes = _withdrawn(lines, ids)
            for change, rest in changes:
                event = Event(when=now(), action="withdraw", champion=change.champion, before=change.before)
                lines[change.base_hash] = lines[change.base_hash].after(event, rest)
                self._write(lines, change.base_hash, lines[change.base_hash])
        return [change for change, _ in changes if change.champion != change.before]

    def if_withdrawn(self, ids: Collection[str]) -> list[Change]:
        """What `withdraw` would change. Nothing is written."""
        return [change for change, _ in _withdrawn(self.lines(), ids) if change.champion != change.before]

    def _read(self) -> _Record:
        try:
            return _Record.model_validate(read_small_json(self._file))
        except FileNotFoundError:
            return _Record()
        except (ValidationError, ValueError, RecursionError) as error:
            raise WorkspaceError(
                "The record of champions is damaged.",
                where=str(self._file),
                remedy="Remove it (the base models are then used as they are) and promote again.",
            ) from error

    def _write(self, lines: dict[str, Line], base_hash: str, line: Line) -> None:
        for draft in self._registry.home.glob(f".{RECORD}.*"):  # of processes that died while they held the lock
            draft.unlink(missing_ok=True)
        write_json(self._file, _Record(bases={**lines, base_hash: line}).model_dump(mode="json"))


def _withdrawn(lines: Mapping[str, Line], ids: Collection[str]) -> list[tuple[Change, tuple[str, ...]]]:
    """Each base that loses a candidate, with what is left of its line."""
    gone = frozenset(ids)
    found = []
    for base_hash, line in sorted(lines.items()):
        rest = tuple(each for each in line.line if each not in gone)
        if rest != line.line:
            found.append((Change(line.base, base_hash, rest[-1] if rest else None, line.champion), rest))
    return found


def _chosen(lines: dict[str, Line], base: str | None) -> tuple[str, Line]:
    used = {hashed: line for hashed, line in lines.items() if line.champion is not None}
    if base is not None:
        used = {hashed: line for hashed, line in used.items() if line.base == base or hashed.startswith(base)}
    if not used:
        raise UsageError(
            "No candidate is in use" + (" for this base." if base else "."),
            where=base or "",
            remedy="See: instill models list",
        )
    if len(used) > 1:
        named = ", ".join(f"{line.base} ({hashed})" for hashed, line in used.items())
        raise UsageError("Several bases have a champion.", where=named, remedy="Name one by its hash: --base HASH")
    return next(iter(used.items()))


def _not_passed(card: Card) -> UsageError:
    if card.gate is None:
        return UsageError(
            "The candidate was not measured by the gate.", where=card.id, remedy="To use it anyway: --force"
        )
    failed = [
        each.said or each.name for each in card.gate.conditions if not each.passed and each.outcome != "not checked"
    ] or list(card.reasons)
    why = "The gate rejected the candidate"
    if card.verdict == "not proven yet":
        why = "It is not proven yet that the candidate meets its gate"
    return UsageError(
        f"{why}: {'; '.join(each.rstrip('.') for each in failed) or 'no reason is kept'}.",
        where=card.id,
        remedy="To use it anyway: --force",
    )
