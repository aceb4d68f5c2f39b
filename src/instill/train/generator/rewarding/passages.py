"""The passages that a row's prompt shows, told apart by their numbers, so that a reply's citations can be checked.

Three forms are known: the fenced passages of `instill ask` (`instill.answer.said.prompt`), the short ones of a small
model ("[1] Title" and the text, `instill.answer.said.compact_prompt`), and "Passage 1: ...". The numbers must count up
from 1, or a citation would have no place to point to.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from instill.index.types import Hit
from instill.models.generators.chat_text import ChatMessage

_FENCED = re.compile(r"^<<(\w+) passage (\d{1,3})>>\n(?:Title: ([^\n]*)\n)?(.*?)\n?<<\1 end \2>>$", re.M | re.S)
_QUESTION = re.compile(r"^Question:", re.M)
_SHORT = re.compile(r"^\[(\d{1,3})\] ?([^\n]*)\n", re.M)
_PLAIN = re.compile(r"^Passage (\d{1,3}):( ?)", re.M)


@dataclass(frozen=True, slots=True)
class Shown:
    """Passages as hits of a search would be, passage `n` at place `n - 1`; each is a document of its own."""

    hits: tuple[Hit, ...]

    def text_of(self, doc_id: str) -> str | None:
        """The text of a passage, by the name that its hit has."""
        return next((hit.text for hit in self.hits if hit.doc_id == doc_id), None)


def passages_of(prompt: Sequence[ChatMessage]) -> Shown | None:
    """The passages of the last message with some; None where there are none, or their numbers do not count up from 1.

    Example:
        >>> shown = passages_of([{"role": "user", "content": "Passage 1: Mars has two moons.\\nQuestion: How many?"}])
        >>> [hit.text for hit in shown.hits]
        ['Mars has two moons.']
        >>> passages_of([{"role": "user", "content": "[2] Mars\\nIt has two moons.\\nQuestion: How many?"}]) is None
        True
    """
    for message in reversed(prompt):
        text = str(message.get("content") or "")
        for found in (_fenced(text), _parted(text, _SHORT), _parted(text, _PLAIN)):
            if found and [number for number, _, _ in found] == list(range(1, len(found) + 1)):
                return Shown(tuple(_hit(number, title, body) for number, title, body in found))
    return None


def _fenced(text: str) -> list[tuple[int, str, str]]:
    return [(int(each.group(2)), each.group(3) or "", each.group(4)) for each in _FENCED.finditer(text)]


def _parted(text: str, head: re.Pattern[str]) -> list[tuple[int, str, str]]:
    """Number, title and text of passages that go on until the next one, or the question, begins."""
    questions = [match.start() for match in _QUESTION.finditer(text)]
    shown = text[: questions[-1]] if questions else text
    heads = list(head.finditer(shown))
    ends = [each.start() for each in heads[1:]] + [len(shown)]
    return [
        (int(each.group(1)), each.group(2).strip(), shown[each.end() : end].strip())
        for each, end in zip(heads, ends, strict=False)
    ]


def _hit(number: int, title: str, body: str) -> Hit:
    name = f"passage-{number}"
    return Hit(name, 0, 0, len(body), body, "", None, None, name, "text", title, (), {}, 1.0, 1.0, 1.0)
