"""Which names each scope of a piece of Python binds, by the rules of the language: nothing is run or imported."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
Function = ast.FunctionDef | ast.AsyncFunctionDef

OF_PYTHON = frozenset(dir(builtins)) - {"_"} | {
    "__annotations__", "__builtins__", "__cached__", "__file__", "__path__",
    "WindowsError", "copyright", "credits", "exit", "license", "quit",
}  # fmt: skip
"""What every module has without an import. `_` is what a console adds, the last of these what `site` adds."""

_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


@dataclass(slots=True)
class Scope:
    """A module, class, function or comprehension.

    Args:
        bound: names that it binds, anywhere in it.
        of_module, outside: names of it that are declared `global` and `nonlocal`.
        stars: modules of which everything is imported.
        values: what its names are known to be, so far.
    """

    kind: Literal["module", "class", "function", "comprehension"]
    bound: set[str] = field(default_factory=set)
    of_module: set[str] = field(default_factory=set)
    outside: set[str] = field(default_factory=set)
    stars: list[str] = field(default_factory=list)
    values: dict[str, str] = field(default_factory=dict)


def module_scope(tree: ast.Module) -> Scope:
    """The outermost scope, with what functions give to names that they declare `global`."""
    found = _with(Scope("module", set(OF_PYTHON)), tree.body)
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            inner = _with(Scope("function"), node.body)
            found.bound |= inner.bound & inner.of_module
    return found


def class_scope(node: ast.ClassDef) -> Scope:
    """The scope of a class's body."""
    return _with(Scope("class", {"__module__", "__qualname__"}), node.body)


def function_scope(node: Function | ast.Lambda, *, in_class: bool) -> Scope:
    """The scope of a function's body, with its parameters; methods also know `__class__`."""
    arguments = node.args
    names = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
    bound = {each.arg for each in names if each is not None} | ({"__class__"} if in_class else set())
    return _with(Scope("function", bound), [node.body] if isinstance(node, ast.Lambda) else node.body)


def comprehension_scope(node: Comprehension) -> Scope:
    """The scope of a comprehension: its targets."""
    return _with(Scope("comprehension"), [each.target for each in node.generators])


def scope_of(name: str, scopes: Sequence[Scope]) -> Scope | None:
    """The scope that binds a name for code in the last of `scopes`, the module's first; None where none does.

    Example:
        >>> scope = module_scope(ast.parse("import kiln\\nfor n in range(3): pass"))
        >>> [scope_of(name, [scope]) is scope for name in ("kiln", "n", "print", "Oven")]
        [True, True, True, False]
    """
    for depth in range(len(scopes) - 1, -1, -1):
        scope = scopes[depth]
        if name in scope.of_module:
            return scopes[0] if name in scopes[0].bound else None
        # Functions in a class do not see its names.
        seen = scope.kind != "class" or depth == len(scopes) - 1
        if seen and name in scope.bound and name not in scope.outside:
            return scope
    return None


def _with(scope: Scope, nodes: Iterable[ast.AST]) -> Scope:
    """The scope, with what these nodes bind in it."""
    # A walrus in a comprehension binds outside of it; its targets do not.
    left = [(node, False) for node in nodes]
    while left:
        node, within = left.pop()
        inner: Iterable[ast.AST] = ast.iter_child_nodes(node)
        match node:
            case ast.Name(id=name, ctx=ast.Store() | ast.Del()) if not within:
                scope.bound.add(name)
            case ast.NamedExpr(target=ast.Name(id=name)):
                scope.bound.add(name)
            case ast.Import(names=names):
                scope.bound |= {each.asname or each.name.partition(".")[0] for each in names}
            case ast.ImportFrom(names=names):
                scope.bound |= {each.asname or each.name for each in names if each.name != "*"}
                if any(each.name == "*" for each in names):
                    scope.stars.append("." * node.level + (node.module or ""))
            case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
                scope.bound.add(name)
            case ast.MatchMapping(rest=str(name)):
                scope.bound.add(name)
            case ast.Global(names=declared):
                scope.of_module |= set(declared)
            case ast.Nonlocal(names=declared):
                scope.outside |= set(declared)
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                scope.bound |= {node.name, *(each.name for each in getattr(node, "type_params", ()))}
                kept = node.bases if isinstance(node, ast.ClassDef) else defaults(node.args)
                inner = [*node.decorator_list, *kept]
            case ast.Lambda(args=arguments):
                inner = defaults(arguments)
            case _:
                within = within or isinstance(node, _COMPREHENSIONS)
        left += [(each, within) for each in inner]
    return scope


def defaults(arguments: ast.arguments) -> list[ast.expr]:
    """The values of parameters that are not given: they are read where the function is defined."""
    return [each for each in (*arguments.defaults, *arguments.kw_defaults) if each is not None]
