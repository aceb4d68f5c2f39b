"""Facts into weights: what is trained and examined, one adapter for each set of labels, exact rebuilds, idle work."""

from __future__ import annotations

import json
import os
import shutil
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instill import Workspace
from instill.answer.types import Answer, Citation, Claim, Trace
from instill.answer.uses_of_answer import read_documents, uses_of
from instill.common.made_from import MadeFrom
from instill.errors import UsageError, WorkspaceError
from instill.lab.study_set import lab_replay
from instill.lab.world import Person, make_world, questions, write_documents
from instill.memory import TRAININGS
from instill.memory.consolidating.consolidate import Consolidated, well_known
from instill.memory.consolidating.examining import Examined, examine, other_answer
from instill.memory.consolidating.material import material_of
from instill.memory.consolidating.one_at_a_time import alone
from instill.memory.consolidating.plan import groups_of, name_of, tolerance_of, write_files
from instill.memory.consolidating.reverse_wordings import named_in_all, reverse_wordings
from instill.memory.facts_in_weights import adapter_for_caller, read_weights, write_weights
from instill.memory.types import Fact
from instill.memory.when_idle import MAY_STOP, note_asked, note_stage, run_when_idle, seconds_idle
from instill.models.registry.card import Condition, GateResult
from instill.models.registry.store import Registry
from instill.models.weights import micro_folder
from instill.study.leaks import alike
from instill.study.questions_about_any_text import sentence_around
from instill.study.stored_study import list_studies
from instill.study.study_set import Evidence
from instill.study.study_set import Fact as StudyFact
from instill.train.gate.decision_rules import loss_outcome, paired
from instill.train.gate.specification import load_gate
from instill.train.generator.data.duplicates import asked_in
from instill.train.generator.data.rows import chat_row, row_of
from instill.train.generator.recipes.base import found_base
from instill.train.generator.recipes.defaults import learning_rate, settled, width_of
from instill.train.generator.recipes.recipe import Recipe
from tests.cli.test_cli import as_json, instill
from tests.study.documents import stored

ASKED = ("year", "birthplace")


def asked_often(workspace: Workspace, people: Sequence[Person], attributes: Sequence[str] = ASKED) -> None:
    """Each fact is asked for in six wordings, and its sentence answers."""
    for record in workspace.documents():
        document = workspace.index.document_text(record.doc_id)
        assert document is not None
        for person in (each for each in people if each.name in document.text):
            for attribute in attributes:
                value = person.facts[attribute]
                at = document.text.index(value)
                start, end = sentence_around(document.text, at, at + len(value))
                citation = Citation(record.doc_id, record.source, "", start, end, document.text[start:end])
                for question in questions(person, attribute)[:6]:
                    trace = Trace(question, question, "extractive")
                    answer = Answer("", (Claim(citation.text, (citation,)),), 1.0, False, trace, short=value)
                    workspace.catalog.log_question(
                        question=question,
                        standalone_question=question,
                        abstained=False,
                        confidence=1.0,
                        citations=[],
                        milliseconds=1.0,
                        uses=uses_of(answer, read_documents([record.doc_id], [document])),
                    )


PEOPLE = make_world().group("C")[:3]


def world(folder: Path, people: Sequence[Person], pages: Path | None = None) -> Workspace:
    """A workspace with a page for each person and for one who is not asked about."""
    pages = pages or folder / "pages"
    if not pages.exists():
        write_documents([*PEOPLE, *make_world().group("E")[:1]], pages)
    folder.mkdir(exist_ok=True)
    Workspace.init(folder / "kb").close()
    (folder / "kb" / "instill.toml").write_text("[memory]\nstable_days = 0\nthreshold = 1\nidle_s = 0.4\n")
    workspace = Workspace.open(folder / "kb")
    workspace.add(pages)
    asked_often(workspace, people)
    (folder / "replay.jsonl").write_text("".join(json.dumps(row) + "\n" for row in lab_replay(0, 20)))
    return workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    with world(tmp_path, PEOPLE) as found:
        yield found


