"""A study set of the laboratory: the facts of the world's people as a workspace's documents tell them.

It has the form of every other study set, but what is asked and how is known beforehand: training asks and tells in
wordings that are trained on, gate and audit ask in others; half of these were never trained on at all.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from random import Random
from typing import Any

from instill.common.made_from import made_from
from instill.errors import UsageError
from instill.index.lookup import StoredDocument
from instill.lab.curriculum import epoch_rows
from instill.lab.wordings import TRAINED, TRAINED_QUESTIONS, TRAINED_REVERSE, WORDINGS
from instill.lab.world import UNKNOWN, Person, answers_in_reverse, make_world
from instill.study.leaks import Text, alike, counted, evidence_leaks, question_leaks
from instill.study.links import linked
from instill.study.study_making import Made, find_leaks
from instill.study.study_set import (
    SPLITS,
    Evidence,
    Fact,
    Form,
    Role,
    Split,
    StudyCard,
    StudyItem,
    StudySet,
    digest,
    fact_id,
    item_id,
)

WRITER = "laboratory"
STATEMENTS, QUESTIONS = 5, 4
"""Wordings in which a taught fact is told and asked in training."""

_REPLAY_EPOCH = 10_000  # No epoch of the pretraining has such a number.


@dataclass(frozen=True, slots=True)
class _Known:
    """A fact, and whose it is."""

    person: Person
    attribute: str
    fact: Fact


def lab_study(
    workspace_documents: Iterable[StoredDocument],
    taught: Sequence[Person],
    controls: Sequence[Person],
    unanswerable: Sequence[Person],
    *,
    seed: int,
) -> Made:
    """Facts, questions and training rows about people of the world; the same for the same documents, people and seed.

    Of each taught fact there are four training questions, and rows that tell it in five wordings. Gate and audit ask
    in two wordings each, and in reverse where the answer is one person only. For each attribute the seed says which
    wordings the gate has and which the audit; the micro model understands some less well than others, taught or not.

    A fact's kind is its attribute, its subject the name. Questions about people in no document all name the same fact,
    which is not there: a person's questions are no independent measurements.

    Args:
        workspace_documents: as the index keeps them; those of other people may be among them.
        taught: people in documents.
        controls: people in documents, whom no row teaches; of the groups C and E, since the micro model knows A and B
            and replay tells of D.
        unanswerable: people in no document.

    Raises:
        UsageError: nobody is taught, a person is named twice, or stands in the documents who must not, or does not who
            must.

    Example:
        >>> from instill.index.types import DocumentRecord
        >>> from instill.lab.world import documents, make_world
        >>> ada, bo = make_world(sizes={"C": 1, "E": 1}).people
        >>> [(name, text)] = documents([ada])
        >>> record = DocumentRecord("d1", name, "markdown", ada.name, "", 0, "", "", (), {}, 1, "")
        >>> made = lab_study([StoredDocument(record, text, (), (), ())], [ada], [], [bo], seed=0)
        >>> len(made.study.facts), len(made.study.of("train")), Counter(row["task"] for row in made.rows)
        (6, 24, Counter({'statement': 30, 'question': 24}))
        >>> Counter(item.phrasing for item in made.study.of("gate"))
        Counter({'unanswerable': 12, 'direct': 6, 'reworded': 6, 'reverse': 6})
    """
    held = sorted(workspace_documents, key=lambda document: document.record.doc_id)  # Their order must not matter.
    _check(held, taught, controls, unanswerable)
    known = [each for person in taught for each in _facts_of(person, held, "taught")]
    kept_back = [each for person in controls for each in _facts_of(person, held, "control")]
    facts = [each.fact for each in (*known, *kept_back)]

    held_out = _held_out(seed)
    people = [*taught, *controls]
    items: list[StudyItem] = []
    shared = 0
    for each in (*known, *kept_back):
        alone = _is_alone(each, people, held)
        shared += not alone
        items += _training_items(each, held_out[each.attribute], seed) if each.fact.role == "taught" else []
        items += _held_out_items(each, held_out[each.attribute], reverse=alone)
    items += [item for person in unanswerable for item in _unanswerable_items(person, held_out)]

    rows = [*_statement_rows(known, kept_back, items, seed), *_question_rows(items)]
    leaks = find_leaks(facts, items, rows)
    card = StudyCard(
        id=digest([[(fact.id, fact.role) for fact in facts], [(item.id, item.split) for item in items], rows])[:12],
        writer=WRITER,
        settings={
            "seed": seed, "taught": len(taught), "controls": len(controls), "unanswerable": len(unanswerable),
            "unknown": UNKNOWN,
        },
        documents={"read": len(held), "used": len({fact.doc_id for fact in facts})},
        sentences={"used": len(facts)},
        facts={"kind": _count(fact.kind for fact in facts), "role": _count(fact.role for fact in facts)},
        items={split: _count(item.phrasing for item in items if item.split == split) for split in SPLITS},
        rejected={"reverse questions that fit several people": shared} if shared else {},
        rows=_count(str(row["task"]) for row in rows),
        leaks={"left": len(leaks), **{f"left, {kind}": count for kind, count in counted(leaks).items()}},
        notes=("The people, what is true of them and all wordings are the laboratory's.",),
    )  # fmt: skip
    sources = made_from(document.record for document in held)
    card = card.model_copy(update={"sources": sources.as_json()})
    return Made(StudySet(facts=tuple(facts), items=tuple(items), card=card), linked(rows, facts, sources), [])


def lab_replay(seed: int, count: int) -> list[dict[str, Any]]:
    """`count` rows of what the micro model was trained on, in the `messages` or `text` form, none about C and E.

    Rows of which only parts are taught are left out: other trainers cannot say so.

    Example:
        >>> sorted(Counter(row["task"] for row in lab_replay(0, 100)).items())
        [('json', 7), ('question', 39), ('reading', 44), ('statement', 10)]
    """
    from instill.lab.workbench import REPLAY  # It imports torch.

    rows = epoch_rows(make_world(), _REPLAY_EPOCH + seed, count, REPLAY)
    return [row.as_dict() for row in rows if not row.spans]


# -- facts -----------------------------------------------------------------------------------------------------


def _check(
    held: Sequence[StoredDocument], taught: Sequence[Person], controls: Sequence[Person], unanswerable: Sequence[Person]
) -> None:
    if not taught:
        raise UsageError("Nobody is taught.", remedy="Name people of the world who stand in the documents.")
    names = Counter(person.name for person in (*taught, *controls, *unanswerable))
    twice = [name for name, count in names.items() if count > 1]
    if twice:
        raise UsageError("A person is named twice.", where=", ".join(twice))
    told = [person.name for person in unanswerable if any(person.name in document.text for document in held)]
    if told:
        raise UsageError("The documents tell of people of whom they must not.", where=", ".join(told))


def _facts_of(person: Person, held: Sequence[StoredDocument], role: Role) -> list[_Known]:
    """What the documents tell of a person."""
    own = [document for document in held if person.name in document.text]
    told = ((attribute, _told(person, attribute, own)) for attribute in person.facts)
    facts = [_Known(person, attribute, fact.model_copy(update={"role": role})) for attribute, fact in told if fact]
    if not facts:
        raise UsageError(
            "No document tells of a person.", where=person.name, remedy="Add the person's page to the workspace."
        )
    return facts


def _told(person: Person, attribute: str, held: Sequence[StoredDocument]) -> Fact | None:
    """The fact, from the first document that tells it."""
    value = person.facts[attribute]
    for document in held:
        found: list[tuple[int, int, int]] = []
        for template in WORDINGS[attribute].statements:
            sentence = template.format(name=person.name, value=value)
            start = document.text.find(sentence)
            if start >= 0:
                before = template[: template.index("{value}")].format(name=person.name)
                found.append((len(sentence), start, start + len(before)))
        if found:
            # "X was born in Y." stands in "Records show that X was born in Y." too.
            length, start, answer = max(found)
            end, doc_id = start + length, document.record.doc_id
            return Fact(
                id=fact_id(doc_id, start, end, value),
                doc_id=doc_id,
                evidence=Evidence(doc_id=doc_id, start=start, end=end, text=document.text[start:end]),
                subject=person.name,
                answer=value,
                start=answer,
                end=answer + len(value),
                kind=attribute,
                title=document.record.title,
            )
    return None


def _is_alone(known: _Known, people: Sequence[Person], held: Sequence[StoredDocument]) -> bool:
    """Is the fact true of one person only, as far as the documents tell?"""
    value = known.fact.answer
    if len(answers_in_reverse(people, known.attribute, value)) > 1:
        return False
    word = re.compile(rf"\b{re.escape(value)}\b")
    return sum(word.search(document.text) is not None for document in held) == 1


# -- questions -------------------------------------------------------------------------------------------------

_Wording = Mapping[Form, str]


def _held_out(seed: int) -> dict[str, dict[Split, _Wording]]:
    """By attribute, the wordings of gate and audit.

    "direct" is a wording that the micro model was asked in about others, and that no row of the study set uses: what is
    asked for is clear to it. "reworded" and "reverse" are of those that nothing was ever trained on. The two splits
    share none: asked of two people with the same first name, one wording counts as a leak.
    """
    found: dict[str, dict[Split, _Wording]] = {}
    for attribute, wordings in WORDINGS.items():
        rng = Random(f"{seed}:{attribute}")  # noqa: S311  Not for security.
        clear = [each for each in wordings.questions[:TRAINED_QUESTIONS] if _stands_alone(each)]
        direct = rng.sample(clear, 2)
        forward = rng.sample(wordings.questions[TRAINED_QUESTIONS:], 2)
        reverse = rng.sample(wordings.reverse[TRAINED_REVERSE:], 2)
        found[attribute] = {
            "gate": {"direct": direct[0], "reworded": forward[0], "reverse": reverse[0]},
            "audit": {"direct": direct[1], "reworded": forward[1], "reverse": reverse[1]},
        }
    return found


_SOMEBODY = "Ada Holm"


@cache
def _stands_alone(wording: str) -> bool:
    """Whether no other question of the world, about whatever, is nearly the same."""
    asked = wording.format(name=_SOMEBODY)
    others = [each for wordings in WORDINGS.values() for each in wordings.questions if each != wording]
    return not any(alike(asked, other.format(name=_SOMEBODY)) for other in others)


def _fair(attribute: str, held_out: Collection[str]) -> list[str]:
    """Wordings for training that are not nearly the same as one that is held out, or only evaluated with."""
    questions = WORDINGS[attribute].questions
    kept_back = [each.format(name=_SOMEBODY) for each in (*held_out, *questions[TRAINED_QUESTIONS:])]
    return [
        wording
        for wording in questions[:TRAINED_QUESTIONS]
        if not any(alike(wording.format(name=_SOMEBODY), other) for other in kept_back)
    ]


def _training_items(known: _Known, held_out: Mapping[Split, _Wording], seed: int) -> list[StudyItem]:
    """The fact asked in wordings for training that no held-out question is nearly the same as."""
    fair = _fair(known.attribute, [wording["direct"] for wording in held_out.values()])
    rng = Random(f"{seed}:{known.fact.id}:questions")  # noqa: S311
    asked = [wording.format(name=known.person.name) for wording in rng.sample(fair, QUESTIONS)]
    return [
        _item(known, "reworded" if number else "direct", question, known.fact.answer, "train")
        for number, question in enumerate(asked)
    ]


def _held_out_items(known: _Known, wordings: Mapping[Split, _Wording], *, reverse: bool) -> Iterator[StudyItem]:
    name, value = known.person.name, known.fact.answer
    for split, templates in wordings.items():
        for form, template in templates.items():
            if form != "reverse" or reverse:
                answer = name if form == "reverse" else value
                yield _item(known, form, template.format(name=name, value=value), answer, split)


def _item(known: _Known, form: Form, question: str, answer: str, split: Split) -> StudyItem:
    fact = known.fact
    return StudyItem(
        id=item_id([fact.id], question, answer),
        fact_ids=(fact.id,),
        phrasing="control" if fact.role == "control" else form,
        form=form,
        question=question,
        answer=answer,
        accepted=(answer,),
        evidence=(fact.evidence,),
        split=split,
        writer=WRITER,
    )


def _unanswerable_items(person: Person, held_out: Mapping[str, Mapping[Split, _Wording]]) -> Iterator[StudyItem]:
    absent = fact_id("", 0, 0, person.name)
    for wordings in held_out.values():
        for split, templates in wordings.items():
            for form in ("direct", "reworded"):
                question = templates[form].format(name=person.name)
                yield StudyItem(
                    id=item_id([absent], question, ""),
                    fact_ids=(absent,),
                    phrasing="unanswerable",
                    form=form,
                    question=question,
                    answer="",
                    split=split,
                    writer=WRITER,
                )


# -- rows ------------------------------------------------------------------------------------------------------


def _statement_rows(
    known: Sequence[_Known], kept_back: Sequence[_Known], items: Iterable[StudyItem], seed: int
) -> Iterator[dict[str, Any]]:
    """Each taught fact in wordings for training.

    Left out are sentences that hold a piece of a control's evidence (two people may have the same value, told in the
    same words), or a question that gate or audit asks ("When Ada was born, it was 1742.").
    """
    told = {
        each.fact.id: [
            template.format(name=each.person.name, value=each.fact.answer)
            for template in WORDINGS[each.attribute].statements[:TRAINED]
        ]
        for each in known
    }
    texts = [Text(sentence, sentence) for sentences in told.values() for sentence in sentences]
    leaking = {leak.where for leak in evidence_leaks([each.fact for each in kept_back], texts)}
    held_out = [item for item in items if item.split != "train"]
    leaking |= {leak.where for leak in question_leaks(held_out, texts)}
    for id_, sentences in told.items():
        rng = Random(f"{seed}:{id_}:statements")  # noqa: S311
        fair = [sentence for sentence in sentences if sentence not in leaking]
        for sentence in rng.sample(fair, STATEMENTS):
            yield {"text": sentence, "task": "statement", "facts": [id_]}


def _question_rows(items: Iterable[StudyItem]) -> Iterator[dict[str, Any]]:
    for item in items:
        if item.split == "train":
            turns = [{"role": "user", "content": item.question}, {"role": "assistant", "content": item.answer}]
            yield {"messages": turns, "task": "question", "facts": list(item.fact_ids), "item": item.id}


def _count(values: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(values).items()))
