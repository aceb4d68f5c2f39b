"""The address of the chat for other web sites, `static/widget.js`; see docs/widget.md."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import FileResponse

from instill.server.pages.rendering import HERE

router = APIRouter()

_HEADERS = {"cross-origin-resource-policy": "cross-origin", "cache-control": "public, max-age=300"}
"""Any page may load it: nothing of the workspace is in it."""


@router.get("/widget.js")
def widget() -> FileResponse:
    """The script that a web site names."""
    return FileResponse(HERE / "static" / "widget.js", media_type="text/javascript", headers=_HEADERS)
