"""What the routes share: the workspace, who may come in, and the work that goes on beside."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar, cast

from fastapi import Depends, Request
from starlette.types import Scope

from instill.answer.streaming import AnswerStream, OnToken
from instill.answer.types import Answer
from instill.catalog import Asker
from instill.common.made_from import Caller
from instill.errors import InstillError, UsageError
from instill.index.filters import parsed
from instill.server.access.caller_role import Role, Who
from instill.server.access.keys import KeyStore
from instill.server.access.sessions import SessionStore
from instill.server.answer_queue import Turn, Turns, left
from instill.server.errors import Refused
from instill.server.heartbeat import Heartbeat
from instill.server.jobs.documents_being_read import BeingRead
from instill.server.jobs.store import JobStore
from instill.server.names_for_readers import THIS_PROGRAM, Names
from instill.server.request_lifetime import Gone, Visit
from instill.server.served_workspace import Opened, service_settings
from instill.server.tracing import traced
from instill.settings import Settings
from instill.workspace import Workspace

if TYPE_CHECKING:
    from instill.workspace.asked_questions import Feedback

ELSEWHERE_AT_ONCE = 16
"""Questions that are answered at once where something else than this process writes the answers."""


class Service:
    """One workspace that is served; see `app.create_app`.

    Args:
        folder: of the workspace.
        loopback: it is reached from this machine only, so that no key is needed while there is none.
    """

    def __init__(self, folder: Path, *, loopback: bool) -> None:
        self.folder, self.loopback = folder, loopback
        self.settings: Settings = service_settings(folder)
        self.opened = Opened(folder)
        self.is_warm = threading.Event()
        self.is_ending = threading.Event()
        """Set when the server is told to end: what would go on for as long as somebody listens ends, too."""
        self.heart = Heartbeat()
        chosen = self.settings.server
        self.turns = Turns(answers_at_once(self.settings), waiting=chosen.answers_waiting, seconds=chosen.answer_wait_s)

    @cached_property
    def keys(self) -> KeyStore:
        return KeyStore(self.opened.catalog, self.settings.server.public_labels)

    @cached_property
    def sessions(self) -> SessionStore:
        return SessionStore(self.opened.catalog, self.keys, hours=self.settings.server.session_hours)

    @cached_property
    def jobs(self) -> JobStore:
        return JobStore(self.opened.catalog, self.folder / ".instill" / "jobs")

    @cached_property
    def being_read(self) -> BeingRead:
        return BeingRead(self.jobs)

    def names(self) -> Names:
        """What documents and folders are called for who does not own the machine, as they are followed now."""
        try:
            roots = tuple(root.path for root in self.opened.catalog.roots())
        except InstillError:
            roots = ()
        model = self.settings.generator
        return _names(self.folder, roots, (*THIS_PROGRAM, model.folder, model.gguf, model.adapter))

    @property
    def uploads(self) -> Path:
        """Where documents are kept that were uploaded."""
        return self.folder / ".instill" / "uploads"

    def warm_up(self) -> None:
        """Open what the first question would wait for. What is wrong with it the first question tells."""
        try:
            workspace = self.opened.whole
            _ = workspace.index, workspace.reader
        except InstillError:
            return
        self.is_warm.set()

    def close(self) -> None:
        """Let nobody wait any more, and release the files."""
        self.turns.close()
        self.opened.close()


def answers_at_once(settings: Settings) -> int:
    """How many questions are answered at the same time.

    Example:
        >>> from instill.settings.settings import GeneratorSettings, ServerSettings
        >>> answers_at_once(Settings(server=ServerSettings(answers_at_once=3)))
        3
        >>> answers_at_once(Settings(generator=GeneratorSettings(base_url="http://127.0.0.1:1/v1", model="m")))
        16
    """
    from instill.models.encoders.onnx_encoder import available_cores

    chosen, generator = settings.server.answers_at_once, settings.generator
    elsewhere = bool(generator.base_url or generator.plugin)  # the time goes in waiting for it
    return chosen or max(available_cores(), ELSEWHERE_AT_ONCE if elsewhere else 1)


Told = TypeVar("Told")


@lru_cache(maxsize=16)
def _names(folder: Path, roots: tuple[str, ...], others: tuple[str, ...]) -> Names:
    return Names(folder, roots, [each for each in others if "/" in each or "\\" in each])


@dataclass(frozen=True)
class Seen:
    """The service as who asks sees it.

    Args:
        workspace: of what their labels let through. Nothing is read from another one for them.
        visit: the request that they sent.
    """

    service: Service
    who: Who
    visit: Visit = field(default_factory=Visit)

    @property
    def workspace(self) -> Workspace:
        return self.service.opened.seen_by(self.who.labels)

    @property
    def labels(self) -> tuple[str, ...] | None:
        return self.who.labels

    @property
    def asker(self) -> Asker:
        """Whose the questions are that are asked, and how many documents are being read meanwhile."""
        return Asker(self.who.key_id, self.who.name, self.service.being_read.count(self.workspace))

    @property
    def own_conversations(self) -> str | None:
        """The id of the key whose conversations alone are listed, and can be changed; None: everybody's."""
        return None if self.who.may("admin") else self.who.key_id

    @property
    def own_questions(self) -> str | None:
        """The id of the key whose questions alone are shown; None: everybody's, for who looks after the documents."""
        return None if self.who.may("editor") else self.who.key_id

    @property
    def feedback(self) -> Feedback:
        """The log of questions."""
        from instill.workspace.asked_questions import Feedback

        return Feedback(self.workspace, self.own_questions)

    @cached_property
    def names(self) -> Names | None:
        """What documents and folders are called for who asks; None: for the owner, by where they lie."""
        return None if self.who.may("admin") else self.service.names()

    def told(self, data: Told) -> Told:
        """Plain data, as who asks is told it (`Names.in_data`): for what does not go out as JSON."""
        return data if self.names is None else cast("Told", self.names.in_data(data))

    def called(self, source: str) -> str:
        """A document's source, as who asks is told of it."""
        return source if self.names is None else self.names.of(source)

    def named(self, source: str) -> str:
        """A document's name, the same for the owner and for all others, where a form has a name beside the source, or
        in its place."""
        return self.service.names().of(source).removeprefix("stdin:")

    def condition(self, where: str) -> str:
        """The condition on documents, for the workspace.

        Raises:
            UsageError: it cannot be used, or it compares where files lie, which who asks could find out piece by piece.
        """
        if self.names is not None and "source" in parsed(where).fields:
            raise UsageError(
                "Only an admin can compare where files lie.",
                where="source",
                remedy="Compare the file's name, for example: name = 'travel.md'",
            )
        return where

    @property
    def caller(self) -> Caller:
        return self.workspace.caller()

    def turn(self) -> Turn:
        """Wait until it is this caller's turn to be answered. It is given back when its `with` ends, and where nothing
        is made of it, with the request.

        Raises:
            Refused: 503, too many questions wait; 499, who asked has left.
        """
        line = self.who.key_id if self.who.role != "public" else f"{self.who.key_id} {self.visit.address}"
        turn = self.service.turns.take(line or self.visit.address, self.visit)
        self.visit.keep(turn)
        return turn

    def answered(self, work: Callable[[OnToken], Answer], turn: Turn | None = None) -> Answer:
        """An answer, made when it is this caller's turn, and given up when they leave.

        Args:
            work: makes it, and calls what it is given with each piece.
            turn: the one to use, where it was waited for already.

        Raises:
            Refused: as `turn`.
        """
        try:
            with turn or self.turn():
                return traced(work(self.visit.go_on))
        except Gone:
            raise left() from None

    def streamed(self, stream: AnswerStream) -> AnswerStream:
        """The same stream, whose work is done in a turn of this caller's; waits for the turn here, so that a refusal is
        told before anything is.

        Raises:
            Refused: as `turn`.
        """
        found = stream.within(self.turn())
        self.visit.when_gone(found.close)
        return found


