"""Phrasings of one fact, by rules: the same thing asked directly, in other words, in keywords, in reverse, in a gap.

What the rules are not sure of is not written: a sentence whose clause they cannot take apart gets keywords and a gap.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from instill.answer.harmless_text import plain_text
from instill.answer.terms import normalise
from instill.study.quick_questions import is_fair
from instill.study.rules.questions_from_heading import heading_question
from instill.study.rules.questions_from_sentence import Clause, clause_of, drafts
from instill.study.rules.reads_well import active_of, reads_well, who_or_what
from instill.study.rules.word_forms import base_form, content, reworded
from instill.study.study_set import Fact, Form, StudyItem, item_id

_TRIES = 12
_GAP = "Fill in the gap:"
_LONGEST = 200
_DAY = re.compile(r"\b\d{1,2}\b(?!\d)")
_YEAR = re.compile(r"^\d{4}$")
_ARTICLE = re.compile(r"^(?:the|a|an) ", re.IGNORECASE)
_NUMBERS = {
    "one": "1", "two": "2", "three": "3", "four": "4", "five": "5", "six": "6", "seven": "7", "eight": "8",
    "nine": "9", "ten": "10", "eleven": "11", "twelve": "12", "twenty": "20", "thirty": "30", "forty": "40",
    "fifty": "50", "sixty": "60", "seventy": "70", "eighty": "80", "ninety": "90",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Wording:
    """A question, how it asks, and what answers it: the fact's answer, or its subject in reverse."""

    form: Form
    question: str
    answer: str


def items_of(fact: Fact, *, seed: int = 0) -> list[StudyItem]:
    """Questions about one fact in several phrasings, each different; the same for the same fact and seed.

    Of a removed fact they are unanswerable, with the evidence to hide. Keywords are left out there: they ask for
    nothing in particular, so that much answers them.

    Example:
        >>> from instill.study.study_set import Evidence
        >>> text = "The stone oven was built in 1987 by Marta Lindqvist."
        >>> evidence = Evidence(doc_id="d1", start=0, end=52, text=text)
        >>> fact = Fact(id="f", doc_id="d1", evidence=evidence, subject="the stone oven", answer="1987", start=28,
        ...     end=32, kind="date")
        >>> for item in items_of(fact):
        ...     print(f"{item.form}: {item.question} {item.answer}")
        direct: When was the stone oven built by Marta Lindqvist? 1987
        reworded: In what year was the stone oven built by Marta Lindqvist? 1987
        indirect: Could you tell me when the stone oven was built by Marta Lindqvist? 1987
        reverse: What was built in 1987 by Marta Lindqvist? the stone oven
        keywords: stone built Marta Lindqvist 1987
        indirect: Fill in the gap: The stone oven was built in ___ by Marta Lindqvist. 1987
    """
    items: dict[str, StudyItem] = {}
    seen: set[str] = set()
    removed = fact.role == "removed"
    for wording in wordings(fact, Random(f"{seed}:{fact.id}")):  # noqa: S311
        if removed and wording.form == "keywords":
            continue
        question = " ".join(plain_text(wording.question).split())
        if wording.form != "keywords" and not question.startswith(_GAP) and not reads_well(question):
            continue
        plain = normalise(question).rstrip("?. ")
        if plain in seen or len(question) > _LONGEST or not is_fair(question, wording.answer):
            continue
        seen.add(plain)
        answer = "" if removed else wording.answer
        item = StudyItem(
            id=item_id([fact.id], question, answer),
            fact_ids=(fact.id,),
            phrasing="unanswerable" if removed else wording.form,
            form=wording.form,
            question=question,
            answer=answer,
            accepted=() if removed else accepted_answers(answer),
            evidence=() if removed else (fact.evidence,),
            excluded=(fact.evidence,) if removed else (),
        )
        items.setdefault(item.id, item)
    return list(items.values())


def accepted_answers(answer: str) -> tuple[str, ...]:
    """The answer and other ways to write it that are as right.

    Example:
        >>> accepted_answers("the head of the department"), accepted_answers("thirty days")
        (('the head of the department', 'head of the department'), ('thirty days', 'thirty', '30 days', '30'))
    """
    found = [answer]
    bare = _ARTICLE.sub("", answer)
    found.append(bare)
    first, _, rest = answer.partition(" ")
    if first[:1].isdigit() and rest.islower() and " " not in rest:
        found.append(first)
    number = _NUMBERS.get(first.lower())
    if number and " " not in rest:
        found += [first, f"{number} {rest}".strip(), number]
    return tuple(dict.fromkeys(found))


def wordings(fact: Fact, rng: Random) -> Iterator[Wording]:
    """All wordings that the rules can write, fair or not, in a fixed order of forms."""
    sentence = fact.evidence.text.replace("\n", " ")
    first = fact.start - fact.evidence.start
    if fact.kind == "heading":
        yield from _of_heading(fact, rng)
        return
    clause = clause_of(sentence, first, fact.kind)
    if clause is not None:
        yield from _of_clause(fact, clause, sentence, first)
    written = [draft for _ in range(_TRIES) for draft in drafts(sentence, rng) if draft.start == first]
    if clause is None or fact.kind == "number":
        sure = [draft.question for draft in written if draft.kind == fact.kind != "cloze"]
        if sure:
            yield Wording("direct", sure[0], fact.answer)
    answer = fact.answer
    keywords = [
        draft.question for draft in written if draft.kind == "cloze" and is_fair(draft.question, answer)
    ] or _keywords(fact, clause, rng)
    if keywords:
        yield Wording("keywords", keywords[0], fact.answer)
    last = first + len(fact.answer)
    yield Wording("indirect", f"{_GAP} {sentence[:first]}___{sentence[last:]}", fact.answer)


