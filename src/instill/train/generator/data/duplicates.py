"""Rows that are there twice, or that give away what is measured on rows held out.

Whether a row that is trained on asks what a row held out asks is told by `instill.study.duplicate_questions`, as for
study sets.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from itertools import pairwise

from instill.models.generators.thoughts import without_thoughts
from instill.study.duplicate_questions import Key, Questions, question_key
from instill.study.question_words import is_asking, statement_words
from instill.train.generator.data.findings import Finding, finding
from instill.train.generator.data.row_text import asked, normal, place_of, whole
from instill.train.generator.data.rows import Row
from instill.train.generator.data.values import parsed

_WORD = re.compile(r"\w+")

GRAM = 8
"""Words in a row that two texts hardly share by chance."""

_OVERLAP = 0.5  # share of a question's word sequences in one training row from which they are taken for one question
_ALONE = 3  # words that the last question of a longer talk has at least, when it can be asked alone
_SHORT = 8  # words; longer replies that differ are wordings of one
_CONTEXTS = 3  # contexts in which a question stands from which on it says nothing without one


def duplicate_findings(rows: Sequence[Row], held_out: Sequence[Row]) -> list[Finding]:
    """Duplicates within the rows, and questions that rows share, nearly or exactly, with those held out."""
    leaked, near = _leaks(rows, held_out)
    return [
        *finding(
            "held-out-in-training",
            "error",
            "Rows that are held out, or that the gate measures on, are trained on, so measuring on them would not show "
            "what was learnt. (Politeness, punctuation and form do not make another question.)",
            "Remove them from the one side or the other.",
            leaked,
        ),
        *finding(
            "held-out-nearly-in-training",
            "warning",
            f"Rows that are held out share most of their sequences of {GRAM} words with a row that is trained on.",
            "Remove them where they ask the same thing, unless other wordings are what you measure.",
            near,
        ),
        *finding(
            "held-out-told",
            "notice",
            "Texts that are trained on tell the answers to rows that are held out.",
            "So facts are taught by texts. Of rows that are to show what was never taught, remove one or the other.",
            _told(rows, held_out),
        ),
        *finding(
            "duplicates",
            "warning",
            "Rows are there more than once, and weigh more than the others.",
            "Remove the copies, unless that is what you want.",
            _copies(rows),
        ),
    ]


def asked_in(held_out: Sequence[Row], rows: Sequence[Row]) -> set[int]:
    """The numbers of the rows held out that a row asks as well, or whose question stands in the text of one.

    Example:
        >>> from instill.train.generator.data.rows import chat_row
        >>> held_out = [chat_row("Who built the mill?", "Ove"), chat_row("Who painted it?", "Ida")]
        >>> asked_in(held_out, [chat_row("Please, who built the mill?", "Ove")])
        {0}
    """
    return set(_asking_the_same(rows, held_out)) if held_out else set()


def not_trained_on(held_out: Sequence[Row], rows: Sequence[Row]) -> list[Row]:
    """The rows held out that no row asks as well, so that they can be measured on beside a training on `rows`.

    Example:
        >>> from instill.train.generator.data.rows import chat_row
        >>> held_out = [chat_row("Who built the mill?", "Ove"), chat_row("Who painted it?", "Ida")]
        >>> trained = [chat_row("Please, who built the mill?", "Ove")]
        >>> [row.prompt[0]["content"] for row in not_trained_on(held_out, trained)]
        ['Who painted it?']
    """
    same = asked_in(held_out, rows)
    return [row for number, row in enumerate(held_out) if number not in same]


def _copies(rows: Sequence[Row]) -> list[str]:
    first: dict[str, int] = {}
    found = []
    for number, row in enumerate(rows):
        original = first.setdefault(whole(row), number)
        if original != number:
            found.append(f"{place_of(row, number)} = {place_of(rows[original], original)}")
    return found


def _leaks(rows: Sequence[Row], held_out: Sequence[Row]) -> tuple[list[str], list[str]]:
    if not held_out:
        return [], []
    places = [place_of(row, number) for number, row in enumerate(rows)]
    same = _asking_the_same(rows, held_out)
    questions = [asked(row) for row in rows]
    grams = _grams_of_rows(questions, {gram for row in held_out for gram in _grams(asked(row))})
    leaked, near = [], []
    for number, row in enumerate(held_out):
        place = place_of(row, number)
        if number in same:
            leaked.append(f"{place} = {places[same[number]]}")
            continue
        nearest = _nearest(asked(row), grams, len(rows))
        if nearest is not None:
            near.append(f"{place} ~ {places[nearest]}")
    return leaked, near


def _asking_the_same(rows: Sequence[Row], held_out: Sequence[Row]) -> dict[int, int]:
    """Number of a row held out -> the first row that asks it somewhere: in a turn, over several, or in a text."""
    keys = [_keys(row) for row in held_out]
    generic = _generic([*rows, *held_out])
    whole_keys = Questions({number: found[0] for number, found in enumerate(keys) if found})
    alone = Questions({number: found[1] for number, found in enumerate(keys) if len(found) > 1})
    lengths = {len(_turns(row)) for row in held_out}
    known: dict[str, set[int]] = {}
    found: dict[int, int] = {}
    for number, row in enumerate(rows):
        hits: set[int] = set()
        for text in _texts(row):
            if text not in known:
                known[text] = whole_keys.asked_in(text) | alone.asked_in(text)
            hits |= known[text]
        turns = _turns(row)
        for length in lengths - {1}:
            for start in range(len(turns) - length + 1):
                hits |= whole_keys.same_as(tuple(word for turn in turns[start : start + length] for word in turn))
        for hit in sorted(hits):
            if hit in found or _is_another(held_out[hit], row, generic):
                continue
            asking = [text for text in _texts(row) if hit in known[text]]
            if not _replied_otherwise(held_out[hit], row, asking):
                found[hit] = number
    return found


def _is_another(held: Row, row: Row, generic: set[Key]) -> bool:
    """Whether what two rows ask is different, though the words of the question are the same."""
    if _joined(held) in generic and _context(held) != _context(row):
        return True  # "What is the total?", each time about another bill.
    text = held.text or "\n".join(str(each.get("content") or "") for each in held.prompt if each["role"] == "user")
    yes_or_no = text.rstrip().endswith("?") and not _asks(text.replace("?", " "))
    # What a yes-or-no question asks, a statement says in the same words.
    return bool(row.text) and yes_or_no and "?" not in row.text


def _replied_otherwise(held: Row, row: Row, asking: Sequence[str]) -> bool:
    """Whether a row replies to the question, each time that it asks it, with another short reply: then what is left out
    of a key makes the difference in this task, as an exclamation mark, capitals or instructions may, and the answer is
    not given away. To the same prompt another reply is no other task, but a contradiction.

    Args:
        asking: the texts of `row` that ask it.
    """
    accepted = [text for text in (held.said, *held.answers) if text]
    if row.text or not accepted or not asking or _spaced(row) == _spaced(held):
        return False
    replies = {str(one.get("content") or ""): other for one, other in pairwise(row.messages) if one["role"] == "user"}
    if any(text not in replies or replies[text]["role"] != "assistant" for text in asking):
        return False
    said = [without_thoughts(str(replies[text].get("content") or "")) for text in asking]
    return not any(_may_agree(one, other) for one in said for other in accepted)


def _spaced(row: Row) -> list[tuple[str, list[str]]]:
    """The prompt but for its white space."""
    return [(each["role"], str(each.get("content") or "").split()) for each in row.prompt]


def _may_agree(reply: str, answer: str) -> bool:
    first, second = parsed(reply), parsed(answer)
    if first is not None and second is not None:
        return bool(first == second)
    said, wanted = question_key(reply), question_key(answer)
    one, other = frozenset(said), frozenset(wanted)
    if one == other and len(said) == len(wanted) <= _SHORT:
        return said == wanted  # In another order it is another reply.
    return min(len(one), len(other)) > _SHORT or one <= other or other <= one


def _keys(row: Row) -> list[Key]:
    """What a row held out asks: all its turns, and the last alone where it can stand alone."""
    turns = _turns(row)
    if not turns:
        return []
    last = turns[-1]
    return [_joined(row), *([last] if len(turns) > 1 and len(last) >= _ALONE else [])]


def _joined(row: Row) -> Key:
    return tuple(word for turn in _turns(row) for word in turn)


def _turns(row: Row) -> list[Key]:
    """The keys of the user's turns, or of the text; a turn that only greets is none beside others."""
    if row.text:
        return [question_key(row.text)]
    said = [str(each.get("content") or "") for each in row.prompt if each["role"] == "user"]
    found = [(text, question_key(text)) for text in said]
    asking = [key for text, key in found if key and not _only_greets(text)]
    return asking or [key for _, key in found if key]


