"""Two writers and one index, held against a dictionary: nothing is twice, lost, or as it was before.

One writer's command runs in the middle of the other's, between what that one decided and what it commits: the call
that tells of progress is where it gets in.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from instill import Workspace
from instill.catalog import Root
from instill.errors import UsageError, WorkspaceError
from instill.index import soundness
from instill.index.fusion import ReciprocalRankFusion
from instill.index.types import SearchRequest
from instill.ingest.sync import _Narrowest, covers
from instill.ingest.types import Progress

EXAMPLES = int(os.environ.get("WRITERS_EXAMPLES", "2"))
ROOTS = ("/a", "/a/b", "/a/b/c.md", "/a/*.md", "/a/**/c.md", "/", "https://x/y", "https://x/", "/ab")
NAMES = ("ash.md", "box.md", "cedar.md")
PART = "Part {part} of edition {edition} says what part {part} has to say, so that it is a passage of its own. " * 2


def text_of(edition: int, parts: int) -> str:
    """Every edition has words of its own, so that two documents never have the same content."""
    return "\n".join(f"## Part {part}\n\n{PART.format(part=part, edition=edition)}\n" for part in range(parts))


@dataclass
class Model:
    """By name: files (edition, parts), documents ((edition, parts), labels), and labels of roots, "" the folder."""

    files: dict[str, tuple[int, int]] = field(default_factory=dict)
    documents: dict[str, tuple[tuple[int, int], tuple[str, ...]]] = field(default_factory=dict)
    roots: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def take(self, names: list[str], labels: Callable[[str], tuple[str, ...]]) -> None:
        for name in names:
            content = self.files[name]
            kept: tuple[str, ...] = ()
            if name in self.documents:
                kept = self.documents[name][1]
            else:
                moved = [n for n, (c, _) in self.documents.items() if c == content and n not in self.files]
                for old in moved[:1]:
                    kept = self.documents.pop(old)[1]
            self.documents[name] = (content, labels(name) or kept)

    def add(self, name: str, labels: tuple[str, ...]) -> None:
        if name and name not in self.files:
            return
        self.roots[name] = labels
        self.take([name] if name else sorted(self.files), lambda _: labels)

    def sync(self) -> None:
        self.take(sorted(self.files), lambda name: self.roots.get(name, self.roots.get("", ())))
        self.documents = {name: kept for name, kept in self.documents.items() if name in self.files}

    def remove(self, name: str) -> None:
        if name in self.documents:
            del self.documents[name]
            self.roots.pop(name, None)


Action = tuple[str, str, tuple[str, ...]]
"""What is done, to which file ("": the folder), with which labels."""

ACTIONS = st.one_of(
    st.just(("sync", "", ())),
    st.tuples(st.just("add"), st.sampled_from(("", *NAMES)), st.sampled_from(((), ("hr",), ("staff",)))),
    st.tuples(st.just("remove"), st.sampled_from(NAMES), st.just(())),
    st.just(("reindex", "", ())),
    st.just(("upkeep", "", ())),
)  # fmt: skip


class TwoWriters(RuleBasedStateMachine):
    """Files are written, moved and deleted; two workspaces opened on one folder follow them."""

    def __init__(self) -> None:
        super().__init__()
        self.place = tempfile.TemporaryDirectory()
        self.folder = Path(self.place.name) / "docs"
        self.folder.mkdir()
        self.model, self.edition = Model(), 0

    @initialize()
    def open(self) -> None:
        path = Path(self.place.name) / "kb"
        Workspace.init(path).close()
        (path / "instill.toml").write_text("[documents]\npassage_tokens = 48\n")
        self.writers = [Workspace.open(path), Workspace.open(path)]
        self.write(NAMES[0], 2)
        self.act(0, ("add", "", ()))

    def teardown(self) -> None:
        for writer in getattr(self, "writers", []):
            writer.close()
        self.place.cleanup()

    @rule(name=st.sampled_from(NAMES), parts=st.integers(1, 5))
    def write(self, name: str, parts: int) -> None:
        self.edition += 1
        (self.folder / name).write_text(text_of(self.edition, parts))
        self.model.files[name] = (self.edition, parts)

    @rule(name=st.sampled_from(NAMES))
    def delete(self, name: str) -> None:
        if self.model.files.pop(name, None):
            (self.folder / name).unlink()

    @rule(name=st.sampled_from(NAMES), to=st.sampled_from(NAMES))
    def move(self, name: str, to: str) -> None:
        if name in self.model.files:
            self.model.files[to] = self.model.files.pop(name)
            (self.folder / name).replace(self.folder / to)

    @rule(writer=st.integers(0, 1), action=ACTIONS)
    def act(self, writer: int, action: Action) -> None:
        self.run(writer, action)
        foresee(self.model, action)

    @rule(
        writer=st.integers(0, 1),
        outer=ACTIONS,
        inner=ACTIONS,
        at=st.integers(0, 2),
        edited=st.sampled_from(("", *NAMES)),
    )
    def in_the_middle(self, writer: int, outer: Action, inner: Action, at: int, edited: str) -> None:
        """`inner` runs, by the other writer, when `outer` has looked at some of its sources."""
        told = [0]

        def get_in(*progress: Any) -> None:
            if not isinstance(progress[0], Progress) or progress[0].source:
                told[0] += 1
                if told[0] == at + 1:
                    if edited:
                        self.write(edited, 1 + at)
                    self.run(1 - writer, inner)

        self.run(writer, outer, get_in)
        if told[0] <= at:
            self.run(1 - writer, inner)
        ways: list[list[Action]] = [[outer, inner], [inner, outer]]
        if outer[0] == inner[0] == "add" and outer[2] and inner[2]:
            ways = ways[:1]  # the labels that were said last stay
        if outer[0] == "sync" or edited:  # what changed since is looked at by whoever comes next
            self.run(writer, ("sync", "", ()))
            ways = [[*way, ("sync", "", ())] for way in ways]
        possible = []
        for way in ways:
            possible.append(deepcopy(self.model))
            for action in way:
                foresee(possible[-1], action)
        found = self.found()
        self.model = next((model for model in possible if model.documents == found), possible[0])

    def run(self, number: int, action: Action, progress: Any = None) -> None:
        """As a command does it: with the index as it is now; again when another process has rebuilt it meanwhile."""
        what, name, labels = action
        writer = self.writers[number]
        paths = [str(self.folder / name)]
        for attempt in range(2):
            writer.__dict__.pop("index", None)
            try:
                if what == "sync":
                    assert writer.sync(progress=progress).failed == []
                elif what == "add":
                    writer.add(paths, labels=labels or None, progress=progress)
                elif what == "remove":
                    writer.remove(paths)
                elif what == "reindex":
                    writer.reindex(progress=progress)
                else:
                    writer.index.upkeep(force=True)
                return
            except UsageError:
                assert what == "remove"
                return
            except WorkspaceError as error:
                if "rebuilt" not in str(error) or attempt:
                    raise

    def found(self) -> dict[str, tuple[tuple[int, int], tuple[str, ...]]]:
        """What the index holds, in the model's words."""
        index = Workspace.open(Path(self.place.name) / "kb").index
        held = {}
        for record in index.records():
            stored = index.document_text(record.doc_id)
            assert stored is not None
            [edition] = set(re.findall(r"edition (\d+)", stored.text))
            passages = index.passages_of(record.doc_id)
            assert all(stored.text[passage.start : passage.end] == passage.text for passage in passages)
            assert passages[-1].end == len(stored.text.rstrip())
            assert Path(record.source).name not in held
            held[Path(record.source).name] = ((int(edition), stored.text.count("## Part")), record.labels)
        return held

    @invariant()
    def the_index_holds_what_the_model_says(self) -> None:
        if not hasattr(self, "writers"):
            return
        index = Workspace.open(Path(self.place.name) / "kb").index
        assert soundness.look(index._tables.snapshot()) == soundness.Unsound()
        assert self.found() == self.model.documents
        hits = index.search(SearchRequest("what part says", k=50, mode="keyword"), None, ReciprocalRankFusion()).hits
        assert len({(hit.doc_id, hit.ordinal) for hit in hits}) == len(hits) == min(50, index.count()[1])


