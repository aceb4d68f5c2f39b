"""Formats and tones: rows are split without leaks, arms differ in their prompt alone, outcomes are kept and resumed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import combinations
from math import log
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instill.compare.arms.protocol import ArmReply
from instill.compare.examples.asking_examples import (
    ExampleArm,
    NearestExamples,
    PromptedArm,
    example_arms,
    format_means,
    learn_tone,
    run_examples,
    split_examples,
)
from instill.compare.examples.rows import NEAR, asked_of, groups_of, near_duplicates
from instill.compare.examples.scores import FormatScorer
from instill.compare.prices import Prices
from instill.compare.recording import Answered
from instill.compare.stored_outcomes import OUTCOMES_FILE, read_prompts
from instill.errors import GeneratorError, UsageError, WorkspaceError
from instill.measure.verdict import reach_verdict
from instill.models.generators.protocol import Message
from instill.train.gate.conditions.format import ReplySchema
from instill.train.gate.conditions.tone_classifier import ToneClassifier
from instill.train.generator.data.rows import Row, chat_row
from tests.compare.compare_world import World

FRUITS = [
    "pears",
    "plums",
    "figs",
    "quinces",
    "apples",
    "melons",
    "grapes",
    "dates",
    "limes",
    "mangos",
    "kiwis",
    "nuts",
]
NAMES = ["Ada", "Bo", "Cai", "Dora", "Emil", "Fay", "Gus", "Hana", "Ivo", "Jun", "Kaja", "Leo"]


def order(fruit: str, name: str, count: int) -> Row:
    answer = json.dumps({"item": fruit, "for": name, "count": count})
    return chat_row(f"Please take this order down: {count} crates of {fruit} for {name}.", answer)


def orders() -> list[Row]:
    return [order(fruit, NAMES[place], place + 2) for place, fruit in enumerate(FRUITS)]


@pytest.fixture
def schema(tmp_path: Path) -> ReplySchema:
    file = tmp_path / "order.json"
    kinds = {"item": {"type": "string"}, "for": {"type": "string"}, "count": {"type": "integer"}}
    file.write_text(json.dumps({"type": "object", "properties": kinds, "required": list(kinds)}))
    return ReplySchema(file)


class Writes:
    """Writes down orders: as JSON once it was tuned or sees examples, else in a sentence."""

    name = "writes"

    def __init__(self, *, tuned: bool = False) -> None:
        self._tuned, self.asked = tuned, 0

    def stream(self, messages: Sequence[Message], *, max_tokens: int, temperature: float = 0.0) -> Iterator[str]:
        assert temperature == 0
        self.asked += 1
        words = messages[-1]["content"].rstrip(".").split()
        shown = any(message["role"] == "assistant" for message in messages)
        if not self._tuned and not shown:
            yield f"{words[-1]} wants {words[-3]}."
            return
        said = {"for": words[-1], "count": int(words[5]), "item": words[-3]}
        yield json.dumps(said if self._tuned else {**said, "count": 0})


class Fails:
    name = "fails"

    def answer(self, prompt: Sequence[Message]) -> ArmReply:
        raise GeneratorError("The generator failed.")


# Splitting


def test_what_belongs_together_stays_on_one_side() -> None:
    rows = orders()
    rows += [chat_row("please take this order down - 2 crates of PEARS for Ada", "{}")]  # the same input
    rows += [chat_row("Please, do take this order down now: 3 crates of plums for Bo.", "{}")]  # nearly the same
    rows += [replace(chat_row(f"Cancel {what}", "{}"), group="cancelled") for what in ("Friday", "it all")]
    groups = groups_of(rows)
    assert groups[12] == groups[0]
    assert groups[13] == groups[1]
    assert groups[14:] == ["cancelled"] * 2
    assert len(set(groups)) == 13
    for seed in range(20):
        train, held_out = split_examples(rows, share=0.3, seed=seed)
        assert len(train) + len(held_out) == 16
        assert len(held_out) == 5
        sides = [{id(row) for row in side} for side in (train, held_out)]
        for together in ([0, 12], [1, 13], [14, 15]):
            assert any({id(rows[place]) for place in together} <= side for side in sides)


def test_a_split_is_the_same_each_time_and_for_any_order_and_hangs_on_the_seed() -> None:
    rows = orders()
    shuffled = Random(1).sample(rows, len(rows))
    held = [{asked_of(row.prompt) for row in split_examples(each, seed=3)[1]} for each in (rows, rows, shuffled)]
    assert held[0] == held[1] == held[2]
    assert len({frozenset(asked_of(row.prompt) for row in split_examples(rows, seed=seed)[1]) for seed in range(9)}) > 1
    train, held_out = split_examples(rows, seed=3)
    assert train == [row for row in rows if row in train]
    assert (len(train), len(held_out)) == (9, 3)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from("abcdefgh"), st.sampled_from(["", "x", "y"])), min_size=2, max_size=20),
    st.floats(0.01, 0.99),
    st.integers(0, 9),
)
def test_any_split_has_two_sides_without_a_common_input_or_group(
    drawn: Sequence[tuple[str, str]], share: float, seed: int
) -> None:
    rows = [replace(chat_row(asked, "1"), group=group) for asked, group in drawn]
    if len(set(groups_of(rows))) < 2:
        with pytest.raises(UsageError, match="cannot be split"):
            split_examples(rows, share=share, seed=seed)
        return
    train, held_out = split_examples(rows, share=share, seed=seed)
    assert train
    assert held_out
    assert not {asked_of(row.prompt) for row in train} & {asked_of(row.prompt) for row in held_out}
    assert not {row.group for row in train if row.group} & {row.group for row in held_out if row.group}


@settings(max_examples=100, deadline=None)
@given(st.lists(st.lists(st.sampled_from("abcdefghijkl"), min_size=1, max_size=9), min_size=1, max_size=14))
def test_the_filter_finds_all_near_duplicates(drawn: Sequence[Sequence[str]]) -> None:
    inputs = list(dict.fromkeys(" ".join(sorted(set(each))) for each in drawn))
    bags = [set(each.split()) for each in inputs]
    weights = {word: log(len(bags) / sum(word in bag for bag in bags)) for bag in bags for word in bag}
    expected, close = set(), set()
    for one, other in combinations(range(len(bags)), 2):
        common, either = (
            sum(weights[word] for word in each) for each in (bags[one] & bags[other], bags[one] | bags[other])
        )
        if abs(common - NEAR * either) < 1e-6:
            close.add((one, other))
        elif common > NEAR * either:
            expected.add((one, other))
    found = {(min(pair), max(pair)) for pair in near_duplicates(inputs)}
    assert expected <= found <= expected | close


def test_rows_that_cannot_be_put_to_arms_are_refused() -> None:
    call = Row(
        ({"role": "user", "content": "a"}, {"role": "assistant", "content": "b", "tool_calls": [{}]}), place="x:2"
    )
    for row, why in ((Row(text="a"), "no user's message"), (chat_row("a", " "), "no reply"), (call, "calls a tool")):
        with pytest.raises(UsageError, match=why):
            split_examples([chat_row("b", "c"), row], seed=0)
    for share in (0.0, 1.0):
        with pytest.raises(UsageError, match="not a share of rows"):
            split_examples(orders(), share=share, seed=0)
    with pytest.raises(UsageError, match="cannot be split"):
        split_examples([chat_row("Go on.", "a"), chat_row("go on", "b")], seed=0)


# Arms


def test_the_nearest_examples_are_earlier_turns_the_nearest_last(world: World) -> None:
    encoder = world.workspace.encoder
    rows = [
        chat_row("How do I bake bread in an oven?", "Bread.", system="Be brief."),
        chat_row("Which train goes to the airport?", "Train."),
        chat_row("What flour do I need for a loaf of bread?", "Flour."),
        chat_row("what flour do i need for a LOAF of bread", "The same again."),
    ]
    turns, notice = NearestExamples(rows, encoder, k=2).turns("Which flour is best for baking bread?")
    assert notice == ""
    assert [turn["role"] for turn in turns] == ["user", "assistant"] * 2
    assert [turn["content"] for turn in turns][1::2] == ["Bread.", "Flour."]
    tokens = sum(len(encoder.tokenizer.encode(turn["content"], add_special_tokens=False).ids) for turn in turns[2:])
    cut, notice = NearestExamples(rows, encoder, k=2, budget=tokens).turns("Which flour is best for baking bread?")
    assert cut == turns[2:]
    assert notice == "1 of 2 examples did not fit the prompt."
    assert NearestExamples(rows, encoder, k=2, budget=1).turns("Bread?")[0] == ()
    for few in (rows[:0], rows):
        with pytest.raises(ValueError, match="examples"):
            NearestExamples(few, encoder, k=0 if few else 3)


def test_instructions_stand_before_examples_and_those_of_a_conversation_win(world: World) -> None:
    arms = example_arms(
        orders(), Writes(), world.workspace.encoder, instructions="Reply as JSON.", tuned=Writes(tuned=True), k=2
    )
    asked: tuple[Message, ...] = (
        {"role": "user", "content": "Please take this order down: 5 crates of beans for Mo."},
    )
    prompts = {arm.name: arm.answer(asked).messages for arm in arms}
    assert prompts["prompted"] == prompts["fine-tuned on examples"]
    assert prompts["prompted"] == ({"role": "system", "content": "Reply as JSON."}, *asked)
    shown = prompts["examples in the prompt"]
    assert [message["role"] for message in shown] == ["system", *["user", "assistant"] * 2, "user"]
    own: tuple[Message, ...] = ({"role": "system", "content": "Own."}, *asked)
    for arm in arms:
        messages = arm.answer(own).messages
        assert [message["content"] for message in messages if message["role"] == "system"] == ["Own."]
        assert messages[-1] == asked[-1]


# Formats


def test_a_format_is_measured_and_decided(world: World, tmp_path: Path, schema: ReplySchema) -> None:
    train, held_out = split_examples(orders(), share=0.5, seed=0)
    arms = example_arms(train, Writes(), world.workspace.encoder, tuned=Writes(tuned=True))
    seen: list[Answered] = []
    prices = Prices(tokens_in=1.0)
    found = run_examples(
        train, held_out, arms, tmp_path, "x", need="format", schema=schema, prices=prices, progress=seen.append
    )
    assert [each.outcome.arm for each in found] == [arm.name for arm in arms for _ in held_out]
    assert (len(seen), seen[-1].done, seen[-1].most) == (18, 18, 18)
    rows = {(row.arm, row.question): row for row in (each.outcome for each in found)}
    for row in held_out:
        prompted, shown, tuned = (rows[arm.name, asked_of(row.prompt)] for arm in arms)
        assert (prompted.task, prompted.kind, prompted.exact, prompted.f1, prompted.right) == (
            "format",
            "wrong",
            0,
            0,
            0,
        )
        assert (shown.kind, shown.exact, round(shown.f1, 3), shown.right) == ("wrong", 0, 0.667, 0)
        assert (tuned.kind, tuned.exact, tuned.f1, tuned.right) == ("correct", 1, 1, 1)
        assert tuned.expected == (row.answer,)
        assert tuned.money == pytest.approx(tuned.tokens_in / 1000)
    means = {each.arm: each for each in format_means(found, schema)}
    valid = {arm: each.valid.mean for arm, each in means.items() if each.valid is not None}
    assert valid == {"prompted": 0, "examples in the prompt": 1, "fine-tuned on examples": 1}
    assert means["examples in the prompt"].f1.mean == pytest.approx(2 / 3)
    assert (means["fine-tuned on examples"].exact.mean, means["prompted"].questions) == (1, 6)
    prompts = {prompt["id"]: prompt for prompt in read_prompts(tmp_path, "x")}
    taught = {row.answer for row in train}
    for each in found:
        messages = prompts[each.outcome.prompt]["messages"]
        assert messages[-1]["content"] == each.outcome.question
        turns = {message["content"] for message in messages if message["role"] == "assistant"}
        assert turns <= taught
        assert len(turns) == (3 if each.outcome.arm == "examples in the prompt" else 0)
    assert reach_verdict([each.outcome for each in found], []).need("format").questions == 6


def test_a_format_is_right_only_as_a_whole(schema: ReplySchema) -> None:
    wanted = '{"item": "figs", "for": "Bo", "count": 2}'
    judge = FormatScorer(schema).judge
    cases = {
        '{"count": 2, "for": "Bo", "item": "figs"}': (1.0, 1.0),
        f"```json\n{wanted}\n```": (0.0, 1.0),
        f"Here it is: {wanted}": (0.0, 0.0),
        '{"item": "figs", "for": "Bo", "count": 3}': (0.0, 2 / 3),
        "": (0.0, 0.0),
    }
    for reply, (right, fields) in cases.items():
        found = judge(reply, ["{}", wanted])
        assert (found.right, found.exact) == (right, right), reply
        assert found.f1 == pytest.approx(fields), reply
        assert found.kind == ("correct" if right else "wrong")
    plain = FormatScorer().judge("the River Ill!", ["River Ill"])
    assert (plain.right, plain.f1) == (1, 1)
    assert FormatScorer().judge("Ill", ["River Ill"]).f1 == pytest.approx(2 / 3)


def test_without_a_schema_validity_is_not_told(tmp_path: Path) -> None:
    arm = PromptedArm("prompted", Writes(tuned=True), len)
    (found,) = format_means(run_examples([], orders(), [arm], tmp_path, "x", need="format"))
    assert (found.valid, found.questions) == (None, 12)
    assert format_means([]) == []


def test_an_expected_reply_that_breaks_the_schema_is_named(tmp_path: Path, schema: ReplySchema) -> None:
    wrong = replace(chat_row("Take down: nothing.", '{"item": 3}'), place="rows.jsonl:7")
    writes = Writes()
    with pytest.raises(UsageError, match="does not follow the schema") as raised:
        run_examples(
            [], [*orders(), wrong], [PromptedArm("a", writes, len)], tmp_path, "x", need="format", schema=schema
        )
    assert raised.value.where == "rows.jsonl:7"
    assert writes.asked == 0


# Running


class Stops:
    """Fails the whole run at its third question."""

    name = "slow"

    def __init__(self, most: int) -> None:
        self.left = most

    def answer(self, prompt: Sequence[Message]) -> ArmReply:
        self.left -= 1
        if self.left < 0:
            raise KeyboardInterrupt
        return ArmReply(prompt[-1]["content"], None, tuple(prompt), None, (), 0.0, 5, 2)


def test_a_stopped_run_goes_on_where_it_was(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        run_examples([], orders(), [Stops(3)], tmp_path, "x", need="format")
    with (tmp_path / OUTCOMES_FILE).open("ab") as stream:
        stream.write(b'{"outcome": {"item": "i7", "a')  # a kill may tear the last line
    seen: list[Answered] = []
    found = run_examples([], orders(), [Stops(9)], tmp_path, "x", need="format", progress=seen.append)
    assert [each.taken_up for each in seen] == [True] * 3 + [False] * 9
    assert found == run_examples([], orders(), [Stops(12)], tmp_path / "whole", "x", need="format")
    assert found == run_examples([], orders(), [Stops(0)], tmp_path, "x", need="format")
    with pytest.raises(WorkspaceError, match="other data"):
        run_examples([], orders(), [Stops(0)], tmp_path, "y", need="format")


def test_a_failing_generator_is_wrong_and_may_be_asked_again(tmp_path: Path) -> None:
    arms: list[ExampleArm] = [Fails()]
    found = run_examples([], orders()[:2], arms, tmp_path, "x", need="format")
    assert [(each.error, each.outcome.right, each.outcome.kind) for each in found] == [
        ("The generator failed.", 0.0, "wrong")
    ] * 2
    assert run_examples([], orders()[:2], arms, tmp_path, "x", need="format") == found
    mended = PromptedArm("fails", Writes(tuned=True), len)
    again = run_examples([], orders()[:2], [mended], tmp_path, "x", need="format", again_after_errors=True)
    assert [each.error for each in again] == ["", ""]


def test_what_was_learned_from_is_not_asked(tmp_path: Path) -> None:
    rows, arm = orders(), Stops(0)
    leak = chat_row(asked_of(rows[0].prompt).upper(), "{}")
    grouped = [replace(row, group="g") for row in rows]
    for train, held_out in (([leak], rows), (grouped[:1], grouped[1:])):
        with pytest.raises(UsageError, match="among those to learn from"):
            run_examples(train, held_out, [arm], tmp_path, "x", need="format")


def test_equal_rows_are_asked_once_and_mistakes_are_named(tmp_path: Path) -> None:
    rows = orders()
    assert len(run_examples([], [*rows, rows[0]], [Stops(12)], tmp_path, "x", need="format")) == 12
    for held_out, arms in (([], [Stops(0)]), (rows, []), (rows, [Stops(0), Stops(0)])):
        with pytest.raises(UsageError, match="There is no"):
            run_examples([], held_out, arms, tmp_path, "x", need="format")
    with pytest.raises(UsageError, match="there is none"):
        run_examples([], rows, [Stops(0)], tmp_path, "x", need="tone")


# Tones

SHOPS = [f"{kind} {name}" for kind in ("bakery", "smithy", "ferry", "tannery") for name in NAMES]


def shops() -> list[Row]:
    return [chat_row(f"When does the {shop} open?", f"Arr! The {shop} be open at dawn, matey!") for shop in SHOPS]


class Sails:
    """Tells when something opens, like a pirate when it was tuned; always of the same shop when it parrots."""

    name = "sails"

    def __init__(self, *, tuned: bool = False, parrots: bool = False) -> None:
        self._tuned, self._parrots, self.asked = tuned, parrots, 0

    def stream(self, messages: Sequence[Message], *, max_tokens: int, temperature: float = 0.0) -> Iterator[str]:
        self.asked += 1
        shop = "brewery" if self._parrots else " ".join(messages[-1]["content"].split()[3:5])
        yield f"Arr, the {shop} be open at dawn, me matey!" if self._tuned else f"The {shop} opens at dawn."


def test_a_tone_is_measured_by_what_the_base_says_itself(tmp_path: Path) -> None:
    train, held_out = split_examples(shops(), share=0.5, seed=0)
    base = Sails()
    plain = PromptedArm("base", base, len)
    tone = learn_tone(train, plain, tmp_path, "x")
    assert (tone.measurable, tone.pairs, base.asked) == (True, 24, 24)
    assert learn_tone(train, plain, tmp_path, "x").auc == tone.auc
    assert base.asked == 24
    arms = [
        PromptedArm("prompted", base, len, instructions="Talk like a pirate."),
        PromptedArm("fine-tuned on examples", Sails(tuned=True), len),
        PromptedArm("parrot", Sails(tuned=True, parrots=True), len),
    ]
    found = run_examples(train, held_out, arms, tmp_path, "x", need="tone", tone=tone)
    right = {arm.name: [each.outcome.right for each in found if each.outcome.arm == arm.name] for arm in arms}
    assert right == {"prompted": [0.0] * 24, "fine-tuned on examples": [1.0] * 24, "parrot": [0.0] * 24}
    assert {each.outcome.task for each in found} == {"tone"}
    verdict = reach_verdict([each.outcome for each in found], [])
    assert verdict.need("tone").arm == "fine-tuned on examples"
    assert learn_tone(train, plain, tmp_path / "few", "x", most=5).pairs == 5


def test_a_tone_that_the_base_has_already_is_not_asked_for(tmp_path: Path) -> None:
    train, held_out = split_examples(shops(), share=0.5, seed=0)
    own = [row.answer for row in train]
    tone = ToneClassifier.fit(own, own)
    assert run_examples(train, held_out, [Stops(0)], tmp_path, "x", need="tone", tone=tone) == []
    assert "AUC 0.50" in tone.reason


def test_a_base_that_never_replies_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="The generator failed"):
        learn_tone(shops(), Fails(), tmp_path, "x", most=3)
    with pytest.raises(UsageError, match="0 rows"):
        learn_tone(shops(), Fails(), tmp_path, "x", most=0)
