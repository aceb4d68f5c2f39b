"""What a question asks for, and whether a sentence has something of that kind."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from instill.answer.terms import normalise, terms

Wanted = Literal["definition", "number", "date", "person", "place", "list", "reason", "manner", "yesno", "other"]

_EXPRESSIONS: tuple[tuple[Wanted, str], ...] = (
    (
        "number",
        r"\bhow (many|much|long|far|old|big|large|tall|high|often|fast|deep|wide)\b|\bwhat (percent|number)"
        r"|\b(number|amount|percentage|share) of\b|\bwie ?(viele?|lange?|hoch)\b|\bcombien\b|\bcuánt",
    ),
    (
        "date",
        r"\bwhen\b|\b(what|which|in what|in which) (year|date|day|month|century|time|decade)\b|\bhow long ago\b"
        r"|\bwann\b|\bquand\b|\bcuándo\b|\bquando\b",
    ),
    (
        "person",
        r"\bwho(m|se)?\b|\b(what|which) (person|actor|actress|author|king|queen|president|singer|player)\b"
        r"|\bwer\b|\bqui\b|\bquién\b|\bchi\b",
    ),
    (
        "place",
        r"\bwhere\b|\b(what|which|in what|in which) (city|country|state|place|town|region|county|location)\b"
        r"|\bwo\b|\boù\b|\bdónde\b|\bdove\b",
    ),
    (
        "reason",
        r"\bwhy\b|\bwhat (is|are|was|were) the (reason|cause|purpose)|\bwhat (causes?|caused)\b"
        r"|\bhow come\b|\bwarum\b|\bwieso\b|\bpourquoi\b|\bpor qué\b|\bperché\b",
    ),
    (
        "list",
        r"\b(what|which) (are|were) (all |some |the |our |your |their |its |different |main |\w+['’]s? )*"
        r"([\w'’]+ ){0,5}\w+s\b|\b(list|name|enumerate)\b|\bwhich\b.*\bare there\b|\b(what|which) (\w+ ){0,2}"
        r"(kinds|types|steps|goals|values|ways|options|reasons|examples|members|features|benefits)\b"
        r"|\bwhat should (i|we|one)\b"
        r"|\b(what|which) (two|three|four|five|six|seven|eight|nine|ten|\d{1,2}) (\w+ ){0,2}\w+s\b"
        r"|\b(what|which) (?!(happens|does|is|was|has|this)\b)([a-z]+ )?[a-z]+[^\Wsiu]s "
        r"(can|may|must|should|could|do|does|did|are|were|have|will)\b",
    ),
    (
        "manner",
        r"\bhow (do|does|did|can|could|should|would|to|is|are|was|were)\b|\bsteps? to\b|^wie\b|^comment\b"
        r"|^cómo\b|^come\b",
    ),
    (
        "definition",
        r"^(so |and |but )?(what|who) (is|are|was|were|does|do) |^what['’]s\b|\bwhat does .* mean\b"
        r"|\bdefin(e|ition)\b|\bmeaning of\b|\bexplain\b|^was (ist|sind)\b|^qu['’]est|^qué (es|son)\b",
    ),
    (
        "yesno",
        r"(?:^|[.,;:!?] )(so |and |but |then )?"
        r"(is|are|am|was|were|do|does|did|can|could|should|may|must|will|would|has|have)\b",
    ),
)
_PATTERNS = tuple((kind, re.compile(expression)) for kind, expression in _EXPRESSIONS)

_NUMBER = re.compile(
    r"\d|\b(one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fifteen|twenty|thirty|forty|fifty|"
    r"sixty|hundred|thousand|million|billion|dozen|half|third|quarter|zero|once|twice|daily|weekly|monthly|yearly)\b"
)
_DATE = re.compile(
    r"\b(1[0-9]|20)\d\d\b|\b(january|february|march|april|may|june|july|august|september|october|november|december|"
    r"monday|tuesday|wednesday|thursday|friday|saturday|sunday|century|bce?|today|tomorrow|yesterday|"
    r"spring|summer|autumn|winter|q[1-4]|januar|februar|märz|mai|juni|juli|oktober|dezember)\b|\b\d{1,2}[:/.]\d\d\b"
    r"|\b(within|after|before|every|until) (\w+ ){0,2}(days?|weeks?|months?|years?|hours?|minutes?)\b"
)
_NAME = re.compile(r"(?<![.!?]\s)(?<!^)\b[A-ZÄÖÜÉ][\w’'-]+")
_PLACE = re.compile(r"\b(in|at|near|from|to|of|on|under|inside|outside|between|located|situated|in der|à|en|dans)\b")
_REASON = re.compile(
    r"\b(because|since|so that|due to|in order to|caused?|as a result|therefore|reason|thus|leads? to|led to|to avoid|"
    r"to (help|make|keep|allow|ensure|prevent)|weil|damit|denn|parce que|porque|perché)\b"
)
_MANNER = re.compile(
    r"\b(by|using|via|through|first|then|click|run|select|open|must|should|can|need to|step|follow|with|indem|mit)\b"
)
_IS_A = re.compile(
    r"\b(is|are|was|were|means?|refers? to|denotes?|describes?|defined?|called|known as|stands for)\b|: |::="
)


@dataclass(frozen=True, slots=True)
class Question:
    """A question with its content terms (unique, in order) and what it asks for, most specific first.

    `in_context`: a follow-up with the questions before it, or "".
    """

    text: str
    terms: tuple[str, ...]
    wanted: tuple[Wanted, ...]
    in_context: str = ""

    @property
    def read(self) -> str:
        """What the reader and the encoder are given."""
        return self.in_context or self.text

    @property
    def wants_list(self) -> bool:
        return "list" in self.wanted


def read_question(text: str, in_context: str = "") -> Question:
    """Analyse a question.

    Example:
        >>> question = read_question("How many moons does Mars have?")
        >>> question.terms, question.wanted
        (('moon', 'mar'), ('number',))
    """
    plain = " ".join(normalise(text).split())
    wanted = tuple(kind for kind, pattern in _PATTERNS if pattern.search(plain))
    if len(wanted) > 1 and "number" in wanted and "manner" in wanted:
        wanted = tuple(kind for kind in wanted if kind != "manner")
    found = dict.fromkeys(terms(text)) or dict.fromkeys(terms(text, keep_stop=True))
    return Question(text, tuple(found), wanted or ("other",), in_context)


def offers(question: Question, sentence: str) -> float:
    """Share of what is asked for that the sentence shows signs of, 0 to 1; 0.5 when nothing specific is asked."""
    checks = [shows(kind, question, sentence) for kind in question.wanted if kind not in ("list", "yesno", "other")]
    return sum(checks) / len(checks) if checks else 0.5


def shows(kind: Wanted, question: Question, sentence: str) -> bool:
    """Whether the sentence has a sign of one kind: a number, a date, a name that the question does not hold, ..."""
    plain = normalise(sentence)
    if kind == "number":
        return bool(_NUMBER.search(plain))
    if kind == "date":
        return bool(_DATE.search(plain))
    if kind in ("person", "place"):
        # A name that the question does not already hold.
        asked = set(question.terms)
        fresh = any(not asked.intersection(terms(name.group())) for name in _NAME.finditer(sentence))
        return fresh and (kind == "person" or bool(_PLACE.search(plain)))
    if kind == "reason":
        return bool(_REASON.search(plain))
    if kind == "manner":
        return bool(_MANNER.search(plain))
    return _defines(question, plain)


def _defines(question: Question, plain: str) -> bool:
    """Does the sentence say "TERM is ..." of a term of the question, near its beginning?"""
    verb = _IS_A.search(plain)
    return bool(verb) and bool(set(terms(plain[: verb.start()])) & set(question.terms)) if verb else False


_MESSAGE = re.compile(
    r"[\"“`'][^\"”`']{8,}[\"”`']|\b[A-Z][A-Z_]{4,}\b|\b[eE]rror\b|\b[A-Za-z]+-?\d{2,}\b|^[a-z][\w.-]*: "
)


def names_a_message(question: str) -> bool:
    """Does it hold a message ("fatal: no such file"), a code or the word "error"? What to do stands beside it.

    Example:
        >>> names_a_message("fatal: not a repository"), names_a_message("Who built the oven?")
        (True, False)
    """
    return bool(_MESSAGE.search(question))
