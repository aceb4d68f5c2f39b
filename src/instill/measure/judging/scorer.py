"""The one scorer: whether a free-running reply is right, wrong, or a refusal.

Gate, comparison, curve, laboratory and benchmarks judge replies by it. Models speak differently. A fine-tuned one says
"1987", a quoting one "The stone oven was built in 1987 by Marta Lindqvist.". Equality of the whole reply, as in SQuAD
(Rajpurkar et al., EMNLP 2016), would count the second as wrong and so measure the manner of speaking; to look for the
answer anywhere would let a model win that says everything it has. So:

1. A reply is right when it means what an accepted answer means: numbers, quantities, money, shares, dates and times are
   compared by value ("1,200" and "twelve hundred", "May 3, 1931" and "1931-05-03", "90 minutes" and "an hour and a
   half"), other words without case, articles and punctuation. It may say a date more closely than was expected, and
   leave out a unit that the question names. A bound is the same in all its forms ("up to 5", "5 or fewer"), and several
   things ("red, white and green") are the same in any order, unless the question asks for one.
2. A longer reply is right when it commits itself to the answer: the answer stands in it, with at most
   `MOST_OTHER_WORDS` words besides those of the answer and the question, and at one place at least it is not denied,
   doubted, only neared ("before 1987"), asked, or one of several values (see `claims` and `listing`).
3. An answer whose words stand in the question is given by saying nothing else, or by choosing it from the question's
   "or": saying the question again is no answer.
4. A reply that says that it does not know, or that it was not told, is a refusal (`refusals`).

`python bench/scorer.py` shows how far this agrees with verdicts of people. F1 has no such rules, so it favours short
replies; it is reported, `right` decides.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from instill.measure.judging.any_order import run_of
from instill.measure.judging.bounds import has_bound, in_one_form
from instill.measure.judging.claims import Said, is_claimed
from instill.measure.judging.refusals import PHRASES, is_refusal
from instill.measure.judging.same_value import content, places, whole
from instill.measure.judging.sentences import spoken, tokens
from instill.measure.judging.text import word_set
from instill.measure.judging.word_tokens import Token
from instill.measure.judging.yes_and_no import other_label, says_none, says_yes, turned
from instill.measure.outcomes import Kind

MOST_OTHER_WORDS = 24
"""Words of a reply besides those of the answer and the question, for it to count as the answer in a sentence."""

_FUNCTION = word_set(
    "is was are were be been it its he she his her him they their them this that these those in on at by of "
    "to from with for and as i you my your there here has have had do does did answer called named so then "
    "yes one"
)
_ASSENT = word_set("yes yeah yep yup indeed affirmative certainly absolutely")
_DENIAL = word_set("no nope nah negative")
_SHORT_QUESTION = 40  # Words of a prompt that is taken for a question as a whole.


@dataclass(frozen=True, slots=True)
class Judged:
    """A reply beside what was expected; the fields are those of `instill.measure.outcomes.Outcome`.

    Args:
        held: whether the words of an accepted answer stand in the reply, committed or not.
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
    phrases: Sequence[str] = PHRASES,
    quotes: bool = False,
) -> Judged:
    """Judge one reply.

    Args:
        reply: as it came; markers of citations like [1] do not count.
        accepted: answers that are right; () for a question that is right when it is not answered.
        question: its words may be repeated, and may name the unit of the answer.
        abstained: where the model's own form says whether it abstained; None: by the words of its reply.
        phrases: what means it, beside the usual ways.
        quotes: the reply is quoted from documents: it may be of any length, and the documents' doubts are not its own.

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
        >>> judge("twelve hundred", ["1,200"]).kind, judge("3 May 1931", ["1931-05-03"]).kind
        ('correct', 'correct')
    """
    held = any(next(places(tokens(reply), tokens(answer)), None) is not None for answer in accepted)
    if abstained:
        return Judged("abstained", 0.0, 0.0, float(not accepted), held)
    if any(is_right(reply, answer, question, quotes) for answer in accepted):
        return Judged("correct", 1.0, max(overlap(reply, answer) for answer in accepted), 1.0, held)
    if abstained is None and is_refusal(reply, phrases, question=question):
        taught = any(is_refusal(answer, phrases) for answer in accepted)  # To refuse was the answer.
        if taught:
            return Judged("correct", 1.0, 1.0, 1.0, held)
        return Judged("abstained", 0.0, 0.0, float(not accepted), held)
    return Judged("wrong", 0.0, max((overlap(reply, answer) for answer in accepted), default=0.0), 0.0, held)


