"""How near written questions come to people's: by rules, and as a trained model lists them.

    python bench/written_questions.py --data DIR --work FOLDER [--sets docs_redis kite_sourcegraph]
                                      [--generator smollm2] [--most 200] [--show 20]

DIR as for `bench/user_questions.py`, whose workspaces in FOLDER are used. By writer, and for the people's questions of
the set: share of the question's terms that its evidence holds (people use other words), whether the reader finds the
answer in the passage around it, and how high the search ranks a passage that holds it. Then what the questions are for:
a threshold is chosen on each writer's questions, with half of them asked with their evidence hidden, so that at most
`--risk` of the answers are wrong; and is tried on the people's questions.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from user_questions import FOLDERS, judged, lines_of, opened

from instill import Workspace
from instill.answer.for_caller import answerer_for
from instill.answer.terms import terms
from instill.fit.trials import ask_trials, trials_of
from instill.measure.risk import choose_threshold
from instill.models.generators.protocol import skilled
from instill.study.questions_about_any_text import list_questions
from instill.study.quick_questions import write_questions
from instill.study.types import StudyQuestion

DEPTH = 10


def figures(workspace: Workspace, asked: Sequence[tuple[str, str, str, str]]) -> list[str]:
    """Overlap, found by the reader, first and in ten, mean reciprocal rank, words; of (question, evidence, answer,
    document)."""
    overlaps, found, ranks = [], [], []
    reader = workspace.reader
    for question, evidence, answer, doc_id in asked:
        wanted = set(terms(question))
        overlaps.append(len(wanted & set(terms(evidence))) / max(1, len(wanted)))
        hits = workspace.search(question, k=DEPTH).hits
        right = [(not doc_id or hit.doc_id == doc_id) and evidence[:60].strip() in hit.text for hit in hits]
        ranks.append(1 / (1 + right.index(True)) if any(right) else 0.0)
        passage = next((hit for hit, is_right in zip(hits, right, strict=True) if is_right), None)
        if reader is not None and passage is not None and answer:
            [reading] = reader.read(question, [(passage.title, passage.text)])
            said = passage.text[reading.start : reading.end]
            found.append(reading.answerable > 0 and bool(set(terms(said)) & set(terms(answer))))
    place = np.array(ranks)
    return [
        str(len(asked)),
        f"{np.mean(overlaps):.2f}",
        f"{np.mean(found):.2f}" if found else "-",
        f"{np.mean(place == 1):.2f}",
        f"{np.mean(place > 0):.2f}",
        f"{place.mean():.2f}",
        f"{np.mean([len(question.split()) for question, *_ in asked]):.1f}",
    ]


def places(workspace: Workspace, written: Sequence[StudyQuestion]) -> list[tuple[str, str, str, str]]:
    texts = {each.doc_id: workspace.show(each.doc_id).text for each in written}
    return [(each.question, texts[each.doc_id][slice(*each.evidence)], each.answer, each.doc_id) for each in written]


def tried(
    workspace: Workspace, written: Sequence[StudyQuestion], people: Sequence[tuple[float, bool]], risk: float
) -> str:
    """The threshold that is found on written questions, and what it does on people's `(confidence, wrong)`."""
    outcomes = ask_trials(workspace, trials_of(written, seed=1))
    chosen = choose_threshold([each.judged for each in outcomes], risk=risk, confidence=0.9)
    if chosen.threshold is None:
        return "no threshold keeps the promise"
    given = [wrong for confidence, wrong in people if confidence >= chosen.threshold]
    share = f"{sum(given)} of {len(given)} given wrong" if given else "nothing is given"
    return f"threshold {chosen.threshold:.2f}: of {len(people)} people's questions {share}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--sets", nargs="*", default=["docs_redis", "kite_sourcegraph"], choices=[*FOLDERS])
    parser.add_argument("--generator", default="smollm2")
    parser.add_argument("--most", type=int, default=200)
    parser.add_argument("--risk", type=float, default=0.25)
    parser.add_argument("--show", type=int, default=0, help="print so many listed questions")
    chosen = parser.parse_args()
    for name in chosen.sets:
        files = [chosen.data / "documents" / FOLDERS[name]]
        with opened(chosen.work / name, files, chosen.generator) as workspace:
            documents = [workspace.show(record.doc_id) for record in workspace.documents()]
            writer = skilled(workspace.generator, "questions")
            sets = {"rules": write_questions(documents, most=chosen.most)}
            if writer is not None:
                sets["listed"] = list_questions(documents, writer, most=chosen.most)
            asked = lines_of(chosen.data / "questions" / f"{name}.jsonl")
            print(f"== {name}\n| by | questions | overlap | read | first | in ten | MRR | words |\n|" + "---|" * 8)
            for by, written in sets.items():
                print("| " + " | ".join([by, *figures(workspace, places(workspace, written))]) + " |", flush=True)
            human = [
                (each["question"], evidence["quote"], " ".join(each.get("short", [])[:1]), "")
                for each in asked
                if each["answerable"]
                for evidence in each.get("evidence", [])[:1]
            ]
            print("| " + " | ".join(["people", *figures(workspace, human)]) + " |\n", flush=True)
            people = [ask(workspace, each) for each in asked]
            for by, written in sets.items():
                print(f"{by}: {tried(workspace, written, people, chosen.risk)}", flush=True)
            for each in sets.get("listed", [])[: chosen.show]:
                print(f"  {each.question}  ->  {each.answer[:100]}")


def ask(workspace: Workspace, asked: dict[str, Any]) -> tuple[float, bool]:
    """Confidence of the quoted answer, -inf where nothing was found, and whether giving it is wrong."""
    answerer = answerer_for(
        workspace.index,
        search=lambda query, *, k: workspace.search(query, k=k).hits,
        labels=None,
        encoder=workspace.encoder,
        generator=None,
        reader=workspace.reader,
        settings=workspace.settings,
        threshold=0.0,
    )
    answer = answerer.ask(asked["question"], mode="extractive")
    if answer.abstained:
        return float("-inf"), True
    return answer.confidence, not judged(asked, answer, 0.0).useful


if __name__ == "__main__":
    main()
