"""Whether a reply commits itself to the words of an answer that stand in it, or denies them, doubts them or lists them.

Rules over words; no parser. Each looks at the sentence in which the words stand, or at the part of it up to the next
comma, "but" and the like (a clause).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from instill.measure.judging.one_of_several import is_listed
from instill.measure.judging.refusals import doubts
from instill.measure.judging.same_value import comparable, content
from instill.measure.judging.sentences import Sentence, sentences
from instill.measure.judging.text import word_set
from instill.measure.judging.word_tokens import Token

_CLAUSE = word_set(", ; : ( ) – —")
_TURNS = word_set("but because although though while whereas which who whose instead however")
_NEGATORS = word_set(
    "not never nor neither no none nobody without except excluding unlike deny denies denied rejects rejected "
    "doubt doubts hardly impossible false untrue wrong incorrect unlikely"
)
_PARTLY = re.compile(
    r"\b(?:other|rather) than$|\binstead of$|\bfar from$|\bapart from$|\bopposed to$|\bruled? out$|\bno longer$"
    r"|\bany(?:thing|one|body| \w+)? but$|\bevery(?:thing|one|body| \w+)? but$|\ball but$|\bcontrary to$"
)
_HARMLESS = re.compile(
    r"\bnot until\b|\b(?:none|no one|nobody|nothing|no) other than\b"
    r"|\b(?:none|no one|nobody|nothing) (?:else )?but\b|\b(?:no|without(?: any| a)?) (?:doubt|question)\b"
    r"|\bnot to mention\b|\b(?:no|not) (?:more|less|fewer|later|earlier|longer) than\b|\bnever(?:theless| mind)\b"
    r"|\bno problem\b"
)
_FALSE = r"(?:false|untrue|wrong|incorrect|mistaken|impossible|unlikely|doubtful|excluded|ruled out|out of question)"
_NOT_SO = (
    r"(?:(?:is|was|be|are|were|would|can|could) )?not (?:\w+ )?(?:true|case|correct|right|so|possible|likely|fact)"
)
_DENIED_BEFORE = re.compile(
    rf"\b(?:{_FALSE}|{_NOT_SO}|(?:no|without|little) (?:evidence|proof|sign|indication|truth|reason)|myth|rumou?r|lie|"
    r"mistake|error|misconception|doubts?|doubted|den(?:y|ies|ied)|rejects?|rejected|disput(?:es?|ed)|refut(?:es?|ed)|"
    r"disproves?|disproved) (?:\w+ ){0,3}?(?:that|to say|to think|to claim)\b"
)
_DENIED_AFTER = re.compile(
    rf"^(?:\w+ ){{0,3}}?(?:is|was|are|were|be|being|seems|looks) (?:\w+ )?(?:{_FALSE}|myth|mistake|error|lie|"
    rf"rumou?r)\b"
)
_WRONGLY = re.compile(r"\b(?:wrongly|falsely|mistakenly|erroneously|incorrectly)\b")
_FALSE_AFTER = re.compile(
    rf"\b(?:which|that|this|it) (?:is|was) (?:\w+ )?(?:{_FALSE}|not (?:true|correct|right|case|so)|myth|mistake|lie)\b"
)
_CLAIM = re.compile(
    r"\b(?:claim|idea|statement|notion|belief|suggestion|rumou?r|assertion|assumption|story|theory|"
    r"legend) (?:is )?that\b"
)
_CLAIM_FALLS = re.compile(rf"\b(?:is|was|are|were) (?:\w+ )?(?:{_FALSE}|myth|mistake|lie|not \w+)\b")
_SOURCES = re.compile(
    r"\b(?:one|1|a|the first) (?:source|document|passage|text|account|record|book|version|chronicle)\b.*\b(?:another|"
    r"the other|others?|the second)\b|\baccording to\b.*\baccording to\b"
)
_HEDGES = re.compile(
    r"\b(?:sometime|some time|perhaps|maybe|possibly|probably|presumably|supposedly|allegedly|apparently|"
    r"seemingly|reportedly|"
    r"conceivably|"
    r"arguably|purportedly|might|likely|unsure|uncertain|unclear|disputed|debated|contested|questionable|doubtful|"
    r"guess|guessing|seems?|or so|or thereabouts|more or less|somewhere around|not (?:\w+ )?(?:sure|certain|clear)|"
    r"could be wrong|may be wrong|might be wrong|(?:may|could|must) have been|appears? (?:to|that|as)|"
    r"(?:is|are|was|were) (?:\w+ )?(?:believed|thought|said|rumou?red|assumed|supposed|reputed) to|"
    r"(?:i|we) (?:\w+ )?(?:think|believe|suppose|assume|suspect|reckon|imagine|feel|would say|would bet)|"
    r"(?:my|a|best) guess|if i (?:recall|remember|am not)|as far as i (?:know|recall|remember)|"
    r"according to (?:some|one|many|most|several|a few|others)|"
    r"(?:some|others|many|several) (?:\w+ )?(?:say|says|claim|think|believe|argue|suggest|give|name|put|state|"
    r"mention)|"
    r"(?:sources|documents|passages|texts|accounts|opinions|records) (?:\w+ )?(?:differ|disagree|conflict|vary|"
    r"contradict)|"
    r"conflicting|contradict(?:ory|s|ion)?|it depends|hard to say|who knows|for all i know|don't quote me)\b"
)
_WEAK = re.compile(
    r"\b(?:may|could|can|should|would|must) (?:\w+ )?be(?: \w+){0,3}$|\b(?:may|could) (?:\w+ )?have(?: \w+){0,3}$"
)
_WEAK_LINKS = word_set("be in on at by the year from a an of well as maybe around about have been only")
_BOUNDED = re.compile(
    r"\b(?:before|after|(?:more|less|fewer|greater|higher|lower|earlier|later|older|younger|longer|shorter|larger|"
    r"smaller)"
    r" than|over|under|above|below|at least|at most|up to|nearly|almost|close to|minimum of|maximum of|about|around|"
    r"approximately|approx|roughly|circa|ca|c|some|exceeding|beyond|past|next to|not quite|just short of|well into)"
    r"(?: (?:year|in|of|those|only|just))*$"
)
_CONDITION = re.compile(r"\b(?:if|unless|whether|supposing|assuming)\b")
_LIMITS = word_set(
    "may must can should allowed permitted maximum minimum max min limit limits most least until from within need "
    "needed required threshold deadline latest earliest"
)
"""A question with one of these asks for a bound."""
_BOUNDED_AFTER = re.compile(
    r"^(?:at (?:latest|earliest|least|most|minimum|maximum)|or (?:so|more|less|later|earlier|older|thereabouts)|"
    r"ish|plus|"
    r"minimum|maximum|upwards?|and (?:more|above|over|up|later|earlier|after))\b"
)
_TURNED = re.compile(r"\bbut (?:\w+ ){0,2}?(?:is|was)(?: \w+){0,3}$")
_CORRECTED = re.compile(
    r"\b(?:no|wait|sorry|correction|i mean|or rather|actually|on second thought|in fact|scratch that)\b"
)


@dataclass(frozen=True, slots=True)
class Said:
    """A reply with what its claims are held against.

    Args:
        tokens: of the reply.
        asked: words of the question.
        wanted: tokens of the accepted answer.
        question: the words of the question, with one space between them.
        quotes: the reply is quoted; what a document doubts or only nears is not the reply's doubt.
    """

    tokens: Sequence[Token]
    asked: Collection[str]
    wanted: Sequence[Token]
    question: str = ""
    quotes: bool = False


def is_claimed(said: Said, first: int, last: int) -> bool:
    """Whether the reply commits itself to what stands from `first` to `last`."""
    own = _sentence_of(said.tokens, first)
    if own.asks or _echoes(said, own):
        return False
    return not (
        _denied(said, own, first, last)
        or (not said.quotes and (_hedged(said, own, first) or _bounded(said, own, first, last)))
        or is_listed(said.tokens, own, first, last, said.wanted, said.asked)
        or _contradicted(said, own, first, last)
    )


def _sentence_of(tokens: Sequence[Token], place: int) -> Sentence:
    return next(each for each in sentences(tokens) if each.first <= place <= each.last)


def _echoes(said: Said, own: Sentence) -> bool:
    """Whether the sentence is the question once more."""
    return (
        bool(said.question)
        and f" {own.words} " in f" {said.question} "
        and len(own.words.split()) > len(content(said.wanted)) + 2
        and own.words.split()[0] == said.question.split()[0]
    )


def _words(tokens: Sequence[Token]) -> str:
    return " ".join(token.text for token in tokens if token.kind != "mark" and token.text not in ("the", "a", "an"))


def _denied(said: Said, own: Sentence, first: int, last: int) -> bool:
    before, after = said.tokens[own.first : first], said.tokens[last + 1 : own.last + 1]
    turn = max(
        (place for place, token in enumerate(before) if token.text in ("but", "instead", "actually")), default=-1
    )
    if _DENIED_BEFORE.search(_words(before[turn + 1 :])) or _WRONGLY.search(_words(before[turn + 1 :])):
        return True
    if _FALSE_AFTER.search(_words(after)):
        return True
    close = _clause_after(after)
    if _DENIED_AFTER.search(_words(close)):
        return True
    if _CLAIM.search(_words(before)) and _CLAIM_FALLS.search(_words(after)):
        return True
    tail = _PARTLY.search(_words(_before_clause(before, turning=False)))
    if tail and not _HARMLESS.search(_words(_before_clause(before, turning=False))):
        return True
    if _asks_for_less(said):
        return False
    return _negates(_before_clause(before)) or _negated_after(said, close)


def _negates(tokens: Sequence[Token]) -> bool:
    words = _HARMLESS.sub(" ", _words(tokens))
    return bool(_NEGATORS & set(words.split()))


def _asks_for_less(said: Said) -> bool:
    """Whether the question is itself about what is not; then the answer may say it again."""
    return bool(_NEGATORS & set(said.asked))


def _before_clause(tokens: Sequence[Token], *, turning: bool = True) -> Sequence[Token]:
    """What stands before, back to where the clause begins."""
    start = 0
    for place, token in enumerate(tokens):
        ends = token.text in _CLAUSE if token.kind == "mark" else turning and _turns(tokens, place)
        start = place + 1 if ends else start
    return tokens[start:]


def _turns(tokens: Sequence[Token], place: int) -> bool:
    if tokens[place].text == "but":  # "nobody but", "anything but" are no turn.
        return not re.search(r"\b(?:none|no one|nobody|nothing|any\w*|every\w*|all)$", _words(tokens[:place]))
    if tokens[place].text == "and":  # "not 1922 and 1923" goes on.
        return place + 1 < len(tokens)
    return tokens[place].text in _TURNS


def _clause_after(tokens: Sequence[Token]) -> Sequence[Token]:
    for place, token in enumerate(tokens):
        ends = token.text in _CLAUSE if token.kind == "mark" else token.text in _TURNS or token.text in _GOES_ON
        if ends:
            return tokens[:place]
    return tokens


_GOES_ON = word_set("and or that when where if since as so than")


def _negated_after(said: Said, close: Sequence[Token]) -> bool:
    """ "1923 is not the year", "Marta did not build it"; but not "1923 not 1922"."""
    for place, token in enumerate(close):
        if token.text in ("not", "never", "neither", "hardly", "nor"):
            rest = [
                each for each in close[place + 1 :] if each.text not in ("in", "on", "at", "by", "the", "only", "just")
            ]
            contrast = place == 0 and rest and any(comparable(rest[0], own) or rest[0].capital for own in said.wanted)
            return not contrast
    return False


def _hedged(said: Said, own: Sentence, first: int) -> bool:
    free = {*said.asked, *(token.text for token in said.wanted)}
    for each in sentences(said.tokens):
        text = _words(said.tokens[each.first : each.last + 1])
        if doubts(text):
            return True
        if each != own and not each.asks and not re.search(r"\b(?:disagree|differ|conflict|contradict)\w*\b", text):
            continue
        for found in _HEDGES.finditer(text):
            if not set(found.group().split()) <= free:
                return True
    before = _words(_before_clause(said.tokens[own.first : first]))
    if _SOURCES.search(own.words) or (_CONDITION.search(before) and not _CONDITION.search(said.question)):
        return True
    weak = _WEAK.search(before)
    if weak is None or set(weak.group().split()[:1]) <= free:
        return False
    return set(weak.group().split()[1:]) <= _WEAK_LINKS


def _bounded(said: Said, own: Sentence, first: int, last: int) -> bool:
    """Whether a value is only neared: "before 1923", "more than 30 days"."""
    if not said.tokens[first].is_value or _LIMITS & set(said.asked):
        return False
    after = _BOUNDED_AFTER.search(_words(said.tokens[last + 1 : own.last + 1]))
    found = after or _BOUNDED.search(_words(said.tokens[own.first : first]))
    if found is None:
        return False
    free = {*said.asked, *(token.text for token in said.wanted)}
    known = {"about", "around", "approximately", "approx", "roughly", "circa", "ca", "c", "some"}
    if said.wanted and said.wanted[0].text in known and found.group().split()[0] in known:
        return False
    return not set(found.group().split()) <= free


def _contradicted(said: Said, own: Sentence, first: int, last: int) -> bool:
    """Whether the reply says another value in the same words, or takes back what it has said."""
    value = next((token for token in said.tokens[first : last + 1] if token.is_value), None)
    if value is None and said.tokens[first].capital and _names_another(said, own, last):
        return True
    shape = _shape(said, own)
    for each in sentences(said.tokens):
        others = [
            token for token in said.tokens[each.first : each.last + 1]
            if value is not None and comparable(token, value) and token.text != value.text
        ]  # fmt: skip
        if each == own or not others or each.asks:
            continue
        bare = len(content(said.tokens[each.first : each.last + 1])) == len(others)
        if bare or _shape(said, each) == shape:
            return True
        if each.first > own.last and _CORRECTED.match(each.words) and not _negates(said.tokens[each.first : each.last]):
            return True
    after = said.tokens[last + 1 : own.last + 1]
    if value is not None and any(_is_turned(after, place, value) for place in range(len(after))):
        return True
    found = next((place for place, token in enumerate(after) if _CORRECTED.fullmatch(token.text)), None)
    if found is None or value is None:
        return False
    return any(comparable(token, value) and token.text != value.text for token in after[found + 1 : found + 5])


def _names_another(said: Said, own: Sentence, last: int) -> bool:
    """ "Marta is said to have built it, but it was Ove"."""
    after = said.tokens[last + 1 : own.last + 1]
    for place, token in enumerate(after):
        if token.capital and _TURNED.search(_words(after[:place])):
            return not _negates(_before_clause(after[:place])) and token.text not in {each.text for each in said.wanted}
    return False


def _is_turned(after: Sequence[Token], place: int, value: Token) -> bool:
    """ "1923 is what some say, but it was 1931"."""
    token = after[place]
    other = comparable(token, value) and token.text != value.text
    return other and _TURNED.search(_words(after[:place])) is not None and not _negates(_before_clause(after[:place]))


def _shape(said: Said, each: Sentence) -> str:
    own = said.tokens[each.first : each.last + 1]
    return " ".join(token.kind if token.is_value else token.text for token in own if token.kind != "mark")
