"""What a chat endpoint takes and tells: the body of a request, changed where a server refuses it; and the usage.

Servers that speak "the OpenAI protocol" differ in two of the fields that are sent. Newer models want
`max_completion_tokens` for `max_tokens`. Some servers refuse `stream_options`, with HTTP 400 or 422, and most of them
name it; others tell the usage without being asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from instill.models.generators.protocol import Message

_NEW_LIMIT = "max_completion_tokens"
_USAGE_OPTION = ("stream_options", "include_usage")
_MALFORMED = (400, 422)
_MOST = 10**9
"""More tokens than any request has: what is above was made up, and would only break the sums of what was spent."""


@dataclass(slots=True)
class Dialect:
    """How one server is written to.

    Args:
        limit: its name for the most tokens of a reply.
        asks_usage: whether it is asked to tell the tokens at the end of the stream.
        took_usage: whether it has answered a request that asks.

    Example:
        >>> dialect = Dialect()
        >>> dialect.learns(422, "Extra inputs are not permitted: stream_options"), dialect.asks_usage
        (True, False)
        >>> dialect.learns(422, "Extra inputs are not permitted: stream_options")
        False
    """

    limit: str = "max_tokens"
    asks_usage: bool = True
    took_usage: bool = False

    def body(self, model: str, messages: Sequence[Message], max_tokens: int, temperature: float) -> dict[str, Any]:
        """The request."""
        body: dict[str, Any] = {
            "model": model,
            "messages": list(messages),
            self.limit: max_tokens,
            "temperature": temperature,
            "stream": True,
        }
        if self.asks_usage:
            body["stream_options"] = {"include_usage": True}
        return body

    def learns(self, status: int, message: str) -> bool:
        """Whether the refusal says, or leaves open, that the request was written wrongly; then the next is another.

        A malformed request of which the server does not say what is wrong is tried without the usage, until one that
        asks for it has been answered. Each thing is changed at most once.
        """
        if _NEW_LIMIT in message and self.limit != _NEW_LIMIT:
            self.limit = _NEW_LIMIT
            return True
        named = any(word in message for word in _USAGE_OPTION)
        if self.asks_usage and (named or (status in _MALFORMED and not self.took_usage)):
            self.asks_usage = False
            return True
        return False


def told_usage(chunk: Any) -> tuple[int, int] | None:
    """Tokens in and out as one chunk of a stream tells them; None where it does not.

    Zeros in the place of what was read are no usage: no prompt is empty. Neither are numbers above 10**9.

    Example:
        >>> from types import SimpleNamespace as Chunk
        >>> told_usage(Chunk(usage=Chunk(prompt_tokens=12, completion_tokens=3)))
        (12, 3)
        >>> told_usage(Chunk(usage=None)), told_usage(Chunk(usage="much"))
        (None, None)
    """
    usage = getattr(chunk, "usage", None)
    given, came = (getattr(usage, name, None) for name in ("prompt_tokens", "completion_tokens"))
    if type(given) is not int or type(came) is not int or not 1 <= given <= _MOST or not 0 <= came <= _MOST:
        return None
    return given, came
