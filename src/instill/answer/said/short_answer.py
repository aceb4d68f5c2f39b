"""The short answer on top: shown only where it is safe.

It must win clearly over the other words, fit the kind of thing that is asked for, be whole, say something that the
question does not say itself, and stand in a piece that is shown. Otherwise there is none.
"""

from __future__ import annotations

import re
from collections.abc import Set
from math import inf

from instill.answer.asked.compared_things import sides_of
from instill.answer.asked.kind_of_answer import Question, shows
from instill.answer.asked.must_be_spoken_of import missing_pins, pins_of
from instill.answer.asked.side_by_side import side_by_side
from instill.answer.asked.two_questions_in_one import asks_twice
from instill.answer.found.chosen_piece import Chosen, evidence_of
from instill.answer.found.days import first_day
from instill.answer.found.versions import disagree
from instill.answer.harmless_text import plain_part, plain_text
from instill.answer.reading.findings import Findings
from instill.answer.terms import terms, word_set

LONGEST_SHORT = 120
"""Longest short answer in characters; what is longer is said by its piece."""

LEAST_MASS = 0.55
"""Least share of the reader's belief that lies in the words, where a number, a date, a person or a place is asked for:
over eight folders 16 of 19 short answers are right."""

LEAST_MASS_OF_ANYTHING = 0.75
"""The same where the question does not tell what kind of thing answers it: 13 of 14."""

LEAST_SPAN = -1.0
"""Least margin of the words over "no answer" (logit)."""

LEAST_ANSWERABLE = 0.4
"""Least belief that the piece answers (logit)."""

_REACH = 40
"""Characters before a number in which what makes a bound of it is looked for."""

_MOST_OF = 0.7
"""A short answer is shorter than this share of the piece that it stands in."""

_LEADING = word_set("a an the may can must should will is are was were be been has have had it they he she we you this")

_TOO_WIDE = frozenset({"list", "manner", "reason", "yesno"})
_CJK = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\d.,，、%％]")
_WORD = re.compile(r"\w")
_JOINTS = "-_/.,:'’@"
_UNIT = re.compile(
    r"\s?(?:%|°\s?[CF]?|€|\$|£|(?:percent|per cent|million|billion|thousand|seconds?|minutes?|hours?|days?|weeks?|"
    r"months?|years?|bytes?|[kKMGT]i?B|ms|degrees?|euros?|dollars?|characters?|times|users?|people|employees)\b)"
)

_BOUND_BEFORE = re.compile(
    r"(?:[<>≤≥≈~±]=?|\b(?:(?:(?:no|not) )?(?:more|less|fewer|greater|longer|shorter|higher|lower|larger|smaller|later|"
    r"earlier|sooner|older|younger) than|at (?:the )?(?:least|most|earliest|latest)|up to|over|under|above|below|"
    r"beyond|about|around|approximately|roughly|nearly|almost|within|(?:minimum|maximum) of|"
    r"as (?:much|many|little|few) as|between \S+ and|"
    r"mindestens|höchstens|bis zu|mehr als|weniger als|über|unter|etwa|rund|ca\.?))\s*\Z",
    re.IGNORECASE,
)
"""What makes a bound of the number behind it, which without it would say something else."""

_BOUND_BEHIND = re.compile(
    r"\+(?!\w)|\s+(?:or (?:more|less|fewer|longer|shorter|older|younger|later|earlier|above|below|over|under)|"
    r"and (?:more|over|above|up)|at (?:the )?(?:least|most|earliest|latest)|oder mehr|oder weniger)\b",
    re.IGNORECASE,
)
_TO = r"\s*(?:-|–|—|\bto\b|\bbis\b)\s*"
_RANGE_BEFORE = re.compile(rf"(?<![\w.,-])\d[\d.,]*{_TO}\Z", re.IGNORECASE)
_RANGE_BEHIND = re.compile(rf"{_TO}\d(?:[\d.,]*\d)?", re.IGNORECASE)

