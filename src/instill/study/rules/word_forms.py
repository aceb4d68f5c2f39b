"""English word forms for questions: base forms of verbs, other words for common ones, what a sentence leans on."""

from __future__ import annotations

import re
from random import Random

from instill.answer.terms import STOPWORDS, word_set

_VERBS = (
    "become became become, begin began begun, break broke broken, bring brought brought, build built built, buy "
    "bought bought, choose chose chosen, come came come, draw drew drawn, drive drove driven, fall fell fallen, fight "
    "fought fought, find found found, fly flew flown, get got got, give gave given, go went gone, grow grew grown, "
    "have had had, hold held held, keep kept kept, know knew known, lead led led, leave left left, lose lost lost, "
    "make made made, meet met met, pay paid paid, rise rose risen, run ran run, see saw seen, sell sold sold, send "
    "sent sent, set set set, sing sang sung, speak spoke spoken, spend spent spent, take took taken, teach taught "
    "taught, tell told told, think thought thought, wear wore worn, win won won, write wrote written, shoot shot "
    "shot, die died died, lie lay lain, publish published published, limit limited limited, visit visited visited, "
    "edit edited edited, exit exited exited, merit merited merited, inherit inherited inherited, deposit deposited "
    "deposited, benefit benefited benefited, suffer suffered suffered, open opened opened, enter entered entered, "
    "gather gathered gathered, conquer conquered conquered, remain remained remained, add added added"
)
_IRREGULAR = {form: verb.split()[0] for verb in _VERBS.split(", ") for form in verb.split()[1:]}
_PAST_OF_PARTICIPLE = {
    "written": "wrote", "begun": "began", "broken": "broke", "chosen": "chose", "drawn": "drew", "driven": "drove",
    "given": "gave", "known": "knew", "seen": "saw", "sung": "sang", "spoken": "spoke", "taken": "took", "worn": "wore",
}  # fmt: skip
_NOT_PAST = word_set("need feed seed speed breed bleed weed deed indeed hundred exceed proceed succeed embed shed sled")
_SILENT_E = re.compile(
    r"(?:[cuvz]|[^s]s|^us|[^n]g(?<![ou]g)|ang|ung|[bcdfgkptz]l|creat|[^e]at|(?:pl|del|comp)et|(?:un|inv|^c|^wr|gn|exc)it|"
    r"(?:^v|qu|^n|om|ev|en)ot|[^o]ut|[^aeo][ai]r|[^o]ur|(?:^st|sc|pl|rest|gn|^b|^ad)or|[^aeiou][aiou][dk]|uid|[^eo]ap|"
    r"yp|(?:^h|c)op|[^aeiou][aiou]m|[^aeiou][iu]n|(?:^z|cl|^t|st|tp)on|[pfmt]il|[rd]ul|[cs]al)$"
)
_OTHER_WORDS = {
    "begin": "start", "began": "started", "big": "large", "buy": "purchase", "bought": "purchased", "car": "vehicle",
    "company": "firm", "created": "made", "employees": "staff", "film": "movie", "founded": "established",
    "goods": "items", "help": "support", "kinds": "types", "large": "big", "located": "situated", "money": "funds",
    "movie": "film", "needed": "required", "obtain": "get", "often": "frequently", "picture": "image",
    "quickly": "fast",
    "released": "published", "required": "needed", "situated": "located", "started": "began", "usually": "normally",
    "workers": "staff", "error": "failure", "remove": "delete", "deleted": "removed", "change": "modify",
    "allows": "lets", "returns": "gives", "show": "display", "shows": "displays", "holiday": "vacation",
}  # fmt: skip

LEANS_AT_START = word_set(
    "it its it's he she his her they their them this that these those there here such we our you your i my and but or "
    "so then thus therefore however also moreover furthermore additionally nevertheless nonetheless instead "
    "otherwise hence meanwhile both either neither another other others some many most few several all each one two "
    "later earlier afterwards soon still similarly likewise finally first second third next consequently "
    "accordingly because although though while when where if unless until after before since as in on at by for "
    "from with without under over during among between despite to not no what which who whose how why yes nor yet "
    "again additional further subsequent overall once even only rather perhaps today now"
)
"""A sentence that begins with one of these is about something named before it, or begins with an adverbial."""

