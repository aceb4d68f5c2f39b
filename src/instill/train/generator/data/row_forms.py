"""The forms in which rows are found elsewhere, put into the ones that are used here: `messages`, a `text`, or a
preference. What is done to a row has a name, so that a person is told of it.

| name | form |
|---|---|
| json-array | the whole file is one JSON array; see `read_rows` |
| alpaca | `instruction`, `input` or `context`, `output` or `response`, with `system` and `history` |
| sharegpt | `conversations` of `from` and `value`, also with `chosen` and `rejected` |
| prompt-completion | `prompt` and `completion`, `response` or `answer`; `question` and `answer` |
| content-parts | a `content` that is a list of parts; those of text are joined by line ends |
| developer-role | the role `developer`, or another name of a role |
| function-call | `function_call` and the role `function`, from before there were `tool_calls` |
| call-arguments | arguments of a call as a string of JSON, which a template would quote once more |
| system-beside | `system` beside `messages` |

A key that is null is as good as none: tables that are written as JSON have every column in every row.

Imports nothing heavy.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from instill.errors import UsageError

ROLES = ("system", "user", "assistant", "tool")

NAMES = {
    "json-array": "one JSON array as a row a member",
    "alpaca": "instruction, input and output as one question and its reply",
    "sharegpt": "`from` and `value` as `role` and `content`",
    "prompt-completion": "prompt and completion as one question and its reply",
    "content-parts": "parts of text joined by line ends",
    "developer-role": "other names of roles as system, user, assistant and tool",
    "function-call": "function calls as tool calls",
    "call-arguments": "arguments in a string of JSON as an object",
    "system-beside": "the system prompt that stands beside the messages as the first of them",
}
"""What is done to a row of the form, in words."""

_SAME_ROLE = {
    "developer": "system",
    "human": "user",
    "gpt": "assistant",
    "chatgpt": "assistant",
    "bing": "assistant",
    "bard": "assistant",
    "model": "assistant",
    "bot": "assistant",
    "ai": "assistant",
    "function": "tool",
    "observation": "tool",
    "ipython": "tool",
}
_ASKED_AND_SAID = (
    ("alpaca", "instruction", ("input", "context"), ("output", "response")),
    ("prompt-completion", "prompt", (), ("completion", "response", "answer")),
    ("prompt-completion", "question", (), ("answer",)),
)


def canonical(found: Mapping[str, Any], place: str) -> tuple[dict[str, Any], tuple[str, ...]]:
    """A row with `messages`, a `text`, or `prompt`, `chosen` and `rejected`; and the names of what was done to it.

    What is no row in any form comes back as it is.

    Raises:
        UsageError: something of it cannot be used.

    Example:
        >>> row, done = canonical({"instruction": "Add.", "input": "2, 2", "output": "4"}, "a:1")
        >>> [each["content"] for each in row["messages"]], done
        (['Add.\\n\\n2, 2', '4'], ('alpaca',))
    """
    row, done = dict(found), dict[str, None]()
    if not row.get("messages") and (not row.get("text") or _is_alpaca(row)):
        row = _as_messages(row, place, done)
    elif row.get("messages"):
        row["messages"] = _with_system(row, place, done)
    if row.get("functions") and not row.get("tools"):
        functions = row.pop("functions")
        if not isinstance(functions, list):
            raise UsageError("`functions` is not a list.", where=place)
        row["tools"] = [{"type": "function", "function": each} for each in functions]
        done["function-call"] = None
    weight = row.get("weight")
    if weight is not None and weight != 1:
        raise UsageError(
            f"The row has the weight {weight!r}; only replies have weights.",
            where=place,
            remedy='Remove it, or give "weight": 0 to the replies of it that are only read.',
        )
    for key, role in (
        ("messages", None),
        ("teacher", None),
        ("prompt", None),
        ("chosen", "assistant"),
        ("rejected", "assistant"),
    ):
        value = row.get(key)
        if key in ("chosen", "rejected") and isinstance(value, Mapping):
            value = [value]
        if isinstance(value, list) and all(isinstance(each, Mapping) for each in value):
            messages = [_message(each, place, done, role) for each in value]
            row[key] = _joined(messages) if any(each.get("role") == "developer" for each in value) else messages
    return row, tuple(sorted(done))


def _is_alpaca(row: Mapping[str, Any]) -> bool:
    """The usual Alpaca files have, besides, a `text` with all of it in their own frame."""
    return isinstance(row.get("instruction"), str) and isinstance(row.get("output"), str)


def _with_system(row: Mapping[str, Any], place: str, done: dict[str, None]) -> Any:
    """The messages, with a system prompt that stands beside them put first."""
    messages, system = row["messages"], row.get("system")
    if not system or not isinstance(messages, list):
        return messages
    if not isinstance(system, str) or any(
        isinstance(each, Mapping) and each.get("role") == "system" for each in messages
    ):
        raise UsageError(
            "`system` is not text, or the messages have a system message of their own.",
            where=place,
            remedy="Keep one of both.",
        )
    done["system-beside"] = None
    return [{"role": "system", "content": system}, *messages]


def _as_messages(row: dict[str, Any], place: str, done: dict[str, None]) -> dict[str, Any]:
    pair = "chosen" in row or "rejected" in row
    talk = row.get("conversations") or row.get("conversation")
    if talk:
        if not isinstance(talk, list) or not all(isinstance(each, Mapping) for each in talk):
            raise UsageError("`conversations` is not a list of messages.", where=place)
        done["sharegpt"] = None
        opening = [{"role": "system", "content": row["system"]}] if row.get("system") else []
        return {**row, "prompt" if pair else "messages": [*opening, *talk]}
    for name, asked, more, replies in _ASKED_AND_SAID:
        reply = next((key for key in replies if key in row), None)
        if asked not in row or (reply is None and not (pair and name == "alpaca")):
            continue
        done[name] = None
        turns = _earlier(row, place)
        if isinstance(row[asked], list):
            turns += row[asked]
        else:
            parts = [row[asked], *(row[key] for key in more if row.get(key))]
            if not all(isinstance(part, str) for part in parts):
                raise UsageError(f"`{asked}` is not text.", where=place)
            turns.append({"role": "user", "content": "\n\n".join(parts)})
        if pair:
            return {**row, "prompt": turns}
        said = row[reply] if reply else ""
        if isinstance(said, list):
            turns += said
        elif isinstance(said, str):
            # What followed a prompt as bare text often begins with a space.
            turns.append({"role": "assistant", "content": said.strip()})
        else:
            raise UsageError(f"`{reply}` is not text.", where=place)
        return {**{key: value for key, value in row.items() if key != asked}, "messages": turns}
    return row


def _earlier(row: Mapping[str, Any], place: str) -> list[Any]:
    """System prompt and turns before."""
    turns: list[Any] = [{"role": "system", "content": row["system"]}] if row.get("system") else []
    history = row.get("history") or []
    if not isinstance(history, list) or not all(isinstance(each, list) and len(each) == 2 for each in history):
        raise UsageError("`history` is not a list of pairs of a question and its reply.", where=place)
    for asked, said in history:
        turns += [{"role": "user", "content": asked}, {"role": "assistant", "content": said}]
    return turns


def _message(found: Mapping[str, Any], place: str, done: dict[str, None], usual: str | None) -> dict[str, Any]:
    # Templates ask whether a key is there; the content of a call may be null.
    message = {key: value for key, value in found.items() if (value is not None and value != []) or key == "content"}
    if "role" not in message and "from" in message:
        message["role"] = message.pop("from")
        done["sharegpt"] = None
    if "content" not in message and "value" in message:
        message["content"] = message.pop("value")
    role = message.setdefault("role", usual)
    if isinstance(role, str):
        role = message["role"] = role.strip().casefold()
    elif role is not None:
        raise UsageError(f"The role {role!r} is not known.", where=place, remedy=f"Use one of {', '.join(ROLES)}.")
    if role in ("function_call", "tool_call"):
        message = {"role": "assistant", "content": None, "function_call": message.get("content")}
    elif role in _SAME_ROLE:
        message["role"] = _SAME_ROLE[role]
        if "sharegpt" not in done:
            done["function-call" if role == "function" else "developer-role"] = None
    if message["role"] not in ROLES:
        raise UsageError(
            f"The role {message['role']!r} is not known.", where=place, remedy=f"Use one of {', '.join(ROLES)}."
        )
    _set_weight(message, place)
    if isinstance(message.get("content"), list):
        message["content"] = _text_of_parts(message["content"], place)
        done["content-parts"] = None
    if message.get("function_call"):
        call = message.pop("function_call")
        message["tool_calls"] = [{"type": "function", "function": _parsed(call, "function_call", place)}]
        done["function-call"] = None
    if message.get("tool_calls"):
        message["tool_calls"] = _calls(message["tool_calls"], place, done)
    content = message.get("content")
    if content is None and message.get("tool_calls"):
        message["content"] = None  # Some files leave it out.
    elif not isinstance(content, str):
        raise UsageError("A message's content is not text.", where=place)
    return message


def _set_weight(message: dict[str, Any], place: str) -> None:
    """Left is `"weight": 0` on what is not taught."""
    weight = message.pop("weight", 1)
    if message.pop("train", True) is False:
        weight = 0
    if not isinstance(weight, (int, float)) or weight not in (0, 1):
        raise UsageError(
            f"The weight {weight!r} of a message is neither 0 nor 1.",
            where=place,
            remedy="A reply with weight 0 is read and not taught; others are taught alike.",
        )
    if weight == 0 and message["role"] == "assistant":
        message["weight"] = 0


def _text_of_parts(parts: Sequence[Any], place: str) -> str:
    texts = []
    for part in parts:
        text = part
        if isinstance(part, Mapping):
            text = next((part[key] for key in ("text", "refusal") if isinstance(part.get(key), str)), None)
        if not isinstance(text, str):
            kind = part.get("type") if isinstance(part, Mapping) else type(part).__name__
            raise UsageError(
                f"A message has a part that is not text ({kind}); only text is taught.",
                where=place,
                remedy="Remove the row, or say in words what the part shows.",
            )
        texts.append(text)
    return "\n".join(texts)


def _calls(calls: Any, place: str, done: dict[str, None]) -> list[Any]:
    calls = _parsed(calls, "tool_calls", place) if isinstance(calls, str) else calls
    if not isinstance(calls, list) or not calls or not all(isinstance(call, Mapping) for call in calls):
        raise UsageError("`tool_calls` is not a list of calls.", where=place)
    found = []
    for call in calls:
        inner = call.get("function", call)
        if not isinstance(inner, Mapping) or not isinstance(inner.get("name"), str):
            raise UsageError("A tool call has no function with a name.", where=place)
        named = next((key for key in ("arguments", "parameters", "input") if inner.get(key) is not None), "arguments")
        given = inner.get(named)
        if named != "arguments":
            inner = {key: value for key, value in inner.items() if key != named}
            done["function-call"] = None
        if isinstance(given, str):
            given = _parsed(given, "arguments", place) if given.strip() else {}
            done["call-arguments"] = None
        if not isinstance(given, Mapping | None):
            raise UsageError(
                f"The arguments of the call of {inner['name']} are not a JSON object.",
                where=place,
                remedy='E.g. {"name": "look_up", "arguments": {"town": "Oslo"}}',
            )
        inner = {**inner, "arguments": dict(given or {})}
        found.append({**call, "function": inner} if "function" in call else inner)
    return found


def _parsed(value: Any, key: str, place: str) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"`{key}` is not JSON: {error}.", where=place) from error


def _joined(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The developer's message and the system message at the beginning become one."""
    count = next((place for place, each in enumerate(messages) if each["role"] != "system"), len(messages))
    if count < 2:
        return messages
    opening = "\n\n".join(str(each["content"]) for each in messages[:count])
    return [{"role": "system", "content": opening}, *messages[count:]]
