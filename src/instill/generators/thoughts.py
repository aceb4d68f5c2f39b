"""Takes a model's thinking aloud (`<think> ... </think>`) out of a stream of pieces."""

from __future__ import annotations

_OPEN, _CLOSE = "<think>", "</think>"


class ThoughtFilter:
    """Feed pieces in, get the visible text out; a tag may be split over pieces.

    Text that might be the beginning of a tag is held back until the next piece decides it. Thinking that is never
    closed swallows the rest.

    Example:
        >>> seen = ThoughtFilter()
        >>> "".join([seen.feed("<thi"), seen.feed("nk>hm</think>Yes"), seen.feed("."), seen.end()])
        'Yes.'
    """

    def __init__(self) -> None:
        self._held = ""
        self._inside = False
        self._started = False

    def feed(self, piece: str) -> str:
        self._held += piece
        visible = ""
        while True:
            tag = _CLOSE if self._inside else _OPEN
            position = self._held.find(tag)
            if position < 0:
                break
            if not self._inside:
                visible += self._held[:position]
            self._held = self._held[position + len(tag) :]
            self._inside = not self._inside
        keep = _beginning_of(tag, self._held)
        if not self._inside:
            visible += self._held[: len(self._held) - keep]
        self._held = self._held[len(self._held) - keep :]
        return self._shown(visible)

    def end(self) -> str:
        """What was held back at the end of the stream."""
        visible, self._held = ("" if self._inside else self._held), ""
        return self._shown(visible)

    def _shown(self, visible: str) -> str:
        """White space before the first visible character belongs to the thinking."""
        if not self._started:
            visible = visible.lstrip()
            self._started = bool(visible)
        return visible


def _beginning_of(tag: str, text: str) -> int:
    """Length of the longest end of `text` that is a beginning of `tag`."""
    return next((size for size in range(min(len(tag) - 1, len(text)), 0, -1) if tag.startswith(text[-size:])), 0)
