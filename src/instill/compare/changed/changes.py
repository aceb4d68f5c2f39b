"""Changed documents: one fact of one document gets another value, as if somebody had edited the file.

The new value is that of another fact of the same kind and form, and one that the document does not have. Where people
asked, the kind is not known: a number is exchanged for another one, and anything else keeps its form. Names, dates
and numbers are changed; definitions, reasons and other prose are not. A name that the rules can only ask for as a gap
may become a name of another sort of thing, so such facts come last.

Every place of the document that says the old value of the same subject is changed with it. A fact is passed over where
that cannot be done by rules: the old value stands in a sentence that does not name the subject, or another document
tells it too, so that the documents would contradict each other.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

from instill.answer.found.sentences import split_sentences
from instill.answer.terms import terms
from instill.errors import UsageError, WorkspaceError
from instill.index.lookup import StoredDocument
from instill.measure.judging.text import normalised
from instill.study.questions_from_people import KIND as ASKED
from instill.study.rules.wordings_of_fact import accepted_answers
from instill.study.stored_study import StoredStudy
from instill.study.study_set import Evidence, Fact, StudyItem, item_id

if TYPE_CHECKING:
    from instill.workspace import Workspace

Span = tuple[int, int]

_PROSE = frozenset({"definition", "heading", "reason"})
_STRICT = frozenset({"date", "year", "number", "cloze", ASKED})
_MOST_WORDS = 5
_LOOKED_AT = 50
_ONE = frozenset({"1", "one", "a", "an"})
_TRIED = 20


@dataclass(frozen=True, slots=True)
class Change:
    """One fact of one document with another value.

    Args:
        old_text, new_text: the document's canonical text before and after.
        items: the questions for the value: answer and accepted answers are the new ones, evidence spans are of
            `new_text` in so far as they are of this document.
        before: the same questions as they stand in the study set, in the same order.
        fact_ids: the facts whose answer changed: several where the document tells one thing in several places.
        touched: those, and the other facts whose evidence holds a changed place.
        old, new: the value as it stands in the text.
        old_answers: answers that were right before.
        places: what was replaced, `[start, end)` in characters of `old_text`, in order.
    """

    doc_id: str
    old_text: str
    new_text: str
    items: tuple[StudyItem, ...]
    before: tuple[StudyItem, ...]
    fact_ids: tuple[str, ...]
    touched: tuple[str, ...]
    old: str
    new: str
    old_answers: tuple[str, ...]
    places: tuple[Span, ...]

    def moved(self, start: int, end: int) -> Span:
        """Where a span of the old text stands in the new one; a place that is cut is taken whole.

        Example:
            >>> change = Change("d1", "In 1987 it was.", "In 912 it was.", (), (), (), (), "1987", "912", (), ((3, 7),))
            >>> change.moved(0, 7), change.moved(5, 10), change.moved(8, 10)
            ((0, 6), (3, 9), (7, 9))
        """
        return moved(start, end, self.places, len(self.new))


def make_changes(workspace: Workspace, study: StoredStudy, *, most: int, seed: int = 0) -> list[Change]:
    """At most `most` changes of taught facts that the gate asks for; none where the rules can change none.

    They are spread over the documents and change one fact of a sentence at most, so that all can be made at once. The
    same documents, study set and seed give the same changes.

    Args:
        workspace: of the study set; it is read only.
        most: 1 or more.

    Raises:
        UsageError: `most` is below 1.
        WorkspaceError: a document is not as it was when the study set was made, or a file of the set is not.
    """
    if most < 1:
        raise UsageError(f"{most} is not a number of changes.", remedy="Ask for 1 or more.")
    facts = study.facts()
    values: defaultdict[str, list[str]] = defaultdict(list)
    of_document: defaultdict[str, list[Fact]] = defaultdict(list)
    for fact in facts:
        if fact.answer not in values[fact.kind]:
            values[fact.kind].append(fact.answer)
        of_document[fact.doc_id].append(fact)
    asked = _asked(study.items("gate"))
    found: list[Change] = []
    for fact in _in_rounds([fact for fact in facts if _can_change(fact) and fact.id in asked], seed):
        if len(found) == most:
            break
        touched = {id_ for change in found for id_ in change.touched}
        if fact.id in touched:
            continue
        document = _document(workspace, fact)
        change = _changed(document, fact, of_document[fact.doc_id], asked, values[fact.kind], seed)
        if change is not None and not touched.intersection(change.touched) and not _told_elsewhere(workspace, fact):
            found.append(change)
    return found


def moved(start: int, end: int, places: Sequence[Span], length: int) -> Span:
    """Where a span stands after each of `places` was replaced by `length` characters."""
    before = inside = 0
    first, last = start, end
    for place_start, place_end in places:
        difference = length - (place_end - place_start)
        if place_end <= start:
            before += difference
        elif place_start < end:
            first, last = min(first, place_start), max(last, place_end)
            inside += difference
    return first + before, last + before + inside


def pattern_of(value: str) -> re.Pattern[str]:
    """Finds a value as whole words, over line ends too, in any case; 3 is not found in 3.5.

    Example:
        >>> [found.group() for found in pattern_of("Ove Nyman").finditer("Ove Nyman, ove\\nnyman and Ove Nymans")]
        ['Ove Nyman', 'ove\\nnyman']
        >>> pattern_of("3").search("3.5 or 13 or 0.3") is None
        True
    """
    words = r"\s+".join(re.escape(word) for word in value.split())
    return re.compile(rf"(?<!\w)(?<!\d[.,]){words}(?!\w)(?![.,]\d)", re.IGNORECASE)


def _can_change(fact: Fact) -> bool:
    """Is its value a name, a number or the like, which another one can stand for?"""
    words = fact.answer.split()
    named = fact.kind != "cloze" or all(word[0].isupper() or word[0].isdigit() for word in words)
    return fact.role == "taught" and fact.kind not in _PROSE and len(words) <= _MOST_WORDS and named


def _asked(items: Iterable[StudyItem]) -> dict[str, list[StudyItem]]:
    """The questions with an answer by their fact, of two the last."""
    found: defaultdict[str, list[StudyItem]] = defaultdict(list)
    for item in items:
        if item.answer and item.phrasing not in ("control", "unanswerable"):
            found[item.fact_ids[-1]].append(item)
    return dict(found)


def _in_rounds(facts: Sequence[Fact], seed: int) -> list[Fact]:
    """The surer kinds first; of these one of each document, then a second of each, and so on; drawn by `seed`."""
    order = sorted(facts, key=lambda fact: fact.id)
    Random(f"{seed}:changes").shuffle(order)  # noqa: S311
    counts: Counter[tuple[bool, str]] = Counter()
    rounds: list[tuple[bool, int, int]] = []
    for number, fact in enumerate(order):
        doubt = fact.kind == "cloze"
        rounds.append((doubt, counts[doubt, fact.doc_id], number))
        counts[doubt, fact.doc_id] += 1
    return [order[number] for *_, number in sorted(rounds)]


def _document(workspace: Workspace, fact: Fact) -> StoredDocument:
    document = workspace.index.document_text(fact.doc_id)
    evidence = fact.evidence
    if document is None or document.text[evidence.start : evidence.end] != evidence.text:
        raise WorkspaceError(
            "A document changed since the study set was made.",
            where=document.record.source if document else fact.doc_id,
            remedy="Make the study set again: instill study make",
        )
    return document


def _changed(
    document: StoredDocument,
    fact: Fact,
    own: Sequence[Fact],
    asked: dict[str, list[StudyItem]],
    values: Sequence[str],
    seed: int,
) -> Change | None:
    text = document.text
    places = _places(document, fact)
    facts = [other for other in own if (other.start, other.end) in places]
    before = tuple(
        item
        for other in facts
        for item in asked.get(other.id, ())
        if normalised(item.answer) == normalised(other.answer)
    )
    if not before or any(not _can_change(other) for other in facts):
        return None
    new = _new_value(fact, values, text, before, seed)
    if not new:
        return None
    pieces, last = [], 0
    for start, end in places:
        pieces += [text[last:start], new]
        last = end
    new_text = "".join([*pieces, text[last:]])
    items = tuple(_asking_for(item, new, fact.doc_id, new_text, places) for item in before)
    touched = [other.id for other in own if any(_overlap(_span(other.evidence), place) for place in places)]
    return Change(
        doc_id=fact.doc_id,
        old_text=text,
        new_text=new_text,
        items=items,
        before=before,
        fact_ids=tuple(other.id for other in facts),
        touched=tuple(touched),
        old=fact.answer,
        new=new,
        old_answers=tuple(dict.fromkeys(answer for item in before for answer in item.accepted)),
        places=places,
    )


def _places(document: StoredDocument, fact: Fact) -> tuple[Span, ...]:
    """Where the document says the value; () where not all of these places are surely about the subject."""
    text = document.text
    pattern = pattern_of(fact.answer)
    places = [found.span() for found in pattern.finditer(text)]
    if (fact.start, fact.end) not in places or pattern.search(document.record.title):
        return ()
    units = split_sentences(text)
    for start, end in places:
        unit = next((unit for unit in units if unit.start <= start and end <= unit.end), None)
        if unit is None or unit.kind == "heading" or text[start:end].split() != fact.answer.split():
            return ()
        own = _span(fact.evidence)
        if not _overlap(own, (start, end)) and not _names(text[unit.start : unit.end], fact):
            return ()
    return tuple(places)


def _names(text: str, fact: Fact) -> bool:
    """Does the text name what the fact is about? Without a known subject, half of the evidence's words do."""
    said = set(terms(text))
    about = set(terms(fact.subject))
    if about:
        return about <= said
    about = set(terms(fact.evidence.text)) - set(terms(fact.answer))
    return 2 * len(about & said) >= len(about)


