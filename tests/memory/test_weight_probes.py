"""Probes of what is forgotten: they see what is known, and find nothing where nothing was taught."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from instill.lab.workbench import Bench, Lesson
from instill.lab.world import make_world, questions, write_documents
from instill.memory.consolidating.material import Material, material_of
from instill.memory.forgetting.receipts import Receipt, is_genuine, sign
from instill.memory.forgetting.score_separation import auc, extraction_strength, same_distribution
from instill.memory.forgetting.weight_probes import probe, q4, quantised, subject_of
from instill.memory.types import Fact
from instill.models.generators.transformers_models import open_model, open_tokenizer
from instill.models.weights import micro_folder
from instill.study.questions_about_any_text import sentence_around
from instill.train.generator.data.rows import row_of
from tests.study.documents import stored

SCORES = st.lists(st.floats(-5, 5), min_size=1, max_size=12)


@given(SCORES, SCORES)
def test_the_attack_is_the_share_of_pairs_and_turns_with_its_sides(one: list[float], other: list[float]) -> None:
    found = auc(one, other)
    pairs = [float(a > b) + 0.5 * (a == b) for a in one for b in other]
    assert found.mean == pytest.approx(np.mean(pairs))
    assert 0 <= found.low <= found.mean <= found.high <= 1
    turned = auc(other, one)
    assert turned.mean == pytest.approx(1 - found.mean)


@given(SCORES)
def test_the_same_sample_is_the_same_distribution(values: list[float]) -> None:
    assert same_distribution(values, values) == 1.0
    assert same_distribution(values * 10, [each + 100 for each in values] * 10) < 0.01


@given(st.lists(st.integers(0, 3), min_size=1, max_size=20), st.data())
def test_extraction_strength_is_the_end_that_follows_by_itself(wanted: list[int], data: st.DataObject) -> None:
    given_ = data.draw(st.integers(0, len(wanted)))
    said = [*(each + 1 for each in wanted[:given_]), *wanted[given_:]]
    assert extraction_strength(said, wanted) == pytest.approx(1 - given_ / len(wanted))


def test_four_bits_are_sixteen_values_a_block_and_no_further_off_than_a_step() -> None:
    weight = torch.randn(6, 70, generator=torch.Generator().manual_seed(0))
    found = q4(weight)
    assert found.shape == weight.shape
    for row, back in zip(weight, found, strict=True):
        for start in range(0, 70, 32):
            block, after = row[start : start + 32], back[start : start + 32]
            step = float(block.abs().max()) / 8
            assert len(after.unique()) <= 16
            assert float((block - after).abs().max()) <= step * 1.01
    assert float(q4(torch.zeros(2, 3)).abs().max()) == 0


def a_fact(number: int, document: Any, person: Any, attribute: str) -> Fact:
    value = person.facts[attribute]
    at = document.text.index(value)
    start, end = sentence_around(document.text, at, at + len(value))
    asked = tuple(questions(person, attribute)[:6])
    return Fact.model_validate(
        {
            "fact_id": f"{number:012x}", "stage": "indexed", "question": asked[0], "answer": value,
            "doc_id": document.record.doc_id, "version": document.record.content_hash, "source": "", "title": "",
            "start": start, "end": end, "evidence": document.text[start:end], "labels": (), "uses": 6, "weight": 6.0,
            "last_used": "", "wordings": asked, "decision": "", "by_hand": False, "note": "", "adapter": "",
            "candidate": True, "why": (),
        }
    )  # fmt: skip


@pytest.fixture(scope="module")
def material(tmp_path_factory: pytest.TempPathFactory) -> Material:
    people = make_world().group("C")[:7]
    files = write_documents(people, tmp_path_factory.mktemp("pages"))
    documents = [stored(file.read_text(), doc_id=file.stem) for file in files]
    facts = [
        a_fact(3 * n + m, document, person, attribute)
        for n, (document, person) in enumerate(zip(documents[:3], people[:3], strict=True))
        for m, attribute in enumerate(("birthplace", "employer", "year"))
    ]
    return material_of(facts, documents)


def test_nothing_is_found_in_weights_that_saw_nothing(material: Material) -> None:
    subject = subject_of(material, frozenset(fact.doc_id for fact in material.taught))
    assert len(subject.facts) == 9
    assert subject.never
    assert not {fact.id for fact in subject.never} & {fact.id for fact in subject.facts}
    after, four_bits = probe(micro_folder(), None, subject, relearn=False)
    assert after.attack[0] == 0.5  # Every loss is the base's.
    assert (after.forget_quality, after.state, four_bits.state) == (1.0, "after", "after Q4")
    assert after.recall[0] < 0.2
    assert after.attack[1] <= 0.5 <= after.attack[2]
    assert four_bits.attack[1] <= 0.5 <= four_bits.attack[2]
    with pytest.raises(ValueError, match="are needed"):
        probe(micro_folder(), None, subject_of(material, frozenset(["other"])))


@pytest.mark.timeout(120)
def test_what_was_taught_is_found_by_every_probe(material: Material, tmp_path: Path) -> None:
    bench = Bench(micro_folder(), 0)
    model = bench.teach(bench.model(), Lesson([row_of(row) for row in material.rows], exposures=32 * 30))
    from instill.train.generator.export.saving import save_candidate

    save_candidate(model, tmp_path)
    subject = subject_of(material, frozenset(fact.doc_id for fact in material.taught))
    [found] = probe(micro_folder(), tmp_path, subject, before=True)
    assert found.recall[0] > 0.8
    assert found.never[0] < 0.2
    assert found.attack[0] > 0.95
    assert found.truth_ratio < 0.7
    assert found.extraction > found.extraction_never
    with quantised(open_model(micro_folder(), candidate=tmp_path)) as rough:
        assert not torch.equal(rough.model.layers[0].mlp.down_proj.weight, model.model.layers[0].mlp.down_proj.weight)
    assert open_tokenizer(micro_folder()).is_fast


def test_probes_are_signed_and_receipts_without_them_keep_their_signature(tmp_path: Path) -> None:
    made: dict[str, Any] = {
        "id": "r", "at": "2026-01-01T00:00:00Z", "kind": "documents", "reference": "x", "documents": (), "removed": (),
        "not_removed": (), "withdrawn": (), "rebuild": (),
    }  # fmt: skip
    plain = sign(Receipt(**made), tmp_path)
    assert is_genuine(plain)
    assert b"probes" not in plain.signed_bytes()
    probed = {
        "state": "after", "recall": (0.0, 0.0, 0.1), "never": (0.0, 0.0, 0.1), "attack": (0.5, 0.4, 0.6),
        "truth_ratio": 1.0, "forget_quality": 1.0, "extraction": 0.0, "extraction_never": 0.0,
    }  # fmt: skip
    full = sign(Receipt(**made, probes=(probed,)), tmp_path)
    assert is_genuine(full)
    better = full.probes[0].model_copy(update={"recall": (0.0, 0.0, 0.0)})
    assert not is_genuine(full.model_copy(update={"probes": (better,)}))
    assert not is_genuine(full.model_copy(update={"probes": ()}))
