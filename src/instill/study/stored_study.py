"""Study sets on disk: `.instill/studies/<id>/`, JSON Lines and a card, written whole or not at all.

Training and gates read a set through `open_study`, which has no way to the audit split; `instill.study.audit` has.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from instill.common.made_from import OWNER, Caller
from instill.errors import UsageError, WorkspaceError
from instill.study.study_set import SPLITS, Fact, LeftOut, Split, StudyCard, StudyItem, StudySet

CARD_FILE, FACTS_FILE, ROWS_FILE, PROMPTS_FILE = "card.json", "facts.jsonl", "rows.jsonl", "prompts.jsonl"
LEFT_OUT_FILE = "left-out.jsonl"
OPENINGS_FILE = "audit-openings.jsonl"

_Model = TypeVar("_Model", bound=BaseModel)


MEMORY_WRITER = "memory"
"""Writer of the study sets that consolidations make of facts that recur."""


class AuditSealed(UsageError):
    """Something asked for the audit split that must not see it."""


class StoredStudy:
    """A study set on disk, for training and gates. Its files are read on demand and checked against its card.

    Args:
        folder: `.instill/studies/<id>`.

    Raises:
        WorkspaceError: the card is missing or cannot be used.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        try:
            self.card = StudyCard.model_validate_json((folder / CARD_FILE).read_bytes())
        except (OSError, ValidationError) as error:
            raise WorkspaceError(
                "The study set's card cannot be read.", where=str(folder / CARD_FILE), remedy="Run: instill study make"
            ) from error

    def facts(self) -> list[Fact]:
        """All facts, including controls.

        Raises:
            WorkspaceError: the file is not as it was written.
        """
        return checked_lines(self, FACTS_FILE, Fact)

    def items(self, split: Split) -> list[StudyItem]:
        """The questions of one split.

        Raises:
            AuditSealed: `split` is "audit".
            WorkspaceError: the file is not as it was written.
        """
        if split == "audit":
            raise AuditSealed(
                "The audit split is sealed: training and gates do not read it.",
                where=str(self.folder),
                remedy='Use the split "gate". The audit is opened by comparisons and by: instill study show --audit',
            )
        return checked_lines(self, items_file(split), StudyItem)

    def rows(self) -> list[dict[str, Any]]:
        """The training rows, as plain objects.

        Raises:
            WorkspaceError: the file is not as it was written.
        """
        return [dict(json.loads(line)) for line in _checked(self, ROWS_FILE)]

    def prompts(self) -> list[dict[str, Any]]:
        """The prompts and replies of the generator that wrote the set. Empty if rules wrote it.

        Raises:
            WorkspaceError: the file is not as it was written.
        """
        if PROMPTS_FILE not in self.card.hashes:
            return []
        return [dict(json.loads(line)) for line in _checked(self, PROMPTS_FILE)]

    def left_out(self) -> list[LeftOut]:
        """The questions of people that are not in the set.

        Raises:
            WorkspaceError: the file is not as it was written.
        """
        return checked_lines(self, LEFT_OUT_FILE, LeftOut) if LEFT_OUT_FILE in self.card.hashes else []

    @property
    def rows_file(self) -> Path:
        """The file with the training rows, for a recipe."""
        return self.folder / ROWS_FILE


def studies_folder(home: Path) -> Path:
    """Where the study sets of a workspace are kept.

    Args:
        home: the workspace's `.instill`.
    """
    return home / "studies"


def items_file(split: Split) -> str:
    """The name of a split's file."""
    return f"items-{split}.jsonl"


