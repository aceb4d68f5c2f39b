"""Questions about any text, as a small trained model writes them: a list of questions, each with the answer's words.

    Q: When was the tower built?
    A: 1889

What counts is checked by code: an answer stands in the text, and not in its question.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from instill.answer.said.prompt import neutral
from instill.generators.protocol import Message

RULES = "Write questions that the text answers. Below each question copy the words that answer it."

LONGEST_TEXT = 1_600
"""Characters of a text that are read at one time: about 400 tokens."""

_PAIR = re.compile(r"^Q:[ \t]*(?P<question>\S.*)\nA:[ \t]*(?P<answer>\S.*)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Listed:
    """A question and where its answer stands in the text."""

    question: str
    start: int
    end: int


def messages_for(title: str, text: str) -> tuple[Message, ...]:
    """What the model is asked; `text` is cut at `LONGEST_TEXT`."""
    shown = f"{' '.join(neutral(title).split())[:120]}\n{neutral(text[:LONGEST_TEXT])}".strip()
    return ({"role": "system", "content": RULES}, {"role": "user", "content": shown})


def listed(reply: str, text: str) -> Iterator[Listed]:
    """The questions of a reply whose answer stands in `text`, each once.

    Example:
        >>> reply = "Q: When was it built?\\nA: 1889\\nQ: By whom?\\nA: nobody"
        >>> [(each.question, each.start) for each in listed(reply, "The tower was built in 1889.")]
        [('When was it built?', 23)]
    """
    seen: set[str] = set()
    for match in _PAIR.finditer(reply):
        question, answer = match["question"].strip(), match["answer"].strip()
        start = text.find(answer)
        if start >= 0 and question.lower() not in seen:
            seen.add(question.lower())
            yield Listed(question, start, start + len(answer))
