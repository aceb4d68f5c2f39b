"""Every kind of mistake that the project's own types can find is said without the library's words."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, SecretStr, TypeAdapter, ValidationError, field_validator

from instill.common.unknown_keys import explained
from instill.common.value_mistakes import mistake


class Inner(BaseModel):
    a: int


class Odd(BaseModel):
    model_config = ConfigDict(extra="forbid")
    value: int = 1

    @field_validator("value")
    @classmethod
    def odd(cls, value: int) -> int:
        if value % 2 == 0:
            raise ValueError("even numbers are taken")
        return value


def said(kind: Any, value: object) -> str:
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(kind).validate_python(value)
    return mistake(caught.value.errors()[0])


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        (int, "many", "must be a whole number"),
        (int, 1.5, "must be a whole number"),
        (int, [], "must be a whole number"),
        (float, "fast", "must be a number"),
        (bool, "perhaps", "must be true or false"),
        (str, 3, "must be a text"),
        (SecretStr, 3, "must be a text"),
        (list[int], "a", "must be a list"),
        (tuple[int, ...], "a", "must be a list"),
        (frozenset[str], 3, "must be a list"),
        (dict[str, int], "a", "must be a section with keys"),
        (Inner, "a", "must be a section with keys"),
        (Path, 3, "must be a path"),
        (Literal["lora", "full"], "qlora", 'must be "lora" or "full"'),
        (Annotated[int, Field(ge=1)], 0, "must be 1 or more"),
        (Annotated[float, Field(gt=0)], 0, "must be more than 0"),
        (Annotated[float, Field(lt=1)], 1.5, "must be less than 1"),
        (Annotated[float, Field(le=0.5)], 1.5, "must be 0.5 or less"),
        (Annotated[float, Field(allow_inf_nan=False)], float("nan"), "must be a finite number"),
        (Annotated[str, Field(min_length=1)], "", "is too short: 1 character at least"),
        (Annotated[list[int], Field(max_length=2)], [1, 2, 3], "is too long: 2 entries at most"),
        (
            Annotated[str, Field(pattern="^[a-z]+$")],
            "../x",
            "has a form that is not allowed here, or characters such as / or spaces",
        ),
        (Odd, {"value": 2}, "cannot be used: even numbers are taken"),
        (Odd, {"values": 3}, "is not known"),
        (Inner, {}, "is missing"),
    ],
)
def test_a_mistake_is_said_in_plain_words(kind: Any, value: object, expected: str) -> None:
    assert said(kind, value) == expected


def test_the_value_is_not_repeated_and_the_key_is_named() -> None:
    with pytest.raises(ValidationError) as caught:
        Inner.model_validate({"a": "sk-secret"})
    error = explained(caught.value, "instill.toml", ["generator.a"], "See the docs.", "generator")
    assert (error.what, error.where) == ("This setting must be a whole number.", "instill.toml: generator.a")
