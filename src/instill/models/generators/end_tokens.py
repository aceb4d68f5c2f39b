"""Where a transformers model's reply ends: every token that says so, wherever that stands.

A model's settings, its tokenizer and its chat template each know a part. One that was read from another format often
knows only the end of a text, which a chat model never writes: it would go on until it is stopped.
"""

from __future__ import annotations

from typing import Any

from instill.errors import InstillError
from instill.models.generators.chat_text import ChatMessage, chat_text

_REPLY = "REPLYTEXT"


def end_ids(model: Any, tokenizer: Any) -> list[int]:
    """The tokens after which nothing of a reply follows, in ascending order; empty where none is known."""
    settings = [getattr(model, "generation_config", None), getattr(model, "config", None), tokenizer]
    found: set[int] = set()
    for each in settings:
        value = getattr(each, "eos_token_id", None)
        found.update(value if isinstance(value, (list, tuple)) else [] if value is None else [value])
    found.update(_end_of_turn(tokenizer))
    return sorted(each for each in found if isinstance(each, int) and each >= 0)


def _end_of_turn(tokenizer: Any) -> list[int]:
    """The control token that the chat template sets right after a reply."""
    if not tokenizer.chat_template:
        return []
    rows: list[ChatMessage] = [{"role": "user", "content": "A"}, {"role": "assistant", "content": _REPLY}]
    try:
        _, _, after = chat_text(tokenizer, rows).partition(_REPLY)
    except InstillError:
        return []
    ids = tokenizer(after.lstrip(), add_special_tokens=False)["input_ids"][:1] if after.strip() else []
    return [each for each in ids if each in set(tokenizer.all_special_ids) or _is_control(tokenizer, each)]


def _is_control(tokenizer: Any, id_: int) -> bool:
    added = getattr(tokenizer, "added_tokens_decoder", {}).get(id_)
    return bool(added is not None and added.special)
