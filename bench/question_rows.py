"""Rows for the reader from question sets: `python bench/question_rows.py --sets S --folders F --work W --out DIR`.

--sets holds `NAME.jsonl` in the form of `bench/user_questions.py` with one piece of evidence each, and `answer`, its
words, and `NAME.conversations.jsonl`; --folders holds the documents of each set in `NAME`. Every question is asked of
the project's own search over its folder. The passages that hold the quote are the rows that answer (with the answer's
place; as a whole where the answer is no words of it), and the others that were found are the rows that do not: near the
topic, as in use. A piece is read by itself too: the quote alone is a row that answers, and the quotes of other
questions from its file are rows that do not. A follow-up is searched for as the question that stands alone, and read
with the questions before it; what answered before it is a passage that does not.
"""

from __future__ import annotations

import argparse
import json
import random
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

from user_questions import lines_of, opened, plain

from instill import Workspace
from instill.answer.asked.in_context import in_context
from instill.answer.reading.reader_input import heading
from instill.index.types import Hit

FOUND = 8
"""Passages that are looked at, as the reader does in use."""

RIGHT, WRONG, NEAR = 2, 2, 3
"""Passages of a question that answer it, that do not beside those, and of a question without an answer, at most."""

ATTRIBUTION = (
    "Questions and conversations written by hand over the documentation of Apache HTTP Server, OpenStack Nova and "
    "Keystone, Erlang (Apache-2.0), LibreOffice help and BIND (MPL-2.0), Postfix (EPL-2.0), Mosquitto (EDL-1.0), "
    "SQLite (public domain), Python (PSF-2.0), SQLAlchemy, Gunicorn, pip, pytest and Nim (MIT), Django, Flask and "
    "Scrapy (BSD-3-Clause), Varnish (BSD-2-Clause), KiCad (CC BY 3.0)",
    "Questions and conversations written by hand over 25 folders of fictional organisations, persons, news and "
    "encyclopedias, made for it",
)
"""For the card."""

_LONGEST_ANSWER = 240


