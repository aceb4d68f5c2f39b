"""Files that were sent to the service: those that are no document any more go, and so do logs of what was done."""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path

import sqlalchemy as sa

from instill.catalog import Catalog
from instill.catalog.tables import JOBS
from instill.documents.sources import identity
from instill.index.store import Index


def forget_uploads(home: Path, catalog: Catalog, index: Index, kept: Collection[str] = ()) -> None:
    """Delete uploaded files that are not in the index and that no job is to read, and logs of jobs that do not run.

    Args:
        home: the workspace's `.instill`.
        kept: sources of documents that can be brought back, whose files stay.
    """
    if not catalog.writable:
        return
    with catalog.reading() as connection:
        open_ = connection.execute(
            sa.select(JOBS.c.job_id, JOBS.c.arguments, JOBS.c.state).where(JOBS.c.state.in_(("waiting", "running")))
        ).all()
    stays = {record.source for record in index.records()} | set(kept)
    for row in open_:
        arguments = json.loads(row.arguments)
        files = [*arguments.get("paths", ()), *arguments.get("waiting", {}).values()]
        stays.update(identity(Path(path)) for path in files)
    for file in sorted((home / "uploads").rglob("*"), reverse=True):
        if file.is_file() and identity(file) not in stays:
            file.unlink(missing_ok=True)
        elif file.is_dir() and not any(file.iterdir()):
            file.rmdir()
    running = {row.job_id for row in open_ if row.state == "running"}
    for log in (home / "jobs").glob("*.log"):
        if log.stem not in running:
            log.unlink(missing_ok=True)
