"""The Python interface: what it takes, what it refuses, and in which words."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import instill
from instill import Answer, AnswerStream, Chat, Hit, Turn, Workspace
from instill.answer.streaming import AnswerStream as Stream
from instill.errors import InstillError, UsageError

QUESTION = "Within how many days may customers return goods?"


UNKNOWN = (
    "yeer >= 2020",
    "kind = 'pdf' or yeer = 1",
    "not (yeer in (1, 2))",
    "metadata.yeer is null",
    "yeer like 'x'",
    "yeer between 1 and 2",
)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """A workspace with the handbook; the tests that use it only read."""
    from tests.conftest import write_handbook

    folder = tmp_path_factory.mktemp("api")
    with Workspace.init(folder / "kb") as workspace:
        workspace.add(write_handbook(folder / "handbook"))
        yield workspace


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Workspace]:
    with Workspace.init(tmp_path / "kb") as workspace:
        yield workspace


def test_one_path_is_one_path(empty: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    for name in ("tea.md", "private.md", "a", "m"):  # "a" and "m" are letters of the name that is added
        Path(name).write_text(f"The file {name} tells of tea.", encoding="utf-8")
    assert len(empty.add("tea.md").added) == 1
    assert [record.source for record in empty.documents()] == [(tmp_path / "here" / "tea.md").as_posix()]
    assert [root.path for root in empty.catalog.roots()] == [(tmp_path / "here" / "tea.md").as_posix()]
    assert len(empty.add(Path("a")).added) == 1
    assert len(empty.add([Path("m"), "private.md"]).added) == 2
    assert empty.show(Path("a")).text == "The file a tells of tea."
    assert [record.source for record in empty.remove("tea.md")] == [(tmp_path / "here" / "tea.md").as_posix()]
    assert len(empty.remove(Path("private.md"))) == 1
    assert len(empty.documents()) == 2
    assert [Path(root.path).name for root in empty.catalog.roots()] == ["a", "m"]
    [m] = [record for record in empty.documents() if record.source.endswith("/m")]
    assert empty.remove(m.doc_id) == [m]
    assert [Path(root.path).name for root in empty.catalog.roots()] == ["a"], "removed by whatever name"
    assert empty.sync().added == []


@pytest.mark.parametrize(
    "wrong", [b"tea.md", 3, None, 1.5, [b"tea.md"], ["tea.md", None], {"tea.md": 1}, [], (), "", "  ", [""], object()]
)
def test_what_is_no_path_is_refused_and_nothing_is_added(empty: Workspace, wrong: Any) -> None:
    for call in (empty.add, empty.remove, empty.show):
        with pytest.raises(UsageError) as error:
            call(wrong)
        assert error.value.remedy
    assert empty.documents() == []
    assert empty.catalog.roots() == []


def test_labels_may_be_one_text(empty: Workspace, tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("Tea is green.", encoding="utf-8")
    empty.add(tmp_path / "a.md", labels="staff")
    assert empty.documents()[0].labels == ("staff",)
    assert len(empty.documents(labels="staff")) == 1
    assert len(empty.documents(labels={"staff", "hr"})) == 1
    assert empty.documents(labels="s") == []
    assert len(empty.search("tea", labels="staff").hits) == 1
    empty.add_text("Coffee is black.", name="b.md", labels="hr")
    assert [record.labels for record in empty.documents(labels="hr")] == [("hr",)]


@pytest.mark.parametrize("wrong", [b"staff", 3, ["staff", 4], [""], "", " ", {"staff": 1}, True])
def test_what_is_no_label_is_refused_by_all(filled: Workspace, wrong: Any) -> None:
    calls = (
        lambda: filled.add("x.md", labels=wrong),
        lambda: filled.add_text("x", name="x.md", labels=wrong),
        lambda: filled.search("x", labels=wrong),
        lambda: filled.ask("x", labels=wrong),
        lambda: filled.ask("x", labels=wrong, stream=True),
        lambda: filled.chat(labels=wrong),
        lambda: filled.conversations(labels=wrong),
        lambda: filled.sql("select 1", labels=wrong),
        lambda: filled.show("x", labels=wrong),
        lambda: filled.documents(labels=wrong),
        lambda: filled.status(labels=wrong),
        lambda: filled.caller(wrong),
    )
    for call in calls:
        with pytest.raises(UsageError):
            call()


@pytest.mark.parametrize("wrong", ["fast", "", "Hybrid", None, 3, b"auto", ["auto"]])
def test_an_unknown_mode_is_refused_with_those_that_there_are(filled: Workspace, wrong: Any) -> None:
    with pytest.raises(UsageError, match="not a way to search") as searching:
        filled.search("tea", mode=wrong)
    assert searching.value.remedy == "Known are: hybrid, keyword, vector."
    with pytest.raises(UsageError, match="not a way to answer") as asking:
        filled.ask("tea", mode=wrong)
    assert asking.value.remedy == "Known are: auto, extractive, clusters."


@pytest.mark.parametrize("wrong", ["", "  \n", None, 3, b"tea", ["tea"], "half \udce9"])
def test_what_is_no_question_is_refused(filled: Workspace, wrong: Any) -> None:
    chat = filled.chat()
    for call in (filled.search, filled.ask, filled.sql, chat.say):
        with pytest.raises(UsageError) as error:
            call(wrong)
        assert "instill " not in str(error.value)
    assert chat.turns == ()


def test_one_label_is_one_label_for_a_caller_too(filled: Workspace) -> None:
    """Not its letters, of which another label may be one."""
    assert filled.caller("staff").labels == ("staff",)


def test_what_is_too_long_is_no_question_for_search_either(filled: Workspace) -> None:
    """Searching for 100,000 characters took minutes."""
    for call in (filled.search, filled.ask):
        with pytest.raises(UsageError, match="at most 4,000 are read"):
            call("tea " * 1_001)
    filled.search("tea " * 999)


@pytest.mark.parametrize("wrong", [5, b"x", [], "", "a\0b", "\ud800", "x" * 300])
def test_what_is_no_path_is_refused_wherever_one_is_named(tmp_path: Path, filled: Workspace, wrong: Any) -> None:
    for call in (Workspace.init, Workspace.open, filled.add, filled.train):
        with pytest.raises(UsageError) as error:
            call(wrong)
        assert error.value.remedy


@pytest.mark.parametrize(
    "call",
    [
        lambda workspace: Workspace.open(workspace.path, generator=5),  # type: ignore[arg-type]
        lambda workspace: workspace.models.get(None),
        lambda workspace: workspace.models.promote(5),
        lambda workspace: workspace.models.champion([]),
        lambda workspace: workspace.study(most=None),
        lambda workspace: workspace.study(most=True),
        lambda workspace: workspace.study(seed=float("nan")),
        lambda workspace: workspace.study(questions=5),
        lambda workspace: workspace.study(questions=["Who?"]),
        lambda workspace: workspace.train("recipe.toml", workers="2"),
    ],
)
def test_arguments_of_another_type_are_told(filled: Workspace, call: Any) -> None:
    with pytest.raises(UsageError) as error:
        call(filled)
    assert error.value.where
    assert error.value.remedy


@pytest.mark.parametrize("wrong", [0, -1, 10**9, "5", 2.0, True, None])
def test_what_is_no_count_is_refused(filled: Workspace, wrong: Any) -> None:
    with pytest.raises(UsageError, match="not a valid count"):
        filled.search("tea", k=wrong)
    with pytest.raises(UsageError, match="not a valid count"):
        filled.conversations(limit=wrong)


@pytest.mark.parametrize(
    "wrong", [{"two words": 1}, {3: 1}, {"a": [1]}, {"a": None}, {"a": float("nan")}, ["a"], "a=1"]
)
def test_what_are_no_fields_is_refused(empty: Workspace, wrong: Any) -> None:
    with pytest.raises(UsageError):
        empty.add_text("Tea is green.", name="a.md", metadata=wrong)
    assert empty.documents() == []


def test_fields_can_be_filtered_by_however_their_names_are_written(empty: Workspace) -> None:
    empty.add_text("Tea is green.", name="a.md", metadata={"Year": 2024})
    assert len(empty.documents(where="YEAR = 2024")) == 1


@pytest.mark.parametrize("wrong", ["user: hi", [("user", "hi")], [{"role": "user"}], {"role": "user"}, 3])
def test_a_history_is_of_turns(filled: Workspace, wrong: Any) -> None:
    with pytest.raises(UsageError):
        filled.ask(QUESTION, history=wrong)
    assert filled.ask(QUESTION, history=iter([Turn("user", "Hello")])).citations


def test_a_closed_workspace_says_so(tmp_path: Path) -> None:
    with Workspace.init(tmp_path / "kb") as workspace:
        workspace.add_text("Tea is green.", name="a.md")
        chat = workspace.chat()
        stream = workspace.ask("Which colour has tea?", stream=True)
        workspace.ask("Which colour has tea?")
    calls = (
        lambda: workspace.add("a.md"),
        lambda: workspace.add_text("x", name="x.md"),
        lambda: workspace.sync(),
        lambda: workspace.remove("a.md"),
        lambda: workspace.reindex(),
        lambda: workspace.search("tea"),
        lambda: workspace.ask("tea"),
        lambda: workspace.ask("tea", stream=True),
        lambda: workspace.chat(),
        lambda: workspace.conversations(),
        lambda: workspace.sql("select 1"),
        lambda: workspace.show("a.md"),
        lambda: workspace.documents(),
        lambda: workspace.status(),
        lambda: workspace.refresh(),
        lambda: workspace.__enter__(),
        lambda: chat.say("And coffee?"),
        lambda: chat.conversation_id,
        lambda: stream.answer,
        lambda: workspace.index,
        lambda: workspace.catalog,
    )
    for call in calls:
        with pytest.raises(UsageError, match="The workspace is closed"):
            call()
    workspace.close()  # closing twice is no mistake


def test_the_types_that_it_hands_out_are_exported(filled: Workspace) -> None:
    assert isinstance(filled.search("refund").hits[0], Hit)
    assert isinstance(filled.ask(QUESTION), Answer)
    assert isinstance(filled.chat(), Chat)
    assert isinstance(filled.ask(QUESTION, stream=True), AnswerStream)
    assert all(getattr(instill, name) is not None for name in instill.__all__)


def test_a_quoted_answer_streams_as_one_piece(filled: Workspace) -> None:
    before = filled.catalog.question_count()
    stream = filled.ask(QUESTION, stream=True)
    assert filled.catalog.question_count() == before  # nothing is done before it is asked for
    pieces = list(stream)
    assert pieces == [stream.answer.text]
    assert stream.answer.citations == filled.ask(QUESTION).citations
    assert list(stream) == []
    assert filled.ask(QUESTION, stream=True).answer.text == pieces[0]


def test_a_generated_answer_streams_as_it_is_written() -> None:
    whole = _answer("one two three")

    def write(put: Any) -> Answer:
        for piece in ("one ", "two ", "three"):
            put(piece)
        return whole

    stream = Stream(write)
    assert next(stream) == "one "
    assert list(stream) == ["two ", "three"]
    assert stream.answer is whole


def test_a_failure_comes_to_who_reads() -> None:
    def fails(put: Any) -> Answer:
        put("one ")
        raise UsageError("There is no field 'x'.")

    stream = Stream(fails)
    assert next(stream) == "one "
    with pytest.raises(UsageError, match="no field"):
        next(stream)
    with pytest.raises(UsageError, match="no field"):
        _ = stream.answer


@pytest.mark.parametrize("way", ["close", "with", "forget"])
def test_who_stops_reading_stops_the_work(way: str) -> None:
    stopped = threading.Event()

    def endless(put: Any) -> Answer:
        try:
            for number in range(10**6):
                put(str(number))
        finally:
            stopped.set()
        raise AssertionError("it was not stopped")

    stream: Stream | None = Stream(endless)
    assert stream is not None
    assert next(stream) == "0"
    if way == "with":
        with stream:
            pass
    elif way == "close":
        stream.close()
    if way == "forget":
        stream = None
    else:
        assert list(stream) == []
        with pytest.raises(RuntimeError, match="closed before"):
            _ = stream.answer
    assert stopped.wait(10)


def _answer(text: str) -> Answer:
    from dataclasses import fields

    return Answer(**{field.name: text if field.name == "text" else None for field in fields(Answer)})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda w: w.search(""), 'workspace.search("your words")'),
        (lambda w: w.ask(""), 'workspace.ask("your question")'),
        (lambda w: w.show("nothing.md"), "workspace.documents()"),
        (lambda w: w.remove("nothing.md"), "workspace.documents()"),
        (lambda w: w.chat("nothing"), "workspace.conversations()"),
        (lambda w: Workspace.init(w.path), "workspace.add("),
        (lambda w: Workspace.open(w.path.parent / "nowhere"), "Workspace.init("),
    ],
)
def test_remedies_are_in_python_s_words(filled: Workspace, call: Any, words: str) -> None:
    with pytest.raises(InstillError) as error:
        call(filled)
    assert words in error.value.remedy
    assert words in str(error.value)
    assert "instill " in error.value.command


# -- names that mean nothing -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("where", UNKNOWN)
def test_an_unknown_field_is_named_with_those_that_there_are(filled: Workspace, where: str) -> None:
    for call in (
        lambda: filled.search("refund", where=where),
        lambda: filled.search("refund", where=where, mode="keyword"),
        lambda: filled.ask(QUESTION, where=where),
        lambda: filled.documents(where=where),
    ):
        with pytest.raises(UsageError, match="There is no field 'yeer'") as error:
            call()
        assert "Did you mean year?" in error.value.remedy
        assert "metadata: team, year" in error.value.remedy
        assert "kind, modified, name" in error.value.remedy
    assert len(filled.documents(where="year = 2023")) == 1
    assert filled.documents(where="year = 1") == []


def test_fields_of_hidden_documents_do_not_exist(empty: Workspace) -> None:
    empty.add_text("Tea is green.", name="a.md", labels="staff", metadata={"year": 2024})
    empty.add_text("Pay is secret.", name="b.md", labels="hr", metadata={"grade": 7})
    for where in ("grade = 7", "gradf = 7"):
        with pytest.raises(UsageError, match="There is no field") as error:
            empty.documents(where=where, labels="staff")
        assert error.value.remedy.endswith("metadata: year.")
    with pytest.raises(UsageError, match="There is no column") as refused:
        empty.sql("select gradf from documents", labels="staff")
    assert "grade" not in refused.value.remedy
    assert empty.documents(where="grade = 7", labels="hr")


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("select yeer from documents", "yeer"),
        ("select d.yeer from documents d", "yeer"),
        ("select kind from documents where sourc = 'x'", "sourc"),
        ("select kind from passages order by nothing_like_it", "nothing_like_it"),
    ],
)
def test_an_unknown_column_is_named_with_those_that_there_are(filled: Workspace, query: str, named: str) -> None:
    with pytest.raises(UsageError, match=f"There is no column '{named}'") as error:
        filled.sql(query)
    for listed in ("documents: doc_id", "passages: doc_id", "similarity", "there are: team, year"):
        assert listed in error.value.remedy


def test_an_unknown_view_is_named_too(filled: Workspace) -> None:
    with pytest.raises(UsageError, match="There is no view 'docs'") as error:
        filled.sql("select * from docs")
    assert error.value.remedy == "There are: documents, passages."


def test_what_no_path_and_no_number_can_be_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "lines.txt"
    file.write_text(".\n..\n", encoding="utf-8")
    with Workspace.init(tmp_path / "kb") as workspace:
        with file.open(encoding="utf-8") as opened, pytest.raises(UsageError, match="not a path"):
            workspace.add(opened)
        with pytest.raises(UsageError, match="null byte"):
            workspace.add("a\0b")
        for number in (2**63, -(10**400)):
            with pytest.raises(UsageError, match="A field holds"):
                workspace.add(file, metadata={"size_of": number})
        assert [each.source for each in workspace.add("~no-such-user-here/x").failed]
        assert workspace.documents() == []
