"""Lint: could a person do this from instructions and examples? Planted mistakes are found, clean tasks are clean."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instill.errors import UsageError
from instill.train.generator.data.findings import Finding
from instill.train.generator.data.rows import Row, chat_row
from instill.train.generator.data.task_checks import lint, schema_findings
from instill.train.generator.data.values import copied_values, leaves, parsed, words_of
from tests.train.generator.tiny_tasks import CITIES, SCHEMA, bookings, placed


def names(findings: list[Finding]) -> list[tuple[str, str, tuple[str, ...]]]:
    return [(each.name, each.severity, each.places) for each in findings]


def labels(count: int = 30) -> list[Row]:
    """A label that is one of three, each seen often."""
    kinds = ("book_room", "cancel_room", "ask_price")
    return [
        chat_row(f"Sentence number {number} of {kinds[number % 3]}", json.dumps({"intent": kinds[number % 3]}))
        for number in range(count)
    ]


def test_clean_tasks_give_no_finding() -> None:
    assert lint(bookings(), schema=SCHEMA) == []
    assert lint(placed(labels())) == []
    assert lint([Row(text="The year 1961."), *bookings()]) == []
    assert lint([]) == []


def test_contradictions_are_an_error_where_they_are_many() -> None:
    contrary = chat_row(
        "A ROOM in Oslo for  2 nights, please.", '{"city": "Oslo"}', system="Reply with JSON: city, nights."
    )
    rows = placed([*bookings(), contrary])
    assert names(lint(rows)) == [("contradictions", "error", ("a.jsonl:1", "a.jsonl:13"))]
    many = placed([*bookings(), contrary, *labels()])
    assert names(lint(many)) == [("contradictions", "warning", ("a.jsonl:1", "a.jsonl:13"))]


def test_the_same_reply_in_another_form_is_no_contradiction() -> None:
    rows = bookings()
    other = chat_row(
        rows[0].messages[1]["content"], '{"nights":2,"city":"Oslo"}', system="Reply with JSON: city, nights."
    )
    assert lint([*rows, other]) == []


def test_other_instructions_are_another_input() -> None:
    rows = [chat_row("Oslo", "Norway", system="Which country?"), chat_row("Oslo", "Europe", system="Which continent?")]
    assert lint(rows) == []


def test_several_long_replies_to_one_question_are_wordings() -> None:
    one = "The Vaults is a cheap pub near the river that serves good Italian food."
    two = "Near the river there is a pub, The Vaults, with cheap and good Italian dishes."
    rows = placed([chat_row("The Vaults: pub, cheap", one), chat_row("The Vaults: pub, cheap", two)])
    assert names(lint(rows)) == [("several-wordings", "warning", ("a.jsonl:1", "a.jsonl:2"))]


def test_replies_that_the_schema_does_not_allow() -> None:
    system = "Reply with JSON: city, nights."
    rows = placed(
        [
            *bookings(),
            chat_row("A room in Oslo for 30 nights", "Oslo, 30", system=system),
            chat_row("A room in Oslo for 31 nights", '{"city": "Oslo", "nights": "31"}', system=system),
            chat_row("A room in Oslo", '{"city": "Oslo"}', system=system),
        ]
    )
    findings = lint(rows, schema=SCHEMA)
    assert [(each.name, each.severity, each.count) for each in findings] == [
        ("reply-not-json", "warning", 1),
        ("reply-against-schema", "warning", 2),
    ]
    assert findings[0].places == ("a.jsonl:13 (Expecting value: line 1 column 1 (char 0))",)
    assert findings[1].places == (
        "a.jsonl:14 ($.nights: '31' is not of type 'integer')",
        "a.jsonl:15 ($: 'nights' is a required property)",
    )


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({"type": "objekt"}, "not a JSON schema"),
        ([], "not a JSON schema"),
        ({"$ref": "http://localhost:1/x"}, "nothing is fetched"),
    ],
)
def test_a_schema_that_cannot_be_used_is_an_error_of_the_user(schema: Any, said: str) -> None:
    with pytest.raises(UsageError, match=said) as caught:
        schema_findings(bookings(), schema)
    assert caught.value.where == "data.schema"


def test_values_that_come_from_nowhere() -> None:
    rows = placed(
        [
            *bookings(),
            chat_row("Where was Ada born?", "She was born in 1961, in “Gamla Stan”."),
            chat_row("A bed in Kiel", '{"city": "Kiel", "nights": 2, "hotel": "Astoria", "garden": true}'),
        ]
    )
    (one,) = lint(rows)
    assert (one.name, one.severity, one.count) == ("out-of-nothing", "warning", 2)
    assert one.places == ("a.jsonl:13 (1961, Gamla Stan)", "a.jsonl:14 (2, Astoria)")
    told = "Without a number it is 2 nights in the Astoria. Ada was born 1961 in Gamla Stan."
    assert lint(rows, instructions=told) == []


def test_a_value_is_one_of_a_few_from_three_inputs_on() -> None:
    def rows(count: int) -> list[Row]:
        return placed([chat_row(f"Message from {city}", '{"kind": "greeting"}') for city in CITIES[:count]])

    assert [each.name for each in lint(rows(2))] == ["out-of-nothing"]
    other = [chat_row(f"Bye {city}", '{"kind": "farewell"}') for city in CITIES[:3]]
    assert lint([*rows(3), *other]) == []


def test_numbers_are_found_in_other_forms() -> None:
    row = chat_row("Two rooms for 1,200 euros at 7.50 a coffee", '{"rooms": 2, "euros": 1200, "coffee": 7.5}')
    assert lint([row]) == []


def test_replies_that_are_all_alike() -> None:
    rows = placed([chat_row(f"Where is {city}?", "I don't know.") for city in CITIES])
    (one,) = lint(rows)
    assert (one.name, one.severity, one.count) == ("all-alike", "warning", 12)
    assert lint(rows[:2]) == []


def test_fields_that_are_always_null() -> None:
    rows = placed(
        [
            chat_row(f"In {city}", json.dumps({"city": city, "pets": None, "who": [{"age": None}], "more": None}))
            for city in CITIES
        ]
    )
    rows += [chat_row("In Paris", '{"city": "Paris", "more": {"what": "Paris"}}')]
    findings = lint(rows)
    assert [(each.name, each.severity, each.count) for each in findings] == [("always-null", "warning", 12)] * 2
    assert [each.what.split()[2] for each in findings] == ["pets", "who[].age"]


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_a_reply_that_is_copied_from_the_input_never_comes_from_nowhere(value: Any) -> None:
    reply = json.dumps({"value": value}, ensure_ascii=False)
    text = " ; ".join(str(leaf) for _, leaf in leaves(value))
    assert all(words_of(each) <= words_of(text) for each in copied_values(reply))
    assert parsed(reply) == {"value": value}
    assert not [each for each in lint([chat_row(text, reply)]) if each.name == "out-of-nothing"]
