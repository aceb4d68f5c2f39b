"""What can be said of a group of facts before it is trained: whether its gate can prove anything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pydantic import BaseModel

from instill.common.plurals import counted
from instill.memory.consolidating.material import Material
from instill.memory.consolidating.plan import Group
from instill.train.gate.decision_rules import SLACK, fewest_for_gain, provable_loss

_USUAL_RISE = 0.02


class PlannedGroup(BaseModel):
    """What a consolidation would train for the callers with some labels.

    Args:
        labels: whose callers may use the adapter; () is the owner alone.
        facts, taught: ids of the facts of the group, and of those that would be taught.
        left_out: why the others would not, by id.
        asked_as: a question for each fact, by id.
        too_small: whether its gate cannot prove anything, whatever is learnt.
        doubts: what the gate will not be able to prove or check, a sentence each.
        rows: how many would be trained on, without replay.
        questions: how many there would be, by split and by kind.
        documents: ids of the documents that it would be made from.
    """

    labels: tuple[str, ...]
    facts: tuple[str, ...]
    taught: tuple[str, ...]
    left_out: Mapping[str, str]
    asked_as: Mapping[str, str]
    too_small: bool
    doubts: tuple[str, ...]
    rows: int
    questions: Mapping[str, Mapping[str, int]]
    documents: tuple[str, ...]


def planned_groups(groups: Sequence[tuple[Group, Material]], *, replay: bool) -> list[PlannedGroup]:
    """The groups as people and programs are told of them.

    Args:
        replay: whether rows are given of what the model can do already.
    """
    return [
        PlannedGroup(
            labels=group.labels,
            facts=tuple(fact.fact_id for fact in group.facts),
            taught=tuple(fact.id for fact in material.taught),
            left_out=dict(material.left_out),
            asked_as={fact.fact_id: fact.question for fact in group.facts},
            too_small=too_small(material),
            doubts=tuple(doubts_about(material, replay=replay)),
            rows=len(material.rows),
            questions={split: dict(counts) for split, counts in material.study.card.items.items()},
            documents=tuple(sorted(material.made_from.doc_ids)),
        )
        for group, material in groups
    ]


def too_small(material: Material) -> bool:
    """Whether the gate of these facts cannot prove a gain, whatever is learnt. Questions about one fact count once."""
    return _asked(material) < fewest_for_gain(0.0)


def doubts_about(material: Material, *, replay: bool) -> list[str]:
    """What the gate will not be able to prove or check, a sentence each.

    Args:
        replay: whether rows are given of what the model can do already.
    """
    found = []
    asked, fewest = _asked(material), fewest_for_gain(0.0)
    if not material.taught:
        found.append("No fact of it can be taught, so nothing would be trained.")
    elif asked < fewest:
        found.append(
            f"Too small to prove anything: it has {counted(asked, 'fact')} to ask about, and {fewest} at least are "
            "needed. It would be trained, and not be used. More facts: instill memory pin FACT, instill memory add."
        )
    controls = sum(fact.role == "control" for fact in material.study.facts)
    if not controls:
        found.append("Controls would not be checked: the documents tell no other facts.")
    elif provable_loss(controls) > _USUAL_RISE:
        rise = provable_loss(controls)
        found.append(f"{counted(controls, 'control')} can only show that they rise by less than {SLACK * rise:.2g}.")
    if not replay:
        found.append("What the model forgets would not be checked: name rows of what it can do with --replay FILE.")
    return found


def _asked(material: Material) -> int:
    """How many facts the gate would ask about."""
    taught = {fact.id for fact in material.taught}
    asked = [item for item in material.study.items if item.split == "gate" and item.form != "reverse"]
    return len({item.fact_ids for item in asked if set(item.fact_ids) <= taught})
