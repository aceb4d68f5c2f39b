"""Two versions of a price list: what changed, asked with years and in words; a price is no mark of a version."""

from __future__ import annotations

from collections.abc import Iterator
from time import process_time
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instill import Workspace
from instill.answer.asked.conversation import standalone
from instill.answer.asked.must_be_spoken_of import pins_of
from instill.answer.asked.version_wish import version_wish_of
from instill.answer.found.version_pairs import of_the_named_version, without_marks
from instill.answer.longest_question import LONGEST_QUESTION
from instill.answer.types import Turn

if TYPE_CHECKING:
    from pathlib import Path

OLD = """code,item,unit_price,remark
CH-120,high-back chair,196.00,
BS-210,bar stool,134.00,
TB-300,table,410.00,oak
RUSH,rush surcharge,20,
"""
NEW = """code,item,unit_price,remark
CH-120,high-back chair,208.00,
BS-210,bar stool,139.00,
TB-300,table,410.00,oak
RUSH,rush surcharge,25,under five days
"""
BOTH = "From two versions, the newer first: prices-2025.csv and prices-2024-OLD.csv."


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    folder: Path = tmp_path_factory.mktemp("versions")
    (folder / "docs").mkdir()
    (folder / "docs" / "prices-2024-OLD.csv").write_text(OLD)
    (folder / "docs" / "prices-2025.csv").write_text(NEW)
    with Workspace.init(folder / "kb") as opened:
        opened.add([str(folder / "docs")])
        yield opened


@pytest.mark.parametrize(
    ("question", "values", "notice"),
    [
        ("How has the unit price of CH-120 changed from 2024 to 2025?", ["208.00", "196.00"], BOTH),
        ("CH-120 unit price last year and this year", ["208.00", "196.00"], BOTH),
        ("Rush surcharge: what was it last year and what is it now?", ["unit_price: 25", "unit_price: 20"], BOTH),
        ("old and new unit price of BS-210", ["139.00", "134.00"], BOTH),
        (
            "How has the unit price of TB-300 changed?",
            ["410.00"],
            "prices-2025.csv and prices-2024-OLD.csv say the same.",
        ),
    ],
)
def test_both_versions_are_shown_and_compared(
    workspace: Workspace, question: str, values: list[str], notice: str
) -> None:
    answer = workspace.ask(question)
    assert not answer.abstained
    places = [answer.text.index(value) for value in values]
    assert places == sorted(places)  # the newer first
    assert answer.notices == (notice,)


@pytest.mark.parametrize(
    ("question", "rest"),
    [
        ("CH-120 price last year and this year", "CH-120 price"),
        ("what did a pass cost before and what does it cost now", "what did a pass cost"),
        ("Rush surcharge: what was it last year and what is it now?", "Rush surcharge?"),
        ("old and new price of the desk?", "price of the desk?"),
        ("Which form do I need now, and who signs it?", None),
        ("What has to be done before noon?", None),
        ("Is the new printer faster?", None),
    ],
)
def test_two_times_may_be_told_in_words(question: str, rest: str | None) -> None:
    wish = version_wish_of(question)
    assert (wish and (wish.kind, wish.rest)) == (rest and ("changed", rest))


@given(st.decimals(0, 9999, places=2), st.decimals(0, 9999, places=2))
def test_two_prices_are_the_same_only_where_they_are_equal(one: object, other: object) -> None:
    texts = (f"From May 2026: {one} EUR", f"From May 2025: {other} EUR")
    first, second = (without_marks(text, ("2025", "2026")) for text in texts)
    assert (first == second) == (str(one) == str(other))


@pytest.mark.parametrize(
    "unit", ["before, ", "before and now ", "a, ", "may - ", "from 1 to 2 ", "last year, what ", "2024 "]
)
def test_a_hostile_question_is_understood_in_bounded_time(unit: str) -> None:
    question = (unit * (LONGEST_QUESTION // len(unit) + 1))[:LONGEST_QUESTION]
    started = process_time()
    version_wish_of(question)
    pins_of(question)
    standalone(question, [Turn("user", question), Turn("assistant", "No.", ("T",))])
    assert process_time() - started < 2.0  # some hundredths; a pattern that tries every pair takes minutes


POLICY = """---
title: Fuel policy {year}
---
# Fuel policy {year}

Drivers may fill up to {litres} litres a week. Premium fuel is paid only {premium}.
Slips must be handed in within {days} days.{last}
"""


@pytest.fixture(scope="module")
def policies(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    with Workspace.init(tmp_path_factory.mktemp("policies") / "kb") as opened:
        old = POLICY.format(year=2024, litres=110, premium="after a breakdown", days=60, last="")
        last = "\n\nThis policy replaces the fuel policy of 2024."
        new = POLICY.format(year=2026, litres=145, premium="on ferries", days=30, last=last)
        opened.add_text(old, name="fuel-2024.md")
        opened.add_text(new, name="fuel-2026.md")
        yield opened


@pytest.mark.parametrize(
    ("question", "said", "unsaid"),
    [
        ("How many litres may drivers fill up a week under the 2024 policy?", "110 litres", "145"),
        ("How many litres may drivers fill up a week in 2026?", "145 litres", "110"),
        ("Within how many days did slips have to be handed in in 2024?", "60 days", "30 days"),
    ],
)
def test_the_version_that_is_named_answers_alone(policies: Workspace, question: str, said: str, unsaid: str) -> None:
    text = policies.ask(question).text
    assert said in text
    assert unsaid not in text


def test_the_limit_of_an_amount_is_the_amount(policies: Workspace) -> None:
    """ "Up to" says the limit, and no word of it."""
    text = policies.ask("How has the weekly limit of litres for drivers changed from 2024 to 2026?").text
    assert text.index("145 litres") < text.index("110 litres")


def test_of_no_named_version_and_of_both_all_stay(policies: Workspace) -> None:
    hits = policies.search("litres a week").hits
    texts = {hit.doc_id: hit.text for hit in hits}
    assert len(hits) == 2
    for question in ("How many litres?", "How many litres in 2025?", "How many litres in 2024 and in 2026?"):
        assert of_the_named_version(question, hits, texts.get) == list(hits)
    [left] = of_the_named_version("How many litres in 2024?", hits, texts.get)
    assert "110" in left.text
