"""Do two texts ask the same? Compared are the words that carry a question, and its numbers, at any length.

Left out are case, spaces, punctuation, forms of Unicode and endings of words; greetings, thanks and polite frames
("Could you tell me ..."); articles, forms of "be", "do" and "have", "of", and "what" and "which", which a question can
lose without becoming another. All other words count, small ones too: "on" and "off", "not", "when" and "where".

Two keys are the same question when they have the same words, but not where two parts have changed places around what
stands between them ("Did Ada beat Bo?", "Did Bo beat Ada?"), nor where numbers stand in another order.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from instill.answer.terms import stem, word_set

Key = tuple[str, ...]
"""The words of a question that count, in their order."""

_POLITE = (
    r"(?:can|could|would|will) you(?: (?:please|kindly|perhaps|maybe|possibly|also|just))*"
    r"(?: be so kind (?:as to|and))?(?: (?:tell|give|show|explain|say|answer|inform|remind)(?: to)?(?: (?:me|us))?)?",
    r"(?:tell|give|show|inform|remind) (?:me|us)",
    r"let (?:me|us) know",
    r"do you (?:happen to )?know",
    r"i(?:'d| would)?(?: really)? (?:like|love|want|need|wish) (?:you )?to (?:know|ask|find out|learn|hear)",
    r"i(?:'m| am| was)? wonder(?:ing)?",
    r"(?:may|can|could) i ask(?: you)?",
    r"thank(?:s| you)(?: (?:very|so) much| a lot| in advance)?",
    r"good (?:morning|evening|afternoon|day|night)",
    r"hello|hi|hey|greetings|please|pls|kindly|welcome|bye",
    r"bitte|danke|hallo|guten (?:morgen|tag|abend)|s'il vous pla[iî]t|s'il te pla[iî]t|merci|bonjour|bonsoir",
    r"por favor|gracias|hola|buenos d[ií]as|per favore|grazie|ciao|buongiorno",
)
_FRAMES = re.compile(rf"\b(?:{'|'.join(_POLITE)})\b(?: there\b)?")
_LABEL = re.compile(r"(?:^|(?<=[\n.!?]))\s*(?:q|question|user|human|a|answer|assistant)\s*\d*\s*[:)]\s")
_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z]{2,8});")
_GROUPED = re.compile(r"(?<=\d)[,\u2009\u202f' ](?=\d{3}(?!\d))")
_CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af"
_TOKEN = re.compile(
    rf"(?P<number>\d+(?:[.,:]\d+)*)"
    rf"|(?P<cjk>[{_CJK}])"
    rf"|(?P<word>(?:(?![{_CJK}])[^\W\d_])(?:(?![{_CJK}])[^\W_])*(?:'[^\W\d_]+)*)"
    rf"|(?P<sign>[-+*/=<>^%×÷±−])"
    rf"|(?P<end>[.!?…。！？\n]+)|(?P<pause>[,;:–—()\"“”«»]+)"
)  # fmt: skip
_DROPPED = word_set("a an the is are was were be been being am do does did has have had of what which it its there s")
_ASKING = word_set("who whom whose when where why how what which")
_FEW = 3
"""Words of a key from which on it is found inside of a text however it stands there; a shorter one must be asked."""

_MOST_CLAUSES = 6
_LONGEST_SWAP = 60
"""Words within which a swap is looked for; longer texts of the same words are the same."""
_MOST_SENTENCES = 4


@dataclass(frozen=True, slots=True)
class _Word:
    text: str
    counts: bool
    pause: bool = False
    asks: bool = False


@lru_cache(maxsize=50_000)
def question_key(text: str) -> Key:
    """What carries a question. Of a text that asks nothing and has at most one word besides politeness, such as a
    greeting, all words: there the politeness is what is said.

    Example:
        >>> question_key("What is the flag colour of Norland?")
        ('flag', 'colour', 'norland')
        >>> question_key("Hello! Could you tell me Norland's flag  COLOUR, please")
        ('norland', 'flag', 'colour')
        >>> question_key("Hello there!"), question_key("12 - 7 = ?")
        (('hello', 'there'), ('12', '-', '7', '='))
    """
    words = [word for sentence in _sentences(text) for word in sentence]
    found = tuple(word.text for word in words if word.counts)
    if len(found) > 1 or (found and any(_marks_question(word) for word in words)):
        return found
    return tuple(match.group() for match in _TOKEN.finditer(_plain(text)) if match["word"] or match["number"]) or found


def same_question(first: Key, second: Key) -> bool:
    """Whether two keys are those of one question.

    Example:
        >>> same_question(question_key("Norland's flag colour?"), question_key("flag colour of Norland"))
        True
        >>> same_question(question_key("Did Ada beat Bo?"), question_key("Did Bo beat Ada?"))
        False
    """
    if first == second:
        return True
    if len(first) != len(second) or sorted(first) != sorted(second):
        return False
    if [word for word in first if not word.isalpha()] != [word for word in second if not word.isalpha()]:
        return False
    return not _swapped(first, second)


def asks_same(first: str, second: str) -> bool:
    """Whether two questions are one.

    Example:
        >>> asks_same("When was the mill built?", "Please, when was the Mill built"), asks_same("Mill on", "Mill off")
        (True, False)
    """
    return same_question(question_key(first), question_key(second))


def keys_in(text: str, sizes: Iterable[int]) -> Iterator[Key]:
    """The keys of what may be a question in a text: the text as a whole, its sentences, a few of them in a row, and
    their parts between commas and from a question word on. Of a part of the text, a word or two are a question only
    with a question word or a question mark: "tea" is not asked in "Coffee, tea and milk."

    Args:
        sizes: how many words a key has that is looked for; others are left out.
    """
    wanted = frozenset(sizes)
    sentences = [sentence for sentence in _sentences(text) if any(word.counts for word in sentence)]
    counted = [tuple(word.text for word in sentence if word.counts) for sentence in sentences]
    whole = question_key(text)
    if len(whole) in wanted:
        yield whole
    for start in range(len(counted)):
        joined: Key = ()
        for number, words in enumerate(counted[start : start + _MOST_SENTENCES], start):
            joined += words
            asked = any(_marks_question(word) for each in sentences[start : number + 1] for word in each)
            if len(joined) in wanted and (asked or len(joined) >= _FEW):
                yield joined
    for sentence in sentences:
        yield from _parts(sentence, wanted)


def _parts(sentence: Sequence[_Word], wanted: frozenset[int]) -> Iterator[Key]:
    pauses = [place for place, word in enumerate(sentence) if word.pause]
    starts = [-1, *pauses, *(place - 1 for place, word in enumerate(sentence) if word.asks and place)]
    ends = [*pauses, len(sentence)]
    for start in starts:
        for end in [*[each for each in ends if each > start + 1][: _MOST_CLAUSES - 1], len(sentence)]:
            part = sentence[start + 1 : end]
            key = tuple(word.text for word in part if word.counts)
            if len(key) in wanted and (len(key) >= _FEW or any(word.asks for word in part)):
                yield key


class Questions:
    """Questions that are looked for in texts.

    Args:
        keys: of each, by number.

    Example:
        >>> wanted = Questions({7: question_key("What is the flag colour of Norland?")})
        >>> sorted(wanted.asked_in("My teacher asked: Norland's flag colour, what is it? I did not know."))
        [7]
        >>> sorted(wanted.asked_in("The flag colour of Norland is green. What is the flag colour of Sudland?"))
        []
    """

    def __init__(self, keys: Mapping[int, Key]) -> None:
        self._by_words: defaultdict[Key, list[tuple[int, Key]]] = defaultdict(list)
        for number, key in keys.items():
            if key:
                self._by_words[tuple(sorted(key))].append((number, key))
        self._sizes = frozenset(len(words) for words in self._by_words)

    def same_as(self, key: Key) -> set[int]:
        """Numbers of the questions that this key is of."""
        near = self._by_words.get(tuple(sorted(key)), ()) if len(key) in self._sizes else ()
        return {number for number, other in near if same_question(key, other)}

    def asked_in(self, text: str) -> set[int]:
        """Numbers of the questions that the text asks."""
        return {number for key in keys_in(text, self._sizes) for number in self.same_as(key)} if self._sizes else set()


def statement_words(text: str) -> Iterator[frozenset[str]]:
    """The words that count of each sentence."""
    for sentence in _sentences(text):
        found = frozenset(word.text for word in sentence if word.counts)
        if found:
            yield found


def is_asking(word: str) -> bool:
    """Whether it is a question word, which no statement has."""
    return word in _ASKING


def _marks_question(word: _Word) -> bool:
    return word.asks or word.text == "?"


def _plain(text: str) -> str:
    found = unicodedata.normalize("NFKC", _ENTITY.sub(_unescaped, text)).casefold()
    found = "".join(sign for sign in found if unicodedata.category(sign) != "Cf")
    found = re.sub("[’‘`´]", "'", found)
    found = re.sub(r"n't\b", " not", found)
    return _GROUPED.sub("", found)


def _unescaped(entity: re.Match[str]) -> str:
    """A letter or a space of HTML as what it is; other signs may be what is asked about."""
    shown = html.unescape(entity.group())
    return shown if shown.isalnum() or shown.isspace() else entity.group()


def _sentences(text: str) -> list[list[_Word]]:
    """The words of each sentence, pauses as words of their own, without polite frames and labels."""
    plain = _FRAMES.sub(" ", _LABEL.sub(" . ", re.sub(r"[^\S\n]+", " ", _plain(text))))
    sentences: list[list[_Word]] = [[]]
    for match in _TOKEN.finditer(plain):
        found = match.group()
        if match["end"]:
            sentences[-1] += [_Word("?", False)] if "?" in found or "？" in found else []
            sentences.append([])
        elif match["pause"]:
            sentences[-1].append(_Word(found, False, pause=True))
        elif match["sign"]:
            if _is_operator(plain, match.start()):
                sentences[-1].append(_Word("-" if found == "−" else found, True))
            elif found == "-" and plain[max(0, match.start() - 1)] == " ":
                sentences[-1].append(_Word(found, False, pause=True))
        else:
            sentences[-1] += _words(found, word=bool(match["word"]))
    return sentences


def _words(found: str, *, word: bool) -> Iterator[_Word]:
    if not word:
        yield _Word(found, True)
        return
    bare = re.sub(r"'(?:s|re|ve|ll|d|m)$", "", found).replace("'", "")
    yield _Word(stem(bare), bare not in _DROPPED, asks=bare in _ASKING)


def _is_operator(text: str, place: int) -> bool:
    """Between or beside numbers a sign counts; elsewhere it is punctuation."""
    before, after = text[max(0, place - 3) : place].rstrip(), text[place + 1 : place + 4].lstrip()
    return before[-1:].isdigit() or (after[:1].isdigit() and not before[-1:].isalpha())


def _swapped(first: Key, second: Key) -> bool:
    """Whether two parts have changed places around a third: X M Y, Y M X, with the same before and after."""
    start = next(place for place, (one, other) in enumerate(zip(first, second, strict=True)) if one != other)
    end = next(place for place in range(len(first), 0, -1) if first[place - 1] != second[place - 1])
    one, other = first[start:end], second[start:end]
    size = len(one)
    return size <= _LONGEST_SWAP and any(
        one[:left] == other[size - left :]
        and one[size - right :] == other[:right]
        and one[left : size - right] == other[right : size - left]
        for left in range(1, size - 1)
        for right in range(1, size - left)
    )
