"""What is there, what is missing, and how to get it."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import platform
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from instill.common.extras import EXTRA_OF, how_to_install
from instill.common.plurals import counted
from instill.documents.bucket_addresses import is_in_bucket
from instill.documents.buckets import look_at
from instill.errors import InstillError, StoreInUse
from instill.index.generations import LANCE, kind_of
from instill.index.protocol import Capabilities
from instill.index.repair import Repair, damage_of
from instill.models.generators.whole_reply import whole_reply
from instill.plugins import Plugin
from instill.settings import GeneratorSettings
from instill.settings.location import find_workspace, plugins_off
from instill.workspace import Workspace

State = Literal["ok", "optional", "in use", "missing", "broken"]

_PACKAGES = (
    "lancedb",
    "onnxruntime",
    "tokenizers",
    "markitdown",
    "pypdfium2",
    "openai",
)
_EXTRAS = {
    "rapidocr-onnxruntime": ("rapidocr_onnxruntime", "images and scanned pages"),
    "duckdb": ("duckdb", "instill sql"),
    "onnx": ("onnx", "other encoders"),
    "obstore": ("obstore", "documents, and the index, in buckets"),
}
_SPARE_BYTES = 1_000_000_000
_FROM_SOURCES = "Restore the store from a backup, or add the documents to a new workspace."


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Args:
        verdict: "optional": not there, and not needed for the main job; "in use": by another process, so that
            nobody can look; "broken": a plug-in that was left out.
    """

    name: str
    verdict: State
    what: str
    remedy: str = ""


def repair(workspace: str | None = None) -> Repair:
    """Mend the workspace's index if it is damaged, and say what was done.

    Raises:
        WorkspaceError: there is no workspace, or it cannot be written.
    """
    with Workspace.open(workspace) as opened:
        return opened.repair()


def examine(workspace: str | None = None, plugins: Iterable[Plugin[Any]] = ()) -> list[Finding]:
    """Look at Python, the packages, the encoder, the workspace (when there is one) and the generator (when set).

    Args:
        plugins: what installed packages bring, loaded.
    """
    parts = list(plugins)
    return [
        *_python(), *_packages(), *_extras(), *_training(), *_plugins(parts), *_turned_off(parts, workspace),
        *_in_workspace(workspace),
    ]  # fmt: skip


def _python() -> Iterator[Finding]:
    yield Finding("python", "ok", f"{platform.python_version()} on {platform.system()} {platform.machine()}")


def _packages() -> Iterator[Finding]:
    for package in _PACKAGES:
        try:
            yield Finding(package, "ok", importlib.metadata.version(package))
        except importlib.metadata.PackageNotFoundError:
            yield Finding(package, "missing", "not installed", f"pip install {package}")


def _extras() -> Iterator[Finding]:
    for package, (module, work) in _EXTRAS.items():
        try:
            yield Finding(package, "ok", importlib.metadata.version(package))
        except importlib.metadata.PackageNotFoundError:
            remedy = f"Only for {work}: {how_to_install(EXTRA_OF[module]).removeprefix('Run: ')}"
            yield Finding(package, "optional", "not installed", remedy)


def _training() -> Iterator[Finding]:
    for package in ("torch", "transformers"):
        if importlib.util.find_spec(package) is None:
            remedy = f"Only for local generators and training: {how_to_install('train').removeprefix('Run: ')}"
            yield Finding(package, "optional", "not installed", remedy)
        else:
            yield Finding(package, "ok", importlib.metadata.version(package))


def _plugins(plugins: Iterable[Plugin[Any]]) -> Iterator[Finding]:
    for plugin in plugins:
        entry = plugin.entry
        package = f"{entry.package} {entry.version}"
        if plugin.problem:
            remedy = f"Update {entry.package}, remove it, or turn it off: plugins.off in instill.toml"
            yield Finding(entry.full_name, "broken", f"{package}: {plugin.problem}", remedy)
        else:
            yield Finding(entry.full_name, "ok", f"{package}, turned off" if plugin.off else package)


def _turned_off(plugins: Sequence[Plugin[Any]], path: str | None) -> Iterator[Finding]:
    """What `plugins.off` names although no installed package brings it: often a misspelt name."""
    try:
        off = plugins_off(find_workspace(path))
    except InstillError:  # told with the workspace
        return
    for name in off:
        if not any(plugin.entry.is_off([name]) for plugin in plugins):
            remedy = "Check the name: instill plugins lists what is installed."
            yield Finding("plugins.off", "optional", f"no installed package or part is named {name!r}", remedy)


