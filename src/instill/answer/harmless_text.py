"""Document text made fit to show: no control codes, no decoration, no live links.

Only what is displayed is cleaned. The verbatim text of a citation keeps every character of its source.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from html import unescape

_ANSI = re.compile(
    r"\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?"  # operating system commands (window title, hyperlinks, clipboard)
    r"|\x1b[PX^_][^\x1b]*(?:\x1b\\)?"  # device control strings
    r"|(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?"  # colours, cursor movement
    r"|\x1b[ -/]*[0-~]?"
)
_COMMENT = re.compile(r"<!--.*?(?:-->|$)", re.DOTALL)
_SCRIPT = re.compile(r"<(script|style)\b.*?(?:</\1\s*>|$)", re.DOTALL | re.IGNORECASE)
_BREAK = re.compile(r"</?(?:br|p|div|li|tr|td|th|ul|ol|dd|dt|hr)\b[^<>]*>", re.IGNORECASE)
_FORMATTING = (
    "a|abbr|b|big|blockquote|body|center|cite|code|del|details|dfn|div|em|figure|font|h[1-6]|html|i|img|ins|kbd|mark|nav"
    "|p|picture|pre|q|s|samp|section|small|span|strike|strong|sub|summary|sup|svg|table|tbody|tfoot|thead|tt|u|wbr"
)
_TAG = re.compile(
    r"</[a-z][\w-]*\s*>"
    rf"|<(?:{_FORMATTING})(?:\s[^<>]*)?/?>"
    r"|<[a-z][\w-]*(?:\s[^<>]*[=/][^<>]*|/)>"  # with attributes, or closed in itself
    r"|<([a-z][\w-]*)>(?=.{0,2000}?</\1\s*>)",
    re.DOTALL | re.IGNORECASE,
)
"""Any other word in angle brackets stands for what a reader puts in its place, as in "-s <strategy>"."""

_IMAGE = re.compile(r"!\[([^\]]*)\](?:\([^()\s]*(?:\([^()]*\)[^()\s]*)*(?:\s+[^()]*)?\)|\[[^\]]*\])")
_LINK = re.compile(
    r"\[([^\[\]]+)\](?:\(<[^<>\n]*>(?:\s+\"[^\"]*\")?\)|\(<?[^()\s]*(?:\([^()]*\)[^()\s]*)*>?(?:\s+\"[^\"]*\")?\)|\[[^\]]*\])"
)
_AUTOLINK = re.compile(r"<((?:https?|ftp|mailto)[^<>\s]*)>")
_CODE = re.compile(r"(?<!`)(`{1,3})(?!`)(.{1,500}?)(?<!`)\1(?!`)", re.DOTALL)
_STRONG = re.compile(r"(?!__[a-z0-9_]+__)(\*\*|(?<!\w)__)(?=\S)(.+?)(?<=\S)\1", re.DOTALL)  # but not __init__
_EMPHASIS = re.compile(r"(?<![\w*])([*_])(?=[^\s*_])([^*_]+?)(?<=[^\s*_])\1(?![\w*])")
_LEAD = re.compile(r"^\s*(?:(?:#{1,6}\s+|>\s?|:\s+(?=\S))+|[-*+•◦▪‣●○·–—]\s+(?:\[[ xX]\]\s+)?)")
_HEADING_END = re.compile(r"(?<!\s)\s+(?:#+|\{#[\w-]+\})\s*$")
_URL_SCHEME = re.compile(r"\b(javascript|vbscript|data(?=:[^\s,;]*[;,/])|file(?=:/)):", re.IGNORECASE)
"""Not "Data: 12" or "License-File: LICENSE", which are no addresses."""

_MACHINERY = re.compile(
    r"\{\{[<%][^{}\n]*[>%]\}\}"  # Hugo's shortcodes
    r"|\{%-?\s*(?:end)?(?:link|raw|include\w*|post_url|hint|highlight|tabs?|embed|content-ref|code|comment)\b[^{}\n]*%\}"
    r"|\[\^[\w-]{1,40}\](?!\()"  # marks of footnotes
    r"|\[![A-Za-z]{3,12}\][-+]?(?=\s|$)"  # the kind of a note: "[!WARNING]"
    r"|(?<=\))\{[\w-]+=[^{}\n]*\}|\{:?[ \t]*[#.][\w-]+(?:[ \t]+[#.][\w-]+)*[ \t]*\}"  # attributes
    r"|^[ \t]{0,3}\[[^\[\]\n]+\]:[ \t]+\S+[ \t]*(?:\"[^\"\n]*\")?[ \t]*$"  # definitions of links
    r"|^:{3,}.*$"  # fences of boxes
    r"|^[ \t]*\.\. (?:index|highlight|program|currentmodule|module|contents|toctree|only|rubric|_[^:\n]+)::?[^\n]*$",
    re.MULTILINE,
)
_DIRECTIVE = re.compile(r"^[ \t]*\.\. (?:[a-z]+:)?([a-z-]+):: ?(?=\S|$)", re.MULTILINE)
"""A directive of reStructuredText: what stands behind "option::" or "note::" is read, its name is not."""
_ESCAPED = re.compile(r"(?<![:\\])\\([_*#~<>\[\]`])")
"""A character that Markdown would read as a mark; not behind a drive's letter ("C:\\_old")."""
_WIKI = re.compile(r"\[\[(?=[^\W\d_])(?:[^\[\]|\n]+\|)?([^\[\]|\n]+)\]\]")
_ROLE = re.compile(r":[a-zA-Z][\w:+-]*:`([^`<>\n]+?)[ \t]*(?:<[^`<>\n]*>)?`")
_ENTITY = re.compile(
    r"&(?!lt;|gt;|#0*6[02];|#x0*3[ce];)(?:[a-zA-Z]\w{1,30}|#\d{1,6}|#x[0-9a-fA-F]{1,5});", re.IGNORECASE
)

