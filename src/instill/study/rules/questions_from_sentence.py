"""Rules that write questions about one sentence.

Each writer yields `Draft`s: a question and the span of its answer inside the sentence. A writer that is not sure of the
grammar yields nothing, and what reads badly all the same is dropped (`instill.study.rules.reads_well`); `cloze` is
the last resort and writes four to six keywords, about as many as people type into a search box.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from instill.answer.harmless_text import plain_text
from instill.answer.terms import word_set
from instill.study.rules.reads_well import active_of, in_a_question, names_something, reads_well, tail_of, who_or_what
from instill.study.rules.word_forms import LEANS_AT_START, base_form, content, is_past, reworded


@dataclass(frozen=True, slots=True)
class Draft:
    """A question, the answer's span in the sentence, and how it was made."""

    question: str
    start: int
    end: int
    kind: str


_NAME_WORD = r"[A-Z][\w’'&.-]*\w"
_NAME = rf"{_NAME_WORD}(?: (?:(?:of|the|de|van|von|der|and|for) )?{_NAME_WORD}){{0,4}}"
_MONTH = r"(?:January|February|March|April|May|June|July|August|September|October|November|December)"
_YEAR = r"(?:1[0-9]|20)\d\d"
_DATE = rf"(?:(?:\d{{1,2}} )?{_MONTH}(?: \d{{1,2}})?,? {_YEAR}|{_YEAR}|{_MONTH} \d{{1,2}}|\d{{1,2}} {_MONTH})"
_COUNT = (
    r"(?:\d+(?:[.,]\d+)*|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|"
    r"sixteen|eighteen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety|hundred)"
)
_BE = r"(?P<be>is|are|was|were)"

_DEFINES = re.compile(
    rf"^(?P<subject>[^,.;:()]{{2,70}}?)(?: \([^()]{{1,60}}\))? (?:{_BE} (?P<what>(?:an?|the|one of|any) .+)"
    r"|(?P<verb>means|refers to|stands for|denotes) (?P<meaning>.+))$"
)
_JUDGES = re.compile(
    r"(?:an?|the) (?:(?:very|really|truly|quite|most|more) )?(?:bit|little|lot|few|delight|must|shame|pity|good|great|"
    r"nice|bad|big|huge|important|key|common|ideal|best|better|same|case|reason|result|responsibility|easy|easiest|"
    r"simple|simplest|hard|hardest|quick|fast|fastest|slow|cheap|expensive|useful|powerful|excellent|perfect|critical|"
    r"crucial|essential|major|minor|essence|way|ability)\b|one of the \w+ |any \w+ of\b"
)
"""A judgement, not what it is: "Renaming is a bit tricky", "Homebrew is the easiest way to install it"."""

_NOUN_PHRASE = re.compile(r"(?:\w+ly )?(?:an?|the|one of) ", re.IGNORECASE)
_FINITE = re.compile(r"\b(?:is|are|was|were|has|have|can|could|should|will|would|may|might|must|does|do)\b")
_AFTER_PARTICIPLE = word_set("during with by from within using via after before when while")
_PASSIVE = re.compile(rf"^(?P<subject>[^,;:()]{{3,80}}?) {_BE} (?:\w+ly )?(?P<verb>[a-z]+) (?P<rest>.+)$")
_ACTIVE = re.compile(rf"^(?P<subject>(?:The )?{_NAME}) (?P<verb>[a-z]+) (?P<rest>.+)$")
_WHEN = re.compile(rf"(?P<lead>,? ?\b(?:in|on|since|until|by|after|before|from))\s(?P<date>{_DATE})(?=[ ,.;)]|$)")
_BY = re.compile(rf"\bby (?P<who>{_NAME})(?=[ ,.;]|$)")
_WHERE = re.compile(rf"\b(?P<lead>in|at|near|on) (?P<place>(?:the )?{_NAME}(?:, {_NAME})?)(?=[ ,.;]|$)")
_HAVE = (
    "have has had",
    "hold holds held",
    "contain contains contained",
    "include includes included",
    "need needs needed",
    "require requires required",
    "support supports supported",
    "offer offers offered",
    "take takes took",
    "cost costs cost",
    "use uses used",
    "employ employs employed",
    "get gets got",
    "provide provides provided",
)
_THIRD_HOLDS = {forms.split()[1]: forms.split()[0] for forms in _HAVE}
_PAST_HOLDS = {forms.split()[2]: forms.split()[0] for forms in _HAVE if forms.split()[2] != forms.split()[0]}
_HOLDS = re.compile(
    rf"^(?P<subject>[^,;:()]{{3,60}}?) (?:(?P<aux>will|can|must|should|may) )?"
    rf"(?P<verb>{'|'.join(word for forms in _HAVE for word in forms.split())}) "
    rf"(?P<count>{_COUNT}(?: (?:hundred|thousand|million))?) (?P<noun>[a-z]{{3,}}s|percent|people)\b(?P<rest>.*)$"
)
_BECAUSE = re.compile(r"^(?P<claim>.{20,}?),? (?:because|so that|in order to) (?P<reason>.{12,}?)$")
_BE_CLAUSE = re.compile(rf"^(?P<subject>[^,;:()]{{3,60}}?) {_BE} (?P<rest>.+)$")
_PHRASE = re.compile(
    r"\b(?:an?|the|each|every) (?:(?!(?:that|which|who|only|same|other)\b)[a-z][\w-]* ){1,3}[a-z][\w-]*"
    r"(?=$|[,;]| (?:and|or|but|which|that)\b)"
)
_PERSON = re.compile(
    r"\b(?:actor|actress|singer|writer|author|poet|politician|player|footballer|scientist|king|queen|president|"
    r"physicist|chemist|mathematician|philosopher|composer|painter|artist|explorer|director|musician|lawyer|general|"
    r"engineer|architect|journalist|nurse|missionary|monk|bishop|emperor|historian|economist)\b"
)
_DOERS = word_set(
    "wrote invented founded discovered painted directed composed designed built led created proposed developed "
    "established introduced published produced recorded won played sang defeated succeeded married conquered coined"
)
_LONGEST_ANSWER = 160


