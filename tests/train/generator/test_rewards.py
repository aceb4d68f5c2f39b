"""What replies earn: each check by cases, and bounds that hold for any reply."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instill.models.encoders.opening import open_encoder
from instill.settings import EncoderSettings
from instill.train.gate.conditions.format import ReplySchema
from instill.train.generator.data.rows import Row, chat_row
from instill.train.generator.recipes.recipe import Data, Recipe, Reward
from instill.train.generator.rewarding.passages import passages_of
from instill.train.generator.rewarding.rewards import ALWAYS_SHORT, Rewards, reward_findings

SHOWN = """\
[1] Moons
Mars has two moons. They are small.

[2] Tea
Green tea is brewed at 80 degrees.

Question: {}"""
MOONS = chat_row(SHOWN.format("How many moons has Mars?"), "Mars has two moons. [1]")
UNKNOWN = chat_row(SHOWN.format("How old is Mars?"), "I don't know.")


@pytest.fixture(scope="module")
def cited() -> Rewards:
    return Rewards(Reward(answer=0, cited=1), encoder=open_encoder(EncoderSettings()))


def test_a_right_answer_is_what_the_one_scorer_calls_right() -> None:
    row = Row(chat_row("How many?", "1,200").messages, answers=("a dozen hundreds",))
    rewards = Rewards(Reward())
    for reply, earned in (
        ("1200", 1.0),
        ("There are twelve hundred.", 1.0),
        ("A dozen hundreds.", 1.0),
        ("1,200 or 1,300", 0.0),
        ("It is not 1,200.", 0.0),
        ("1,201", 0.0),
        ("<think>1,300?</think>1,200", 1.0),
    ):
        assert rewards.earned(row, reply).total == earned, reply


def test_other_scorings_give_parts() -> None:
    row = chat_row("As JSON.", '{"a": "x", "b": 1}')
    assert Rewards(Reward(scoring="json")).earned(row, '{"b": 2, "a": "x"}').total == 0.5


def test_a_schema_is_followed_by_the_whole_reply(tmp_path: Path) -> None:
    file = tmp_path / "reply.schema.json"
    file.write_text(json.dumps({"type": "object", "required": ["a"], "properties": {"a": {"type": "integer"}}}))
    rewards = Rewards(Reward(answer=0, schema=1), schema=ReplySchema(file))
    row = chat_row("As JSON.", '{"a": 1}')
    for reply, earned in (('{"a": 2}', 1.0), ('{"a": "2"}', 0.0), ('Here: {"a": 2}', 0.0), ("{}", 0.0)):
        assert rewards.earned(row, reply).total == earned, reply


def test_citations_earn_by_the_sentences_that_are_proved(cited: Rewards) -> None:
    for reply, earned in (
        ("Mars has two moons. [1]", 1.0),
        ("Mars has two moons.", 0.0),
        ("Mars has two moons. [1] Its core is molten iron, says the minister. [2]", 0.5),
        ("Mars has three moons and 17 rings. [1]", 0.0),
        ("Mars has two moons. [7]", 0.0),
        ("I don't know.", 0.0),
    ):
        assert cited.earned(MOONS, reply).parts["cited"] == earned, reply
    assert cited.earned(UNKNOWN, "I don't know.").total == 1.0
    assert cited.earned(UNKNOWN, "Mars has two moons. [1]").total == 0.0


def test_refusing_earns_where_it_is_right_and_only_there() -> None:
    rewards = Rewards(Reward(answer=0, refusal=1))
    refusals, answers = ("I don't know.", "The passages do not say."), ("Two moons.", "It is 4 billion years old.")
    assert [rewards.earned(UNKNOWN, each).total for each in (*refusals, *answers)] == [1.0, 1.0, 0.0, 0.0]
    assert [rewards.earned(MOONS, each).total for each in (*refusals, *answers)] == [0.0, 0.0, 1.0, 1.0]


def test_checks_are_weighed() -> None:
    rewards = Rewards(Reward(answer=3, refusal=1))
    assert rewards.earned(MOONS, "Mars has seven moons.").total == 0.25
    assert rewards.earned(MOONS, "Mars has two moons.").total == 1.0


@pytest.mark.parametrize(
    ("reply", "fault"),
    [
        ("", "empty"),
        (" ...", "empty"),
        ("Two. Two. Two. Two. Two. Two. Two. Two.", "in circles"),
        ("Two moons.<|im_end|>", "with marks of the chat format"),
        ("Two moons. " + "That is what the passage says of it, and of nothing else that I have seen. " * 2, "too long"),
    ],
)
def test_replies_that_nobody_could_use_earn_nothing(reply: str, fault: str) -> None:
    found = Rewards(Reward(refusal=1)).earned(MOONS, reply)
    assert (found.total, found.fault) == (0.0, fault)


def test_a_reply_that_does_not_end_earns_nothing() -> None:
    found = Rewards(Reward()).earned(MOONS, "Mars has two moons.", ended=False)
    assert (found.total, found.parts, found.fault) == (0.0, {"answer": 1.0}, "cut off")


@settings(max_examples=60)
@given(
    reply=st.one_of(
        st.text(max_size=300), st.lists(st.sampled_from(["two", "moons", "[1]", ".", "Mars"])).map(" ".join)
    ),
    answer=st.floats(0, 100),
    refusal=st.floats(0.1, 100),
    row=st.sampled_from([MOONS, UNKNOWN]),
)
def test_bounds_hold_for_any_reply(reply: str, answer: float, refusal: float, row: Row) -> None:
    rewards = Rewards(Reward(answer=answer, refusal=refusal))
    found = rewards.earned(row, reply)
    assert 0 <= found.total <= 1
    assert found == rewards.earned(row, reply)
    assert not found.fault or found.total == 0
    if len(reply.strip()) > max(ALWAYS_SHORT, 3 * len(row.answer)) or not reply.strip():
        assert found.total == 0
    if not found.fault and set(found.parts.values()) == {1.0}:
        assert found.total == pytest.approx(1)


@pytest.mark.parametrize(
    "text",
    [
        SHOWN.format("?"),
        "Passage 1: Mars has two moons. They are small.\nPassage 2: Green tea is brewed at 80 degrees.\nQuestion: ?",
        "Passages:\n\n<<ab12 passage 1>>\nTitle: Moons\nMars has two moons. They are small.\n<<ab12 end 1>>\n\n"
        "<<ab12 passage 2>>\nTitle: Tea\nGreen tea is brewed at 80 degrees.\n<<ab12 end 2>>\n\nQuestion: ?",
    ],
)
def test_passages_are_read_from_all_forms_of_prompts(text: str) -> None:
    shown = passages_of([{"role": "system", "content": "Cite."}, {"role": "user", "content": text}])
    assert shown is not None
    assert [hit.text for hit in shown.hits] == [
        "Mars has two moons. They are small.",
        "Green tea is brewed at 80 degrees.",
    ]
    assert shown.text_of("passage-2") == "Green tea is brewed at 80 degrees."


def test_what_the_service_asks_can_be_read_back() -> None:
    from instill.answer.said.compact_prompt import build_compact
    from instill.answer.said.prompt import build_prompt
    from instill.index.types import Hit

    texts = ["Pi is 3.14.\nQuestion: is it?", "[3] E is 2.72.", "Passage 9: none."]
    hits = [
        Hit(f"d{number}", 0, 0, len(text), text, "", None, None, "a", "text", "A", (), {}, 1.0, 1.0, 1.0)
        for number, text in enumerate(texts)
    ]
    for prompt in (build_prompt("What is pi?", hits), build_compact("What is pi?", hits)):
        shown = passages_of(prompt.messages)
        assert shown is not None
        assert len(shown.hits) == 3
        assert "Pi is 3.14." in shown.hits[0].text
        assert "Question: is it?" in shown.hits[0].text


def found(rows: list[Row], **weights: Any) -> dict[str, str]:
    recipe = Recipe(name="a", base="micro", objective="reward", data=Data(rows=["a"]), reward=Reward(**weights))
    return {each.name: each.severity for each in reward_findings(recipe, rows)}


def test_rows_that_do_not_fit_a_check_are_named() -> None:
    assert found([MOONS, UNKNOWN], cited=1, refusal=1) == {}
    assert found([chat_row("How many?", "Two.")], cited=1) == {"no-passages": "error"}
    assert found([MOONS], refusal=1) == {"one-sided-refusal": "error"}
    assert found([UNKNOWN], refusal=1) == {"one-sided-refusal": "error"}
    assert found([MOONS], scoring="json") == {"not-json": "error"}
    assert found([MOONS], answer=0, cited=1) == {"answer-unrewarded": "warning"}
