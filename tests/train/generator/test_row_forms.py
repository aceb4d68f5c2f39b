"""Rows in the forms of other trainers become the rows that a person would write by hand, and it is said."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from instill.errors import UsageError
from instill.train.generator.data.row_forms import NAMES
from instill.train.generator.data.rows import Row, read_rows, row_of, rows_hash


def said(row: Row) -> list[tuple[str, Any]]:
    return [(str(each["role"]), each["content"]) for each in row.messages]


TEA: list[tuple[str, Any]] = [("user", "How hot is tea?"), ("assistant", "80 degrees.")]
FORMS: dict[str, tuple[dict[str, Any], list[tuple[str, Any]], tuple[str, ...]]] = {
    "alpaca": ({"instruction": "How hot is tea?", "input": "", "output": "80 degrees."}, TEA, ("alpaca",)),
    "alpaca with all": (
        {"instruction": "How hot", "input": "is tea?", "output": " 80\n", "system": "So.", "history": [["Hi", "Ho"]]},
        [("system", "So."), ("user", "Hi"), ("assistant", "Ho"), ("user", "How hot\n\nis tea?"), ("assistant", "80")],
        ("alpaca",),
    ),
    "dolly": (
        {"instruction": "How hot is it?", "context": "Tea.", "response": "80 degrees.", "category": "qa"},
        [("user", "How hot is it?\n\nTea."), TEA[1]],
        ("alpaca",),
    ),
    "sharegpt": (
        {
            "conversations": [
                {"from": "human", "value": "How hot is tea?"},
                {"from": "gpt", "value": "80 degrees."},
                {"from": "human", "value": "And?"},
                {"from": "gpt", "value": "No more."},
            ],
            "system": "Be brief.",
        },
        [("system", "Be brief."), *TEA, ("user", "And?"), ("assistant", "No more.")],
        ("sharegpt",),
    ),
    "sharegpt with roles": (
        {"conversations": [{"role": role, "content": text} for role, text in TEA]},
        TEA,
        ("sharegpt",),
    ),
    "prompt and completion": ({"prompt": "How hot is tea?", "completion": " 80 degrees."}, TEA, ("prompt-completion",)),
    "prompt and completion of messages": (
        {
            "prompt": [{"role": "user", "content": "How hot is tea?"}],
            "completion": [{"role": "assistant", "content": "80 degrees."}],
        },
        TEA,
        ("prompt-completion",),
    ),
    "question and answer": ({"question": "How hot is tea?", "answer": "80 degrees."}, TEA, ("prompt-completion",)),
    "parts": (
        {
            "messages": [
                {"role": "user", "content": [{"type": "text", "text": "How hot"}, {"type": "x", "text": "is tea?"}]},
                {"role": "assistant", "content": [{"type": "text", "text": "80 degrees."}]},
            ]
        },
        [("user", "How hot\nis tea?"), TEA[1]],
        ("content-parts",),
    ),
    "developer": (
        {"messages": [{"role": "developer", "content": "Be brief."}, *({"role": r, "content": c} for r, c in TEA)]},
        [("system", "Be brief."), *TEA],
        ("developer-role",),
    ),
    "system and developer": (
        {
            "messages": [
                {"role": "system", "content": "Be kind."},
                {"role": "developer", "content": "Be brief."},
                *({"role": r, "content": c} for r, c in TEA),
            ]
        },
        [("system", "Be kind.\n\nBe brief."), *TEA],
        ("developer-role",),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FORMS)
def test_a_form_becomes_messages_and_is_named(name: str) -> None:
    found, wanted, forms = FORMS[name]
    row = row_of(found, "a:1")
    assert (said(row), row.forms) == (wanted, forms)
    assert set(forms) <= set(NAMES)
    plain = row_of(row.as_dict(), "a:1")
    assert (plain.messages, plain.forms) == (row.messages, ())
    assert rows_hash([plain]) == rows_hash([row])


@pytest.mark.parametrize("given", ['{"town": "Oslo"}', {"town": "Oslo"}])
@pytest.mark.parametrize("wrapped", [True, False])
def test_arguments_of_a_call_become_an_object(given: Any, wrapped: bool) -> None:
    inner = {"name": "look_up", "arguments": given}
    call = {"id": "c1", "type": "function", "function": inner} if wrapped else inner
    row = row_of({"messages": [{"role": "user", "content": "Where?"}, {"role": "assistant", "tool_calls": [call]}]})
    (made,) = row.messages[1]["tool_calls"]
    assert (made["function"] if wrapped else made) == {"name": "look_up", "arguments": {"town": "Oslo"}}
    assert row.messages[1]["content"] is None
    assert row.forms == (("call-arguments",) if isinstance(given, str) else ())


def test_calls_from_before_there_were_tools() -> None:
    row = row_of(
        {
            "messages": [
                {"role": "user", "content": "Where?"},
                {"role": "assistant", "content": None, "function_call": {"name": "look_up", "arguments": "{}"}},
                {"role": "function", "name": "look_up", "content": "Oslo"},
                {"role": "assistant", "content": "In Oslo."},
            ],
            "functions": [{"name": "look_up", "parameters": {"type": "object"}}],
        }
    )
    assert [each["role"] for each in row.messages] == ["user", "assistant", "tool", "assistant"]
    assert row.messages[1]["tool_calls"] == [{"type": "function", "function": {"name": "look_up", "arguments": {}}}]
    assert row.tools == ({"type": "function", "function": {"name": "look_up", "parameters": {"type": "object"}}},)
    assert row.forms == ("call-arguments", "function-call")


def test_preferences_in_other_forms() -> None:
    wanted = row_of({"prompt": "How hot is tea?", "chosen": "80 degrees.", "rejected": "No idea."})
    for found in (
        {"instruction": "How hot", "input": "is tea?", "chosen": "80 degrees.", "rejected": "No idea."},
        {
            "conversations": [{"from": "human", "value": "How hot is tea?"}],
            "chosen": {"from": "gpt", "value": "80 degrees."},
            "rejected": {"from": "gpt", "value": "No idea."},
        },
    ):
        row = row_of(found)
        assert said(row)[1:] == said(wanted)[1:]
        assert row.rejected == wanted.rejected
        assert row.forms in (("alpaca",), ("sharegpt",))


def test_weights_say_which_replies_are_taught() -> None:
    weighed = zip(TEA * 2, (1, 0, 0, 1), strict=True)
    messages = [{"role": role, "content": text, "weight": weight} for (role, text), weight in weighed]
    row = row_of({"messages": messages})
    assert [each.get("weight", 1) for each in row.messages] == [1, 0, 1, 1]
    assert row_of(row.as_dict()) == row
    off = row_of(
        {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b", "train": False}]}
    )
    assert off.messages[1]["weight"] == 0


WRONG: dict[str, str] = {
    '{"instruction": 5, "output": "a"}': "`instruction` is not text",
    '{"instruction": "a", "output": 5}': "`output` is not text",
    '{"instruction": "a", "output": "b", "history": ["c"]}': "`history` is not a list of pairs",
    '{"conversations": "a"}': "`conversations` is not a list",
    '{"conversations": [{"from": "robot", "value": "a"}]}': "role 'robot' is not known",
    '{"conversations": [{"from": "human"}]}': "content is not text",
    '{"messages": [{"role": "assistant", "content": "a", "weight": 0.5}]}': "weight 0.5 of a message is neither",
    '{"messages": [{"role": "assistant", "content": "a", "weight": "0"}]}': "weight '0' of a message is neither",
    '{"messages": [{"role": "user", "content": "a"}], "weight": 0}': "row has the weight 0",
    '{"messages": [{"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": "{"}}]}]}': "not JSON",
    '{"messages": [{"role": "assistant", "tool_calls": [{"name": "f", "arguments": "[1]"}]}]}': "of f are no",
    '{"messages": [{"role": "assistant", "tool_calls": [{"function": "f"}]}]}': "no function with a name",
    '{"messages": [{"role": "assistant", "tool_calls": 7}]}': "`tool_calls` is not a list",
    '{"functions": 3, "text": "a"}': "`functions` is not a list",
}


@pytest.mark.parametrize("line", WRONG)
def test_what_cannot_be_converted_is_named(line: str, tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text('{"text": "fine"}\n' + line)
    with pytest.raises(UsageError, match=WRONG[line]) as caught:
        read_rows(tmp_path / "rows.jsonl")
    assert caught.value.where == "rows.jsonl:2"


def test_a_file_that_is_one_array_is_read_by_member(tmp_path: Path) -> None:
    file = tmp_path / "alpaca.json"
    rows = [FORMS["alpaca"][0], FORMS["sharegpt"][0]]
    file.write_text("\ufeff" + json.dumps(rows, indent=1), encoding="utf-8")
    found = read_rows(file)
    assert [said(row) for row in found] == [FORMS["alpaca"][1], FORMS["sharegpt"][1]]
    assert [(row.place, row.forms) for row in found] == [
        ("alpaca.json:1", ("alpaca", "json-array")),
        ("alpaca.json:2", ("json-array", "sharegpt")),
    ]
    file.write_text(json.dumps([rows[0], 5]))
    with pytest.raises(UsageError, match="not a JSON object") as caught:
        read_rows(file)
    assert caught.value.where == "alpaca.json:2"
    file.write_text(json.dumps(rows, indent=1)[:-1])
    with pytest.raises(UsageError, match="not JSON") as caught:
        read_rows(file)
    assert "one array of all rows" in caught.value.remedy


def test_an_alpaca_row_is_no_text_though_it_has_one() -> None:
    row = row_of({"instruction": "How hot is tea?", "input": "", "output": "80 degrees.", "text": "### Below ..."})
    assert (said(row), row.text, row.forms) == (TEA, "", ("alpaca",))


def test_a_system_prompt_beside_the_messages_is_one_of_them() -> None:
    talk = [{"role": "user", "content": "How hot is tea?"}, {"role": "assistant", "content": "80 degrees."}]
    row = row_of({"system": "So.", "messages": talk})
    assert (said(row), row.forms) == ([("system", "So."), *TEA], ("system-beside",))
    with pytest.raises(UsageError, match="Keep one of both"):
        row_of({"system": "So.", "messages": [{"role": "system", "content": "Else."}, *talk]})


def test_what_is_null_is_not_there() -> None:
    """A table written as JSON has every column in every row; templates ask whether `tool_calls` is there."""
    row = row_of(
        {
            "messages": [
                {"role": "user", "content": "How hot is tea?", "tool_calls": None, "name": None},
                {"role": "assistant", "content": "80 degrees.", "tool_calls": [], "weight": None, "train": None},
            ],
            "weight": None, "tools": None, "text": None,
        }
    )  # fmt: skip
    assert [dict(each) for each in row.messages] == [{"role": role, "content": text} for role, text in TEA]
    assert row.forms == ()


def test_roles_are_read_in_any_case() -> None:
    row = row_of({"conversations": [{"from": "Human", "value": TEA[0][1]}, {"from": "GPT", "value": TEA[1][1]}]})
    assert said(row) == TEA


@pytest.mark.parametrize("key", ["arguments", "parameters", "input"])
def test_arguments_by_other_names_are_not_lost(key: str) -> None:
    calls = [{"name": "look_up", key: {"town": "Oslo"}}]
    row = row_of({"messages": [{"role": "user", "content": "?"}, {"role": "assistant", "tool_calls": calls}]})
    assert row.messages[1]["tool_calls"] == [{"name": "look_up", "arguments": {"town": "Oslo"}}]
    assert row.forms == (() if key == "arguments" else ("function-call",))


@pytest.mark.parametrize(
    ("line", "said_of_it"),
    [
        ({"messages": [{"role": ["user"], "content": "a"}, {"role": "assistant", "content": "b"}]}, "is not known"),
        ({"messages": [{"role": "user", "content": "\ud83d"}, {"role": "assistant", "content": "b"}]}, "half of a"),
        ({"text": "cut \udc00"}, "half of a"),
        (
            {
                "chosen": [{"role": "user", "content": "p"}, {"role": "assistant", "content": "a"}],
                "rejected": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "b"}],
            },
            "differ",
        ),
        (
            {"tools": [1], "messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]},
            "tools",
        ),
    ],
)
def test_what_would_teach_nonsense_is_refused(line: dict[str, Any], said_of_it: str) -> None:
    with pytest.raises(UsageError, match=said_of_it):
        row_of(line)
