"""The laboratory's study set: evidence, wordings, roles, rows, and no leak."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from random import Random

import pytest

from instill import Workspace
from instill.errors import UsageError
from instill.index.lookup import StoredDocument
from instill.index.types import DocumentRecord
from instill.lab.study_set import lab_replay, lab_study
from instill.lab.wordings import WORDINGS
from instill.lab.world import (
    ATTRIBUTES,
    Person,
    biography,
    documents,
    make_person,
    make_world,
    questions,
    reverse_questions,
    statements,
    write_documents,
)
from instill.study.audit import open_audit
from instill.study.leaks import texts_of_rows
from instill.study.stored_study import open_study, write_study
from instill.study.study_making import Made, find_leaks
from instill.study.study_set import StudyItem
from instill.train.generator.data.rows import read_rows

WORLD = make_world()
TAUGHT, CONTROLS, ABSENT = WORLD.group("C")[:10], WORLD.group("E")[:8], WORLD.group("E")[20:24]


def stored(name: str, text: str, title: str = "") -> StoredDocument:
    record = DocumentRecord(name, f"{name}.md", "markdown", title, "", 0, "", "", (), {}, 1, "")
    return StoredDocument(record, text, (), (), ())


def pages(people: Sequence[Person], seed: int = 0) -> list[StoredDocument]:
    return [stored(name, text) for name, text in documents(people, seed)]


PAGES = pages([*TAUGHT, *CONTROLS])


@pytest.fixture(scope="module")
def made() -> Made:
    return lab_study(PAGES, TAUGHT, CONTROLS, ABSENT, seed=0)


def person_of(name: str) -> Person:
    return next(person for person in WORLD.people if person.name == name)


def held_out(person: Person, attribute: str, form: str) -> list[str]:
    """In which wordings gate and audit may ask."""
    if form == "reverse":
        return reverse_questions(person, attribute, evaluated=True)
    return questions(person, attribute, evaluated=form == "reworded")


def test_a_real_workspace_tells_every_fact_with_its_evidence(tmp_path: Path) -> None:
    people = [*TAUGHT[:4], *CONTROLS[:2]]
    write_documents(people, tmp_path / "pages")
    with Workspace.init(tmp_path / "kb") as workspace:
        workspace.add([str(tmp_path / "pages")])
        texts = [workspace.index.document_text(record.doc_id) for record in workspace.index.records()]
        made = lab_study([text for text in texts if text], TAUGHT[:4], CONTROLS[:2], ABSENT, seed=1)
        study = write_study(workspace.home, made.study, made.rows)
        assert open_study(workspace.home).card.id == study.card.id == made.study.card.id
        assert len(study.facts()) == 6 * len(people)
        for fact in study.facts():
            document = workspace.index.document_text(fact.doc_id)
            assert document is not None
            assert document.record.title == fact.title == fact.subject
            assert document.text[fact.evidence.start : fact.evidence.end] == fact.evidence.text
            assert document.text[fact.start : fact.end] == fact.answer == person_of(fact.subject).facts[fact.kind]
            assert fact.evidence.start <= fact.start < fact.end <= fact.evidence.end
    # What is written can be read, and trained on.
    assert study.items("train") == made.study.of("train")
    assert study.items("gate") == made.study.of("gate")
    assert open_audit(study, unseal=True, why="test") == made.study.of("audit")
    assert [row.task for row in read_rows(study.rows_file)] == [row["task"] for row in made.rows]
    assert study.rows() == made.rows


@pytest.mark.parametrize("attribute", ATTRIBUTES)
def test_the_whole_sentence_is_the_evidence_in_every_wording(attribute: str) -> None:
    person = TAUGHT[0]
    both = statements(person, attribute) + statements(person, attribute, evaluated=True)
    for sentence in both:
        text = f"# {person.name}\n\nOnce upon a time. {sentence} Nobody else was there.\n"
        made = lab_study([stored("d", text)], [person], [], [], seed=0)
        [fact] = made.study.facts
        assert (fact.evidence.text, fact.kind, fact.answer) == (sentence, attribute, person.facts[attribute])
        assert text[fact.start : fact.end] == fact.answer


def test_every_training_fact_is_told_and_asked_in_wordings_for_training(made: Made) -> None:
    taught = {fact.id: fact for fact in made.study.facts if fact.role == "taught"}
    assert len(taught) == 6 * len(TAUGHT)
    told = Counter((row["facts"][0], row["task"]) for row in made.rows)
    assert told == Counter({**{(id_, "statement"): 5 for id_ in taught}, **{(id_, "question"): 4 for id_ in taught}})
    items = {item.id: item for item in made.study.of("train")}
    seen = set()
    for row in made.rows:
        [id_] = row["facts"]
        person, kind = person_of(taught[id_].subject), taught[id_].kind
        if "text" in row:
            assert row["text"] in statements(person, kind)
            seen.add(row["text"])
        else:
            asked, said = row["messages"]
            assert asked["content"] in questions(person, kind)
            assert said["content"] == person.facts[kind] == items[row["item"]].answer
            assert items[row["item"]].question == asked["content"]
            seen.add(asked["content"])
    assert len(seen) == len(made.rows)
    assert {item.phrasing for item in items.values()} == {"direct", "reworded"}
    assert len(items) == 4 * len(taught)


def test_gate_and_audit_ask_in_wordings_of_which_most_were_never_trained_on(made: Made) -> None:
    facts = {fact.id: fact for fact in made.study.facts}
    for split in ("gate", "audit"):
        for item in made.study.of(split):
            if item.phrasing == "unanswerable":
                person = next(each for each in ABSENT if each.name in item.question)
                asked = {text for each in ATTRIBUTES for text in held_out(person, each, item.form)}
            else:
                [fact] = [facts[id_] for id_ in item.fact_ids]
                asked = set(held_out(person_of(fact.subject), fact.kind, item.form))
                assert item.answer == (fact.subject if item.form == "reverse" else fact.answer)
                assert (item.accepted, item.evidence) == ((item.answer,), (fact.evidence,))
                assert item.phrasing == ("control" if fact.role == "control" else item.form)
            assert item.question in asked
    assert set(made.study.card.items["gate"]) == {"direct", "reworded", "reverse", "control", "unanswerable"}


def frame(item: StudyItem) -> str:
    """The question without the words that are about somebody."""
    question = item.question
    for person in (*TAUGHT, *CONTROLS, *ABSENT):
        for word in (person.name, *person.facts.values()):
            question = re.sub(rf"\b{word}\b", "_", question)
    return question


def test_no_wording_is_both_in_the_gate_and_in_the_audit(made: Made) -> None:
    gate, audit, train = ({frame(item) for item in made.study.of(split)} for split in ("gate", "audit", "train"))
    assert len(gate) == len(audit) == 3 * 6 - 1  # Every country is that of several people.
    assert not gate & audit
    assert not train & (gate | audit)


def test_a_reverse_question_fits_one_document_only(made: Made) -> None:
    asked = {item.answer + item.question for item in made.study.of("gate") if item.form == "reverse"}
    expected = 0
    for fact in made.study.facts:
        holders = [page for page in PAGES if re.search(rf"\b{fact.answer}\b", page.text)]
        person = person_of(fact.subject)
        unique = len(holders) == 1
        expected += unique
        found = [one for one in reverse_questions(person, fact.kind, evaluated=True) if person.name + one in asked]
        assert len(found) == unique
    assert 0 < expected == len(asked) < len(made.study.facts)
    assert made.study.card.rejected == {"reverse questions that fit several people": len(made.study.facts) - expected}


def test_people_who_are_neither_taught_nor_controls_make_a_reverse_question_ambiguous() -> None:
    person = TAUGHT[0]
    twin = Person("Nobody Known", "D", person.facts)
    [page] = pages([person])
    alone = lab_study([page], [person], [], [], seed=0)
    doubled = lab_study([page, *pages([twin])], [person], [], [], seed=0)
    assert sum(item.form == "reverse" for item in alone.study.items) == 12
    assert not any(item.form == "reverse" for item in doubled.study.items)
    both_on_one_page = stored("d", page.text + biography(twin, Random(0)))
    shared = lab_study([both_on_one_page], [person], [twin], [], seed=0)
    assert not any(item.form == "reverse" for item in shared.study.items)


def test_controls_and_people_in_no_document_are_taught_nowhere(made: Made) -> None:
    kept = {person.name for person in (*CONTROLS, *ABSENT)}
    told = [text.text for text in texts_of_rows(made.rows)] + [item.question for item in made.study.of("train")]
    assert not any(name in text for text in told for name in kept)
    controls = [item for item in made.study.items if item.phrasing == "control"]
    assert {item.split for item in controls} == {"gate", "audit"}
    assert {id_ for item in controls for id_ in item.fact_ids} == {
        fact.id for fact in made.study.facts if fact.role == "control"
    }


def test_an_unanswerable_question_has_no_answer_and_its_person_is_one_group(made: Made) -> None:
    items = [item for item in made.study.of("gate") if item.phrasing == "unanswerable"]
    assert len(items) == len(ABSENT) * 6 * 2
    assert len({item.question for item in items}) == len(items)
    assert {(item.answer, item.accepted, item.evidence, item.excluded) for item in items} == {("", (), (), ())}
    groups = {(item.fact_ids, next(one.name for one in ABSENT if one.name in item.question)) for item in items}
    assert len(groups) == len(ABSENT)
    assert not {id_ for ids, _ in groups for id_ in ids} & {fact.id for fact in made.study.facts}


@pytest.mark.parametrize("seed", range(4))
def test_nothing_leaks(seed: int) -> None:
    people = Random(seed).sample([*WORLD.group("C"), *WORLD.group("E")], 40)
    taught, controls, absent = people[:20], people[20:35], people[35:]
    made = lab_study(pages(people[:35], seed), taught, controls, absent, seed=seed)
    assert find_leaks(made.study.facts, made.study.items, made.rows) == []
    assert made.study.card.leaks == {"left": 0}


def test_a_taught_fact_is_not_told_in_the_words_in_which_a_control_has_the_same_value() -> None:
    """Both come from one town; the sentence about the control without the name is eight words long."""
    town = TAUGHT[0].facts["birthplace"]
    taught = TAUGHT[0]
    control = Person("Ulla Zabriel", "E", {**CONTROLS[0].facts, "birthplace": town})
    sentence = f"{control.name} spent the first years of life in {town}, the place of birth."
    held = [*pages([taught]), stored("c", f"# {control.name}\n\n{sentence}\n")]
    for seed in range(20):
        made = lab_study(held, [taught], [control], [], seed=seed)
        assert made.study.card.leaks == {"left": 0}
        assert not any("spent the first years" in row.get("text", "") for row in made.rows)
        assert Counter(row["task"] for row in made.rows) == {"statement": 30, "question": 24}


def test_the_same_again_and_otherwise_with_another_seed(made: Made) -> None:
    again = lab_study(reversed(PAGES), TAUGHT, CONTROLS, ABSENT, seed=0)
    assert (again.study, again.rows) == (made.study, made.rows)
    other = lab_study(PAGES, TAUGHT, CONTROLS, ABSENT, seed=1)
    assert other.study.facts == made.study.facts
    assert other.study.card.id != made.study.card.id
    assert other.rows != made.rows


def test_ids_are_unique(made: Made) -> None:
    assert len({item.id for item in made.study.items}) == len(made.study.items)
    assert len({fact.id for fact in made.study.facts}) == len(made.study.facts)


def test_the_card_counts_what_is_there(made: Made) -> None:
    card = made.study.card
    assert card.facts["role"] == {"control": 48, "taught": 60}
    assert card.facts["kind"] == dict.fromkeys(sorted(WORDINGS), 18)
    assert card.rows == {"question": 240, "statement": 300}
    assert sum(sum(counts.values()) for counts in card.items.values()) == len(made.study.items)
    assert card.documents == {"read": 18, "used": 18}


@pytest.mark.parametrize(
    ("taught", "controls", "absent", "said"),
    [
        ([], CONTROLS, ABSENT, "Nobody is taught"),
        (TAUGHT, [*CONTROLS, TAUGHT[0]], ABSENT, "named twice"),
        (TAUGHT, CONTROLS[:4], CONTROLS[4:5], "must not"),
        (TAUGHT, [*CONTROLS, ABSENT[0]], [], "No document tells"),
        ([make_person("Ada Berg", "C", Random(0))], [], [], "No document tells"),
    ],
)
def test_people_who_do_not_fit_the_documents_are_refused(
    taught: list[Person], controls: list[Person], absent: list[Person], said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        lab_study(PAGES, taught, controls, absent, seed=0)


def test_replay_is_what_the_model_learned_and_nothing_about_those_who_are_taught_or_controls() -> None:
    rows = lab_replay(3, 400)
    assert len(rows) == 400
    assert rows == lab_replay(3, 400) != lab_replay(4, 400)
    assert {row["task"] for row in rows} == {"statement", "question", "reverse", "reading", "json"}
    assert all(("messages" in row) != ("text" in row) and "spans" not in row for row in rows)
    hidden = [person.name for person in (*WORLD.group("C"), *WORLD.group("E"))]
    texts = "\n".join(text.text for text in texts_of_rows(rows))
    assert not any(name in texts for name in hidden)
