"""Questions that are queries: "which projects are paused?" over a hundred records of one document.

What is found leads to the records among which it stands. Every telling word of the question has to be accounted for
(`record_conditions`); what is told of the records that match is `record_figures`'. A column, a bound or a negation that
cannot be told is said, never guessed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from instill.answer.asked.adjectives import adjective_of, measures_of
from instill.answer.asked.compared_things import sides_of
from instill.answer.asked.kind_of_answer import Question
from instill.answer.asked.record_wish import Wish, wish_of
from instill.answer.asked.version_wish import VersionWish, version_wish_of
from instill.answer.found.pieces import Piece
from instill.answer.found.record_bounds import has_bound
from instill.answer.found.record_collections import collections_in
from instill.answer.found.record_columns import Table, table_of
from instill.answer.found.record_conditions import conditions_of
from instill.answer.found.record_figures import (
    change_of,
    compared,
    comparison_column,
    count_of,
    extreme_of,
    terms_of,
    total_of,
)
from instill.answer.found.record_named import name_said, record_named
from instill.answer.found.records import LONGEST_VALUE, Record
from instill.answer.found.records_that_meet import Conditions
from instill.answer.found.version_pairs import Version, group_of, versions_among
from instill.answer.terms import terms
from instill.index.types import Hit

MOST_SHOWN = 40
"""Most records that are shown; of more only their number is said."""

_ASKS = re.compile(r"\b(?:which|what|who|whose|list|show|name|all|every|how many|how much)\b", re.IGNORECASE)
_ONE = re.compile(
    r"\W*(?:(?:and|so|in|on|at|with|since|from|for)\s+)*(?:which|what)\s+(?:\w+\s+)?(?:version|release)\b",
    re.IGNORECASE,
)
"""A question for one version, of a log of changes."""
_ALL = re.compile(
    r"\b(?:list|show|name) (?:me )?(?:all|every)\b|\bhow many\b|\ball (?:the |of the )?\w+\b", re.IGNORECASE
)
_QUERY = re.compile(
    r"^\W*(?:and |so )?(?:in |at |on |of )?(?:which|whom?|list|show|name|find|give|how many"
    r"|what (?:\w+ )?\w+s (?:are|have|need|must|should|do))\b",
    re.IGNORECASE,
)
_WHICH_ARE = re.compile(
    r"\W*(?:which|what)\s+(?P<noun>(?:[\w-]+\s+){1,3}?)(?:are|is|were|was|have|has|had|do|does|did|can|need|must)\b",
    re.IGNORECASE,
)
_WHO = re.compile(r"\W*(?:and |so )?who(?:'s| is| was)\b", re.IGNORECASE)
_YES_NO = re.compile(r"^(?:so |and |but )?(?:is|are|was|were|does|do|did|has|have|had)\b", re.IGNORECASE)
_DIFFERENCE = re.compile(r"\bdifferences?\b|\bhow much (?:more|less|\w+er)\b|\bby how much\b", re.IGNORECASE)
_COMPARATIVE = re.compile(r"\b(?P<more>more|less) (?P<long>[a-z]+)\b|\b(?P<short>[a-z]+er)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Selection:
    """The records that a question asks for, as pieces; `total` is how many the collection has.

    `sure`: it is asked as a query, and every word of it is accounted for. `said` is a sentence: how many match, or why
    none are shown. `short` is the figure that is asked for ("3", "167.30 EUR", "Yes: 48.50 against 41.20 EUR"), or "".
    `linked`: how many words of the question stand in the records or in what they are called. `soft`: none are
    shown, but the words may ask for something else, which what was found may answer.
    """

    pieces: tuple[Piece, ...]
    total: int
    sure: bool
    said: str
    short: str = ""
    linked: int = 0
    soft: bool = False


def select_records(
    question: Question,
    chosen: Sequence[Piece],
    hits: Sequence[Hit],
    document: Callable[[str], str | None],
    weights: Mapping[str, float],
    pool: Sequence[Hit] = (),
) -> Selection | None:
    """What the question selects from a collection; None where it is no such query.

    The collection is the one around the best piece, or another one that was found and that accounts for every word; of
    several the one in which most words stand.

    Args:
        weights: the question's terms by rarity; those of no weight are ignored.
        pool: more hits, in which newer versions of the documents may be.
    """
    wish = wish_of(question.text)
    changed = version_wish_of(question.text)
    if wish.kind == "rows" and not (_ASKS.search(question.text) or sides_of(question.text) or changed):
        return None
    groups = versions_among([*hits, *pool], document)
    asked = [*(term for term in question.terms if term in weights), *_capitals(question.text)]
    own_group = group_of(chosen[0].hit.doc_id, groups) if chosen else ()
    first: Selection | None = None
    sure: list[Selection] = []
    for place, (piece, text, collection) in enumerate(
        collections_in(question, chosen, [*hits, *_versions_in(pool, groups)], document, groups)
    ):
        found = _Query(question, wish, piece, text, collection, asked).selected()
        if found is not None and found.sure:
            sure.append(found)
            if found.linked >= len(asked) > 0 and wish.kind == "rows":
                break
        if place == 0 and chosen and piece.hit.doc_id in {chosen[0].hit.doc_id, *_ids(own_group)}:
            first = found
    best = max(sure, key=lambda each: each.linked, default=first)
    if best is not None and best.pieces:
        own = best.pieces[0].hit.doc_id
        beside = [each.hit for each in group_of(own, groups)]
        beside += [each.pieces[0].hit for each in sure if each.pieces and each.linked >= best.linked]
        others = dict.fromkeys(hit.source.rpartition("/")[2] for hit in beside if hit.doc_id != own)
        if others and best.sure:
            return replace(best, said=f"{best.said} Not looked at: {' and '.join(others)}.".strip())
    return best


def _capitals(question: str) -> list[str]:
    """Words without meaning that are written in capitals, which are names: "how many are in DE?"."""
    words = re.findall(r"(?<![\w-])[A-Z]{2,3}(?![\w-])", question) if not question.isupper() else []
    return [word.lower() for word in words if not terms(word)]


def _ids(group: Sequence[Version]) -> set[str]:
    return {version.hit.doc_id for version in group}


def _versions_in(pool: Sequence[Hit], groups: Sequence[Sequence[Version]]) -> list[Hit]:
    return [hit for hit in pool if group_of(hit.doc_id, groups)]


class _Query:
    """One question put to one collection."""

    def __init__(
        self,
        question: Question,
        wish: Wish,
        best: Piece,
        document: str,
        collection: Sequence[Record],
        asked: Sequence[str],
    ) -> None:
        self.question, self.wish, self.best, self.document, self.asked = question, wish, best, document, asked
        name = best.hit.source.rpartition("/")[2]
        self.table = table_of(name, collection, _about(best, document, collection))
        self.has_fields = _have_fields(collection)

    def selected(self) -> Selection | None:
        wish, table = self.wish, self.table
        changed = version_wish_of(self.question.text)
        if changed is not None and table.period is not None:
            return self._changed(changed)
        if len(sides_of(self.question.text)) > 1:
            selection = self._compared()
            if selection is not None:
                return selection
        if wish.kind in ("extreme", "sum", "mean") and self.has_fields:
            return self._told()
        is_query = bool(_QUERY.match(self.question.text)) and self.has_fields
        if not self.has_fields and ("definition" in self.question.wanted or _ONE.match(self.question.text)):
            return None  # Sections that speak of it are no list of what it is, or of the one that is asked for.
        if wish.kind == "count" and not self._has_such():
            return None  # "How many members do we have?", of engines that are owned by the young members' group.
        if wish.kind == "count" and not self.has_fields and not set(wish.noun[:1]) & table.called:
            return None  # "How many days of leave do we get?" counts no sections.
        if is_query and _WHO.match(self.question.text) and not self._are_or_name_people():
            return None  # "Who is the CTO?", of interviews, two of which the CTO gives.
        if not is_query and has_bound(self.question.text):
            return None
        found = conditions_of(self.question.text, table, self.asked, is_query=is_query)
        if not any(found.keep) and is_query and not found.cannot:
            found = self._without_the_noun(found)
        if is_query and found.count > 1 and found.unknown and set(found.unknown) <= self._kind():
            found.unknown.clear()  # "Which steam engines are not in service?", of locomotives.
        if found.cannot:
            return self._cannot(found.cannot)
        if not found.count and (found.unknown or not _ALL.search(self.question.text)):
            return None
        rows = _rows(found)
        sure = is_query and not found.unknown
        counted = wish.kind == "count" and self._counts_records() and sure
        if len(rows) == 1 and found.plain and not counted and _same(table.records[rows[0]], self.best):
            return None  # Looked up, not selected: the record itself is the best piece.
        if counted and len(rows) == 1 and (self._is_called(rows[0]) or self._has_some(rows[0])):
            return None  # "How many Harris hawks are there?", of a table that has one row for each kind.
        if wish.kind == "count" and not found.count and not self._counts_records():
            sure = False  # "How many employees are there?", of branches with a column of employees.
        if not sure and (len(rows) < 2 or not any(_same(table.records[row], self.best) for row in rows)):
            return None
        return self._listed(rows, found, sure, is_query, counted)

    # -- the ways ----------------------------------------------------------------------------------------------

    def _listed(
        self, rows: Sequence[int], found: Conditions, sure: bool, is_query: bool, counted: bool
    ) -> Selection | None:
        """All that match, with their number where that is asked for."""
        said = _said(rows, self.table, found)
        short = (
            count_of(self.table, rows, frozenset(found.used), terms_of(self.question.text)) if counted and rows else ""
        )
        if len(rows) > MOST_SHOWN:
            if not is_query:
                return None
            ends = (rows[0], rows[-1]) if counted else ()
            return self._selection(ends, said, sure, short, found)
        return self._selection(rows, said, sure, short, found)

    def _told(self) -> Selection | None:
        """A superlative, a sum or a mean over the records that match; None where a word is not accounted for."""
        wish, table = self.wish, self.table
        found = conditions_of(wish.rest, table, self.asked, is_query=True)
        if found.cannot:
            return self._cannot(found.cannot)
        if found.unknown or (re.match(r"\W*who\b", self.question.text, re.I) and not table.of_people):
            return None
        rows, used, asked = _rows(found), frozenset(found.used), terms_of(self.question.text)
        if len(rows) == 1 < len(table.records) and wish.extreme is not None:
            return None  # The most expensive of one is none: "Stoneware glaze firing" is no glaze.
        if not rows:
            return self._selection((), _said(rows, table, found), True, "", found)
        if wish.extreme is not None:
            keys = {term for column in table.columns for term in column.words}
            if not self.has_fields or terms_of(wish.words) & terms_of(self.best.text) - {"the"} - keys:
                return None  # A text that says itself which is the cheapest.
            figure = extreme_of(table, rows, wish.extreme, used, asked)
            if not figure.told:
                cannot = self._cannot(wish.words)
                return replace(cannot, soft=wish.extreme.weak) if cannot else None
        else:
            figure = total_of(table, rows, terms_of(wish.rest), mean=wish.kind == "mean", used=used)
            if not figure.told and any(each.doubtful and each.words & asked for each in table.columns):
                return self._cannot(wish.words)
            if not figure.told and not found.count and not table.named(terms_of(wish.rest)):
                return None  # "Which teams work together?"
            if len(rows) > MOST_SHOWN and figure.short:
                figure = replace(figure, rows=(rows[0], rows[-1]))
        if len(figure.rows) > MOST_SHOWN:
            return self._selection((), _said(rows, table, found), True, "", found)
        return self._selection(figure.rows, figure.said, True, figure.short, found)

    def _compared(self) -> Selection | None:
        """Two or more records that the question names, held against each other."""
        text, table = self.question.text, self.table
        sides = sides_of(text)
        rows = [record_named(table, side.text) for side in sides]
        if any(row is None for row in rows) or len(set(rows)) < len(rows):
            return None
        named = [row for row in rows if row is not None]
        match = next(
            (each for each in _COMPARATIVE.finditer(text) if _measured(each)),
            next(iter(_COMPARATIVE.finditer(text)), None),
        )
        wanted = _measured(match) if match else ()
        labels = frozenset(term for row in named for term in terms(table.label(row)))
        told = comparison_column(table, wanted, terms_of(text) - labels, named)
        if told is None:
            return None
        column, direction = told
        less = re.search(r"\bless\b", text, re.IGNORECASE)
        direction = -direction if not wanted and less else direction
        form = "yesno" if _YES_NO.match(text) else "difference" if _DIFFERENCE.search(text) else "which"
        if form == "difference" and not re.search(r"\bhow much\b", text, re.IGNORECASE):
            direction = 0
        figure = compared(table, named, column, direction, form)
        total = len(table.records)
        return Selection(self._pieces(figure.rows), total, True, figure.said, figure.short, len(self.asked))

    def _changed(self, changed: VersionWish) -> Selection | None:
        """What a name has in several years, the newest first."""
        table, period = self.table, self.table.period
        assert period is not None
        found = conditions_of(changed.rest, table, [term for term in self.asked if not term.isdigit()], is_query=True)
        rows = sorted(_rows(found), key=lambda row: period.cells[row], reverse=True)
        first, last = min(changed.marks, default=""), max(changed.marks, default="")
        if len(changed.marks) == 2:
            rows = [row for row in rows if period.cells[row] in changed.marks]
        elif first and re.search(r"\bsince\b", self.question.text, re.IGNORECASE):
            rows = [row for row in rows if period.cells[row] >= first]
        elif last:
            rows = [row for row in rows if period.cells[row] <= last]
        years = [period.cells[row] for row in rows]
        if found.unknown or found.cannot or len(rows) > MOST_SHOWN or len(set(years)) < 2:
            return None
        if not set(changed.marks) <= set(years) or not found.count:
            return None
        columns = [column for column in table.named(terms_of(changed.rest)) if column is not period]
        short = ""
        if len(rows) == 2 and len(columns) == 1 and columns[0].comparable(rows):
            short = change_of(columns[0], rows, self.question.text, past=changed.kind == "before")
        said = f"{len(rows)} of the {len(table.records)} records of {table.name}, the newest first."
        return self._selection(rows, said, True, short, found)

    # -- parts -------------------------------------------------------------------------------------------------

    def _without_the_noun(self, found: Conditions) -> Conditions:
        """What is met where the noun behind "which" says what the records are, though it stands in some of them."""
        noun = re.match(r"\W*(?:and |so )?(?:which|what) ([\w-]+)", self.question.text, re.IGNORECASE)
        words = set(terms(noun.group(1))) if noun else set()
        if not words & set(self.asked):
            return found
        rest = [term for term in self.asked if term not in words]
        other = conditions_of(self.question.text, self.table, rest, is_query=True)
        return other if any(other.keep) and other.count and not other.unknown and not other.cannot else found

    def _kind(self) -> set[str]:
        """The noun behind "which", which says what the records are in whatever word."""
        match = _WHICH_ARE.match(self.question.text)
        return set(terms(match["noun"].split()[-1])) if match else set()

    def _is_called(self, row: int) -> bool:
        """Is a record named by what is counted, and no other record called alike?"""
        labels = [frozenset(terms(self.table.label(each))) for each in range(len(self.table.records))]
        return len(set(labels)) == len(labels) and bool(labels[row]) and labels[row] <= set(self.wish.noun)

    def _are_or_name_people(self) -> bool:
        """Are the records people, or does the question name one of their columns ("who is the keeper of ...?")?"""
        asked = terms_of(self.question.text)
        return self.table.of_people or any(column.words & asked for column in self.table.columns)

    def _has_such(self) -> bool:
        """May what is counted be records: called so, or of a kind that fills a cell ("hammer"), or told by a column?"""
        head = self.wish.noun[:1]
        table = self.table
        if not head or set(head) & table.called or not self.has_fields:
            return True
        if any(set(head) & column.words for column in table.columns):
            return True
        cells = [set(terms(cell)) for column in table.columns for cell in column.cells]
        held = [cell for cell in cells if set(head) & cell]
        return not held or any(cell <= set(self.wish.noun) for cell in held)

    def _has_some(self, row: int) -> bool:
        """Does the question name a record, and ask how many of something that records are not it has ("channels")?"""
        said = name_said(self.table, row, self.question.text)
        return said <= set(self.asked) - set(self.wish.noun[:1]) and not set(self.wish.noun[:1]) & self.table.called

    def _counts_records(self) -> bool:
        """Are records counted, and not what a column of numbers holds ("how many seats has Cedar?")?"""
        noun = [term for term in self.wish.noun[:2] if term not in self.table.called]
        head = self.wish.noun[0] if self.wish.noun else ""
        numeric = any(column.kind == "number" and head in column.words for column in self.table.columns)
        return not (numeric and noun and head in noun)

    def _selection(self, rows: Sequence[int], said: str, sure: bool, short: str, found: Conditions) -> Selection:
        return Selection(self._pieces(rows), len(self.table.records), sure, said, short, found.linked)

    def _cannot(self, words: str) -> Selection | None:
        """The sentence that says so, of records that some other word of the question speaks of."""
        known = self.table.called | {term for record in self.table.records for term in record.held}
        known |= {term for column in self.table.columns for term in column.words}
        if not any(term in known for term in self.asked):
            return None
        doubtful = next((each for each in self.table.columns if each.doubtful and each.words & set(self.asked)), None)
        if doubtful is not None:
            said = (
                f'The numbers under "{doubtful.key}" of {self.table.name} can be read in two ways: '
                '"1.200" is 1200 or 1.2.'
            )
            return Selection((), len(self.table.records), False, said)
        said = (
            f"It asks for a selection from the {len(self.table.records)} records of {self.table.name}; "
            f'what "{words.strip()}" means there cannot be told, so the list cannot be completed.'
        )
        return Selection((), len(self.table.records), False, said)

    def _pieces(self, rows: Sequence[int]) -> tuple[Piece, ...]:
        best = self.best
        hit = replace(best.hit, start=0, end=len(self.document), text=self.document, last_page=None)
        return tuple(
            Piece(
                hit,
                "row" if record.head else "section" if record.name else "record",
                (record.head, (record.start, record.end)) if record.head else ((record.start, record.end),),
                record.name or best.headings,
                best.rank,
            )
            for record in (self.table.records[row] for row in rows)
        )


def _have_fields(records: Sequence[Record]) -> bool:
    """Have most of them values under names? "Fixed: ..." twice under one release are sentences, not values; nor is what
    stands behind "A:" under each question of a list of questions."""
    keys = [[key for key, _ in record.fields] for record in records]
    short = [any(len(terms(value)) <= LONGEST_VALUE for _, value in record.fields) for record in records]
    return all(len(set(own)) == len(own) for own in keys) and sum(short) >= 0.8 * len(keys)


def _measured(match: re.Match[str]) -> tuple[tuple[str, int], ...]:
    more = (match["more"] or "").lower()
    adjective = adjective_of((match["long"] or match["short"]).lower(), more, "er")
    return measures_of(adjective, -1 if more == "less" else 1)


def _rows(found: Conditions) -> list[int]:
    return [row for row, kept in enumerate(found.keep) if kept]


def _said(rows: Sequence[int], table: Table, found: Conditions) -> str:
    """How many match, as a sentence."""
    total, name = len(table.records), table.name
    if not rows:
        return f"None of the {total} records of {name} fits the question."
    if len(rows) > MOST_SHOWN:
        share = "all" if len(rows) == total else str(len(rows))
        said = f"{name} has {total} records; {share} fit the question, too many to show."
    elif len(rows) == total:
        said = f"{name} has {total} records, and all of them fit the question."
    else:
        said = f"{len(rows)} of the {total} records of {name} fit{'s' * (len(rows) == 1)} the question."
    for key, missing in found.unsaid.items():
        said += f' {missing} of them ha{"s" if missing == 1 else "ve"} no value under "{key}".'
    return said


def _about(best: Piece, document: str, collection: Sequence[Record]) -> frozenset[str]:
    """What the collection is called: title, file, headings, the line above its first record."""
    above = document[: collection[0].start].rstrip().rpartition("\n")[2]
    file = best.hit.source.rpartition("/")[2].rpartition(".")[0]
    return frozenset(terms(f"{best.hit.title} {best.headings} {file} {above}"))


def _same(record: Record, piece: Piece) -> bool:
    start, end = piece.spans[-1]
    return record.start <= start and end <= record.end
