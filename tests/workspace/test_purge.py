"""Removed means removed: after a purge no file of the workspace holds a word of the document, and the rest is there."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa
from filelock import FileLock

from instill import Workspace
from instill.catalog.tables import USAGE
from instill.common.made_from import Source, keep_beside, made_from
from instill.compare.comparing import compare
from instill.compare.plan import ComparePlan
from instill.compare.saved_reports import save
from instill.errors import UsageError
from instill.study.stored_study import open_study
from instill.study.study_making import StudySettings
from instill.study.study_workspace import study_workspace
from instill.workspace.purge.holders import TRAINED

WORDS = ("Quexford", "zanzibarilla", "Pryde")
"""Stand in the document that is removed, and nowhere else; the second only in a question's answer."""

PAGES = {
    "secret.md": "# Wharf\n\nThe Quexford wharf was built in 1873 by Ines Zanzibarilla. "
    "The Quexford wharf was painted by Olga Pryde. The Quexford crane was bought in 1891 by Otto Pryde.\n",
    "oven.md": "# Oven\n\nThe stone oven was built in 1987 by Marta Lindqvist. "
    "The stone oven was painted by Ove Nyman. The old mill was bought in 1990 by Rut Halvorsen.\n",
    "bridge.md": "# Bridge\n\nThe iron bridge was opened in 1934 by Karin Solberg. "
    "The iron bridge was repaired by Nils Aaberg. The narrow road was closed in 1956 by Tora Vik.\n",
}


