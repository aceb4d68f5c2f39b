"""The link from training rows to the documents that they were made from."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from instill.common.made_from import NOTHING, UNKNOWN, MadeFrom
from instill.study.study_set import Fact

LINK = "made_from"
"""A row's key: the documents that it was made from, as `MadeFrom.as_json` gives them."""

SOURCES_FILE = "sources.json"
"""Beside exported rows, whose lines hold what other trainers read and nothing else: the documents of each file."""

_FACT = re.compile("[0-9a-f]{16}")


def linked(rows: Iterable[Mapping[str, Any]], facts: Iterable[Fact], sources: MadeFrom) -> list[dict[str, Any]]:
    """The rows, each with the documents of its facts, and of its passages where it names their `documents`.

    Args:
        sources: the documents as they were read.

    Example:
        >>> from instill.common.made_from import Source
        >>> from instill.study.study_set import Evidence
        >>> evidence = Evidence(doc_id="d1", start=0, end=5, text="1987.")
        >>> fact = Fact(id="f", doc_id="d1", evidence=evidence, subject="", answer="1987", start=0, end=4, kind="date")
        >>> linked([{"text": "1987.", "facts": ["f"]}], [fact], MadeFrom((Source("d1", "h1", ("hr",)),)))
        [{'text': '1987.', 'facts': ['f'], 'made_from': [{'doc_id': 'd1', 'version': 'h1', 'labels': ['hr']}]}]
    """
    by_fact = {fact.id: {fact.doc_id, fact.evidence.doc_id} for fact in facts}
    by_id: dict[str, list[Any]] = {}
    for source in sources.sources:
        by_id.setdefault(source.doc_id, []).append(source)
    found = []
    for row in rows:
        named = list(row.get("facts") or ())
        wanted = {doc_id for fact in named for doc_id in by_fact.get(fact, ())} | set(row.get("documents") or ())
        known = sources.known and wanted <= by_id.keys() and all(fact in by_fact for fact in named)
        own = MadeFrom(tuple(sorted(each for doc_id in wanted for each in by_id.get(doc_id, ()))), known)
        found.append({**row, LINK: own.as_json()})
    return found


def link_of(row: Mapping[str, Any], beside: MadeFrom | None = None) -> MadeFrom:
    """The documents that a row of a file was made from.

    A row that says nothing is its user's own; one that names facts of a study set, but no documents, is of an older
    Instill, so that nobody knows.

    Args:
        beside: what the file says of all of its rows, see `beside_of`; None: nothing.

    Example:
        >>> link_of({"text": "Pi is 3.14.", "facts": ["pi"]}) == NOTHING
        True
        >>> link_of({"text": "The oven is of 1987.", "facts": ["0123456789abcdef"]}) == UNKNOWN
        True
    """
    if LINK in row:
        return MadeFrom.from_json(row[LINK])
    if beside is not None:
        return beside
    return UNKNOWN if _of_a_study(row) else NOTHING


def beside_of(file: Path) -> MadeFrom | None:
    """What `sources.json`, in the folder of a file of exported rows, says of all of its rows; None: nothing.

    A damaged one says that nobody knows.
    """
    beside = file.with_name(SOURCES_FILE)
    try:
        content = json.loads(beside.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError):
        return UNKNOWN
    if not isinstance(content, dict):
        return UNKNOWN
    return MadeFrom.from_json(content[file.name]) if file.name in content else None


def _of_a_study(row: Mapping[str, Any]) -> bool:
    facts = row.get("facts")
    return isinstance(facts, list) and bool(facts) and all(_FACT.fullmatch(str(fact)) for fact in facts)