def rows_of(workspace: Workspace, name: str, questions: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The rows of a folder's questions, in their order, those that answer first.

    Each question has `question`, as it is searched for, and may have `read`, as it is read, and `before`, the evidence
    of the turn before it.
    """
    quotes: dict[str, list[str]] = defaultdict(list)
    for asked in questions:
        for evidence in asked["evidence"][:1]:
            quotes[evidence["path"]].append(evidence["quote"])
    rng = random.Random(name)
    for asked in questions:
        yield from _found(workspace, name, asked, quotes, rng)


def _found(
    workspace: Workspace, name: str, asked: dict[str, Any], quotes: Mapping[str, Sequence[str]], rng: random.Random
) -> Iterator[dict[str, Any]]:
    read = asked.get("read", asked["question"])
    hits = list(workspace.search(asked["question"], k=FOUND).hits)
    decisive = [plain(each) for piece in asked.get("accept", []) for each in piece]
    right: list[Hit] = []
    if asked["answerable"]:
        evidence = asked["evidence"][0]
        quote, file = evidence["quote"], evidence["path"].rpartition("/")[2]

        def answers(hit: Hit) -> bool:
            own = hit.source.rpartition("/")[2] == file
            return _stands(quote, hit.text) or (own and any(each in plain(hit.text) for each in decisive))

        right = [hit for hit in hits if answers(hit)]
        right = right or [hit for hit in workspace.search(quote[:400], k=FOUND).hits if answers(hit)][:1]
        for hit in right[:RIGHT]:
            yield _row(name, read, hit, _spans(asked.get("answer", ""), quote, hit.text), answers=True)
        if right and len(quote) < 0.7 * len(right[0].text):
            piece = replace(right[0], text=quote)
            yield _row(name, read, piece, _spans(asked.get("answer", ""), quote, quote), answers=True)
            others = [each for each in quotes[evidence["path"]] if not any(one in plain(each) for one in decisive)]
            for other in rng.sample(others, min(1, len(others))):
                yield _row(name, read, replace(right[0], text=other), [], answers=False)
    known = {(hit.doc_id, hit.start) for hit in right}
    if asked.get("before"):
        hits = [*workspace.search(asked["before"][:400], k=1).hits, *hits]
    wrong = {
        (hit.doc_id, hit.start): hit
        for hit in hits
        if (hit.doc_id, hit.start) not in known and not any(each in plain(hit.text) for each in decisive)
    }
    for hit in islice(wrong.values(), WRONG if right else NEAR):
        yield _row(name, read, hit, [], answers=False)


def turns_of(conversations: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The turns, searched for as questions that stand alone; a follow-up is read with the questions before it.

    Example:
        >>> first = {"question": "What is tea?", "standalone": "What is tea?", "answerable": False, "evidence": []}
        >>> then = {"question": "why?", "standalone": "Why is tea?", "answerable": False, "evidence": []}
        >>> [asked.get("read", asked["question"]) for asked in turns_of([{"turns": [first, then]}])]
        ['What is tea?', 'why? (What is tea?)']
    """
    for conversation in conversations:
        before: list[dict[str, Any]] = []
        for turn in conversation["turns"]:
            asked = {**turn, "question": turn["standalone"]}
            if not before:
                yield asked
            else:
                said = [earlier["question"] for earlier in before]
                last = next((each["quote"] for each in before[-1]["evidence"]), "")
                yield {**asked, "read": in_context(turn["question"], said), "before": last}
            before.append(turn)


def _row(name: str, question: str, hit: Hit, spans: list[tuple[int, int]], *, answers: bool) -> dict[str, Any]:
    return {
        "question": question,
        "passage": hit.text,
        "title": heading(hit.title, hit.headings),
        "group": f"{name}/{hit.source.rpartition('/')[2]}",
        "answers": [{"text": hit.text[start:end], "start": start} for start, end in spans],
        "answerable": answers,
    }


def _stands(quote: str, text: str) -> bool:
    """Whether most of the quote's words stand in a row in the text, whatever its marks."""
    wanted, held = _bare(quote), _bare(text)
    return wanted in held or wanted[: max(40, len(wanted) // 2)] in held


def _bare(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", " ", plain(text)).strip()


def _spans(answer: str, quote: str, text: str) -> list[tuple[int, int]]:
    """Where the answer stands in the passage, nearest to the quote's beginning; [] where it is not words of it."""
    words = re.findall(r"\w+", answer)
    if not words or len(answer) > _LONGEST_ANSWER:
        return []
    # Marks of Markdown may stand between and around the words.
    pattern = r"[-+$./~\\]{0,3}\b" + r"\W{1,8}".join(map(re.escape, words)) + r"\b"
    found = [match.span() for match in re.finditer(pattern, text, re.IGNORECASE)]
    opening = quote.split()[:4]
    begin = re.search(r"\W+".join(map(re.escape, opening)), text, re.IGNORECASE)
    at = begin.start() if begin else 0
    return sorted(found, key=lambda span: (span[0] < at, abs(span[0] - at)))[:1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", type=Path, required=True)
    parser.add_argument("--folders", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True, help="keep the workspaces here")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    for file in sorted(options.sets.glob("*.jsonl")):
        name = file.stem
        if name.endswith(".conversations") or (options.out / file.name).exists():
            continue
        questions = lines_of(file)
        talks = file.with_name(f"{name}.conversations.jsonl")
        questions += [*turns_of(lines_of(talks))] if talks.exists() else []
        with opened(options.work / name, [options.folders / name]) as workspace:
            rows = [*rows_of(workspace, name, questions)]
        answering = sum(row["answerable"] for row in rows)
        marked = sum(bool(row["answers"]) for row in rows)
        print(
            f"{name}: {len(questions)} questions, {len(rows)} rows, {answering} answer, {marked} with words", flush=True
        )
        (options.out / file.name).write_text(
            "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8"
        )


if __name__ == "__main__":
    main()
