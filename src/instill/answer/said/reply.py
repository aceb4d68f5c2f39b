"""Read a generator's reply: sentences with their markers, the quotes, or the admission that it does not know."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from instill.answer.found.sentences import split_sentences
from instill.answer.harmless_text import plain_text, safe_text
from instill.answer.said.prompt import QUOTES, UNKNOWN

_MARKER = re.compile(r"[\[［【]\s*\d{1,3}(?:\s*[,;、，–-]\s*\d{1,3})*\s*[\]］】]")
_NUMBERS = re.compile(r"(\d{1,3})(?:\s*[–-]\s*(\d{1,3}))?")
# The line after a marker stays a line: it may be the next item of a list.
_MARKER_AFTER_STOP = re.compile(rf"(?<![.!?。！？])([.!?。！？]+[\"”’)]*)\s*((?:{_MARKER.pattern}[^\S\n]*)+)")
_QUOTES_LINE = re.compile(
    r"^[\s#*_]*quotes?[\s*_]*:?[\s*_]*$|^[\s#*_]*quotes?[*_]*:(?=\s*[\[［【])", re.IGNORECASE | re.MULTILINE
)
_QUOTE_LINE = re.compile(rf"^\s*[-*•]?\s*({_MARKER.pattern})\s*[:：-]?\s*(.+)$")
_DECORATION = " \t\n#*_"
_OUTER = "\"'“”„«»‘’` "
_UNKNOWN = re.compile(
    r"not in the documents|\b(passages?|documents?|context|text|sources?)\b[^.]{0,40}\b(do(es)?n[o']t|do(es)? not|"
    r"can't|fails? to|lacks?)\b|\b(i|we) (do not|don't|cannot|can't|could not|couldn't) (know|find|answer|determine)\b|"
    r"\bno (information|answer|mention)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Statement:
    """A sentence of the reply without its markers; `passages` are the numbers it cites.

    `inherited`: the sentence has no marker of its own and takes those of the next marked sentence of its paragraph.
    """

    text: str
    passages: tuple[int, ...]
    inherited: bool = False
    listed: bool = False


@dataclass(frozen=True, slots=True)
class Reply:
    """`quotes`: passage number -> quotes in the order given. `unknown`: the generator says that it does not know."""

    statements: tuple[Statement, ...]
    quotes: dict[int, list[str]]
    unknown: bool


def read_reply(text: str) -> Reply:
    """Parse a reply; anything goes, nothing raises.

    Example:
        >>> reply = read_reply('Mars has two moons. [1, 2]\\nQUOTES:\\n[1] "two moons"')
        >>> reply.statements[0].text, reply.statements[0].passages, reply.quotes
        ('Mars has two moons.', (1, 2), {1: ['two moons']})
    """
    text = safe_text(text).strip()
    cut = _QUOTES_LINE.search(text)
    body, tail = (text[: cut.start()], text[cut.end() :]) if cut else (text, "")
    quotes: dict[int, list[str]] = {}
    kept: list[str] = []
    for line in body.split("\n"):
        # A model may forget the heading: a line of marker and quotation is a quote also in the body.
        match = _QUOTE_LINE.match(line)
        if match and match.group(2).lstrip()[:1] in '"“«„':
            _put(quotes, match)
        else:
            kept.append(line)
    body = "\n".join(kept)
    for line in _joined(tail):
        match = _QUOTE_LINE.match(line)
        if match:
            _put(quotes, match)
    statements = _statements(body)
    marked = any(statement.passages for statement in statements)
    unknown = UNKNOWN.lower() in body.lower() or (not marked and bool(_UNKNOWN.search(body)))
    return Reply(statements, quotes, unknown)


def _put(quotes: dict[int, list[str]], match: re.Match[str]) -> None:
    for number in _numbers(match.group(1)):
        quotes.setdefault(number, []).append(match.group(2).strip().strip(_OUTER))


def _joined(tail: str) -> list[str]:
    """The lines of the quotes; a line that does not begin with a marker goes on with the one before it."""
    lines: list[str] = []
    for line in tail.split("\n"):
        if lines and line.strip() and not _QUOTE_LINE.match(line):
            lines[-1] += " " + line.strip()
        elif line.strip():
            lines.append(line)
    return lines


def _statements(body: str) -> tuple[Statement, ...]:
    body = _MARKER_AFTER_STOP.sub(lambda match: f" {match.group(2).strip()}{match.group(1)} ", body)
    found: list[Statement] = []
    for paragraph in body.split("\n"):
        here: list[Statement] = []
        for sentence in split_sentences(paragraph):
            piece = paragraph[sentence.start : sentence.end]
            numbers = tuple(dict.fromkeys(n for marker in _MARKER.findall(piece) for n in _numbers(marker)))
            shown = re.sub(r"\s+([.!?,;:。！？])", r"\1", plain_text(_MARKER.sub("", piece)))
            if any(character.isalnum() for character in shown) and sentence.kind not in ("heading", "mark"):
                here.append(Statement(shown, numbers, listed=sentence.kind == "item"))
        found.extend(_inheriting(here))
    return tuple(found)


def _inheriting(statements: list[Statement]) -> list[Statement]:
    numbers: tuple[int, ...] = ()
    result = []
    for statement in reversed(statements):
        if statement.passages:
            numbers = statement.passages
            result.append(statement)
        else:
            result.append(Statement(statement.text, numbers, inherited=True, listed=statement.listed))
    return result[::-1]


def _numbers(marker: str) -> list[int]:
    numbers: list[int] = []
    for first, last in _NUMBERS.findall(marker):
        numbers.extend(range(int(first), min(int(last or first), int(first) + 20) + 1))
    return numbers


class AnswerStream:
    """Passes a streamed reply on to `show`, up to the quotes, without control characters.

    The end of a line that might become the quotes line is held back until it is decided.
    """

    def __init__(self, show: Callable[[str], None]) -> None:
        self._show = show
        self._line = ""
        self._shown = 0
        self._done = False

    def feed(self, piece: str) -> None:
        for character in safe_text(piece):
            if self._done:
                return
            self._line += character
            head = self._line.strip(_DECORATION).upper()
            undecided = len(head) <= len(QUOTES) and QUOTES.startswith(head)
            if character == "\n" and head.rstrip(":") == QUOTES.rstrip(":"):
                self._done = True
            elif character == "\n" or not undecided:
                self._pass_on()
            if character == "\n":
                self._line, self._shown = "", 0

    def end(self) -> None:
        if not self._done and self._line.strip(_DECORATION).rstrip(":").upper() != QUOTES.rstrip(":"):
            self._pass_on()

    def _pass_on(self) -> None:
        if len(self._line) > self._shown:
            self._show(self._line[self._shown :])
            self._shown = len(self._line)
