"""Replies that answer with the question's own words: "It is not allowed." for no, "There are no lifts." for none."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from instill.measure.judging.same_value import content
from instill.measure.judging.text import word_set
from instill.measure.judging.word_tokens import Token

_NOT = word_set("not no never none neither")
_NONE = word_set("none nothing nil nobody")
_PLAIN = word_set("it is are was were they he she there that this do does did has have had can will in at all any here")
_VERBS = word_set("is are was were do does did has have had can could may must will would should")
_LABELLED = word_set("version release section chapter article paragraph clause edition number code")
_POINTED = re.compile(r"\d+(?:\.\d+)+")


def says_yes(said: Sequence[Token], asked: Collection[str]) -> bool | None:
    """Whether a reply of nothing but the question's words says yes or no; None where it says anything else.

    Example:
        >>> from instill.measure.judging.values import tokens_of
        >>> asked = {"is", "smoking", "allowed"}
        >>> [says_yes(tokens_of(text), asked) for text in ("Smoking is not allowed.", "It is.", "It is fine.")]
        [False, True, None]
    """
    words = [said[place].text for place in content(said)]
    if any(token.text == "?" for token in said) or not _VERBS & set(words):
        return None
    denials = [word for word in words if word in _NOT]
    rest = [word for word in words if word not in _NOT]
    if len(denials) > 1 or not all(word in asked or word in _PLAIN for word in rest):
        return None
    return not denials


def says_none(said: Sequence[Token], wanted: Sequence[Token], asked: Collection[str]) -> bool:
    """Whether none was expected and is said: "None.", "0", "There are no lifts."."""
    own = [wanted[place] for place in content(wanted)]
    if len(own) != 1 or not (own[0].text in _NONE or (own[0].kind == "number" and own[0].number == 0)):
        return False
    tokens = [said[place] for place in content(said)]
    if len(tokens) == 1:
        return tokens[0].text in _NONE or (tokens[0].kind == "number" and tokens[0].number == 0)
    words = [token.text for token in tokens]
    return (
        words.count("no") == 1
        and "not" not in words
        and all(word in asked or word in _PLAIN | {"no"} for word in words)
    )


def other_label(reply: str, answer: str, asked: Collection[str]) -> bool:
    """Whether version 3.10 was expected and 3.1 is said: there the digits are a name and no value."""
    label = _POINTED.fullmatch(answer.strip())
    return label is not None and bool(_LABELLED & set(asked)) and label[0] not in _POINTED.findall(reply)


def turned(said: Sequence[Token]) -> Sequence[Token]:
    """A name that is said last name first: "Berg, Ada" as "Ada Berg"; anything else as it is."""
    commas = [place for place, token in enumerate(said) if token.text == ","]
    words = [said[place] for place in content(said)]
    if len(commas) != 1 or len(words) > 4 or not all(token.capital for token in words):
        return said
    return [*(token for token in said[commas[0] + 1 :] if token.kind != "mark"), *said[: commas[0]]]
