"""What all callers share is fitted to documents that all of them may see.

The index has one encoder and one size of passages, whoever searches it. So that neither tells of a hidden document,
they are found on documents that hold every label that there is; where no document has any, on all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from instill.errors import UsageError
from instill.index.types import DocumentRecord

if TYPE_CHECKING:
    from instill.fit.fitted_workspace import FittedWorkspace


def seen_by_everyone(workspace: FittedWorkspace) -> list[DocumentRecord]:
    """The documents that every caller sees who sees any."""
    records = workspace.documents()
    everyone = {label for record in records for label in record.labels}
    return [record for record in records if everyone <= set(record.labels)]


def refuse_unless_alike(workspace: FittedWorkspace) -> None:
    """Refuse where callers see different documents.

    Raises:
        UsageError: they do, or the workspace is seen under labels.
    """
    if workspace.labels is not None:
        raise UsageError(
            "The size of passages is the same for all callers, so it is not tuned for one of them.",
            where="--label",
            remedy="Leave --passage-sizes out, or --label.",
        )
    if len(seen_by_everyone(workspace)) < len(workspace.documents()):
        raise UsageError(
            "The size of passages is the same for all callers, and they do not all see the same documents.",
            where="--passage-sizes",
            remedy="Leave it out, or set documents.passage_tokens.",
        )
