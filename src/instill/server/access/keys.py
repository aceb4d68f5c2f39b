"""Keys of the service, kept in the catalog as hashes: made, listed, revoked, recognised."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import sqlalchemy as sa
from pydantic import BaseModel

from instill.catalog import Catalog, now, stored_labels
from instill.catalog.tables import KEYS, SESSIONS
from instill.errors import UsageError, WorkspaceError
from instill.server.access.caller_role import Role, Who
from instill.server.access.default_key_days import DEFAULT_DAYS, MOST_DAYS
from instill.server.access.origins import origin_of
from instill.workspace.arguments import labels_of, one_of, text_of

PREFIX = "instill_"
_STALE = timedelta(minutes=1)
"""`last_used` is written at most so often."""


class Key(BaseModel):
    """A key as it is shown: everything but itself. Times are ISO 8601 UTC, "" where there is none.

    Args:
        labels: None sees all documents.
        rate: requests a minute; 0: as it is set for all.
        state: "active", "expired" or "revoked".
    """

    key_id: str
    name: str
    role: Role
    labels: list[str] | None
    origins: list[str]
    rate: int
    created: str
    expires: str
    last_used: str
    revoked: str
    state: str


class NewKey(BaseModel):
    """A key that was just made; `secret` is shown this once and is kept nowhere."""

    key: Key
    secret: str


class Keys(BaseModel):
    """All keys, oldest first."""

    keys: list[Key]


class KeyStore:
    """The keys of a workspace.

    The secret has 256 random bits, so that one round of SHA-256 is enough: there is nothing to guess.

    Args:
        catalog: of the workspace.
        public_labels: the labels that a public key may carry; others that it was given before count for nothing.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> store = KeyStore(Catalog(Path(tempfile.mkdtemp()) / "catalog.db"))
        >>> made = store.add("Ann", role="reader", labels=["staff"])
        >>> store.recognise(made.secret).labels, store.recognise("instill_wrong")
        (('staff',), None)
        >>> store.revoke(made.key.key_id).state, store.recognise(made.secret)
        ('revoked', None)
    """

    def __init__(self, catalog: Catalog, public_labels: Collection[str] = ("public",)) -> None:
        self._catalog, self._public_labels = catalog, frozenset(public_labels)

    def add(
        self,
        name: str,
        *,
        role: Role = "reader",
        labels: Sequence[str] | None = None,
        days: float | None = DEFAULT_DAYS,
        origins: Sequence[str] = (),
        rate: int = 0,
    ) -> NewKey:
        """Make a key.

        Args:
            name: whose it is.
            labels: what its holder sees; None: all documents.
            days: until it expires; None: never.
            origins: of a public key, the web sites that may use it, as "https://example.org".
            rate: most requests a minute; 0: as it is set for all.

        Raises:
            UsageError: a value cannot be used, or an active key has this name.
            WorkspaceError: the catalog cannot be written.
        """
        name = text_of(name, "name", what="A key needs a name.", remedy="Say whose it is: instill keys add ann")
        one_of(role, Role, "role", "This is not a role.")
        held = labels_of(labels)
        if held == ():
            raise UsageError("A key without a label sees nothing.", remedy="Leave the labels out, or name one.")
        if role == "admin" and held is not None:
            raise UsageError("An admin sees all documents.", where="labels", remedy="Make it an editor's key.")
        sites = sorted({origin_of(each) for each in origins})
        if role == "public":
            self._check_public(held, sites)
        elif sites:
            raise UsageError(
                "Only a public key is for web sites.",
                where=", ".join(sites),
                remedy="Make its role public, or name none.",
            )
        if days is not None and not 0 < days <= MOST_DAYS:
            raise UsageError("This is no number of days.", where=f"days: {days}", remedy=f"Pass 1 to {MOST_DAYS}.")
        if rate < 0:
            raise UsageError("This is no rate.", where=f"rate: {rate}", remedy="Pass requests a minute, 1 or more.")
        secret = PREFIX + secrets.token_urlsafe(32)
        expires = "" if days is None else _moment(datetime.now(UTC) + timedelta(days=days))
        row = {
            "key_id": secrets.token_hex(4),
            "hash": hashed(secret),
            "name": name.strip(),
            "role": role,
            "labels": stored_labels(held),
            "origins": json.dumps(sites),
            "rate": rate,
            "created": now(),
            "expires": expires,
            "last_used": "",
            "revoked": "",
        }
        with self._catalog.writing() as connection:
            if connection is None:
                raise WorkspaceError("Keys cannot be kept on read-only storage.", where=self._catalog.where)
            self._check_name(connection, name)
            connection.execute(sa.insert(KEYS).values(row))
        return NewKey(key=_key(row), secret=secret)

    def all(self) -> list[Key]:
        """All keys, oldest first, revoked ones too."""
        with self._catalog.reading() as connection:
            order = [sa.text("rowid")] if connection.dialect.name == "sqlite" else [KEYS.c.created, KEYS.c.key_id]
            rows = connection.execute(sa.select(KEYS).order_by(*order)).mappings().all()
        return [_key(dict(row)) for row in rows]

    def check_first(self, role: str) -> None:
        """Refuse any other key than an admin's while there is none: who makes it would not come in any more.

        Raises:
            UsageError: it would be the first key, and `role` is not "admin".
        """
        if role != "admin" and not self.any():
            raise UsageError(
                "The first key is an admin's: with it, nobody comes in without a key, and only an admin makes more.",
                where=f"role: {role}",
                remedy="Make your own first: instill keys add NAME --role admin",
            )

    def any(self) -> bool:
        """Whether there is a key that is not revoked: from then on nobody is served without one."""
        with self._catalog.reading() as connection:
            return connection.execute(sa.select(KEYS.c.key_id).where(KEYS.c.revoked == "").limit(1)).first() is not None

    def origins(self) -> frozenset[str]:
        """The web sites of all public keys that are active."""
        found = (key for key in self.all() if key.role == "public" and key.state == "active")
        return frozenset(origin for key in found for origin in key.origins)

    def has_admin(self, but: str = "") -> bool:
        """Whether an admin's key is active, beside the key with the id `but`."""
        return any(key.role == "admin" and key.state == "active" and key.key_id != but for key in self.all())

    def revoke(self, reference: str, *, keep_admin: bool = False) -> Key:
        """Take a key back, by its id, the start of it, or its name. Who is logged in with it is logged out.

        Args:
            keep_admin: refuse it for the last admin's key while others are active.

        Raises:
            UsageError: no key has this name, or several have it; or see `keep_admin`.
        """
        found = [key for key in self.all() if reference in (key.key_id, key.name)]
        found = found or [key for key in self.all() if reference and key.key_id.startswith(reference)]
        found = [key for key in found if not key.revoked] or found
        if len(found) != 1:
            what = "Several keys have this name." if found else "No key has this name."
            remedy = "Name one by its id; list them: instill keys list" if found else "List them: instill keys list"
            raise UsageError(what, where=reference, remedy=remedy)
        key = found[0]
        if keep_admin and key.state == "active":
            self._check_last(key)
        moment = key.revoked or now()
        with self._catalog.writing() as connection:
            if connection is None:
                raise WorkspaceError("Keys cannot be kept on read-only storage.", where=self._catalog.where)
            connection.execute(sa.update(KEYS).where(KEYS.c.key_id == key.key_id).values(revoked=moment))
            connection.execute(sa.delete(SESSIONS).where(SESSIONS.c.key_id == key.key_id))
        return key.model_copy(update={"revoked": moment, "state": "revoked"})

    def _check_last(self, key: Key) -> None:
        others = [each for each in self.all() if each.state == "active" and each.key_id != key.key_id]
        if others and not self.has_admin(but=key.key_id):
            raise UsageError(
                "This is the last admin's key: without it, nobody makes keys or changes settings here.",
                where=key.key_id,
                remedy="Make another admin's key first, or revoke the other keys first.",
            )

    def recognise(self, secret: str) -> Who | None:
        """Whose key it is; None for one that is unknown, expired or revoked."""
        return self._who(KEYS.c.hash == hashed(secret))

    def holder(self, key_id: str) -> Who | None:
        """The same, by the key's id."""
        return self._who(KEYS.c.key_id == key_id)

    def _who(self, condition: sa.ColumnElement[bool]) -> Who | None:
        with self._catalog.reading() as connection:
            row = connection.execute(sa.select(KEYS).where(condition)).mappings().first()
        if row is None:
            return None
        key = _key(dict(row))
        if key.state != "active":
            return None
        self._used(key)
        labels = None if key.labels is None else tuple(key.labels)
        if key.role == "public":
            labels = tuple(label for label in labels or () if label in self._public_labels)
        return Who(key.role, labels, key.name, key.key_id, "key", rate=key.rate, origins=tuple(key.origins))

    def _check_name(self, connection: sa.Connection, name: str) -> None:
        """Jobs and judgements name who made them, and lists show names: so of active keys each has its own."""
        rows = connection.execute(sa.select(KEYS)).mappings().all()
        active = {_plain(key.name): key for key in (_key(dict(row)) for row in rows) if key.state == "active"}
        other = active.get(_plain(name))
        if other is not None:
            free = next(
                each for each in (f"{name.strip()} {number}" for number in count(2)) if _plain(each) not in active
            )
            raise UsageError(
                "An active key has this name, and two could not be told apart.",
                where=other.name,
                remedy=f'Choose another name, such as "{free}", or revoke that key first: '
                f"instill keys revoke {other.key_id}",
            )

    def _check_public(self, held: tuple[str, ...] | None, sites: Sequence[str]) -> None:
        private = sorted(set(held or ()) - self._public_labels)
        meant = ", ".join(sorted(self._public_labels)) or "none"
        if held is None or private:
            raise UsageError(
                "A public key carries labels meant for the public.",
                where=", ".join(private),
                remedy=f"public_labels under [server] in instill.toml names them ({meant}).",
            )
        if not sites:
            raise UsageError(
                "A public key names the web sites that may use it.", remedy="Name one: --origin https://example.org"
            )

    def _used(self, key: Key) -> None:
        if key.last_used > _moment(datetime.now(UTC) - _STALE):
            return
        try:
            with self._catalog.writing() as connection:
                if connection is not None:
                    connection.execute(sa.update(KEYS).where(KEYS.c.key_id == key.key_id).values(last_used=now()))
        except WorkspaceError:  # A full disk keeps nobody from asking.
            return


def _plain(name: str) -> str:
    """A name as people read it: in small letters, with single spaces."""
    return " ".join(name.split()).casefold()


def hashed(secret: str) -> str:
    """What is kept of a secret.

    Example:
        >>> hashed("instill_x")[:8]
        'd6b28e47'
    """
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def _key(row: dict[str, Any]) -> Key:
    state = "active"
    if row["revoked"]:
        state = "revoked"
    elif row["expires"] and row["expires"] <= now():
        state = "expired"
    labels = None if row["labels"] is None else json.loads(row["labels"])
    shown = {name: value for name, value in row.items() if name not in ("hash", "labels", "origins")}
    return Key(**shown, labels=labels, origins=json.loads(row["origins"]), state=state)


def _moment(at: datetime) -> str:
    return at.isoformat(timespec="seconds").replace("+00:00", "Z")