def _only_greets(text: str) -> bool:
    return not any(True for _ in statement_words(text))


def _texts(row: Row) -> list[str]:
    """Where a question may stand. Replies and results of tools say the input again, which is no question unless it is
    asked there."""
    if row.text:
        return [row.text]
    said = [(each["role"], str(each.get("content") or "")) for each in (*row.messages, *row.teacher)]
    return [text for role, text in said if role in ("user", "system") or _asks(text)]


def _asks(text: str) -> bool:
    return "?" in text or any(is_asking(word) for word in _WORD.findall(normal(text)))


def _context(row: Row) -> str:
    """What a question is about, where that stands in other messages."""
    return "\n".join(
        normal(str(each.get("content") or "")) for each in row.prompt if each["role"] in ("system", "tool")
    )


def _generic(rows: Sequence[Row]) -> set[Key]:
    contexts: defaultdict[Key, set[str]] = defaultdict(set)
    for row in rows:
        context = _context(row)
        if context and not row.text:
            contexts[_joined(row)].add(context)
    return {key for key, found in contexts.items() if len(found) >= _CONTEXTS}


def _told(rows: Sequence[Row], held_out: Sequence[Row]) -> list[str]:
    """Rows held out of which a sentence of a text has the words of the question and of an answer."""
    wanted: dict[int, list[frozenset[str]]] = {}
    for number, row in enumerate(held_out):
        asked_for = frozenset(word for word in _joined(row) if not is_asking(word)) if not row.text else frozenset()
        answers = [frozenset(question_key(text)) for text in (row.said, *row.answers) if text]
        if asked_for and answers:
            wanted[number] = [asked_for | answer for answer in answers]
    counts = Counter(word for sets in wanted.values() for words in sets for word in words)
    by_rarest: defaultdict[str, list[tuple[int, frozenset[str]]]] = defaultdict(list)
    for number, sets in wanted.items():
        for words in sets:
            by_rarest[min(words, key=lambda word: (counts[word], word))].append((number, words))
    found: dict[int, int] = {}
    for place, row in enumerate(rows):
        for words in statement_words(row.text) if row.text else ():
            for word in words & by_rarest.keys():
                for number, needed in by_rarest[word]:
                    if needed <= words:
                        found.setdefault(number, place)
    return [f"{place_of(held_out[number], number)} in {place_of(rows[at], at)}" for number, at in sorted(found.items())]


def _grams_of_rows(questions: Iterable[str], wanted: set[int]) -> dict[int, list[int]]:
    """Hash of a wanted sequence of words -> the rows that it is in."""
    found: dict[int, list[int]] = defaultdict(list)
    for number, question in enumerate(questions):
        for gram in _grams(question) & wanted:
            found[gram].append(number)
    return found


def _nearest(question: str, grams: dict[int, list[int]], count: int) -> int | None:
    # What stands in many rows is a phrase that frames the questions, and says nothing about this one.
    frame = min(max(10, count // 50), max(2, count // 2))
    own = [gram for gram in _grams(question) if len(grams.get(gram, ())) <= frame]
    shared = Counter(row for gram in own for row in grams.get(gram, ()))
    if not shared:
        return None
    row, most = min(shared.items(), key=lambda each: (-each[1], each[0]))
    return row if most >= _OVERLAP * len(own) else None


def _grams(text: str) -> set[int]:
    words = text.split()
    return {hash(tuple(words[start : start + GRAM])) for start in range(len(words) - GRAM + 1)}