_INVISIBLE = frozenset("\u200b\u200c\u200d\u2060\ufeff\u00ad\u180e\u2061\u2062\u2063\u2064")
_DIRECTION = frozenset("\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def safe_text(text: str) -> str:
    """`text` without what could act on a terminal or mislead the eye; line ends and tabs stay.

    Removed: ANSI and other control sequences, control characters, direction overrides, invisible characters
    (but a joiner inside a word of a script that needs it stays), private-use and unassigned tag characters.

    Example:
        >>> safe_text("a\\x1b[31mred\\x1b[0m b\\u202ecod")
        'ared bcod'
    """
    text = _ANSI.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
    kept: list[str] = []
    for character in text:
        if character in "\n\t\u200c\u200d" or (character.isascii() and character.isprintable()):
            kept.append(character)
        elif character in _DIRECTION or character in _INVISIBLE:
            continue
        elif unicodedata.category(character) in ("Zs", "Zl", "Zp"):
            kept.append("\n" if unicodedata.category(character) == "Zl" else " ")
        elif unicodedata.category(character) not in ("Cc", "Cf", "Cs", "Co", "Cn"):
            kept.append(character)
    # A joiner is judged by the neighbours that are left, until none more goes.
    shown = "".join(kept)
    while True:
        joined = "".join(
            character
            for place, character in enumerate(shown)
            if character not in "\u200c\u200d" or _joins(shown, place)
        )
        if joined == shown:
            return shown
        shown = joined


def _joins(text: str, position: int) -> bool:
    """Is the joiner at `position` part of spelling or of an emoji (neither neighbour is ASCII)?"""
    neighbours = text[max(0, position - 1) : position] + text[position + 1 : position + 2]
    return len(neighbours) == 2 and not any(neighbour.isascii() for neighbour in neighbours)


@lru_cache(maxsize=4096)  # The sentences of a page come up with every question about it.
def plain_text(text: str) -> str:
    """`text` as a claim shows it: safe, on one line, without Markdown decoration, tags, comments or link targets.

    Example:
        >>> plain_text("- **Dev love**: see [the page](https://example.com/x)")
        'Dev love: see the page'
    """
    text = safe_text(text)
    # Code is taken out first, so that what looks like a tag or a star inside it stays as it is.
    codes: list[str] = []

    def keep(match: re.Match[str]) -> str:
        codes.append(match.group(2).strip())
        return f"\x00{len(codes) - 1}\x00"

    def literal(match: re.Match[str]) -> str:
        codes.append(match.group(1))
        return f"\x00{len(codes) - 1}\x00"

    text = _COMMENT.sub(" ", _SCRIPT.sub(" ", text))
    text = _CODE.sub(keep, _ROLE.sub(r"`\1`", text))
    text = _ESCAPED.sub(literal, text)
    text = _AUTOLINK.sub(r"\1", text)
    text = _WIKI.sub(r"\1", _DIRECTIVE.sub("", _MACHINERY.sub("", text)))
    text = _TAG.sub("", _BREAK.sub(" ", _LINK.sub(r"\1", _IMAGE.sub(r"\1", text))))
    text = _ENTITY.sub(lambda match: safe_text(unescape(match.group())), text)
    lines = [_HEADING_END.sub("", _LEAD.sub("", line, count=1)) for line in text.split("\n")]
    text = " ".join(_cells(line) for line in lines if line.strip())
    text = _EMPHASIS.sub(r"\2", _STRONG.sub(r"\2", text))
    text = re.sub(r"\x00(\d+)\x00", lambda match: codes[int(match.group(1))], text)
    text = _URL_SCHEME.sub(r"\1 :", text)
    return " ".join(text.split())


def with_short_addresses(text: str, most: int = 60) -> str:
    """The text with addresses of the web that have more than `most` characters cut to their host and beginning.

    Example:
        >>> with_short_addresses("See https://example.com/shop/desk-of-oak?ref=sr_1_10&qid=1699389367.", 32)
        'See https://example.com/shop/desk-of…'
    """
    return _ADDRESS.sub(lambda match: match[0] if len(match[0]) <= most else f"{match[0][:most]}…", text)


_ADDRESS = re.compile(r"\bhttps?://[^\s<>\"'`]+")
_HIDING: tuple[tuple[re.Pattern[str], int | None], ...] = (
    (_COMMENT, None),
    (_SCRIPT, None),
    (_AUTOLINK, 1),
    (_MACHINERY, None),
    (_IMAGE, 1),
    (_LINK, 1),
    (_BREAK, None),
    (_TAG, None),
    (_STRONG, 2),
    (_EMPHASIS, 2),
)
"""Markup in the order in which `plain_text` takes it away, with the group that stays."""


def plain_part(text: str, start: int, end: int) -> str:
    """`text[start:end]` as `plain_text(text)` shows it; "" where an edge of it lies in markup that is not shown.

    Marks that only begin or only end in the part are left out too, as they belong to what stands around it.

    Example:
        >>> text = "Take a **minimum of 30 days** off, see [the policy](off.md#minimum)."
        >>> plain_part(text, 9, 34), plain_part(text, 54, 68)
        ('minimum of 30 days off,', '')
    """
    masked = _CODE.sub(lambda match: "\x01" * len(match.group()), text)
    masked = _ESCAPED.sub("\x01\x01", masked)
    for pattern, group in _HIDING:
        masked = pattern.sub(lambda match, group=group: _hidden(match, group), masked)  # type: ignore[misc]
    edges = [place for place in (start, end - 1) if start <= place < end]
    if "**" in masked[start:end] or any(masked[place] == "\0" and text[place].isalnum() for place in edges):
        return ""
    kept = (text[place] for place in range(start, end) if masked[place] != "\0")
    return plain_text("".join(kept))


def _hidden(match: re.Match[str], group: int | None) -> str:
    """The match with as many zeros in the place of what is not shown."""
    if group is None:
        return "\0" * len(match.group())
    before, behind = match.start(group) - match.start(), match.end() - match.end(group)
    return "\0" * before + match.group(group) + "\0" * behind


def _cells(line: str) -> str:
    """A table row reads as its cells with commas between."""
    stripped = line.strip()
    if not (stripped.startswith("|") and stripped.endswith("|") and len(stripped) > 1):
        return line
    cells = (cell.strip() for cell in stripped.strip("|").split("|"))
    return ", ".join(cell for cell in cells if cell and set(cell) - set("-: "))
