"""Rows as tokens, and which of them are supervised."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from instill.errors import UsageError
from instill.models.generators.chat_text import ChatMessage, chat_text
from instill.models.generators.templates import TemplateRefusal
from instill.train.generator.data.rows import Row

Ids = NDArray[np.int32]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Example:
    """One row as the model reads it.

    Args:
        ids: int32 `(tokens,)`.
        supervised: bool `(tokens,)`; true where the model is trained to say this token.
        number: the row's place among the rows, from 0; names it in caches.
    """

    ids: Ids
    supervised: Mask
    number: int = 0

    @property
    def length(self) -> int:
        return len(self.ids)

    @property
    def targets(self) -> int:
        """How many tokens are supervised; the first token never is, since nothing precedes it."""
        return int(self.supervised[1:].sum())


@dataclass(frozen=True, slots=True)
class Rendered:
    """A row as text, and the spans `[start, end)` of it, in characters, that are supervised.

    Args:
        hidden: how many turns that are to be taught are not: the template shows them otherwise once others follow.
    """

    text: str
    spans: tuple[tuple[int, int], ...]
    hidden: int = 0


def render(row: Row, tokenizer: Any) -> Rendered:
    """The text of a row. A plain text is supervised as a whole, or in its spans; of messages, each assistant's turn
    without `"weight": 0` and its end, or only the last where the row says so.

    Raises:
        UsageError: the chat template refuses the messages, or shows the last turn differently once the reply is
            there, so that what is trained would not be what is read when the model is used.
    """
    if row.text:
        opening = tokenizer.bos_token or ""
        text = f"{opening}{row.text}{tokenizer.eos_token or ''}"
        within = tuple((len(opening) + start, len(opening) + end) for start, end in row.spans)
        return Rendered(text, within or ((0, len(text)),))
    whole = _shown(tokenizer, row, row.messages)
    spans, hidden = [], 0
    for place, message in enumerate(row.messages):
        if message["role"] != "assistant" or message.get("weight", 1) == 0:
            continue
        if row.last_only and place + 1 < len(row.messages):
            continue
        before = _shown(tokenizer, row, row.messages[:place], reply_follows=True)
        after = whole if place + 1 == len(row.messages) else _shown(tokenizer, row, row.messages[: place + 1])
        after = after.rstrip()
        if not (whole.startswith(before) and whole.startswith(after)):
            if place + 1 < len(row.messages):
                hidden += 1  # Templates that drop the thoughts of earlier turns: see `turns`.
                continue
            raise UsageError(
                "The chat template shows the prompt differently once the reply is there.",
                where=before[-80:],
                remedy="Use a template whose prompt is the beginning of the whole conversation.",
            )
        spans.append((len(before), len(after)))
    return Rendered(whole, tuple(spans), hidden)


def make_example(row: Row, tokenizer: Any, *, number: int = 0, longest: int | None = None) -> Example:
    """Tokens of a row with their supervision, cut after `longest` tokens.

    Raises:
        UsageError: see `render`.
    """
    return _tokenised(render(row, tokenizer), tokenizer, number, longest)


def make_examples(rows: Sequence[Row], tokenizer: Any, *, longest: int | None = None) -> list[Example]:
    """All rows, numbered from 0.

    Raises:
        UsageError: see `render`.
    """
    return [make_example(row, tokenizer, number=number, longest=longest) for number, row in enumerate(rows)]


def prompt_ids(messages: Sequence[ChatMessage], tokenizer: Any, *, tools: Sequence[Any] = ()) -> Ids:
    """Tokens after which the model replies.

    Raises:
        UsageError: the chat template refuses the messages.
    """
    text = prompt_text(messages, tokenizer, tools=tools)
    return np.asarray(tokenizer(text, add_special_tokens=False)["input_ids"], np.int32)


def prompt_text(messages: Sequence[ChatMessage], tokenizer: Any, *, tools: Sequence[Any] = ()) -> str:
    """The text after which the model replies.

    Raises:
        UsageError: the chat template refuses the messages.
    """
    return _shown(tokenizer, Row(tools=tuple(tools)), tuple(messages), reply_follows=True)


def _shown(tokenizer: Any, row: Row, messages: Sequence[ChatMessage], *, reply_follows: bool = False) -> str:
    if not tokenizer.chat_template and (row.tools or any(message.get("tool_calls") for message in messages)):
        raise UsageError(
            "The model has no chat template, and nothing else shows tools and calls.",
            where=row.place,
            remedy="Use a base with a chat template, or write the calls as text.",
        )
    try:
        return chat_text(tokenizer, messages, tools=row.tools, reply_follows=reply_follows)
    except TemplateRefusal as error:
        raise UsageError(error.what, where=row.place, remedy=error.remedy) from error


def _tokenised(rendered: Rendered, tokenizer: Any, number: int, longest: int | None) -> Example:
    made = tokenizer(rendered.text, add_special_tokens=False, return_offsets_mapping=True)
    ids = np.asarray(made["input_ids"], np.int32)
    starts = np.asarray([start for start, _ in made["offset_mapping"]], np.int64)
    supervised = np.zeros(len(ids), np.bool_)
    for start, end in rendered.spans:
        supervised |= (starts >= start) & (starts < end)
    if len(supervised):
        supervised[0] = False
    return Example(ids[:longest], supervised[:longest], number)
