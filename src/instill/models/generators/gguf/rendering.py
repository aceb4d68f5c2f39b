"""A conversation as text by a model's chat template, with the settings that transformers renders templates with.

Runs in the process that answers (`serving_process`), which can be stopped: a template is a program.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NoReturn

from instill.models.generators.chat_text import PLAIN_TEMPLATE


def rendered(
    template: str,
    messages: Sequence[Mapping[str, Any]],
    *,
    bos: str,
    eos: str,
    begins: bool,
    reply_follows: bool = True,
) -> str:
    """What the model reads for `messages`.

    Args:
        template: Jinja; "": the plain layout.
        begins: whether the plain layout begins with `bos`.

    Raises:
        Exception: whatever the template raises.

    Example:
        >>> rendered("", [{"role": "user", "content": "Hi"}], bos="<s>", eos="</s>", begins=True)
        '<s>user: Hi\\n\\nassistant:'
    """
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"]
    )
    environment.filters["tojson"] = _as_json
    environment.globals["raise_exception"] = _refuse
    environment.globals["strftime_now"] = lambda form: datetime.now().strftime(form)
    special = {name: text for name, text in (("bos_token", bos), ("eos_token", eos)) if text}
    made = environment.from_string(template or ("{{- bos_token }}" if begins and bos else "") + PLAIN_TEMPLATE)
    return made.render(
        messages=list(messages), tools=None, documents=None, add_generation_prompt=reply_follows, **special
    )


def _as_json(
    value: Any,
    ensure_ascii: bool = False,
    indent: int | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,
) -> str:
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


def _refuse(reason: str) -> NoReturn:
    from jinja2.exceptions import TemplateError

    raise TemplateError(reason)
