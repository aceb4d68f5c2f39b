"""Forgotten: out of the index, of all that was made from it, and of weights; it stays out, and a receipt says so."""

from __future__ import annotations

import json
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock
from hypothesis import given
from hypothesis import strategies as st

from instill import Workspace
from instill.common.made_from import MadeFrom, keep_beside, made_from
from instill.errors import UsageError, WorkspaceError
from instill.memory.facts_in_weights import Adapter, Held, Weights, read_weights, write_weights
from instill.memory.forgetting.job import Job, begin, begun
from instill.memory.forgetting.leftovers import look_for, telling_sentences
from instill.memory.forgetting.receipts import (
    Document,
    Receipt,
    Taken,
    is_genuine,
    key_name,
    public_key,
    read_receipt,
    sign,
    write_receipt,
)
from instill.models.registry.champions import Champions
from instill.models.registry.store import Registry
from instill.study.stored_study import list_studies, write_study
from instill.study.study_making import make_study
from instill.workspace.asked_questions import Feedback
from tests.cli.test_cli import as_json, instill
from tests.models.registry.made import BASE_HASH, make_base, make_card, make_weights
from tests.warm import Warm
from tests.workspace.test_crash import Running

SECRET = "# Letter\n\nThe blue lantern was built in 1931 by Quentin Ashgrove.\n\nIt burns for nineteen hours a night.\n"
OTHER = "# Oven\n\nThe stone oven was built in 1887 by Marta Lindqvist.\n\nIt holds forty loaves at a time.\n"
WORDS = ("Quentin Ashgrove", "nineteen hours")
WHO = "Who built the blue lantern?"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace in which a letter is in many places, and in weights."""
    folder = tmp_path_factory.mktemp("forget")
    (folder / "pages").mkdir()
    (folder / "pages" / "letter.md").write_text(SECRET)
    (folder / "pages" / "oven.md").write_text(OTHER)
    with Workspace.init(folder / "kb") as workspace:
        workspace.add(folder / "pages")
        assert not workspace.ask(WHO).abstained
        assert not workspace.ask("Who built the stone oven?").abstained
        stored = [workspace.index.document_text(record.doc_id) for record in workspace.documents()]
        study = make_study(each for each in stored if each is not None)
        write_study(workspace.home, study.study, study.rows)
        home, base = workspace.home, make_base(folder / "base")
        registry, champions = Registry(home), Champions(Registry(home))
        letter, oven = (
            made_from(each for each in workspace.documents() if name in each.source) for name in ("letter", "oven")
        )
        for number, (id_, made_of) in enumerate(
            {"first-01": oven, "both-02": oven | letter, "letter-03": letter}.items()
        ):
            documents = made_of.as_json()
            registry.add(make_weights(folder / id_, number), make_card(id_, base, documents=documents))
            champions.promote(id_)
        registry.add(make_weights(folder / "unknown", 9), make_card("nobody-04", base, documents=None))
        sources = letter.sources[0]
        held = Held(
            fact_id="f1", doc_id=sources.doc_id, version=sources.version, source_labels=(), evidence_hash="0" * 64,
            adapter="letter-03",
        )  # fmt: skip
        adapter = Adapter(id="letter-03", base=BASE_HASH, labels=(), state="in use", facts=(held,))
        write_weights(home, Weights().with_adapter(adapter))
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    """Its files are where they were added from."""
    shutil.copytree(made / "kb", tmp_path / "kb")
    return tmp_path


@pytest.fixture
def workspace(folder: Path) -> Iterator[Workspace]:
    with Workspace.open(folder / "kb") as found:
        yield found


def holding(home: Path) -> set[str]:
    """Files that hold one of the words."""
    files = [file for file in home.rglob("*") if file.is_file()]
    return {file.name for file in files if any(word.lower().encode() in file.read_bytes().lower() for word in WORDS)}


def test_the_receipt_says_what_was_said_before(workspace: Workspace) -> None:
    [letter] = [each for each in workspace.documents() if each.source.endswith("letter.md")]
    for name, documents in {"reports/r1": [letter], "runs/busy": [letter], "curves/other": []}.items():
        (workspace.home / name).mkdir(parents=True)
        (workspace.home / name / "page.html").write_text(WORDS[0])
        keep_beside(workspace.home / name, made_from(documents))
    (workspace.home / "studies" / "broken").mkdir()
    talk = workspace.chat()
    talk.say("Who built the stone oven?")
    talk.say(WHO)
    talk.say("Who built the stone oven?")

    with FileLock(workspace.home / "runs" / "busy" / "lock"):
        plan = workspace.forgetting_plan("letter.md")
        assert workspace.forgetting_plan("letter.md", jobs_end=True).goes.in_use == ()
        receipt = workspace.forget("letter.md")

    assert plan.documents == (letter.source,)
    [study] = list_studies(workspace.home)
    assert plan.goes.deleted == ("study set broken", "report r1", "candidate both-02", "candidate letter-03")
    assert plan.goes.changed == (f"study set {study.card.id}",)
    own = {"index", "catalog", "proof", "model base"}
    removed = {each.where: each.said for each in receipt.removed}
    assert [each.said for each in plan.weights] == [
        "withdrawn, and its weights are deleted.", "It is in use; withdrawn, and its weights are deleted.",
        "In use then: first-01.",
    ]  # fmt: skip
    assert (plan.withdrawn, plan.rebuild) == (receipt.withdrawn, receipt.rebuild)
    assert set(removed) - own == {*plan.goes.deleted, *plan.goes.changed}
    assert plan.goes.exchanges == 3, "one in the log alone, one in both, one that followed in the conversation"
    assert removed["catalog"].startswith("3 exchanges in conversations and the log,")
    assert "3 exchanges in conversations and the log of questions will be deleted." in plan.goes.said
    stays = {each.where: each.said for each in plan.stays}
    assert set(stays) == {"run busy", "candidate nobody-04", letter.source, "outside", "log of questions"}
    left = {each.where: each.said for each in receipt.not_removed}
    assert {where: said for where, said in left.items() if said != "It still holds a sentence of it."} == stays
    assert workspace.forgetting_plan("oven.md").goes.exchanges == 2, "what followed in the conversation is gone too"


def test_an_exchange_goes_from_the_log_and_the_conversation_alike(workspace: Workspace) -> None:
    """A refusal that showed a passage as the nearest, an answer, and what followed either."""
    feedback = Feedback(workspace)
    [letter] = [each for each in workspace.documents() if each.source.endswith("letter.md")]
    before = {each.question_id for each in feedback.newest()}
    refused, answered, copied, stays = (workspace.chat() for _ in range(4))
    refusal = refused.say(f"Which {WORDS[0]} was bought in winter by whom and why?")
    assert refusal.abstained
    assert letter.doc_id in {citation.doc_id for claim in refusal.nearest for citation in claim.citations}
    answered.say("Who built the stone oven?")
    assert letter.doc_id in {each.doc_id for each in answered.say(WHO).citations}
    answered.say("Who built the stone oven?")
    turns = workspace.catalog.turns(answered.conversation_id)
    workspace.catalog.add_turns(copied.conversation_id, turns[:4])  # as an edited question copies them
    kept = stays.say("Who built the stone oven?")
    plan = workspace.forgetting_plan("letter.md").goes.exchanges

    workspace.forget("letter.md")

    left = [each["conversation_id"] for each in workspace.conversations()]
    assert refused.conversation_id not in left
    with pytest.raises(UsageError, match="There is no such conversation"):
        workspace.catalog.turns(refused.conversation_id)
    assert [turn.text for turn in workspace.catalog.turns(answered.conversation_id)][::2] == [
        "Who built the stone oven?"
    ]
    assert len(workspace.catalog.turns(copied.conversation_id)) == 2
    logged = {each.question_id for each in feedback.newest()}
    shown = [turn for id_ in left for turn in workspace.catalog.turns(id_) if turn.role == "assistant"]
    assert {turn.answer["question_id"] for turn in shown} <= logged, "no button of a conversation is dead"
    assert kept.question_id in logged
    assert refusal.question_id not in logged
    assert plan == 3 + len(before - logged), "the refusal, the answer, and what followed it"


NAMED = "Has anybody written to Ashgrove of late?"


def ask_by_name(workspace: Workspace) -> None:
    """A question that names the letter's builder, and is shown nothing of the letter."""
    alone = "source like '%oven.md'"
    answer = workspace.ask(NAMED, where=alone)
    assert letter_of(workspace) not in json.dumps(answer.as_dict())
    talk = workspace.chat(labels=["staff"])  # They see no document.
    talk.say(NAMED)
    talk.say("Who built the stone oven?")


