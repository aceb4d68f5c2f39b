"""Study rows: what a model is trained on, one JSON object a line, in the forms that other trainers read too."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from instill.common.made_from import NOTHING, MadeFrom
from instill.documents.text_decoding import strict_text
from instill.errors import UsageError
from instill.models.generators.chat_text import ChatMessage
from instill.models.generators.thoughts import without_thoughts
from instill.study.links import LINK, beside_of, link_of
from instill.train.generator.data.row_forms import canonical


@dataclass(frozen=True, slots=True)
class Row:
    """One thing to learn: a conversation, or a plain text.

    Args:
        messages: the conversation; every assistant's turn in it is taught that has not `"weight": 0`.
        text: instead of messages, a text of which every token is taught.
        tools: JSON schemas of the functions that the conversation may call.
        teacher: for distillation: the same conversation up to the reply, with the passage in it; the student does
            not see it.
        rejected: for preference tuning: a worse reply to the same prompt; the better one ends `messages`.
        task: a name by which results are told apart.
        place: file and line, for errors.
        answers: further replies that are right, for measuring.
        spans: parts `[start, end)` of `text`, in characters, that alone are taught; the rest is only read. A space
            before a word belongs to the word's token, and so to its span.
        group: rows of one group, such as questions about one fact, count together when something is measured on them.
        made_from: the documents that it was made from. It says who may use what is trained on it, and changes nothing
            that is learnt: it is neither in `as_dict` nor in `rows_hash`.
        forms: what was done to bring it into this form, by the names of `instill.train.generator.data.row_forms`.
        last_only: only the last turn is taught; the ones before have rows of their own.
    """

    messages: tuple[ChatMessage, ...] = ()
    text: str = ""
    tools: tuple[Any, ...] = ()
    teacher: tuple[ChatMessage, ...] = ()
    rejected: str = ""
    task: str = ""
    place: str = ""
    answers: tuple[str, ...] = ()
    spans: tuple[tuple[int, int], ...] = ()
    group: str = ""
    made_from: MadeFrom = NOTHING
    forms: tuple[str, ...] = ()
    last_only: bool = False

    @property
    def prompt(self) -> tuple[ChatMessage, ...]:
        """The messages before the last reply."""
        return self.messages[:-1] if self.messages and self.messages[-1]["role"] == "assistant" else self.messages

    @property
    def answer(self) -> str:
        """The last reply; empty where there is none."""
        last = self.messages[-1] if self.messages else {}
        return str(last.get("content") or "") if last.get("role") == "assistant" else ""

    @property
    def said(self) -> str:
        """The last reply without its thoughts, as it is held against what a model says."""
        return without_thoughts(self.answer).strip()

    def as_dict(self) -> dict[str, Any]:
        """For a line of JSON: the fields that are set."""
        if self.rejected:
            kept: dict[str, Any] = {
                "prompt": [dict(message) for message in self.prompt],
                "chosen": [{"role": "assistant", "content": self.answer}],
                "rejected": [{"role": "assistant", "content": self.rejected}],
            }
        else:
            kept = {"text": self.text} if self.text else {"messages": [dict(message) for message in self.messages]}
        if self.spans:
            kept["spans"] = [list(span) for span in self.spans]
        if self.tools:
            kept["tools"] = list(self.tools)
        if self.teacher:
            kept["teacher"] = [dict(message) for message in self.teacher]
        if self.answers:
            kept["answers"] = list(self.answers)
        if self.task:
            kept["task"] = self.task
        if self.group:
            kept["group"] = self.group
        return kept

    def as_line(self) -> dict[str, Any]:
        """For a file: `as_dict`, with the documents that it was made from."""
        return self.as_dict() if self.made_from == NOTHING else {**self.as_dict(), LINK: self.made_from.as_json()}


def instructed(row: Row, instructions: str) -> Row:
    """The row with `instructions` as its system prompt; as it is when it has one, or is a text.

    Example:
        >>> instructed(chat_row("2 + 2?", "4"), "Reply with a number.").prompt[0]
        {'role': 'system', 'content': 'Reply with a number.'}
    """

    def opened(messages: tuple[ChatMessage, ...]) -> tuple[ChatMessage, ...]:
        if not instructions or not messages or any(message["role"] == "system" for message in messages):
            return messages
        return ({"role": "system", "content": instructions}, *messages)

    return replace(row, messages=opened(row.messages), teacher=opened(row.teacher))


def replied(row: Row) -> Row:
    """The row with the first of its `answers` as its reply, where it ends with a question.

    Example:
        >>> replied(Row(({"role": "user", "content": "2 + 2?"},), answers=("4",))).answer
        '4'
    """
    if not row.messages or row.messages[-1]["role"] == "assistant" or not row.answers:
        return row
    reply: ChatMessage = {"role": "assistant", "content": row.answers[0]}
    return replace(row, messages=(*row.messages, reply))


def chat_row(asked: str, answer: str, *, system: str = "", task: str = "") -> Row:
    """A row of one question and its answer.

    Example:
        >>> chat_row("2 + 2?", "4").prompt
        ({'role': 'user', 'content': '2 + 2?'},)
    """
    return turns_row([(asked, answer)], system=system, task=task)


def turns_row(turns: Iterable[tuple[str, str]], *, system: str = "", task: str = "") -> Row:
    """A row of several questions, one after the other, each with its answer.

    Example:
        >>> [each["content"] for each in turns_row([("2 + 2?", "4"), ("And 3?", "7")]).messages]
        ['2 + 2?', '4', 'And 3?', '7']
    """
    messages: list[ChatMessage] = [{"role": "system", "content": system}] if system else []
    for asked, answer in turns:
        messages += [{"role": "user", "content": asked}, {"role": "assistant", "content": answer}]
    return Row(tuple(messages), task=task)


def read_rows(file: Path) -> list[Row]:
    """The rows of a JSON Lines file, or of one that is a JSON array.

    A line is `{"messages": [{"role": ..., "content": ...}, ...]}`, `{"text": ...}`, or a preference
    `{"prompt": ..., "chosen": ..., "rejected": ...}`; with it may stand `tools`, `teacher`, `answers`, `task`,
    `group`, `made_from` (the documents that it was made from), and with a text `spans`. Without a group, the first of
    `facts` is it, as in a study set. Forms of other trainers are converted (`instill.train.generator.data.row_forms`),
    and `Row.forms` says so. Other keys are left alone.

    Raises:
        UsageError: the file cannot be read, is empty, or a line is none of these; the error names the line.
    """
    objects, form = read_objects(file)
    beside, rows = beside_of(file), []
    for place, found in objects:
        row = row_of(found, place, beside)
        rows.append(replace(row, forms=tuple(sorted({*row.forms, form}))) if form else row)
    return rows


def read_objects(file: Path) -> tuple[list[tuple[str, dict[str, Any]]], str]:
    """The JSON objects of a file of rows as they are, each with its place; and "json-array" where the file is one.

    Raises:
        UsageError: see `read_rows`.
    """
    try:
        text = strict_text(file.read_bytes())
    except UnicodeDecodeError as error:
        line = file.read_bytes()[: error.start].count(b"\n") + 1
        raise UsageError(
            "The rows are not UTF-8 text.", where=f"{file}:{line}", remedy="Save the file as UTF-8, one row a line."
        ) from error
    except (OSError, ValueError) as error:  # no path, with a NUL in it
        raise UsageError(f"The rows cannot be read: {error}.", where=str(file)) from error
    array = _array(text)
    numbered: list[tuple[str, Any]]
    if array is not None:
        numbered = [(f"{file.name}:{number}", each) for number, each in enumerate(array, 1)]
    else:
        lines = enumerate(text.split("\n"), 1)  # Other line ends may stand in a text.
        numbered = [
            (place, _json(line, place)) for number, line in lines if line.strip() and (place := f"{file.name}:{number}")
        ]
    for place, each in numbered:
        if not isinstance(each, dict):
            raise UsageError("This line is not a JSON object.", where=place)
    if not numbered:
        raise UsageError("The file has no rows.", where=str(file), remedy='A line is e.g. {"messages": [...]}')
    return numbered, "json-array" if array is not None else ""


def write_rows(rows: Iterable[Row], file: Path) -> None:
    """Write rows as JSON Lines; `read_rows` gives them back."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w", encoding="utf-8") as stream:
        for row in rows:
            stream.write(json.dumps(row.as_line(), ensure_ascii=False) + "\n")


