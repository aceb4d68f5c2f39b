"""The same facts in the weights, in the index, and in both."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from instill.lab.experiments.experiment import Claim, Experiment
from instill.lab.lessons import question_rows, statement_rows
from instill.lab.measuring import Probe, recall
from instill.lab.reading_exercises import reading_prompt
from instill.lab.workbench import PEOPLE, Bench, Lesson, Measures
from instill.lab.world import write_documents
from instill.train.generator.data.rows import Row

_PASSAGES = 3
_TAUGHT, _OTHERS = range(4), slice(4, None)
"""Wordings of questions: those of the lesson, and others, which the model can read: wordings are another experiment."""


def with_passages(bench: Bench, probes: Sequence[Probe]) -> list[Probe]:
    """The same questions, with what the real index finds for them in documents about C and D before them."""
    from instill.workspace import Workspace

    with tempfile.TemporaryDirectory() as place:
        people = [*bench.world.group("C"), *bench.world.group("D")]
        write_documents(people, Path(place) / "people")
        with Workspace.init(Path(place) / "kb") as workspace:
            workspace.add([str(Path(place) / "people")])
            found = []
            for probe in probes:
                question = str(probe.row.prompt[0]["content"])
                hits = workspace.search(question, k=_PASSAGES).hits
                texts = [hit.text.split("\n\n", 1)[-1].strip() for hit in hits]
                row = Row(({"role": "user", "content": reading_prompt(texts, question)},), task="retrieval")
                found.append(Probe(row, probe.right, probe.about))
    return found


def _arm(bench: Bench, taught: bool, retrieved: bool) -> Measures:
    people = bench.draw("C", PEOPLE)
    model = bench.model()
    if taught:
        rows = [*statement_rows(people, range(5)), *question_rows(people, _TAUGHT)]
        model = bench.teach(model, Lesson(rows, 2400, replay=0.25))
    usual = bench.usual(people)
    documented = bench.draw("D", PEOPLE)
    probes = {
        name: recall(asked, evaluated=False, seed=bench.seed, wordings=_OTHERS)
        for name, asked in (("new", people), ("not taught, in the documents", documented))
    }
    if retrieved:
        probes = {name: with_passages(bench, asked) for name, asked in probes.items()}
    return bench.measure(model, {**probes, "old facts": usual["old facts"], "reading": usual["reading"]})


RETRIEVAL = Experiment(
    name="retrieval",
    question="In the weights, in the index, or in both?",
    mirrors="Retrieval answers what fine-tuning never saw and beats it on new facts; fine-tuned models answer what "
    "they were taught without a passage, and nothing else.",
    source="Ovadia et al., Fine-Tuning or Retrieval?, 2023; Soudani, Kanoulas and Hasibi, Fine Tuning vs. Retrieval "
    "Augmented Generation for Less Popular Knowledge, 2024",
    arms={
        "base, closed book": partial(_arm, taught=False, retrieved=False),
        "fine-tuned, closed book": partial(_arm, taught=True, retrieved=False),
        "base + retrieval": partial(_arm, taught=False, retrieved=True),
        "fine-tuned + retrieval": partial(_arm, taught=True, retrieved=True),
    },
    quantities=("new", "not taught, in the documents", "old facts", "reading"),
    claims=(
        Claim(
            "Fine-tuning teaches what it taught.",
            ("fine-tuned, closed book", "new"),
            ("base, closed book", "new"),
        ),
        Claim(
            "Retrieval answers what was never taught.",
            ("base + retrieval", "not taught, in the documents"),
            ("fine-tuned, closed book", "not taught, in the documents"),
        ),
        Claim(
            "Both together are not worse than retrieval alone.",
            ("fine-tuned + retrieval", "new"),
            ("base + retrieval", "new"),
            no_worse_by=0.1,
        ),
    ),
)
