"""From facts that people ask for to a study set: what is trained on, and in which other words it is asked then."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from random import Random

from instill.answer.terms import normalise, same_words
from instill.common.made_from import MadeFrom, made_from
from instill.index.lookup import StoredDocument
from instill.memory.consolidating.reverse_wordings import named_in_all, reverse_wordings
from instill.memory.types import Fact
from instill.study.facts import find_facts
from instill.study.leaks import alike
from instill.study.links import linked
from instill.study.questions_about_any_text import sentence_around
from instill.study.questions_from_people import PEOPLE
from instill.study.rows_from_facts import training_rows
from instill.study.rules.wordings_of_fact import accepted_answers, items_of
from instill.study.stored_study import MEMORY_WRITER
from instill.study.study_set import SPLITS, Evidence, StudyCard, StudyItem, StudySet, digest, item_id
from instill.study.study_set import Fact as StudyFact

_HELD_BACK = 3
"""Of so many families of wordings that are alike, one is only asked in the gate."""

WORDED_ONCE = (
    "it is worded in one way only, so that nothing is left to examine it with; ask it in other words, or add a "
    'wording: instill memory edit FACT --wording "..."'
)
"""Wordings that are alike count as one."""

_MOST_CONTROLS = 100
_FORMS = ("direct", "reworded", "indirect", "reverse")

Listed = Callable[[Fact], Sequence[str]]
"""More questions about a fact, by a generator that was trained to write them."""


@dataclass(frozen=True, slots=True)
class Material:
    """What facts are taught and examined with.

    Args:
        study: facts (taught, and controls that are in no row), and their questions: of "train" and of "gate".
        rows: training rows, each with the documents that it was made from.
        left_out: ids of facts that cannot be taught, with the reason.
    """

    study: StudySet
    rows: list[dict[str, object]]
    left_out: Mapping[str, str]
    made_from: MadeFrom

    @property
    def taught(self) -> list[StudyFact]:
        """The facts that are taught."""
        return [fact for fact in self.study.facts if fact.role == "taught"]


def material_of(
    facts: Sequence[Fact], documents: Iterable[StoredDocument], *, seed: int = 0, listed: Listed = lambda _: ()
) -> Material:
    """Questions and rows about facts; the same for the same facts, documents and seed.

    A fact is asked in the wordings of people, of rules and of `listed`. Wordings that are alike stay together, and of
    three such families one is only asked in the gate; one that is worded in one way only is left out. Controls are
    other facts of the documents, about which no row is written.

    Args:
        facts: each with its evidence in one of the documents.
        documents: of the facts, and others from which controls may be taken.
    """
    held = sorted(documents, key=lambda document: document.record.doc_id)
    by_id = {document.record.doc_id: document for document in held}
    found = find_facts(held, seed=seed).facts
    worded: list[tuple[StudyFact, list[StudyItem]]] = []
    for fact in sorted(facts, key=lambda each: each.fact_id):
        ruled = next((each for each in found if _is_about(each, fact)), None)
        studied = _studied(fact, by_id[fact.doc_id], ruled)
        worded.append((studied, _wordings(fact, studied, ruled, listed, seed)))
    taught, items, left_out = _taught(worded, frozenset(), seed)
    shown = _asked_by_rows(taught, items)
    if shown:  # "When was Ada born?" is no new question beside "It was the year 1910 when Ada was born."
        taught, items, left_out = _taught(worded, shown, seed)
        shown = _asked_by_rows(taught, items)
        items = [item for item in items if item.id not in shown]
    controls = _controls(found, taught, len(taught), seed)
    for control in controls:
        asked = (item for item in items_of(control, seed=seed) if item.form == "direct" and "___" not in item.question)
        items += [item.model_copy(update={"split": "gate", "phrasing": "control"}) for item in list(asked)[:1]]
    rows = training_rows(taught, items)
    sources = made_from(by_id[doc_id].record for doc_id in sorted({fact.doc_id for fact in (*taught, *controls)}))
    every = (*taught, *controls)
    card = StudyCard(
        id=digest([MEMORY_WRITER, [(fact.id, fact.role) for fact in every], [(i.id, i.split) for i in items], rows])[
            :12
        ],
        writer=MEMORY_WRITER,
        settings={"seed": seed},
        documents={"read": len(held), "used": len(sources.doc_ids)},
        sentences={"used": len(every)},
        facts={"kind": _count(fact.kind for fact in every), "role": _count(fact.role for fact in every)},
        items={split: _count(item.phrasing for item in items if item.split == split) for split in SPLITS},
        rejected=_count(left_out.values()),
        rows=_count(str(row["task"]) for row in rows),
        leaks={},
        notes=("Facts that people keep asking for.",),
        sources=sources.as_json(),
    )
    study = StudySet(facts=every, items=tuple(items), card=card)
    return Material(study, linked(rows, every, sources), left_out, sources)


def _taught(
    worded: Sequence[tuple[StudyFact, Sequence[StudyItem]]], shown: frozenset[str], seed: int
) -> tuple[list[StudyFact], list[StudyItem], dict[str, str]]:
    """The facts that can be taught and examined, their wordings by split, and why others are left out.

    Args:
        shown: ids of wordings that rows show, so that they examine nothing.
    """
    taught: list[StudyFact] = []
    items: list[StudyItem] = []
    left_out: dict[str, str] = {}
    for studied, wordings in worded:
        own = _split(wordings, shown, seed)
        if not any(item.split == "gate" and item.form != "reverse" for item in own):
            left_out[studied.id] = WORDED_ONCE
            continue
        taught.append(studied)
        items += own
    return taught, items, left_out


def _asked_by_rows(taught: Sequence[StudyFact], items: Sequence[StudyItem]) -> frozenset[str]:
    """Ids of wordings of the gate that a training row asks too, or tells in the same words."""
    from instill.train.generator.data.duplicates import asked_in
    from instill.train.generator.data.rows import chat_row, row_of

    gate = [item for item in items if item.split == "gate"]
    rows = [row_of(row) for row in training_rows(taught, items)]
    return frozenset(gate[number].id for number in asked_in([chat_row(i.question, i.answer) for i in gate], rows))


def _is_about(ruled: StudyFact, fact: Fact) -> bool:
    """Did the rules find the same fact: the same document, in its evidence, with its answer?"""
    inside = fact.start <= ruled.start and ruled.end <= fact.end
    return ruled.doc_id == fact.doc_id and inside and same_words(ruled.answer, fact.answer)


def _studied(fact: Fact, document: StoredDocument, ruled: StudyFact | None) -> StudyFact:
    """The fact with the sentence that holds its answer as evidence. Its id is the memory's."""
    start = fact.start + fact.evidence.index(fact.answer)
    end = start + len(fact.answer)
    first, last = sentence_around(document.text, start, end)
    return StudyFact(
        id=fact.fact_id,
        doc_id=fact.doc_id,
        evidence=Evidence(doc_id=fact.doc_id, start=first, end=last, text=document.text[first:last]),
        subject=ruled.subject if ruled else "",
        answer=fact.answer,
        start=start,
        end=end,
        kind=ruled.kind if ruled else "asked",
        title=document.record.title,
    )


