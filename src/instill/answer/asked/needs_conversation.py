"""Does a question need the conversation to be understood?"""

from __future__ import annotations

import re

from instill.answer.terms import stem, terms, word_set

PRONOUN = re.compile(
    r"\b(it|its|they|them|their|theirs|he|him|his|she|her|hers|this one|that one|this|that|these|those|"
    r"the (?:first|second|third|last|latter|former|other|same)(?: one)?|the ones?|er|ihn|ihm|dessen|deren|lui)\b"
    r"(?!\s+(?!(?:ear|on|dai|week|month|year|app)ly\b)\w+ly\b)",
    re.IGNORECASE,
)
_EXPLETIVE = re.compile(
    r"\b(does|did|will|would|do) it (take|matter|hurt)\b|\b(is|was) it (\w+ )?(possible|true|legal|ok|okay|"
    r"necessary|safe|allowed|better|worth|required) (to|that|for|if)\b|\bit is (possible|true|necessary)\b"
    r"|\b(so|such|say|says|said|know|think|means?|sure|believe|fact|way|time|one|ones|thing|things|everything|all|"
    r"those|something|anything) that\b|\b(is it|it is) (raining|snowing|late|dark|cold|hot)\b"
    r"|\bit (rains?|snows?|gets? (late|dark|cold))\b|\bthat (is|are|was|were|can|will|would|has|have)\b",
    re.IGNORECASE,
)
_CLAUSE = re.compile(r"\w[\w\s'’-]*(?:\b(?:and|or|but|if|when|because|while)\b|[,;:])", re.IGNORECASE)
# "What is mortadella and where is it from?", "e-Discovery? What is that?": one noun before is enough to point back to.
_SECOND_QUESTION = re.compile(r"\?\s+\w|\band (?:what|who|where|when|why|how)\b", re.IGNORECASE)
LEAD = re.compile(
    r"^\s*(?:(?:ok(?:ay)?|yes|no|thanks?(?: you)?|oh|hm+|well|so|alright|great|right|wow|interesting|cool|nice|really|"
    r"i see|got it)\b[\s,.!]*)*"
    r"(?:(and|or|but|also|then|plus|und|et|y|e)(?=[\s,])[\s,]*)?"
    r"(?:(what|how) about\b|what of\b|same for\b|(und|et|y|e) (?:was ist mit|pour|para)\b)?\s*",
    re.IGNORECASE,
)
"""What a follow-up opens with: interjections, "and", "what about". Groups 1 to 3 are set where it continues."""

QUESTION_WORD = re.compile(
    r"\b(what|who|whom|whose|which|when|where|why|how|is|are|was|were|do|does|did|can|could|should|would|will|has|have|"
    r"had|may|must|tell|explain|describe|show|list|give|find)\b",
    re.IGNORECASE,
)
BARE = re.compile(
    r"^\W*(?:what|which|who|how|where|when|why|is|are|was|were|do|does|did|can)\b.*\bthe\b"
    r"(?!.*\b(?:of|in|for|from|about)\b)|"
    r"\b(?:other|another|else|more|same|instead|again|too|either)\b|\bare there\b",
    re.IGNORECASE,
)
WEAK = word_set(
    "tell explain describe show list know mean means need needs want wants help start begin look find think take "
    "takes work works kind kinds type types way ways thing things different difference differences main important "
    "common best "
    "good better bad new old first last many example examples reason reasons really actually long big people someone "
    "happen happens become called name please thanks yes okay hello hi question info information detail details step "
    "cause causes effect effects symptom symptoms sign signs role purpose history bit lot able sure try trying "
    "understand say says said tried"
)
"""Words that say what is asked rather than what it is asked about."""

WEAK_STEMS = frozenset(stem(word) for word in WEAK)


def depends(question: str) -> bool:
    """Does the question need the conversation to be understood, by its own words?

    Example:
        >>> [depends(q) for q in ("why?", "What does it cost?", "What about France?", "How long does it take to fly?")]
        [True, True, True, False]
    """
    content = [word for word in terms(question) if word not in WEAK_STEMS]
    if continues(question) or not content or (len(content) == 1 and not QUESTION_WORD.search(question)):
        return True
    names = any(word[:1].isupper() and not word.startswith("I") for word in question.split()[1:])
    if len(content) <= 1 and BARE.search(question) and not names:
        return True
    return pointing(question) is not None


def continues(question: str) -> bool:
    """Does it begin with "and ...", "what about ...", "same for ..."?"""
    lead = LEAD.match(question)
    return bool(lead and (lead.group(1) or lead.group(2) or lead.group(3)))


def pointing(question: str) -> re.Match[str] | None:
    """The first pronoun that points out of the question; "the first" and the like only where there is no other."""
    covered = [match.span() for match in _EXPLETIVE.finditer(question)]
    found = sorted(PRONOUN.finditer(question), key=lambda match: match.group().lower().startswith("the "))
    for match in found:
        inside = any(start <= match.start() < end for start, end in covered)
        # After some content words, fewer in a clause before it, a pronoun points back into the question itself.
        before = question[: match.start()]
        needed = 1 if _SECOND_QUESTION.search(before) else 2 if _CLAUSE.search(before) else 3
        settled = len([word for word in terms(before) if word not in WEAK_STEMS]) >= needed
        if not inside and not settled:
            return match
    return None
