"""Misspelt words of a question: what they are searched by instead, and what is only asked about ("Did you mean ...?").

A word counts as misspelt when no passage that the caller sees holds it in any form, it is no word of the encoder's word
table or of a dictionary, and a word of the passages is near. Codes, numbers, options, and what stands in quotes are
taken as they are. A name is changed only by a slip of the fingers into a word that the documents use often; otherwise
it may be the name of something else, of which nothing is known.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from instill.answer.asked.dictionary import in_dictionary
from instill.answer.asked.language import is_function_word
from instill.answer.asked.must_be_spoken_of import pins_of
from instill.answer.asked.unknown_names import unknown_names
from instill.answer.terms import STOPWORDS, stem, word_set
from instill.common.kept_answers import ASKED, MENDED
from instill.index.types import Hit
from instill.index.vocabulary import WORD, Known, Vocabulary, folded

if TYPE_CHECKING:
    from tokenizers import Tokenizer

SHORTEST = 4
"""Shorter words are never taken for misspelt, in letters; of words so short, only exchanged letters are mended."""

TWO_CHANGES_FROM = 8
"""Letters from which on a word may be two changes away."""

OFTEN = 5
"""How often the documents have to write a name that another one is taken for."""

CLEARLY = 3
"""How many times as frequent as the next one a word has to be, where two are equally near."""

_BESIDE = "0123456789_@/\\`#$<>=&%~^|"
"""A word with one of these beside it is part of an address, a path, a code."""
_QUOTED = re.compile("[\"“”«»„][^\"“”«»„]*[\"“”«»„]|'[^']{2,}'(?!\\w)")
_ENDINGS = word_set("s es e d ed ing er ers r rs ly y ies al ion ions or ors n en em a as o os i is t te st able") | {
    ""
}
_VOWELS = frozenset("aeiouy")
_LATIN = re.compile(r"[\u0041-\u024f]+")


@dataclass(frozen=True, slots=True)
class Unsure:
    """A word that no passage holds, and the nearest ones, if any. `name`: it names something, so that what is known of
    the others is no answer."""

    word: str
    near: tuple[str, ...]
    name: bool

    @property
    def question(self) -> str:
        """'Did you mean "Kestral"?'"""
        return f"{ASKED} " + " or ".join(f'"{word}"' for word in self.near) + "?" if self.near else ""


@dataclass(frozen=True, slots=True)
class Spelling:
    """What became of a text: `changes` are pairs of a word as written and the one that is searched instead."""

    changes: tuple[tuple[str, str], ...] = ()
    unsure: tuple[Unsure, ...] = ()

    def applied(self, text: str) -> str:
        """`text` with every change made."""
        for word, other in self.changes:
            plain = other.replace("\\", r"\\")  # In a replacement a backslash would mean something.
            text = re.sub(rf"(?<![^\W\d_]){re.escape(word)}(?![^\W\d_])", plain, text)
        return text

    @property
    def notices(self) -> tuple[str, ...]:
        """What the user has to know of it, a sentence for each changed word."""
        return tuple(f'{MENDED} "{other}" instead of "{word}".' for word, other in self.changes)

    @property
    def stranger(self) -> str:
        """What is said where the text names something that no document holds, though something near; else ""."""
        said = (f'No document holds "{each.word}". {each.question}'.strip() for each in self.unsure if each.name)
        return " ".join(said)

    @property
    def questions(self) -> str:
        """'Did you mean "..."?' for every word that was left as it is."""
        return " ".join(each.question for each in self.unsure if each.near)


def spelling(
    text: str,
    found: Iterable[str],
    vocabulary: Callable[[], Vocabulary],
    in_word_table: Callable[[str], bool],
    in_dictionary: Callable[[str], bool],
) -> Spelling:
    """What of `text` is misspelt.

    Args:
        found: texts that a search for it brought up; a word that stands there is not looked at.
        vocabulary: the words of all that the caller sees; asked for only when a word is suspect.
        in_word_table: whether a word, in small letters, is one that the encoder knows whole.
        in_dictionary: whether it is a word of a language; asked last.

    Example:
        >>> words = Vocabulary.of(["Redis persistence: redis writes snapshots to the disk."] * 5)
        >>> question = "how do I enable persistance in redsi?"
        >>> spelt = spelling(question, [], lambda: words, ["enable"].__contains__, lambda word: False)
        >>> spelt.applied(question), spelt.notices[0]
        ('how do I enable persistence in redis?', 'Searched for "persistence" instead of "persistance".')
    """
    found = list(found)
    seen = Vocabulary.of(found)
    changes: list[tuple[str, str]] = []
    unsure: list[Unsure] = []
    for word, named in _words(text):
        is_known = in_word_table(word.lower())
        if seen.get(word) or (is_known and not named):
            continue
        known = vocabulary()
        near = [] if known.get(word) else _candidates(word, known) or _ended_short(word, known, in_dictionary)
        if not near:
            continue
        best = near[0]
        is_known = is_known or in_dictionary(word.lower())
        if is_known and not (named and best.known.named):
            continue
        if not is_known and _is_clear(near) and (best.ended or _is_sure(word, named, best)):
            changes.append((word, best.known.form))
        elif best.known.named or not named or len(word) > SHORTEST + 1:
            forms = tuple(dict.fromkeys(each.known.form for each in near))[:2]
            unsure.append(Unsure(word, forms, named or best.known.named))
    looked_at = {word for word, _ in changes} | {each.word for each in unsure}
    names = unknown_names(text, found, vocabulary, lambda word: in_word_table(word) or in_dictionary(word))
    unsure += [Unsure(name, (), True) for name in names if name not in looked_at]
    return Spelling(tuple(changes), tuple(unsure))


def _words(text: str) -> Iterator[tuple[str, bool]]:
    """The words of `text` that can be misspelt, each once, and whether they are written as names."""
    taken = [match.span() for match in _QUOTED.finditer(text)]
    for pin in pins_of(text):
        if pin.kind == "code":
            taken += [match.span() for match in re.finditer(re.escape(pin.text), text)]
    found = [
        match
        for match in WORD.finditer(text)
        if not any(low < match.end() and match.start() < high for low, high in taken)
    ]
    long = [match.group() for match in found if len(match.group()) >= SHORTEST]
    titled = len(long) > 2 and sum(word[0].isupper() for word in long) > 0.7 * len(long)
    done: set[str] = set()
    for match in found:
        word = match.group()
        before, after = text[: match.start()], text[match.end() :]
        if len(word) < SHORTEST or word in done or folded(word) in STOPWORDS or word.lower() in STOPWORDS:
            continue
        if is_function_word(word):
            continue  # "Combien de semaines": no "combine".
        if before[-1:] in tuple(_BESIDE) or after[:1] in tuple(_BESIDE) or re.search(r"(?:\w\.|(?<!\w)[-+]+)$", before):
            continue
        if re.match(r"\.\w", after):
            continue
        done.add(word)
        begins = not before.strip() or before.rstrip()[-1] in ".!?:;(\"“‘'"
        yield word, word[0].isupper() and not begins and not titled


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A word of the passages that another may stand for; `key` is its folded form. `ended`: it has one letter more at
    its end, without which it is no word."""

    known: Known
    key: str
    distance: int
    slip: bool
    ended: bool = False


