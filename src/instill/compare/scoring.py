"""Whether a free-running reply is right: a value alone, or a sentence that holds it.

Arms speak differently. A fine-tuned model says "1987", a quoting one "The stone oven was built in 1987 by Marta
Lindqvist.". Exact match of the whole reply, as in SQuAD (Rajpurkar et al., EMNLP 2016), would count the second as wrong
and so measure the manner of speaking; to look for the answer anywhere would let an arm win that says everything it has.
A sentence therefore counts as exact when it commits itself to the answer:

1. the words of an accepted answer stand in it, in order and next to each other (after the normalisation below);
2. it has at most `MOST_OTHER_WORDS` words besides those of the answer and of the question: a sentence or two. What the
   question has said already tells nothing, so repeating it is free;
3. the answer's words do not stand in the question: saying the question again is no answer;
4. in one place at least the answer is not denied or one of several: none of `_DENIALS` up to three words before it, no
   "or" directly before or after it.

A short reply gets nothing out of this that it would not deserve as a sentence, and a long one loses nothing by being a
sentence. F1 has no such rule, so it favours short replies; it is reported, `right` decides.

Normalisation: NFKC, lower case, no punctuation, no articles, one space, as in SQuAD; unlike there, the signs of numbers
are kept ("-3.5" is neither "3.5" nor "35").
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from instill.answer.extractive import REFUSAL
from instill.answer.prompt import UNKNOWN as NOT_IN_PASSAGES
from instill.answer.text import word_set
from instill.gate.refusals import PHRASES, is_refusal
from instill.gate.scoring import f1, words
from instill.measure.outcomes import Kind
from instill.study.texts import UNKNOWN as NOT_SAID

MOST_OTHER_WORDS = 24
"""Words of a reply besides those of the answer and the question, for it to count as the answer in a sentence."""

ABSTENTIONS = (*PHRASES, NOT_IN_PASSAGES, NOT_SAID, REFUSAL, "I do not know", "I cannot answer", "I can't answer")
"""What counts as "I don't know", as `instill.gate.refusals` reads it."""

_ARTICLES = frozenset({"a", "an", "the"})
_DENIALS = word_set("not never neither nor isnt wasnt arent werent")
_REACH = 3
_MARKER = re.compile(r"\s*\[\d{1,3}(?:\s*[,;]\s*\d{1,3})*\]")


@dataclass(frozen=True, slots=True)
class Judged:
    """A reply beside what was expected; the fields are those of `Outcome`.

    Args:
        held: whether the words of an accepted answer stand in the reply, bounds or not.
    """

    kind: Kind
    exact: float
    f1: float
    right: float
    held: bool


def judge(
    reply: str,
    accepted: Sequence[str],
    *,
    question: str = "",
    abstained: bool | None = None,
    abstentions: Sequence[str] = ABSTENTIONS,
) -> Judged:
    """Judge one reply.

    Args:
        reply: as it came; markers of citations like [1] do not count.
        accepted: answers that are right; () for a question that is right when it is not answered.
        question: its words may be repeated.
        abstained: where the arm says itself whether it abstained; None: by the words of its reply.
        abstentions: phrases that mean it.

    Example:
        >>> question = "When was the oven built?"
        >>> for reply in ("1987.", "The oven was built in 1987 by Marta.", "In 1986 or 1987.", "I don't know."):
        ...     found = judge(reply, ["1987"], question=question)
        ...     print(found.kind, found.right, round(found.f1, 2))
        correct 1.0 1.0
        correct 1.0 0.25
        wrong 0.0 0.4
        abstained 0.0 0.0
        >>> judge("I don't know.", []).right, judge("1987", []).right
        (1.0, 0.0)
    """
    said = _MARKER.sub("", reply) if _MARKER.sub("", reply).strip() else reply
    whole = any(normalised(said) == normalised(answer) for answer in accepted if normalised(answer))
    if abstained is None:
        abstained = not whole and is_refusal(said, abstentions)
    held = any(_holds(normalised(said), normalised(answer)) for answer in accepted)
    if abstained:
        return Judged("abstained", 0.0, 0.0, float(not accepted), held)
    if not accepted:
        return Judged("wrong", 0.0, 0.0, 0.0, False)
    exact = float(whole or any(stands_in(said, answer, question) for answer in accepted))
    nearest = max(f1(said, answer) for answer in accepted)
    return Judged("correct" if exact else "wrong", exact, nearest, exact, held)


def stands_in(reply: str, answer: str, question: str = "") -> bool:
    """Whether the reply is a sentence that commits itself to the answer; see above.

    Example:
        >>> stands_in("It was Marta Lindqvist.", "Marta Lindqvist"), stands_in("It was not Marta.", "Marta")
        (True, False)
        >>> stands_in("Who built it? Marta?", "Marta", "Was it Marta who built it?")
        False
    """
    said, wanted, asked = normalised(reply), normalised(answer), normalised(question)
    if not wanted or _holds(asked, wanted):
        return False
    places = list(_places(said, wanted))
    free = {*asked, *wanted}
    others = sum(word not in free for word in said)
    return others <= MOST_OTHER_WORDS and any(_is_claimed(said, place, len(wanted)) for place in places)


def normalised(text: str) -> list[str]:
    """The words that are compared.

    Example:
        >>> normalised("The River Ill, at -3.50 degrees!")
        ['river', 'ill', 'at', '-3.50', 'degrees']
    """
    return [word for word in words(text) if word not in _ARTICLES]


def _is_claimed(said: Sequence[str], place: int, length: int) -> bool:
    before = said[max(0, place - _REACH) : place]
    after = said[place + length : place + length + 1]
    return not _DENIALS & set(before) and "or" not in (*before[-1:], *after)


def _holds(said: Sequence[str], wanted: Sequence[str]) -> bool:
    return next(_places(said, wanted), None) is not None


def _places(said: Sequence[str], wanted: Sequence[str]) -> Iterator[int]:
    """Where `wanted` begins in `said`."""
    if wanted:
        for start in range(len(said) - len(wanted) + 1):
            if list(said[start : start + len(wanted)]) == list(wanted):
                yield start
