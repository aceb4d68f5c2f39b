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
