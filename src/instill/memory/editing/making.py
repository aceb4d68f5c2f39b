"""From edits to a candidate: all edits that are in force together, in the weights that were in use before any of them.

Weights are a function of what was in use, the edits and the settings alone, so that an edit can be taken back exactly.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from instill.common.made_from import MadeFrom, together
from instill.common.purges import keeping, last_purge
from instill.errors import InstillError
from instill.memory.editing.record import EditRecord, read_edits
from instill.models.registry.card import (
    Base,
    Card,
    Condition,
    GateResult,
    Metrics,
    Rows,
    candidate_id,
    environment,
    now,
)
from instill.models.registry.champions import Champions
from instill.models.registry.store import Registry

if TYPE_CHECKING:
    from instill.catalog import Catalog
    from instill.train.editing.editing_methods import Settings
    from instill.train.editing.scoring import Said
    from instill.train.generator.data.rows import Row

NAME = "edit"
_TEXTS = 200


@dataclass(frozen=True, slots=True)
class Kept:
    """What must stay.

    Args:
        rows: the user's, with messages or texts.
        texts: of documents; they are looked at where the user gives no rows.
    """

    rows: tuple[Row, ...] = ()
    texts: tuple[Row, ...] = ()


def make(
    home: Path,
    base: Path,
    parent: Card | None,
    edits: Sequence[EditRecord],
    kept: Kept,
    settings: Settings,
    *,
    alone: bool = False,
) -> tuple[Card, Said]:
    """Edit, measure, and put the candidate into the registry; its card, and what the model said before.

    Args:
        home: a workspace's `.instill`.
        base: the model's folder.
        parent: the candidate that was in use before any edit.
        edits: all that are in force, the new ones among them.
        alone: whether the caller holds the lock under which text is taken out, so that nothing is purged meanwhile.

    Raises:
        UsageError: the model cannot be edited.
        WorkspaceError: the parent is damaged.
    """
    import torch

    from instill.models.generators.model_hash import model_hash
    from instill.models.generators.transformers_models import open_model, open_tokenizer
    from instill.train.editing.edit_prompts import Edit
    from instill.train.editing.editing_methods import edited, with_weights
    from instill.train.editing.scoring import conditions, said_by
    from instill.train.generator.data.examples import make_examples

    since = None if alone else last_purge(home)
    registry = Registry(home)
    folder = registry.check(parent.id).folder if parent is not None else None
    tokenizer = open_tokenizer(base)
    model = open_model(base, candidate=folder, dtype=torch.float32).cpu()
    if hasattr(model, "merge_and_unload"):
        model = model.merge_and_unload()
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    wanted = [Edit(each.subject, each.prompt, each.value) for each in edits]
    texts = make_examples(list(kept.rows or kept.texts)[:_TEXTS], tokenizer, longest=512)
    weights = edited(model, tokenizer, wanted, texts, settings)
    wordings = [(wording, each.value) for each in edits for wording in each.wordings]
    asked = (wanted, wordings, [row for row in kept.rows if row.prompt], texts)
    before = said_by(model, tokenizer, *asked)
    known = {name: each.detach().clone() for name, each in model.named_parameters() if name in weights}
    with with_weights(model, weights):
        after = said_by(model, tokenizer, *asked)
        found = conditions(before, after, asked[2], weights, known)
        card = _card(base, model_hash(base), parent, edits, kept, settings)
        card = card.model_copy(update=_measured(found, before, after))
        with tempfile.TemporaryDirectory(dir=_drafts(home)) as draft:
            _save(model, base if parent is not None else None, weights, Path(draft))
            with keeping(home, card.made_from, since):
                card = registry.add(Path(draft), card)
    return card, before


def edit_ids(home: Path, base_hash: str) -> frozenset[str]:
    """The candidates of a base that are edits."""
    cards = [each.card for each in Registry(home).entries() if each.card is not None]
    return frozenset(card.id for card in cards if card.base.hash == base_hash and "edits" in card.recipe)


def made_before(
    home: Path, base_hash: str, parent: Card | None, edits: Sequence[EditRecord], like: Card
) -> Card | None:
    """The candidate that has just these edits, made with the settings of another one; the newest."""
    wanted = {each.prompt: each.value for each in edits}
    same = [name for name in like.recipe if name not in ("edits", "kept", "parent")]
    found = [
        card
        for card in (Registry(home).get(each).card for each in sorted(edit_ids(home, base_hash)))
        if card.recipe["edits"] == wanted
        and card.parent == (parent.id if parent is not None else None)
        and all(card.recipe.get(name) == like.recipe[name] for name in same)
    ]
    return max(found, key=lambda card: card.made, default=None)


def parent_of(home: Path, base_hash: str) -> Card | None:
    """The candidate that is in use for a base, without edits."""
    registry = Registry(home)
    line = Champions(registry).lines().get(base_hash)
    edits = edit_ids(home, base_hash)
    for each in reversed(line.line if line is not None else ()):
        if each not in edits:
            try:
                return registry.check(each).card
            except InstillError:
                continue
    return None


def in_force(home: Path, catalog: Catalog, base_hash: str) -> list[EditRecord]:
    """The edits of a model that are in force, oldest first."""
    return [each for each in standing(home, read_edits(catalog)) if each.base == base_hash and each.state == "in force"]


def standing(home: Path, edits: Sequence[EditRecord]) -> list[EditRecord]:
    """Edits as they stand: one whose candidate is in use no longer (another was promoted, or it was rolled back) is not
    in force."""
    champions = Champions(Registry(home))
    return [
        each.model_copy(update={"state": "not in use", "said": "Another candidate is in use."})
        if each.state == "in force" and champions.champion(each.base) != each.adapter
        else each
        for each in edits
    ]


def _card(
    base: Path, base_hash: str, parent: Card | None, edits: Sequence[EditRecord], kept: Kept, settings: Settings
) -> Card:
    rows = [[each.subject, each.prompt, each.value] for each in edits]
    texts = hashlib.sha256(repr([row.as_dict() for row in kept.rows or kept.texts]).encode()).hexdigest()[:16]
    recipe: dict[str, Any] = {
        "name": NAME,
        **asdict(settings),
        "kept": texts,
        "edits": {each.prompt: each.value for each in edits},
    }
    if parent is not None:
        recipe["parent"] = parent.id
    rows_hash = hashlib.sha256(json.dumps(rows).encode()).hexdigest()[:16]
    return Card(
        id=candidate_id(NAME, base_hash=base_hash, rows_hash=rows_hash, recipe=recipe, seed=0),
        made=now(),
        base=Base(name=base.name, folder=str(base.resolve()), hash=base_hash),
        rows=Rows(hash=rows_hash, count=len(edits)),
        recipe=recipe,
        seed=0,
        environment=environment(),
        parent=parent.id if parent is not None else None,
        documents=_made_from(parent, edits, kept).as_json(),
    )


def _made_from(parent: Card | None, edits: Sequence[EditRecord], kept: Kept) -> MadeFrom:
    own = together([*(each.made_from for each in edits), *(row.made_from for row in kept.rows or kept.texts)])
    return own if parent is None else own | parent.made_from


def _measured(found: Sequence[Any], before: Said, after: Said) -> dict[str, Any]:
    conditions = tuple(Condition.model_validate(each.as_dict()) for each in found)
    sides = {
        side: {
            "edits": sum(said.right) / max(1, len(said.right)),
            **({"wordings": sum(said.wordings) / len(said.wordings)} if said.wordings else {}),
            **({"kept": sum(said.kept) / len(said.kept)} if said.kept else {}),
            "loss": said.loss,
        }
        for side, said in (("before", before), ("after", after))
    }
    return {
        "gate": GateResult(passed=not any(each.missed for each in found), conditions=conditions),
        "metrics": Metrics(**sides),
        "reasons": tuple(each.said for each in found if each.missed),
    }


def _drafts(home: Path) -> Path:
    folder = home / "runs"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _save(model: Any, base: Path | None, weights: Any, folder: Path) -> None:
    """The tensors that are not the base's: those that were edited, and with a parent all that it changed."""
    import torch
    from safetensors.torch import save_file

    from instill.models.generators.candidate_weights import WEIGHTS
    from instill.models.generators.transformers_models import open_model

    known = dict(model.named_parameters())
    names = set(weights)
    if base is not None:
        own = dict(open_model(base, dtype=torch.float32).cpu().named_parameters())
        names |= {name for name, each in known.items() if not torch.equal(each, own[name])}
    save_file({name: known[name].detach().contiguous().clone() for name in sorted(names)}, folder / WEIGHTS)
