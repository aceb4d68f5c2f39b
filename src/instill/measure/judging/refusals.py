"""Whether a reply says that it does not know, or that what it was shown does not tell."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from instill.measure.judging.sentences import sentences_of, spoken
from instill.measure.judging.text import word_set

PHRASES = ("unknown", "NOT IN THE DOCUMENTS", "I don't know")
"""What a model is taught to say; any other way of saying it counts too."""

_NOT = r"(?:do|does|did|can|could|would|will) (?:\w+ )?not|never"
_ABLE = r"(?:not able to|unable to|not in a position to)"
_KNOW = r"(?:know|answer|say|tell|find|determine|provide|identify|confirm|recall|remember|help|give|establish|locate)"
_LEAD = r"(?:(?:really|honestly|simply|just|currently|actually|also|still|sadly|yet|quite) )*"
_TEXT = r"(?:documents?|passages?|texts?|sources?|contexts?|articles?|pages?|excerpts?|materials?|files?|paragraphs?)"
_SOURCE = rf"(?:{_TEXT}|records?|information|data|it|they|this|that)"
_SAY = (
    r"(?:say|mention|state|specify|tell|indicate|disclose|reveal|name|explain|answer|contain|give|provide|include|"
    r"list|"
    r"describe|discuss|cover|address|offer|show|have|identify|clarify|refer|define)"
)
_SPEAK = r"(?:say|mention|state|specify|tell|indicate|disclose|reveal|answer|name|identify)"
_SAID = r"(?:mentioned|stated|specified|said|told|indicated|disclosed|documented|explained|revealed|addressed|answered)"
_FOUND = (
    r"(?:given|provided|listed|found|recorded|described|included|available|named|clear|there|shown|covered|present)"
)
_NEWS = (
    r"(?:mention|information|answer|reference|indication|data|details?|record|statement|word|info|clue|hint|"
    r"description|facts?)"
)
_IS = r"(?:is|was|are|were|be|been|being)"
_BE = rf"(?:(?:i|we) {_LEAD}(?:am|was|are|were|feel)|^)"

_BY_SPEAKER = (
    rf"\b(?:i|we) {_LEAD}(?:{_NOT}) {_LEAD}{_KNOW}\b(?! if you)",
    rf"{_BE} {_LEAD}{_ABLE} {_KNOW}\b|^{_ABLE} {_KNOW}\b",
    r"\b(?:i|we) {0}(?:have|had|got) (?:absolutely )?no (?:idea|information|knowledge|clue|data|answer|access|records?|"
    r"details?)"
    r"\b".replace("{0}", _LEAD),
    rf"{_BE} ?(?:{_LEAD}|(?:entirely|completely) )(?:not (?:\w+ )?|un)(?:sure|certain|aware)\b",
    rf"\b(?:i|we) {_LEAD}do not have (?:\w+ )?(?:information|data|details|access|knowledge|answer)\b",
    r"\b(?:i|we) do not have (?:that|this)$",
    rf"^(?:sorry )?(?:(?:{_NOT}) {_KNOW}|(?:not (?:\w+ )?sure|not (?:\w+ )?certain|unsure|no idea|no clue|beats me|"
    rf"who knows)\b)",
    rf"\b(?:i|we) {_LEAD}(?:do not|never) (?:think|believe) (?:that )?(?:the |these )?{_SOURCE} {_SAY}s?\b",
    r"\b(?:i|we) lack (?:\w+ ){0,2}(?:information|knowledge|data)\b|\b(?:no one|nobody|no body) knows\b|^(?:idk|"
    r"dunno)\b",
    rf"\b(?:i|we) {_LEAD}(?:{_NOT}) {_LEAD}(?:see|read|notice|have) (?:\w+ ){{0,3}}?(?:in|"
    rf"from) (?:\w+ ){{0,3}}?{_TEXT}\b",
    r"\b(?:i|we) (?:(?:was|were|have|had) )?(?:not|never) (?:been )?(?:told|given|informed|shown|provided)\b",
    r"\bnot something (?:that )?(?:i|we) (?:\w+ )?(?:know|have|can|am|are)\b",
    r"^(?:(?:that|this|it) is )?(?:really |very |quite )?(?:hard|difficult|impossible) to (?:say|tell|know)"
    r"(?:$| (?:who|what|when|where|which|how|why|from|without|for sure|exactly)\b)",
    r"\byour guess is as good as mine\b|\bbeyond (?:what i know|my knowledge)\b",
)
_BY_TEXT = (
    rf"\b{_TEXT} (?:\w+ ){{0,4}}?(?:(?:{_NOT}|fails? to) (?:\w+ )?{_SAY}s?|(?:contains?|gives?|offers?|ha[sv]e?|"
    rf"provides?|"
    r"includes?|makes?|says?|mentions?|tells?) (?:no|nothing|little)|(?:is|are|remains?) silent)\b",
    rf"\b(?:none|neither|no|not one|nothing) (?:of |in )?(?:the |these |those )?(?:\w+ )?{_TEXT} {_SAY}s?\b",
    rf"\b{_SOURCE} (?:{_NOT}|fails? to) (?:\w+ )?{_SPEAK}\b",
    rf"\bthere (?:{_IS}) nothing (?:\w+ )?(?:about|on|in)\b",
    rf"\bthere (?:{_IS}|seems to be|appears to be) (?:no|not any|not enough|nothing|insufficient)"
    rf"(?: \w+)? {_NEWS}\b(?! that it)",
    r"\b(?:i|we) (?:\w+ )?(?:found|find|see) (?:no|nothing)\b",
    rf"^(?:no|not enough|insufficient) (?:\w+ )?{_NEWS}\b",
    rf"\b(?:no|not enough|insufficient|too little) (?:\w+ )?{_NEWS}(?: \w+){{0,4}} {_IS} \w+\b",
    rf"\bnothing (?:\w+ )?{_IS} (?:\w+ )?(?:{_SAID}|known|{_FOUND})\b|^nothing (?:\w+ )?(?:in|about|on|"
    rf"from) (?:\w+ ){{0,3}}{_TEXT}\b",
    rf"\b{_IS} (?:not|never|nowhere) (?:\w+ )?{_SAID}\b|^(?:not|never|nowhere) (?:\w+ )?{_SAID}\b",
    rf"\b(?:{_IS}|remains?) (?:not (?:\w+ )?known|un(?:known|specified|stated|mentioned|clear|"
    rf"documented))(?! (?:for|as|to))\b",
    r"\b(?:is|was|remains?) not (?:\w+ )?clear\b(?! to)",
    rf"(?:\b(?:{_IS} (?:not|nowhere))|^not) (?:\w+ )?(?:{_FOUND} )?(?:in|by|from|within|"
    rf"part of) (?:\w+ ){{0,3}}?{_TEXT}\b",
    rf"\b{_IS} (?:not|nowhere) (?:\w+ )?{_FOUND} (?:anywhere|here)\b",
    r"\b(?:information|answer|details?|data) (?:\w+ ){0,4}?(?:not (?:\w+ )?|un)(?:available|given|provided|there|"
    r"found|included|listed|present)\b",
    rf"\b(?:can|could) (?:\w+ )?not be (?:\w+ )?(?:determined|answered|established|inferred|deduced|ascertained|"
    rf"known|said|"
    rf"told|found in (?:\w+ ){{0,3}}?{_TEXT})\b",
    r"\b(?:impossible to|not possible to|no way to|(?:one|it) (?:can|could) not) (?:\w+ )?(?:determine|answer|"
    r"establish|infer|"
    r"deduce|ascertain|know|tell|say)\b",
    rf"^nowhere\b.*\b(?:{_SAID}|named|say|says|mention)\b|\b(?:does|do|did) not (?:appear|occur|come up|feature|"
    rf"figure) in "
    rf"(?:\w+ ){{0,3}}?{_TEXT}\b",
    rf"^no(?: one)? (?:\w+ ){{0,3}}?(?:{_IS}) (?:\w+ )?(?:{_SAID}|named|given|listed|identified|known)\b",
    r"^(?:unknown|n a|not (?:known|available|given|provided|applicable|specified|found|clear)|unclear|unanswerable|"
    r"no answer|uncertain|unspecified|undetermined|(?:the )?answer (?:is )?(?:unknown|not known))$",
    rf"^not (?:in|within) (?:\w+ ){{0,2}}?{_TEXT}$",
)
_SPEAKER = len(_BY_SPEAKER)
_REFUSALS = tuple(map(re.compile, (*_BY_SPEAKER, *_BY_TEXT)))
_BUT = re.compile(r"\b(?:but|however|though|still|nevertheless)\b(.*)")
_AFTER_ALL = re.compile(
    r"^(?!i |we )(?:\w+ ){1,20}?(?:but|though|although|however) (?:i|we) (?:am|do|have|can|could|would)\b"
)
_UNSURE = re.compile(
    r"(?:(?:that|this|it) is )?(?:really |very |quite )?(?:hard|difficult|impossible) to (?:say|tell|know)|"
    r"(?:but |though )?(?:i am )?(?:\w+ )?(?:not|un) ?(?:\w+ )?(?:sure|certain)(?: (?:about )?(?:that|this|it))?"
)
_ASIDE = re.compile(r"\w .*\bwhose\b|\w who $")
_MORE = re.compile(r"\b(?:more|else|further|beyond that)\b")
_OFFER = re.compile(
    r"\b(?:you|please|contact|can|could|would|will|try|help|happy|may)\b"
    rf"|\b{_TEXT}\b"
)
_ABOUT = re.compile(
    rf"\b{_TEXT}\b|^(?:sorry|i am sorry|i am afraid|unfortunately|hm+|well|regrettably|i apologi[sz]e)\b"
)
_ASKING = word_set("who whom whose when where which what why how")


def is_refusal(reply: str, phrases: Sequence[str] = PHRASES, *, question: str = "") -> bool:
    """Whether the reply says that it does not know, or that the answer is not in what it was shown.

    Besides the usual ways of saying so, which are known, a reply is a refusal when it is one of the phrases, or has one
    of several words in it. A phrase of a single word must be the whole reply: an answer may well have that word in it.
    Case and punctuation do not count.

    A reply that does not know one thing and answers all the same ("I don't know who built it, but it is from 1923") is
    none, nor is one that does not know another thing than was asked for.

    Args:
        question: what was asked; "": any not knowing counts.

    Example:
        >>> is_refusal("Unknown."), is_refusal("The grave of the unknown soldier")
        (True, False)
        >>> is_refusal("Sorry, I don’t know that."), is_refusal("There is no mention of it."), is_refusal("")
        (True, True, False)
        >>> is_refusal("I don't know who built it, but it is from 1923.", question="When was it built?")
        False
    """
    asked, given = spoken(question), [spoken(phrase) for phrase in phrases]
    answered = False
    for sentence in (each.words for each in sentences_of(reply)):
        by = _refuses(sentence, given)
        if by == "speaker" and answered and _UNSURE.fullmatch(sentence):
            continue  # "1923. I am not sure." is the same.
        if by == "speaker" and _AFTER_ALL.search(sentence) and not _ABOUT.search(sentence):
            answered = True  # "1923, but I am not sure" is an answer, and no firm one.
            continue
        elsewhere = by == "speaker" and (_is_of_another(sentence, asked) or _answers(sentence))
        if by and not elsewhere and not (answered and _MORE.search(sentence)):
            return True
        answered = answered or not _ABOUT.search(sentence)
    return False


def doubts(sentence: str) -> bool:
    """Whether a sentence, as `spoken` gives it, says of nothing in particular that the speaker is not sure.

    Example:
        >>> doubts("i am not sure"), doubts("i do not know who was there")
        (True, False)
    """
    found = _first(sentence)
    if found is None or found[0] >= _SPEAKER:
        return False
    rest = sentence[found[1].end() :].split()
    return not _ASKING & set(rest[:3]) and not _MORE.search(sentence)


def _refuses(sentence: str, phrases: Sequence[str]) -> str:
    """How a sentence refuses: "speaker", "text", or "" for not at all."""
    for phrase in phrases:
        if phrase and (sentence == phrase or (" " in phrase and f" {phrase} " in f" {sentence} ")):
            return "speaker" if phrase.startswith("i ") else "text"
    found = _first(sentence)
    return "" if found is None else "speaker" if found[0] < _SPEAKER else "text"


@lru_cache(maxsize=4096)
def _first(sentence: str) -> tuple[int, re.Match[str]] | None:
    for number, pattern in enumerate(_REFUSALS):
        found = pattern.search(sentence)
        if found and not _ASIDE.search(sentence[: found.start()]):
            return number, found
    return None


def _answers(sentence: str) -> bool:
    """Whether an answer follows all the same."""
    found = _BUT.search(sentence)
    if found is None or not found.group(1).strip():
        return False
    return not _OFFER.search(found.group(1)) and _first(found.group(1).strip()) is None


def _is_of_another(sentence: str, asked: str) -> bool:
    """Whether it does not know when, while who was asked for."""
    wanted = _ASKING & set(asked.split())
    own = [word for word in sentence.split() if word in _ASKING]
    return bool(wanted) and bool(own) and own[0] not in wanted
