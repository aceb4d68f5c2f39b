"""Replies of a generator, kept as soon as they are there: it is asked the same only once, also over several runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from time import perf_counter

from instill.measure.jsonl_journal import Journal
from instill.models.generators.protocol import Generator, Message, usage_of
from instill.models.generators.whole_reply import whole_reply
from instill.study.study_set import digest


@dataclass(frozen=True, slots=True)
class _Reply:
    text: str
    usage: tuple[int, int] | None
    seconds: float


class KeptReplies:
    """A generator that is asked only what the journal does not have.

    What failed is not kept, and asked again.

    Args:
        opener: of the generator; called when it has to be asked.
        journal: open, of this generator alone.
        asked: called after every reply, with how many there were.

    Attributes:
        seconds: that the replies which were given took when they were written, opening the generator included.

    Raises:
        WorkspaceError: a line of the journal is damaged.
    """

    name = "kept replies"

    def __init__(
        self, opener: Callable[[], Generator], journal: Journal, asked: Callable[[int], None] = lambda _: None
    ) -> None:
        self._opener, self._journal, self._asked = opener, journal, asked
        self._generator: Generator | None = None
        self._count = 0
        self.seconds = 0.0
        self.last_usage: tuple[int, int] | None = None
        self._known: dict[str, _Reply] = {}
        for place, line in journal.lines:
            try:
                usage = line["usage"]
                told = None if usage is None else (int(usage[0]), int(usage[1]))
                # Lines of the first journals have no time.
                self._known[line["id"]] = _Reply(str(line["reply"]), told, float(line.get("seconds", 0.0)))
            except (KeyError, TypeError, ValueError, IndexError) as error:
                raise journal.damaged(place) from error

    def stream(self, messages: Sequence[Message], *, max_tokens: int, temperature: float = 0.0) -> Iterator[str]:
        """See `Generator.stream`."""
        key = digest([[dict(message) for message in messages], max_tokens, temperature])
        if key not in self._known:
            started = perf_counter()
            self._generator = self._generator or self._opener()
            reply = whole_reply(self._generator, messages, max_tokens=max_tokens, temperature=temperature)
            usage = usage_of(self._generator)
            made = _Reply(reply, usage, perf_counter() - started)
            self._journal.add({"id": key, "reply": made.text, "usage": made.usage, "seconds": made.seconds})
            self._known[key] = made
        found = self._known[key]
        self.last_usage = found.usage
        self.seconds += found.seconds
        self._count += 1
        self._asked(self._count)
        yield found.text
