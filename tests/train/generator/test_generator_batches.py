"""Layouts: every supervised token once, no row sees another, the loss is that of single rows."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from instill.train.generator.data.examples import Example
from instill.train.generator.loop.batches import Batch, packed, padded, steps_of
from instill.train.generator.loop.layers import decoder
from instill.train.generator.loop.loop import Network, next_token
from instill.train.generator.loop.loss import chunked_loss, distillation_loss, logits_of
from tests.train.generator.small_models import ARCHITECTURES, random_examples, small_model

LENGTHS = st.lists(st.integers(1, 60), min_size=1, max_size=30)


def examples_of(lengths: list[int]) -> list[Example]:
    rng = np.random.default_rng(0)
    return [
        Example(rng.integers(3, 60, length).astype(np.int32), rng.random(length) < 0.5, number)
        for number, length in enumerate(lengths)
    ]


def supervised_of(batches: list[Batch]) -> list[tuple[int, int, int]]:
    """(number of the example, position in it, token) of every target, found by the batch's own places."""
    found = []
    for batch in batches:
        positions = batch.positions.flatten()
        for place, target, number in zip(batch.places, batch.targets, batch.numbers, strict=True):
            found.append((batch.examples[number].number, int(positions[place]) + 1, int(target)))
    return sorted(found)


@given(LENGTHS, st.integers(8, 200), st.integers(8, 64), st.booleans())
def test_every_supervised_token_is_a_target_exactly_once(
    lengths: list[int], most: int, width: int, packing: bool
) -> None:
    examples = examples_of(lengths)
    batches = list(packed(examples, most, width) if packing else padded(examples, most))
    expected = [
        (example.number, int(place), int(example.ids[place]))
        for example in examples
        for place in np.flatnonzero(example.supervised)
        if place > 0
    ]
    assert supervised_of(batches) == sorted(expected)
    for batch in batches:
        for example, (row, column) in zip(batch.examples, batch.corners, strict=True):
            assert batch.ids[row, column : column + example.length].tolist() == example.ids.tolist()
            assert batch.positions[row, column : column + example.length].tolist() == list(range(example.length))


@given(LENGTHS, st.integers(8, 200))
def test_padded_batches_keep_their_limit(lengths: list[int], most: int) -> None:
    for batch in padded(examples_of(lengths), most):
        assert batch.ids.numel() <= most or len(batch.examples) == 1


@given(LENGTHS, st.integers(8, 64))
def test_packed_rows_are_no_longer_than_their_width_unless_one_example_is(lengths: list[int], width: int) -> None:
    for batch in packed(examples_of(lengths), 256, width):
        rows: dict[int, list[int]] = {}
        for example, (row, _) in zip(batch.examples, batch.corners, strict=True):
            rows.setdefault(row, []).append(example.length)
        assert all(sum(found) <= width or len(found) == 1 for found in rows.values())


@given(st.integers(1, 50), st.integers(1, 20), st.integers(0, 5))
def test_an_epoch_has_every_row_once(count: int, size: int, epoch: int) -> None:
    steps = steps_of(count, size, seed=3, epoch=epoch)
    assert sorted(row for step in steps for row in step) == list(range(count))
    assert all(len(step) == size for step in steps[:-1])


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_packed_and_padded_rows_have_the_hidden_states_of_single_rows(name: str) -> None:
    model = small_model(name)
    examples = random_examples(9)
    with torch.no_grad():
        alone = {
            example.number: decoder(model)(
                input_ids=torch.from_numpy(example.ids.astype(np.int64))[None], use_cache=False
            ).last_hidden_state[0]
            for example in examples
        }
        for batch in [*padded(examples, 256), *packed(examples, 256, 64)]:
            hidden = decoder(model)(input_ids=batch.ids, position_ids=batch.positions, use_cache=False)
            for example, (row, column) in zip(batch.examples, batch.corners, strict=True):
                found = hidden.last_hidden_state[row, column : column + example.length]
                torch.testing.assert_close(found, alone[example.number], atol=2e-5, rtol=1e-4)


