"""Errors as clients of OpenAI and Anthropic read them, with the parts that all errors have."""

from __future__ import annotations

from typing import Any

from instill.errors import InstillError
from instill.server import errors

PREFIX = "/v1/"

_KINDS = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    422: "invalid_request_error",
    429: "rate_limit_error",
}
_BUSY = "overloaded_error"
"""By status; both families know these words."""


def failed(error: InstillError) -> dict[str, Any]:
    """An error in the form of both: `{"type": "error", "error": {"type", "message", ...}}`.

    Example:
        >>> failed(errors.Refused(404, "There is no such model.", where="gpt"))["error"]["type"]
        'not_found_error'
    """
    status = errors.status_of(error)
    parts = errors.as_json(error)["error"]
    where = f" ({parts['where']})" if parts["where"] else ""
    message = f"{parts['what']}{where} {parts['remedy']}".strip()
    busy = status == 503 and isinstance(error, errors.Refused)
    kind = _BUSY if busy else _KINDS.get(status, "api_error" if status >= 500 else "invalid_request_error")
    told = {"type": kind, "message": message, "param": None, "code": kind, **parts}
    return {"type": "error", "error": told}


def failed_event(error: Exception) -> dict[str, Any]:
    """The same of whatever went wrong in the midst of a stream."""
    return failed(error if isinstance(error, InstillError) else errors.of_bug(error))
