"""Rows on which reading and refusing are measured, from a study set and the workspace's own passages.

Reading is asked about controls only: no training row holds them, so what is right was read and not remembered.
"""

from __future__ import annotations

from collections.abc import Sequence

from instill.answer.said.prompt import UNKNOWN as NOT_IN_PASSAGES
from instill.compare.arms.passages import Passages
from instill.compare.arms.prompts import Wording
from instill.compare.asking_arms import draw, group_of
from instill.index.types import Hit
from instill.models.generators.protocol import Message
from instill.study.rows_from_facts import UNKNOWN as NOT_SAID
from instill.study.stored_study import StoredStudy
from instill.study.study_set import Phrasing, StudyItem, digest
from instill.train.generator.data.rows import Row

FOUND = 3
"""Passages that a refusal row shows."""


def reading_rows_of(
    study: StoredStudy, passages: Passages, wording: Wording, *, most: int | None = None, seed: int = 0
) -> list[Row]:
    """Questions about controls, each with the passages that hold its evidence.

    Args:
        study: its gate split is asked.
        wording: as the model that is measured is asked, and was trained to be.
        most: of more rows, some are drawn by `seed`.

    Returns:
        In the order of the items, grouped by fact; none when the set has no controls. The same for the same arguments
        and index.

    Raises:
        WorkspaceError: a file of the set, or a document with evidence, is not as it was.
    """
    rows = []
    for item in _asked(study, "control", most, seed):
        hits = passages.oracle(item)
        if item.answer and hits:
            rows.append(_row(item, hits, wording, "reading", item.answer, study))
    return rows


def refusal_rows_of(
    study: StoredStudy,
    passages: Passages,
    wording: Wording,
    *,
    found: int = FOUND,
    unknown: str = "",
    most: int | None = None,
    seed: int = 0,
) -> list[Row]:
    """Unanswerable questions, each with the best passages that the index finds without what would answer it.

    Args:
        study: its gate split is asked.
        wording: as the model that is measured is asked, and was trained to be.
        found: passages for each, at least 1.
        unknown: the right reply; "": what the wording's rules, or without rules the set's training rows, say.
        most: of more rows, some are drawn by `seed`.

    Returns:
        As `reading_rows_of`; a question for which no passage is left is left out.

    Raises:
        WorkspaceError: a file of the set is not as it was.
    """
    right = unknown or (NOT_IN_PASSAGES if wording.cites else NOT_SAID)
    rows = []
    for item in _asked(study, "unanswerable", most, seed):
        hits = passages.found(item, item.question, found)
        if hits:
            rows.append(_row(item, hits, wording, "refusals", right, study))
    return rows


def _asked(study: StoredStudy, phrasing: Phrasing, most: int | None, seed: int) -> list[StudyItem]:
    items = [item for item in study.items("gate") if item.phrasing == phrasing]
    return items if most is None else draw(items, most, seed=seed)


def _row(item: StudyItem, hits: Sequence[Hit], wording: Wording, task: str, answer: str, study: StoredStudy) -> Row:
    reply: Message = {"role": "assistant", "content": answer}
    return Row(
        (*_prompt(item, hits, wording), reply),
        task=task,
        place=f"study set {study.card.id}, question {item.id}",
        answers=item.accepted[1:],
        group=group_of(item, "fact"),
    )


def _prompt(item: StudyItem, hits: Sequence[Hit], wording: Wording) -> tuple[Message, ...]:
    """The prompt; where its fences carry a token drawn for every request, one that follows from the item instead.

    So the rows, and what is measured on them, are the same each time.
    """
    prompt = wording.reading(item.question, hits)
    if not prompt.token:
        return prompt.messages
    steady = digest(["fence", item.id])
    return tuple(
        {"role": message["role"], "content": message["content"].replace(prompt.token, steady)}
        for message in prompt.messages
    )
