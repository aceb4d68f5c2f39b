"""From a conversation in another form to a question and what was said before."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from instill.answer.types import Turn
from instill.errors import UsageError

_LONGEST = 20_000
_MOST_TURNS = 8
_TEXT = ("text", "input_text", "output_text")


def asked(messages: Iterable[Mapping[str, Any]]) -> tuple[str, list[Turn]]:
    """The last user's message, and the turns before it. What systems and tools say is left out: answers come from the
    documents.

    Args:
        messages: with `role` and `content`, a text or a list of parts.

    Raises:
        UsageError: there is no question, it is too long, or a part is no text.

    Example:
        >>> question, turns = asked([{"role": "user", "content": "How hot?"}, {"role": "assistant", "content": "80."},
        ...                          {"role": "user", "content": [{"type": "text", "text": "How long?"}]}])
        >>> question, [(turn.role, turn.text) for turn in turns]
        ('How long?', [('user', 'How hot?'), ('assistant', '80.')])
    """
    said = [(str(each.get("role", "user")), text_of(each.get("content"))) for each in messages]
    said = [(role, text) for role, text in said if role in ("user", "assistant") and text.strip()]
    if not said or said[-1][0] != "user":
        raise UsageError("The last message is not a user's question.", where="messages", remedy="Put it at the end.")
    question = said[-1][1]
    if len(question) > _LONGEST:
        raise UsageError(f"The question is longer than {_LONGEST:,} characters.", where="messages")
    turns = [Turn("user" if role == "user" else "assistant", text) for role, text in said[:-1]]
    return question, turns[-_MOST_TURNS:]


def text_of(content: Any) -> str:
    """The text of a message's content.

    Raises:
        UsageError: a part of it is no text.
    """
    if content is None or isinstance(content, str):
        return content or ""
    if not isinstance(content, Sequence):
        raise UsageError("A message's content is a text or a list of parts.", where="messages")
    return "\n".join(_text_of_part(part) for part in content)


def _text_of_part(part: Any) -> str:
    if isinstance(part, str):
        return part
    kind = part.get("type") if isinstance(part, Mapping) else None
    if kind in _TEXT and isinstance(part.get("text"), str):
        return str(part["text"])
    raise UsageError(
        "Only texts can be asked.",
        where=f"messages: {str(kind)[:40]}",
        remedy="Add documents and images to the workspace: POST /api/documents",
    )
