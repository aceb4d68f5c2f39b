"""What the routes share: the workspace, who may come in, and the work that goes on beside."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, cast

from fastapi import Depends, Request

from instill.common.derived import Caller
from instill.errors import InstillError
from instill.server.access.keys import KeyStore
from instill.server.access.roles import Role, Who
from instill.server.access.sessions import SessionStore
from instill.server.errors import Refused
from instill.server.heartbeat import Heartbeat
from instill.server.jobs.store import JobStore
from instill.server.opened import Opened, service_settings
from instill.settings import Settings
from instill.workspace import Workspace


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
        self.heart = Heartbeat()

    @cached_property
    def keys(self) -> KeyStore:
        return KeyStore(self.opened.catalog, self.settings.server.public_labels)

    @cached_property
    def sessions(self) -> SessionStore:
        return SessionStore(self.opened.catalog, self.keys, hours=self.settings.server.session_hours)

    @cached_property
    def jobs(self) -> JobStore:
        return JobStore(self.opened.catalog, self.folder / ".instill" / "jobs")

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
        """Release the files."""
        self.opened.close()


@dataclass(frozen=True, slots=True)
class Seen:
    """The service as who asks sees it.

    Args:
        workspace: of what their labels let through. Nothing is read from another one for them.
    """

    service: Service
    who: Who

    @property
    def workspace(self) -> Workspace:
        return self.service.opened.seen_by(self.who.labels)

    @property
    def labels(self) -> tuple[str, ...] | None:
        return self.who.labels

    @property
    def caller(self) -> Caller:
        return self.workspace.caller()


def service_of(request: Request) -> Service:
    """The service that the application serves."""
    return cast("Service", request.app.state.service)


def who_asks(request: Request) -> Who:
    """Who asks, as the gate found out.

    Raises:
        Refused: nobody whom it knows.
    """
    who = request.scope.get("state", {}).get("who")
    if not isinstance(who, Who):
        raise Refused(401, "A key is needed.", where="Authorization", remedy="Send: Authorization: Bearer instill_...")
    return who


def seen_as(role: Role) -> Callable[[Request], Seen]:
    """A dependency of a route: who asks has to have this role, or one that may do more."""

    def seen(request: Request) -> Seen:
        who = who_asks(request)
        if not who.may(role):
            raise Refused(403, f"This takes the role {role}.", where=who.role, remedy="Ask the owner for another key.")
        return Seen(service_of(request), who)

    seen.takes = role  # type: ignore[attr-defined]  # for the test that looks at every route
    return seen


Asking = Annotated[Seen, Depends(seen_as("public"))]
Reading = Annotated[Seen, Depends(seen_as("reader"))]
Editing = Annotated[Seen, Depends(seen_as("editor"))]
Owning = Annotated[Seen, Depends(seen_as("admin"))]
