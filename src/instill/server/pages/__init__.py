"""The web pages. `router` has their routes; files that a browser loads are served from `static/` under `/static`."""

from __future__ import annotations

from fastapi import APIRouter

router = APIRouter(include_in_schema=False)