def test_what_would_be_trained_is_shown_and_nothing_is_written(workspace: Workspace) -> None:
    [(group, material)], _ = workspace.consolidation(base="micro")
    assert (group.labels, len(group.facts), len(material.taught)) == ((), 6, 6)
    train = [item for item in material.study.items if item.split == "train"]
    gate = [item for item in material.study.items if item.split == "gate"]
    same = [(one, other) for one in train for other in gate if one.fact_ids == other.fact_ids]
    assert not any(
        alike(one.question, other.question) for one, other in same if "reverse" not in (one.form, other.form)
    )
    for fact in material.taught:
        assert sum(item.fact_ids == (fact.id,) and item.form != "reverse" for item in gate) >= 1
        assert sum(item.fact_ids == (fact.id,) for item in train) >= 2
        assert fact.answer in fact.evidence.text
    controls = {fact.id for fact in material.study.facts if fact.role == "control"}
    assert controls
    assert not any(controls & set(row["facts"]) for row in material.rows)  # type: ignore[call-overload]
    for row in material.rows:
        made = MadeFrom.from_json(row["made_from"])
        assert made.known
        assert made.doc_ids == {fact.doc_id for fact in material.taught if fact.id in row["facts"]}  # type: ignore[operator]
    assert list_studies(workspace.home) == []
    [(_, again)], _ = workspace.consolidation(base="micro")
    assert again.rows == material.rows
    planned = as_json("consolidate", "--dry-run", "--base", "micro", cwd=workspace.path)["planned"]
    assert [len(each["taught"]) for each in planned] == [6]
    [plan] = workspace.consolidation_plan(base="micro")
    assert planned == [plan.model_dump(mode="json")]
    assert plan.too_small
    assert plan.doubts[0].startswith("Too small to prove anything: it has 6 facts to ask about, and 9 at least")
    assert plan.doubts[-1].endswith("name rows of what it can do with --replay FILE.")
    with_replay = workspace.consolidation_plan(base="micro", replay=workspace.path.parent / "replay.jsonl")
    assert len(with_replay[0].doubts) == len(plan.doubts) - 1
    shown = instill("consolidate", "--dry-run", "--base", "micro", cwd=workspace.path).stdout
    for fact_id in plan.taught:
        assert f"would be taught: {fact_id} {plan.asked_as[fact_id][:40]}" in shown
    assert "Nothing was trained." in shown


def test_what_a_gate_of_facts_cannot_check_is_named_with_the_reason(tmp_path: Path, workspace: Workspace) -> None:
    [(group, material)], _ = workspace.consolidation(base="micro")
    home = tmp_path / "home"
    files = write_files(home, group, material, base="micro", replay=None, gate=None, seed=0)
    assert load_gate(files.folder / "gate.toml").not_checked == {
        "forgetting": "There are no rows of what the model could do before: name some with --replay FILE."
    }
    own = tmp_path / "own.toml"
    own.write_text('[forgetting]\nrows = "replay.jsonl"\naccuracy_drop = 0.1\n')
    files = write_files(home, group, material, base="micro", replay=None, gate=own, seed=0)
    assert load_gate(files.folder / "gate.toml").not_checked == {}, "the user's own gate checks it"


def test_a_fact_that_is_worded_in_one_way_only_is_left_out() -> None:
    text = "The rusty gate squeaks 12 times."
    document = stored(text)
    fact = a_fact("f1", (), wordings=("How often does the gate squeak?",), answer="12 times", evidence=text)
    material = material_of([fact], [document])
    assert material.taught == []
    assert material.left_out["f1"].endswith('add a wording: instill memory edit FACT --wording "..."')
    two = fact.model_copy(
        update={"wordings": ("How often does the gate squeak?", "Say how many squeaks the gate gives")}
    )
    assert [each.id for each in material_of([two], [document]).taught] == ["f1"]


