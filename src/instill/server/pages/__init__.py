"""The web pages: server-rendered, with small modules of our own; see docs/serve.md."""

from __future__ import annotations

from fastapi import APIRouter

from instill.server.pages import (
    api_docs,
    ask,
    compare,
    documents,
    login,
    memory,
    models,
    questions,
    settings,
    still_there,
    widget,
)

router = APIRouter(include_in_schema=False)
for _part in (api_docs, ask, compare, documents, login, memory, models, questions, settings, still_there, widget):
    router.include_router(_part.router)
