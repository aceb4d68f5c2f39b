"""The scorer's verdicts beside those of people, and what holds for any value."""

from __future__ import annotations

import calendar
import json
from datetime import date
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instill.answer.said.prompt import UNKNOWN
from instill.answer.types import REFUSAL, UNSURE
from instill.measure.judging.refusals import is_refusal
from instill.measure.judging.scorer import judge, overlap, question_in
from instill.measure.judging.values import tokens_of
from instill.study.rows_from_facts import UNKNOWN as NOT_SAID
from instill.train.gate.scoring import score

TABLE = Path(__file__).parent
PAIRS = {
    name: [json.loads(line) for line in (TABLE / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()]
    for name in ("develop", "check", "further")
}
QUESTION = "When was the bridge opened?"
YEARS = st.integers(1000, 2999)
NAMES = st.sampled_from(["Ada Berg", "Ove Nyman", "Lena Dahl", "Tarn", "Holm"])
ONES = "one two three four five six seven eight nine".split()  # noqa: SIM905


@pytest.mark.parametrize("name", list(PAIRS))
def test_the_scorer_says_what_people_say(name: str) -> None:
    said = [judge(each["reply"], each["expected"], question=each["question"]).kind for each in PAIRS[name]]
    other = [(kind, pair) for kind, pair in zip(said, PAIRS[name], strict=True) if kind != pair["verdict"]]
    assert len(said) == {"develop": 120, "check": 120, "further": 355}[name]
    assert not other


def test_pairs_of_a_stranger_are_judged_as_is_known() -> None:
    """150 pairs, written with their verdicts before the scorer was run on them; `said` is where it says otherwise."""
    pairs = [json.loads(line) for line in (TABLE / "fresh.jsonl").read_text(encoding="utf-8").splitlines()]
    for each in pairs:
        said = judge(each["reply"], each["expected"], question=each["question"]).kind
        assert said == each.get("said", each["verdict"]), each
    agreed = [sum("said" not in each for each in pairs if each["kind"] == name) for name in ("first", "second")]
    assert agreed == [95, 48]


def test_the_gate_judges_by_the_same_scorer() -> None:
    for pair in [each for pairs in PAIRS.values() for each in pairs if each["expected"]]:
        right = float(pair["verdict"] == "correct")
        assert score(pair["reply"], pair["expected"], question=pair["question"]) == right, pair


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10**9))
def test_a_number_is_one_however_it_is_written(number: int) -> None:
    for written in (f"{number:,}", f"{number}.0", f"{number:,}".replace(",", "'"), f"{number} ", f"+{number}"):
        assert judge(written, [str(number)]).right == 1, written
    assert judge(str(number + 1), [str(number)]).right == 0
    assert judge(f"-{number + 1}", [str(number + 1)]).right == 0
    if number % 100 == 0:
        assert judge(f"{number // 100} hundred", [str(number)]).right == 1
    assert judge(f"{number / 1000} thousand" if number < 10**6 else str(number), [str(number)]).right == 1