def drafts(sentence: str, rng: Random) -> Iterator[Draft]:
    """All questions about a sentence that makes sense alone, surest first.

    `sentence` has no line breaks; offsets of the drafts point into it.

    Example:
        >>> sentence = "The stone oven was built in 1987 by Marta Lindqvist."
        >>> [(d.kind, sentence[d.start : d.end]) for d in drafts(sentence, Random(0))][:2]
        [('date', '1987'), ('name', 'Marta Lindqvist')]
    """
    body = sentence.rstrip(" .!")
    for writer in (_definition, _date, _name, _number, _reason, _place):
        yield from (draft for draft in writer(body, rng) if reads_well(plain_text(draft.question)))
    yield from _cloze(body, rng)


@dataclass(frozen=True, slots=True)
class Clause:
    """What a sentence says of its subject, without the answer of a draft.

    Args:
        subject: as it reads inside a question ("the stone oven").
        be: "is", "are", "was", "were"; "" where the verb stands alone.
        verb: a participle after `be`, else a past tense; "" in a definition.
        tail: what follows the verb and belongs to its clause, at most nine words.
    """

    subject: str
    be: str
    verb: str
    tail: str


def clause_of(sentence: str, start: int, kind: str) -> Clause | None:
    """The clause that a draft of this `kind`, whose answer begins at `start`, asks about; None where none is sure.

    Example:
        >>> clause_of("The stone oven was built in 1987 by Marta Lindqvist.", 28, "date")
        Clause(subject='the stone oven', be='was', verb='built', tail='by Marta Lindqvist')
    """
    body = sentence.rstrip(" .!")
    if kind == "definition":
        match = _DEFINES.match(body)
        return Clause(in_a_question(match["subject"]), match["be"] or "", "", "") if match else None
    if kind == "reason":
        because = _BECAUSE.match(body)
        match = _BE_CLAUSE.match(because["claim"]) if because else None
        if match is None or not _is_subject(match["subject"]) or _NOUN_PHRASE.match(match["rest"]):
            return None
        tail = tail_of(match["rest"])
        return Clause(in_a_question(match["subject"]), match["be"], "", tail) if tail else None
    if kind == "date":
        when = _WHEN.search(body)
        if when is None or when.start("date") != start:
            return None
        body = body[: when.start()] + body[when.end() :]
    for match in (_PASSIVE.match(body), _ACTIVE.match(body)):
        if match and _is_subject(match["subject"]) and (is_past(match["verb"]) or kind == "place"):
            if match["verb"] in match["subject"].split() or (match.re is _ACTIVE and _describes(match["rest"])):
                return None
            be = match["be"] if match.re is _PASSIVE else ""
            return Clause(in_a_question(match["subject"]), be, match["verb"], tail_of(match["rest"]))
    return None


