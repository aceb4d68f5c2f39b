"""Answers that a conversation keeps: which documents they tell of, and what of them a caller is given now.

An answer is kept as plain data (`Answer.as_dict()`). Labels change after it was given: then somebody who asked may not
see its documents any more. Whatever hands out what was kept gives what `shown_to` leaves.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from instill.common.made_from import Caller

MENDED = "Searched for"
ASKED = "Did you mean"
"""How the sentences begin that say what a word was taken for, or may be meant for."""

NOT_SHOWN = "This answer is not shown: your key does not see every document that it was made from."


def shown_to(caller: Caller, answers: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The answers of a conversation, oldest first, as far as the caller sees their documents now.

    An answer that shows words of a hidden document, or may repeat them, is only `NOT_SHOWN`, with `hidden`. So is one
    that a generator wrote later in the conversation: it read what was said before. Of another answer, passages of
    hidden documents that were considered are left out. The owner, who holds no labels, gets them as they are.

    Example:
        >>> from instill.common.made_from import Source
        >>> cited = {"text": "90 euros.", "claims": [{"citations": [{"doc_id": "d1"}]}], "trace": {"question": "What?"}}
        >>> staff = Caller(("staff",), lambda doc_ids: [Source("d1", "h1", ("board",))])
        >>> [each["text"] for each in shown_to(staff, [cited])] == [NOT_SHOWN]
        True
        >>> shown_to(Caller(), [cited]) == [cited]
        True
    """
    hidden = caller.hidden_of({doc_id for each in answers for doc_id in doc_ids_in(each)})
    found: list[Mapping[str, Any]] = []
    is_after = False
    for answer in answers:
        is_hidden = bool(answer) and (tells_of(answer, hidden) or (is_after and _may_repeat(answer)))
        is_after = is_after or is_hidden or bool(answer.get("hidden"))
        if is_hidden:
            found.append(_replaced(answer))
        elif answer and (is_after or not hidden.isdisjoint(doc_ids_in(answer))):
            found.append(without_passages(answer, hidden))
        else:
            found.append(answer)
    return found


def tells_of(answer: Mapping[str, Any], doc_ids: frozenset[str]) -> bool:
    """Whether the answer shows words of the documents, or may repeat them.

    Args:
        answer: `Answer.as_dict()`.
    """
    trace = answer.get("trace") or {}
    read = trace.get("context") or () if trace.get("method") == "generator" else ()
    if _speaks_of_spelling(answer):
        read = (*read, *(trace.get("candidates") or ()))  # A word of theirs may stand in the place of a misspelt one.
    return not doc_ids.isdisjoint(doc_ids_in([answer.get("claims"), answer.get("nearest"), *read]))


def without_passages(answer: Mapping[str, Any], doc_ids: frozenset[str]) -> dict[str, Any]:
    """The answer without passages of the documents that were considered for it, and without how it was understood."""
    trace = dict(answer.get("trace") or {})
    for name in ("candidates", "context"):
        trace[name] = [place for place in trace.get(name) or () if place.get("doc_id") not in doc_ids]
    trace |= {"clusters": [], "standalone_question": trace.get("question", "")}
    return {**answer, "trace": trace}


def doc_ids_in(value: Any) -> Iterator[str]:
    """Every `doc_id` anywhere in plain data.

    Example:
        >>> sorted(doc_ids_in({"claims": [{"citations": [{"doc_id": "d1"}]}], "nearest": ({"doc_id": "d2"},)}))
        ['d1', 'd2']
    """
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, Mapping):
            if isinstance(each.get("doc_id"), str):
                yield each["doc_id"]
            waiting.extend(each.values())
        elif isinstance(each, (list, tuple)):
            waiting.extend(each)


def _speaks_of_spelling(answer: Mapping[str, Any]) -> bool:
    return any(MENDED in notice for notice in answer.get("notices") or ()) or ASKED in (answer.get("text") or "")


def _may_repeat(answer: Mapping[str, Any]) -> bool:
    """Whether words of an earlier answer may stand in this one, which cites nothing of them."""
    return (answer.get("trace") or {}).get("method") == "generator" or _speaks_of_spelling(answer)


def _replaced(answer: Mapping[str, Any]) -> dict[str, Any]:
    """In the form of an answer, with nothing of it but its number in the log."""
    question = (answer.get("trace") or {}).get("question", "")
    trace = {"question": question, "standalone_question": question, "method": "", "candidates": [], "context": []}
    trace |= {"clusters": [], "dropped_claims": 0, "generator": "", "tier": "index", "failure": "", "unread": 0}
    said = {"text": NOT_SHOWN, "claims": [], "confidence": 0.0, "abstained": True, "trace": trace, "notices": []}
    more: dict[str, Any] = {
        "timings": {},
        "short": "",
        "nearest": [],
        "question_id": answer.get("question_id"),
        "hidden": True,
    }
    return {**said, **more}
