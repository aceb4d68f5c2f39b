"""A model's thinking aloud (`<think> ... </think>`) taken out of what it says: the one place that does it, for every
reader of replies.

A model writes its thoughts between tags; some chat templates open the thought themselves, at the end of the prompt, so
that a reply begins inside of one and only closes it. Imports nothing heavy.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

TAGS = {
    "<think>": "</think>",
    "<thinking>": "</thinking>",
    "<thought>": "</thought>",
    "<seed:think>": "</seed:think>",
    "[THINK]": "[/THINK]",
    "◁think▷": "◁/think▷",
}
"""What opens a thought -> what closes it, as families of models write it."""

_LONGEST = max(len(tag) for tag in (*TAGS, *TAGS.values()))


class ThoughtFilter:
    """Feed pieces in, get the visible text out; a tag may be split over pieces.

    Text that might be the beginning of a tag is held back until the next piece decides it. Thinking that is never
    closed swallows the rest.

    Args:
        inside: the prompt has opened a thought already (`opens_thought`).

    Example:
        >>> seen = ThoughtFilter()
        >>> "".join([seen.feed("<thi"), seen.feed("nk>hm</think>Yes"), seen.feed("."), seen.end()])
        'Yes.'
    """

    def __init__(self, *, inside: bool = False) -> None:
        self._held = ""
        self._closing: tuple[str, ...] = tuple(TAGS.values()) if inside else ()
        self._started = False

    def feed(self, piece: str) -> str:
        self._held += piece
        visible = ""
        while True:
            position, tag = _first(self._closing or TAGS, self._held)
            if not tag:
                break
            if not self._closing:
                visible += self._held[:position]
            self._held = self._held[position + len(tag) :]
            self._closing = () if self._closing else (TAGS[tag],)
        keep = _beginning_of(self._closing or TAGS, self._held)
        if not self._closing:
            visible += self._held[: len(self._held) - keep]
        self._held = self._held[len(self._held) - keep :]
        return self._shown(visible)

    def end(self) -> str:
        """What was held back at the end of the stream."""
        visible, self._held = ("" if self._closing else self._held), ""
        return self._shown(visible)

    def _shown(self, visible: str) -> str:
        """White space before the first visible character belongs to the thinking."""
        if not self._started:
            visible = visible.lstrip()
            self._started = bool(visible)
        return visible


def without_thoughts(text: str, *, inside: bool = False) -> str:
    """A whole reply without its thoughts.

    A tag that closes a thought which nothing has opened was opened by the prompt: what stands before it is thinking.

    Args:
        inside: the prompt has opened a thought, so without a closing tag all of the text is one.

    Example:
        >>> without_thoughts("<think>\\n\\n</think>\\n\\n4"), without_thoughts("2 and 2 ... </think> 4")
        ('4', '4')
        >>> without_thoughts("2 and 2 ...", inside=True), without_thoughts("a < b")
        ('', 'a < b')
    """
    closing = tuple(TAGS.values())
    closed, tag = _first(closing, text)
    while tag and not _first(TAGS, text[:closed])[0] >= 0:
        text, inside = text[closed + len(tag) :], False
        closed, tag = _first(closing, text)
    seen = ThoughtFilter(inside=inside)
    return seen.feed(text) + seen.end()


def opens_thought(prompt: str) -> bool:
    """Whether a prompt ends with an opened thought, so that the reply begins inside of it.

    Example:
        >>> opens_thought("<|assistant|><think>\\n"), opens_thought("<|assistant|><think>\\n\\n</think>\\n\\n")
        (True, False)
    """
    return prompt.rstrip().endswith(tuple(TAGS))


class ReplyTokens:
    """Tokens of a reply as text: without special tokens, but with the tags of thoughts, which some tokenizers have
    among their special tokens; without its tags a thought could not be told from the reply.

    Args:
        tokenizer: a transformers tokenizer.
    """

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        special = {number: str(token) for number, token in tokenizer.added_tokens_decoder.items() if token.special}
        tags = {*TAGS, *TAGS.values()}
        self._tags_are_special = any(token in tags for token in special.values())
        self._left_out = {number for number, token in special.items() if token not in tags}

    def decode(self, ids: Sequence[int] | Any, **_: Any) -> str:
        """The text of the tokens of one reply."""
        if not self._tags_are_special:
            return str(self._tokenizer.decode(ids, skip_special_tokens=True))
        kept = [number for number in (int(each) for each in ids) if number not in self._left_out]
        return str(self._tokenizer.decode(kept, skip_special_tokens=False))


def _first(tags: Sequence[str] | dict[str, str], text: str) -> tuple[int, str]:
    """Place of the first of the tags in the text, and which; -1 and "" where there is none."""
    found = [(place, tag) for tag in tags if (place := text.find(tag)) >= 0]
    return min(found, default=(-1, ""))


def _beginning_of(tags: Sequence[str] | dict[str, str], text: str) -> int:
    """Length of the longest end of `text` that is a beginning of one of the tags."""
    sizes = range(min(_LONGEST - 1, len(text)), 0, -1)
    return next((size for size in sizes if any(_starts(tag, text[-size:]) for tag in tags)), 0)


def _starts(tag: str, end: str) -> bool:
    return len(end) < len(tag) and tag.startswith(end)
