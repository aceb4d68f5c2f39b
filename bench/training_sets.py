"""Rows for training the reader from collected sets: `python bench/training_sets.py --train DIR --out DIR`.

Each set becomes a file of rows (see `instill.train.reader.rows`). Sets are cut to a size at which none of them
outweighs the others; which rows stay is decided by a hash of their ids. Only sets whose licence lets trained weights be
shared are read; `ATTRIBUTION` has the lines for the card. With `--reading OUT_OF_READING_SETS` the files that
`bench/reading_sets.py` wrote are cut in the same way.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Row = dict[str, Any]

LONGEST_PASSAGE = 2_000
"""Passages are cut here, in characters; a row whose answer lies behind is left out."""

SIZES = {
    "tldr": 4_000,
    "qamr": 2_500,
    "msdocs_cpp_errors": 2_600,
    "msdocs_bugchecks": 900,
    "eslint_rules": 1_200,
    "docs_faq": 2_000,
    "doqa_ni": 800,
    "sysadmin_interview": 200,
    "wikitablequestions": 2_500,
}
"""Most rows of a set."""

READING = {"squad2": 6_100, "squad11": 2_500, "new_wiki": 2_000, "fairytaleqa": 1_500}
"""The same for the sets that the first reader was trained on."""

FACTS = {
    "squad2": 6_100, "squad11": 6_500, "new_wiki": 5_500, "fairytaleqa": 1_500, "tldr": 2_000, "qamr": 1_500,
    "msdocs_cpp_errors": 1_200, "msdocs_bugchecks": 500, "eslint_rules": 700, "wikitablequestions": 1_500,
}  # fmt: skip
"""The same with `--facts`: more single facts out of paragraphs, which are where near misses are hardest to see."""

JUDGED = {"fool_me_twice": 2_400, "sharc_dev": 700, "conditionalqa_evidence": 1_200}
"""Most rows of sets that judge: is the statement, or the question for yes or no, decided by the passage? The shipped
reader was trained without them."""

DECIDED = {"yes": True, "no": True, "more": True, "depends": True, "unknown": False, "irrelevant": False}
"""Labels of those sets, and whether the passage decides. "more" and "depends": it says on what the answer depends."""

WHOLE = frozenset({"docs_faq", "doqa_ni", "sysadmin_interview"})
"""Sets whose spans are only where an answer begins: the passage answers as a whole."""

ATTRIBUTION = (
    "tldr-pages, tldr-pages team and contributors, CC BY 4.0",
    "QAMR, Michael et al. 2018, MIT",
    "C++ and Windows driver documentation, Microsoft, CC BY 4.0",
    "ESLint rules, OpenJS Foundation, MIT",
    "Documentation of 31 open projects, their permissive licences",
    "DoQA, Campos et al. 2020, CC BY-SA 4.0",
    "Test your sysadmin skills, MIT",
    "WikiTableQuestions, Pasupat and Liang 2015, CC BY-SA 4.0",
    "Fool Me Twice, Eisenschlos et al. 2021, Apache-2.0, over Wikipedia, CC BY-SA 3.0",
    "ShARC (development set), Saeidi et al. 2018, CC BY-SA 3.0",
    "ConditionalQA, Sun et al. 2022, BSD-2-Clause, over GOV.UK, Open Government Licence",
)


def rows_of(folder: Path, name: str) -> Iterator[Row]:
    """The usable rows of one set, whole passages' answers marked as such."""
    with gzip.open(folder / name / "rows.jsonl.gz", "rt", encoding="utf-8") as stream:
        for line in stream:
            entry = json.loads(line)
            if "label" in entry or entry["kind"] in ("conversation", "rewrite", "list"):
                continue
            row = _row(entry, whole=name in WHOLE)
            if row is not None:
                yield row


