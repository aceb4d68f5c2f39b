"""plugins."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from instill.cli.output import JsonOption, WorkspaceOption, clean, columns, print_json
from instill.cli.terminal import say, say_block

if TYPE_CHECKING:
    from collections.abc import Sequence

    from instill.plugins import Group, Plugin


def register(app: typer.Typer) -> None:
    """Add this group's commands to the application."""
    app.command()(plugins)


def groups() -> Sequence[Group[Any]]:
    """All kinds of parts that packages may bring."""
    from instill.cli.plugged import COMMANDS
    from instill.compare.arms.plugged import ARMS
    from instill.documents.plugged import READERS
    from instill.index.stores.stores_by_name import STORES
    from instill.models.encoders.plugged import ENCODERS
    from instill.models.generators.plugged import GENERATORS
    from instill.train.gate.metrics import METRICS

    return READERS, STORES, GENERATORS, ENCODERS, METRICS, ARMS, COMMANDS


def found_plugins(off: Sequence[str]) -> list[Plugin[Any]]:
    """What installed packages bring, with what is wrong with it; also parts of a kind that there is not."""
    from instill.plugins import Plugin
    from instill.plugins.entry_points import installed

    known = groups()
    names = [group.name for group in known]
    odd = [entry for entry in installed() if entry.group not in names]
    said = f"there is no such kind of part; the kinds are {', '.join(names)}"
    return [
        *(plugin for group in known for plugin in group.load(off=off)),
        *(Plugin(entry, None, "" if entry.is_off(off) else said, entry.is_off(off)) for entry in odd),
    ]


def plugins(workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """List the parts that installed packages bring (plug-ins), which package each is from, and what is wrong with it.

    Only packages that are installed count; nothing is loaded from the workspace's folder. `plugins.off` in
    `instill.toml` turns a package or one of its parts off.

    Example: `instill plugins`
    """
    off = turned_off(workspace)
    found = found_plugins(off)
    if as_json:
        print_json({"plugins": [_plain(plugin) for plugin in found]})
        return
    if not found:
        say("No installed package brings a plug-in. What one may bring: docs/plugins.md")
        return
    rows = [("part", "package", "state")]
    for plugin in found:
        entry = plugin.entry
        state = f"broken: {plugin.problem}" if plugin.problem else state_of(plugin)
        rows.append((clean(entry.full_name, 60), clean(f"{entry.package} {entry.version}", 60), clean(state)))
    say_block(columns(rows))


def turned_off(workspace: str | None) -> Sequence[str]:
    """`plugins.off` of the workspace; of the environment, where there is no workspace and none is named.

    Raises:
        UsageError: the settings cannot be used.
        WorkspaceError: the workspace that is named is not there.
    """
    from instill.errors import WorkspaceError
    from instill.settings.location import find_workspace, plugins_off

    try:
        folder = find_workspace(workspace)
    except WorkspaceError:
        if workspace is not None:
            raise
        folder = Path.cwd()
    return plugins_off(folder)


def state_of(plugin: Plugin[Any]) -> str:
    """In a word: "ok", "off" or "broken"."""
    return "off" if plugin.off else "broken" if plugin.problem else "ok"


def _plain(plugin: Plugin[Any]) -> dict[str, str]:
    entry = plugin.entry
    return {
        "group": entry.group,
        "name": entry.name,
        "package": entry.package,
        "version": entry.version,
        "target": entry.target,
        "state": state_of(plugin),
        "problem": plugin.problem,
    }
