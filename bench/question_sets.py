"""The question sets of `bench/answers.py`: documents with questions that they answer, and questions that they do not.

Layout of the data folder: `retrieval/NAME/{corpus,queries}.jsonl, qrels.tsv, answers.json` (BEIR);
`reading/squad2/dev-v2.0.json`; `reading/clapnq/annotated_data/dev/*.jsonl`; `reading/selfaware/SelfAware.json`;
`dialog/dialdoc21/{docs,turns}.jsonl`; `documents/kite_sourcegraph`;
`train/docs_headings_search`. `python` needs none of it: the language's own documentation, with questions that we
wrote.
"""

from __future__ import annotations

import ast
import gzip
import hashlib
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from instill.documents.document import Document, Heading, Parsed
from instill.documents.reading import read
from instill.settings import DocumentSettings
from instill.train.reader.rows import held_out


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, the answers that count as right, and the documents that hold them."""

    question: str
    golds: tuple[str, ...] = ()
    evidence: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Set:
    """`foreign` names the set whose questions are asked of these documents and should be refused.

    `removable`: without the evidence documents a question has no answer here.
    """

    documents: list[Document]
    answerable: list[Asked]
    unanswerable: list[Asked]
    foreign: str
    removable: bool = True


def unseen(article: str) -> bool:
    """Whether the shipped reader and encoder were not trained on this article of SQuAD (see their cards)."""
    return held_out(article, 0.12, seed=24)


def document(name: str, title: str, text: str) -> Document:
    heading = (Heading(1, title, 0),) if title else ()
    return Document(doc_id(name), f"memory:{name}", "text", title, "", len(text), "", Parsed(text, title, heading))


def doc_id(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()[:16]


def _lines(path: Path) -> Iterator[Any]:
    return (json.loads(line) for line in path.read_text("utf-8").split("\n") if line.strip())


def _beir(name: str, foreign: str) -> Callable[[Path], Set]:
    def load(data: Path) -> Set:
        folder = data / "retrieval" / name
        documents = [
            document(name + r["_id"], r["title"], r["text"]) for r in _lines(folder / "corpus.jsonl") if r["text"]
        ]
        answers = json.loads((folder / "answers.json").read_text("utf-8"))
        evidence: dict[str, set[str]] = {}
        for line in (folder / "qrels.tsv").read_text("utf-8").split("\n")[1:]:
            if line:
                query, passage, _ = line.split("\t")
                evidence.setdefault(query, set()).add(doc_id(name + passage))
        asked = [
            Asked(r["text"], _golds(answers.get(r["_id"], ())), frozenset(evidence.get(r["_id"], ())))
            for r in _lines(folder / "queries.jsonl")
        ]
        if name == "squad11_dev":
            titles = {document.doc_id: document.title for document in documents}
            asked = [a for a in asked if all(unseen(titles[doc_id]) for doc_id in a.evidence if doc_id in titles)]
        return Set(documents, [a for a in asked if a.golds and a.evidence], [], foreign)

    return load


def _golds(answers: str | list[str] | tuple[()]) -> tuple[str, ...]:
    return (answers,) if isinstance(answers, str) else tuple(answers)


def _squad2(data: Path) -> Set:
    documents: list[Document] = []
    answerable: list[Asked] = []
    impossible: list[Asked] = []
    for article in json.loads((data / "reading/squad2/dev-v2.0.json").read_text("utf-8"))["data"]:
        for number, paragraph in enumerate(article["paragraphs"]):
            name = f"squad2 {article['title']} {number}"
            documents.append(document(name, article["title"].replace("_", " "), paragraph["context"]))
            for question in paragraph["qas"]:
                golds = tuple(answer["text"] for answer in question["answers"])
                asked = Asked(question["question"].strip(), golds, frozenset({doc_id(name)}))
                if not unseen(article["title"]):
                    continue
                (impossible if question["is_impossible"] else answerable).append(asked)
    return Set(documents, answerable, impossible, "nq_oracle")


def _clapnq(data: Path) -> Set:
    documents: list[Document] = []
    groups: dict[str, list[Asked]] = {"answerable": [], "unanswerable": []}
    for kind, group in groups.items():
        for entry in _lines(data / f"reading/clapnq/annotated_data/dev/clapnq_dev_{kind}.jsonl"):
            names = [f"clapnq {entry['id']} {number}" for number in range(len(entry["passages"]))]
            for name, passage in zip(names, entry["passages"], strict=True):
                documents.append(document(name, passage["title"], passage["text"]))
            golds = tuple(o["answer"] for o in entry["output"] if o.get("answer")) if kind == "answerable" else ()
            group.append(Asked(entry["input"], golds, frozenset(doc_id(name) for name in names)))
    return Set(documents, groups["answerable"], groups["unanswerable"], "squad2")


def _dialdoc(data: Path) -> Set:
    """Only opening turns: they stand alone. A question counts as answered when its grounding span is shown."""
    folder = data / "dialog/dialdoc21"
    documents = [
        document(r["doc"], r["doc"].split("|")[1].split("#")[0], r["text"]) for r in _lines(folder / "docs.jsonl")
    ]
    asked = []
    for turn in _lines(folder / "turns.jsonl"):
        if turn["history"].count("user:") == 1 and "agent:" not in turn["history"]:
            golds = tuple(text.strip() for text in ast.literal_eval(turn["answers"])["text"])
            asked.append(Asked(turn["history"].removeprefix("user:").strip(), golds, frozenset({doc_id(turn["doc"])})))
    return Set(documents, asked, [], "nq_oracle", removable=False)


def _kite(data: Path) -> Set:
    folder = data / "documents/kite_sourcegraph"
    documents = []
    for path in sorted((folder / "content").rglob("*.md")):
        if path.stat().st_size:
            kind, parsed = read(path.read_bytes(), name=path.name, settings=DocumentSettings())
            name = path.relative_to(folder).as_posix()
            documents.append(Document(doc_id(name), name, kind, parsed.title or path.stem, "", 0, "", parsed))
    questions = json.loads((folder / "queries/sourcegraph.json").read_text("utf-8"))
    return Set(documents, [Asked(q["query"], (q["gt_answer"],)) for q in questions], [], "selfaware")


def _python(_: Path) -> Set:
    from pydoc_data.topics import topics

    documents = [document(f"python {name}", text.split("\n")[0].strip(), text) for name, text in topics.items() if text]
    return Set(documents, [Asked(question, (gold,)) for question, gold in _PYTHON], [], "squad2")


_PYTHON = (
    ("What does the global statement do?", "declaration which holds for the entire current code block"),
    ("How is an f-string different from other string literals?", "evaluated at run time"),
    ("What happens when no except clause matches an exception?", "surrounding code"),
    ("When is the else clause of a for loop executed?", "exhausted"),
    ("What does the pass statement do?", "null operation"),
    ("What is a slice object used for?", "slice"),
    ("Which values are considered false?", "zero"),
    ("What does the assert statement do?", "debugging assertions"),
    ("How do I set a breakpoint in the debugger?", "break"),
    ("What does lambda yield?", "function object"),
    ("What does str.splitlines return?", "list of the lines"),
    ("What is __slots__ for?", "declare data members"),
    ("What does nonlocal do?", "enclosing scope"),
    ("What does the del statement do to a name?", "removes the binding"),
    ("What is the purpose of the yield expression?", "generator"),
    ("Are dictionaries ordered?", "insertion order"),
    ("What does the is operator test?", "object identity"),
    ("What does the ** operator compute?", "power"),
    ("What does the return statement without an expression return?", "None"),
    ("What is the context manager protocol?", "__enter__"),
)


MANUALS_CHARACTERS = 5_000_000
"""How much text of pages without a question stands beside the pages of `manuals`."""


def _manuals(data: Path) -> Set:
    """Pages of 31 projects' documentation, put together from their sections; headings that are questions ask them.

    Only pages that the shipped reader was not trained on are asked about. With a page hidden, its neighbours remain:
    the questions are then near the topic of the documents and not answered by them. No gold words are known: an answer
    is right when it cites its page. Copies of pages for older versions are left out.
    """
    folder = data / "train/docs_headings_search"
    pages: dict[str, list[tuple[str, str]]] = {}
    with gzip.open(folder / "corpus.jsonl.gz", "rt", encoding="utf-8") as stream:
        for entry in map(json.loads, stream):
            name = entry["_id"].rpartition("#")[0]
            if not re.search(r"/v\d+\.", name):
                pages.setdefault(name, []).append((entry["title"], entry["text"]))
    asked_by = {entry["_id"]: entry["text"] for entry in _lines(folder / "queries.jsonl")}
    asked, wanted = [], set()
    for line in (folder / "qrels/train.tsv").read_text("utf-8").splitlines()[1:]:
        query, section, _ = line.split("\t")
        page = section.rpartition("#")[0]
        if page in pages and unseen(page) and query in asked_by:
            wanted.add(page)
            asked.append(Asked(asked_by[query], (), frozenset({doc_id(page)})))
    kept, size = sorted(wanted), 0
    for name in sorted(set(pages) - wanted, key=doc_id):
        size += sum(len(text) for _, text in pages[name])
        if size > MANUALS_CHARACTERS:
            break
        kept.append(name)
    documents = []
    for name in kept:
        text = "\n\n".join(f"## {title}\n\n{body}" if title else body for title, body in pages[name])
        kind, parsed = read(text.encode(), name="page.md", settings=DocumentSettings())
        title = pages[name][0][0] or name.rpartition("/")[2]
        documents.append(Document(doc_id(name), name, kind, title, "", len(text), "", parsed))
    return Set(documents, asked, [], "nq_oracle")


def _selfaware(data: Path) -> Set:
    rows = json.loads((data / "reading/selfaware/SelfAware.json").read_text("utf-8"))["example"]
    return Set([], [Asked(row["question"]) for row in rows if re.search(r"\w", row["question"])], [], "")


_LOADERS: dict[str, Callable[[Path], Set]] = {
    "nq_oracle": _beir("nq_oracle", "squad2"),
    "squad11_dev": _beir("squad11_dev", "nq_oracle"),
    "squad2": _squad2,
    "clapnq": _clapnq,
    "dialdoc": _dialdoc,
    "kite": _kite,
    "python": _python,
    "manuals": _manuals,
    "selfaware": _selfaware,
}


def set_names() -> list[str]:
    """The sets that are measured by default (squad11_dev is much like squad2, selfaware has no documents)."""
    return [name for name in _LOADERS if name not in ("selfaware", "squad11_dev", "manuals")]


def load_set(name: str, data: Path) -> Set:
    """Read a set."""
    if name not in _LOADERS:
        raise SystemExit(f"There is no set {name!r}. Known: {', '.join(_LOADERS)}")
    return _LOADERS[name](data)
