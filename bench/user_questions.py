"""Questions as users ask them, over real folders: is what is shown useful, is it wrong, is it rightly refused?

    python bench/user_questions.py --data DIR --work FOLDER [--sets docs_redis kite_sourcegraph] [--conversations]
                                   [--talks] [--refusal] [--generator smollm2] [--out FILE] [--show bad|all]

DIR holds `questions/NAME.jsonl` (question, `accept`, `short`, `must_not`, `answerable`), `documents/NAME`, and
`refusal/*.passages.jsonl` with `*.questions.jsonl`. The workspaces are kept in FOLDER, filled once. Every question is
asked with the defaults of `ask`. An answer is

- useful: every piece of `accept` is shown (answer text, short answer or quoted source; case and Markdown ignored) and
  nothing of `must_not`;
- wrong: it is given and not useful, or the question has no answer in the documents;
- a right refusal: there is none in the documents and none was given.

Intervals are Wilson's for 95%.
"""

from __future__ import annotations

import argparse
import json
import re
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from math import sqrt
from pathlib import Path
from typing import Any

from instill import Workspace
from instill.answer.types import Answer, Turn
from instill.cli.output import columns

FOLDERS = {  # Of other sets the folder has the set's name.
    "docs_redis": "docs_redis",
    "docs_rust_book": "docs_rust_book/src",
    "kite_sourcegraph": "kite_sourcegraph/content",
    "sec10q": "sec10q/sec-10-q/data/v1/docs",
}


@dataclass(frozen=True, slots=True)
class Result:
    """One question as it was answered; `short` is None where no short answer was shown or none is known."""

    kind: str
    question: str
    standalone: str
    answerable: bool
    refused: bool
    useful: bool
    short: bool | None
    confidence: float
    milliseconds: float
    shown_short: str
    shown: str
    missing: list[list[str]]


def plain(text: str) -> str:
    """Lower case, one space, without Markdown's marks for emphasis and code."""
    return " ".join(re.sub(r"[*_`\\]", "", text).lower().split())


def shown_text(answer: Answer) -> str:
    """Everything that a reader of the answer sees."""
    return "\n".join([answer.short, answer.text, *(citation.text for citation in answer.citations)])


def judged(asked: dict[str, Any], answer: Answer, milliseconds: float) -> Result:
    """Whether the answer is useful, by the pieces that have to be in it."""
    shown = "" if answer.abstained else plain(shown_text(answer))
    missing = [piece for piece in asked.get("accept", []) if not any(plain(each) in shown for each in piece)]
    banned = any(plain(each) in shown for each in asked.get("must_not", []))
    answerable = bool(asked["answerable"])
    short = None
    if answerable and answer.short and asked.get("short"):
        said = plain(answer.short)
        short = any(plain(each) in said or said in plain(each) for each in asked["short"])
    return Result(
        asked.get("kind", "turn"), asked["question"], answer.trace.standalone_question, answerable, answer.abstained,
        answerable and not answer.abstained and not missing and not banned, short, answer.confidence, milliseconds,
        answer.short, answer.text, missing,
    )  # fmt: skip


def opened(place: Path, files: Iterable[Path], generator: str = "none") -> Workspace:
    """The workspace at `place` with everything in `files`; filled once."""
    if (place / "instill.toml").exists():
        return Workspace.open(place, generator=generator)
    workspace = Workspace.init(place)
    started = time.perf_counter()
    report = workspace.add([str(file) for file in files], follow=False)
    seconds = time.perf_counter() - started
    print(f"{place.name}: {len(report.added)} documents, {len(report.failed)} refused, {seconds:.0f} s", flush=True)
    workspace.close()
    return Workspace.open(place, generator=generator)


def ask_all(workspace: Workspace, questions: Sequence[dict[str, Any]]) -> list[Result]:
    """Each question once, without a conversation."""
    results = []
    for asked in questions:
        started = time.perf_counter()
        answer = workspace.ask(asked["question"])
        results.append(judged(asked, answer, 1e3 * (time.perf_counter() - started)))
    return results


def converse(workspace: Workspace, conversations: Sequence[dict[str, Any]]) -> list[Result]:
    """The turns of each conversation in order; what was answered is what the next turn knows."""
    results = []
    for conversation in conversations:
        history: list[Turn] = []
        for number, turn in enumerate(conversation["turns"]):
            started = time.perf_counter()
            answer = workspace.ask(turn["question"], history=tuple(history))
            kind = "first turn" if not number else "follow-up"
            found = judged({**turn, "kind": kind}, answer, 1e3 * (time.perf_counter() - started))
            results.append(found)
            history += answer.turns()
    return results