_LEANS = re.compile(
    r"\b(?:this|these|those|above|below|following|former|latter|previous(?:ly)?|aforementioned|said|herein|"
    r"as (?:follows|such|shown|noted|mentioned)|see (?:also|section|chapter|figure|table)|figure \d|table \d|"
    r"he|she|they|him|we|us|our|ours|you|your|i|my|me|here)\b",
    re.IGNORECASE,
)
_WORD = re.compile(r"[^\W_](?:[\w.+#'’-]*[^\W_]|[+#]+)?")


def stands_alone(sentence: str) -> bool:
    """Does the sentence make sense away from its page, as far as its words tell?

    Example:
        >>> stands_alone("Mars has two moons."), stands_alone("It has two moons.")
        (True, False)
    """
    first = re.match(r"[\w'’]+", sentence)
    if first is None or first.group().lower() in LEANS_AT_START or not (sentence[0].isupper() or sentence[0].isdigit()):
        return False
    return _LEANS.search(sentence, first.end()) is None


def leans_on_its_page(sentence: str) -> bool:
    """Is the sentence about "the album" or "a user", which its page has named?"""
    return (
        re.match(r"(?:The|An?) [a-z]+ (?:[a-z]+ed|is|are|was|were|has|had|can|may|will|[a-z]+s) ", sentence) is not None
    )


def base_form(past: str) -> str:
    """The base form of an English past tense; a rule, wrong for some rare verbs.

    Example:
        >>> [base_form(word) for word in ("released", "won", "planned", "carried", "opened", "created", "started")]
        ['release', 'win', 'plan', 'carry', 'open', 'create', 'start']
    """
    if past in _IRREGULAR:
        return _IRREGULAR[past]
    if past.endswith("ied") and len(past) > 4:
        return past[:-3] + "y"
    return _uninflected(past[:-2]) if is_past(past) else past


def base_of_gerund(gerund: str) -> str:
    """The base form of a word in "-ing".

    Example:
        >>> [base_of_gerund(word) for word in ("installing", "running", "using", "writing", "changing")]
        ['install', 'run', 'use', 'write', 'change']
    """
    if not gerund.endswith("ing") or len(gerund) < 5 or not re.search("[aeiouy]", gerund[:-3]):
        return gerund
    if gerund in ("adding", "passing", "seeing", "being", "doing", "going"):
        return gerund[:-3]
    return _uninflected(gerund[:-3])


def past_of_participle(participle: str) -> str:
    """ "written" -> "wrote"; regular ones are their own past."""
    return _PAST_OF_PARTICIPLE.get(participle, participle)


def is_past(word: str) -> bool:
    """Does the word look like a past tense or a participle?"""
    return word in _IRREGULAR or (len(word) > 3 and word.endswith("ed") and word not in _NOT_PAST)


def reworded(word: str, rng: Random) -> str:
    """Half the time another word of the same meaning, where one is known."""
    return _OTHER_WORDS[word] if word in _OTHER_WORDS and rng.random() < 0.5 else word


def words_of(text: str) -> list[str]:
    """The words as they are written, names and versions whole.

    Example:
        >>> words_of("C++ and Python-3.12 (both) aren't toys.")
        ['C++', 'and', 'Python-3.12', 'both', "aren't", 'toys']
    """
    return _WORD.findall(text)


def content(text: str) -> list[str]:
    """The words of `text` that are not function words, as they are written, in order."""
    return [word for word in words_of(text) if word.lower().replace("'", "").replace("’", "") not in STOPWORDS]


def _uninflected(stem: str) -> str:
    if len(stem) > 3 and stem[-1] == stem[-2] and stem[-1] in "bdgmnprt":
        return stem[:-1]
    return stem + "e" if _SILENT_E.search(stem) else stem
