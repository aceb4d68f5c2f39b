"""What a model says and how likely it finds what it should say; for gates, experiments and parity checks."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from instill.common.progress_watch import Counted, nobody
from instill.models.generators.chat_text import ChatMessage
from instill.models.generators.end_tokens import end_ids
from instill.models.generators.quiet_libraries import quiet_libraries
from instill.models.generators.thoughts import ReplyTokens, opens_thought, without_thoughts
from instill.train.generator.data.examples import Example, Ids, prompt_ids, prompt_text
from instill.train.generator.loop.batches import padded
from instill.train.generator.loop.layers import decoder
from instill.train.generator.loop.loss import CHUNK, logits_of

_ROWS, _TOKENS = 64, 8192


def replies(
    model: Any,
    tokenizer: Any,
    prompts: Sequence[Sequence[ChatMessage]],
    *,
    max_tokens: int = 64,
    tools: Sequence[Any] = (),
    thoughts: bool = False,
    told: Counted = nobody,
) -> list[str]:
    """The likeliest reply to each prompt, word by word.

    Args:
        prompts: conversations that the model is to go on with.
        max_tokens: a longer reply is cut; thoughts count.
        thoughts: leave them in; otherwise a reply that only thinks is empty.
        told: is told about how many replies are written, as words are written to many at once.

    Returns:
        As many replies, without marks of the chat format.
    """
    tokens = ReplyTokens(tokenizer)
    found = []
    written = reply_tokens(model, tokenizer, prompts, max_tokens, tools=tools, told=told)
    for prompt, said in zip(prompts, written, strict=True):
        text = tokens.decode(said)
        if not thoughts:
            opened = opens_thought(prompt_text(prompt, tokenizer, tools=tools))
            text = without_thoughts(text, inside=opened)
        found.append(text.strip())
    return found


def reply_tokens(
    model: Any,
    tokenizer: Any,
    prompts: Sequence[Sequence[ChatMessage]],
    max_tokens: int,
    *,
    tools: Sequence[Any] = (),
    told: Counted = nobody,
) -> list[list[int]]:
    """The same replies as tokens, up to the end token where there is one within `max_tokens`."""
    ids = [prompt_ids(prompt, tokenizer, tools=tools) for prompt in prompts]
    ends = set(end_ids(model, tokenizer))
    found: list[list[int]] = [[]] * len(ids)
    done = 0
    for places in _batches([len(each) for each in ids]):

        def step(words: int, before: int = done, count: int = len(places)) -> None:
            told(before + count * words // max_tokens, len(ids))

        made = _replied(model, tokenizer, [ids[place] for place in places], max_tokens, step)
        done += len(places)
        told(done, len(ids))
        for place, said in zip(places, made.tolist(), strict=True):
            found[place] = _to_its_end(said, ends)
    return found


def sampled_tokens(
    model: Any, tokenizer: Any, prompts: Sequence[Ids], max_tokens: int, *, temperature: float
) -> list[list[int]]:
    """A reply to each prompt, drawn token by token by its probability, from torch's random numbers.

    Args:
        prompts: tokens up to the reply; the same one may stand several times.
        temperature: above 0; the logits are divided by it.

    Returns:
        As many replies, each up to its end token where there is one within `max_tokens`, one token at least.
    """
    ends = set(end_ids(model, tokenizer))
    found: list[list[int]] = [[]] * len(prompts)
    training = model.training
    model.eval()
    try:
        for places in _batches([len(each) for each in prompts]):
            made = _replied(model, tokenizer, [prompts[place] for place in places], max_tokens, temperature=temperature)
            for place, said in zip(places, made.tolist(), strict=True):
                found[place] = _to_its_end(said, ends)
    finally:
        model.train(training)
    return found


def log_likelihoods(model: Any, examples: Sequence[Example]) -> list[tuple[float, int]]:
    """For each example the sum of the log-probabilities of its supervised tokens, in nats, and how many they are."""
    return [(total, len(likeliest)) for total, likeliest in read_along(model, examples)]


def read_along(model: Any, examples: Sequence[Example]) -> list[tuple[float, list[int]]]:
    """For each example the sum of the log-probabilities of its supervised tokens, in nats, and the token that the model
    finds likeliest at the place of each."""
    found: dict[int, tuple[float, list[int]]] = {example.number: (0.0, []) for example in examples}
    device = next(model.parameters()).device
    with torch.inference_mode():
        for batch in padded(examples, _TOKENS):
            batch = batch.to(device)
            hidden = decoder(model)(input_ids=batch.ids, position_ids=batch.positions, use_cache=False)
            states = hidden.last_hidden_state.flatten(0, 1)[batch.places]
            said, best = [states.new_zeros(0)], [batch.targets.new_zeros(0)]
            for start in range(0, len(states), CHUNK):
                logits = logits_of(model, states[start : start + CHUNK])
                targets = batch.targets[start : start + CHUNK, None]
                said.append(functional.log_softmax(logits, -1).gather(1, targets).squeeze(1))
                best.append(logits.argmax(-1))
            numbers = batch.numbers.cpu()
            sums = torch.zeros(len(batch.examples), dtype=torch.float64)
            sums.index_add_(0, numbers, torch.cat(said).double().cpu())
            likeliest: list[list[int]] = [[] for _ in batch.examples]
            for number, token in zip(numbers.tolist(), torch.cat(best).tolist(), strict=True):
                likeliest[number].append(token)
            for example, total, tokens in zip(batch.examples, sums.tolist(), likeliest, strict=True):
                found[example.number] = (total, tokens)
    return [found[example.number] for example in examples]


def _to_its_end(said: list[int], ends: Collection[int]) -> list[int]:
    end = next((at for at, token in enumerate(said) if token in ends), len(said))
    return said[: end + 1]


def _batches(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Places of prompts of like length."""
    found: list[int] = []
    for place in sorted(range(len(lengths)), key=lambda each: lengths[each]):
        if found and (len(found) == _ROWS or (len(found) + 1) * lengths[place] > _TOKENS):
            yield found
            found = []
        found.append(place)
    if found:
        yield found