def _candidates(word: str, known: Vocabulary) -> list[_Candidate]:
    """The words that it may stand for, nearest first; none where it is a form of one of them."""
    key = folded(word)
    near = [
        _Candidate(each, folded(each.form), distance, _slip(key, folded(each.form)))
        for each, distance in known.near(word, 2 if len(key) >= TWO_CHANGES_FROM else 1)
    ]
    if any(not each.slip and _is_form(key, each.key) for each in near):
        return []
    near = [each for each in near if _may_be(key, each)]
    return sorted(near, key=lambda each: (each.distance, not each.slip, -each.known.count, each.key))


def _ended_short(word: str, known: Vocabulary, in_dictionary: Callable[[str], bool]) -> list[_Candidate]:
    """The word of a dictionary that lacks its last letter here, as in "autum"; "jsonb" and "json" are two names."""
    key = folded(word)
    if len(key) < SHORTEST + 1 or word[0].isupper() or in_dictionary(word):
        return []
    longer = [each for each, _ in known.near(word, 1) if folded(each.form)[:-1] == key]
    whole = [each for each in longer if stem(folded(each.form)) != stem(key) and in_dictionary(each.form.lower())]
    return [_Candidate(each, folded(each.form), 1, False, ended=True) for each in whole] if len(whole) == 1 else []


