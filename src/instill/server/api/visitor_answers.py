"""What visitors of a web site are told: the answer and its quotes, and nothing about the machine that gives it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from instill.answer.types import Answer, Citation, Claim, Trace
from instill.answer.types import Turn as Said
from instill.errors import InstillError
from instill.errors.escapes import shown
from instill.server.errors import Refused
from instill.server.service import Seen

log = logging.getLogger("instill.server")


def answer_visitor(seen: Seen, question: str, history: list[Said]) -> Answer:
    """The answer to a visitor's question. It comes whole: a generator's words are not shown before they are checked.

    Raises:
        Refused: the question is empty, or there is no answer now; the log says why.
    """
    if not question.strip():
        raise Refused(400, "The question is empty.", where="question", remedy="Ask in a whole sentence.")
    turn = seen.turn()  # That many ask is no secret.
    with told_to_the_log():
        return for_visitors(
            seen.answered(
                lambda put: seen.workspace.ask(question, history=history, asked_by=seen.asker, on_token=put), turn
            )
        )


def for_visitors(answer: Answer) -> Answer:
    """The answer without paths of files, passages considered, notices to the owner, times, and its number in the log.

    Example:
        >>> cited = Citation("7f", "/home/ann/tea.md", "Tea", 0, 10, "80 degrees")
        >>> claims = (Claim("80", (cited,)),)
        >>> kept = Answer("80", claims, 0.9, False, Trace("At how many?", "", "extractive"), ("slow",))
        >>> for_visitors(kept).citations[0].source, for_visitors(kept).notices
        ('tea.md', ())
    """
    asked = answer.trace.question
    return replace(
        answer,
        claims=tuple(map(_claim, answer.claims)),
        nearest=tuple(map(_claim, answer.nearest)),
        trace=Trace(asked, asked, answer.trace.method),
        notices=(),
        timings={},
        question_id=None,
    )


def _claim(claim: Claim) -> Claim:
    return replace(claim, citations=tuple(map(_citation, claim.citations)))


def _citation(citation: Citation) -> Citation:
    source = citation.source
    if source.startswith(("http://", "https://")):
        return citation
    return replace(citation, source=source.removeprefix("stdin:").rpartition("/")[2].rpartition("\\")[2])


@contextmanager
def told_to_the_log() -> Iterator[None]:
    """Whatever keeps the question from being answered names files, settings or endpoints: it goes to the log alone.

    Raises:
        Refused: 503, in words for visitors.
    """
    try:
        yield
    except InstillError as error:
        log.warning("a visitor's question was not answered: %s: %s", type(error).__name__, shown(str(error)))
        raise Refused(503, "There is no answer at the moment.", remedy="Try again later.") from error
