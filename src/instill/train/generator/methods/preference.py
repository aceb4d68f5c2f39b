"""Preference tuning (DPO) through trl, and pairs for it: a reply, its critique by principles, and the revision.

Rafailov et al., "Direct Preference Optimization", 2023; Bai et al., "Constitutional AI", 2022.
"""

from __future__ import annotations

import copy
import json
import random
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from instill.errors import UsageError
from instill.models.generators.chat_text import ChatMessage, chat_text
from instill.models.generators.protocol import Generator, Message
from instill.models.generators.quiet_libraries import quiet_libraries
from instill.models.generators.whole_reply import whole_reply
from instill.train.generator.data.examples import prompt_ids
from instill.train.generator.data.rows import Row
from instill.train.generator.methods.trl_runs import (
    at_once,
    last_checkpoint,
    left_as_found,
    no_bars,
    shared_settings,
    step_of,
)
from instill.train.generator.recipes.training_section import Hyperparameters
from instill.train.progress import TrainingStep
from instill.train.when_to_save import PREFERENCES_EVERY

_CRITIQUE = """\
Here is a request and a reply to it.

Request:
{asked}

Reply:
{reply}

Principle: {principle}

Say in one or two sentences where the reply does not follow the principle. If it follows it fully, write only: NONE"""
_REVISE = """\
Here is a request, a reply to it, and what is wrong with the reply.

Request:
{asked}

Reply:
{reply}

What is wrong: {critique}

Write the reply again so that this is mended. Keep what was right. Write only the new reply."""


def train_preferences(
    model: Any,
    tokenizer: Any,
    rows: Sequence[Row],
    chosen: Hyperparameters,
    run: Path,
    *,
    beta: float,
    save_every: int = PREFERENCES_EVERY,
    progress: Callable[[TrainingStep], None] | None = None,
) -> None:
    """Train those parameters of `model` that require gradients, in place, to prefer the better replies.

    The reference that it is held near to is the model as it is given.

    Args:
        rows: with a rejected reply each.
        chosen: `micro_tokens` bounds the pairs that go through the model together; `packing` and `pack_width` do
            nothing here.
        run: where trl keeps its checkpoints; a stopped run goes on from the last.
        save_every: steps between checkpoints.

    Raises:
        UsageError: a row has no rejected reply, or one that is the same.
    """
    import datasets
    from transformers import PrinterCallback, TrainerCallback
    from trl import DPOConfig, DPOTrainer

    for row in rows:
        if not row.rejected or not row.answer or row.rejected == row.answer:
            raise UsageError(
                "This row has no pair of a better and a worse reply.",
                where=row.place,
                remedy='Preferences are {"prompt": ..., "chosen": ..., "rejected": ...}',
            )
    on_cpu = next(model.parameters()).device.type == "cpu"
    folder = run / "trl"
    folder.mkdir(parents=True, exist_ok=True)
    started, resumed = time.monotonic(), last_checkpoint(folder)
    pairs = [_as_trl(row, tokenizer) for row in rows]
    together = at_once(chosen.batch_size, max(_tokens(row, tokenizer) for row in rows), chosen.micro_tokens)

    class Watch(TrainerCallback):
        def on_log(self, _args: Any, state: Any, _control: Any, logs: Any = None, **_: Any) -> None:
            if progress is not None and logs and "loss" in logs:
                seconds, first = time.monotonic() - started, step_of(resumed) if resumed else 0
                progress(TrainingStep(state.global_step, state.max_steps, float(logs["loss"]), seconds, first))

    with quiet_libraries(), no_bars(datasets), left_as_found(model):
        settings = DPOConfig(
            **shared_settings(folder, chosen, on_cpu=on_cpu, save_every=save_every),
            beta=beta,
            max_length=None,
            num_train_epochs=chosen.epochs,
            max_steps=chosen.steps or -1,
            per_device_train_batch_size=together,
            gradient_accumulation_steps=chosen.batch_size // together,
            dataset_num_proc=None,
        )
        trainer = DPOTrainer(
            model=model,
            # Under an adapter trl keeps a copy of the adapter instead.
            ref_model=None if hasattr(model, "peft_config") else copy.deepcopy(model),
            args=settings,
            train_dataset=datasets.Dataset.from_list(pairs),
            processing_class=tokenizer,
            callbacks=[Watch()],
        )
        trainer.remove_callback(PrinterCallback)
        trainer.train(resume_from_checkpoint=str(resumed) if resumed else None)
    model.train(False)


def write_pairs(
    generator: Generator,
    prompts: Sequence[Sequence[ChatMessage]],
    principles: Sequence[str],
    *,
    max_tokens: int = 400,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> Iterator[Row]:
    """A preference for each prompt whose first reply breaks a principle: the reply, and its revision as the better one.

    Each prompt is held against one principle, drawn at random. A reply that follows it, or that the revision leaves
    as it was, gives no pair.

    Raises:
        UsageError: there are no principles.
        GeneratorError: from the generator.
    """
    if not principles:
        raise UsageError("There are no principles.", remedy="Give a file with one principle a line.")
    rng = random.Random(seed)  # noqa: S311  Not for security.
    for number, prompt in enumerate(prompts, 1):
        principle = rng.choice(list(principles))
        asked = "\n\n".join(str(message["content"]) for message in prompt)
        first = _said(generator, [_message(message) for message in prompt], max_tokens)
        critique = _asked(generator, _CRITIQUE.format(asked=asked, reply=first, principle=principle), max_tokens)
        if progress is not None:
            progress(number, len(prompts))
        if critique.strip().strip(".").upper() == "NONE":
            continue
        revised = _asked(generator, _REVISE.format(asked=asked, reply=first, critique=critique), max_tokens)
        if revised and revised != first:
            yield Row((*prompt, {"role": "assistant", "content": revised}), rejected=first, task=principle)


def _as_trl(row: Row, tokenizer: Any) -> dict[str, Any]:
    if not tokenizer.chat_template:
        prompt = chat_text(tokenizer, row.prompt, reply_follows=True)
        return {"prompt": prompt, "chosen": f" {row.answer}", "rejected": f" {row.rejected}"}
    for reply in (row.answer, row.rejected):  # trl renders them itself, without a limit of time
        chat_text(tokenizer, [*row.prompt, {"role": "assistant", "content": reply}], tools=row.tools)
    return {
        "prompt": [dict(message) for message in row.prompt],
        "chosen": [{"role": "assistant", "content": row.answer}],
        "rejected": [{"role": "assistant", "content": row.rejected}],
        "tools": json.dumps(row.tools) if row.tools else None,
    }


def _tokens(row: Row, tokenizer: Any) -> int:
    """Of both replies, each with the prompt and as long as the longer one, as trl lays them out."""
    replies = max(len(tokenizer(reply, add_special_tokens=False)["input_ids"]) for reply in (row.answer, row.rejected))
    return 2 * (len(prompt_ids(row.prompt, tokenizer, tools=row.tools)) + replies)


def _asked(generator: Generator, text: str, max_tokens: int) -> str:
    return _said(generator, [{"role": "user", "content": text}], max_tokens)


def _said(generator: Generator, messages: Sequence[Message], max_tokens: int) -> str:
    return whole_reply(generator, messages, max_tokens=max_tokens)


def _message(message: ChatMessage) -> Message:
    return {"role": message["role"], "content": str(message["content"])}
