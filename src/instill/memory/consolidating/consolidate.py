"""Facts into weights: one training from the base on all that is consolidated, examined fact by fact, and recorded."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel

from instill.common.plurals import counted
from instill.index.store import Index
from instill.memory.consolidating.examining import Examined
from instill.memory.consolidating.material import Listed, Material, material_of
from instill.memory.consolidating.plan import REPLAY_SHARE, Group, groups_of, write_files
from instill.memory.facts_in_weights import Adapter, Held, State, Weights, read_weights, write_weights
from instill.memory.types import Fact
from instill.models.registry.card import GateResult, now

if TYPE_CHECKING:
    from instill.train.pipeline import TrainingResult

MOST_FAILED = 0.2
"""Share of the new facts that may fail; those that fail are trained on, and not counted as consolidated."""


class Consolidated(BaseModel):
    """What became of one group of facts.

    Args:
        labels: whose callers may use the adapter; () is the owner alone.
        adapter: the candidate's id; "" where nothing was trained.
        promoted: it is in use now.
        facts: what it knows of each.
        left_out: facts that cannot be taught, with the reason, by id.
        reasons: why it is not in use, a sentence each.
        rows: how many it was trained on, without replay.
        next: what to do about the conditions of the gate that could not be decided, a sentence each.
        unchecked: what was not checked, and why, a sentence each.
    """

    labels: tuple[str, ...]
    adapter: str = ""
    promoted: bool = False
    facts: tuple[Examined, ...] = ()
    left_out: dict[str, str] = {}
    reasons: tuple[str, ...] = ()
    rows: int = 0
    next: tuple[str, ...] = ()
    unchecked: tuple[str, ...] = ()


_MORE = {
    "gain": (
        "The gate asks about the facts in wordings that were not trained. More of them come from more facts (instill "
        'memory add, instill memory pin FACT) and more wordings (instill memory edit FACT --wording "...").'
    ),
    "controls": "Controls are other facts of the documents: add documents that tell more of them.",
    "forgetting": (
        "The gate measures one in four rows of --replay FILE: give that file four times as many rows, of what the "
        "model can do already."
    ),
}
"""Where more rows of a section come from; the others are in the user's own gate."""


def more_rows(gate: GateResult | None) -> tuple[str, ...]:
    """What to do about each condition that its rows could not decide, a sentence each.

    Example:
        >>> from instill.models.registry.card import Condition
        >>> few = Condition(name="reading", passed=False, said="", outcome="undecided", needed=58)
        >>> more_rows(GateResult(passed=False, conditions=(few,)))
        ('[reading] needs about 58 rows: add them to the file that it names in --gate FILE.',)
    """
    found: dict[str, None] = {}
    for each in gate.conditions if gate is not None else ():
        if each.outcome == "undecided":
            section = each.name.partition(".")[0]
            more = _MORE.get(section, "")
            rows = f"[{section}] needs {f'about {each.needed}' if each.needed else 'more'} rows"
            found.setdefault(
                f"{rows}. {more}" if more else f"{rows}: add them to the file that it names in --gate FILE."
            )
    return tuple(found)


