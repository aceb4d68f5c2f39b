"""The way in which an answer is made: all that it depends on beside its question and the documents."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

from instill.answer.reading.reader_place import reader_fingerprint
from instill.models.registry.champions import RECORD
from instill.settings import Settings

_FORM = 1
"""Of what is kept of an answer; another number leaves older entries alone."""


def way_of(
    home: Path,
    settings: Settings,
    *,
    labels: Sequence[str] | None,
    encoder: str,
    generator: str,
    where: str,
    threshold: float,
) -> str:
    """A hash of settings, models and caller. Answers that were made in another way are not found by it.

    Args:
        home: the workspace's `.instill`; which candidates are in use counts where a generator answers.
        labels: of the caller; None is the owner.
        generator: its name; "" where documents are quoted.
        threshold: below this confidence the answer is a refusal.
    """
    parts = {
        "form": _FORM,
        "labels": None if labels is None else sorted(set(labels)),
        "encoder": encoder,
        "reader": reader_fingerprint(settings.answer.reader),
        "search": settings.search.model_dump(),
        "answer": settings.answer.model_dump(),
        "generator": generator and [generator, settings.generator.model_dump(exclude={"api_key"}), _champions(home)],
        "where": where,
        "threshold": threshold,
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()


def _champions(home: Path) -> str:
    try:
        return hashlib.sha256((home / RECORD).read_bytes()).hexdigest()
    except OSError:
        return ""
