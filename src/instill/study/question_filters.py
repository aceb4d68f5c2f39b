"""Which questions are good enough: answered by their evidence, not answered without it, asked once.

Each filter returns what it keeps and what it left out, with the reason; the reasons stand in the study set's card.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from instill.answer.terms import STOPWORDS, normalise, terms
from instill.measure.judging.scorer import judge
from instill.study.question_words import plain_words
from instill.study.study_set import Fact, StudyItem

if TYPE_CHECKING:
    from instill.answer.reading.reader import Reader

EvidenceReader = Callable[[str, str], str | None]
"""Question and evidence to the words that answer it, or None where it does not."""

ClosedBook = Callable[[str], str | None]
"""A question to an answer from memory, without any document; None for "I don't know"."""

AnsweredElsewhere = Callable[[StudyItem, Fact], bool]
"""Whether what may still be seen answers an unanswerable question about the fact."""

SAME = 0.8
"""Jaccard index of content words from which on two questions are the same."""

AGREES = 0.5
"""F1 of words from which on the reader's answer agrees."""

_ASKING = frozenset(terms("who what when where why how which whose whom many", keep_stop=True))


@dataclass(frozen=True, slots=True)
class Filtered:
    """Items that stay, in their order, and those that were left out, each with the reason."""

    kept: list[StudyItem] = field(default_factory=list)
    left_out: list[tuple[StudyItem, str]] = field(default_factory=list)

    @property
    def rejected(self) -> Counter[str]:
        """How many were left out, by reason."""
        return Counter(reason for _, reason in self.left_out)


def reads_with(reader: Reader) -> EvidenceReader:
    """The extractive reader as a check: its answer where it holds that the evidence answers, else None."""

    def read(question: str, evidence: str) -> str | None:
        [found] = reader.read(question, [("", evidence)])
        return evidence[found.start : found.end] if found.score > 0 and found.end > found.start else None

    return read


def agree(answer: str, accepted: Iterable[str]) -> bool:
    """Is `answer` right, or do its words agree with one of `accepted`: F1 of at least `AGREES`, or one holds the other?

    More is let through than a scorer would: what is nearly known is known, and a span may begin a word too early.

    Example:
        >>> agree("by Marta Lindqvist", ["Marta Lindqvist"]), agree("Ove Nyman", ["Marta Lindqvist"])
        (True, False)
        >>> agree("twelve hundred", ["1,200"])
        True
    """
    known = list(accepted)
    if judge(answer, known, abstained=False).right:
        return True
    said = Counter(terms(answer, keep_stop=True))
    for each in known:
        wanted = Counter(terms(each, keep_stop=True))
        common = (said & wanted).total()
        if common and 2 * common / (said.total() + wanted.total()) >= AGREES:
            return True
        if common and common in (said.total(), wanted.total()):
            return True
    return False


def following(items: Sequence[StudyItem], read: EvidenceReader) -> Filtered:
    """Those whose answer a reader finds in their evidence alone. Unanswerable ones stay.

    The reader sees each piece of evidence by itself; the last one must answer. For a question over two documents this
    asks more than can be expected of it, so those stay too.
    """
    found = Filtered()
    for item in items:
        if item.answer and item.form != "two_documents":
            said = read(item.question, item.evidence[-1].text)
            if said is None or not agree(said, item.accepted or [item.answer]):
                found.left_out.append((item, "the reader does not find the answer in the evidence"))
                continue
        found.kept.append(item)
    return found


def unanswered(items: Sequence[StudyItem], facts: Iterable[Fact], answered: AnsweredElsewhere) -> Filtered:
    """Those that have an answer, and those for which none is found. What people say is unanswerable stays."""
    by_id = {fact.id: fact for fact in facts}
    found = Filtered()
    for item in items:
        fact = by_id.get(item.fact_ids[0]) if item.fact_ids and not item.answer else None
        if fact is not None and answered(item, fact):
            found.left_out.append((item, "something else may answer what should have no answer"))
        else:
            found.kept.append(item)
    return found


