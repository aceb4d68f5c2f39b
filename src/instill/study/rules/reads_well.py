"""Would a person ask it so? What the rules have put together is looked at once more before it is kept.

The rules know patterns, not grammar: a subject that was none, a clause that came along ("When was the program removed
because the licence was too expensive?"), a heading that is half a sentence. What reads badly is dropped.
"""

from __future__ import annotations

import re

from instill.answer.asked.dictionary import in_dictionary
from instill.answer.terms import word_set
from instill.study.rules.word_forms import base_form, is_past, past_of_participle, words_of

_ASKING = re.compile(
    r"^(?:could you (?:tell me|explain to me|explain) |explain |(?:i would like to know )?who(?: or what)? "
    r"(?:(?:is|was) it|it (?:is|was)) that )",
    re.IGNORECASE,
)
_MARKUP = re.compile(r"[*_`|<>{}\[\]\\=~^#]|https?:|\.{2}|--| - |;|: ")
_SECOND_CLAUSE = re.compile(
    r"\b(?:because|although|though|whereas|while|unless|so that|in order to|therefore|however|i\.e|e\.g|"
    r"but|either|neither)\b",
    re.IGNORECASE,
)
_LEANING = re.compile(
    r"\b(?:this|these|those|it|its|they|them|their|he|she|his|her|here|above|below|following|former|latter|"
    r"aforementioned|said|such|another|other|others|same|instead|also|too|thus|even|only|just|actually|basically)\b",
    re.IGNORECASE,
)
_SPEAKERS = re.compile(r"\b(?:mine|we|us|our|ours)\b", re.IGNORECASE)
_ENDINGS = word_set(
    "a an the of at from with and or nor as that which who whose its their his her is are was were be been into than "
    "during since until about between very most more to not no if when where every each any"
)
_TWICE = re.compile(r"\b(\w+) \1\b", re.IGNORECASE)
_WH = word_set("what who when where why how which whose whom")
_FINITE = re.compile(r"\b(?:is|are|was|were|has|had|can|could|should|will|would|may|might|must|does|did)\b")

_OPENS_NO_NAME = word_set(
    "regardless given assuming according based due depending basically ideally typically generally usually normally "
    "often sometimes currently recently eventually finally additionally alternatively similarly likewise thereby maybe "
    "perhaps please never always let lets don't do does did be been being having using what who when where why how "
    "which whose whether whatever whoever either neither anyone someone everyone nobody everything something anything "
    "nothing there here today yesterday tomorrow"
)
_NAMES_NOTHING = word_set(
    "first second third fourth fifth last next previous following other same main only best new old final latter "
    "former above below special general whole entire rest remaining resulting corresponding current given original "
    "name type value number result output input default argument parameter option purpose goal reason idea point "
    "answer question problem issue way thing part step case example difference key list set section page document "
    "file command method function code process team user policy information data"
)
"""A noun phrase of these words alone needs its page to say what it means: "the second argument", "the value"."""

_BARE_PERSON = re.compile(
    r"\b(?:about|at|by|for|from|of|on|to|with) (?:apprentice|applicant|candidate|client|colleague|contractor|coworker|"
    r"customer|developer|director|driver|employee|employer|engineer|guest|intern|manager|member|mentor|neighbou?r|officer|"
    r"owner|parent|partner|patient|person|seller|student|supervisor|supplier|teacher|teammate|tenant|user|vendor|visitor)"
    r"$"
)
"""A person who can be counted, without an article: "Who do I tell about teammate?"."""

_SUPERLATIVES = word_set("most least best worst only main whole rest entire same")
_PLACES = word_set("first second third fourth fifth last next previous following other final latter former")

_GROUPS = word_set(
    "team group committee company inc ltd corporation department office board council university institute foundation "
    "agency ministry bank union association society press service services server cluster system software project "
    "program protocol engine manager library framework tool app application platform module package act law"
)


def reads_well(question: str) -> bool:
    """Is it a question that a person could ask, as far as its words tell?

    Example:
        >>> reads_well("When was the stone oven built?"), reads_well("Could you tell me when the stone oven was built?")
        (True, True)
        >>> reads_well("When was Adobe Acrobat removed because the licence was too expensive?")
        False
        >>> reads_well("Why is Regardless of what schema used?"), reads_well("What is the second argument?")
        (False, False)
        >>> reads_well("Who do I tell about teammate?"), reads_well("Who do I tell about a teammate?")
        (False, True)
    """
    said = question.strip()
    words = words_of(said)
    if len(words) < 3 or _MARKUP.search(said) or _TWICE.search(said) or said.count("(") != said.count(")"):
        return False
    body = _ASKING.sub("", said.rstrip("?. "))
    if body.split()[-1].lower() in _ENDINGS or _SECOND_CLAUSE.search(body) or _LEANING.search(body):
        return False
    if _SPEAKERS.search(body) or _BARE_PERSON.search(body):
        return False
    inner = [word.lower() for word in words_of(body)[1:]]
    # "In which place" and "by whom or what" stand at the beginning.
    if any(word in _WH for word in inner[3:]) or len(_FINITE.findall(body.lower())) > 1:
        return False
    about = _asked_about(body)
    return about is None or names_something(about)