def _definition(body: str, rng: Random) -> Iterator[Draft]:
    match = _DEFINES.match(body)
    if match is None:
        return
    subject = match["subject"]
    what = "what" if match["be"] else "meaning"
    end = _shortened(body, match.start(what), match.end(what))
    if not _is_subject(subject) or end - match.start(what) < 8 or _JUDGES.match(match[what]):
        return
    subject = in_a_question(subject)
    if match["be"] and _PERSON.search(body[match.start(what) : end]) and subject[0].isupper():
        forms = [
            f"Who {match['be']} {subject}?",
            f"Who exactly {match['be']} {subject}?",
            f"who {match['be']} {subject}",
        ]
    elif match["be"]:
        be = match["be"]
        forms = [f"What {be} {subject}?", f"what {be} {subject}", f"What kind of thing {be} {subject}?"]
        if be in ("is", "are"):
            forms += [f"{subject} definition", f"What is meant by {subject}?", f"Explain what {subject} {be}"]
    else:
        forms = [f"What does {subject} mean?", f"meaning of {subject}", f"What is meant by {subject}?"]
    yield Draft(rng.choice(forms), match.start(what), end, "definition")


def _date(body: str, rng: Random) -> Iterator[Draft]:
    when = _WHEN.search(body)
    # "Until 1990" is no answer to "When?".
    if when is None or when["lead"].strip(" ,") not in ("in", "on"):
        return
    if body.count("(", 0, when.start()) > body.count(")", 0, when.start()):
        return
    rest_of = body[: when.start()] + body[when.end() :]
    for found in (_PASSIVE.match(rest_of), _ACTIVE.match(rest_of)):
        if found is None or not _is_subject(found["subject"]) or not is_past(found["verb"]):
            continue
        subject, tail = in_a_question(found["subject"]), tail_of(found["rest"])
        if found.re is _PASSIVE:
            tail = re.sub(r"\bby .*", "", tail).strip()
            question = f"{found['be']} {subject} {found['verb']} {tail}"
        else:
            question = f"did {subject} {base_form(found['verb'])} {tail}"
        opening = (
            rng.choice(("When", "In what year", "when")) if len(when["date"]) == 4 else rng.choice(("When", "when"))
        )
        yield Draft(_asked(f"{opening} {question}", rng), when.start("date"), when.end("date"), "date")
        return


def _name(body: str, rng: Random) -> Iterator[Draft]:
    passive, by = _PASSIVE.match(body), _BY.search(body)
    twice = passive and passive["verb"] in passive["subject"].split()  # "Payments made from cards are made by"
    if passive and by and is_past(passive["verb"]) and _is_subject(passive["subject"]) and not twice:
        subject, verb = in_a_question(passive["subject"]), passive["verb"]
        who = who_or_what(by["who"])
        active = f"{who} {active_of(passive['be'], verb)} {subject}"
        question = rng.choice((active, f"By whom {passive['be']} {subject} {verb}")) if who == "Who" else active
        yield Draft(_asked(question, rng), by.start("who"), by.end("who"), "name")
        return
    active_match = _ACTIVE.match(body)
    if active_match and active_match["verb"] in _DOERS and not active_match["subject"].startswith("The "):
        tail = tail_of(active_match["rest"])
        if len(content(tail)) >= 2 and not _describes(active_match["rest"]):
            question = _asked(f"Who {active_match['verb']} {tail}", rng)
            yield Draft(question, active_match.start("subject"), active_match.end("subject"), "name")


def _describes(rest: str) -> bool:
    """Whether what looks like the verb before it only describes the subject: "Keys created during it will stay"."""
    return rest.split()[0].lower() in _AFTER_PARTICIPLE or bool(_FINITE.search(tail_of(rest)))


def _number(body: str, rng: Random) -> Iterator[Draft]:
    holds = _HOLDS.match(body)
    if holds is None or not _is_subject(holds["subject"]):
        return
    noun = holds["noun"]
    opening = f"How many {noun}" if noun != "percent" else "What percentage"
    subject, tail, verb = in_a_question(holds["subject"]), tail_of(holds["rest"] or ""), holds["verb"]
    if holds["aux"]:
        asked = f"{opening} {holds['aux']} {subject} {verb} {tail}"
    elif verb in _PAST_HOLDS:
        asked = f"{opening} did {subject} {_PAST_HOLDS[verb]} {tail}"
    else:
        base = _THIRD_HOLDS.get(verb, verb)
        asked = f"{opening} {'does' if verb in _THIRD_HOLDS else 'do'} {subject} {base} {tail}"
    yield Draft(_asked(asked, rng), holds.start("count"), holds.end("noun"), "number")


