"""Commands of installed packages: `instill NAME`, imported when it is called."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.models import CommandInfo

from instill.common.articles import type_of
from instill.plugins import Group
from instill.plugins.entry_points import installed

if TYPE_CHECKING:
    from typer._click.core import Command, Context


def _checked(found: object) -> typer.Typer | Callable[..., None]:
    if isinstance(found, typer.Typer):
        return found
    if not callable(found) or isinstance(found, type):
        raise TypeError(f"it is {type_of(found)}, not a function or a typer.Typer")
    return found


COMMANDS: Group[typer.Typer | Callable[..., None]] = Group(
    "commands", check=_checked, built_in=lambda: built_in_commands(), about="instill NAME"
)


def built_in_commands() -> list[str]:
    """The names of Instill's own commands."""
    from instill.cli.main import app

    return [*map(command_name, app.registered_commands), *(str(each.name) for each in app.registered_groups)]


def command_name(command: CommandInfo) -> str:
    """As it is typed."""
    return command.name or getattr(command.callback, "__name__", "").replace("_", "-")


def package_of_command(arguments: Sequence[str]) -> str:
    """The package that brings the command of these arguments, or "": it is one of Instill's own, or none."""
    name = first_word(arguments)
    if name in built_in_commands():
        return ""
    return next((each.package for each in installed(COMMANDS.name) if each.name == name), "")


def first_word(arguments: Sequence[str]) -> str:
    """The name of the command, which stands before all that is not an option."""
    return next((each for each in arguments if not each.startswith("-")), "")


class WithPlugins(TyperGroup):
    """The commands of Instill, and those that packages bring. Its own come first and cost nothing more."""

    def list_commands(self, ctx: Context) -> list[str]:
        """All names; nothing is imported."""
        own = super().list_commands(ctx)
        return [*own, *(name for name in COMMANDS.names(off=_off(())) if name not in own)]

    def get_command(self, ctx: Context, cmd_name: str) -> Command | None:
        """The command; one of a package stands as an empty one until it is called."""
        own = super().get_command(ctx, cmd_name)
        if own is not None:
            return own
        packages = [each.package for each in installed(COMMANDS.name) if each.name == cmd_name]
        return _Later(cmd_name, packages[0]) if packages else None


class _Later(TyperCommand):
    """A command of a package before it is imported: the list of commands shows where it is from."""

    def __init__(self, name: str, package: str) -> None:
        super().__init__(name, help=f"From the package {package}.")

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        """The context of the command itself, with its options."""
        found = COMMANDS.one(str(self.name), off=_off(args), where=f"instill {self.name}")
        app = found
        if not isinstance(app, typer.Typer):
            app = typer.Typer(context_settings={"help_option_names": ["-h", "--help"]}, add_completion=False)
            app.command(name=str(self.name))(found)
        command = typer.main.get_command(app)
        return command.make_context(info_name, args, parent=parent, **extra)


def _off(args: Sequence[str]) -> Sequence[str]:
    """`plugins.off` of the workspace that the command line names, or of the nearest one."""
    from instill.cli.plugins import turned_off
    from instill.errors import WorkspaceError

    named = None
    for position, each in enumerate(args):
        if each in ("-w", "--workspace"):
            named = next(iter(args[position + 1 : position + 2]), None)
        elif each.startswith("--workspace="):
            named = each.partition("=")[2]
    try:
        return turned_off(named)
    except WorkspaceError:  # told by the command that needs it
        return ()
