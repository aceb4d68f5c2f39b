"""Questions that compare: what is compared, and that what decides it is shown of each."""

from __future__ import annotations

import pytest

from instill import Workspace
from instill.answer.asked.compared_things import sides_of


@pytest.mark.parametrize(
    ("question", "sides"),
    [
        ("Is the Vela faster than the Corvo?", ["Vela", "Corvo"]),
        ("Which is heavier, the Vela or the Corvo?", ["Vela", "Corvo"]),
        ("Vela vs. Tarn", ["Vela", "Tarn"]),
        ("How do the Vela, the Corvo and the Tarn differ?", ["Vela", "Corvo", "Tarn"]),
        ("How does journal mode differ from image mode?", ["journal mode", "image mode"]),
        ("Is leave longer in 2023 than in 2021?", ["2023", "2021"]),
        ("Should I use sets or lists?", ["sets", "lists"]),
        ("What is the difference between how often the Vela and the Corvo are washed?", ["Vela", "Corvo"]),
        ("Compare when Vela and Corvo open", ["Vela", "Corvo open"]),
        ("Does it take longer than an hour?", []),
        ("Are there more than 3 masters?", []),
        ("Which command, if any, deletes or renames a key?", []),
        ("What is the difference?", []),
        ("How do I compare files?", []),
    ],
)
def test_what_is_compared(question: str, sides: list[str]) -> None:
    assert [side.text for side in sides_of(question)] == sides


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    folder = tmp_path_factory.mktemp("plant")
    (folder / "pumps.md").write_text(
        "# Pumps\n\n## Vela\n\nThe Vela moves 40 litres a minute and weighs 12 kg. It runs on 230 volts.\n\n"
        "## Corvo\n\nThe Corvo moves 65 litres a minute and weighs 19 kg. Salt water is not supported by the Corvo.\n"
    )
    (folder / "storage.md").write_text(
        "# Storage\n\n## Journal\n\nJournal mode writes every change to the disk at once. Nothing is lost after a "
        "power cut, but writing is slow.\n\n## Image\n\nImage mode writes a picture of all data every five minutes. "
        "Up to five minutes are lost after a power cut.\n\n## Choosing\n\nUse journal mode for orders and image mode "
        "for statistics.\n"
    )
    (folder / "other.md").write_text("".join(f"# Part {n}\n\nValve {n} opens to the left.\n\n" for n in range(30)))
    workspace = Workspace.init(folder / "kb")
    workspace.add([folder / name for name in ("pumps.md", "storage.md", "other.md")])
    return workspace


@pytest.mark.parametrize(
    ("question", "decides"),
    [
        (
            "What is the difference between journal mode and image mode?",
            ["every change to the disk", "every five minutes"],
        ),
        ("Which is heavier, the Vela or the Corvo?", ["12 kg", "19 kg"]),
        ("Is the Vela faster than the Corvo?", ["40 litres", "65 litres"]),
        ("Vela vs Corvo", ["40 litres", "65 litres"]),
    ],
)
def test_what_decides_is_shown_of_each_thing_compared(plant: Workspace, question: str, decides: list[str]) -> None:
    answer = plant.ask(question)
    shown = answer.text if not answer.abstained else "\n".join(claim.text for claim in answer.nearest)
    assert all(words in shown for words in decides)
    assert not answer.text.lower().startswith(("yes", "no,"))
    assert answer.short == ""


@pytest.mark.parametrize(
    ("question", "missing"),
    [
        ("Is the Corvo heavier than the Marlin?", '"Marlin"'),
        ("What is the difference between journal mode and ledger mode?", '"ledger mode"'),
    ],
)
def test_the_side_that_nothing_speaks_of_is_named(plant: Workspace, question: str, missing: str) -> None:
    answer = plant.ask(question)
    assert answer.abstained
    assert missing in answer.text
    assert answer.nearest


def test_a_plain_statement_decides_a_yes_no_question(plant: Workspace) -> None:
    answer = plant.ask("Does the Corvo support salt water?")
    assert "Salt water is not supported by the Corvo." in answer.text
    assert answer.short == ""
