"""`Memory`: the facts that people keep asking for, and what is decided on them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Literal, get_args

from instill.answer.uses_of_answer import occurrence, words_of_span
from instill.catalog import Catalog
from instill.common.made_from import Caller, MadeFrom, Source
from instill.errors import UsageError
from instill.index.store import Index
from instill.index.types import Hit
from instill.ingest.document_references import resolve
from instill.memory.answered_elsewhere import Ask, Elsewhere, answered_otherwise, disputed, nobody, undisputed
from instill.memory.candidate_conditions import conditions
from instill.memory.contradicting import Search, contradiction
from instill.memory.decisions import drop, keep, read_decided, with_decision
from instill.memory.document_versions import SeenVersion, note_versions, seen_versions
from instill.memory.editing.record import facts_in_force
from instill.memory.facts_in_weights import Held, held_in_weights
from instill.memory.moved_spans import Places
from instill.memory.recurrence import Group, Shape, grouped, new_id
from instill.memory.types import Condition, Decided, Decision, Fact, RemovedFact, Spot, Stage
from instill.memory.uses_log import read_uses, stamp
from instill.memory.whole_words import whole_places
from instill.memory.worded_by_hand import BY_HAND, evidence_for, short_text, texts_of, worded
from instill.models.encoders.protocol import Encoder
from instill.settings import MemorySettings
from instill.study.stored_study import list_studies
from instill.study.study_set import Fact as StudyFact

Asked = Literal["none", "few", "all"]

_FEW = 10
"""Facts that a list asks the index about, each with one question: together they take about a second."""


@dataclass(frozen=True, slots=True)
class Around:
    """What a memory needs of its workspace, as its caller sees it.

    Args:
        home: the workspace's `.instill`.
        index: as the caller sees it.
        search: passages near a text, as the caller sees them.
        ask: the index, as the caller sees it.
    """

    home: Path
    catalog: Catalog
    index: Index
    encoder: Encoder
    caller: Caller
    search: Search
    settings: MemorySettings
    ask: Ask = nobody


class Memory:
    """The facts of a workspace as its caller sees them.

    Everything is worked out when it is asked for: from the ledger, from what was decided, and from the index as it is
    at this moment. So a fact whose document has changed is an indexed one from the commit on, whatever process was
    killed when.

    Args:
        now: the time that weights and ages are counted to.
    """

    def __init__(self, around: Around, now: datetime) -> None:
        self._around = around
        self._now = now
        self._labels = around.caller.labels

    # -- looking -----------------------------------------------------------------------------------------------

    def facts(self, *, asked: Asked = "few") -> list[Fact]:
        """All facts, those of the greatest weight first; pinned ones before the others.

        Args:
            asked: which candidates' questions are asked of the other documents, to find one that answers otherwise:
                "all", in all wordings, as before a consolidation; "few": of the first ten that were written by hand or
                edited, as for a list; or "none".
        """
        around = self._around
        found = self._found()
        if asked == "none":
            return found
        edited = facts_in_force(around.catalog) if asked == "few" else frozenset()
        left = len(found) if asked == "all" else _FEW
        for number, fact in enumerate(found):
            if left and fact.candidate and (asked == "all" or fact.by_hand or fact.fact_id in edited):
                questions = self._questions(fact)
                found[number] = self._checked(fact, questions if asked == "all" else questions[:1])
                left -= 1
        return found

    def _found(self) -> list[Fact]:
        around = self._around
        places = Places(around.index.document_texts)
        uses = read_uses(around.catalog, around.encoder, self._labels)
        every = read_decided(around.catalog, self._labels)
        sees = self._seen_sources([*(each.source for each in uses), *(each.source for each in every)])
        decided = {each.fact_id: each for each in every if each.source in sees}
        uses = [each for each in uses if each.source in sees]
        places.read([*(each.spot.doc_id for each in uses), *(each.spot.doc_id for each in decided.values())])
        placed = [(use, places.find(use.spot, use.short).spot or use.spot) for use in uses]
        groups = grouped(self._shapes(list(decided.values()), places), placed)
        if not groups:
            return []
        self._note_versions(groups, places)
        seen = seen_versions(around.catalog)
        studied, held = self._studied(), held_in_weights(around.home, around.caller)
        edited = facts_in_force(around.catalog)
        found = [self._fact(group, decided.get(group.fact_id), places, seen, studied, held, edited) for group in groups]
        return sorted(found, key=lambda fact: (fact.decision != "pinned", -fact.weight, fact.fact_id))

    def candidates(self) -> list[Fact]:
        """The facts that the next consolidation may train into weights. Each is asked of the other documents, as
        `consolidate` does."""
        return [fact for fact in self.facts(asked="all") if fact.candidate]

    def get(self, reference: str) -> Fact:
        """One fact, by its id or the start of it. Its question is asked of the other documents.

        Raises:
            UsageError: there is none, or several.
        """
        fact = self._named(reference)
        in_place = any(each.name == "in place" and each.met for each in fact.why)
        return self._checked(fact, self._questions(fact)) if in_place else fact

    def answered_otherwise(self, fact: Fact) -> Elsewhere | None:
        """Another document that answers one of the fact's wordings with another value; None if there is none."""
        return answered_otherwise(self._questions(fact), fact.answer, fact.doc_id, self._around.ask)

    def _checked(self, fact: Fact, questions: Sequence[str]) -> Fact:
        found = answered_otherwise(questions, fact.answer, fact.doc_id, self._around.ask)
        return undisputed(fact) if found is None else disputed(fact, found)

    def _questions(self, fact: Fact) -> list[str]:
        return list(dict.fromkeys((fact.question, *fact.wordings)))

    def _named(self, reference: str) -> Fact:
        found = [fact for fact in self.facts(asked="none") if reference and fact.fact_id.startswith(reference)]
        if len(found) != 1:
            raise UsageError(
                "Several facts have an id that begins like this." if found else "There is no such fact.",
                where=reference or "fact",
                remedy="List them: instill memory",
            )
        return found[0]

    def near(self, text: str) -> Sequence[Hit]:
        """The passages that come nearest to a text."""
        return self._around.search(text)

    # -- deciding ----------------------------------------------------------------------------------------------

    def decide(self, reference: str, decision: Decision, *, note: str = "") -> Fact:
        """Pin a fact (it is a candidate however seldom it is used), exclude it (it never is), or "": neither.

        Raises:
            UsageError: there is no such fact, or the caller is not the owner.
            WorkspaceError: the catalog cannot be written.
        """
        fact = self._own(reference)
        if decision not in get_args(Decision):
            raise UsageError("This is no decision.", where=str(decision), remedy='Pass "pinned", "excluded" or "".')
        before = self._decided(fact.fact_id)
        if not decision and before is not None and not before.by_hand:
            drop(self._around.catalog, fact.fact_id)
        else:
            keep(self._around.catalog, with_decision(before or self._of(fact), decision, short_text(note, "note")))
        return self._again(fact.fact_id)

    def edit(
        self, reference: str, *, question: str = "", answer: str = "", note: str = "", wordings: Iterable[str] = ()
    ) -> Fact:
        """Word a fact's question or answer otherwise. The answer has to stand in the evidence.

        Args:
            wordings: more wordings of the question, beside those that there are.

        Raises:
            UsageError: there is no such fact, the evidence does not hold the answer, or the caller is not the owner.
            WorkspaceError: the catalog cannot be written.
        """
        fact = self._own(reference)
        more = texts_of(wordings)
        if not any((question.strip(), answer.strip(), note.strip(), *more)):
            raise UsageError(
                "Nothing is to be changed.",
                where=fact.fact_id,
                remedy="Give a question, an answer, a wording or a note.",
            )
        before = self._decided(fact.fact_id) or self._of(fact)
        question, answer = (
            short_text(question, "question") or before.question,
            short_text(answer, "answer") or before.answer,
        )
        if answer and answer != before.answer and not whole_places(before.spot.text, answer):
            if not any(each.name == "in place" and each.met for each in fact.why):
                raise UsageError(
                    "The document does not hold the evidence of this fact any longer, so its answer cannot be another.",
                    where=fact.fact_id,
                    remedy="Add what the document says now as a fact of its own: instill memory add QUESTION ANSWER. "
                    f"Then: instill memory remove {fact.fact_id}",
                )
            raise UsageError(
                "The evidence does not hold this answer.",
                where=answer,
                remedy=f"Take words of the evidence: {before.spot.text[:200]}",
            )
        changed = replace(
            before,
            question=question,
            answer=answer,
            by_hand=True,
            note=short_text(note, "note") or before.note,
            wordings=worded(question, (*before.wordings, *more)),
        )
        keep(self._around.catalog, changed)
        return self._again(fact.fact_id)

    def add(
        self, question: str, answer: str, *, document: str = "", note: str = "", wordings: Iterable[str] = ()
    ) -> Fact:
        """Add a fact by hand and pin it. Its evidence is the sentence of a document that holds the answer. If it was
        added before, it is worded so now, and keeps the wordings that it has.

        Args:
            answer: whole words and numbers of the document, exactly as they are there.
            document: its id or source. "": Instill looks in the documents that a search for the question finds.
            wordings: other wordings of the question. A consolidation needs at least two that differ.

        Raises:
            UsageError: no document holds the answer, or the caller is not the owner.
            WorkspaceError: the catalog cannot be written.
        """
        self.must_own()
        question, answer = short_text(question, "question"), short_text(answer, "answer")
        for name, text in (("question", question), ("answer", answer)):
            if not text:
                raise UsageError(f"The {name} is empty.", where=name, remedy=BY_HAND)
        spot, source_labels = self._evidence(question, answer, document)
        fact_id = new_id(spot, question)
        before = self._decided(fact_id)
        decided = Decided(
            fact_id=fact_id,
            question=question,
            answer=answer,
            spot=spot,
            source_labels=source_labels,
            decision="pinned",
            by_hand=True,
            note=short_text(note, "note"),
            labels=None,
            at=stamp(self._now),
            wordings=worded(question, (*(before.wordings if before else ()), *texts_of(wordings))),
        )
        keep(self._around.catalog, decided)
        return self._again(fact_id)

    def remove(self, reference: str) -> RemovedFact:
        """Take back all that was done with a fact by hand: that it was added or pinned, its words, wordings and note.
        If people asked for it too, it stays in the list in their words. Nothing is taken out of the documents.

        Raises:
            UsageError: there is no such fact, nothing was done with it by hand, an edit in force needs it, or the
                caller is not the owner.
            WorkspaceError: the catalog cannot be written.
        """
        fact = self._own(reference)
        if self._decided(fact.fact_id) is None:
            raise UsageError(
                "Nothing was done with this fact by hand: it comes from questions that people asked.",
                where=fact.fact_id,
                remedy=f"Keep it out of weights: instill memory exclude {fact.fact_id}; or take it out of the index "
                f"for good: instill forget {fact.fact_id}",
            )
        if fact.fact_id in facts_in_force(self._around.catalog):
            raise UsageError(
                "An edit in force says this fact.", where=fact.fact_id, remedy="Undo the edit: instill edit --list"
            )
        drop(self._around.catalog, fact.fact_id)
        return RemovedFact(fact_id=fact.fact_id, question=fact.question, still_asked=fact.uses, adapter=fact.adapter)

    # -- inside ------------------------------------------------------------------------------------------------

    def _shapes(self, decided: Sequence[Decided], places: Places) -> list[tuple[str, Shape]]:
        if not decided:
            return []
        vectors = self._around.encoder.encode_queries([each.question for each in decided])
        spots = [places.find(each.spot, each.answer).spot or each.spot for each in decided]
        return [
            (each.fact_id, Shape(each.question, each.answer, spot, vector))
            for each, spot, vector in zip(decided, spots, vectors, strict=True)
        ]

    def _seen_sources(self, sources: Sequence[Source]) -> frozenset[Source]:
        """Those that the caller may see, as they were and as they are; a caller with labels sees nothing that is
        gone."""
        unique = frozenset(sources)
        if self._labels is None:
            return unique
        doc_ids = sorted({source.doc_id for source in unique})
        there = {record.doc_id for record in self._around.index.records(doc_ids=doc_ids)} if doc_ids else set()
        return frozenset(
            source for source in unique if source.doc_id in there and self._around.caller.sees(MadeFrom((source,)))
        )

    def _note_versions(self, groups: Sequence[Group], places: Places) -> None:
        documents = [places.document(group.shape.spot.doc_id) for group in groups]
        versions = {each.record.doc_id: each.record.content_hash for each in documents if each is not None}
        note_versions(self._around.catalog, versions, self._now)

    def _studied(self) -> list[StudyFact]:
        return [
            fact
            for study in list_studies(self._around.home, self._around.caller)
            for fact in study.facts()
            if fact.role == "taught"
        ]

    def _fact(
        self,
        group: Group,
        decided: Decided | None,
        places: Places,
        seen: Mapping[str, SeenVersion],
        studied: Sequence[StudyFact],
        held: Mapping[str, Held],
        edited: frozenset[str],
    ) -> Fact:
        settings = self._around.settings
        question = decided.question if decided else group.wordings[0]
        spot = decided.spot if decided else _newest_in_place(group, places)
        answer = decided.answer if decided else words_of_span(_usual_answer(group), spot.text)
        place = places.find(spot, answer)
        record = place.document.record if place.document else None
        weight = group.weight(self._now, settings.half_life_days)
        decision: Decision = decided.decision if decided else ""
        at = place.spot or spot

        def contradicted_by() -> str:
            return contradiction(question, at.text, answer, at.doc_id, self._around.search, places.text)

        why = conditions(
            weight=weight,
            uses=len(group.uses),
            decision=decision,
            question=question,
            answer=answer,
            by_hand=decided.by_hand if decided else False,
            stored=place.document,
            spot=place.spot,
            seen=seen.get(spot.doc_id),
            settings=settings,
            now=self._now,
            contradicted_by=contradicted_by,
            edited=group.fact_id in edited,
        )
        stage, adapter = _stage(group.fact_id, place.spot, studied, held) if record else ("deleted", "")
        return Fact(
            fact_id=group.fact_id,
            stage=stage,
            question=question,
            answer=answer,
            doc_id=at.doc_id,
            version=at.version,
            source=record.source if record else "",
            title=record.title if record else "",
            start=at.start,
            end=at.end,
            evidence=at.text,
            labels=tuple(sorted(record.labels)) if record else (),
            uses=len(group.uses),
            weight=round(weight, 6),
            last_used=stamp(group.uses[-1].at) if group.uses else "",
            wordings=tuple(dict.fromkeys((*group.wordings, *(decided.wordings if decided else ())))),
            decision=decision,
            by_hand=decided.by_hand if decided else False,
            note=decided.note if decided else "",
            adapter=adapter,
            candidate=all(each.met for each in why),
            why=_in_order(why),
        )

    def _evidence(self, question: str, answer: str, document: str) -> tuple[Spot, tuple[str, ...]]:
        if document:
            likely = [record.doc_id for record in resolve(self._around.index, document, many=False)]
        else:
            hits = [hit for words in (question, answer) for hit in self.near(words)]
            likely = list(dict.fromkeys(hit.doc_id for hit in hits))
        found = evidence_for(answer, likely, self._around.index, question)
        if found is None:
            raise UsageError(
                "No document holds these words as whole words and numbers, so that nothing proves the fact.",
                where=answer,
                remedy="Add the document that says so (instill add), or name it: --document DOC",
            )
        return found

    def must_own(self) -> None:
        """Refuse whoever sees the workspace under labels.

        Raises:
            UsageError: the caller is not the owner.
        """
        if self._labels is not None:
            raise UsageError("Only the owner decides on facts: others use what is made of them too.")

    def _own(self, reference: str) -> Fact:
        self.must_own()
        return self._named(reference)

    def _decided(self, fact_id: str) -> Decided | None:
        return next((each for each in read_decided(self._around.catalog) if each.fact_id == fact_id), None)

    def _of(self, fact: Fact) -> Decided:
        """A fact as it was found, to be decided on."""
        stored = self._around.index.document_text(fact.doc_id)
        there = stored is not None and stored.text[fact.start : fact.end] == fact.evidence
        nth, occurrences = occurrence(stored.text, fact.evidence, fact.start) if stored and there else (0, 1)
        spot = Spot(fact.doc_id, fact.version, fact.start, fact.end, fact.evidence, nth, occurrences)
        return Decided(
            fact.fact_id, fact.question, fact.answer, spot, fact.labels, "", False, "", None, stamp(self._now)
        )

    def _again(self, fact_id: str) -> Fact:
        """The fact as it is now; with a decision gone it may have its id from its first use."""
        return self.get(fact_id)


