"""A user's own arms: a TOML file with a section for each, and their models.

    [arms."large model"]
    base_url = "http://localhost:8000/v1"
    model = "qwen3-32b"
    key_variable = "MY_KEY"
    documents = "found"
    tokens_in = 0.002
    tokens_out = 0.006

The file is read as data: keys that are not known, models that are not there and names that stand already for another
arm are refused before anything is asked or trained.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from instill.common.toml_files import explained, read_toml
from instill.compare.arms.specification import BUILT_IN, ArmSpecification, Given, OwnModel
from instill.compare.prices import Prices
from instill.errors import UsageError
from instill.errors.escapes import shown
from instill.measure.verdict import Way

if TYPE_CHECKING:
    from instill.models.generators.protocol import Generator
    from instill.workspace import Workspace

MOST_BYTES, MOST_ARMS = 256 * 1024, 20
NAME = re.compile(r"\w[\w .,+()'-]{0,39}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")
_SOURCES = ("base_url", "folder", "gguf", "recipe")


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    base_url: str = Field("", max_length=2000)
    model: str = Field("", max_length=200)
    key_variable: str = Field("", max_length=100)
    folder: str = Field("", max_length=4000)
    gguf: str = Field("", max_length=4000)
    recipe: str = Field("", max_length=4000)
    documents: Literal["nothing", "found", "whole"] = "found"
    about: str = Field("", max_length=200)
    do: str = Field("", max_length=80)
    tokens_in: float | None = Field(None, ge=0, allow_inf_nan=False)
    tokens_out: float | None = Field(None, ge=0, allow_inf_nan=False)


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    arms: dict[str, _Section]


def read_arms(file: Path, prices: Prices) -> tuple[ArmSpecification, ...]:
    """The arms of a file; paths in it are relative to its folder.

    Args:
        prices: of the workspace, for what the file does not say.

    Raises:
        UsageError: the file cannot be read, or an arm in it is not one.
    """
    if not file.is_file():
        raise UsageError("There is no such file of arms.", where=str(file), remedy="Check the path.")
    if file.stat().st_size > MOST_BYTES:
        raise UsageError("The file of arms is too large.", where=str(file), remedy="Keep it below 256 KiB.")
    try:
        found = _File.model_validate(read_toml(file, "file of arms"))
    except ValidationError as error:
        known = ["arms", *_Section.model_fields]
        raise explained(error, file, known, 'Write a section for each arm: [arms."NAME"]') from error
    if not 1 <= len(found.arms) <= MOST_ARMS:
        raise UsageError(f"{len(found.arms)} arms: from 1 to {MOST_ARMS} can be added.", where=str(file))
    return tuple(_specification(file, name, section, prices) for name, section in found.arms.items())


def _specification(file: Path, name: str, section: _Section, prices: Prices) -> ArmSpecification:
    where = f"{file}: arms.{shown(name)}"
    if not NAME.fullmatch(name):
        raise UsageError(
            "This is not a valid name for an arm.",
            where=where,
            remedy="Take up to 40 letters, digits, spaces and . , + ( ) ' -",
        )
    if name.casefold() in {known.casefold() for known in BUILT_IN}:
        raise UsageError("There is an arm of this name already.", where=where, remedy="Give it another name.")
    given = [key for key in _SOURCES if getattr(section, key)]
    if len(given) != 1:
        has = f"has {' and '.join(given)}" if given else "has none"
        raise UsageError(
            f"An arm is one model, and this one {has}.", where=where, remedy=f"Set one of {', '.join(_SOURCES)}."
        )
    own = OwnModel(
        base_url=_address(section, where),
        model=section.model,
        key_variable=section.key_variable,
        folder=_path(file, section.folder, where, folder=True),
        gguf=section.gguf if section.gguf and _is_known(section.gguf) else _path(file, section.gguf, where),
        recipe=Path(_path(file, section.recipe, where)) if section.recipe else None,
        prices=_prices(section, prices),
    )
    documents: Given = section.documents
    about = section.about or f"{own.model or given[0]}, {_ABOUT[documents]}"
    way = Way(section.do or f'use "{name}"', offered=documents != "whole")
    return ArmSpecification(name, about, "own", documents, way, own)


_ABOUT: Mapping[str, str] = {
    "nothing": "without any document",
    "found": "with what retrieval finds",
    "whole": "with the whole document in the prompt",
}


def _address(section: _Section, where: str) -> str:
    if not section.base_url:
        for key in ("model", "key_variable"):
            if getattr(section, key):
                raise UsageError(f"{key} belongs to an endpoint.", where=where, remedy="Set base_url, or leave it out.")
        return ""
    try:
        found = urlsplit(section.base_url)
        fits = found.scheme in ("http", "https") and bool(found.hostname) and found.port != 0
    except ValueError:
        fits = False
    if not fits or found.username or found.password:
        raise UsageError(
            "This is not the address of an endpoint.", where=where, remedy='Write it as "http://localhost:8000/v1".'
        )
    if not section.model:
        raise UsageError("An endpoint needs the name of its model.", where=where, remedy='Set model = "NAME".')
    if section.key_variable and not _VARIABLE.fullmatch(section.key_variable):
        raise UsageError(
            "key_variable is the name of an environment variable, not the key.",
            where=where,
            remedy="Name the variable.",
        )
    if section.key_variable and not os.environ.get(section.key_variable):
        raise UsageError(
            "The variable with the endpoint's key is not set.",
            where=f"{where}: {section.key_variable}",
            remedy="Set it in the environment, and run the command again.",
        )
    return section.base_url


def _is_known(gguf: str) -> bool:
    from instill.models.generators.gguf.known import KNOWN

    return gguf in KNOWN


def _path(file: Path, value: str, where: str, *, folder: bool = False) -> str:
    if not value:
        return ""
    if "\0" in value:
        raise UsageError("This is not a path.", where=where)
    try:
        found = (file.parent / Path(value).expanduser()).resolve()
        there = found.is_dir() if folder else found.is_file()
    except (OSError, RuntimeError):
        there = False
    if not there:
        noun = "folder" if folder else "file"
        raise UsageError(
            f"There is no such {noun}.",
            where=f"{where}: {shown(value)}",
            remedy="Paths are relative to the file of arms.",
        )
    return str(found)


def _prices(section: _Section, prices: Prices) -> Prices | None:
    if section.tokens_in is None and section.tokens_out is None:
        return None
    return Prices(
        prices.tokens_in if section.tokens_in is None else section.tokens_in,
        prices.tokens_out if section.tokens_out is None else section.tokens_out,
        prices.machine_hour,
        prices.currency,
    )


def open_own(workspace: Workspace, own: OwnModel, candidate: str = "") -> Generator:
    """The model of a user's arm.

    Args:
        candidate: its id, where a recipe was trained.

    Raises:
        UsageError: the model cannot be opened.
    """
    from instill.compare.arms.built_in_arms import generator_with
    from instill.models.generators import open_generator

    if own.recipe is not None:
        return generator_with(workspace, candidate)
    key = SecretStr(os.environ.get(own.key_variable, "") if own.key_variable else "")
    found = open_generator(
        workspace.settings.generator.model_copy(
            update={
                "base_url": own.base_url,
                "model": own.model,
                "api_key": key,
                "folder": own.folder,
                "gguf": own.gguf,
                "plugin": "",
                "adapter": "none",
            }
        )
    )
    assert found is not None, "one of them is set"
    return found


def identity_of(arms: Sequence[ArmSpecification]) -> list[object]:
    """What makes a user's arms answer otherwise: their models and what they are given; a folder by its files' hash."""
    from instill.models.generators.gguf.base_folder import gguf_hash
    from instill.models.generators.gguf.known import KNOWN, gguf_file
    from instill.models.generators.model_hash import model_hash

    found: list[object] = []
    for each in arms:
        own = each.own
        if each.brought is not None:
            found.append([each.name, each.given, each.brought.package])
        if own is None:
            continue
        weights = model_hash(Path(own.folder)) if own.folder else ""
        weights = gguf_hash(gguf_file(own.gguf), KNOWN.get(own.gguf)) if own.gguf else weights
        found.append([each.name, each.given, own.base_url, own.model, weights, str(own.recipe or "")])
    return found
