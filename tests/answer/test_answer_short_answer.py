"""The short answer is whole, or there is none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instill.answer.asked.acronyms import definitions, other_form
from instill.answer.asked.kind_of_answer import read_question
from instill.answer.said.short_answer import value_of, whole


@pytest.mark.parametrize(
    ("text", "words", "grown"),
    [
        ("It costs 1,200 euros a month.", "200", "1,200 euros"),
        ("It takes 3.5 hours.", "3", "3.5 hours"),
        ("上限は一泊一万二千円です", "二千円", "上限は一泊一万二千円です"),
        ("Use the re-read flag", "read", "re-read"),
        ("about -40 degrees outside", "40", "about -40 degrees"),
        ("for any period that is >2 weeks. Deal", "2", ">2 weeks"),
        ("you are paid up to 16 weeks", "16 weeks", "up to 16 weeks"),
        ("passwords have more than 12 characters", "12", "more than 12 characters"),
        ("no later than 30 June", "30 June", "no later than 30 June"),
        ("14 days or more before", "14", "14 days or more"),
        ("16+ points", "16", "16+"),
        ("It takes 3 to 5 days.", "5", "3 to 5 days"),
        ("It takes 3 to 5 days.", "3", "3 to 5 days"),
        ("between 3 and 5 days a year", "5", "between 3 and 5 days"),
        ("mindestens 20 Tage", "20", "mindestens 20"),
        ("call at 9 to the office", "9", "9"),
        ("under the 2 trees", "2", "2"),
        ("over the years Ada left", "Ada", "Ada"),
        ("in May. They left", "May", "May"),
        ("pay $15 now", "15", "$15"),
        ("load 80% of it", "80", "80%"),
    ],
)
def test_words_grow_to_whole_ones(text: str, words: str, grown: str) -> None:
    start = text.index(words)
    low, high = whole(text, start, start + len(words))
    assert text[low:high] == grown


@given(st.text(min_size=1, max_size=40), st.data())
def test_growing_never_cuts_a_word_and_holds_what_it_began_with(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    low, high = whole(text, start, end)
    assert 0 <= low <= start
    assert end <= high <= len(text)
    for place in (low, high):
        if 0 < place < len(text) and text[place - 1].isascii() and text[place].isascii():
            assert not (text[place - 1].isalpha() and text[place].isalpha())


def test_a_cell_gives_its_value_never_its_name() -> None:
    question = read_question("What is the weight of the chair?")
    text = "Item: Chair; Weight: 12 kg; Colour: red"
    low, high = value_of(text, text.index("12"), text.index("12") + 2, "record", question)
    assert text[low:high] == "12 kg"
    assert (
        value_of(text, text.index("Weight"), text.index("Weight") + 6, "record", question)[0]
        == value_of(text, text.index("Weight"), text.index("Weight") + 6, "record", question)[1]
    )
    low, high = value_of(text, text.index("red"), text.index("red") + 3, "record", question)
    assert low == high


def test_short_forms_are_those_that_the_texts_define() -> None:
    known = definitions(["The Regional Water Board (RWB) meets (see below).", "Unrelated (ABC) words."])
    assert known == {"RWB": "Regional Water Board"}
    assert other_form("Who leads the RWB?", known) == "Who leads the Regional Water Board?"
    assert other_form("Who leads it?", known) == ""
