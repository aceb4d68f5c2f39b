"""The text that the keyword leg searches: what it is made of, and how scripts without spaces are cut.

LanceDB's tokenizer splits at what is not a letter or digit, which leaves a Chinese, Japanese or Thai sentence one
token. Such runs are written out as their characters and overlapping pairs of characters (the usual remedy for these
scripts); a query asks for the pairs, or for the character when it is alone.
"""

from __future__ import annotations

import re
import unicodedata

# Kana, Han (with extensions), Hangul; Thai, Lao, Myanmar, Khmer.
_UNSPACED = re.compile(
    "[\u3041-\u3096\u30a1-\u30fa\u30fc-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3"
    "\U00020000-\U0003134f\u0e01-\u0e4e\u0e81-\u0ece\u1000-\u109f\u1780-\u17dd]+"
)
_WORD = re.compile(r"[^\W_]+")
_ENDING = re.compile(r"(?<=.)\.[A-Za-z][A-Za-z0-9]{0,9}$")


def name_of(source: str) -> str:
    """The last part of a source, as a person would call it.

    Example:
        >>> name_of("/home/a/notes/2023 Q3 AAPL.pdf"), name_of("https://example.org/guide/"), name_of("stdin:log")
        ('2023 Q3 AAPL.pdf', 'guide', 'log')
    """
    return source.removeprefix("stdin:").rstrip("/").rpartition("/")[2] or source


def keywords_of(*, source: str, title: str, headings: str, text: str) -> str:
    """Name without ending, title, heading path and text of a passage, ready for the full-text index.

    Example:
        >>> keywords_of(source="/n/q3.pdf", title="Report", headings="Costs > Rent", text="Rent rose.")
        'q3\\nReport\\nCosts > Rent\\nRent rose.'
    """
    stem = _ENDING.sub("", name_of(source))
    # A title that is only the file's name would count the same words twice.
    parts = dict.fromkeys(part for part in (stem, title, headings) if part)
    return indexed("\n".join([*parts, text]))


def indexed(text: str) -> str:
    """`text` as it is put in the full-text index.

    Example:
        >>> indexed("検索 is search")
        ' 検 索 検索  is search'
    """
    return text if text.isascii() else _UNSPACED.sub(_characters_and_pairs, _plain(text))


def searched(query: str) -> str:
    """A query's text in the form that meets `indexed` text, without quotation marks: what stands in them would be taken
    for a phrase, which needs an index with positions.

    Example:
        >>> searched("東京都 guide"), searched('the "get" command')
        (' 東京 京都  guide', 'the  get  command')
    """
    text = query if query.isascii() else _UNSPACED.sub(_pairs, _plain(query))
    return text.replace('"', " ")


def words(text: str) -> list[str]:
    """Runs of letters and digits, as the full-text tokenizer cuts them; not lowered, not stemmed."""
    return _WORD.findall(text)


def _plain(text: str) -> str:
    """Compatibility forms (ligatures, full-width letters) as their plain letters; undecodable halves replaced."""
    return unicodedata.normalize("NFKC", text.encode("utf-8", "replace").decode("utf-8"))


def _letters(run: str) -> str:
    # Tone marks would split the run again in the tokenizer.
    return "".join(character for character in run if character.isalnum())


def _pairs_of(letters: str) -> list[str]:
    return [letters[i : i + 2] for i in range(len(letters) - 1)]


def _characters_and_pairs(match: re.Match[str]) -> str:
    letters = _letters(match.group())
    return f" {' '.join([*letters, *_pairs_of(letters)])} "


def _pairs(match: re.Match[str]) -> str:
    letters = _letters(match.group())
    return f" {' '.join(_pairs_of(letters) or letters)} "
