"""Questions of people become rows: what answers is marked where it stands, what does not is a row without an answer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from instill import Workspace
from instill.errors import UsageError
from instill.fit.question_rows import rows_of_questions
from instill.fit.train_own_encoder import _Parts, _told, train_own_encoder
from instill.study.types import AskedQuestion, EvidenceText
from instill.train.reader.hard_negatives import with_told
from instill.train.reader.rows import Row
from instill.workspace.asked_questions import Feedback
from tests.conftest import write_handbook

HOTEL, LAPTOP, BADGE = "How much may a hotel cost?", "When is a lost laptop reported?", "Which badge do visitors wear?"
REFUND, NIGHT = "How long does a refund take?", "Who drives the night train?"


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """The handbook; read only."""
    place = tmp_path_factory.mktemp("rows")
    write_handbook(place / "handbook")
    with Workspace.init(place / "kb") as found:
        found.add(place / "handbook")
        yield found


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    write_handbook(tmp_path / "handbook")
    with Workspace.init(tmp_path / "kb") as found:
        found.add(tmp_path / "handbook")
        yield found


def asked(workspace: Workspace, question: str) -> int:
    number = workspace.ask(question).question_id
    assert number is not None
    return number


def test_what_people_judged_becomes_rows(workspace: Workspace) -> None:
    feedback = Feedback(workspace)
    feedback.judge(asked(workspace, HOTEL), "right")
    feedback.judge(asked(workspace, LAPTOP), "wrong", correction="within one hour")
    feedback.judge(asked(workspace, REFUND), "wrong")
    feedback.judge(asked(workspace, BADGE), "wrong", correction="a purple badge")
    feedback.judge(asked(workspace, NIGHT), "right")
    cited = {each.question: each.citations[0] for each in feedback.newest() if each.citations}
    found = rows_of_questions(workspace, feedback.question_set(unknown=True))
    assert found.left_out == []
    by_question: dict[str, list[Row]] = {}
    for row in found.rows:
        by_question.setdefault(row.question, []).append(row)
    [hotel] = by_question[HOTEL]
    assert (hotel.texts, hotel.title) == (["up to 140 euros a night"], "Travel")
    assert hotel.passage in workspace.show(hotel.group).text
    [laptop] = by_question[LAPTOP]
    assert laptop.texts == ["within one hour"]
    [refund] = by_question[REFUND]
    stored = workspace.show(cited[REFUND]["doc_id"]).text
    assert (refund.passage, refund.answerable) == (stored[cited[REFUND]["start"] : cited[REFUND]["end"]], False)
    assert by_question[BADGE]
    assert not any(row.answerable for row in by_question[BADGE] + by_question[NIGHT])
    assert by_question[NIGHT][0].passage in workspace.show(by_question[NIGHT][0].group).text
    assert [place.question for place in found.places] == [HOTEL, LAPTOP]
    for place in found.places:
        assert workspace.show(place.doc_id).text[place.start : place.end] == place.answer


def test_the_newest_judgement_of_a_wording_decides(workspace: Workspace) -> None:
    feedback = Feedback(workspace)
    feedback.judge(asked(workspace, HOTEL), "right")
    feedback.judge(asked(workspace, HOTEL.upper()), "wrong")
    assert feedback.question_set() == []
    [kept] = feedback.question_set(unknown=True)
    assert (kept.evidence, kept.answer, kept.is_known, len(kept.wrong)) == ((), "", False, 1)
    [row] = rows_of_questions(workspace, [kept]).rows
    assert not row.answerable
    feedback.judge(asked(workspace, HOTEL), "wrong", correction="140 EUROS")
    [kept] = feedback.question_set(unknown=True)
    assert kept.wrong == (), "the correction stands in what was cited: the piece is right, its words were not"
    assert [row.texts for row in rows_of_questions(workspace, [kept]).rows] == [["140 euros"]]


def test_only_what_all_callers_see_is_trained_on(workspace: Workspace) -> None:
    [travel] = [record for record in workspace.documents() if record.source.endswith("travel.md")]
    others = [record for record in workspace.documents() if record.doc_id != travel.doc_id]
    for record in others:
        workspace.index.relabel(record.doc_id, ["staff", "hr"])
    workspace.index.relabel(travel.doc_id, ["hr"])
    hidden = AskedQuestion(HOTEL, "140 euros", (EvidenceText("140 euros", doc_id=travel.doc_id),))
    loose = AskedQuestion(HOTEL + " please", "140 euros")
    unanswered = AskedQuestion("Which journeys are made by train?", answerable=False)
    found = rows_of_questions(workspace, [hidden, loose, unanswered, AskedQuestion(LAPTOP, "within one hour")])
    assert [row.group == travel.doc_id for row in found.rows if row.question == LAPTOP] == [False]
    assert not any("140" in row.passage or "train" in row.passage for row in found.rows)
    assert found.left_out[0].startswith(HOTEL + " (")


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        (AskedQuestion(HOTEL, "140 euros"), ["140 euros"]),
        (AskedQuestion(HOTEL, "140  EUROS", (EvidenceText("A hotel may cost\nup to 140 euros"),)), ["140 euros"]),
        (AskedQuestion(HOTEL, "a lot", (EvidenceText("A hotel may cost up to 140 euros"),)), []),
        (AskedQuestion(BADGE, "", (EvidenceText("wear a yellow badge", "security/visitors.html"),)), []),
    ],
)
def test_words_that_are_known_are_marked(kept: Workspace, question: AskedQuestion, expected: list[str]) -> None:
    [row] = rows_of_questions(kept, [question]).rows
    assert row.answerable
    assert row.texts == expected
    assert row.whole == (not expected)
    if row.whole:
        assert row.passage.startswith(question.evidence[0].text.split()[0]), "it begins with the piece"


def test_what_stands_nowhere_is_told(kept: Workspace) -> None:
    nowhere = AskedQuestion("Who?", "", (EvidenceText("no such words"),))
    unknown = AskedQuestion("When?", "", (EvidenceText("badge", "gone.md"),))
    found = rows_of_questions(kept, [nowhere, unknown])
    assert found.rows == []
    assert [each.partition(" ")[0] for each in found.left_out] == ["Who?", "When?"]


def test_an_answer_longer_than_a_passage_is_a_row(tmp_path: Path) -> None:
    steps = "\n\n".join(f"Step {number}: turn the valve {number} times and write it down." for number in range(1, 60))
    with Workspace.init(tmp_path / "kb") as workspace:
        workspace.add_text(f"# Valves\n\n## Closing\n\n{steps}\n", name="valves.md")
        text = workspace.show(workspace.documents()[0].doc_id).text
        piece = text[text.index("Step 1:") : text.index("Step 40:")].strip()
        [row] = rows_of_questions(workspace, [AskedQuestion("How is it closed?", "", (EvidenceText(piece),))]).rows
        assert row.whole
        assert row.passage == piece
        [marked] = rows_of_questions(
            workspace, [AskedQuestion("How often is 30 turned?", "30 times", (EvidenceText(piece),))]
        ).rows
        assert marked.texts == ["30 times"]


WORDS = st.lists(
    st.sampled_from(["tea", "cup", "80", "hot", "leaf", "pot", "Ann", "is", "the"]), min_size=1, max_size=6
)


@pytest.fixture(scope="module")
def texts(kept: Workspace) -> dict[str, str]:
    """The documents' texts by their titles, in their order."""
    return {record.title: kept.show(record.doc_id).text for record in kept.documents()}


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=st.data(), answerable=st.booleans(), answer=WORDS, piece=WORDS, wrong=WORDS)
def test_every_row_is_of_a_document_and_marks_what_it_says(
    kept: Workspace,
    texts: dict[str, str],
    data: st.DataObject,
    *,
    answerable: bool,
    answer: list[str],
    piece: list[str],
    wrong: list[str],
) -> None:
    """Whatever a file names: words of the documents or others, right ones and wrong ones."""
    text = "".join(title + said for title, said in texts.items())
    start = data.draw(st.integers(0, len(text) - 2))
    cut = text[start : start + data.draw(st.integers(1, 80))].strip()
    quoted = data.draw(st.sampled_from([cut, " ".join(piece)])) or "x"
    said = data.draw(st.sampled_from(["", quoted, " ".join(quoted.split()[:2]), " ".join(answer)]))
    question = AskedQuestion(
        "Where is the badge?", said, (EvidenceText(quoted),), answerable, wrong=(EvidenceText(" ".join(wrong)),)
    )
    found = rows_of_questions(kept, [question])
    assert bool(found.rows) != bool(found.left_out)
    assert len({row.group for row in found.rows}) <= 1
    for row in found.rows:
        assert any(row.passage in text for text in texts.values())
        assert not (row.answerable and not answerable)
        for marked in row.texts:
            assert " ".join(marked.lower().split()) == " ".join(said.lower().split())


def test_the_encoder_is_trained_on_peoples_questions(kept: Workspace) -> None:
    pytest.importorskip("torch")
    wrong = (EvidenceText("Sale items can be exchanged within fourteen days"),)
    asked = [AskedQuestion(HOTEL, "140 euros", wrong=wrong), AskedQuestion(BADGE, "yellow"), AskedQuestion("Why?", "x")]
    found = rows_of_questions(kept, asked)
    with pytest.raises(UsageError, match=r"There are 2 questions about the documents"):
        train_own_encoder(kept, questions=found)
    hotel, badge = found.places
    told = _told(found, _Parts([hotel], [badge], []))
    assert [row.passage for row in told] == [wrong[0].text]
    assert _told(found, _Parts([badge], [hotel], [])) == []
    assert _told(None, _Parts([badge], [hotel], [])) == []


def test_what_people_called_wrong_is_the_first_negative() -> None:
    rows = [
        Row("Who?", "Ann did it.", "", "a", ((0, 3),)),
        Row("When?", "In May.", "", "b", ((3, 6),)),
        Row("Who?", "Bo knows it.", "", "a", ()),
    ]
    assert with_told(rows, {0: [1, 2], 1: [0]}) == {0: [2, 1], 1: [0]}
