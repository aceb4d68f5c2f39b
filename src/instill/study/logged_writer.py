"""What writers of questions by a generator share: requests are kept, and what was of no use is counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from instill.models.generators.protocol import Generator, Message, usage_of
from instill.study.study_set import Fact


class LoggedWriter:
    """The part of an `instill.study.study_making.Writer` that does not write."""

    def __init__(self, generator: Generator) -> None:
        self._generator = generator
        self._log: list[dict[str, Any]] = []
        self._rejected: Counter[str] = Counter()

    @property
    def name(self) -> str:
        """The generator's name."""
        return self._generator.name

    @property
    def log(self) -> Sequence[Mapping[str, Any]]:
        """One object a request: `purpose`, `fact`, `messages`, `reply`, `problems`, and `tokens` as [read, written]
        where the generator tells them."""
        return self._log

    @property
    def rejected(self) -> Mapping[str, int]:
        """How much was of no use, by reason."""
        return self._rejected

    def _keep(
        self, purpose: str, fact: Fact, conversation: Sequence[Message], reply: str, problems: Sequence[str]
    ) -> None:
        messages = [dict(message) for message in conversation]
        request: dict[str, Any] = {"purpose": purpose, "fact": fact.id, "messages": messages, "reply": reply}
        request["problems"] = list(problems)
        used = usage_of(self._generator)
        if used is not None:
            request["tokens"] = list(used)
        self._log.append(request)
        self._rejected.update(f"generator: {problem}" for problem in problems)
