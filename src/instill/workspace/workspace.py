"""A workspace: a folder with `instill.toml` whose documents can be searched, asked and talked to.

This is the one place that wires the rooms together: `parts.py` opens what it is made of, `adding_and_removing.py` puts
documents in and takes them out, `restoring.py` brings them back, `asking.py` answers, `contents.py` says what is there,
`memory.py` which facts people keep asking for, `consolidating.py` puts them into weights, `editing.py` makes weights
say something by hand, `forgetting.py` takes out for good, `coding.py` has code written and checked.
"""

from __future__ import annotations

import os
from typing import Self

from instill.settings import SETTINGS_FILE, load_settings, with_values
from instill.settings.location import find_workspace, make_workspace
from instill.workspace.arguments import path_of, text_of
from instill.workspace.asking import Asking
from instill.workspace.coding import Coding
from instill.workspace.contents import Looking
from instill.workspace.editing import Editing
from instill.workspace.forgetting import Forgetting


class Workspace(Forgetting, Editing, Coding, Asking, Looking):
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

    @classmethod
    def init(cls, path: str | os.PathLike[str] = ".") -> Self:
        """Make the folder `path` a workspace, and open it. The folder is created if it is missing.

        Raises:
            UsageError: `path` is no path.
            WorkspaceError: the folder is a workspace already, or it cannot be written.
        """
        folder = make_workspace(path_of(path))
        return cls(folder, load_settings(folder / SETTINGS_FILE))

    @classmethod
    def open(cls, path: str | os.PathLike[str] | None = None, *, generator: str | None = None) -> Self:
        """Open the workspace at `path`. Default: $INSTILL_WORKSPACE, else the nearest from this folder upwards.

        Args:
            generator: used instead of the generator in the settings: "smollm2", a .gguf file, a transformers folder, or
                "none".

        Raises:
            WorkspaceError: there is no workspace.
            UsageError: the settings of the workspace or `generator` cannot be used.
        """
        folder = find_workspace(None if path is None else path_of(path))
        settings = load_settings(folder / SETTINGS_FILE)
        if generator is not None:
            from instill.models.generators.generator_by_word import settings_for

            settings = with_values(settings, settings_for(text_of(generator, "generator")))
        return cls(folder, settings)
