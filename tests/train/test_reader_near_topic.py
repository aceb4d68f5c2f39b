"""Rows whose passage answers as a whole, and negatives on the topic of the question."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer

from instill.models.weights import shipped
from instill.train.reader.examples import IGNORED, UNMARKED, ExampleMaker, Mix
from instill.train.reader.rows import Row, read_rows, rows_hash
from instill.train.reader.unanswerable_questions import tweak

WHOLE = Row("How do I stop the pump?", "Close the valve. Then press the red button.", "Pump", "pump", (), whole=True)
MARKED = Row("How many pumps has Borg 12?", "There are 40 pumps in the hall.", "Borg 12", "borg", ((10, 12),))
BESIDE = Row("Who paints the hall of Borg 12?", "The hall is painted by Ada.", "Borg 12", "borg", ((23, 26),))
OTHER = Row("How many lamps has Visby 3?", "There are 9 lamps in the yard.", "Visby 3", "visby", ((10, 11),))


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    found = Tokenizer.from_file(str(shipped() / "tokenizer.json"))
    found.no_padding()
    found.no_truncation()
    return found


def quiet(**mix: float) -> Mix:
    return Mix(**{"mined": 0.0, "removed": 0.0, "misled": 0.0, "short": 0.0, **mix})  # type: ignore[arg-type]


def test_a_passage_that_answers_as_a_whole_marks_no_words(tokenizer: Tokenizer, tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    entry = {"question": WHOLE.question, "passage": WHOLE.passage, "title": "Pump", "group": "pump", "answers": []}
    file.write_text(json.dumps({**entry, "answerable": True}) + "\n" + json.dumps({**entry, "question": "Who?"}))
    rows = read_rows([file])
    assert [(row.whole, row.answerable) for row in rows] == [(True, True), (False, False)]
    assert rows_hash(rows[:1]) != rows_hash(
        [Row(*[*[getattr(rows[0], n) for n in ("question", "passage", "title", "group")], ()])]
    )
    [example] = ExampleMaker([WHOLE], {}, tokenizer, quiet()).epoch(0)
    assert (example.start, example.end, example.answerable, example.relevant) == (UNMARKED, UNMARKED, 1.0, 1.0)


def test_another_passage_of_the_group_does_not_answer(tokenizer: Tokenizer) -> None:
    examples = ExampleMaker([MARKED, BESIDE], {}, tokenizer, quiet(neighbours=1.0)).epoch(0)
    assert [example.answerable for example in examples] == [1.0, 0.0, 1.0, 0.0]
    assert [example.relevant for example in examples][1::2] == [IGNORED, IGNORED]
    passage = tokenizer.decode(list(examples[1].ids[examples[1].first : examples[1].first + examples[1].count]))
    assert passage == "the hall is painted by ada."


def test_under_another_title_a_passage_speaks_of_something_else(tokenizer: Tokenizer) -> None:
    examples = ExampleMaker([MARKED, OTHER], {0: [1], 1: [0]}, tokenizer, quiet(retitled=1.0)).epoch(0)
    assert [example.answerable for example in examples] == [1.0, 0.0, 1.0, 0.0]
    assert "visby 3" in tokenizer.decode(list(examples[1].ids))


def test_a_share_of_the_rows_is_the_same_share_again(tokenizer: Tokenizer) -> None:
    rows = [
        Row(f"How many pumps has hall {n}?", f"Hall {n} has 40 pumps.", "", f"{n}", ((11, 13),)) for n in range(200)
    ]
    maker = ExampleMaker(rows, {}, tokenizer, quiet(share=0.3))
    assert 35 < len(maker.epoch(0)) < 85
    assert maker.epoch(0) == maker.epoch(0)


@given(st.integers(0, 10_000), st.sampled_from(["Python 3.13", "E-1074", "in 1998", "C2065", "007"]))
def test_a_tweaked_question_asks_for_what_the_passage_lacks(seed: int, named: str) -> None:
    question, passage = f"What is new {named}?", f"This is new {named}. It was 12 before."
    found = tweak(question, passage, random.Random(seed))
    assert found is not None
    assert found != question
    changed = re.findall(r"[A-Z]?-?\d[\d.]*", found)
    assert changed
    assert not all(re.search(rf"(?<![\w.]){re.escape(each.lower())}(?![\w]|\.\d)", passage.lower()) for each in changed)


def test_nothing_to_tweak_is_none() -> None:
    assert tweak("What is new?", "Nothing.", random.Random(0)) is None
