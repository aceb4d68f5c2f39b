"""Splits by fact and by phrasing: nothing twice, shares kept, controls apart, the same for the same seed."""

from __future__ import annotations

from collections import Counter, defaultdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instill.errors import UsageError
from instill.study.facts import find_facts
from instill.study.leaks import alike
from instill.study.question_words import plain_words
from instill.study.rules.wordings_of_fact import items_of
from instill.study.splits import Shares, with_roles, with_splits
from instill.study.study_set import Fact, Split, StudyItem
from tests.study.documents import stored, workshops


def split(documents: int, seed: int, shares: Shares) -> tuple[list[Fact], list[StudyItem]]:
    found = find_facts(workshops(documents, seed=seed), seed=seed).facts
    facts = with_roles(found, shares=shares, seed=seed)
    items, left_out = with_splits([item for fact in facts for item in items_of(fact)], facts, shares=shares, seed=seed)
    assert not left_out
    return facts, items


@given(st.integers(2, 25), st.integers(0, 999), st.sampled_from([0.0, 0.1, 0.3]), st.sampled_from([0.1, 0.25, 0.4]))
@settings(max_examples=6, deadline=None)
def test_nothing_is_in_two_splits(documents: int, seed: int, controls: float, held: float) -> None:
    shares = Shares(gate=held, audit=held, controls=controls)
    facts, items = split(documents, seed, shares)
    role = {fact.id: fact.role for fact in facts}
    assert len({item.id for item in items}) == len(items)
    where: dict[tuple[str, tuple[str, ...]], str] = {}
    by_fact: defaultdict[str, list[StudyItem]] = defaultdict(list)
    for item in items:
        by_fact[item.fact_ids[0]].append(item)
        assert where.setdefault((item.fact_ids[0], plain_words(item.question)), item.split) == item.split
        kind = role[item.fact_ids[0]]
        assert (item.phrasing == "control") == (kind == "control")
        assert (item.phrasing == "unanswerable") == (kind == "removed") == (item.answer == "") == bool(item.excluded)
        if kind != "taught":
            assert item.split != "train"
    for id_, own in by_fact.items():
        if role[id_] == "taught":
            assert any(item.split == "train" for item in own)
        for one in own:
            for other in own:
                assert role[id_] != "taught" or one.split == other.split or not alike(one.question, other.question)


@given(st.integers(25, 40), st.integers(0, 999))
@settings(max_examples=5, deadline=None)
def test_shares_are_kept(documents: int, seed: int) -> None:
    facts, items = split(documents, seed, Shares(gate=0.25, audit=0.25, controls=0.2, removed=0.05))
    roles = Counter(fact.role for fact in facts)
    assert abs(roles["control"] / len(facts) - 0.2) <= 0.05
    assert abs(roles["removed"] / len(facts) - 0.05) <= 0.03
    taught = Counter(item.split for item in items if item.phrasing not in ("control", "unanswerable"))
    total = taught.total()
    # A family goes as a whole, and each fact is asked in training: the counts miss their shares by little.
    wanted: dict[Split, float] = {"train": 0.5, "gate": 0.25, "audit": 0.25}
    for name, share in wanted.items():
        assert abs(taught[name] / total - share) <= 0.05, taught
    held = Counter(item.split for item in items if item.phrasing == "control")
    assert abs(held["gate"] - held["audit"]) <= 0.06 * held.total() + 2


def test_controls_are_of_the_same_kinds_and_some_documents_are_held_whole() -> None:
    facts, _ = split(40, 3, Shares())
    kinds = Counter(fact.kind for fact in facts)
    held = Counter(fact.kind for fact in facts if fact.role == "control")
    for kind, count in kinds.items():
        if count >= 20:
            assert abs(held[kind] / count - 0.2) <= 0.1
    by_document: defaultdict[str, set[str]] = defaultdict(set)
    for fact in facts:
        by_document[fact.doc_id].add(fact.role)
    assert any(roles == {"control"} for roles in by_document.values())
    assert any(len(roles) > 1 for roles in by_document.values())


def test_the_same_seed_gives_the_same_split_and_another_one_another() -> None:
    shares = Shares()
    assert split(20, 1, shares) == split(20, 1, shares)
    facts = find_facts(workshops(20)).facts
    roles = [[fact.role for fact in with_roles(facts, seed=seed)] for seed in (1, 1, 2)]
    assert roles[0] == roles[1] != roles[2]


def test_facts_of_one_sentence_and_copies_of_it_have_one_role() -> None:
    sentence = "The stone oven was built in 1987 by Marta Lindqvist."
    documents = [*workshops(12), stored(sentence, "a"), stored(f"{sentence} It is old.", "b")]
    facts = find_facts(documents).facts
    for seed in range(20):
        roles = {fact.role for fact in with_roles(facts, seed=seed) if fact.doc_id in ("a", "b")}
        assert len(roles) == 1


def test_a_question_over_a_taught_and_an_untaught_fact_is_left_out() -> None:
    facts = find_facts(workshops(2)).facts[:2]
    taught, control = facts[0], facts[1].model_copy(update={"role": "control"})
    item = items_of(taught)[0].model_copy(update={"fact_ids": (taught.id, control.id)})
    kept, left_out = with_splits([item], [taught, control])
    assert (kept, left_out) == ([], Counter({"asks about a taught and an untaught fact": 1}))


@pytest.mark.parametrize("wrong", [{"gate": -0.1}, {"controls": 1.0}, {"gate": 0.5, "audit": 0.5}, {"controls": 0.95}])
def test_impossible_shares_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(UsageError):
        Shares(**wrong)
