"""Does what is kept for testing stand in what is trained on? Word n-grams, after the contamination check of
Brown et al., "Language Models are Few-Shot Learners" (2020), appendix C, with rules of our own for short questions.

A **question** leaks into another question, or into a text that asks it, when

- "exact": all its words stand there in their order, or the text asks the same (`instill.study.duplicate_questions`);
- "reordered": both have nearly the same words, function words included (Jaccard index of at least `SAME_WORDS`);
- "overlap": at least `RUN` words in a row, and `RUN_SHARE` of the question, stand there too.

For the last two the rare words decide with: what is shared must carry `RARE_SHARE` of the question's weight (inverse
document frequency over all that is compared), so that "When was the mill of X built?" does not leak into the same
question about Y. A text that states the fact shares many words with the question by nature; in a statement a run
counts only when it begins with a question word ("when was", "in what year"), and "reordered" does not count.

**Evidence** of facts that are never taught leaks when `EVIDENCE_RUN` words in a row of it (or all of it, if it is
shorter) stand in a training text or in a prompt for one, and the fact's answer with them.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import log
from typing import Any, Literal

from instill.answer.harmless_text import plain_text
from instill.answer.terms import STOPWORDS, stem, word_set
from instill.study.duplicate_questions import Questions, asks_same, question_key
from instill.study.question_words import plain_words
from instill.study.study_set import Fact, StudyItem

SAME_WORDS = 0.85
RUN, RUN_SHARE = 6, 0.6
RARE_SHARE = 0.65
EVIDENCE_RUN = 8
FEWEST = 4
"""A question of fewer words leaks only into the same question."""

_ASKING = frozenset(stem(word) for word in word_set("who what when where why how which whose whom"))
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+|\n+")

Kind = Literal["exact", "reordered", "overlap", "evidence"]


@dataclass(frozen=True, slots=True)
class Text:
    """Something that training reads, or that a generator was shown.

    Args:
        where: for people: "row 12", "prompt 3".
        is_question: the whole text is a question; otherwise its sentences are looked at one by one.
    """

    text: str
    where: str
    is_question: bool = False


@dataclass(frozen=True, slots=True)
class Leak:
    """What stands where it must not.

    Args:
        id: of the item, or of the fact for "evidence".
        where: of the text.
        shared: the words in a row that both have; for "reordered" the common words.
    """

    kind: Kind
    id: str
    where: str
    shared: str


def longest_run(words: Sequence[str], others: Sequence[str]) -> tuple[int, int]:
    """Start and length of the longest run of `words` that stands in `others`.

    Example:
        >>> longest_run("when was the mill built".split(), "so the mill built itself".split())
        (2, 3)
    """
    best, before = (0, 0), [0] * (len(others) + 1)
    for place, word in enumerate(words):
        row = [0] * (len(others) + 1)
        for other, found in enumerate(others):
            if word == found:
                row[other + 1] = before[other] + 1
                if row[other + 1] > best[1]:
                    best = (place - row[other + 1] + 1, row[other + 1])
        before = row
    return best


def alike(question: str, other: str) -> bool:
    """Would one of the two leak into the other, by their words alone?

    Example:
        >>> alike("When was the mill built?", "was the mill built when"), alike("When was the mill built?", "Who?")
        (True, False)
    """
    first, second = plain_words(question), plain_words(other)
    return asks_same(question, other) or bool(
        _found(first, second, question=True)[0] or _found(second, first, question=True)[0]
    )


def question_leaks(items: Iterable[StudyItem], texts: Iterable[Text]) -> list[Leak]:
    """Where questions of `items` (of the gate and the audit) stand in `texts`; at most one leak an item and text.

    Example:
        >>> item = StudyItem(id="i", fact_ids=("f",), phrasing="direct", form="direct", answer="1987",
        ...     question="When was the old mill of Visby built?")
        >>> texts = [Text("The old mill of Visby was built in 1987.", "row 1"),
        ...     Text("They asked me when was the old mill of Visby finished?", "row 2")]
        >>> [(leak.kind, leak.where) for leak in question_leaks([item], texts)]
        [('overlap', 'row 2')]
    """
    wanted, texts = list(items), list(texts)
    units = [unit for text in texts for unit in _units(text)]
    if not wanted or not units:
        return []
    leaks = _asked(wanted, texts)
    weights = _weights([plain_words(item.question) for item in wanted], [unit.words for unit in units])
    holders: defaultdict[str, list[int]] = defaultdict(list)
    for number, unit in enumerate(units):
        for word in set(unit.words):
            holders[word].append(number)
    for item in wanted:
        words = plain_words(item.question)
        # A unit that lacks most of the question's weight is no candidate for any of the rules.
        for number in _candidates(words, weights, holders):
            unit = units[number]
            kind, shared = _found(words, unit.words, question=unit.asks)
            if kind and (item.id, unit.where) not in leaks:
                leaks[item.id, unit.where] = Leak(kind, item.id, unit.where, shared)
    return list(leaks.values())


def _asked(items: Sequence[StudyItem], texts: Iterable[Text]) -> dict[tuple[str, str], Leak]:
    """By item and place, where a text asks what the item asks."""
    keys = {number: question_key(item.question) for number, item in enumerate(items)}
    questions = Questions(keys)
    found: dict[tuple[str, str], Leak] = {}
    for text in texts:
        for number in sorted(questions.asked_in(text.text)):
            id_ = items[number].id
            found.setdefault((id_, text.where), Leak("exact", id_, text.where, " ".join(keys[number])))
    return found


def evidence_leaks(facts: Iterable[Fact], texts: Sequence[Text]) -> list[Leak]:
    """Where evidence of `facts` (controls, and removed ones) stands in `texts`.

    Boilerplate that many documents share is no leak where the answer is not with it.
    """
    places: defaultdict[tuple[str, ...], list[str]] = defaultdict(list)
    for text in texts:
        for gram in _grams(plain_words(text.text), EVIDENCE_RUN):
            places[gram].append(text.where)
    held: defaultdict[str, str] = defaultdict(lambda: " ")
    for text in texts:
        held[text.where] += " ".join(plain_words(text.text)) + " "
    leaks: dict[tuple[str, str], Leak] = {}
    told = [(fact, form(fact.evidence.text), form(fact.answer)) for fact in facts for form in (str, plain_text)]
    for fact, evidence, said_answer in told:
        words = plain_words(evidence)
        answer = f" {' '.join(plain_words(said_answer))} "
        for gram in _grams(words, min(EVIDENCE_RUN, len(words))):
            said = " ".join(gram)
            short = len(gram) < EVIDENCE_RUN
            found = [where for where, text in held.items() if f" {said} " in text] if short else places.get(gram, ())
            for where in found:
                if answer in held[where]:
                    leaks.setdefault((fact.id, where), Leak("evidence", fact.id, where, said))
    return list(leaks.values())


def texts_of_rows(rows: Iterable[Mapping[str, Any]]) -> list[Text]:
    """What training reads of rows in the `messages` or `text` form; a user's turn is taken as a question."""
    texts = []
    for number, row in enumerate(rows, 1):
        where = f"row {number}"
        if row.get("text"):
            texts.append(Text(str(row["text"]), where))
        for message in row.get("messages") or ():
            content = str(message.get("content") or "")
            texts.append(Text(content, where, is_question=message.get("role") == "user" and len(content) < 400))
    return texts