def names_something(phrase: str) -> bool:
    """Is it a subject that can be asked about away from its page?

    Example:
        >>> [names_something(each) for each in ("the stone oven", "the second argument", "Redis", "Basically X")]
        [True, False, True, False]
    """
    words = [word.lower() for word in words_of(phrase)]
    if not words or words[0] in _OPENS_NO_NAME or words[-1] in _ENDINGS:
        return False
    if words[0].endswith("ly") and in_dictionary(words[0]):
        return False
    told = [word for word in words if word not in ("the", "a", "an")]
    if not told or told[0] in _SUPERLATIVES or (told[0] in _PLACES and len(told) < 4):
        return False
    return not all(word in _NAMES_NOTHING or word.rstrip("s") in _NAMES_NOTHING for word in told)


def in_a_question(subject: str) -> str:
    """A sentence's subject as it reads inside a question: only names keep their capital.

    Example:
        >>> [in_a_question(each) for each in ("The oven", "Ovens", "Redis", "Marta Lindqvist", "Good bread")]
        ['the oven', 'ovens', 'Redis', 'Marta Lindqvist', 'good bread']
    """
    first, _, rest = subject.partition(" ")
    if first in ("The", "A", "An"):
        return f"{first.lower()} {rest}".strip()
    after = rest.split()[0] if rest else ""
    if not (first[:1].isupper() and first[1:] == first[1:].lower()) or after[:1].isupper():
        return subject
    lower = first.lower()
    common = all(in_dictionary(part) for part in lower.split("-"))
    many = lower.endswith("s") and (in_dictionary(lower[:-1]) or in_dictionary(re.sub("es$", "", lower)))
    return f"{lower} {rest}".strip() if common and (many or after) else subject


def active_of(be: str, participle: str) -> str:
    """The verb of "who does it" from the passive "it is done" or "it was done".

    Example:
        >>> active_of("was", "written"), active_of("is", "cleaned"), active_of("are", "carried")
        ('wrote', 'cleans', 'carries')
    """
    if be not in ("is", "are"):
        return past_of_participle(participle)
    base = base_form(participle)
    if re.search(r"(?:s|x|z|ch|sh|o)$", base):
        return base + "es"
    return base[:-1] + "ies" if re.search(r"[^aeiou]y$", base) else base + "s"


def who_or_what(name: str) -> str:
    """ "Who" for what looks like a person's name, else "Who or what".

    Example:
        >>> who_or_what("Marta Lindqvist"), who_or_what("Redis"), who_or_what("the Talent Team")
        ('Who', 'Who or what', 'Who or what')
    """
    words = name.split()
    person = 2 <= len(words) <= 4 and all(word[:1].isupper() and word[1:].islower() for word in words)
    return "Who" if person and not any(word.lower() in _GROUPS for word in words) else "Who or what"


def tail_of(rest: str, most: int = 9) -> str:
    """What follows a verb and belongs to its clause: up to a pause or the next clause, whole phrases only.

    Example:
        >>> tail_of("by the owner because the licence was dear"), tail_of("in Visby and is run by the town")
        ('by the owner', 'in Visby')
    """
    words = re.split(r"[,;:(]", rest)[0].split()
    end = len(words)
    for place, word in enumerate(words):
        lower = word.lower()
        after = words[place + 1].lower() if place + 1 < len(words) else ""
        if lower in _STOPS or (lower in ("and", "or", "to", "then") and (lower == "to" or _begins_clause(after))):
            end = place
            break
    kept = words[:end]
    if len(kept) > most:  # Not cut in the middle of a phrase: at the last preposition before.
        cuts = [place for place in range(1, most + 1) if kept[place].lower() in _PREPOSITIONS]
        kept = kept[: cuts[-1]] if cuts else []
    while kept and (kept[-1].lower() in _ENDINGS or kept[-1].lower() in _PREPOSITIONS or kept[-1].endswith("ly")):
        kept.pop()
    return " ".join(kept)


_STOPS = word_set(
    "because although though while whereas when where if unless so since as that which who whose whom after before "
    "until but however therefore except rather instead whether once"
)
_PREPOSITIONS = word_set(
    "in on at by for from with of into onto over under between through during against about across near within"
)


def _begins_clause(word: str) -> bool:
    return bool(_FINITE.fullmatch(word)) or is_past(word) or word in ("it", "they", "he", "she", "then", "not", "there")


def _asked_about(body: str) -> str | None:
    """What a question for a meaning is about; None of other questions."""
    found = re.match(
        r"(?:What|Who|what|who)(?: exactly| kind of thing)? (?:is|are|was|were)(?: meant by)? (.+)$"
        r"|What does (.+) mean$|[Hh]ow would you define (.+)$|what (.+) (?:is|are|was|were)$"
        r"|(?:What do I need to know|Tell me) about (.+?)(?: in [A-Z].*)?$",
        body,
    )
    return next((each for each in found.groups() if each), None) if found else None