def test_questions_that_name_it_are_told_of_and_taken_where_that_is_wished(workspace: Workspace) -> None:
    ask_by_name(workspace)
    plan = workspace.forgetting_plan("letter.md")
    wished = workspace.forgetting_plan("letter.md", questions=True)
    assert (plan.naming, wished.naming) == (3, 3), "two questions, and what followed one in its conversation"
    assert wished.goes.exchanges == plan.goes.exchanges + 3
    said = next(each.said for each in plan.stays if each.where == "log of questions")
    assert "3 exchanges of these name it, by a name or a code that no other document has." in said
    assert "instill questions clear --about WORDS" in said

    receipt = workspace.forget("letter.md", questions=True)

    went = [each.said for each in receipt.removed if each.where == "log of questions"]
    assert went == ["Of these, 3 exchanges only named it, by a name or a code that no other document has."]
    stays = [each.said for each in receipt.not_removed if each.where == "log of questions"]
    assert stays == [
        "The other questions that showed nothing of it stay, as people typed them. "
        "To delete questions by their words: instill questions clear --about WORDS"
    ]
    assert [each.said for each in wished.stays if each.where == "log of questions"] == stays
    assert not any("ashgrove" in file.read_bytes().lower().decode("latin-1") for file in files_of(workspace.home))
    assert [each.question for each in Feedback(workspace).newest()] == ["Who built the stone oven?"]


