"""A group of plug-ins: what is declared, what is usable, and why the rest is left out.

    READERS = Group("readers", check=checked_format, built_in=names_of_formats)
    READERS.load(off=settings.plugins.off)         # all, imported
    READERS.one("odt", off=settings.plugins.off)   # a single one, by its name

A plug-in that cannot be used breaks nothing but itself: `load` names the problem and goes on.
"""

from __future__ import annotations

import contextlib
import importlib
import re
import sys
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from instill.errors import InstillError, UsageError
from instill.errors.escapes import shown
from instill.plugins.entry_points import Entry, installed, refusal_of

T = TypeVar("T")

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._+-]{0,39}")
_SEE = "See what is installed: instill plugins"


@dataclass(frozen=True, slots=True)
class Plugin(Generic[T]):
    """An entry with what became of it.

    Args:
        value: the part; None where it is not used.
        problem: why it is not used: broken, not of the right type, or its name is taken; "" otherwise.
        off: it is turned off in the settings, and was not imported.
    """

    entry: Entry
    value: T | None
    problem: str = ""
    off: bool = False


class Group(Generic[T]):
    """One kind of part that packages may bring.

    Args:
        name: packages declare entry points in the group "instill.NAME".
        check: gives a loaded object as what it must be. Raises TypeError or ValueError with what is wrong with it.
        built_in: the names that are taken; called when something is declared.
        claims: what a part takes beside its name and only one part may have, in words: "files that end in .odt".
        claimed: what built-in parts take of that.
        about: a line for people.

    Example:
        >>> def number(found: object) -> int:
        ...     if not isinstance(found, int):
        ...         raise TypeError("it is no number")
        ...     return found
        >>> numbers = Group("numbers-of-this-example", check=number)
        >>> numbers.load(), numbers.names()
        ([], [])
    """

    def __init__(
        self,
        name: str,
        *,
        check: Callable[[object], T],
        built_in: Callable[[], Collection[str]] = tuple,
        claims: Callable[[T], Iterable[str]] = lambda _part: (),
        claimed: Callable[[], Collection[str]] = tuple,
        about: str = "",
    ) -> None:
        self.name, self.about = name, about
        self._check, self._built_in = check, built_in
        self._claims, self._claimed = claims, claimed

    def names(self, *, off: Sequence[str] = ()) -> list[str]:
        """Those that are declared and not turned off; nothing is imported, so that one of them may still be broken."""
        return sorted({each.name for each in installed(self.name) if not each.is_off(off)})

    def load(self, *, off: Sequence[str] = ()) -> list[Plugin[T]]:
        """Everything that is declared, by name; what can be used is imported.

        Args:
            off: packages and parts that are turned off, as in `plugins.off`.
        """
        declared = installed(self.name)
        taken = {each.casefold() for each in self._built_in()} if declared else set()
        several = Counter(each.name.casefold() for each in declared if not each.is_off(off))
        return self._without_rivals([self._loaded(entry, taken, several, off) for entry in declared])

    def one(self, name: str, *, off: Sequence[str] = (), where: str = "") -> T:
        """The plug-in of this name; no other one is imported.

        Args:
            where: the setting or option that names it, for the error.

        Raises:
            UsageError: there is none, it is turned off, or it cannot be used.
        """
        where = where or f"{self.name}: {name}"
        declared = [each for each in installed(self.name) if each.name == name]
        if not declared:
            there = ", ".join(self.names(off=off))
            what = f"there is {there}" if there else "no installed package brings one for this purpose"
            raise UsageError(f"There is no plug-in {name!r}; {what}.", where=where, remedy=_SEE)
        wanted = [each for each in declared if not each.is_off(off)]
        if not wanted:
            raise UsageError(
                f"The plug-in {name!r} is turned off.",
                where=where,
                remedy="Take it out of plugins.off in instill.toml.",
            )
        taken = {each.casefold() for each in self._built_in()}
        several = Counter(each.name.casefold() for each in wanted)
        found = self._loaded(wanted[0], taken, several, off)
        if found.value is None:
            package = found.entry.package
            raise UsageError(
                f"The plug-in {name!r} of the package {package} cannot be used: {found.problem}.",
                where=where,
                remedy=f"Update the package, or remove it: pip uninstall {package}",
            )
        return found.value

    def _without_rivals(self, loaded: list[Plugin[T]]) -> list[Plugin[T]]:
        claims = {
            position: set(self._claims(each.value)) for position, each in enumerate(loaded) if each.value is not None
        }
        if not any(claims.values()):
            return loaded
        built_in, several = self._claimed(), Counter(claim for each in claims.values() for claim in each)
        kept = []
        for position, plugin in enumerate(loaded):
            mine = sorted(claims.get(position, ()))
            taken = [claim for claim in mine if claim in built_in]
            shared = [claim for claim in mine if several[claim] > 1]
            if taken:
                plugin = Plugin(plugin.entry, None, f"Instill itself has {taken[0]}")
            elif shared:
                plugin = Plugin(plugin.entry, None, f"several plug-ins take {shared[0]}; turn off all but one of them")
            kept.append(plugin)
        return kept

    def _loaded(self, entry: Entry, taken: Collection[str], several: Counter[str], off: Sequence[str]) -> Plugin[T]:
        if entry.is_off(off):
            return Plugin(entry, None, off=True)
        name = entry.name.casefold()
        if not _NAME.fullmatch(entry.name):
            return Plugin(entry, None, "this is not a valid name for a plug-in")
        if name in taken:
            return Plugin(entry, None, "Instill has a part of this name already")
        if several[name] > 1:
            return Plugin(entry, None, "several packages bring a part of this name; turn off all but one of them")
        try:
            problem = refusal_of(entry)
            if problem:
                return Plugin(entry, None, problem)
            return Plugin(entry, self._check(_imported(entry.target)))
        except (Exception, SystemExit) as error:  # whatever a stranger's code does when it is imported
            return Plugin(entry, None, _said(error))


def _imported(target: str) -> object:
    """The object; what its module prints goes to standard error, so that JSON on standard output stays JSON."""
    module, _, names = target.partition(":")
    with contextlib.redirect_stdout(sys.stderr):
        found: object = importlib.import_module(module.strip())
        for name in filter(None, names.partition("[")[0].strip().split(".")):
            found = getattr(found, name)
    return found


def _said(error: BaseException) -> str:
    what = error.what if isinstance(error, InstillError) else str(error)
    words = shown(" ".join(what.split()))[:200].rstrip(".")
    if isinstance(error, (TypeError, ValueError)) and words:
        return words
    return f"{type(error).__name__}: {words}" if words else type(error).__name__