def rows_hash(rows: Sequence[Row]) -> str:
    """16 hexadecimal digits that change with any row or their order.

    Example:
        >>> rows_hash([Row(text="a")]) == rows_hash([Row(text="a", place="x:1")]) != rows_hash([Row(text="b")])
        True
    """
    digest = hashlib.sha256()
    for row in rows:
        digest.update(json.dumps(row.as_dict(), ensure_ascii=False, sort_keys=True).encode() + b"\n")
    return digest.hexdigest()[:16]


def _array(text: str) -> list[Any] | None:
    """The members of the array that the whole file is; None where it is none."""
    if not text.lstrip().startswith("["):
        return None
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None  # What is wrong with it is said of its first line.
    return found if isinstance(found, list) and not all(isinstance(each, list) for each in found) else None


def _json(line: str, place: str) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError) as error:
        raise UsageError(
            f"This line is not JSON: {error}.", where=place, remedy="Write one row a line, or one array of all rows."
        ) from error


def row_of(found: Mapping[str, Any], place: str = "", beside: MadeFrom | None = None) -> Row:
    """A row from an object of the forms that `read_rows` reads.

    Args:
        place: for errors.
        beside: what is known of the documents that all rows of the file were made from.

    Raises:
        UsageError: it has none of the forms.

    Example:
        >>> row_of({"text": "Pi is 3.14.", "group": "pi"}).group
        'pi'
    """
    _utf8(found, place)
    link = link_of(found, beside)
    made, forms = canonical(found, place)
    row = _content(made, place)
    task, group = str(found.get("task") or ""), _group(found)
    return replace(row, task=task, place=place, group=group, forms=forms, made_from=link)


