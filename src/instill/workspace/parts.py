"""What a workspace is made of, each part opened on first use, and whom it is seen by.

`status` does not load an encoder, and `search` does not load a reader.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Self

from instill.catalog import Catalog, Server
from instill.catalog.earlier_catalog import CATALOG_FILE
from instill.common.made_from import OWNER, Caller, Source, source_of
from instill.errors import EncoderMismatch, UsageError, WorkspaceError
from instill.fit.kept.adapted import adapted
from instill.fit.kept.tuned import is_set
from instill.models.generators.named_model import with_named_model
from instill.settings import Settings
from instill.workspace.arguments import Labels, labels_of

if TYPE_CHECKING:
    from instill.answer.reading.reader import Reader
    from instill.fit.kept.own_encoder import OwnEncoder
    from instill.fit.kept.threshold import Threshold
    from instill.fit.kept.tuned import Tuned
    from instill.index.fusion import Fusion
    from instill.index.store import Index
    from instill.models.encoders.protocol import Encoder
    from instill.models.generators.protocol import Generator, WritesAnswers

_PARTS = (
    "catalog", "encoder", "index", "generator", "_bare_generator", "_with_memory", "reader", "fusion",
    "_asking_encoder",
)  # fmt: skip

_MOST_VIEWS = 64


class Parts:
    """A workspace that is open: its parts, as the owner or as a caller with labels sees them."""

    def __init__(
        self,
        path: Path,
        settings: Settings,
        *,
        whole: Self | None = None,
        labels: tuple[str, ...] | None = None,
    ) -> None:
        """Use `init`, `open` or `seen_by`."""
        settings = with_named_model(settings)
        self.path = path
        self.given = settings
        self.labels = labels
        self._whole = whole
        self._is_closed = False
        self._views: dict[tuple[str, ...], Self] = {}
        self._adapted = adapted(self.home, settings, OWNER if whole is None else whole.caller(labels))

    def close(self) -> None:
        """Release what is open. If you use a closed workspace, it raises an error."""
        if self._whole is not None:
            self._whole.close()
            return
        if "catalog" in self.__dict__:
            self.catalog.close()
        if "index" in self.__dict__:
            self.index.close()
        for view in (self, *self._views.values()):
            for part in _PARTS:
                view.__dict__.pop(part, None)
        self._is_closed = True

    def __enter__(self) -> Self:
        self._must_be_open()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def refresh(self) -> None:
        """Load what was tuned or trained since this workspace was opened."""
        self._must_be_open()
        for part in _PARTS:
            if part != "catalog":
                self.__dict__.pop(part, None)
        self._views = {}
        if self._whole is not None:
            self._whole.refresh()
        self._adapted = adapted(self.home, self.given, OWNER if self._whole is None else self.caller())

    def take_over(self, before: Self) -> None:
        """Use the open encoder and reader of `before`, if they are the same ones. This saves the second that opening
        them takes.

        Args:
            before: the same workspace, opened earlier. You may go on using it.
        """
        same = before.settings.encoder == self.settings.encoder and before.own_encoder == self.own_encoder
        if same and "encoder" in before.__dict__:
            self.__dict__["encoder"] = before.encoder
        if before.settings.answer.reader == self.settings.answer.reader and same and "reader" in before.__dict__:
            self.__dict__["reader"] = before.reader

    # -- as a caller sees it -----------------------------------------------------------------------------------

    def seen_by(self, labels: Labels) -> Self:
        """This workspace as a caller with these `labels` sees it. None gives this workspace itself.

        Every method of the result uses only documents that this caller may see, and only settings, thresholds and
        weights that were made from such documents. The result shares its parts with this workspace, and is closed
        together with it.
        """
        given = labels_of(labels)
        self._must_be_open()
        if given is None:
            return self
        held = tuple(sorted(set(given)))
        if self._whole is not None:
            return self._whole.seen_by([label for label in held if label in (self.labels or ())])
        if held not in self._views:
            if len(self._views) >= _MOST_VIEWS:
                del self._views[next(iter(self._views))]
            self._views[held] = type(self)(self.path, self.given, whole=self, labels=held)
        return self._views[held]

    def caller(self, labels: Sequence[str] | None = None) -> Caller:
        """The caller: decides which things that were made from documents may be shown to, and used for, this caller.

        Args:
            labels: what the caller holds. None: the caller of this workspace (see `seen_by`), by default the owner.
        """
        whole = self if self._whole is None else self._whole

        def present(doc_ids: Sequence[str]) -> list[Source]:
            return [source_of(record) for record in whole.index.records(doc_ids=doc_ids)]

        return Caller(self.labels if labels is None else labels_of(labels), present)

    # -- parts, opened on first use ----------------------------------------------------------------------------

    @property
    def settings(self) -> Settings:
        """The settings of the user. For settings that the user left unset, what was learned from the documents."""
        return self._adapted.settings

    @property
    def own_encoder(self) -> OwnEncoder | None:
        """The encoder that was trained for this workspace and with which its index was made, or None."""
        return self._adapted.own

    @property
    def tuned(self) -> Tuned | None:
        """The tuned values that are in use, or None."""
        return self._adapted.tuned

    @property
    def home(self) -> Path:
        """The folder in which Instill keeps everything that it knows."""
        return self.path / ".instill"

    @property
    def writable(self) -> bool:
        """False on read-only storage. There, searching and asking work, but nothing is recorded."""
        return os.access(self.home if self.home.exists() else self.path, os.W_OK)

    @property
    def is_empty(self) -> bool:
        """True if the workspace has no documents."""
        return self.index.count()[0] == 0

    @property
    def threshold(self) -> Threshold:
        """The lowest confidence with which `ask` answers: set by the user, calibrated, or the default."""
        from instill.fit.kept.threshold import threshold_in_use

        return threshold_in_use(self.home, self.settings, self.index.generation.fingerprint, self.caller())

    @cached_property
    def catalog(self) -> Catalog:
        """The database of followed paths, conversations and the log of questions."""
        self._must_be_open()
        if self._whole is not None:
            return self._whole.catalog
        if self.writable:
            self.home.mkdir(exist_ok=True)
        chosen = self.given.catalog
        server = Server(chosen.url, chosen.key.get_secret_value(), chosen.name) if chosen.url else None
        return Catalog(self.home / CATALOG_FILE, read_only=not self.writable, server=server)

    @cached_property
    def encoder(self) -> Encoder:
        """The encoder, which turns text into unit vectors: `encode_passages` and `encode_queries` return float32 of
        shape `(texts, dimension)`.

        Raises:
            MissingDependency: its weights or a package for it are not installed.
            UsageError: it cannot be opened.
        """
        self._must_be_open()
        if self._whole is not None:
            return self._whole.encoder
        from instill.models.encoders import open_encoder

        return open_encoder(self.settings.encoder, off=self.settings.plugins.off)

    @cached_property
    def index(self) -> Index:
        """The documents and passages, as the caller may see them.

        Raises:
            EncoderMismatch: another encoder made it.
            DamagedIndex: files are missing or damaged.
        """
        from instill.index.store import Index

        self._must_be_open()
        if self._whole is not None:
            from instill.index.index_for_caller import SeenIndex

            return SeenIndex(self._whole.index, self.labels or ())
        try:
            return Index.open(
                self.home / "index",
                dimension=self.encoder.dimension,
                fingerprint=self.encoder.fingerprint,
                create=self.writable,
                read_only=not self.writable,
                settings=self.given.store,
            )
        except EncoderMismatch as error:
            if self.own_encoder is None or not is_set(self.given, "encoder.model"):
                raise
            raise EncoderMismatch(
                "The index was made with the encoder that was trained for this workspace, but encoder.model is set.",
                where=error.where,
                remedy="Take encoder.model out of instill.toml, or run: instill reindex (encodes with what is set).",
            ) from error

    @property
    def whole_index(self) -> Index:
        """The index with all documents, whatever the caller may see. It is for things that are made from all
        documents.
        """
        return self.index if self._whole is None else self._whole.whole_index

    @cached_property
    def generator(self) -> Generator | None:
        """The generator. It uses the candidate that the settings name, if the caller may see everything that it was
        made from.
        """
        from instill.models.generators import is_lora_file, open_generator

        self._must_be_open()
        chosen, adapter = self.settings.generator, None
        writes_answers: WritesAnswers | None = None
        if chosen.adapter == "memory":
            return self._with_memory
        if (chosen.folder or chosen.gguf) and chosen.adapter != "none" and not is_lora_file(chosen.adapter):
            from instill.models.registry.adapter_in_use import adapter_for, may_be_used_for, measured_reading

            if not may_be_used_for(self.caller(), self.home, chosen.adapter):
                return self._bare_generator
            adapter = adapter_for(self.home, chosen.adapter)
            if chosen.adapter == "champion":  # Not one that was named.
                writes_answers = measured_reading
        if chosen.base_url and chosen.model and self.labels is not None:
            from instill.models.registry.vllm import model_for

            if (model := model_for(self.caller(), self.home, chosen.model)) != chosen.model:
                return open_generator(chosen.model_copy(update={"model": model}), off=self.settings.plugins.off)
        if self._whole is not None:
            return self._whole.generator
        return open_generator(chosen, adapter=adapter, writes_answers=writes_answers, off=self.settings.plugins.off)

    @cached_property
    def _with_memory(self) -> Generator | None:
        """The base with the consolidated facts that the caller may see; of several adapters the one with most facts."""
        from instill.memory.facts_in_weights import adapter_for_caller
        from instill.models.generators import open_generator
        from instill.models.registry.adapter_in_use import adapter_for

        id_ = adapter_for_caller(self.home, self.caller())
        if not id_:
            return self._bare_generator
        return open_generator(self.given.generator, adapter=adapter_for(self.home, id_))

    @cached_property
    def _bare_generator(self) -> Generator | None:
        """The base as it is."""
        from instill.models.generators import open_generator

        if self._whole is not None:
            return self._whole._bare_generator
        return open_generator(self.given.generator, off=self.given.plugins.off)

    @cached_property
    def reader(self) -> Reader | None:
        """The reader, which marks the words of a passage that answer a question. None if it is turned off."""
        self._must_be_open()
        if self._whole is not None:
            return self._whole.reader
        from instill.answer.reading.opening import open_reader

        return open_reader(self.settings.answer.reader, threads=self.settings.encoder.threads)

    @cached_property
    def fusion(self) -> Fusion:
        """How keyword and vector scores are combined."""
        from instill.index.fusion import fusion_named

        return fusion_named(self.settings.search.fusion, vector_weight=self.settings.search.vector_weight)

    def check_encoder(self) -> None:
        """Raise an error if the index was made by an encoder that was trained on documents that the caller may not see.

        Raises:
            UsageError: the encoder was trained on such documents. Then the caller can search by keywords only.
        """
        if not self._searches_by_meaning:
            raise UsageError(
                "This caller can search by keywords only: the encoder learned from documents that not all callers see.",
                where="--label",
                remedy="The owner can go back to the encoder of the settings: instill train encoder --undo",
            )

    @property
    def _searches_by_meaning(self) -> bool:
        return self.own_encoder is None or self.caller().sees(self.own_encoder.made_from)

    @cached_property
    def _asking_encoder(self) -> Encoder:
        """For sentences; the index's own where the caller may see what that was trained on."""
        if self._searches_by_meaning:
            return self.encoder
        from instill.models.encoders import open_encoder

        return open_encoder(self.given.encoder, off=self.given.plugins.off)

    def _must_be_open(self) -> None:
        if self._is_closed or (self._whole is not None and self._whole._is_closed):
            raise UsageError(
                "The workspace is closed.", where=str(self.path), remedy="Open it again: Workspace.open(FOLDER)."
            )

    def _must_be_writable(self) -> None:
        self._must_be_open()
        if not self.writable:
            raise WorkspaceError(
                "The workspace is on read-only storage; it can be searched and asked, not changed.",
                where=str(self.path),
            )
