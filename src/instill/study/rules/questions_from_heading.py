"""Rules that write questions from headings."""

from __future__ import annotations

import re
from random import Random

from instill.answer.asked.dictionary import in_dictionary
from instill.answer.terms import word_set
from instill.study.rules.reads_well import names_something, reads_well
from instill.study.rules.word_forms import LEANS_AT_START, base_of_gerund, content, words_of

_GENERIC_HEADINGS = word_set(
    "introduction overview summary references notes contents example examples usage description background "
    "conclusion conclusions abstract history details general other miscellaneous more links appendix index faq "
    "preface acknowledgements about home readme changelog license todo basics syntax parameters arguments returns "
    "note warning tip important remarks discussion results methods see also next steps table of further reading"
)
_THINGS_IN_ING = word_set(
    "accounting banking beginning billing branding breaking building caching ceiling charging clothing clustering "
    "competing computing dangling drawing ending engineering evening existing failing following funding gaming "
    "heading hiring housing incoming indexing interesting king leading learning licensing logging marketing "
    "matching meaning meeting messaging missing monitoring morning moving networking onboarding ongoing opening "
    "operating outgoing outstanding overlapping parking pending planning preventing pricing programming reading "
    "recording remaining reporting ring rolling scheduling setting shipping sliding spelling spring staffing string "
    "supporting testing thing trailing training upcoming warning working writing"
)
"""Words in "-ing" that are things as often as deeds: "Marketing areas"."""

_ORDERS = word_set(
    "add apply attach back build change check choose clean clone close collect compare compile configure connect "
    "copy create debug define delete deploy disable download edit enable encrypt export extend find fix format "
    "generate get import increase install join list load log make manage merge migrate monitor move open optimize "
    "order override pack patch pause prepare print publish pull push query read rebuild recover reduce register "
    "release remove rename replace report request reset resize resolve restart restore restrict retrieve revoke "
    "roll rotate run save scale search secure select send set share show sign start stop store submit subscribe "
    "switch sync tag test track train transfer trigger tune turn uninstall unlock update upgrade upload use "
    "validate verify view write"
)
"""Verbs in which instructions begin: "Connect to the database"."""

_ONLY_ORDERS = word_set(
    "add apply attach avoid choose compile configure connect create define delete deploy disable do don't edit "
    "enable encrypt ensure extend find generate get go import install join keep learn let make merge modify "
    "optimize override prepare publish rebuild recover reduce register remove rename replace resolve restart restore "
    "retrieve revoke save select send submit subscribe understand uninstall update upload use validate verify write"
)

_DEEDS = word_set(
    "accept achieve ask assign become begin break bring build call celebrate communicate complete consider contact "
    "contribute demonstrate describe determine discuss drive encourage engage establish evaluate explain follow give "
    "handle help hire hold identify implement improve include inform invest invite listen lower maintain measure meet "
    "minimize notify obtain omit organize own participate perform practice present prevent prioritize promote protect "
    "provide raise receive recognize refer reflect remember respond review schedule secure seek solve stay take talk "
    "teach tell think treat try turn work"
)
"""Verbs in which a heading may begin that is an order in fewer words: "Omit sensitive information"."""

_ONE_OF_MANY = word_set(
    "team group committee department office board council process policy program programme plan panel checklist format "
    "interface library command protocol structure template budget strategy roadmap workflow pipeline lifecycle cycle "
    "tree table handbook specification warning schedule agenda database server cluster client package calendar channel "
    "repository dashboard report"
)
"""Things of which there are several, so that one is named with an article: "Tell me about the security team"."""

_AUXILIARIES = word_set(
    "is are was were do does did can could should will would has have am must may much many often long far"
)
_OPENINGS = ("How do I", "How can I", "How do you")
_PICTURES = re.compile(r"[^\w\s\-–&/'’.,:;()?!+#\"`*|<>{}\[\]=~^]")
_YOURS = re.compile(r"\byour\b", re.IGNORECASE)
_WH = word_set("what who when where why how which whose")
_SPEAKERS = re.compile(r"\b(?:my|mine|we|us|our|ours)\b|\bI\b(?! expect| need| get| do| use)", re.IGNORECASE)
_FINITE = re.compile(
    r"\b(?:is|are|was|were|has|have|can|should|will|must|does|do|isn't|aren't|don't|doesn't|"
    r"(?:fail|need|want)(?:s|ed) to)\b",
    re.IGNORECASE,
)
_CLAUSE = re.compile(r"\b(?:if|when|vs)\b", re.IGNORECASE)
_FOLLOWS_ORDER = word_set("a an the to your my new all")
_DATED = re.compile(
    r"^(?:step|phase|part|chapter|section|week|day|q[1-4]|fy)\b|\b(?:19|20)\d\d\b|^\d|^v\d|"
    r"\b(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]* \d",
    re.IGNORECASE,
)


