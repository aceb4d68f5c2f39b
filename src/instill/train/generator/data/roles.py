"""Whether the turns of a conversation follow one another as a model reads them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from instill.train.generator.data.findings import Finding, finding
from instill.train.generator.data.row_text import place_of
from instill.train.generator.data.rows import Row


def role_findings(rows: Sequence[Row]) -> list[Finding]:
    """Conversations whose turns are out of order."""
    reasons = ((place_of(row, number), disorder(row)) for number, row in enumerate(rows))
    return finding(
        "roles",
        "error",
        "Turns are out of order; the model would learn from conversations that never occur.",
        "A conversation is: system (or none), then user and assistant in turn, with the assistant last.",
        [f"{place} ({reason})" for place, reason in reasons if reason],
    )


def disorder(row: Row) -> str:
    """What is wrong with the order of a row's turns; empty when nothing is. A plain text has no turns.

    Example:
        >>> disorder(Row(({"role": "user", "content": "a"}, {"role": "user", "content": "b"})))
        'no assistant'
    """
    if not row.messages:
        return ""
    roles = [str(message["role"]) for message in row.messages]
    if "system" in roles[1:]:
        return "system is not first"
    if "assistant" not in roles:
        return "no assistant"
    turns = list(row.messages[1:] if roles[0] == "system" else row.messages)
    if turns[0]["role"] != "user":
        return f"{turns[0]['role']} is first"
    for turn, following in pairwise(turns):
        role = turn["role"]
        # Tool calls may be followed by several results, or by the next call.
        if role == following["role"] and role != "tool" and not turn.get("tool_calls"):
            return f"two {role} turns in a row"
        if following["role"] == "tool" and role == "user":
            return "tool follows user"
    return ""
