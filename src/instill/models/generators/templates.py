"""A model's chat template, applied in a process that can be stopped (`instill.models.generators.template_process`)."""

from __future__ import annotations

import atexit
import json
import os
import select
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from time import monotonic
from typing import Any

from instill.errors import UsageError

RENDER_S = 10.0
"""Longest time for one conversation; the templates of common models take a thousandth of a second."""

_START_S = 120.0


class TemplateRefusal(UsageError, ValueError):
    """The template does not parse, raises, or does not end. `reason` is what it said."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"The model's chat template refuses these messages: {reason}.",
            remedy="Correct the roles and their order, or the template (chat_template.jinja) in the model's folder.",
        )
        self.reason = reason


def apply_template(
    tokenizer: Any, messages: Sequence[Mapping[str, Any]], *, tools: Sequence[Any], reply_follows: bool
) -> str:
    """What the tokenizer's `apply_chat_template` would give, and within `RENDER_S`.

    Raises:
        TemplateRefusal: the template does not give a text.
    """
    if not messages:
        raise TemplateRefusal("there are none")
    try:
        template = tokenizer.get_chat_template(None, list(tools) or None)
    except ValueError as error:
        raise TemplateRefusal(str(error)) from error
    request = {
        "template": template,
        # As transformers does it: many templates print the word None.
        "messages": [{key: value for key, value in each.items() if value is not None} for each in messages],
        "tools": list(tools),
        "special": tokenizer.special_tokens_map,
        "reply_follows": reply_follows,
    }
    return _renderer().render(json.dumps(request, default=str))


class Renderer:
    """The process, started when it is first needed and again after it was stopped. Safe for many threads.

    Args:
        render_s: longest time for one conversation.
    """

    def __init__(self, render_s: float = RENDER_S) -> None:
        self._render_s = render_s
        self._process: subprocess.Popen[bytes] | None = None
        self._owner = 0
        self._lock = threading.Lock()

    def render(self, request: str) -> str:
        """The text for one request, a JSON object without line breaks."""
        with self._lock:
            try:
                process = self._running()
                stream = process.stdin
                assert stream is not None
                stream.write(request.encode() + b"\n")
                stream.flush()
                answer = json.loads(self._line(process, self._render_s))
            except TimeoutError:
                self.stop()
                raise TemplateRefusal(f"it did not end in {self._render_s:g} s") from None
            except (OSError, ValueError):
                self.stop()
                raise TemplateRefusal("it broke off, probably for lack of memory") from None
        if "text" not in answer:
            raise TemplateRefusal(str(answer.get("error", "it gives no text")).rstrip("."))
        return str(answer["text"])

    def stop(self) -> None:
        """End the process, if this one started it."""
        process, self._process = self._process, None
        if process is None or self._owner != os.getpid():
            return
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                try:
                    pipe.close()
                except OSError:
                    continue

    def _running(self) -> subprocess.Popen[bytes]:
        # After a fork the pipes are the parent's: two that read from one would get each other's texts.
        if self._process is None or self._owner != os.getpid() or self._process.poll() is not None:
            self.stop()
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "instill.models.generators.template_process"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
            self._owner = os.getpid()
            self._line(self._process, _START_S)
        return self._process

    @staticmethod
    def _line(process: subprocess.Popen[bytes], seconds: float) -> bytes:
        assert process.stdout is not None
        descriptor, deadline, found = process.stdout.fileno(), monotonic() + seconds, bytearray()
        while not found.endswith(b"\n"):
            ready, _, _ = select.select([descriptor], [], [], max(0.0, deadline - monotonic()))
            if not ready:
                raise TimeoutError
            piece = os.read(descriptor, 1 << 20)
            if not piece:
                raise OSError("the process has ended")
            found += piece
        return bytes(found)


_KEPT: list[Renderer] = []


def _renderer() -> Renderer:
    """The one of this process. Starting it takes a second or two, rendering a thousandth of one."""
    if not _KEPT:
        _KEPT.append(Renderer())
        atexit.register(_KEPT[0].stop)
    return _KEPT[0]
