"""Source code as it is; classes and functions of Python files are its headings."""

from __future__ import annotations

import ast
from itertools import accumulate

from instill.documents.document import Heading, Parsed
from instill.documents.readers.job import Job

LONGEST_YAML = 500_000
"""Characters up to which the syntax of a YAML file is looked at."""


def read_code(job: Job) -> Parsed:
    """The text untouched. A Python file's docstring gives no title: the file's name says more."""
    text = job.text()
    name = job.name.lower()
    headings = _python_headings(text) if name.endswith((".py", ".pyi", ".pyx")) else ()
    notices = _yaml_notices(text) if name.endswith((".yaml", ".yml")) else ()
    return Parsed(text=text, headings=headings, notices=notices)


def _yaml_notices(text: str) -> tuple[str, ...]:
    """What is wrong with the syntax of a YAML file; nothing of templates ("{{ name }}"), which are none yet.

    Only events are looked at: nothing is built, so that aliases of aliases cost nothing.
    """
    import yaml

    if "{{" in text or "{%" in text or len(text) > LONGEST_YAML:
        return ()
    try:
        for _ in yaml.parse(text, Loader=yaml.SafeLoader):
            pass
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        return (f"It is not valid YAML (line {line}: {error.problem}). It was read as text.",)
    except (yaml.YAMLError, ValueError, RecursionError):
        return ("It is not valid YAML. It was read as text.",)
    return ()


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
