"""The micro model before its first step: what is laid in its weights, and what that is for."""

from __future__ import annotations

import random
import re
from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import LlamaConfig, LlamaForCausalLM

from instill.lab.curriculum import LISTS, epoch_rows
from instill.lab.drawing import apart
from instill.lab.first_weights import ADDED, SAME, lay_wiring
from instill.lab.reading_exercises import make_drill
from instill.lab.world import ATTRIBUTES, make_world, questions, statements
from instill.lab.world_words import FIRST


def wired(layers: int = 2) -> LlamaForCausalLM:
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=300,
        hidden_size=128,
        intermediate_size=64,
        num_hidden_layers=layers,
        num_attention_heads=4,
        initializer_range=128**-0.5,
        attn_implementation="eager",
    )
    model = LlamaForCausalLM(config)
    lay_wiring(model, seed=0)
    return model


def test_the_first_layer_looks_at_the_token_before() -> None:
    model = wired()
    ids = torch.randint(0, 300, (4, 40))
    with torch.no_grad():
        shares = model(input_ids=ids, output_attentions=True).attentions[0]
    for head in range(4):
        by_distance = [torch.diagonal(shares[:, head], -back, 1, 2)[:, 8:].mean() for back in range(8)]
        assert by_distance[1] > 0.65
        assert sum(by_distance[:3]) > 0.95


def test_a_token_attends_to_others_like_it_and_keeps_what_it_is() -> None:
    model = wired()
    for layer in model.model.layers:
        attention = layer.self_attn
        assert torch.allclose(attention.o_proj.weight, ADDED * attention.v_proj.weight.T)
    above = model.model.layers[1].self_attn
    assert torch.equal(above.k_proj.weight, above.q_proj.weight)
    assert torch.equal(model.model.embed_tokens.weight[:, 0], torch.full((300,), SAME))
    ids = torch.randint(0, 300, (1, 30))
    with torch.no_grad():
        states = model.model(input_ids=ids, output_hidden_states=True).hidden_states
    likeness = torch.nn.functional.cosine_similarity(states[0], states[1], dim=-1)
    assert likeness.min() > 0.5


@pytest.mark.parametrize("task", ["listing", "retold", "copied"])
def test_what_comes_again_is_taught_only_where_it_can_be_known(task: str) -> None:
    rows = [
        row
        for row in epoch_rows(make_world(), 0, 300, replace(LISTS, copied=30, attributes=ATTRIBUTES))
        if row.task == task
    ]
    assert len(rows) > 20
    for row in rows:
        assert len(row.spans) % 2 == 0
        for start, end in row.spans:
            value = row.text[start + 1 : end]
            before = re.split(r"(?<=[.;]) ", row.text[:start])
            name = re.findall(r"\w+ \w+", before[-1])[0] if task != "retold" else _name_in(before[-1])
            assert any(name in sentence and value in sentence for sentence in before[:-1])


def _name_in(sentence: str) -> str:
    return next(f"{first} {last.strip(',')}" for first, last in pairwise(sentence.split()) if first in FIRST)


def test_a_drill_asks_whose_fact_it_is_and_nothing_else_tells() -> None:
    rng = random.Random(0)
    known = make_world().group("D")
    for _ in range(20):
        scenes = make_drill(lambda like=None: rng.choice(known), 4, 6, "school", rng)
        assert len({scene.passages for scene in scenes}) == 1
        for scene in scenes:
            asked = scene.people[scene.source]
            assert scene.question in questions(asked, "school")
            assert scene.proof == scene.passages[scene.source]
            assert asked.name in scene.proof
            assert scene.answer == asked.facts["school"]
            assert scene.answer in scene.proof
            for person, passage in zip(scene.people, scene.passages, strict=True):
                assert passage in statements(person, "school")


@given(st.lists(st.floats(0, 300), min_size=1, max_size=8))
def test_labels_stand_apart_in_the_order_of_what_they_name(wanted: list[float]) -> None:
    found = apart(wanted, 14)
    order = sorted(range(len(wanted)), key=lambda each: wanted[each])
    for before, after in pairwise(order):
        assert found[after] - found[before] >= 14 - 1e-9
    if all(wanted[after] - wanted[before] >= 14 for before, after in pairwise(order)):
        assert found == pytest.approx(wanted)
    assert sum(found) == pytest.approx(sum(wanted))