def _is_clear(near: Sequence[_Candidate]) -> bool:
    """Is the first nearer, or far more frequent, than every other word?"""
    best = near[0]
    rivals = [
        each
        for each in near[1:]
        if (each.distance, each.slip) == (best.distance, best.slip) and stem(each.key) != stem(best.key)
    ]
    return not rivals or best.known.count >= CLEARLY * rivals[0].known.count


def _is_form(word: str, other: str) -> bool:
    """Do the two differ only in their ending, as "shards" and "sharding"?"""
    if stem(word) == stem(other):
        return True
    prefix = 0
    while prefix < min(len(word), len(other)) and word[prefix] == other[prefix]:
        prefix += 1
    one, two = word[prefix:], other[prefix:]
    if prefix < 4 or (one and two and one[-1] == two[-1]):
        return False
    if _LATIN.fullmatch(word):
        return one in _ENDINGS and two in _ENDINGS
    return max(len(one), len(two)) <= 2 and prefix >= len(word) - 2


def _may_be(word: str, other: _Candidate) -> bool:
    """Can one be a slip for the other? What differs at the front ("symmetric", "asymmetric") is another word."""
    if word.endswith(other.key) or other.key.endswith(word):
        return False
    return other.slip or (len(word) > SHORTEST and word[0] == other.key[0])


def _slip(word: str, other: str) -> bool:
    """Are two letters exchanged, or one doubled or not?"""
    if len(word) == len(other):
        differ = [place for place in range(len(word)) if word[place] != other[place]]
        return (
            len(differ) == 2
            and differ[1] == differ[0] + 1
            and word[differ[0]] == other[differ[1]]
            and word[differ[1]] == other[differ[0]]
        )
    long, short = sorted((word, other), key=len, reverse=True)
    return len(long) == len(short) + 1 and any(
        long[place] == long[place - 1] and long[:place] + long[place + 1 :] == short for place in range(1, len(long))
    )


def _is_sure(word: str, named: bool, best: _Candidate) -> bool:
    """Is the word searched by the other one without asking?

    The longer the words, the less likely that both are words. A letter more or less at the end is often meant ("json",
    "jsonb"), and short words that differ in one letter are mostly two words ("video", "vimeo").
    """
    key, other = folded(word), best.key
    if named or best.known.named:
        if best.known.named and best.known.count < OFTEN:
            return False
        return best.slip or (best.distance == 1 and len(key) >= TWO_CHANGES_FROM)
    if best.slip:
        return True
    if key.startswith(other) or other.startswith(key):
        return False
    if best.distance > 1:
        return len(key) > TWO_CHANGES_FROM and key[:3] == other[:3] and key[-1] == other[-1]
    if len(key) != len(other):
        return True
    changed = next(place for place in range(len(key)) if key[place] != other[place])
    vowels = key[changed] in _VOWELS and other[changed] in _VOWELS
    return len(key) >= (TWO_CHANGES_FROM - 1 if vowels else TWO_CHANGES_FROM)


def speller(
    vocabulary: Callable[[], Vocabulary], tokenizer: Callable[[], Tokenizer]
) -> Callable[[str, Sequence[Hit]], Spelling]:
    """What of a text is misspelt, given what a search for it brought up."""

    def look(text: str, hits: Sequence[Hit]) -> Spelling:
        found = [f"{hit.title}\n{hit.headings}\n{hit.source}\n{hit.table_head}\n{hit.text}" for hit in hits]
        return spelling(
            text,
            found,
            vocabulary,
            lambda word: any(tokenizer().token_to_id(mark + word) is not None for mark in ("", "\u2581", "\u0120")),
            lambda word: in_dictionary(word, text),
        )

    return look
