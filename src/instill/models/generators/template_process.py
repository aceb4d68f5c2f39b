"""Renders chat templates in a process of its own: `python -m instill.models.generators.template_process`.

A template comes with a model and is a program. transformers runs it in a sandbox without files or Python, but nothing
there ends a loop, or a text that is repeated ten billion times. A process can be stopped, and its memory has a
limit. Requests come as lines of JSON on standard input, each is answered by one.
"""

from __future__ import annotations

import json
import resource
import sys
from pathlib import Path
from typing import Any

MEMORY = 512 * 1024**2
"""Bytes that a template may take, above what the process has once it is ready."""

LONGEST = 8_000_000
"""Most characters of a rendered text."""


def main() -> None:
    """Answer until standard input ends."""
    from transformers.utils.chat_template_utils import render_jinja_template

    _limit_memory()
    print("{}", flush=True)
    for line in sys.stdin:
        print(json.dumps(_answer(render_jinja_template, json.loads(line))), flush=True)


def _answer(render: Any, request: dict[str, Any]) -> dict[str, str]:
    try:
        rendered, _ = render(
            conversations=[request["messages"]],
            tools=request["tools"] or None,
            chat_template=request["template"],
            add_generation_prompt=request["reply_follows"],
            **request["special"],
        )
        text = str(rendered[0])
        if len(text) > LONGEST:
            return {"error": f"it makes {len(text):,} characters of them"}
        return {"text": text}
    except MemoryError:
        return {"error": "it takes too much memory"}
    except RecursionError:
        return {"error": "it calls itself too often"}
    except Exception as error:  # A template may raise whatever it likes.
        said = " ".join(str(error).split())[:300]
        return {"error": said or type(error).__name__}


def _limit_memory() -> None:
    try:
        now = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()
    except OSError:
        now = 2 * 1024**3  # Not Linux: what it takes at most.
    resource.setrlimit(resource.RLIMIT_AS, (now + MEMORY, now + MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    main()