def _utf8(found: Mapping[str, Any], place: str) -> None:
    """Halves of characters can be written in JSON, and in nothing else."""
    try:
        json.dumps(found, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise UsageError(
            f"The row has half of a character ({error.object[error.start]!r}), as of an emoji that was cut.",
            where=place,
            remedy="Remove it, or write the whole character.",
        ) from error
    except (TypeError, ValueError, RecursionError):
        return  # Made in Python, of things that JSON does not have.


def _content(found: Mapping[str, Any], place: str) -> Row:
    tools = tuple(_list(found, "tools", place))
    if not all(isinstance(each, Mapping) for each in tools):
        raise UsageError(
            "`tools` is not a list of functions.", where=place, remedy='E.g. [{"type": "function", "function": {...}}]'
        )
    teacher = _messages(found["teacher"], "teacher", place) if found.get("teacher") else ()
    if "chosen" in found or "rejected" in found:
        prompt = _turns(found.get("prompt", []), "user", "prompt", place)
        chosen = _turns(found.get("chosen"), "assistant", "chosen", place)
        rejected = _turns(found.get("rejected"), "assistant", "rejected", place)
        if not chosen or not rejected or chosen[-1]["role"] != "assistant" or rejected[-1]["role"] != "assistant":
            raise UsageError("A preference needs a chosen and a rejected reply.", where=place)
        _alike(prompt, chosen, rejected, place)
        # Some files repeat the prompt in both.
        messages = chosen if len(chosen) > 1 else prompt + chosen
        return Row(messages, tools=tools, rejected=str(rejected[-1]["content"] or ""))
    if found.get("messages"):
        messages = _messages(found["messages"], "messages", place)
        return Row(messages, tools=tools, teacher=teacher, answers=_answers(found, place))
    if isinstance(found.get("text"), str) and found["text"].strip():
        return Row(text=found["text"], spans=_spans(found, place))
    raise UsageError(
        "This row has neither messages, nor a text, nor a chosen and a rejected reply.",
        where=place,
        remedy='E.g. {"messages": [{"role": "user", "content": "..."}, {"role": "assistant", "content": "..."}]}',
    )


def _alike(
    prompt: tuple[ChatMessage, ...], chosen: tuple[ChatMessage, ...], rejected: tuple[ChatMessage, ...], place: str
) -> None:
    """Both replies of a preference answer one prompt."""
    before = [each for each in (prompt, chosen[:-1], rejected[:-1]) if each]
    if any(list(each)[-1:] != list(before[0])[-1:] for each in before):
        raise UsageError(
            "The prompts of the chosen and the rejected reply differ.",
            where=place,
            remedy="A preference says which of two replies to one prompt is better: give both the same.",
        )


def _group(found: Mapping[str, Any]) -> str:
    facts = found.get("facts")
    return str(found.get("group") or (facts[0] if isinstance(facts, list) and facts else ""))


def _answers(found: Mapping[str, Any], place: str) -> tuple[str, ...]:
    value = found.get("answers") or []
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise UsageError("`answers` is not a list of strings.", where=place)
    return tuple(value)


def _spans(found: Mapping[str, Any], place: str) -> tuple[tuple[int, int], ...]:
    value, longest = _list(found, "spans", place), len(found["text"])
    for each in value:
        whole = isinstance(each, list) and len(each) == 2 and all(type(number) is int for number in each)
        if not whole or not 0 <= each[0] < each[1] <= longest:
            raise UsageError(
                f"{each} in `spans` is not a [start, end] within the text's {longest} characters.", where=place
            )
    return tuple((start, end) for start, end in value)


def _list(found: Mapping[str, Any], key: str, place: str) -> list[Any]:
    value = found.get(key) or []
    if isinstance(value, str):  # Some files keep the tools as a string of JSON.
        try:
            value = json.loads(value)
        except (ValueError, RecursionError) as error:
            raise UsageError(f"`{key}` is not JSON: {error}.", where=place) from error
    if not isinstance(value, list):
        raise UsageError(f"`{key}` is not a list.", where=place)
    return value


def _turns(value: Any, role: str, key: str, place: str) -> tuple[ChatMessage, ...]:
    if isinstance(value, str):
        return ({"role": role, "content": value},)
    return _messages(value, key, place) if value else ()


def _messages(value: Any, key: str, place: str) -> tuple[ChatMessage, ...]:
    if not isinstance(value, list) or not all(isinstance(message, dict) for message in value):
        raise UsageError(f"`{key}` is not a list of messages.", where=place)
    return tuple(value)
