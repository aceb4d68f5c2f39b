"""Arms for example rows: instructions alone, the nearest examples in the prompt, a generator tuned on the examples.

They differ in their prompt or in their generator, and in nothing else. All ask at temperature 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from time import perf_counter
from typing import Protocol

import numpy as np

from instill.compare.arms.protocol import ArmReply, CountTokens, Overheard, counting_with
from instill.compare.examples.rows import asked_of, check_examples, input_of, turns_of
from instill.errors import GeneratorError
from instill.models.encoders.protocol import Encoder
from instill.models.generators.protocol import Generator, Message
from instill.models.generators.whole_reply import whole_reply
from instill.train.generator.data.rows import Row

PROMPTED, IN_PROMPT, TUNED = "prompted", "examples in the prompt", "fine-tuned on examples"

REPLY_TOKENS = 256
"""Most tokens of a reply where the caller names none."""

EXAMPLE_TOKENS = 1_500
"""Most tokens of the examples in a prompt."""


class ExampleArm(Protocol):
    """One way to reply in a format or a tone. It sees the prompt and never the reply that is expected."""

    @property
    def name(self) -> str: ...

    def answer(self, prompt: Sequence[Message]) -> ArmReply:
        """Reply to a conversation that ends with a user's message.

        A generator that does not answer is an `error` of the reply, not an exception.
        """
        ...


class NearestExamples:
    """The rows whose inputs are most like the one that is asked: for a format, retrieval.

    Args:
        rows: to learn from; of those with one input the first.
        encoder: the workspace's. Of an input longer than it reads, the beginning decides.
        k: most examples in a prompt, from 1.
        budget: most tokens that they have together, as the encoder's tokenizer counts them. An example that does not
            fit is left out, and the next nearest not taken in its place.

    Attributes:
        seconds: that encoding the rows took.
    """

    def __init__(self, rows: Sequence[Row], encoder: Encoder, *, k: int = 3, budget: int = EXAMPLE_TOKENS) -> None:
        if k < 1 or not rows:
            raise ValueError(f"{k} of {len(rows)} examples")
        check_examples(rows)
        kept = list({input_of(row): row for row in reversed(rows)}.values())[::-1]
        self._encoder, self._k, self._budget = encoder, k, budget
        self._turns = [turns_of(row) for row in kept]
        count = counting_with(encoder)
        self._tokens = [sum(count(message["content"]) for message in turns) for turns in self._turns]
        started = perf_counter()
        self._vectors = encoder.encode_passages([asked_of(row.prompt) for row in kept])
        self.seconds = perf_counter() - started

    def turns(self, asked: str) -> tuple[tuple[Message, ...], str]:
        """Earlier turns for a prompt, the nearest example last, and a notice when one did not fit, else ""."""
        near = self._vectors @ self._encoder.encode_queries([asked])[0]
        found = np.argsort(-near, kind="stable")[: self._k].tolist()
        chosen: list[int] = []
        left = self._budget
        for place in found:
            if self._tokens[place] <= left:
                chosen.append(place)
                left -= self._tokens[place]
        turns = tuple(message for place in reversed(chosen) for message in self._turns[place])
        missing = len(found) - len(chosen)
        return turns, f"{missing} of {len(found)} examples did not fit the prompt." if missing else ""


class PromptedArm:
    """A generator asked with the instructions, and with examples as earlier turns where it has some.

    Args:
        name: of the arm.
        generator: the base, or one that was tuned on the examples.
        count: counts tokens where the generator does not tell them.
        instructions: the system prompt of conversations that have none; "" for none.
        examples: None for none.
        max_tokens: of the reply.

    Attributes:
        seconds: that preparing its examples took; 0 without.

    Example:
        >>> class Parrot:
        ...     name = "parrot"
        ...     def stream(self, messages, *, max_tokens, temperature=0.0):
        ...         yield messages[-1]["content"].upper()
        >>> arm = PromptedArm("prompted", Parrot(), len, instructions="Shout.")
        >>> reply = arm.answer([{"role": "user", "content": "Ahoy"}])
        >>> reply.text, [message["role"] for message in reply.messages]
        ('AHOY', ['system', 'user'])
    """

    def __init__(
        self,
        name: str,
        generator: Generator,
        count: CountTokens,
        *,
        instructions: str = "",
        examples: NearestExamples | None = None,
        max_tokens: int = REPLY_TOKENS,
    ) -> None:
        self.name = name
        self._generator, self._count, self._instructions = generator, count, instructions
        self._examples, self._max_tokens = examples, max_tokens
        self.seconds = examples.seconds if examples else 0.0

    def answer(self, prompt: Sequence[Message]) -> ArmReply:
        """See `ExampleArm.answer`."""
        overheard = Overheard(self._generator)
        started = perf_counter()
        opening, turns = self._opening(prompt)
        earlier, notice = self._examples.turns(asked_of(prompt)) if self._examples else ((), "")
        messages = (*opening, *earlier, *turns)
        text, error = "", ""
        try:
            text = whole_reply(overheard, messages, max_tokens=self._max_tokens)
        except GeneratorError as failed:
            error = str(failed)
        seconds = perf_counter() - started
        tokens = overheard.tokens(self._count)
        notices = (notice,) if notice else ()
        return ArmReply(text, None, messages, None, (), seconds, *tokens, notices=notices, error=error)

    def _opening(self, prompt: Sequence[Message]) -> tuple[tuple[Message, ...], tuple[Message, ...]]:
        """The instructions, its own or those of the conversation, and the conversation without them."""
        own = tuple(message for message in prompt if message["role"] == "system")
        turns = tuple(message for message in prompt if message["role"] != "system")
        if own or not self._instructions:
            return own, turns
        return ({"role": "system", "content": self._instructions},), turns


def example_arms(
    rows_train: Sequence[Row],
    base: Generator,
    encoder: Encoder,
    *,
    instructions: str = "",
    tuned: Generator | None = None,
    k: int = 3,
    budget: int = EXAMPLE_TOKENS,
    max_tokens: int = REPLY_TOKENS,
) -> list[PromptedArm]:
    """The arms "prompted", "examples in the prompt" and, with a tuned generator, "fine-tuned on examples".

    Args:
        rows_train: to learn from; none of them may be asked.
        base: the model as it is.
        encoder: of the workspace.
        instructions: of all arms, for conversations without instructions of their own.
        tuned: the base after training on `rows_train`; it sees no examples.
        k, budget: see `NearestExamples`.
        max_tokens: of a reply.
    """
    count, examples = counting_with(encoder), NearestExamples(rows_train, encoder, k=k, budget=budget)
    arms = [
        PromptedArm(PROMPTED, base, count, instructions=instructions, max_tokens=max_tokens),
        PromptedArm(IN_PROMPT, base, count, instructions=instructions, examples=examples, max_tokens=max_tokens),
    ]
    if tuned is not None:
        arms.append(PromptedArm(TUNED, tuned, count, instructions=instructions, max_tokens=max_tokens))
    return arms
