"""Two real folders, added and asked as a user would: a company handbook and quarterly reports.

    python bench/folders.py --data DIR [--every 3] [--cache FOLDER] [--show]

DIR holds `documents/kite_sourcegraph` (883 Markdown pages, 10 questions with their answers) and `documents/sec10q` (20
PDF files, 195 questions with the files that answer). Printed are

- handbook: for how many questions one of the first 1, 5, 10 passages holds the answer (half of its content words), how
  many are answered, and how many of the answers hold it;
- reports: every `--every`-th question. How often a file that answers is among the sources of the first ten passages,
  how many questions are refused, and how many citations stand, letter for letter, on the page that they name (by the
  text that pypdfium2 gives of that page alone).
"""

from __future__ import annotations

import argparse
import csv
import fnmatch
import json
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pypdfium2
from answers import holds, is_right

from instill import Workspace
from instill.answer.types import Answer

DEPTHS = (1, 5, 10)


def opened(place: Path, files: Path) -> Workspace:
    """The workspace at `place` with everything in `files`; filled once."""
    if (place / "instill.toml").exists():
        return Workspace.open(place)
    workspace = Workspace.init(place)
    report = workspace.add([str(files)], follow=False)
    print(f"{files.name}: {len(report.added)} documents, {len(report.failed)} refused", flush=True)
    return workspace


def handbook(folder: Path, place: Path, show: bool) -> None:
    questions = json.loads((folder / "queries/sourcegraph.json").read_text("utf-8"))
    found, answered, right = dict.fromkeys(DEPTHS, 0), 0, 0
    with opened(place, folder / "content") as workspace:
        for entry in questions:
            question, gold = entry["query"], entry["gt_answer"]
            texts = [hit.text for hit in workspace.search(question, k=max(DEPTHS)).hits]
            for depth in DEPTHS:
                found[depth] += any(holds(text, (gold,)) for text in texts[:depth])
            answer = workspace.ask(question)
            answered += not answer.abstained
            correct = not answer.abstained and is_right(answer.text, (gold,), question)
            right += correct
            if show:
                print(f"\n[{answer.confidence:.2f} {'right' if correct else ''}] {question}\n  wanted: {gold}")
                print(f"  short: {answer.short}\n  {answer.text}")
    among = ", ".join(f"{count} in the first {depth}" for depth, count in found.items())
    print(
        f"handbook: {len(questions)} questions; the answer is in a passage for {among}; "
        f"{answered} answered, {right} of them right"
    )


def reports(folder: Path, place: Path, every: int, show: bool) -> None:
    files = folder / "sec-10-q/data/v1/docs"
    with (folder / "sec-10-q/data/v1/qna_data.csv").open(encoding="utf-8-sig") as stream:
        rows = list(csv.DictReader(stream))[::every]
    named, refused, cited, verbatim = 0, 0, 0, 0
    with opened(place, files) as workspace:
        for row in rows:
            patterns = [part.strip() for part in row["Source Docs"].split(",")]
            sources = [Path(hit.source).stem for hit in workspace.search(row["Question"], k=10).hits]
            named += any(fnmatch.fnmatch(source, pattern) for source in sources for pattern in patterns)
            answer = workspace.ask(row["Question"])
            refused += answer.abstained
            for source, page, text in quotations(answer):
                cited += 1
                verbatim += letters(text) in letters(page_text(source, page))
            if show:
                print(f"\n[{answer.confidence:.2f}] {row['Question']}\n  {answer.text}")
    print(
        f"reports: {len(rows)} questions; a file that answers is among the first ten for {named}; {refused} refused; "
        f"{verbatim} of {cited} citations stand on the page that they name"
    )


def quotations(answer: Answer) -> Iterator[tuple[str, int, str]]:
    """File, page (from 1) and text of every citation."""
    for citation in answer.citations:
        if citation.page is not None:
            yield citation.source, citation.page, citation.text


@cache
def page_text(source: str, page: int) -> str:
    with pypdfium2.PdfDocument(source) as document:
        return str(document[page - 1].get_textpage().get_text_range())


def letters(text: str) -> str:
    """Letters and digits alone: breaks of lines and words differ between readers."""
    return "".join(character for character in text if character.isalnum())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--every", type=int, default=3)
    parser.add_argument("--cache", type=Path, help="keep the workspaces here, for the next run")
    parser.add_argument("--show", action="store_true", help="print every question with its answer")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        place = options.cache or Path(temporary)
        place.mkdir(parents=True, exist_ok=True)
        handbook(options.data / "documents/kite_sourcegraph", place / "handbook", options.show)
        reports(options.data / "documents/sec10q", place / "reports", options.every, options.show)


if __name__ == "__main__":
    main()
