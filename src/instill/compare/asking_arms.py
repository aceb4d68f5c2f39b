"""The questions of a study set, put to every arm."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Literal

from instill.compare.arms.passages import citation_precision, evidence_given
from instill.compare.arms.protocol import Arm, ArmReply
from instill.compare.prices import FREE, Prices
from instill.compare.recording import Answered, Graded, Question, record_outcomes
from instill.compare.stored_outcomes import Recorded
from instill.errors import UsageError
from instill.measure.judging.scorer import judge
from instill.measure.verdict import ASKED_NEEDS
from instill.study.stored_study import StoredStudy
from instill.study.study_set import Phrasing, StudyItem

GroupBy = Literal["fact", "document"]

TASKS: dict[Phrasing, str] = {
    "direct": "facts", "reworded": "paraphrase", "keywords": "paraphrase", "indirect": "paraphrase",
    "reverse": "reverse", "two_documents": "two documents", "unanswerable": "unanswerable", "control": "control",
}  # fmt: skip
"""What a question measures, by how it asks."""

SHARES = {"facts": 0.5, "refusal": 0.4, "": 0.1}
"""Of the questions, by the need that they decide; "" for none."""


def questions_of(study: StoredStudy, *, audit: bool = False, most: int | None = None, seed: int = 0) -> list[StudyItem]:
    """The items to compare on: those of the gate, or of the audit when that is asked for.

    Args:
        audit: opens the audit split, which is written down in the study set's folder.
        most: of more, some are drawn by `seed`, see `draw`.

    Raises:
        UsageError: there is nothing to ask.
        WorkspaceError: a file of the set is not as it was written.
    """
    if audit:
        from instill.study.audit import open_audit

        items = open_audit(study, unseal=True, why="compare")
    else:
        items = study.items("gate")
    if not items:
        raise UsageError(
            "The study set has no question to compare on.",
            where=str(study.folder),
            remedy="Make it with larger shares for gate and audit: instill study make",
        )
    return items if most is None else draw(items, most, seed=seed)


def draw(items: Sequence[StudyItem], most: int, *, seed: int = 0) -> list[StudyItem]:
    """At most `most` of the items, in their order; the same for the same items and seed.

    They go where they decide: half to the need for facts, four tenths to refusals, a tenth to what decides nothing
    (controls). What one of these does not have the others get. Of a need's questions as many facts as possible are
    asked about, see `in_turn`.

    Raises:
        UsageError: `most` is below 1.
    """
    if most < 1:
        raise UsageError(f"{most} questions are none.", remedy="Ask for 1 or more.")
    if most >= len(items):
        return list(items)
    parts: defaultdict[str, list[StudyItem]] = defaultdict(list)
    for item in items:
        parts[need_of(TASKS[item.phrasing])].append(item)
    taken: list[StudyItem] = []
    left, shares = most, sum(SHARES[need] for need in parts)
    # The smallest first, so that what it does not have is there for the others.
    for need in sorted(parts, key=lambda each: len(parts[each]) / SHARES[each]):
        count = min(len(parts[need]), round(left * SHARES[need] / shares))
        taken += in_turn(parts[need], seed=seed)[:count]
        left, shares = left - count, shares - SHARES[need]
    chosen = {id(item) for item in taken}
    return [item for item in items if id(item) in chosen]


def in_turn(items: Sequence[StudyItem], *, seed: int = 0) -> list[StudyItem]:
    """The items in an order of which any beginning has as many facts as it can, and of each task its share.

    First one question of each fact, then a second one, and so on: two wordings of one fact say less than two facts.
    """
    shuffled = list(items)
    Random(f"{seed}:turns").shuffle(shuffled)  # noqa: S311
    places: defaultdict[str, int] = defaultdict(int)
    counts = Counter(TASKS[item.phrasing] for item in items)
    ranked = []
    waiting: defaultdict[str, list[StudyItem]] = defaultdict(list)
    for item in shuffled:
        waiting[group_of(item, "fact")].append(item)
    for number in range(max(map(len, waiting.values()), default=0)):
        for own in waiting.values():
            if number < len(own):
                # Of a fact's questions the one whose task is furthest behind its share.
                own[number:] = sorted(
                    own[number:], key=lambda each: places[TASKS[each.phrasing]] / counts[TASKS[each.phrasing]]
                )
                places[TASKS[own[number].phrasing]] += 1
                ranked.append(own[number])
    return ranked


def need_of(task: str) -> str:
    """The need that a task's questions decide; "" for none.

    Example:
        >>> need_of("paraphrase"), need_of("control")
        ('facts', '')
    """
    return next((need for need, tasks in ASKED_NEEDS.items() if task in tasks), "")


def groups_by_need(items: Sequence[StudyItem]) -> dict[str, list[str]]:
    """The fact of each question, by the need that it decides; "" for none."""
    found: dict[str, list[str]] = {}
    for item in items:
        found.setdefault(need_of(TASKS[item.phrasing]), []).append(group_of(item, "fact"))
    return found


def run_arms(
    items: Sequence[StudyItem],
    arms: Sequence[Arm],
    folder: Path,
    *,
    identity: str,
    task: str | None = None,
    group_by: GroupBy = "fact",
    prices: Prices = FREE,
    again_after_errors: bool = False,
    models: Mapping[str, str] | None = None,
    progress: Callable[[Answered], None] | None = None,
) -> list[Recorded]:
    """Ask every arm every question, so that one model is in memory at a time; arms that share one in turn.

    Every outcome is on the disk before the next question. A run that was stopped, by whatever, goes on from there when
    it is called again with the same folder and identity; arms and items may be added. A generator that fails makes a
    wrong answer, with its error, and not the end of the run.

    Args:
        items: the questions, each once.
        arms: each with a name of its own.
        folder: for `outcomes.jsonl` and `compare-prompts.jsonl`.
        identity: names study set, models and settings: whatever makes the same arm answer otherwise.
        task: of all items; None: by their phrasing, see `TASKS`.
        group_by: what fails together: the questions about one fact, or about one document.
        prices: for the money of each outcome.
        again_after_errors: ask again where a generator failed in an earlier run.
        models: see `record_outcomes`.
        progress: called after every outcome.

    Returns:
        In the order of arms and items.

    Raises:
        UsageError: there are no items or arms, or one is there twice.
        WorkspaceError: the files are damaged, in use, or of another identity.
        EvidenceInPrompt: a closed-book prompt held evidence.
    """
    for noun, names in (("question", [item.id for item in items]), ("arm", [arm.name for arm in arms])):
        if not names or len(set(names)) < len(names):
            raise UsageError(f"There is no {noun}, or one is there twice.", where=", ".join(names)[:200])
    questions = [_question(item, task or TASKS[item.phrasing], group_by) for item in items]
    return record_outcomes(
        questions,
        arms,
        folder,
        identity,
        prices=prices,
        again_after_errors=again_after_errors,
        models=models,
        progress=progress,
    )


def group_of(item: StudyItem, group_by: GroupBy) -> str:
    """The fact that answers the item (of two, the last), or the document that it stands in."""
    if group_by == "fact":
        return item.fact_ids[-1]
    held = item.evidence or item.excluded
    return held[-1].doc_id if held else item.fact_ids[-1]


def _question(item: StudyItem, task: str, group_by: GroupBy) -> Question[Arm]:
    def grade(reply: ArmReply) -> Graded:
        return Graded(
            judge(
                reply.text,
                item.accepted,
                question=item.question,
                abstained=False if reply.error else reply.abstained,
                quotes=reply.quoted,
            ),
            citation_precision(item, reply.citations),
            None if reply.passages is None else evidence_given(item, reply.passages),
        )

    return Question(
        item=item.id,
        group=group_of(item, group_by),
        task=task,
        question=item.question,
        expected=item.accepted,
        prompt=({"role": "user", "content": item.question},),
        put=lambda arm: arm.answer(item),
        grade=grade,
    )
