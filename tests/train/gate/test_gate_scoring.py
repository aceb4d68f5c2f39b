"""Scores beside accepted answers, what counts as a refusal, and what as no text."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instill.measure.judging.refusals import is_refusal
from instill.measure.judging.text import words
from instill.train.gate.conditions.damaged_reply import far_below, fault_of, is_garbled, is_loop
from instill.train.gate.scoring import json_score, parse_json, score

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


FORMAT = "with marks of the chat format"


@pytest.mark.parametrize(
    ("reply", "fault"),
    [
        ("", "empty"),
        (" \n\t", "empty"),
        ("\u200b\ufeff", "empty"),
        ("...", "empty"),
        ("She lives in Holm.<|im_end|>", FORMAT),
        ("<|assistant|>She lives in Holm.", FORMAT),
        ("Holm</s>", FORMAT),
        ("Holm [/INST]", FORMAT),
        ("Holm<end_of_turn>", FORMAT),
        ("Holm <｜end▁of▁sentence｜>", FORMAT),
        ("Holm\n\nUser: And where is Tarn?", FORMAT),
        ("Holm\nassistant\nHolm", FORMAT),
        ("Holm\n### Instruction:\nSay it again", FORMAT),
        ("{{ .Response }}", FORMAT),
        ("She lives in Holm, on the river Ill, as she has always done. " + "no " * 10, "ending in garbage"),
        ("She lives in Holm. \x01\x02", "garbled"),
        ("A long reply that is sound for a while, in all of its many words, and then \ue000\ue001 is not.", "garbled"),
        ("She lives in Holm. }}]]))##@@", "ending in garbage"),
        ("She lives in Holm!!!!!!!!!!!!!!", "ending in garbage"),
        ("She lives in Holm. ;;;///;;;///", "ending in garbage"),
        ("She lives in Holm.", None),
        ("Holm", None),
        ("5", None),
        ("好", None),
        ("Really?!", None),
        ('{"a": {"b": {"c": [[[1]]]}}}', None),
        ("f(g(h(i(j(k(1))))))", None),
        ("```python\nprint('x')\n```", None),
        ("Dear user: see below.", None),
        ("<b>Holm</b> is <i>old</i>.", None),
        ("The model is new. The system was built in 1987.", None),
        ("Holm\ufffd", None),
        ("| a | b |\n|---|---|\n| 1 | 2 |", None),
    ],
)
def test_faults_of_replies(reply: str, fault: str | None) -> None:
    assert fault_of(reply) == fault


@given(st.text(min_size=1, max_size=60))
def test_what_the_right_answer_has_is_no_fault(text: str) -> None:
    assert fault_of(text, [text]) is None


SOUND = st.lists(st.sampled_from(["she", "lives", "in", "Holm", "on", "the", "river", "Ill", "1931"]), max_size=30)
ENDS = st.sampled_from(["<|im_end|>", "</s>", "[INST]", "<|eot_id|>", "\nUser: hm", "!?#@}{])", "ab " * 12, "\x00\x01"])


@given(SOUND, ENDS)
def test_a_sound_beginning_hides_nothing(words: list[str], end: str) -> None:
    assert fault_of(f"{' '.join(words)} {end}") is not None


def test_special_tokens_of_the_model_are_marks() -> None:
    assert fault_of("Holm [STOP]", marks={"[STOP]"}) == FORMAT
    assert fault_of("Holm [STOP]") is None
