"""Names and their short forms: what the documents define as "Regional Water Board (RWB)" is searched by both."""

from __future__ import annotations

import re
from collections.abc import Iterable

_DEFINED = re.compile(
    r"\b((?:[A-Za-z][\w’'-]*[ -]){1,7}[A-Za-z][\w’'-]*)\s*\((?:the |or )?[\"“]?([A-Z][A-Za-z&]{1,9})[\"”]?\)"
    r"|\b([A-Z][A-Z&]{1,9})\s+(?:\(|is (?:the |short for |an abbreviation of )|stands for |means? (?:the )?)"
    r"((?:[A-Za-z][\w’'-]*[ -]){1,7}[A-Za-z][\w’'-]*)"
)
_ASKED = re.compile(
    r"\W*(?:(?i:what(?:['’]s| is| are| was| does)|define|explain|the|a|an|meaning of|full form of|abbreviation)\b\s*)+"
    r"[\"“'`]?(?P<short>[A-Z][A-Za-z&0-9-]{0,8}[A-Z0-9])[\"”'`]?\s*(?i:means?|stands? for|short for|abbreviate)?\W*"
)
_SMALL = frozenset(
    ["of", "the", "and", "for", "in", "on", "to", "a", "an", "de", "la", "der", "die", "und", "für", "des"]
)


def definitions(texts: Iterable[str]) -> dict[str, str]:
    """Short form to full name, as the texts define them; the first definition counts.

    Example:
        >>> definitions(["The Regional Water Board (RWB) supervises the dams. MTTR is the mean time to repair."])
        {'RWB': 'Regional Water Board', 'MTTR': 'mean time to repair'}
    """
    found: dict[str, str] = {}
    for text in texts:
        for match in _DEFINED.finditer(text):
            words, short = (match[1], match[2]) if match[2] else (match[4], match[3])
            full = _full(words.split(), short, from_end=bool(match[2]))
            if full:
                found.setdefault(short, full)
    return found


def asks_for(question: str) -> str:
    """The short form whose meaning is all that is asked for, or "".

    Example:
        >>> asks_for("What does RWB stand for?"), asks_for("What is the RWB?"), asks_for("Who pays the RWB?")
        ('RWB', 'RWB', '')
    """
    match = _ASKED.fullmatch(question)
    return match["short"] if match else ""


def explains(text: str, short: str) -> bool:
    """Does the text say what a short form means, in whatever words: "time off for overtime (TOIL)", "RMA = return"?

    Example:
        >>> explains("Overtime is paid with time off (TOIL).", "TOIL"), explains("TOIL lapses in May.", "TOIL")
        (True, False)
    """
    own = re.escape(short)
    behind = rf"\w[\"”’']?\s+\([\"“'`]?{own}[\"”'`]?\)"
    before = (
        rf"(?<![\w-]){own}[\"”`*_]*\s*(?:(?:=|:|–|—|-\s|\()\s*[^\W\d_][\w-]*\s+\w|means?\b|stands? for\b|is short\b)"
    )
    pattern = f"{behind}|{before}"
    return re.search(pattern, text) is not None


def other_form(question: str, known: dict[str, str]) -> str:
    """The question with each full name as its short form, or each short form as its full name; "" when it has none.

    Example:
        >>> other_form("Who pays the Regional Water Board?", {"RWB": "Regional Water Board"})
        'Who pays the RWB?'
        >>> other_form("What is the RWB?", {"RWB": "Regional Water Board"})
        ''
    """
    changed = question
    if asks_for(question) in known:
        return ""  # By its full name, the question would hold its answer.
    for short, full in known.items():
        pattern = re.compile(rf"\b{re.escape(full)}\b", re.IGNORECASE)
        if pattern.search(changed):
            changed = pattern.sub(short, changed)
        elif re.search(rf"\b{re.escape(short)}\b", question):
            changed = re.sub(rf"\b{re.escape(short)}\b", full, changed)
    return changed if changed != question else ""


def _full(words: list[str], short: str, *, from_end: bool) -> str:
    """The words whose first letters are the short form; small words between them may be left out of it."""
    letters = [letter.lower() for letter in short if letter.isalpha()]
    spans = range(len(words)) if from_end else range(1)
    for start in spans:
        chosen = words[start:] if from_end else words
        for end in range(len(chosen), 1, -1) if not from_end else [len(chosen)]:
            part = chosen[:end]
            initials = [piece[0].lower() for word in part for piece in word.split("-") if piece]
            telling = [word[0].lower() for word in part if word.lower() not in _SMALL]
            if part[0].lower() not in _SMALL and letters in (initials, telling):
                return " ".join(part)
    return ""
