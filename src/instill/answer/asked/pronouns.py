"""A follow-up rewritten with the conversation's own words: pronouns replaced by what the conversation is about."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from instill.answer.asked.change_of_subject import since_change
from instill.answer.asked.ellipsis import (
    SAID_BESIDE,
    Alike,
    completed,
    elliptical,
    fragment_of,
    opens_a_condition,
    verbless_or_of_these,
)
from instill.answer.asked.needs_conversation import LEAD, QUESTION_WORD, WEAK_STEMS, continues, depends, pointing
from instill.answer.asked.subject import (
    LONGEST_REWRITE,
    TURNS,
    last_name,
    noun_phrases,
    phrases,
    subject_of,
    topic_name,
    without_participle,
)
from instill.answer.terms import STOPWORDS, terms, word_set
from instill.answer.types import Turn, is_refusal

MARK = re.compile(r"\s*\[\d+\]")
"""A citation marker in an answer."""

_DETERMINER = re.compile(r"\b(this|that|these|those)\s+(?=[a-z])", re.IGNORECASE)
_POSSESSIVE = frozenset({"its", "their", "theirs", "his", "hers", "dessen", "deren"})
_PERSON = frozenset({"he", "him", "his", "she", "her", "hers"})
_BODIES = word_set("people staff team committee board council company police children men women data media")
_WHOLE = frozenset({"that", "this"})
_COUNTED = re.compile(r"\b(how (?:many|much)|which|some|any|most|all|none|each|both|one) of $", re.IGNORECASE)
_ONE = re.compile(
    r"\b(?P<before>(?:a|an|any|another)(?: [a-z]+)?|there) one\b(?! of\b)|\bthe (?P<kind>[a-z]+) one\b"
    r"|(?<!which )(?<!this )(?<!that )(?<!no )(?<!each )(?<!every )(?<!or )\b(?P<bare>one)\b"
    r"(?=\s+(?:by|in|on|at|with|from|to|around|near|per)\b|\W*$)",
    re.IGNORECASE,
)
_ORDER = word_set("first second third last latter former other same next only")
_ADVERBS = frozenset(terms("instead early late else again exactly usually"))
_OF_THE_ANSWER = re.compile(r"^\W*why\b|\b(?:instead|then|else)\b", re.IGNORECASE)
_PERSON_ASKED = re.compile(r"\bwho(?:m|se)?\b", re.IGNORECASE)
_JOINT = r"(?:(?:de|la|le|du|von|van|zu|der|den|ter|da|di|del|dos|bin|ibn|al|el) )*"
_PERSON_NAME = re.compile(rf"\b[A-ZÀ-Þ][\w’'-]+(?: {_JOINT}[A-ZÀ-Þ][\w’'-]+){{1,3}}")
"""Two words or more; "Proposal by Lucía" is no name."""
_FILLER = re.compile(r"^(?:so|well|ok(?:ay)?|and|but|also|then|or|plus)\b[\s,.!]*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class State:
    """What the conversation has come to.

    Args:
        question: the last question, standing alone, or "".
        subject: what it is about, or "".
        name: the last name that was spoken of, or "".
        subjects: all that it was about so far, oldest first.
        topics: what the places are called that the last answer cited.
        said: the user's words so far, for the articles in front of the subjects.
    """

    question: str = ""
    subject: str = ""
    name: str = ""
    subjects: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    said: str = ""

    def after(self, question: str, subject: str, name: str) -> State:
        """The state after one more question; an empty `subject` or `name` leaves the old one."""
        subjects = (*self.subjects, subject) if subject else self.subjects
        return replace(
            self, question=question, subject=subject or self.subject, name=name or self.name, subjects=subjects
        )

    @property
    def referent(self) -> str:
        """What "it" stands for: of all that was spoken of the newest that the last answer's places are about, else
        the subject."""
        about = set(terms(" ".join(self.topics)))
        known = (subject for subject in reversed(self.subjects) if set(terms(subject)) and set(terms(subject)) <= about)
        return next(known, self.subject)


def state_of(history: Sequence[Turn], alike: Alike | None = None) -> State:
    """The state after the last `TURNS` turns of each side.

    Args:
        alike: see `instill.answer.asked.ellipsis.completed`.

    Example:
        >>> state_of([Turn("user", "Tell me about makos."), Turn("user", "Where do they live?")]).question
        'Where do makos live?'
    """
    state = State()
    for turn in since_change(history[-2 * TURNS :]):
        text = " ".join(turn.text.split())
        if turn.role == "user":
            text = text[:LONGEST_REWRITE]
            dependent = bool(state.question) and leaves_out(text)
            question = resolved(text, state, alike) if dependent else text
            # A dependent question goes on about the same thing, unless it names another ("what about France?").
            named = _named(text, question, state) if not dependent or continues(text) else ""
            said = f"{state.said} {text}"
            state = replace(state.after(question, named, last_name(text)), said=said)
        elif not is_refusal(text):
            state = _after_answer(state, turn, MARK.sub("", text))
    return state


def _after_answer(state: State, turn: Turn, text: str) -> State:
    state = replace(state, topics=turn.topics)
    if not state.subject:
        topics = [*map(topic_name, turn.topics), text[:200]]
        found = next((phrase for topic in topics for phrase in phrases(topic)), "")
        state = state.after(state.question, found, "")
    if _PERSON_ASKED.search(state.question):
        asked = set(terms(state.question))
        names = (match.group() for match in _PERSON_NAME.finditer(text[:300]))
        person = next((name for name in names if not asked & set(terms(name))), "")
        state = replace(state, name=person or state.name)
    return state


def leaves_out(question: str) -> bool:
    """Does the question need the conversation, by its words or by its form?

    Example:
        >>> [leaves_out(q) for q in ("is there one around christmas?", "and if it rains?", "Who founded Rome?")]
        [True, True, False]
    """
    one = _ONE.search(question)
    return depends(question) or elliptical(question) or bool(one and (one["kind"] or "").lower() not in _ORDER)


def is_vague(question: str) -> bool:
    """Does it still point to something that it does not name?

    Example:
        >>> [is_vague(q) for q in ("how do I turn that off (replica)?", "why?", "can I write to the replica?")]
        [True, True, False]
    """
    question = SAID_BESIDE.sub("?", question)
    if QUESTION_WORD.match(question) and not continues(question):
        content = set(terms(question)) - WEAK_STEMS - _ADVERBS
        return not content or pointing(question) is not None or verbless_or_of_these(question)
    return leaves_out(question)


def of_what_was_said(question: str) -> bool:
    """Is it about what was just said rather than about its subject ("why is that?", "what should I use instead?")?"""
    pronoun = pointing(question)
    if pronoun is not None:
        return pronoun.group().lower() in _WHOLE
    return is_vague(question) and _OF_THE_ANSWER.search(question) is not None


def _named(text: str, question: str, state: State) -> str:
    """What a question names as its subject; an earlier subject that it repeats in full is taken up again.

    Args:
        text, question: as it was asked, and standing alone.
    """
    if opens_a_condition(text):
        return ""
    said = set(terms(text))
    again = [known for known in state.subjects if set(terms(known)) <= said]
    if again:
        return max(again, key=len)
    named = subject_of(text, current=state.subject) or (fragment_of(text) if question != text else "")
    # "and high?": what is spoken of now is a high vulnerability.
    whole = subject_of(question, current="") if named and question != text else ""
    return whole if set(terms(named)) <= set(terms(whole)) else named


def resolved(question: str, state: State, alike: Alike | None = None) -> str:
    """The question with what it points to in place; unchanged where nothing is known of that."""
    filled = completed(question, state.question, alike)
    if filled and not filled.startswith("What if "):
        return filled
    question = filled or question
    lead = LEAD.match(question)
    rest = question[lead.end() :] if lead else question
    if QUESTION_WORD.match(rest):
        question = rest
    question = _FILLER.sub("", question) or question
    pronoun = pointing(question)
    word = pronoun.group().lower() if pronoun else ""
    subject = state.name if word in _PERSON and state.name else state.referent
    if not set(terms(subject)) - set(terms(question)):
        return question
    one = _ONE.search(question)
    if one and (one["kind"] or "").lower() not in _ORDER:
        noun = _last_noun(state.question) or subject
        return f"{question[: one.start()]}{_one_of(one, noun)}{question[one.end() :]}"
    if pronoun is None and len(set(terms(question)) - WEAK_STEMS) > 1:
        return question
    several = word in ("they", "them") and not _is_plural(subject)
    unknown = several or (word in _PERSON and not state.name) or (word == "it" and _spoken_of_all(subject, state.said))
    if pronoun is None or unknown or word in _WHOLE or _DETERMINER.match(question, pronoun.start()):
        # "this policy": the noun is there; "turn that off": what is meant may be more than a noun; "he" is no oven.
        return f"{question.rstrip(' ?.!')} ({subject})?"
    before, following = question[: pronoun.start()], question[pronoun.end() :]
    counted = _COUNTED.search(before)
    if counted and counted[1].lower().startswith("how"):
        return f"{before[: counted.end(1)]} {subject}{following}"
    possessive = word in _POSSESSIVE or (word == "her" and bool(re.match(r"\s+[a-z]", following)))
    spoken = _with_article(subject, state.said)
    return before + _with_ending(_singular(spoken) if word == "it" else spoken, possessive) + following


def _is_plural(subject: str) -> bool:
    """Can "they" stand for it: a plural, several things, a body of people?"""
    last = subject.split()[-1].lower()
    return (last.endswith("s") and not last.endswith("ss")) or last in _BODIES or " and " in subject


def _singular(subject: str) -> str:
    """ "sentinels" -> "sentinel", where a plural in small letters ends it."""
    last = subject.split()[-1]
    if len(last) < 4 or not last.islower() or not last.endswith("s") or last.endswith(("ss", "us", "is", "ics")):
        return subject
    if last.endswith("ies"):
        return f"{subject[:-3]}y"
    return subject[:-2] if last.endswith(("shes", "ches", "xes", "sses", "zes")) else subject[:-1]


def _last_noun(question: str) -> str:
    """What the last question speaks of behind an article: "laptop" of "does the laptop count?"; or ""."""
    found = (
        phrase for phrase in noun_phrases(question) if re.search(rf"\b(?:a|an|the) {re.escape(phrase)}\b", question)
    )
    return without_participle(next(found, ""))


def _spoken_of_all(subject: str, said: str) -> bool:
    """ "all clients" are not "it"."""
    return bool(re.search(rf"\b(?:all|every|each)\s+(?:the\s+)?{re.escape(subject)}\b", said, re.IGNORECASE))


def _one_of(one: re.Match[str], subject: str) -> str:
    """ "a new one" -> "a new laptop", "there one" -> "there a company meeting", "the red one" -> "the red kettle"."""
    if one["bare"]:
        return f"{'an' if subject[:1].lower() in 'aeiou' else 'a'} {_singular(subject)}"
    if one["kind"]:
        return f"the {one['kind']} {subject}"
    if one["before"].lower() == "there":
        plural = subject.endswith("s") and not subject.endswith("ss")
        return f"there {'' if plural else 'an ' if subject[:1].lower() in 'aeiou' else 'a '}{subject}"
    return f"{one['before']} {subject}"


def _with_article(subject: str, said: str) -> str:
    """The subject behind the article that the user's words have in front of it: "a replica" -> "the replica"."""
    found = re.search(rf"\b(the|a|an|my|our|your)\s+{re.escape(subject)}\b", said, re.IGNORECASE)
    if not found or subject.split()[0].lower() in STOPWORDS:
        return subject
    article = found[1].lower()
    return f"{'the' if article in ('a', 'an') else article} {subject}"


def _with_ending(subject: str, possessive: bool) -> str:
    return subject + ("'" if subject.endswith("s") else "'s") * possessive
