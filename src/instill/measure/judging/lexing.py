"""Text to words, numbers and marks, before anything is put together."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from instill.measure.judging.text import word_list, word_set

Lexed = Literal["word", "number", "ordinal", "date", "time", "mark"]
Day = tuple[int | None, int | None, int | None]
"""Year, month, day; what is not said is None."""

SENTENCE = frozenset(".!?\n")
"""Marks that end a sentence."""

_HALVES = re.compile(r"(?<=\d)(?=[¼½¾⅓⅔⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞])")
_RAISED = {ord("²"): "2", ord("³"): "3"}
_SPELLED = {
    ord("’"): "'", ord("‘"): "'", ord("ʼ"): "'", ord("`"): "'", ord("−"): "-", ord("‐"): "-", ord("‑"): "-",
    ord("⁄"): "/", ord("“"): '"', ord("”"): '"',
}  # fmt: skip
_HOUR = re.compile(r"\b([ap])\s?\.\s?m\b\.?", re.I)
_INITIALS = re.compile(r"\b(?:[^\W\d_]\.){2,}")
_ABBREVIATED = word_set(
    "mr mrs ms dr prof st no nr ca approx jan feb mar apr jun jul aug sep sept oct nov dec vs etc inc ltd fig vol"
)
_TOKEN = re.compile(
    r"""
    (?P<iso>(?<![\w.-])[0-9]{4}([-/.])(?:0?[1-9]|1[0-2])\2(?:0?[1-9]|[12][0-9]|3[01])(?![\w-]))
    | (?P<day>(?<![\w.-])[0-9]{1,2}([-/.])[0-9]{1,2}\4[0-9]{4}(?![\w-]))
    | (?P<clock>(?<![\w.:])(?:[01]?[0-9]|2[0-4]):[0-5][0-9](?::[0-5][0-9])?(?![\w:]))
    | (?P<number>(?:(?<![\w.)])[-+])?
        (?:[0-9]{1,3}(?:[ ][0-9]{3})+(?![0-9.,]*[0-9])(?:[.,][0-9]+)?|[0-9]+(?:[.,'][0-9]+)*|(?<![\w.])\.[0-9]+)
        (?P<tail>[^\W\d_]{0,14}[23]?)(?!\w))
    | (?P<word>\w+(?:'\w+)*)
    | (?P<mark>\r?\n|[^\w\s])
    """,
    re.X,
)
_THOUSANDS = re.compile(r"[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?|[0-9]{1,2}(?:,[0-9]{2})+,[0-9]{3}")
_POINTS = re.compile(r"[0-9]{1,3}(?:\.[0-9]{3})+,[0-9]+|[0-9]{1,3}(?:\.[0-9]{3}){2,}")
_LONGEST_NUMBER = 40  # Digits; of more nobody speaks, and they cost time.
_LONG = {
    "cannot": "can not", "can't": "can not", "cant": "can not", "won't": "will not", "wont": "will not", "im": "i am",
    "shan't": "shall not", "ain't": "is not", "ive": "i have",
    **{f"{verb}nt": f"{verb} not" for verb in word_list("do does did is was are were has have had could would should")},
}  # fmt: skip
_SHORT = {"m": "am", "re": "are", "ve": "have", "ll": "will", "d": "would", "s": "is"}
_WITH_IS = word_set("it that there here what who where when how he she this everything nothing")
_QUIET = frozenset("\"'()[]{}*_`~|\\")  # Marks that neither count nor part what is said.


@dataclass(frozen=True, slots=True)
class Raw:
    """A word, number or mark.

    Args:
        kind: of `value`: str for words (in lower case, short forms written out) and marks, Fraction for numbers and
            ordinals, a set of `Day`s for dates (day and month may be told apart in two ways), minutes for times.
        capital: whether it begins with a capital letter.
        joined: whether nothing stands between it and what is before it.
    """

    kind: Lexed
    value: str | Fraction | frozenset[Day]
    capital: bool = False
    joined: bool = False


def lex(text: str) -> list[Raw]:
    """The words, numbers and marks of a text.

    Example:
        >>> [each.value for each in lex("Don't pay 1,200.50!")]
        ['do', 'not', 'pay', Fraction(2401, 2), '!']
    """
    plain = _plain(text)
    # Marks that combine with a letter are part of the word; the pattern does not know them as such.
    shadow = "".join("a" if unicodedata.category(sign)[0] == "M" else sign for sign in plain)
    found: list[Raw] = []
    end = 0
    for match in _TOKEN.finditer(shadow):
        start = match.start()
        joined = start == end and start > 0
        found += _raw(match, plain, shadow, start, joined)
        end = match.end()
    return found


def number_of(text: str) -> Fraction | None:
    """The number that is written like this; None for a code or a version.

    Example:
        >>> number_of("1,200"), number_of("1.5"), number_of("1.234,5"), number_of("007"), number_of("1.2.3")
        (Fraction(1200, 1), Fraction(3, 2), Fraction(2469, 2), None, None)
    """
    sign = -1 if text.startswith("-") else 1
    plain = text.lstrip("+-").replace(" ", "").replace("'", "")
    if not plain or len(plain) > _LONGEST_NUMBER:
        return None
    if _THOUSANDS.fullmatch(plain):
        plain = plain.replace(",", "")
    elif _POINTS.fullmatch(plain):
        plain = plain.replace(".", "").replace(",", ".")
    elif "." not in plain:
        plain = plain.replace(",", ".")
    if not re.fullmatch(r"[0-9]*\.?[0-9]+", plain) or re.match(r"0[0-9]", plain):
        return None
    return sign * Fraction(f"0{plain}" if plain.startswith(".") else plain)


def _plain(text: str) -> str:
    """One form of signs that look alike, letters as they are, case kept."""
    text = _HALVES.sub(" ", text.translate(_SPELLED)).translate(_RAISED)
    text = unicodedata.normalize("NFKC", text).translate(_SPELLED)
    text = _HOUR.sub(lambda found: f"{found.group(1).lower()}m ", text)
    return _INITIALS.sub(lambda found: found.group().replace(".", "") + " ", text)


def _raw(match: re.Match[str], plain: str, shadow: str, start: int, joined: bool) -> list[Raw]:
    group = match.lastgroup if match.lastgroup != "tail" else "number"
    text = plain[start : match.end()]
    if group == "iso":
        year, month, day = map(int, re.split(r"[-/.]", text))
        return [Raw("date", frozenset({(year, month, day)}), joined=joined)]
    if group == "day":
        first, second, year = map(int, re.split(r"[-/.]", text))
        pairs = [(second, first), (first, second)] if "." not in text else [(second, first)]
        days = frozenset((year, month, day) for month, day in pairs if 1 <= month <= 12 and 1 <= day <= 31)
        return [Raw("date", days, joined=joined)] if days else [Raw("word", text, joined=joined)]
    if group == "clock":
        hours, minutes = text.split(":")[:2]
        return [Raw("time", Fraction(60 * int(hours) + int(minutes)), joined=joined)]
    if match.group("number"):
        return _number(match, text, joined)
    if group == "word":
        return _words(text, joined)
    sign = "\n" if text.strip() == "" else text
    if sign in _QUIET:
        return []
    if sign == "." and not _ends_sentence(shadow, start):
        return []
    return [Raw("mark", sign, joined=joined)]


def _number(match: re.Match[str], text: str, joined: bool) -> list[Raw]:
    tail = match.group("tail")
    digits = text[: len(text) - len(tail)] if tail else text
    number = number_of(digits)
    low = tail.casefold()
    if number is None:
        return [Raw("word", text.casefold(), joined=joined)]
    if low in ("st", "nd", "rd", "th"):
        return [Raw("ordinal", number, joined=joined)]
    if low == "k":
        return [Raw("number", 1000 * number, joined=joined)]
    if low == "s":
        return [Raw("word", text.casefold().replace("'", ""), joined=joined)]  # "1930s"
    found = [Raw("number", number, joined=joined)]
    return [*found, Raw("word", low, tail[:1].isupper(), joined=True)] if tail else found


def _words(text: str, joined: bool) -> list[Raw]:
    """A word; a short form is two."""
    low, capital = text.casefold(), text[:1].isupper()
    if re.fullmatch(r"[0-9]{2,4}'s", low):
        return [Raw("word", low.replace("'", ""), joined=joined)]
    long = _LONG.get(low)
    if long is None and "'" in low:
        head, _, tail = low.rpartition("'")
        if tail == "t" and head.endswith("n"):
            long = f"{head.removesuffix('n')} not"
        elif tail in _SHORT and (tail != "s" or head in _WITH_IS):
            long = f"{head} {_SHORT[tail]}"
        elif tail in ("s", ""):
            long = head  # Whose it is.
    parts = (long or low).replace("'", "").replace("_", "").split()
    return [Raw("word", part, capital and not number, joined and not number) for number, part in enumerate(parts)]


def _ends_sentence(text: str, place: int) -> bool:
    after = text[place + 1 : place + 3]
    if after[:1] and not after[:1].isspace() and after[:1] not in "\"')]*_":
        return False
    before = re.search(r"\w+\Z", text[max(0, place - 12) : place])
    short = before is not None and before.group().casefold() in _ABBREVIATED
    if before is not None and before.group() == "c" and after.strip().isdigit():
        return False  # "c. 1923"
    return not (short and after.strip())
