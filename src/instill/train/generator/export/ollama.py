"""A Modelfile for Ollama: where the weights are, how messages are laid out, where a reply ends."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from os.path import commonprefix
from typing import Any, Literal

from instill.errors import InstillError
from instill.models.generators.chat_text import ChatMessage, chat_text

_CONTEXT = 8192
_SYSTEM, _ASKED, _REPLY, _AGAIN = "SYSTEMTEXT", "ASKEDTEXT", "REPLYTEXT", "AGAINTEXT"

Place = Literal["before", "first", "last", "nowhere"]
"""Where a system message stands: before the questions, inside the first or the last question, or it is not taken."""


@dataclass(frozen=True, slots=True)
class Layout:
    """What stands around the parts of a conversation.

    Args:
        system, asked, reply: what stands before and after each. Inside a question only what follows the system message
            counts.
        usual: the system message that stands there when none is given.
        place: of the system message.
        opens: after which a reply is written; None: the same that stands before earlier replies.
        always: what is around the system message stands there also when there is none.
    """

    system: tuple[str, str]
    asked: tuple[str, str]
    reply: tuple[str, str]
    usual: str = ""
    place: Place = "before"
    opens: str | None = None
    always: bool = False

    @property
    def opening(self) -> str:
        """After which a reply is written."""
        return self.reply[0] if self.opens is None else self.opens

    def shown(self, system: str, questions: Sequence[str], replies: Sequence[str]) -> str:
        """A conversation up to where the model replies, as the layout says; one reply fewer than questions."""
        text = ""
        if self.place == "before" and (system or self.always):
            text = f"{self.system[0]}{system}{self.system[1]}"
        inside = {"first": 0, "last": len(questions) - 1}.get(self.place, -1) if system else -1
        for number, question in enumerate(questions):
            within = f"{system}{self.system[1]}" if number == inside else ""
            text += f"{self.asked[0]}{within}{question}{self.asked[1]}"
            text += f"{self.reply[0]}{replies[number]}{self.reply[1]}" if number < len(replies) else self.opening
        return text


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
        if layout.place == "nowhere":
            lines.append("# The model takes no system message; one that is set is left out.")
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

    try:
        found = _found(tokenizer)
    except (InstillError, ValueError):  # What the template refuses, or shows otherwise.
        return None
    return found if found is not None and _holds(found, tokenizer) else None


def _found(tokenizer: Any) -> Layout | None:
    """By the pieces between marked texts.

    Raises:
        InstillError: the template refuses a conversation.
        ValueError: it does not show one as pieces around texts.
    """
    user, reply, again = ("user", _ASKED), ("assistant", _REPLY), ("user", _AGAIN)
    longer = _shown(tokenizer, user, reply, again)
    beginning = _beginning(tokenizer, longer)
    before, between, after, last = _pieces(longer.removeprefix(beginning), _ASKED, _REPLY, _AGAIN)
    first, prompt = _pieces(_shown(tokenizer, user).removeprefix(beginning), _ASKED)
    if (first, prompt) != (before, last):
        return None
    try:
        system = _pieces(_shown(tokenizer, ("system", _SYSTEM), user).removeprefix(beginning), _SYSTEM, _ASKED)
    except (InstillError, ValueError):
        system = None
    asking = before if after.endswith(before) else _common_end(after, before, system[1] if system else before)
    whole = _shown(tokenizer, user, reply, follows=False).removeprefix(beginning)
    ended = whole.partition(_REPLY)[2]
    if after.startswith(ended) and before.endswith(after.removeprefix(ended)):
        asking = after.removeprefix(ended)  # Where turns end alike, the end of one is not taken for the next one's.
    _, asked = _pieces(_shown(tokenizer, user, follows=False).removeprefix(beginning), _ASKED)
    if not (between.startswith(asked) and last.startswith(asked)):
        asked = commonprefix([between, last])  # noqa: RUF071  Texts, no paths.
    opening, opens = between.removeprefix(asked), last.removeprefix(asked)
    layout = Layout(
        ("", ""),
        (asking, asked),
        (opening, after.removesuffix(asking)),
        place="nowhere",
        opens=None if opens == opening else opens,
    )
    usual = before.removesuffix(asking)
    if system is None:
        return None if usual else layout
    left, right, _ = system
    if right.endswith(asking) and right.removesuffix(asking) + left:
        around = (left, right.removesuffix(asking))
        if usual and not (usual.startswith(left) and usual.endswith(around[1])):
            return None
        text = usual.removeprefix(left).removesuffix(around[1]) if usual else ""
        return replace(layout, system=around, place="before", usual=text, always=bool(usual) and not text)
    if left != asking or usual:
        return None
    places: tuple[Place, ...] = ("first", "last")
    return next(
        (each for place in places if _holds(each := replace(layout, system=("", right), place=place), tokenizer)), None
    )


def _holds(layout: Layout, tokenizer: Any) -> bool:
    """Does the layout show conversations as the template does?"""
    systems = [""] if layout.place == "nowhere" else ["", _SYSTEM]
    for system in systems:
        for questions, replies in (([_ASKED], []), ([_ASKED, _AGAIN], [_REPLY])):
            rows = [("system", system)] if system else []
            for number, question in enumerate(questions):
                rows += [("user", question), *(("assistant", each) for each in replies[number : number + 1])]
            text = _shown(tokenizer, *rows)
            said = layout.shown(system or layout.usual, questions, replies)
            if text.removeprefix(_beginning(tokenizer, _shown(tokenizer, *_TALK))) != said:
                return False
    return True


_TALK = (("user", _ASKED), ("assistant", _REPLY), ("user", _AGAIN))


def _shown(tokenizer: Any, *messages: tuple[str, str], follows: bool = True) -> str:
    rows: list[ChatMessage] = [{"role": role, "content": content} for role, content in messages]
    return chat_text(tokenizer, rows, reply_follows=follows)


def _pieces(text: str, *marks: str) -> list[str]:
    """What stands around marks, each of which stands there once, in this order.

    Raises:
        ValueError: it does not.
    """
    found = []
    for mark in marks:
        before, there, text = text.partition(mark)
        if not there or mark in text:
            raise ValueError(mark)
        found.append(before)
    if any(mark in piece for piece in found for mark in marks):
        raise ValueError("out of order")
    return [*found, text]


def _common_end(*texts: str) -> str:
    return commonprefix([text[::-1] for text in texts])[::-1]  # noqa: RUF071  Texts, no paths.


def _beginning(tokenizer: Any, conversation: str) -> str:
    """What the program that runs the model sets before a text. A token that begins every turn, as in ChatML where it is
    called the beginning of a text too, belongs to the turns.
    """
    token = tokenizer.bos_token or ""
    return token if token and conversation.startswith(token) and conversation.count(token) == 1 else ""


def go_template(layout: Layout) -> str | None:
    """The layout as a template of Ollama; None where it cannot be quoted.

    Ollama fills in a template of a system message, a question and its reply for each pair of a conversation. What
    cannot be said so goes over all messages.

    Example:
        >>> go_template(Layout(("<s>", "<e>"), ("<u>", "<e>"), ("<a>", "<e>")))
        '{{ if .System }}<s>{{ .System }}<e>{{ end }}{{ if .Prompt }}<u>{{ .Prompt }}<e>{{ end }}<a>{{ .Response }}<e>'
    """
    pieces = [*layout.system, *layout.asked, *layout.reply, layout.opening]
    if any('"""' in piece for piece in (*pieces, layout.usual)):
        return None
    system, after_system, asked, after_asked, reply, after_reply, opens = (
        piece.replace("{{", '{{ "{{" }}') for piece in pieces
    )
    block = f"{system}{{{{ .System }}}}{after_system}"
    before = "" if layout.place != "before" else block if layout.always else f"{{{{ if .System }}}}{block}{{{{ end }}}}"
    if not layout.always and layout.opens is None and layout.place != "last":
        within = f"{{{{ if .System }}}}{{{{ .System }}}}{after_system}{{{{ end }}}}" if layout.place == "first" else ""
        return (
            f"{before}{{{{ if .Prompt }}}}{asked}{within}{{{{ .Prompt }}}}{after_asked}{{{{ end }}}}"
            f"{reply}{{{{ .Response }}}}{after_reply}"
        )
    at = {"first": "eq $i 0", "last": "eq (len (slice $.Messages $i)) 1"}.get(layout.place)
    within = f"{{{{ if and $.System ({at}) }}}}{{{{ $.System }}}}{after_system}{{{{ end }}}}" if at else ""
    return (
        f"{before}{{{{ range $i, $m := .Messages }}}}"
        f'{{{{ if eq $m.Role "user" }}}}{asked}{within}{{{{ $m.Content }}}}{after_asked}'
        f'{{{{ else if eq $m.Role "assistant" }}}}{reply}{{{{ $m.Content }}}}{after_reply}{{{{ end }}}}'
        f"{{{{ end }}}}{opens}{{{{ .Response }}}}{{{{ if .Response }}}}{after_reply}{{{{ end }}}}"
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
