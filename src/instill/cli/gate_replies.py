"""A few of a candidate's replies beside what was expected, as lines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from instill.cli.output import readable

if TYPE_CHECKING:
    from instill.train.gate.reply_samples import Reply

_WIDTH = 300  # characters of a text that are shown


def reply_lines(replies: Sequence[Reply]) -> list[str]:
    """A title and three lines a reply; none where there are no replies.

    Example:
        >>> from instill.train.gate.reply_samples import Reply
        >>> print(*reply_lines([Reply("Is tea green?", "yes", "It may be.", 0.0)]), sep="\\n")
        Replies to rows of the gate, from the worst to the best:
          asked     Is tea green?
          expected  yes
          replied   It may be.
    """
    lines = ["Replies to rows of the gate, from the worst to the best:"] if replies else []
    for place, each in enumerate(replies):
        lines += [""] if place else []
        for name, text in (("asked", each.asked), ("expected", each.expected), ("replied", each.said)):
            lines.append(f"  {name:<8}  {' '.join(readable(text, _WIDTH).split()) or '(nothing)'}")
    return lines
