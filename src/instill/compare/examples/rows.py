"""Example rows of a format or a tone: what can be put to an arm, which rows belong together, training and held out."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from math import log

from instill.answer.terms import terms
from instill.errors import UsageError
from instill.measure.judging.text import words
from instill.models.generators.chat_text import ChatMessage
from instill.models.generators.protocol import Message
from instill.study.study_set import digest
from instill.train.generator.data.rows import Row

NEAR = 0.8
"""Share of the weight of their words that two inputs have in common, from which on they are near-duplicates."""

_EDGE = 1e-9


def split_examples(rows: Sequence[Row], *, share: float = 0.25, seed: int) -> tuple[list[Row], list[Row]]:
    """Rows to learn from, and rows to be asked.

    Rows that belong together (`groups_of`) stay on one side, so that no arm was shown what it is asked. Groups are
    drawn by a hash of seed and group, which hangs neither on the order of the rows nor on other groups. A group too
    large for what is still to be held out goes to training.

    Args:
        rows: conversations that end with a reply.
        share: of the rows to hold out, above 0, below 1; kept as nearly as the groups allow, one row at least.
        seed: of the draw.

    Returns:
        Training and held-out rows, in the order of `rows`.

    Raises:
        UsageError: a row cannot be used (`check_examples`), the share is out of its range, or all rows belong
            together.

    Example:
        >>> from instill.train.generator.data.rows import chat_row
        >>> rows = [chat_row(f"Order {word}", "{}") for word in ("pears", "plums", "figs", "Pears!")]
        >>> train, held_out = split_examples(rows, share=0.5, seed=0)
        >>> [len({row.prompt[0]["content"].strip("!").lower() for row in each}) for each in (train, held_out)]
        [1, 2]
    """
    check_examples(rows)
    if not 0 < share < 1:
        raise UsageError(f"{share:g} is not a share of rows to hold out.", remedy="Choose one between 0 and 1.")
    groups = groups_of(rows)
    sizes = Counter(groups)
    if len(sizes) < 2:
        raise UsageError(
            "These examples cannot be split: all of them have one group, or nearly the same input.",
            remedy="Add examples with other inputs.",
        )
    wanted = min(len(rows) - 1, max(1, round(share * len(rows))))
    drawn: set[str] = set()
    left = wanted
    order = sorted(sizes, key=lambda group: digest([seed, group]))
    for group in order:
        if sizes[group] <= left:
            drawn.add(group)
            left -= sizes[group]
    if not drawn:
        drawn = {min(order, key=lambda group: sizes[group])}
    sides = [group in drawn for group in groups]
    return (
        [row for row, held in zip(rows, sides, strict=True) if not held],
        [row for row, held in zip(rows, sides, strict=True) if held],
    )


def groups_of(rows: Sequence[Row]) -> list[str]:
    """The group of each row.

    Rows belong together that name one group, whose last user's messages are the same but for case, punctuation and
    spaces, or are near-duplicates; and what belongs to the same belongs together.

    Near-duplicates have the same content words, stemmed, or share `NEAR` of their weight (Jaccard index, each word
    once). A word weighs the logarithm of how many inputs there are to one that has it, so that the template which all
    inputs may be written in weighs nothing. Another wording of the same request is not found, nor are misspelt words.

    Returns:
        As many names as rows: the first of the groups that are named, or else a hash of the input.
    """
    inputs = [input_of(row) for row in rows]
    contents = [" ".join(sorted(set(terms(asked_of(row.prompt))))) for row in rows]
    above = list(range(len(rows)))

    def top(place: int) -> int:
        while above[place] != place:
            above[place] = place = above[above[place]]
        return place

    first: dict[tuple[str, str], int] = {}
    for place, row in enumerate(rows):
        for key in (("input", inputs[place]), ("group", row.group), ("content", contents[place])):
            if key[1]:
                above[top(place)] = top(first.setdefault(key, place))
    for one, other in near_duplicates(contents):
        above[top(one)] = top(other)
    names: dict[int, tuple[bool, str]] = {}
    for place, row in enumerate(rows):
        name = (not row.group, row.group or digest(inputs[place]))
        names[top(place)] = min(names.get(top(place), name), name)
    return [names[top(place)][1] for place in range(len(rows))]


def near_duplicates(inputs: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Places of inputs that are near-duplicates of each other, see `groups_of`; equal ones are not told.

    Prefix filtering (Chaudhuri, Ganti and Kaushik, "A primitive operator for similarity joins in data cleaning",
    ICDE 2006): near-duplicates share one of the rare words that make up more than 1 - `NEAR` of either's weight, so
    that only inputs which do are compared.

    Args:
        inputs: their content words with spaces between them.
    """
    places = list({text: place for place, text in enumerate(inputs)}.values())
    bags = [frozenset(inputs[place].split()) for place in places]
    counts = Counter(word for bag in bags for word in bag)
    weights = {word: log(len(bags) / count) for word, count in counts.items()}
    holders: defaultdict[str, list[int]] = defaultdict(list)
    for number, bag in enumerate(bags):
        weight = sum(weights[word] for word in bag)
        if weight <= _EDGE:
            continue
        passed, candidates = 0.0, set[int]()
        for word in sorted(bag, key=lambda word: (counts[word], word)):
            if passed > (1 - NEAR) * weight + _EDGE:
                break
            candidates.update(holders[word])
            holders[word].append(number)
            passed += weights[word]
        for other in sorted(candidates):
            common = sum(weights[word] for word in bag & bags[other])
            if common >= NEAR * sum(weights[word] for word in bag | bags[other]) - _EDGE:
                yield places[other], places[number]


def check_examples(rows: Sequence[Row]) -> None:
    """See that arms can be asked these rows, and their replies judged.

    Raises:
        UsageError: a row has no user's message, no reply in text, or a call of a tool.
    """
    for number, row in enumerate(rows, 1):
        where = row.place or f"example {number}"
        if any(message["role"] == "tool" or message.get("tool_calls") for message in row.messages):
            raise UsageError("This example calls a tool; the arms have none.", where=where)
        if not asked_of(row.prompt) or not row.said:
            raise UsageError(
                "This example has no user's message, or no reply to learn.",
                where=where,
                remedy='End its messages with {"role": "user", ...} and {"role": "assistant", ...}, both with text.',
            )


def asked_of(messages: Sequence[ChatMessage] | Sequence[Message]) -> str:
    """The last user's message; "" where there is none."""
    said = [str(message.get("content") or "") for message in messages if message["role"] == "user"]
    return said[-1].strip() if said else ""


def input_of(row: Row) -> str:
    """The words of the last user's message, by which inputs are compared."""
    asked = asked_of(row.prompt)
    return " ".join(words(asked)) or asked


def prompt_of(row: Row) -> tuple[Message, ...]:
    """The messages before the reply."""
    return tuple(_message(message) for message in row.prompt)


def turns_of(row: Row) -> tuple[Message, ...]:
    """The conversation with its reply, without instructions: what can stand as earlier turns."""
    said = (*row.prompt, {"role": "assistant", "content": row.said})
    return tuple(_message(message) for message in said if message["role"] != "system")


def _message(message: ChatMessage) -> Message:
    return {"role": message["role"], "content": str(message["content"])}