def _reason(body: str, rng: Random) -> Iterator[Draft]:
    match = _BECAUSE.match(body)
    if match is None:
        return
    clause = _BE_CLAUSE.match(match["claim"])
    # "It is the process by which ..., so that" says what it is; nobody asks why it is that.
    if clause is None or not _is_subject(clause["subject"]) or _NOUN_PHRASE.match(clause["rest"]):
        return
    tail = tail_of(clause["rest"])
    if len(tail.split()) < 2 and not is_past(tail):
        return
    question = _asked(f"Why {clause['be']} {in_a_question(clause['subject'])} {tail}", rng)
    end = _shortened(body, match.start("reason"), match.end("reason"))
    yield Draft(question, match.start("reason"), end, "reason")


def _place(body: str, rng: Random) -> Iterator[Draft]:
    where, passive = _WHERE.search(body), _PASSIVE.match(body)
    if (
        where is None
        or passive is None
        or passive["verb"] not in ("located", "situated", "based", "born", "held", "found")
        or (passive["verb"], where["lead"]) == ("based", "on")
    ):
        return
    if (
        _is_subject(passive["subject"])
        and not re.search(_DATE, where["place"])
        and where.start() > passive.start("verb")
    ):
        verb = reworded(passive["verb"], rng)
        question = _asked(f"Where {passive['be']} {in_a_question(passive['subject'])} {verb}", rng)
        yield Draft(question, where.start("place"), where.end("place"), "place")


def _cloze(body: str, rng: Random) -> Iterator[Draft]:
    """Keywords of the sentence without a name, a date, a number or a phrase that is the answer."""
    spans: list[tuple[int, int, str]] = []
    for match in re.finditer(_NAME, body):
        if match.start() and match.group().split()[0].lower() not in LEANS_AT_START:
            spans.append((match.start(), match.end(), rng.choice(("", "", "who or what ", "which "))))
    spans += [(m.start("date"), m.end("date"), rng.choice(("", "when ", "date "))) for m in _WHEN.finditer(body)]
    if not spans:
        spans = [(match.start(), match.end(), rng.choice(("", "", "what "))) for match in _PHRASE.finditer(body)]
        spans = spans[-1:]
    rng.shuffle(spans)
    for start, end, opening in spans[:2]:
        words = content(body[:start]), content(body[end:])
        kept = _dropped([*words[0], *words[1]], rng, most=rng.randint(4, 6))
        if len(kept) < 4:
            continue
        if words[1] and rng.random() < 0.3:  # the end of the sentence first
            cut = rng.randrange(1, len(kept) - 1)
            kept = kept[cut:] + kept[:cut]
        yield Draft(opening + " ".join(kept), start, end, "cloze")


def _dropped(words: list[str], rng: Random, *, most: int) -> list[str]:
    """The words, each once, without about a quarter of the short ones, some in other words; at most `most`."""
    unique = list(dict.fromkeys(words))
    kept = [word for word in unique if len(word) > 7 or word[0].isupper() or rng.random() < 0.75]
    kept = kept if len(kept) >= 4 else unique
    while len(kept) > most:
        kept.remove(min(kept, key=lambda word: (word[0].isupper(), len(word))))
    return [reworded(word, rng) for word in kept]


def _asked(question: str, rng: Random) -> str:
    words = " ".join(question.split())
    return words if words[0].islower() else rng.choice((f"{words}?", f"{words}?", words.lower()))


def _is_subject(subject: str) -> bool:
    """A subject of at most ten words that names something: "The album" alone does not."""
    words = subject.split()
    if not words or len(words) > 10 or words[0].lower() in LEANS_AT_START:
        return False
    if re.search(r" (?:that|which|who|when|where|if|is|are|was|were|has|had|have|and then) ", subject):
        return False
    # "Tracking the spend is ..." names a deed; nobody asks "What is tracking the spend?".
    deed = words[0].endswith("ing") and len(words) > 1 and not words[1][0].isupper()
    if deed or not names_something(subject):
        return False
    named = any(word[0].isupper() or word[0].isdigit() for word in words[1:])
    if words[0].lower() in ("the", "a", "an"):
        return named or len(words) > 2
    return words[0].lower().rstrip("s") not in ("example", "note", "result", "thing", "other")


def _shortened(body: str, start: int, end: int) -> int:
    """The end of an answer of at most 160 characters, cut at a pause where it is longer."""
    if end - start <= _LONGEST_ANSWER:
        return end
    pause = max(body.rfind(mark, start + 20, start + _LONGEST_ANSWER) for mark in (", ", "; ", " which ", " that "))
    if pause < 0:
        pause = body.rfind(" ", start, start + _LONGEST_ANSWER)
    return pause if pause > start else end
