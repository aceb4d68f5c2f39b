"""Scores beside accepted answers, what counts as a refusal, and what as no text."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instill.gate.degenerate import far_below, is_garbled, is_loop
from instill.gate.refusals import is_refusal
from instill.gate.scoring import json_score, parse_json, score, words

VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.text(max_size=2),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3),
    max_leaves=6,
)


@given(VALUES, VALUES)
def test_only_the_same_json_scores_1(one: Any, other: Any) -> None:
    same = json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
    assert (json_score(json.dumps(one), json.dumps(other)) == 1.0) == same


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        ('{"intent": "play", "slots": {"artist": "Bach", "year": "1720"}}', 1.0),
        ('```json\n{"slots": {"year": "1720", "artist": "Bach"}, "intent": "play"}\n```', 1.0),
        ('{"intent": "play", "slots": {"artist": "Bach"}}', 0.8),
        ('{"intent": "play"', 0.0),
        ("[" * 100_000, 0.0),
        ("[" * 90 + "]" * 90, 0.0),
        ("9" * 10_000, 0.0),
        ('{"intent": NaN}', 0.0),
    ],
)
def test_json_replies(reply: str, expected: float) -> None:
    answer = '{"intent": "play", "slots": {"artist": "Bach", "year": "1720"}}'
    assert score(reply, [answer], "json") == pytest.approx(expected)


def test_a_tool_call_counts_as_its_content() -> None:
    call = '<tool_call>{"name": "find", "arguments": {"q": "tea"}}</tool_call>'
    assert json_score(call, '{"arguments": {"q": "tea"}, "name": "find"}') == 1.0
    assert json_score(call + call, call) == 0.0


def test_true_is_not_one() -> None:
    assert json_score("true", "1") == 0.0
    assert json_score('{"a": 2.0}', '{"a": 2}') == 1.0


def test_the_best_accepted_answer_counts() -> None:
    assert score("in Holm", ["Tarn", "Holm"], "f1") == pytest.approx(2 / 3)
    with pytest.raises(ValueError, match="no accepted answer"):
        score("Holm", [])
    with pytest.raises(ValueError, match="not JSON"):
        score("{}", ["Holm"], "json")


def test_marks_of_other_scripts_stay() -> None:
    assert words("¿Qué? «हिन्दी» Straße!") == ["qué", "हिन्दी", "strasse"]
    assert score("ＨＯＬＭ", ["holm"]) == 1.0


def test_a_minus_is_not_punctuation() -> None:
    assert score("-5", ["5"], "f1") == 0.0
    assert score("x > 5", ["x < 5"]) == 0.0


@pytest.mark.parametrize(
    ("reply", "refusal"),
    [
        ("unknown", True),
        ("Unknown.", True),
        ("I don't know", True),
        ("I don't know who that is.", True),
        ("NOT IN THE DOCUMENTS", True),
        ("The unknown soldier", False),
        ("I know", False),
        ("", False),
    ],
)
def test_refusals(reply: str, refusal: bool) -> None:
    assert is_refusal(reply) is refusal


@pytest.mark.parametrize(
    "text",
    [
        "na" * 20,
        "the cat sat. " * 6,
        "Well then, it is so: " + "a b c d e f g " * 8 + "a b",
        "好的" * 20,
        "\\n" * 30,
        "The river is long and wide. " * 3,
        "The river is long. The river is long. The river is long. The river is long.",
    ],
)
def test_loops(text: str) -> None:
    assert is_loop(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yes yes",
        '{"a": [1, 2, 3, 4], "b": [1, 2, 3, 4]}',
        "Tea is made from leaves that are steeped in hot water, then poured, then drunk.",
        "one two three four five six seven eight nine ten " * 2,
    ],
)
def test_no_loops(text: str) -> None:
    assert not is_loop(text)


def test_a_long_text_with_a_short_repetition_is_no_loop() -> None:
    assert not is_loop("ha " * 10 + "and then she told me about the whole journey to the coast and back")


def test_garbled_text() -> None:
    assert is_garbled("\x00\x01\x02")
    assert is_garbled("ab\ue000\ue001")
    assert not is_garbled("Holm\ufffd")
    assert not is_garbled("zwölf Kühe\n\tund 茶")


def test_random_words_are_far_below_the_answers() -> None:
    assert far_below([-11.0, -5.0], [-4.0] * 20) == [True, False]
    assert far_below([-11.0], []) == [False]


def test_a_whole_value_is_read_or_none() -> None:
    assert parse_json('{"a": 1} and more') is None
    assert parse_json("null") == (None,)
