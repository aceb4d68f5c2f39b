"""Pieces about another kind of what is asked for: what is said of parental leave, where medical leave is asked for.

A reader that knows few names takes the one for the other, since both are leave. The documents themselves say which
kinds they tell apart: both are in headings, or are spoken of as things ("the parental leave", "of medical leave").
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass
from itertools import takewhile

from instill.answer.found.pieces import Piece
from instill.answer.terms import STOPWORDS, normalise, stem, word_set
from instill.index.types import Hit

_WORD = re.compile(r"[^\W\d_][\w'’-]*|[.!?:;,()\n|]")
_HEADING = re.compile(r"^#+\s+(.+)$", re.MULTILINE)
_DOES = re.compile(r"\b(?:do|does|did)\s+(?!(?:i|you|we|they|he|she|it)\b)", re.IGNORECASE)
"""A question whose last word may be a verb: "does the leave last?"."""

_BEFORE_A_THING = word_set(
    "a an the this that these those each every any no some all both of in on for from to with without during after "
    "before under over between about by at per into as and or than my our your his her its their"
)
_ASKS_FOR_THE_KIND = word_set("what which kind type sort")
_BEFORE_A_VERB = word_set("i you we they he she it to please not")
_TELLS_LITTLE = frozenset(
    stem(word)
    for word in word_set(
        "new old current main major maximum minimum max min total full whole entire own official general normal usual "
        "standard default same different other next last first second best good better average actual exact possible "
        "available specific certain common important local free paid extra additional more many several various few "
        "company team employee employees teammate teammates customer customers user users work working correct right "
        "wrong long short big large small high low early late daily weekly monthly yearly annual"
    )
)
"""Words that say little about the kind of a thing; "the new laptop" may be "the work laptop"."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A thing with the word in front of it that says which kind: stems, and the words as they are written."""

    which: str
    thing: str
    written: str

    @property
    def key(self) -> tuple[str, str]:
        return self.which, self.thing


def asked_kinds(question: str) -> list[Kind]:
    """The kinds that a question names.

    Example:
        >>> [kind.written for kind in asked_kinds("How long does medical leave last?")]
        ['medical leave']
        >>> asked_kinds("How do I reset the new password?")
        []
    """
    found = []
    ends_with_verb = _DOES.search(question) is not None
    pairs = list(_neighbours(question))
    for place, (before, first, second) in enumerate(pairs):
        if ends_with_verb and place == len(pairs) - 1 and question.rstrip(" ?.!").endswith(second):
            continue
        if before in _ASKS_FOR_THE_KIND or (len(first) > 5 and first.endswith("est")):
            continue  # "which political party", "the largest rooms": any kind may be the one.
        if first[:1].isupper() and second[:1].isupper():
            continue  # a name
        kind = _kind(first, second)
        if kind is not None and kind.which not in _TELLS_LITTLE and before not in _BEFORE_A_VERB:
            found.append(kind)
    return found


def known_kinds(headings: Iterable[str], texts: Iterable[str]) -> Set[tuple[str, str]]:
    """The kinds that documents tell apart: in a heading or title, or spoken of as a thing in a text."""
    known = {
        kind.key for heading in headings for _, *pair in _neighbours(heading) if (kind := _kind(*pair)) is not None
    }
    for text in texts:
        for before, first, second in _neighbours(text):
            kind = _kind(first, second)
            if kind is not None and before in _BEFORE_A_THING:
                known.add(kind.key)
    return known


def other_kind(
    asked: Sequence[Kind], known: Set[tuple[str, str]], heading: str, text: str, *, named: Set[str] = frozenset()
) -> tuple[Kind, str] | None:
    """What is asked for, and the other kind of it that a piece is about; None where the piece may be about the one that
    is asked for.

    Args:
        asked: see `asked_kinds`.
        known: see `known_kinds`.
        heading: the nearest one above the piece.
        named: stems of the words before what is asked for. A kind with one of them is asked for too: "on-call GCP
            access".

    Example:
        >>> asked = asked_kinds("How long does medical leave last?")
        >>> known = known_kinds(["Medical leave", "Parental leave"], [])
        >>> other_kind(asked, known, "Parental leave", "Parental leave lasts sixteen weeks.")[1]
        'parental leave'
        >>> other_kind(asked, known, "Medical leave", "It lasts four weeks.") is None
        True
    """
    said = {stem(normalise(word)) for word in re.findall(r"[^\W\d_][\w'’-]*", f"{heading} {text}")}
    for kind in asked:
        if kind.key not in known or kind.which in said or kind.thing not in said:
            continue
        pairs = _neighbours(f"{heading}\n{text}", every=True)
        others = [_kind(first, second) for _, first, second in pairs if stem(normalise(second)) == kind.thing]
        told = [
            other.written for other in others if other is not None and other.key in known and other.which not in named
        ]
        if told and len(told) == len(others):  # Each time it is named, it is of another kind.
            return kind, told[0]
    return None


@dataclass(frozen=True, slots=True)
class Kinds:
    """What a question asks for, and the kinds of it that the passages tell apart."""

    asked: Sequence[Kind]
    known: frozenset[tuple[str, str]]
    named: frozenset[str] = frozenset()

    def other_of(self, piece: Piece) -> tuple[Kind, str] | None:
        """See `other_kind`."""
        if not self.asked:
            return None
        heading = piece.headings.rpartition(" > ")[2] or piece.hit.title
        return other_kind(self.asked, self.known, heading, piece.text, named=self.named)


def kinds_among(question: str, hits: Sequence[Hit]) -> Kinds:
    """The kinds that the question names, as far as the passages have them."""
    asked = asked_kinds(question)
    if not asked:
        return Kinds((), frozenset())
    headings = [part for hit in hits for part in (hit.title, *hit.headings.split(" > "), *_HEADING.findall(hit.text))]
    known = known_kinds(dict.fromkeys(headings), [hit.text for hit in hits])
    kept = [kind for kind in asked if kind.key in known]
    return Kinds(kept, frozenset(known), _before_the_things(question, kept))


def _before_the_things(question: str, asked: Sequence[Kind]) -> frozenset[str]:
    """Stems of the words that stand in a row before what is asked for: of "for on-call GCP access" two."""
    words = [normalise(word) for word in _WORD.findall(question)]
    found: set[str] = set()
    for place, word in enumerate(words):
        if any(stem(word) == kind.thing for kind in asked):
            before = reversed(words[:place])
            found.update(map(stem, takewhile(lambda each: each[0].isalpha() and each not in STOPWORDS, before)))
    return frozenset(found)


def _kind(first: str, second: str) -> Kind | None:
    one, two = normalise(first), normalise(second)
    if one in STOPWORDS or two in STOPWORDS or len(one) < 3 or len(two) < 3:
        return None
    return Kind(stem(one), stem(two), f"{one} {two}")


def _neighbours(text: str, *, every: bool = False) -> Iterator[tuple[str, str, str]]:
    """Words next to each other with the word before them, in small letters; "." at the beginning of a sentence.

    Args:
        every: also a word with nothing before it, whose first word is then "".
    """
    words = ["\n", *_WORD.findall(text)]
    for place in range(1, len(words) - 1):
        first, second = words[place], words[place + 1]
        if not second[0].isalpha():
            continue
        if not first[0].isalpha():
            if every:
                yield ".", "", second
            continue
        yield normalise(words[place - 1]) if words[place - 1][0].isalpha() else ".", first, second
