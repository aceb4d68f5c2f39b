"""A small workspace of ordinary text files with a study set made from it, and generators whose replies are known."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from instill.compare.arms.passages import Passages
from instill.errors import GeneratorError
from instill.models.generators.protocol import Message
from instill.study.splits import Shares
from instill.study.stored_study import StoredStudy, write_study
from instill.study.study_making import StudySettings, make_study
from instill.study.study_set import Fact, StudyItem
from instill.workspace import Workspace

PAGES = {
    "ovens.md": (
        "# Ovens\n\nThe stone oven was built in 1987 by Marta Lindqvist. It holds forty loaves and is fired with beech "
        "wood.\n\nThe copper oven was painted in 1991 by Ove Nyman. It is used for cakes on Sundays.\n"
    ),
    "mills.txt": (
        "The timber mill was built in 1742 by Sigrid Holm. It stands beside the river and grinds rye.\n\n"
        "The iron mill was opened in 1863 by Torsten Ekberg. Visitors are welcome in summer.\n"
    ),
    "people.md": (
        "# People\n\nMarta Lindqvist was born in Visby near the harbour wall. She learned her trade from her aunt.\n\n"
        "Sigrid Holm was born in Falun above the copper mine. She had four brothers.\n"
    ),
    "bridges.txt": (
        "The brick bridge was designed in 1820 by Lennart Palm. Carts paid two coins to cross it.\n\n"
        "The marble bridge was restored in 1955 by Astrid Rosen. It is closed to lorries.\n"
    ),
}


@dataclass(frozen=True)
class World:
    workspace: Workspace
    study: StoredStudy
    facts: list[Fact]
    items: list[StudyItem]
    passages: Passages

    def of(self, phrasing: str) -> list[StudyItem]:
        return [item for item in self.items if item.phrasing == phrasing]


def make_world(folder: Path) -> World:
    """The workspace and its study set; the same every time."""
    workspace = Workspace.init(folder / "kb")
    for name, text in PAGES.items():
        workspace.add_text(text, name=name)  # Their ids, and so roles and splits, do not hang on the folder.
    records = workspace.index.records()
    documents = [workspace.index.document_text(record.doc_id) for record in records]
    settings = StudySettings(shares=Shares(controls=0.2, removed=0.15), seed=3)
    made = make_study([document for document in documents if document], settings)
    study = write_study(workspace.home, made.study, made.rows)
    return World(workspace, study, study.facts(), list(made.study.items), Passages(workspace, study.facts()))


class Knows:
    """Answers from memory what it was taught, else that it does not know; counts how often it was asked."""

    def __init__(self, known: dict[str, str], name: str = "knows") -> None:
        self._known, self.name, self.asked = known, name, 0

    def stream(self, messages: Sequence[Message], *, max_tokens: int, temperature: float = 0.0) -> Iterator[str]:
        assert temperature == 0
        self.asked += 1
        said = self._known.get(messages[-1]["content"], "I don't know")
        yield said[:2]
        yield said[2:]


class Reads:
    """Says the sentence of its passages that shares most words with the question, and what it cost."""

    name = "reads"
    last_usage: tuple[int, int] | None = (100, 10)

    def stream(self, messages: Sequence[Message], *, max_tokens: int, temperature: float = 0.0) -> Iterator[str]:
        passages, _, question = messages[-1]["content"].rpartition("Question:")
        asked = set(re.findall(r"\w+", question.lower()))
        sentences = re.split(r"(?<=[.!?])\s+|\n+", passages)
        yield max(sentences, key=lambda one: len(asked & set(re.findall(r"\w+", one.lower()))))


class Breaks:
    """Answers every second time only."""

    name = "breaks"

    def __init__(self) -> None:
        self.asked = 0

    def stream(self, messages: Sequence[Message], *, max_tokens: int, temperature: float = 0.0) -> Iterator[str]:
        self.asked += 1
        if self.asked % 2:
            raise GeneratorError("The generator failed.", where=self.name, remedy="See its log.")
        yield "1987"
