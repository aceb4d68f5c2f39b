"""What a model still knows of something that it must not know: asked, attacked, quantised, and taught a part again.

Every probe is held beside facts that were never taught, and is worth only as much as it sees in weights that do know:
so the weights that are withdrawn are probed too, before they go.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from instill.measure.judging.scorer import judge
from instill.measure.statistics.interval_type import Interval
from instill.measure.statistics.percentile_bootstrap import bootstrap_interval
from instill.memory.consolidating.examining import false_sentence
from instill.memory.consolidating.material import Material
from instill.memory.forgetting.probe_result import Probed, Range, State
from instill.memory.forgetting.score_separation import auc, extraction_strength, same_distribution
from instill.study.rows_from_facts import training_rows
from instill.study.rules.wordings_of_fact import items_of
from instill.study.study_set import Fact, StudyItem

_FALSE = 5
_RELEARN_STEPS, _RELEARN_RATE = 20, 1e-3
_BLOCK = 32


@dataclass(frozen=True, slots=True)
class Subject:
    """What is probed for: facts with their questions and training rows, and facts that were never taught."""

    facts: tuple[Fact, ...]
    items: tuple[StudyItem, ...]
    rows: tuple[dict[str, Any], ...]
    never: tuple[Fact, ...]
    never_items: tuple[StudyItem, ...]
    never_rows: tuple[dict[str, Any], ...]


def subject_of(material: Material, doc_ids: frozenset[str], *, seed: int = 0) -> Subject:
    """From the material of a consolidation: what it taught of some documents, and its controls of others.

    Controls have rows here only to be attacked with; no training saw them.
    """
    facts = tuple(fact for fact in material.taught if fact.doc_id in doc_ids)
    ids = {fact.id for fact in facts}
    items = tuple(item for item in material.study.items if item.fact_ids[0] in ids and item.form != "reverse")
    rows = tuple(row for row in material.rows if set(_ids(row)) <= ids)
    never = tuple(fact for fact in material.study.facts if fact.role == "control")
    asked: list[StudyItem] = []
    for fact in never:
        forms = (item for item in items_of(fact, seed=seed) if item.form != "reverse" and "___" not in item.question)
        asked += [item.model_copy(update={"split": "train"}) for item in forms]
    told = [fact.model_copy(update={"role": "taught"}) for fact in never]
    return Subject(facts, items, rows, never, tuple(asked), tuple(training_rows(told, asked)))


def probe(
    base: Path, candidate: Path | None, subject: Subject, *, before: bool = False, relearn: bool = True, seed: int = 0
) -> list[Probed]:
    """What weights show as they are; unless `before`, also after Q4 quantisation and after relearning half the facts.

    Args:
        candidate: folder of the weights; None: the base.
        before: they are the ones that know.

    Raises:
        ValueError: there is nothing to probe for, or nothing to compare with.
    """
    import torch

    from instill.models.generators.transformers_models import open_model, open_tokenizer

    if not subject.facts or not subject.never:
        raise ValueError("facts, and facts that were never taught, are needed")
    tokenizer, reference = open_tokenizer(base), open_model(base, dtype=torch.float32).cpu()
    model = open_model(base, candidate=candidate, dtype=torch.float32).cpu()
    if hasattr(model, "merge_and_unload"):
        model = model.merge_and_unload()
    known = _Known(reference, tokenizer, subject)
    if before:
        return [_probed("before", model, tokenizer, subject, known)]
    found = [_probed("after", model, tokenizer, subject, known)]
    with quantised(model):
        found.append(_probed("after Q4", model, tokenizer, subject, known))
    if relearn and len(subject.facts) > 1:
        half = {fact.id for fact in subject.facts[::2]}
        again = [row for row in subject.rows if set(_ids(row)) <= half]
        _relearn(model, tokenizer, again, seed)
        rest = Subject(
            tuple(fact for fact in subject.facts if fact.id not in half),
            tuple(item for item in subject.items if item.fact_ids[0] not in half),
            tuple(row for row in subject.rows if not set(_ids(row)) & half),
            subject.never,
            subject.never_items,
            subject.never_rows,
        )
        after = _probed("after relearning", model, tokenizer, rest, _Known(reference, tokenizer, rest))
        _relearn(reference, tokenizer, again, seed)
        found.append(after.model_copy(update={"never": _recall(reference, tokenizer, rest.items)}))
    return found


@contextmanager
def quantised(model: Any) -> Iterator[Any]:
    """Inside, every matrix of the model is what it is after llama.cpp's Q4_0: blocks of 32 with 4 bits each."""
    from instill.train.editing.editing_methods import with_weights

    matrices = {name: each for name, each in model.named_parameters() if each.ndim == 2 and "layers." in name}
    with with_weights(model, {name: q4(each.detach()) for name, each in matrices.items()}):
        yield model


def q4(weight: Any) -> Any:
    """A matrix after 4-bit quantisation: of each 32 neighbours in a row the largest becomes -8 steps, and all others
    whole steps between -8 and 7 (Q4_0 of llama.cpp; the scale is kept in half precision). A rest of a row that is
    shorter than a block is a block of its own.

    Example:
        >>> import torch
        >>> q4(torch.tensor([[-8.0, 0.4, 3.0, 9.0]])).tolist()
        [[-7.875, -0.0, 3.375, 9.0]]
    """
    import torch

    wide = weight.shape[1]
    padded = torch.nn.functional.pad(weight.float(), (0, -wide % _BLOCK))
    blocks = padded.view(len(weight), -1, _BLOCK)
    largest = blocks.gather(2, blocks.abs().argmax(2, keepdim=True))
    scale = (largest / -8).half().float()
    steps = torch.where(scale == 0, torch.zeros_like(blocks), blocks / torch.where(scale == 0, 1.0, scale))
    found = (steps + 8.5).floor().clamp(0, 15) - 8
    return (found * scale).view(len(weight), -1)[:, :wide].to(weight.dtype)


