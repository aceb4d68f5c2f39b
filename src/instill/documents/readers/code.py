"""Source code as it is; classes and functions of Python files are its headings."""

from __future__ import annotations

import ast
from itertools import accumulate

from instill.documents.document import Heading, Parsed
from instill.documents.readers.job import Job


def read_code(job: Job) -> Parsed:
    """The text untouched. A Python file's docstring gives no title: the file's name says more."""
    text = job.text()
    headings = _python_headings(text) if job.name.lower().endswith((".py", ".pyi", ".pyx")) else ()
    return Parsed(text=text, headings=headings)


def _python_headings(text: str) -> tuple[Heading, ...]:
    """Top-level classes and functions, and methods; a heading starts at the first decorator."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ()
    starts = [0, *accumulate(len(line) + 1 for line in text.split("\n"))]
    headings: list[Heading] = []

    def visit(body: list[ast.stmt], level: int) -> None:
        for node in body:
            if isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
                first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
                headings.append(Heading(level, node.name, starts[first - 1]))
                if isinstance(node, ast.ClassDef) and level < 3:
                    visit(node.body, level + 1)

    visit(tree.body, 1)
    return tuple(headings)