_DATES = re.compile(
    r"\b\d{1,2}(?:st|nd|rd|th)? (?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)\w*"
    r"|\b(?:days?|weeks?|months?) later\b|\b(?:19|20)\d\d-\d\d-\d\d\b",
    re.IGNORECASE,
)
_VERSION = re.compile(r"(?<![\w.-])v?\d+(?:\.\d+)+[\w.-]*")
_VERSION_ASKED = re.compile(r"\b(?:which|what)\b[^,.?]{0,30}\b(?:version|release)\b", re.IGNORECASE)
_WHO_IS = re.compile(r"\W*(?:and |so )?who(?:'s| is| was) (?:the|our|your|my) [^?]{1,40}\?*$", re.IGNORECASE)
_NAME = re.compile(r"(?<!of )\b[A-Z][\w'\u2019.-]*[a-z][\w'\u2019-]* (?:[A-Z]\.? |[a-z]{1,3} )?[A-Z][\w'\u2019-]+")
_LENGTH = re.compile(r"\bhow (?:long|many|much|often|far|soon|early|late|old)\b", re.IGNORECASE)
_FIRST_ITEM = re.compile(r"^[ \t]*(?:[-*+•]|\d{1,3}[.)])\s", re.MULTILINE)
_SENTENCE_END = re.compile(r"[.!?。！？](?=\s)|\n")
_AMOUNT = re.compile(r"(?<![\w.])\d[\d.,]*\d|(?<![\w.])\d(?!\w)")


def short_answer(question: Question, chosen: list[Chosen], findings: Findings | None) -> str:
    """The words that answer, from the best piece; "" where they are not safe to show alone."""
    if not chosen or findings is None or _TOO_WIDE & set(question.wanted) or len(sides_of(question.text)) > 1:
        return ""
    if asks_twice(question.text):
        return ""
    best = chosen[0]
    reading = best.reading
    if any(disagree(best, other) for other in chosen[1:]):
        return ""
    if missing_pins(pins_of(question.text), evidence_of(best.piece)) and len(chosen) > 1:
        return ""
    if reading is None or reading.start >= reading.end or best.piece.kind in ("section", "table"):
        return ""
    if reading.span < LEAST_SPAN or reading.answerable < LEAST_ANSWERABLE:
        return ""
    specific = [kind for kind in question.wanted if kind in ("number", "date", "person", "place")]
    mass = reading.mass(reading.start, reading.end)
    if mass < (LEAST_MASS if specific else LEAST_MASS_OF_ANYTHING):
        return ""
    text = best.piece.text
    start, end = whole(text, reading.start, reading.end)
    if best.piece.kind in ("record", "row"):
        start, end = value_of(text, start, end, best.piece.kind, question)
        if start == end:
            return ""
    words = _without_half_quotes(plain_part(text, start, end)).strip(" ,;:")
    if words.count(".") == 1:
        words = words.rstrip(".")  # The full stop of the sentence; an abbreviation has more than one.
    if not words or len(words) > LONGEST_SHORT or "\n" in text[start:end].strip():
        return ""
    asked = set(terms(question.text)) | set(terms(question.text, keep_stop=True))
    whole_text = len(plain_text(text))
    if len(words) >= _MOST_OF * whole_text:
        words = without_asked(words, asked)
    if not words or len(words) >= _MOST_OF * whole_text or "|" in words or "?" in words:
        return ""
    if best.piece.kind == "list" and len(words) >= _MOST_OF * _announces(text, start, end):
        return ""  # "There are 5 tasks that new hires complete."
    if _WHO_IS.match(question.text) and not _NAME.search(words):
        return ""  # "Who is the CTO?", "Approved by: CTO, VP of Engineering"
    said = set(terms(words, keep_stop=True))
    if said and said <= asked | {"the", "a", "an"}:
        return ""
    if question.wanted == ("definition",) and not re.search(r"[^\W\d_]{3}", words):
        return ""  # "T4S: 8" does not say what a T4S is.
    if specific and not any(shows(kind, question, f"is {words}") for kind in specific):
        return ""
    # Where a column is asked for, it tells which of the record's numbers is meant.
    told = best.piece.kind == "record" and column_is_asked_for(text, start, question)
    if not told and "number" in question.wanted and any(pin.kind == "name" for pin in pins_of(question.text)):
        # "140 a night, in London and Paris 210": which of them is of the place that the question names?
        around = _sentence_around(text, start)
        if len({*_AMOUNT.findall(around)}) > 1:
            return ""
    if not told and "number" in question.wanted and mass < LEAST_MASS_OF_ANYTHING and _LENGTH.search(question.text):
        sentence = _sentence_around(text, start)
        if len({*_AMOUNT.findall(sentence)}) > 1:
            return ""  # "more than 10 days within a period of 30 days": which is asked for?
    if "number" in question.wanted and len({*_AMOUNT.findall(text)}) > 1 and side_by_side(question.text):
        return ""  # One amount, where the question names several things.
    if not told and question.wanted[0] == "date" and len(_DATES.findall(_sentence_around(text, start))) > 1:
        return ""  # "The rest on 4 June and the basalt two weeks later": which is whose?
    return "" if _cut(words) else words


