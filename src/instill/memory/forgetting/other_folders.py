"""What other folders and machines of a team keep of a document, which nobody can take out from here."""

from __future__ import annotations

from instill.memory.forgetting.receipts import Taken

_MADE = "study sets, reports, uploads and weights"


def other_folders(*, bucket: str, catalog: str, kind: str = "") -> list[Taken]:
    """What is said of them; nothing where this folder shares neither its table nor its catalog.

    Args:
        bucket: where the table is, if that is in a bucket, which any machines may use; "" if not.
        catalog: where the catalog is, if that is in a database; "" if it is a file of this folder.
        kind: what was forgotten, "documents" or "fact"; "": it was only purged, and may be added again.

    Example:
        >>> [each.where for each in other_folders(bucket="s3://team/docs", catalog="")]
        ['other machines that use s3://team/docs']
        >>> other_folders(bucket="", catalog="")
        []
    """
    if bucket:
        own = _MADE if catalog else f"conversations, the log of questions, {_MADE}"
        said = (
            "Each keeps a copy of the table on its disk until its next query, and whatever it has made of it or was "
            f"asked about it: {own}. On each, run: instill remove --purge."
        )
        return [
            Taken(
                where=f"other machines that use {bucket.partition('?')[0]}",
                said=f"{said}{'' if catalog else _comes_back(kind)}",
            )
        ]
    if catalog:
        said = (
            f"If one has it in an index of its own, that stays, and so do {_MADE} that it has made of it: forget it "
            "there too."
        )
        return [Taken(where=f"other folders that use the catalog in {catalog}", said=said)]
    return []


def _comes_back(kind: str) -> str:
    if not kind:
        return ""
    if kind == "fact":
        return " `add` and `sync` there can bring its words back, because only this folder knows that they stay blank."
    return " `add` and `sync` there can bring it back, because only this folder knows that it stays out."
