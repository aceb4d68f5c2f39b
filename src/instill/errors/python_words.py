"""What to do next, for someone who writes Python: the commands and options of a remedy as calls and arguments.

A remedy is written once, as one types it. At the command line it is printed so; an error that reaches a Python program
says the same in Python's words.
"""

from __future__ import annotations

import re

_METHODS = {
    "init": "Workspace.init",
    "add": "workspace.add",
    "sync": "workspace.sync",
    "remove": "workspace.remove",
    "restore": "workspace.restore",
    "reindex": "workspace.reindex",
    "search": "workspace.search",
    "ask": "workspace.ask",
    "sql": "workspace.sql",
    "show": "workspace.show",
    "status --documents": "workspace.documents",
    "status": "workspace.status",
    "chat --list": "workspace.conversations",
    "chat": "workspace.chat",
    "doctor --repair": "workspace.repair",
    "remove --purge": "workspace.purge",
    "forget": "workspace.forget",
    "study make": "workspace.study",
    "compare": "workspace.compare",
    "train": "workspace.train",
    "consolidate": "workspace.consolidate",
    "edit --list": "workspace.edits",
    "edit": "workspace.edit",
    "memory": "workspace.memory",
    "models list": "workspace.models.list",
    "models show": "workspace.models.get",
    "models promote": "workspace.models.promote",
    "models rollback": "workspace.models.rollback",
}
_FUNCTIONS = {
    "doctor": "instill.workspace.doctor.examine",
    "calibrate": "instill.fit.calibration.calibrate",
    "tune search": "instill.fit.search.tune_search",
    "train encoder": "instill.fit.train_own_encoder.train_own_encoder",
}
_CALLS = {**_METHODS, **_FUNCTIONS}
_OF_THE_WORKSPACE = frozenset({"calibrate", "tune search", "train encoder"})
_SWITCHES = frozenset({"force", "again", "generator", "promote", "strict"})
_ANY_WORD = frozenset({"init", "add", "remove", "restore", "show", "forget", "train", "models show", "models promote"})
"""Their argument is a name, whatever it looks like."""

_SHELL_ONLY = r"(?:train (?:reader|init|pairs|attack|run)|memory [a-z]+)\b"
"""Commands without a call that begin like one that has a call."""

_VALUE = r"\"[^\"]*\"|'[^']*'|[A-Z][A-Z_]+\b|\d[\d.,]*\d|\d"
_OPTION = re.compile(rf"(?<![\w-])--(?P<name>[a-z][a-z-]*)(?:[ =](?P<value>{_VALUE}))?")
_COMMAND = re.compile(
    rf"`?\binstill (?:(?!{_SHELL_ONLY})"
    rf"(?P<known>{'|'.join(sorted(map(re.escape, _CALLS), key=len, reverse=True))})(?![\w-])"
    rf"(?P<rest>(?: (?:--[a-z][a-z-]*|{_VALUE}))*)(?P<name> [^\s`(),;-][^\s`(),;]*)?|(?P<other>[a-z][^`(),;]*))`?"
    r"|\b[Rr]un: (?!`?instill\b)[^,;\n]*"  # another program's command
)


def in_python(remedy: str) -> str:
    """A remedy in Python's words.

    A command that has no call keeps its form, and is said to be one for a shell.

    Example:
        >>> in_python('Try: instill search "your words"')
        'Try: workspace.search("your words")'
        >>> in_python("Make one: instill init, or name one: --workspace FOLDER")
        'Make one: Workspace.init(), or name one: Workspace.open(FOLDER)'
        >>> in_python("Add documents, or give your own: instill calibrate --questions FILE")
        'Add documents, or give your own: instill.fit.calibration.calibrate(workspace, questions=FILE)'
        >>> in_python("To use it anyway: --force")
        'To use it anyway: force=True'
        >>> in_python("See: instill models list")
        'See: workspace.models.list()'
        >>> in_python("Run: instill train init")
        'Run: instill train init (in a shell)'
        >>> in_python("Run: instill deploy vllm")
        'Run: instill deploy vllm (in a shell)'
        >>> in_python("Run: soffice --convert-to docx")
        'Run: soffice --convert-to docx'
    """
    said, kept = [], 0
    for match in _COMMAND.finditer(remedy):
        if not match["known"] and not match["other"]:
            said += [_options(remedy[kept : match.start()]), match[0]]
            kept = match.end()
            continue
        said.append(_options(remedy[kept : match.start()]))
        said.append(_call(match) if match["known"] else _for_a_shell(match[0]))
        kept = match.end()
    return "".join(said) + _options(remedy[kept:])


def place_in_python(where: str) -> str:
    """An option that is named as the place of a mistake, as an argument; anything else as it is.

    Example:
        >>> place_in_python("--base"), place_in_python("notes/--base.md")
        ('base', 'notes/--base.md')
    """
    return _options(where) if where.startswith("--") else where


def _call(match: re.Match[str]) -> str:
    known, name = match["known"], match["name"] or ""
    arguments = ["workspace"] if known in _OF_THE_WORKSPACE else []
    rest, after = match["rest"], ""
    if name and known in _ANY_WORD and not rest:
        arguments.append('"' + name.strip(" \"'") + '"')
    else:
        after = name
    arguments += re.findall(_VALUE, _OPTION.sub("", rest))
    arguments += [_argument(option) for option in _OPTION.finditer(rest)]
    return f"{_CALLS[known]}({', '.join(arguments)}){after}"


def _for_a_shell(command: str) -> str:
    bare = command.rstrip(" .")
    return f"{bare} (in a shell){command[len(bare) :]}"


def _options(text: str) -> str:
    return _OPTION.sub(_argument, text)


def _argument(option: re.Match[str]) -> str:
    name, value = option["name"].replace("-", "_"), option["value"]
    if name == "workspace":
        return f"Workspace.open({value or 'FOLDER'})"
    if value is not None:
        return f"{name}={value}"
    if name.startswith("no_"):
        return f"{name[3:]}=False"
    return f"{name}=True" if name in _SWITCHES else name
