"""Who asks, keys, the endpoint, and what is set."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import APIRouter
from fastapi.responses import HTMLResponse
from pydantic import BaseModel

from instill.server.access.caller_role import ROLES
from instill.server.access.default_key_days import DEFAULT_IN_WORDS
from instill.server.access.keys import Key
from instill.server.api.workspace import SettingValue
from instill.server.api.workspace import settings as all_settings
from instill.server.pages.rendering import page
from instill.server.service import Owning, Reading
from instill.workspace.doctor import greeted

router = APIRouter(prefix="/settings")


class Tried(BaseModel):
    """What the generator said when it was greeted."""

    said: str


@router.get("", response_class=HTMLResponse)
def overview(seen: Reading) -> HTMLResponse:
    """For the owner all settings and keys; for others who they are."""
    owner = seen.who.may("admin")
    keys: Sequence[Key] = seen.service.keys.all() if owner else []
    generator = seen.workspace.settings.generator
    return page(
        seen, "settings.html", "/settings", owner=owner, keys=keys, roles=ROLES, status=seen.workspace.status(),
        sections=_sections(all_settings(seen).settings) if owner else [],
        generates=generator.is_set, lifetime=DEFAULT_IN_WORDS, first=owner and not seen.service.keys.any(),
    )  # fmt: skip


@router.post("/generator")
def greet(seen: Owning) -> Tried:
    """Greet the generator that is set, and wait for its reply."""
    return Tried(said=greeted(seen.workspace))


def _sections(settings: Sequence[SettingValue]) -> list[tuple[str, list[SettingValue]]]:
    found: dict[str, list[SettingValue]] = {}
    for each in settings:
        found.setdefault(each.name.partition(".")[0], []).append(each)
    return list(found.items())