def _newest_in_place(group: Group, places: Places) -> Spot:
    """The span of the newest use that is where it was; of the newest, if none is."""
    newest = list(reversed(group.uses))
    return next((use.spot for use in newest if places.find(use.spot, use.short).spot is not None), newest[0].spot)


def _usual_answer(group: Group) -> str:
    """The short answer that was given most often, of those the newest."""
    counts: dict[str, tuple[int, int]] = {}
    for number, use in enumerate(group.uses):
        if use.short:
            counts[use.short] = (counts.get(use.short, (0, 0))[0] + 1, number)
    return max(counts, key=lambda short: counts[short], default="")


def _stage(
    fact_id: str, spot: Spot | None, studied: Sequence[StudyFact], held: Mapping[str, Held]
) -> tuple[Stage, str]:
    """How far a fact got, and the adapter that holds it. A fact whose document has changed is an indexed one."""
    if spot is None:
        return "indexed", ""
    in_weights = held.get(fact_id)
    if in_weights is not None and (in_weights.doc_id, in_weights.version) == (spot.doc_id, spot.version):
        return "consolidated", in_weights.adapter
    if any(_is_studied(fact, spot) for fact in studied):
        return "studied", ""
    return "indexed", ""


def _is_studied(fact: StudyFact, spot: Spot) -> bool:
    """Is it about the same words of the same document? Their place may have moved since."""
    evidence = fact.evidence
    same = evidence.text in spot.text or spot.text in evidence.text
    return evidence.doc_id == spot.doc_id and bool(evidence.text) and same


def _in_order(why: Sequence[Condition]) -> tuple[Condition, ...]:
    order = ("used", "in place", "stable", "undisputed", "answered", "allowed")
    return tuple(sorted(why, key=lambda each: order.index(each.name)))
