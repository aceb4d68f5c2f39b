"""A study set in words: what it asks, of how many facts and documents. Its id, a hash, tells nobody anything."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from instill.common.plurals import counted


def study_words(card: Mapping[str, Any]) -> str:
    """How large a study set is.

    Args:
        card: as `GET /api/studies` gives it.

    Example:
        >>> items = {"train": {"cloze": 3}, "gate": {"what": 2}, "audit": {"what": 1}}
        >>> study_words({"items": items, "facts": {"role": {"taught": 2, "control": 1}}, "documents": {"read": 1}})
        '6 questions about 3 facts from 1 document'
    """
    asked = sum(sum(phrasings.values()) for phrasings in card["items"].values())
    facts = sum(card["facts"].get("role", {}).values())
    documents = next(iter(card["documents"].values()), 0)
    return f"{counted(asked, 'question')} about {counted(facts, 'fact')} from {counted(documents, 'document')}"


def writers_words(card: Mapping[str, Any]) -> str:
    """Who wrote the questions of a study set, and how many each.

    Example:
        >>> writers_words({"writer": "people", "writers": {"people": 1, "rules": 40}})
        'people (1 question), rules (40 questions)'
        >>> writers_words({"writer": "rules", "writers": {"rules": 40}}), writers_words({"writer": "people"})
        ('rules', 'people')
    """
    writers: Mapping[str, int] = card.get("writers") or {}
    if len(writers) < 2:
        return str(next(iter(writers), card["writer"]))
    return ", ".join(f"{name} ({counted(many, 'question')})" for name, many in writers.items())


def left_out_of_rules(card: Mapping[str, Any]) -> dict[str, int]:
    """How many of the questions that nobody asked were left out, by reason.

    Example:
        >>> left_out_of_rules({"rejected": {"twice": 3, "known": 1}, "rejected_of_people": {"twice": 1, "known": 1}})
        {'twice': 2}
    """
    of_people = card.get("rejected_of_people") or {}
    left = {reason: many - of_people.get(reason, 0) for reason, many in card["rejected"].items()}
    return {reason: many for reason, many in left.items() if many > 0}
