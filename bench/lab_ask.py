"""The micro model as the generator of `ask`: `python bench/lab_ask.py [--passages 3 8] [--people 20]`.

The world's 460 pages about people whom it never saw (groups C and D) go into an index; half of the people asked about
are of each group, three facts of each. Counted is who gave the answer, whether it holds the true value, and whether
every citation is from the page of the person who was asked for; shares with 95% intervals over people.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from instill import Workspace
from instill.cli.output import columns
from instill.common.toml_files import toml_value
from instill.lab.world import Person, make_world, questions, write_documents
from instill.measure.judging.scorer import judge
from instill.measure.statistics.percentile_bootstrap import bootstrap_interval
from instill.models.weights import micro_folder

ASKED = ("employer", "birthplace", "year")
KINDS = ("right, from their page", "right, otherwise", "wrong", "quoted instead", "refused")


def kind_of(workspace: Workspace, person: Person, attribute: str) -> str:
    """What became of one question."""
    question = questions(person, attribute)[0]
    answer = workspace.ask(question)
    if answer.abstained:
        return "refused"
    if answer.trace.method != "generator":
        return "quoted instead"
    if not judge(answer.text, [person.facts[attribute]], question=question, abstained=False).right:
        return "wrong"
    return KINDS[{citation.title for citation in answer.citations} != {person.name}]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--passages", type=int, nargs="+", default=[3, 8])
    parser.add_argument("--people", type=int, default=20)
    options = parser.parse_args()
    world = make_world()
    groups = [world.group("C"), world.group("D")]
    asked = [person for group in groups for person in group[: options.people // 2]]
    rows = [["passages", *KINDS]]
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "kb"
        write_documents([person for group in groups for person in group], Path(folder) / "people")
        Workspace.init(home).close()
        for count in options.passages:
            settings = f"[generator]\nfolder = {toml_value(str(micro_folder()))}\n\n[answer]\npassages = {count}\n"
            (home / "instill.toml").write_text(settings, encoding="utf-8")
            with Workspace.open(home) as workspace:
                workspace.add([str(Path(folder) / "people")])
                found = [(person.name, kind_of(workspace, person, each)) for person in asked for each in ASKED]
            about = [name for name, _ in found]
            shares = [bootstrap_interval([float(kind == each) for _, kind in found], about) for each in KINDS]
            counts = [sum(kind == each for _, kind in found) for each in KINDS]
            rows.append([str(count), *(f"{n} ({share})" for n, share in zip(counts, shares, strict=True))])
    print(columns(rows))


if __name__ == "__main__":
    main()
