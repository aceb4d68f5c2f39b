"""The reader at run time: spans, windows, damaged folders, and what it changes in an answer."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from instill.answer.reading.findings import read_passages
from instill.answer.reading.opening import open_reader
from instill.answer.reading.reader import LONGEST_ANSWER, MANIFEST_FILE, MODEL_FILE, Reader, best_span
from instill.answer.reading.reader_input import heading
from instill.errors import UsageError, WorkspaceError
from instill.index.types import Hit
from instill.models.weights import shipped
from tests.answer.answer_corpus import COMPANY, Corpus

FILLER = "The harbour office opens early and closes late on most days of the week. "


@pytest.fixture(scope="module")
def reader() -> Reader:
    return Reader(shipped(), threads=1)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return Corpus.of(COMPANY, tmp_path_factory.mktemp("corpus") / "index")


def hit(text: str, *, title: str = "", headings: str = "", ordinal: int = 0, score: float = 1.0) -> Hit:
    return Hit("d1", ordinal, 0, len(text), text, headings, None, None, "a.txt", "text", title, (), {}, score, 1.0, 0.5)


@given(arrays.arrays(np.float32, st.tuples(st.integers(1, 60), st.just(2)), elements=st.floats(-9, 9, width=32)))
def test_the_best_span_is_the_best_of_all(scores: NDArray[np.float32]) -> None:
    first, last, score = best_span(scores[:, 0], scores[:, 1])
    possible = [
        float(scores[i, 0] + scores[j, 1])
        for i in range(len(scores))
        for j in range(i, min(len(scores), i + LONGEST_ANSWER))
    ]
    assert 0 <= first <= last < len(scores)
    assert score == pytest.approx(max(possible))
    assert float(scores[first, 0] + scores[last, 1]) == pytest.approx(score)


@settings(max_examples=15, deadline=None)
@given(st.text(max_size=300), st.text(min_size=1, max_size=60), st.text(max_size=40))
def test_any_text_can_be_read(reader: Reader, passage: str, question: str, title: str) -> None:
    [found] = reader.read(question, [(title, passage)])
    assert 0 <= found.start <= found.end <= len(passage)
    assert np.isfinite([found.score, found.relevant]).all()
    assert found.mass(0, len(passage) + 1) <= 1.0001


def test_readings_come_in_the_order_of_the_passages(reader: Reader) -> None:
    passages = [("", "Tea is brewed at 80 degrees."), ("", "Coffee is brewed at 95 degrees. " * 9)]
    both = reader.read("How hot is coffee brewed?", passages)
    alone = [reader.read("How hot is coffee brewed?", [passage])[0] for passage in passages]
    assert [(r.start, r.end, r.score) for r in both] == [(r.start, r.end, r.score) for r in alone]


def test_an_answer_far_into_a_long_passage_is_found(reader: Reader) -> None:
    text = FILLER * 40 + "The lighthouse was built in 1843 by Astrid Moen. " + FILLER * 5
    [found] = reader.read("Who built the lighthouse?", [("", text)])
    assert text[found.start : found.end] == "Astrid Moen"


def test_a_passage_that_answers_scores_above_one_that_does_not(reader: Reader) -> None:
    question = "Who built the lighthouse?"
    yes, no = reader.read(question, [("", "The lighthouse was built by Astrid Moen in 1843."), ("", FILLER)])
    assert yes.score > 0 > no.score
    assert yes.relevant > no.relevant


def test_nothing_to_read() -> None:
    assert Reader(shipped()).read("Who?", []) == []


def test_support_is_where_the_answer_is(reader: Reader) -> None:
    text = "The lighthouse was built by Astrid Moen in 1843. " + FILLER
    found = read_passages("Who built the lighthouse?", [hit(text)], reader)
    assert found.support(found.hits[0], 0, 48) > found.support(found.hits[0], 49, len(text))
    assert found.support(hit(text, ordinal=7), 0, 48) == 0.0
    assert 0 <= found.support(found.hits[0], 49, len(text)) <= 1


def test_nothing_is_read_where_nothing_was_found(reader: Reader) -> None:
    assert read_passages("Who built the lighthouse?", [], reader).readings == ()


def test_only_the_first_passages_are_reordered(reader: Reader) -> None:
    hits = [hit(FILLER, ordinal=0), hit("Astrid Moen built the lighthouse.", ordinal=1), hit(FILLER, ordinal=2)]
    found = read_passages("Who built the lighthouse?", hits, reader, depth=2)
    assert [each.ordinal for each in found.hits] == [1, 0, 2]
    assert len(found.readings) == 2


def test_the_heading_says_each_part_once() -> None:
    assert heading("Guide", "Guide > Install > Windows") == "Guide > Install > Windows"
    assert heading("", "") == ""
    assert heading("", "Brewing") == "Brewing"


def test_a_short_answer_comes_with_its_quote(corpus: Corpus, reader: Reader) -> None:
    answer = corpus.verified(corpus.answerer(reader=reader).ask("When was the stone oven built?"))
    assert answer.short == "1987"
    assert answer.citations[0].text.startswith("The stone oven was built in 1987 by Marta Lindqvist.")
    assert answer.short in answer.text


def test_a_list_has_no_short_answer(corpus: Corpus, reader: Reader) -> None:
    answer = corpus.answerer(reader=reader).ask("What are the core values of Harbour Mills?")
    assert answer.short == ""
    assert answer.text.count("\n- ") >= 4


def test_without_a_reader_there_is_no_short_answer(corpus: Corpus) -> None:
    assert corpus.answerer().ask("When was the stone oven built?").short == ""


def test_a_refusal_has_no_short_answer(corpus: Corpus, reader: Reader) -> None:
    answer = corpus.answerer(reader=reader).ask("Who won the football match in Brazil?")
    assert answer.abstained
    assert answer.short == ""


def test_reading_is_in_the_timings(corpus: Corpus, reader: Reader) -> None:
    assert corpus.answerer(reader=reader).ask("When was the stone oven built?").timings["read"] > 0


def test_a_folder_without_a_reader_is_a_message(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no reader"):
        open_reader(str(tmp_path))
    assert open_reader("off") is None


@pytest.mark.parametrize("damaged", [MANIFEST_FILE, "tokenizer.json", MODEL_FILE])
def test_a_damaged_reader_is_a_message(tmp_path: Path, damaged: str) -> None:
    folder = tmp_path / "reader"
    shutil.copytree(shipped(), folder)
    (folder / damaged).write_text("{")
    with pytest.raises(WorkspaceError):
        Reader(folder).read("Who?", [("", "Nobody.")])
