"""Jobs in the catalog: what is to be done, what is being done, what came of it, and what was told on the way.

A job belongs to a lane: "documents" for what is added, "work" for all else. In each lane one job is done after the
other, by whoever holds the lane's lock (`job_process.py`); the rows here say nothing about who that is.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import sqlalchemy as sa
from pydantic import BaseModel

from instill.catalog import Catalog, Labels, may_see, now, stored_labels
from instill.catalog.tables import JOB_EVENTS, JOBS
from instill.errors import InstillError, UsageError, WorkspaceError
from instill.server.jobs.job_results import TITLES, Outcome, outcome

Lane = Literal["documents", "work"]
LANES: tuple[Lane, ...] = get_args(Lane)
State = Literal["waiting", "running", "done", "failed", "cancelled"]
ENDED: tuple[State, ...] = ("done", "failed", "cancelled")

MOST_ATTEMPTS = 3
"""A job whose process died so often is given up: it would die again."""

_KEPT = 1000

_Row = sa.RowMapping


class Progress(BaseModel):
    """How far a job is: `done` of `total` (0: nobody knows), and what it is at."""

    done: int = 0
    total: int = 0
    what: str = ""


class Job(BaseModel):
    """A job. Times are ISO 8601 UTC, "" where it is not so far.

    Args:
        title: what is being done, for people.
        result: of a job that is done, what the command with `--json` prints; of one that failed, the error.
        outcome: the same in words, with the page that shows it.
        attempts: how often it was begun: more than once after a restart.
        dismissed: when somebody said that they have seen its failure.
    """

    job_id: str
    kind: str
    title: str
    state: State
    asked_by: str
    created: str
    started: str
    ended: str
    attempts: int
    dismissed: str
    progress: Progress
    arguments: dict[str, Any]
    result: Any
    outcome: Outcome


class JobList(BaseModel):
    """Jobs, newest first; `total`: how many there are in all."""

    jobs: list[Job]
    total: int


class Event(BaseModel):
    """Something that a job told: "state", "progress", "file", "log" or "error"; `number` grows."""

    number: int
    at: str
    kind: str
    data: Any


@dataclass(frozen=True, slots=True)
class Task:
    """A job as its process needs it."""

    job_id: str
    kind: str
    arguments: Mapping[str, Any]
    labels: Labels


class JobStore:
    """The jobs of a workspace.

    Args:
        folder: for locks and logs.
    """

    def __init__(self, catalog: Catalog, folder: Path) -> None:
        self._catalog = catalog
        self.folder = folder

    # -- for who asks ------------------------------------------------------------------------------------------

    def add(self, kind: str, lane: Lane, arguments: Mapping[str, Any], *, labels: Labels, asked_by: str) -> Job:
        """Have something done.

        Args:
            labels: what it is done under, and who may see it: callers who hold all of them.

        Raises:
            WorkspaceError: the catalog cannot be written.
        """
        job_id = uuid.uuid4().hex[:12]
        row = {
            "job_id": job_id,
            "lane": lane,
            "kind": kind,
            "arguments": json.dumps(dict(arguments), ensure_ascii=False),
            "labels": stored_labels(labels),
            "asked_by": asked_by,
            "state": "waiting",
            "created": now(),
            "started": "",
            "ended": "",
            "attempts": 0,
            "stop": False,
            "progress": Progress().model_dump_json(),
            "result": "null",
            "dismissed": "",
        }
        with self._catalog.writing() as connection:
            if connection is None:
                raise WorkspaceError("Nothing can be done on read-only storage.", where=self._catalog.where)
            connection.execute(sa.insert(JOBS).values(row))
            self._tell(connection, job_id, "state", {"state": "waiting"})
            self._forget_old(connection)
        return self.get(job_id, labels)

    def get(self, job_id: str, labels: Labels = None) -> Job:
        """One job.

        Raises:
            UsageError: there is none that the caller may see.
        """
        with self._catalog.reading() as connection:
            row = connection.execute(sa.select(JOBS).where(JOBS.c.job_id == job_id)).mappings().first()
        if row is None or not may_see(_labels(row), labels):
            raise UsageError("There is no such job.", where=job_id[:80])
        return _job(row)

    def all(self, labels: Labels = None, *, limit: int = 100, going: bool = False) -> list[Job]:
        """The newest jobs that the caller may see.

        Args:
            going: only those that have not ended.
        """
        query = sa.select(JOBS).order_by(JOBS.c.number.desc())
        if going:
            query = query.where(JOBS.c.state.not_in(ENDED))
        with self._catalog.reading() as connection:
            rows = connection.execute(query).mappings().all()
        return [_job(row) for row in rows if may_see(_labels(row), labels)][:limit]

    def stop(self, job_id: str, labels: Labels = None) -> Job:
        """Stop a job: one that waits is cancelled now, one that runs within a second, one that has ended stays so.

        Raises:
            UsageError: there is none that the caller may see.
        """
        self.get(job_id, labels)
        with self._catalog.writing() as connection:
            if connection is not None:
                here = JOBS.c.job_id == job_id
                connection.execute(sa.update(JOBS).where(here).values(stop=True))
                waiting = sa.and_(here, JOBS.c.state == "waiting")
                done = connection.execute(sa.update(JOBS).where(waiting).values(state="cancelled", ended=now()))
                if done.rowcount:
                    self._tell(connection, job_id, "state", {"state": "cancelled"})
        return self.get(job_id, labels)

    def dismiss(self, job_id: str, labels: Labels = None) -> Job:
        """Note that the failure of a job was seen: pages no longer show it first.

        Raises:
            UsageError: there is none that the caller may see.
        """
        self.get(job_id, labels)
        with self._catalog.writing() as connection:
            if connection is not None:
                connection.execute(sa.update(JOBS).where(JOBS.c.job_id == job_id).values(dismissed=now()))
        return self.get(job_id, labels)

    def again(self, job_id: str, labels: Labels = None, *, asked_by: str) -> Job:
        """Do a job that has ended once more, under the labels that it had; its failure counts as seen.

        Raises:
            UsageError: there is none that the caller may see, or it has not ended.
            WorkspaceError: the catalog cannot be written.
        """
        if self.get(job_id, labels).state not in ENDED:
            raise UsageError("The job goes on.", where=job_id, remedy="Wait until it ends, or stop it.")
        self.dismiss(job_id, labels)
        with self._catalog.reading() as connection:
            row = connection.execute(sa.select(JOBS).where(JOBS.c.job_id == job_id)).mappings().one()
        return self.add(row["kind"], row["lane"], json.loads(row["arguments"]), labels=_labels(row), asked_by=asked_by)

    def events(self, job_id: str, labels: Labels = None, after: int = 0, *, limit: int = 1000) -> list[Event]:
        """What a job told since event `after`, oldest first.

        Raises:
            UsageError: there is no such job that the caller may see.
        """
        self.get(job_id, labels)
        query = sa.select(JOB_EVENTS).where(JOB_EVENTS.c.job_id == job_id, JOB_EVENTS.c.number > after)
        with self._catalog.reading() as connection:
            rows = connection.execute(query.order_by(JOB_EVENTS.c.number).limit(limit)).mappings().all()
        return [
            Event(number=row["number"], at=row["at"], kind=row["kind"], data=json.loads(row["data"])) for row in rows
        ]

    # -- for who does them -------------------------------------------------------------------------------------

    def has_work(self, lane: Lane) -> bool:
        """Whether something waits, or was begun and may have been left."""
        open_ = sa.and_(JOBS.c.lane == lane, JOBS.c.state.in_(("waiting", "running")))
        with self._catalog.reading() as connection:
            return connection.execute(sa.select(JOBS.c.job_id).where(open_).limit(1)).first() is not None

    def is_waiting(self, lane: Lane, kind: str = "") -> bool:
        """Whether a job of the lane, and of the kind where one is named, has not been begun."""
        waiting = sa.and_(JOBS.c.lane == lane, JOBS.c.state == "waiting")
        if kind:
            waiting = sa.and_(waiting, JOBS.c.kind == kind)
        with self._catalog.reading() as connection:
            return connection.execute(sa.select(JOBS.c.job_id).where(waiting).limit(1)).first() is not None

    def take(self, lane: Lane) -> Task | None:
        """Begin the oldest job of the lane: one that was left running first. To be called by who holds the lane's lock.

        One that was begun too often is given up, and one that was to be stopped is cancelled, on the way.
        """
        while True:
            order = (JOBS.c.state != "running", JOBS.c.number)
            open_ = sa.and_(JOBS.c.lane == lane, JOBS.c.state.in_(("waiting", "running")))
            with self._catalog.writing() as connection:
                if connection is None:
                    return None
                row = connection.execute(sa.select(JOBS).where(open_).order_by(*order).limit(1)).mappings().first()
                if row is None:
                    return None
                here = JOBS.c.job_id == row["job_id"]
                if row["stop"]:
                    self._end(connection, row["job_id"], "cancelled", None)
                    continue
                if row["attempts"] >= MOST_ATTEMPTS:
                    gone = InstillError(
                        "The process that did it ended three times before it was done.",
                        remedy="Its log says more; the machine may have too little memory.",
                    )
                    self._end(connection, row["job_id"], "failed", gone.as_dict())
                    continue
                values = {"state": "running", "attempts": row["attempts"] + 1, "started": row["started"] or now()}
                as_read = sa.and_(here, JOBS.c.state == row["state"])
                if not connection.execute(sa.update(JOBS).where(as_read).values(values)).rowcount:
                    continue  # somebody cancelled it at this moment
                self._tell(connection, row["job_id"], "state", {"state": "running", "attempt": values["attempts"]})
            return Task(row["job_id"], row["kind"], json.loads(row["arguments"]), _labels(row))

    def is_to_stop(self, job_id: str) -> bool:
        """Whether somebody wants it stopped."""
        with self._catalog.reading() as connection:
            return bool(connection.execute(sa.select(JOBS.c.stop).where(JOBS.c.job_id == job_id)).scalar_one_or_none())

    def tell(self, job_id: str, kind: str, data: Any) -> None:
        """Keep an event; one of the kind "progress" is also where the job is now."""
        with self._catalog.writing() as connection:
            if connection is None:
                return
            if kind == "progress":
                here = JOBS.c.job_id == job_id
                connection.execute(sa.update(JOBS).where(here).values(progress=json.dumps(data, ensure_ascii=False)))
            self._tell(connection, job_id, kind, data)

    def put_back(self, job_id: str, why: str, *, counts: bool = True) -> bool:
        """Let a job that runs begin again, before those that wait; False where it does not run any more, or was begun
        too often.

        Args:
            why: told as its progress.
            counts: among the times that it was begun.
        """
        with self._catalog.writing() as connection:
            if connection is None:
                return False
            runs = sa.and_(JOBS.c.job_id == job_id, JOBS.c.state == "running")
            attempts = connection.execute(sa.select(JOBS.c.attempts).where(runs)).scalar_one_or_none()
            if attempts is None or (counts and attempts >= MOST_ATTEMPTS):
                return False
            told = Progress(what=why).model_dump()
            values = {"state": "waiting", "attempts": attempts - (not counts), "progress": json.dumps(told)}
            connection.execute(sa.update(JOBS).where(runs).values(values))
            self._tell(connection, job_id, "state", {"state": "waiting"})
            self._tell(connection, job_id, "progress", told)
            return True

    def end(self, job_id: str, state: State, result: Any) -> None:
        """A job has ended."""
        with self._catalog.writing() as connection:
            if connection is not None:
                self._end(connection, job_id, state, result)

    # -- inside ------------------------------------------------------------------------------------------------

    def _end(self, connection: sa.Connection, job_id: str, state: State, result: Any) -> None:
        values = {"state": state, "ended": now(), "result": json.dumps(result, ensure_ascii=False)}
        open_ = sa.and_(JOBS.c.job_id == job_id, JOBS.c.state.notin_(ENDED))
        if connection.execute(sa.update(JOBS).where(open_).values(values)).rowcount:
            self._tell(connection, job_id, "state", {"state": state})

    def _tell(self, connection: sa.Connection, job_id: str, kind: str, data: Any) -> None:
        row = {"job_id": job_id, "at": now(), "kind": kind, "data": json.dumps(data, ensure_ascii=False)}
        connection.execute(sa.insert(JOB_EVENTS).values(row))

    def _forget_old(self, connection: sa.Connection) -> None:
        """Of jobs that have ended the newest thousand are kept."""
        ended = sa.select(JOBS.c.job_id).where(JOBS.c.state.in_(ENDED)).order_by(JOBS.c.number.desc())
        old = list(connection.execute(ended.offset(_KEPT)).scalars())
        for table in (JOB_EVENTS, JOBS):
            connection.execute(sa.delete(table).where(table.c.job_id.in_(old)))


def _labels(row: _Row) -> Labels:
    return None if row["labels"] is None else tuple(json.loads(row["labels"]))


def _job(row: _Row) -> Job:
    names = ("job_id", "kind", "state", "asked_by", "created", "started", "ended", "attempts")
    result = json.loads(row["result"])
    return Job(
        **{name: row[name] for name in names},
        dismissed=row["dismissed"] or "",
        title=TITLES.get(row["kind"], row["kind"]),
        progress=Progress.model_validate_json(row["progress"]),
        arguments=json.loads(row["arguments"]),
        result=result,
        outcome=outcome(row["kind"], row["state"], result),
    )
