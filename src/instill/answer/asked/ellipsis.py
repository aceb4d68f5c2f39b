"""A question that leaves out what the one before it said is completed from it: "and on Windows?", "why?", "if not?"."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from instill.answer.asked.needs_conversation import LEAD, PRONOUN, QUESTION_WORD, continues, pointing
from instill.answer.asked.subject import is_aspect, noun_phrases, phrases
from instill.answer.terms import terms

Alike = Callable[[str, Sequence[str]], Sequence[float]]
"""How much a text means the same as each of several others, cosines."""

LEAST_ALIKE = 0.4
"""From which likeness on "for managers" takes the place of "engineers" instead of standing behind the question."""

_PREPOSITION = re.compile(
    r"^(on|in|at|for|with|without|under|from|by|of|to|during|after|before|about|as|via|inside|outside|until|since)"
    r"\s+(.+)$",
    re.IGNORECASE,
)
_OPPOSITE = {"with": "without", "without": "with", "before": "after", "after": "before", "inside": "outside"}
_LAST_CLAUSE = re.compile(r"\s*,?\s+\b(?:if|when|because|while|unless|once|although|whereas|since)\b[^,]*$", re.I)
_LAST_CIRCUMSTANCE = re.compile(r"\s+(?:with|without|under|by)\s+(?:[\w’'./-]+\s*){1,5}$", re.IGNORECASE)
_BARE = re.compile(
    r"(?P<word>why|how come|how|when|where|who|since when)"
    r"(?: (?:so|not|that|is (?:that|this|it)|is it so|then|come|exactly|else))?",
    re.IGNORECASE,
)
_AUXILIARY = r"(?:is|are|was|were|do|does|did|can|could|will|would|should|must|has|have|had|may)"
_CONDITION = re.compile(
    rf"^(?P<what>what )?(?P<clause>(?:even )?(?:if|when|unless|once|while)\s+(?!{_AUXILIARY}\b).+)$", re.IGNORECASE
)
_THEN = re.compile(
    r"\b(?:then|in that case|if so|if not|afterwards)$|^which (?:ones?|of (?:them|these|those))\b"
    r"|\b(?:be|been|get|go|work|live|stay|from|in|over) there\b|\w there$",
    re.IGNORECASE,
)
_WHY_A_THING = re.compile(
    rf"^(?:but )?why (?:a|an|the|not|no|only|so|these|those)\b(?!.*\b{_AUXILIARY}\b)", re.IGNORECASE
)
SAID_BESIDE = re.compile(r"\s*\([^()]*\)\W*$")
_ASKED_YES_OR_NO = re.compile(rf"{_AUXILIARY}\b", re.IGNORECASE)
_ASKED_HOW = re.compile(rf"(?:how|when|where)\s+(?={_AUXILIARY}\b)", re.IGNORECASE)
_STATED = re.compile(
    rf"^(?P<who>(?:[\w’'./-]+ ){{1,6}}?)(?P<aux>{_AUXILIARY}) (?P<rest>[^,]+)[,.;–—-]+\s*(?P<word>why|how|since when)"
    r"(?: (?:is that|so))?\W*$",
    re.IGNORECASE,
)
_NAMED_FIRST = re.compile(r"^(?P<name>[^,:;]{2,60})[,:–—-]\s+(?P<asked>\S.*)$")
_BEFORE_A_VERB = re.compile(r"\b(?:to|i|we|you|they|he|she|it|one|can|must|should|may|will)\s+$", re.IGNORECASE)
_ARTICLE = re.compile(r"\b(the|a|an|my|our|your|this|that)\s+$", re.IGNORECASE)
_ONE_OF_A_KIND = re.compile(r"(?P<kind>(?:the |a |an |my |our |your )?(?:[\w'’-]+ ){0,2}[\w'’-]+) ones?", re.IGNORECASE)
_ASKED_FOR = re.compile(r"\b(?:which|what|how many|how much|whose)\s+$", re.IGNORECASE)
_ADVERB_OF_HOW = re.compile(r"\bhow\s+$", re.IGNORECASE)
_NAME = re.compile(r"[A-Z][\w'’-]*(?: [A-Z][\w'’-]*)+")
_HELD = re.compile(r"^What about [^:]+: ")


def completed(question: str, before: str, alike: Alike | None = None) -> str:
    """An elliptical question completed from the one `before` it ("" without one), or "" when it is not elliptical.

    Args:
        alike: finds what "and for managers?" takes the place of; without it only the form of the words tells.

    Example:
        >>> completed("and on Windows?", "How do I install it on Linux?")
        'How do I install it on Windows?'
        >>> completed("And the honey cake?", "What does the rye loaf cost?")
        'What does the honey cake cost?'
        >>> completed("and if it rains?", "Where do we meet?")
        'Where do we meet if it rains?'
    """
    lead = LEAD.match(question)
    rest = question[lead.end() :].strip(" ?.!") if lead else question.strip(" ?.!")
    whole = _named_first(rest, led=continues(question)) or _stated(rest)
    if whole or not before:
        return whole
    before = SAID_BESIDE.sub("?", before)
    bare = _BARE.fullmatch(rest)
    if bare:
        return _asked_again(bare["word"], before)
    condition = _CONDITION.match(rest)
    if condition and not re.search(r",.*\w", rest):
        return _under(condition["clause"], before, spoken=bool(condition["what"]))
    if QUESTION_WORD.match(rest):
        return ""
    place = _PREPOSITION.match(rest)
    if place and not pointing(rest) and (continues(question) or len(rest.split()) <= 6):
        return _placed(place[1], rest, before, alike)
    if not continues(question) or pointing(rest) or not rest or "," in rest or QUESTION_WORD.search(rest):
        return ""
    return _exchanged(re.sub(r"^(?:for|of|about|with)\s+", "", rest, flags=re.IGNORECASE), before, alike)


def fragment_of(question: str) -> str:
    """The noun that is all that is asked ("and the honey cake?"), without its article; else ""."""
    lead = LEAD.match(question)
    rest = question[lead.end() :].strip(" ?.!") if lead else question.strip(" ?.!")
    if QUESTION_WORD.search(rest) or _PREPOSITION.match(rest) or pointing(rest) or _ONE_OF_A_KIND.fullmatch(rest):
        return ""
    found = phrases(rest)
    return found[0] if len(found) == 1 and not is_aspect(found[0]) else ""


def opens_a_condition(question: str) -> bool:
    """Does it say nothing but a condition ("and if I never sync?")?"""
    lead = LEAD.match(question)
    return bool(_CONDITION.match(question[lead.end() :] if lead else question))


def elliptical(question: str) -> bool:
    """Does its form say that it leaves something out, or names its subject before it asks?"""
    lead = LEAD.match(question)
    rest = question[lead.end() :].strip(" ?.!") if lead else question.strip(" ?.!")
    place = _PREPOSITION.match(rest)
    fragment = bool(place) and len(rest.split()) <= 4 and not QUESTION_WORD.search(rest)
    formed = (
        _named_first(rest, led=continues(question))
        or _stated(rest)
        or _BARE.fullmatch(rest)
        or opens_a_condition(question)
    )
    return bool(formed or fragment or verbless_or_of_these(rest))


def verbless_or_of_these(question: str) -> bool:
    """ "why a random token?", "which one is the slowest?", "what happens to my data then?" """
    rest = question.strip(" ?.!")
    return bool(_WHY_A_THING.match(rest) or _THEN.search(rest))


def _named_first(rest: str, *, led: bool) -> str:
    """ "huge pages, should they be on" -> "should huge pages be on?"; "" where nothing is named first.

    Args:
        led: it is led in by "and" or "what about"; then the question needs no pronoun for what is named.
    """
    found = _NAMED_FIRST.match(rest)
    if not found or not QUESTION_WORD.match(found["asked"]) or QUESTION_WORD.match(found["name"]):
        return ""
    if _PREPOSITION.match(found["name"]) or _CONDITION.match(found["name"]) or not terms(found["name"]):
        return ""
    pronoun = PRONOUN.search(found["asked"])
    if pronoun is None or pronoun.group().lower() not in ("it", "they", "them", "this", "that", "these", "those"):
        return f"{found['asked']} ({found['name'].strip()})?" if led else ""
    return f"{found['asked'][: pronoun.start()]}{found['name'].strip()}{found['asked'][pronoun.end() :]}?"


def _stated(rest: str) -> str:
    """ "the network is still there, why" -> "why is the network still there?"; "" for what is not of this form."""
    found = _STATED.match(rest)
    if not found or QUESTION_WORD.match(rest):
        return ""
    return f"{found['word']} {found['aux']} {found['who'].strip()} {found['rest'].strip()}?"


def _asked_again(word: str, before: str) -> str:
    """ "why" -> the question before as a question for the reason, where its form allows that."""
    if word.lower() in ("why", "how come"):
        how = _ASKED_HOW.match(before)
        if how:
            return f"Why {before[how.end() :]}"
        if _ASKED_YES_OR_NO.match(before):
            return f"Why {before[:1].lower()}{before[1:]}"
    elif word.lower() in ("how", "when", "where") and _ASKED_YES_OR_NO.match(before):
        return f"{word.capitalize()} {before[:1].lower()}{before[1:]}"
    return f"{word.capitalize()}: {before}"


def _main(before: str, *, circumstance: bool = False) -> str:
    """The question without its mark, its last subordinate clause, and, if so wished, its last "with ..."."""
    main = _LAST_CLAUSE.sub("", _HELD.sub("", before).rstrip(" ?.!"))
    shorter = _LAST_CIRCUMSTANCE.sub("", main) if circumstance else main
    return shorter if len(shorter.split()) >= 3 else main


def _under(condition: str, before: str, *, spoken: bool) -> str:
    """The condition behind the question before, or, where that is one too or a pronoun takes it up, "What if ...".

    Args:
        spoken: it was asked as "what if ...", which is a whole question.
    """
    main = _main(before, circumstance=True)
    if spoken or pointing(condition) or main.lower().startswith("what if "):
        return f"What {condition}?"
    return f"{main} {condition}?"


def _placed(preposition: str, rest: str, before: str, alike: Alike | None) -> str:
    """ "on Windows" takes the place of "on Linux"; where there is no "on ...", it is said behind the question."""
    for word in (preposition, _OPPOSITE.get(preposition.lower(), "")):
        same = re.compile(rf"\b{word}\s+(?:the |a |an )?[\w'’.-]+(?:\s+(?=[A-Z])[\w'’.-]+|\s+file\b)*", re.IGNORECASE)
        found = list(same.finditer(before)) if word else []
        if found:
            return before[: found[-1].start()] + rest + before[found[-1].end() :]
    inside = rest[len(preposition) :].strip()
    slots = _slots(inside, before)
    near = max(alike(inside, [before[start:end] for start, end in slots])) if alike and slots else 0.0
    if preposition.lower() in ("of", "about") or near >= LEAST_ALIKE:
        return _exchanged(inside, before, alike)
    return f"{_main(before)} {rest}?"


def _exchanged(new: str, before: str, alike: Alike | None) -> str:
    """The question before with `new` in the place of what is most of its kind."""
    before = _HELD.sub("", before)
    slots = _slots(new, before)
    if not slots:
        return f"What about {new}: {before.rstrip(' ?.!')}?"
    # "Which days is he in?", "and the archivist?": days are what is asked for, not of whom.
    slots = [slot for slot in slots if not _ASKED_FOR.search(before[: slot[0]])] or slots
    near = alike(new, [before[start:end] for start, end in slots]) if alike else [None] * len(slots)
    fits = [_fits(new, before, *slot, likeness) for slot, likeness in zip(slots, near, strict=True)]
    start, end = slots[fits.index(max(fits))]
    kind = _ONE_OF_A_KIND.fullmatch(new)
    if kind:  # "the red one" is a kettle as well
        phrase = max((slot for slot in slots if slot[0] == start), key=lambda slot: slot[1])
        end = phrase[1]
        new = f"{kind['kind']} {before[start:end].split()[-1]}"
    article = _ARTICLE.search(before[:start])
    if article and (_ARTICLE.match(f"{new.split()[0]} ") or _stands_alone(new)):
        start = article.start(1)
    return before[:start] + new + before[end:]


def _stands_alone(new: str) -> bool:
    """Does it need no article: a name, a plural?"""
    last = new.split()[-1]
    return new[:1].isupper() or (last.endswith("s") and not last.endswith("ss"))


def _slots(new: str, before: str) -> list[tuple[int, int]]:
    """Where the phrases of the question stand, and the first word of those that have several.

    A phrase takes along the word behind it that `new` ends with: "the Basic plan" for "the Pro plan".
    """
    head = re.compile(rf" {re.escape(new.split()[-1])}\b", re.IGNORECASE)
    found: list[tuple[int, int]] = []
    start = 0
    for phrase in noun_phrases(before):
        parts = [phrase] if before.find(phrase, start) >= 0 else phrase.split()
        for part in parts:
            place = before.find(part, start)
            if place < 0 or QUESTION_WORD.fullmatch(part):
                continue
            if _BEFORE_A_VERB.search(before[:place]):  # "to fix", "we book flights"
                verb, _, part = part.partition(" ")
                place += len(verb) + 1
            if not part or _ADVERB_OF_HOW.search(before[:place]):
                continue
            name = _NAME.match(part)
            start = place + len(part)
            longer = head.match(before, start)
            if name and name.end() < len(part):  # "Copper Red" of "Copper Red food safe".
                found.append((place, place + name.end()))
                continue
            found.append((place, longer.end() if longer else start))
            if name:
                continue  # Never a part of a name.
            if " " in part:
                found.append((place, place + part.index(" ")))
    return found


def _fits(new: str, before: str, start: int, end: int, likeness: float | None) -> float:
    """How much `new` is of the kind of what stands there, by its form and, where it is known, its meaning."""
    old = before[start:end]
    article = _ARTICLE.search(before[:start]) is not None
    own = _ARTICLE.match(f"{new.split()[0]} ") is not None
    same_case = new[:1].isupper() == old[:1].isupper()
    fits = 0.15 * (own == article) + 0.2 * same_case + 0.01 * start / len(before)
    whole = old in noun_phrases(before)
    if likeness is not None:
        return fits + likeness + 0.05 * whole
    # A single noun without an article is rare in English: "and high?" is said of a kind of what was spoken of.
    kind = " " not in new and new.islower() and not new.endswith("s")
    return fits + 0.2 * (whole != kind)
