"""What is wrong with a value, in words that do not need a reader of pydantic."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_KINDS = {
    "int": "a whole number",
    "float": "a number",
    "decimal": "a number",
    "bool": "true or false",
    "string": "a text",
    "list": "a list",
    "tuple": "a list",
    "set": "a list",
    "frozen_set": "a list",
    "dict": "a section with keys",
    "mapping": "a section with keys",
    "model": "a section with keys",
    "model_attributes": "a section with keys",
    "dataclass": "a section with keys",
    "path": "a path",
    "url": "a URL",
    "date": "a date",
    "datetime": "a date with a time",
    "none_required": "empty",
}
"""By how the type of a pydantic error begins: "int_parsing" and "int_from_float" both want a whole number."""

_BOUNDS = {
    "greater_than": ("gt", "more than {}"),
    "greater_than_equal": ("ge", "{} or more"),
    "less_than": ("lt", "less than {}"),
    "less_than_equal": ("le", "{} or less"),
    "multiple_of": ("multiple_of", "a multiple of {}"),
}
_ENDINGS = ("_parsing_size", "_parsing", "_from_float", "_type", "_unicode", "_inclusion")


def mistake(found: Mapping[str, Any]) -> str:
    """What a value must be, or what else is wrong with it; to be read after "This setting" or "This value".

    The value itself is not repeated: it may be a secret in the wrong place.

    Args:
        found: one of `pydantic.ValidationError.errors()`.

    Example:
        >>> mistake({"type": "int_parsing", "msg": "Input should be a valid integer, ..."})
        'must be a whole number'
        >>> mistake({"type": "greater_than_equal", "ctx": {"ge": 1}, "msg": "Input should be greater than ..."})
        'must be 1 or more'
        >>> mistake({"type": "literal_error", "ctx": {"expected": "'lora', 'dora' or 'full'"}, "msg": "..."})
        'must be "lora", "dora" or "full"'
    """
    kind = str(found.get("type", ""))
    context = found.get("ctx") or {}
    message = str(found.get("msg", "")).rstrip(".")
    if kind == "missing":
        return "is missing"
    if kind == "extra_forbidden":
        return "is not known"
    if kind in ("literal_error", "enum") and "expected" in context:
        return f"must be {str(context['expected']).replace(chr(39), chr(34))}"
    if kind in _BOUNDS:
        key, words = _BOUNDS[kind]
        return f"must be {words.format(_number(context.get(key)))}"
    if kind == "finite_number":
        return "must be a finite number"
    if kind in ("too_short", "string_too_short"):
        return f"is too short: {_counted(context.get('min_length'), kind)} at least"
    if kind in ("too_long", "string_too_long"):
        return f"is too long: {_counted(context.get('max_length'), kind)} at most"
    if kind == "string_pattern_mismatch":
        return "has a form that is not allowed here, or characters such as / or spaces"
    if kind in ("value_error", "assertion_error"):
        return f"cannot be used: {message.partition(', ')[2] or message}"  # "Value error, ..." is pydantic's beginning.
    stem = next((kind.removesuffix(ending) for ending in _ENDINGS if kind.endswith(ending)), kind)
    if stem in _KINDS:
        return f"must be {_KINDS[stem]}"
    return f"cannot be used: {message}"


def _number(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _counted(count: Any, kind: str) -> str:
    noun = "character" if kind.startswith("string") else "entry"
    plural = "characters" if kind.startswith("string") else "entries"
    return f"{count} {noun if count == 1 else plural}"