def write_study(
    home: Path,
    study: StudySet,
    rows: Sequence[Mapping[str, Any]] = (),
    prompts: Sequence[Mapping[str, Any]] = (),
    *,
    left_out: Sequence[LeftOut] = (),
    made: str = "",
) -> StoredStudy:
    """Keep a study set; one with the same id is replaced. When its audit was opened stays on record.

    Args:
        home: the workspace's `.instill`.
        rows: training rows in the `messages` or `text` form.
        prompts: what a generator was asked and replied.
        left_out: questions of people that are not in the set.
        made: ISO 8601 UTC; "" for now.

    Raises:
        OSError: the disk is full, or the folder cannot be written; what was there is as it was.
    """
    folder = studies_folder(home) / study.card.id
    draft = folder.with_name(f".{folder.name}.{os.getpid()}")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    try:
        hashes = {FACTS_FILE: _write(draft / FACTS_FILE, (fact.model_dump_json() for fact in study.facts))}
        for split in SPLITS:
            name = items_file(split)
            hashes[name] = _write(draft / name, (item.model_dump_json() for item in study.of(split)))
        hashes[ROWS_FILE] = _write(draft / ROWS_FILE, (_line(row) for row in rows))
        if prompts:
            hashes[PROMPTS_FILE] = _write(draft / PROMPTS_FILE, (_line(prompt) for prompt in prompts))
        if left_out:
            hashes[LEFT_OUT_FILE] = _write(draft / LEFT_OUT_FILE, (each.model_dump_json() for each in left_out))
        when = made or datetime.now(UTC).isoformat(timespec="seconds")
        card = study.card.model_copy(update={"hashes": hashes, "made": when})
        _write(draft / CARD_FILE, [card.model_dump_json(indent=2)])
        if (folder / OPENINGS_FILE).is_file():
            shutil.copyfile(folder / OPENINGS_FILE, draft / OPENINGS_FILE)
        _put_in_place(draft, folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return StoredStudy(folder)


def list_studies(home: Path, caller: Caller = OWNER) -> list[StoredStudy]:
    """All study sets whose card can be read and whose documents the caller may see, oldest first."""
    found = []
    for file in studies_folder(home).glob(f"[!.]*/{CARD_FILE}"):
        try:
            found.append(StoredStudy(file.parent))
        except WorkspaceError:
            continue
    seen = [study for study in found if caller.sees(study.card.made_from)]
    return sorted(seen, key=lambda study: (study.card.made, study.card.id))


def open_study(home: Path, reference: str = "", caller: Caller = OWNER) -> StoredStudy:
    """The study set with this id, or with an id that begins so; "" for the newest that was made to be asked: those that
    consolidations make for themselves are named by their ids only.

    For a caller who may not see all of its documents a study set is not there.

    Raises:
        UsageError: there is none, or several.
    """
    known = list_studies(home, caller)
    if not known:
        raise UsageError(
            "There is no study set yet.", where=str(studies_folder(home)), remedy="Run: instill study make"
        )
    if not reference:
        return next((study for study in reversed(known) if study.card.writer != MEMORY_WRITER), known[-1])
    found = [study for study in known if study.card.id.startswith(reference)]
    if len(found) != 1:
        shown = ", ".join(study.card.id for study in found or known)
        raise UsageError(
            "Several study sets have an id that begins like this." if found else "No study set has this id.",
            where=reference,
            remedy=f"Name one of: {shown}",
        )
    return found[0]


def checked_lines(study: StoredStudy, name: str, model: type[_Model]) -> list[_Model]:
    """The objects of a file of the set.

    Raises:
        WorkspaceError: the file is not as it was written.
    """
    return [model.model_validate_json(line) for line in _checked(study, name)]


def _checked(study: StoredStudy, name: str) -> list[str]:
    file = study.folder / name
    try:
        content = file.read_bytes()
    except OSError as error:
        raise WorkspaceError(
            f"A file of the study set cannot be read: {error.strerror}.", where=str(file), remedy=_AGAIN
        ) from error
    if hashlib.sha256(content).hexdigest() != study.card.hashes.get(name):
        raise WorkspaceError("A file of the study set was changed since it was made.", where=str(file), remedy=_AGAIN)
    return [line for line in content.decode("utf-8").split("\n") if line]


_AGAIN = "Make it again: instill study make"


def _line(row: Mapping[str, Any]) -> str:
    return json.dumps(row, ensure_ascii=False)


def _write(file: Path, lines: Iterable[str]) -> str:
    """Write lines; their sha256."""
    content = "".join(f"{line}\n" for line in lines).encode("utf-8")
    with file.open("wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    return hashlib.sha256(content).hexdigest()


def _put_in_place(draft: Path, folder: Path) -> None:
    """A folder cannot be replaced in one step; the old one steps aside and comes back if that fails."""
    if not folder.exists():
        draft.rename(folder)
        return
    aside = folder.with_name(f".{folder.name}.{os.getpid()}.old")
    shutil.rmtree(aside, ignore_errors=True)
    folder.rename(aside)
    try:
        draft.rename(folder)
    except OSError:
        aside.rename(folder)
        raise
    shutil.rmtree(aside, ignore_errors=True)