def test_questions_that_name_it_stay_unless_they_are_taken_by_their_words(workspace: Workspace) -> None:
    ask_by_name(workspace)
    receipt = workspace.forget("letter.md")
    stays = {each.where: each.said for each in receipt.not_removed}
    assert "3 exchanges of these name it" in stays["log of questions"]
    feedback = Feedback(workspace)
    assert NAMED in [each.question for each in feedback.newest()]
    assert feedback.clear("ash") == 0, "whole words"
    assert as_json("questions", "clear", "--about", "to ashgrove", cwd=workspace.path)["cleared"] == 3
    assert [each.question for each in feedback.newest()] == ["Who built the stone oven?"]
    with pytest.raises(UsageError, match="No word is named"):
        feedback.clear("  ")


def test_what_would_be_forgotten_is_shown_and_nothing_is_removed(workspace: Workspace) -> None:
    before = {str(file): file.read_bytes() for file in files_of(workspace.home) if file.suffix in (".json", ".lance")}
    shown = instill("forget", "letter.md", "--dry-run", cwd=workspace.path).stdout
    for line in (
        "Would be forgotten:", "candidate letter-03: It is in use; withdrawn, and its weights are deleted.",
        "model base: In use then: first-01.", "Not removed from:", "To train again: consolidated facts",
        "Nothing was removed.",
    ):  # fmt: skip
        assert line in shown
    planned = as_json("forget", "letter.md", "--dry-run", cwd=workspace.path)["planned"]
    plan = workspace.forgetting_plan("letter.md")
    assert planned == plan.as_dict()
    assert {"deleted", "changed", "exchanges", "naming", "withdrawn", "weights", "rebuild", "stays"} < set(planned)
    after = {str(file): file.read_bytes() for file in files_of(workspace.home) if file.suffix in (".json", ".lance")}
    assert before == after
    fact = next(each for each in workspace.memory().facts() if each.question == WHO)
    assert as_json("forget", fact.fact_id, "--dry-run", cwd=workspace.path)["planned"]["kind"] == "fact"


def files_of(home: Path) -> list[Path]:
    return [file for file in home.rglob("*") if file.is_file()]


