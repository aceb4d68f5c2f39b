"""What the arms put before a generator. Retrieval is not here: it asks as `instill ask` does.

A wording makes the messages of the other arms. `RULES` is for models that follow instructions; its prompt with passages
is the one of `instill ask`, so that arms with passages differ in the passages alone. `PLAIN` has no instructions, for
small models that were trained on questions and on "Passage 1: ..." as they stand.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from instill.answer.said.prompt import Prompt, build_prompt, neutral
from instill.index.types import Hit
from instill.models.generators.protocol import Message

CLOSED_RULES = """\
You answer questions from memory. Write the answer alone, in a few words, without a sentence around it. \
If you do not know it, write only: I don't know"""


class Wording(Protocol):
    """How a generator is asked.

    Attributes:
        cites: whether the reply to `reading` has markers and quotes, as in `instill.answer.said.prompt`.
        instructions: what stands in its closed-book prompts besides the question; "" for nothing.
    """

    @property
    def cites(self) -> bool: ...
    @property
    def instructions(self) -> str: ...

    def closed(self, question: str) -> tuple[Message, ...]:
        """The prompt without any document."""
        ...

    def reading(self, question: str, hits: Sequence[Hit]) -> Prompt:
        """The prompt with these passages, all of them, in this order."""
        ...


@dataclass(frozen=True, slots=True)
class Instructed:
    """A wording with instructions.

    Args:
        instructions: the system prompt of closed-book questions; "" for none, as study rows have none.

    Example:
        >>> [message["role"] for message in Instructed().closed("Who built the oven?")]
        ['system', 'user']
    """

    instructions: str = CLOSED_RULES
    cites: bool = True

    def closed(self, question: str) -> tuple[Message, ...]:
        asked: Message = {"role": "user", "content": question}
        return ({"role": "system", "content": self.instructions}, asked) if self.instructions else (asked,)

    def reading(self, question: str, hits: Sequence[Hit]) -> Prompt:
        whole = sum(len(neutral(hit.text)) for hit in hits)
        return build_prompt(question, hits, characters=max(1, whole))


@dataclass(frozen=True, slots=True)
class Plain:
    """A wording without instructions: the question, and before it the passages, numbered.

    Example:
        >>> hit = Hit("d1", 0, 0, 11, "Pi is 3.14.", "", None, None, "pi.txt", "text", "Pi", (), {}, 1.0, 1.0, 1.0)
        >>> print(Plain().reading("What is pi?", [hit]).messages[0]["content"])
        Passage 1: Pi is 3.14.
        Question: What is pi?
    """

    instructions: str = ""
    cites: bool = False

    def closed(self, question: str) -> tuple[Message, ...]:
        return ({"role": "user", "content": question},)

    def reading(self, question: str, hits: Sequence[Hit]) -> Prompt:
        shown = [f"Passage {number}: {' '.join(neutral(hit.text).split())}" for number, hit in enumerate(hits, 1)]
        content = "\n".join([*shown, f"Question: {neutral(question)}"])
        return Prompt(({"role": "user", "content": content},), tuple(hits), "")


RULES: Wording = Instructed()
PLAIN: Wording = Plain()
