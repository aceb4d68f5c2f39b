"""The tools of the Model Context Protocol's door: what they take, what they do, and what they give."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from instill.answer.types import Answer
from instill.common.place_in_words import in_file
from instill.errors import UsageError
from instill.server.access.caller_role import Role
from instill.server.api.documents import found, granted_labels
from instill.server.doors.answer_with_marks import structured
from instill.server.jobs.store import ENDED
from instill.server.service import Seen
from instill.server.uploads import Uploads

URI = "instill://documents/"
_LONGEST = 20_000
_MOST_SHOWN = 20_000


class _Arguments(BaseModel):
    model_config = ConfigDict(extra="forbid")


class SearchArguments(_Arguments):
    query: str = Field(description="Words or a question.", max_length=_LONGEST)
    k: int = Field(8, ge=1, le=50, description="How many passages.")
    where: str = Field("", description="Only documents for which this holds, e.g. \"year >= 2024 and kind = 'pdf'\".")


class AskArguments(_Arguments):
    question: str = Field(description="A question that the documents may answer.", max_length=_LONGEST)
    mode: Literal["auto", "extractive", "clusters"] = Field("auto", description="extractive quotes only.")


class ShowArguments(_Arguments):
    document: str = Field(description="Its id or path, as search and ask name it.", max_length=4000)
    start: int = Field(0, ge=0, description="First character.")
    end: int | None = Field(None, ge=0, description="Character after the last; otherwise as many as are shown at once.")


class AddArguments(_Arguments):
    name: str = Field("", description="The new document's name; its ending names the format.", max_length=1000)
    text: str = Field("", description="Its text.", max_length=4_000_000)
    url: str = Field("", description="Instead of name and text: a page to fetch.", max_length=4000)
    labels: list[str] | None = Field(None, description="Who may see it; otherwise who holds your labels.")


class Passage(BaseModel):
    """A span of a document: `text` is what stands at `[start, end)`."""

    doc_id: str
    uri: str
    title: str
    source: str
    headings: str
    page: int | None
    start: int
    end: int
    text: str
    score: float


class SearchResult(BaseModel):
    """Passages, best first."""

    passages: list[Passage]
    notices: list[str]


class AskResult(BaseModel):
    """An answer: `claims` carry the spans of the documents that say so; `abstained`: the documents do not answer."""

    text: str
    abstained: bool
    confidence: float
    short: str
    claims: list[dict[str, Any]]
    nearest: list[dict[str, Any]]
    notices: list[str]
    question_id: int | None


class ShowResult(BaseModel):
    """Characters `[start, end)` of a document that has `length`."""

    doc_id: str
    uri: str
    title: str
    source: str
    start: int
    end: int
    length: int
    text: str


class AddResult(BaseModel):
    """What became of the documents; `state` "waiting" or "running": they are still being read."""

    state: str
    job_id: str
    added: list[str]
    failed: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Given:
    """What a tool gives: text for who reads, the same as data, and the documents that it is about by id and name."""

    text: str
    data: BaseModel
    documents: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Tool:
    """One tool.

    Args:
        takes: the role that it takes.
        run: does it; it may take long.
    """

    name: str
    title: str
    about: str
    takes: Role
    arguments: type[_Arguments]
    result: type[BaseModel]
    run: Callable[[Seen, Any], Given]
    only_reads: bool = True


def _search(seen: Seen, given: SearchArguments) -> Given:
    result = seen.workspace.search(given.query, k=given.k, where=seen.condition(given.where))
    passages = [
        Passage(
            doc_id=hit.doc_id, uri=URI + hit.doc_id, title=hit.title, source=hit.source, headings=hit.headings,
            page=hit.page, start=hit.start, end=hit.end, text=hit.text, score=hit.score,
        )
        for hit in result.hits
    ]  # fmt: skip
    lines = [
        f"{each.title} · {each.headings} · {each.uri} [{each.start}, {each.end})\n{each.text}" for each in passages
    ]
    text = "\n\n".join(lines) or "Nothing was found."
    named = {each.doc_id: each.title for each in passages}
    return Given(text, SearchResult(passages=passages, notices=list(result.notices)), named)


def _ask(seen: Seen, given: AskArguments) -> Given:
    answer = seen.answered(
        lambda put: seen.workspace.ask(given.question, mode=given.mode, asked_by=seen.asker, on_token=put)
    )
    data = AskResult(text=answer.text, **structured(answer))
    return Given(answer_text(answer, seen.named), data, {each.doc_id: each.title for each in answer.citations})


def answer_text(answer: Answer, named: Callable[[str], str]) -> str:
    """The answer with its sources by number, as an assistant may pass it on."""
    if answer.abstained:
        nearest = [f"- {claim.text}" for claim in answer.nearest]
        return "\n".join(
            [answer.text, *(["", "Nearest, and none of it is said to answer:", *nearest] if nearest else [])]
        )
    sources = [
        f"[{number}] {named(each.source) or each.title}{in_file(each.page, each.line)}"
        f"{f' · {each.headings}' if each.headings else ''} · {URI}{each.doc_id} [{each.start}, {each.end})"
        for number, each in enumerate(answer.citations, start=1)
    ]
    return "\n".join([answer.text, "", *sources])


def _show(seen: Seen, given: ShowArguments) -> Given:
    record = found(seen, given.document)
    stored = seen.workspace.index.document_text(record.doc_id)
    if stored is None:
        raise UsageError("The document was removed at this moment.", where=given.document[:100])
    length = len(stored.text)
    start = min(given.start, length)
    end = min(length, start + _MOST_SHOWN, length if given.end is None else max(start, given.end))
    data = ShowResult(
        doc_id=record.doc_id, uri=URI + record.doc_id, title=record.title, source=record.source, start=start, end=end,
        length=length, text=stored.text[start:end],
    )  # fmt: skip
    more = f"\n\n(characters {start} to {end} of {length})" if end - start < length else ""
    return Given(data.text + more, data, {record.doc_id: record.title})


def _add(seen: Seen, given: AddArguments) -> Given:
    import time

    labels = granted_labels(seen, given.labels)
    if bool(given.url) == bool(given.text):
        raise UsageError("Give a name and a text, or a url.", where="text, url")
    arguments: dict[str, Any] = {"labels": labels, "metadata": {}}
    if given.url:
        if not given.url.lower().startswith(("http://", "https://")):
            raise UsageError("Only http and https addresses are fetched.", where="url")
        kind, arguments = "add url", {"url": given.url, **arguments}
    else:
        service = seen.service
        uploads = Uploads(service.uploads, service.opened.whole, seen.labels, service.settings.documents)
        sent = uploads.send_all([(given.name or "note.md", io.BytesIO(given.text.encode()))])
        kind, arguments = "add", {**sent.arguments(), **arguments}
    jobs = seen.service.jobs
    job = jobs.add(kind, "documents", arguments, labels=seen.labels, asked_by=seen.who.name)
    end = time.monotonic() + _WAIT_S
    while job.state not in ENDED and time.monotonic() < end:
        time.sleep(0.1)
        job = jobs.get(job.job_id, seen.labels)
    report = job.result if job.state == "done" else {}
    failed = list(report.get("failed", ())) if job.state != "failed" else [job.result]
    added = [*report.get("added", ()), *report.get("changed", ())]
    data = AddResult(state=job.state, job_id=job.job_id, added=added, failed=failed)
    said = [f"added: {seen.called(each)}" for each in added]
    said += [
        f"not read: {seen.called(each.get('source', ''))} {each['what']} {each['remedy']}".strip() for each in failed
    ]
    return Given("\n".join(said) or f"{job.state}: nothing to do", data, {})


_WAIT_S = 60.0

TOOLS: tuple[Tool, ...] = (
    Tool(
        "search", "Search the documents",
        "The passages of the user's documents that fit best, with the place where each stands. Use it to look around.",
        "reader", SearchArguments, SearchResult, _search,
    ),
    Tool(
        "ask", "Ask the documents",
        "Answers a question from the user's documents, with verbatim citations that were checked, or says that the "
        "documents do not answer. Pass the citations on; where it abstains, do not answer in its place.",
        "reader", AskArguments, AskResult, _ask,
    ),
    Tool(
        "show", "Read a document", "The text of a document, or a part of it, by the id that search and ask give.",
        "reader", ShowArguments, ShowResult, _show,
    ),
    Tool(
        "add", "Add a document", "Puts a text, or a web page, among the documents, so that it can be asked.",
        "editor", AddArguments, AddResult, _add, only_reads=False,
    ),
)  # fmt: skip


def tools_of(seen: Seen) -> list[Tool]:
    """The tools that the caller may use."""
    return [tool for tool in TOOLS if seen.who.may(tool.takes)]
