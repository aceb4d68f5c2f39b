"""Words of questions and passages, for keyword overlap: normalised, stemmed lightly, without function words."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from functools import lru_cache
from math import log

_CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af"
_WORD = re.compile(rf"[{_CJK}]+|(?:(?![{_CJK}])[^\W_])+(?:['’](?:(?![{_CJK}])[^\W_])+)?")

_CJK_FIRST = re.compile(f"[{_CJK}]")
_SUFFIX = re.compile(r"['’](s|re|ve|ll|d|t|m)$")
_VOWEL = re.compile("[aeiouy]")
_LETTER_IN_BRACKETS = re.compile(r"(?<=\d\d)\(([A-Za-z])\)")


def word_set(words: str) -> frozenset[str]:
    """The words of a line of words."""
    return frozenset(words.split())


_LONGEST_KEPT = 4000
"""Characters of a text whose terms are remembered: the same passages and sentences come up again and again."""

STOPWORDS = word_set(
    "a about above after again against all also am an and any are as at be because been before being below "
    "between both but by can cannot could did do does doing done down during each either else ever few for from "
    "further get gets getting give gives go goes got had has have having he her here hers herself him himself his "
    "how i if in into is it its itself just let lets like make makes many may me might more most much must my "
    "myself no nor not now of off on once only or other our ours ourselves out over own please same shall she "
    "should so some such tell than that the their theirs them themselves then there these they this those through "
    "to too under until up upon us use used uses using very was we were what when where which while who whom "
    "whose why will with would you your yours yourself im ive id youre dont doesnt didnt isnt arent wasnt cant "
    "wont whats hows wheres whos der die das den dem des ein eine einer eines einem einen und oder aber ist sind "
    "war waren wird werden wurde mit von zu zur zum im in am an auf für bei aus nach über unter wie was wer wo "
    "wann warum welche welcher welches ich du er sie es wir ihr man nicht auch le la les un une des du de et ou "
    "mais est sont était dans sur pour par avec que qui quoi quel quelle quels quelles comment pourquoi où quand "
    "je tu il elle nous vous ils elles ce cette ces se sa son ses au aux el los las una unos unas y o pero es son "
    "era en con por para qué que quién cómo cuándo dónde cuál cuáles del al su sus se lo il gli uno e ed ma è "
    "sono di da per che chi cosa come quando dove perché quale quali nel nella della dei"
)


def normalise(text: str) -> str:
    """Compatibility forms united, case folded, accents kept, "401(k)" as one word."""
    return joined(unicodedata.normalize("NFKC", text).casefold())


def joined(text: str) -> str:
    """The text with a number and the letter in brackets behind it as one word.

    Example:
        >>> joined("A 401(k) or a 403(b), see section 3(a).")
        'A 401k or a 403b, see section 3(a).'
    """
    return _LETTER_IN_BRACKETS.sub(r"\1", text)


@lru_cache(maxsize=50_000)
def stem(word: str) -> str:
    """A crude English stem: enough to match "launches" with "launch" and "policies" with "policy".

    Example:
        >>> [stem(w) for w in ("policies", "launches", "goals", "running", "planned", "bus", "remotely")]
        ['policy', 'launch', 'goal', 'run', 'plan', 'bus', 'remote']
    """
    if len(word) < 4 or not word.isascii() or not word.isalpha():
        return word
    if word.endswith("ies") and len(word) > 4:
        word = word[:-3] + "y"
    elif word.endswith(("sses", "shes", "ches", "xes", "zes")):
        word = word[:-2]
    elif word.endswith("s") and not word.endswith(("ss", "us", "is")):
        word = word[:-1]
    if word.endswith("ly") and len(word) > 5:
        word = word[:-2]
    for ending in ("ing", "ed"):
        if word.endswith(ending) and len(word) - len(ending) >= 3 and _VOWEL.search(word[: -len(ending)]):
            word = word[: -len(ending)]
            if word[-1] == word[-2] and word[-1] not in "lsz":
                word = word[:-1]
            break
    return word[:-1] if word.endswith("e") and len(word) > 4 and not word.endswith(("te", "le")) else word


def terms(text: str, *, keep_stop: bool = False) -> list[str]:
    """Stemmed words in order of appearance, repeated where the text repeats them.

    Scripts without spaces between words (Chinese, Japanese, Korean) become overlapping pairs of characters.

    Example:
        >>> terms("What are the company's core values?")
        ['company', 'core', 'valu']
    """
    return list(_terms(text, keep_stop) if len(text) <= _LONGEST_KEPT else _terms.__wrapped__(text, keep_stop))


@lru_cache(maxsize=8192)
def _terms(text: str, keep_stop: bool) -> tuple[str, ...]:
    found: list[str] = []
    for match in _WORD.finditer(normalise(text)):
        word = match.group()
        if _CJK_FIRST.match(word):
            found.extend(word[i : i + 2] for i in range(max(1, len(word) - 1)))
            continue
        word = _SUFFIX.sub("", word).replace("'", "").replace("’", "")
        if word and (keep_stop or word not in STOPWORDS):
            found.append(stem(word))
    return tuple(found)


def content_words(text: str) -> list[str]:
    """The words of `text` that are not function words, unstemmed, each once.

    Example:
        >>> content_words("Which goals has the legal team?")
        ['goals', 'legal', 'team']
    """
    words = (match.group() for match in _WORD.finditer(normalise(text)))
    return list(dict.fromkeys(word for word in words if terms(word)))


def same_words(one: str, other: str) -> bool:
    """Are the words of one short answer those of the other, or a part of them ("80", "80 degrees")?

    Example:
        >>> same_words("80 degrees", "80 degrees for two minutes"), same_words("80 degrees", "95 degrees")
        (True, False)
    """
    first, second = (terms(each) or normalise(each).split() for each in (one, other))
    return set(first) <= set(second) or set(second) <= set(first)


def rarity(wanted: Iterable[str], texts: Iterable[set[str]]) -> Mapping[str, float]:
    """Weight of each wanted term by how few of the `texts` (as sets of terms) hold it; from about 0.3 up.

    The inverse document frequency within the candidates: a term that all of them hold says little about which
    of them answers.
    """
    pool = list(texts)
    return {term: log(1 + (len(pool) + 0.5) / (sum(term in text for text in pool) + 0.5)) for term in set(wanted)}


def coverage(wanted: Mapping[str, float], found: set[str]) -> float:
    """Share of the wanted weight that is found, 0 to 1; 0 when nothing is wanted."""
    total = sum(wanted.values())
    return sum(weight for term, weight in wanted.items() if term in found) / total if total else 0.0
