"""Questions about any text, as a model that was trained for it lists them, each with the answer's words.

    Q: When was the tower built?
    A: 1889

What counts is checked by code: the answer stands in the text, and the question does not give it away.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from random import Random

from instill.answer.found.sentences import split_sentences
from instill.answer.harmless_text import plain_text
from instill.answer.said.prompt import neutral
from instill.answer.terms import same_words
from instill.index.lookup import StoredDocument
from instill.models.generators.protocol import Generator, Message
from instill.models.generators.whole_reply import whole_reply
from instill.study.question_filters import EvidenceReader, agree
from instill.study.quick_questions import Seen, is_fair
from instill.study.types import StudyQuestion

RULES = "Write questions that the text answers. Below each question copy the words that answer it."

LONGEST_TEXT = 1_600
"""Characters of a text that are read at one time: about 400 tokens."""

MAX_TOKENS = 220
"""Of a reply: five questions with their answers."""

_WINDOW = 1_200
_SHORTEST_WINDOW = 200
_LONGEST_ANSWER = 350
_PAIR = re.compile(r"^Q:[ \t]*(?P<question>\S.*)\nA:[ \t]*(?P<answer>\S.*)$", re.MULTILINE)
_LEANS = re.compile(
    r"\b(?:this|these|that|those|above|below|following) (?:text|passage|page|section|article|rule|example|command)\b"
    r"|\b(?:he|she|they|him|her|it|this|these)\b[^?]{0,25}\?",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Listed:
    """A question and where its answer stands in the text."""

    question: str
    start: int
    end: int


def messages_for(title: str, text: str) -> tuple[Message, ...]:
    """What the model is asked; `text` is cut at `LONGEST_TEXT`."""
    shown = f"{' '.join(neutral(title).split())[:120]}\n{neutral(text[:LONGEST_TEXT])}".strip()
    return ({"role": "system", "content": RULES}, {"role": "user", "content": shown})


def listed(reply: str, text: str) -> Iterator[Listed]:
    """The questions of a reply whose answer stands in `text`, each once.

    Example:
        >>> reply = "Q: When was it built?\\nA: 1889\\nQ: By whom?\\nA: nobody"
        >>> [(each.question, each.start) for each in listed(reply, "The tower was built in 1889.")]
        [('When was it built?', 23)]
    """
    seen: set[str] = set()
    for match in _PAIR.finditer(reply):
        question, answer = match["question"].strip(), match["answer"].strip()
        start = text.find(answer)
        if start >= 0 and len(answer) <= _LONGEST_ANSWER and question.lower() not in seen:
            seen.add(question.lower())
            yield Listed(question, start, start + len(answer))


def questions_with_answer(generator: Generator, title: str, text: str, answer: str) -> tuple[str, list[str]]:
    """Questions of a trained model about `text` whose answer is `answer`, or a part of it; with its whole reply.

    A question that leans on the text ("this page") or gives its answer away is left out.

    Args:
        generator: trained to list questions; see `instill.models.generators.protocol.Skilled`.
        answer: stands in `text`.

    Raises:
        GeneratorError: from the generator.
    """
    reply = whole_reply(generator, messages_for(title, text), max_tokens=MAX_TOKENS)
    found = []
    for each in listed(reply, text):
        question = _standing_alone(each.question, answer)
        if question and same_words(text[each.start : each.end], answer):
            found.append(question)
    return reply, found


def list_questions(
    documents: Iterable[StoredDocument],
    generator: Generator,
    *,
    most: int,
    seed: int = 0,
    read: EvidenceReader | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[StudyQuestion]:
    """At most `most` questions, one part of each document at a time until there are enough.

    Args:
        generator: trained to list questions; see `instill.models.generators.protocol.Skilled`.
        read: where given, a question counts only if this finds its answer in the text; see
            `question_filters.reads_with`.
        progress: `(done, most)` questions.

    Raises:
        GeneratorError: from the generator.
    """
    rng = Random(f"{seed}:listed")  # noqa: S311  Not for security.
    waiting = [(document, _parts(document, rng)) for document in documents]
    rng.shuffle(waiting)
    found: list[StudyQuestion] = []
    seen = Seen()
    while waiting and len(found) < most:
        left = []
        for document, parts in waiting:
            if len(found) >= most or not parts:
                continue
            start, end = parts.pop()
            text = document.text[start:end]
            reply = whole_reply(generator, messages_for(document.record.title, text), max_tokens=MAX_TOKENS)
            for each in listed(reply, text):
                question = _checked(document, each, start)
                if question is not None and read is not None and not _is_read(read, question, text):
                    continue
                if question is not None and seen.is_new(question.question):
                    found.append(question)
            left.append((document, parts))
            if progress is not None:
                progress(min(len(found), most), most)
        waiting = left
    return found[:most]


def _parts(document: StoredDocument, rng: Random) -> list[tuple[int, int]]:
    """Parts of a document that end at a line's end, in random order; parts that say little are left out."""
    text = document.text
    parts: list[tuple[int, int]] = []
    start = 0
    while start < len(text):
        end = min(start + _WINDOW, len(text))
        if end < len(text):
            cut = max(text.rfind("\n\n", start, end), text.rfind("\n", start + _WINDOW // 2, end))
            end = cut if cut > start + _SHORTEST_WINDOW else end
        if len(plain_text(text[start:end]).strip()) >= _SHORTEST_WINDOW:
            parts.append((start, end))
        start = end
    rng.shuffle(parts)
    return parts


def _checked(document: StoredDocument, each: Listed, start: int) -> StudyQuestion | None:
    """The question with its places in the document; None where it leans on its text or gives its answer away."""
    answer = document.text[start + each.start : start + each.end]
    question = _standing_alone(each.question, answer)
    if not question:
        return None
    place = (start + each.start, start + each.end)
    evidence = sentence_around(document.text, *place)
    return StudyQuestion(question, answer, document.record.doc_id, *place, evidence, "listed")


def _standing_alone(question: str, answer: str) -> str:
    """The question on one line; "" where it leans on its text or gives its answer away."""
    said = " ".join(plain_text(question).split())
    return said if said.endswith("?") and not _LEANS.search(said) and is_fair(said, answer) else ""


def _is_read(read: EvidenceReader, question: StudyQuestion, text: str) -> bool:
    found = read(question.question, text)
    return found is not None and agree(question.answer, [found])


def sentence_around(text: str, start: int, end: int) -> tuple[int, int]:
    """The sentence around a span; the span itself where it is in none."""
    first = max(0, text.rfind("\n\n", 0, start))
    last = text.find("\n\n", end)
    part: Sequence[tuple[int, int]] = [
        (first + unit.start, first + unit.end)
        for unit in split_sentences(text[first : len(text) if last < 0 else last])
    ]
    around = [span for span in part if span[0] <= start and end <= span[1]]
    return around[0] if around else (start, end)
