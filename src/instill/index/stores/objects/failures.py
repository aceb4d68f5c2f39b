"""What the object storage says, in our words."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from instill.errors import InstillError, WorkspaceError
from instill.index.lance_tables import first_line, is_of_the_store
from instill.index.stores.objects.address import Address

Answer = TypeVar("Answer")

_ATTEMPTS = 6
_BROKEN_OFF = "body error|response body|IncompleteBody|connection closed|UnexpectedEof"
_SAID: tuple[tuple[str, str, str], ...] = (
    (
        r"RequestTimeTooSkewed|RequestExpired",
        "The object storage refuses: the clock of this machine differs too much from its own",
        "Set the clock (see: date), then run the command again. Nothing was lost.",
    ),
    (
        r"NoSuchBucket",
        "The bucket is not there, or not any more",
        "Check store.url in instill.toml, and with the owner of the bucket whether it was deleted.",
    ),
    (
        r"InvalidAccessKeyId|SignatureDoesNotMatch|InvalidToken|ExpiredToken|UnrecognizedClientException"
        r"|401 Unauthorized|CredentialsNotLoaded|error loading credential",
        "The object storage does not know these credentials, or they have expired",
        "Renew AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN (or INSTILL_STORE__KEY).",
    ),
    (
        r"AccessDenied|403 Forbidden|Permission",
        "The object storage does not allow this with these credentials",
        "They need to list the bucket, and to read, write and delete objects below the prefix.",
    ),
    (
        r"SlowDown|TooManyRequests|ServiceUnavailable|503 Service|429 Too Many",
        "The object storage is too busy and was asked again several times",
        "Run the command again later; what was committed is there.",
    ),
    (
        r"PermanentRedirect|redirect without LOCATION|AuthorizationHeaderMalformed|301 Moved",
        "The bucket is in another region",
        "Add the region to store.url: ?region=NAME",
    ),
    (
        r"NotImplemented|501 Not",
        "This object storage lacks conditional writes (If-None-Match, If-Match)",
        "Use one that has them; see docs/stores.md.",
    ),
    (
        r"error sending request|Connection refused|ConnectError|dns error|timed out|Timeout|connection closed"
        r"|IncompleteMessage|error decoding response body|body error|500 Internal|502 Bad|504 Gateway",
        "The object storage cannot be reached, or stops answering",
        "Check the network and store.url, then run the command again. What was committed is there.",
    ),
)


def explained(error: BaseException, address: Address) -> WorkspaceError:
    """The error for what a client of the storage raised.

    Example:
        >>> explained(OSError("Generic S3 error: NoSuchBucket"), Address("gone", "docs")).what
        'The bucket is not there, or not any more.'
    """
    said = str(error)
    for pattern, what, remedy in _SAID:
        if re.search(pattern, said):
            return WorkspaceError(f"{what}.", where=str(address), remedy=remedy)
    return WorkspaceError(
        f"The object storage could not be used: {first_line(said) or type(error).__name__}",
        where=str(address),
        remedy="Run: instill doctor",
    )


@contextmanager
def object_errors(address: Address) -> Iterator[None]:
    """Turn what Lance or obstore raise into a `WorkspaceError` that says what to do."""
    try:
        yield
    except InstillError:
        raise
    except BaseException as error:
        if not (is_of_the_store(error) or is_of_client(error)):
            raise
        raise explained(error, address) from error


def persistently(ask: Callable[[], Answer]) -> Answer:
    """What `ask` gives; it is asked again where an answer broke off, which the client does not do by itself."""
    for _ in range(_ATTEMPTS - 1):
        try:
            return ask()
        except (FileNotFoundError, PermissionError):
            raise
        except Exception as error:
            if not re.search(_BROKEN_OFF, str(error)):
                raise
    return ask()


def is_of_client(error: BaseException) -> bool:
    """Whether obstore raised it."""
    return type(error).__module__.startswith("obstore")
