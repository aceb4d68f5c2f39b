"""The micro model as an ordinary generator: `ask` proves what it says about documents that it has never seen."""

from __future__ import annotations

import pytest

from instill import Workspace
from instill.common.toml_files import toml_value
from instill.lab.world import ATTRIBUTES, Person, make_world, questions, write_documents
from instill.models.weights import micro_folder


@pytest.fixture(scope="module")
def people() -> list[Person]:
    return make_world().group("C")[:8]


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory, people: list[Person]) -> Workspace:
    folder = tmp_path_factory.mktemp("ask")
    write_documents(people, folder / "people")
    Workspace.init(folder / "kb").close()
    settings = f"[generator]\nfolder = {toml_value(str(micro_folder()))}\n\n[answer]\npassages = 3\n"
    (folder / "kb" / "instill.toml").write_text(settings, encoding="utf-8")
    opened = Workspace.open(folder / "kb")
    opened.add([str(folder / "people")])
    return opened


def test_its_claims_are_proved_by_the_documents(workspace: Workspace, people: list[Person]) -> None:
    asked = [(person, attribute) for person in people for attribute in ATTRIBUTES[:3]]
    right = proved = of_them = 0
    for person, attribute in asked:
        answer = workspace.ask(questions(person, attribute)[0])
        if answer.trace.method != "generator" or answer.abstained:
            continue
        proved += 1
        assert answer.citations
        for citation in answer.citations:
            assert citation.text in workspace.show(citation.doc_id).text
        right += person.facts[attribute] in answer.text
        of_them += {citation.title for citation in answer.citations} == {person.name}
    assert proved >= 0.6 * len(asked)
    assert right >= 0.8 * proved
    assert of_them >= 0.8 * proved
