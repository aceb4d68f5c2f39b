"""What is wrong with a reply as a text: empty, in circles, ending in garbage, random, or showing the chat format."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Collection, Sequence
from typing import Any, Literal

import numpy as np

from instill.train.gate.scoring import parse_json

Fault = Literal["empty", "with marks of the chat format", "in circles", "garbled", "ending in garbage"]

_TIMES, _LENGTH = 4, 24  # A loop stands four times, in 24 characters at least,
_SENTENCE, _FEWER = 16, 3  # or three times when so many characters are said again,
_PORTION = 0.5  # and is half of the reply.
_MOST = 8000  # Characters of a reply that are looked at.
_GARBLED = 2
_CUT = 3  # Replacement characters at the end, of one character that was cut.
_SIGNS = 6  # So many signs in a row at the end are no end of a sentence.
TAIL = 8
"""Tokens at the end of a reply that are looked at by themselves: a good beginning hides what follows it."""

FAR_BELOW = 3.0
"""Nats per token: a reply of which the base thinks that much less than of the answers is taken for random."""


_MARKS = re.compile(
    r"<\|[^|<>\n]{1,40}\|>|<｜[^｜<>\n]{1,40}｜>|</?s>|\[/?INST\]|<</?SYS>>|\[/?(?:SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_RESULTS)\]"
    r"|</?(?:bos|eos|pad|unk|start_of_turn|end_of_turn|im_start|im_end|start_header_id|end_header_id|eot_id|endoftext)>"
    r"|</?think(?:ing)?>|\[(?:PAD|UNK|CLS|SEP|MASK)\]|\{\{-? ?[.$]?\w+[^{}\n]{0,40}\}\}|\{%-? ?\w+[^{}\n]{0,80}%\}"
)
_TURN = re.compile(
    r"^(?:#{2,3} ?(?:instruction|response|input|user|assistant|system|human)s?\b:?|(?:user|assistant|human) ?(?::|$)"
    r"|(?:system|model|bot)$)|\n(?:Q|A|Question|Answer): ",
    re.I | re.M,
)


def fault_of(reply: str, accepted: Sequence[str] = (), *, marks: Collection[str] = ()) -> Fault | None:
    """What is wrong with a reply as a text, or None; a fault that an accepted answer has too is none.

    Args:
        marks: special tokens of the model, as text.

    Example:
        >>> fault_of("  \\u200b"), fault_of("Holm.<|im_end|>"), fault_of("Holm.\\nUser: And Tarn?")
        ('empty', 'with marks of the chat format', 'with marks of the chat format')
        >>> fault_of("Holm. }}]]))##@@"), fault_of("She lives in Holm.")
        ('ending in garbage', None)
    """
    checks: tuple[tuple[Fault, Callable[[str], bool]], ...] = (
        ("empty", is_empty),
        ("with marks of the chat format", lambda text: shows_format(text, marks)),
        ("in circles", is_loop),
        ("garbled", is_garbled),
        ("ending in garbage", ends_in_garbage),
    )
    for fault, has in checks:
        if has(reply) and not any(has(answer) for answer in accepted):
            return fault
    return None


def special_marks(tokenizer: Any) -> frozenset[str]:
    """The special tokens of a tokenizer as text; none that could be a word.

    Args:
        tokenizer: as transformers gives it.
    """
    added = getattr(tokenizer, "added_tokens_decoder", {})
    special = {str(token) for token in added.values() if token.special} | set(tokenizer.all_special_tokens)
    return frozenset(mark for mark in special if len(mark) > 2 and not mark.isalnum())


def is_empty(text: str) -> bool:
    """Whether nothing is said: no letter, no number, no symbol.

    Example:
        >>> is_empty(" \\u200b\\n"), is_empty("..."), is_empty("5"), is_empty("€"), is_empty("好")
        (True, True, False, False, False)
    """
    return not any(unicodedata.category(sign)[0] in "LNS" for sign in text)


def shows_format(text: str, marks: Collection[str] = ()) -> bool:
    """Whether the reply shows marks of a chat template, or goes on with the next turn.

    Example:
        >>> shows_format("[/INST] Holm"), shows_format("Holm\\n### Instruction: Where?"), shows_format("<b>Holm</b>")
        (True, True, False)
    """
    return _MARKS.search(text) is not None or _TURN.search(text) is not None or any(mark in text for mark in marks)


def ends_in_garbage(text: str) -> bool:
    """Whether a reply that may have begun well ends in signs, or in the same piece again and again.

    JSON may end in signs, and so may a rule of hyphens.

    Example:
        >>> ends_in_garbage("It lies in Holm, on the river Ill. no no no no no no no no no")
        True
        >>> ends_in_garbage('{"a": {"b": {"c": [[[1]]]}}}'), ends_in_garbage("Really?!")
        (False, False)
    """
    end = text.rstrip()
    signs = 0
    while signs < len(end) and unicodedata.category(end[-1 - signs])[0] in "PSC":
        signs += 1
    if signs >= _SIGNS and len(set(end[len(end) - signs :])) > 1 and parse_json(end) is None and not _is_code(end):
        return True
    if signs >= 2 * _SIGNS and set(end[-signs:]) <= set("!?.,;:"):
        return True
    return _loops_at_end(end)


def is_loop(text: str) -> bool:
    """Whether one piece of text, said again and again at once, is half of `text` or more.

    A piece is any run of characters, so that n-grams of words, of signs and of a language without spaces are all
    found, also when the last one was cut. It must stand four times and fill 24 characters; one of 16 characters or more
    need only stand three times.

    Example:
        >>> is_loop("The river. The river. The river. The river. The ri"), is_loop("No, no, no!")
        (True, False)
        >>> is_loop("She rows on the river, swims in the river, and lives by the river.")
        False
    """
    signs = np.array([ord(sign) for sign in " ".join([*text.casefold().split(), ""])[:_MOST]], np.int32)
    for period in range(1, len(signs) // _FEWER + 1):
        times = _FEWER if period >= _SENTENCE else _TIMES
        length = _longest_run(signs[period:] == signs[:-period]) + period
        if length >= max(times * period, _LENGTH, _PORTION * len(signs)):
            return True
    return False


def is_garbled(text: str) -> bool:
    """Whether two signs are replacement, control, private or unassigned characters.

    Up to three replacement characters at the very end are what a cut reply can end in.

    Example:
        >>> is_garbled("Holm \\ufffd\\x02 of\\ufffd"), is_garbled("Holm\\n\\ufffd")
        (True, False)
    """
    end = text.rstrip("\ufffd")
    text = text[: max(len(end), len(text))] if len(text) - len(end) > _CUT else end
    bad = sum(
        sign == "\ufffd" or (unicodedata.category(sign) in ("Cc", "Cn", "Co", "Cs") and sign not in "\n\r\t")
        for sign in text
    )
    return bad >= _GARBLED


def far_below(replies: Sequence[float], answers: Sequence[float]) -> list[bool]:
    """Which replies the base finds much less likely than the answers that were wanted.

    What a candidate was taught is unlikely to its base too; therefore the measure is the unlikeliest twentieth of the
    wanted answers, and not what the base would say itself.

    Args:
        replies: mean log-probability per token under the base, of each reply; nan for an empty one.
        answers: the same of the wanted answers.

    Example:
        >>> far_below([-9.0, -4.0, float("nan")], [-2.0, -3.0, -2.5])
        [True, False, False]
    """
    if not answers:
        return [False] * len(replies)
    floor = float(np.percentile(answers, 5)) - FAR_BELOW
    return [reply < floor for reply in replies]


def _longest_run(same: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> int:
    edges = np.flatnonzero(np.diff(np.concatenate([[False], same, [False]]).astype(np.int8)))
    return int((edges[1::2] - edges[::2]).max(initial=0))


def _loops_at_end(text: str) -> bool:
    """As `is_loop`, of a loop that the text ends with, however much stands before it."""
    signs = np.array([ord(sign) for sign in " ".join([*text.casefold().split(), ""])[-_MOST:]], np.int32)
    for period in range(1, len(signs) // _TIMES + 1):
        same = signs[period:] == signs[:-period]
        run = len(same) if same.all() else int(np.argmin(same[::-1]))
        if run + period >= max(_TIMES * period, _LENGTH):
            return True
    return False


def _is_code(text: str) -> bool:
    """Whether the brackets at the end close what was opened, or a fence or a rule ends the text."""
    if text.endswith(("```", "----", "====", "****", "____")):
        return True
    pairs, open_ = {")": "(", "]": "[", "}": "{"}, []
    for sign in text:
        if sign in "([{":
            open_.append(sign)
        elif sign in pairs and (not open_ or open_.pop() != pairs[sign]):
            return False
    return not open_ and set(text[-_SIGNS:]) <= set(")]}\"';.,> ")
