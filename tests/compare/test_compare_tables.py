"""Tables, failures by kind, prices, and what can be shown: exact on outcomes that are written down here."""

from __future__ import annotations

from dataclasses import replace

import pytest

from instill.compare.beforehand import say_beforehand
from instill.compare.failures import Causes, failures_of
from instill.compare.prices import FREE, Prices
from instill.compare.scoring import judge
from instill.compare.stored import Recorded
from instill.compare.tables import means_of, table_of, tables_of, tasks_of
from instill.errors import UsageError
from instill.measure.outcomes import Outcome
from instill.settings import Settings, with_values
from instill.study.sets import Evidence, Fact, StudyItem

QUESTION = "When was the stone oven built?"


def outcome(
    item: str = "i1",
    arm: str = "retrieval",
    reply: str = "1987",
    *,
    task: str = "facts",
    expected: tuple[str, ...] = ("1987",),
    recall: float | None = None,
    precision: float | None = None,
    seconds: float = 1.0,
) -> Recorded:
    judged = judge(reply, expected, question=QUESTION)
    return Recorded(
        Outcome(
            item, arm, f"group of {item}", task, QUESTION, expected, reply, judged.kind, judged.exact, judged.f1,
            judged.right, precision, recall, seconds, 100, 10, 0.5, "p",
        )
    )  # fmt: skip


def fact(id_: str, doc_id: str, answer: str) -> Fact:
    evidence = Evidence(doc_id=doc_id, start=0, end=9, text="Something")
    return Fact(
        id=id_, doc_id=doc_id, evidence=evidence, subject="", answer=answer, start=0, end=len(answer), kind="date"
    )


FACTS = [fact("f1", "d1", "1987"), fact("f2", "d1", "Marta Lindqvist"), fact("f3", "d2", "1742")]
ITEM = StudyItem(
    id="i1", fact_ids=("f1",), phrasing="direct", form="direct", question=QUESTION, answer="1987", accepted=("1987",),
    evidence=(FACTS[0].evidence,),
)  # fmt: skip


def test_a_table_holds_what_every_arm_was_asked() -> None:
    records = [
        outcome("a", "one"), outcome("b", "one", "1990"), outcome("c", "one"),
        outcome("b", "two"), outcome("a", "two", "unknown"), outcome("a", "one", "1990", task="noise"),
        outcome("a", "two", task="noise"),
    ]  # fmt: skip
    assert tasks_of(records) == ["facts", "noise"]
    table = table_of(records, "facts")
    assert table.arms == ("one", "two")
    assert table.scores.tolist() == [[1.0, 0.0], [0.0, 1.0]]
    assert table.groups == ("group of a", "group of b")
    assert tables_of(records)["noise"].scores.tolist() == [[0.0], [1.0]]
    assert table_of(records).questions == 3
    said = table_of(records, "facts", score=lambda each: float(each.kind == "abstained"))
    assert said.scores.tolist() == [[0.0, 0.0], [1.0, 0.0]]


def test_tables_without_common_questions_are_refused() -> None:
    for records in ([], [outcome("a", "one"), outcome("b", "two")]):
        with pytest.raises(UsageError, match="no question"):
            table_of(records)
    with pytest.raises(UsageError, match="twice"):
        table_of([outcome(), outcome()])


def test_means_per_task_and_arm() -> None:
    records = [
        outcome(f"i{number}", reply="1987" if number % 4 else "I don't know", recall=1.0, seconds=float(number),
                precision=1.0 if number % 2 else None)
        for number in range(40)
    ]  # fmt: skip
    (found,) = means_of([replace(records[0], error="gone", estimated=True), *records[1:]])
    assert (found.arm, found.task, found.questions, found.errors, found.estimated) == (
        "retrieval",
        "facts",
        40,
        1,
        True,
    )
    assert found.right.mean == found.exact.mean == found.f1.mean == 0.75
    assert found.right.low < 0.75 < found.right.high
    assert found.abstained.mean == 0.25
    assert found.recall is not None
    assert found.recall.mean == 1.0
    assert found.citation_precision is not None
    assert (found.citation_precision.mean, found.citing) == (1.0, 20)
    assert (found.seconds, found.seconds_95) == (19.5, 38.0)
    assert (found.tokens_in, found.tokens_out, found.money) == (100, 10, 500)
    (closed,) = means_of([outcome(), outcome("i2")])
    assert (closed.recall, closed.citation_precision, closed.citing) == (None, None, 0)