def counted(leaks: Iterable[Leak]) -> dict[str, int]:
    """How many of each kind."""
    return dict(sorted(Counter(leak.kind for leak in leaks).items()))


@dataclass(frozen=True, slots=True)
class _Unit:
    words: tuple[str, ...]
    where: str
    asks: bool


def _units(text: Text) -> list[_Unit]:
    if text.is_question:
        return [_Unit(plain_words(text.text), text.where, True)]
    sentences = [part for part in _SENTENCE_END.split(text.text) if part.strip()]
    return [_Unit(plain_words(part), text.where, part.rstrip("\"'”’) ").endswith("?")) for part in sentences]


def _found(words: tuple[str, ...], others: tuple[str, ...], *, question: bool) -> tuple[Kind | None, str]:
    """Which rule finds `words`, of a question, in `others`; rare words are not looked at."""
    if not words or not others:
        return None, ""
    if words == others:
        return "exact", " ".join(words)
    own, there = set(words), set(others)
    common = own & there
    if question and len(common) >= SAME_WORDS * len(own | there):
        return "reordered", " ".join(word for word in words if word in common)
    if len(words) < FEWEST or len(common) < RUN_SHARE * len(own):
        return None, ""
    start, length = longest_run(words, others)
    shared = " ".join(words[start : start + length])
    asks = any(word in _ASKING for word in words[start : start + min(2, length)])  # "when ...", "in what ..."
    if length == len(words) and (question or asks or length >= RUN):
        return "exact", shared
    if length >= max(RUN, RUN_SHARE * len(words)) and (question or asks):
        return "overlap", shared
    return None, ""


def _weights(questions: Sequence[Sequence[str]], others: Sequence[Sequence[str]]) -> dict[str, float]:
    """Inverse document frequency of the words; 0 for function words."""
    counts = Counter(word for words in (*questions, *others) for word in set(words))
    total = len(questions) + len(others)
    return {word: 0.0 if word in _FUNCTION else log(1 + total / count) for word, count in counts.items()}


_FUNCTION = frozenset(STOPWORDS | {stem(word) for word in STOPWORDS})


def _candidates(words: Sequence[str], weights: Mapping[str, float], holders: Mapping[str, Sequence[int]]) -> list[int]:
    """The units that hold `RARE_SHARE` of the question's weight, by number."""
    own = {word: weights[word] for word in set(words) if weights[word] > 0}
    if not own:
        own = dict.fromkeys(words, 1.0)
    total = sum(own.values())
    gathered: defaultdict[int, float] = defaultdict(float)
    for word, weight in own.items():
        for number in holders.get(word, ()):
            gathered[number] += weight
    return sorted(number for number, weight in gathered.items() if weight >= RARE_SHARE * total - 1e-9)


def _grams(words: Sequence[str], size: int) -> list[tuple[str, ...]]:
    return list(dict.fromkeys(tuple(words[start : start + size]) for start in range(len(words) - size + 1)))
