"""The losses against the formulas that they stand for, written out without chunks."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from instill.train.generator.loop.loss import CHUNK, chunked_loss, distillation_loss, logits_of, next_token_loss
from tests.train.generator.small_models import small_model


def drawn(count: int, *, seed: int = 0, grad: bool = True) -> tuple[Tensor, Tensor, Tensor]:
    """Hidden states, a teacher's three likeliest words, and their probabilities."""
    made = torch.Generator().manual_seed(seed)
    hidden = torch.randn(count, 32, generator=made)
    shares, words = torch.softmax(torch.randn(count, 64, generator=made) * 3, -1).topk(3)
    return hidden.requires_grad_(grad), words, shares


def divergence(logits: Tensor, words: Tensor, shares: Tensor, temperature: float) -> Tensor:
    """Of the teacher's words and the rest as one word, from the probabilities themselves, in double precision."""
    student = torch.softmax(logits.double() / temperature, -1).gather(1, words)
    taught = torch.cat([shares.double(), 1 - shares.double().sum(1, keepdim=True)], 1)
    said = torch.cat([student, 1 - student.sum(1, keepdim=True)], 1)
    return (taught * (taught.log() - said.log())).sum()


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0, 4.0])
def test_the_divergence_is_multiplied_by_the_temperature_squared(temperature: float) -> None:
    model = small_model()
    hidden, words, shares = drawn(5)
    loss = distillation_loss(model, hidden, words, shares, temperature=temperature)
    expected = temperature**2 * divergence(logits_of(model, hidden), words, shares, temperature)
    assert float(loss.detach()) == pytest.approx(float(expected.detach()), rel=1e-4)
    (found,) = torch.autograd.grad(loss, hidden)
    (wanted,) = torch.autograd.grad(expected, hidden)
    torch.testing.assert_close(found, wanted, rtol=1e-3, atol=1e-5)


def test_without_a_temperature_it_is_one() -> None:
    model = small_model()
    hidden, words, shares = drawn(4, grad=False)
    one = distillation_loss(model, hidden, words, shares, temperature=1.0)
    assert torch.equal(distillation_loss(model, hidden, words, shares), one)


def test_a_teacher_whose_words_are_all_and_a_student_whose_words_are_all_give_finite_losses() -> None:
    """No probability is left for the rest, of the teacher's here and of the student's there."""
    model = small_model()
    hidden, words, _ = drawn(2)
    certain = torch.tensor([[1.0, 0.0, 0.0], [0.7, 0.2, 0.1 + 1e-6]])
    logits = logits_of(model, hidden.detach())
    said = functional.log_softmax(logits, -1).gather(1, words).double()
    kept = certain.double() * (certain.double().clamp_min(1e-12).log() - said)
    loss = distillation_loss(model, hidden, words, certain)
    # What the rest of a teacher without a rest gives is 0.
    assert float(loss.detach()) == pytest.approx(float(kept.sum().detach()), abs=1e-4)
    with torch.no_grad():
        model.get_output_embeddings().weight.mul_(1000)
        sure = logits_of(model, hidden).argsort(-1, descending=True)[:, :3]
        value = distillation_loss(model, hidden, sure, torch.full((2, 3), 0.3))
    # Each leaves .1 for the rest, for which the student has at least a millionth.
    assert torch.isfinite(value)
    assert float(value) > 2 * 0.1 * (torch.tensor(0.1).log() - torch.tensor(1e-6).log()) - 2


def test_the_cross_entropies_are_summed() -> None:
    model = small_model()
    hidden, _, _ = drawn(6)
    targets = torch.arange(6)
    loss = next_token_loss(model, hidden, targets)
    shares = torch.softmax(logits_of(model, hidden.detach()).double(), -1)
    expected = -sum(float(shares[place, place].log()) for place in range(6))
    assert float(loss.detach()) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    ("setting", "value", "expected"),
    [
        ("logit_scale", 0.25, lambda logits: logits * 0.25),
        ("logits_scaling", 8.0, lambda logits: logits / 8),
        ("final_logit_softcapping", 0.1, lambda logits: 0.1 * torch.tanh(logits / 0.1)),
        ("logit_scale", None, lambda logits: logits),
    ],
)
def test_what_some_architectures_do_to_logits(setting: str, value: float | None, expected: Any) -> None:
    model = small_model()
    hidden, _, _ = drawn(3, grad=False)
    plain = model.get_output_embeddings()(hidden).detach()
    setattr(model.config, setting, value)
    torch.testing.assert_close(logits_of(model, hidden).detach(), expected(plain))


def test_logits_are_float32_whatever_the_model_computes_in() -> None:
    model = small_model().to(torch.bfloat16)
    hidden, words, shares = drawn(3, grad=False)
    assert logits_of(model, hidden.bfloat16()).dtype == torch.float32
    hidden = hidden.bfloat16().requires_grad_()
    loss = distillation_loss(model, hidden, words, shares)
    assert loss.dtype == torch.float32
    gradients = torch.autograd.grad(loss, [hidden, model.get_output_embeddings().weight])
    assert [each.dtype for each in gradients] == [torch.bfloat16, torch.bfloat16]


def test_the_logits_of_one_chunk_at_a_time_are_there() -> None:
    model = small_model()
    hidden, _, _ = drawn(7, grad=False)
    for grad in (False, True):
        parts: list[tuple[int, slice]] = []

        def chunk_loss(logits: Tensor, part: slice, parts: list[tuple[int, slice]] = parts) -> Tensor:
            parts.append((len(logits), part))
            return logits.sum()

        with torch.set_grad_enabled(grad):
            total = chunked_loss(model, hidden, chunk_loss, size=3)
        assert [count for count, _ in parts] == [3, 3, 1]
        assert [part.start for _, part in parts] == [0, 3, 6]
        assert float(total) == pytest.approx(float(logits_of(model, hidden).sum().detach()), rel=1e-4, abs=1e-4)
    assert CHUNK == 2048


@pytest.mark.parametrize(("of_hidden", "of_output"), [(True, True), (True, False), (False, True), (False, False)])
def test_gradients_for_what_is_trained_and_nothing_else(of_hidden: bool, of_output: bool) -> None:
    model = small_model()
    output = model.get_output_embeddings().weight.requires_grad_(of_output)
    hidden, _, _ = drawn(5, grad=of_hidden)
    targets = torch.arange(5)
    loss = chunked_loss(
        model, hidden, lambda logits, part: functional.cross_entropy(logits, targets[part], reduction="sum"), size=2
    )
    whole = functional.cross_entropy(logits_of(model, hidden), targets, reduction="sum")
    assert float(loss.detach()) == pytest.approx(float(whole.detach()), rel=1e-5)
    wanted = [each for each, asked in ((hidden, of_hidden), (output, of_output)) if asked]
    assert loss.requires_grad == bool(wanted)
    if wanted:
        # A factor that is applied afterwards reaches every gradient.
        for found, expected in zip(
            torch.autograd.grad(0.5 * loss, wanted), torch.autograd.grad(0.5 * whole, wanted), strict=True
        ):
            torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)
