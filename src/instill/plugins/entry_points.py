"""Entry points of installed packages, read without importing anything.

Only packages count that somebody installed: those in Python's folders for packages, and those in folders that
`PYTHONPATH` names by an absolute path. The current folder is on Python's path too (`python -m instill`), and so may be
a workspace, which holds other people's files; what looks like a package there is not looked at.
"""

from __future__ import annotations

import os
import re
import site
import sys
import sysconfig
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from instill.common.package_origin import local_origin

if TYPE_CHECKING:
    from importlib.metadata import Distribution

_PREFIX = "instill."
_WORKSPACE = "instill.toml"


@dataclass(frozen=True, slots=True)
class Entry:
    """A part that an installed package declares.

    Args:
        group: "readers", "generators", ...: the entry point's group without "instill.".
        name: of the part.
        package, version: of the package that declares it.
        target: "module:object".
        folders: where its code may lie: the folder of packages that holds it, and its source, where it is installed
            so that it can be edited.
    """

    group: str
    name: str
    package: str
    version: str
    target: str
    folders: tuple[Path, ...] = field(default=(), repr=False)

    @property
    def full_name(self) -> str:
        """As `plugins.off` names it: "readers.odt"."""
        return f"{self.group}.{self.name}"

    def is_off(self, off: Sequence[str]) -> bool:
        """Whether its package, or the part itself, is named in `plugins.off`.

        Example:
            >>> odt = Entry("readers", "odt", "Instill_ODT", "1.0", "instill_odt:FORMAT")
            >>> odt.is_off(["instill-odt"]), odt.is_off(["readers.odt"]), odt.is_off(["odt"])
            (True, True, False)
        """
        return self.full_name in off or _canonical(self.package) in {_canonical(each) for each in off}


def installed(group: str = "") -> list[Entry]:
    """What installed packages declare for `group`, or for every group, by group, name and package.

    A package that is there twice counts once, as Python finds it.
    """
    from importlib.metadata import distributions  # with what it imports, too slow for every command

    found: dict[tuple[str, str, str], Entry] = {}
    for package in distributions(path=package_folders()):
        for entry in _entries(package, group):
            found.setdefault((entry.group, entry.name, _canonical(entry.package)), entry)
    return [found[key] for key in sorted(found)]


def package_folders() -> list[str]:
    """The folders of Python's path that hold installed packages, in its order."""
    own = {_real(each) for each in _site_folders()}
    here = _real(os.curdir)
    found = []
    for folder in sys.path:
        place = _real(folder)
        named = Path(folder).is_absolute() and place != here and not _in_workspace(place)
        if place in own or named:
            found.append(folder)
    return list(dict.fromkeys(found))


def refusal_of(entry: Entry) -> str:
    """Why the module of an entry may not be imported; "" where it may.

    Nothing of the module runs. A file of the current folder that has the module's name would be found before the
    installed one; it is not what was installed.
    """
    from importlib.util import find_spec

    module = entry.target.partition(":")[0].strip()
    if not all(part.isidentifier() for part in module.split(".")):
        return f"{entry.target!r} names no module"
    parts = module.split(".")
    for count in range(1, len(parts) + 1):
        name = ".".join(parts[:count])
        spec = find_spec(name)
        if spec is None:
            return f"there is no module {name}"
        if spec.origin is None:
            continue  # a namespace: no code of its own
        place = Path(_real(spec.origin))
        if not any(place.is_relative_to(folder) for folder in entry.folders):
            return f"the module {name} is not the installed one; it was found in {place.parent}"
        return ""
    return f"the module {module} holds no code"


def _entries(package: Distribution, group: str) -> Iterator[Entry]:
    try:
        declared = [
            each
            for each in package.entry_points
            if (each.group == _PREFIX + group if group else each.group.startswith(_PREFIX))
        ]
        if declared:
            name, version, folders = str(package.metadata["Name"]), str(package.version), tuple(_folders(package))
    except Exception:  # a package with damaged metadata: pip says so, and it declares nothing
        return
    for each in declared:
        yield Entry(each.group.removeprefix(_PREFIX), each.name, name, version, each.value, folders)


def _folders(package: Distribution) -> Iterator[Path]:
    yield Path(_real(str(package.locate_file(""))))
    origin = local_origin(package)
    if origin and origin[1]:
        yield Path(_real(str(origin[0])))


def _site_folders() -> Iterator[str]:
    yield from site.getsitepackages()
    yield from (sysconfig.get_path("purelib"), sysconfig.get_path("platlib"))
    if site.ENABLE_USER_SITE:
        yield site.getusersitepackages()


def _in_workspace(place: str) -> bool:
    folder = Path(place)
    return any((each / _WORKSPACE).exists() for each in (folder, *folder.parents))


def _real(path: str) -> str:
    return os.path.realpath(path)


def _canonical(package: str) -> str:
    """The name of a package as package indices compare names."""
    return re.sub(r"[-_.]+", "-", package).lower()
