"""Which event of a subject's life a question asks for, and which one a sentence tells of with a value: two dates of one
person, or of one house, need not be one date."""

from __future__ import annotations

import re

_EVENTS: tuple[tuple[str, str], ...] = (
    ("birth", r"born|births?|birth(?:day|date|place|year)s?"),
    ("death", r"die[ds]?|dying|deaths?|dead|deceased|killed|buried|passed away"),
    ("marriage", r"marr(?:y|ies|ied|iages?)|wed(?:ding|s)?"),
    ("building", r"buil[dt]s?|building of|construct(?:s|ed|ion)?|erect(?:s|ed|ion)?"),
    ("renewal", r"rebuil[dt]s?|renovat(?:es?|ed|ion)|restor(?:es?|ed|ation)|renew(?:s|ed|al)?|extend(?:s|ed)?"),
    (
        "beginning",
        r"found(?:ed|ing|ation)|establish(?:es|ed|ment)?|set up|start(?:s|ed|ing)?|beg[iau]ns?|beginning"
        r"|launch(?:es|ed)?|open(?:s|ed|ing)?|introduc(?:es?|ed|tion)|created?",
    ),
    (
        "end",
        r"end(?:s|ed|ing)?|clos(?:es?|ed|ing|ure)|ceas(?:es?|ed)|expir(?:es?|ed|y)|stop(?:s|ped)?|finish(?:es|ed)?"
        r"|terminat(?:es?|ed|ion)|abolish(?:es|ed)?|retir(?:es?|ed|ement)|demolish(?:es|ed)?|demolition",
    ),
    ("signing", r"sign(?:s|ed|ing|ature)?"),
    ("purchase", r"bought|buys?|buying|purchas(?:es?|ed)|acquir(?:es?|ed)"),
    ("sale", r"sold|sells?|selling|sale"),
    ("arrival", r"arriv(?:es?|ed|al)|deliver(?:s|ed|y)?"),
    ("departure", r"depart(?:s|ed|ure)?|leaves?|left"),
    ("order", r"order(?:s|ed)?"),
    ("publication", r"publish(?:es|ed)?|publication|released?"),
)
_PATTERN = re.compile("|".join(rf"(?P<{name}>\b(?:{words})\b)" for name, words in _EVENTS), re.IGNORECASE)


def events_in(text: str) -> list[tuple[str, int]]:
    """Names of the events that a text tells of, each with its place.

    Example:
        >>> events_in("Ada was born in Lund and died in Visby.")
        [('birth', 8), ('death', 25)]
    """
    return [(str(match.lastgroup), match.start()) for match in _PATTERN.finditer(text)]


def tells_of_another_event(question: str, sentence: str, value: str) -> bool:
    """Is a value in a sentence of another event than the one that the question asks for? The event whose word stands
    nearest to the value counts; a sentence without such a word may tell of any.

    Example:
        >>> tells_of_another_event("When did Ada die?", "Ada was born in 1901 in Lund.", "1901")
        True
        >>> both = "Ada was born in 1901 and died in 1950."
        >>> tells_of_another_event("When did Ada die?", both, "1950"), tells_of_another_event("When?", both, "1950")
        (False, False)
        >>> tells_of_another_event("When was the mill opened?", "The mill began its work in 1912.", "1912")
        False
    """
    asked = {name for name, _ in events_in(question)}
    told = events_in(sentence)
    if not asked or not told:
        return False
    start = max(0, sentence.find(value))
    end = start + len(value)
    nearest = min(told, key=lambda each: min(abs(each[1] - start), abs(each[1] - end)))
    return nearest[0] not in asked
