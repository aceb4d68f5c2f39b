"""Edits by hand: recorded, measured, served, made again without one of them, and ended by a consolidation."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from instill import Workspace
from instill.errors import UsageError
from instill.lab.study_set import lab_replay
from instill.lab.world import make_world, questions, write_documents
from instill.memory.consolidating.consolidate import Consolidated
from instill.memory.editing.dissolving import dissolve
from instill.memory.editing.wording import questions_of, sentence_of
from instill.memory.facts_in_weights import adapter_for_caller
from instill.models.registry.champions import Champions
from instill.models.registry.store import Registry
from tests.cli.test_cli import as_json, instill

ONE, TWO, THREE = make_world().group("A")[:3]
BORN = "Where was {} born?"


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    write_documents([ONE, TWO, THREE], tmp_path / "pages")
    Workspace.init(tmp_path / "kb").close()
    (tmp_path / "keep.jsonl").write_text("".join(json.dumps(row) + "\n" for row in lab_replay(1, 30)))
    with Workspace.open(tmp_path / "kb") as found:
        found.add(tmp_path / "pages")
        yield found


def weights(workspace: Workspace, id_: str) -> bytes:
    return (Registry(workspace.home).check(id_).folder / "weights.safetensors").read_bytes()


def champion(workspace: Workspace, base: str) -> str | None:
    return Champions(Registry(workspace.home)).champion(base)


def test_edits_are_in_use_together_and_each_is_taken_back_bit_for_bit(workspace: Workspace) -> None:
    keep = workspace.path.parent / "keep.jsonl"
    first = workspace.edit(
        ONE.name, BORN, TWO.facts["birthplace"], base="micro", wordings=questions(ONE, "birthplace")[1:3], keep=keep,
        force=True,
    )  # fmt: skip
    assert (first.in_use, first.before) == (True, ONE.facts["birthplace"])
    card = Registry(workspace.home).check(first.adapter).card
    assert card.recipe["edits"] == {BORN.format(ONE.name): TWO.facts["birthplace"]}
    assert [each.name for each in card.gate.conditions] == ["edits", "wordings", "kept", "perplexity", "norm"]  # type: ignore[union-attr]
    assert card.gate.conditions[0].passed  # type: ignore[union-attr]
    [record] = workspace.edits()
    assert (record.state, record.value, record.fact_id) == ("in force", TWO.facts["birthplace"], record.fact_id)
    assert champion(workspace, record.base) == first.adapter
    assert adapter_for_caller(workspace.home, workspace.caller()) == first.adapter
    assert adapter_for_caller(workspace.home, workspace.caller(["staff"])) == ""

    # The page of the person says otherwise in other words than the note: that is said at once, and seen afterwards.
    page = workspace.path.parent / "pages" / f"{ONE.name.replace(' ', '-').lower()}.md"
    said = f"{page} says “{ONE.name} was born in {ONE.facts['birthplace']}”"
    assert first.advice[0] == f"{said}: correct it, or the consolidation leaves the fact out."
    [fact] = [each for each in workspace.memory().facts() if each.fact_id == record.fact_id]
    assert (fact.candidate, [each.name for each in fact.why if not each.met]) == (False, ["undisputed"])
    undisputed = next(each for each in fact.why if each.name == "undisputed")
    assert undisputed.said == f"{said}, and this fact says “{TWO.facts['birthplace']}”: correct one of both."
    assert workspace.consolidation(base="micro")[0] == []

    # No document said so: a note does, the fact is pinned, and nobody waits until its document has been the same.
    assert first.document.startswith("stdin:edit-")
    assert workspace.show(record.doc_id).text.count(TWO.facts["birthplace"]) == 1
    [fact] = [each for each in workspace.memory().facts() if each.fact_id == record.fact_id]
    assert (fact.decision, next(each.met for each in fact.why if each.name == "stable")) == ("pinned", True)

    second = workspace.edit(THREE.name, BORN, ONE.facts["birthplace"], base="micro", keep=keep, force=True)
    assert Registry(workspace.home).get(second.adapter).card.rows.count == 2
    assert {each.adapter for each in workspace.edits()} == {second.adapter}
    assert any("2 edits are in force" in line for line in second.advice)

    alone = weights(workspace, first.adapter)
    undone = workspace.undo_edit(second.edit_id)
    assert (undone.state, [each.state for each in workspace.edits()]) == ("undone", ["in force", "undone"])
    assert champion(workspace, record.base) == first.adapter
    assert weights(workspace, first.adapter) == alone
    assert [each.source for each in workspace.documents()].count(first.document) == 1
    assert workspace.undo_edit(first.edit_id).state == "undone"
    assert champion(workspace, record.base) is None
    assert first.document not in [each.source for each in workspace.documents()]
    assert workspace.memory().facts() == []  # Nor does a pinned fact stay of a note that is gone.
    with pytest.raises(UsageError, match="undone already"):
        workspace.undo_edit(first.edit_id)


def test_an_edit_that_is_not_said_is_not_in_use_and_its_document_answers(workspace: Workspace) -> None:
    found = as_json("edit", ONE.name, "employer", "Qxzw Vjkk", "--base", "micro", cwd=workspace.path, code=1)
    assert (found["in_use"], found["reasons"][0]) == (False, "0 of 1 new values are said; 100% are needed.")
    assert found["unchecked"] == [
        "[kept] Not checked: What else the model can do is not known: name rows of it with --keep FILE."
    ]
    workspace.refresh()
    [record] = workspace.edits()
    assert (record.state, champion(workspace, record.base)) == ("not in use", None)
    assert record.wordings == (f"Name the employer of {ONE.name}.", f"{ONE.name}: what is the employer?")
    assert "Qxzw Vjkk" in workspace.ask(f"What is the employer of {ONE.name}?").text


def test_forgetting_a_document_ends_the_edit_of_it_and_makes_the_others_again(workspace: Workspace) -> None:
    said = f"{THREE.name} was born in {ONE.facts['birthplace']}."
    workspace.add_text(f"# Correction\n\n{said}\n", name="correction.md")
    other = workspace.edit(ONE.name, BORN, TWO.facts["birthplace"], base="micro", force=True)
    found = workspace.edit(THREE.name, BORN, ONE.facts["birthplace"], base="micro", force=True)
    assert found.document == "stdin:correction.md"
    shown = as_json("models", "diff", found.adapter, cwd=workspace.path)
    assert shown["b"] == "base"
    assert shown["differences"]["recipe"][f"edits.{BORN.format(ONE.name)}"] == [TWO.facts["birthplace"], None]
    assert [each["norm"] > 0 for each in shown["layers"] if each["layer"] == "layer 3"] == [True]
    assert [each["norm"] for each in shown["layers"] if each["layer"] == "layer 0"] == [0.0]
    plan = workspace.forgetting_plan("stdin:correction.md")
    assert [(each.where, each.said) for each in plan.weights if each.where.startswith("edit")] == [
        (f"edit {found.edit_id}", "Its value comes from it, so it ends."),
        ("edits", f"1 other edit in the same weights ({other.edit_id}) is made again without it."),
    ]

    receipt = workspace.forget("stdin:correction.md")

    assert {found.adapter, other.adapter} <= set(receipt.withdrawn)
    [left] = workspace.edits()
    assert (left.edit_id, left.state, left.said) == (other.edit_id, "in force", "")
    assert left.adapter not in receipt.withdrawn
    assert champion(workspace, left.base) == left.adapter
    card = Registry(workspace.home).check(left.adapter).card
    assert card.recipe["edits"] == {BORN.format(ONE.name): TWO.facts["birthplace"]}
    assert not {each.doc_id for each in receipt.documents} & card.made_from.doc_ids
    removed = [(each.where, each.said) for each in receipt.removed]
    assert (f"edit {found.edit_id}", "Its value came from it, so it ended.") in removed
    assert ("edits", f"1 other edit ({other.edit_id}) was made again without it, in {left.adapter}.") in removed
    assert ("model micro", f"In use now: {left.adapter}.") in removed
    assert receipt.rebuild == ()
    kept = (workspace.home / "memory" / "rebuild").iterdir()
    assert not any(ONE.facts["birthplace"] in file.read_text() for file in kept), "no value of an edit stays"
    first = weights(workspace, left.adapter)
    workspace.undo_edit(left.edit_id)
    again = workspace.edit(ONE.name, BORN, TWO.facts["birthplace"], base="micro", force=True)
    assert weights(workspace, again.adapter) == first, "as if the document had never been there"


def test_edits_that_cannot_be_made_again_say_why(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    other = workspace.edit(ONE.name, BORN, TWO.facts["birthplace"], base="micro", force=True)
    card = Registry(workspace.home).check(other.adapter).card
    monkeypatch.setattr(
        "instill.memory.forgetting.edits_left.recipe_kept",
        lambda *_: {"recipe": card.recipe, "base": {"folder": str(workspace.path / "gone")}},
    )
    page = next(each for each in workspace.documents() if each.source.startswith("/"))
    receipt = workspace.forget(page.source)
    [left] = workspace.edits()
    assert (left.state, "could not be made again" in left.said) == ("not in use", True)
    assert receipt.rebuild == (f"edit {left.edit_id}: edit again with: instill edit. {left.said}",)


def test_a_consolidation_ends_the_edits_and_says_what_became_of_each(workspace: Workspace) -> None:
    first = workspace.edit(ONE.name, BORN, TWO.facts["birthplace"], base="micro", force=True)
    second = workspace.edit(THREE.name, BORN, ONE.facts["birthplace"], base="micro", force=True)
    # As if the first candidate had been trained on facts: only that there is one counts here.
    trained = Consolidated(labels=(), adapter=first.adapter, promoted=True, left_out={})
    assert dissolve(workspace.home, workspace.catalog, [trained.model_copy(update={"promoted": False})]) == []
    ended = dissolve(workspace.home, workspace.catalog, [trained])
    assert [each.state for each in ended] == ["dissolved", "dissolved"]
    assert all("from the index only" in each.said for each in ended)
    assert champion(workspace, ended[0].base) != second.adapter
    assert {each.state for each in workspace.edits()} == {"dissolved"}


def test_what_cannot_be_edited_says_why(workspace: Workspace) -> None:
    with pytest.raises(UsageError, match="No model is named"):
        workspace.edit("Ann", "employer", "X")
    with pytest.raises(UsageError, match="There is no file"):
        workspace.edit("Ann", "employer", "X", base="micro", keep=Path("missing.jsonl"))
    with pytest.raises(UsageError, match="Only the owner"):
        workspace.seen_by(["staff"]).edit("Ann", "employer", "X", base="micro")
    instill("edit", cwd=workspace.path, code=2)
    assert as_json("edit", "--list", cwd=workspace.path) == {"edits": []}


def test_a_relation_is_a_noun_or_a_question() -> None:
    assert questions_of(" Ann ", "Where does {} live?") == ("Where does Ann live?",)
    assert questions_of("Ann", "home")[0] == "What is the home of Ann?"
    assert sentence_of("Where?", "Rome.") == "The answer to “Where?” is: Rome."
    for wrong in (("", "home"), ("Ann", " ")):
        with pytest.raises(UsageError, match="is empty"):
            questions_of(*wrong)


@pytest.mark.parametrize(
    ("relation", "said"),
    [
        ("{} {}", "has braces that are not one {}"), ("Who is {} and {}?", "has braces that are not one {}"),
        ("Where was {name} born?", "has braces that are not"), ("Where was {} born}?", "has braces that are not"),
        ("employer {", "has braces that are not one {}"), ("{}", "says nothing beside the subject"),
        ("{}?", "says nothing beside the subject"), ("Where was she born?", "needs {} in the place of the subject"),
        ("where was Ann born", "needs {} in the place of the subject"), ("born where?", "needs {} in the place"),
    ],
)  # fmt: skip
def test_a_relation_that_cannot_be_asked_is_refused(workspace: Workspace, relation: str, said: str) -> None:
    before = [each.source for each in workspace.documents()]
    with pytest.raises(UsageError, match=re.escape(said)):
        workspace.edit("Ann", relation, "Lund", base="micro")
    with pytest.raises(UsageError, match="The wording has braces"):
        workspace.edit("Ann", "birthplace", "Lund", base="micro", wordings=["Where was {} {} born?"])
    assert [each.source for each in workspace.documents()] == before