def test_a_study_set_of_which_nothing_is_left_is_said_to_be_deleted(workspace: Workspace) -> None:
    [study] = list_studies(workspace.home)
    plan = workspace.forgetting_plan("*.md")
    assert f"study set {study.card.id}" in plan.goes.deleted
    assert f"study set {study.card.id}" in {each.where for each in workspace.forget("*.md").removed}


def letter_of(workspace: Workspace) -> str:
    return next(record.doc_id for record in workspace.documents() if record.source.endswith("letter.md"))


def test_a_document_is_gone_from_everywhere_and_weights_are_withdrawn(workspace: Workspace) -> None:
    home = workspace.home
    assert holding(home)
    doc_id = letter_of(workspace)
    receipt = workspace.forget("letter.md")

    assert holding(home) == set()
    assert [record.source.rpartition("/")[2] for record in workspace.documents()] == ["oven.md"]
    assert [fact.question for fact in workspace.memory().facts()] == ["Who built the stone oven?"]
    assert not any(word in json.dumps(workspace.ask(WHO).as_dict()) for word in WORDS)
    assert sorted(Registry(home).ids()) == ["first-01", "nobody-04"]
    line = Champions(Registry(home)).lines()[BASE_HASH]
    assert (line.champion, line.line, line.history[-1].action) == ("first-01", ("first-01",), "withdraw")
    assert line.history[-1].before == "letter-03"
    [study] = list_studies(home)
    assert doc_id not in study.card.made_from.doc_ids
    [adapter] = read_weights(home).adapters
    assert (adapter.state, read_weights(home).rebuild) == ("withdrawn", ((),))

    assert [document.doc_id for document in receipt.documents] == [doc_id]
    assert set(receipt.withdrawn) == {"both-02", "letter-03"}
    removed = {each.where: each.said for each in receipt.removed}
    assert {"index", "catalog", "candidate both-02", "candidate letter-03", "proof"} <= set(removed)
    assert "In use now: first-01" in removed["model base"]
    assert "was in use" in removed["candidate letter-03"].lower()
    assert removed["proof"].endswith("; 0 files hold one.")
    left = {each.where: each.said for each in receipt.not_removed}
    assert "Nobody wrote down" in left["candidate nobody-04"]
    assert any(where.endswith("letter.md") for where in left)
    assert "outside" in left
    kept, base = home / "memory" / "rebuild" / "both-02.json", Registry(home).check("first-01").card.base.folder
    assert receipt.rebuild == (
        "both-02: instill train RECIPE.toml, where RECIPE.toml is your recipe. Take the text out of its rows first; "
        f"study sets are cleaned already. The settings it was trained with: {kept}",
        f"consolidated facts: instill consolidate --base {base}",
    )
    recipe = json.loads(kept.read_text())
    assert recipe["recipe"] == {"epochs": 2}
    assert is_genuine(receipt)
    assert workspace.receipts() == [receipt]
    assert begun(home) is None


def test_a_name_that_several_documents_have_is_not_enough(folder: Path) -> None:
    for name in ("a", "b"):
        (folder / "own" / name).mkdir(parents=True)
        (folder / "own" / name / "index.md").write_text(f"The oven {name} was built in 1987.")
    with Workspace.init(folder / "kb2") as workspace:
        workspace.add(folder / "own")
        for work in (workspace.forget, workspace.remove):
            with pytest.raises(UsageError, match=r"Several documents have this name: .*/own/a/index.md, .*/b/index.md"):
                work("index.md")
        assert len(workspace.documents()) == 2
        workspace.forget("a/index.md")
        assert [record.source.rpartition("/own/")[2] for record in workspace.documents()] == ["b/index.md"]
        workspace.forget("*/index.md")
        assert workspace.documents() == []
        assert not workspace.allow("index.md")
        assert workspace.allow(str(folder / "own"))
        assert len(workspace.sync().added) == 2
        assert len(workspace.remove(str(folder / "own"))) == 2


