"""Noise: passages that do not belong to the question, and passages that contradict the right one, for `with_others`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from random import Random
from typing import TYPE_CHECKING

from instill.compare.arms.built_in_arms import GivenTo
from instill.compare.arms.passages import Passages, evidence_given, is_hidden, place_of
from instill.compare.changed.changes import Change
from instill.compare.changed.copies import twin_id
from instill.errors import UsageError, WorkspaceError
from instill.index.types import Hit
from instill.study.study_set import StudyItem

if TYPE_CHECKING:
    from instill.workspace import Workspace

IRRELEVANT = 3
"""Irrelevant passages for a question."""


def noise_passages(
    passages: Passages,
    items: Sequence[StudyItem],
    *,
    irrelevant: int = IRRELEVANT,
    contradicting: GivenTo | None = None,
    seed: int = 0,
) -> GivenTo:
    """Passages that answer other questions, about other documents; drawn anew for each item, the same for the seed.

    A passage is irrelevant when it is of none of the item's documents, does not repeat its evidence, and holds nothing
    that the item hides. Use it with `with_others`:
    `with_others(oracle_passages(passages), noise_passages(passages, items))`.

    Args:
        items: of the study set; the passages are those with their evidence.
        irrelevant: how many, 0 or more; fewer where there are not so many.
        contradicting: comes first, e.g. `contradicting_passages`.

    Raises:
        UsageError: `irrelevant` is below 0.
    """
    if irrelevant < 0:
        raise UsageError(f"{irrelevant} is not a number of passages.", remedy="Give a number from 0 on.")
    others = [item for item in items if item.evidence]
    known: dict[str, list[Hit]] = {}

    def given(item: StudyItem) -> tuple[Sequence[Hit], str]:
        first, notice = contradicting(item) if contradicting else ((), "")
        hits = {(hit.doc_id, hit.start): hit for hit in first}
        most = len(hits) + irrelevant
        order = Random(f"{seed}:{item.id}").sample(others, len(others)) if irrelevant else []  # noqa: S311
        for other in order:
            if len(hits) >= most:
                break
            if _documents(item) & _documents(other) or set(item.fact_ids) & set(other.fact_ids):
                continue
            if other.id not in known:
                known[other.id] = passages.oracle(other)
            for hit in known[other.id]:
                if len(hits) < most and is_irrelevant(hit, item):
                    hits[hit.doc_id, hit.start] = hit
        return list(hits.values()), notice

    return given


def contradicting_passages(copy: Workspace, changes: Iterable[Change]) -> GivenTo:
    """The passages of the changed documents' twins that say something else than the evidence; none for other items.

    Right stays what the original document says.

    Args:
        copy: a copy of the workspace that has the twins, see `add_twins`.

    Raises:
        WorkspaceError: when passages are asked for: a twin is not in the index.
    """
    by_item = {item.id: change for change in changes for item in change.before}
    passages = Passages(copy)

    def given(item: StudyItem) -> tuple[Sequence[Hit], str]:
        change = by_item.get(item.id)
        if change is None:
            return (), ""
        twin = twin_id(change)
        if copy.index.document_text(twin) is None:
            raise WorkspaceError(
                "The contradicting document is not in the index.",
                where=twin,
                remedy="Add the twins of the changes first.",
            )
        new = change.items[change.before.index(item)]
        evidence = tuple(
            each.model_copy(update={"doc_id": twin}) for each in new.evidence if each.doc_id == change.doc_id
        )
        return passages.oracle(new.model_copy(update={"evidence": evidence})), ""

    return given


def is_irrelevant(hit: Hit, item: StudyItem) -> bool:
    """Whether the passage has nothing of the item's evidence and nothing that must not be seen with it."""
    return hit.doc_id not in _documents(item) and not evidence_given(item, [place_of(hit)]) and not is_hidden(hit, item)


def _documents(item: StudyItem) -> set[str]:
    return {each.doc_id for each in (*item.evidence, *item.excluded)}
