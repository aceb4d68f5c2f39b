"""A generator behind any OpenAI-compatible address, by the official client.

Three limits keep a question from hanging: on connecting, on the wait for the next piece, and on everything from before
the connection to the end of the reply (`bounded_transport.py` holds them, and the sizes of what comes in).
A request is tried again only while nothing of the reply has been seen; one that the server refuses as it is written is
written otherwise (`endpoint_dialect.py`). The key is sent to the address and goes nowhere else: not into
errors, names, or logs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

import httpx
from pydantic import SecretStr

from instill.errors import GeneratorError, UsageError
from instill.models.generators.bounded_transport import BoundedTransport, Limits, RefusedReply
from instill.models.generators.endpoint_dialect import Dialect, told_usage
from instill.models.generators.protocol import Message
from instill.models.generators.socket_deadline import Clock
from instill.models.generators.thoughts import ThoughtFilter

if TYPE_CHECKING:
    import openai
    from openai import OpenAI

ATTEMPTS = 2
CHARACTERS, CHARACTERS_PER_TOKEN = 4_000, 64
"""Longest reply that is passed on: so many characters, and so many more for each token that was asked for."""

RETRY_AFTER_S = 0.5


class EndpointGenerator:
    """Streams replies of an OpenAI-compatible chat endpoint.

    Args:
        base_url: with the version path, e.g. "http://localhost:11434/v1".
        model: the endpoint's name for the model.
        api_key: sent as a bearer token; many local servers need none.
        timeout_s: longest wait for the next piece.
        connect_timeout_s: longest wait for the connection.
        total_timeout_s: longest time for all, connection and second try included; five times `timeout_s` when None.

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
        self._api_key = _checked_key(api_key)
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
        """See `instill.models.generators.protocol.Generator.stream`."""
        import openai  # noqa: F401  It takes a second: before the clock starts.

        self._last_usage = None
        dialect, failures = replace(self._dialect), 0
        deadline = monotonic() + self._total_timeout_s
        while True:
            seen, body = False, dialect.body(self._model, messages, max_tokens, temperature)
            try:
                for piece in self._attempt(body, deadline, max_tokens):
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

    def _attempt(self, request: dict[str, Any], deadline: float, max_tokens: int) -> Iterator[str]:
        """One request. Raises `_Again` where another may help, and `GeneratorError` where it will not."""
        with ExitStack() as opened:
            # Only steps into the client stand inside `_reading`: what a caller does with a piece is its own matter.
            with self._reading():
                client = opened.enter_context(self._client(deadline, max_tokens))
                chunks = iter(opened.enter_context(client.chat.completions.create(**request)))
            yield from self._pieces(chunks, max_tokens)

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """Everything that can go wrong between request and chunk, as an error that says what.

        What comes in is whatever the server likes, and the client was written for servers that mean well: numbers too
        long, nesting too deep and types that nobody expects make it raise whatever it happens to raise.
        """
        import openai

        try:
            yield
        except (GeneratorError, _Again):
            raise
        except openai.APIConnectionError as error:
            raise self._unreached(error) from None
        except openai.OpenAIError as error:
            raise self._translated(error) from None
        except httpx.TimeoutException:
            raise self._late() from None
        except RefusedReply as error:
            raise self._error(str(error), error.remedy) from None
        except (httpx.HTTPError, OSError):
            raise self._error("The generator's reply broke off.", "Ask again.") from None
        except Exception:  # The client's parsing raises anything on a reply of the wrong types.
            raise self._malformed() from None

    def _client(self, deadline: float, max_tokens: int) -> OpenAI:
        import openai

        transport = BoundedTransport(
            self._base_url,
            clock=Clock(deadline),
            connect_s=self._connect_timeout_s,
            limits=Limits.for_tokens(max_tokens),
        )
        # The client takes one of this library too, whatever its types say (they name the one that it brings itself).
        http = httpx.Client(transport=transport, timeout=self._timeout_s, follow_redirects=False, trust_env=False)
        # A key is always given: without one the client would take OPENAI_API_KEY and send it to this address.
        key = self._api_key.get_secret_value() or "none"
        client = openai.OpenAI(
            base_url=self._base_url, api_key=key, timeout=self._timeout_s, max_retries=0, http_client=cast(Any, http)
        )
        client.organization = client.project = None
        return client

    def _pieces(self, reply: Iterator[Any], max_tokens: int) -> Iterator[str]:
        visible, shown, reason, usage, chunks = ThoughtFilter(), False, None, None, 0
        left = CHARACTERS + CHARACTERS_PER_TOKEN * max_tokens
        while True:
            with self._reading():
                chunk = next(reply, None)
                if chunk is None:
                    break
                chunks += 1
                usage = told_usage(chunk) or usage  # Some servers count on from chunk to chunk: the last one holds.
                choices = getattr(chunk, "choices", None)
                if choices is None or not isinstance(choices, list):
                    raise self._malformed()
                if not choices:
                    continue  # nothing but the usage
                content = getattr(getattr(choices[0], "delta", None), "content", None)
                reason = getattr(choices[0], "finish_reason", None) or reason
            if content is not None and not isinstance(content, str):
                raise self._error("The generator's reply is not text.", "Choose a text model.")
            piece = visible.feed(_well_formed(content or ""))
            left -= len(piece)
            if left < 0:
                raise self._error("The generator's reply is far longer than was asked for.", "Try another model.")
            if piece:
                shown = True
                yield piece
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

    def _unreached(self, error: openai.APIConnectionError) -> Exception:
        """No reply at all: too slow, not to be reached, or refused by the transport."""
        cause = error.__cause__
        if isinstance(cause, httpx.TimeoutException):
            return self._late()
        if isinstance(cause, RefusedReply):
            return self._error(str(cause), cause.remedy)
        return _Again(self._error("The generator could not be reached.", "Start it, or correct generator.base_url."))

    def _translated(self, error: Exception) -> Exception:
        """The client's error as ours; the original may quote headers or the key, so it is not chained."""
        import openai

        if isinstance(error, openai.APIStatusError):
            return self._status_error(error.status_code, str(error.message))
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

    def _malformed(self) -> GeneratorError:
        return self._error("The generator's reply is malformed.", "Check that it is a chat endpoint.")

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


def _well_formed(text: str) -> str:
    """Text that can be encoded: half a surrogate pair becomes U+FFFD."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace") if not text.isascii() else text


def _checked_address(base_url: str) -> str:
    wrong = UsageError(
        "The generator's address is not an http(s) address.",
        where="generator.base_url",
        remedy="E.g. http://localhost:11434/v1",
    )
    try:
        parts = urlsplit(base_url)
        known = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        httpx.URL(base_url)
    except (ValueError, httpx.InvalidURL):
        raise wrong from None
    if not known:
        raise wrong
    if parts.username or parts.password:
        raise UsageError(
            "The generator's address holds a user name or password.",
            where="generator.base_url",
            remedy="Set INSTILL_GENERATOR__API_KEY instead.",
        )
    return base_url.rstrip("/")


def _checked_key(key: SecretStr | None) -> SecretStr:
    """The key without white space around it. Raises UsageError, which never shows it, when no header can carry it."""
    value = key.get_secret_value().strip() if key else ""
    if not (value.isascii() and value.isprintable()):
        raise UsageError(
            "The generator's key holds characters that cannot be sent.",
            where="generator.api_key",
            remedy="Set INSTILL_GENERATOR__API_KEY to the key alone.",
        )
    return SecretStr(value)
