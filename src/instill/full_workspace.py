"""`instill.Workspace`: a workspace as a Python program has it, with what is measured and trained on its documents.

What is asked of the documents and how they change is in `instill.workspace`; this adds the rooms above it.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from instill.common.extras import extras_named
from instill.common.progress_watch import Told, Watch, nobody
from instill.errors import UsageError
from instill.settings.location import expanded
from instill.workspace import Workspace as OpenWorkspace
from instill.workspace.arguments import count_of, path_of, several_of, text_of, whole_of

if TYPE_CHECKING:
    from instill.compare.comparing import Compared
    from instill.models.registry.champions import Change
    from instill.models.registry.store import Candidate, Entry
    from instill.study.stored_study import StoredStudy
    from instill.study.types import AskedQuestion
    from instill.train.pipeline import TrainingResult


class Workspace(OpenWorkspace):
    """A workspace that is open. Use `Workspace.init` for a new one and `Workspace.open` for one that exists.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> folder = Path(tempfile.mkdtemp())
        >>> _ = (folder / "tea.md").write_text("# Tea\\n\\nGreen tea is brewed at 80 degrees for two minutes.\\n")
        >>> with Workspace.init(folder / "kb") as workspace:
        ...     report = workspace.add(folder / "tea.md")
        ...     answer = workspace.ask("At how many degrees is green tea brewed?")
        >>> len(report.added)
        1
        >>> answer.citations[0].text
        'Green tea is brewed at 80 degrees for two minutes.'
    """

    @property
    def studies(self) -> list[StoredStudy]:
        """The study sets whose documents the caller may see, oldest first."""
        from instill.study.stored_study import list_studies

        self._must_be_open()
        return list_studies(self.home, self.caller())

    def study(
        self,
        *,
        most: int = 400,
        questions: Sequence[AskedQuestion] | None = None,
        generated: bool = False,
        check: bool = True,
        seed: int = 0,
        progress: Told | None = None,
    ) -> StoredStudy:
        """Make a study set from the documents: facts, questions with known answers, and training rows.

        Args:
            most: the maximum number of facts, 1 or more.
            questions: people's own questions. They replace the questions that rules write.
            generated: let the workspace's generator write questions and texts too.
            check: leave out questions whose answers the reader does not find.
            seed: a different seed gives different wordings and splits.
            progress: called with how much is done, of how much, and what is being done.

        Raises:
            UsageError: there are no documents or no fact in them, or no generator is set.
            GeneratorError: the generator failed.
            WorkspaceError: the workspace is read-only.
        """
        from instill.study.study_making import StudySettings
        from instill.study.study_workspace import study_workspace
        from instill.study.types import AskedQuestion

        self._must_be_writable()
        asked = None if questions is None else several_of(questions, AskedQuestion, "questions", "question")
        told = progress or nobody
        return study_workspace(
            self,
            StudySettings(most_facts=count_of(most, "most"), seed=whole_of(seed, "seed")),
            check=check,
            generated=generated,
            questions=asked,
            progress=lambda what, done, total: told(done, total, what),
        )

    @extras_named()
    def compare(
        self,
        study: str = "",
        *,
        arms: Sequence[str] = (),
        questions: int | None = None,
        noise: int = 60,
        changes: int = 4,
        acceptable: float | None = None,
        seed: int = 0,
        progress: Told | None = None,
    ) -> Compared:
        """Ask the same questions in several ways of answering, and recommend one for each need. Nothing is trained.

        Each outcome is saved as soon as it exists: after a stop, the same call continues. The page and the numbers are
        written to the folder `report`.

        Args:
            study: the id of a study set, or its beginning. "": the newest.
            arms: names of arms. (): all arms that the workspace can run, including those of installed packages.
            questions: the maximum number of questions, 20 or more. None: all of the gate split.
            noise: number of questions that are asked again among irrelevant passages; 0: none.
            changes: number of facts that are changed in a copy of the workspace, to measure freshness; 0: none.
            acceptable: the largest share of right answers, 0 to 1, that the recommended arm may lose. None: the value
                in the settings.
            seed: the seed of all random choices.
            progress: called with how much is done, of how much, and what is being done.

        Raises:
            UsageError: there is no study set, or an arm cannot run.
            WorkspaceError: the documents are not those of the study set, or the workspace is read-only.
        """
        from instill.compare.arms.plugged import beside, brought_arms
        from instill.compare.arms.users_arms import read_arms
        from instill.compare.comparing import compare
        from instill.compare.plan import ComparePlan
        from instill.compare.prices import Prices
        from instill.compare.saved_reports import save
        from instill.measure.verdict import Rules
        from instill.study.stored_study import open_study

        self._must_be_writable()
        settings = self.settings
        file = self.path / expanded(settings.compare.arms) if settings.compare.arms else None
        own = () if file is None else read_arms(file, Prices.of_settings(settings.prices))
        most = settings.compare.acceptable_loss if acceptable is None else acceptable
        plan = ComparePlan(
            arms=tuple(arms),
            own=beside(own, brought_arms(settings.plugins.off)),
            questions=questions,
            noise=noise,
            changes=changes,
            rules=replace(Rules(), acceptable=most),
            seed=seed,
        )
        watch = Watch(progress=progress or nobody)
        compared = compare(self, open_study(self.home, study, self.caller()), plan, watch=watch)
        page = save(compared, self.home / "reports" / compared.folder.name)
        return replace(compared, page=page)

    @extras_named()
    def train(
        self,
        recipe: str | os.PathLike[str],
        *,
        parent: str | None = None,
        promote: bool = True,
        again: bool = False,
        on: str = "",
        workers: int = 1,
        progress: Told | None = None,
    ) -> TrainingResult:
        """Train a candidate as a recipe says, measure it against the recipe's gate, and store it with its card.

        Args:
            recipe: a TOML file; see docs/train.md.
            parent: the id of a candidate from which the training continues.
            promote: use the candidate from now on if it passes the gate. Without a gate, nothing is promoted.
            again: train even if the same candidate exists already.
            on: train on a node of a Ray cluster: "ray", or "ray://HOST:10001". "" trains in this process.
            workers: number of processes on the nodes of the cluster that train together, 1 or more.
            progress: called with how much is done, of how much, and what is being done.

        Raises:
            UsageError: the recipe or one of its files cannot be used, the workspace is seen under labels, or there is
                no cluster at `on`.
            MissingDependency: the extra `train`, or with `on` the extra `ray`, is not installed.
            WorkspaceError: another process is training the same candidate, or the workspace is read-only.
        """
        from instill.train.generator.recipes.recipe import read_recipe
        from instill.train.pipeline import train_recipe

        self._must_be_writable()
        self._must_be_whole("train")
        count_of(workers, "workers")
        told = progress or nobody
        watch = Watch(stage=lambda what: told(0, 0, what), progress=told)
        outcome = train_recipe(
            self.home,
            read_recipe(Path(path_of(recipe, "recipe"))),
            parent=parent,
            promote=promote,
            again=again,
            on=on,
            workers=workers,
            watch=watch,
        )
        self.refresh()
        return outcome

    @property
    def models(self) -> Models:
        """The trained candidates: list them, look at them, promote one, or roll back."""
        self._must_be_open()
        return Models(self)

    def _must_be_whole(self, verb: str) -> None:
        if self.labels is not None:
            raise UsageError(f"Only the owner can {verb}: what comes of it answers all callers.", where="labels")


class Models:
    """The trained candidates of a workspace; made by `Workspace.models`. Imports nothing heavy.

    Example:
        >>> import tempfile
        >>> with Workspace.init(tempfile.mkdtemp()) as workspace:
        ...     workspace.models.list()
        []
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def list(self) -> list[Entry]:
        """Every candidate that the caller may see, oldest first. If a card is damaged, `problem` says so."""
        from instill.models.registry.store import Registry

        caller = self._workspace.caller()
        entries = Registry(self._workspace.home).entries()
        if caller.labels is None:
            return entries
        return [each for each in entries if each.card is not None and caller.sees(each.card.made_from)]

    def get(self, reference: str) -> Candidate:
        """A candidate, by its id or the beginning of the id: its card and its folder.

        Raises:
            UsageError: the reference names no candidate, or several.
            WorkspaceError: its card is damaged.
        """
        from instill.models.registry.store import Registry

        registry = Registry(self._workspace.home)
        seen = {each.id for each in self.list()}
        id_ = registry.resolve(text_of(reference, "reference"))
        if id_ not in seen:
            raise UsageError("There is no such candidate.", where=reference, remedy="See: instill models list")
        return registry.get(id_)

    def champion(self, base_hash: str) -> str | None:
        """The id of the candidate that is used with a base (16 hexadecimal digits); None: the base as it is."""
        from instill.models.registry.champions import Champions
        from instill.models.registry.store import Registry

        return Champions(Registry(self._workspace.home)).champion(text_of(base_hash, "base_hash"))

    def promote(self, reference: str, *, force: bool = False) -> Change:
        """Check the files of a candidate, and use it from now on.

        Args:
            force: also use a candidate that the gate rejected or did not measure. This is recorded.

        Raises:
            UsageError: there is no such candidate, the gate has not passed it, or the workspace is seen under labels.
            WorkspaceError: its files are not those that its card names.
        """
        from instill.models.registry.champions import Champions
        from instill.models.registry.store import Registry

        self._workspace._must_be_writable()
        self._workspace._must_be_whole("promote")
        change = Champions(Registry(self._workspace.home)).promote(text_of(reference, "reference"), force=force)
        self._workspace.refresh()
        return change

    def rollback(self, base: str | None = None) -> Change:
        """Go back to what was used before the last promotion.

        Args:
            base: name or hash of the base. You may omit it if there is only one.

        Raises:
            UsageError: there is nothing to go back to, or the workspace is seen under labels.
        """
        from instill.models.registry.champions import Champions
        from instill.models.registry.store import Registry

        self._workspace._must_be_writable()
        self._workspace._must_be_whole("roll back")
        change = Champions(Registry(self._workspace.home)).rollback(base)
        self._workspace.refresh()
        return change
