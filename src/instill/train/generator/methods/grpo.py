"""Reinforcement learning with rewards that code can check: GRPO through trl.

Several replies are drawn to each prompt, and each is made likelier or less likely by how much more it earns than the
others of its group; a penalty holds the model near to the one it began as. (Group Relative Policy Optimization: Shao et
al., "DeepSeekMath", 2024, section 4.1, with one update for each drawing.)
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Any

from instill.models.generators.end_tokens import end_ids
from instill.models.generators.quiet_libraries import quiet_libraries
from instill.models.generators.thoughts import ReplyTokens, opens_thought, without_thoughts
from instill.train.generator.data.examples import Ids, prompt_ids, prompt_text
from instill.train.generator.data.rows import Row
from instill.train.generator.loop.batches import steps_of
from instill.train.generator.loop.replies import sampled_tokens
from instill.train.generator.methods.trl_runs import (
    at_once,
    last_checkpoint,
    left_as_found,
    no_bars,
    shared_settings,
    step_of,
)
from instill.train.generator.recipes.recipe import Reward
from instill.train.generator.recipes.training_section import Hyperparameters
from instill.train.generator.rewarding.rewards import Earned, Rewards
from instill.train.progress import TrainingStep
from instill.train.when_to_save import REWARDS_EVERY


@dataclass(frozen=True, slots=True)
class Drawn:
    """A reply that was drawn to a row.

    Args:
        ids: its tokens, with the end token where it has one.
    """

    ids: list[int]
    earned: Earned


class Drawing:
    """Draws replies to rows, and says what they earn.

    Args:
        rows: with a reply each, beside which what is drawn is judged.
    """

    def __init__(self, tokenizer: Any, rows: Sequence[Row], rewards: Rewards, chosen: Reward) -> None:
        self._tokenizer, self._rows, self._rewards, self._chosen = tokenizer, rows, rewards, chosen
        self._tokens = ReplyTokens(tokenizer)
        self._prompts: dict[int, tuple[Ids, bool]] = {}

    def prompt(self, number: int) -> Ids:
        """The tokens of a row's prompt."""
        return self._opened(number)[0]

    def draw(self, model: Any, numbers: Sequence[int]) -> list[Drawn]:
        """A reply to each of the rows with these numbers; the same row may stand several times."""
        ids = [self.prompt(number) for number in numbers]
        chosen = self._chosen
        said = sampled_tokens(model, self._tokenizer, ids, chosen.max_tokens, temperature=chosen.temperature)
        ends = set(end_ids(model, self._tokenizer))
        known: dict[tuple[int, tuple[int, ...]], Earned] = {}  # Many replies of a group are the same.
        found = []
        for number, tokens in zip(numbers, said, strict=True):
            key = number, tuple(tokens)
            if key not in known:
                known[key] = self._earned(number, tokens, tokens[-1] in ends)
            found.append(Drawn(tokens, known[key]))
        return found

    def _earned(self, number: int, tokens: list[int], ended: bool) -> Earned:
        text = without_thoughts(self._tokens.decode(tokens), inside=self._opened(number)[1]).strip()
        return self._rewards.earned(self._rows[number], text, ended=ended)

    def _opened(self, number: int) -> tuple[Ids, bool]:
        if number not in self._prompts:
            row = self._rows[number]
            text = prompt_text(row.prompt, self._tokenizer, tools=row.tools)
            ids = prompt_ids(row.prompt, self._tokenizer, tools=row.tools)
            self._prompts[number] = ids, opens_thought(text)
        return self._prompts[number]


