"""Questions over a workspace's own documents, written by rules: no model, the same every time.

What the rules cover: English prose. Definitions ("X is a ..."), headings, passives and simple past sentences with a
date, a doer or a place, counted things, reasons; of other sentences keywords without the answer. Sentences that lean
on their surroundings ("It was ...", "as shown below") are passed over, and questions that read badly are dropped. Of
documents in other European languages only keyword questions about names and dates come out; of Chinese, Japanese or
Korean, tables and code, nothing.

What such questions are good for: comparing settings and finding a threshold on one's own documents. They share more
words with their answers than a person's questions do, so figures measured on them are rosier than in use;
a file of real questions is always better.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import log
from random import Random

from instill.answer.found.sentences import Sentence, split_sentences
from instill.answer.harmless_text import plain_text
from instill.answer.terms import normalise, terms
from instill.index.lookup import StoredDocument
from instill.study.files import read_questions, write_jsonl
from instill.study.rules.questions_from_heading import heading_question
from instill.study.rules.questions_from_sentence import drafts
from instill.study.rules.word_forms import content, leans_on_its_page, stands_alone, words_of
from instill.study.types import AskedQuestion, EvidenceText, StudyQuestion

__all__ = ["AskedQuestion", "EvidenceText", "StudyQuestion", "read_questions", "write_jsonl", "write_questions"]

_LEAST_PER_DOCUMENT = 3
_CHARACTERS_PER_QUESTION = 700
_SENTENCE_LENGTHS = range(35, 351)
_NEAR_DUPLICATE = 0.8
_LONGEST_QUESTION = 200
_MARKUP = re.compile(r"[|<>{}\\=]|\]\(|https?://|\[\d+\]|\*\*|__|``|[^\w\s]{4}")
_POINTS_ON = re.compile(
    r"!\[|:$|\bsee\b|\bSee\b|\?$|https?://|^\W*\*\*[^*]+\*\*$|\b(?:below|following|above|this page|here)\b"
)
_NO_ANSWER = re.compile(
    r"[<>{}|]|^\W*\[[^\]]*\]\([^)]*\)\W*$|^(?:It|They|He|She|That|But|And|So|Now|However|Also|Then|Welcome|Imagine|Note)\b|"
    r"\b(?:this|these|those|previous|earlier|later|so far|chapter|section|listing|figure|let['’]s|we['’](?:ll|ve))\b",
    re.IGNORECASE,
)
"""What stands below a heading and only leads to its answer, or is none."""

_IN_ANSWER = re.compile(r"[*_`\[\]#]")


def write_questions(documents: Iterable[StoredDocument], *, most: int = 400, seed: int = 0) -> list[StudyQuestion]:
    """At most `most` questions, spread evenly over the documents.

    A document gets at most three, a long one a question for each 700 characters. The order is random (by `seed`),
    and the same documents with the same seed give the same questions, in whatever order the documents come.
    Near-duplicates (four fifths of the content words shared) are left out. `documents` is read once; only questions
    are kept of each.

    Example:
        >>> from instill.index.types import DocumentRecord
        >>> record = DocumentRecord("d1", "oven.md", "markdown", "Oven", "", 0, "", "", (), {}, 1, "")
        >>> text = "The stone oven was built in 1987 by Marta Lindqvist. It holds forty loaves."
        >>> [question] = write_questions([StoredDocument(record, text, (), (), ())], seed=1)
        >>> question.kind, question.answer == text[question.start : question.end]
        ('date', True)
    """
    found: dict[str, list[_Written]] = {}
    spread: Counter[str] = Counter()
    for document in documents:
        spread.update({word for word in words_of(document.text.lower()) if len(word) > 3})
        limit = min(most, max(_LEAST_PER_DOCUMENT, len(document.text) // _CHARACTERS_PER_QUESTION))
        doc_id = document.record.doc_id
        written = _of_document(document, Random(f"{seed}:{doc_id}"), limit)  # noqa: S311
        if written:
            found[doc_id] = written
    count = max(1, len(found))
    rarity = {word: log((count + 1) / number) for word, number in spread.items()}
    rng = Random(seed)  # noqa: S311
    order = sorted(found)
    rng.shuffle(order)
    queues = [_best_first(found[doc_id], rarity) for doc_id in order]
    return _in_rounds(queues, most)


@dataclass(frozen=True, slots=True)
class _Written:
    """A question, and how much it is liked before the rarity of its words is known."""

    question: StudyQuestion
    liked: float


def _liked(kind: str, sentence: str, rng: Random) -> float:
    sure = {"cloze": 0.0, "heading": 0.1}.get(kind, 0.8)
    return sure - 0.7 * leans_on_its_page(sentence) + rng.random()


def _of_document(document: StoredDocument, rng: Random, limit: int) -> list[_Written]:
    """Questions of one document, at most three times `limit`, one a sentence."""
    text = document.text
    units = [unit for unit in split_sentences(text) if unit.kind == "prose"]
    written = _of_headings(document, units, rng)
    rng.shuffle(written)
    written = written[:limit]
    rng.shuffle(units)
    for unit in units:
        if len(written) >= 3 * limit:
            break
        sentence = text[unit.start : unit.end].replace("\n", " ")
        if not _is_usable(document, unit, sentence):
            continue
        usable = [
            draft for draft in drafts(sentence, rng) if _is_fair(draft.question, sentence[draft.start : draft.end])
        ]
        if not usable:
            continue
        # Mostly the surest form; at times another one, so that all kinds occur.
        draft = usable[0] if rng.random() < 0.7 else rng.choice(usable)
        start, end = unit.start + draft.start, unit.start + draft.end
        question = StudyQuestion(
            " ".join(plain_text(draft.question).split()),
            text[start:end],
            document.record.doc_id,
            start,
            end,
            (unit.start, unit.end),
            draft.kind,
        )
        written.append(_Written(question, _liked(draft.kind, sentence, rng)))
    return written


def _of_headings(document: StoredDocument, units: Sequence[Sentence], rng: Random) -> list[_Written]:
    """A question for each heading with prose directly below it."""
    text = document.text
    starts = [unit.start for unit in units]
    path: list[tuple[int, str]] = []
    written = []
    for heading in document.headings:
        path = [(level, title) for level, title in path if level < heading.level]
        path.append((heading.level, heading.title))
        line_end = text.find("\n", heading.start)
        if line_end < 0 or heading.title not in text[heading.start : line_end]:
            continue  # the title of the document, which does not stand in its text
        below = bisect_right(starts, line_end)
        if below >= len(units) or text[line_end : units[below].start].strip(" \n=-~^*#_"):
            continue
        unit = units[below]
        question = heading_question([title for _, title in path], rng)
        answer = text[unit.start : unit.end]
        usable = len(answer) in _SENTENCE_LENGTHS and not _POINTS_ON.search(answer) and not _in_block(document, unit)
        usable = usable and not _NO_ANSWER.search(answer)
        if question and usable and _is_fair(question, answer):
            evidence = (heading.start, unit.end)
            found = StudyQuestion(question, answer, document.record.doc_id, unit.start, unit.end, evidence, "heading")
            written.append(_Written(found, _liked("heading", "", rng)))
    return written


def _is_usable(document: StoredDocument, unit: Sentence, sentence: str) -> bool:
    return not why_unusable(document, unit, sentence)


def why_unusable(document: StoredDocument, unit: Sentence, sentence: str) -> str:
    """Why nothing is asked about this sentence of prose, in a few words; "" when something can be."""
    if len(sentence) not in _SENTENCE_LENGTHS:
        return "too short or too long"
    if not sentence.rstrip("\"'”’)").endswith((".", "!")):
        return "not a statement"
    if _MARKUP.search(sentence) or _in_block(document, unit):
        return "markup, table or code"
    if not stands_alone(sentence):
        return "leans on its surroundings"
    letters = sum(character.isalpha() or character == " " for character in sentence)
    return "" if letters >= 0.8 * len(sentence) and len(content(sentence)) >= 5 else "says too little in words"


def is_fair(question: str, answer: str) -> bool:
    """Does the question say enough, and not give the answer away?

    Example:
        >>> is_fair("When was the oven built?", "1987"), is_fair("Who is Marta?", "Marta")
        (True, False)
    """
    return _is_fair(question, answer)


def heading_questions(document: StoredDocument, rng: Random) -> list[StudyQuestion]:
    """A question for each heading with prose directly below it, in the order of the text."""
    units = [unit for unit in split_sentences(document.text) if unit.kind == "prose"]
    return [written.question for written in _of_headings(document, units, rng)]


def _in_block(document: StoredDocument, unit: Sentence) -> bool:
    return any(block.start < unit.end and unit.start < block.end for block in document.blocks)


def _is_fair(question: str, answer: str) -> bool:
    """Does the question say enough, and not give the answer away?"""
    asked, told = set(terms(question)), set(terms(answer))
    if not told or not asked or len(question) > _LONGEST_QUESTION or told <= asked:
        return False
    if _IN_ANSWER.search(answer) and len(answer) < _SENTENCE_LENGTHS.start:
        return False
    return _plain(answer) not in _plain(question)


def _plain(text: str) -> str:
    return " ".join(normalise(text).split())


def _best_first(written: Sequence[_Written], rarity: dict[str, float]) -> list[StudyQuestion]:
    """Questions with names and with words that few documents hold come first; chance decides between likes."""

    highest = max(rarity.values(), default=1.0) or 1.0

    def worth(entry: _Written) -> float:
        words = [word for word in words_of(entry.question.question) if len(word) > 3]
        rare = sorted((rarity.get(word.lower(), 0.0) for word in words), reverse=True)[:3]
        named = any(word[0].isupper() for word in words[1:])
        return sum(rare) / 3 / highest + 0.5 * named + entry.liked

    return [entry.question for entry in sorted(written, key=lambda entry: (-worth(entry), entry.question.start))]


def _in_rounds(queues: Sequence[list[StudyQuestion]], most: int) -> list[StudyQuestion]:
    """One question of each document, then a second of each, and so on; near-duplicates are passed over."""
    chosen: list[StudyQuestion] = []
    seen = Seen()
    waiting = [(iter(queue), queue) for queue in queues]
    taken = Counter[str]()
    while waiting and len(chosen) < most:
        left = []
        for rest, queue in waiting:
            question = next((entry for entry in rest if seen.is_new(entry.question)), None)
            if question is None:
                continue
            if len(chosen) < most:
                chosen.append(question)
                taken[question.doc_id] += 1
            if 3 * taken[question.doc_id] < max(len(queue), 3 * _LEAST_PER_DOCUMENT):
                left.append((rest, queue))
        waiting = left
    return chosen


class Seen:
    """Questions so far, by their terms."""

    def __init__(self) -> None:
        self._terms: list[frozenset[str]] = []
        self._holders: dict[str, list[int]] = {}

    def is_new(self, question: str) -> bool:
        """Whether no question before it shares four fifths of its terms; a new one is remembered."""
        own = frozenset(terms(question))
        shared = Counter(number for term in own for number in self._holders.get(term, ()))
        for number, count in shared.items():
            if count >= _NEAR_DUPLICATE * len(own | self._terms[number]):
                return False
        for term in own:
            self._holders.setdefault(term, []).append(len(self._terms))
        self._terms.append(own)
        return True
