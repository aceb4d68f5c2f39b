"""Whether what a reader made can be indexed. Built-in readers are tested for it; those of plug-ins are checked."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from math import isfinite

from instill.documents.document import Block, Heading, Page, Parsed

_KEY = re.compile(r"[a-z][a-z0-9_]*")


def fault_of(parsed: object) -> str:
    """What is wrong with a reader's result, in words; "" where nothing is.

    Example:
        >>> fault_of(Parsed("Tea\\n", headings=[Heading(1, "Tea", 0)])), fault_of(Parsed("Tea", pages=[Page(1, 0, 9)]))
        ('', 'a page ends at 9, outside of the text')
    """
    if not isinstance(parsed, Parsed):
        return f"it is a {type(parsed).__name__}, not a Parsed"
    if not isinstance(parsed.text, str) or not isinstance(parsed.title, str):
        return "its text or its title is not a text"
    return (
        _of_text(parsed.text)
        or _of_text(parsed.title)
        or _of_headings(parsed)
        or _of_spans(parsed)
        or _of_metadata(parsed.metadata)
        or _of_notices(parsed.notices)
    )


def _of_text(text: str) -> str:
    if "\r" in text:
        return "a line ends with a carriage return, not with a line feed alone"
    if "\0" in text:
        return "there is a null character in it"
    try:
        text.encode()
    except UnicodeEncodeError:
        return "there is half of a character in it (a surrogate)"
    return ""


def _of_headings(parsed: Parsed) -> str:
    if not isinstance(parsed.headings, Sequence):
        return "its headings are not a sequence"
    for each in parsed.headings:
        if not isinstance(each, Heading) or not isinstance(each.title, str) or not _is_count(each.level, 1):
            return "a heading is not a Heading with a level from 1"
        if not _is_count(each.start, 0) or each.start >= max(1, len(parsed.text)):
            return f"a heading starts at {each.start!r}, outside of the text"
        if _of_text(each.title):
            return f"of a heading: {_of_text(each.title)}"
    return ""


def _of_spans(parsed: Parsed) -> str:
    size = len(parsed.text)
    for noun, kind, spans in (("page", Page, parsed.pages), ("block", Block, parsed.blocks)):
        if not isinstance(spans, Sequence):
            return f"its {noun}s are not a sequence"
        before = 0
        for each in sorted(spans, key=lambda span: getattr(span, "start", 0)):
            if not isinstance(each, kind) or not _is_count(each.start, 0) or not _is_count(each.end, each.start):
                return f"a {noun} is not a {kind.__name__} with a start and an end"
            if each.end > size:
                return f"a {noun} ends at {each.end}, outside of the text"
            if each.start < before:
                return f"the {noun}s lie over each other"
            before = each.end
            if isinstance(each, Page) and not _is_count(each.number, 1):
                return "the number of a page is not a count from 1"
            if isinstance(each, Block) and (each.kind not in ("table", "code") or not _head_fits(each, size)):
                return "a block is neither a table nor code, or its head lies outside of the text"
    return ""


def _head_fits(block: Block, size: int) -> bool:
    return _is_count(block.head_start, 0) and _is_count(block.head_end, block.head_start) and block.head_end <= size


def _of_metadata(metadata: object) -> str:
    if not isinstance(metadata, Mapping):
        return "its metadata are not a mapping"
    for key, value in metadata.items():
        if not isinstance(key, str) or not _KEY.fullmatch(key):
            return f"the metadata's key {key!r:.60} is not made of lower-case letters, digits and _"
        if not isinstance(value, (str, int, float, bool)):
            return f"the metadata's {key} is a {type(value).__name__}, not a text, a number or a truth value"
        if isinstance(value, float) and not isfinite(value):
            return f"the metadata's {key} is not a number"
        if isinstance(value, int) and not -(2**63) <= value < 2**63:
            return f"the metadata's {key} has more than 64 bits"
        if isinstance(value, str) and _of_text(value.replace("\r", "")):
            return f"of the metadata's {key}: {_of_text(value.replace(chr(13), ''))}"
    return ""


def _of_notices(notices: object) -> str:
    if isinstance(notices, str) or not isinstance(notices, Sequence):
        return "its notices are not a sequence of texts"
    return "" if all(isinstance(each, str) for each in notices) else "a notice is not a text"


def _is_count(value: object, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least