def unchecked_of(gate: GateResult | None, examined: Sequence[Examined]) -> tuple[str, ...]:
    """What there was nothing to check on, a sentence each.

    Example:
        >>> fact = Examined(fact_id="f1", asked=1, right=1, reverse_asked=0, reverse_right=0, chosen=None)
        >>> unchecked_of(None, [fact])
        ('[choice] Not checked for 1 of 1 fact (f1): no other fact has another answer to choose from.',)
    """
    conditions = gate.conditions if gate is not None else ()
    found = [f"[{each.name}] {each.said}" for each in conditions if each.outcome == "not checked"]
    alone = [each.fact_id for each in examined if each.chosen is None]
    if alone:
        of = f"{len(alone)} of {counted(len(examined), 'fact')} ({', '.join(alone)})"
        found.append(f"[choice] Not checked for {of}: no other fact has another answer to choose from.")
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Setting:
    """How facts are consolidated.

    Args:
        base: as in a recipe: "micro", "smollm2", a GGUF file or the folder of a transformers model.
        replay: rows of what the base can do and is not to forget; None: there is none, and nothing says what was lost.
        gate: more conditions, as a gate's file.
        epochs: how often each row is seen; 0: by the number of rows.
        replay_share: of an epoch's rows.
        learning_rate: the peak; 0: by the base.
        stage: is told what is being done.
        since: the mark of purges when the facts were read; see `instill.common.purges`.
    """

    base: str
    replay: Path | None = None
    gate: Path | None = None
    seed: int = 0
    epochs: int = 0
    replay_share: float = REPLAY_SHARE
    learning_rate: float = 0.0
    listed: Listed = lambda _: ()
    stage: Callable[[str], None] = lambda _: None
    since: str | None = None


def planned(home: Path, facts: Sequence[Fact], index: Index, setting: Setting) -> list[tuple[Group, Material]]:
    """The groups of facts that would be trained on now, with their rows. Nothing is written.

    Args:
        home: a workspace's `.instill`.
        facts: all of the workspace, as the owner sees them.
        index: the whole one.
    """
    weights = read_weights(home)
    held = {
        each.labels: [fact.fact_id for fact in each.facts if fact.passed]
        for each in weights.adapters
        if each.state == "in use"
    }
    found = []
    for group in groups_of(facts, held):
        documents = [
            stored
            for record in sorted(index.records(), key=lambda record: record.doc_id)
            if tuple(sorted(record.labels)) == group.labels
            and (stored := index.document_text(record.doc_id)) is not None
        ]
        found.append((group, material_of(group.facts, documents, seed=setting.seed, listed=setting.listed)))
    return found


def consolidate(home: Path, group: Group, material: Material, setting: Setting) -> Consolidated:
    """Train one adapter from the base on all facts of a group, examine every fact, and put it to use if it passes.

    It passes if the gate lets it pass, no older fact is lost, and at most one in five of the new ones fails. If it is
    the facts that are not known well enough, it is trained once more, from the base again, with the rows of those that
    failed shown more often. If nothing passes, the weights that were in use before stay in use.

    Raises:
        UsageError: the base, the replay or the gate cannot be used.
        WorkspaceError: another process trains the same.
    """
    from instill.models.registry.store import Registry

    if not material.taught:
        return Consolidated(labels=group.labels, left_out=dict(material.left_out), reasons=("No fact can be taught.",))
    before = read_weights(home).in_use(group.labels)
    older = frozenset(fact.fact_id for fact in before.facts if fact.passed) if before else frozenset()
    outcome, examined, reasons = _trained(home, group, material, setting, older, frozenset())
    hard = frozenset(each.fact_id for each in examined if not each.passed)
    if reasons and hard and not well_known(outcome.card.gate, examined):
        # Joint, from the base again: nothing of the first training stays. Weights that are rebuilt after something was
        # forgotten have no older facts, so they are made as if they were the first.
        setting.stage(f"once more, with {counted(len(hard), 'fact')} shown more often")
        first = outcome.card.id
        outcome, examined, reasons = _trained(home, group, material, setting, older, hard)
        if first != outcome.card.id:
            Registry(home).remove(first)
    setting.stage("registering")
    adapter = _adapter(outcome.card.id, outcome.card.base.hash, group, material, examined, reasons)
    if not reasons:
        _use(home, adapter)
    write_weights(home, _recorded(home, adapter))
    return Consolidated(
        labels=group.labels,
        adapter=outcome.card.id,
        promoted=not reasons,
        facts=tuple(examined),
        left_out=dict(material.left_out),
        reasons=tuple(reasons),
        rows=len(material.rows),
        next=more_rows(outcome.card.gate) if reasons else (),
        unchecked=unchecked_of(outcome.card.gate, examined),
    )