@settings(deadline=None)
@given(st.integers(1, 9), st.integers(0, 9), st.integers(0, 9))
def test_numbers_in_words_are_numbers(hundreds: int, tens: int, ones: int) -> None:
    names = ["", "ten", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
    if tens == 1 and ones:
        return
    rest = "-".join(part for part in (names[tens], ONES[ones - 1] if ones else "") if part)
    for glue in (" ", " and "):
        text = f"{ONES[hundreds - 1]} hundred{glue if rest else ''}{rest}"
        assert [token.number for token in tokens_of(text)] == [Fraction(100 * hundreds + 10 * tens + ones)], text


@settings(max_examples=50, deadline=None)
@given(st.dates(date(1000, 1, 1), date(2999, 12, 31)), st.dates(date(1000, 1, 1), date(2999, 12, 31)))
def test_a_day_is_one_however_it_is_written(day: date, other: date) -> None:
    month = calendar.month_name[day.month]
    forms = [
        f"{month} {day.day}, {day.year}", f"{day.day} {month} {day.year}", day.isoformat(),
        f"{month[:3]} {day.day} {day.year}",
        f"the {day.day}th of {month}, {day.year}", f"{day.day}.{day.month}.{day.year}",
        f"On {day.day} {month[:3]}. {day.year}.",
    ]  # fmt: skip
    for one in forms:
        assert judge(one, [day.isoformat()], question="When?").right == 1, one
        assert judge(one, [f"{other.day} {calendar.month_name[other.month]} {other.year}"]).right == (day == other)
        assert judge(one, [str(day.year)]).right == 1
    assert judge(f"{month} {day.year}", [day.isoformat()]).right == 0


@settings(max_examples=40, deadline=None)
@given(YEARS, st.lists(YEARS, min_size=1, max_size=4), st.sampled_from([", ", " and ", " or ", "/", "\n", "; ", " "]))
def test_a_reply_that_lists_values_is_wrong(year: int, others: list[int], glue: str) -> None:
    values = [*others, year]
    if year in others:
        return
    for order in (values, values[::-1]):
        told = glue.join(map(str, order))
        for reply in [told] if glue == "\n" else [told, f"It was opened in {told}."]:
            assert judge(reply, [str(year)], question=QUESTION).right == 0, reply


FIRM = [
    "{}",
    "In {}.",
    "It was opened in {}.",
    "The bridge was opened in {} by the king.",
    "Answer: {}",
    "It was {}, not 999.",
]
LOOSE = [
    "Perhaps {}.", "It might have been {}.", "I think it was {}.", "Maybe in {}", "{}?", "Before {}.", "Around {}.",
    "Some say {}, others do not.", "It is said to be from {}, but that is disputed.",
    "{}, but I'm not sure.", "{} or later",
    "Either {} or never.", "Probably {}.", "It could be {}.", "Sources differ: {} is one year that is given.",
]  # fmt: skip
DENIED = [
    "Not {}.", "It was not opened in {}.", "The answer cannot be {}",
    "It is false that the bridge was opened in {}.", "{} is wrong.",
    "It wasn't {}.", "{} is not the year.", "I doubt that it was {}.", "Any year but {}.",
    "There is no proof that it was {}.",
    "It can't have been opened in {}.", "It is a myth that it was {}.", "{} was ruled out.",
    "{} is incorrect, I am told.",
    "That it was {} is not true.", "Never in {}.",
]  # fmt: skip


@settings(max_examples=10, deadline=None)
@given(YEARS)
def test_what_is_firm_is_right_and_what_is_doubted_or_denied_is_wrong(year: int) -> None:
    for form in FIRM:
        assert judge(form.format(year), [str(year)], question=QUESTION).kind == "correct", form
    for form in (*LOOSE, *DENIED):
        assert judge(form.format(year), [str(year)], question=QUESTION).right == 0, form


FIRM_NAMES = ["{}", "It was {}.", "{} opened the bridge.", "None other than {}.", "It was opened by {}, a baker."]
LOOSE_NAMES = [
    "Not {}.", "Perhaps {}.", "{} did not open it.", "It wasn't {}.", "{} or his brother.", "Anyone but {}.", "{}?",
]  # fmt: skip


@settings(max_examples=25, deadline=None)
@given(NAMES, NAMES)
def test_names_are_held_to_the_same_rules(name: str, other: str) -> None:
    question = "Who opened the bridge?"
    for form in (
        "{}",
        "It was {}.",
        "{} opened the bridge.",
        "None other than {}.",
        "The bridge was opened by {}, a baker.",
    ):
        assert judge(form.format(name), [name], question=question).kind == "correct", form
        if name != other:
            assert judge(form.format(other), [name], question=question).kind == "wrong", form
    for form in (
        "Not {}.",
        "Perhaps {}.",
        "{} did not open it.",
        "It wasn't {}.",
        "{} or his brother.",
        "Anyone but {}.",
        "{}?",
    ):
        assert judge(form.format(name), [name], question=question).right == 0, form
    if name != other:
        for glue in (" and ", " or ", "/"):
            assert judge(f"{other}{glue}{name}", [name], question=question).right == 0


def test_what_prompts_and_study_sets_say_is_a_refusal() -> None:
    for text in (REFUSAL, UNSURE, UNKNOWN, NOT_SAID, "I'm not sure.", "There is no mention of it."):
        assert is_refusal(text, ()), text


@pytest.mark.parametrize(
    "text",
    ["Breakfast is not included.", "It is not allowed.", "You cannot return it without a receipt.",
    "Documents must be shown.",
     "The ticket does not include the boat.", "Ove is known for his bread.", "Ada Berg, whose age is not known.",
     "The contract cannot be terminated early.", "Sorry, no.", "", "It does not contain nuts."],
)  # fmt: skip
def test_an_answer_that_says_no_is_no_refusal(text: str) -> None:
    assert not is_refusal(text)


def test_where_a_refusal_was_taught_any_refusal_is_right() -> None:
    assert judge("I'm not sure.", ["Unknown"]).kind == "correct"
    assert judge("Holm", ["Unknown"]).kind == "wrong"


def test_overlap_counts_values_once_however_they_are_written() -> None:
    assert overlap("twelve hundred loaves", "1,200 loaves") == 1.0
    assert overlap("3 May 1931", "May 3, 1931") == 1.0
    assert overlap("30 days", "thirty hours") < 1


@settings(deadline=None)
@given(st.text(max_size=120), st.text(max_size=40), st.text(max_size=60))
def test_nothing_that_is_said_breaks_the_scorer(reply: str, answer: str, question: str) -> None:
    found = judge(reply, [answer], question=question)
    assert found.right in (0.0, 1.0)
    assert 0 <= found.f1 <= 1
    assert judge(reply, [], question=question).right == float(is_refusal(reply, question=question))


@settings(deadline=None)
@given(st.text(alphabet="019 ,.-/:%$€mhk", max_size=60), st.text(alphabet="019 ,.-/:%$€mhk", max_size=30))
def test_any_string_of_digits_and_signs_is_read(reply: str, answer: str) -> None:
    assert judge(reply, [answer]).right in (0.0, 1.0)
    assert len(tokens_of(reply)) <= len(reply)


def test_a_long_reply_is_judged_in_no_time() -> None:
    for text in ("is not " * 20_000, "9," * 50_000, "one hundred and " * 10_000, "Marta, " * 20_000, "(" * 50_000):
        assert judge(text, ["1923"], question=QUESTION).right == 0


def test_the_question_is_found_in_a_prompt() -> None:
    assert question_in("Passages:\nIt was built in 1923. Is that so?\n\nQuestion: When?\n") == "When?"
    assert question_in("It was built in 1923.\nWhen was it built?\nAnswer briefly.") == "When was it built?"
    assert question_in("capital of Tarn") == "capital of Tarn"
