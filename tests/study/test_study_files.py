"""Question sets as JSON Lines: what is written can be read; what is wrong is named by its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from instill.errors import UsageError
from instill.study.quick_questions import AskedQuestion, EvidenceText, StudyQuestion, read_questions, write_jsonl


def test_a_line_has_a_question_and_what_answers_it(tmp_path: Path) -> None:
    file = tmp_path / "mine.jsonl"
    file.write_text(
        '{"question": "Who pays?", "answer": "the guild"}\n\n'
        '{"question": "When?", "evidence": [{"source": "a.md", "text": "in May"}], "note": 1}\n'
        '{"question": "What is the moon made of?", "answerable": false}\n{"question": "How many?", "answer": 31}'
    )
    assert read_questions(file) == [
        AskedQuestion("Who pays?", "the guild", line=1),
        AskedQuestion("When?", "", (EvidenceText("in May", "a.md"),), line=3),
        AskedQuestion("What is the moon made of?", answerable=False, line=4),
        AskedQuestion("How many?", "31", line=5),
    ]


def test_a_line_may_name_other_answers_a_quote_and_how_it_asks(tmp_path: Path) -> None:
    file = tmp_path / "mine.jsonl"
    file.write_text(
        '{"question": "Who?", "answer": ["Ann", "A. Bo"], "accepted": "she", "quote": "Ann did.", "document": "a.md"}\n'
        '{"question": "guild pays", "answer": "Ann", "document": "a.md", "form": "keywords"}\n'
    )
    assert read_questions(file) == [
        AskedQuestion("Who?", "Ann", (EvidenceText("Ann did.", "a.md"),), accepted=("A. Bo", "she"), line=1),
        AskedQuestion("guild pays", "Ann", (EvidenceText("Ann", "a.md"),), form="keywords", line=2),
    ]


def test_written_questions_can_be_read(tmp_path: Path) -> None:
    file = tmp_path / "written.jsonl"
    question = StudyQuestion("When was it?", "1987", "d1", 10, 14, (0, 20), "date")
    assert write_jsonl(file, [question, AskedQuestion("Why?", answerable=False)]) == 2
    assert read_questions(file) == [
        AskedQuestion("When was it?", "1987", (EvidenceText("1987", "", "d1"),), line=1),
        AskedQuestion("Why?", answerable=False, line=2),
    ]


@pytest.mark.parametrize(
    ("content", "what"),
    [
        ('{"question": "a?", "answer": "b"}\n{"question": ', "line 2"),
        ("[1]", "no question"),
        ('{"question": "a?"}', "neither"),
        ('{"question": "a?", "answer": "b", "answerable": "no"}', "true or false"),
        ('{"question": "a?", "evidence": "text"}', "list of objects"),
        ('{"question": "a?", "answer": [1, {}]}', "a text or a list of texts"),
        ('{"question": "a?", "answer": "b", "form": "loud"}', "must be one of"),
        ("[" * 9000, "not JSON"),
        ("\n", "no question in the file"),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, content: str, what: str) -> None:
    file = tmp_path / "bad.jsonl"
    file.write_text(content)
    with pytest.raises(UsageError, match=what):
        read_questions(file)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file"):
        read_questions(tmp_path / "none.jsonl")


def test_questions_of_which_only_a_wrong_answer_is_known_are_for_training(tmp_path: Path) -> None:
    wrong = (EvidenceText("In May.", "a.md"),)
    asked = [AskedQuestion("Who?", "Ann", wrong=wrong), AskedQuestion("When?", wrong=wrong)]
    assert write_jsonl(tmp_path / "q.jsonl", asked) == 2
    assert [each.question for each in read_questions(tmp_path / "q.jsonl")] == ["Who?"]
    assert [each.wrong for each in read_questions(tmp_path / "q.jsonl", unknown=True)] == [wrong, wrong]
    (tmp_path / "q.jsonl").write_text('{"question": "When?", "wrong": [{"text": "In May."}]}\n')
    with pytest.raises(UsageError, match="no question in the file"):
        read_questions(tmp_path / "q.jsonl")
    (tmp_path / "q.jsonl").write_text('{"question": "When?", "wrong": ["In May."]}\n')
    with pytest.raises(UsageError, match='"wrong" must be a list'):
        read_questions(tmp_path / "q.jsonl", unknown=True)