def _keywords(fact: Fact, clause: Clause | None, rng: Random) -> list[str]:
    if clause is None:
        return []
    asked = {"date": "date", "place": "location", "definition": "definition", "reason": "reason"}.get(fact.kind, "")
    words = [*content(clause.subject), *content(clause.verb), *content(clause.tail)[:3], *asked.split()]
    return [" ".join(reworded(word, rng) for word in dict.fromkeys(words))]


def _of_heading(fact: Fact, rng: Random) -> Iterator[Wording]:
    found = list(dict.fromkeys(heading_question([fact.title, fact.subject], rng) for _ in range(_TRIES)))
    forms: tuple[Form, ...] = ("direct", "reworded", "indirect")
    for form, question in zip(forms, (one for one in found if one), strict=False):
        yield Wording(form, question, fact.answer)
    yield Wording("keywords", " ".join([*content(fact.title)[:4], *content(fact.subject)]), fact.answer)


def _of_clause(fact: Fact, clause: Clause, sentence: str, first: int) -> Iterator[Wording]:
    """Direct, reworded and embedded questions, and the reverse one, where the clause is known."""
    subject, be, verb, tail = clause.subject, clause.be, clause.verb, clause.tail
    said = f"{subject} {be} {verb} {tail}"  # The statement without the answer.
    match fact.kind:
        case "date":
            year = bool(_YEAR.match(fact.answer))
            asked = f"{be} {subject} {verb} {tail}" if be else f"did {subject} {base_form(verb)} {tail}"
            yield Wording("direct", f"When {asked}?", fact.answer)
            opening = "In what year" if year else "On what date" if _DAY.search(fact.answer) else "When exactly"
            yield Wording("reworded", f"{opening} {asked}?", fact.answer)
            yield Wording("indirect", f"Could you tell me when {said}?", fact.answer)
        case "name" if fact.subject:  # "... was built by NAME"
            active, who = f"{active_of(be, verb)} {subject}", who_or_what(fact.answer)
            yield Wording("direct", f"{who} {active}?", fact.answer)
            yield Wording(
                "reworded", f"By {'whom' if who == 'Who' else 'whom or what'} {be} {subject} {verb}?", fact.answer
            )
            was = "was" if be in ("was", "were") else "is"
            yield Wording("indirect", f"I would like to know {who.lower()} it {was} that {active}.", fact.answer)
        case "name":  # "NAME founded ..."
            yield Wording("direct", f"Who {verb} {tail}?", fact.answer)
            yield Wording("reworded", f"What is the name of whoever {verb} {tail}?", fact.answer)
            yield Wording("indirect", f"Who was it that {verb} {tail}?", fact.answer)
        case "place":
            yield Wording("direct", f"Where {be} {subject} {verb}?", fact.answer)
            yield Wording("reworded", f"In which place {be} {subject} {verb}?", fact.answer)
            yield Wording("indirect", f"Could you tell me where {subject} {be} {verb}?", fact.answer)
        case "definition":
            opening = f"What {be} {subject}" if be else f"What does {subject} mean"
            yield Wording("direct", f"{opening}?", fact.answer)
            yield Wording("reworded", f"How would you define {subject}?", fact.answer)
            if be:
                yield Wording("indirect", f"Could you explain to me what {subject} {be}?", fact.answer)
        case "reason":
            yield Wording("direct", f"Why {be} {subject} {tail}?", fact.answer)
            yield Wording("reworded", f"For what reason {be} {subject} {tail}?", fact.answer)
            yield Wording("indirect", f"Could you explain why {subject} {be} {tail}?", fact.answer)
        case _:
            pass
    reverse = _reverse(fact, clause, sentence, first)
    if reverse:
        yield reverse


def _reverse(fact: Fact, clause: Clause, sentence: str, first: int) -> Wording | None:
    """The statement with its subject asked for; only where the answer is a name, a date or a definition."""
    if not fact.subject or fact.kind not in ("date", "name", "place", "definition"):
        return None
    opening = len(clause.subject)
    if normalise(sentence[:opening]) != normalise(clause.subject) or first < opening:
        return None
    rest = sentence[opening:].strip(" .!")
    if fact.kind == "definition" and not re.match(r"(?:is|are|was|were) an? ", rest):
        return None
    if "(" in rest or "," in rest or rest.startswith(("'s", "’s")) or len(rest.split()) > 18:
        return None
    single = re.sub(r"^(are|were)\b", lambda found: "is" if found[1] == "are" else "was", rest)
    return Wording("reverse", f"{'Who or what' if not clause.be else 'What'} {single}?", clause.subject)