def _told_elsewhere(workspace: Workspace, fact: Fact) -> bool:
    """Whether another document says the old value of the same subject, as far as the keywords find it."""
    pattern = pattern_of(fact.answer)
    query = f"{fact.subject or fact.evidence.text} {fact.answer}"
    for hit in workspace.search(query, k=_LOOKED_AT, mode="keyword").hits:
        if hit.doc_id == fact.doc_id:
            continue
        place = f"{hit.title} {hit.headings}"
        for unit in split_sentences(hit.text):
            sentence = hit.text[unit.start : unit.end]
            if pattern.search(sentence) and _names(f"{place} {sentence}", fact):
                return True
    return False


def _new_value(fact: Fact, values: Sequence[str], text: str, items: Sequence[StudyItem], seed: int) -> str:
    """A value of another fact of this kind; one of the same form where there is one; "" where none can be used."""
    order = sorted(values)
    Random(f"{seed}:{fact.id}").shuffle(order)  # noqa: S311
    fitted = list(_fitted(fact, order))
    alike = [value for value in fitted if _form(value) == _form(fact.answer)]
    if fact.kind == ASKED:
        # People ask about all sorts of things, of which only the form is known: no date may become a port.
        alike = [*_other_numbers(fact.answer, seed), *alike]
    loose = [] if fact.kind in _STRICT else fitted
    old = f" {' '.join(normalised(fact.answer))} "
    for value in [*alike, *loose]:
        new = f" {' '.join(normalised(value))} "
        asked = any(new in f" {' '.join(normalised(item.question))} " for item in items)
        if new.strip() and new not in old and old not in new and not asked and not pattern_of(value).search(text):
            return value
    return ""


