"""Pre-flight: every mistake that is planted is found, in the row where it stands; clean rows give no finding."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from instill.errors import UsageError
from instill.train.generator.examples import make_example, make_examples
from instill.train.generator.findings import Finding, refuse_errors
from instill.train.generator.preflight import check_rows, examples_or_findings
from instill.train.generator.rows import Row, chat_row
from instill.train.generator.shown import Spread, TokenCounts, shown_row, token_counts
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


def test_padding_with_the_end_is_explained_and_an_error_only_where_ends_are_masked() -> None:
    made, rows = tokenizer(), bookings()
    made.pad_token = made.eos_token
    (one,) = found(rows, made)
    assert (one.name, one.severity, one.count) == ("pad-is-end", "warning", 0)
    assert "every end is supervised" in one.what
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
    leaked = chat_row("a ROOM in  oslo\nfor 2 nights, please.", "other")
    (one,) = found(rows, held_out=placed([*gate, leaked], "gate.jsonl"))
    assert (one.name, one.severity, one.places) == ("held-out-in-training", "error", ("gate.jsonl:3 = a.jsonl:1",))


def test_held_out_rows_that_are_nearly_trained_on() -> None:
    question = "What did the council of Narvik decide about the old harbour in the spring of that year"
    rows = placed([*bookings(), chat_row(f"{question}?", "To close it.")])
    near = placed([chat_row(f"Tell me: {question}, please?", "To close it.")], "gate.jsonl")
    (one,) = found(rows, held_out=near)
    assert (one.name, one.severity) == ("held-out-nearly-in-training", "warning")
    assert one.places == ("gate.jsonl:1 ~ a.jsonl:13",)


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
    assert caught.value.remedy == f"{one.remedy} (1 more with --dry-run)"
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
