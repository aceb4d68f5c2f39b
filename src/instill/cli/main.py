"""The command `instill`: gathers the groups, and turns errors into messages and exit codes."""

from __future__ import annotations

import copy
import os
import signal
import sys
from collections.abc import Sequence
from functools import cache
from typing import Any

import typer

from instill import __version__
from instill.cli import (
    ask,
    calibrate,
    compare,
    consolidate,
    curve,
    deploy,
    doctor,
    documents,
    edit,
    forget,
    generator,
    keys,
    lab,
    memory,
    models,
    plugins,
    questions,
    restore,
    search,
    serve,
    store,
    study,
    train,
    tune,
)
from instill.cli.plugged import WithPlugins, built_in_commands, command_name, first_word, package_of_command
from instill.cli.stopping import StoppedError, stop
from instill.cli.terminal import say, say_json, say_traceback
from instill.common.waiting_threads import wait_passively
from instill.errors import InstillError, UsageError

EXIT_CODES = """\
Exit codes: 0 done; 1 failed, or a check found something wrong; 2 the request is wrong; 3 some documents were not added;
4 the workspace cannot be used; 5 the generator failed; 6 a package is missing; 7 with `--strict`: `ask` refused to
answer, or a candidate did not pass its gate; 130 stopped by Ctrl-C.
"""

app = typer.Typer(
    name="instill",
    cls=WithPlugins,
    help="Ask your documents: get answers with checked citations, or a refusal if the documents do not answer.",
    epilog=EXIT_CODES,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)
documents.register(app)
restore.register(app)
search.register(app)
ask.register(app)
calibrate.register(app)
tune.register(app)
study.register(app)
train.register(app)
compare.register(app)
curve.register(app)
models.register(app)
generator.register(app)
deploy.register(app)
lab.register(app)
doctor.register(app)
plugins.register(app)
serve.register(app)
keys.register(app)
store.register(app)
questions.register(app)
memory.register(app)
forget.register(app)
consolidate.register(app)
edit.register(app)


def _print_version(wanted: bool) -> None:
    if wanted:
        say(f"instill {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: bool = typer.Option(False, "--version", callback=_print_version, is_eager=True, help="Print the version."),
) -> None:
    """Ask your documents: get answers with checked citations, or a refusal if the documents do not answer."""


def command_line(arguments: Sequence[str]) -> Any:
    """The command line for these arguments, a command of Click that is called.

    To build all commands takes a tenth of a second. So where the first word is a command, only that one is built.
    """
    name = first_word(arguments)
    return _built(name if name in built_in_commands() else "")


@cache
def _built(name: str) -> Any:
    """With the command of this name alone; "": with all."""
    chosen = copy.copy(app)
    if name:
        chosen.registered_commands = [each for each in app.registered_commands if command_name(each) == name]
        chosen.registered_groups = [each for each in app.registered_groups if each.name == name]
    return typer.main.get_command(chosen)


def run() -> None:
    """Run the command line; never returns."""
    as_json = "--json" in sys.argv
    wait_passively()
    signal.signal(signal.SIGINT, stop)
    try:
        sys.exit(command_line(sys.argv[1:])(standalone_mode=False))
    except InstillError as error:
        _report(error, as_json)
        sys.exit(error.exit_code)
    except typer.Abort:
        say("Stopped.", err=True)
        sys.exit(1)
    except StoppedError as stopped:
        say("", f"Stopped. {stopped.kept}", err=True)
        sys.exit(130)
    except BrokenPipeError:
        # The reader of a pipe has gone (`instill search ... | head`): nothing more to say, and no traceback at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
    except Exception as error:
        known = _from_machine(error)
        if known is not None:
            _report(known, as_json)
            sys.exit(known.exit_code)
        if type(error).__name__ == "NoArgsIsHelpError":  # the help is printed already
            sys.exit(UsageError.exit_code)
        refused = _from_typer(error)
        if refused is None:
            say_traceback(error)
            package = package_of_command(sys.argv[1:])
            if package:
                say(f"This command is part of the package {package}. Show this to its authors.", err=True)
            sys.exit(1)
        _report(refused, as_json)
        sys.exit(refused.exit_code)


def _report(error: InstillError, as_json: bool) -> None:
    if as_json:
        say_json({"error": error.as_dict()}, indent=None, err=True)
        return
    say(error.what, fg="red", bold=True, err=True)
    if error.where:
        say(f"  where: {error.where}", err=True)
    if error.command:
        say(f"  next:  {error.command}", err=True)


def _from_typer(error: Exception) -> InstillError | None:
    """What the command line itself refuses, as an error of ours: it may quote a file name that a pattern brought in.

    Known by its methods, because typer keeps the classes to itself.
    """
    message, context = getattr(error, "format_message", None), getattr(error, "ctx", None)
    if message is None:
        return None
    # Python calls it by the file that it ran: `python -m instill`, `__main__.py`, or a path.
    program = context.find_root().info_name if context is not None else None
    command = "instill" if context is None else context.command_path
    if program and command.startswith(program):
        command = f"instill{command[len(program) :]}"
    return UsageError(message(), where=command, remedy=f"See: {command} --help")


def _from_machine(error: Exception) -> InstillError | None:
    """Conditions of the machine that a user can mend; anything else keeps its traceback."""
    import errno

    from instill.common.durable_files import is_full
    from instill.common.extras import missing
    from instill.errors import WorkspaceError

    needed = missing(error)
    if needed is not None:
        return needed
    where = str(getattr(error, "filename", None) or "")
    if is_full(error):
        return WorkspaceError("The disk is full.", where=where, remedy="Free some space and run the command again.")
    if isinstance(error, OSError) and error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return WorkspaceError("Permission denied.", where=where, remedy="Check who owns the folder.")
    return None
