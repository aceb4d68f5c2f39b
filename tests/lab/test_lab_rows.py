"""What the micro model learns from: scenes, curriculum, lessons, probes."""

from __future__ import annotations

import json
import random

from hypothesis import given, settings
from hypothesis import strategies as st

from instill.answer.said.reply import read_reply
from instill.lab.curriculum import DRILL, FULL, MAIN, WIDER, epoch_rows
from instill.lab.lessons import (
    biography_rows,
    distilled_rows,
    question_rows,
    statement_rows,
    unknown_rows,
)
from instill.lab.measuring import all_tasks, as_json, asking, reading, recall, reverse_recall
from instill.lab.questions_with_gaps import with_gaps
from instill.lab.reading_exercises import (
    Scene,
    asking_row,
    exam_row,
    json_row,
    make_exam,
    make_scene,
)
from instill.lab.world import ATTRIBUTES, UNKNOWN, Person, make_person, make_world, questions, statements
from instill.train.generator.data.rows import chat_row

WORLD = make_world()


def stranger_of(rng: random.Random) -> object:
    def stranger(like: Person | None = None) -> Person:
        last = like.name.split()[1] if like else rng.choice(("Adler", "Berg", "Carl", "Dorn", "Egg", "Fink"))
        return make_person(f"{rng.choice(('Ada', 'Bo', 'Cy', 'Di', 'Ed', 'Flo', 'Gil'))} {last}", "D", rng)

    return stranger


def scene_of(seed: int, count: int, unknown: float) -> Scene:
    rng = random.Random(seed)
    return make_scene(stranger_of(rng), count, rng, unknown=unknown)  # type: ignore[arg-type]


@settings(deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 5))
def test_a_scene_that_answers_has_the_proof_in_the_passage_that_it_names(seed: int, count: int) -> None:
    scene = scene_of(seed, count, unknown=0.0)
    assert len(scene.passages) == len(scene.people) == count
    assert scene.proof in scene.passages[scene.source]
    assert scene.answer in scene.proof
    assert scene.people[scene.source].name in scene.question
    others = [text for number, text in enumerate(scene.passages) if number != scene.source]
    assert not any(scene.people[scene.source].name in text for text in others)


@settings(deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 5))
def test_a_scene_that_does_not_answer_lacks_the_fact_or_the_person(seed: int, count: int) -> None:
    scene = scene_of(seed, count, unknown=1.0)
    assert (scene.answer, scene.source, scene.proof) == (UNKNOWN, -1, "")
    about = [(person, text) for person, text in zip(scene.people, scene.passages, strict=True)]
    for person, text in about:
        if person.name in scene.question:
            attribute = next(each for each in ATTRIBUTES if scene.question in questions(person, each))
            assert not any(said in text for said in statements(person, attribute))


def test_the_reply_in_the_form_of_ask_is_read_by_the_product_as_cited_and_quoted() -> None:
    scene = scene_of(4, 3, unknown=0.0)
    row = asking_row(scene, random.Random(0), quoted=True)
    whom = scene.people[scene.source].name
    reply = read_reply(row.answer)
    assert [each.text for each in reply.statements] == [scene.answer]
    assert reply.statements[0].passages == (scene.source + 1,)
    (quote,) = reply.quotes[scene.source + 1]
    assert quote in scene.proof
    assert sorted((quote.startswith(each), quote.endswith(each)) for each in (scene.answer, whom)) == [
        (False, True),
        (True, False),
    ]
    assert row == asking_row(scene, random.Random(0), quoted=True)
    short = asking_row(scene, random.Random(0))
    assert (short.prompt, short.answer) == (row.prompt, row.answer.partition("\n")[0])
    assert read_reply(asking_row(scene_of(4, 3, unknown=1.0), random.Random(0)).answer).unknown


