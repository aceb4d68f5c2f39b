"""Instill: give a language model your private knowledge, and measure where that knowledge belongs.

`Workspace` is the way in; everything else it hands out. Nothing heavy is imported until it is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from instill.answer.chat import Chat
    from instill.answer.streaming import AnswerStream
    from instill.answer.types import Answer, Citation, Claim, Trace, Turn
    from instill.compare.comparing import Compared
    from instill.errors import (
        DocumentError,
        GeneratorError,
        InstillError,
        MissingDependency,
        UsageError,
        WorkspaceError,
    )
    from instill.full_workspace import Models, Workspace
    from instill.index.lookup import StoredDocument
    from instill.index.types import DocumentRecord, Hit, SearchResult
    from instill.ingest.types import IngestReport
    from instill.memory.consolidating.beforehand import PlannedGroup
    from instill.memory.consolidating.consolidate import Consolidated
    from instill.memory.forgetting.receipts import Receipt
    from instill.memory.recurring_facts import Memory
    from instill.memory.types import Fact
    from instill.models.registry.store import Candidate
    from instill.settings import Settings
    from instill.study.stored_study import StoredStudy
    from instill.train.pipeline import TrainingResult
    from instill.workspace.editing import Edited
    from instill.workspace.forgetting_plan import ForgettingPlan
    from instill.workspace.status import Status

__version__ = "0.1.0"
__all__ = [
    "Answer",
    "AnswerStream",
    "Candidate",
    "Chat",
    "Citation",
    "Claim",
    "Compared",
    "Consolidated",
    "DocumentError",
    "DocumentRecord",
    "Edited",
    "Fact",
    "ForgettingPlan",
    "GeneratorError",
    "Hit",
    "IngestReport",
    "InstillError",
    "Memory",
    "MissingDependency",
    "Models",
    "PlannedGroup",
    "Receipt",
    "SearchResult",
    "Settings",
    "Status",
    "StoredDocument",
    "StoredStudy",
    "Trace",
    "TrainingResult",
    "Turn",
    "UsageError",
    "Workspace",
    "WorkspaceError",
    "__version__",
]

_HOMES = {
    "Answer": "instill.answer.types",
    "AnswerStream": "instill.answer.streaming",
    "Candidate": "instill.models.registry.store",
    "Chat": "instill.answer.chat",
    "Citation": "instill.answer.types",
    "Claim": "instill.answer.types",
    "Compared": "instill.compare.comparing",
    "DocumentError": "instill.errors",
    "DocumentRecord": "instill.index.types",
    "GeneratorError": "instill.errors",
    "Hit": "instill.index.types",
    "IngestReport": "instill.ingest.types",
    "InstillError": "instill.errors",
    "MissingDependency": "instill.errors",
    "Models": "instill.full_workspace",
    "TrainingResult": "instill.train.pipeline",
    "SearchResult": "instill.index.types",
    "Settings": "instill.settings",
    "Status": "instill.workspace.status",
    "StoredDocument": "instill.index.lookup",
    "StoredStudy": "instill.study.stored_study",
    "Trace": "instill.answer.types",
    "Turn": "instill.answer.types",
    "UsageError": "instill.errors",
    "Workspace": "instill.full_workspace",
    "Consolidated": "instill.memory.consolidating.consolidate",
    "Edited": "instill.workspace.editing",
    "Fact": "instill.memory.types",
    "ForgettingPlan": "instill.workspace.forgetting_plan",
    "Memory": "instill.memory.recurring_facts",
    "PlannedGroup": "instill.memory.consolidating.beforehand",
    "Receipt": "instill.memory.forgetting.receipts",
    "WorkspaceError": "instill.errors",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        from importlib import import_module

        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'instill' has no attribute {name!r}")
