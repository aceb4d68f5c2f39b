"""The rival of `bench/train.py`: trl's SFTTrainer with peft, as fast as its own options allow.

Precision, optimizer, clipping and learning rates are those of our loop; rows come as tokens with labels, so that both
are supervised alike. Left out is what costs time and decides nothing: logs, checkpoints, evaluation, recomputation of
activations. Rows of like length go together, packed rows are told apart by positions.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from datasets import Dataset, disable_progress_bars
from peft import LoraConfig
from torch.optim.lr_scheduler import LambdaLR
from train_arms import Arm, Turns, Work, method_of
from transformers import PrinterCallback, TrainerCallback
from trl import SFTConfig, SFTTrainer

from instill.models.generators.transformers_models import open_model, open_tokenizer
from instill.train.generator.data.examples import Example
from instill.train.generator.loop.batches import steps_of
from instill.train.generator.loop.loop import uses_bf16
from instill.train.generator.methods.methods import prepare
from instill.train.schedule import rate


class Rival:
    """SFTTrainer on the rows.

    Args:
        folder: for what the library wants to write.
    """

    def __init__(self, arm: Arm, work: Work, folder: Path) -> None:
        logging.getLogger("trl").setLevel(logging.ERROR)  # It asks for a GPU's kernels.
        disable_progress_bars()
        self._arm, self._work, self._folder = arm, work, folder
        self._model = open_model(Path(work.folder) / "model")
        method = method_of(arm, self._model)
        if arm.kind == "last":
            prepare(self._model, method)
        self._adapter = (
            LoraConfig(r=method.rank, lora_alpha=method.alpha, target_modules="all-linear", task_type="CAUSAL_LM")
            if arm.kind == "lora"
            else None
        )

    def epochs(self, turns: Turns) -> None:
        """Train as many epochs as there are turns, each timed."""
        work, examples = self._work, self._work.examples()
        at_once, accumulated = work.batch, 1
        if self._arm.packing:
            tokens = sum(example.length for example in examples)
            bins = max(1, round(work.batch * tokens / len(examples) / work.width))
            at_once = min(bins, work.bins)
            accumulated = max(1, round(bins / at_once))
        trainer = self._trainer(
            examples,
            _Timed(turns),
            num_train_epochs=1 + work.rounds,
            per_device_train_batch_size=at_once,
            gradient_accumulation_steps=accumulated,
            train_sampling_strategy="random" if self._arm.packing else "group_by_length",
        )
        trainer.train()

    def losses(self, *, epochs: int, **_: Any) -> list[float]:
        """Train on the rows in the order of our loop, and give the loss of each step.

        Packed rows are put together from all rows before any order, so there each step takes all rows.
        """
        examples, batch = self._work.examples(), self._work.batch
        if self._arm.packing:
            shown, batch = examples, len(examples)
        else:
            steps = [steps_of(len(examples), batch, seed=0, epoch=epoch) for epoch in range(epochs)]
            shown = [examples[row] for epoch in steps for step in epoch for row in step]
        found = _Losses()
        trainer = self._trainer(
            shown,
            found,
            num_train_epochs=epochs if self._arm.packing else 1,
            per_device_train_batch_size=batch,
            train_sampling_strategy="sequential",
            logging_strategy="steps",
            logging_steps=1,
        )
        trainer.train()
        return found.losses

    def _trainer(self, examples: Sequence[Example], watching: TrainerCallback, **options: Any) -> SFTTrainer:
        import torch

        cpu = not torch.cuda.is_available()
        config = SFTConfig(
            output_dir=str(self._folder),
            **{
                "packing": self._arm.packing,
                "packing_strategy": "bfd",
                "max_length": self._work.width if self._arm.packing else None,
                "bf16": uses_bf16(self._work.precision),
                "use_cpu": cpu,
                "optim": "adamw_torch_fused",
                "learning_rate": self._work.rate,
                "adam_beta2": 0.98,
                "weight_decay": 0.01,
                "max_grad_norm": 1.0,
                "gradient_checkpointing": False,
                "dataloader_num_workers": 0,
                "logging_strategy": "no",
                "logging_nan_inf_filter": False,
                "save_strategy": "no",
                "eval_strategy": "no",
                "report_to": "none",
                "disable_tqdm": True,
                "seed": 0,
                **options,
            },
        )
        rows = {
            "input_ids": [each.ids.tolist() for each in examples],
            "labels": [
                [int(token) if said else -100 for token, said in zip(each.ids, each.supervised, strict=True)]
                for each in examples
            ],
            "length": [each.length for each in examples],
        }
        trainer = _SameRate(
            model=self._model,
            args=config,
            train_dataset=Dataset.from_dict(rows),
            processing_class=open_tokenizer(Path(self._work.folder) / "model"),
            peft_config=self._adapter,
            callbacks=[watching],
        )
        trainer.remove_callback(PrinterCallback)
        return trainer


class _SameRate(SFTTrainer):  # type: ignore[misc, unused-ignore]
    """With our loop's learning rates."""

    def create_scheduler(self, num_training_steps: int, optimizer: Any = None) -> LambdaLR:
        self.lr_scheduler = LambdaLR(optimizer or self.optimizer, _rates(num_training_steps))
        return self.lr_scheduler


def _rates(steps: int) -> Callable[[int], float]:
    return lambda step: rate(step, steps, 0.0)


class _Timed(TrainerCallback):  # type: ignore[misc, unused-ignore]
    def __init__(self, turns: Turns) -> None:
        self._turns = turns

    def on_epoch_begin(self, *_: Any, **__: Any) -> None:
        self._turns.begin()

    def on_epoch_end(self, *_: Any, **__: Any) -> None:
        self._turns.end(float("nan"))


class _Losses(TrainerCallback):  # type: ignore[misc, unused-ignore]
    def __init__(self) -> None:
        self.losses: list[float] = []

    def on_log(self, *_: Any, logs: dict[str, float] | None = None, **__: Any) -> None:
        if logs and "loss" in logs:
            self.losses.append(logs["loss"])
