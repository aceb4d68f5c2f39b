"""The kinds of long work, each a command of the command line: what may be said of it, and what is kept of its result.

No argument here is a path: who works through the service names things of the workspace, not of the machine.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from instill.catalog import Labels
from instill.common.toml_files import read_toml
from instill.common.unknown_keys import explained
from instill.errors import UsageError
from instill.server.access.caller_role import Role
from instill.settings import SETTINGS_FILE
from instill.workspace.jobs_pause import TAKES_OUT

WorkKind = Literal["calibrate", "tune", "study", "compare", "curve", "train", "reindex", "consolidate", "forget"]
Questions = Literal["written", "feedback"]


class Begin(BaseModel):
    """Long work that is wanted; `arguments` are those of its kind (docs/api.md)."""

    model_config = ConfigDict(extra="forbid")

    kind: WorkKind
    arguments: dict[str, Any] = {}


class _Arguments(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Calibrate(_Arguments):
    """As `instill calibrate`; questions are written by rules, or are those that people judged."""

    risk: float = Field(0.1, gt=0, lt=1)
    confidence: float = Field(0.95, gt=0, lt=1)
    questions: Questions = "written"
    most: int = Field(400, ge=1, le=10_000)
    unanswerable: float | None = Field(None, ge=0, le=1)
    seed: int = 0


class Tune(_Arguments):
    """As `instill tune search`."""

    questions: Questions = "written"
    most: int = Field(300, ge=20, le=10_000)
    passage_sizes: bool = False
    documents: int = Field(200, ge=2, le=10_000)
    apply: bool = False
    seed: int = 0


class Study(_Arguments):
    """As `instill study make`."""

    most: int = Field(400, ge=1, le=10_000)
    gate: float = Field(0.25, ge=0, le=1)
    audit: float = Field(0.25, ge=0, le=1)
    controls: float = Field(0.2, ge=0, le=1)
    check: bool = True
    generator: bool = False
    questions: Questions = "written"
    seed: int = 0


class Compare(_Arguments):
    """As `instill compare`; `questions` is at most so many of the study set's, or "feedback" for those that people
    judged, of which a study set is made first."""

    study: str = Field("", pattern=r"^[0-9a-z-]{0,64}$")
    arm: list[str] = Field([], max_length=20)
    questions: Annotated[int, Field(ge=20)] | Literal["feedback"] | None = None
    train: bool = True
    noise: int = Field(60, ge=0, le=1000)
    changes: int | None = Field(None, ge=0, le=100)
    wanted: float | None = Field(None, ge=0.001, le=1)
    tolerance: float = Field(0.05, ge=0.001, le=0.5)
    acceptable_loss: float | None = Field(None, ge=0.001, le=0.9)
    tokens_in: float | None = Field(None, ge=0, allow_inf_nan=False)
    tokens_out: float | None = Field(None, ge=0, allow_inf_nan=False)
    machine_hour: float | None = Field(None, ge=0, allow_inf_nan=False)
    judge: bool = False
    seed: int = 0


class Curve(_Arguments):
    """As `instill curve --study`."""

    study: str = Field("", pattern=r"^[0-9a-z-]{0,64}$")
    sizes: list[int] = Field([], max_length=50)
    seeds: int = Field(3, ge=1, le=20)
    gain: float = Field(0.01, ge=0, le=1)
    by: Literal["fact", "wording"] = "fact"


class Train(_Arguments):
    """As `instill train RECIPE`: a recipe's file in the workspace's folder, or in its folder `recipes`."""

    recipe: str = Field(pattern=r"^(recipes/)?[\w][\w .-]{0,100}\.toml$")
    promote: bool = True
    again: bool = False


class Reindex(_Arguments):
    """As `instill reindex`."""


class Consolidate(_Arguments):
    """As `instill consolidate`; `base` names a model that Instill knows, "" is the one that is set."""

    base: Literal["", "micro", "smollm2"] = ""
    seed: int = 0
    epochs: int = Field(0, ge=0, le=1000)


class Forget(_Arguments):
    """As `instill forget`, once the jobs before it are done; `reference` is an id, a source or a name."""

    reference: str = Field(min_length=1, max_length=2000, pattern=r"^[^-]")
    questions: bool = False


@dataclass(frozen=True, slots=True)
class Work:
    """A kind of work.

    Args:
        arguments: what may be said of it.
        command: the words of the command line before its options.
        keeps: of the command's JSON, what is kept as the job's result; None: all. What may hold words of documents is
            not kept: it is where the result names it, and is purged there.
        labelled: whether it can be done under labels.
        role: what a key needs to begin it.
    """

    arguments: type[_Arguments]
    command: tuple[str, ...]
    keeps: tuple[str, ...] | None = None
    labelled: bool = True
    role: Role = "editor"

    def refuse_under(self, labels: Labels, kind: str) -> None:
        """Refuse it for who does not see all documents.

        Raises:
            UsageError: it cannot be done under labels.
        """
        if labels is not None and not self.labelled:
            raise UsageError("This is done with all documents.", where=kind, remedy="Ask the owner to do it.")

    def checked(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments with defaults.

        Raises:
            UsageError: one is not known, or cannot be used.
        """
        try:
            return self.arguments(**arguments).model_dump()
        except ValidationError as error:
            known = list(self.arguments.model_fields)
            raise explained(error, "arguments", known, f"Known are: {', '.join(known)}.") from error