def not_known_before(items: Sequence[StudyItem], ask: ClosedBook) -> Filtered:
    """Those that are not answered rightly from memory, without any document."""
    found = Filtered()
    for item in items:
        said = ask(item.question) if item.answer else None
        if said is not None and agree(said, item.accepted or [item.answer]):
            found.left_out.append((item, "answered without the evidence"))
        else:
            found.kept.append(item)
    return found


def not_given_away(items: Sequence[StudyItem], facts: Iterable[Fact]) -> Filtered:
    """Those that hold neither their own answer nor, beside its subject, the answer of a fact that is never taught.

    Questions about facts of the same role may tell each other's answers: the facts are taught or held back together.
    """
    untaught = [fact for fact in facts if fact.role != "taught" and fact.subject]
    by_word: defaultdict[str, list[Fact]] = defaultdict(list)
    for fact in untaught:
        for word in terms(fact.answer, keep_stop=True)[:1]:
            by_word[word].append(fact)
    hidden = {fact.id for fact in untaught}
    found = Filtered()
    for item in items:
        words = terms(item.question, keep_stop=True)
        if item.answer and _holds(words, terms(item.answer, keep_stop=True)):
            found.left_out.append((item, "its answer stands in the question"))
        elif not hidden.intersection(item.fact_ids) and any(
            _holds(words, terms(fact.answer, keep_stop=True)) and _holds(words, terms(fact.subject))
            for word in set(words)
            for fact in by_word.get(word, ())
        ):
            found.left_out.append((item, "tells a fact that is never taught"))
        else:
            found.kept.append(item)
    return found


def distinct(items: Sequence[StudyItem]) -> Filtered:
    """Those that no other item asks: of the same fact the same words, of another nearly the same content words.

    Where two facts are asked by nearly the same question and the answers differ, both questions go: neither says which
    fact it means. Exact Jaccard index over content and question words, found through an inverted index.
    """
    terms_of = [frozenset(_asked_terms(item.question)) for item in items]
    holders: defaultdict[str, list[int]] = defaultdict(list)
    ambiguous: set[int] = set()
    repeated: set[int] = set()
    exact: dict[tuple[str, ...], int] = {}
    for number, item in enumerate(items):
        words = plain_words(item.question)
        if exact.setdefault(words, number) != number and _same_answer(item, items[exact[words]]):
            repeated.add(number)
            continue
        shared = Counter(other for term in terms_of[number] for other in holders[term])
        for other, count in shared.items():
            if _related(item, items[other]) or count < SAME * len(terms_of[number] | terms_of[other]):
                continue
            if _same_answer(item, items[other]):
                repeated.add(number)
            else:
                ambiguous.update((number, other))
        for term in terms_of[number]:
            holders[term].append(number)
    found = Filtered([item for number, item in enumerate(items) if number not in ambiguous | repeated])
    for number in sorted(ambiguous | repeated):
        twice = "two facts are asked by nearly the same question"
        reason = twice if number in ambiguous else "asked already in nearly the same words"
        found.left_out.append((items[number], reason))
    return found


def _related(item: StudyItem, other: StudyItem) -> bool:
    """Do both ask about the same fact, or about one sentence (in which the gap alone may differ)?"""
    if set(item.fact_ids) & set(other.fact_ids):
        return True
    places = {(span.doc_id, span.start, span.end) for span in (*item.evidence, *item.excluded)}
    return any((span.doc_id, span.start, span.end) in places for span in (*other.evidence, *other.excluded))


def _same_answer(item: StudyItem, other: StudyItem) -> bool:
    return normalise(item.answer) == normalise(other.answer)


def _asked_terms(question: str) -> list[str]:
    return [word for word in plain_words(question) if word in _ASKING or word not in STOPWORDS]


def _holds(words: Sequence[str], wanted: Sequence[str]) -> bool:
    """Do `wanted` stand in `words`, in a row?"""
    size = len(wanted)
    return size > 0 and any(list(words[at : at + size]) == list(wanted) for at in range(len(words) - size + 1))
