"""JSON Schema: what is valid, what is no schema, and that nothing is fetched."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from instill.errors import UsageError
from instill.train.gate.conditions.format import ReplySchema

SLOTS = {
    "$defs": {"name": {"type": "string", "minLength": 1}},
    "type": "object",
    "properties": {"intent": {"enum": ["play", "stop"]}, "artist": {"$ref": "#/$defs/name"}},
    "required": ["intent"],
    "additionalProperties": False,
}


def schema_of(tmp_path: Path, content: Any) -> ReplySchema:
    file = tmp_path / "reply.schema.json"
    file.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return ReplySchema(file)


@pytest.mark.parametrize(
    ("reply", "valid"),
    [
        ('{"intent": "play", "artist": "Bach"}', True),
        (' {"intent": "stop"}\n', True),
        ('{"intent": "pause"}', False),
        ('{"intent": "play", "artist": ""}', False),
        ('{"intent": "play", "more": 1}', False),
        ('Sure: {"intent": "play"}', False),
        ('```json\n{"intent": "play"}\n```', False),
        ("", False),
    ],
)
def test_replies(tmp_path: Path, reply: str, valid: bool) -> None:
    assert schema_of(tmp_path, SLOTS).accepts(reply) is valid


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("{", "cannot be read"),
        ("[1]", "is an object"),
        ({"type": "objekt"}, "not a JSON schema"),
    ],
)
def test_what_is_no_schema(tmp_path: Path, content: Any, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        schema_of(tmp_path, content)


@pytest.mark.parametrize("reference", ["http://127.0.0.1:9/schema.json", "#/$defs/none", "#"])
def test_what_cannot_be_followed_is_neither_fetched_nor_followed(tmp_path: Path, reference: str) -> None:
    with pytest.raises(UsageError, match="cannot be followed"):
        schema_of(tmp_path, {"$ref": reference}).accepts("{}")
