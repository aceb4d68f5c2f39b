"""The settings that `instill tune` found for a workspace, kept in `.instill/tuned.json`, and whether they still fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from instill.answer.reading.reader_place import reader_fingerprint
from instill.common.durable_files import write_json
from instill.common.made_from import OWNER, UNKNOWN, Caller, MadeFrom
from instill.errors import InstillError, WorkspaceError
from instill.fit.kept.files import files_for, learned_file, read_object
from instill.settings import Settings, with_values

TUNED_FILE = "tuned.json"
SIZE = "documents.passage_tokens"
TUNABLE = ("search.vector_weight", "search.rerank", SIZE)
_REMEDY = "Tune again: instill tune search --apply"


@dataclass(frozen=True, slots=True)
class Tuned:
    """Values found by measuring.

    Args:
        values: settings by their full names, some of `TUNABLE`.
        summary: what was gained, in one sentence.
        questions: "written" from the documents by rules, or the file they were read from.
        date: ISO 8601 UTC.
        identity: what the values were measured with; see `tuned_identity`.
        made_from: the documents that were searched.
    """

    values: Mapping[str, float]
    summary: str
    questions: str
    date: str
    identity: str
    made_from: MadeFrom = UNKNOWN


def tuned_identity(settings: Settings, encoder: str, passage_tokens: int | None = None) -> str:
    """Encoder, reader and settings that tuned weights depend on: another string means that they are stale.

    Args:
        encoder: the fingerprint of the index.
        passage_tokens: another size of passages than that of the settings.
    """
    search, size = settings.search, passage_tokens or settings.documents.passage_tokens
    reader = reader_fingerprint(settings.answer.reader) or "none"
    return f"{encoder}; reader={reader}; fusion={search.fusion}; pool={search.pool}; passage_tokens={size}"


def load_tuned(home: Path, caller: Caller = OWNER) -> Tuned | None:
    """The values kept in `home` (a workspace's `.instill`) that the caller may use, or None when there are none.

    Values that were found under the caller's own labels come first, then the owner's.

    Raises:
        WorkspaceError: the file is damaged.
    """
    for file in files_for(home, TUNED_FILE, caller):
        found = read_tuned(file)
        if found is not None and caller.sees(found.made_from):
            return found
    return None


def read_tuned(file: Path) -> Tuned | None:
    """The values in a file, or None when there is none.

    Raises:
        WorkspaceError: the file is damaged.
    """
    try:
        found = Tuned(**read_object(file))
        texts = (found.summary, found.questions, found.date, found.identity)
        if not set(found.values) <= set(TUNABLE) or not all(isinstance(text, str) for text in texts):
            raise ValueError("unknown values")
        with_values(Settings(), found.values)
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, InstillError) as error:
        raise WorkspaceError("The file of tuned settings is damaged.", where=str(file), remedy=_REMEDY) from error
    return found


def save_tuned(home: Path, tuned: Tuned, labels: Sequence[str] | None = None) -> None:
    """Keep it in `home`, in place of the one before; `labels` that it was found under, None for the owner's."""
    write_json(learned_file(home, TUNED_FILE, labels), {**asdict(tuned), "made_from": tuned.made_from.as_json()})


def is_set(settings: Settings, name: str) -> bool:
    """Whether the user set this himself, in the file or by a variable."""
    section, _, key = name.partition(".")
    return key in getattr(settings, section).model_fields_set


def apply_tuned(
    home: Path, settings: Settings, encoder: str, caller: Caller = OWNER
) -> tuple[Settings, Tuned | None, str]:
    """The settings with the tuned values where the user set none, what is used of them, and a notice, or "".

    Weights that were found with another encoder, reader or kind of search are left out, and so are those that were
    found on documents which the caller may not see. The size of passages is kept in any case: the index is cut by it.
    """
    try:
        owners = read_tuned(home / TUNED_FILE)
        tuned = load_tuned(home, caller)
    except WorkspaceError as error:
        return settings, None, f"{error.what} {error.command}" if caller.labels is None else ""
    cut = {} if owners is None else {name: value for name, value in owners.values.items() if name == SIZE}
    sized = with_values(settings, {name: value for name, value in cut.items() if not is_set(settings, name)})
    if tuned is None:
        return sized, None, ""
    free = {name: value for name, value in tuned.values.items() if not is_set(settings, name)}
    weights = {name: value for name, value in free.items() if name != SIZE}
    if weights and tuned.identity != tuned_identity(sized, encoder):
        notice = f"The encoder, the reader or the settings have changed since tuning; it is not used. {_REMEDY}"
        return sized, None, notice if caller.labels is None else ""
    return with_values(sized, weights), tuned if free else None, ""
