"""A follow-up becomes a question that stands alone: "and on Windows?" -> "How do I install it on Windows?".

With a generator the generator rewrites, and what it writes is checked. Without one the conversation's own words do:
a pronoun is replaced by what the conversation is about, an ellipsis is completed from the question before, and words
of the earlier turns that the question leaves unsaid are searched for with it. A question that stands alone is left as
it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from instill.answer.asked.change_of_subject import since_change, without_announcement
from instill.answer.asked.documents_of_conversation import About, about_of
from instill.answer.asked.ellipsis import SAID_BESIDE, Alike
from instill.answer.asked.generated_rewrite import by_generator
from instill.answer.asked.history_terms import MODEL, Model, left_unsaid
from instill.answer.asked.in_context import in_context
from instill.answer.asked.needs_conversation import WEAK_STEMS
from instill.answer.asked.pronouns import MARK, is_vague, leaves_out, of_what_was_said, resolved, state_of
from instill.answer.harmless_text import plain_text
from instill.answer.terms import terms
from instill.answer.types import Turn, is_refusal
from instill.models.generators.protocol import Generator

TURN_CHARACTERS = 200
"""Most characters of each of the last answers that are searched for with a follow-up."""

_ASKS = re.compile(
    r"\?|^\W*(tell|describe|explain|show|list|give|compare)\b|\b(what|who|which|when|where|why|how|wer|wie|wo|wann|warum|qui|quand|comment|cómo)\b",
    re.IGNORECASE,
)
_SPEAKS = re.compile(r"\b(i|i['’]m|i['’]ve|im|my|me|mine|we|our|yes|no|yeah|nope|ok|okay|sure)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Form:
    """A way in which a question may be meant.

    Args:
        vague: only the conversation tells what it is about.
        of_what_was_said: it is about the last answer ("why is that?"), not only about its subject.
        in_context: the question with those before it, as the reader is given it; "" where it is read by itself.
    """

    question: str
    vague: bool = False
    of_what_was_said: bool = False
    in_context: str = ""

    @property
    def read(self) -> str:
        """What the reader and the encoder are given."""
        return self.in_context or self.question


@dataclass(frozen=True, slots=True)
class Standalone:
    """A question and how it came about.

    Args:
        question: understood without the conversation; what an answer is read for.
        search: what is searched for: the question, for a follow-up without a generator with the words that it leaves
            unsaid and the last answers behind it (more of the passages that answer are found so; see
            `bench/conversation.py`).
        by: "generator" or "conversation" when the question was changed, else "".
        forms: the ways in which it may be read, the likeliest first.
        about: the documents that the conversation is about; empty where the question starts another subject.
        points_back: it is known to lean on the conversation.
    """

    question: str
    search: str
    by: str = ""
    forms: tuple[Form, ...] = ()
    about: About = field(default_factory=About)
    points_back: bool = False

    @property
    def rewritten(self) -> bool:
        return bool(self.by)

    def spelt(self, right: Callable[[str], str]) -> Standalone:
        """The same with misspelt words put right."""
        forms = tuple(
            replace(form, question=right(form.question), in_context=right(form.in_context)) for form in self.forms
        )
        return replace(self, question=right(self.question), search=right(self.search), forms=forms)


def standalone(
    question: str,
    history: Sequence[Turn],
    generator: Generator | None = None,
    *,
    model: Model = MODEL,
    alike: Alike | None = None,
) -> Standalone:
    """The question as it would be asked without the conversation.

    Args:
        model: which words count as left unsaid; another one only to measure it.
        alike: see `instill.answer.asked.ellipsis.completed`.

    Example:
        >>> history = [Turn("user", "How do I install the agent on Linux?"), Turn("assistant", "Run the script.")]
        >>> standalone("and on Windows?", history).question
        'How do I install the agent on Windows?'
        >>> standalone("Who wrote the handbook of the company?", history).search
        'Who wrote the handbook of the company?'
    """
    announced = without_announcement(question)
    if announced:
        return Standalone(announced, announced, "conversation", (Form(announced),))
    history = since_change(history)
    if not any(turn.role == "user" for turn in history):
        return Standalone(question, question, forms=(Form(question),))
    about = about_of(history)
    points_back = leaves_out(question)
    leans = points_back or _responds(question)
    written = by_generator(question, history, generator) if leans and generator is not None else ""
    own = written or (resolved(question, state_of(history, alike), alike) if points_back else question)
    if not written and _only_led_in(question, own):
        points_back = leans = False
    points_back = points_back or _goes_on(question, history)
    present = set(terms(own))
    unsaid = [
        word for word in left_unsaid(question, history, model, points_back=leans) if not set(terms(word)) <= present
    ]
    search = " ".join([own, *unsaid, *(_last_answers(history) if leans or unsaid else ())])
    by = "" if own == question else "generator" if written else "conversation"
    before = [turn.text for turn in history if turn.role == "user"]
    forms = _forms(own, question, before, leans=leans or points_back)
    return Standalone(own, search, by, forms, about, points_back)


def _forms(own: str, question: str, before: Sequence[str], *, leans: bool) -> tuple[Form, ...]:
    """The rewritten question, read with the questions before it and by itself; a question that leans on nothing is read
    by itself."""
    plain = SAID_BESIDE.sub("?", own) if own != question else question
    alone = Form(plain, is_vague(plain), of_what_was_said(plain))
    return (Form(plain, in_context=in_context(question, before)), alone) if leans else (alone,)


def _goes_on(question: str, history: Sequence[Turn]) -> bool:
    """Does it speak of nothing that the last question and its answer did not speak of?"""
    said = set(terms(" ".join(turn.text for turn in history[-2:])))
    return set(terms(question)) - WEAK_STEMS <= said


def _only_led_in(question: str, own: str) -> bool:
    """Is it a whole question behind "and" or "ok"?"""
    return question.endswith(own) and question != own and not is_vague(own)


def _responds(text: str) -> bool:
    """Is it a reply to what was said ("Yes, I have one") rather than a question or a search?"""
    return not _ASKS.search(text) and bool(_SPEAKS.search(text))


def _last_answers(history: Sequence[Turn]) -> list[str]:
    """The last two answers, shortened."""
    given = [turn.text for turn in history if turn.role == "assistant" and not is_refusal(turn.text)]
    return [plain_text(MARK.sub("", text))[:TURN_CHARACTERS] for text in given[-2:]]