def service_of(request: Request) -> Service:
    """The service that the application serves."""
    return cast("Service", request.app.state.service)


def visit_of(scope: Scope) -> Visit:
    """The request's visit, as `Visits` made it."""
    found = scope.get("state", {}).get("visit")
    return found if isinstance(found, Visit) else Visit()


def who_asks(request: Request) -> Who:
    """Who asks, as the gate found out.

    Raises:
        Refused: nobody whom it knows.
    """
    who = request.scope.get("state", {}).get("who")
    if not isinstance(who, Who):
        raise Refused(401, "A key is needed.", where="Authorization", remedy="Send: Authorization: Bearer instill_...")
    return who


def must_be(who: Who, role: Role) -> None:
    """Refuse what takes this role, or one that may do more.

    Raises:
        Refused: 403, who asks has another role.
    """
    if not who.may(role):
        raise Refused(403, f"This takes the role {role}.", where=who.role, remedy="Ask the owner for another key.")


def seen_as(role: Role) -> Callable[[Request], Seen]:
    """A dependency of a route: who asks has to have this role, or one that may do more."""

    def seen(request: Request) -> Seen:
        who = who_asks(request)
        must_be(who, role)
        return Seen(service_of(request), who, visit_of(request.scope))

    seen.takes = role  # type: ignore[attr-defined]  # for the test that looks at every route
    return seen


Asking = Annotated[Seen, Depends(seen_as("public"))]
Reading = Annotated[Seen, Depends(seen_as("reader"))]
Editing = Annotated[Seen, Depends(seen_as("editor"))]
Owning = Annotated[Seen, Depends(seen_as("admin"))]