def _wordings(fact: Fact, studied: StudyFact, ruled: StudyFact | None, listed: Listed, seed: int) -> list[StudyItem]:
    accepted = tuple(
        dict.fromkeys((*accepted_answers(fact.answer), *(accepted_answers(ruled.answer) if ruled else ())))
    )
    found: dict[str, StudyItem] = {}
    written = [(fact.question, PEOPLE), *((each, PEOPLE) for each in fact.wordings)]
    written += [(each, MEMORY_WRITER) for each in listed(fact)]
    for question, writer in written:
        _put(found, studied, question, fact.answer, accepted, "direct", writer)
    for item in items_of(ruled, seed=seed) if ruled else ():
        if item.form in _FORMS and "___" not in item.question:
            answer = item.answer if item.form == "reverse" else fact.answer
            known = item.accepted if item.form == "reverse" else accepted
            _put(found, studied, item.question, answer, known, item.form, "rules")
    if not any(item.form == "reverse" for item in found.values()):
        questions, evidence = [question for question, _ in written], studied.evidence.text
        subject = named_in_all(evidence, questions, fact.answer)
        for question in reverse_wordings(subject, evidence, questions, fact.answer) if subject else ():
            _put(found, studied, question, subject, accepted_answers(subject), "reverse", "rules")
    return list(found.values())


def _put(
    found: dict[str, StudyItem],
    studied: StudyFact,
    question: str,
    answer: str,
    accepted: Sequence[str],
    form: str,
    writer: str,
) -> None:
    plain = normalise(question).rstrip("?. ")
    if plain in found or normalise(answer) in plain:
        return
    found[plain] = StudyItem.model_validate(
        {
            "id": item_id([studied.id], question, answer),
            "fact_ids": (studied.id,),
            "phrasing": form,
            "form": form,
            "question": question,
            "answer": answer,
            "accepted": tuple(accepted),
            "evidence": (studied.evidence,),
            "writer": writer,
        }
    )


def _split(items: Sequence[StudyItem], shown: frozenset[str], seed: int) -> list[StudyItem]:
    """Of the families of forward and of reverse wordings, every third is for the gate, one of them at least; none of
    which a wording is in `shown`."""
    found: dict[str, StudyItem] = {}
    for reverse in (False, True):
        families: list[list[StudyItem]] = []
        for item in items:
            if (item.form == "reverse") is reverse:
                same = [family for family in families if any(alike(item.question, each.question) for each in family)]
                families = [family for family in families if family not in same]
                families.append([*(each for family in same for each in family), item])
        if families:
            Random(f"{seed}:{families[0][0].fact_ids}:{reverse}").shuffle(families)  # noqa: S311  Not for security.
            families.sort(key=lambda family: any(item.id in shown for item in family))
        gate = max(1, len(families) // _HELD_BACK) if len(families) > 1 else 0
        for number, family in enumerate(families):
            split = "gate" if number < gate and not any(item.id in shown for item in family) else "train"
            found.update((item.id, item.model_copy(update={"split": split})) for item in family)
    return [found[item.id] for item in items]


def _controls(found: Sequence[StudyFact], taught: Sequence[StudyFact], count: int, seed: int) -> list[StudyFact]:
    """Facts of which nothing is told in any row: they share no sentence, and no answer, with one that is taught."""
    told = {(fact.doc_id, start) for fact in taught for start in range(fact.evidence.start, fact.evidence.end)}
    answers = {normalise(fact.answer) for fact in taught}
    texts = [normalise(fact.evidence.text) for fact in taught]
    free = [
        fact
        for fact in found
        if not any((fact.doc_id, at) in told for at in range(fact.evidence.start, fact.evidence.end))
        and normalise(fact.answer) not in answers
        and not any(normalise(fact.evidence.text) in text for text in texts)
        and fact.kind != "cloze"
    ]
    Random(f"{seed}:controls").shuffle(free)  # noqa: S311  Not for security.
    return [fact.model_copy(update={"role": "control"}) for fact in free[: min(max(count, 1), _MOST_CONTROLS)]]


def _count(values: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(values).items()))
