"""From a workspace's documents to a study set that is kept: what `instill study make` and `instill compare` do."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Protocol

from instill.common.purges import keeping, last_purge
from instill.errors import UsageError
from instill.index.types import EMPTY, Hit, SearchResult

if TYPE_CHECKING:
    from pathlib import Path

    from instill.answer.reading.reader import Reader
    from instill.index.lookup import StoredDocument
    from instill.models.generators.protocol import Generator
    from instill.study.question_filters import AnsweredElsewhere
    from instill.study.stored_study import StoredStudy
    from instill.study.study_making import Made, StudySettings, Writer
    from instill.study.study_set import Fact, StudyItem
    from instill.study.types import AskedQuestion

_PASSAGES = 12
"""How many passages are looked through for another answer."""


class StudiedWorkspace(Protocol):
    """What is needed of a workspace: `instill.Workspace`, whose members of these names say more."""

    @property
    def home(self) -> Path: ...

    @property
    def is_empty(self) -> bool: ...

    @property
    def reader(self) -> Reader | None: ...

    @property
    def generator(self) -> Generator | None: ...

    def stored_documents(self) -> Iterator[StoredDocument]: ...

    def search(self, query: str, *, k: int) -> SearchResult: ...


def study_workspace(
    workspace: StudiedWorkspace,
    settings: StudySettings,
    *,
    check: bool = True,
    generated: bool = False,
    questions: Sequence[AskedQuestion] | None = None,
    problem: Callable[[str], None] = lambda _: None,
    progress: Callable[[str, int, int], None] = lambda *_: None,
) -> StoredStudy:
    """Make a study set from all documents and keep it in the workspace; one with the same id is replaced.

    Args:
        workspace: as its caller sees it (`Workspace.seen_by`): the documents that are seen are all that is read.
        check: leave out questions whose answer the workspace's reader does not find.
        generated: have the workspace's generator write questions and texts too.
        questions: people's own, which are asked instead of the rules'; see `instill.study.questions_from_people`.
        problem: is told of each brought question that is not used, up to 20.
        progress: is told what is being done, how much of it, of how much.

    Raises:
        UsageError: there are no documents or no fact in them, a setting cannot be used, or no generator is set.
        GeneratorError: the generator failed.
        OSError: the disk is full.
    """
    from instill.study.stored_study import write_study

    since = last_purge(workspace.home)
    made = made_of_workspace(
        workspace, settings, check=check, generated=generated, questions=questions, progress=progress
    )
    for each in made.problems:
        problem(each)
    with keeping(workspace.home, made.study.card.made_from, since):
        return write_study(workspace.home, made.study, made.rows, made.prompts, left_out=made.left_out)


def made_of_workspace(
    workspace: StudiedWorkspace,
    settings: StudySettings,
    *,
    check: bool = True,
    generated: bool = False,
    questions: Sequence[AskedQuestion] | None = None,
    progress: Callable[[str, int, int], None] = lambda *_: None,
) -> Made:
    """As `study_workspace`, and nothing is kept: what a study set would be.

    Raises:
        UsageError, GeneratorError: as `study_workspace`.
    """
    from instill.study.question_filters import reads_with
    from instill.study.study_making import make_study

    if workspace.is_empty:
        raise UsageError(EMPTY)
    reader = workspace.reader if check else None
    return make_study(
        workspace.stored_documents(),
        settings,
        read=None if reader is None else reads_with(reader),
        answered=None if reader is None else _answered(workspace, reader),
        writer=_writer(workspace) if generated else None,
        brought=questions,
        progress=progress,
    )


def _answered(workspace: StudiedWorkspace, reader: Reader) -> AnsweredElsewhere:
    """Whether the reader finds an answer in a passage that speaks of what is asked about and may be seen."""
    from instill.study.answered_elsewhere import speaks_of

    def answered(item: StudyItem, fact: Fact) -> bool:
        seen = []
        for hit in workspace.search(item.question, k=_PASSAGES).hits:
            about = " > ".join(part for part in (hit.title, hit.headings) if part)
            if not _is_hidden(hit, item) and speaks_of(fact, f"{about} {hit.text}"):
                seen.append((about, hit.text))
        return any(found.score > 0 for found in reader.read(item.question, seen)) if seen else False

    return answered


def _is_hidden(hit: Hit, item: StudyItem) -> bool:
    """Whether a passage holds or touches what must not be seen with this item."""
    said = " ".join(hit.text.split())
    return any(
        (hit.doc_id == each.doc_id and hit.start < each.end and each.start < hit.end)
        or " ".join(each.text.split()) in said
        for each in item.excluded
    )


def _writer(workspace: StudiedWorkspace) -> Writer:
    """The generator: by what it was trained for where it can list questions, else by instructions."""
    from instill.models.generators.protocol import skilled
    from instill.study.questions_by_adapter import ListingWriter
    from instill.study.questions_by_generator import GeneratorWriter

    if workspace.generator is None:
        raise UsageError("No generator is set.", where="generator", remedy="Set generator.base_url in instill.toml.")
    trained = skilled(workspace.generator, "questions")
    return GeneratorWriter(workspace.generator) if trained is None else ListingWriter(trained)
