"""What the workspace holds, and how it is set."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, SecretStr

from instill import __version__
from instill.common.place_in_words import short_name
from instill.fit.kept.tuned import is_set
from instill.server.access.caller_role import Role
from instill.server.service import Owning, Reading
from instill.workspace.status import Status

router = APIRouter(prefix="/api", tags=["workspace"])


class Me(BaseModel):
    """Who asks. `csrf_token` goes into the header X-CSRF-Token of what a page changes; "" where none is needed."""

    name: str
    role: Role
    labels: list[str] | None
    way: str
    csrf_token: str
    version: str


class SettingValue(BaseModel):
    """One setting: its value ("" for a secret, which is never shown), its default, and whether somebody set it."""

    name: str
    value: Any
    default: Any
    is_set: bool
    origin: str
    is_secret: bool
    about: str


class SettingsShown(BaseModel):
    """All settings, in the order of docs/configuration.md."""

    settings: list[SettingValue]


@router.get("/me")
def me(seen: Reading) -> Me:
    """Who asks, and what they may."""
    who = seen.who
    labels = None if who.labels is None else list(who.labels)
    return Me(name=who.name, role=who.role, labels=labels, way=who.way, csrf_token=who.csrf, version=__version__)


@router.get("/status")
def status(seen: Reading) -> Status:
    """What the workspace holds, as far as the caller may see it: of questions, those that `GET /api/questions` lists.
    Only the owner is told where on this machine it, the followed paths and the model lie; others read their names."""
    found = seen.workspace.status()
    if seen.own_questions is not None or seen.labels is not None:
        found = replace(found, questions=seen.feedback.count())
    if seen.who.may("admin"):
        return found
    roots = [each if "://" in each else short_name(each) for each in found.roots]
    generator = short_name(found.generator) if Path(found.generator).is_absolute() else found.generator
    return replace(found, path=seen.service.folder.name, roots=roots, generator=generator, earlier_catalog="")


@router.get("/settings")
def settings(seen: Owning) -> SettingsShown:
    """What is set, and where it comes from; never a secret."""
    import os

    workspace = seen.workspace
    now, given = workspace.settings, workspace.given
    found = []
    for section in type(now).model_fields:
        part = getattr(now, section)
        for key, field in type(part).model_fields.items():
            value, default = getattr(part, key), field.get_default(call_default_factory=True)
            secret = isinstance(value, SecretStr)
            name = f"{section}.{key}"
            held = is_set(given, name) and name != "documents.url_private"
            origin = "default"
            if f"INSTILL_{section}__{key}".upper() in {each.upper() for each in os.environ}:
                origin = "variable"
            elif held:
                origin = "instill.toml"
            elif value != default and name != "documents.url_private":
                origin = "learned"
            found.append(
                SettingValue(
                    name=name,
                    value=("set" if value.get_secret_value() else "") if secret else value,
                    default="" if secret else default,
                    is_set=held,
                    origin=origin,
                    is_secret=secret,
                    about=field.description or "",
                )
            )
    return SettingsShown(settings=found)
