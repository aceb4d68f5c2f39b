"""Bytes -> canonical text: the encoding is found, line ends become "\\n", NULs go."""

from __future__ import annotations

import codecs
import re
import unicodedata
from dataclasses import dataclass

from instill.documents.encoding_guess import guess
from instill.errors import DocumentError

_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
BYTE_ORDER_MARKS = tuple(mark for mark, _ in _BYTE_ORDER_MARKS)
_LINE_ENDS = re.compile("\r\n?|[\v\f\x1c\x1d\x1e\x85\u2028\u2029]")
_REMOVED = re.compile("[\x00\ufeff\ufffe\uffff\ud800-\udfff]")
_COMMON = re.compile("[ \n\r\t0-9A-Za-z.,、。，　]")
_STRAY = re.compile("[\udc80-\udcff]")
_TIMES = 4
"""How many letters of UTF-8 beyond ASCII there are for each byte that is none, for a text to count as UTF-8."""
_WIDE = ("utf-32-le", "utf-32-be", "utf-16-le", "utf-16-be")
_IN_PRACTICE = {
    "ascii": "cp1252",
    "iso8859-1": "cp1252",
    "iso8859-9": "cp1254",
    "iso8859-11": "cp874",
    "tis-620": "cp874",
    "shift_jis": "cp932",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "euc_kr": "cp949",
}
_ONE_BYTE = ("cp1250", "cp1251", "cp1252", "cp1253", "cp1254", "cp1257", "iso8859-2", "iso8859-15", "koi8-r")
"""Encodings in which any text of UTF-8 can be read, wrongly."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """Text, the encoding that it was in (as Python knows it), and whether that is a guess."""

    text: str
    encoding: str
    guessed: bool = False


def decode(data: bytes, *, charset: str = "") -> str:
    """The text of `data` with "\\n" line ends, without NULs and byte order marks; see `decoded`.

    Example:
        >>> decode("caf\\u00e9\\r\\nbar".encode("cp1252"), charset="cp1252")
        'caf\\xe9\\nbar'
    """
    return decoded(data, charset=charset).text


def decoded(data: bytes, *, charset: str = "") -> Decoded:
    """The same with the encoding that was found.

    Order: byte order mark; UTF-16 and UTF-32 without one; `charset` (as a mail or web header names it) unless it names
    one byte a character and the text is UTF-8 with letters beyond ASCII; UTF-8; UTF-8 with a few bytes that are none;
    the best guess (`encoding_guess.guess`).

    Raises:
        DocumentError: no encoding fits.

    Example:
        >>> decoded("Grüße".encode("cp1252"))
        Decoded(text='Grüße', encoding='cp1252', guessed=True)
    """
    text, encoding, guessed = _decode(data, charset)
    return Decoded(normalise(text), encoding, guessed)


def normalise(text: str) -> str:
    """Line ends as "\\n"; no NULs, byte order marks, lone surrogates.

    Example:
        >>> normalise("a\\r\\nb\\x00c")
        'a\\nbc'
    """
    return _REMOVED.sub("", _LINE_ENDS.sub("\n", text))


def strict_text(data: bytes) -> str:
    """The text of a file that has to be Unicode: by its byte order mark, else UTF-8; line ends as "\\n".

    Marks at the start of later lines, where files were put together, go too.

    Raises:
        UnicodeDecodeError: it is not.

    Example:
        >>> strict_text("a\\r\\nb".encode("utf-16"))
        'a\\nb'
    """
    encoding = next((encoding for mark, encoding in _BYTE_ORDER_MARKS if data.startswith(mark)), "utf-8")
    text = data.decode(encoding).replace("\r\n", "\n").replace("\r", "\n")
    return text.removeprefix("\ufeff").replace("\n\ufeff", "\n")


def _decode(data: bytes, charset: str) -> tuple[str, str, bool]:
    for mark, encoding in _BYTE_ORDER_MARKS:
        if data.startswith(mark):
            try:
                return data.decode(encoding), encoding.removesuffix("-sig"), False
            except UnicodeDecodeError:
                break
    wide = without_mark(data)
    if wide:
        return data[: len(data) - len(data) % (4 if "32" in wide else 2)].decode(wide, "replace"), wide, False
    named = _known(charset)
    for encoding in ["utf-8", named] if named in _ONE_BYTE else [named, "utf-8"]:
        try:
            if encoding:
                return data.decode(encoding), encoding, False
        except (UnicodeDecodeError, LookupError):
            continue
    broken = _nearly_utf8(data)
    if broken:
        return broken, "utf-8", True
    found = guess(data)
    if not found:
        raise DocumentError("No text encoding fits the content.", remedy="Save the file as UTF-8 and add it again.")
    return data.decode(found, "replace"), found, True


def _nearly_utf8(data: bytes) -> str:
    """The text of UTF-8 with some bytes that are none, as where a file was cut or lines of another encoding were added
    to it; those are read as cp1252. "" where other bytes are more than a few: no other encoding looks like UTF-8."""
    text = data.decode("utf-8", "surrogateescape")
    strange = sum("\udc80" <= sign <= "\udcff" for sign in text)
    beyond = sum(sign > "\x7f" for sign in text) - strange
    if beyond < _TIMES * strange:
        return ""
    return _STRAY.sub(lambda found: bytes([ord(found[0]) - 0xDC00]).decode("cp1252", "replace"), text)


def _known(charset: str) -> str:
    """The encoding that a name stands for in practice: browsers read "iso-8859-1" as cp1252."""
    try:
        name = codecs.lookup(charset.strip()).name if charset.strip() else ""
    except (LookupError, ValueError):
        return ""
    return _IN_PRACTICE.get(name, name)


def without_mark(data: bytes) -> str:
    """The name of the UTF-16 or UTF-32 that a text without a byte order mark is in; "" where it is in none.

    Such text has NUL bytes, which no other text has. Read as it should be, it has none, and no characters without a
    meaning, and spaces or line ends here and there.

    Example:
        >>> without_mark("Привет, мир".encode("utf-16-be")), without_mark("Привет, мир".encode())
        ('utf-16-be', '')
    """
    sample = data[:8192]
    if b"\x00" not in sample or len(data) % 2:
        return ""
    best, most = "", 0.0
    for encoding in _WIDE:
        worth = _reads(sample, encoding)
        if worth > most:
            best, most = encoding, worth
    return best


def _reads(sample: bytes, encoding: str) -> float:
    """How much a text reads like one, from the share of its commonest signs; 0 where it does not."""
    width = 4 if "32" in encoding else 2
    try:
        text = sample[: len(sample) // width * width].decode(encoding)
    except UnicodeDecodeError as error:
        if error.start < len(sample) - 4:
            return 0.0
        text = sample[: error.start].decode(encoding)
    strange = sum(unicodedata.category(character) in ("Cc", "Cn", "Co", "Cs") for character in text)
    strange -= sum(text.count(character) for character in "\n\r\t")
    common = len(_COMMON.findall(text))
    return 0.0 if not text or strange > 0.01 * len(text) else common / len(text)
