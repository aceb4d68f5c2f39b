"""The recipe that `instill train init` writes: every key with its default and its meaning."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from instill.train.generator.recipe import Recipe
from instill.typed_toml import toml_value

_STARTING = {"name": "first", "base": "micro", "rows": ["rows.jsonl"]}


def template_toml() -> str:
    """A recipe to start from: what must be chosen is set, the rest is switched off by a leading "# ".

    Example:
        >>> print(template_toml().splitlines()[2])
        name = "first"   # Names what comes out of it.
    """
    plain = {name: field for name, field in Recipe.model_fields.items() if _section(field) is None}
    lines = ["# How a model's weights are adapted. Lines that start with '# ' show the defaults.", "", *_lines(plain)]
    for name, field in Recipe.model_fields.items():
        section = _section(field)
        if section is not None:
            lines += ["", f"[{name}]", f"# {(section.__doc__ or '').strip()}", *_lines(section.model_fields)]
    return "\n".join(lines) + "\n"


def _lines(fields: Mapping[str, FieldInfo]) -> list[str]:
    return [_line(field.alias or name, field) for name, field in fields.items()]


def _line(key: str, field: FieldInfo) -> str:
    needed = field.default is PydanticUndefined
    value: Any = _STARTING[key] if needed else field.default
    remark = f"   # {field.description}" if field.description else ""
    return f"{'' if needed else '# '}{key} = {toml_value(value)}{remark}"


def _section(field: FieldInfo) -> type[BaseModel] | None:
    kind = field.annotation
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None
