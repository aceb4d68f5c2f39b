"""What a report of a comparison says beside its scores and costs: prompts, causes, what was left out, versions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from instill import __version__
from instill.common.plurals import counted
from instill.compare.arms.specification import CLOSED, TUNED
from instill.compare.changed.parts_with_changes import Changed, believers
from instill.compare.examples.plan import NEEDS
from instill.compare.failure_causes import Causes
from instill.compare.plan import ComparePlan
from instill.compare.stored_outcomes import Key, Recorded, read_prompts
from instill.compare.tuned.train_arms import Trained
from instill.models.registry.card import environment, now
from instill.study.stored_study import StoredStudy
from instill.study.study_set import Fact, StudyItem

if TYPE_CHECKING:
    from instill.workspace import Workspace

PARTS = ("questions", "noise", "freshness", "conflict", "contradiction")
"""Folders in that of a comparison."""


def evidence_of(workspace: Workspace, items: Iterable[StudyItem]) -> dict[str, str]:
    """Title of the document with the evidence, by the id of the item; documents of the copy have none."""
    titles = {record.doc_id: record.title or record.source for record in workspace.documents()}
    return {
        item.id: titles[item.evidence[0].doc_id]
        for item in items
        if item.evidence and item.evidence[0].doc_id in titles
    }


def first_prompts(folder: Path, identity: str, records: Sequence[Recorded]) -> dict[str, str]:
    """The text of the first prompt of each task and arm, by its id; all of them stay in the folder.

    Raises:
        WorkspaceError: a file of prompts is damaged or in use.
    """
    first: dict[tuple[str, str], str] = {}
    for each in records:
        first.setdefault((each.outcome.task, each.outcome.arm), each.outcome.prompt)
    wanted = set(first.values())
    found = {}
    for part in PARTS:
        if (folder / part).is_dir():
            for line in read_prompts(folder / part, identity):
                if line["id"] in wanted:
                    said = [f"{message['role']}: {message['content']}" for message in line["messages"]]
                    found[str(line["id"])] = "\n\n".join(said)
    return found


def causes_of(records: Iterable[Recorded], items: Iterable[StudyItem], facts: Iterable[Fact]) -> dict[Key, str]:
    """Why an answer was not right.

    Args:
        items: of all records.
    """
    causes = Causes(items, facts)
    return {each.key: kind for each in records if (kind := causes.of(each)) is not None}


def failed(records: Iterable[Recorded]) -> dict[Key, str]:
    """The answers that a generator did not give."""
    return {each.key: "error" for each in records if each.error}


def not_done(
    workspace: Workspace, plan: ComparePlan, names: Sequence[str], changed: Changed, records: Iterable[Recorded]
) -> dict[str, str]:
    """What was left out or failed, and why."""
    found = {}
    settings = workspace.settings.generator
    if not settings.is_set:
        found["generators"] = (
            "none is set (generator.gguf, generator.folder or generator.base_url), so that answers were only quoted"
        )
    arms = [plan.known[name] for name in names]
    if not any(each.needs_tuning for each in arms):
        local = bool(settings.folder or settings.gguf)
        found["fine-tuning"] = (
            "no arm was trained on the documents' facts: it was left out"
            if local
            else "no arm was trained: it needs a local generator (generator.gguf or generator.folder)"
        )
    for need in NEEDS:
        if plan.examples is None or not plan.examples.rows(need):
            found[need] = f"no examples of it were given (--{need})"
    if not plan.noise:
        found["noise"] = "it was left out (--noise 0)"
    if not changed.changes:
        impossible = "the rules can change no fact that the study set asks for: it takes names, dates or numbers"
        why = impossible if plan.changes else "it was left out (--changes 0)"
        found |= dict.fromkeys(("freshness", "conflict", "contradiction"), why)
    else:
        found |= _not_contradicted(believers(arms), changed)
    return {**found, **_failures(records)}


def _failures(records: Iterable[Recorded]) -> dict[str, str]:
    """By arm, how many answers its generator did not give, and what it said most often."""
    reasons: dict[str, Counter[str]] = {}
    for each in records:
        if each.error:
            reasons.setdefault(each.outcome.arm, Counter())[each.error] += 1
    found = {}
    for arm, counts in reasons.items():
        [(reason, _)] = counts.most_common(1)
        found[f'"{arm}", {counted(counts.total(), "answer")}'] = (
            f"the generator gave none; they count as wrong, and the same command asks again. It said: {reason}"
        )
    return found


def _not_contradicted(could: Mapping[str, str], changed: Changed) -> dict[str, str]:
    """Arms that were asked nothing of the conflict, because there was nothing that a document could contradict."""
    if not could:
        why = (
            "no arm could be contradicted: it takes an arm that reads with a generator, and its model without passages "
            f"({CLOSED} or {TUNED}), from which it follows what the model believes"
        )
        return {"conflict": why}
    asked = {each.arm for each in changed.winners}
    if not asked:
        return {"conflict": _nothing_believed(" and ".join(dict.fromkeys(could.values())))}
    return {f"conflict, {name}": _nothing_believed(could[name]) for name in could if name not in asked}


def _nothing_believed(believer: str) -> str:
    return (
        f"nothing to contradict: {believer} answered none of the questions about changed facts rightly; more changed "
        "facts (--changes) may bring some"
    )


def about_run(workspace: Workspace, study: StoredStudy, plan: ComparePlan, trained: Trained) -> dict[str, str]:
    """Date, versions, settings, candidates."""
    generator = workspace.settings.generator
    found = {
        "made": now(),
        "instill": __version__,
        "machine": str(environment().get("machine", "")),
        "study set": f"{study.card.id}, written by {study.card.writer}",
        "split": "audit" if plan.audit else "gate",
        "documents": str(len(workspace.documents())),
        "encoder": workspace.index.generation.fingerprint,
        "generator": Path(generator.folder or generator.gguf).name or generator.model or generator.plugin or "none",
        "seed": str(plan.seed),
    }
    for arm, each in trained.by_arm.items():
        found[f"{arm} candidate"] = f"{each.candidate}: {each.rows} rows, {each.steps} steps, {each.seconds:.1f} s"
    return found