def test_another_row_of_a_pack_changes_nothing() -> None:
    model = small_model("gemma3")
    first, other, third = (random_examples(1, seed=seed, longest=20)[0] for seed in (1, 2, 3))
    found = []
    for neighbour in (other, Example(third.ids[: other.length], third.supervised[: other.length], 9)):
        padding = Example(neighbour.ids, neighbour.supervised, 7)
        batch = next(packed([first, padding], 256, 64))
        place = next(number for number, each in enumerate(batch.examples) if each is first)
        row, column = batch.corners[place]
        with torch.no_grad():
            hidden = decoder(model)(input_ids=batch.ids, position_ids=batch.positions, use_cache=False)
        found.append(hidden.last_hidden_state[row, column : column + first.length])
    torch.testing.assert_close(found[0], found[1], atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("packing", [False, True])
def test_many_small_batches_have_the_gradient_of_one_big_batch(packing: bool) -> None:
    examples = random_examples(12)
    gradients = []
    for most in (40, 10_000):
        model = small_model()
        network = Network(model, next_token)
        batches = list(packed(examples, most, 40) if packing else padded(examples, most))
        for batch in batches:
            network(batch).backward()
        gradients.append({name: each.grad for name, each in model.named_parameters()})
        assert len(batches) > 3 or most > 40
    for name, value in gradients[0].items():
        torch.testing.assert_close(value, gradients[1][name], atol=2e-4, rtol=2e-4)


@settings(deadline=None, max_examples=20)
@given(st.integers(1, 40), st.integers(1, 16), st.sampled_from(["llama", "gemma2"]))
def test_the_chunked_loss_and_its_gradients_are_those_of_the_whole(count: int, size: int, name: str) -> None:
    model = small_model(name)
    torch.manual_seed(count)
    hidden = torch.randn(count, 32, requires_grad=True)
    targets = torch.randint(0, 64, (count,))
    output = model.get_output_embeddings().weight

    def chunk_loss(logits: torch.Tensor, part: slice) -> torch.Tensor:
        return functional.cross_entropy(logits, targets[part], reduction="sum")

    expected = functional.cross_entropy(logits_of(model, hidden), targets, reduction="sum")
    whole = torch.autograd.grad(3 * expected, [hidden, output])
    loss = chunked_loss(model, hidden, chunk_loss, size=size)
    parts = torch.autograd.grad(3 * loss, [hidden, output])
    torch.testing.assert_close(loss, expected)
    for found, wanted in zip(parts, whole, strict=True):
        torch.testing.assert_close(found, wanted, atol=1e-5, rtol=1e-4)


def test_distilling_a_model_from_itself_costs_nothing_and_has_no_gradient() -> None:
    model = small_model()
    hidden = torch.randn(7, 32, requires_grad=True)
    shares, words = torch.softmax(logits_of(model, hidden.detach()), -1).topk(64)
    loss = distillation_loss(model, hidden, words, shares.detach())
    assert abs(float(loss.detach())) < 1e-3
    (gradient,) = torch.autograd.grad(loss, hidden)
    assert float(gradient.abs().max()) < 1e-4


def test_the_distillation_loss_is_the_divergence_with_the_rest_as_one_word() -> None:
    model = small_model()
    hidden = torch.randn(3, 32)
    teacher = torch.softmax(torch.randn(3, 64), -1)
    shares, words = teacher.topk(5)
    student = torch.softmax(logits_of(model, hidden), -1).detach()
    expected = 0.0
    for row in range(3):
        kept = [(float(shares[row, k]), float(student[row, words[row, k]])) for k in range(5)]
        kept.append((1 - sum(p for p, _ in kept), 1 - sum(q for _, q in kept)))
        expected += sum(p * float(np.log(p / q)) for p, q in kept)
    assert float(distillation_loss(model, hidden, words, shares)) == pytest.approx(expected, rel=1e-4)