def heading_question(path: list[str], rng: Random) -> str:
    """A question from a heading and the headings above it (outermost first, the heading last); "" where none fits.

    Example:
        >>> heading_question(["Guide", "Installing on Windows"], Random(1))
        'How do I install on Windows?'
    """
    title = " ".join(_PICTURES.sub("", re.sub(r"^[\d.]+\s+", "", path[-1])).split()).strip(" #*`:.")
    words = words_of(title)
    if not words or len(words) > 10 or not content(title) or all(word.lower() in _GENERIC_HEADINGS for word in words):
        return ""
    if _SPEAKERS.search(title) or _DATED.search(title):
        return ""
    question = _of_title(title, words, path[:-1], rng)
    return question if question and reads_well(question) else ""


def _of_title(title: str, words: list[str], above: list[str], rng: Random) -> str:
    first, second = words[0].lower(), words[1].lower() if len(words) > 1 else ""
    rest = title.partition(" ")[2]
    if first in ("how", "when", "where", "what") and second == "to" and len(words) > 2:
        deed = title.split(" ", 2)[2].rstrip("? ")
        opening = rng.choice(_OPENINGS) if first == "how" else f"{words[0].capitalize()} should I"
        return _instruction(opening, deed)
    if title.endswith("?"):
        inverted = second in _AUXILIARIES if first in _WH else first in _AUXILIARIES
        return title if inverted and (len(words) > 3 or not words[-1].endswith("ing")) else ""
    if first in _WH or first in LEANS_AT_START or _FINITE.search(title) or _CLAUSE.search(title):
        return ""
    if first in _ORDERS and second in _FOLLOWS_ORDER:
        return _instruction(rng.choice(_OPENINGS), title[0].lower() + title[1:])
    if first in _ONLY_ORDERS or (first in _DEEDS and len(words) > 2 and words[1][0].islower()):
        return ""
    deed = base_of_gerund(first)
    # "Pairing exercise" is a thing.
    one_thing = len(words) == 2 and not words[1][0].isupper()  # So may be "Blocking commands".
    doing = deed != first and bool(second) and in_dictionary(deed)
    if doing and ((first not in _THINGS_IN_ING and not one_thing) or second in _FOLLOWS_ORDER):
        return _instruction(rng.choice(_OPENINGS), f"{deed} {rest}")
    about = "" if len(content(title)) > 2 else _about(above, title)
    if not about and (len(words) == 1 or not names_something(title)):
        return ""
    title = title.lower() if title.isupper() and len(words) > 1 else title
    return rng.choice(
        (f"What do I need to know about {_named(title)}{about}?", f"Tell me about {_named(title)}{about}")
    )


def _named(title: str) -> str:
    """A heading as it reads inside a question: names keep their capitals, and one of several things has an article.

    Example:
        >>> [_named(each) for each in ("The Redis event library", "Security team", "Kubernetes", "Prerequisites")]
        ['the Redis event library', 'the security team', 'Kubernetes', 'prerequisites']
    """
    if re.match(r"(?:The|An?) ", title):
        return title[0].lower() + title[1:]
    words = words_of(title)
    named = words[0].isupper() or any(word[0].isupper() for word in words[1:]) or not in_dictionary(words[0].lower())
    lowered = title if named else title[0].lower() + title[1:]
    return f"the {lowered}" if len(words) > 1 and words[-1].lower() in _ONE_OF_MANY else lowered


def _instruction(opening: str, deed: str) -> str:
    """ "How do I install it?"; "" where a second deed follows in another form."""
    if re.search(r"(?:\band|\bor|&) (?:\w+ly )?\w+ing\b|^\w+ (?:and|or|&|of|vs) | (?:if|when) ", deed, re.I):
        return ""
    owner = "my" if opening.endswith(" I") else "your" if opening.endswith(" you") else "one's"
    return f"{opening} {_YOURS.sub(owner, deed)}?"


def _about(above: list[str], title: str) -> str:
    """ " (travel)": the nearest heading above that says something new."""
    known = {word.lower() for word in words_of(title)}
    for heading in reversed(above):
        words = content(heading)
        if (
            words
            and len(words) <= 6
            and not _DATED.search(heading)
            and not {word.lower() for word in words} <= known | _GENERIC_HEADINGS
        ):
            return f" in {_PICTURES.sub('', heading).strip(' #*`:')}"
    return ""
