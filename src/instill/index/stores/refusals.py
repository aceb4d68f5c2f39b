"""What a client of a vector database raises, in our words: the same for all of them."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from typing import Any, Literal, TypeVar

from instill.errors import InstillError, WorkspaceError

Reason = Literal["key", "login", "database", "gone", "busy", "unpaid", "unreachable"]

_BY_STATUS: dict[int, Reason] = {
    401: "key", 402: "unpaid", 403: "key", 404: "gone", 408: "unreachable", 429: "busy", 500: "unreachable",
    502: "unreachable", 503: "busy", 504: "unreachable",
}  # fmt: skip
_BY_NAME: dict[str, Reason] = {
    "UNAUTHENTICATED": "key", "PERMISSION_DENIED": "key", "NOT_FOUND": "gone", "RESOURCE_EXHAUSTED": "busy",
    "UNAVAILABLE": "unreachable", "DEADLINE_EXCEEDED": "unreachable",
}  # fmt: skip
_SAID: dict[Reason, tuple[str, str]] = {
    "key": (
        "refuses the key",
        "Set INSTILL_STORE__KEY, or the variable that store.key_variable names, to a key that may read and write.",
    ),
    "login": (
        "refuses the login",
        "Set INSTILL_STORE__KEY, or the variable that store.key_variable names, to the password.",
    ),
    "database": (
        "has no such database",
        "Create the database, or name another in the address: postgresql://USER@HOST/DATABASE",
    ),
    "gone": (
        "does not have what was asked for, or not any more",
        "Check store.url, and with the owner of the service whether the data was deleted.",
    ),
    "busy": (
        "is too busy and was asked again several times",
        "Run the command again later; what was committed is there, and nothing is there twice.",
    ),
    "unpaid": ("refuses because of the account's plan", "Check the limits and the payment of the account."),
    "unreachable": (
        "failed",
        "Check the address, and that the store runs and can be reached there; then run the command again. What was "
        "committed is there, and nothing is there twice.",
    ),
}
_OTHERWISE = "Check the address, and that the store runs and can be reached there; then run the command again."
_LOGIN = re.compile(r"password authentication failed|no password supplied|role \S+ does not exist", re.IGNORECASE)
_NO_DATABASE = re.compile(r"database \S+ does not exist", re.IGNORECASE)
_LONGEST = 300
_PAUSES_S = (0.5, 1.0, 2.0)

Answer = TypeVar("Answer")


def reason_of(error: BaseException) -> Reason | None:
    """Why a service refused, by the HTTP or gRPC status that the client's error or its cause carries.

    Example:
        >>> class ApiError(Exception):
        ...     status_code = 429
        >>> reason_of(ApiError())
        'busy'
        >>> reason_of(ValueError("400")) is None
        True
    """
    for each in _chain(error):
        status: Any = getattr(each, "status_code", None)
        if isinstance(status, int) and status in _BY_STATUS:
            return _BY_STATUS[status]
        code: Any = getattr(each, "code", None)
        if callable(code):
            code = code()
        if (name := getattr(code, "name", None)) in _BY_NAME:
            return _BY_NAME[str(name)]
        if _LOGIN.search(str(each)):  # A connection that PostgreSQL refuses has no code.
            return "login"
        if _NO_DATABASE.search(str(each)):
            return "database"
        if isinstance(each, ConnectionError | TimeoutError) or type(each).__name__.endswith("ConnectionError"):
            return "unreachable"
    return None


def asked_again(ask: Callable[[], Answer]) -> Answer:
    """What `ask` gives, which may be done twice; a service that is too busy is asked again, with longer pauses."""
    for pause in _PAUSES_S:
        try:
            return ask()
        except Exception as error:
            if reason_of(error) != "busy":
                raise
        time.sleep(pause)
    return ask()


class service_errors:  # noqa: N801 - reads like the function it stands for
    """Turn what a client raises into a `WorkspaceError` that says which store failed, where, and why.

    Args:
        kind: of the store.
        where: its address, without a password, or its folder.
        secret: the password or key; it is never in a message.
    """

    def __init__(self, kind: str, where: str, secret: str = "") -> None:
        self._kind, self._where, self._secret = kind, where, secret

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if error is None or isinstance(error, InstillError) or not isinstance(error, Exception):
            return
        said = " ".join(str(error).split())
        if self._secret:
            said = said.replace(self._secret, "***")
        said = said[:_LONGEST].rstrip(".") or type(error).__name__
        reason = reason_of(error)
        what, remedy = ("failed", _OTHERWISE) if reason is None else _SAID[reason]
        # What the client says is told above; the chain could have the key in a request's headers.
        cause = error if not self._secret or not any(self._secret in str(each) for each in _chain(error)) else None
        raise WorkspaceError(f"The store {self._kind!r} {what}: {said}.", where=self._where, remedy=remedy) from cause


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error, its cause, the cause of that."""
    seen: set[int] = set()
    each: BaseException | None = error
    while each is not None and id(each) not in seen:
        seen.add(id(each))
        yield each
        each = each.__cause__ or each.__context__
