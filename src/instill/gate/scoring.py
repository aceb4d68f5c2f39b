"""How right a reply is, from 0 to 1, beside the answers that are accepted."""

from __future__ import annotations

import json
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from typing import Any, Literal

Scoring = Literal["exact", "f1", "json", "contains"]

_DEEPEST = 64  # Deeper JSON counts as none: what walks through it would not come back.
_ARTICLES = frozenset({"a", "an", "the"})
_SIGN = re.compile(r"(?<=\d)[.,:/-](?=\d)|(?<![\w.])[-+](?=\d)")
_EDGES = " \t\r\n.,;:!?\"'“”‘’«»`"
_FENCED = re.compile(r"\A```[a-zA-Z]*\s*\n(.*?)\n?```\Z", re.DOTALL)
_CALL = re.compile(r"<tool_call>(.*?)</tool_call>", re.DOTALL)


def score(reply: str, accepted: Sequence[str], scoring: Scoring = "exact") -> float:
    """The best score of `reply` against any of the accepted answers, 0 to 1.

    Raises:
        ValueError: there is no accepted answer, or, for "json", one that is not JSON.

    Example:
        >>> score("The Hague.", ["Den Haag", "the hague"])
        1.0
        >>> score("It is in The Hague", ["The Hague"], "contains")
        1.0
    """
    if not accepted:
        raise ValueError("no accepted answer")
    one = {"exact": exact, "f1": f1, "json": json_score, "contains": contains}[scoring]
    return max(one(reply, answer) for answer in accepted)


def exact(reply: str, answer: str) -> float:
    """1 when both are the same but for case, spaces, a leading article, and quotes or punctuation around them.

    Example:
        >>> exact(" the  River Ill.", "River Ill"), exact("-5", "5"), exact("3.5", "35")
        (1.0, 0.0, 0.0)
    """
    return float(_plain(reply) == _plain(answer))


def f1(reply: str, answer: str) -> float:
    """The harmonic mean of the shares of words that both have, as in SQuAD (Rajpurkar et al., EMNLP 2016).

    Case, articles and punctuation do not count; unlike there, the signs inside of a number do.

    Example:
        >>> f1("in the old harbour", "the old harbour of Holm"), f1("2.5 km", "25 km"), f1("", "")
        (0.5714285714285714, 0.5, 1.0)
    """
    said, wanted = _without_articles(words(reply)), _without_articles(words(answer))
    return _f1(Counter(said), Counter(wanted))


def contains(reply: str, answer: str) -> float:
    """1 when the words of the answer stand in the reply, in this order and next to each other.

    Example:
        >>> contains("Ada was born in 1931, in Holm.", "born in 1931"), contains("19315", "1931")
        (1.0, 0.0)
    """
    said, wanted = _without_articles(words(reply)), _without_articles(words(answer))
    if not wanted:
        return float(not said)
    return float(any(said[start : start + len(wanted)] == wanted for start in range(len(said) - len(wanted) + 1)))


def json_score(reply: str, answer: str) -> float:
    """1 when both are the same JSON, whatever the order of keys; else the F1 of their fields; 0 when it is no JSON.

    A field is a value with the keys and list places that lead to it, so that this F1 is 1 only for equal JSON. A reply
    in a fence of Markdown counts; a tool call counts as its content.

    Raises:
        ValueError: the answer is not JSON.

    Example:
        >>> json_score('{"b": [1, 2], "a": "x"}', '{"a": "x", "b": [1, 2.0]}')
        1.0
        >>> json_score('{"a": "x", "b": 1}', '{"a": "x", "b": 2}'), json_score("a: x", '{"a": "x"}')
        (0.5, 0.0)
    """
    wanted = parse_json(_unwrapped(answer))
    if wanted is None:
        raise ValueError(f"the answer is not JSON: {answer[:80]!r}")
    said = parse_json(_unwrapped(reply))
    return 0.0 if said is None else _f1(Counter(_fields(said[0])), Counter(_fields(wanted[0])))


def parse_json(text: str) -> tuple[Any] | None:
    """The value that `text` is as a whole, in a tuple of one, or None. NaN and Infinity are no JSON.

    Example:
        >>> parse_json(" null "), parse_json("[1"), parse_json("NaN")
        ((None,), None, None)
    """

    def refuse(name: str) -> Any:
        raise ValueError(name)

    try:
        found = json.loads(text, parse_constant=refuse)
    except (ValueError, RecursionError):  # A model's reply can be nested without end.
        return None
    return (found,) if _is_shallow(found) else None


def words(text: str) -> list[str]:
    """The words in lower case, without punctuation except the signs of numbers.

    Example:
        >>> words("Don't pay -3.50 $!")
        ['dont', 'pay', '-3.50']
    """
    text = unicodedata.normalize("NFKC", text).casefold()
    kept = {found.start() for found in _SIGN.finditer(text)}
    return "".join(
        sign for place, sign in enumerate(text) if place in kept or unicodedata.category(sign)[0] not in "PS"
    ).split()


def _plain(text: str) -> str:
    found = unicodedata.normalize("NFKC", text).casefold().strip(_EDGES).split()
    return " ".join(found[1:] if len(found) > 1 and found[0] in _ARTICLES else found)


def _without_articles(found: list[str]) -> list[str]:
    return [word for word in found if word not in _ARTICLES] or found


def _f1(said: Counter[Any], wanted: Counter[Any]) -> float:
    if not said or not wanted:
        return float(said == wanted)
    return 2 * (said & wanted).total() / (said.total() + wanted.total())


def _unwrapped(text: str) -> str:
    calls = _CALL.findall(text)
    if calls:
        return calls[0] if len(calls) == 1 else f"[{','.join(calls)}]"
    fenced = _FENCED.match(text.strip())
    return fenced.group(1) if fenced else text


def _is_shallow(value: Any) -> bool:
    level = [value]
    for _ in range(_DEEPEST):
        level = [inner for each in level for inner in _inner(each)]
        if not level:
            return True
    return False


def _inner(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def _fields(value: Any, place: tuple[str | int, ...] = ()) -> list[tuple[tuple[str | int, ...], str]]:
    if isinstance(value, dict) and value:
        return [field for key, inner in value.items() for field in _fields(inner, (*place, key))]
    if isinstance(value, list) and value:
        return [field for number, inner in enumerate(value) for field in _fields(inner, (*place, number))]
    if isinstance(value, float) and value.is_integer():
        value = int(value)  # JSON has one kind of number: 2.0 is 2.
    return [(place, json.dumps(value))]
