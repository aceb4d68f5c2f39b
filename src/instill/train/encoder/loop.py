"""The training loop of the encoder: short, deterministic, and able to go on after it was stopped at any moment.

The loss is the one of sentence-transformers: cross-entropy over the cosines of a question with all passages of the
batch (van den Oord et al. 2018; Henderson et al. 2017, section 4). Word and position tables stay as they are: a few
thousand passages would move the words that they hold and leave the others behind.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from sentence_transformers import SentenceTransformer
from torch import Tensor, nn
from transformers.utils import logging

from instill.common.freed_memory import keep_freed_memory
from instill.errors import WorkspaceError
from instill.models.encoders.sentence_transformers_folder import SentenceFolder
from instill.train.checkpoint_file import resume, save_checkpoint
from instill.train.encoder.settings import EncoderHyperparameters
from instill.train.encoder.triples import LENGTH_STEP, Ids, Triple, TripleMaker
from instill.train.machine import bf16_is_fast, hand_back_most
from instill.train.progress import CHECKPOINT, TrainingStep
from instill.train.randomness import seed_all
from instill.train.schedule import rate
from instill.train.when_to_save import ENCODER_EVERY, is_due

try:
    from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss
except ImportError:  # before version 6
    from sentence_transformers.losses import MultipleNegativesRankingLoss


def open_model(folder: SentenceFolder) -> Any:
    """The encoder for training, without dropout and with its tables frozen.

    Raises:
        WorkspaceError: sentence-transformers cannot load the folder.
    """
    logging.disable_progress_bar()
    try:
        model = SentenceTransformer(
            str(folder.path),
            device="cpu",
            local_files_only=True,
            trust_remote_code=False,
            model_kwargs={"use_safetensors": True, "attn_implementation": "eager"},
        )
    except Exception as error:  # The library passes on whatever its parts raise.
        raise WorkspaceError(
            f"sentence-transformers cannot load the encoder: {error}.", where=str(folder.path)
        ) from error
    model.requires_grad_(False)
    for name, parameter in transformer_of(model).named_parameters():
        parameter.requires_grad_(not name.startswith(("embeddings.", "pooler.")))
    # Not train(): on CPUs dropout's random numbers cost more than the layers; weights are averaged with the base's.
    return model.eval()


def transformer_of(model: Any) -> Any:
    """The transformer inside."""
    return model[0].auto_model


def trained_tensors(model: Any) -> Mapping[str, nn.Parameter]:
    """The parameters that change, by their names in the transformer."""
    return {name: value for name, value in transformer_of(model).named_parameters() if value.requires_grad}


def train(
    model: Any,
    maker: TripleMaker,
    chosen: EncoderHyperparameters,
    run: Path,
    *,
    identity: str,
    pad: int = 0,
    save_every: int = ENCODER_EVERY,
    progress: Callable[[TrainingStep], None] | None = None,
) -> None:
    """Train `model` in place.

    A checkpoint is written to `run` every `save_every` steps; a run that finds one goes on from there and ends with
    the same weights as one that was never stopped.

    Args:
        identity: names data, base and settings; a checkpoint of another identity is refused.
        pad: the id of the padding token.

    Raises:
        WorkspaceError: the checkpoint in `run` is damaged or belongs to another run.
    """
    seed_all(chosen.seed)
    keep_freed_memory()
    bf16 = bf16_is_fast()
    loss_of = MultipleNegativesRankingLoss(model, scale=chosen.scale)
    batches = [batch for number in range(chosen.epochs) for batch in maker.epoch(number)]
    batches = batches[: chosen.steps or None]
    optimizer = _optimizer(model, chosen)
    trained = trained_tensors(model)
    first = resume(run / CHECKPOINT, trained, optimizer, identity=identity)
    started = time.monotonic()
    recent: list[float] = []
    for step, batch in enumerate(batches[first:], start=first):
        for group in optimizer.param_groups:
            group["lr"] = chosen.learning_rate * rate(step, len(batches), chosen.warmup)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=bf16):
            vectors = embed(model, batch, pad)
        # Outside of autocast: in bfloat16 a cosine times the scale would be off by a tenth.
        loss = loss_of.compute_loss_from_embeddings([part.float() for part in vectors], None)
        loss.backward()
        nn.utils.clip_grad_norm_(trained.values(), chosen.clip)
        optimizer.step()
        hand_back_most()
        optimizer.zero_grad()
        recent = [*recent[-49:], float(loss.detach())]
        done = step + 1
        if progress is not None:
            progress(TrainingStep(done, len(batches), sum(recent) / len(recent), time.monotonic() - started, first))
        if is_due(done, len(batches), save_every):
            save_checkpoint(run / CHECKPOINT, trained, optimizer, step=done, identity=identity)


def embed(model: Any, batch: Sequence[Triple], pad: int) -> list[Tensor]:
    """Vectors of questions, passages and (where there are any) negatives, `(rows, dimension)` each."""
    questions = model(_padded([triple.question for triple in batch], pad))["sentence_embedding"]
    shown = [triple.passage for triple in batch] + [triple.negative for triple in batch if triple.negative]
    passages = model(_padded(shown, pad))["sentence_embedding"]
    return [questions, *passages.split(len(batch))]


def _padded(sequences: Sequence[Ids], pad: int) -> dict[str, Tensor]:
    longest = max(len(sequence) for sequence in sequences)
    longest = -(-longest // LENGTH_STEP) * LENGTH_STEP
    ids = torch.full((len(sequences), longest), pad, dtype=torch.long)
    attended = torch.zeros_like(ids)
    for row, sequence in enumerate(sequences):
        ids[row, : len(sequence)] = torch.tensor(sequence)
        attended[row, : len(sequence)] = 1
    return {"input_ids": ids, "attention_mask": attended}


def _optimizer(model: Any, chosen: EncoderHyperparameters) -> torch.optim.AdamW:
    matrices = [value for value in trained_tensors(model).values() if value.ndim > 1]
    others = [value for value in trained_tensors(model).values() if value.ndim <= 1]
    groups = [{"params": matrices, "weight_decay": chosen.weight_decay}, {"params": others, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=0.0, betas=(0.9, 0.98), fused=True)
