"""The candidates of a workspace: a folder each under `.instill/adapters`, added whole or not at all."""

from __future__ import annotations

import contextlib
import difflib
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from instill.common.made_from import MadeFrom
from instill.errors import UsageError, WorkspaceError
from instill.models.registry.card import CARD, Card, GateResult, Metrics, file_hashes, read_card, write_card
from instill.models.registry.fits_base import check_fit
from instill.models.registry.folder_check import KNOWN, check_folder
from instill.models.registry.lock import registry_lock

FOLDER = "adapters"
_DRAFT, _REPLACED = ".draft-", ".replaced-"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A candidate that can be read."""

    folder: Path
    card: Card


@dataclass(frozen=True, slots=True)
class Entry:
    """One folder of the registry, readable or not.

    Args:
        card: None when it cannot be read.
        problem: why, one sentence; empty otherwise. The files are not looked at: see `Registry.check`.
    """

    id: str
    card: Card | None
    problem: str = ""


class Registry:
    """The candidates under a workspace's `.instill`.

    Args:
        home: that folder. It need not exist yet.

    Example:
        >>> import tempfile
        >>> Registry(Path(tempfile.mkdtemp())).entries()
        []
    """

    def __init__(self, home: Path) -> None:
        self.home = home
        self.folder = home / FOLDER

    def add(self, weights: Path, card: Card) -> Card:
        """Take in a finished candidate; it is there whole, with its hashes, or not at all.

        A candidate that is there already is replaced: the same id is made from the same things.

        Args:
            weights: folder with its files, which are copied; others than a candidate's are left out.
            card: its `files` are filled in here.

        Returns:
            The card as it is kept.

        Raises:
            WorkspaceError: the weights are not whole, or do not fit the base.
        """
        with registry_lock(self.home):
            self._clean_up()
            draft = self.folder / f"{_DRAFT}{card.id}"
            try:
                draft.mkdir(parents=True)
                for file in sorted(weights.iterdir()):
                    if file.name in KNOWN - {CARD}:
                        _copy(file, draft / file.name)
                card = card.model_copy(update={"files": file_hashes(draft)})
                write_card(draft, card)
                _check(draft, card)
                self._put(draft, self.folder / card.id)
            finally:
                shutil.rmtree(draft, ignore_errors=True)
        return card

    def remove(self, id_: str) -> None:
        """Delete a candidate with its weights, wholly or not at all; nothing happens where there is none.

        Args:
            id_: its whole id. Take it out of use first: `Champions.withdraw`.

        Raises:
            OSError: a file cannot be deleted.
        """
        with registry_lock(self.home):
            self._clean_up()
            place, draft = self.folder / id_, self.folder / f"{_DRAFT}{id_}"
            if id_ in self.ids():
                place.rename(draft)
                shutil.rmtree(draft)

    def update(
        self,
        reference: str,
        *,
        gate: GateResult | None = None,
        metrics: Metrics | None = None,
        reasons: Sequence[str] | None = None,
        documents: MadeFrom | None = None,
    ) -> Card:
        """Write what was measured or found out since onto a candidate's card; what is None stays as it is."""
        with registry_lock(self.home):
            found = self.get(reference)
            given: dict[str, Any] = {
                "gate": gate,
                "metrics": metrics,
                "reasons": None if reasons is None else tuple(reasons),
            }
            if documents is not None:
                given["documents"] = documents.as_json()
            card = found.card.model_copy(update={key: value for key, value in given.items() if value is not None})
            write_card(found.folder, card)
        return card

    def ids(self) -> list[str]:
        """The names of all candidates' folders."""
        if not self.folder.is_dir():
            return []
        return sorted(each.name for each in self.folder.iterdir() if not each.name.startswith(".") and each.is_dir())

    def entries(self) -> list[Entry]:
        """All candidates, oldest first; those that cannot be read come last, with the reason."""
        found = []
        for id_ in self.ids():
            try:
                found.append(Entry(id_, self._read(id_).card))
            except WorkspaceError as error:
                found.append(Entry(id_, None, error.what))
        return sorted(found, key=lambda entry: (entry.card is None, entry.card.made if entry.card else "", entry.id))

    def resolve(self, reference: str) -> str:
        """The id that `reference` is, or is the only beginning of.

        Raises:
            UsageError: it names none, or several.
        """
        ids = self.ids()
        if reference in ids:
            return reference
        found = [each for each in ids if reference and each.startswith(reference)]
        if len(found) == 1:
            return found[0]
        if found:
            raise UsageError(
                f"{len(found)} candidates begin like this.", where=reference, remedy=f"One of: {', '.join(found[:5])}"
            )
        near = difflib.get_close_matches(reference, ids, n=1, cutoff=0.5)
        remedy = f"Did you mean {near[0]}?" if near else "See: instill models list"
        raise UsageError("There is no such candidate.", where=reference, remedy=remedy)

    def get(self, reference: str) -> Candidate:
        """A candidate by its id or the beginning of it.

        Raises:
            UsageError: the reference names none, or several.
            WorkspaceError: its card cannot be read.
        """
        return self._read(self.resolve(reference))

    def check(self, reference: str) -> Candidate:
        """The candidate, after all of its files were read and compared with the card.

        Raises:
            UsageError: the reference names none, or several.
            WorkspaceError: a file is missing, changed, damaged, of another kind, or a link; or its tensors are not
                those of the base, where the base is still in the folder that the card names.
        """
        found = self.get(reference)
        _check(found.folder, found.card)
        return found

    def _read(self, id_: str) -> Candidate:
        folder = self.folder / id_
        if folder.is_symlink():
            raise WorkspaceError("The candidate's folder is a link.", where=str(folder), remedy="Remove it.")
        card = read_card(folder)
        if card.id != id_:
            raise WorkspaceError(
                f"The card is of another candidate, {card.id}.", where=str(folder), remedy="Remove the folder."
            )
        return Candidate(folder, card)

    def _put(self, draft: Path, place: Path) -> None:
        aside = self.folder / f"{_REPLACED}{place.name}"
        if place.exists():
            place.rename(aside)
        draft.rename(place)
        shutil.rmtree(aside, ignore_errors=True)

    def _clean_up(self) -> None:
        """With the lock held, whatever is unfinished was left by a process that died."""
        for aside in self.folder.glob(f"{_REPLACED}*"):
            place = self.folder / aside.name.removeprefix(_REPLACED)
            if place.exists():
                shutil.rmtree(aside, ignore_errors=True)
            else:
                aside.rename(place)
        for draft in self.folder.glob(f"{_DRAFT}*"):
            shutil.rmtree(draft, ignore_errors=True)


def _check(folder: Path, card: Card) -> None:
    check_folder(folder, card)
    base = Path(card.base.folder)
    if (base / "config.json").is_file():
        check_fit(folder, base)


def _copy(file: Path, target: Path) -> None:
    if file.is_symlink():
        raise WorkspaceError(f"The candidate is refused: {file.name} is a link.", where=str(file))
    shutil.copyfile(file, target)
    with target.open("rb+") as stream, contextlib.suppress(OSError):
        os.fsync(stream.fileno())
