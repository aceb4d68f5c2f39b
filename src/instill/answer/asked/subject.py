"""What a conversation is about: the subject is named once and then kept until another is named."""

from __future__ import annotations

import re

from instill.answer.asked.needs_conversation import LEAD, QUESTION_WORD, WEAK, WEAK_STEMS, continues
from instill.answer.terms import STOPWORDS, normalise, stem, terms, word_set

LONGEST_REWRITE = 300
"""Longest accepted rewrite, and the most that is read of a user's turn, in characters."""

TURNS = 6
"""Turns of each side of the conversation that are looked at, newest last."""

_QUESTION_START = re.compile(rf"^\W*(?:{QUESTION_WORD.pattern})", re.IGNORECASE)
_INTRODUCES = re.compile(
    r"\b(?:(?:tell|know|learn|read|talk|hear)(?: me)?(?: more)? about|describe|explain"
    r"|(?:what|who)(?:['’]s| is| are| was| were))\s+(?=\w)",
    re.IGNORECASE,
)
# "the causes", "its founding": a part of the subject, not another one; "the Bronze Age" is a name.
_ATTRIBUTE = re.compile(r"(?:(?i:the|its|their|his|her|some|any|other|this|that|these|those)\b)\s*(?![A-Z])")
_PLACED = re.compile(r"\b(?:of|in|for|from|to|with|on|at|between)\b", re.IGNORECASE)
_PLACED_PART = re.compile(
    r"\b(?:of|in|for|from|to|with|on|at|between|than)\s+(?:[a-z][\w’'-]*\s+){0,3}[\w’'-]+(?:\s+[A-Z][\w’'-]*)*"
)
_OPENING = re.compile(
    r"^\W*(?:(?:when|where|why|how)(?:\s+(?:long|often|much|many))?\s+)?"
    r"(?:is|are|was|were|do|does|did|can|could|will|would|should|has|have|had)\s+",
    re.IGNORECASE,
)
_PARTICIPLES = word_set("made known used sold born built found held kept seen taken written grown")
_INVERTED = re.compile(r"\b(?:do|does|did|can|could|will|would|should|has|have|had)\b", re.IGNORECASE)
_JOINS_NAMES = word_set("of the de la le von van der da di del")
_WORD = re.compile(r"[\w][\w'’.+#/-]*")
_ASPECTS = frozenset(
    stem(word)
    for word in word_set(
        "advantages disadvantages pros cons benefits risks costs prices features characteristics components factors "
        "elements aspects issues concerns problems requirements varieties uses applications options treatments "
        "significance members criticisms alternatives adaptations definition importance others"
    )
)


_NUMBERED = re.compile(
    r"^(?:chapter|section|part|appendix)?\s*(?:\d+(?:\.\d+)*|[A-Z])[.:)]\s+|^\d+(?:\.\d+)+\s+|^\d+\s+(?=(?-i:[A-Z][a-z]))",
    re.I,
)
_SITE = re.compile(
    r"\s+[—–|·]\s+\S.*$"
    r"|\s+\S+\s+(?:v?\d[\w.]*\s+)?(?:documentation|docs|manual|handbook|guide|wiki)$"
    r"|\s+-\s+\S.*\b(?:documentation|docs|manual|handbook|guide|wiki)$",
    re.IGNORECASE,
)


def topic_name(title: str) -> str:
    """What a title calls its subject: without the number in front of it and the site behind it.

    Example:
        >>> topic_name("5. Managing Packages — developers-reference 12.18 documentation")
        'Managing Packages'
        >>> topic_name("11.5. Setting Up Windows Shares with Samba"), topic_name("3D models"), topic_name("Redis 7")
        ('Setting Up Windows Shares with Samba', '3D models', 'Redis 7')
    """
    plain = _SITE.sub("", _NUMBERED.sub("", title.strip()))
    return plain if terms(plain) else title.strip()


def subject_of(question: str, *, current: str) -> str:
    """The phrase that the question makes the subject, or "" when it only asks for a detail of the `current` one.

    Example:
        >>> subject_of("Tell me about lung cancer.", current="throat cancer")
        'lung cancer'
        >>> subject_of("What are the causes?", current="lung cancer")
        ''
    """
    lead = LEAD.match(question)
    text = question[lead.end() :] if lead else question
    introduced = _INTRODUCES.search(text)
    rest = text[introduced.end() :] if introduced else text
    if not current:
        return _first_subject(text, rest)
    names = _names(_PLACED_PART.sub(" , ", text))
    if names:
        # "Why did Dali choose surrealism?" goes on about surrealism.
        return "" if set(terms(current)) & set(terms(question)) else _longest(names)
    opening = _OPENING.match(text)
    if not introduced and opening:
        return _of_clause(text[opening.end() :])
    if not (introduced or continues(question)) or _ATTRIBUTE.match(rest) or _PLACED.search(rest):
        return ""
    chosen = next(iter(phrases(rest)), "")
    return "" if is_aspect(chosen) else chosen


