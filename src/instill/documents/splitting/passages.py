"""Text -> passages: contiguous spans that follow the document's structure and fit the encoder.

The text is first taken apart into fragments (headings, paragraphs, tables, code blocks; where one is too long its lines
and sentences, then words: `cut_points`), and then neighbouring fragments are put together (`grouping`).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

from tokenizers import Tokenizer

from instill.documents.document import Block, Page, Parsed, Passage
from instill.documents.splitting.cut_points import Counter
from instill.documents.splitting.grouping import counting_copy, fitting_spans
from instill.documents.splitting.heading_paths import HeadingPaths
from instill.documents.splitting.long_texts import segments
from instill.documents.time_limit import TimeLimit

SPLITTER_VERSION = "2"
"""Part of the passage identity: it changes whenever the same text would be split in another way."""


def split(
    parsed: Parsed, *, kind: str, tokenizer: Tokenizer, passage_tokens: int, time_limit: TimeLimit | None = None
) -> list[Passage]:
    """Cut a document's canonical text into passages.

    Every character that is not white space is in exactly one passage; passages are in order, do not overlap, and
    carry no white space at their ends. Headings stay with what follows them, sections are kept apart unless they are
    tiny, tables and code blocks stay whole where they fit, and a word is cut only if it exceeds the limit alone. Of a
    table that is cut, every passage but the first has the head in `Passage.table_head`.

    Args:
        parsed: the text with its structure.
        kind: the format family; "code" prefers line ends to sentence ends.
        tokenizer: counts the tokens, special tokens not included. It is not changed; where it truncates or pads, a
            copy that does neither is used.
        passage_tokens: most tokens of a passage, 16 or more. 16 characters count at least one token, because many
            tokenizers make a single unknown token of a very long word.
        time_limit: looked at after every 200,000 characters, which are cut on their own (`long_texts.py`).

    Returns:
        Passages with `parsed.text[start:end] == text`; empty only for a text of white space.

    Raises:
        ValueError: `passage_tokens` is under 16.
        DocumentError: the time is over.
    """
    if passage_tokens < 16:
        raise ValueError("passage_tokens must be 16 or more")
    counter = Counter(counting_copy(tokenizer))
    limit = time_limit or TimeLimit.none()
    spans: list[tuple[int, int]] = []
    for offset, part in segments(parsed):
        limit.check("Cutting it into passages")
        found = fitting_spans(part, kind, counter, passage_tokens)
        spans += [(offset + start, offset + end) for start, end in found]
    return _passages(parsed, spans)


def _passages(parsed: Parsed, spans: Sequence[tuple[int, int]]) -> list[Passage]:
    paths = HeadingPaths(parsed.text, parsed.headings)
    page_starts = [page.start for page in parsed.pages]
    tables = [block for block in parsed.blocks if block.head_end > block.head_start]
    table_ends = [block.end for block in tables]
    passages: list[Passage] = []
    for start, end in spans:
        text = parsed.text[start:end]
        stripped = text.strip()
        if not stripped:
            continue
        start += len(text) - len(text.lstrip())
        end = start + len(stripped)
        head_start, head_end = _head_before(tables, table_ends, start, end)
        passages.append(
            Passage(
                ordinal=len(passages),
                start=start,
                end=end,
                text=stripped,
                headings=paths.at(start),
                page=_page_of(parsed.pages, page_starts, start),
                last_page=_page_of(parsed.pages, page_starts, end - 1),
                table_head=parsed.text[head_start:head_end],
                table_head_start=head_start,
            )
        )
    return passages


def _head_before(tables: Sequence[Block], ends: Sequence[int], start: int, end: int) -> tuple[int, int]:
    """The head of the first table in `[start, end)` if it begins before `start` and rows follow it before `end`.

    `(0, 0)` without one. A head that fills a passage of its own is cut from the rule below it and from the first
    row.
    """
    number = bisect_right(ends, start)
    if number < len(tables) and tables[number].head_start < start and tables[number].head_end < end:
        return tables[number].head_start, tables[number].head_end
    return 0, 0


def _page_of(pages: Sequence[Page], starts: Sequence[int], position: int) -> int | None:
    if not pages:
        return None
    return pages[max(0, bisect_right(starts, position) - 1)].number
