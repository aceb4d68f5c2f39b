"""Preference tuning (DPO) through trl, and pairs for it: a reply, its critique by principles, and the revision.

Rafailov et al., "Direct Preference Optimization", 2023; Bai et al., "Constitutional AI", 2022.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from instill.errors import UsageError
from instill.generators.chat import ChatMessage
from instill.generators.protocol import Generator, Message
from instill.train.generator.hyperparameters import Hyperparameters
from instill.train.generator.rows import Row
from instill.train.progress import Progress

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
    progress: Callable[[Progress], None] | None = None,
) -> None:
    """Train those parameters of `model` that require gradients, in place, to prefer the better replies.

    Args:
        rows: with a rejected reply each.
        run: where trl keeps its checkpoints; a stopped run goes on from the last.

    Raises:
        UsageError: a row has no rejected reply.
    """
    import datasets
    from transformers import PrinterCallback, TrainerCallback
    from transformers.trainer_utils import get_last_checkpoint
    from trl import DPOConfig, DPOTrainer

    from instill.train.generator.loop import uses_bf16

    for row in rows:
        if not row.rejected or not row.answer:
            raise UsageError(
                "This row has no pair of a better and a worse reply.",
                where=row.place,
                remedy='Preferences are {"prompt": ..., "chosen": ..., "rejected": ...}',
            )
    on_cpu = next(model.parameters()).device.type == "cpu"
    settings = DPOConfig(
        output_dir=str(run / "trl"),
        beta=beta,
        learning_rate=chosen.learning_rate,
        num_train_epochs=chosen.epochs,
        max_steps=chosen.steps or -1,
        per_device_train_batch_size=min(chosen.batch_size, 8),
        gradient_accumulation_steps=max(1, chosen.batch_size // 8),
        warmup_steps=chosen.warmup,
        weight_decay=chosen.weight_decay,
        max_grad_norm=chosen.clip,
        seed=chosen.seed,
        bf16=uses_bf16(chosen.precision),
        use_cpu=on_cpu,
        gradient_checkpointing=not on_cpu,
        report_to="none",
        disable_tqdm=True,
        logging_strategy="steps",
        logging_steps=1,
        save_strategy="steps",
        save_steps=50,
        save_total_limit=1,
        dataset_num_proc=None,
    )

    class Watch(TrainerCallback):
        def on_log(self, _args: Any, state: Any, _control: Any, logs: Any = None, **_: Any) -> None:
            if progress is not None and logs and "loss" in logs:
                progress(Progress(state.global_step, state.max_steps, float(logs["loss"]), 0.0, 0))

    data = datasets.Dataset.from_list([_as_trl(row) for row in rows])
    trainer = DPOTrainer(
        model=model,
        # Under an adapter the reference is the model without it.
        ref_model=None if hasattr(model, "peft_config") else copy.deepcopy(model),
        args=settings,
        train_dataset=data,
        processing_class=tokenizer,
        callbacks=[Watch()],
    )
    trainer.remove_callback(PrinterCallback)
    (run / "trl").mkdir(parents=True, exist_ok=True)
    trainer.train(resume_from_checkpoint=get_last_checkpoint(str(run / "trl")))
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


def _as_trl(row: Row) -> dict[str, Any]:
    return {
        "prompt": [dict(message) for message in row.prompt],
        "chosen": [{"role": "assistant", "content": row.answer}],
        "rejected": [{"role": "assistant", "content": row.rejected}],
    }


def _asked(generator: Generator, text: str, max_tokens: int) -> str:
    return _said(generator, [{"role": "user", "content": text}], max_tokens)


def _said(generator: Generator, messages: Sequence[Message], max_tokens: int) -> str:
    return "".join(generator.stream(messages, max_tokens=max_tokens)).strip()


def _message(message: ChatMessage) -> Message:
    return {"role": message["role"], "content": str(message["content"])}
