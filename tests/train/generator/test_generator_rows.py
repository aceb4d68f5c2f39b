"""Rows are read as they were written, in every form; what is no row is refused with its line."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instill.errors import UsageError
from instill.train.generator.data.rows import Row, chat_row, read_rows, rows_hash, write_rows

# Line ends of Unicode and of old systems stand in texts; only \n ends a line of the file.
TEXT = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=30),
    st.sampled_from(["a\u2028b", "a\u2029b", "a\r\nb", "a\x85b", "a\x1cb", '"\\', "  a  ", "\ufeffa", "\0"]),
)
FILLED = TEXT.filter(lambda text: bool(text.strip()))
TOOLS = st.lists(
    st.fixed_dictionaries({"type": st.just("function"), "function": st.dictionaries(TEXT, TEXT)}), max_size=2
)
CALL = st.builds(
    lambda name, text: {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"function": {"name": name, "arguments": {"a": text}}}],
    },
    TEXT,
    TEXT,
)
MESSAGE = st.one_of(
    st.builds(
        lambda role, text: {"role": role, "content": text},
        st.sampled_from(["system", "user", "assistant", "tool"]),
        TEXT,
    ),
    CALL,
)
MESSAGES = st.lists(MESSAGE, min_size=1, max_size=5).map(tuple)
COMMON: dict[str, Any] = {"tools": TOOLS.map(tuple), "task": TEXT}
ROWS = st.one_of(
    st.builds(
        lambda row, end: replace(row, spans=((0, min(end, len(row.text))),)),
        st.builds(Row, text=FILLED),
        st.integers(1, 30),
    ),
    st.builds(Row, text=FILLED, task=TEXT),
    st.builds(
        Row, messages=MESSAGES, teacher=st.one_of(st.just(()), MESSAGES), answers=st.lists(TEXT).map(tuple), **COMMON
    ),
    st.builds(
        lambda asked, better, worse, tools, task: Row(
            (*asked, {"role": "assistant", "content": better}), rejected=worse, tools=tools, task=task
        ),
        st.one_of(st.just(()), MESSAGES),
        TEXT,
        FILLED,
        **COMMON,
    ),
)


@settings(deadline=None)
@given(st.lists(ROWS, min_size=1, max_size=4))
def test_rows_come_back_as_they_were_written(tmp_path_factory: Any, rows: list[Row]) -> None:
    file = tmp_path_factory.mktemp("rows") / "deep/rows.jsonl"
    write_rows(rows, file)
    found = read_rows(file)
    assert [replace(row, place="") for row in found] == rows
    assert [row.place for row in found] == [f"rows.jsonl:{number}" for number in range(1, len(rows) + 1)]
    assert rows_hash(found) == rows_hash(rows)


def test_the_forms_that_other_trainers_write(tmp_path: Path) -> None:
    asked, better, worse = (
        {"role": role, "content": text} for role, text in (("user", "a"), ("assistant", "b"), ("assistant", "c"))
    )
    lines = [
        {"prompt": "a", "chosen": "b", "rejected": "c"},
        {"prompt": [asked], "chosen": [better], "rejected": [worse]},
        {"chosen": [asked, better], "rejected": [asked, worse]},
        {"prompt": [asked], "chosen": [asked, better], "rejected": [asked, worse]},
    ]
    (tmp_path / "a.jsonl").write_text("\n\n".join(json.dumps(line) for line in lines) + "\n")
    found = read_rows(tmp_path / "a.jsonl")
    assert [row.place for row in found] == ["a.jsonl:1", "a.jsonl:3", "a.jsonl:5", "a.jsonl:7"]
    assert {(row.messages[0]["content"], row.answer, row.rejected) for row in found} == {("a", "b", "c")}
    assert [row.prompt for row in found] == [(asked,)] * 4
    (tmp_path / "b.jsonl").write_text(
        json.dumps({"messages": [asked, better], "tools": '[{"type": "function"}]', "id": 7})
    )
    (row,) = read_rows(tmp_path / "b.jsonl")
    assert row.tools == ({"type": "function"},)


WRONG = {
    "{": "not JSON",
    "[]": "not a JSON object",
    "{}": "neither messages",
    '{"text": "  "}': "neither messages",
    '{"text": 5}': "neither messages",
    '{"messages": "hello"}': "not a list of messages",
    '{"messages": ["hello"]}': "not a list of messages",
    '{"messages": [{"content": "a"}]}': "role None is not known",
    '{"messages": [{"role": "robot", "content": "a"}]}': "role 'robot' is not known",
    '{"messages": [{"role": "user"}]}': "content is not text",
    '{"messages": [{"role": "user", "content": [{"type": "image"}]}]}': "part that is not text .image.",
    '{"messages": [{"role": "user", "content": "a"}], "teacher": "b"}': "`teacher` is not a list",
    '{"messages": [{"role": "user", "content": "a"}], "answers": [1]}': "`answers` is not a list of strings",
    '{"messages": [{"role": "user", "content": "a"}], "tools": "{"}': "`tools` is not JSON",
    '{"messages": [{"role": "user", "content": "a"}], "tools": 5}': "`tools` is not a list",
    '{"text": "ab", "spans": [[0, 3]]}': "is not a .start, end. within the text's 2 characters",
    '{"text": "ab", "spans": [1]}': "1 in `spans` is no",
    '{"prompt": "a", "chosen": "b"}': "needs a chosen and a rejected",
    '{"prompt": "a", "chosen": "b", "rejected": [{"role": "user", "content": "c"}]}': "needs a chosen and a rejected",
    '{"prompt": 5, "chosen": "b", "rejected": "c"}': "`prompt` is not a list of messages",
}


@pytest.mark.parametrize("line", WRONG)
def test_a_line_that_is_no_row_is_named(line: str, tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text('{"text": "fine"}\n\n' + line + "\n")
    with pytest.raises(UsageError, match=WRONG[line]) as caught:
        read_rows(tmp_path / "rows.jsonl")
    assert caught.value.where == "rows.jsonl:3"


def test_a_group_is_named_or_the_first_fact(tmp_path: Path) -> None:
    lines = [{"text": "a", "group": "g"}, {"text": "b", "facts": ["f1", "f2"]}, {"text": "c", "facts": []}]
    file = tmp_path / "rows.jsonl"
    file.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    rows = read_rows(file)
    assert [row.group for row in rows] == ["g", "f1", ""]
    write_rows(rows, file)
    assert [row.group for row in read_rows(file)] == ["g", "f1", ""]


def test_a_file_without_rows_or_that_is_no_text_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    with pytest.raises(UsageError, match="cannot be read"):
        read_rows(file)
    with pytest.raises(UsageError, match="cannot be read"):
        read_rows(tmp_path)
    with pytest.raises(UsageError, match="cannot be read"):
        read_rows(tmp_path / "rows\0.jsonl")
    file.write_text("\n \n")
    with pytest.raises(UsageError, match="no rows"):
        read_rows(file)
    file.write_bytes(b"\xff\xfea")  # a mark of UTF-16 and half of a character
    with pytest.raises(UsageError, match="not UTF-8 text"):
        read_rows(file)
    file.write_text("[" * 100_000)
    with pytest.raises(UsageError, match="not JSON") as caught:
        read_rows(file)
    assert caught.value.where == "rows.jsonl:1"


def test_prompt_and_answer() -> None:
    row = chat_row("a", "b", system="c")
    assert [message["content"] for message in row.prompt] == ["c", "a"]
    assert row.answer == "b"
    assert Row(row.prompt).prompt == row.prompt
    assert (Row(row.prompt).answer, Row(text="x").answer, Row(text="x").prompt) == ("", "", ())
