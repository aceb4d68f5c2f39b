"""How right a reply is, from 0 to 1, beside the answers that are accepted."""

from __future__ import annotations

import json
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from typing import Any

from instill.measure.judging.same_value import content, places
from instill.measure.judging.scorer import judge, overlap
from instill.measure.judging.sentences import tokens
from instill.train.gate.metrics import plugged_score

Scoring = str
"""How replies are scored: one of `instill.train.gate.metrics.BUILT_IN`, or a plug-in's metric. "exact" is the scorer
that comparison and curve use too."""

_DEEPEST = 64  # Deeper JSON counts as none: what walks through it would not come back.
_ARTICLES = frozenset({"a", "an", "the"})
_EDGES = " \t\r\n.,;:!?\"'“”‘’«»`"
_FENCED = re.compile(r"\A```[a-zA-Z]*\s*\n(.*?)\n?```\Z", re.DOTALL)
_CALL = re.compile(r"<tool_call>(.*?)</tool_call>", re.DOTALL)


def score(reply: str, accepted: Sequence[str], scoring: Scoring = "exact", *, question: str = "") -> float:
    """The best score of `reply` against any of the accepted answers, 0 to 1.

    "exact" is 1 for a reply that `instill.measure.judging.scorer.judge` finds right: the answer, or a sentence that
    commits itself to it; numbers, dates and units by what they mean; a refusal where an accepted answer is one.

    Args:
        question: for "exact", what was asked; see there.

    Raises:
        ValueError: there is no accepted answer, or, for "json", one that is not JSON.
        UsageError: a plug-in's metric cannot be used.

    Example:
        >>> score("The Hague.", ["Den Haag", "the hague"]), score("It is not in The Hague.", ["The Hague"])
        (1.0, 0.0)
        >>> score("twelve hundred", ["1,200"]), score("twelve hundred", ["1,200"], "verbatim")
        (1.0, 0.0)
    """
    if not accepted:
        raise ValueError("no accepted answer")
    if scoring == "exact":
        return judge(reply, accepted, question=question).right
    ways = {"verbatim": verbatim, "f1": overlap, "json": json_score, "contains": contains}
    if scoring not in ways:
        return plugged_score(scoring, reply, accepted, question)
    one = ways[scoring]
    return max(one(reply, answer) for answer in accepted)


def verbatim(reply: str, answer: str) -> float:
    """1 when both are the same text but for case, spaces, a leading article, and quotes or punctuation around them.

    Example:
        >>> verbatim(" the  River Ill.", "River Ill"), verbatim("-5", "5"), verbatim("1,200", "1200")
        (1.0, 0.0, 0.0)
    """
    return float(_plain(reply) == _plain(answer))


def contains(reply: str, answer: str) -> float:
    """1 when the words and values of the answer stand in the reply, in this order and next to each other.

    What is said of them does not count: a reply that lists several values, or denies one, contains them.

    Example:
        >>> contains("Ada was born in 1931, in Holm.", "born in 1931"), contains("19315", "1931")
        (1.0, 0.0)
    """
    said, wanted = tokens(reply), tokens(answer)
    if not content(wanted):
        return float(not content(said))
    return float(next(places(said, wanted), None) is not None)


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


def _plain(text: str) -> str:
    found = unicodedata.normalize("NFKC", text).casefold().strip(_EDGES).split()
    return " ".join(found[1:] if len(found) > 1 and found[0] in _ARTICLES else found)


def _f1(said: Counter[Any], wanted: Counter[Any]) -> float:
    if not said or not wanted:
        return float(said == wanted)
    return 2 * (said & wanted).total() / (said.total() + wanted.total())


def calls_in(reply: str) -> list[str]:
    """What stands in the reply's calls of functions, as text.

    Example:
        >>> calls_in('<tool_call>{"name": "steer"}</tool_call>'), calls_in("Ahoy!")
        (['{"name": "steer"}'], [])
    """
    return _CALL.findall(reply)


def _unwrapped(text: str) -> str:
    calls = calls_in(text)
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