@pytest.mark.parametrize("seed", range(12))
def test_what_stands_in_a_row_examines_nothing(seed: int) -> None:
    """ "When was she born?" beside "It was the year 1910 when she was born.": the training would be refused for it."""
    text = "It was the year 1910 when Marta Nordahl was born."
    wordings = (
        "When was Marta Nordahl born?",
        "In which year was Marta Nordahl born?",
        "What is the year of birth of Marta Nordahl?",
        "In what year did Marta Nordahl come into the world?",
    )
    fact = a_fact("f1", (), wordings=wordings, answer="1910", evidence=text)
    material = material_of([fact], [stored(text)], seed=seed)
    gate = [item.question for item in material.study.items if item.split == "gate"]
    assert gate
    assert "When was Marta Nordahl born?" not in gate
    rows = [row_of(row) for row in material.rows]
    assert asked_in([chat_row(question, "1910") for question in gate], rows) == set()


def a_fact(
    fact_id: str,
    labels: tuple[str, ...],
    *,
    stage: str = "indexed",
    candidate: bool = True,
    decision: str = "",
    wordings: tuple[str, ...] = (),
    answer: str = "x",
    evidence: str = "x",
) -> Fact:
    return Fact.model_validate(
        {
            "fact_id": fact_id, "stage": stage, "question": wordings[0] if wordings else "q", "answer": answer,
            "doc_id": "d1", "version": "", "source": "s", "title": "", "start": 0, "end": len(evidence),
            "evidence": evidence, "labels": labels, "uses": 1, "weight": 1.0, "last_used": "", "wordings": wordings,
            "decision": decision, "by_hand": False, "note": "", "adapter": "", "candidate": candidate, "why": (),
        }
    )  # fmt: skip


LABELS = st.lists(st.sampled_from(["hr", "staff", "shop"]), max_size=3, unique=True).map(tuple)


@given(
    st.lists(
        st.tuples(LABELS, st.booleans(), st.sampled_from(["indexed", "consolidated"]), st.booleans()), max_size=12
    ),
    st.data(),
)
def test_an_adapter_has_one_set_of_labels_and_everything_that_stays(
    made: list[tuple[tuple[str, ...], bool, str, bool]], data: st.DataObject
) -> None:
    facts = [
        a_fact(f"f{n}", labels, stage=stage, candidate=candidate, decision="excluded" if out and not candidate else "")
        for n, (labels, candidate, stage, out) in enumerate(made)
    ]
    held = {fact.fact_id: data.draw(LABELS) for fact in facts if data.draw(st.booleans())}
    by_labels: dict[tuple[str, ...], list[str]] = {}
    for fact_id, labels in held.items():
        by_labels.setdefault(labels, []).append(fact_id)
    groups = groups_of(facts, by_labels)
    assert len({group.labels for group in groups}) == len(groups)
    for group in groups:
        for fact in group.facts:
            assert set(fact.labels) == set(group.labels)  # Whoever may use it sees each of its documents.
    found = sorted(fact.fact_id for group in groups for fact in group.facts)
    stays = [f for f in facts if f.fact_id in held and f.stage == "consolidated" and f.decision != "excluded"]
    assert found == sorted({fact.fact_id for fact in facts if fact.candidate} | {fact.fact_id for fact in stays})


def test_names_of_groups_are_plain_and_differ() -> None:
    names = {name_of(labels) for labels in ((), ("hr",), ("hr", "staff"), ("hr,staff",), ("../..",))}
    assert len(names) == 5
    assert all(name.replace("-", "").isalnum() for name in names)


def test_known_is_most_wordings_and_the_likelier_sentence() -> None:
    def passed(right: int, asked: int, chosen: bool | None) -> bool:
        return Examined(fact_id="f", asked=asked, right=right, reverse_asked=0, reverse_right=0, chosen=chosen).passed

    assert passed(1, 2, True)
    assert passed(1, 1, None)
    assert not passed(1, 3, True)
    assert not passed(2, 2, False)
    assert not passed(0, 0, True)