@pytest.fixture(scope="module")
def used(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace in which everything was done that keeps text, and the document was not removed yet."""
    folder = tmp_path_factory.mktemp("purge")
    for name, text in PAGES.items():
        (folder / name).write_text(text, encoding="utf-8")
    with Workspace.init(folder / "kb") as workspace:
        workspace.add([str(folder / name) for name in PAGES])
        study = study_workspace(workspace, StudySettings(), check=False)
        workspace.ask("Who built the Quexford wharf?")
        workspace.ask("Who opened the iron bridge?")
        talk = workspace.chat()
        talk.say("Who opened the iron bridge?")
        talk.say("Who built the Quexford wharf?")
        talk.say("Who painted the stone oven?")
        workspace.chat().say("Who painted the stone oven?")
        save(compare(workspace, study, ComparePlan(noise=0, changes=0)), workspace.home / "reports" / "first")
        everything = made_from(workspace.documents())
        for name in ("curves/wharf", "runs/wharf"):
            (workspace.home / name).mkdir(parents=True)
            (workspace.home / name / "page.html").write_text(PAGES["secret.md"], encoding="utf-8")
            keep_beside(workspace.home / name, everything)
        others = made_from(record for record in workspace.documents() if "secret" not in record.source)
        (workspace.home / "reports" / "others").mkdir(parents=True)
        (workspace.home / "reports" / "others" / "report.html").write_text("Marta Lindqvist", encoding="utf-8")
        keep_beside(workspace.home / "reports" / "others", others)
        for cache in ("gates", "frozen"):
            (workspace.home / cache).mkdir()
            (workspace.home / cache / "replies.json").write_text(PAGES["secret.md"], encoding="utf-8")
        (workspace.home / "studies" / ".draft.999999999").mkdir()
        (workspace.home / "studies" / ".draft.999999999" / "facts.jsonl").write_text(PAGES["secret.md"])
    return folder


@pytest.fixture
def kb(used: Path, tmp_path: Path) -> Path:
    shutil.copytree(used / "kb", tmp_path / "kb")
    return tmp_path / "kb"


def holding(kb: Path) -> set[str]:
    """The parts of `.instill` in whose files one of the words stands, in any case and in bytes or UTF-16."""
    found = set()
    for file in (kb / ".instill").rglob("*"):
        content = file.read_bytes().lower() if file.is_file() else b""
        if any(word.lower().encode(code) in content for word in WORDS for code in ("utf-8", "utf-16-le")):
            found.add(file.relative_to(kb / ".instill").parts[0])
    return found


def remove(workspace: Workspace) -> list[str]:
    [record] = [record for record in workspace.documents() if record.source.endswith("secret.md")]
    return [record.doc_id for record in workspace.remove([record.doc_id])]


def test_a_removed_document_is_in_many_places_until_it_is_purged(kb: Path) -> None:
    everywhere = {"catalog.db", "compare", "curves", "frozen", "gates", "index", "runs", "studies"}
    with Workspace.open(kb) as workspace:
        assert workspace.status().removed_text == ()
        [doc_id] = remove(workspace)
        assert holding(kb) >= everywhere
        said = workspace.status().removed_text
        assert [line.split(" (")[0] for line in said] == [
            "files of the index, until it is rewritten",
            "1 study set", "1 comparison", "1 report", "1 data curve", "1 run",
            "3 exchanges in conversations and the log of questions",
            "the memory",
        ]  # fmt: skip

        purged = workspace.purge()

        assert purged.documents == (doc_id,)
        assert holding(kb) == set()
        assert workspace.status().removed_text == ()
        assert purged.exchanges == 3
        assert purged.rewritten == (open_study(workspace.home).card.id,)
        assert purged.trained == purged.in_use == ()
        kinds = {name.split()[0] for name in purged.removed}
        assert kinds == {"comparison", "report", "data", "run", ".draft.999999999"}
        assert workspace.purge().removed == ()
    assert holding(kb) == set()


def test_what_other_documents_left_stays(kb: Path) -> None:
    with Workspace.open(kb) as workspace:
        before = open_study(workspace.home)
        facts = {fact.id for fact in before.facts() if "Quexford" not in fact.evidence.text}
        doc_ids = remove(workspace)
        workspace.purge(doc_ids)

        assert {record.title for record in workspace.documents()} == {"Oven", "Bridge"}
        hit = workspace.search("Who painted the stone oven?").hits[0]
        assert "Ove Nyman" in hit.text
        assert hit.vector_score > 0.3
        assert (workspace.home / "reports" / "others" / "report.html").read_text() == "Marta Lindqvist"

        after = open_study(workspace.home)
        assert after.card.id == before.card.id
        assert after.card.made == before.card.made
        assert {fact.id for fact in after.facts()} == facts
        assert len(after.card.made_from.sources) == 2
        assert after.card.notes[-1] == "1 document purged from it after it was made."
        assert sum(after.card.rows.values()) == len(after.rows()) > 0
        for split in ("train", "gate"):
            assert all(set(item.fact_ids) <= facts for item in after.items(split))
            assert sum(after.card.items[split].values()) == len(after.items(split))

        talks = workspace.catalog.conversations()
        kept = [[turn.text for turn in workspace.catalog.turns(talk["conversation_id"])][::2] for talk in talks]
        assert sorted(kept) == [["Who opened the iron bridge?"], ["Who painted the stone oven?"]]


def test_what_is_in_use_is_left_and_said(kb: Path) -> None:
    with Workspace.open(kb) as workspace:
        doc_ids = remove(workspace)
        with FileLock(workspace.home / "runs" / "wharf" / "lock"):
            purged = workspace.purge(doc_ids)
            assert purged.in_use == ("run wharf",)
            assert holding(kb) == {"runs", "gates", "frozen"}
        assert workspace.status().removed_text == ("1 run (wharf)",)
        assert workspace.purge().removed == ("run wharf",)
    assert holding(kb) == set()


def test_a_document_that_is_there_is_not_purged(kb: Path) -> None:
    with Workspace.open(kb) as workspace:
        [record] = [each for each in workspace.documents() if each.title == "Wharf"]
        assert workspace.purge([record.doc_id]).documents == ()
        assert "Zanzibarilla" in workspace.show(record.doc_id).text
        assert any("Quexford" in fact.evidence.text for fact in open_study(workspace.home).facts())


def test_a_damaged_study_set_is_removed(kb: Path) -> None:
    with Workspace.open(kb) as workspace:
        doc_ids = remove(workspace)
        study = open_study(workspace.home)
        with (study.folder / "rows.jsonl").open("a") as file:
            file.write("\n\n")
        assert f"study set {study.card.id}" in workspace.purge(doc_ids).removed
    assert holding(kb) == set()


def test_only_the_owner_purges(kb: Path) -> None:
    with Workspace.open(kb) as workspace, pytest.raises(UsageError, match="Only the owner"):
        workspace.seen_by(["staff"]).purge()


@pytest.mark.skipif(sys.platform == "win32", reason="paths")
def test_what_was_trained_is_named(kb: Path) -> None:
    with Workspace.open(kb) as workspace:
        doc_ids = remove(workspace)
        record = {
            "name": "0123456789ab", "fingerprints": ["x"], "base": "", "summary": "", "date": "",
            "made_from": [{"doc_id": doc_ids[0], "version": "v", "labels": []}],
        }  # fmt: skip
        (workspace.home / "encoder.json").write_text(json.dumps([record]))
        assert workspace.purge(doc_ids).trained == ("encoder 0123456789ab",)
        assert workspace.status().removed_text == (f"{TRAINED}1 encoder (0123456789ab)",)


def test_versions_and_labels_of_then_are_on_each_row(used: Path) -> None:
    with Workspace.open(used / "kb") as workspace:
        study = open_study(workspace.home)
        now = {record.doc_id: Source(record.doc_id, record.content_hash) for record in workspace.documents()}
        for row in study.rows():
            facts = {fact.id: fact for fact in study.facts()}
            expected = {facts[id_].doc_id for id_ in row["facts"]}
            assert {entry["doc_id"] for entry in row["made_from"]} == expected
            assert all(now[entry["doc_id"]].version == entry["version"] for entry in row["made_from"])


def test_what_a_question_was_understood_as_stays_where_its_words_are_of_questions(tmp_path: Path) -> None:
    """A document that nobody asked about is purged: the conversation about another one stays as it was."""
    with Workspace.init(tmp_path) as workspace:
        workspace.add_text("# Leave\n\nTeammates on medical leave are paid for four weeks.", name="leave.md")
        dogs = "# Dogs\n\nThe office dog is called Bello. It is a labradoodle."
        workspace.add_text(dogs, name="dogs.md")
        talk = workspace.chat()
        for question in ("How long is medical leave paid?", "and for teammates?"):
            talk.say(question)
        workspace.ask("Is the dog a labradodle?")

        def understood() -> list[str]:
            with workspace.catalog.reading() as connection:
                rows = connection.execute(sa.select(USAGE.c.standalone_question).order_by(USAGE.c.usage_id))
                return [row[0] for row in rows]

        before = understood()
        assert before[1] != "and for teammates?"
        workspace.remove("dogs.md")
        workspace.purge()
        after = understood()
        assert after[:2] == before[:2]
        assert not any("labradoodle" in each for each in after), "a word of the document's stays nowhere"
