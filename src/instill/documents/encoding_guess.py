"""Which encoding a text is in that names none and is not UTF-8: judged by the letters that it would be written with.

Any byte means something in most encodings of one byte a character, so "it can be decoded" says little. What tells is
whether the letters that come out belong to one language, whether signs stand inside words, and whether capitals stand
after small letters. cp1252 is taken unless another one is clearly better: most files without a name are in it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache

DEFAULT = "cp1252"

_CLEARLY = 0.05
"""How much better than cp1252 another encoding must be."""

_FEW = 0.24
"""Of the same, divided by the number of different letters: few letters tell little, and a word said again no more."""

_NONE = 0.2
_POOR = 0.7
"""Below it no encoding of one byte a character explains the text; those of several bytes are asked."""

_SEVERAL_BYTES = re.compile(r"big5.*|cp9(?:32|49|50)|euc_.*|gb.*|hz|johab|shift_.*|iso2022_.*")
_C1 = re.compile(rb"[\x80-\x9f]")
_SAMPLE = 24_000
_HIGH_LINE = re.compile(rb"[^\n]{0,120}[\x80-\xff][^\n]{0,120}")

_WESTERN = (
    "æøåéèêóòâôäöü",  # Norwegian, Danish
    "åäöéüàáø",  # Swedish, Finnish
    "äöüßéàè",  # German
    "àâçèéêëîïôùûüÿœæ",  # French
    "áéíñóúüçàèìòùªº",  # Spanish
    "ãáàâçéêíõóôúüªº",  # Portuguese
    "àèéìíîòóùúâê",  # Italian
    "áðéíóúýþæöø",  # Icelandic, Faroese
    "ëïéèöüáóíúêä",  # Dutch
    "àçèéíïòóúü",  # Catalan
    "äöõüšžé",  # Estonian
    "áéíóúàèìòùâêîôûŵŷëïöü",  # Irish, Scottish Gaelic, Welsh
)
_CENTRAL = (
    "ąćęłńóśźżé",  # Polish
    "áčďéěíňóřšťúůýžäöü",  # Czech
    "áäčďéíĺľňóôŕšťúýž",  # Slovak
    "áéíóöőúüű",  # Hungarian
    "čćđšžé",  # Croatian, Bosnian, Slovene
    "ăâîşţșț",  # Romanian
    "ëç",  # Albanian
)
_BALTIC = ("ąčęėįšųūž", "āčēģīķļņšūžōŗ", "äöõüšž")
_TURKISH = ("çğıöşüâîûİ",)
_LATIN = (_WESTERN, _CENTRAL, _BALTIC, _TURKISH)
_CYRILLIC = (
    "абвгдежзийклмнопрстуфхцчшщъыьэюяё",
    "абвгґдеєжзиіїйклмнопрстуфхцчшщьюя",
    "абвгдђежзијклљмнњопрстћуфхцчџш",
    "абвгдежзіийклмнопрстуўфхцчшыьэюяё",
)
_GREEK = ("αβγδεζηθικλμνξοπρσςτυφχψωάέήίόύώϊϋΐΰ",)
_HEBREW = ("אבגדהוזחטיךכלםמןנסעףפץצקרשת",)
_ARABIC = ("ءآأؤإئابةتثجحخدذرزسشصضطظعغفقكلمنهوىيپچژگًٌٍَُِّْ",)
_THAI = ("".join(chr(code) for code in range(0x0E01, 0x0E4F)),)

_LANGUAGES: dict[str, tuple[str, ...]] = {
    "cp1252": _WESTERN,
    "cp1250": _CENTRAL,
    "iso8859_2": _CENTRAL,
    "cp1257": _BALTIC,
    "cp1254": _TURKISH,
    "cp1251": _CYRILLIC,
    "koi8_u": _CYRILLIC,
    "iso8859_5": _CYRILLIC,
    "cp866": _CYRILLIC,
    "cp1253": _GREEK,
    "iso8859_7": _GREEK,
    "cp1255": _HEBREW,
    "cp1256": _ARABIC,
    "cp874": _THAI,
    "cp850": _WESTERN,
    "cp865": _WESTERN,
    "cp852": _CENTRAL,
    "mac_roman": _WESTERN,
}
_COMMON = {
    _CYRILLIC: ("оеаинтсрвл", 0.4),
    _GREEK: ("αοιετσνηυρπ", 0.4),
    _HEBREW: ("יוהלאתרבמשנ", 0.4),
    _ARABIC: ("اليمنوترب", 0.4),
    _THAI: ("านรอกเงยลมว่ท้", 0.4),
    "àâçèéêëîïôùûüÿœæ": ("éèà", 0.2),
    "áðéíóúýþæöø": ("áíóéæö", 0.3),
}
"""The most frequent letters of an alphabet or a language, and the least share that they have in a text."""

_JOINS = frozenset("’‘'-–·\u00ad\u00a0\u2011")
"""Signs that stand inside words."""


_ENOUGH = 4
"""Different letters from which on the frequent ones of a language are expected among them."""

_OF_DOS = ("cp850", "cp852", "cp865")
"""Encodings from before there were soft hyphens in texts."""

_AT_WORDS = frozenset("°©®™№")
"""Signs that are written at words: "20 °C"."""


def guess(data: bytes) -> str:
    """The name of the encoding, as Python knows it; "" when none explains the text.

    Example:
        >>> guess("Nøkkelen henger på båthuset.".encode("cp1252"))
        'cp1252'
        >>> guess("Klucz wisi na ścianie łaźni, obok żółtej łódki.".encode("cp1250"))
        'cp1250'
    """
    sample = b"\n".join(_high_lines(data))
    kinds = len({byte for byte in sample if byte > 127})
    margin = _CLEARLY + _FEW / max(1, kinds)
    scores = {name: worth for name in _LANGUAGES if (worth := _worth(sample, name)) is not None}
    usual = scores.get(DEFAULT, 0.0)
    best = max(scores, key=lambda name: scores[name], default=DEFAULT)
    chosen = best if scores.get(best, 0.0) >= usual + margin else DEFAULT
    if chosen == DEFAULT and b"\xa4" in sample and not _C1.search(data):
        chosen = "iso8859_15"  # its euro sign; cp1252 has a sign there that nobody writes
        scores[chosen] = usual
    if scores.get(chosen, 0.0) >= _POOR:
        return chosen
    several = _of_several_bytes(data)
    if _SEVERAL_BYTES.fullmatch(several) or scores.get(chosen, 0.0) < _NONE:
        return several
    return chosen


def _high_lines(data: bytes) -> list[bytes]:
    """What stands around the bytes above 127, from all of the text, up to a bound."""
    found: list[bytes] = []
    size = 0
    for match in _HIGH_LINE.finditer(data):
        found.append(match[0])
        size += len(match[0])
        if size > _SAMPLE:
            break
    return found


def _worth(sample: bytes, encoding: str) -> float | None:
    """How well the text reads, 0 to 1; None where a byte means nothing in the encoding."""
    try:
        text = sample.decode(encoding)
    except UnicodeDecodeError:
        return None
    latin = _LANGUAGES[encoding] in _LATIN
    letters: list[str] = []
    bad = capitals = 0
    run = long_runs = 0
    for place, character in enumerate(text):
        if character.isascii():
            long_runs, run = long_runs + (run if run > 3 else 0), 0
            continue
        before, after = text[place - 1 : place], text[place + 1 : place + 2]
        if not character.isalpha() and character not in _marks():
            bad += (character not in _JOINS or (character == "\u00ad" and encoding in _OF_DOS)) and (
                (before.isalpha() and after.isalpha())
                or (not character.isprintable() and character != "\u00a0")
                or (_is_drawn(character) and (before.isalpha() or after.isalpha()))
            )
            run = 0
            continue
        run += 1
        small = character.lower()
        letters.append(small if len(small) == 1 else character)  # "İ" becomes two signs
        capitals += character.isupper()
        bad += (character.isupper() and before.islower()) or before.isdigit() or after.isdigit()
        bad += not latin and any(other.isascii() and other.isalpha() for other in (before, after))
    if not letters:
        return 1.0 if not bad else 0.0
    long_runs += run if run > 3 else 0
    share = max(_share(letters, known) for known in _LANGUAGES[encoding])
    if encoding == DEFAULT:
        share = max(share, 0.86 * _in(letters, "".join(_WESTERN)))
    worth = share * max(0.0, 1 - bad / len(letters))
    if latin:
        worth *= 1 - long_runs / len(letters)  # words of nothing but accented letters
    else:
        worth *= _expected(letters, *_COMMON[_LANGUAGES[encoding]])
        worth *= 0.5 if 2 * capitals > len(letters) > 10 else 1.0
    return worth


def _is_drawn(character: str) -> bool:
    """A sign that no one writes at a word: a line, a block, a mathematical sign, "per mille"."""
    return character == "‰" or (unicodedata.category(character) in ("So", "Sm", "Sk") and character not in _AT_WORDS)


def _share(letters: Sequence[str], known: str) -> float:
    """How many of the letters a language has, less where it would have others more often."""
    share = _in(letters, known)
    # Of a few letters none has to be a frequent one.
    return share * _expected(letters, *_COMMON[known]) if known in _COMMON and len(set(letters)) >= _ENOUGH else share


def _expected(letters: Sequence[str], common: str, least: float) -> float:
    return min(1.0, _in(letters, common) / least)


def _in(letters: Sequence[str], known: str) -> float:
    return sum(letter in known for letter in letters) / len(letters)


@lru_cache(maxsize=1)
def _marks() -> frozenset[str]:
    """Vowel signs, which are no letters to Python."""
    return frozenset(sign for known in (*_ARABIC, *_THAI) for sign in known if not sign.isalpha())


def _of_several_bytes(data: bytes) -> str:
    """What charset-normalizer makes of it: Japanese, Chinese and Korean, for the most part."""
    from charset_normalizer import from_bytes

    for part in (data[:_SAMPLE], data):
        match = from_bytes(part).best()
        if match is None:
            continue
        try:
            data.decode(match.encoding)
        except (UnicodeDecodeError, LookupError):
            continue
        return str(match.encoding)
    return ""
