"""An answer on a terminal: wrapped at its width, the question's words marked, code as it stands, then the sources."""

from __future__ import annotations

import re
import shutil
import textwrap
from collections.abc import Iterator

from instill.answer.harmless_text import plain_text
from instill.answer.said.quoted_answer import with_marks
from instill.answer.terms import stem, terms
from instill.answer.types import Answer, Citation
from instill.cli.output import clean, place, readable
from instill.cli.terminal import say, say_marked
from instill.errors.escapes import shortened

WIDEST = 100
"""Lines are wrapped here also on a wider terminal, in characters."""

NEAREST_CHARACTERS = 400
"""Of a piece that is only near, so much is shown."""

_HANGING = re.compile(r"\s*(?:[-*•]|\d{1,3}\.)\s+")
_WORD = re.compile(r"\w[\w’'-]*")


def print_answer(answer: Answer) -> None:
    """The answer, then its sources by number; of a refusal, what is missing and what is nearest."""
    for notice in answer.notices:
        say(f"note: {clean(notice)}", fg="yellow", err=True)
    wanted = frozenset(terms(answer.trace.standalone_question))
    if answer.abstained:
        for line in wrapped(readable(answer.text)):
            say(line, fg="yellow")
        _print_nearest(answer, wanted)
        return
    if answer.short:
        say(readable(answer.short), bold=True)
        say("")
    numbers = {citation: number for number, citation in enumerate(answer.citations, start=1)}
    for position, claim in enumerate(answer.claims):
        if position and not claim.text.startswith("- "):
            say("")
        marks = "".join(f"[{numbers[citation]}]" for citation in claim.citations)
        _say_piece(readable(with_marks(claim.text, marks)), wanted)
    say("")
    for citation, number in numbers.items():
        say(f"[{number}] {where(citation)}", dim=True)
    unsure = " (not certain: read the source before you rely on it)" if answer.is_uncertain else ""
    say(f"confidence {answer.confidence:.2f}{unsure} · {answer.timings.get('total', 0.0):.0f} ms", dim=True)


def _print_nearest(answer: Answer, wanted: frozenset[str]) -> None:
    """The pieces that come nearest to a question that is not answered, each under the place where it stands."""
    if answer.nearest:
        say("", "Nearest:")
    elif answer.trace.candidates:
        say("", "Nearest passages:")
    for claim in answer.nearest:
        say(f"  {where(claim.citations[-1])}", dim=True)
        _say_piece(_shortened(readable(claim.text)), wanted, indent="  ")
    for candidate in () if answer.nearest else answer.trace.candidates[:3]:
        say(f"  {place(candidate.title, candidate.source, candidate.headings, candidate.page)}", dim=True)
        _say_line(readable(" ".join(plain_text(candidate.text).split()), 160), wanted, indent="  ")


def _shortened(text: str) -> str:
    """The first lines of a piece, `NEAREST_CHARACTERS` at most."""
    kept: list[str] = []
    for line in text.splitlines():
        if kept and sum(map(len, kept)) + len(line) > NEAREST_CHARACTERS:
            kept.append("...")
            break
        kept.append(shortened(line, NEAREST_CHARACTERS))
    return "\n".join(kept)


def _say_piece(text: str, wanted: frozenset[str], *, indent: str = "") -> None:
    """Prose wrapped with the question's words marked, code as it stands."""
    code = False
    for line in text.splitlines():
        if line.startswith("```"):
            code = not code
        elif code:
            say(f"{indent}    {line}", fg="cyan")
        else:
            _say_line(line, wanted, indent=indent)


def where(citation: Citation) -> str:
    """File, page or line, and headings of a citation, and what `instill show` takes to open it."""
    found = place(citation.title, citation.source, citation.headings, citation.page, citation.line)
    return f"{found} · {citation.doc_id} [{citation.start}, {citation.end})"


def wrapped(text: str, *, indent: str = "") -> Iterator[str]:
    """The text's lines, none wider than the terminal; what follows an item's first line stands below its text."""
    width = max(30, min(WIDEST, shutil.get_terminal_size().columns))
    for line in text.splitlines() or [""]:
        item = _HANGING.match(line)
        hanging = indent + " " * (item.end() if item else 0)
        yield from textwrap.wrap(
            line,
            width,
            initial_indent=indent,
            subsequent_indent=hanging,
            break_long_words=False,
            break_on_hyphens=False,
            drop_whitespace=True,
        ) or [""]


def _say_line(line: str, wanted: frozenset[str], *, indent: str = "") -> None:
    for part in wrapped(line, indent=indent):
        parts: list[tuple[str, bool]] = []
        end = 0
        for word in _WORD.finditer(part):
            if stem(word.group().lower()) in wanted:
                parts += [(part[end : word.start()], False), (word.group(), True)]
                end = word.end()
        say_marked([*parts, (part[end:], False)])
