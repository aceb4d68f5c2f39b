"""What every arm of a comparison does."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

from instill.common.articles import type_of
from instill.compare.arms.built_in_arms import GivenTo
from instill.compare.arms.plugged import BroughtArm, checked_arm
from instill.compare.arms.protocol import Arm, ArmReply
from instill.compare.arms.specification import ArmPart, Brought
from instill.study.closed_book import ClosedBook
from instill.study.study_set import StudyItem
from instill.workspace import Workspace

_DOCUMENTS = {
    "tea.md": "# Tea\n\nGreen tea is brewed at 80 degrees for two minutes.\n",
    "bread.md": "# Bread\n\nRye bread is baked for fifty minutes at 220 degrees.\n",
}
_QUESTIONS = (
    "At how many degrees is green tea brewed?",
    "How long is rye bread baked?",
    "Who painted the ceiling?",
    "?",
    "ß" * 500,
)


class ArmTests:
    """Subclass it, and set `part`, an `ArmPart`; or define `arm()`, for arms that are made in another way.

    Attributes:
        part: what the package declares.
        generator: what is opened with the workspace: "none", or a word that `Workspace.open` takes.
    """

    part: ClassVar[ArmPart | None] = None
    generator: ClassVar[str] = "none"

    def arm(self, workspace: Workspace) -> Arm:
        """The arm, for a workspace with two documents about tea and bread."""
        assert self.part is not None, "set `part`, or define arm()"
        given = None if self.part.given == "nothing" else _found(workspace)
        closed = ClosedBook(["Green tea is brewed at 80 degrees for two minutes."]) if given is None else None
        return BroughtArm("tested", workspace, Brought(self.part, "tested 1.0"), given, closed)

    def test_it_is_declared_rightly(self) -> None:
        assert self.part is None or checked_arm(self.part) is self.part

    def test_every_question_has_a_reply(self) -> None:
        """Also one that the documents do not answer, and one that is none."""
        with self._open() as arm:
            for question in _QUESTIONS:
                reply = arm.answer(item_of(question))
                self._fits(reply)

    def test_what_it_cites_is_in_the_documents(self) -> None:
        with self._workspace() as workspace:
            arm = self.arm(workspace)
            for question in _QUESTIONS:
                for place in arm.answer(item_of(question)).citations:
                    stored = workspace.show(place.doc_id)
                    assert stored.text[place.start : place.end] == place.text, (
                        "a citation is not what the document says"
                    )

    def test_a_changed_document_is_read_again(self) -> None:
        """An arm that uses documents is opened anew for a copy of the workspace; it must not remember the old one."""
        with self._workspace() as workspace:
            before = self.arm(workspace).answer(item_of(_QUESTIONS[0]))
            if before.passages is None:
                return
            changed = _DOCUMENTS["tea.md"].replace("80 degrees", "71 degrees")
            (workspace.path / "tea.md").write_text(changed, encoding="utf-8")
            workspace.sync()
            after = self.arm(workspace).answer(item_of(_QUESTIONS[0]))
            told = " ".join([after.text, *(place.text for place in after.citations)])
            assert "80 degrees" not in told, "the answer is from the document before it was changed"

    def _fits(self, reply: ArmReply) -> None:
        assert isinstance(reply, ArmReply), f"the reply is {type_of(reply)}"
        assert isinstance(reply.text, str), "the text of a reply is a text"
        assert reply.abstained in (True, False, None), "`abstained` is True, False or None"
        assert reply.seconds >= 0, "`seconds` is a duration"
        assert min(reply.tokens_in, reply.tokens_out) >= 0, "tokens are counts"
        assert reply.messages, "there is no prompt; of an arm without a generator it is the question"
        if self.part is not None:
            assert (reply.passages is None) == (self.part.given == "nothing"), "passages are not as `given` says"

    @contextmanager
    def _open(self) -> Iterator[Arm]:
        with self._workspace() as workspace:
            yield self.arm(workspace)

    @contextmanager
    def _workspace(self) -> Iterator[Workspace]:
        with tempfile.TemporaryDirectory() as folder:
            place = Path(folder)
            Workspace.init(place).close()
            for name, text in _DOCUMENTS.items():
                (place / name).write_text(text, encoding="utf-8")
            with Workspace.open(place, generator=self.generator) as workspace:
                workspace.add([place / name for name in _DOCUMENTS])
                yield workspace


def item_of(question: str) -> StudyItem:
    """A question as a comparison asks it."""
    return StudyItem(
        id="tested",
        fact_ids=("tested",),
        phrasing="unanswerable",
        form="direct",
        question=question,
        answer="",
        split="gate",
    )


def _found(workspace: Workspace) -> GivenTo:
    return lambda item: (workspace.search(item.question, k=5).hits, "")