def test_the_false_sentence_has_an_answer_of_the_same_kind() -> None:
    """ "Ada was born in the year Volta Ltd" would be no choice."""
    answers = ("1912", "1950", "Volta Ltd", "Basalt Works", "30 days", "2 weeks", "green tea", "black coffee")
    facts = [
        StudyFact(id=f"{number:08x}", doc_id="d", evidence=Evidence(doc_id="d", start=0, end=len(answer), text=answer),
                  subject="", answer=answer, start=0, end=len(answer), kind="asked")
        for number, answer in enumerate(answers)
    ]  # fmt: skip
    assert {fact.answer: other_answer(fact, facts) for fact in facts} == {
        one: other for first, second in zip(answers[::2], answers[1::2], strict=True)
        for one, other in ((first, second), (second, first))
    }  # fmt: skip
    assert other_answer(facts[0], [facts[0], facts[2]]) == "Volta Ltd"
    assert other_answer(facts[0], facts[:1]) == ""


def test_facts_are_shown_more_often_only_where_they_are_the_reason() -> None:
    """More of the same rows does not mend what the model forgot of what it could do before."""

    def examined(passed: bool, older: bool = False) -> Examined:
        right = 2 if passed else 0
        return Examined(fact_id="f", asked=2, right=right, reverse_asked=0, reverse_right=0, chosen=None, older=older)

    def gate(**passed: bool) -> GateResult:
        conditions = tuple(Condition(name=name.replace("_", "."), passed=each) for name, each in passed.items())
        return GateResult(passed=all(passed.values()), conditions=conditions)

    five = [examined(True)] * 4 + [examined(False)]
    forgot = gate(gain=True, forgetting_accuracy=False)
    assert well_known(forgot, five)
    assert not well_known(forgot, [*five, examined(False)])
    assert not well_known(forgot, [*five, examined(False, older=True)])
    assert not well_known(gate(gain=False, forgetting_accuracy=False), five)
    assert well_known(None, five)


def test_one_reply_that_gets_worse_does_not_reject_every_training(tmp_path: Path, workspace: Workspace) -> None:
    [(group, material)], _ = workspace.consolidation(base="micro")
    replay = tmp_path / "many.jsonl"
    replay.write_text("".join(json.dumps(chat_row(f"What is {n}?", str(n)).as_dict()) + "\n" for n in range(164)))
    files = write_files(tmp_path / "home", group, material, base="micro", replay=replay, gate=None, seed=0)
    gate = load_gate(files.folder / "gate.toml")
    assert gate.forgetting is not None
    assert gate.forgetting.accuracy_drop == tolerance_of(41) == 0.1
    outcomes = [
        loss_outcome(paired([1.0] * lost + [0.0] * (41 - lost)), tolerance)
        for tolerance in (0.03, 0.1)
        for lost in (1, 2, 9)
    ]
    assert outcomes == ["undecided", "undecided", "failed", "passed", "passed", "failed"]