def _fitted(fact: Fact, values: Sequence[str]) -> Iterator[str]:
    """Values that can stand in the place; of a counted thing the number is taken, and the thing stays."""
    head, _, rest = fact.answer.partition(" ")
    for value in values:
        if fact.kind == "number" and rest:
            number = value.partition(" ")[0]
            if head.lower() not in _ONE and number.lower() not in _ONE and _form(number) == _form(head):
                yield f"{number} {rest}"
        elif value[:1].isupper() == fact.answer[:1].isupper():
            yield value


def _other_numbers(value: str, seed: int) -> Iterator[str]:
    """The value with its last number exchanged for others that are as long: a year stays a year, a size keeps its unit.

    Example:
        >>> list(_other_numbers("10 January 2012", 0))[:2], list(_other_numbers("GKE", 0))
        (['10 January 2015', '10 January 2011'], [])
    """
    found = list(re.finditer(r"\d+", value))
    if not found:
        return
    last = found[-1]
    old = last.group()
    free = len(old) if len(old) < 3 else 1  # Of long numbers the last digit: 2012 becomes no 7312.
    head, rest = old[: len(old) - free], 10 ** (free - 1)
    least = rest if not head and free > 1 else 0
    others = [str(number).zfill(free) for number in range(least, 10**free) if str(number).zfill(free) != old[-free:]]
    Random(f"{seed}:{value}").shuffle(others)  # noqa: S311
    for number in others[:_TRIED]:
        if int(head + number) > 1:  # "1 days"
            yield value[: last.start()] + head + number + value[last.end() :]


def _form(value: str) -> tuple[str, ...]:
    """How a value is written: "3 May 1990" and "14 July 1789" are alike.

    Example:
        >>> _form("14 July 1789"), _form("Marta Lindqvist"), _form("four days")
        (('9', 'Aa', '9999'), ('Aa', 'Aa'), ('a', 'a'))
        >>> _form("GKE"), _form("Marta's"), _form("SMTP.disabled")
        (('AA',), ("Aa's",), ('AA.a',))
    """
    return tuple(_form_of_word(word) for word in value.split())


def _form_of_word(word: str) -> str:
    def written(found: re.Match[str]) -> str:
        run = found.group()
        if run.isdigit():
            return "9" * len(run) if len(run) > 2 else "9"  # Days have one digit or two, years four.
        if run == "s" and word[: found.start()].endswith("'"):
            return "s"
        if run[0].isupper():
            return "AA" if len(run) > 1 and run.isupper() else "Aa"
        return "a"

    word = word.replace("’", "'")
    return re.sub(r"\d+|[^\W\d_]+", written, word)


def _asking_for(item: StudyItem, new: str, doc_id: str, new_text: str, places: Sequence[Span]) -> StudyItem:
    """The question, with the new value as its answer."""
    evidence = []
    for each in item.evidence:
        if each.doc_id == doc_id:
            start, end = moved(each.start, each.end, places, len(new))
            each = Evidence(doc_id=doc_id, start=start, end=end, text=new_text[start:end])
        evidence.append(each)
    return item.model_copy(
        update={
            "id": item_id(item.fact_ids, item.question, new),
            "answer": new,
            "accepted": accepted_answers(new),
            "evidence": tuple(evidence),
        }
    )


def _span(evidence: Evidence) -> Span:
    return evidence.start, evidence.end


def _overlap(one: Span, other: Span) -> bool:
    return one[0] < other[1] and other[0] < one[1]
