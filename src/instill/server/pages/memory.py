"""Memory: what recurs and why, its stage, what is decided, what was consolidated, forgetting, and receipts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse

from instill.errors import InstillError
from instill.memory.editing.record import facts_in_force
from instill.memory.facts_in_weights import Adapter, read_weights
from instill.memory.forgetting.receipts import key_name
from instill.memory.types import Fact
from instill.models.registry.store import Registry
from instill.server.pages.job_lists import jobs_of
from instill.server.pages.models import bases_of, unused
from instill.server.pages.rendering import page
from instill.server.service import Editing, Seen

router = APIRouter()

_A_PAGE = 50
KINDS = (
    ("all", "All"), ("candidates", "Candidates"), ("consolidated", "Consolidated"), ("studied", "Studied"),
    ("indexed", "Indexed"), ("deleted", "Of deleted documents"), ("pinned", "Pinned"), ("excluded", "Excluded"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Consolidated:
    """Weights that were made of facts.

    Args:
        known: how many of the facts it was trained on are known.
        facts: those of them that the caller sees.
        reasons: why it is not in use.
    """

    adapter: Adapter
    known: int
    facts: Sequence[Fact]
    reasons: Sequence[str]


@router.get("/memory", response_class=HTMLResponse)
def memory(
    seen: Editing,
    kind: str = Query("all", max_length=20),
    words: str = Query("", max_length=1000),
    after: int = Query(0, ge=0, le=10**9),
) -> HTMLResponse:
    """The facts that people ask for, of documents that the caller sees; for the owner also weights, edits, receipts."""
    facts = seen.workspace.memory().facts()
    fitting = [each for each in facts if _is(each, kind) and words.lower() in f"{each.question} {each.answer}".lower()]
    shown = fitting[after : after + _A_PAGE]
    owner = seen.who.may("admin")
    return page(
        seen, "memory.html", "/memory", kinds=KINDS, kind=kind, words=words, facts=shown, count=len(fitting),
        all=len(facts), stages=Counter(each.stage for each in facts), owner=owner,
        next=after + _A_PAGE if after + _A_PAGE < len(fitting) else None,
        edited=facts_in_force(seen.workspace.catalog),
        consolidated=_consolidated(seen, facts), edits=_edits(seen) if owner else [],
        receipts=[(each, key_name(each.key)) for each in reversed(seen.workspace.receipts())] if owner else [],
        trains=seen.who.may("editor") and seen.labels is None, going_in=sum(map(_goes_in, facts)),
        bases=_bases(seen), unused=unused(seen), jobs=jobs_of(seen, "consolidate", "forget"),
        keeps=seen.workspace.settings.log.uses and seen.workspace.settings.log.questions,
    )  # fmt: skip


def _is(fact: Fact, kind: str) -> bool:
    if kind == "candidates":
        return fact.candidate
    return kind in ("all", fact.stage, fact.decision)


def _consolidated(seen: Seen, facts: Sequence[Fact]) -> list[Consolidated]:
    """Weights that were made of facts, newest first; a caller with labels sees those of which every document is
    theirs."""
    by_id = {fact.fact_id: fact for fact in facts}
    found = []
    try:
        adapters = read_weights(seen.workspace.home).adapters
    except InstillError:
        return []
    registry = Registry(seen.workspace.home)
    for each in reversed(adapters):
        try:
            made = each.made_from | registry.get(each.id).card.made_from
        except InstillError:
            made = each.made_from  # Its folder is gone: it was withdrawn.
        if seen.caller.sees(made):
            own = [by_id[fact.fact_id] for fact in each.facts if fact.fact_id in by_id]
            known = sum(fact.passed for fact in each.facts)
            found.append(Consolidated(each, known, own, [each.why] if each.why else []))
    return found


def _goes_in(fact: Fact) -> bool:
    """Whether the next consolidation trains it: what is in weights already is trained again with what is new."""
    return fact.candidate or (fact.stage == "consolidated" and fact.decision != "excluded")


def _bases(seen: Seen) -> list[tuple[str, str]]:
    """Models that can be trained, as the job `consolidate` names them; the one that is set first."""
    return [("" if value == "generator" else value, name) for value, name in bases_of(seen.workspace.given.generator)]


def _edits(seen: Seen) -> list[object]:
    return list(reversed(seen.workspace.edits()))
