"""How long a connection may take to say what it wants: headers that drip would otherwise hold it for ever."""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.h11_impl import H11Protocol


class PatientProtocol(H11Protocol):
    """HTTP/1.1 by h11, with an end to waiting for a request's headers; `patient` sets how long."""

    seconds = 30.0
    _waiting: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._expect()

    def data_received(self, data: bytes) -> None:
        if self._is_idle and self._waiting is None:  # Another request begins on a connection that is kept.
            self._expect()
        super().data_received(data)
        if not self._is_idle:
            self._understood()

    def connection_lost(self, exc: Exception | None) -> None:
        self._understood()
        super().connection_lost(exc)

    @property
    def _is_idle(self) -> bool:
        """No request is being answered."""
        return self.cycle is None or self.cycle.response_complete

    def _expect(self) -> None:
        self._waiting = self.loop.call_later(self.seconds, self._give_up)

    def _understood(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None

    def _give_up(self) -> None:
        self._waiting = None
        if self._is_idle and not self.transport.is_closing():
            self.transport.close()


def patient(seconds: float) -> type[PatientProtocol]:
    """The protocol that waits so long for headers."""
    return type("Patient", (PatientProtocol,), {"seconds": seconds})