def _announces(text: str, start: int, end: int) -> float:
    """Length of the sentence around the span where it stands in front of the list's items; without bound elsewhere."""
    first = _FIRST_ITEM.search(text)
    if first is None or end > first.start():
        return inf
    lead = text[: first.start()]
    return len((_sentence_around(lead, start)).strip())


def _sentence_around(text: str, place: int) -> str:
    """The sentence that a place in the text stands in."""
    return _SENTENCE_END.split(text[:place])[-1] + _SENTENCE_END.split(text[place:])[0]


def without_asked(words: str, asked: Set[str]) -> str:
    """The words from the first on that the question does not say itself, where a whole sentence is marked.

    Example:
        >>> without_asked("A hotel may cost up to 140 euros", {"hotel", "cost"})
        'up to 140 euros'
    """
    found = words.split(" ")
    while found and (found[0].lower() in _LEADING or (terms(found[0]) and set(terms(found[0])) <= asked)):
        found.pop(0)
    return " ".join(found)


def heading_answer(question: Question, headings: str, text: str) -> str:
    """The version, or the day, that the nearest heading gives and the text does not, where that is asked for: of a log
    of changes, or of minutes; "" otherwise.

    Example:
        >>> from instill.answer.asked.kind_of_answer import read_question
        >>> asked = read_question("In which version was Telnet removed?")
        >>> heading_answer(asked, "Changes > 3.4.0 (2026-06-15)", "- Removed: Telnet."), heading_answer(asked, "", "")
        ('3.4.0', '')
        >>> heading_answer(read_question("When was Telnet removed?"), "3.4.0 (2026-06-15)", "- Removed: Telnet.")
        '2026-06-15'
    """
    last = headings.rpartition(" > ")[2]
    version = _VERSION.search(last)
    if _VERSION_ASKED.search(question.text):
        return version.group().lstrip("v") if version and not _VERSION.search(text) else ""
    if question.wanted[0] != "date" or shows("date", question, text):
        return ""
    day = first_day(last)
    return day.words if day else ""


def marked_words(best: Chosen) -> str:
    """The words of the best piece that the reader takes for the answer, whole; "" where it takes none."""
    reading = best.reading
    if reading is None or reading.start >= reading.end:
        return ""
    start, end = whole(best.piece.text, reading.start, reading.end)
    return plain_part(best.piece.text, start, end).strip()


def value_of(text: str, start: int, end: int, kind: str, question: Question) -> tuple[int, int]:
    """The whole value of the cell that holds the span; empty where the span is a column's name, or of several cells.

    Example:
        >>> text = "Item: Chair; Weight (kg): 12.5"
        >>> from instill.answer.asked.kind_of_answer import read_question
        >>> question = read_question("What is the weight of the chair?")
        >>> text[slice(*value_of(text, 26, 28, "record", question))]
        '12.5'
    """
    mark = ";" if kind == "record" else "|"
    low = text.rfind(mark, 0, start) + 1
    high = text.find(mark, start)
    high = len(text) if high < 0 else high
    if kind == "row" and "\n" in text[start:]:
        return start, start  # Words of the table's head.
    low = max(low, text.rfind("\n", 0, start) + 1)
    if end > high:
        return start, start
    name, colon, _ = text[low:high].partition(": ") if kind == "record" else ("", "", "")
    if colon:
        low += len(name) + len(colon)
        if start < low or not set(terms(name)) & set(terms(question.text)):
            return start, start
    value = text[low:high]
    low += len(value) - len(value.lstrip())
    return low, low + len(value.strip())


