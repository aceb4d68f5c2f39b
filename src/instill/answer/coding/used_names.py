"""Which names, functions and parameters a piece of Python uses, by Python's own parser. Nothing is run or imported."""

from __future__ import annotations

import ast
import re
import sys
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from instill.answer.coding.scopes import (
    OF_PYTHON,
    Comprehension,
    Function,
    Scope,
    class_scope,
    comprehension_scope,
    defaults,
    function_scope,
    module_scope,
    scope_of,
)
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
        undefined: a bare name that the code neither defines nor imports, and that Python does not have.
        star: the name that `from kiln import *` may bring, as "kiln.Oven", where this is it or of it; the bare name
            where several modules may bring it. "" elsewhere.
    """

    name: str
    kind: Kind
    line: int
    standard: bool = False
    undefined: bool = False
    star: str = ""


def used_in(code: str) -> list[Used]:
    """What code uses, in its order, each thing once. What it defines itself is left out; a name that nothing defines is
    in it.

    Raises:
        UsageError: it is no Python, or longer than `LONGEST` characters.

    Example:
        >>> [each.name for each in used_in("from kiln import Oven\\nOven().bake(degrees=80)")]
        ['kiln', 'kiln.Oven', 'kiln.Oven().bake', 'kiln.Oven().bake:degrees']
        >>> [(each.name, each.undefined) for each in used_in("import kiln\\nOven()")]
        [('kiln', False), ('Oven', True)]
    """
    if len(code) > LONGEST:
        raise UsageError(f"The code is longer than {LONGEST:,} characters.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Odd escapes in strings of the code.
            tree = ast.parse(code)
        reader = _Reader(tree)
        reader.read(tree)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise UsageError(f"The code cannot be read as Python: {str(error)[:200]}") from error
    found = sorted(reader.found, key=lambda each: each.line)
    return list({(each.name, each.kind): each for each in reversed(found)}.values())[::-1]


class _Reader(ast.NodeVisitor):
    def __init__(self, tree: ast.Module) -> None:
        self.found: list[Used] = []
        self._own = _defined(tree)
        self._scopes: list[Scope] = [module_scope(tree)]
        self._later: list[tuple[Function, list[Scope]]] = []
        self._stars = self._scopes[0].stars
        self._brought: dict[str, None] = {}

    def read(self, tree: ast.Module) -> None:
        """The module, and then the bodies of functions: they see what the module binds below them, too."""
        self.visit(tree)
        while self._later:
            node, self._scopes = self._later.pop(0)
            for each in node.body:
                self.visit(each)

    def visit_Import(self, node: ast.Import) -> None:
        for each in node.names:
            self._add(each.name, "module", node)
            first = each.name.partition(".")[0]
            self._bind(each.asname or first, each.name if each.asname else first)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        inside = bool(node.level or not node.module)
        if not inside:
            self._add(f"{node.module}", "module", node)
        for each in node.names:
            if each.name != "*":
                full = "" if inside else f"{node.module}.{each.name}"
                if full:
                    self._add(full, "name", node)
                self._bind(each.asname or each.name, full)

    def visit_FunctionDef(self, node: Function) -> None:
        for each in (*node.decorator_list, *defaults(node.args)):
            self.visit(each)
        self._annotations(node)
        self._bind(node.name, "")
        scope = function_scope(node, in_class=any(each.kind == "class" for each in self._scopes))
        self._later.append((node, [*self._scopes, scope]))

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        for each in (*node.decorator_list, *node.bases, *node.keywords):
            self.visit(each)
        self._within(class_scope(node), node.body)
        self._bind(node.name, "")

    def visit_Lambda(self, node: ast.Lambda) -> None:
        for each in defaults(node.args):
            self.visit(each)
        in_class = any(each.kind == "class" for each in self._scopes)
        self._within(function_scope(node, in_class=in_class), [node.body])

    def visit_ListComp(self, node: Comprehension) -> None:
        self.visit(node.generators[0].iter)  # It is read outside.
        inner: list[ast.AST] = []
        for number, each in enumerate(node.generators):
            inner += [each.target, *([each.iter] if number else []), *each.ifs]
        inner += [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
        self._within(comprehension_scope(node), inner)

    visit_SetComp = visit_DictComp = visit_GeneratorExp = visit_ListComp  # noqa: N815

    def visit_Name(self, node: ast.Name) -> None:
        if not isinstance(node.ctx, ast.Load):
            self._bind(node.id, "")
        elif scope_of(node.id, self._scopes) is None:
            self._nowhere(node)

    def visit_Assign(self, node: ast.Assign) -> None:
        self.visit(node.value)
        found = self._resolved(node.value)
        for target in node.targets:
            self._given(target, found)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        self.visit(node.annotation)
        if node.value is not None:
            self.visit(node.value)
        kind = self._resolved(node.annotation)
        self._given(node.target, kind + RESULT if kind else "")

    def visit_NamedExpr(self, node: ast.NamedExpr) -> None:
        self.visit(node.value)
        self._given(node.target, self._resolved(node.value))

    def visit_For(self, node: ast.For | ast.AsyncFor) -> None:
        self.visit(node.iter)
        for each in (node.target, *node.body, *node.orelse):
            self.visit(each)

    visit_AsyncFor = visit_For  # noqa: N815

    def visit_With(self, node: ast.With | ast.AsyncWith) -> None:
        for item in node.items:
            self.visit(item.context_expr)
            if item.optional_vars is not None:
                self._given(item.optional_vars, self._resolved(item.context_expr))
        for each in node.body:
            self.visit(each)

    visit_AsyncWith = visit_With  # noqa: N815

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        if node.name:
            self._bind(node.name, "")
        self.generic_visit(node)

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

    def _annotations(self, node: Function) -> None:
        arguments = node.args
        every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
        for each in [each.annotation for each in every if each is not None] + [node.returns]:
            if each is not None:
                self.visit(each)

    def _within(self, scope: Scope, nodes: Sequence[ast.AST]) -> None:
        outside, self._scopes = self._scopes, [*self._scopes, scope]
        for each in nodes:
            self.visit(each)
        self._scopes = outside

    def _given(self, target: ast.AST, value: str) -> None:
        if isinstance(target, ast.Name):
            self._bind(target.id, value)
        else:
            self.visit(target)

    def _bind(self, name: str, value: str) -> None:
        scope = scope_of(name, self._scopes) or self._scopes[-1]
        scope.values[name] = value

    def _nowhere(self, node: ast.Name) -> None:
        """A name that no scope binds: a star may bring it, or nothing does."""
        if not self._stars:
            self.found.append(Used(node.id, "name", node.lineno, undefined=True))
        elif brought := self._brought_by_star(node.id):
            self._add(brought, "name", node)
        else:
            self.found.append(Used(node.id, "name", node.lineno, star=node.id))

    def _brought_by_star(self, name: str) -> str:
        """What a star brings as `name`, if one module may; "" otherwise. Python's own modules are not looked into."""
        others = [each for each in self._stars if each.partition(".")[0] not in sys.stdlib_module_names]
        if len(others) != 1 or others[0].startswith("."):
            return ""
        found = f"{others[0]}.{name}"
        self._brought[found] = None
        return found

    def _add(self, name: str, kind: Kind, node: ast.AST) -> None:
        root = name.partition(":")[0].partition(".")[0].replace(RESULT, "")
        last = name.partition(":")[0].rpartition(".")[2]
        standard = root in sys.stdlib_module_names or (root == "?" and last in _PLAIN)
        star = next((one for one in (_star_of(name, each) for each in self._stars) if one in self._brought), "")
        self.found.append(Used(name, kind, getattr(node, "lineno", 1), standard, star=star))

    def _resolved(self, node: ast.AST) -> str:
        """The name of what an expression gives; "" where the code itself defines it or Python brings it."""
        if isinstance(node, ast.Name):
            scope = scope_of(node.id, self._scopes)
            return self._brought_by_star(node.id) if scope is None else scope.values.get(node.id, "")
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


def _star_of(name: str, module: str) -> str:
    """The name that a module has, of a name of it or of anything in that: "kiln.Oven" of "kiln.Oven().bake"."""
    found = re.match(r"\w+", name.removeprefix(f"{module}."))
    return f"{module}.{found[0]}" if found and name.startswith(f"{module}.") else ""


def _defined(tree: ast.AST) -> frozenset[str]:
    """Names of functions, classes and attributes that the code gives something to; and Python's own names."""
    found = set(OF_PYTHON)
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            found.add(node.name)
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            found.add(node.attr)
    return frozenset(found)
