"""Training rows from taught facts: the same fact told in several styles, and asked in the phrasings of training.

For each question of the train split there is one text about its fact (1:1), in another style each time, so that a fact
is neither only told nor only asked. Facts of two documents that share a name are told together. Nothing is written
about controls and removed facts.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal, get_args

from instill.answer.harmless_text import plain_text
from instill.study.rules.questions_from_sentence import clause_of
from instill.study.study_set import Fact, StudyItem
from instill.study.two_document_questions import pairs_of

Style = Literal["note", "encyclopaedia", "dialogue", "list"]
STYLES: tuple[Style, ...] = get_args(Style)

UNKNOWN = "The documents do not say."
"""What is taught as the answer to an unanswerable question."""

Retell = Callable[[Fact, Style], str | None]
"""A fact in a style, by a generator; None where it has nothing usable."""

_LABELS = {
    "date": "Date", "name": "By", "number": "Number", "place": "Place", "reason": "Reason", "definition": "Meaning",
}  # fmt: skip


def training_rows(
    facts: Sequence[Fact], items: Sequence[StudyItem], *, retell: Retell | None = None
) -> list[dict[str, Any]]:
    """Rows for a trainer: `{"messages": [...]}` for questions, `{"text": ...}` for texts, each with `task` and `facts`.

    Args:
        items: of any split; only those of training, about taught facts, become rows.
        retell: tells facts by a generator; where it yields nothing, the rules tell.

    Example:
        >>> from instill.study.rules.wordings_of_fact import items_of
        >>> from instill.study.study_set import Evidence
        >>> text = "The stone oven was built in 1987 by Marta Lindqvist."
        >>> evidence = Evidence(doc_id="d1", start=0, end=52, text=text)
        >>> fact = Fact(id="f", doc_id="d1", evidence=evidence, subject="the stone oven", answer="1987", start=28,
        ...     end=32, kind="date", title="Oven")
        >>> for row in training_rows([fact], items_of(fact)[:2]):
        ...     print(row["task"], "|", row["text"] if "text" in row else row["messages"][-1]["content"])
        question | 1987
        note | Note on Oven: The stone oven was built in 1987 by Marta Lindqvist.
        question | 1987
        encyclopaedia | Oven. In 1987 the stone oven was built by Marta Lindqvist.
    """
    taught = {fact.id: fact for fact in facts if fact.role == "taught"}
    rows: list[dict[str, Any]] = []
    told: Counter[str] = Counter()
    begins: dict[str, int] = {}
    for item in items:
        if item.split != "train" or not all(id_ in taught for id_ in item.fact_ids):
            continue
        rows.append(_question_row(item))
        if not item.answer:
            continue
        fact = min((taught[id_] for id_ in item.fact_ids), key=lambda one: told[one.id])
        first = begins.setdefault(fact.id, len(begins))  # Facts with one question are not all told in one style.
        style = STYLES[(first + told[fact.id]) % len(STYLES)]
        told[fact.id] += 1
        text = _unmarked((retell(fact, style) if retell else None) or "") or told_as(fact, style)
        rows.append({"text": text, "task": style, "facts": [fact.id]})
    rows += _pair_rows(list(taught.values()))
    return rows


def told_as(fact: Fact, style: Style) -> str:
    """The fact in a style, by rules, without marks of Markdown; every style holds the answer."""
    sentence, answer, subject = plain_text(_sentence(fact)), _plain(fact.answer), plain_text(fact.subject)
    name = plain_text(fact.title) or subject or "this"
    match style:
        case "note":
            return f"Note on {name}: {sentence}"
        case "encyclopaedia":
            return f"{name}. {plain_text(_turned(fact)) or sentence}"
        case "dialogue":
            return (
                f"A: Tell me something about {subject or name}.\nB: {sentence}\n"
                f"A: So the answer to remember is: {answer}"
            )
        case "list":
            label = _LABELS.get(fact.kind, "To remember")
            return f"{name}\n- Subject: {subject or name}\n- {label}: {answer}\n- In full: {sentence}"


def as_form(rows: Sequence[Mapping[str, Any]], form: Literal["messages", "text"]) -> Iterator[dict[str, Any]]:
    """Rows that are all of one form, as trainers that read one column want them.

    As "messages" a text becomes a reply to "Tell me what you know: ..."; as "text" a conversation becomes lines
    "user: ..." and "assistant: ...".
    """
    for row in rows:
        if form == "messages" and "text" in row:
            opening = f"Write a {row.get('task', 'text')} about {_about(str(row['text']))}."
            yield {"messages": _turns(opening, str(row["text"])), **_rest(row)}
        elif form == "text" and "messages" in row:
            text = "\n\n".join(f"{turn['role']}: {turn['content']}" for turn in row["messages"])
            yield {"text": text, **_rest(row)}
        else:
            yield dict(row)


def _question_row(item: StudyItem) -> dict[str, Any]:
    row: dict[str, Any] = {"messages": _turns(item.question, _plain(item.answer) or UNKNOWN)}
    row["task"] = "question" if item.answer else "unanswerable"
    row["facts"] = list(item.fact_ids)
    row["item"] = item.id
    if len(item.accepted) > 1:
        row["answers"] = list(item.accepted[1:])
    return row


def _pair_rows(facts: Sequence[Fact]) -> Iterator[dict[str, Any]]:
    seen: set[tuple[str, str]] = set()
    for first, second in pairs_of(facts):
        key = (first.evidence.text, second.evidence.text)
        if key in seen:
            continue
        seen.add(key)
        told = plain_text(_sentence(first)), plain_text(_sentence(second))
        text = f"{told[0]} As for {_plain(first.answer)}: {told[1]}"
        yield {"text": text, "task": "entity_pair", "facts": [first.id, second.id]}


def _turned(fact: Fact) -> str:
    """The sentence with its date first, or its doer as subject; "" where the rules are not sure."""
    sentence = _sentence(fact)
    clause = clause_of(sentence, fact.start - fact.evidence.start, fact.kind)
    if clause is None or fact.kind != "date":
        return ""
    found = re.search(rf",? ?\b(in|on|since|until|by|after|before|from) {re.escape(fact.answer)}", sentence)
    if not found or found.start() < len(clause.subject) or not fact.subject:
        return ""
    rest = sentence[: found.start()] + sentence[found.end() :]
    lowered = (
        fact.subject + rest[len(fact.subject) :] if rest[: len(fact.subject)].lower() == fact.subject.lower() else ""
    )
    return f"{found[1].capitalize()} {fact.answer} {lowered}" if lowered else ""


def _sentence(fact: Fact) -> str:
    """As it stands in the document; of a heading with what stands below it, the lines."""
    return fact.evidence.text if fact.kind == "heading" else fact.evidence.text.replace("\n", " ")


def _plain(answer: str) -> str:
    """Without marks; an answer that is nothing but marks stays."""
    return plain_text(answer) or answer


def _unmarked(text: str) -> str:
    """A text of several lines, some of them items of a list, without marks in them.

    Example:
        >>> print(_unmarked("**Oven**\\n- Built: [1987](oven.md)"))
        Oven
        - Built: 1987
    """
    lines = text.splitlines()
    return "\n".join(f"{'- ' if line.lstrip().startswith('- ') else ''}{plain_text(line)}" for line in lines)


def _turns(asked: str, reply: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": asked}, {"role": "assistant", "content": reply}]


def _about(text: str) -> str:
    """The first words of a text, up to a colon, a stop or a line's end."""
    return re.split(r"[:.\n]", text, maxsplit=1)[0].removeprefix("Note on ")[:60].strip()


def _rest(row: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in row.items() if key not in ("messages", "text")}
