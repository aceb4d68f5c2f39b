"""Which edits there are: in the catalog, with the document that says the same."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Literal

import sqlalchemy as sa
from pydantic import BaseModel, ConfigDict

from instill.catalog import Catalog
from instill.catalog.tables import EDITS
from instill.common.made_from import MadeFrom, Source
from instill.errors import UsageError, WorkspaceError

State = Literal["in force", "not in use", "undone", "dissolved"]


class EditRecord(BaseModel):
    """One edit.

    Args:
        base: hash of the model.
        prompt: a question with the subject in it; `value` is the answer, `before` what the model said.
        wordings: other ways to ask.
        adapter: the candidate that has it.
        said: why it is in this state, in words.
        fact_id, doc_id: the memory's fact, and the document that says the same.
    """

    model_config = ConfigDict(frozen=True)

    edit_id: str
    at: str
    base: str
    subject: str
    prompt: str
    value: str
    before: str
    wordings: tuple[str, ...]
    method: str
    adapter: str
    state: State
    said: str
    fact_id: str
    doc_id: str
    version: str
    source_labels: tuple[str, ...]

    @property
    def made_from(self) -> MadeFrom:
        """The document that says the same."""
        return MadeFrom((Source(self.doc_id, self.version, tuple(sorted(self.source_labels))),))


def read_edits(catalog: Catalog) -> list[EditRecord]:
    """All edits, oldest first."""
    with catalog.reading() as connection:
        if EDITS.name not in sa.inspect(connection).get_table_names():
            return []
        rows = connection.execute(sa.select(EDITS).order_by(EDITS.c.at, EDITS.c.edit_id)).mappings().all()
    return [
        EditRecord.model_validate(
            {**row, "wordings": json.loads(row["wordings"]), "source_labels": json.loads(row["source_labels"])}
        )
        for row in rows
    ]


def facts_in_force(catalog: Catalog) -> frozenset[str]:
    """The facts of the memory that weights in use were made to say by hand."""
    return frozenset(each.fact_id for each in read_edits(catalog) if each.state == "in force")


def keep_edits(catalog: Catalog, edits: Iterable[EditRecord]) -> None:
    """Keep edits, each in place of an earlier record of it.

    Raises:
        WorkspaceError: the catalog cannot be written.
    """
    with catalog.writing() as connection:
        if connection is None:
            raise WorkspaceError("Nothing is kept on read-only storage.", where=catalog.where)
        for edit in edits:
            values = edit.model_dump(mode="json")
            values |= {name: json.dumps(values[name]) for name in ("wordings", "source_labels")}
            connection.execute(sa.delete(EDITS).where(EDITS.c.edit_id == edit.edit_id))
            connection.execute(sa.insert(EDITS).values(values))


def edit_named(edits: Iterable[EditRecord], reference: str) -> EditRecord:
    """The one with this id, or with an id that begins so.

    Raises:
        UsageError: there is none, or several.
    """
    found = [each for each in edits if reference and each.edit_id.startswith(reference)]
    if len(found) != 1:
        raise UsageError(
            "Several edits have an id that begins like this." if found else "There is no such edit.",
            where=reference,
            remedy="List them: instill edit --list",
        )
    return found[0]
