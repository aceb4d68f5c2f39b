"""From documents to a study set: facts, roles, questions, filters, splits, rows, leak check, card."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import islice
from math import ceil
from random import Random
from typing import Any, Protocol

from instill.common.made_from import made_from
from instill.errors import UsageError
from instill.index.lookup import StoredDocument
from instill.study.answered_elsewhere import Elsewhere
from instill.study.facts import Found, find_facts
from instill.study.leaks import Leak, Text, counted, evidence_leaks, question_leaks, texts_of_rows
from instill.study.links import linked
from instill.study.question_filters import (
    AnsweredElsewhere,
    ClosedBook,
    EvidenceReader,
    Filtered,
    distinct,
    following,
    not_given_away,
    not_known_before,
    unanswered,
)
from instill.study.questions_from_people import PEOPLE, Tied, tie
from instill.study.rows_from_facts import Retell, training_rows
from instill.study.rules.wordings_of_fact import items_of
from instill.study.splits import TWO_ROLES, Shares, with_roles, with_splits
from instill.study.study_set import SPLITS, Fact, LeftOut, StudyCard, StudyItem, StudySet, digest
from instill.study.two_document_questions import Vocabulary, two_document_items, unsaid_items
from instill.study.types import AskedQuestion

RULES = "rules"
NOT_DRAWN = "the set takes fewer facts than are asked for"
LEAKS = "it, or its evidence, stands in another part of the set"
_ROUNDS = 3
_SPARE = 2
"""So many times the facts that are to be hidden are drawn: some share a sentence with one that cannot be."""


@dataclass(frozen=True, slots=True)
class StudySettings:
    """How a study set is made.

    Args:
        most_facts: of more, some are drawn, spread over the documents; 1 or more.
        most_per_document: of one document; 1 or more.
        unsaid: share of the taught facts' number, of questions that no document answers, 0 to 1.
        shares: what is kept for gate, audit, controls.
        seed: another seed writes and splits otherwise.
    """

    most_facts: int = 400
    most_per_document: int = 60
    unsaid: float = 0.1
    shares: Shares = field(default_factory=Shares)
    seed: int = 0


class Writer(Protocol):
    """Writes questions about a fact, beside the rules: a generator."""

    @property
    def name(self) -> str:
        """For the card."""
        ...

    @property
    def log(self) -> Sequence[Mapping[str, Any]]:
        """What it was asked and replied, oldest first; `purpose` is "questions" or "texts"."""
        ...

    @property
    def rejected(self) -> Mapping[str, int]:
        """How many of its replies were of no use, by reason."""
        ...

    def items(self, fact: Fact) -> list[StudyItem]:
        """Questions about the fact."""
        ...

    @property
    def retell(self) -> Retell | None:
        """Tells a fact in a style; None: the rules tell."""
        ...


@dataclass(frozen=True, slots=True)
class Made:
    """A study set with its training rows and, of a generator, the log of prompts.

    Args:
        problems: of the questions that were brought and are not used, the first, with their lines.
        left_out: the questions of people that are not in the set.
    """

    study: StudySet
    rows: list[dict[str, Any]]
    prompts: list[Mapping[str, Any]]
    problems: Sequence[str] = ()
    left_out: Sequence[LeftOut] = ()


def make_study(
    documents: Iterable[StoredDocument],
    settings: StudySettings = StudySettings(),
    *,
    read: EvidenceReader | None = None,
    answered: AnsweredElsewhere | None = None,
    closed_book: ClosedBook | None = None,
    writer: Writer | None = None,
    brought: Sequence[AskedQuestion] | None = None,
    progress: Callable[[str, int, int], None] = lambda *_: None,
) -> Made:
    """Make a study set; by rules, the same for the same documents and settings.

    Args:
        read: leaves out questions whose answer it does not find in the evidence.
        answered: leaves out questions as unanswerable that something else in the documents answers.
        closed_book: leaves out questions that it answers without any document.
        writer: a generator, which writes questions and texts beside those of the rules.
        brought: questions of people: these are what is asked, and the rules only word their facts for training.
        progress: is told what is being done, how much of it, of how much.

    Raises:
        UsageError: the documents yield no fact, or a setting cannot be used.
        GeneratorError: the writer's generator failed.

    Example:
        >>> from instill.index.types import DocumentRecord
        >>> record = DocumentRecord("d1", "oven.md", "markdown", "Oven", "", 0, "", "", (), {}, 1, "")
        >>> text = "The stone oven was built in 1987 by Marta Lindqvist. The old mill was painted by Ove Nyman."
        >>> made = make_study([StoredDocument(record, text, (), (), ())], StudySettings(shares=Shares(controls=0)))
        >>> len(made.study.facts), {item.split for item in made.study.items} == {"train", "gate", "audit"}
        (3, True)
    """
    if settings.most_facts < 1 or settings.most_per_document < 1 or not 0 <= settings.unsaid <= 1:
        raise UsageError("A study set has at least one fact, and a share is between 0 and 1.")
    held = sorted(documents, key=lambda document: document.record.doc_id)  # Their order must not matter.
    tied = None if brought is None else tie(brought, held)
    found = _found_by_rules(held, settings) if tied is None else _found_by_people(tied, len(held))
    hide = Elsewhere(held, found.facts).can_be_hidden
    chosen = _spread(found.facts, settings, hide)
    facts = with_roles(chosen, shares=settings.shares, seed=settings.seed, can_be_hidden=hide)
    taught = sum(fact.role == "taught" for fact in facts)
    items: list[StudyItem] = [] if tied is None else _of_people(tied, facts)
    for number, fact in enumerate(facts):
        # Of a fact that is asked by people the rules' wordings are only trained on.
        if tied is None or fact.role == "taught":
            items += items_of(fact, seed=settings.seed)
        if writer is not None and fact.role != "removed":
            items += writer.items(fact)
        progress("Writing questions", number + 1, len(facts))
    items += two_document_items(facts)
    if tied is None:
        items += unsaid_items(facts, Vocabulary(held), most=round(settings.unsaid * taught), seed=settings.seed)

    brought_out = [] if tied is None else [*tied.left_out, *_not_drawn(tied, facts)]
    rejected: Counter[str] = Counter(each.reason for each in brought_out)

    def keep(filtered: Filtered) -> list[StudyItem]:
        rejected.update(filtered.rejected)
        brought_out.extend(_left_out(item, reason) for item, reason in filtered.left_out if item.writer == PEOPLE)
        return filtered.kept

    items = keep(not_given_away(items, facts))
    items = keep(distinct(items))
    if read is not None:
        progress("Reading the evidence", 0, len(items))
        by_people = [item for item in items if item.writer == PEOPLE]
        items = by_people + keep(following([item for item in items if item.writer != PEOPLE], read))
    if answered is not None:
        progress("Looking for other answers", 0, len(items))
        items = keep(unanswered(items, facts, answered))
    if closed_book is not None:
        progress("Asking without documents", 0, len(items))
        items = keep(not_known_before(items, closed_book))
    placed, left_out = with_splits(items, facts, shares=settings.shares, seed=settings.seed)
    rejected.update(left_out)
    brought_out += _people_gone(items, placed, TWO_ROLES)

    rows = training_rows(facts, placed, retell=writer.retell if writer else None)
    prompts = list(writer.log) if writer else []
    items, rows, leaks = _without_leaks(facts, placed, rows, prompts)
    brought_out += _people_gone(placed, items, LEAKS)
    if writer is not None:
        rejected.update(writer.rejected)
    written_by = PEOPLE if tied is not None else writer.name if writer else RULES
    card = _card(settings, found, facts, items, rows, rejected, leaks, written_by)
    notes = _notes(found, items, checked=read is not None, written_by=written_by)
    sources = made_from(document.record for document in held)
    of_people = dict(sorted(Counter(each.reason for each in brought_out).items()))
    card = card.model_copy(update={"notes": notes, "sources": sources.as_json(), "rejected_of_people": of_people})
    study = StudySet(facts=tuple(facts), items=tuple(items), card=card)
    problems = () if tied is None else tied.problems
    return Made(study, linked(rows, facts, sources), prompts, problems, brought_out)


def _found_by_rules(held: Sequence[StoredDocument], settings: StudySettings) -> Found:
    """Facts in the prose of the documents."""
    found = find_facts(held, seed=settings.seed, most_per_document=settings.most_per_document)
    if not found.facts:
        raise UsageError(
            "The rules found nothing to ask in the documents: no sentence makes sense alone and has a fact in it.",
            where=", ".join(f"{reason}: {count}" for reason, count in found.sentences.items()),
            remedy="The rules read English prose. For other documents bring questions, or set a generator: "
            "instill study make --questions FILE, instill study make --generator",
        )
    return found


def _found_by_people(tied: Tied, documents: int) -> Found:
    """The facts that people ask for."""
    if not tied.facts:
        raise UsageError(
            "None of the answers occurs in the documents.",
            where="; ".join(tied.problems[:3]),
            remedy="Write each answer as the document has it, or quote the sentence that answers.",
        )
    used = len({fact.doc_id for fact in tied.facts})
    return Found(tied.facts, documents=Counter({"read": documents, "used": used}))


def _of_people(tied: Tied, facts: Sequence[Fact]) -> list[StudyItem]:
    """The questions about the facts that are used; of a removed one with its evidence to hide."""
    roles = {fact.id: fact.role for fact in facts}
    items = [item for item in tied.items if item.fact_ids[0] in roles]
    return [
        item.model_copy(
            update={"phrasing": "unanswerable", "answer": "", "accepted": (), "evidence": (), "excluded": item.evidence}
        )
        if roles[item.fact_ids[0]] == "removed" and item.answer
        else item
        for item in items
    ]


def _not_drawn(tied: Tied, facts: Sequence[Fact]) -> list[LeftOut]:
    """The questions whose facts were not drawn."""
    drawn = {fact.id for fact in facts}
    return [_left_out(item, NOT_DRAWN) for item in tied.items if item.fact_ids[0] not in drawn]


def _people_gone(before: Sequence[StudyItem], after: Sequence[StudyItem], reason: str) -> list[LeftOut]:
    kept = {item.id for item in after}
    return [_left_out(item, reason) for item in before if item.writer == PEOPLE and item.id not in kept]


def _left_out(item: StudyItem, reason: str) -> LeftOut:
    doc_ids = {span.doc_id for span in (*item.evidence, *item.excluded)}
    return LeftOut(question=item.question, reason=reason, doc_ids=tuple(sorted(doc_ids)))


def find_leaks(
    facts: Sequence[Fact],
    items: Sequence[StudyItem],
    rows: Sequence[Mapping[str, Any]],
    prompts: Sequence[Mapping[str, Any]] = (),
) -> list[Leak]:
    """All leaks of a study set: gate and audit questions in training questions, rows, prompts and each other's split,
    evidence of untaught facts in rows and in prompts for texts."""
    train = [Text(item.question, f"training item {item.id}", True) for item in items if item.split == "train"]
    gate = [item for item in items if item.split == "gate"]
    audit = [item for item in items if item.split == "audit"]
    told = texts_of_rows(rows)
    asked = [Text(_prompt_text(prompt), f"prompt {number}") for number, prompt in enumerate(prompts, 1)]
    texts = [
        Text(_prompt_text(prompt), f"prompt {number}")
        for number, prompt in enumerate(prompts, 1)
        if prompt.get("purpose") == "texts"
    ]
    held = [fact for fact in facts if fact.role != "taught"]
    return [
        *question_leaks([*gate, *audit], [*train, *told, *asked]),
        *question_leaks(audit, [Text(item.question, f"gate item {item.id}", True) for item in gate]),
        *evidence_leaks(held, [*told, *texts]),
    ]


def _without_leaks(
    facts: Sequence[Fact],
    items: Sequence[StudyItem],
    rows: list[dict[str, Any]],
    prompts: Sequence[Mapping[str, Any]],
) -> tuple[list[StudyItem], list[dict[str, Any]], Counter[str]]:
    """Items without those that leak, and rows without those that tell what is never taught; what was taken out."""
    kept = list(items)
    taken: Counter[str] = Counter()
    for _ in range(_ROUNDS):
        leaks = find_leaks(facts, kept, rows, prompts)
        if not leaks:
            break
        told = {leak.where for leak in leaks if leak.kind == "evidence"}
        asked = {leak.id for leak in leaks if leak.kind != "evidence"}
        taken.update({f"taken out, {kind}": count for kind, count in counted(leaks).items()})
        rows = [row for number, row in enumerate(rows, 1) if f"row {number}" not in told]
        kept = [item for item in kept if item.id not in asked]
        if not asked and not any(where.startswith("row ") for where in told):
            break  # What is left stands in a prompt and is reported.
    remaining = find_leaks(facts, kept, rows, prompts)
    taken.update({f"left, {kind}": count for kind, count in counted(remaining).items()})
    taken["left"] = len(remaining)
    return kept, rows, taken


def _spread(facts: Sequence[Fact], settings: StudySettings, can_be_hidden: Callable[[Fact], bool]) -> list[Fact]:
    """At most `most_facts`, the surest kinds first; of each kind one of every document, then a second, and so on. Of
    those that can be hidden, which are rare, there are as many as are wanted, if there are so many at all."""
    rng = Random(f"{settings.seed}:facts")  # noqa: S311
    queues: dict[tuple[int, str], list[Fact]] = {}
    for fact in facts:
        queues.setdefault((_doubt(fact), fact.doc_id), []).append(fact)
    ranked: list[tuple[int, int, float, str]] = []
    for (doubt, _), queue in sorted(queues.items()):
        rng.shuffle(queue)
        ranked += [(doubt, number, rng.random(), fact.id) for number, fact in enumerate(queue)]
    by_id = {fact.id: fact for fact in facts}
    order = [id_ for *_, id_ in sorted(ranked)]
    wanted = _SPARE * ceil(settings.shares.removed * min(len(facts), settings.most_facts))
    hidden = list(islice((id_ for id_ in order if can_be_hidden(by_id[id_])), wanted))
    chosen = set([*hidden, *(id_ for id_ in order if id_ not in set(hidden))][: settings.most_facts])
    return [fact for fact in facts if fact.id in chosen]


def _doubt(fact: Fact) -> int:
    """0 where the rules know what is asked for, 1 for a gap that a name or a number fills, 2 for other words."""
    if fact.kind not in ("cloze", "heading"):
        return 0
    return 1 if fact.kind == "heading" or any(letter.isupper() or letter.isdigit() for letter in fact.answer) else 2


def _card(
    settings: StudySettings,
    found: Found,
    facts: Sequence[Fact],
    items: Sequence[StudyItem],
    rows: Sequence[Mapping[str, Any]],
    rejected: Counter[str],
    leaks: Counter[str],
    writer: str,
) -> StudyCard:
    id_ = digest(
        [[(fact.id, fact.role) for fact in facts], [(item.id, item.split) for item in items], list(rows), writer]
    )
    return StudyCard(
        id=id_[:12],
        writer=writer,
        settings=asdict(settings),
        documents=dict(found.documents),
        sentences=dict(found.sentences),
        facts={
            "kind": dict(sorted(Counter(fact.kind for fact in facts).items())),
            "role": dict(sorted(Counter(fact.role for fact in facts).items())),
        },
        items={
            split: dict(sorted(Counter(item.phrasing for item in items if item.split == split).items()))
            for split in SPLITS
        },
        rejected=dict(sorted(rejected.items())),
        writers=dict(sorted(Counter(item.writer for item in items).items())),
        rows=dict(sorted(Counter(str(row.get("task", "")) for row in rows).items())),
        leaks=dict(sorted(leaks.items())),
    )


def _notes(found: Found, items: Sequence[StudyItem], *, checked: bool, written_by: str) -> tuple[str, ...]:
    """What a reader of the card should know before trusting it."""
    notes = []
    if written_by == PEOPLE:
        count = sum(item.writer == PEOPLE for item in items)
        notes.append(f"{count} questions are from people. The reader did not check them.")
    else:
        used, read = found.sentences["used"], found.sentences["read"]
        notes.append(
            f"The rules found something to ask in {used} of {read} sentences; the other sentences are not asked about."
        )
    if written_by == RULES:
        notes.append("Questions written by rules share more words with their evidence than people's questions do.")
    if not checked:
        notes.append("No reader checked that the answers follow from the evidence.")
    if not any(item.phrasing == "control" for item in items):
        notes.append("There are no questions about controls: there are too few facts to leave some out of training.")
    return tuple(notes)


def _prompt_text(prompt: Mapping[str, Any]) -> str:
    return "\n".join(str(message.get("content") or "") for message in prompt.get("messages") or ())