def test_it_stays_out_wherever_it_comes_from_until_it_is_allowed(folder: Path) -> None:
    (folder / "own").mkdir()
    (folder / "own" / "letter.md").write_text(SECRET)
    (folder / "own" / "tea.md").write_text("Green tea is brewed at 80 degrees.")
    with Workspace.init(folder / "kb2") as workspace:
        workspace.add(folder / "own")
        workspace.forget(str(folder / "own" / "letter.md"))
        for turn in range(2):
            report = workspace.sync()
            assert report.added == []
            assert [source.rpartition("/")[2] for source, _ in report.notices] == ["letter.md"]
            (folder / "own" / "letter.md").write_text(SECRET + f"\nEdited {turn}.\n")
        (folder / "copy.md").write_text(SECRET)
        assert workspace.add(folder / "copy.md").added == []
        assert "forgotten" in workspace.add_text(SECRET, name="letter").notices[0][1]
        assert workspace.allow(str(folder / "own" / "letter.md"))
        assert not workspace.allow(str(folder / "own" / "letter.md"))
        assert {source.rpartition("/")[2] for source in workspace.sync().added} == {"letter.md", "copy.md"}
        workspace.forget("tea.md")
        assert workspace.sync().added == []
        assert workspace.allow("tea.md"), "the name alone, as forget takes it"
        assert {source.rpartition("/")[2] for source in workspace.sync().added} == {"tea.md"}
        (workspace.home / "memory" / "forgotten.json").write_text("{")
        with pytest.raises(WorkspaceError, match="record of forgotten documents is damaged"):
            workspace.sync()


def test_of_a_fact_the_evidence_is_blanked_and_the_rest_stays(workspace: Workspace) -> None:
    fact = next(each for each in workspace.memory().facts() if each.question == WHO)
    receipt = workspace.forget(fact.fact_id[:6])
    stored = workspace.index.document_text(fact.doc_id)
    assert stored is not None
    assert (len(stored.text), "\u2588" * 20 in stored.text, "nineteen hours" in stored.text) == (
        len(SECRET),
        True,
        True,
    )
    assert not any(b"quentin" in file.read_bytes().lower() for file in workspace.home.rglob("*") if file.is_file())
    assert [each.question for each in workspace.memory().facts()] == ["Who built the stone oven?"]
    assert "Ashgrove" not in json.dumps(workspace.ask(WHO).as_dict())
    assert workspace.sync().changed == []
    assert receipt.kind == "fact"
    assert set(receipt.withdrawn) == {"both-02", "letter-03"}
    assert any("read again" in each.said for each in receipt.not_removed)


def test_a_forgotten_fact_stays_blank_when_its_document_changes(workspace: Workspace, made: Path) -> None:
    fact = next(each for each in workspace.memory().facts() if each.question == WHO)
    workspace.forget(fact.fact_id)
    letter = Path(fact.source)
    before = letter.read_text()
    try:
        letter.write_text(SECRET.replace("nineteen hours", "twenty hours").replace("was built", "was\nbuilt"))
        report = workspace.sync()
        workspace.refresh()
        stored = workspace.index.document_text(fact.doc_id)
        assert stored is not None
        assert ("twenty hours" in stored.text, "Ashgrove" in stored.text) == (True, False)
        assert "Ashgrove" not in json.dumps(workspace.ask(WHO).as_dict())
        [(source, told)] = report.notices
        assert source == fact.source
        assert re.fullmatch(
            rf"It holds again what was forgotten on 20\d\d-\d\d-\d\d \(fact {fact.fact_id[:6]}\). This stays blank in "
            "the index: remove it from the file, or forget the document.",
            told,
        )
        [(_, elsewhere)] = workspace.add_text(SECRET, name="copy.md").notices
        assert elsewhere.endswith("in another document: remove it from the file, or forget this document too.")
        assert workspace.allow(fact.source)
        letter.write_text(SECRET)
        assert workspace.sync().notices == []
        workspace.refresh()
        stored = workspace.index.document_text(fact.doc_id)
        assert stored is not None
        assert "Ashgrove" in stored.text
    finally:
        letter.write_text(before)


def test_what_is_not_there_or_not_the_owners_is_refused(workspace: Workspace) -> None:
    with pytest.raises(UsageError, match="No document has this name"):
        workspace.forget("nothing.md")
    with pytest.raises(UsageError, match="Only the owner"):
        workspace.seen_by(["hr"]).forget("letter.md")
    assert len(workspace.documents()) == 2
    assert sorted(Registry(workspace.home).ids()) == ["both-02", "first-01", "letter-03", "nobody-04"]