def judged(folder: Path, name: str) -> Iterator[Row]:
    """Rows of a set that judges: the passage as a whole answers where it decides, whichever way.

    A statement is asked as a question in one of three forms, chosen by its hash.
    """
    with gzip.open(folder / name / "rows.jsonl.gz", "rt", encoding="utf-8") as stream:
        for number, line in enumerate(stream):
            entry = json.loads(line)
            label = entry.get("label")
            if entry["kind"] not in ("entailment", "yesno", "list", "fact") or (label and label not in DECIDED):
                continue
            if entry["kind"] == "entailment" and label == "no":
                continue  # A question made wrong by a name or number has no answer: both would confuse.
            decided = DECIDED[label] if label else bool(entry["answers"])
            question = entry["question"].strip()
            if entry["kind"] == "entailment":
                question = _asked(question)
            yield {
                "id": f"{name} {number}",
                "question": question,
                "passage": entry["passage"][:LONGEST_PASSAGE],
                "title": entry.get("title", ""),
                "group": entry["group"],
                "answers": [],
                **({"answerable": True} if decided else {}),
            }


def _asked(statement: str) -> str:
    form = hashlib.sha256(statement.encode()).digest()[0] % 3
    bare = statement.rstrip(". ")
    return (f"Is it true that {bare}?", f"{bare}?", f"Do the documents say that {bare}?")[form]


def _row(entry: Row, *, whole: bool) -> Row | None:
    passage = entry["passage"][:LONGEST_PASSAGE]
    answers = [each for each in entry["answers"] if passage[each["start"] :].startswith(each["text"])]
    if entry["answers"] and not answers:
        return None
    about = {"id": entry["id"], "question": entry["question"], "passage": passage, "group": entry["group"]}
    about["title"] = entry.get("title", "")
    if whole and answers:
        return {**about, "answers": [], "answerable": True}
    return {**about, "answers": answers}


def headings(folder: Path) -> Iterator[Row]:
    """Questions that stood as headings, with the section below as a whole; the group is the page."""
    base = folder / "docs_headings_search"
    with gzip.open(base / "corpus.jsonl.gz", "rt", encoding="utf-8") as stream:
        sections = {entry["_id"]: entry for entry in map(json.loads, stream)}
    lines = (base / "queries.jsonl").read_text(encoding="utf-8").splitlines()
    asked = {entry["_id"]: entry["text"] for entry in map(json.loads, lines)}
    for line in (base / "qrels" / "train.tsv").read_text(encoding="utf-8").splitlines()[1:]:
        query, section, _ = line.split("\t")
        found = sections.get(section)
        if query not in asked or found is None or len(found["text"].strip()) < 60:
            continue
        page = section.rpartition("#")[0]
        yield {
            "id": query,
            "question": asked[query],
            "passage": found["text"][:LONGEST_PASSAGE],
            "title": found["title"],
            "group": page,
            "answers": [],
            "answerable": True,
        }


def cut(rows: Iterator[Row], most: int) -> list[Row]:
    """At most `most` rows; the same ones every time."""
    found = sorted(rows, key=lambda row: hashlib.sha256(str(row["id"]).encode()).digest())
    return found[:most]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--train", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--reading", type=Path, help="Folder with the rows that bench/reading_sets.py wrote.")
    parser.add_argument(
        "--facts", action="store_true", help="More of the sets that ask single facts, less of the others."
    )
    parser.add_argument("--judged", action="store_true", help="Also sets that judge statements, or answer yes or no.")
    chosen = parser.parse_args()
    chosen.out.mkdir(parents=True, exist_ok=True)
    sizes, reading = ({**each, **(FACTS if chosen.facts else {})} for each in (SIZES, READING))
    made = {name: cut(rows_of(chosen.train, name), sizes[name]) for name in SIZES}
    if chosen.judged:
        made |= {name: cut(judged(chosen.train, name), most) for name, most in JUDGED.items()}
    made["docs_headings"] = cut(headings(chosen.train), 4_000)
    for name in [each for each in reading if each not in SIZES] if chosen.reading else ():
        lines = (chosen.reading / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
        made[name] = cut(({"id": line, **json.loads(line)} for line in lines), reading[name])
        for row in made[name]:
            del row["id"]
    for name, rows in made.items():
        text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        (chosen.out / f"{name}.jsonl").write_text(text, encoding="utf-8")
        none = sum(not row["answers"] and not row.get("answerable") for row in rows)
        print(f"{name}: {len(rows)} rows, {none} without an answer")


if __name__ == "__main__":
    main()
