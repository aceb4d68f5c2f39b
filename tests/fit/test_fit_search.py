"""Tuning a real workspace: what is tried, what is kept, what is used afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from instill import Workspace
from instill.errors import UsageError, WorkspaceError
from instill.fit.kept.tuned import Tuned, load_tuned, save_tuned, tuned_identity
from instill.fit.passage_sizes import SizedIndexes
from instill.fit.search import keep, tune_search
from instill.fit.search_ways import RERANK_WEIGHTS, VECTOR_WEIGHTS, Way, scores_of, ways_around
from instill.fit.targets import Target, rank_of, read_until, targets_of
from instill.index.types import Hit
from instill.settings import Settings
from instill.study.types import AskedQuestion, EvidenceText, StudyQuestion
from tests.conftest import write_handbook

PARTS = [4711 + 13 * number for number in range(30)]


@pytest.fixture(scope="module")
def stock(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Thirty documents that only a number tells apart: the vector leg cannot, the keyword leg can."""
    folder = tmp_path_factory.mktemp("stock")
    for number, part in enumerate(PARTS):
        text = f"Part {part} is kept on shelf {number + 100} of the store. It is counted once a month."
        (folder / f"part{part}.txt").write_text(text, encoding="utf-8")
    (folder / "kb").mkdir()
    with Workspace.init(folder / "kb") as opened:
        opened.add([str(folder / "*.txt")])
    return folder / "kb"


