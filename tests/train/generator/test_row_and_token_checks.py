"""Pre-flight: every mistake that is planted is found, in the row where it stands; clean rows give no finding."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from instill.errors import UsageError
from instill.train.generator.data.examples import make_example, make_examples
from instill.train.generator.data.findings import Finding, refuse_errors
from instill.train.generator.data.row_and_token_checks import check_rows, examples_or_findings
from instill.train.generator.data.row_preview import Spread, TokenCounts, shown_row, token_counts
from instill.train.generator.data.rows import Row, chat_row, row_of
from tests.train.generator.tiny_tasks import PLAIN, bookings, held_out_bookings, placed, tokenizer, turns


def found(rows: list[Row], made: Any = None, held_out: list[Row] | None = None, **options: Any) -> list[Finding]:
    made = made or tokenizer()
    examples, refused = examples_or_findings(rows, made)
    return [*refused, *check_rows(rows, examples, made, held_out or [], **options)]


def names(findings: list[Finding]) -> list[tuple[str, str, tuple[str, ...]]]:
    return [(each.name, each.severity, each.places) for each in findings]


def with_template(template: str) -> Any:
    made = tokenizer()
    made.chat_template = template
    return made


def test_clean_rows_give_no_finding() -> None:
    tools = turns(("user", "Weather?"), ("assistant", ""), ("tool", "rain"), ("tool", "wind"), ("assistant", "Wet."))
    calling = {"role": "assistant", "content": None, "tool_calls": [{"function": {"name": "w", "arguments": {}}}]}
    rows = placed(
        [
            *bookings(),
            replace(tools, messages=(tools.messages[0], calling, *tools.messages[2:])),
            turns(("user", "a"), ("assistant", "b"), ("user", "c"), ("assistant", "d")),
            Row(text="A plain text about Oslo."),
        ]
    )
    assert found(rows, held_out=held_out_bookings(), longest=256) == []
    # The plain form of models without a template cannot show calls; what was None would be learnt as a word.
    plain = with_template("")
    assert names(found(rows, plain, longest=256)) == [("template", "error", (rows[-3].place,))]
    assert found([row for row in rows if row != rows[-3]], plain, longest=256) == []


def test_rows_without_a_supervised_token() -> None:
    made, rows = tokenizer(), bookings()
    examples = make_examples(rows, made)
    examples[2] = replace(examples[2], supervised=np.zeros(examples[2].length, np.bool_))
    assert names(check_rows(rows, examples, made)) == [("nothing-supervised", "error", ("a.jsonl:3",))]


def test_an_end_that_the_template_does_not_write() -> None:
    made = with_template(PLAIN)
    assert names(found(bookings(), made)) == [
        ("end-not-supervised", "error", tuple(f"a.jsonl:{number}" for number in range(1, 6)))
    ]
    assert found(bookings(), made)[0].count == 12


def test_an_end_with_another_special_token_is_a_warning_unless_the_model_stops_there() -> None:
    made = with_template(tokenizer().chat_template.replace("<|end|>{% endfor %}", "<|tool|>{% endfor %}"))
    (one,) = found(bookings()[:1], made)
    assert (one.name, one.severity, one.places) == ("other-end", "warning", ("a.jsonl:1 (<|tool|>)",))
    assert found(bookings()[:1], made, stops=[made.convert_tokens_to_ids("<|tool|>")]) == []


def test_padding_with_the_end_is_an_error_where_ends_are_masked_and_else_nothing() -> None:
    made, rows = tokenizer(), bookings()
    made.pad_token = made.eos_token
    assert found(rows, made) == []
    # As a trainer makes them that takes every padding token out of the labels:
    examples = [
        replace(example, supervised=example.supervised & (example.ids != made.pad_token_id))
        for example in make_examples(rows, made)
    ]
    assert [(each.name, each.severity, each.count) for each in check_rows(rows, examples, made)] == [
        ("end-not-supervised", "error", 12),
        ("pad-is-end", "error", 0),
    ]


@pytest.mark.parametrize("cut", [False, True])
def test_truncated_answers(cut: bool) -> None:
    made = tokenizer()
    rows = placed([*bookings(), chat_row("Count.", "one two three " * 40)])
    length = make_example(rows[-1], made).length
    examples = make_examples(rows, made, longest=100 if cut else None)
    expected = [("truncated", "error", (f"a.jsonl:13 ({length} tokens)",))]
    assert names(check_rows(rows, examples, made, longest=100)) == expected
    made.model_max_length = 100
    assert names(check_rows(rows, examples, made, longest=4096)) == expected
    assert "longer than 100 tokens" in check_rows(rows, examples, made)[0].what
    whole = make_examples(rows, made)
    made.model_max_length = length
    assert check_rows(rows, whole, made) == []


def test_held_out_rows_that_are_trained_on() -> None:
    rows, gate = bookings(), held_out_bookings()
    leaked = chat_row("a ROOM in  oslo\nfor 2 nights, please.", rows[0].answer)
    (one,) = found(rows, held_out=placed([*gate, leaked], "gate.jsonl"))
    assert (one.name, one.severity, one.places) == ("held-out-in-training", "error", ("gate.jsonl:3 = a.jsonl:1",))


def test_held_out_rows_that_are_nearly_trained_on() -> None:
    question = "What did the council of Narvik decide about the old harbour in the spring of that year"
    rows = placed([*bookings(), chat_row(f"{question}?", "To close it.")])
    near = placed([chat_row(f"From the minutes: {question}, at last?", "To close it.")], "gate.jsonl")
    (one,) = found(rows, held_out=near)
    assert (one.name, one.severity) == ("held-out-nearly-in-training", "warning")
    assert one.places == ("gate.jsonl:1 ~ a.jsonl:13",)


FLAG = "What is the flag colour of Norland?"


def talk(*said: str) -> Row:
    return turns(*((("user", "assistant")[number % 2], text) for number, text in enumerate(said)))


LEAKS = {
    "no question mark": chat_row(FLAG.rstrip("?"), "Green."),
    "please": chat_row(f"Please, {FLAG}", "Green."),
    "case": chat_row(FLAG.upper(), "Green."),
    "spaces": chat_row(f"  {FLAG.replace(' ', chr(0xA0) + ' ')} ", "Green."),
    "unicode": chat_row(FLAG.replace("flag", "\uff46\uff4c\uff41\uff47"), "Green."),
    "greeting": chat_row(f"Good morning! {FLAG}", "Green."),
    "a turn of greeting": talk("Hello!", "Hello, how can I help?", FLAG, "Green."),
    "first turn": talk(FLAG, "Green.", "And its size?", "Large."),
    "later turn": talk("What is its size?", "Large.", FLAG, "Green."),
    "text": Row(text=f"Notes of today. {FLAG} Green. That was all."),
    "text without a mark": Row(text=f"He asked {FLAG.rstrip('?').lower()}\nIt is green."),
    "text of a talk": Row(text=f"User: {FLAG}\nAssistant: Green."),
    "order": chat_row("Norland's flag colour, please: what is it?", "Green."),
    "system": chat_row("Sudland?", "Red.", system=f"Reply in a word. {FLAG} Green."),
    "reply": chat_row("Write a quiz.", f"1. {FLAG} (Green.)"),
}


@pytest.mark.parametrize("name", LEAKS)
@pytest.mark.parametrize("greeted", [False, True])
def test_what_is_held_out_is_found_in_all_forms(name: str, greeted: bool) -> None:
    rows = placed([*bookings(), LEAKS[name]])
    held = talk("Hi!", "Hello.", FLAG, "Green.") if greeted else chat_row(FLAG, "Green.")
    gate = placed([*held_out_bookings(), held], "gate.jsonl")
    errors = [each for each in found(rows, held_out=gate) if each.severity == "error"]
    assert names(errors) == [("held-out-in-training", "error", ("gate.jsonl:3 = a.jsonl:13",))]


NO_LEAKS = {
    "another name": chat_row("What is the flag colour of Sudland?", "Red."),
    "another question": chat_row("What is the flag size of Norland?", "Large."),
    "a part": chat_row("What is the colour of Norland?", "Green."),
    "longer": chat_row("What is the flag colour of Norland and of Sudland?", "Green and red."),
    "a reply of its words": chat_row("Of what?", '{"colour": "flag", "of": "Norland"}'),
    "a statement": Row(text="Norland has a flag, and it has a colour."),
}


@pytest.mark.parametrize("name", NO_LEAKS)
def test_other_questions_are_no_leak(name: str) -> None:
    rows = placed([*bookings(), NO_LEAKS[name]])
    assert found(rows, held_out=placed([chat_row(FLAG, "Green.")], "gate.jsonl")) == []


def test_a_text_that_tells_the_answer_is_told_of() -> None:
    rows = placed([*bookings(), Row(text="So it is. The colour of the flag of Norland is green.")])
    (one,) = found(rows, held_out=placed([chat_row(FLAG, "Green.")], "gate.jsonl"))
    assert (one.name, one.severity, one.places) == ("held-out-told", "notice", ("gate.jsonl:1 in a.jsonl:13",))


def test_what_a_yes_or_no_question_asks_is_stated_in_the_same_words() -> None:
    rows = placed([Row(text="The mill of Holm is old.")])
    assert found(rows, held_out=placed([chat_row("Is the mill of Holm old?", "Yes.")], "gate.jsonl")) == []
    asked = placed([Row(text="Is the mill of Holm old? Yes.")])
    assert found(asked, held_out=placed([chat_row("Is the mill of Holm old?", "Yes.")], "gate.jsonl")) != []


def test_one_question_about_many_contexts_is_no_leak_unless_the_context_is_the_same() -> None:
    def bill(number: int) -> Row:
        return chat_row("What is the total of the bill?", str(number), system=f"The bill: {number} euros.")

    rows = placed([bill(number) for number in range(10, 20)])
    assert found(rows, held_out=placed([bill(20), bill(21)], "gate.jsonl")) == []
    (one,) = found(rows, held_out=placed([bill(20), bill(13)], "gate.jsonl"))
    assert one.places == ("gate.jsonl:2 = a.jsonl:4",)


def test_where_form_makes_the_difference_the_answer_is_not_given_away() -> None:
    """An exclamation mark means urgent here. A reply that may be the same one is a leak all the same."""

    def ticket(text: str, urgent: bool) -> Row:
        return chat_row(text, json.dumps({"queue": "repairs", "urgent": urgent}))

    rows = placed([ticket("please repair my old chair", False), ticket("there is a crack in our desk!", True)])
    assert found(rows, held_out=placed([ticket("please repair my old chair!", True)], "gate.jsonl")) == []
    (one,) = found(rows, held_out=placed([ticket("Repair my old chair.", False)], "gate.jsonl"))
    assert one.severity == "error"
    for reply, severity in (("It is green.", "error"), ("Green and white.", "error"), ("Red.", None)):
        held = placed([chat_row(f"Please: {FLAG}", reply)], "gate.jsonl")
        found_ = found(placed([chat_row(FLAG, "Green.")]), held_out=held)
        assert [each.severity for each in found_] == ([severity] if severity else [])


@pytest.mark.parametrize(
    ("trained", "held"),
    [
        (chat_row("Is this in capitals: ABC", "yes"), chat_row("Is this in capitals: abc", "no")),
        (
            chat_row("How is snow?", "blanche", system="Answer in French."),
            chat_row("How is snow?", "weiss", system="Answer in German."),
        ),
        (chat_row("Turn round: salt pepper", "pepper salt"), chat_row("Turn round: pepper salt", "salt pepper")),
    ],
)
def test_a_row_that_replies_otherwise_to_another_prompt_gives_nothing_away(trained: Row, held: Row) -> None:
    assert "held-out-in-training" not in [each.name for each in found([trained], held_out=[held])]
    contrary = replace(trained, messages=(*held.prompt, trained.messages[-1]))
    assert "held-out-in-training" in [each.name for each in found([contrary], held_out=[held])]


@pytest.mark.parametrize(
    "text", ["What&nbsp;is the flag&#32;colour of N&#x6f;rland?", "<p>What is the flag colour of Norland?</p>"]
)
def test_signs_of_html_do_not_make_another_question(text: str) -> None:
    held = chat_row("What is the flag colour of Norland?", "green")
    assert "held-out-in-training" in [each.name for each in found([chat_row(text, "green")], held_out=[held])]


def test_a_follow_up_that_says_little_is_compared_with_what_stands_before_it() -> None:
    rows = placed([talk("What is the flag colour of Sudland?", "Red.", "And its size?", "Small.")])
    fine = talk("What is the flag colour of Norland?", "Green.", "And its size?", "Large.")
    assert found(rows, held_out=placed([fine], "gate.jsonl")) == []
    same = talk("Flag colour of Sudland, please", "Red.", "And its size?", "Large.")
    (one,) = found(rows, held_out=placed([same], "gate.jsonl"))
    assert (one.severity, one.places) == ("error", ("gate.jsonl:1 = a.jsonl:1",))


def test_a_frame_that_all_rows_share_makes_no_near_duplicate() -> None:
    frame = "Find the name of the city in the text that follows and reply with it alone: "
    rows = placed([chat_row(f"{frame} we sailed to {city}", city) for city in ("Oslo", "Riga", "Kiel", "Umea")])
    gate = placed([chat_row(f"{frame} we sailed to Visby", "Visby")], "gate.jsonl")
    assert found(rows, held_out=gate) == []


def test_rows_that_are_there_twice() -> None:
    rows = bookings()
    twice = placed([*rows, rows[3], chat_row("A ROOM in Oslo", "x"), chat_row("a room in  oslo", "X")])
    (one,) = found(twice)
    assert (one.name, one.severity, one.count) == ("duplicates", "warning", 2)
    assert one.places == ("a.jsonl:13 = a.jsonl:4", "a.jsonl:15 = a.jsonl:14")


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ([("assistant", "b"), ("user", "a")], "assistant is first"),
        ([("system", "s"), ("assistant", "b")], "assistant is first"),
        ([("user", "a"), ("user", "b"), ("assistant", "c")], "two user turns in a row"),
        ([("user", "a"), ("assistant", "b"), ("assistant", "c")], "two assistant turns in a row"),
        ([("user", "a"), ("system", "s"), ("assistant", "c")], "system is not first"),
        ([("system", "s"), ("user", "a")], "no assistant"),
        ([("system", "s")], "no assistant"),
        ([("user", "a"), ("tool", "b"), ("assistant", "c")], "tool follows user"),
    ],
)
def test_roles_out_of_order(said: list[tuple[str, str]], reason: str) -> None:
    rows = placed([*bookings(), turns(*said)])
    assert names(found(rows)) == [("roles", "error", (f"a.jsonl:13 ({reason})",))]


def test_a_template_that_refuses_a_row() -> None:
    template = "{{ raise_exception('no system here') if messages[0].role == 'system' }}" + tokenizer().chat_template
    rows = placed([chat_row("a", "b"), chat_row("a", "b", system="s"), chat_row("c", "d")])
    (one,) = found(rows, with_template(template))
    assert (one.name, one.severity, one.places) == ("template", "error", ("a.jsonl:2",))
    assert "no system here" in one.remedy


def test_tokens_that_merge_over_the_boundary() -> None:
    made = with_template("")
    made.add_tokens(["assistant: Hi"])
    few = placed([*bookings(), chat_row("Say hi.", "Hi")])
    assert names(found(few, made)) == [("boundary", "warning", ("a.jsonl:13",))]
    assert names(found(placed(few[11:]), made)) == [("boundary", "error", ("a.jsonl:2",))]


@pytest.mark.parametrize("reply", ["", " \n", "\u200b", "<think>hm</think>\n\u2060"])
def test_a_reply_that_shows_nothing_is_empty(reply: str) -> None:
    assert "empty-reply" in [each.name for each in found([chat_row("How hot is tea?", reply)])]


def test_a_preference_of_two_replies_that_are_the_same() -> None:
    rows = [row_of({"prompt": "How hot is tea?", "chosen": "80", "rejected": other}) for other in ("80", "90")]
    wrong = [each for each in found(rows, objective="preference") if each.severity == "error"]
    assert names(wrong) == [("same-replies", "error", ("row 1",))]


def test_parts_that_an_objective_needs() -> None:
    passage = ({"role": "user", "content": "passage"},)
    rows = placed([replace(chat_row("a", "b"), teacher=passage, rejected="c"), chat_row("c", "d")])
    for objective in ("distil", "preference"):
        (one,) = found(rows, objective=objective)
        assert (one.name, one.severity, one.places) == ("part-missing", "error", ("a.jsonl:2",))
        assert objective in one.what
    assert found(rows) == []


def test_a_finding_names_five_rows_and_counts_the_others() -> None:
    rows = placed([turns(("user", "a"))] * 7)
    (one, copies) = found(rows)
    assert len(one.places) == 5
    assert one.count == 7
    assert "a.jsonl:5 (no assistant); 2 more. A conversation is" in str(one)
    with pytest.raises(UsageError) as caught:
        refuse_errors([copies, one, one])
    assert (caught.value.what, caught.value.where) == (one.what, f"{', '.join(one.places)} and 2 more rows")
    assert caught.value.remedy == f"{one.remedy} (1 more with dry_run)"
    refuse_errors([copies])


def test_a_row_without_a_place_is_named_by_its_number() -> None:
    assert found([turns(("user", "a"))])[0].places == ("row 1 (no assistant)",)


def test_a_row_is_shown_as_the_model_reads_it() -> None:
    made = tokenizer()
    row = turns(("user", "2 + 2?"), ("assistant", "É 4"), ("user", "Sure?"), ("assistant", "Yes"))
    shown = shown_row(make_example(row, made), made)
    assert shown.plain() == (
        "<|begin|><|user|>2 + 2?<|end|><|assistant|>⟦É 4<|end|>⟧<|user|>Sure?<|end|><|assistant|>⟦Yes<|end|>⟧"
    )
    text = shown.terminal()
    assert text.plain == "".join(piece for piece, _ in shown.pieces)
    assert [text.plain[span.start : span.end] for span in text.spans if "green" in str(span.style)] == [
        "É 4<|end|>",
        "Yes<|end|>",
    ]


def test_a_row_cannot_act_on_the_terminal() -> None:
    made = tokenizer()
    shown = shown_row(make_example(chat_row("a\x1b[2Jb", "c"), made), made)
    assert "\x1b" not in shown.terminal().plain


def test_tokens_are_counted() -> None:
    made = tokenizer()
    rows = [chat_row("a", "1"), chat_row("a", "12"), chat_row("ab 1", "123456")]
    examples = make_examples(rows, made)
    assert token_counts(examples) == TokenCounts(3, Spread(2, 3.0, 7, 12), _spread([each.length for each in examples]))


def _spread(lengths: list[int]) -> Spread:
    return Spread(min(lengths), float(sorted(lengths)[1]), max(lengths), sum(lengths))
