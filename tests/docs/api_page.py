"""Writes docs/api-python.md from the code: `python tests/docs/api_page.py`. The examples on the page stay.

Each public name has a heading with its signature, its docstring, and an example. `test_api_page.py` compares the page
with the code, and runs the examples.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import BaseModel

import instill

PAGE = Path(__file__).parents[2] / "docs" / "api-python.md"

TOP = """\
# The Python API

Everything is reached from `Workspace`:

```python
from pathlib import Path

from instill import Workspace

with Workspace.init("tour") as tour:
    tour.add("handbook")
    answer = tour.ask("Within how many days may customers return goods?")
    print(answer.text)
    for citation in answer.citations:
        print(citation.source, citation.start, citation.end)
```

This page lists every public name of the package `instill`. `python tests/docs/api_page.py` writes it from the code, and
a test runs all examples, in order, as one program. Errors are subclasses of `InstillError`; each says what happened
(`what`), where (`where`), and what to do next (`remedy`). Offsets count characters of a document's canonical text (the
text that `show` returns), and a span is `[start, end)`. Times are ISO 8601 in UTC. Confidences are from 0 to 1.

Several threads may use one workspace at the same time. In coroutines, use `ask_async` and streams.
"""

GROUPS = (
    ("Open and close", ("init", "open", "close", "refresh", "seen_by")),
    (
        "Documents",
        (
            "add", "add_text", "sync", "refine", "passages_in_words", "watch", "remove", "take_labels", "removed",
            "restore", "comes_back", "purge", "documents", "stored_documents", "show", "reindex", "repair",
        ),
    ),
    ("Search and ask", ("search", "ask", "ask_async", "ask_code", "chat", "conversations", "sql")),
    ("Measure and train", ("study", "studies", "compare", "train", "models")),
    (
        "Remember and forget",
        (
            "memory", "remember", "cache_said", "calibrate_cache", "consolidation_plan", "consolidation", "consolidate",
            "edit", "edits", "undo_edit", "forgetting_plan", "forget", "forget_and_probe", "allow", "receipts",
            "verify_receipt",
        ),
    ),
    ("Look", ("status", "path", "home", "settings", "given", "labels", "is_empty", "writable", "threshold")),
    (
        "Parts",
        (
            "index", "whole_index", "encoder", "reader", "generator", "fusion", "catalog", "tuned", "own_encoder",
            "caller", "check_encoder", "take_over",
        ),
    ),
)  # fmt: skip

_SECTION = re.compile(r"^(Args|Attributes|Raises|Returns|Yields|Example|Examples):$", re.MULTILINE)


def entries() -> Iterator[tuple[str, str, Any]]:
    """Heading of the group, name as it is written, and the object; in the order of the page."""
    workspace = instill.Workspace
    for group, names in GROUPS:
        for name in names:
            yield group, f"Workspace.{name}", _member(workspace, name)
    for name in sorted(set(instill.__all__) - {"Workspace", "__version__"}):
        yield "What they return", name, getattr(instill, name)
        for member in public_of(getattr(instill, name), inherited=False):
            yield "What they return", f"{name}.{member}", _member(getattr(instill, name), member)
    yield "What they return", "__version__", instill.__version__


def public_of(kind: type[Any], *, inherited: bool = True) -> list[str]:
    """Methods and properties that a class itself defines, or inherits from a class of ours, in order; no fields."""
    found: dict[str, None] = {}
    for base in reversed(kind.__mro__ if inherited else (kind,)):
        if base.__module__.startswith("instill"):
            for name, value in vars(base).items():
                if not name.startswith("_") and isinstance(
                    value, (property, cached_property, classmethod, staticmethod, type(public_of))
                ):
                    found[name] = None
    return [name for name in found if not name.startswith("model_") and name != "settings_customise_sources"]


def written(examples: dict[str, str]) -> str:
    """The page, with an example for each name."""
    parts, before = [TOP], ""
    for group, name, found in entries():
        if group != before:
            parts.append(f"## {group}\n")
            before = group
        parts.append(f"### `{name}`\n")
        if callable(found) or isinstance(found, (classmethod, staticmethod)):
            parts.append(f"```text\n{_signature(name, found)}\n```\n")
        parts.append(_documented(found))
        parts.append(f"```python\n{examples.get(name, '').strip()}\n```\n")
    return "\n".join(parts)


def examples_of(page: str) -> dict[str, str]:
    """Name -> its example on the page."""
    return {
        name: code.strip()
        for name, code in re.findall(r"^### `([^`]+)`\n.*?^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    }


def _member(kind: type[Any], name: str) -> Any:
    for base in kind.__mro__:
        if name in vars(base):
            return vars(base)[name]
    return _Attribute(name)


class _Attribute:
    """Set when the workspace is opened; described where it is."""

    def __init__(self, name: str) -> None:
        self.__doc__ = {
            "path": "The workspace's folder, as an absolute `Path`.",
            "given": "The settings as the user gave them. `settings` also has what was learned from the documents.",
            "labels": "The labels that the caller holds, sorted. None for the owner, who sees everything.",
        }[name]


class _Sections:
    """Stands for a section of settings, which docs/configuration.md lists with its defaults."""

    def __repr__(self) -> str:
        return "..."


def _signature(name: str, found: Any) -> str:
    function = found.__func__ if isinstance(found, (classmethod, staticmethod)) else found
    try:
        signature = inspect.signature(function)
    except (ValueError, TypeError):
        return f"{name}(...)"
    parameters = [
        each.replace(default=_Sections()) if isinstance(each.default, BaseModel) else each
        for each in signature.parameters.values()
        if each.name not in ("self", "cls") and not each.name.startswith("_")
    ]
    said = str(signature.replace(parameters=parameters))
    said = re.sub(r"<function [^>]*?<lambda> at 0x[0-9a-f]+>|<function [^>]*? at 0x[0-9a-f]+>", "...", said)
    prefix = "await " if inspect.iscoroutinefunction(function) else ""
    return f"{prefix}{name}{said.replace(chr(39), '')}"


def _documented(found: Any) -> str:
    """The docstring as Markdown: prose, a list of arguments, a list of errors; without its own examples."""
    function = found.__func__ if isinstance(found, (classmethod, staticmethod)) else found
    if isinstance(function, str):
        return "The version of the package.\n"
    pieces = _SECTION.split(inspect.cleandoc(function.__doc__ or ""))
    said = [pieces[0].strip()]
    for section, body in zip(pieces[1::2], pieces[2::2], strict=True):
        if section.startswith("Example"):
            continue
        rows = inspect.cleandoc(body).strip()
        items = [" ".join(each.split()) for each in re.split(r"\n(?=\S)", rows) if each.strip()]
        listed = [_item(each) for each in items]
        title = {"Raises": "Errors", "Args": "Arguments and fields"}.get(section, section)
        said.append(f"{title}:\n\n" + "\n".join(listed))
    return "\n\n".join(each for each in said if each) + "\n"


def _item(text: str) -> str:
    name, colon, rest = text.partition(": ")
    return f"- `{name}`: {rest}" if colon and len(name) < 80 else f"- {text}"


if __name__ == "__main__":
    PAGE.write_text(written(examples_of(PAGE.read_text(encoding="utf-8")) if PAGE.exists() else {}), encoding="utf-8")