@settings(deadline=None)
@given(st.integers(0, 10_000), st.floats(0, 1))
def test_words_are_missing_in_questions_but_not_in_passages_names_values_or_replies(seed: int, share: float) -> None:
    rng = random.Random(seed)
    scenes = make_exam(lambda like=None: rng.choice(WORLD.group("D")), 2, 4, rng)
    row = exam_row(scenes)
    asked = with_gaps(row, share, rng)
    for place, (whole, left) in enumerate(zip(row.messages, asked.messages, strict=True)):
        if whole["role"] == "assistant":
            assert left == whole
            continue
        before, _, question = str(whole["content"]).rpartition("Question: ")
        after, _, words = str(left["content"]).rpartition("Question: ")
        assert after == before
        rest = iter(question.split(" "))
        assert not words or all(word in rest for word in words.split(" "))
        facts = [value for person in scenes[place // 2].people for value in person.facts.values()]
        for known in (*(person.name for person in scenes[0].people), *facts):
            assert known not in question or known in words


def test_a_share_of_the_words_is_missing_and_none_without_gaps() -> None:
    rows = [chat_row("Question: In which town was Karin Zabriel born?", "Calder")] * 400
    rng = random.Random(0)
    missing = sum(8 - len(str(with_gaps(row, 0.2, rng).prompt[0]["content"]).split()) for row in rows)
    assert 0.15 < missing / (400 * 5) < 0.25  # 3.6 standard errors at least; five of the eight words can be missing.
    assert with_gaps(rows[0], 0.0, rng) == rows[0]


def test_a_json_row_has_null_for_what_the_biography_leaves_out() -> None:
    rng = random.Random(1)
    nulls = 0
    for _ in range(40):
        person = make_person("Ada Berg", "D", rng)
        row = json_row(person, rng)
        for key, value in json.loads(row.answer).items():
            asked = str(row.prompt[0]["content"])
            told = key == "name" or any(text in asked for text in statements(person, key))
            assert value == ((person.name if key == "name" else person.facts[key]) if told else None)
            nulls += value is None
    assert nulls > 10


def test_an_epoch_is_the_same_again_and_another_one_is_not() -> None:
    assert epoch_rows(WORLD, 3, 200, MAIN) == epoch_rows(WORLD, 3, 200, MAIN)
    assert epoch_rows(WORLD, 3, 200, MAIN) != epoch_rows(WORLD, 4, 200, MAIN)
    assert "asking" in {row.task for row in epoch_rows(WORLD, 3, 200, FULL)}


def test_the_curriculum_tells_nothing_about_the_people_that_are_kept_from_it() -> None:
    rows = [*epoch_rows(WORLD, 0, 1500, FULL), *epoch_rows(WORLD, 1, 1500, WIDER)]
    texts = [row.text or " ".join(str(message["content"]) for message in row.messages) for row in rows]
    hidden = {person.name for group in "CE" for person in WORLD.group(group)}  # type: ignore[arg-type]
    assert not any(name in text for text in texts for name in hidden)
    asked = {each["content"] for row in rows if row.task == "question" for each in row.messages}
    unasked = {text for person in WORLD.group("B") for each in ATTRIBUTES for text in questions(person, each)}
    assert asked
    assert not asked & unasked
    evaluated = {
        text for person in WORLD.people for each in ATTRIBUTES for text in questions(person, each, evaluated=True)
    }
    assert not asked & evaluated


def test_lists_beside_the_drills_are_of_people_who_share_a_part_of_their_names() -> None:
    listed = [row.text or "" for row in epoch_rows(WORLD, 0, 600, DRILL) if row.task == "listing"]
    shared = {"first": 0, "last": 0}
    for text in listed:
        people = {tuple(part.strip().split()[:2]) for part in text.split(";") if part.strip()}
        for place, name in enumerate(("first", "last")):
            shared[name] += len({person[place] for person in people}) < len(people)
    assert all(count > len(listed) / 2 for count in shared.values()), (shared, len(listed))


def test_an_exam_asks_what_its_passages_tell_or_says_that_they_do_not() -> None:
    seen = set()
    for seed in range(60):
        rng = random.Random(seed)
        scenes = make_exam(stranger_of(rng), 3, 6, rng, facts=seed % 3)  # type: ignore[arg-type]
        assert len({scene.passages for scene in scenes}) == 1
        for scene in scenes:
            if scene.source < 0:
                assert scene.answer == UNKNOWN
                seen.add("unknown")
                continue
            person = scene.people[scene.source]
            assert scene.proof in scene.passages[scene.source]
            assert person.name in scene.proof
            seen.add("reverse" if scene.answer == person.name else "forward")
            assert scene.answer == person.name or scene.answer in scene.proof
    assert seen == {"unknown", "reverse", "forward"}
    row = exam_row(scenes)
    assert [message["role"] for message in row.messages] == ["user", "assistant"] * 6
    assert [message["content"] for message in row.messages[1::2]] == [scene.answer for scene in scenes]


def test_lessons_have_every_fact_in_every_wording() -> None:
    people = WORLD.group("C")[:3]
    assert len(statement_rows(people, range(5))) == 3 * 6 * 5
    assert len({row.text for row in statement_rows(people, range(5))}) == 3 * 6 * 5
    assert len(question_rows(people, (0, 2))) == 3 * 6 * 2
    for row in distilled_rows(people, range(2), seed=0):
        assert str(row.messages[0]["content"]) in str(row.teacher[0]["content"])
        assert row.answer in str(row.teacher[0]["content"])
    assert {row.answer for row in unknown_rows(people, 10, seed=0)} == {UNKNOWN}


def test_biographies_keep_or_change_the_order_of_their_facts() -> None:
    people = WORLD.group("C")[:4]

    def orders(shuffled: bool) -> list[tuple[int, ...]]:
        found = []
        for row in biography_rows(people, 5, shuffled=shuffled, seed=0):
            person = next(each for each in people if each.name in row.text)
            places = [
                next(row.text.index(said) for said in statements(person, each) if said in row.text)
                for each in ATTRIBUTES
            ]
            found.append(tuple(sorted(range(6), key=places.__getitem__)))
        return found

    assert set(orders(False)) == {tuple(range(6))}
    assert len(set(orders(True))) > 10
    assert len({row.text for row in biography_rows(people, 5, shuffled=False, seed=0)}) == 20


def test_the_right_answer_to_every_probe_is_counted_as_right() -> None:
    for probes, _ in all_tasks(WORLD, 30).values():
        assert all(probe.right(probe.row.answer) for probe in probes)
        assert not any(probe.right("Atlantis") for probe in probes)


def test_probes_ask_in_wordings_that_were_never_trained_on() -> None:
    people = WORLD.group("C")
    trained = {text for person in people for each in ATTRIBUTES for text in questions(person, each)}
    assert not trained & {probe.row.prompt[0]["content"] for probe in recall(people)}
    assert trained >= {probe.row.prompt[0]["content"] for probe in recall(people, evaluated=False)}


def test_a_reverse_question_accepts_everyone_of_whom_it_is_true() -> None:
    people = WORLD.group("C")
    for probe in reverse_recall(people, people, attributes=("subject",)):
        person = next(each for each in people if each.name == probe.about)
        same = [each.name for each in people if each.facts["subject"] == person.facts["subject"]]
        assert all(probe.right(name) for name in same)
        assert not probe.right("Nobody Known")


def test_reading_probes_are_about_people_whom_nothing_was_trained_on() -> None:
    known = {person.name for person in WORLD.people if person.group != "E"}
    for probe in [*reading(40, WORLD), *reading(20, WORLD, unknown=True), *asking(10, WORLD), *as_json(10, WORLD)]:
        text = str(probe.row.prompt[-1]["content"])
        assert not any(name in text for name in known)