def foresee(model: Model, action: Action) -> None:
    what, name, labels = action
    if what == "sync":
        model.sync()
    elif what == "add":
        model.add(name, labels)
    elif what == "remove":
        model.remove(name)


@pytest.mark.timeout(280)
def test_two_writers_against_a_dictionary() -> None:
    run_state_machine_as_test(
        TwoWriters,
        settings=settings(
            max_examples=EXAMPLES, stateful_step_count=12, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )


@pytest.fixture
def kb(tmp_path: Path, handbook: Path) -> Workspace:
    workspace = Workspace.init(tmp_path / "kb")
    workspace.add([str(handbook)], labels=["hr"])
    return workspace


def in_the_middle(kb: Workspace, do: Callable[[Workspace], object], *, at: int = 0) -> Callable[[Progress], None]:
    """Another writer's command, when the first one is at its source number `at`."""
    other = Workspace.open(kb.path)
    left = [at]

    def get_in(progress: Progress) -> None:
        if progress.source:
            left[0] -= 1
            if left[0] == -1:
                do(other)

    return get_in


class TestWhatIsSaidWhileSyncRuns:
    @pytest.mark.parametrize("changed", [False, True])
    def test_new_labels_of_the_folder_stay(self, kb: Workspace, handbook: Path, changed: bool) -> None:
        if changed:
            for file in handbook.rglob("*.*"):
                file.write_text(file.read_text() + "\n\nOne more sentence.\n")
        kb.sync(progress=in_the_middle(kb, lambda other: other.add([str(handbook)], labels=["staff"]), at=2))
        assert {record.labels for record in kb.documents()} == {("staff",)}
        kb.sync()
        assert {record.labels for record in kb.documents()} == {("staff",)}

    def test_new_labels_of_one_file_stay_also_when_a_file_is_named_itself(self, kb: Workspace, handbook: Path) -> None:
        file = str(handbook / "travel.md")
        Path(file).write_text("# Travel\n\nEverything is new here.\n")
        kb.sync(progress=in_the_middle(kb, lambda other: other.add([file], labels=["staff"]), at=3))
        kb.add([str(handbook)], progress=in_the_middle(kb, lambda other: other.add([file], labels=["it"])))
        labels = {Path(record.source).name: record.labels for record in kb.documents()}
        assert labels.pop("travel.md") == ("it",)
        assert set(labels.values()) == {("hr",)}

    def test_new_metadata_stays(self, kb: Workspace, handbook: Path) -> None:
        (handbook / "refunds.md").write_text("# Refunds\n\nWithin sixty days.\n")
        kb.sync(progress=in_the_middle(kb, lambda other: other.add([str(handbook)], metadata={"year": 2026})))
        assert {record.metadata["year"] for record in kb.documents()} == {2026}

    def test_a_folder_that_is_removed_stays_removed(self, kb: Workspace, handbook: Path) -> None:
        (handbook / "new.md").write_text("# New\n\nSomething that is new.\n")
        kb.sync(progress=in_the_middle(kb, lambda other: other.remove([str(handbook)]), at=2))
        assert kb.documents() == []

    def test_a_file_that_is_added_after_the_folder_was_listed_stays(self, kb: Workspace, handbook: Path) -> None:
        late = handbook / "late.md"

        def add_late(other: Workspace) -> None:
            late.write_text("# Late\n\nThis came late.\n")
            other.add([str(late)])

        kb.sync(progress=in_the_middle(kb, add_late))
        assert str(late) in {record.source for record in kb.documents()}

    def test_a_file_that_is_excluded_but_named_itself_stays(self, kb: Workspace, handbook: Path) -> None:
        hidden = handbook / ".git" / "notes.md"
        hidden.parent.mkdir()
        hidden.write_text("# Hidden\n\nNamed by itself.\n")
        kb.sync(progress=in_the_middle(kb, lambda other: other.add([str(hidden)])))
        assert str(hidden) in {record.source for record in kb.documents()}

    def test_a_file_that_comes_back_and_is_found_unchanged_stays(self, kb: Workspace, handbook: Path) -> None:
        file, aside = handbook / "travel.md", handbook.parent / "travel.md"
        file.rename(aside)

        def back(other: Workspace) -> None:
            aside.rename(file)
            assert other.sync().unchanged == 4

        kb.sync(progress=in_the_middle(kb, back))
        assert str(file) in {record.source for record in kb.documents()}

    def test_a_folder_that_vanishes_as_a_whole_keeps_its_documents(self, kb: Workspace, handbook: Path) -> None:
        kb.sync(progress=in_the_middle(kb, lambda _: handbook.rename(handbook.parent / "elsewhere"), at=3))
        assert len(kb.documents()) == 4

    def test_a_file_that_both_see_moved_is_there_once(self, kb: Workspace, handbook: Path) -> None:
        (handbook / "travel.md").rename(handbook / "journeys.md")
        [before] = [record.doc_id for record in kb.documents() if record.source.endswith("travel.md")]
        kb.sync(progress=in_the_middle(kb, lambda other: other.sync()))
        assert [record.doc_id for record in kb.documents() if record.source.endswith("journeys.md")] == [before]
        assert len(kb.documents()) == 4

    def test_what_is_said_while_reindex_runs_stays(self, kb: Workspace, handbook: Path) -> None:
        added = {record.source: record.added for record in kb.documents()}
        other = Workspace.open(kb.path)
        done: list[object] = []

        def get_in(_at: int, _total: int) -> None:
            if not done:
                done.append(other.add([str(handbook)], labels=["staff"], metadata={"year": 2026}))

        kb.reindex(progress=get_in)
        assert {(record.labels, record.metadata["year"]) for record in kb.documents()} == {(("staff",), 2026)}
        assert {record.source: record.added for record in kb.documents()} == added


@given(
    st.lists(st.sampled_from(ROOTS), unique=True),
    st.sampled_from(
        ("/a", "/a/b", "/a/b/c.md", "/a/bc", "/ab/c.md", "/a/*.md", "/a/x.md", "https://x/y/z", "https://x/")
    ),
)
def test_the_narrowest_root_is_the_longest_of_those_that_cover(paths: list[str], source: str) -> None:
    narrow = [path for path in paths if covers(path, source)]
    found = _Narrowest([Root(path) for path in paths]).of(source)
    assert (found.path if found else "") == min(narrow, key=lambda path: (-len(path), path), default="")