@pytest.mark.timeout(280)
def test_trained_together_from_the_base_recorded_and_rebuilt_exactly_without_what_was_forgotten(
    tmp_path: Path,
) -> None:
    pages = tmp_path / "pages"  # The same files: a document's id comes from its place.
    with world(tmp_path / "one", PEOPLE[:2], pages) as workspace:
        replay = tmp_path / "one" / "replay.jsonl"
        stages: list[str] = []
        [first] = workspace.consolidate(base="micro", replay=replay, epochs=1, stage=stages.append)
        one_training = ["opening", "training", "measuring", "examining"]
        assert [each for each in stages if not each.startswith("once more, with ")] == [
            *one_training, *one_training, "registering"
        ]  # fmt: skip
        assert stages[4].endswith("shown more often")
        assert Registry(workspace.home).ids() == [first.adapter], "the first one is not kept"
        assert (first.promoted, first.rows > 10, len(first.facts)) == (False, True, 4)
        assert [each.partition(" ")[0] for each in first.unchecked] == ["[forgetting.perplexity]"]
        assert first.reasons  # Four facts prove no gain, whatever is learnt.
        card = Registry(workspace.home).check(first.adapter).card
        assert {each["doc_id"] for each in card.documents or ()} >= {fact.doc_id for fact in workspace.memory().facts()}
        [adapter] = read_weights(workspace.home).adapters
        assert (adapter.state, len(adapter.facts)) == ("rejected", 4)
        assert {fact.stage for fact in workspace.memory().facts()} == {"studied"}
        assert adapter_for_caller(workspace.home, workspace.caller()) == ""

        # As if it had passed: what it is for, who may use it, and what its facts are then.
        used = adapter.model_copy(
            update={
                "state": "in use",
                "facts": tuple(each.model_copy(update={"passed": True}) for each in adapter.facts),
            }
        )
        write_weights(workspace.home, read_weights(workspace.home).with_adapter(used))
        assert {fact.stage for fact in workspace.memory().facts()} == {"consolidated"}
        assert adapter_for_caller(workspace.home, workspace.caller()) == first.adapter
        assert adapter_for_caller(workspace.home, workspace.caller(["staff"])) == ""

        gone = next(document.source for document in workspace.documents() if PEOPLE[1].name in document.title)
        trainings = workspace.home / TRAININGS
        forgotten = PEOPLE[1].name.encode()
        assert any(forgotten in file.read_bytes() for file in trainings.rglob("*") if file.is_file())
        receipt = workspace.forget(gone)
        assert not any(forgotten in file.read_bytes() for file in trainings.rglob("*") if file.is_file())
        assert f"run consolidation {name_of(())}" in {each.where for each in receipt.removed}
        assert first.adapter in receipt.withdrawn
        assert read_weights(workspace.home).rebuild == ((),)
        [again] = workspace.consolidate(base="micro", replay=replay, epochs=1)
        rebuilt = Registry(workspace.home).check(again.adapter)
    with world(tmp_path / "two", PEOPLE[:1], pages) as other:
        other.remove([document.doc_id for document in other.documents() if PEOPLE[1].name in document.title])
        [fresh] = other.consolidate(base="micro", replay=tmp_path / "two" / "replay.jsonl", epochs=1)
        never = Registry(other.home).check(fresh.adapter)
    assert again.adapter == fresh.adapter != first.adapter
    assert rebuilt.card.files == never.card.files
    weights = "adapter_model.safetensors"
    assert (rebuilt.folder / weights).read_bytes() == (never.folder / weights).read_bytes()


def test_the_base_is_examined_like_a_candidate(workspace: Workspace) -> None:
    [(_, material)], _ = workspace.consolidation(base="micro")
    found = examine(
        micro_folder(), None, material.taught, material.study.items, older=frozenset([material.taught[0].id])
    )
    assert [each.fact_id for each in found] == [fact.id for fact in material.taught]
    assert found[0].older
    assert sum(each.right for each in found) <= 1  # Nobody told it.
    assert all(each.asked >= 1 for each in found)
    assert all(other_answer(fact, material.taught) not in ("", fact.answer) for fact in material.taught)


def test_a_model_that_is_not_there_is_named_even_if_no_fact_waits(tmp_path: Path) -> None:
    """Otherwise a wrong name is found out weeks later, when the first fact is due."""
    with Workspace.init(tmp_path / "kb") as empty:
        for base, said in (
            ("nothere", "no model at this path, or of this name"),
            ("nothere.gguf", "There is no file at this path"),
            (str(tmp_path), "no config.json"),
        ):
            with pytest.raises(UsageError, match=said):
                empty.consolidate(base=base)
        assert empty.consolidate(base="micro") == []


