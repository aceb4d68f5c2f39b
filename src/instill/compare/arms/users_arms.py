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
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from instill.common.toml_files import read_toml
from instill.common.unknown_keys import did_you_mean, explained
from instill.compare.arms.specification import BUILT_IN, ArmSpecification, Given, OwnModel
from instill.compare.prices import Prices
from instill.errors import UsageError
from instill.errors.escapes import shown
from instill.measure.verdict import Way
from instill.settings.location import expanded

if TYPE_CHECKING:
    from instill.models.generators.protocol import Generator
    from instill.workspace import Workspace

MOST_BYTES, MOST_ARMS = 256 * 1024, 20
NAME = re.compile(r"\w[\w .,+()'-]{0,39}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")
_WRITE = 'Write a section for each arm: [arms."NAME"]'
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
        raise _mistake(error, file) from error
    if not 1 <= len(found.arms) <= MOST_ARMS:
        raise UsageError(f"{len(found.arms)} arms: from 1 to {MOST_ARMS} can be added.", where=str(file))
    taken = _built_in_names()
    read = []
    for name, section in found.arms.items():
        read.append(_specification(file, name, section, prices, taken))
        taken.add(name.casefold())
    return tuple(read)


def _mistake(error: ValidationError, file: Path) -> UsageError:
    """The first mistake that the types found, with the nearest key, or all that there are."""
    first = error.errors()[0]
    place = [shown(str(part)) for part in first["loc"]]
    if place == ["arms"] and first["type"] == "missing":
        return UsageError("There is no arm in the file.", where=str(file), remedy=_WRITE)
    if first["type"] == "extra_forbidden":
        keys = list(_Section.model_fields)
        otherwise = f"An arm has: {', '.join(keys)}." if len(place) > 1 else _WRITE
        remedy = did_you_mean(place[-1], keys if len(place) > 1 else ["arms"], otherwise)
        return UsageError("This is not a setting.", where=f"{file}: {'.'.join(place)}", remedy=remedy)
    return explained(error, file, (), _WRITE)


def _built_in_names() -> set[str]:
    """Names that no arm of a user may have: those of the built-in arms, of examples' arms, and of what is measured."""
    from instill.compare.examples.example_part import example_ways
    from instill.compare.plan import BARE

    return {name.casefold() for name in (*BUILT_IN, *example_ways(), BARE)}


def _specification(
    file: Path, name: str, section: _Section, prices: Prices, taken: Collection[str]
) -> ArmSpecification:
    where = f"{file}: arms.{shown(name)}"
    if not NAME.fullmatch(name):
        raise UsageError(
            "This is not a valid name for an arm.",
            where=where,
            remedy="Take up to 40 letters, digits, spaces and . , + ( ) ' -",
        )
    if name.casefold() in taken:
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
        folder=_model_folder(file, section.folder, where),
        gguf=_gguf(file, section.gguf, where),
        recipe=_recipe(file, section.recipe, where),
        prices=_prices(section, prices),
    )
    documents: Given = section.documents
    model = own.model or Path(own.folder or own.gguf or str(own.recipe)).name
    about = section.about or f"{model}, {_ABOUT[documents]}"
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


def _gguf(file: Path, value: str, where: str) -> str:
    """A known model's name, or the path of a GGUF file."""
    from instill.models.generators.gguf.checked_header import MAGIC
    from instill.models.generators.gguf.known import KNOWN

    if not value or value in KNOWN:
        return value
    found = _path(file, value, where, near=did_you_mean(value, KNOWN, ""))
    with Path(found).open("rb") as opened:
        if opened.read(len(MAGIC)) != MAGIC:
            raise UsageError(
                "This is not a GGUF file.", where=f"{where}: {shown(value)}", remedy="Name a model's file (.gguf)."
            )
    return found


def _model_folder(file: Path, value: str, where: str) -> str:
    from instill.models.generators.model_folder import checked_folder

    found = _path(file, value, where, folder=True)
    return str(checked_folder(Path(found))) if found else ""


def _recipe(file: Path, value: str, where: str) -> Path | None:
    if not value:
        return None
    from instill.train.generator.recipes.recipe import read_recipe

    found = Path(_path(file, value, where))
    read_recipe(found)  # Before anything is asked.
    return found


def _path(file: Path, value: str, where: str, *, folder: bool = False, near: str = "") -> str:
    if not value:
        return ""
    if "\0" in value:
        raise UsageError("This is not a path.", where=where)
    try:
        found = (file.parent / expanded(value)).resolve()
        there = found.is_dir() if folder else found.is_file()
    except (OSError, RuntimeError):
        there = False
    if not there:
        noun = "folder" if folder else "file"
        raise UsageError(
            f"There is no such {noun}.",
            where=f"{where}: {shown(value)}",
            remedy=near or "Paths are relative to the file of arms.",
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
