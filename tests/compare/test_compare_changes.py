"""Changes: one value of one document is another one, consistently; the copy changes and the original does not."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instill.compare.arms.passages import Passages
from instill.compare.changed.changed_rows import changed_rows
from instill.compare.changed.changes import Change, make_changes, moved, pattern_of
from instill.compare.changed.copies import add_twins, applied, apply_change, fresh_copy, twin_id
from instill.errors import UsageError, WorkspaceError
from instill.study.rules.wordings_of_fact import accepted_answers
from instill.study.splits import Shares
from instill.study.stored_study import StoredStudy, write_study
from instill.study.study_making import StudySettings, make_study
from instill.study.study_set import fact_id
from instill.workspace import Workspace
from tests.compare.compare_world import World

LADDERS = (
    "The oak ladder was carved in 1911 by Nils Berg. Children liked it.\n\nSome say the oak ladder is from 1911.\n\n"
    "The pine ladder was carved in 1922 by Karin Dahl. It leans on the wall.\n\nThe harvest of 1922 was poor.\n"
)
SHELVES = "The glass shelf was carved in 1933 by Olga Strand. In the cellar stands the pine shelf.\n"
ELSEWHERE = "Notes on the glass shelf: it dates from 1933 and was never moved.\n"


def study_of(workspace: Workspace) -> StoredStudy:
    documents = [workspace.index.document_text(record.doc_id) for record in workspace.index.records()]
    made = make_study(
        [each for each in documents if each], StudySettings(shares=Shares(gate=0.8, audit=0, controls=0, removed=0))
    )
    return write_study(workspace.home, made.study, made.rows)


@pytest.fixture(scope="module")
def changes(world: World) -> list[Change]:
    return make_changes(world.workspace, world.study, most=20, seed=1)


@pytest.fixture(scope="module")
def copy(world: World, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return fresh_copy(world.workspace, tmp_path_factory.mktemp("changes") / "copy")


def test_a_change_replaces_one_value_by_another_of_its_kind_that_the_document_lacks(
    world: World, changes: list[Change]
) -> None:
    facts = {fact.id: fact for fact in world.facts}
    assert len(changes) >= 3
    for change in changes:
        kinds = {facts[id_].kind for id_ in change.fact_ids}
        assert len(kinds) == 1
        assert change.new in {fact.answer for fact in world.facts if {fact.kind} == kinds}
        assert all(facts[id_].role == "taught" and facts[id_].answer == change.old for id_ in change.fact_ids)
        assert change.new not in change.old_text
        assert change.old not in change.new_text
        assert change.new_text == change.old_text.replace(change.old, change.new)
        stored = world.workspace.index.document_text(change.doc_id)
        assert stored is not None
        assert stored.text == change.old_text


def test_the_questions_are_those_of_the_gate_with_the_new_value(world: World, changes: list[Change]) -> None:
    gate = world.study.items("gate")
    for change in changes:
        assert change.items
        for item, before in zip(change.items, change.before, strict=True):
            assert before in gate
            assert (item.question, item.phrasing, item.fact_ids) == (before.question, before.phrasing, before.fact_ids)
            assert item.id != before.id
            assert (before.answer, item.answer, item.accepted) == (
                change.old,
                change.new,
                accepted_answers(change.new),
            )
            (evidence,) = item.evidence
            assert change.new_text[evidence.start : evidence.end] == evidence.text
            assert change.new in evidence.text
            assert set(before.accepted) <= set(change.old_answers)


def test_changes_are_the_same_again_and_other_ones_for_another_seed(world: World, changes: list[Change]) -> None:
    assert make_changes(world.workspace, world.study, most=20, seed=1) == changes
    assert make_changes(world.workspace, world.study, most=2, seed=1) == changes[:2]
    assert len({change.doc_id for change in changes[:3]}) == 3
    assert make_changes(world.workspace, world.study, most=20, seed=2) != changes
    with pytest.raises(UsageError, match="not a number of changes"):
        make_changes(world.workspace, world.study, most=0)


def test_no_two_changes_touch_one_fact(changes: list[Change]) -> None:
    touched = [id_ for change in changes for id_ in change.touched]
    assert len(touched) == len(set(touched))
    assert all(set(change.fact_ids) < set(change.touched) for change in changes)  # date and name stand in one sentence


def test_a_value_told_again_is_changed_too_and_what_is_not_sure_or_told_elsewhere_is_left(tmp_path: Path) -> None:
    with Workspace.init(tmp_path / "kb") as workspace:
        for name, text in {"ladders.txt": LADDERS, "shelves.txt": SHELVES, "notes.txt": ELSEWHERE}.items():
            workspace.add_text(text, name=name)
        study = study_of(workspace)
        asked = {item.fact_ids[-1] for item in study.items("gate")}
        found = [make_changes(workspace, study, most=20, seed=seed) for seed in range(8)]
        changed = {change.old: change for several in found for change in several}
    dates = {fact.answer for fact in study.facts() if fact.kind == "date" and fact.id in asked}
    assert {"1911", "1922", "1933"} <= dates
    assert "1922" not in changed  # The harvest is not the ladder.
    assert "1933" not in changed  # The notes say it too.
    ladder = changed["1911"]
    assert len(ladder.places) == 2
    assert ladder.new_text.count(ladder.new) == 2
    assert ladder.new != "1922"  # The document has that year.


def test_of_a_counted_thing_the_number_changes_and_a_date_keeps_its_form(tmp_path: Path) -> None:
    from instill.compare.changed.changes import _fitted, _new_value
    from instill.study.study_set import Evidence, Fact

    evidence = Evidence(doc_id="d", start=0, end=1, text="x")

    def fact(kind: str, answer: str) -> Fact:
        return Fact(id="f", doc_id="d", evidence=evidence, subject="", answer=answer, start=0, end=1, kind=kind)

    assert list(_fitted(fact("number", "forty loaves"), ["one mill", "four brothers", "12 days"])) == ["four loaves"]
    assert list(_fitted(fact("number", "one loaf"), ["four brothers"])) == []
    assert _new_value(fact("date", "3 May 1990"), ["1987", "14 July 1789"], "", [], 0) == "14 July 1789"
    assert _new_value(fact("date", "3 May 1990"), ["1987"], "", [], 0) == ""
    assert _new_value(fact("place", "Lund"), ["Lund University", "Lund"], "", [], 0) == ""
    assert _new_value(fact("place", "Lund"), ["North Visby"], "", [], 0) == "North Visby"
    assert _new_value(fact("place", "Lund"), ["Visby"], "Visby is a town.", [], 0) == ""


@pytest.mark.parametrize(
    ("answer", "others", "expected"),
    [
        ("10 January 2012", ["26379"], r"10 January 201\d"),
        ("RFC 1436", ["SSCAN", "KEA"], r"RFC 143\d"),
        ("12 KB", ["24 GB"], r"\d\d KB"),
        ("26379", ["SSCAN"], r"2637\d"),
        ("SSCAN", ["26379", "KEA", "a file"], "KEA"),
        ("SSCAN", ["26379", "the file system"], ""),
        ("three", ["26379", "four", "Lund"], "four"),
    ],
)
def test_what_people_asked_about_keeps_its_form(answer: str, others: list[str], expected: str) -> None:
    """Their facts have no kind: a date became a port, and an RFC a command."""
    from instill.compare.changed.changes import _new_value
    from instill.study.questions_from_people import KIND
    from instill.study.study_set import Evidence, Fact

    evidence = Evidence(doc_id="d", start=0, end=1, text="x")
    fact = Fact(id="f", doc_id="d", evidence=evidence, subject="", answer=answer, start=0, end=1, kind=KIND)
    for seed in range(5):
        found = _new_value(fact, others, "", [], seed)
        assert re.fullmatch(expected, found), found
        assert found != answer


@given(
    st.text(alphabet="ab \n", max_size=40),
    st.lists(st.integers(0, 40), min_size=2, max_size=6, unique=True),
    st.text(alphabet="xy", max_size=5),
    st.data(),
)
def test_a_span_that_meets_no_place_keeps_its_text_and_one_that_does_takes_it_whole(
    text: str, cuts: list[int], new: str, data: st.DataObject
) -> None:
    bounds = sorted(cut for cut in cuts if cut <= len(text))
    places = [(start, end) for start, end in zip(bounds[::2], bounds[1::2], strict=False)]
    pieces, last = [], 0
    for start, end in places:
        pieces += [text[last:start], new]
        last = end
    changed = "".join([*pieces, text[last:]])
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    first, stop = moved(start, end, places, len(new))
    met = [place for place in places if place[0] < end and start < place[1]]
    if not met:
        assert changed[first:stop] == text[start:end]
    else:
        assert changed[first:stop].count(new) >= len(met)
        assert 0 <= first <= stop <= len(changed)
    assert moved(0, len(text), places, len(new)) == (0, len(changed))


@pytest.mark.parametrize(
    ("value", "text", "count"),
    [("1987", "1987, 19875 and 1987-90", 2), ("3", "3.5, 0.3, 1,3 and 3.", 1), ("Ove Nyman", "OVE\n  NYMAN", 1)],
)
def test_a_value_is_found_as_whole_words(value: str, text: str, count: int) -> None:
    assert len(pattern_of(value).findall(text)) == count


def test_rows_teach_the_new_value_and_what_does_not_change_stays(world: World, changes: list[Change]) -> None:
    rows = world.study.rows()
    change = changes[0]
    retold = {"text": "It was long ago.", "task": "note", "facts": list(change.fact_ids)}
    unanswerable = {**retold, "task": "unanswerable"}
    found = changed_rows([*rows, retold, unanswerable], [change])
    assert len(found) == len(rows) + 1
    assert found[-1] == unanswerable
    for before, after in zip(rows, found, strict=False):
        if set(before["facts"]) & set(change.touched):
            said = str(after)
            assert change.old not in said
        else:
            assert after == before
    assert sum(change.new in str(after) for after in found) > sum(change.new in str(row) for row in rows)
    assert changed_rows(rows, []) == rows


def test_other_ways_to_write_the_answer_follow_it() -> None:
    change = Change("d", "", "", (), (), ("f",), ("f",), "forty loaves", "four loaves", (), ())
    row = {
        "messages": [{"role": "user", "content": "How many?"}, {"role": "assistant", "content": "forty loaves"}],
        "facts": ["f"],
        "answers": ["forty", "40 loaves", "40"],
    }
    (found,) = changed_rows([row], [change])
    assert found["messages"][-1]["content"] == "four loaves"
    assert found["answers"] == ["four", "4 loaves", "4"]
    (plain,) = changed_rows([row], [replace(change, new="Visby")])
    assert "answers" not in plain


def test_a_copy_answers_as_the_original_and_changes_alone(world: World, changes: list[Change], copy: Workspace) -> None:
    change = changes[0]
    question = change.items[0].question
    original = world.workspace
    assert [hit.text for hit in copy.search(question).hits] == [hit.text for hit in original.search(question).hits]
    passages = copy.index.passages_of(change.doc_id)
    with applied(copy, change) as seconds:
        assert 0 < seconds < 60
        stored = copy.index.document_text(change.doc_id)
        assert stored is not None
        assert stored.text == change.new_text
        assert any(change.new in hit.text for hit in copy.search(question).hits)
        oracle = Passages(copy).oracle(change.items[0])
        assert all(stored.text[hit.start : hit.end] == hit.text for hit in oracle)
        assert any(change.new in hit.text for hit in oracle)
        for heading in stored.headings:
            assert change.new_text[heading.start :].lstrip("# ").startswith(heading.title)
        kept = original.index.document_text(change.doc_id)
        assert kept is not None
        assert kept.text == change.old_text
    back = copy.index.document_text(change.doc_id)
    assert back is not None
    assert back == original.index.document_text(change.doc_id)
    assert copy.index.passages_of(change.doc_id) == passages


def test_a_document_comes_back_when_asking_fails(changes: list[Change], copy: Workspace) -> None:
    with pytest.raises(RuntimeError, match="stopped"), applied(copy, changes[1]):
        raise RuntimeError("stopped")
    back = copy.index.document_text(changes[1].doc_id)
    assert back is not None
    assert back.text == changes[1].old_text


def test_an_original_is_never_changed_nor_a_document_that_is_not_as_it_was(
    world: World, changes: list[Change], copy: Workspace, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="copy"):
        apply_change(world.workspace, changes[0])
    with pytest.raises(WorkspaceError, match="not as it was"):
        apply_change(copy, replace(changes[0], old_text="something else"))
    (tmp_path / "note.txt").write_text("mine")
    with pytest.raises(UsageError, match="not empty"):
        fresh_copy(world.workspace, tmp_path)
    assert (tmp_path / "note.txt").read_text() == "mine"


def test_a_copy_is_made_again_in_the_place_of_an_earlier_one(
    world: World, changes: list[Change], tmp_path: Path
) -> None:
    first = fresh_copy(world.workspace, tmp_path / "copy")
    apply_change(first, changes[0])
    again = fresh_copy(world.workspace, tmp_path / "copy")
    stored = again.index.document_text(changes[0].doc_id)
    assert stored is not None
    assert stored.text == changes[0].old_text
    assert not (again.home / "studies").exists()
    with Workspace.init(tmp_path / "empty") as empty, pytest.raises(WorkspaceError, match="no index"):
        fresh_copy(empty, tmp_path / "other")


def test_twins_stand_beside_the_originals(world: World, changes: list[Change], tmp_path: Path) -> None:
    copy = fresh_copy(world.workspace, tmp_path / "copy")
    before, _ = copy.index.count()
    add_twins(copy, changes)
    add_twins(copy, changes)
    assert copy.index.count()[0] == before + len(changes)
    for change in changes:
        twin, original = copy.index.document_text(twin_id(change)), copy.index.document_text(change.doc_id)
        assert twin is not None
        assert original is not None
        assert (twin.text, original.text) == (change.new_text, change.old_text)
        assert twin.record.title == original.record.title


def test_a_changed_document_of_the_workspace_is_told(world: World, tmp_path: Path) -> None:
    with Workspace.init(tmp_path / "kb") as workspace:
        workspace.add_text(LADDERS, name="ladders.txt")
        study = study_of(workspace)
        workspace.add_text("Nothing of it is left in here at all.\n", name="ladders.txt")
        with pytest.raises(WorkspaceError, match="changed since"):
            make_changes(workspace, study, most=1)


def test_a_fact_keeps_its_id_while_its_value_changes(changes: list[Change]) -> None:
    for change in changes:
        (evidence,) = change.before[0].evidence
        assert fact_id(change.doc_id, evidence.start, evidence.end, change.old) in change.fact_ids
