"""The recipe that `instill train init` writes: every key with its default and its meaning."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from instill.common.toml_files import toml_value
from instill.train.generator.recipes.recipe import Recipe

_FOR_MICRO: Mapping[str, Mapping[str, Any]] = {
    "": {"method": "full"},
    "training": {"epochs": 10, "learning_rate": 2e-3},
}
"""By section. The micro model has too few weights for an adapter to change much, and takes a higher rate."""


def template_toml(
    *, base: str = "micro", rows: str | None = None, gate: str = "", schema: str = "", name: str = "first"
) -> str:
    """A recipe to start from: what must be chosen is set, the rest is switched off by a leading "# ".

    Args:
        rows: file of what is learnt; None: to be named.
        gate, schema: files; "" where there are none.

    Example:
        >>> print(template_toml().splitlines()[2])
        name = "first"   # Names what comes out of it.
    """
    starting: dict[str, Any] = {"name": name, "base": base, "rows": [rows or "rows.jsonl"]}
    starting |= {key: value for key, value in (("gate", gate), ("schema", schema)) if value}
    fitting = _FOR_MICRO if base == "micro" else {}
    plain = {name: field for name, field in Recipe.model_fields.items() if _section(field) is None}
    lines = ["# How a model's weights are adapted. Lines that start with '# ' show the defaults, or what is usual."]
    lines += ["", *_lines(plain, {**starting, **fitting.get("", {})})]
    for name, field in Recipe.model_fields.items():
        section = _section(field)
        if section is not None:
            lines += ["", f"[{name}]", f"# {(section.__doc__ or '').strip()}"]
            lines += _lines(section.model_fields, starting if name == "data" else fitting.get(name, {}))
    return "\n".join(lines) + "\n"


def _lines(fields: Mapping[str, FieldInfo], starting: Mapping[str, Any]) -> list[str]:
    return [_line(field.alias or name, field, starting) for name, field in fields.items()]


def _line(key: str, field: FieldInfo, starting: Mapping[str, Any]) -> str:
    chosen = key in starting
    value: Any = starting[key] if chosen else field.default
    remark = f"   # {field.description}" if field.description else ""
    return f"{'' if chosen else '# '}{key} = {toml_value(value)}{remark}"


def _section(field: FieldInfo) -> type[BaseModel] | None:
    kind = field.annotation
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None
