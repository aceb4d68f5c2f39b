"""Instill: give a language model your private knowledge, and measure where that knowledge belongs.

`Workspace` is the way in; everything else it hands out. Nothing heavy is imported until it is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from instill.answer.chat import Chat
    from instill.answer.streaming import AnswerStream
    from instill.answer.types import Answer, Citation, Claim, Turn
    from instill.errors import InstillError
    from instill.index.types import Hit
    from instill.settings import Settings
    from instill.workspace import Workspace

__version__ = "0.1.0"
__all__ = [
    "Answer",
    "AnswerStream",
    "Chat",
    "Citation",
    "Claim",
    "Hit",
    "InstillError",
    "Settings",
    "Turn",
    "Workspace",
    "__version__",
]

_HOMES = {
    "Answer": "instill.answer.types",
    "AnswerStream": "instill.answer.streaming",
    "Chat": "instill.answer.chat",
    "Citation": "instill.answer.types",
    "Claim": "instill.answer.types",
    "Hit": "instill.index.types",
    "InstillError": "instill.errors",
    "Settings": "instill.settings",
    "Turn": "instill.answer.types",
    "Workspace": "instill.workspace",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        from importlib import import_module

        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'instill' has no attribute {name!r}")
