"""One writer at a time, on any machine: an object that says who writes, kept alive by its holder.

The object is only ever written under a condition: that it is not there (`If-None-Match: *`), or that it is as it was
read (`If-Match`). Whoever waits takes it over when it has not changed for as long as a lease lasts by the waiting
machine's own monotonic clock, so that no two clocks are ever compared.
"""

from __future__ import annotations

import json
import os
import platform
import secrets
import threading
import time
from typing import Any

from instill.common.object_storage.failures import is_of_client, persistently
from instill.errors import WorkspaceError
from instill.index.stores.objects.address import Address
from instill.index.stores.objects.failures import object_errors

LEASE = "write.lock"
_POLL_S = 0.2
_SAFE = 0.6
"""Of a lease's length: for so long after it was renewed its holder relies on it."""


class Lease:
    """The lock of the writers of one prefix. Threads of this process take turns too; it may be taken again inside.

    Args:
        bucket: a client whose paths begin at the prefix.
        wait_s: how long is waited for another holder that is alive.
    """

    def __init__(self, bucket: Any, address: Address, *, wait_s: float = 120.0) -> None:
        self._bucket, self._address = bucket, address
        self._length, self._wait = address.lease_s, max(wait_s, 3 * address.lease_s)
        self._mine = threading.RLock()
        self._depth = 0
        self._token = ""
        self._tag = ""
        self._renewed = 0.0
        self._lost = False
        self._stop = threading.Event()
        self._sending = threading.Lock()

    def acquire(self) -> None:
        """Become the holder.

        Raises:
            WorkspaceError: another one keeps it too long, or the storage cannot be used.
        """
        if not self._mine.acquire(timeout=self._wait):
            raise self._busy()
        try:
            if self._depth == 0:
                self._take()
                self._stop = threading.Event()
                threading.Thread(target=self._keep, args=(self._stop,), daemon=True, name="instill-lease").start()
            self._depth += 1
        except BaseException:
            self._mine.release()
            raise

    def release(self) -> None:
        """Let the next one write. Where that cannot be said any more, the lease ends by itself."""
        self._depth -= 1
        try:
            if self._depth == 0:
                self._stop.set()
                with self._sending:
                    if not self._lost:
                        self._give_back()
        finally:
            self._mine.release()

    def is_held(self) -> bool:
        """Whether nobody else can have taken it over yet, by what this machine knows."""
        return not self._lost and time.monotonic() - self._renewed < _SAFE * self._length

    def regain(self) -> None:
        """Take it again after it was lost, inside of `acquire` and `release`."""
        with self._sending:
            self._take()

    # -- the object --------------------------------------------------------------------------------------------

    def _take(self) -> None:
        self._token = f"{platform.node()}:{os.getpid()}:{secrets.token_hex(8)}"
        until = time.monotonic() + self._wait
        seen, since = "", time.monotonic()
        while True:
            with object_errors(self._address):
                asked = time.monotonic()
                holder, tag = self._read()
                if holder == self._token:  # the answer to our own request was cut
                    self._tag, self._renewed, self._lost = tag, asked, False
                    return
                if tag != seen:
                    seen, since = tag, time.monotonic()
                if not holder or time.monotonic() - since >= self._length:
                    asked = time.monotonic()
                    if taken := self._write(self._token, tag):
                        self._tag, self._renewed, self._lost = taken, asked, False
                        return
                    continue
            if time.monotonic() >= until:
                raise self._busy()
            time.sleep(min(_POLL_S, self._length / 10))

    def _read(self) -> tuple[str, str]:
        """Who holds it, "" for nobody, and the object's tag, "" where there is no object."""
        import obstore

        def ask() -> tuple[bytes, str]:
            found = obstore.get(self._bucket, LEASE)
            return bytes(found.bytes()), str(found.meta["e_tag"])

        try:
            content, tag = persistently(ask)
        except FileNotFoundError as error:
            if "NoSuchBucket" in str(error):
                raise
            return "", ""
        try:
            return str(json.loads(content)["holder"]), tag
        except (ValueError, KeyError, TypeError):
            return "?", tag

    def _write(self, holder: str, tag: str) -> str:
        """The object's new tag; "" where it was not as `tag` says."""
        import obstore
        from obstore.exceptions import AlreadyExistsError, PreconditionError

        content = json.dumps({"holder": holder, "beat": secrets.token_hex(4)}).encode()
        try:
            done = obstore.put(
                self._bucket, LEASE, content, mode={"e_tag": tag} if tag else "create", use_multipart=False
            )
        except (AlreadyExistsError, PreconditionError, FileNotFoundError):
            return ""
        return str(done["e_tag"])

    def _keep(self, stop: threading.Event) -> None:
        while not stop.wait(self._length / 4):
            with self._sending:
                if stop.is_set() or self._lost:
                    continue
                asked = time.monotonic()
                try:
                    tag = self._write(self._token, self._tag)
                    if not tag:
                        holder, tag = self._read()
                        if holder != self._token:
                            self._lost = True
                            continue
                    self._tag, self._renewed = tag, asked
                except Exception as error:
                    if not (is_of_client(error) or isinstance(error, OSError)):
                        raise

    def _give_back(self) -> None:
        try:
            self._write("", self._tag)
        except Exception as error:
            if not (is_of_client(error) or isinstance(error, OSError)):
                raise

    def _busy(self) -> WorkspaceError:
        return WorkspaceError(
            "Another process has been writing to the index for too long.",
            where=f"{self._address}/{LEASE}",
            remedy="Wait for it, or stop it, then run the command again.",
        )