@pytest.fixture
def workspace(stock: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    """Tuned before to look at vectors alone, which is the worst it can do."""
    monkeypatch.setenv("INSTILL_ANSWER__READER", "off")
    with Workspace.open(stock) as opened:
        identity = tuned_identity(opened.settings, opened.index.generation.fingerprint)
        save_tuned(opened.home, Tuned({"search.vector_weight": 1.0}, "", "written", "2026-01-01", identity))
        opened.refresh()
        assert opened.settings.search.vector_weight == 1.0
        yield opened


QUESTIONS = [
    AskedQuestion(f"shelf of {part}", "", (EvidenceText(f"Part {part} is kept on shelf", f"part{part}.txt"),))
    for part in PARTS
]


def test_a_bad_weight_is_replaced_and_the_new_one_is_used(workspace: Workspace) -> None:
    report = tune_search(workspace, questions=QUESTIONS)
    assert (report.questions, report.documents) == (30, 30)
    assert report.choice.kept
    assert report.choice.gain.low > 0
    assert report.before.mrr.mean == report.legs["vector"].mrr.mean < 0.9
    assert report.after.mrr.mean >= max(leg.mrr.mean for leg in report.legs.values()) == 1.0
    assert report.best.vector_weight < 1
    assert load_tuned(workspace.home).values == {"search.vector_weight": 1.0}  # type: ignore[union-attr]
    keep(workspace, report, origin="mine.jsonl")
    assert workspace.settings.search.vector_weight == report.best.vector_weight
    assert workspace.search("shelf of 4711", k=1).hits[0].text.startswith("Part 4711")
    assert workspace.status().learned[0].startswith("Tuned on 30 questions: search.vector_weight")
    again = tune_search(workspace, questions=QUESTIONS)
    assert (again.values, again.choice.kept) == ({}, False)
    assert again.before == again.after


def test_what_the_user_set_is_left_alone(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INSTILL_SEARCH__VECTOR_WEIGHT", "1.0")
    with Workspace.open(workspace.path) as opened:
        report = tune_search(opened, questions=QUESTIONS[:20])
        assert (report.values, report.fixed) == ({}, ["search.vector_weight"])
        assert any("keyword search alone" in note for note in report.notes)
        assert any("No reader" in note for note in report.notes)


def test_sizes_are_tried_beside_the_index_and_leave_nothing_behind(workspace: Workspace) -> None:
    count = workspace.index.count()
    report = tune_search(workspace, questions=QUESTIONS[:20], sizes=True, documents=25)
    assert report.sizes is not None
    assert list(report.sizes.sizes) == [200, 100]  # double is more than the encoder reads
    assert report.sizes.documents == 25
    assert not report.sizes.choice.kept  # the documents are shorter than either
    assert workspace.index.count() == count
    assert not list(workspace.home.glob("tuning-*"))


def test_a_new_size_is_indexed_when_it_is_kept(tmp_path: Path) -> None:
    with Workspace.init(tmp_path / "kb") as opened:
        opened.add([str(write_handbook(tmp_path / "handbook"))])
        identity = tuned_identity(opened.settings, opened.index.generation.fingerprint, 32)
        save_tuned(opened.home, Tuned({"documents.passage_tokens": 32}, "Smaller.", "written", "2026", identity))
        opened.refresh()
        before = opened.index.count()[1]
        opened.reindex()
        assert opened.index.count()[1] > before
        assert opened.sync().unchanged == 4  # nothing is done again
        with SizedIndexes(opened, [], 2, 0) as indexes:
            assert indexes.at(64).count()[0] == 2


def test_too_few_questions_and_read_only(workspace: Workspace) -> None:
    with pytest.raises(UsageError, match="too few"):
        tune_search(workspace, questions=QUESTIONS[:5])
    report = tune_search(workspace, questions=QUESTIONS[:20])
    workspace.home.chmod(0o500)
    try:
        if not workspace.writable:  # root may write everywhere
            with pytest.raises(WorkspaceError, match="read-only"):
                keep(workspace, report, origin="written")
    finally:
        workspace.home.chmod(0o700)


def test_the_ways_start_with_the_one_in_use_and_its_neighbours() -> None:
    way = Way(0.6, 0.0)
    ways = ways_around(way, Settings(), Settings(), reader=True)
    assert (len(ways), ways[0]) == (len(VECTOR_WEIGHTS) * len(RERANK_WEIGHTS), way)
    assert set(ways[1:3]) == {Way(0.5, 0.0), Way(0.7, 0.0)}
    assert len(ways_around(way, Settings(), Settings(), reader=False)) == len(VECTOR_WEIGHTS)
    given = Settings(search={"vector_weight": 0.6, "rerank": 0.0})
    assert ways_around(way, given, given, reader=True) == [way]
    given = Settings(search={"fusion": "rrf"})
    assert ways_around(way, given, given, reader=False) == [way]


def hit(doc_id: str, start: int, text: str) -> Hit:
    return Hit(doc_id, 0, start, start + len(text), text, "", None, None, "", "text", "", (), {}, 1.0, 0.0, 0.0)


def test_a_passage_is_right_when_it_holds_half_of_the_answer() -> None:
    [target] = targets_of([StudyQuestion("?", "x" * 10, "d", 10, 20, (0, 30), "name")])
    hits = [hit("e", 0, "x" * 40), hit("d", 0, "x" * 14), hit("d", 5, "x" * 10)]
    assert [target.is_held_by(found) for found in hits] == [False, False, True]
    assert rank_of(hits, target) == 3
    assert read_until(hits, target, 32.0) == 2.0
    assert read_until(hits[:2], target, 32.0) == 0.0
    assert rank_of(hits[:2], target) == 0


def test_own_questions_are_judged_by_their_quotations() -> None:
    asked = AskedQuestion("?", "7", (EvidenceText("Part 7 is on shelf two.", "parts.txt"),))
    [target] = targets_of([asked, AskedQuestion("?", answerable=False)])
    assert target == Target("?", "parts.txt", None, ("Part 7 is on shelf two.",))
    assert target.is_held_by(hit("d", 0, "We say: part 7 is on shelf two. Good."))
    assert not target.is_held_by(hit("d", 0, "It is 7."))


def test_ranks_below_ten_count_nothing() -> None:
    scores = scores_of([Way(0.6, 0.0), Way(0.7, 0.0)], [[10, 11], [2, 5]])
    assert scores.mrr.tolist() == [[0.1, 0.5], [0.0, 0.2]]
    assert scores.recall.tolist() == [[0.0, 1.0], [0.0, 1.0]]
