"""Facts in batches into the micro model's weights: what is known then, what was forgotten, what it costs.

Pages about people of the laboratory's world are added to a workspace. The facts of some are asked for in six wordings
each, and consolidated; then those of some more, together with the first ones. Printed are, for each batch, the facts
that are known in wordings that were not trained, the controls, the gate's reasons, and the seconds of one core.

    python bench/consolidate.py --people 4 2 --replay 900
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from instill import Workspace
from instill.answer.types import Answer, Citation, Claim, Trace
from instill.answer.uses_of_answer import read_documents, uses_of
from instill.lab.study_set import lab_replay
from instill.lab.world import Person, make_world, questions, write_documents
from instill.memory.consolidating.examining import examine
from instill.models.registry.store import Registry
from instill.models.weights import micro_folder
from instill.study.questions_about_any_text import sentence_around

ATTRIBUTES = ("birthplace", "employer", "year")
WORDINGS = 6


def ask_often(workspace: Workspace, people: Sequence[Person]) -> None:
    """As if people had asked for each fact in six wordings, and its sentence had answered."""
    for record in workspace.documents():
        document = workspace.index.document_text(record.doc_id)
        for person in [each for each in people if document and each.name in document.text]:
            assert document is not None
            for attribute in ATTRIBUTES:
                value = person.facts[attribute]
                at = document.text.index(value)
                start, end = sentence_around(document.text, at, at + len(value))
                cited = Citation(record.doc_id, record.source, "", start, end, document.text[start:end])
                for asked in questions(person, attribute)[:WORDINGS]:
                    trace = Trace(asked, asked, "extractive")
                    answer = Answer("", (Claim(cited.text, (cited,)),), 1.0, False, trace, short=value)
                    workspace.catalog.log_question(
                        question=asked,
                        standalone_question=asked,
                        abstained=False,
                        confidence=1.0,
                        citations=[],
                        milliseconds=1.0,
                        uses=uses_of(answer, read_documents([record.doc_id], [document])),
                    )


def main() -> None:
    """Consolidate batch after batch, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, nargs="+", default=[4, 2], help="new ones of each batch")
    parser.add_argument("--controls", type=int, default=12, help="people about whom nobody asks")
    parser.add_argument("--replay", type=int, default=900)
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp())
    people = make_world().group("C")[: sum(given.people)]
    write_documents([*people, *make_world().group("E")[: given.controls]], folder / "pages")
    Workspace.init(folder / "kb").close()
    (folder / "kb" / "instill.toml").write_text("[memory]\nstable_days = 0\nthreshold = 1\n")
    replay = folder / "replay.jsonl"
    replay.write_text("".join(json.dumps(row) + "\n" for row in lab_replay(0, given.replay)))
    with Workspace.open(folder / "kb") as workspace:
        workspace.add(folder / "pages")
        for batch, count in enumerate(given.people):
            first = sum(given.people[:batch])
            ask_often(workspace, people[first : first + count])
            began = time.process_time()
            [(_, material)], _ = workspace.consolidation(base="micro", replay=replay)
            [found] = workspace.consolidate(base="micro", replay=replay)
            seconds = time.process_time() - began
            asked, right = (sum(getattr(each, name) for each in found.facts) for name in ("asked", "right"))
            base = examine(micro_folder(), None, material.taught, material.study.items)
            card = Registry(workspace.home).get(found.adapter).card
            passed = sum(each.passed for each in found.facts)
            print(
                f"batch {batch + 1}: {len(found.facts)} facts ({sum(each.older for each in found.facts)} older), "
                f"{found.rows} rows, {seconds:.0f} s; {passed} known; {right} of {asked} questions right "
                f"(base: {sum(each.right for each in base)}); in use: {found.promoted}"
            )
            print("  before", card.metrics.before, "after", card.metrics.after)
            for reason in found.reasons:
                print(" ", reason)
            stages = [fact.stage for fact in workspace.memory().facts()]
            print("  stages:", {stage: stages.count(stage) for stage in sorted(set(stages))}, flush=True)


if __name__ == "__main__":
    main()
