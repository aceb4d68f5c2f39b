"""What people asked, what they were shown, and what they say of it: kept in the catalog, and made into question sets.

A correction whose words stand in a document is linked to them; one whose words do not says what is missing. Who holds
labels sees the questions that were asked under labels of theirs, as long as they may see every document behind the
answer, and what was said of them by who holds no more.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

import sqlalchemy as sa
from pydantic import BaseModel

from instill.catalog import Catalog, may_see, now, stored_labels
from instill.catalog.earlier_catalog import earlier_catalog
from instill.catalog.tables import JUDGEMENTS, USAGE
from instill.common.made_from import Caller, MadeFrom
from instill.errors import InstillError, UsageError, WorkspaceError
from instill.study.answer_places import answer_in
from instill.study.types import AskedQuestion, EvidenceText
from instill.workspace import Workspace
from instill.workspace.arguments import count_of, one_of, text_of, utf8

if TYPE_CHECKING:
    from instill.index.lookup import StoredDocument

JudgementVerdict = Literal["right", "wrong", "wanted"]
Kind = Literal["all", "answered", "refused", "wanted", "right", "wrong", "unjudged", "corrected", "missing", "slow"]

LeftOut = Literal["deleted", "changed", "no answer", "not found", "other documents"]
"""Why a judged question is in no question set: its document was deleted or has changed since, it was judged wrong
without the right answer, the words of the right answer were found in no document, or it was rightly refused to somebody
who sees other documents."""

SLOW_MS = 2000.0
"""An answer that took longer is slow."""

_LONGEST = 10_000
_MOST_SPANS = 3
_LOOKED_AT = 20
_PAGE = 200


class Span(BaseModel):
    """Where words stand: `document.text[start:end] == text` when they were found."""

    doc_id: str
    source: str
    start: int
    end: int
    text: str


class Judgement(BaseModel):
    """What somebody says of an answer.

    Args:
        verdict: of a refusal, "right" says that the documents do not answer. "wanted" asks the owner for an answer,
            and says nothing of whether the refusal is right.
        correction: the right answer, in the judge's words; "" where none was given.
        spans: where the words of the correction stand; none: they are missing from the documents that the judge sees.
        judge: who said it.
    """

    judgement_id: int
    at: str
    verdict: JudgementVerdict
    correction: str
    spans: list[Span]
    note: str
    judge: str


class Question(BaseModel):
    """A question that was asked, what was shown, and what is said of it.

    Args:
        answer: `text`, `short`, `method`, `generator`, and `unread` where the service was still reading so many
            documents; None for what was asked before answers were kept.
        citations: the spans that were shown, as `doc_id`, `start`, `end`.
        documents: of the answer, as `doc_id` and `version` (the hash of the content then).
        judgements: oldest first; the last one that says "right" or "wrong" counts.
        labels: what the asker saw; None: all documents.
    """

    question_id: int
    at: str
    question: str
    standalone_question: str
    abstained: bool
    confidence: float
    milliseconds: float
    answer: dict[str, Any] | None
    citations: list[dict[str, Any]]
    documents: list[dict[str, Any]]
    judgements: list[Judgement]
    labels: list[str] | None = None

    @property
    def verdict(self) -> Judgement | None:
        """The judgement that counts; None: nobody has said whether the answer is right."""
        return next((each for each in reversed(self.judgements) if each.verdict != "wanted"), None)

    @property
    def unread(self) -> int:
        """How many documents were still being read when it was refused; 0 for what was answered."""
        return int((self.answer or {}).get("unread", 0)) if self.abstained else 0

    @property
    def is_wanted(self) -> bool:
        """Whether somebody asked the owner for an answer, and nobody has judged the question since."""
        return bool(self.judgements) and self.judgements[-1].verdict == "wanted"


class Questions(BaseModel):
    """Questions, newest first.

    Args:
        next: what to pass as `before` for those that come next; None: these are the last.
    """

    questions: list[Question]
    next: int | None = None

    @classmethod
    def of(cls, found: list[Question], limit: int) -> Questions:
        """At most `limit` of what was found, which is one more where the list goes on."""
        shown = found[:limit]
        return cls(questions=shown, next=shown[-1].question_id if len(found) > limit else None)


class Feedback:
    """The questions of a workspace, as its caller sees them.

    Args:
        workspace: seen by whoever looks (`Workspace.seen_by`).
        key_id: only what was asked with this key of the service; None: what everybody asked.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> with Workspace.init(Path(tempfile.mkdtemp()) / "kb") as workspace:
        ...     _ = workspace.add_text("# Tea\\n\\nTea is brewed at 80 degrees.", name="tea.md")
        ...     answer = workspace.ask("At how many degrees is tea brewed?")
        ...     feedback = Feedback(workspace)
        ...     judged = feedback.judge(answer.question_id, "right")
        ...     [kept] = feedback.question_set()
        >>> judged.verdict.verdict, kept.evidence[0].text
        ('right', 'Tea is brewed at 80 degrees.')
    """

    def __init__(self, workspace: Workspace, key_id: str | None = None) -> None:
        self._workspace = workspace
        self._catalog = workspace.catalog
        self._key_id = key_id

    # -- looking -----------------------------------------------------------------------------------------------

    def newest(self, kind: Kind = "all", *, words: str = "", limit: int = 100, before: int = 0) -> list[Question]:
        """The newest questions.

        Args:
            kind: "wanted": somebody asked the owner for an answer; "missing": corrected by words that no document
                holds; "slow": took more than two seconds.
            words: only questions that hold them.
            before: only questions with a smaller number; 0: all. For the next page.

        Raises:
            UsageError: there is no such kind, or `limit` is no count.
        """
        one_of(kind, Kind, "kind", "This is not a kind of question.")
        count_of(limit, "limit")
        found: list[Question] = []
        for question in self._seen(before):
            if _is_kind(question, kind) and words.lower() in question.question.lower():
                found.append(question)
                if len(found) == limit:
                    break
        return found

    def count(self) -> int:
        """How many questions the caller sees."""
        return sum(1 for _ in self._seen())

    def wordings(self) -> set[str]:
        """The questions that the caller sees, in lower case: as they were asked, and as they were understood."""
        return {words.lower() for each in self._seen() for words in (each.question, each.standalone_question)}

    def get(self, question_id: int) -> Question:
        """One question.

        Raises:
            UsageError: there is none that the caller may see.
        """
        found = next(self._seen(only=question_id), None)
        if found is None:
            raise UsageError("There is no such question.", where=str(question_id), remedy="Run: instill questions list")
        return found

    # -- saying ------------------------------------------------------------------------------------------------

    def judge(
        self, question_id: int, verdict: JudgementVerdict, *, correction: str = "", note: str = "", judge: str = ""
    ) -> Question:
        """Say whether an answer, or a refusal, is right, and what would be; or that an answer is wanted.

        Args:
            correction: the right answer; its words are looked for in the documents that the caller sees.
            judge: who says so.

        Raises:
            UsageError: there is no such question or verdict, or something else than what is wrong is corrected.
            WorkspaceError: the catalog cannot be written.
        """
        one_of(verdict, JudgementVerdict, "verdict", "This is not a verdict.")
        question = self.get(question_id)
        correction, note = utf8(correction, "correction").strip(), utf8(note, "note").strip()
        if max(len(correction), len(note)) > _LONGEST:
            raise UsageError(f"This is longer than {_LONGEST:,} characters.", where="correction", remedy="Shorten it.")
        if correction and verdict != "wrong":
            raise UsageError("Only what is wrong is corrected.", where="verdict", remedy="Judge it wrong.")
        spans = self.places_of(correction, question) if correction else []
        row = {
            "usage_id": question_id,
            "at": now(),
            "verdict": verdict,
            "correction": correction,
            "spans": json.dumps([span.model_dump() for span in spans], ensure_ascii=False),
            "note": note,
            "judge": judge,
            "labels": stored_labels(self._workspace.labels),
        }
        with self._catalog.writing() as connection:
            if connection is None:
                raise WorkspaceError("Nothing is kept on read-only storage.", where=self._catalog.where)
            connection.execute(sa.insert(JUDGEMENTS).values(row))
        return self.get(question_id)

    def take_back(self, question_id: int, judge: str | None = None) -> Question:
        """Delete what was said of whether an answer is right, as far as the caller sees it.

        Args:
            judge: only what they said; None: what everybody said.

        Raises:
            UsageError: there is no such question.
            WorkspaceError: the catalog cannot be written.
        """
        said = [each for each in self.get(question_id).judgements if each.verdict != "wanted"]
        numbers = [each.judgement_id for each in said if judge is None or each.judge == judge]
        with self._catalog.writing() as connection:
            if connection is None:
                raise WorkspaceError("Nothing is kept on read-only storage.", where=self._catalog.where)
            connection.execute(sa.delete(JUDGEMENTS).where(JUDGEMENTS.c.judgement_id.in_(numbers)))
        return self.get(question_id)

    def places_of(self, correction: str, question: Question) -> list[Span]:
        """Where the words of a correction stand, as a page shows them: in any case, however spaced, without marks of
        Markdown. In documents that the answer cites first, then in those that a search finds by the correction and by
        the question. Three at most."""
        words = text_of(correction, "correction")
        spans: list[Span] = []
        for doc_id in dict.fromkeys(self._likely(words, question)):
            stored = self._document(doc_id)
            found = answer_in(stored.text, words) if stored else None
            if stored is not None and found is not None:
                start, end = found
                spans.append(
                    Span(doc_id=doc_id, source=stored.record.source, start=start, end=end, text=stored.text[start:end])
                )
                if len(spans) == _MOST_SPANS:
                    break
        return spans

    def clear(self, about: str = "") -> int:
        """Delete all questions, judgements and conversations; how many questions there were. For the owner. They are
        deleted too from a file that the catalog was in before it was in a database.

        Args:
            about: delete only the questions that contain these words, in any case, and what followed each in its
                conversation.

        Raises:
            UsageError: the workspace is seen under labels.
        """
        from instill.workspace.purge.conversations_and_log import forget_exchanges
        from instill.workspace.purge.questions_naming import questions_with

        if self._workspace.labels is not None:
            raise UsageError("Only the owner clears the log of questions: others asked too.")
        words = " ".join(utf8(about, "about").lower().split())
        if about and not words:
            raise UsageError("No word is named.", where="about", remedy="Name words, or leave them out: then all go.")
        whole = re.compile(rf"(?<!\w){re.escape(words)}(?!\w)")

        def cleared(catalog: Catalog) -> int:
            if not words:
                count = catalog.clear_questions()
                if catalog.exists and catalog.writable:
                    catalog.compact()  # What was deleted stands in the file until it is written anew.
                return count
            naming = questions_with(catalog, lambda text: whole.search(" ".join(text.lower().split())) is not None)
            return forget_exchanges(catalog, (), naming) if naming else 0

        with earlier_catalog(self._workspace.home, self._catalog) as earlier:
            before = 0 if earlier is None else cleared(earlier)
        return max(cleared(self._catalog), before)  # They are the same questions, up to the move.

    # -- question sets -----------------------------------------------------------------------------------------

    def question_set(self, *, unknown: bool = False) -> list[AskedQuestion]:
        """The judged questions with their answers, oldest first, each wording once (what was said last counts).

        An answer that was judged right has the spans that it cited as evidence (`together`, where they are several and
        the answer has no short form), one that was corrected the place where the correction stands. What was rightly
        refused is a question that the documents do not answer. What a wrong answer cited is kept as `wrong`, unless
        the correction stands in it. Left out are spans of documents that have changed since; what was corrected by
        words that were found in no document, which may say the same in other words; and what was rightly refused to
        somebody who sees other documents, which may answer it.

        Args:
            unknown: include questions of which only a wrong answer is known; training uses them.
        """
        found: dict[str, AskedQuestion] = {}
        for question in reversed(list(self._seen())):
            asked = self._as_asked(question)
            if asked is not None:
                before = found.pop(asked.question.lower(), None)
                found[asked.question.lower()] = asked if asked.is_known or not before else _without(before, asked.wrong)
        return [each for each in found.values() if unknown or each.is_known]

    def left_out(self, counted: Sequence[AskedQuestion]) -> dict[LeftOut, int]:
        """How many judged questions are not in a question set, by the reason; each wording once.

        Args:
            counted: what `question_set` returned.
        """
        known = {each.question.lower() for each in counted}
        found: dict[LeftOut, int] = {}
        for question in self._seen():
            words = (question.standalone_question or question.question).lower()
            if question.verdict is not None and words not in known:
                known.add(words)
                reason = self._why_left_out(question, question.verdict)
                found[reason] = found.get(reason, 0) + 1
        return found

    def _why_left_out(self, question: Question, said: Judgement) -> LeftOut:
        if said.verdict == "right" and question.abstained:
            return "other documents"
        if said.verdict == "wrong" and not said.correction:
            return "no answer"
        if said.verdict == "wrong" and not said.spans:
            return "not found"
        places = [span.doc_id for span in said.spans] or [each["doc_id"] for each in question.citations]
        return "changed" if places and all(map(self._document, places)) else "deleted"

    def _as_asked(self, question: Question) -> AskedQuestion | None:
        said, words = question.verdict, question.standalone_question or question.question
        if said is None or (said.verdict == "right" and question.abstained):
            return AskedQuestion(words, answerable=False) if said and self._asked_alike(question) else None
        if said.verdict == "right":
            evidence = tuple(self._evidence(question.citations, question))
            short = str((question.answer or {}).get("short", ""))
            together = len(evidence) > 1 and not short
            return AskedQuestion(words, short, evidence, together=together) if evidence else None
        shown = [each for each in question.citations if not any(_holds(each, span) for span in said.spans)]
        wrong = tuple(self._evidence(shown, question))
        evidence = tuple(
            EvidenceText(span.text, span.source, span.doc_id)
            for span in said.spans
            if (stored := self._document(span.doc_id)) and stored.text[span.start : span.end] == span.text
        )
        answer = said.correction if evidence else ""
        return AskedQuestion(words, answer, evidence, wrong=wrong) if evidence or wrong else None

    def _asked_alike(self, question: Question) -> bool:
        """Did the asker see the documents that the caller sees?"""
        own = self._workspace.labels
        return (question.labels is None) == (own is None) and set(question.labels or ()) == set(own or ())

    def _evidence(self, citations: Sequence[Mapping[str, Any]], question: Question) -> Iterator[EvidenceText]:
        versions = {each["doc_id"]: each["version"] for each in question.documents}
        for citation in citations:
            stored = self._document(citation["doc_id"])
            if stored is not None and stored.record.content_hash == versions.get(citation["doc_id"]):
                text = stored.text[citation["start"] : citation["end"]]
                yield EvidenceText(text, stored.record.source, stored.record.doc_id)

    # -- inside ------------------------------------------------------------------------------------------------

    def _seen(self, before: int = 0, *, only: int | None = None) -> Iterator[Question]:
        """What the caller may see, newest first; read in pages, so that the newest of a long log come at once."""
        query = sa.select(USAGE).order_by(USAGE.c.usage_id.desc()).limit(_PAGE)
        if only is not None:
            query = query.where(USAGE.c.usage_id == only)
        while True:
            with self._catalog.reading() as connection:
                page = query.where(USAGE.c.usage_id < before) if before else query
                page = page.where(self._catalog.asked_with(connection, USAGE, self._key_id))
                rows = connection.execute(page).mappings().all()
                numbers = [row["usage_id"] for row in rows]
                said = sa.select(JUDGEMENTS).where(JUDGEMENTS.c.usage_id.in_(numbers))
                judged: dict[int, list[sa.RowMapping]] = {}
                for row in connection.execute(said.order_by(JUDGEMENTS.c.judgement_id)).mappings():
                    judged.setdefault(row["usage_id"], []).append(row)
            held = [row for row in rows if may_see(_labels(row), self._workspace.labels)]
            made = [MadeFrom.from_json(json.loads(row["made_from"] or "null")) for row in held]
            caller = self._looking_at(made)
            for row, each in zip(held, made, strict=True):
                if caller.sees(each):
                    yield self._question(row, each, judged.get(row["usage_id"], ()))
            if len(rows) < _PAGE:
                return
            before = rows[-1]["usage_id"]

    def _looking_at(self, made: Sequence[MadeFrom]) -> Caller:
        """The caller, for whom these documents are looked up together."""
        caller = self._workspace.caller()
        if caller.labels is None or caller.present is None:
            return caller
        doc_ids = sorted({doc_id for each in made for doc_id in each.doc_ids})
        present = {source.doc_id: source for source in caller.present(doc_ids)} if doc_ids else {}
        return Caller(caller.labels, lambda wanted: [present[each] for each in wanted if each in present])

    def _question(self, row: sa.RowMapping, made: MadeFrom, judged: Sequence[sa.RowMapping]) -> Question:
        seen = [each for each in judged if may_see(_labels(each), self._workspace.labels)]
        return Question(
            question_id=row["usage_id"],
            at=row["at"],
            question=row["question"],
            standalone_question=row["standalone_question"],
            abstained=row["abstained"],
            confidence=row["confidence"],
            milliseconds=row["milliseconds"],
            answer=None if row["answer"] is None else json.loads(row["answer"]),
            citations=json.loads(row["citations"]),
            documents=[{"doc_id": source.doc_id, "version": source.version} for source in made.sources],
            judgements=[_judgement(each) for each in seen],
            labels=None if (labels := _labels(row)) is None else list(labels),
        )

    def _likely(self, correction: str, question: Question) -> Iterator[str]:
        yield from (each["doc_id"] for each in question.citations)
        yield from (each["doc_id"] for each in question.documents)
        for words in (correction, question.standalone_question or question.question):
            try:
                hits = self._workspace.search(words[:1000], k=_LOOKED_AT, mode="keyword").hits
            except InstillError:
                continue
            yield from (hit.doc_id for hit in hits)

    def _document(self, doc_id: str) -> StoredDocument | None:
        return self._workspace.index.document_text(doc_id)


def _without(known: AskedQuestion, wrong: tuple[EvidenceText, ...]) -> AskedQuestion:
    """What is known of a question after these pieces were judged wrong."""
    evidence = tuple(piece for piece in known.evidence if piece not in wrong)
    answer = known.answer if evidence else ""
    return replace(known, answer=answer, evidence=evidence, wrong=tuple(dict.fromkeys((*known.wrong, *wrong))))


def _holds(citation: Mapping[str, Any], span: Span) -> bool:
    """Whether the span stands in what was cited."""
    inside = citation["start"] <= span.start and span.end <= citation["end"]
    return inside and bool(citation["doc_id"] == span.doc_id)


def _is_kind(question: Question, kind: Kind) -> bool:
    said = question.verdict
    return {
        "all": True,
        "answered": not question.abstained,
        "refused": question.abstained,
        "wanted": question.is_wanted,
        "right": said is not None and said.verdict == "right",
        "wrong": said is not None and said.verdict == "wrong",
        "unjudged": said is None,
        "corrected": said is not None and bool(said.correction),
        "missing": said is not None and bool(said.correction) and not said.spans,
        "slow": question.milliseconds > SLOW_MS,
    }[kind]


def _judgement(row: sa.RowMapping) -> Judgement:
    names = ("judgement_id", "at", "verdict", "correction", "note", "judge")
    return Judgement(**{name: row[name] for name in names}, spans=json.loads(row["spans"]))


def _labels(row: sa.RowMapping) -> tuple[str, ...] | None:
    return None if row["labels"] is None else tuple(json.loads(row["labels"]))
