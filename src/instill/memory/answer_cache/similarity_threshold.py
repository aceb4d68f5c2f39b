"""The likeness of two questions from which on an answer may be shown again: found by a calibration, kept beside it."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from instill.answer.reading.reader_place import reader_fingerprint
from instill.common.durable_files import write_json
from instill.common.made_from import OWNER, UNKNOWN, Caller, MadeFrom
from instill.errors import WorkspaceError
from instill.fit.kept.files import files_for, learned_file, read_object
from instill.measure.numbers_in_sentences import percent_text
from instill.settings import Settings

FLOOR = 0.9
"""Least cosine of two questions, whatever a calibration finds: questions that rules wrote differ less than people's."""
SAME_WORDS = 1.0
"""The likeness of a question to itself, whatever the case and spaces; no other questions have it."""
FILE = "cache.json"
TRIED = "cache_tried.json"
GROWN = 1.5
RULES = 1
"""Of `earlier_question`; another number means that a calibration is stale."""

_REMEDY = "Calibrate again: instill memory calibrate"


@dataclass(frozen=True, slots=True)
class Safe:
    """A promise: of the answers that are shown again, at most `risk` answer another question, with `confidence`.

    Args:
        threshold: least likeness of two questions.
        asked, given, wrong: questions asked, answers shown again, and of these wrong.
        date: ISO 8601 UTC.
        identity: what likeness depends on; see `identity_of`.
        made_from: the documents that were asked about.
    """

    threshold: float
    risk: float
    confidence: float
    asked: int
    given: int
    wrong: int
    date: str
    identity: str
    made_from: MadeFrom = UNKNOWN

    @property
    def promise(self) -> str:
        """The promise in one sentence."""
        return (
            f"Of the answers that are shown again, at most {percent_text(self.risk)} answer another question (with "
            f"{percent_text(self.confidence)} confidence, {self.asked} questions on {self.date[:10]})."
        )


def identity_of(settings: Settings, encoder: str) -> str:
    """Encoder, reader and rules that decide whether two questions are one."""
    return f"{encoder}; reader={reader_fingerprint(settings.answer.reader)}; rules={RULES}"


def save_safe(home: Path, safe: Safe, labels: Sequence[str] | None = None) -> None:
    """Keep it, in place of the one before.

    Args:
        home: a workspace's `.instill`.
        labels: that it was found under; None for the owner's.
    """
    write_json(learned_file(home, FILE, labels), {**asdict(safe), "made_from": safe.made_from.as_json()})


def save_tried(home: Path, identity: str, passages: int) -> None:
    """Keep that a calibration found nothing to promise, so that nobody is told to try again with the same documents.

    Args:
        identity: see `identity_of`.
        passages: how many the index had.
    """
    write_json(home / TRIED, {"identity": identity, "passages": passages})


def _tried(home: Path, identity: str, passages: Callable[[], int]) -> bool:
    """Was it tried with these models, on documents that have not grown much since?"""
    try:
        found = json.loads((home / TRIED).read_text(encoding="utf-8"))
        return bool(found["identity"] == identity) and passages() < GROWN * found["passages"]
    except (OSError, ValueError, TypeError, KeyError):
        return False


def safe_in_use(
    home: Path,
    settings: Settings,
    encoder: str,
    caller: Caller = OWNER,
) -> tuple[Safe | None, str]:
    """The calibration that the caller may use, and what is wrong where there is none. Without one, an answer is shown
    again for the same words only.

    A calibration on documents which the caller may not see is none for this caller.

    Args:
        encoder: the fingerprint of the index.
    """
    for file in files_for(home, FILE, caller):
        try:
            found = Safe(**read_object(file))
            if not 0 < found.threshold <= 1 or not isinstance(found.identity, str):
                raise ValueError("values out of range")
        except FileNotFoundError:
            continue
        except (ValueError, TypeError, WorkspaceError):
            return None, f"The calibration of the cache of answers is damaged. {_REMEDY}"
        if not caller.sees(found.made_from):
            continue
        if found.identity != identity_of(settings, encoder):
            return None, f"The encoder or the reader has changed since the cache was calibrated. {_REMEDY}"
        return found, ""
    return None, ""


def state_of_cache(
    home: Path,
    settings: Settings,
    encoder: str,
    *,
    passages: Callable[[], int],
) -> str:
    """What the owner is told of the cache, once, where its state is shown; "" where it is off.

    Args:
        encoder, passages: see `safe_in_use`. A calibration that promised nothing is not asked for again until there are
            half as many passages more.
    """
    if not settings.memory.cache:
        return ""
    safe, wrong = safe_in_use(home, settings, encoder)
    if wrong:
        return wrong
    if safe is not None:
        return (
            f"The cache of answers shows an answer again for questions of a similarity of {safe.threshold:g} or more."
        )
    said = "The cache of answers shows an answer again for the same words only."
    if _tried(home, identity_of(settings, encoder), passages):
        return said
    return f"{said} For other wordings, run: instill memory calibrate"
