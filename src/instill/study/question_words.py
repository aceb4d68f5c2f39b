"""The words of a question: all of them, and those that count when two questions are compared.

Left out of those that count are case, spaces, punctuation, forms of Unicode and endings of words; greetings, thanks and
polite frames ("Could you tell me ..."); articles, forms of "be", "do" and "have", "of", and "what" and "which", which a
question can lose without becoming another. All other words count, small ones too: "on" and "off", "not", "when" and
"where".
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from instill.answer.terms import stem, terms, word_set

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


@dataclass(frozen=True, slots=True)
class Word:
    """A word, a number or a sign of a sentence, in lower case and without its ending.

    Args:
        counts: whether it carries the question.
        pause: it is a comma or the like.
        asks: it is a question word.
    """

    text: str
    counts: bool
    pause: bool = False
    asks: bool = False


@lru_cache(maxsize=100_000)
def plain_words(text: str) -> tuple[str, ...]:
    """All words, function words included, stemmed and in lower case.

    Example:
        >>> plain_words("When was the Mill built?")
        ('when', 'was', 'the', 'mill', 'built')
    """
    return tuple(terms(text, keep_stop=True))


def words_by_sentence(text: str) -> list[list[Word]]:
    """The words of each sentence, pauses as words of their own, without polite frames and labels."""
    plain = _FRAMES.sub(" ", _LABEL.sub(" . ", re.sub(r"[^\S\n]+", " ", _plain(text))))
    sentences: list[list[Word]] = [[]]
    for match in _TOKEN.finditer(plain):
        found = match.group()
        if match["end"]:
            sentences[-1] += [Word("?", False)] if "?" in found or "？" in found else []
            sentences.append([])
        elif match["pause"]:
            sentences[-1].append(Word(found, False, pause=True))
        elif match["sign"]:
            if _is_operator(plain, match.start()):
                sentences[-1].append(Word("-" if found == "−" else found, True))
            elif found == "-" and plain[max(0, match.start() - 1)] == " ":
                sentences[-1].append(Word(found, False, pause=True))
        else:
            sentences[-1] += _words(found, word=bool(match["word"]))
    return sentences


def words_as_written(text: str) -> tuple[str, ...]:
    """Its words and numbers as they stand there, in lower case, polite ones too."""
    return tuple(match.group() for match in _TOKEN.finditer(_plain(text)) if match["word"] or match["number"])


def statement_words(text: str) -> Iterator[frozenset[str]]:
    """The words that count of each sentence."""
    for sentence in words_by_sentence(text):
        found = frozenset(word.text for word in sentence if word.counts)
        if found:
            yield found


def is_asking(word: str) -> bool:
    """Whether it is a question word, which no statement has."""
    return word in _ASKING


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


def _words(found: str, *, word: bool) -> Iterator[Word]:
    if not word:
        yield Word(found, True)
        return
    bare = re.sub(r"'(?:s|re|ve|ll|d|m)$", "", found).replace("'", "")
    yield Word(stem(bare), bare not in _DROPPED, asks=bare in _ASKING)


def _is_operator(text: str, place: int) -> bool:
    """Between or beside numbers a sign counts; elsewhere it is punctuation."""
    before, after = text[max(0, place - 3) : place].rstrip(), text[place + 1 : place + 4].lstrip()
    return before[-1:].isdigit() or (after[:1].isdigit() and not before[-1:].isalpha())
