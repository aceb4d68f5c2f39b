"""Replies and likelihoods in batches are those of each row alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from instill.models.generators.chat_text import ChatMessage
from instill.models.generators.transformers_models import open_model, open_tokenizer
from instill.train.generator.data.examples import Example, make_examples, prompt_ids
from instill.train.generator.data.rows import Row, chat_row
from instill.train.generator.loop import replies as module
from instill.train.generator.loop.replies import log_likelihoods, replies
from tests.train.generator.made_candidates import TEXTS, make_base_model


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_base_model(tmp_path_factory.mktemp("replies"))


def prompts() -> list[list[ChatMessage]]:
    texts = [" ".join(TEXTS[: number % 4 + 1] * (number % 3 + 1)) for number in range(12)]
    return [[{"role": "user", "content": f"{number} {text}"}] for number, text in enumerate(texts)]


def test_replies_in_batches_are_those_of_each_prompt_alone(base: Path) -> None:
    model, tokenizer = open_model(base), open_tokenizer(base)
    together = replies(model, tokenizer, prompts(), max_tokens=12)
    assert together == [replies(model, tokenizer, [each], max_tokens=12)[0] for each in prompts()]
    assert len(set(together)) > 3
    assert together == replies(model, tokenizer, prompts(), max_tokens=12)


def test_a_reply_is_the_likeliest_token_again_and_again(base: Path) -> None:
    model, tokenizer = open_model(base), open_tokenizer(base)
    prompt = prompts()[3]
    ids = torch.from_numpy(prompt_ids(prompt, tokenizer)).long()[None]
    start = ids.shape[1]
    with torch.no_grad():
        while ids.shape[1] < start + 8 and ids[0, -1] != tokenizer.eos_token_id:
            ids = torch.cat([ids, model(ids).logits[:, -1:].argmax(-1)], 1)
    wanted = tokenizer.decode(ids[0, start:], skip_special_tokens=True).strip()
    assert replies(model, tokenizer, [prompt], max_tokens=8) == [wanted]


def test_large_requests_are_split(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model, tokenizer = open_model(base), open_tokenizer(base)
    wanted = replies(model, tokenizer, prompts(), max_tokens=4)
    monkeypatch.setattr(module, "_ROWS", 5)
    monkeypatch.setattr(module, "_TOKENS", 60)
    assert replies(model, tokenizer, prompts(), max_tokens=4) == wanted
    assert replies(model, tokenizer, []) == []


def test_it_is_told_how_many_replies_are_written(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_ROWS", 5)
    told: list[tuple[int, int]] = []
    model, tokenizer = open_model(base), open_tokenizer(base)
    said = replies(model, tokenizer, prompts(), max_tokens=6, told=lambda done, total: told.append((done, total)))
    assert said == replies(model, tokenizer, prompts(), max_tokens=6)
    assert {total for _, total in told} == {12}
    counts = [done for done, _ in told]
    assert counts == sorted(counts)
    assert counts[-1] == 12
    assert {5, 10} <= set(counts)
    assert len(set(counts)) > 6  # also between the batches of five


def test_nothing_is_printed(base: Path, capfd: Any) -> None:
    replies(open_model(base), open_tokenizer(base), prompts()[:2], max_tokens=2)
    assert capfd.readouterr() == ("", "")


def alone(model: Any, example: Example) -> float:
    """The sum of log-probabilities, straight from the model's logits."""
    ids = torch.from_numpy(example.ids).long()
    with torch.no_grad():
        said = model(ids[None]).logits[0].double().log_softmax(-1)
    places = [place for place in range(1, len(ids)) if example.supervised[place]]
    return float(sum(said[place - 1, ids[place]] for place in places))


def test_likelihoods_are_those_of_each_row_alone(base: Path) -> None:
    model, tokenizer = open_model(base), open_tokenizer(base)
    rows = [*(chat_row(str(each[0]["content"]), TEXTS[0]) for each in prompts()), *(Row(text=text) for text in TEXTS)]
    examples = make_examples(rows, tokenizer)
    found = log_likelihoods(model, examples)
    for (total, count), example in zip(found, examples, strict=True):
        assert count == example.targets
        assert total == pytest.approx(alone(model, example), abs=1e-3)
    backwards = log_likelihoods(model, examples[::-1])
    assert [total for total, _ in backwards[::-1]] == pytest.approx([total for total, _ in found], abs=1e-4)


def test_a_row_without_supervised_tokens_has_none(base: Path) -> None:
    model, tokenizer = open_model(base), open_tokenizer(base)
    (example,) = make_examples([Row(({"role": "user", "content": "Hello"},))], tokenizer)
    assert log_likelihoods(model, [example]) == [(0.0, 0)]
    assert log_likelihoods(model, []) == []
