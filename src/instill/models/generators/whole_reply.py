"""A generator's reply as a whole, for those who do not read along."""

from __future__ import annotations

from collections.abc import Sequence

from instill.models.generators.protocol import Generator, Message
from instill.models.generators.thoughts import without_thoughts


def whole_reply(generator: Generator, messages: Sequence[Message], *, max_tokens: int, temperature: float = 0.0) -> str:
    """The reply without thoughts, and without white space around it.

    Generators take thoughts out as they stream; here also goes what could only be told from the whole: a thought that
    the server's prompt has opened, and those of a generator that leaves them in.

    Raises:
        GeneratorError: from the generator.

    Example:
        >>> class Clerk:
        ...     name = "clerk"
        ...     def stream(self, messages, *, max_tokens, temperature=0.0):
        ...         yield from ("Two and two ...", "</think>", "\\n\\n4")
        >>> whole_reply(Clerk(), [{"role": "user", "content": "2 + 2?"}], max_tokens=8)
        '4'
    """
    pieces = generator.stream(messages, max_tokens=max_tokens, temperature=temperature)
    return without_thoughts("".join(pieces)).strip()
