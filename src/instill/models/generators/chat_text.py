"""Messages as the text that a model reads: by its chat template, or plainly where it has none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from instill.models.generators.templates import apply_template

PLAIN_TEMPLATE = (
    "{%- for message in messages %}"
    "{%- if not loop.first %}{{- '\\n\\n' }}{%- endif %}"
    "{{- message.role + ': ' + message.content }}"
    "{%- if message.role == 'assistant' and eos_token is defined %}{{- eos_token }}{%- endif %}"
    "{%- endfor %}"
    "{%- if add_generation_prompt %}{%- if messages %}{{- '\\n\\n' }}{%- endif %}{{- 'assistant:' }}{%- endif %}"
)
"""The plain layout of `chat_text` as a chat template, for models that leave here; `plain_template` begins it."""

ChatMessage = Mapping[str, Any]
"""`role`, `content`, and for tool use `tool_calls` or `name`, as the chat templates of transformers read them."""


def chat_text(
    tokenizer: Any, messages: Sequence[ChatMessage], *, tools: Sequence[Any] = (), reply_follows: bool = False
) -> str:
    """What the model reads for `messages`.

    Args:
        tokenizer: a transformers tokenizer.
        tools: JSON schemas of the functions that may be called; only chat templates can show them.
        reply_follows: end with the opening of an assistant's turn.

    Raises:
        TemplateRefusal: the template does not parse, refuses these messages, or does not end.

    Example:
        >>> class Plain:
        ...     chat_template = None
        ...     eos_token = "</s>"
        >>> chat_text(Plain(), [{"role": "user", "content": "Hi"}], reply_follows=True)
        'user: Hi\\n\\nassistant:'
        >>> chat_text(Plain(), [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}])
        'user: Hi\\n\\nassistant: Hello</s>'
    """
    if tokenizer.chat_template:
        return apply_template(tokenizer, messages, tools=tools, reply_follows=reply_follows)
    end = tokenizer.eos_token or ""
    lines = [
        f"{message['role']}: {message['content']}{end if message['role'] == 'assistant' else ''}"
        for message in messages
    ]
    return _beginning(tokenizer) + "\n\n".join([*lines, "assistant:"] if reply_follows else lines)


def plain_template(tokenizer: Any) -> str:
    """The template of a tokenizer that has none: what `chat_text` writes for it."""
    return ("{{- bos_token }}" if _beginning(tokenizer) else "") + PLAIN_TEMPLATE


def _beginning(tokenizer: Any) -> str:
    """The token that the tokenizer itself sets before a text, if it does."""
    token = getattr(tokenizer, "bos_token", None)
    if not token:
        return ""
    return str(token) if list(tokenizer("")["input_ids"])[:1] == [tokenizer.bos_token_id] else ""