def refusal_set(data: Path, name: str, work: Path, generator: str = "none") -> list[Result]:
    """The questions of a refusal set over its passages, one document a passage."""
    files = work / f"{name}-files"
    if not files.exists():
        files.mkdir(parents=True)
        for number, line in enumerate(lines_of(data / "refusal" / f"{name}.passages.jsonl")):
            text = f"# {line['title']}\n\n{line['text']}\n" if line.get("title") else line["text"] + "\n"
            (files / f"{number:05d}.md").write_text(text, encoding="utf-8")
    with opened(work / name, [files], generator) as workspace:
        return ask_all(workspace, lines_of(data / "refusal" / f"{name}.questions.jsonl"))


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def share(results: Sequence[bool]) -> str:
    """`hits/all = share [low, high]`, the interval by Wilson (1927)."""
    count, hits = len(results), sum(results)
    if not count:
        return "-"
    z, p = 1.96, hits / count
    middle = (p + z * z / (2 * count)) / (1 + z * z / count)
    half = z * sqrt(p * (1 - p) / count + z * z / (4 * count * count)) / (1 + z * z / count)
    return f"{hits}/{count} = {p:.2f} [{max(0, middle - half):.2f}, {min(1, middle + half):.2f}]"


def table(results: Sequence[Result]) -> None:
    """The figures by kind of question, and over all."""
    by_kind: dict[str, list[Result]] = defaultdict(list)
    for each in results:
        by_kind[each.kind].append(each)
    rows = [["kind", "useful", "refused", "wrong of those given", "short answer right"]]
    for kind, found in [*sorted(by_kind.items()), ("all answerable", [each for each in results if each.answerable])]:
        given = [each for each in found if not each.refused]
        shorts = [each.short for each in found if each.short is not None]
        rows.append(
            [
                kind,
                share([each.useful for each in found if each.answerable]),
                share([each.refused for each in found]),
                share([not each.useful for each in given]),
                share(shorts),
            ]
        )
    print(columns(rows))
    given = [each for each in results if not each.refused]
    none = [each for each in results if not each.answerable]
    print(f"answers given that are wrong, of all questions: {share([not each.useful for each in given])}")
    if none:
        print(f"questions without an answer that are refused: {share([each.refused for each in none])}")
    sure = [each for each in given if not each.useful and each.confidence >= 0.8]
    print(f"wrong answers with a confidence of .8 or more: {len(sure)}")
    times = sorted(each.milliseconds for each in results)
    print(f"median {times[len(times) // 2]:.0f} ms, 95th percentile {times[int(0.95 * (len(times) - 1))]:.0f} ms\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True, help="keep the workspaces here")
    parser.add_argument("--sets", nargs="*", default=["docs_redis", "kite_sourcegraph"], metavar="NAME")
    parser.add_argument("--conversations", action="store_true", help="ask the conversations too")
    parser.add_argument("--talks", action="store_true", help="ask the made-up conversations in bench/talks too")
    parser.add_argument("--refusal", nargs="*", default=[], choices=["rgb", "nomiracl"], help="refusal sets to ask")
    parser.add_argument("--generator", default="none", help="who writes the answers; none: they are quoted")
    parser.add_argument("--out", type=Path, help="write every answer to this file, one JSON object a line")
    parser.add_argument("--show", choices=["bad", "all"], help="print answers")
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    everything: list[tuple[str, Result]] = []
    for name in options.sets:
        files = [options.data / "documents" / FOLDERS.get(name, name)]
        with opened(options.work / name, files, options.generator) as workspace:
            results = ask_all(workspace, lines_of(options.data / "questions" / f"{name}.jsonl"))
            print(f"== {name}")
            table(results)
            everything += [(name, each) for each in results]
            conversations = options.data / "questions" / f"{name}.conversations.jsonl"
            if options.conversations and conversations.exists():
                results = converse(workspace, lines_of(conversations))
                print(f"== {name}, conversations")
                table(results)
                everything += [(f"{name}, conversations", each) for each in results]
    if options.talks:
        talks = Path(__file__).parent / "talks"
        with opened(options.work / "talks", [talks / "documents"], options.generator) as workspace:
            results = converse(workspace, lines_of(talks / "talks.jsonl"))
        print("== talks")
        table(results)
        everything += [("talks", each) for each in results]
    for name in options.refusal:
        results = refusal_set(options.data, name, options.work, options.generator)
        print(f"== {name}")
        table(results)
        everything += [(name, each) for each in results]
    if options.out:
        text = "".join(
            json.dumps({"set": name, **asdict(each)}, ensure_ascii=False) + "\n" for name, each in everything
        )
        options.out.write_text(text, encoding="utf-8")
    for name, each in everything if options.show else ():
        good = each.useful or (not each.answerable and each.refused)
        if options.show == "all" or not good:
            mark = "ok " if good else "BAD"
            print(f"\n{mark} {name} {each.kind} [{each.confidence:.2f}] {each.question}   ({each.standalone})")
            print(f"  missing: {each.missing}  short: {each.shown_short!r}\n  {each.shown}")


if __name__ == "__main__":
    main()
