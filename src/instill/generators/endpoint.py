"""A generator behind any OpenAI-compatible address, by the official client.

Three limits keep a question from hanging: on connecting, on the wait for the next piece, and on the whole reply.
A request is tried again only while nothing of the reply has been seen; one that the server refuses as it is written is
written otherwise (`instill.generators.dialect`). The key is sent to the address and goes nowhere else: not into
errors, names, or logs.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from threading import Event, Timer
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pydantic import SecretStr

from instill.errors import GeneratorError, UsageError
from instill.generators.dialect import Dialect, told_usage
from instill.generators.protocol import Message
from instill.generators.thoughts import ThoughtFilter

if TYPE_CHECKING:
    from openai import OpenAI

ATTEMPTS = 2
RETRY_AFTER_S = 0.5


class EndpointGenerator:
    """Streams replies of an OpenAI-compatible chat endpoint.

    Args:
        base_url: with the version path, e.g. "http://localhost:11434/v1".
        model: the endpoint's name for the model.
        api_key: sent as a bearer token; many local servers need none.
        timeout_s: longest wait for the next piece.
        connect_timeout_s: longest wait for the connection.
        total_timeout_s: longest time for the whole reply; five times `timeout_s` when None.

    Raises:
        UsageError: the address is not http(s), holds a user name or password, or there is no model.
    """

    def __init__(
        self,
        base_url: str,
        model: str,
        *,
        api_key: SecretStr | None = None,
        timeout_s: float = 60.0,
        connect_timeout_s: float = 5.0,
        total_timeout_s: float | None = None,
    ) -> None:
        self._base_url = _checked_address(base_url)
        if not model:
            raise UsageError(
                "The endpoint's model is not set.", where="generator.model", remedy="Name a model that the server has."
            )
        self._model = model
        self._api_key = api_key or SecretStr("")
        self._timeout_s = timeout_s
        self._connect_timeout_s = min(connect_timeout_s, timeout_s)
        self._total_timeout_s = total_timeout_s or 5 * timeout_s
        self._dialect = Dialect()
        self._last_usage: tuple[int, int] | None = None

    @property
    def name(self) -> str:
        return f"{self._model} at {self._base_url}"

    @property
    def last_usage(self) -> tuple[int, int] | None:
        """Tokens in and out of the last reply, thinking included, as the server told them.

        None while it has not told them: before the end of a reply, after one that failed or was not read to its end,
        and always where the server never tells. Threads that share a generator see each other's.
        """
        return self._last_usage

    def __repr__(self) -> str:
        return f"EndpointGenerator({self.name!r})"

    def stream(self, messages: Sequence[Message], *, max_tokens: int, temperature: float = 0.0) -> Iterator[str]:
        """See `instill.generators.protocol.Generator.stream`."""
        self._last_usage = None
        dialect, failures = replace(self._dialect), 0
        deadline = monotonic() + self._total_timeout_s
        while True:
            seen = False
            try:
                for piece in self._attempt(dialect.body(self._model, messages, max_tokens, temperature), deadline):
                    if not seen:
                        # Learnt for later questions only now: what was refused may have been this prompt.
                        seen, self._dialect = True, replace(dialect, took_usage=dialect.asks_usage)
                    yield piece
                return
            except _Again as again:
                if seen:
                    raise self._error("The generator's reply broke off.", "Ask again.") from None
                if dialect.learns(again.status, again.message):
                    continue
                failures += 1
                if failures == ATTEMPTS or not again.may_pass:
                    raise again.error from None
                sleep(min(RETRY_AFTER_S, max(0.0, deadline - monotonic())))

    def _attempt(self, request: dict[str, Any], deadline: float) -> Iterator[str]:
        """One request. Raises `_Again` where another may help, and `GeneratorError` where it will not."""
        import openai

        with self._client() as client:
            overdue = Event()
            try:
                with client.chat.completions.create(**request) as reply:

                    def cut() -> None:
                        overdue.set()
                        reply.close()

                    # Keep-alive lines never end the wait for a piece, so the whole reply has a clock of its own.
                    clock = Timer(max(0.0, deadline - monotonic()), cut)
                    clock.daemon = True
                    clock.start()
                    try:
                        yield from self._pieces(reply)
                    finally:
                        clock.cancel()
            except GeneratorError:
                raise
            except openai.OpenAIError as error:
                raise (self._late() if overdue.is_set() else self._translated(error)) from None
            except (json.JSONDecodeError, UnicodeDecodeError):
                raise self._error("The generator's reply is malformed.", "Check that it is a chat endpoint.") from None
            except Exception as error:
                # The transport raises its own kinds when a reply breaks off or is cut by the clock.
                if overdue.is_set():
                    raise self._late() from None
                if not _is_transport(error):
                    raise
                raise self._error("The generator's reply broke off.", "Ask again.") from None

    def _client(self) -> OpenAI:
        import openai

        timeout = openai.Timeout(self._timeout_s, connect=self._connect_timeout_s)
        # A key is always given: without one the client would take OPENAI_API_KEY and send it to this address.
        key = self._api_key.get_secret_value() or "none"
        client = openai.OpenAI(base_url=self._base_url, api_key=key, timeout=timeout, max_retries=0)
        client.organization = client.project = None
        return client

    def _pieces(self, reply: Any) -> Iterator[str]:
        visible, shown, reason, usage, chunks = ThoughtFilter(), False, None, None, 0
        for chunk in reply:
            chunks += 1
            usage = told_usage(chunk) or usage  # Some servers count on from chunk to chunk: the last one holds.
            choices = getattr(chunk, "choices", None)
            if choices is None or not isinstance(choices, list):
                raise self._error("The generator's reply is malformed.", "Check that it is a chat endpoint.")
            if not choices:
                continue  # nothing but the usage
            delta = getattr(choices[0], "delta", None)
            content = getattr(delta, "content", None)
            if content is not None and not isinstance(content, str):
                raise self._error("The generator's reply is not text.", "Choose a text model.")
            piece = visible.feed(content or "")
            if piece:
                shown = True
                yield piece
            reason = getattr(choices[0], "finish_reason", None) or reason
        if chunks == 0:
            raise self._error("The generator's reply is no stream.", "Check that generator.base_url ends in /v1 or so.")
        if reason is None:
            raise self._error("The generator's reply broke off.", "Ask again.")
        self._last_usage = usage
        rest = visible.end()
        if rest:
            yield rest
        elif not shown:
            remedy = "Raise generator.max_tokens." if reason == "length" else "Try another model."
            raise self._error("The generator's reply is empty.", remedy)

    def _translated(self, error: Exception) -> Exception:
        """The client's error as ours; the original may quote headers or the key, so it is not chained."""
        import openai

        if isinstance(error, openai.APITimeoutError):
            return self._late()
        if isinstance(error, openai.APIStatusError):
            return self._status_error(error.status_code, str(error.message))
        if isinstance(error, openai.APIConnectionError):
            return _Again(
                self._error("The generator could not be reached.", "Start it, or correct generator.base_url.")
            )
        return self._error(f"The generator failed: {self._scrubbed(str(error))}", "See the server's log.")

    def _status_error(self, status: int, message: str) -> Exception:
        said = self._scrubbed(message)
        if status in (401, 403):
            return self._error(
                f"The generator refused the key (HTTP {status}).", "Set INSTILL_GENERATOR__API_KEY to a valid key."
            )
        if status == 404:
            return self._error(
                f"The generator does not have the model {self._model!r}, or the address is wrong (HTTP 404).",
                "Correct generator.model or generator.base_url.",
            )
        if status == 429:
            return _Again(self._error("The generator is busy or the quota is used up (HTTP 429).", "Ask again later."))
        failure = self._error(f"The generator failed (HTTP {status}): {said}", "See the server's log.")
        return _Again(failure, status=status, message=message, may_pass=status >= 500)

    def _scrubbed(self, message: str) -> str:
        key = self._api_key.get_secret_value()
        message = message.replace(key, "***") if key else message
        return "".join(character for character in message if character.isprintable())[:200]

    def _late(self) -> GeneratorError:
        return self._error("The generator was too slow.", "Raise generator.timeout_s, or use a smaller model.")

    def _error(self, what: str, remedy: str = "Check the generator's settings.") -> GeneratorError:
        return GeneratorError(what, where=self.name, remedy=remedy)


class _Again(Exception):
    """The attempt failed before anything was seen, in a way that may pass, or that another request may avoid.

    Args:
        status, message: the server's refusal. The message may quote the key: it is looked at and never shown.
        may_pass: whether the same request may be answered later.
    """

    def __init__(self, error: GeneratorError, *, status: int = 0, message: str = "", may_pass: bool = True) -> None:
        super().__init__(error.what)
        self.error, self.status, self.message, self.may_pass = error, status, message, may_pass


def _is_transport(error: Exception) -> bool:
    """Is it an error of the HTTP library (whichever version the client brings) or of a closed connection?"""
    return isinstance(error, OSError) or type(error).__module__.split(".")[0] in ("httpx", "httpx2", "httpcore", "h11")


def _checked_address(base_url: str) -> str:
    parts = urlsplit(base_url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UsageError(
            "The generator's address is not an http(s) address.",
            where="generator.base_url",
            remedy="E.g. http://localhost:11434/v1",
        )
    if parts.username or parts.password:
        raise UsageError(
            "The generator's address holds a user name or password.",
            where="generator.base_url",
            remedy="Set INSTILL_GENERATOR__API_KEY instead.",
        )
    return base_url.rstrip("/")