WORK: Mapping[str, Work] = {
    "calibrate": Work(Calibrate, ("calibrate",)),
    "tune": Work(Tune, ("tune", "search")),
    "study": Work(Study, ("study", "make"), ("id", "folder", "made")),
    "compare": Work(Compare, ("compare",), ("report", "outcomes")),
    "curve": Work(Curve, ("curve", "--study"), ("files",)),
    "train": Work(Train, ("train", "run"), ("id", "trained", "seconds", "passed", "promoted"), labelled=False),
    "reindex": Work(Reindex, ("reindex",), labelled=False),
    "consolidate": Work(Consolidate, ("consolidate",), ("said",), labelled=False),
    TAKES_OUT: Work(Forget, ("forget",), ("id",), labelled=False, role="admin"),
}


def command_line(kind: str, arguments: Mapping[str, Any], labels: Labels, folder: Path) -> list[str]:
    """The command that does it, as words after `instill`.

    Raises:
        UsageError: it cannot be done under labels, or names a recipe that is not there.

    Example:
        >>> command_line("calibrate", Calibrate(risk=0.2).model_dump(), ("hr",), Path("/kb"))[:4]
        ['calibrate', '--risk=0.2', '--confidence=0.95', '--most=400']
    """
    work = WORK[kind]
    work.refuse_under(labels, kind)
    words = [*work.command, *_OPTIONS.get(kind, _options)(dict(arguments), folder)]
    words += [f"--label={label}" for label in labels or ()]
    return [*words, f"--workspace={folder}", "--json"]


def _options(arguments: dict[str, Any], _: Path) -> list[str]:
    """Each by its name; what has no value is left out, and of what is on or off one of both forms is said."""
    words: list[str] = []
    for name, value in arguments.items():
        option = "--" + name.replace("_", "-")
        if name == "questions" and isinstance(value, str):
            words += [f"{option}={value}"] if value != "written" else []
        elif isinstance(value, bool):
            words += [option] if value else [f"--no-{option[2:]}"] if name in _TWO_FORMS else []
        elif isinstance(value, Sequence) and not isinstance(value, str):
            words += [f"{option}={each}" for each in value]
        elif value not in (None, ""):
            words.append(f"{option}={value}")
    return words


_TWO_FORMS = frozenset({"check", "train", "promote"})


def _compare(arguments: dict[str, Any], folder: Path) -> list[str]:
    study = arguments.pop("study")
    return [*_options(arguments, folder), *([study] if study else [])]


def _curve(arguments: dict[str, Any], folder: Path) -> list[str]:
    study, sizes = arguments.pop("study"), arguments.pop("sizes")
    words = _options(arguments, folder) + ([f"--sizes={','.join(map(str, sizes))}"] if sizes else [])
    return [*words, *([study] if study else [])]


def _forget(arguments: dict[str, Any], _: Path) -> list[str]:
    return [*(["--questions"] if arguments.get("questions") else []), str(arguments["reference"])]


def _train(arguments: dict[str, Any], folder: Path) -> list[str]:
    recipe = arguments.pop("recipe")
    if recipe not in recipes(folder):
        raise UsageError("There is no such recipe.", where=recipe, remedy="List them: GET /api/recipes")
    return [str(folder / recipe), *_options(arguments, folder)]


_OPTIONS: Mapping[str, Callable[[dict[str, Any], Path], list[str]]] = {
    "compare": _compare,
    "curve": _curve,
    "train": _train,
    TAKES_OUT: _forget,
}


def recipes(folder: Path) -> list[str]:
    """The recipes of a workspace: TOML files in its folder and in its folder `recipes`, as their names from there."""
    found = [*folder.glob("*.toml"), *(folder / "recipes").glob("*.toml")]
    names = [file.relative_to(folder).as_posix() for file in sorted(found) if file.is_file() and not file.is_symlink()]
    right = re.compile(r"(recipes/)?\w[\w .-]{0,100}\.toml")
    return [name for name in names if name != SETTINGS_FILE and right.fullmatch(name) and _is_recipe(folder / name)]


def _is_recipe(file: Path) -> bool:
    try:
        return "base" in read_toml(file, "recipe")
    except UsageError:
        return False
