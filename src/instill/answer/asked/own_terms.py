"""A follow-up rewritten with the conversation's own words: pronouns replaced, ellipses completed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from instill.answer.asked.dependence import LEAD, QUESTION_WORD, continues, depends, pointing
from instill.answer.asked.subject import LONGEST_REWRITE, TURNS, last_name, phrases, subject_of
from instill.answer.text import terms
from instill.answer.types import Turn, is_refusal

MARK = re.compile(r"\s*\[\d+\]")
"""A citation marker in an answer."""

_DETERMINER = re.compile(r"\b(this|that|these|those)\s+(?=[a-z])", re.IGNORECASE)
_PREPOSITION = re.compile(
    r"^(on|in|at|for|with|under|from|by|of|to|during|after|before|without|about|as)\s+(.+)$", re.I
)
_ABOUT = re.compile(r"^What about [^:]+: ")
_POSSESSIVE = frozenset({"its", "their", "theirs", "his", "hers", "dessen", "deren"})
_PERSON = frozenset({"he", "him", "his", "she", "her", "hers"})


@dataclass(frozen=True, slots=True)
class State:
    """What the conversation has come to.

    Args:
        question: the last question, standing alone, or "".
        subject: what it is about, or "".
        name: the last name that was spoken of, or "".
        subjects: all that it was about so far, oldest first.
    """

    question: str = ""
    subject: str = ""
    name: str = ""
    subjects: tuple[str, ...] = ()

    def after(self, question: str, subject: str, name: str) -> State:
        """The state after one more question; an empty `subject` or `name` leaves the old one."""
        subjects = (*self.subjects, subject) if subject else self.subjects
        return State(question, subject or self.subject, name or self.name, subjects)


def state_of(history: Sequence[Turn]) -> State:
    """The state after the last `TURNS` turns of each side.

    Example:
        >>> state_of([Turn("user", "Tell me about makos."), Turn("user", "Where do they live?")])
        State(question='Where do makos live?', subject='makos', name='', subjects=('makos',))
    """
    state = State()
    for turn in history[-2 * TURNS :]:
        text = " ".join(turn.text.split())
        if turn.role == "user":
            text = text[:LONGEST_REWRITE]
            dependent = bool(state.question) and depends(text)
            question = resolved(text, state) if dependent else text
            # A dependent question goes on about the same thing, unless it names another ("what about France?").
            named = _named(text, state) if not dependent or continues(text) else ""
            state = state.after(question, named, last_name(text))
        elif not state.subject and not is_refusal(text):
            topics = [*turn.topics, MARK.sub("", text)[:200]]
            found = next((phrase for topic in topics for phrase in phrases(topic)), "")
            state = state.after(state.question, found, "")
    return state


def _named(text: str, state: State) -> str:
    """What the question names as its subject; an earlier subject that it repeats in full is taken up again."""
    said = set(terms(text))
    again = [known for known in state.subjects if set(terms(known)) <= said]
    return max(again, key=len) if again else subject_of(text, current=state.subject)


def resolved(question: str, state: State) -> str:
    """The question with what it points to in place; unchanged where nothing is known of that."""
    completed = _completed(question, state.question) if state.question else ""
    if completed:
        return completed
    pronoun = pointing(question)
    word = pronoun.group().lower() if pronoun else ""
    subject = state.name if word in _PERSON and state.name else state.subject
    if not set(terms(subject)) - set(terms(question)):
        return question
    if pronoun is None or _DETERMINER.match(question, pronoun.start()):
        # "this policy": the noun is there, so the subject is added rather than put in its place.
        return f"{question.rstrip(' ?.!')} ({subject})?"
    following = question[pronoun.end() :]
    possessive = word in _POSSESSIVE or (word == "her" and bool(re.match(r"\s+[a-z]", following)))
    return question[: pronoun.start()] + _with_ending(subject, possessive) + following


def _with_ending(subject: str, possessive: bool) -> str:
    return subject + ("'" if subject.endswith("s") else "'s") * possessive


def _completed(question: str, before: str) -> str:
    """An elliptical question completed from the one before it, or "" when it is not elliptical.

    "and on Windows?" takes the place of "on Linux"; "why?" asks it of the same thing; "and X?" asks the same of X.

    Example:
        >>> _completed("And the honey cake?", "What does the rye loaf cost?")
        'What about the honey cake: What does the rye loaf cost?'
    """
    lead = LEAD.match(question)
    rest = question[lead.end() :].strip(" ?.!") if lead else question
    if re.fullmatch(r"(why|how|when|where|who)( (so|not|is that|then|come|exactly|else))?", rest, re.IGNORECASE):
        return f"{rest.split()[0].capitalize()}: {before}"
    if not continues(question) or QUESTION_WORD.match(rest) or pointing(rest):
        return ""
    place = _PREPOSITION.match(rest)
    if place:
        same = re.compile(rf"\b{place.group(1)}\s+(?:the |a |an )?[\w'’.-]+(?:\s+(?=[A-Z])[\w'’.-]+)*", re.IGNORECASE)
        found = list(same.finditer(before))
        if found:
            return before[: found[-1].start()] + rest + before[found[-1].end() :]
    # Named first, since the reader answers "..., the honey cake?" for what was asked about before.
    new = re.sub(r"^(?:for|of|about|with)\s+", "", rest, flags=re.IGNORECASE)
    return f"What about {new}: {_ABOUT.sub('', before).rstrip(' ?.!')}?"
