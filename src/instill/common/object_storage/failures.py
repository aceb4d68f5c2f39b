"""What the object storage says, in our words."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeVar

from instill.common.object_storage.address import Address, Use
from instill.errors import WorkspaceError

Answer = TypeVar("Answer")

_DENIED = r"AccessDenied|403 Forbidden|Permission"

ATTEMPTS = 6
_BROKEN_OFF = "body error|response body|IncompleteBody|connection closed|UnexpectedEof"
_SAID: tuple[tuple[str, str, str], ...] = (
    (
        r"RequestTimeTooSkewed|RequestExpired",
        "The object storage refuses: the clock of this machine differs too much from its own.",
        "Set the clock (see: date), then run the command again. Nothing was lost.",
    ),
    (
        r"NoSuchBucket",
        "The bucket is not there, or not any more.",
        "Check {address}, and with the owner of the bucket whether it was deleted.",
    ),
    (
        r"InvalidAccessKeyId|SignatureDoesNotMatch|InvalidToken|ExpiredToken|UnrecognizedClientException"
        r"|401 Unauthorized|CredentialsNotLoaded|error loading credential",
        "The object storage does not know these credentials, or they have expired.",
        "Renew AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN{key}.",
    ),
    (
        _DENIED,
        "The object storage does not allow this with these credentials.",
        "{rights}",
    ),
    (
        r"SlowDown|TooManyRequests|ServiceUnavailable|503 Service|429 Too Many",
        "The object storage is too busy and was asked again several times.",
        "Run the command again later; what was committed is there.",
    ),
    (
        r"PermanentRedirect|redirect without LOCATION|AuthorizationHeaderMalformed|301 Moved",
        "The bucket is in another region.",
        "Add the region to {address}: ?region=NAME",
    ),
    (
        r"NotImplemented|501 Not",
        "This object storage lacks conditional writes (If-None-Match, If-Match).",
        "Use one that has them; see docs/stores.md.",
    ),
    (
        r"error sending request|Connection refused|ConnectError|dns error|timed out|Timeout|connection closed"
        r"|IncompleteMessage|error decoding response body|body error|500 Internal|502 Bad|504 Gateway",
        "The object storage cannot be reached, or stops answering.",
        "Check the network and {address}, then run the command again. What was committed is there.",
    ),
)


def explained(error: BaseException, address: Address, use: Use) -> WorkspaceError:
    """The error for what a client of the storage raised.

    Example:
        >>> explained(OSError("Generic S3 error: NoSuchBucket"), Address("gone", "docs"), Use("it", "", "", "")).what
        'The bucket is not there, or not any more.'
    """
    said = str(error)
    for pattern, what, remedy in _SAID:
        if re.search(pattern, said):
            key = f" (or {use.key})" if use.key else ""
            remedy = remedy.format(address=use.address, key=key, rights=use.rights)
            return WorkspaceError(what, where=str(address), remedy=remedy)
    first = said.strip().partition("\n")[0][:300]
    return WorkspaceError(
        f"The object storage could not be used: {first or type(error).__name__}",
        where=str(address),
        remedy="Run: instill doctor",
    )


def persistently(ask: Callable[[], Answer]) -> Answer:
    """What `ask` gives; it is asked again where an answer broke off, which the client does not do by itself."""
    for _ in range(ATTEMPTS - 1):
        try:
            return ask()
        except (FileNotFoundError, PermissionError):
            raise
        except Exception as error:
            if not is_broken_off(error):
                raise
    return ask()


def is_broken_off(error: Exception) -> bool:
    """Whether an answer began and did not end."""
    return re.search(_BROKEN_OFF, str(error)) is not None


def is_denied(error: BaseException) -> bool:
    """Whether the credentials are good, and do not allow this."""
    first = next((pattern for pattern, _, _ in _SAID if re.search(pattern, str(error))), "")
    return first == _DENIED


def is_of_client(error: BaseException) -> bool:
    """Whether obstore raised it."""
    return type(error).__module__.startswith("obstore")
