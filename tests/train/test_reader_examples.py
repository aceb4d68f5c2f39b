"""Examples: answers stay where they are, passages without their evidence lack it, epochs repeat exactly."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from instill.answer.reading.reader_input import tokenize
from instill.models.encoders.minilm import find_minilm
from instill.train.reader.examples import IGNORED, WINDOW, Example, ExampleMaker, Mix, token_span
from instill.train.reader.rows import Row
from instill.train.reader.unanswerable_questions import mislead
from tests.train.reader_rows import PLACES, row, rows


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    found = Tokenizer.from_file(str(find_minilm() / "tokenizer.json"))
    found.no_truncation()
    found.no_padding()
    return found


def text_of(tokenizer: Tokenizer, example: Example) -> str:
    return str(tokenizer.decode(example.ids[example.start : example.end + 1]))


@settings(max_examples=30, deadline=None)
@given(before=st.integers(0, 400), after=st.integers(0, 400), length=st.integers(1, 30), seed=st.integers(0, 99))
def test_the_answer_is_inside_every_window(
    tokenizer: Tokenizer, before: int, after: int, length: int, seed: int
) -> None:
    answer = " ".join(["seven"] * length)
    passage = "tea " * before + answer + " milk" * after
    start = passage.index("seven")
    asked = Row("how many?", passage, "", "g", ((start, start + len(answer)),))
    [example] = ExampleMaker([asked], {}, tokenizer, Mix(0, 0, 0)).epoch(0, seed=seed)
    assert text_of(tokenizer, example) == answer
    assert example.first <= example.start <= example.end < example.first + example.count
    assert example.count <= max(WINDOW, length)


def test_an_epoch_repeats_and_epochs_differ(tokenizer: Tokenizer) -> None:
    maker = ExampleMaker(rows(), {0: [2, 3]}, tokenizer, Mix(1, 1, 1))
    assert maker.epoch(1, seed=5) == maker.epoch(1, seed=5)
    assert maker.epoch(1, seed=5) != maker.epoch(2, seed=5)


def test_rows_without_an_answer_come_twice_and_point_to_nothing(tokenizer: Tokenizer) -> None:
    examples = ExampleMaker(rows(), {}, tokenizer, Mix(0, 0, 0)).epoch(0)
    unanswerable = [each for each in examples if each.answerable == 0]
    assert len(unanswerable) == 2 * len(PLACES)
    assert {(each.start, each.end, each.relevant) for each in unanswerable} == {(0, 0, 1.0)}


def test_a_mined_passage_is_neither_answer_nor_relevant(tokenizer: Tokenizer) -> None:
    maker = ExampleMaker([row("Arvika", 3), row("Belmont", 4)], {0: [1]}, tokenizer, Mix(1, 0, 0))
    mined = maker.epoch(0)[1]
    shown = tokenizer.decode(mined.ids[mined.first : mined.first + mined.count])
    assert shown.startswith("belmont is a small town")
    assert (mined.answerable, mined.relevant, mined.start) == (0.0, 0.0, 0)


def test_without_its_sentence_a_passage_says_the_rest(tokenizer: Tokenizer) -> None:
    examples = ExampleMaker([row("Arvika", 3)], {}, tokenizer, Mix(0, 1, 0)).epoch(0)
    removed = examples[1]
    shown = tokenizer.decode(removed.ids[removed.first : removed.first + removed.count])
    assert shown == ("arvika is a small town by the sea. about 300 people live there, and most of them fish.")
    assert (removed.answerable, removed.relevant) == (0.0, IGNORED)


def test_evidence_said_twice_is_not_removed(tokenizer: Tokenizer) -> None:
    passage = "The oven was built in 1987 by Marta. Everyone in the village still remembers 1987 very well."
    asked = Row("When was it built?", passage, "", "g", ((22, 26),))
    assert len(ExampleMaker([asked], {}, tokenizer, Mix(0, 1, 0)).epoch(0)) == 1


@given(
    st.text(alphabet="ab c,.", min_size=1, max_size=60).filter(lambda text: text.strip(" ,.") != ""),
    st.data(),
)
def test_token_spans_cover_the_characters(tokenizer: Tokenizer, text: str, data: st.DataObject) -> None:
    [tokens] = tokenize(tokenizer, [text])
    place = data.draw(st.integers(0, len(tokens.ids) - 1))
    other = data.draw(st.integers(place, len(tokens.ids) - 1))
    characters = (tokens.offsets[place][0], tokens.offsets[other][1])
    assert token_span(tokens, characters) == (place, other)


@pytest.mark.parametrize("seed", range(20))
def test_a_misleading_question_changes_one_thing(seed: int) -> None:
    question = "When did James Watt build the first engine in 1776?"
    passage = "In 1765 James Watt met John Roebuck in Glasgow. He had 12 engines in 1800, sold to miners."
    changed = mislead(question, passage, [], random.Random(seed))
    assert changed is None or changed != question
    if changed and "first" in changed and "didn't" not in changed:
        assert ("James Watt" in changed) != ("1776" in changed)


@pytest.mark.parametrize("seed", range(20))
def test_terms_are_exchanged_for_terms_that_end_alike(seed: int) -> None:
    question = "What attacks the killers of tumors?"
    changed = mislead(question, "Doctors and poisons harm walkers.", [], random.Random(seed))
    assert changed in {
        "What poisons the killers of tumors?", "What attacks the walkers of tumors?",
        "What attacks the killers of poisons?", "What tumors the killers of attacks?",
    }  # fmt: skip


def test_a_question_with_nothing_to_exchange_stays() -> None:
    assert mislead("how hot?", "it is hot", [], random.Random(0)) is None