class _Known:
    """What the base, which never saw anything, shows."""

    def __init__(self, model: Any, tokenizer: Any, subject: Subject) -> None:
        self.rows = _losses(model, tokenizer, subject.rows)
        self.never_rows = _losses(model, tokenizer, subject.never_rows)
        self.ratios = _truth_ratios(model, tokenizer, subject.facts)


def _probed(state: State, model: Any, tokenizer: Any, subject: Subject, known: _Known) -> Probed:
    members = [b - a for a, b in zip(_losses(model, tokenizer, subject.rows), known.rows, strict=True)]
    others = [b - a for a, b in zip(_losses(model, tokenizer, subject.never_rows), known.never_rows, strict=True)]
    ratios = _truth_ratios(model, tokenizer, subject.facts)
    return Probed(
        state=state,
        recall=_recall(model, tokenizer, subject.items),
        never=_recall(model, tokenizer, subject.never_items),
        attack=_range(auc(_by_fact(subject.rows, members), _by_fact(subject.never_rows, others))),
        truth_ratio=round(float(np.mean(ratios)), 6) if ratios else 1.0,
        forget_quality=round(same_distribution(ratios, known.ratios), 6) if ratios else 1.0,
        extraction=_extraction(model, tokenizer, subject.facts),
        extraction_never=_extraction(model, tokenizer, subject.never),
    )


def _recall(model: Any, tokenizer: Any, items: Sequence[StudyItem]) -> Range:
    from instill.train.generator.loop.replies import replies

    said = replies(model, tokenizer, [[{"role": "user", "content": item.question}] for item in items], max_tokens=48)
    right = [
        float(judge(reply, item.accepted, question=item.question).right == 1)
        for reply, item in zip(said, items, strict=True)
    ]
    return _range(bootstrap_interval(right, [item.fact_ids[0] for item in items]))


def _losses(model: Any, tokenizer: Any, rows: Sequence[dict[str, Any]]) -> list[float]:
    """Of each row, in nats a token."""
    from instill.train.generator.data.examples import make_examples
    from instill.train.generator.data.rows import row_of
    from instill.train.generator.loop.replies import log_likelihoods

    found = log_likelihoods(model, make_examples([row_of(_plain(row)) for row in rows], tokenizer))
    return [-total / max(1, count) for total, count in found]


def _truth_ratios(model: Any, tokenizer: Any, facts: Sequence[Fact]) -> list[float]:
    """TOFU's (Maini et al., 2024, section 2.2.2): the mean chance of false sentences, by that of the true one, each to
    the power of one by its length; of facts that others have other answers than."""
    rows: list[dict[str, Any]] = []
    counts: list[int] = []
    for fact in facts:
        others = sorted({each.answer for each in facts if each.answer not in fact.evidence.text})[:_FALSE]
        if others:
            rows += [{"text": text} for text in (fact.evidence.text, *(false_sentence(fact, each) for each in others))]
            counts.append(len(others))
    losses = iter(_losses(model, tokenizer, rows) if rows else [])
    found = []
    for count in counts:
        true = np.exp(-next(losses))
        found.append(float(np.mean([np.exp(-next(losses)) for _ in range(count)]) / true))
    return found


def _extraction(model: Any, tokenizer: Any, facts: Sequence[Fact]) -> float:
    from instill.train.generator.data.examples import make_examples
    from instill.train.generator.data.rows import Row
    from instill.train.generator.loop.replies import read_along

    examples = make_examples([Row(text=fact.evidence.text) for fact in facts], tokenizer)
    found = [
        extraction_strength(said, example.ids[1:][example.supervised[1:]].tolist())
        for example, (_, said) in zip(examples, read_along(model, examples), strict=True)
    ]
    return round(float(np.mean(found)), 6)


def _relearn(model: Any, tokenizer: Any, rows: Sequence[dict[str, Any]], seed: int) -> None:
    """A few steps on some rows (Łucki et al., "An Adversarial Perspective on Machine Unlearning", arXiv 2409.18025)."""
    from instill.train.generator.data.examples import make_examples
    from instill.train.generator.data.rows import row_of
    from instill.train.generator.loop.loop import train
    from instill.train.generator.recipes.training_section import Hyperparameters

    for parameter in model.parameters():
        parameter.requires_grad_(True)
    examples = make_examples([row_of(_plain(row)) for row in rows], tokenizer)
    chosen = Hyperparameters(
        steps=_RELEARN_STEPS, epochs=_RELEARN_STEPS, batch_size=8, learning_rate=_RELEARN_RATE, packing=False, seed=seed
    )
    with tempfile.TemporaryDirectory() as run:
        train(model, lambda _: examples, chosen, Path(run), identity="relearn", save_every=0)
    model.train(False)


def _by_fact(rows: Sequence[dict[str, Any]], scores: Sequence[float]) -> list[float]:
    """The mean over the rows of each fact: rows of one fact are no independent members."""
    found: dict[str, list[float]] = {}
    for row, score in zip(rows, scores, strict=True):
        found.setdefault(_ids(row)[0], []).append(score)
    return [float(np.mean(each)) for each in found.values()]


def _ids(row: dict[str, Any]) -> list[str]:
    return [str(each) for each in row["facts"]]


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in ("messages", "text") if name in row}


def _range(found: Interval) -> Range:
    return round(found.mean, 6), round(found.low, 6), round(found.high, 6)