def _in_workspace(path: str | None) -> Iterator[Finding]:
    try:
        folder = find_workspace(path)
    except InstillError as error:
        yield Finding("workspace", "optional" if path is None else "missing", str(error.what), error.command)
        return
    try:
        opened = Workspace.open(folder)
    except InstillError as error:
        yield Finding("settings", "missing", f"{error.what} ({error.where})", error.command)
        return
    with opened:
        yield Finding("workspace", "ok", str(folder) + ("" if opened.writable else " (read-only)"))
        yield from _tried("encoder", lambda: f"{opened.settings.encoder.model}, {opened.encoder.dimension} dimensions")
        yield from _index(opened)
        yield from _catalog(opened)
        yield from _buckets(opened)
        yield from _disk(folder)
        yield from _generator(opened)


def _index(opened: Workspace) -> Iterator[Finding]:
    try:
        kind = kind_of(opened.home / "index")
        damage = damage_of(opened.home / "index") if kind == LANCE else opened.index.damage()
    except InstillError as error:
        verdict: State = "in use" if isinstance(error, StoreInUse) else "missing"
        yield Finding("index", verdict, f"{error.what} ({error.where})", error.command)
        return
    for sentence in damage:
        yield Finding(
            "index", "missing", f"damaged: {sentence}", "instill doctor --repair" if kind == LANCE else _FROM_SOURCES
        )
    if not damage:
        yield from _tried("index", lambda: _size(*opened.index.count()))
    if kind != LANCE:
        yield from _tried("store", lambda: f"{kind}: {_said_of(opened.index.capabilities)}")


def _said_of(capabilities: Capabilities) -> str:
    """Who does what, and what a user has to know of the store."""
    parts = {name: getattr(capabilities, name) for name in ("transactions", "keywords", "filters", "labels")}
    above = [name for name, who in parts.items() if who == "instill"]
    shared = {
        "process": "one process at a time",
        "processes": "any processes of this machine",
        "anywhere": "any machines",
        "machines": "any machines that share the workspace's folder",
    }[capabilities.sharing]
    said = f"used by {shared}"
    if above:
        said += f"; {', '.join(above)} by Instill above it"
    if capabilities.note:
        said += f". {capabilities.note}"
    if not capabilities.tried:
        said += " This store was not tested against the real service; see docs/stores.md."
    return said


def _catalog(opened: Workspace) -> Iterator[Finding]:
    try:
        damage = opened.catalog.damage()
    except InstillError as error:
        yield Finding("catalog", "missing", f"{error.what} ({error.where})", error.command)
        return
    if damage:
        remedy = "Move the file away and add what is to be followed again; documents are not lost, conversations are."
        yield Finding("catalog", "missing", f"damaged: {damage} ({opened.catalog.where})", remedy)
        return
    yield from _tried("catalog", lambda: f"{len(opened.catalog.roots())} followed paths")


def _size(documents: int, passages: int) -> str:
    return f"{counted(documents, 'document')}, {counted(passages, 'passage')}"


def _buckets(opened: Workspace) -> Iterator[Finding]:
    try:
        paths = [root.path for root in opened.catalog.roots() if is_in_bucket(root.path)]
    except InstillError:  # the catalog is damaged, which is said already
        return
    for path in paths:
        yield from _tried("bucket", lambda path=path: f"{path}: {look_at(path)}")  # type: ignore[misc]


def greeted(opened: Workspace) -> str:
    """Greet the generator that is set, and say what it replied.

    Raises:
        GeneratorError: it does not answer.
    """
    generator = opened.generator
    if generator is None:
        return "No generator is set: answers quote the documents."
    reply = whole_reply(generator, [{"role": "user", "content": "Reply with the word: ready"}], max_tokens=16)
    return f"{generator.name} answers ({reply.strip()[:40]!r})"


def _tried(name: str, look: Callable[[], str]) -> Iterator[Finding]:
    try:
        yield Finding(name, "ok", look())
    except InstillError as error:
        where = f" ({error.where})" if error.where else ""
        yield Finding(name, "missing", f"{error.what}{where}", error.command)


def _disk(folder: Path) -> Iterator[Finding]:
    free = shutil.disk_usage(folder).free
    what = f"{free / 1e9:.1f} GB free"
    if free < _SPARE_BYTES:
        yield Finding("disk", "missing", what, "Free some space: an index needs about twice the size of its texts.")
    else:
        yield Finding("disk", "ok", what)


def _generator(opened: Workspace) -> Iterator[Finding]:
    settings: GeneratorSettings = opened.settings.generator
    if not settings.is_set:
        remedy = "Answers quote the documents. To have them written: docs/bring-your-own-model.md"
        yield Finding("generator", "optional", "none set", remedy)
        return

    yield from _tried("generator", lambda: greeted(opened))