def train_by_reward(
    model: Any,
    tokenizer: Any,
    rows: Sequence[Row],
    rewards: Rewards,
    reward: Reward,
    chosen: Hyperparameters,
    run: Path,
    *,
    save_every: int = REWARDS_EVERY,
    progress: Callable[[TrainingStep], None] | None = None,
) -> None:
    """Train the adapter of `model`, in place, so that its replies earn more.

    A step draws `reward.group` replies to each of `chosen.batch_size` rows, and learns from all of them once. Prompts,
    drawing and rewards are ours, so that the model reads what it reads in use; loss, optimizer and checkpoints are
    trl's. The reference that it is held near to is the model as it is given.

    Args:
        model: with an adapter.
        rows: with a prompt and a reply each.
        chosen: `micro_tokens` bounds the replies that go through the model together; `packing` and `pack_width` do
            nothing here.
        run: where trl keeps its checkpoints; a stopped run goes on from the last and, on a CPU, ends with the same
            weights as one that was never stopped.
        save_every: steps between checkpoints.
    """
    import datasets
    from transformers import PrinterCallback, TrainerCallback
    from trl import GRPOConfig, GRPOTrainer

    on_cpu = next(model.parameters()).device.type == "cpu"
    folder = run / "trl"
    folder.mkdir(parents=True, exist_ok=True)
    started, resumed = time.monotonic(), last_checkpoint(folder)
    drawing = Drawing(tokenizer, rows, rewards, reward)
    steps = chosen.steps or chosen.epochs * ceil(len(rows) / chosen.batch_size)
    replies = chosen.batch_size * reward.group
    longest = max(len(drawing.prompt(number)) for number in range(len(rows))) + reward.max_tokens
    together = at_once(replies, longest, chosen.micro_tokens)

    def rollout(prompts: list[str], trainer: Any) -> dict[str, Any]:
        numbers = [int(prompt) for prompt in prompts]
        drawn = drawing.draw(trainer.accelerator.unwrap_model(trainer.model), numbers)
        return {
            "prompt_ids": [drawing.prompt(number).tolist() for number in numbers],
            "completion_ids": [each.ids for each in drawn],
            "logprobs": None,
            "earned": [each.earned.total for each in drawn],
        }

    def earned(*, earned: list[float], **_: Any) -> list[float]:
        return earned

    class Watch(TrainerCallback):
        def on_log(self, _args: Any, state: Any, _control: Any, logs: Any = None, **_: Any) -> None:
            if progress is not None and logs and "reward" in logs:
                seconds, first = time.monotonic() - started, step_of(resumed) if resumed else 0
                step, loss, mean = state.global_step, float(logs["loss"]), float(logs["reward"])
                progress(TrainingStep(step, state.max_steps, loss, seconds, first, reward=mean))

    with quiet_libraries(), no_bars(datasets), left_as_found(model), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="You are using 'rollout_func'")
        settings = GRPOConfig(
            **shared_settings(folder, chosen, on_cpu=on_cpu, save_every=save_every),
            beta=reward.kl,
            num_generations=reward.group,
            max_completion_length=reward.max_tokens,
            temperature=reward.temperature,
            loss_type="grpo",
            scale_rewards="group",
            shuffle_dataset=False,
            num_train_epochs=1,
            max_steps=steps,
            per_device_train_batch_size=together,
            gradient_accumulation_steps=replies // together,
        )
        trainer = GRPOTrainer(
            model=model,
            reward_funcs=[earned],
            args=settings,
            train_dataset=datasets.Dataset.from_list(
                [{"prompt": str(number)} for number in _order(rows, chosen, steps)]
            ),
            processing_class=tokenizer,
            callbacks=[Watch()],
            rollout_func=rollout,
        )
        trainer.remove_callback(PrinterCallback)
        trainer.train(resume_from_checkpoint=str(resumed) if resumed else None)
    model.train(False)


def _order(rows: Sequence[Row], chosen: Hyperparameters, steps: int) -> list[int]:
    """The rows of all steps, one step after the other: each epoch in an order of its own, drawn from the seed.

    The whole run is one epoch for trl, which so goes on at the right row after it was stopped.
    """
    found: list[int] = []
    epoch = 0
    while len(found) < steps * chosen.batch_size:
        found += [row for step in steps_of(len(rows), chosen.batch_size, seed=chosen.seed, epoch=epoch) for row in step]
        epoch += 1
    return found[: steps * chosen.batch_size]
