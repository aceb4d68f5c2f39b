"""Things that are asked for are told by their names where all that is said of them is too long."""

from __future__ import annotations

import pytest

from instill import Workspace
from instill.answer.found.definitions import defined
from instill.answer.found.named_parts import names_below, section_around
from instill.answer.found.sentences import split_sentences

LONG = " ".join(f"It looks at incidents of quarter {number}, and a grade is told to the team." for number in range(9))
REVIEW = "# Service review\n\nEvery service is reviewed in four categories. Each has its own owner.\n\n" + "\n\n".join(
    f"## {name}\n\n{owner} looks after it. {LONG}"
    for name, owner in (("Availability", "Ann"), ("Latency", "Ben"), ("Security", "Cleo"), ("Cost", "Dan"))
)
MERGING = "# Merging\n\n## Strategies\n\nA merge uses a strategy, which is chosen with `-s`.\n\n" + "\n\n".join(
    f"{name}\n:   It resolves {number + 1} heads at a time.\n    {LONG}\n\n    * one\n    * two"
    for number, name in enumerate(("ort", "resolve", "octopus", "ours", "subtree"))
) + "\n\n## See also\n\nThe list of commands.\n"  # fmt: skip


@pytest.fixture(scope="module")
def kb(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    folder = tmp_path_factory.mktemp("named")
    (folder / "notes").mkdir()
    (folder / "notes" / "review.md").write_text(REVIEW, encoding="utf-8")
    (folder / "notes" / "merging.md").write_text(MERGING, encoding="utf-8")
    workspace = Workspace.init(folder / "kb")
    workspace.add([folder / "notes"])
    return workspace


@pytest.mark.parametrize(
    ("question", "names"),
    [
        ("In which four categories is a service reviewed?", ["Availability", "Latency", "Security", "Cost"]),
        ("Which categories does the service review have?", ["Availability", "Latency", "Security", "Cost"]),
        ("Which merge strategies are there?", ["ort", "resolve", "octopus", "ours", "subtree"]),
    ],
)
def test_they_are_told_by_name_and_each_is_cited(kb: Workspace, question: str, names: list[str]) -> None:
    answer = kb.ask(question)
    assert not answer.abstained
    [claim] = [claim for claim in answer.claims if f"- {names[0]}" in claim.text]
    assert [line[2:] for line in claim.text.splitlines() if line.startswith("- ")] == names
    assert [cited.text.strip("# ") for cited in claim.citations[1:]] == names


def test_a_definition_is_an_item_with_all_its_names() -> None:
    text = "-s <strategy>\n\n--strategy=<strategy>\n:   Use it.\n    Several are tried.\n\nort\n:   The default.\n"
    units = [(unit.kind, text[unit.start : unit.end]) for unit in split_sentences(text)]
    assert units == [
        ("item", "-s <strategy>\n\n--strategy=<strategy>\n:   Use it.\n    Several are tried."),
        ("item", "ort\n:   The default."),
    ]
    assert defined(units[0][1]) == ("-s <strategy>, --strategy=<strategy>", "Use it.\n    Several are tried.")
    assert defined("Note: this\nis none") is None


def test_headings_in_code_are_none() -> None:
    document = "# A\n\nThree of them:\n\n## B\n\n```\n# no heading\n```\n\n## C\n\n### Below\n\n## D\n\n# E\n"
    found = names_below(document, (0, 3))
    assert found is not None
    assert document[slice(*found[0])] == "Three of them:"
    assert [document[slice(*span)] for span in found[1]] == ["## B", "## C", "## D"]
    assert document[slice(*section_around(document, document.index("no heading")))].startswith("## B")
    assert names_below(document, (document.index("# E"), len(document) - 1)) is None
