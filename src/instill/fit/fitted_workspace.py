"""What fitting needs of a workspace."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from instill.answer.reading.reader import Reader
    from instill.common.made_from import Caller
    from instill.fit.kept.own_encoder import OwnEncoder
    from instill.fit.kept.tuned import Tuned
    from instill.index.store import Index
    from instill.index.types import DocumentRecord, SearchResult
    from instill.models.encoders.protocol import Encoder
    from instill.models.generators.protocol import Generator
    from instill.settings import Settings


class FittedWorkspace(Protocol):
    """A workspace as its caller sees it: `instill.Workspace`, whose members of these names say more."""

    @property
    def path(self) -> Path: ...

    @property
    def home(self) -> Path: ...

    @property
    def labels(self) -> tuple[str, ...] | None: ...

    @property
    def writable(self) -> bool: ...

    @property
    def given(self) -> Settings: ...

    @property
    def settings(self) -> Settings: ...

    @property
    def index(self) -> Index: ...

    @property
    def encoder(self) -> Encoder: ...

    @property
    def reader(self) -> Reader | None: ...

    @property
    def generator(self) -> Generator | None: ...

    @property
    def own_encoder(self) -> OwnEncoder | None: ...

    @property
    def tuned(self) -> Tuned | None: ...

    def caller(self) -> Caller: ...

    def check_encoder(self) -> None: ...

    def documents(self) -> list[DocumentRecord]: ...

    def search(self, query: str, *, k: int) -> SearchResult: ...

    def reindex(self) -> int: ...

    def refresh(self) -> None: ...
