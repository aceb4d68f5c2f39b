"""Bytes -> canonical text: the encoding is found, line ends become "\\n", NULs go."""

from __future__ import annotations

import codecs
import re

from instill.errors import DocumentError

_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_LINE_ENDS = re.compile("\r\n?|[\v\f\x1c\x1d\x1e\x85\u2028\u2029]")
_REMOVED = re.compile("[\x00\ufeff\ufffe\uffff\ud800-\udfff]")
_GUESS_BYTES = 64_000


def decode(data: bytes, *, charset: str = "") -> str:
    """The text of `data` with "\\n" line ends, without NULs and byte order marks.

    Order: byte order mark, `charset` (as a mail or web header names it), UTF-8, UTF-16 without a mark, then the best
    guess of charset-normalizer.

    Raises:
        DocumentError: no encoding fits.

    Example:
        >>> decode("caf\\u00e9\\r\\nbar".encode("cp1252"), charset="cp1252")
        'caf\\xe9\\nbar'
    """
    return normalise(_decode(data, charset))


def normalise(text: str) -> str:
    """Line ends as "\\n"; no NULs, byte order marks, lone surrogates.

    Example:
        >>> normalise("a\\r\\nb\\x00c")
        'a\\nbc'
    """
    return _REMOVED.sub("", _LINE_ENDS.sub("\n", text))


def _decode(data: bytes, charset: str) -> str:
    for mark, encoding in _BYTE_ORDER_MARKS:
        if data.startswith(mark):
            try:
                return data.decode(encoding)
            except UnicodeDecodeError:
                break
    for encoding in [charset, "utf-8"] if charset else ["utf-8"]:
        try:
            return data.decode(encoding)
        except (UnicodeDecodeError, LookupError):
            continue
    wide = _utf16_without_mark(data)
    if wide:
        return wide
    return _guess(data)


def _utf16_without_mark(data: bytes) -> str:
    """UTF-16 shows as a NUL in every other byte of mostly Latin text."""
    sample = data[:2000]
    even, odd = sample[::2].count(0), sample[1::2].count(0)
    if max(even, odd) < len(sample) // 5:
        return ""
    try:
        return data.decode("utf-16-le" if odd > even else "utf-16-be")
    except UnicodeDecodeError:
        return ""


def _guess(data: bytes) -> str:
    from charset_normalizer import from_bytes

    match = from_bytes(data[:_GUESS_BYTES]).best()
    if match is not None:
        try:
            return data.decode(match.encoding)
        except (UnicodeDecodeError, LookupError):
            pass
        match = from_bytes(data).best()
        if match is not None:
            return str(match)
    raise DocumentError("No text encoding fits the content.", remedy="Save the file as UTF-8 and add it again.")