def test_a_base_is_found_from_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(micro_folder(), tmp_path / "model")
    (tmp_path / "linked").symlink_to(micro_folder())
    monkeypatch.chdir(tmp_path)
    assert Path(found_base("model")) == tmp_path / "model"
    assert found_base("linked") == "micro"
    assert found_base("micro") == "micro"
    assert found_base("hub:owner/name") == "hub:owner/name"


def test_other_bases_have_the_rate_and_batch_of_a_recipe(workspace: Workspace, tmp_path: Path) -> None:
    """Those of the micro model are not theirs: they suit another width, and seven replay rows for each new one."""
    [(group, material)], setting = workspace.consolidation(base="micro", replay_share=0.25, learning_rate=2e-3)
    assert (setting.replay_share, setting.learning_rate) == (0.25, 2e-3)
    replay = workspace.path.parent / "replay.jsonl"

    def recipe(base: str, **more: Any) -> Recipe:
        files = write_files(tmp_path / "home", group, material, base=base, replay=replay, gate=None, seed=3, **more)
        return settled(files.recipe, len(material.rows), micro_folder())

    other = str(micro_folder())
    for base, batch, rate in (("micro", 16, 5e-4), (other, 16, learning_rate("lora", width_of(micro_folder())))):
        found = recipe(base)
        assert (found.training.batch_size, found.training.learning_rate) == (batch, rate)
        assert (found.training.epochs, found.training.seed, found.data.replay_share) == (20, 3, 0.85)
    chosen = recipe(other, epochs=2, replay_share=0.25, learning_rate=2e-3)
    assert (chosen.training.epochs, chosen.training.batch_size, chosen.training.learning_rate) == (2, 8, 2e-3)
    assert chosen.data.replay_share == 0.25


def test_what_cannot_be_consolidated_says_why(workspace: Workspace) -> None:
    with pytest.raises(UsageError, match="No model is named"):
        workspace.consolidation()
    with pytest.raises(UsageError, match="There is no file"):
        workspace.consolidation(base="micro", replay=Path("nowhere.jsonl"))
    with pytest.raises(UsageError, match=r"not a number from 0 to 0.9. \(replay_share=1\)"):
        workspace.consolidation(base="micro", replay_share=1.0)
    with pytest.raises(UsageError, match="not a number from 0 to 1"):
        workspace.consolidation(base="micro", learning_rate=-1e-3)
    with pytest.raises(UsageError, match="Only the owner"):
        workspace.seen_by(["hr"]).consolidation(base="micro")
    for fact in workspace.memory().facts():
        workspace.memory().decide(fact.fact_id, "excluded")
    assert workspace.consolidate(base="micro") == []
    assert "No fact is a candidate" in instill("consolidate", "--base", "micro", cwd=workspace.path).stdout
    assert Consolidated(labels=()).promoted is False


# -- idle ------------------------------------------------------------------------------------------------------

WORK = """
import sys, time
from pathlib import Path
from instill.memory.when_idle import note_stage
note_stage(Path(sys.argv[1]), sys.argv[2])
deadline = time.monotonic() + float(sys.argv[3])
turns = 0
while time.monotonic() < deadline:
    turns += 1
    time.sleep(0.02)
print(turns)
"""


def test_it_stands_still_within_a_second_of_a_question_and_goes_on_later(tmp_path: Path) -> None:
    changes: list[str] = []
    stopped_after: list[float] = []

    def ask() -> None:
        while "running" not in changes:
            time.sleep(0.02)
        while not (tmp_path / "memory" / "stage").exists() or not (tmp_path / "memory" / "stage").read_text():
            time.sleep(0.02)
        asked = time.monotonic()
        note_asked(tmp_path)
        while "stopped" not in changes and time.monotonic() < asked + 20:
            time.sleep(0.01)
        stopped_after.append(time.monotonic() - asked)

    asking = threading.Thread(target=ask)
    asking.start()
    done = run_when_idle(
        [sys.executable, "-c", WORK, str(tmp_path), "training", "1.5"], tmp_path, idle_s=0.4, on_change=changes.append
    )
    asking.join()
    assert changes == ["waiting", "running", "stopped", "running"]
    assert stopped_after[0] < 1
    assert int(done.stdout) > 0
    assert done.returncode == 0


