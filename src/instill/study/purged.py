"""Taking documents out of a study set: their facts, and every question, row and prompt that shows something of them."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from instill.answer.harmless_text import plain_text
from instill.common.plurals import counted
from instill.study.links import link_of
from instill.study.stored_study import StoredStudy, checked_lines, items_file, write_study
from instill.study.study_set import SPLITS, Evidence, Fact, StudyItem, StudySet


def without_documents(study: StoredStudy, doc_ids: Collection[str]) -> StoredStudy | None:
    """The study set without what was made from these documents, kept in the place of the old one, under its id.

    The record of when its audit was opened stays. Where no fact is left, the study set is removed.

    Returns:
        None where nothing is left.

    Raises:
        WorkspaceError: a file of the set is not as it was written; the set is as it was.
        OSError: the disk is full, or the folder cannot be written.
    """
    gone = frozenset(doc_ids)
    facts = study.facts()
    kept = _kept(facts, gone)
    if not kept:
        shutil.rmtree(study.folder)
        return None
    known = {fact.id for fact in kept}
    dropped = [fact for fact in facts if fact.id not in known]
    items = [
        item
        for split in SPLITS
        for item in checked_lines(study, items_file(split), StudyItem)
        if known.issuperset(item.fact_ids) and not _shows(item, gone)
    ]
    rows = [row for row in study.rows() if _row_stays(row, gone, dropped)]
    prompts = [prompt for prompt in study.prompts() if not _tells(prompt, dropped)]
    sources = study.card.made_from
    count = len(sources.doc_ids & gone)
    gone_by_now = counted(count, "document") if count else "Some documents"
    card = study.card.model_copy(
        update={
            "facts": {
                "kind": dict(sorted(Counter(fact.kind for fact in kept).items())),
                "role": dict(sorted(Counter(fact.role for fact in kept).items())),
            },
            "items": {
                split: dict(sorted(Counter(item.phrasing for item in items if item.split == split).items()))
                for split in SPLITS
            },
            "rows": dict(sorted(Counter(str(row.get("task", "")) for row in rows).items())),
            "writers": dict(sorted(Counter(item.writer for item in items).items())),
            "sources": sources.without(gone).as_json(),
            "notes": (
                *study.card.notes,
                f"{gone_by_now} purged from it after it was made.",
            ),
        }
    )
    left = StudySet(facts=tuple(kept), items=tuple(items), card=card)
    # A question that was tied to no document may say anything.
    left_out = [
        each
        for each in study.left_out()
        if each.doc_ids and gone.isdisjoint(each.doc_ids) and not _tells(each.model_dump(), dropped)
    ]
    return write_study(study.folder.parents[1], left, rows, prompts, left_out=left_out, made=card.made)


def leaves_nothing(study: StoredStudy, doc_ids: Collection[str]) -> bool:
    """Whether `without_documents` would remove the study set.

    Raises:
        WorkspaceError: a file of the set is not as it was written.
    """
    return not _kept(study.facts(), frozenset(doc_ids))


def _kept(facts: Iterable[Fact], gone: frozenset[str]) -> list[Fact]:
    return [fact for fact in facts if gone.isdisjoint({fact.doc_id, fact.evidence.doc_id})]


def _shows(item: StudyItem, gone: frozenset[str]) -> bool:
    spans: tuple[Evidence, ...] = (*item.evidence, *item.excluded)
    return any(span.doc_id in gone for span in spans)


def _row_stays(row: Mapping[str, Any], gone: frozenset[str], dropped: list[Fact]) -> bool:
    link = link_of(row)
    named = set(row.get("facts") or ()) & {fact.id for fact in dropped}
    return not named and gone.isdisjoint(link.doc_ids) and not _tells(row, dropped)


def _tells(value: Mapping[str, Any], dropped: list[Fact]) -> bool:
    """Whether the evidence of one of the facts stands in it, word for word."""
    said = " ".join(_texts(value))
    return any(_spaced(form(fact.evidence.text)) in said for fact in dropped for form in (str, plain_text))


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [_spaced(value)]
    if isinstance(value, Mapping):
        return [text for each in value.values() for text in _texts(each)]
    return [text for each in value for text in _texts(each)] if isinstance(value, (list, tuple)) else []


def _spaced(text: str) -> str:
    return " ".join(text.split())
