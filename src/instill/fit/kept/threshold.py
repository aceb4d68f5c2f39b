"""The calibration that a workspace keeps in `.instill/calibration.json`, and whether it still fits."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from instill.common.durable_files import write_json
from instill.common.made_from import OWNER, UNKNOWN, Caller, MadeFrom
from instill.errors import WorkspaceError
from instill.fit.kept.files import files_for, learned_file, read_object
from instill.measure.numbers_in_sentences import percent_text
from instill.settings import Settings

CALIBRATION_FILE = "calibration.json"
_REMEDY = "Calibrate again: instill calibrate"


@dataclass(frozen=True, slots=True)
class Calibration:
    """A promise: of the answers given from `threshold` on, at most `risk` are wrong, with `confidence`.

    Args:
        threshold: answers of a lower confidence are refused.
        coverage: share of the questions, half of them unanswerable by default, that got an answer.
        asked, given, wrong: how many questions were asked, answers given, and of these wrong.
        unanswerable: how many of the questions had no answer in the documents.
        questions: "written" from the documents by rules, or the file they were read from.
        date: ISO 8601 UTC.
        identity: what the confidences depend on; see `identity_of`.
        made_from: the documents that were asked.
    """

    threshold: float
    risk: float
    confidence: float
    coverage: float
    asked: int
    given: int
    wrong: int
    unanswerable: int
    questions: str
    documents: int
    date: str
    identity: str
    made_from: MadeFrom = UNKNOWN

    @property
    def promise(self) -> str:
        """The promise in one sentence."""
        return (
            f"Of the answers given, at most {percent_text(self.risk)} are wrong (with {percent_text(self.confidence)} "
            f"confidence, {self.asked} questions on {self.date[:10]})."
        )


def identity_of(settings: Settings, encoder: str) -> str:
    """Encoder, settings and signs that confidences depend on: another string means that a calibration is stale.

    Args:
        encoder: the fingerprint of the index.
    """
    from instill.answer.found import confidence
    from instill.answer.reading.reader_place import reader_fingerprint

    answer = settings.answer.model_dump(exclude={"threshold"})
    parts = {
        "encoder": encoder,
        "reader": reader_fingerprint(settings.answer.reader),
        "search": settings.search.model_dump(),
        "answer": answer,
        "passage_tokens": settings.documents.passage_tokens,
        "signs": {name: dict(value) for name, value in vars(confidence).items() if name.endswith("COEFFICIENTS")},
    }
    digest = hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]
    names = ", ".join(f"{key}={value}" for key, value in {**parts["search"], **answer}.items())  # type: ignore[dict-item]
    return f"{encoder}; {names}; passage_tokens={settings.documents.passage_tokens}; {digest}"


def load_calibration(home: Path, caller: Caller = OWNER) -> Calibration | None:
    """The calibration kept in `home` (a workspace's `.instill`) that the caller may use, or None when there is none.

    One under the caller's own labels comes first, then the owner's.

    Raises:
        WorkspaceError: the file is damaged.
    """
    for file in files_for(home, CALIBRATION_FILE, caller):
        found = read_calibration(file)
        if found is not None and caller.sees(found.made_from):
            return found
    return None


def read_calibration(file: Path) -> Calibration | None:
    """The calibration in a file, or None when there is none.

    Raises:
        WorkspaceError: the file is damaged.
    """
    try:
        found = Calibration(**read_object(file))
        sound = 0 <= found.threshold <= 1 and 0 < found.risk < 1 and 0 < found.confidence < 1
        if not sound or not isinstance(found.identity, str) or not isinstance(found.date, str):
            raise ValueError("values out of range")
    except FileNotFoundError:
        return None
    except (ValueError, TypeError) as error:
        raise WorkspaceError("The calibration is damaged.", where=str(file), remedy=_REMEDY) from error
    return found


def save_calibration(home: Path, calibration: Calibration, labels: Sequence[str] | None = None) -> None:
    """Keep it in `home`, in place of the one before; a reader sees the old one or the new one.

    Args:
        labels: that it was found under; None for the owner's.
    """
    content = {**asdict(calibration), "made_from": calibration.made_from.as_json()}
    write_json(learned_file(home, CALIBRATION_FILE, labels), content)


@dataclass(frozen=True, slots=True)
class Threshold:
    """The threshold that `ask` uses. `origin`: "set", "calibrated" or "default"; `notice` tells of a problem, or ""."""

    value: float
    origin: str
    calibration: Calibration | None = None
    notice: str = ""


def threshold_in_use(home: Path, settings: Settings, encoder: str, caller: Caller = OWNER) -> Threshold:
    """The user's own threshold, else the calibrated one where it fits, else the default.

    A calibration on documents which the caller may not see is none for this caller.
    """
    own = settings.answer.threshold
    if "threshold" in settings.answer.model_fields_set:
        return Threshold(own, "set")
    try:
        calibration = load_calibration(home, caller)
    except WorkspaceError as error:
        return Threshold(own, "default", notice=f"{error.what} {error.command}" if caller.labels is None else "")
    if calibration is None:
        return Threshold(own, "default")
    if calibration.identity != identity_of(settings, encoder):
        notice = f"The encoder or the settings have changed since the calibration; it is not used. {_REMEDY}"
        return Threshold(own, "default", calibration, notice if caller.labels is None else "")
    return Threshold(calibration.threshold, "calibrated", calibration)