def test_it_is_not_stopped_where_a_question_might_wait_for_it(tmp_path: Path) -> None:
    assert "registering" not in MAY_STOP
    changes: list[str] = []
    note_stage(tmp_path, "training")  # Of a run before, that was killed.

    def on_change(change: str) -> None:
        changes.append(change)
        if change == "running":
            note_asked(tmp_path)

    command = [sys.executable, "-c", WORK, str(tmp_path), "registering", "0.5"]
    assert run_when_idle(command, tmp_path, idle_s=0.2, on_change=on_change).returncode == 0
    assert changes == ["waiting", "running"]
    assert run_when_idle([sys.executable, "-c", "raise SystemExit(3)"], tmp_path, idle_s=0.01).returncode == 3


def test_asking_is_noticed(workspace: Workspace) -> None:
    assert seconds_idle(workspace.home / "nowhere") > 1e6
    workspace.ask("Who is it?")
    assert seconds_idle(workspace.home) < 60


def test_a_fact_is_asked_for_in_reverse_too(workspace: Workspace) -> None:
    """The rules take only plain sentences apart; the name that all questions and the evidence share is asked for."""
    [(_, material)], _ = workspace.consolidation(base="micro")
    names = {person.name for person in PEOPLE}
    trained = "\n".join(str(row_of(row).prompt) for row in material.rows)
    for fact in material.taught:
        asked = [item for item in material.study.items if item.fact_ids == (fact.id,) and item.form == "reverse"]
        assert asked
        for item in asked:
            assert item.answer in names
            assert item.answer not in item.question
            assert fact.answer in item.question
            assert (item.question in trained) == (item.split == "train")


@pytest.mark.parametrize(
    ("evidence", "asked", "answer", "name"),
    [
        (
            "Ada Byron was born in Turin.",
            ["Where was Ada Byron born?", "Ada Byron's town of birth"],
            "Turin",
            "Ada Byron",
        ),
        ("Ada Byron was born in Turin.", ["Where was Ada born?", "Where was Ada Byron born?"], "Turin", ""),
        ("The head is Ada Byron, of Turin.", ["Who is the head?"], "Ada Byron", ""),
        ("The CX-200 of Ada Byron weighs 3 kg.", ["How heavy is Ada Byron's CX-200?"], "3 kg", "Ada Byron"),
        ("Vacation is 30 days.", ["How long is vacation?"], "30 days", ""),
    ],
)
def test_the_name_that_all_questions_share(evidence: str, asked: list[str], answer: str, name: str) -> None:
    assert named_in_all(evidence, asked, answer) == name


@given(st.text(max_size=60), st.lists(st.text(max_size=40), min_size=1, max_size=3), st.text(max_size=10))
def test_a_reverse_question_never_names_its_answer(evidence: str, asked: list[str], answer: str) -> None:
    name = named_in_all(evidence, asked, answer)
    for question in reverse_wordings(name, evidence, asked, answer) if name else ():
        assert name.lower() not in question.lower()


def test_a_second_consolidation_says_which_one_runs_and_since_when(workspace: Workspace) -> None:
    with alone(workspace.home):
        for more in ([], ["--when-idle"]):
            refused = instill("consolidate", "--base", "micro", *more, cwd=workspace.path, code=4)
            said = f"Another consolidation of this workspace is running in process {os.getpid()} since 20"
            assert said in " ".join(refused.stderr.split())
        (workspace.home / "memory" / "consolidating").unlink()
        with pytest.raises(WorkspaceError, match=r"workspace is running\."):
            workspace.consolidate(base="micro")
        assert instill("consolidate", "--base", "micro", "--dry-run", cwd=workspace.path)
    with alone(workspace.home):  # It is free again.
        pass