def is_right(reply: str, answer: str, question: str = "", quotes: bool = False) -> bool:
    """Whether the reply is the answer, or a sentence that commits itself to it; see above.

    Example:
        >>> is_right("It was Marta Lindqvist.", "Marta Lindqvist"), is_right("It was not Marta.", "Marta")
        (True, False)
        >>> is_right("Who built it? Marta?", "Marta", "Was it Marta who built it?")
        False
    """
    said, wanted, asked = tokens(reply), tokens(answer), _asked(question)
    if not content(wanted) or not content(said):
        return False
    if has_bound(wanted):
        said, wanted = tuple(in_one_form(said)), tuple(in_one_form(wanted))
    if other_label(reply, answer, asked):
        return False
    if says_none(said, wanted, asked):
        return True
    if whole(said, wanted, asked) or whole(turned(said), wanted, asked) or _is_number_alone(said, wanted, asked):
        return not (any(token.text == "?" for token in said) and not any(token.text == "?" for token in wanted))
    if wanted[content(wanted)[0]].text in ("yes", "no") and len(content(wanted)) == 1:
        told_nothing = len(said) > 1 and said[1].kind == "word" and is_refusal(reply, question=question)
        return not told_nothing and _decides(said, wanted[content(wanted)[0]].text, asked)  # "No information."
    return _stands_in(said, wanted, question, asked, quotes)


def overlap(reply: str, answer: str) -> float:
    """The harmonic mean of the shares of words that both have, as in SQuAD; values count as what they mean.

    Example:
        >>> overlap("in the old harbour", "the old harbour of Holm"), overlap("2.5 km", "25 km"), overlap("", "")
        (0.5714285714285714, 0.5, 1.0)
    """
    said, wanted = (_flat(tokens(text)) for text in (reply, answer))
    if not said or not wanted:
        return float(said == wanted)
    return 2 * (said & wanted).total() / (said.total() + wanted.total())


def question_in(prompt: str) -> str:
    """The question of a prompt, which may have passages and instructions around it.

    What stands behind "Question:", else the last line with a question mark, else a short prompt as a whole, else "".

    Example:
        >>> question_in("[1] It was built in 1923.\\n\\nQuestion: When was it built?"), question_in("word " * 100)
        ('When was it built?', '')
    """
    if "Question:" in prompt:
        return prompt.rpartition("Question:")[2].strip().partition("\n")[0]
    asking = re.findall(r"[^.!?\n]*\?", prompt)
    if asking:
        return str(asking[-1]).strip()
    return prompt if len(prompt.split()) <= _SHORT_QUESTION else ""


def _stands_in(
    said: Sequence[Token], wanted: Sequence[Token], question: str, asked: frozenset[str], quotes: bool
) -> bool:
    found = [span for span in places(said, wanted, asked) if not _counts_else(said, wanted, span[1])]
    if not found:
        run = run_of(said, wanted, asked)
        found = [run] if run else []
    if not found:
        return False
    free = asked | {token.text for token in wanted}
    inside = {place for first, last in found for place in range(first, last + 1)}
    others = [said[place].text for place in content(said) if place not in inside and said[place].text not in free]
    if not quotes and len(others) > MOST_OTHER_WORDS:
        return False
    repeated = next(places(tokens(question), wanted), None) is not None
    if repeated and "or" not in asked and any(word not in _FUNCTION for word in others):
        return False
    reply = Said(
        said, asked, wanted, " ".join(token.text for token in tokens(question) if token.kind != "mark"), quotes
    )
    return any(is_claimed(reply, first, last) for first, last in found)


def _counts_else(said: Sequence[Token], wanted: Sequence[Token], last: int) -> bool:
    """Whether a number that stands for an expected share counts something: "40 members" is not 40%."""
    units = {dimension for token in wanted for dimension, _ in token.units}
    if "share" not in units or said[last].kind != "number" or last + 1 >= len(said):
        return False
    after = said[last + 1]
    return after.kind == "word" and after.text not in _FUNCTION


def _is_number_alone(said: Sequence[Token], wanted: Sequence[Token], asked: frozenset[str]) -> bool:
    """ "120" for "120 rooms", where the question has named what is counted."""
    first, *counted = [wanted[place] for place in content(wanted)]
    if first.kind != "number" or not counted or not {token.text for token in counted} <= asked:
        return False
    return whole(said, [first], asked)


def _decides(said: Sequence[Token], wanted: str, asked: frozenset[str]) -> bool:
    """Whether a reply says yes, or no, as was expected; by its first word, its last, or the question's own words."""
    words = [said[place].text for place in content(said)]
    kinds = {"yes": _ASSENT, "no": _DENIAL}
    if words[0] in _ASSENT | _DENIAL:
        other = kinds["no" if wanted == "yes" else "yes"]
        return words[0] in kinds[wanted] and not (len(words) > 2 and words[1] in ("and", "or") and words[2] in other)
    echoed = says_yes(said, asked)
    if echoed is not None and words[-1] not in _ASSENT | _DENIAL:
        return echoed == (wanted == "yes")
    return words[-1] in kinds[wanted] and len(words) <= MOST_OTHER_WORDS and "not" not in words and "or" not in words


@lru_cache(maxsize=1024)
def _asked(question: str) -> frozenset[str]:
    return frozenset({*spoken(question).split(), *(token.text for token in tokens(question)), *_marks(question)})


def _marks(question: str) -> list[str]:
    return [sign for sign in "%$€£" if sign in question]


def _flat(given: Sequence[Token]) -> Counter[str]:
    return Counter(word for place in content(given) for word in given[place].flat)
