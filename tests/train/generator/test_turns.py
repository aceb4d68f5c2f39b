"""Nothing is silently untaught: each reply that is to be taught is supervised, whatever the template shows of it."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instill.errors import UsageError
from instill.lab.micro_model import make_tokenizer
from instill.models.generators.chat_text import ChatMessage, chat_text
from instill.models.generators.thoughts import without_thoughts
from instill.train.generator.beforehand.dry_run import dry_run
from instill.train.generator.data.examples import make_example
from instill.train.generator.data.findings import Finding, refuse_errors
from instill.train.generator.data.row_and_token_checks import check_rows, examples_or_findings
from instill.train.generator.data.rows import Row, chat_row, row_of, write_rows
from instill.train.generator.data.turns import TurnCounts, count_turns, one_row_a_turn
from instill.train.generator.recipes.recipe import Data, Recipe
from tests.train.generator.templates import CHATML, LLAMA3_LIKE, OPENING, QWEN3_LIKE
from tests.train.generator.tiny_tasks import tiny_model

TEMPLATES = {"chatml": CHATML, "qwen3": QWEN3_LIKE, "llama3": LLAMA3_LIKE}
ENDS = {"chatml": "<|im_end|>", "qwen3": "<|im_end|>", "llama3": "<|eot_id|>"}
TOOL = {"type": "function", "function": {"name": "look_up", "parameters": {"type": "object"}}}
EMPTY = "<think>\n\n</think>\n\n"


@cache
def tokenizer(name: str, template: str = "") -> Any:
    made = make_tokenizer(["Where is it? It is in Oslo, by the sea. user assistant system tool"])
    made.add_tokens(["<|im_start|>", "<|im_end|>", "<|eot_id|>"], special_tokens=True)
    made.chat_template = template or TEMPLATES[name]
    made.eos_token = ENDS.get(name, "<|im_end|>")
    return made


def taught(rows: list[Row], name: str) -> list[str]:
    """The supervised text of each example."""
    made = tokenizer(name)
    examples = [make_example(row, made) for row in one_row_a_turn(rows, made)]
    return [str(made.decode(each.ids[each.supervised], skip_special_tokens=False)) for each in examples]


def found(rows: list[Row], name: str) -> tuple[list[Finding], TurnCounts]:
    made = tokenizer(name)
    parts = one_row_a_turn(rows, made)
    examples, refused = examples_or_findings(parts, made)
    return [*refused, *check_rows(parts, examples, made, given=rows)], count_turns(rows, parts, examples)


def talk(*said: str, place: str = "a:1") -> Row:
    messages = [{"role": ("user", "assistant")[number % 2], "content": text} for number, text in enumerate(said)]
    return row_of({"messages": messages}, place)


CALL = {
    "role": "assistant",
    "content": None,
    "tool_calls": [{"function": {"name": "look_up", "arguments": '{"at": 1}'}}],
}
CALLING = row_of(
    {
        "messages": [
            {"role": "user", "content": "Where?"},
            CALL,
            {"role": "tool", "content": "Oslo"},
            {"role": "assistant", "content": "In Oslo."},
        ],
        "tools": [TOOL],
    },
    "a:2",
)


def test_a_template_that_shows_all_turns_teaches_them_together() -> None:
    rows = [talk("a?", "b", "c?", "d"), CALLING]
    assert taught(rows, "chatml") == [
        "b<|im_end|>d<|im_end|>",
        '<tool_call>\n{"name": "look_up", "arguments": {"at": 1}}\n</tool_call><|im_end|>In Oslo.<|im_end|>',
    ]
    findings, counts = found(rows, "chatml")
    assert findings == [*_converted("call-arguments", "a:2")]
    assert counts == TurnCounts(replies=3, calls=1)


def test_a_template_that_hides_earlier_turns_teaches_them_one_at_a_time() -> None:
    rows = [talk("a?", "b", "c?", "d"), CALLING, chat_row("e?", "f")]
    call = '<tool_call>\n{"name": "look_up", "arguments": {"at": 1}}\n</tool_call><|im_end|>'
    assert taught(rows, "qwen3") == [
        f"{EMPTY}b<|im_end|>",
        f"{EMPTY}d<|im_end|>",
        f"{EMPTY}\n{call}",
        f"{EMPTY}In Oslo.<|im_end|>",
        f"{EMPTY}f<|im_end|>",
    ]
    findings, counts = found(rows, "qwen3")
    assert [(each.name, each.severity, each.places) for each in findings] == [
        ("converted-call-arguments", "notice", ("a:2",)),
        ("one-reply-at-a-time", "notice", ("a:1", "a:2")),
    ]
    assert "3 rows become 5" in findings[1].what
    assert counts == TurnCounts(replies=4, calls=1)
    # What is read before each reply is what the model reads in use.
    made = tokenizer("qwen3")
    first = one_row_a_turn(rows, made)[1]
    shown = made.decode(make_example(first, made).ids, skip_special_tokens=False)
    prompt = chat_text(made, first.prompt, reply_follows=True)
    assert shown == f"{prompt}{EMPTY}d<|im_end|>\n"


def test_thoughts_are_taught_with_the_reply_that_they_belong_to() -> None:
    row = talk("a?", "<think>\nhm\n</think>\n\nb", "c?", "<think>\noh\n</think>\n\nd")
    assert taught([row], "qwen3") == [
        "<think>\nhm\n</think>\n\nb<|im_end|>",
        "<think>\noh\n</think>\n\nd<|im_end|>",
    ]


def test_a_conversation_that_ends_with_a_question_teaches_what_stands_before() -> None:
    row = talk("a?", "b", "c?")
    for name in ("qwen3", "chatml"):
        assert without_thoughts(taught([row], name)[0]) == "b<|im_end|>"
        assert found([row], name)[1] == TurnCounts(replies=1)


WORD = st.text("abc Åß.?", min_size=1, max_size=8).map(lambda text: f"x{text}x")
TURN = st.tuples(WORD, WORD, st.sampled_from(["", "<think>\nhm\n</think>\n\n"]), st.booleans(), st.booleans())


@settings(deadline=None, max_examples=60)
@given(st.lists(TURN, min_size=1, max_size=4), st.sampled_from(sorted(TEMPLATES)), st.booleans())
def test_each_reply_is_taught_once_and_what_weighs_nothing_never(
    turns: list[tuple[str, str, str, bool, bool]], name: str, system: bool
) -> None:
    """Turns: question, reply, its thought, whether it weighs nothing, whether a call comes before it."""
    messages: list[ChatMessage] = [{"role": "system", "content": "Be brief."}] if system else []
    wanted, calls = [], 0
    for asked, reply, thought, out, calling in turns:
        messages.append({"role": "user", "content": asked})
        if calling:
            messages += [CALL, {"role": "tool", "content": "Oslo"}]
            calls += 1
        messages.append({"role": "assistant", "content": thought + reply, **({"weight": 0} if out else {})})
        if not out:
            wanted.append(reply)
    rows = [row_of({"messages": messages, "tools": [TOOL]}, "a:1")]
    said = [
        without_thoughts(each).strip()
        for text in taught(rows, name)
        for each in text.split(ENDS[name])
        if each and "look_up" not in each
    ]
    assert said == wanted
    whole = "".join(taught(rows, name))
    assert whole.count("look_up") == calls
    findings, counts = found(rows, name)
    assert counts == TurnCounts(len(wanted), len(turns) - len(wanted), calls, 0)
    # Without any reply there is an error, not a silent row.
    errors = {each.name for each in findings if each.severity == "error"}
    assert errors == (set() if wanted or calls else {"nothing-supervised"})


def test_what_weighs_nothing_is_counted_as_untaught() -> None:
    row = row_of(
        {
            "messages": [
                {"role": "user", "content": "a?"},
                {"role": "assistant", "content": "b", "weight": 0},
                {"role": "user", "content": "c?"},
                {**CALL, "weight": 0},
                {"role": "tool", "content": "Oslo"},
                {"role": "assistant", "content": "d", "weight": 1},
            ]
        }
    )
    for name in ("chatml", "qwen3"):
        assert [without_thoughts(each) for each in taught([row], name)] == ["d<|im_end|>"]
        assert found([row], name)[1] == TurnCounts(1, 1, 0, 1)
    silent = row_of(
        {"messages": [{"role": "user", "content": "a?"}, {"role": "assistant", "content": "b", "weight": 0}]}
    )
    (one,) = found([silent], "chatml")[0]
    assert (one.name, one.severity) == ("nothing-supervised", "error")


def test_what_cannot_be_shown_one_at_a_time_is_refused() -> None:
    """A teacher knows the last reply alone; a template whose prompt is no beginning of anything shows none."""
    row = row_of(
        {"messages": talk("a?", "b", "c?", "d").as_dict()["messages"], "teacher": [{"role": "user", "content": "p"}]}
    )
    findings, counts = found([row], "qwen3")
    assert [(each.name, each.severity) for each in findings] == [("untaught", "error")]
    assert counts == TurnCounts(1, 1)
    with pytest.raises(UsageError, match="nothing is supervised"):
        refuse_errors(findings)
    odd = tokenizer("odd", OPENING.replace("<think>\\n'", "<think>x\\n'"))
    _, refused = examples_or_findings(one_row_a_turn([talk("a?", "b")], odd), odd)
    assert [(each.name, each.severity) for each in refused] == [("template", "error")]


@pytest.mark.parametrize("reply", ["", " \n", "<think>hm</think>", EMPTY])
def test_empty_replies_are_refused(reply: str) -> None:
    rows = [chat_row("a?", "b"), talk("a?", reply, place="a:2"), talk("a?", reply, "b?", "c", place="a:3")]
    (one,) = [each for each in found(rows, "chatml")[0] if each.name == "empty-reply"]
    assert (one.severity, one.places) == ("error", ("a:2", "a:3"))
    # Calls say nothing beside, and what is not taught may be empty.
    fine = row_of({"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": reply, "weight": 0},
                                {"role": "user", "content": "b"}, {"role": "assistant", "content": "c"}]})  # fmt: skip
    assert found([fine, CALLING], "chatml")[0] == [*_converted("call-arguments", "a:2")]


def test_the_dry_run_counts_and_tells_what_was_converted(tmp_path: Any) -> None:
    made = tokenizer("qwen3")
    rows = [talk("a?", "b", "c?", "d"), CALLING, row_of({"instruction": "e?", "output": "f"}, "a:3")]
    write_rows([talk("r?", "s", "t?", "u"), chat_row("v?", "w")], tmp_path / "replay.jsonl")
    data = Data(rows=["none"], replay=["replay.jsonl"], replay_share=0.5)
    recipe = Recipe(name="a", base="micro", data=data).at(tmp_path)
    report = dry_run(recipe, tiny_model(made), made, measure=False, rows=rows)
    assert report.turns == TurnCounts(replies=4, calls=1)
    assert (report.rows, report.replay, report.replay_each) == (3, 2, 5)
    assert report.as_dict()["turns"] == {"replies": 4, "replies_untaught": 0, "calls": 1, "calls_untaught": 0}
    assert [each.name for each in report.findings] == [
        "converted-alpaca", "converted-call-arguments", "one-reply-at-a-time", "one-reply-at-a-time"
    ]  # fmt: skip
    pairs = Recipe(name="a", base="micro", objective="preference", data=Data(rows=["none"])).at(tmp_path)
    better = row_of({"prompt": talk("a?", "b", "c?").as_dict()["messages"], "chosen": "d", "rejected": "e"}, "a:1")
    assert dry_run(pairs, tiny_model(made), made, measure=False, rows=[better]).turns == TurnCounts(1, 1)


def _converted(form: str, *places: str) -> list[Finding]:
    from instill.train.generator.data.row_and_token_checks import _forms

    rows = [Row(forms=(form,), place=place) for place in places]
    return _forms(rows)
