"""Section [format]: the replies are JSON that follows a JSON Schema."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from instill.documents.text_decoding import strict_text
from instill.errors import UsageError
from instill.train.gate.conditions.losses_and_shares import share_condition
from instill.train.gate.decision_rules import LEVEL
from instill.train.gate.rows import GateRows
from instill.train.gate.scoring import parse_json
from instill.train.gate.verdict import Condition

if TYPE_CHECKING:
    from instill.train.gate.probes import Probe  # torch, which a comparison without training does not need


class ReplySchema:
    """A JSON Schema from a file; what it refers to elsewhere is not fetched.

    Raises:
        UsageError: the file cannot be read, or is no JSON Schema.
    """

    def __init__(self, file: Path) -> None:
        from jsonschema.exceptions import SchemaError
        from jsonschema.validators import validator_for
        from referencing import Registry

        try:
            schema = json.loads(strict_text(file.read_bytes()))
        except (OSError, ValueError, RecursionError) as error:
            raise UsageError(f"The JSON schema cannot be read: {error}.", where=str(file)) from error
        if not isinstance(schema, dict):
            raise UsageError("A JSON schema is an object.", where=str(file))
        kind = validator_for(schema)
        try:
            kind.check_schema(schema)
        except SchemaError as error:
            raise UsageError(f"This is not a JSON schema: {error.message}.", where=str(file)) from error
        # A registry of our own: the library's would fetch addresses from the network.
        self._checker: Any = kind(schema, registry=Registry())
        self._file = file

    def accepts(self, reply: str) -> bool:
        """Whether the whole reply, and not only a part, is JSON as the schema wants it.

        Raises:
            UsageError: the schema refers to something that is not in it, or to itself without end.
        """
        from referencing.exceptions import Unresolvable

        found = parse_json(reply)
        if found is None:
            return False
        try:
            return bool(self._checker.is_valid(found[0]))
        except (Unresolvable, RecursionError) as error:
            raise UsageError(
                f"The JSON schema cannot be followed: {str(error)[:200] or 'it refers to itself without end'}.",
                where=str(self._file),
                remedy='Put what it refers to into the schema itself, under "$defs".',
            ) from error


def valid_format(
    candidate: Probe, rows: GateRows, schema: ReplySchema, valid: float, *, level: float = LEVEL
) -> Condition:
    """The share of replies that follow the schema."""
    bad = sum(not schema.accepts(reply) for reply in candidate.replies(rows.asking))
    return share_condition("format", "replies do not follow the schema", bad, len(rows.asking), 1 - valid, level)