def _first_subject(text: str, rest: str) -> str:
    """What the first question is about: what "does" something; else a name, but "a distributed lock" of "take a
    distributed lock with SET"."""
    found = noun_phrases(rest)
    doing = next((phrase for phrase in found if _ASKED_OF.search(rest[: max(0, rest.find(phrase))])), "")
    if doing and not is_aspect(doing):
        return doing
    names = _names(text)
    free = _names(_PLACED_PART.sub(" , ", text))
    unplaced = _PLACED_PART.sub(" , ", rest)
    introduced = [phrase for phrase in found if re.search(rf"\b(?:a|an|the) {re.escape(phrase)}\b", unplaced)]
    wide = [phrase for phrase in introduced if len(phrase.split()) > 1 and phrase.islower()]
    if names and not free and wide and rest.find(wide[0]) < rest.find(names[0]):
        return wide[0]
    return without_participle(_longest(free) or _longest(names) or _longest(introduced) or _longest(found))


def _of_clause(rest: str) -> str:
    """Who or what "is" or "does" it: "cassoulet" of "(how is) cassoulet made", or ""."""
    found = phrases(rest)
    if not found or _ATTRIBUTE.match(rest) or not re.match(rf"(?:an? )?{re.escape(found[0])}", rest):
        return ""
    words = without_participle(found[0])
    return words if len(words.split()) <= 2 and not is_aspect(words) else ""


def without_participle(phrase: str) -> str:
    """ "nightly backup made" -> "nightly backup"."""
    words = phrase.split()
    while words and (words[-1].endswith("ed") or words[-1] in _PARTICIPLES):
        words.pop()
    return " ".join(words)


def _names(text: str) -> list[str]:
    later = _QUESTION_START.sub("", text)
    return [name for name in (_from_capital(phrase, text) for phrase in phrases(later)) if name]


def _longest(found: list[str]) -> str:
    return max(found, key=lambda phrase: (len(phrase.split()) >= 2, len(phrase)), default="")


def is_aspect(phrase: str) -> bool:
    """Is it a side of a subject ("disadvantages") rather than one of its own?"""
    return bool(set(terms(phrase)) & _ASPECTS) or set(terms(phrase)) <= WEAK_STEMS


def last_name(text: str) -> str:
    """The last name inside the text that may be a person's, or ""; whom "he" or "she" means."""
    return next(reversed(_names(_PLACED_PART.sub(" , ", text))), "")


def _from_capital(phrase: str, question: str) -> str:
    """The phrase from its first capitalised word on: "founded Harbour Mills" -> "Harbour Mills"; "" without one.

    A word in small letters behind the name belongs to it ("Neverending Story film"), unless the question is built so
    that it is the verb ("did Netflix shift", "is Bitcoin generated").
    """
    words = phrase.split()
    first = next((position for position, word in enumerate(words) if word[:1].isupper()), len(words))
    words = words[first:]
    while words and words[-1].islower() and (_INVERTED.search(question) or words[-1].endswith("ed")):
        words.pop()
    return " ".join(words)


_ASKED_OF = re.compile(r"\b(?:do|does|did)\s+(?:(?:the|a|an|my|our|your|their|this|that)\s+)?$", re.IGNORECASE)
_NOUN_ENDING = re.compile(r"(?:[^s]s|ing|ion|ity|ment|ness|ance|ence|[A-Z0-9])$")


def noun_phrases(text: str) -> list[str]:
    """`phrases`, without the verb at the end of what "do" or "does" is said of.

    Example:
        >>> noun_phrases("What does the rye loaf cost?"), noun_phrases("Does Redis support TLS?")
        (['rye loaf'], ['Redis'])
    """
    found = []
    start = 0
    for phrase in phrases(text):
        place = max(text.find(phrase, start), start)
        start = place + len(phrase)
        words = phrase.split()
        if len(words) > 1 and _ASKED_OF.search(text[:place]):
            words = _without_verb(words)
        found.append(" ".join(words))
    return found


def _without_verb(words: list[str]) -> list[str]:
    """Without the verb, and what stands behind it: a verb behind "do" ends like no noun."""
    if words[0][:1].isupper():
        lower = next((place for place, word in enumerate(words) if word.islower()), len(words))
        return words[:lower]
    if not _NOUN_ENDING.search(words[-1]):
        return words[:-1]
    return words[:-2] if len(words) > 2 else words


def phrases(text: str) -> list[str]:
    """Runs of content words, as they are written; "of" and the like may stand inside a run of names.

    Example:
        >>> phrases("Does the Museum of Art have any special collections?")
        ['Museum of Art', 'special collections']
    """
    runs: list[list[str]] = [[]]
    joints: list[str] = []
    last_end = 0
    for match in _WORD.finditer(text):
        word = match.group().rstrip(".'’")
        plain = normalise(word)
        bare = re.sub(r"['’]s$", "", plain)
        broken = bool(re.search(r"[,;:!?()]", text[last_end : match.start()]))
        last_end = match.end()
        if broken:
            runs.append([])
            joints = []
        weak = word.islower() and (bare in WEAK or (stem(bare) in WEAK_STEMS and bare != "goods"))
        if word in _JOINS_NAMES and (joints or (runs[-1] and runs[-1][-1][:1].isupper())):
            joints = [*joints, word]
            continue
        if joints:
            if word[:1].isupper() and bare not in STOPWORDS:
                runs[-1].extend(joints)
            else:
                runs.append([])
            joints = []
        if weak or bare in STOPWORDS:
            runs.append([])
        else:
            runs[-1].append(re.sub(r"['’]s$", "", word))
    return [" ".join(run) for run in runs if run and len("".join(run)) > 2]
