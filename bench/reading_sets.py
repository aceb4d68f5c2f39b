"""Rows for training and testing the reader from public sets: `python bench/reading_sets.py --reading DIR --out DIR`.

Writes `squad2.jsonl`, `squad11.jsonl`, `new_wiki.jsonl` and `fairytaleqa.jsonl` (their licences allow trained weights
to be shared) and `qed.jsonl` (real search questions that are never trained on: a test on another kind of question).
Questions that other benchmarks of this folder ask (nq_oracle) are only in QED, so they are not trained on either.
"""

from __future__ import annotations

import argparse
import csv
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Row = dict[str, Any]


def squad11(folder: Path) -> Iterator[Row]:
    """The questions of SQuAD 1.1 (one answer each, its place found by string)."""
    for entry in json.loads((folder / "squad_val.json").read_text(encoding="utf-8")):
        for asked in entry["questions"]:
            start = entry["context"].find(asked["answer"])
            if start >= 0:
                answer = {"text": asked["answer"], "start": start}
                yield _row(asked["question"], entry["context"], entry["title"], [answer])


def squad_layout(path: Path) -> Iterator[Row]:
    """SQuAD 2.0 and SQuAD Shifts."""
    for article in json.loads(path.read_text(encoding="utf-8"))["data"]:
        title = article["title"].replace("_", " ")
        for paragraph in article["paragraphs"]:
            for asked in paragraph["qas"]:
                answers = [] if asked.get("is_impossible") else asked["answers"]
                spans = [{"text": answer["text"], "start": answer["answer_start"]} for answer in answers]
                yield _row(asked["question"], paragraph["context"], title, spans)


def fairytaleqa(folder: Path) -> Iterator[Row]:
    """Questions on stories whose answer is said in so many words in the section that they are about."""
    base = folder / "data-by-train-split"
    for path in sorted((base / "questions").glob("*/*.csv")):
        story = path.name.removesuffix("-questions.csv")
        sections = base / "section-stories" / path.parent.name / f"{story}-story.csv"
        texts = {entry["section"].strip(): entry["text"] for entry in _csv(sections)}
        for entry in _csv(path):
            where = [part.strip() for part in entry["cor_section"].split(",")]
            if entry["ex-or-im1"] != "explicit" or len(where) != 1 or where[0] not in texts:
                continue
            passage = " ".join(texts[where[0]].split())
            found = _find(entry["answer1"], passage) or _find(entry["answer4"], passage)
            if found:
                answer = {"text": passage[found[0] : found[1]], "start": found[0]}
                yield _row(entry["question"], passage, story.replace("-", " "), [answer])


def qed(path: Path) -> Iterator[Row]:
    for line in path.read_text(encoding="utf-8").splitlines():
        entry = json.loads(line)
        answers = [
            {"text": part["string"], "start": part["start"]}
            for parts in entry["original_nq_answers"]
            for part in parts[:1]
            if len(parts) == 1 and entry["paragraph_text"][part["start"] : part["end"]] == part["string"]
        ]
        if answers:
            yield _row(entry["question_text"], entry["paragraph_text"], entry["title_text"], answers)


def _row(question: str, passage: str, title: str, answers: list[dict[str, Any]]) -> Row:
    return {"question": " ".join(question.split()), "passage": passage, "title": title, "answers": answers}


def _find(answer: str, passage: str) -> tuple[int, int] | None:
    words = re.findall(r"\w+", answer.lower())
    if not words:
        return None
    found = re.search(r"\b" + r"\W+".join(re.escape(word) for word in words) + r"\b", passage.lower())
    return found.span() if found and len(passage.lower()) == len(passage) else None


def _csv(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as stream:
        for entry in csv.DictReader(stream):
            yield {key: value or "" for key, value in entry.items() if isinstance(key, str)}


def _write(path: Path, rows: Iterator[Row]) -> None:
    kept = 0
    with path.open("w", encoding="utf-8") as stream:
        for row in rows:
            if row["question"] and row["passage"].strip():
                stream.write(json.dumps(row, ensure_ascii=False) + "\n")
                kept += 1
    print(f"{path}: {kept} rows")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reading", type=Path, required=True, help="folder with squad11, squad2, ...")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    for name, rows in {
        "squad2": squad_layout(options.reading / "squad2" / "dev-v2.0.json"),
        "squad11": squad11(options.reading / "squad11"),
        "new_wiki": squad_layout(options.reading / "squadshifts_new_wiki" / "new_wiki_v1.0.json"),
        "fairytaleqa": fairytaleqa(options.reading / "fairytaleqa"),
        "qed": qed(options.reading / "qed" / "qed-dev.jsonlines"),
    }.items():
        _write(options.out / f"{name}.jsonl", rows)
