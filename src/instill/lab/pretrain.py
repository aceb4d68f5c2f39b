"""Train the micro model from nothing; the same loop that adapts any other model."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from instill.common.durable_files import write_json
from instill.lab.card import micro_card
from instill.lab.curriculum import DRILL, EVERY, FULL, LISTS, MAIN, SAMPLED, WIDER, Shares, epoch_rows
from instill.lab.measuring import measured
from instill.lab.micro_model import make_model, make_tokenizer, save_micro
from instill.lab.world import World, make_world
from instill.models.generators.transformers_models import open_model, open_tokenizer
from instill.models.registry.card import file_hashes
from instill.train.generator.data.examples import Example, make_examples
from instill.train.generator.loop.loop import train
from instill.train.generator.recipes.training_section import Hyperparameters
from instill.train.progress import TrainingStep, logged

BATCH = 64
EPOCH_ROWS = 3_200
STAGES: tuple[tuple[float, Shares], ...] = (
    (0.065, LISTS),
    (0.15, DRILL),
    (0.27, WIDER),
    (0.3, EVERY),
    (0.64, MAIN),
    (1.0, FULL),
)
"""Up to which share of the steps each mix is trained on."""
_TRAINED_ON = 500
"""Number of the first epoch of a model that is trained on; a first training of 4,400 steps has 88 epochs."""


@dataclass(frozen=True, slots=True)
class PretrainRun:
    """What a run is told.

    Args:
        out: folder of the run; a stopped run in it is taken up again.
        steps: of 64 rows each.
        command: for the card.
        further: with the wordings of `further_questions` too. Without `base` the vocabulary is then another one.
        base: folder of a micro model that is trained on, with its own vocabulary, on the last mix only. None: from
            nothing, on all mixes.
    """

    out: Path
    steps: int = 4400
    seed: int = 0
    learning_rate: float = 1.5e-3
    command: str = ""
    further: bool = False
    base: Path | None = None


def pretrain(run: PretrainRun, *, progress: Callable[[TrainingStep], None] | None = None) -> Path:
    """Train, measure, and write the card; the folder of the finished model, `run.out/model`.

    Raises:
        WorkspaceError: the checkpoint in the folder is damaged or belongs to another run.
    """
    run.out.mkdir(parents=True, exist_ok=True)
    world = make_world()
    tokenizer, model = _start(world, run)
    chosen = Hyperparameters(
        steps=run.steps,
        batch_size=BATCH,
        learning_rate=run.learning_rate,
        seed=run.seed,
        micro_tokens=2048,
        packing=False,
        warmup=0.02,
    )

    @lru_cache(maxsize=1)
    def examples(number: int) -> Sequence[Example]:
        return _Epoch(EPOCH_ROWS, lambda: make_examples(_rows(world, number, run), tokenizer))

    train(
        model,
        examples,
        chosen,
        run.out,
        identity=_identity(tokenizer, chosen, run),
        save_every=100,
        progress=logged(run.out / "log.jsonl", progress),
    )
    folder = run.out / "model"
    save_micro(model, tokenizer, folder)
    manifest = {
        "made": datetime.now(UTC).strftime("%Y-%m-%d"),
        "command": run.command,
        "settings": chosen.model_dump(),
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
    }
    found = measured(folder)
    manifest["measured"] = {name: asdict(value) for name, value in found.items()}
    write_json(folder / "manifest.json", manifest)
    (folder / "README.md").write_text(micro_card(manifest, found), encoding="utf-8")
    return folder


def _start(world: World, run: PretrainRun) -> tuple[Any, Any]:
    """Tokenizer and model before the first step."""
    if run.base is None:
        tokenizer = make_tokenizer(_texts(world, run.further))
        return tokenizer, make_model(tokenizer, seed=run.seed)
    model = open_model(run.base).train()
    model.requires_grad_(True)
    return open_tokenizer(run.base), model


def _identity(tokenizer: Any, chosen: Hyperparameters, run: PretrainRun) -> str:
    """What a checkpoint must have been made by for the run to be taken up with it."""
    made = f"micro {_vocabulary_hash(tokenizer)} {chosen.model_dump_json()}"
    return made if run.base is None else f"{made} from {json.dumps(file_hashes(run.base))}"


class _Epoch(Sequence[Example]):
    """Examples that are made when one of them is wanted: a run that is taken up passes over the epochs before."""

    def __init__(self, count: int, make: Callable[[], list[Example]]) -> None:
        self._count, self._make = count, make
        self._made: list[Example] = []

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: Any) -> Any:
        self._made = self._made or self._make()
        return self._made[index]


def _rows(world: World, number: int, run: PretrainRun) -> list[Any]:
    if run.base is not None:
        # Rows of their own: the base has seen those of its first steps many times.
        return epoch_rows(world, _TRAINED_ON + 1000 * run.seed + number, EPOCH_ROWS, replace(FULL, further=run.further))
    done = (number + 0.5) * EPOCH_ROWS / BATCH / run.steps
    shares = next((shares for until, shares in STAGES if done < until), FULL)
    return epoch_rows(world, 1000 * run.seed + number, EPOCH_ROWS, replace(shares, further=run.further))


def _vocabulary_hash(tokenizer: Any) -> str:
    """With other words the same weights know nothing, so a run is not taken up with them."""
    words = json.dumps(tokenizer.get_vocab(), sort_keys=True)
    return hashlib.sha256(words.encode()).hexdigest()[:16]


def _texts(world: World, further: bool) -> Iterator[str]:
    """Texts from which the vocabulary is made: some of every kind."""
    for row in epoch_rows(world, -1, 20_000, replace(SAMPLED, further=further)):
        yield row.text or "\n".join(str(message["content"]) for message in row.messages)
