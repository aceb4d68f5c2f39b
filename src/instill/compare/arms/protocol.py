"""What an arm takes and gives, and how a generator is overheard on the way."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from instill.models.encoders.protocol import Encoder
from instill.models.generators.protocol import Generator, Message
from instill.models.generators.wrapped import Wrapped
from instill.study.study_set import StudyItem

CountTokens = Callable[[str], int]


@dataclass(frozen=True, slots=True)
class Place:
    """A span of a document that was given to an arm, or that it cited, with its text."""

    doc_id: str
    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class ArmReply:
    """What an arm said to one question.

    Args:
        text: the answer.
        abstained: where the arm says so itself; None: the words of its reply tell.
        messages: the prompt, of the last request when there were several; of an arm without a generator the question.
        passages: what it was given; None for arms without passages.
        citations: what it cited; () for none.
        seconds: of the whole answer, searching included.
        tokens_in, tokens_out: of all requests.
        estimated: whether the tokens were counted with the encoder's tokenizer, which splits otherwise.
        quoted: the text is quoted from the documents, with citations: the answer counts wherever it stands in it.
        notices: what a person should know: what was cut, that the endpoint failed and the documents were quoted.
        error: why there is no answer; "" when there is one.
    """

    text: str
    abstained: bool | None
    messages: tuple[Message, ...]
    passages: tuple[Place, ...] | None
    citations: tuple[Place, ...]
    seconds: float
    tokens_in: int = 0
    tokens_out: int = 0
    estimated: bool = False
    notices: tuple[str, ...] = ()
    error: str = ""
    quoted: bool = False


class Arm(Protocol):
    """One way to answer."""

    @property
    def name(self) -> str:
        """As it stands in tables: "retrieval", "fine-tuned, closed book"."""
        ...

    def answer(self, item: StudyItem) -> ArmReply:
        """Answer the item's question; an arm may look at nothing else of it but what it is defined by (its evidence).

        A generator that does not answer is an `error` of the reply, not an exception.
        """
        ...


@dataclass(slots=True)
class Exchange:
    """One request and what came back until it ended or failed."""

    messages: tuple[Message, ...]
    pieces: list[str] = field(default_factory=list)
    usage: tuple[int, int] | None = None


class Overheard(Wrapped):
    """A generator that passes everything on and keeps it.

    Args:
        exchanges: where it is kept; by default in a list of its own.

    Example:
        >>> class Parrot:
        ...     name = "parrot"
        ...     def stream(self, messages, *, max_tokens, temperature=0.0):
        ...         yield from messages[-1]["content"].split()
        >>> overheard = Overheard(Parrot())
        >>> "".join(overheard.stream([{"role": "user", "content": "a b"}], max_tokens=4))
        'ab'
        >>> overheard.exchanges[0].pieces
        ['a', 'b']
    """

    def __init__(self, generator: Generator, exchanges: list[Exchange] | None = None) -> None:
        super().__init__(generator)
        self.exchanges = [] if exchanges is None else exchanges

    def around(self, generator: Generator) -> Generator:
        """See `Wrapped.around`; what the other is asked is kept here too."""
        return Overheard(generator, self.exchanges)

    def stream(self, messages: Sequence[Message], *, max_tokens: int, temperature: float = 0.0) -> Iterator[str]:
        """See `Generator.stream`."""
        exchange = Exchange(tuple(messages))
        self.exchanges.append(exchange)
        for piece in self._generator.stream(messages, max_tokens=max_tokens, temperature=temperature):
            exchange.pieces.append(piece)
            yield piece
        exchange.usage = self.last_usage

    def tokens(self, count: CountTokens) -> tuple[int, int, bool]:
        """Tokens in and out of all requests, and whether some of them are an estimate by `count`."""
        given = came = 0
        estimated = False
        for exchange in self.exchanges:
            usage = exchange.usage
            if usage is None:
                estimated = True
                usage = (
                    sum(count(message["content"]) for message in exchange.messages),
                    count("".join(exchange.pieces)),
                )
            given, came = given + usage[0], came + usage[1]
        return given, came, estimated


def counting_with(encoder: Encoder) -> CountTokens:
    """Counts with the encoder's tokenizer, without special tokens."""

    def count(text: str) -> int:
        return len(encoder.tokenizer.encode(text, add_special_tokens=False).ids)

    return count