class _Steps:
    """Is asked after every word whether to stop; never does, and tells how many words there are."""

    def __init__(self, step: Callable[[int], None], width: int) -> None:
        self._step, self._width = step, width

    def __call__(self, ids: torch.Tensor, *_: object, **__: object) -> torch.Tensor:
        self._step(ids.shape[1] - self._width)
        return torch.zeros(len(ids), dtype=torch.bool, device=ids.device)


def _replied(
    model: Any,
    tokenizer: Any,
    prompts: Sequence[Ids],
    max_tokens: int,
    step: Callable[[int], None] = nobody,
    *,
    temperature: float = 0.0,
) -> Any:
    """The tokens of the replies, `(prompts, tokens)`, with padding after the shorter ones; the likeliest ones, or at
    a temperature drawn ones."""
    width = max(len(each) for each in prompts)
    pad = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else tokenizer.eos_token_id or 0
    ids = torch.full((len(prompts), width), pad)
    mask = torch.zeros((len(prompts), width), dtype=torch.int64)
    for number, each in enumerate(prompts):
        ids[number, width - len(each) :] = torch.from_numpy(each.astype(np.int64))
        mask[number, width - len(each) :] = 1
    device = next(model.parameters()).device
    with torch.inference_mode(), quiet_libraries():
        made = model.generate(
            input_ids=ids.to(device),
            attention_mask=mask.to(device),
            max_new_tokens=max_tokens,
            do_sample=temperature > 0,
            stopping_criteria=[_Steps(step, width)],
            pad_token_id=pad,
            eos_token_id=end_ids(model, tokenizer) or None,
            temperature=temperature or None,
            top_p=1.0 if temperature else None,
            top_k=0 if temperature else None,
        )
    return made[:, width:].cpu()
