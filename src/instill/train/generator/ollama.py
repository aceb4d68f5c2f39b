"""A Modelfile for Ollama: where the weights are, how messages are laid out, where a reply ends."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from jinja2.exceptions import TemplateError

from instill.generators.chat import ChatMessage, chat_text

_CONTEXT = 8192
_SYSTEM, _ASKED, _REPLY, _AGAIN = "SYSTEMTEXT", "ASKEDTEXT", "REPLYTEXT", "AGAINTEXT"


@dataclass(frozen=True, slots=True)
class Layout:
    """What stands around the parts of a conversation.

    Args:
        system, asked, reply: what stands before and after each.
        usual: the system message that stands there when none is given.
    """

    system: tuple[str, str]
    asked: tuple[str, str]
    reply: tuple[str, str]
    usual: str = ""


def modelfile(source: str, tokenizer: Any, config: Any, generation: Any) -> str:
    """The text of a Modelfile.

    Args:
        source: the weights, relative to the Modelfile: "./model" or "./model.gguf".
        tokenizer: the base's; without a chat template the plain layout is written.
        config: the model's, for the length of its context.
        generation: the model's generation settings, or None.
    """
    lines = [f"FROM {source}"]
    layout = find_layout(tokenizer)
    template = None if layout is None else go_template(layout)
    if layout is None or template is None:
        lines.append("# The chat template has no counterpart here; Ollama takes what it finds with the weights.")
    else:
        lines.append(f'TEMPLATE """{template}"""')
        if layout.usual:
            lines.append(f'SYSTEM """{layout.usual}"""')
    ends = _unique([tokenizer.eos_token or "", layout.reply[1].strip() if layout else ""])
    lines += [f'PARAMETER stop "{_quoted(end)}"' for end in ends]
    longest = getattr(config, "max_position_embeddings", None)
    if longest:
        lines.append(f"PARAMETER num_ctx {min(int(longest), _CONTEXT)}")
    lines += [f"PARAMETER {name} {value:g}" for name, value in _sampling(generation)]
    return "\n".join(lines) + "\n"


def find_layout(tokenizer: Any) -> Layout | None:
    """How the tokenizer's template lays out messages, found by trying it; None where it is more than pieces around
    texts. Without a template it is the plain layout, in which a reply begins with its space.
    """
    if not tokenizer.chat_template:
        end = f"{tokenizer.eos_token or ''}\n\n"
        return Layout(("system: ", "\n\n"), ("user: ", "\n\n"), ("assistant:", end))

    beginning = ""

    def shown(*messages: tuple[str, str], reply_follows: bool = False) -> str:
        rows: list[ChatMessage] = [{"role": role, "content": content} for role, content in messages]
        return chat_text(tokenizer, rows, reply_follows=reply_follows).removeprefix(beginning)

    system, user, reply, again = ("system", _SYSTEM), ("user", _ASKED), ("assistant", _REPLY), ("user", _AGAIN)
    try:
        beginning = _beginning(tokenizer, shown(user, reply, again))
        asked, prompt = shown(user), shown(user, reply_follows=True)
        whole, longer = shown(user, reply), shown(user, reply, again)
        with_system = shown(system, user, reply_follows=True)
        if not (prompt.startswith(asked) and whole.startswith(prompt + _REPLY) and longer.startswith(whole)):
            return None
        opening, after_asked = asked.split(_ASKED)
        before_asked, after_again = longer.removeprefix(whole).split(_AGAIN)
        before_system, rest = with_system.split(_SYSTEM)
        after_system, after = rest.split(before_asked + _ASKED)
    except (TemplateError, ValueError):
        return None
    if after_again != after_asked or after != prompt.split(_ASKED)[1] or not opening.endswith(before_asked):
        return None
    usual = opening.removesuffix(before_asked)
    if usual:
        if not (usual.startswith(before_system) and usual.endswith(after_system)):
            return None
        usual = usual.removeprefix(before_system).removesuffix(after_system)
    before_reply, after_reply = prompt.removeprefix(asked), whole.removeprefix(prompt + _REPLY)
    return Layout((before_system, after_system), (before_asked, after_asked), (before_reply, after_reply), usual)


def _beginning(tokenizer: Any, conversation: str) -> str:
    """What the program that runs the model sets before a text. A token that begins every turn, as in ChatML where it is
    called the beginning of a text too, belongs to the turns.
    """
    token = tokenizer.bos_token or ""
    return token if token and conversation.startswith(token) and conversation.count(token) == 1 else ""


def go_template(layout: Layout) -> str | None:
    """The layout as a template of Ollama; None where it cannot be quoted.

    Example:
        >>> go_template(Layout(("<s>", "<e>"), ("<u>", "<e>"), ("<a>", "<e>")))
        '{{ if .System }}<s>{{ .System }}<e>{{ end }}{{ if .Prompt }}<u>{{ .Prompt }}<e>{{ end }}<a>{{ .Response }}<e>'
    """
    pieces = [*layout.system, *layout.asked, *layout.reply]
    if any('"""' in piece for piece in (*pieces, layout.usual)):
        return None
    system, after_system, asked, after_asked, reply, after_reply = (
        piece.replace("{{", '{{ "{{" }}') for piece in pieces
    )
    return (
        f"{{{{ if .System }}}}{system}{{{{ .System }}}}{after_system}{{{{ end }}}}"
        f"{{{{ if .Prompt }}}}{asked}{{{{ .Prompt }}}}{after_asked}{{{{ end }}}}"
        f"{reply}{{{{ .Response }}}}{after_reply}"
    )


def _sampling(generation: Any) -> list[tuple[str, float]]:
    if generation is None or not generation.do_sample:
        return [("temperature", 0.0)]
    names = {"temperature": "temperature", "top_p": "top_p", "top_k": "top_k", "repetition_penalty": "repeat_penalty"}
    found = ((theirs, getattr(generation, ours, None)) for ours, theirs in names.items())
    return [(name, float(value)) for name, value in found if value is not None]


def _unique(texts: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(text for text in texts if text))


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
