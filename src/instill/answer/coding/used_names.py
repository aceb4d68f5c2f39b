"""Which names, functions and parameters a piece of Python uses, by Python's own parser. Nothing is run or imported."""

from __future__ import annotations

import ast
import builtins
import sys
import warnings
from dataclasses import dataclass
from typing import Literal

from instill.errors import UsageError

Kind = Literal["module", "name", "parameter"]
LONGEST = 100_000

RESULT = "()"
"""Stands behind a name for what calling it gives."""

_PLAIN = frozenset(
    name for kind in (str, bytes, int, float, complex, list, tuple, dict, set, frozenset, object) for name in dir(kind)
)


@dataclass(frozen=True, slots=True)
class Used:
    """One thing that code uses.

    Args:
        name: with what it is found in: "kiln.Oven.bake"; of a parameter the function's name, a colon and its own:
            "kiln.Oven.bake:degrees", or "kiln.Oven.bake:2" for the second without a name. Of an attribute of something
            whose kind is not known, "?.bake".
        line: from 1.
        standard: Python brings it.
    """

    name: str
    kind: Kind
    line: int
    standard: bool = False


def used_in(code: str) -> list[Used]:
    """What code uses, in its order, each thing once. What it defines itself is left out.

    Raises:
        UsageError: it is no Python, or longer than `LONGEST` characters.

    Example:
        >>> [each.name for each in used_in("from kiln import Oven\\nOven().bake(degrees=80)")]
        ['kiln', 'kiln.Oven', 'kiln.Oven().bake', 'kiln.Oven().bake:degrees']
    """
    if len(code) > LONGEST:
        raise UsageError(f"The code is longer than {LONGEST:,} characters.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Odd escapes in strings of the code.
            tree = ast.parse(code)
        reader = _Reader(tree)
        reader.visit(tree)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise UsageError(f"The code cannot be read as Python: {str(error)[:200]}") from error
    return list({(each.name, each.kind): each for each in reversed(reader.found)}.values())[::-1]


class _Reader(ast.NodeVisitor):
    def __init__(self, tree: ast.AST) -> None:
        self.found: list[Used] = []
        self._names: dict[str, str] = {}
        self._own = _defined(tree)

    def visit_Import(self, node: ast.Import) -> None:
        for each in node.names:
            self._add(each.name, "module", node)
            self._names[each.asname or each.name.partition(".")[0]] = (
                each.name if each.asname else each.name.partition(".")[0]
            )

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        if node.level or not node.module:
            return
        self._add(node.module, "module", node)
        for each in node.names:
            if each.name != "*":
                self._add(f"{node.module}.{each.name}", "name", node)
                self._names[each.asname or each.name] = f"{node.module}.{each.name}"

    def visit_Assign(self, node: ast.Assign) -> None:
        self.visit(node.value)
        found = self._resolved(node.value)
        for target in node.targets:
            if isinstance(target, ast.Name):
                self._bind(target.id, found)
            else:
                self.visit(target)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        self.visit(node.annotation)
        if node.value is not None:
            self.visit(node.value)
        if isinstance(node.target, ast.Name):
            kind = self._resolved(node.annotation)
            self._bind(node.target.id, kind + RESULT if kind else "")

    def visit_With(self, node: ast.With) -> None:
        for item in node.items:
            self.visit(item.context_expr)
            if isinstance(item.optional_vars, ast.Name):
                self._bind(item.optional_vars.id, self._resolved(item.context_expr))
        for each in node.body:
            self.visit(each)

    def visit_Call(self, node: ast.Call) -> None:
        self.visit(node.func)
        called = self._resolved(node.func)
        for number, value in enumerate(node.args, 1):
            if called and not isinstance(value, ast.Starred):
                self._add(f"{called}:{number}", "parameter", node)
            self.visit(value)
        for keyword in node.keywords:
            if called and keyword.arg:
                self._add(f"{called}:{keyword.arg}", "parameter", keyword.value)
            self.visit(keyword.value)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        self.visit(node.value)
        found = self._resolved(node)
        if found:
            self._add(found, "name", node)

    def _bind(self, name: str, value: str) -> None:
        if value:
            self._names[name] = value
        else:
            self._names.pop(name, None)

    def _add(self, name: str, kind: Kind, node: ast.AST) -> None:
        root = name.partition(":")[0].partition(".")[0].replace(RESULT, "")
        last = name.partition(":")[0].rpartition(".")[2]
        standard = root in sys.stdlib_module_names or (root == "?" and last in _PLAIN)
        self.found.append(Used(name, kind, getattr(node, "lineno", 1), standard))

    def _resolved(self, node: ast.AST) -> str:
        """The name of what an expression gives; "" where the code itself defines it or Python brings it."""
        if isinstance(node, ast.Name):
            return self._names.get(node.id, "")
        if isinstance(node, ast.Await):
            return self._resolved(node.value)
        if isinstance(node, ast.Call):
            called = self._resolved(node.func)
            return called + RESULT if called else ""
        if isinstance(node, ast.Attribute):
            before = self._resolved(node.value)
            if before:
                return f"{before}.{node.attr}"
            owner = node.value
            while isinstance(owner, (ast.Attribute, ast.Call, ast.Subscript, ast.Await)):
                owner = owner.func if isinstance(owner, ast.Call) else owner.value
            # Something of the code's own: an attribute of it may be of the code, too.
            return "" if node.attr in self._own or not isinstance(owner, ast.Name) else f"?.{node.attr}"
        return ""


def _defined(tree: ast.AST) -> frozenset[str]:
    """Names of functions, classes and attributes that the code gives something to; and Python's own names."""
    found = set(dir(builtins))
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            found.add(node.name)
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            found.add(node.attr)
    return frozenset(found)
