"""Which version of a document was seen since when: noted, read, and compared with the one that is in the index.

The log of questions notes the versions behind each answer, in the same transaction (`catalog.question_log`); looking at
the facts notes those of their documents. A fact is a candidate for weights only when its document has been the same for
`memory.stable_days`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from instill.catalog import Catalog
from instill.catalog.tables import SEEN_VERSIONS
from instill.memory.uses_log import moment, stamp

_DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class SeenVersion:
    """The version of a document that was met last.

    Args:
        version: the hash of its content.
        since: when it was met first.
    """

    version: str
    since: datetime

    def days_unchanged(self, version: str, now: datetime) -> float | None:
        """For how many days a document has been the same, 0 or more; None if its version now is another one.

        Example:
            >>> seen = SeenVersion("a1", moment("2026-03-01T12:00:00Z"))
            >>> now = moment("2026-03-02T00:00:00Z")
            >>> seen.days_unchanged("a1", now), seen.days_unchanged("b2", now)
            (0.5, None)
        """
        return max(0.0, (now - self.since).total_seconds()) / _DAY if version == self.version else None


def seen_versions(catalog: Catalog) -> dict[str, SeenVersion]:
    """The version of each document that was met last, by the document's id."""
    with catalog.reading() as connection:
        if SEEN_VERSIONS.name not in sa.inspect(connection).get_table_names():
            return {}  # a catalog of an older Instill, on storage that takes no migration
        rows = connection.execute(sa.select(SEEN_VERSIONS)).all()
    return {row.doc_id: SeenVersion(row.version, moment(row.first_seen)) for row in rows}


def note_versions(catalog: Catalog, versions: Mapping[str, str], at: datetime) -> None:
    """Note which version each document has now; one that is noted already keeps its time. Nothing is noted on storage
    that takes no writing, or is full."""
    known = seen_versions(catalog)
    changed = {
        doc_id: version
        for doc_id, version in versions.items()
        if doc_id not in known or known[doc_id].version != version
    }
    if not changed or not catalog.writable:
        return
    with catalog.writing() as connection:
        if connection is not None:
            catalog.note_versions(connection, changed, stamp(at))
