"""Small changes to a Python source, each of which a good test notices: the operators of mutation testing.

What is not changed: texts, annotations, decorators, assertions, and `strict=True` of `zip` (a check of our own, which
matters only beside another fault).
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

_COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE), ast.LtE: (ast.Lt, ast.Gt), ast.Gt: (ast.GtE, ast.LtE), ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,), ast.NotEq: (ast.Eq,), ast.In: (ast.NotIn,), ast.NotIn: (ast.In,),
    ast.Is: (ast.IsNot,), ast.IsNot: (ast.Is,),
}  # fmt: skip
_ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult, ast.Pow: ast.Mult, ast.BitOr: ast.BitAnd, ast.BitAnd: ast.BitOr,
}  # fmt: skip
_REMOVED = (ast.AugAssign, ast.Raise, ast.Continue, ast.Break, ast.Delete)


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change.

    Args:
        function: first line of the function that is changed (of its first decorator, if it has one), or 0: what is
            changed runs when the module is imported.
        before, after: source of the part that changes.
        span: where that part stands: first line from 1, first byte in it from 0, last line, byte after the last.
    """

    kind: str
    function: int
    before: str
    after: str
    span: tuple[int, int, int, int]

    @property
    def line(self) -> int:
        return self.span[0]

    def applied(self, source: str) -> str:
        """The source with this change.

        Example:
            >>> [one.applied("x = a < b") for one in mutants_of("x = a < b")]
            ['x = (a <= b)', 'x = (a >= b)']
        """
        first, begin, last, end = self.span
        lines = source.encode().splitlines(keepends=True)
        head, tail = lines[first - 1][:begin], lines[last - 1][end:]
        return b"".join([*lines[: first - 1], head, self.after.encode(), tail, *lines[last:]]).decode()


def mutants_of(source: str) -> list[Mutant]:
    """All changes of a source, in the order of its lines."""
    found = _Finder()
    found.visit(ast.parse(source))
    return sorted(found.mutants, key=lambda mutant: mutant.span)


class _Finder(ast.NodeVisitor):
    def __init__(self) -> None:
        self.mutants: list[Mutant] = []
        self._function = 0

    def _add(self, kind: str, node: ast.expr | ast.stmt, after: str) -> None:
        span = (node.lineno, node.col_offset, node.end_lineno or 0, node.end_col_offset or 0)
        written = f"({after})" if isinstance(node, ast.expr) else after
        self.mutants.append(Mutant(kind, self._function, ast.unparse(node), written, span))

    def visit(self, node: ast.AST) -> None:
        if isinstance(node, ast.stmt):
            self._statement(node)
        elif isinstance(node, ast.expr):
            self._expression(node)
        for condition in _conditions(node):
            # A single comparison and a negation have the opposite among their own changes.
            single = isinstance(condition, ast.Compare) and len(condition.ops) == 1
            if not single and not (isinstance(condition, ast.UnaryOp) and isinstance(condition.op, ast.Not)):
                self._add("condition", condition, f"not ({ast.unparse(condition)})")
        before = self._function
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            self._function = min(part.lineno for part in [node, *node.decorator_list])
        for child in _changed(node):
            self.visit(child)
        self._function = before

    def _statement(self, node: ast.stmt) -> None:
        if isinstance(node, ast.Return) and node.value is not None:
            if not (isinstance(node.value, ast.Constant) and not node.value.value):  # None instead of False is the same
                self._add("return", node, "return None")
        elif _is_effect(node):
            self._add("removed", node, "pass")
        if isinstance(node, ast.AugAssign) and type(node.op) in _ARITHMETIC and not _is_text(node.value):
            changed = ast.AugAssign(node.target, _ARITHMETIC[type(node.op)](), node.value)
            self._add("arithmetic", node, ast.unparse(changed))

    def _expression(self, node: ast.expr) -> None:
        if isinstance(node, ast.Compare):
            for place, operator in enumerate(node.ops):
                for other in _COMPARISONS[type(operator)]:
                    operators = [*node.ops[:place], other(), *node.ops[place + 1 :]]
                    self._add("comparison", node, ast.unparse(ast.Compare(node.left, operators, node.comparators)))
        elif isinstance(node, ast.BinOp):
            if type(node.op) in _ARITHMETIC and not _is_text(node.left) and not _is_text(node.right):
                changed = ast.BinOp(node.left, _ARITHMETIC[type(node.op)](), node.right)
                self._add("arithmetic", node, ast.unparse(changed))
        elif isinstance(node, ast.BoolOp):
            other_way = ast.Or() if isinstance(node.op, ast.And) else ast.And()
            self._add("boolean", node, ast.unparse(ast.BoolOp(other_way, node.values)))
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            self._add("boolean", node, ast.unparse(node.operand))
        elif isinstance(node, ast.Constant) and isinstance(node.value, bool):
            self._add("constant", node, repr(not node.value))
        elif isinstance(node, ast.Constant) and isinstance(node.value, int | float):
            self._add("constant", node, repr(node.value + 1))


def _is_effect(node: ast.stmt) -> bool:
    """Can the statement go without leaving a name undefined?"""
    if isinstance(node, ast.Assign):
        return isinstance(node.targets[0], ast.Attribute | ast.Subscript)
    return isinstance(node, _REMOVED) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Call))


def _conditions(node: ast.AST) -> list[ast.expr]:
    if isinstance(node, ast.If | ast.While | ast.IfExp):
        return [node.test]
    return node.ifs if isinstance(node, ast.comprehension) else []


def _is_text(node: ast.expr) -> bool:
    """A text cannot be subtracted: such a change fails at once and tells nothing of the tests."""
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str | bytes))


def _changed(node: ast.AST) -> Iterator[ast.AST]:
    """The parts in which changes are made."""
    if isinstance(node, ast.Assert | ast.JoinedStr | ast.Import | ast.ImportFrom):  # 3.11 has no places in f-strings
        return
    if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
        return
    if isinstance(node, ast.keyword) and node.arg == "strict":
        return
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns", "decorator_list", "ops", "op"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                yield child