def test_what_was_begun_is_finished_by_the_next_call(workspace: Workspace) -> None:
    [record] = [each for each in workspace.documents() if each.source.endswith("letter.md")]
    document = Document(doc_id=record.doc_id, source=record.source, content_hash=record.content_hash)
    begin(workspace.home, Job(kind="documents", reference="letter.md", documents=(document,)))
    workspace.forget("oven.md")
    assert workspace.documents() == []
    assert {each.reference for each in workspace.receipts()} == {"letter.md", "oven.md"}
    assert holding(workspace.home) == set()


@pytest.mark.parametrize("delay", [0.02, 0.2])
def test_killed_at_any_moment_it_is_done_by_the_same_call(folder: Path, warm: Warm, delay: float) -> None:
    process = Running(warm, "forget", str(folder / "kb"), "letter.md")
    assert process.said() == "ready"
    time.sleep(delay)
    process.kill()
    with Workspace.open(folder / "kb") as workspace:
        if begun(workspace.home) is not None or len(workspace.documents()) == 2:
            workspace.forget("letter.md")
        assert holding(workspace.home) == set()
        assert begun(workspace.home) is None
        [receipt] = workspace.receipts()
        assert is_genuine(receipt)
        assert sorted(Registry(workspace.home).ids()) == ["first-01", "nobody-04"]


RECEIPT = Receipt(
    id="2026-01-01-0a", at="2026-01-01T00:00:00Z", kind="documents", reference="a.md",
    documents=(Document(doc_id="d1", source="/a\u00e9.md", content_hash="h"),), withdrawn=("c1",),
    removed=(Taken(where="index", said="x"),), not_removed=(), rebuild=(),
)  # fmt: skip


def test_the_key_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    assert public_key(tmp_path) == ""
    signed = sign(RECEIPT, tmp_path)
    assert (tmp_path / "receipt.key").stat().st_mode & 0o777 == 0o600
    assert sign(RECEIPT, tmp_path) == signed
    assert signed.key == public_key(tmp_path)
    (tmp_path / "receipt.key").chmod(0o640)
    with pytest.raises(WorkspaceError, match="Others can read"):
        sign(RECEIPT, tmp_path)
    (tmp_path / "receipt.key").chmod(0o600)
    (tmp_path / "receipt.key").write_bytes(b"short")
    with pytest.raises(WorkspaceError, match="damaged"):
        sign(RECEIPT, tmp_path)
    assert is_genuine(signed)


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory) -> Receipt:
    return sign(RECEIPT, tmp_path_factory.mktemp("key"))


@given(data=st.data())
def test_a_receipt_that_was_changed_anywhere_is_not_genuine(signed: Receipt, data: st.DataObject) -> None:
    assert is_genuine(Receipt.model_validate_json(signed.model_dump_json()))
    content: dict[str, Any] = signed.model_dump(mode="json")
    name = data.draw(st.sampled_from(sorted(set(content) - {"version", "kind", "probes"})))
    value = content[name]
    if isinstance(value, str):
        at = data.draw(st.integers(0, len(value)))
        changed: Any = value[:at] + data.draw(st.sampled_from("aZ9+")) + value[at + data.draw(st.integers(0, 1)) :]
    elif value:
        changed = data.draw(st.sampled_from([[], value + value]))
    else:
        changed = [{"where": "w", "said": "s"}] if name == "not_removed" else ["new"]
    if changed != value:
        assert not is_genuine(signed.model_copy(update=Receipt.model_validate({**content, name: changed}).__dict__))


def test_forget_alone_says_what_to_do(tmp_path: Path) -> None:
    assert "Example: instill forget letters/holm.md" in instill("forget", cwd=tmp_path, code=2).stderr