def _trained(
    home: Path,
    group: Group,
    material: Material,
    setting: Setting,
    older: frozenset[str],
    hard: frozenset[str],
) -> tuple[TrainingResult, Sequence[Examined], list[str]]:
    """A candidate, its facts examined, and why it is not used; nothing where it is.

    Args:
        older: ids of facts that are in weights now.
        hard: ids of facts whose rows are shown more often.
    """
    from instill.common.progress_watch import Watch
    from instill.memory.consolidating.examining import examine
    from instill.train.generator.recipes.base import base_folder
    from instill.train.pipeline import train_recipe

    files = write_files(
        home,
        group,
        material,
        base=setting.base,
        replay=setting.replay,
        gate=setting.gate,
        seed=setting.seed,
        epochs=setting.epochs,
        replay_share=setting.replay_share,
        learning_rate=setting.learning_rate,
        hard=hard,
        since=setting.since,
    )
    outcome = train_recipe(home, files.recipe, promote=False, since=setting.since, watch=Watch(stage=setting.stage))
    setting.stage("examining")
    examined = examine(base_folder(files.recipe), outcome.folder, material.taught, material.study.items, older=older)
    reasons = list(outcome.card.reasons) if outcome.card.verdict != "passed" else []
    lost, failed = _not_known(examined)
    if lost:
        reasons.append(f"No longer known, of the facts that were in the weights before: {lost}.")
    if failed:
        new = sum(not each.older for each in examined)
        reasons.append(f"{failed} of {new} new facts are not known in wordings that were not trained.")
    return outcome, examined, reasons


def _not_known(examined: Sequence[Examined]) -> tuple[int, int]:
    """How many older facts are lost, and how many new ones failed, where these are too many; otherwise 0."""
    lost = sum(each.older and not each.passed for each in examined)
    failed = sum(not each.older and not each.passed for each in examined)
    return lost, failed if failed > MOST_FAILED * sum(not each.older for each in examined) else 0


def well_known(gate: GateResult | None, examined: Sequence[Examined]) -> bool:
    """Are the facts known well enough? Then showing some of them more often mends nothing that the gate rejects: the
    model would forget more of what it could do before."""
    gained = gate is None or all(each.passed for each in gate.conditions if each.name == "gain")
    return gained and _not_known(examined) == (0, 0)


def _use(home: Path, adapter: Adapter) -> None:
    """Promote it where it is for the owner alone; those for labels are found by `generator.adapter = "memory"`."""
    from instill.models.registry.champions import Champions
    from instill.models.registry.store import Registry

    if not adapter.labels:
        Champions(Registry(home)).promote(adapter.id)


def _recorded(home: Path, adapter: Adapter) -> Weights:
    weights = read_weights(home)
    rebuild = tuple(each for each in weights.rebuild if each != adapter.labels or adapter.state != "in use")
    return weights.with_adapter(adapter).model_copy(update={"rebuild": rebuild})


def _adapter(
    id_: str, base: str, group: Group, material: Material, examined: Sequence[Examined], reasons: Sequence[str]
) -> Adapter:
    sources = {source.doc_id: source for source in material.made_from.sources}
    passed = {each.fact_id: each.passed for each in examined}
    facts = tuple(
        Held(
            fact_id=fact.id,
            doc_id=fact.doc_id,
            version=sources[fact.doc_id].version,
            source_labels=sources[fact.doc_id].labels,
            evidence_hash=hashlib.sha256(fact.evidence.text.encode("utf-8", "surrogatepass")).hexdigest(),
            adapter=id_,
            passed=passed[fact.id],
        )
        for fact in material.taught
    )
    state: State = "rejected" if reasons else "in use"
    return Adapter(id=id_, base=base, labels=group.labels, state=state, why=" ".join(reasons), made=now(), facts=facts)