@pytest.mark.parametrize(
    ("recorded", "kind"),
    [
        (outcome(), None),
        (replace(outcome(reply=""), error="The generator failed."), "error"),
        (outcome(reply="1987", expected=()), "answered though unanswerable"),
        (outcome(reply="I don't know", expected=()), None),
        (outcome(reply="1742", recall=0.0), "evidence not retrieved"),
        (outcome(reply="I don't know", recall=0.5), "evidence not retrieved"),
        (outcome(reply="I don't know", recall=1.0), "abstained though answerable"),
        (outcome(reply="I don't know"), "abstained though answerable"),
        (outcome(reply="1986 or 1987", recall=1.0), "format"),
        (outcome(reply=""), "format"),
        (outcome(reply="It was It was It was It was It was It was "), "format"),
        (outcome(reply="Built by Marta Lindqvist.", recall=1.0), "wrong value from the same document"),
        (outcome(reply="It was in 1742."), "value of another subject"),
        (outcome(reply="In 1600."), "other"),
    ],
)
def test_the_cause_of_a_failure(recorded: Recorded, kind: str | None) -> None:
    assert Causes([ITEM], FACTS).of(recorded) == kind


def test_a_value_that_the_question_has_is_no_cause() -> None:
    asked = outcome(reply="Marta Lindqvist")
    question = "When did Marta Lindqvist build the oven?"
    assert Causes([ITEM], FACTS).of(replace(asked, outcome=replace(asked.outcome, question=question))) == "other"


def test_failures_are_counted_with_examples() -> None:
    records = [outcome(f"i{number}", reply="1742") for number in range(5)] + [outcome("x", reply="In 1600."), outcome()]
    (found,) = failures_of(records, [ITEM], FACTS, examples=2)
    assert (found.arm, found.questions) == ("retrieval", 7)
    assert found.counts == {"value of another subject": 5, "other": 1}
    assert [each.outcome.item for each in found.examples["value of another subject"]] == ["i0", "i1"]


def test_prices() -> None:
    assert Prices(tokens_in=0.2).note == "Not priced, and so free: tokens_out, machine_hour."
    assert Prices(1, 1, 1).note == ""
    set_prices = with_values(Settings(), {"prices.tokens_out": 1.5, "prices.currency": "USD"}).prices
    assert Prices.of_settings(set_prices) == Prices(0.0, 1.5, 0.0, "USD")
    assert Prices.of_settings(Settings().prices) == FREE
    for price in (-1.0, float("nan"), float("inf")):
        with pytest.raises(UsageError, match="no price"):
            Prices(machine_hour=price)


def test_what_can_be_shown_is_said_beforehand() -> None:
    many = say_beforehand([str(number) for number in range(2000)], 2, wanted=0.1)
    assert many.difference is not None
    assert many.difference < 0.05
    assert "needed" not in many.said
    assert many.needed is not None
    assert many.needed < 2000
    few = say_beforehand(["a", "b", "c"], 4)
    assert few.difference is None
    assert few.said.startswith("3 questions about 3 groups can show no difference between two of 4 arms")
    grouped = say_beforehand([str(number // 10) for number in range(2000)], 2)
    assert grouped.difference is not None
    assert grouped.difference > many.difference
    for groups, arms in (([], 2), (["a"], 1)):
        with pytest.raises(UsageError):
            say_beforehand(groups, arms)
