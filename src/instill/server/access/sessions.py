"""Logins of people to the pages: a cookie that stands for a key, and a token that proves that a page of ours asks."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from instill.catalog import Catalog, now
from instill.catalog.tables import SESSIONS
from instill.errors import WorkspaceError
from instill.server.access.caller_role import Who
from instill.server.access.keys import KeyStore, hashed

COOKIE = "instill_session"


@dataclass(frozen=True, slots=True)
class Session:
    """A login that was just made: what goes into the cookie, and the token against forged requests."""

    secret: str
    csrf: str


class SessionStore:
    """The logins of a workspace; several servers share them.

    Args:
        hours: how long a login lasts.
    """

    def __init__(self, catalog: Catalog, keys: KeyStore, *, hours: float) -> None:
        self._catalog, self._keys, self._hours = catalog, keys, hours

    def begin(self, key_id: str) -> Session:
        """Log the holder of a key in.

        Raises:
            WorkspaceError: the catalog cannot be written.
        """
        made = Session(secrets.token_urlsafe(32), secrets.token_urlsafe(32))
        expires = datetime.now(UTC) + timedelta(hours=self._hours)
        row = {
            "hash": hashed(made.secret),
            "key_id": key_id,
            "csrf": made.csrf,
            "created": now(),
            "expires": expires.isoformat(timespec="seconds").replace("+00:00", "Z"),
        }
        with self._catalog.writing() as connection:
            if connection is None:
                raise WorkspaceError("A login cannot be kept on read-only storage.", where=self._catalog.where)
            connection.execute(sa.delete(SESSIONS).where(SESSIONS.c.expires <= now()))
            connection.execute(sa.insert(SESSIONS).values(row))
        return made

    def recognise(self, secret: str) -> Who | None:
        """Who is logged in so; None for a login that is unknown or over, and for a key that is."""
        with self._catalog.reading() as connection:
            row = connection.execute(sa.select(SESSIONS).where(SESSIONS.c.hash == hashed(secret))).first()
        if row is None or row.expires <= now():
            return None
        who = self._keys.holder(row.key_id)
        return None if who is None else replace(who, way="cookie", csrf=row.csrf)

    def end(self, secret: str) -> None:
        """Log out; also what is not known."""
        with self._catalog.writing() as connection:
            if connection is not None:
                connection.execute(sa.delete(SESSIONS).where(SESSIONS.c.hash == hashed(secret)))