def column_is_asked_for(text: str, place: int, question: Question) -> bool:
    """Does the name of the cell that holds a place share more words with the question than any other column's?

    Example:
        >>> from instill.answer.asked.kind_of_answer import read_question
        >>> text = "name: Heron desk; price: 289; seats: 2; seats outside: 4"
        >>> one, other = read_question("What is the price of the Heron desk?"), read_question("How many seats has it?")
        >>> column_is_asked_for(text, text.index("289"), one), column_is_asked_for(text, text.index("2;"), other)
        (True, False)
    """
    asked = set(terms(question.text))
    shared: list[tuple[int, bool]] = []
    at = 0
    for cell in text.split(";"):
        name, colon, _ = cell.partition(": ")
        if colon:
            shared.append((len(set(terms(name)) & asked), at <= place < at + len(cell)))
        at += len(cell) + 1
    own = max((count for count, here in shared if here), default=0)
    return own > max((count for count, here in shared if not here), default=0)


def whole(text: str, start: int, end: int) -> tuple[int, int]:
    """The span, grown to whole words, numbers with their units, bounds and ranges, and runs of a script without spaces.

    Example:
        >>> text = "It costs up to 1,200 euros a month."
        >>> text[slice(*whole(text, 17, 20))]
        'up to 1,200 euros'
    """
    while 0 < start < len(text) and _joined(text, start):
        start -= 1
    while 0 < end < len(text) and _joined(text, end):
        end += 1
    end = _behind_number(text, start, end)
    if start > 0 and text[start - 1] in "$€£#-" and text[start : start + 1].isdigit():
        start -= 1
    if _AMOUNT.match(text[start:end].lstrip("$€£-")):
        for before in (_RANGE_BEFORE, _BOUND_BEFORE):
            found = before.search(text, max(0, start - _REACH), start)
            start = found.start() if found else start
    return start, end


def _behind_number(text: str, start: int, end: int) -> int:
    """The end of the span with what belongs to a number behind it: the other end of a range, the unit, "or more"."""
    for behind in (_RANGE_BEHIND, _UNIT, _BOUND_BEHIND):
        if behind is _BOUND_BEHIND or text[start:end].rstrip()[-1:].isdigit():
            found = behind.match(text, end) if _AMOUNT.search(text[start:end]) else None
            end = found.end() if found else end
    return end


def _joined(text: str, place: int) -> bool:
    """Do the characters before and at `place` belong to one word, number, code or run of characters?"""
    one, other = text[place - 1], text[place]
    if (_CJK.match(one) and _CJK.match(other)) or (_WORD.match(one) and _WORD.match(other)):
        return True
    # "1,200", "3.14", "re-use", "a/b": a mark between two characters of a word joins them.
    if one in _JOINTS and _WORD.match(other):
        return place > 1 and bool(_WORD.match(text[place - 2])) and _joins(one, text[place - 2], other)
    if other in _JOINTS and _WORD.match(one):
        return place + 1 < len(text) and bool(_WORD.match(text[place + 1])) and _joins(other, one, text[place + 1])
    return False


def _joins(mark: str, one: str, other: str) -> bool:
    return mark not in ".,:" or (one.isdigit() and other.isdigit()) or (mark == "." and other.islower())


def _without_half_quotes(words: str) -> str:
    """Without quotation marks whose other half stands outside.

    Example:
        >>> _without_half_quotes("a \u201cRequest for Comments"), _without_half_quotes("a \u201cplan\u201d")
        ('a Request for Comments', 'a \u201cplan\u201d')
    """
    english = "\u201e" not in words  # In German the mark that opens an English quotation closes one.
    for opening, closing in ("\u201c\u201d" if english else "\u201e\u201c", "\u00ab\u00bb"):
        if (opening in words) != (closing in words):
            words = words.replace(opening, "").replace(closing, "")
    return words


def _cut(words: str) -> bool:
    """Does it look cut: an unclosed bracket or quote, or a last word that must go on?"""
    if words.count("(") != words.count(")") or words.count("[") != words.count("]") or words.count('"') % 2:
        return True
    if words.count("`") % 2:
        return True
    return words.lower().split()[-1] in {"of", "the", "and", "or", "to", "a", "an", "in", "with", "for", "by", "is"}