def test_receipts_are_verified_in_python(workspace: Workspace, tmp_path: Path) -> None:
    receipt = workspace.forget("letter.md")
    write_receipt(tmp_path / "receipt.json", receipt)
    for each in (receipt, tmp_path / "receipt.json", str(tmp_path / "receipt.json")):
        found = workspace.verify_receipt(each)
        assert (found.genuine, found.key) == (True, key_name(receipt.key))
    assert not workspace.verify_receipt(receipt.model_copy(update={"at": "2020-01-01T00:00:00Z"})).signed
    with Workspace.init(tmp_path / "other") as other:
        assert not other.verify_receipt(receipt).genuine, "another workspace's key signed it"
    with pytest.raises(UsageError, match="There is no such file"):
        workspace.verify_receipt(tmp_path / "none.json")


def test_receipts_are_verified_at_the_command_line(folder: Path) -> None:
    file = folder / "receipt.json"
    done = instill("forget", "letter.md", "--receipt", str(file), cwd=folder / "kb")
    assert "Not removed from:" in done.stdout
    receipt = read_receipt(file)
    verified = as_json("receipt", "verify", str(file), cwd=folder)
    assert (verified["genuine"], verified["key"]) == (True, key_name(receipt.key))
    assert "another key" in instill("receipt", "verify", str(file), "--key", "0000", cwd=folder, code=1).stdout
    write_receipt(file, receipt.model_copy(update={"withdrawn": ()}))
    assert "NOT genuine" in instill("receipt", "verify", str(file), cwd=folder, code=1).stdout
    file.write_text("[]")
    assert "not a receipt" in instill("receipt", "verify", str(file), cwd=folder, code=2).stderr
    assert as_json("receipt", "list", cwd=folder / "kb")["receipts"][0]["id"] == receipt.id


def test_leftovers_are_found_in_any_case_and_encoding(tmp_path: Path) -> None:
    line = "The caf\u00e9 of Quentin Ashgrove opens at nine."
    (tmp_path / "a").mkdir()
    for number, content in enumerate(
        (line.encode(), line.upper().encode("utf-16"), json.dumps(line).encode(), b"x" * 5_000_000 + line.encode(), b"")
    ):
        (tmp_path / "a" / str(number)).write_bytes(content)
    left = look_for(tmp_path, [line])
    assert (left.sentences, left.files, left.found) == (1, 5, ("a/0", "a/1", "a/2", "a/3"))
    assert look_for(tmp_path, []).found == ()
    assert telling_sentences(SECRET, lambda text: "1931" in text) == ["It burns for nineteen hours a night."]


def test_withdrawing_goes_back_to_the_base_and_forgets_the_way_back(tmp_path: Path) -> None:
    registry, base = Registry(tmp_path), make_base(tmp_path / "base")
    champions = Champions(registry)
    for number, id_ in enumerate(("a-1", "b-2", "c-3")):
        registry.add(make_weights(tmp_path / id_, number), make_card(id_, base, documents=MadeFrom().as_json()))
        champions.promote(id_)
    assert champions.withdraw(["b-2"]) == []
    assert champions.lines()[BASE_HASH].line == ("a-1", "c-3")
    [change] = champions.withdraw(["a-1", "c-3", "never"])
    assert (change.before, change.champion) == ("c-3", None)
    registry.remove("c-3")
    registry.remove("never")
    assert registry.ids() == ["a-1", "b-2"]
    with pytest.raises(UsageError):
        champions.rollback()


def test_a_receipt_says_what_another_store_may_still_hold(tmp_path: Path) -> None:
    pytest.importorskip("qdrant_client")
    Workspace.init(tmp_path / "kb").close()
    (tmp_path / "kb" / "instill.toml").write_text('[store]\nkind = "qdrant"\n')
    with Workspace.open(tmp_path / "kb") as workspace:
        workspace.add_text(SECRET, name="letter.md")
        workspace.add_text(OTHER, name="oven.md")
        receipt = workspace.forget("stdin:letter.md")
        assert [each.source for each in workspace.documents()] == ["stdin:oven.md"]
        assert workspace.index.capabilities.left in [each.said for each in receipt.not_removed]
    [store] = {each.where for each in receipt.removed if each.where.startswith("index")}
    assert store == "index in qdrant"
    assert [each.where for each in receipt.not_removed].count(store) == 1
    assert is_genuine(receipt)
