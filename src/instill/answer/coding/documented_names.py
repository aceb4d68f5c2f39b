"""Which names, functions and parameters documents show: from Python sources by their definitions, from other texts by
signatures, calls and names in code."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Literal

from instill.index.lookup import StoredDocument

_LONGEST = 2_000_000
_CALL = re.compile(r"(?<![\w.])((?:[A-Za-z_]\w*\.)*[A-Za-z_]\w*)\(([^()]*(?:\([^()]*\)[^()]*)*)\)")
_MARKED = re.compile(r"`((?:[A-Za-z_]\w*\.)*[A-Za-z_]\w*)(?:\(\))?`")
_ALIAS = re.compile(r"\bimport\s+([\w.]+)\s+as\s+(\w+)")
_ASSIGNED = re.compile(r"^\s*(?:>>> )?(\w+)\s*(?::[^=\n]+)?=(?!=)|\bas\s+(\w+)\s*:", re.MULTILINE)
_IMPORT = re.compile(r"^\s*(?:>>> )?(?:from\s+([\w.]+)\s+import\s+([\w, ]+)|import\s+([\w.]+))", re.MULTILINE)


Of = Literal["module", "class", "instance", "either", "any"]
"""What has the name: a module, a class and its instances, something of an unknown class, one of these two by the word
before the name, or any of all, as of a bare name in prose."""


@dataclass(frozen=True, slots=True)
class Definition:
    """A name that a document shows.

    Args:
        path: the parts of its name as they are known there: ("Oven", "bake").
        parameters: its names in their order, without `self`; None where the document does not show them.
        open: it takes more than these: `*args`, `**kwargs`, or only calls of it are shown.
        start, end: where it is shown, in characters of the document's text.
        about: words that say what package it belongs to: parts of the document's path, and modules that it imports. A
            source defines names only for the packages and modules of its own path.
        of: what has it; `source`: a Python source defines it; `is_class`: it is a class there.
    """

    path: tuple[str, ...]
    parameters: tuple[str, ...] | None
    positional: int
    open: bool
    document: StoredDocument
    start: int
    end: int
    about: frozenset[str]
    of: Of
    source: bool = False
    is_class: bool = False


def definitions_of(documents: Iterable[StoredDocument]) -> list[Definition]:
    """All that documents show, sources first."""
    found: list[Definition] = []
    for document in documents:
        if len(document.text) <= _LONGEST:
            found += _of_source(document) if document.record.source.endswith(".py") else _of_text(document)
    return sorted(found, key=lambda each: each.open)


def module_of(definition: Definition) -> str:
    """The module that a name is imported from, by where it is shown; "" where that does not say it."""
    if definition.source:
        path = PurePosixPath(definition.document.record.source.replace("\\", "/").removeprefix("stdin:"))
        return path.parent.name if path.stem == "__init__" else path.stem
    imported = _IMPORT.match(definition.document.text[definition.start : definition.end])
    return ".".join(definition.path[:-1]) or (imported[1] if imported and imported[1] else "")


def _of_source(document: StoredDocument) -> list[Definition]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(document.text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return _of_text(document)
    about = _own_names(document)
    lines = _line_starts(document.text)
    found: list[Definition] = []

    def add(path: tuple[str, ...], node: ast.stmt, arguments: ast.arguments | None, bound: bool) -> None:
        names, positional, more = _parameters(arguments, bound)
        start = (
            lines[node.lineno - 1]
            + len(document.text[lines[node.lineno - 1] :])
            - len(document.text[lines[node.lineno - 1] :].lstrip(" \t"))
        )
        end = document.text.find("\n", start)
        end = len(document.text) if end < 0 else end
        of: Of = "class" if path[1:] else "module"
        taken = names if arguments is not None else None
        is_class = isinstance(node, ast.ClassDef)
        found.append(Definition(path, taken, positional, more, document, start, end, about, of, True, is_class))

    def walk(body: Sequence[ast.stmt], path: tuple[str, ...]) -> None:
        for node in body:
            if isinstance(node, ast.ClassDef):
                made = next(
                    (each for each in node.body if isinstance(each, ast.FunctionDef) and each.name == "__init__"), None
                )
                fields = _fields(node)
                add((*path, node.name), node, made.args if made else fields, made is not None)
                walk(node.body, (*path, node.name))
            elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                static = any(isinstance(each, ast.Name) and each.id == "staticmethod" for each in node.decorator_list)
                add((*path, node.name), node, node.args, bool(path) and not static)
            elif isinstance(node, (ast.Assign, ast.AnnAssign)):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                for target in targets:
                    if isinstance(target, ast.Name):
                        add((*path, target.id), node, None, False)
            elif isinstance(node, (ast.If, ast.Try)):
                walk(node.body, path)

    walk(tree.body, ())
    return found


def _fields(node: ast.ClassDef) -> ast.arguments | None:
    """The parameters of a dataclass: its fields."""
    marks = [each.func if isinstance(each, ast.Call) else each for each in node.decorator_list]
    if not any(getattr(each, "id", getattr(each, "attr", "")) == "dataclass" for each in marks):
        return None
    names = [
        each.target.id for each in node.body if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name)
    ]
    return ast.arguments([], [ast.arg(name) for name in names], None, [], [], None, [])


def _of_text(document: StoredDocument) -> list[Definition]:
    about = _about(document)
    aliases = {alias: module for module, alias in _ALIAS.findall(document.text)}
    modules = {part for match in _IMPORT.finditer(document.text) for part in (match[1] or match[3] or "").split(".")}
    variables = {name or other for name, other in _ASSIGNED.findall(document.text)} - aliases.keys()

    def named(text: str) -> tuple[tuple[str, ...], Of]:
        first, *rest = text.split(".")
        path = (*(aliases.get(first, first).split(".") if rest else [first]), *rest)
        if len(path) == 1:
            return path, "any"
        if path[-2][:1].isupper():
            return path, "class"
        if first in variables:
            return path, "instance"
        return path, "module" if first in aliases or path[-2] in modules else "either"

    found = []
    for match in _CALL.finditer(document.text):
        signature = document.text[max(0, match.start() - 4) : match.start()] == "def "
        names, positional, more = _signature(match[2], called=not signature)
        path, of = named(match[1])
        if signature and names[:1] == ("self",):
            names, positional, of = names[1:], positional - 1, "instance"
        found.append(Definition(path, names, positional, more or not signature, document, *match.span(), about, of))
    for match in _MARKED.finditer(document.text):
        start, end = match.span(1)
        path, of = named(match[1])
        found.append(Definition(path, None, 0, True, document, start, end, about, of))
    for match in _IMPORT.finditer(document.text):
        for name in (match[2] or "").split(","):
            if name.strip():
                path = (name.split()[0],)
                found.append(Definition(path, None, 0, True, document, *match.span(), about, "module"))
    return found


def _signature(text: str, *, called: bool) -> tuple[tuple[str, ...], int, bool]:
    """Names of parameters in the brackets of a signature, or of a call: those that are named there."""
    try:
        arguments = ast.parse(f"def f({text}): ...").body[0].args  # type: ignore[attr-defined]
        return _parameters(arguments, False)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        pass
    if not called:
        return (), 0, True
    named = tuple(re.findall(r"(?:^|,)\s*([A-Za-z_]\w*)\s*=", text))
    count = len([each for each in text.split(",") if each.strip()]) - len(named)
    return named, max(0, count), True


def _parameters(arguments: ast.arguments | None, bound: bool) -> tuple[tuple[str, ...], int, bool]:
    if arguments is None:
        return (), 0, True
    positional = [each.arg for each in (*arguments.posonlyargs, *arguments.args)][1 if bound else 0 :]
    named = [each.arg for each in arguments.kwonlyargs]
    more = arguments.vararg is not None or arguments.kwarg is not None
    return (*positional, *named), len(positional), more


def _own_names(document: StoredDocument) -> frozenset[str]:
    """The packages and the module that a source may be, by its path."""
    path = PurePosixPath(document.record.source.replace("\\", "/").removeprefix("stdin:"))
    return frozenset({part.removesuffix(".py") for part in path.parts} - {""})


def _about(document: StoredDocument) -> frozenset[str]:
    words = set(_own_names(document))
    for match in _IMPORT.finditer(document.text):
        words |= set((match[1] or match[3] or "").split("."))
    words |= set(re.findall(r"[A-Za-z_]\w*", document.record.title))
    words |= {name.partition(".")[0] for name in re.findall(r"(?<![\w.])[A-Za-z_]\w*(?=\.)", document.text)}
    return frozenset(words - {""})


def _line_starts(text: str) -> list[int]:
    found = [0]
    for line in text.splitlines(keepends=True):
        found.append(found[-1] + len(line))
    return found
