"""A workspace: a folder with `instill.toml` whose documents can be searched, asked and talked to.

This is the one place that wires the rooms together. Each part is opened on first use, so that `status` does not load
an encoder and `search` does not load a reader.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

from instill.arguments import count_of, labels_of, metadata_of, one_of, paths_of, text_of, turns_of, utf8
from instill.catalog import Catalog, Root
from instill.common.derived import OWNER, Caller, Source, source_of
from instill.errors import EncoderMismatch, UsageError, WorkspaceError
from instill.fit.kept.adapted import adapted
from instill.fit.kept.tuned import is_set
from instill.index.types import EMPTY, NOTHING_TO_SEE, DocumentRecord, Hit, Mode, SearchRequest, SearchResult
from instill.settings import SETTINGS_FILE, Settings, load_settings, with_values
from instill.settings.location import find_workspace, make_workspace

if TYPE_CHECKING:
    import pyarrow as pa

    from instill.answer.answerer import Answerer, Speller
    from instill.answer.asked.about import About
    from instill.answer.chat import Chat
    from instill.answer.reading.reader import Reader
    from instill.answer.streaming import AnswerStream, OnToken
    from instill.answer.types import Answer, Turn
    from instill.documents.document import Scalar
    from instill.encoders.protocol import Encoder
    from instill.fit.kept.own_encoder import OwnEncoder
    from instill.fit.kept.threshold import Threshold
    from instill.fit.kept.tuned import Tuned
    from instill.generators.protocol import Generator
    from instill.index.fusion import Fusion
    from instill.index.lookup import StoredDocument
    from instill.index.repair import Repair
    from instill.index.store import Index
    from instill.ingest.run import Ingest
    from instill.ingest.types import FileOutcome, IngestReport, Progress
    from instill.purge.purging import Purged
    from instill.status import Status

Paths = str | os.PathLike[str] | Iterable[str | os.PathLike[str]]
Labels = str | Iterable[str] | None
"""What a caller holds: one label, several, or None for the owner, who sees all."""

_PARTS = (
    "catalog", "encoder", "index", "generator", "_bare_generator", "reader", "fusion", "_asking_encoder",
)  # fmt: skip

_MOST_VIEWS = 64

AskMode = Literal["auto", "extractive", "clusters"]


class Workspace:
    """A workspace that is open. Use `Workspace.init` for a new one and `Workspace.open` for one that exists.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> _ = (folder / "tea.md").write_text("# Tea\\n\\nGreen tea is brewed at 80 degrees for two minutes.\\n")
        >>> with Workspace.init(folder / "kb") as workspace:
        ...     report = workspace.add(folder / "tea.md")
        ...     answer = workspace.ask("At how many degrees is green tea brewed?")
        >>> len(report.added)
        1
        >>> answer.citations[0].text
        'Green tea is brewed at 80 degrees for two minutes.'
    """

    def __init__(
        self,
        path: Path,
        settings: Settings,
        *,
        whole: Workspace | None = None,
        labels: tuple[str, ...] | None = None,
    ) -> None:
        """Use `init`, `open` or `seen_by`."""
        self.path = path
        self.given = settings
        self.labels = labels
        self._whole = whole
        self._is_closed = False
        self._views: dict[tuple[str, ...], Workspace] = {}
        self._adapted = adapted(self.home, settings, OWNER if whole is None else whole.caller(labels))

    # -- opening -----------------------------------------------------------------------------------------------

    @classmethod
    def init(cls, path: str | os.PathLike[str] = ".") -> Workspace:
        """Make `path` (created when missing) a workspace and open it.

        Raises:
            WorkspaceError: it is one already, or the folder cannot be written.
        """
        folder = make_workspace(path)
        return cls(folder, load_settings(folder / SETTINGS_FILE))

    @classmethod
    def open(cls, path: str | os.PathLike[str] | None = None, *, generator: str | None = None) -> Workspace:
        """Open the workspace at `path`; without one, $INSTILL_WORKSPACE, else the nearest from here upwards.

        Args:
            generator: instead of the one that is set: "smollm2", a .gguf file, a transformers folder, or "none".

        Raises:
            WorkspaceError: there is none.
            UsageError: its settings or `generator` cannot be used.
        """
        folder = find_workspace(path)
        settings = load_settings(folder / SETTINGS_FILE)
        if generator is not None:
            from instill.generators.choosing import settings_for

            settings = with_values(settings, settings_for(generator))
        return cls(folder, settings)

    def close(self) -> None:
        """Release what is open. A closed workspace says so when it is used again."""
        if self._whole is not None:
            self._whole.close()
            return
        if "catalog" in self.__dict__:
            self.catalog.close()
        for view in (self, *self._views.values()):
            for part in _PARTS:
                view.__dict__.pop(part, None)
        self._is_closed = True

    def __enter__(self) -> Workspace:
        self._must_be_open()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def refresh(self) -> None:
        """Take up what was tuned or trained since this workspace was opened."""
        self._must_be_open()
        for part in _PARTS:
            if part != "catalog":
                self.__dict__.pop(part, None)
        self._views = {}
        if self._whole is not None:
            self._whole.refresh()
        self._adapted = adapted(self.home, self.given, OWNER if self._whole is None else self.caller())

    def take_over(self, before: Workspace) -> None:
        """Use encoder and reader that `before` has open, where they are the same: opening them takes a second.

        Args:
            before: the same workspace, opened earlier; it may still be used.
        """
        same = before.settings.encoder == self.settings.encoder and before.own_encoder == self.own_encoder
        if same and "encoder" in before.__dict__:
            self.__dict__["encoder"] = before.encoder
        if before.settings.answer.reader == self.settings.answer.reader and same and "reader" in before.__dict__:
            self.__dict__["reader"] = before.reader

    # -- as a caller sees it -----------------------------------------------------------------------------------

    def seen_by(self, labels: Labels) -> Workspace:
        """This workspace as a caller who holds `labels` sees it; None: as it is.

        Whatever is asked of it, by whatever part of Instill, is asked of the documents that this caller may see, with
        the settings, the threshold and the weights that were made from such documents only. It shares its parts with
        this workspace and is closed with it.
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
        """Who asks: decides what of that which was made from documents may be shown to, and used for, the caller.

        Args:
            labels: what the caller holds; None is who this workspace is seen by, the owner otherwise.
        """
        whole = self if self._whole is None else self._whole

        def present(doc_ids: Sequence[str]) -> list[Source]:
            return [source_of(record) for record in whole.index.records(doc_ids=doc_ids)]

        return Caller(self.labels if labels is None else tuple(labels), present)

    # -- parts, opened on first use ----------------------------------------------------------------------------

    @property
    def settings(self) -> Settings:
        """What the user set, and what was learned from the documents where the user set nothing."""
        return self._adapted.settings

    @property
    def own_encoder(self) -> OwnEncoder | None:
        """The encoder that was trained for this workspace and made its index, or None."""
        return self._adapted.own

    @property
    def tuned(self) -> Tuned | None:
        """The tuned values that are in use, or None."""
        return self._adapted.tuned

    @property
    def home(self) -> Path:
        """Where everything that Instill knows is kept."""
        return self.path / ".instill"

    @property
    def writable(self) -> bool:
        """False on read-only storage: searching and asking work, nothing is recorded."""
        return os.access(self.home if self.home.exists() else self.path, os.W_OK)

    @property
    def is_empty(self) -> bool:
        """Whether nothing was added yet."""
        return self.index.count()[0] == 0

    @property
    def threshold(self) -> Threshold:
        """The confidence from which on `ask` answers: set by the user, calibrated, or the default."""
        from instill.fit.kept.threshold import threshold_in_use

        return threshold_in_use(self.home, self.settings, self.index.generation.fingerprint, self.caller())

    @cached_property
    def catalog(self) -> Catalog:
        self._must_be_open()
        if self._whole is not None:
            return self._whole.catalog
        if self.writable:
            self.home.mkdir(exist_ok=True)
        return Catalog(self.home / "catalog.db", read_only=not self.writable)

    @cached_property
    def encoder(self) -> Encoder:
        self._must_be_open()
        if self._whole is not None:
            return self._whole.encoder
        from instill.encoders import open_encoder

        return open_encoder(self.settings.encoder)

    @cached_property
    def index(self) -> Index:
        from instill.index.store import Index

        self._must_be_open()
        if self._whole is not None:
            from instill.index.seen import SeenIndex

            return SeenIndex(self._whole.index, self.labels or ())
        try:
            return Index.open(
                self.home / "index",
                dimension=self.encoder.dimension,
                fingerprint=self.encoder.fingerprint,
                create=self.writable,
                read_only=not self.writable,
            )
        except EncoderMismatch as error:
            if self.own_encoder is None or not is_set(self.given, "encoder.model"):
                raise
            raise EncoderMismatch(
                "The index was made with the encoder that was trained for this workspace, but encoder.model is set.",
                where=error.where,
                remedy="Take encoder.model out of instill.toml, or run: instill reindex (encodes with what is set).",
            ) from error

    @cached_property
    def generator(self) -> Generator | None:
        """The generator, with the candidate that the settings name if the caller may see all that it was made from."""
        from instill.generators import is_lora_file, open_generator

        self._must_be_open()
        chosen, adapter = self.settings.generator, None
        if (chosen.folder or chosen.gguf) and chosen.adapter != "none" and not is_lora_file(chosen.adapter):
            from instill.registry.serving import adapter_for, may_be_used_for

            if not may_be_used_for(self.caller(), self.home, chosen.adapter):
                return self._bare_generator
            adapter = adapter_for(self.home, chosen.adapter)
        return open_generator(chosen, adapter=adapter) if self._whole is None else self._whole.generator

    @cached_property
    def _bare_generator(self) -> Generator | None:
        """The base as it is."""
        from instill.generators import open_generator

        return open_generator(self.given.generator) if self._whole is None else self._whole._bare_generator

    @cached_property
    def reader(self) -> Reader | None:
        self._must_be_open()
        if self._whole is not None:
            return self._whole.reader
        from instill.answer.reading.opening import open_reader

        return open_reader(self.settings.answer.reader, threads=self.settings.encoder.threads)

    @cached_property
    def fusion(self) -> Fusion:
        from instill.index.fusion import fusion_named

        return fusion_named(self.settings.search.fusion, vector_weight=self.settings.search.vector_weight)

    # -- putting documents in ----------------------------------------------------------------------------------

    def add(
        self,
        paths: Paths,
        *,
        labels: Labels = None,
        metadata: Mapping[str, Scalar] | None = None,
        follow: bool = True,
        moves: bool = True,
        progress: Callable[[Progress], None] | None = None,
        on_file: Callable[[FileOutcome], None] | None = None,
    ) -> IngestReport:
        """Add files, folders (recursively), glob patterns and http(s) addresses.

        Args:
            paths: one or several; a text is one path, whatever is in it.
            labels: access labels of these documents; None keeps the labels of documents that are known already.
            metadata: fields to filter by, over what the files themselves say.
            follow: remember the paths, so that `sync` keeps up with them.
            moves: a file with the content of a document whose own file is gone is that document, moved. False where who
                adds may not see that document.
            on_file: called with what became of each source, as soon as it holds on the disk.

        Raises:
            UsageError: `paths`, `labels` or `metadata` are not what they should be; nothing is added.
            WorkspaceError: the workspace is read-only, full, or was made with another encoder.
        """
        from instill.documents.sources import find_sources
        from instill.ingest.references import absolute_all, can_be_followed
        from instill.ingest.sync import unless_said_since
        from instill.ingest.types import Attributes

        paths = paths_of(paths)
        attributes = Attributes(labels_of(labels), metadata_of(metadata))
        self._must_be_writable()
        followed = [root for root in absolute_all(paths) if can_be_followed(root)] if follow else []
        for root in followed:  # before the work, so that `sync` goes on where a stopped run ended
            self.catalog.remember_root(Root(root, attributes.labels or (), attributes.metadata))
        ingest = self._ingest(progress, on_file, moves=moves)
        found = find_sources(paths, base=Path.cwd(), exclude=self.settings.documents.exclude)
        ingest.add(found, unless_said_since(self.catalog.roots, followed, attributes))
        self._upkeep()
        return ingest.report

    def add_text(
        self,
        text: str | bytes,
        *,
        name: str,
        labels: Labels = None,
        metadata: Mapping[str, Scalar] | None = None,
        on_file: Callable[[FileOutcome], None] | None = None,
    ) -> IngestReport:
        """Add one document from memory; its source is "stdin:NAME". The ending of `name` decides the format."""
        from instill.documents.sources import from_stdin
        from instill.ingest.types import Attributes

        data = text if isinstance(text, bytes) else utf8(text, "text").encode()
        attributes = Attributes(labels_of(labels), metadata_of(metadata))
        source = from_stdin(text_of(name, "name"), data)
        self._must_be_writable()
        ingest = self._ingest(None, on_file)
        ingest.add([source], attributes)
        self._upkeep()
        return ingest.report

    def sync(
        self,
        *,
        progress: Callable[[Progress], None] | None = None,
        on_file: Callable[[FileOutcome], None] | None = None,
    ) -> IngestReport:
        """Bring the index in step with what is followed: add, change, rename, remove.

        A folder that is gone as a whole (an unmounted disk, say) is reported and its documents are kept.
        """
        from instill.ingest.sync import sync_roots

        self._must_be_writable()
        ingest = self._ingest(progress, on_file)
        sync_roots(self.catalog.roots, ingest, self.index, self.settings.documents)
        self._upkeep()
        return ingest.report

    def watch(self, *, on_report: Callable[[IngestReport], None], stop: Any = None) -> None:
        """Sync now and after every change under the followed folders, until `stop` (a threading.Event) is set."""
        from instill.ingest.sync import changes

        on_report(self.sync())
        for _ in changes([root.path for root in self.catalog.roots()], self.settings.documents, stop):
            on_report(self.sync())

    def remove(self, references: Paths) -> list[DocumentRecord]:
        """Take documents out: by id, source path, glob pattern, or folder. A removed folder is no longer followed.

        What a `sync` that runs meanwhile has put in goes too, and it puts nothing in afterwards.

        Raises:
            UsageError: a reference names nothing.
        """
        from instill.ingest.references import absolute_all, named, resolve

        references = paths_of(references, "references")
        self._must_be_writable()
        for reference in references:
            resolve(self.index, reference, many=True)
        for root in absolute_all(references):
            self.catalog.forget_root(root)
        with self.index.alone():  # whoever committed before looks up what is followed again before the next commit
            records = {record.doc_id: record for reference in references for record in named(self.index, reference)}
            self.index.remove(list(records))
        self._upkeep()
        return list(records.values())

    def purge(self, doc_ids: str | Iterable[str] | None = None) -> Purged:
        """Take the text of removed documents out of everything that the workspace keeps, after `remove`.

        Args:
            doc_ids: of documents that were removed; None: of all that were.

        Raises:
            UsageError: the workspace is seen under labels.
            WorkspaceError: the workspace is read-only or full, or the index cannot be written.
        """
        from instill.purge.purging import purge

        self._must_be_writable()
        if self._whole is not None:
            raise UsageError(
                "Only the owner can purge: what was made from these documents may be made from others too."
            )
        purged = purge(self.home, self.catalog, self.index, None if doc_ids is None else paths_of(doc_ids, "doc_ids"))
        self.refresh()
        return purged

    def reindex(self, *, progress: Callable[[int, int], None] | None = None) -> int:
        """Split and encode every document again with the present settings, beside the old index; then switch over.

        Returns how many documents there are. The old index answers until the switch.
        """
        from instill.fit.kept.own_encoder import used_also_as
        from instill.ingest.reindex import reindex

        self._must_be_writable()
        if "index" in self.__dict__:
            del self.__dict__["index"]
        if self.own_encoder is not None and not is_set(self.given, "encoder.model"):
            used_also_as(self.home, self.own_encoder, self.encoder.fingerprint)
        return reindex(self.home / "index", self.encoder, self.settings.documents, progress)

    def repair(self) -> Repair:
        """Mend the index if it is damaged: what is whole is kept, and the report names what has to be read again.

        Raises:
            WorkspaceError: the workspace is read-only, or another process keeps writing to it.
        """
        from instill.ingest.repairing import repair_index

        self._must_be_writable()
        self.__dict__.pop("index", None)
        return repair_index(self.home / "index", self.encoder, self.settings.documents)

    # -- getting answers out -----------------------------------------------------------------------------------

    def search(
        self,
        query: str,
        *,
        k: int = 10,
        mode: Mode = "hybrid",
        where: str = "",
        labels: Labels = None,
    ) -> SearchResult:
        """The `k` best passages.

        Args:
            where: a condition over document fields and metadata, e.g. "year >= 2024 and kind = 'pdf'".
            labels: what the caller may see; None means everything.

        Raises:
            UsageError: the query is empty, there is no such mode, or the condition cannot be used.
        """
        text_of(query, "query", what="The query is empty.", remedy='Try: instill search "your words"')
        one_of(mode, Mode, "mode", "This is not a way to search.")
        count_of(k, "k")
        utf8(where, "where")
        if labels is not None:
            return self.seen_by(labels).search(query, k=k, mode=mode, where=where)
        request = self._request(query, k, mode, where)
        weight = self.settings.search.rerank
        from instill.answer.searching import search_and_rerank, search_spelt

        def search(request: SearchRequest) -> SearchResult:
            if mode != "hybrid" or weight == 0:
                return self._search(request)
            return search_and_rerank(self.index, self.encoder, self.fusion, request, self.reader, weight=weight)

        return search_spelt(search, request, self._speller(where))

    @overload
    def ask(
        self,
        question: str,
        *,
        history: Iterable[Turn] = ...,
        mode: AskMode = ...,
        where: str = ...,
        labels: Labels = ...,
        on_token: OnToken | None = ...,
        stream: Literal[False] = ...,
    ) -> Answer: ...

    @overload
    def ask(
        self,
        question: str,
        *,
        history: Iterable[Turn] = ...,
        mode: AskMode = ...,
        where: str = ...,
        labels: Labels = ...,
        on_token: OnToken | None = ...,
        stream: Literal[True],
    ) -> AnswerStream: ...

    def ask(
        self,
        question: str,
        *,
        history: Iterable[Turn] = (),
        mode: AskMode = "auto",
        where: str = "",
        labels: Labels = None,
        on_token: OnToken | None = None,
        stream: bool = False,
    ) -> Answer | AnswerStream:
        """Answer from the documents, with citations, or say that they do not answer.

        Args:
            history: earlier turns, oldest first; a follow-up is made standalone with them.
            mode: "auto" uses the generator when one is set; "extractive" quotes only; "clusters" pieces an answer
                together from several documents.
            on_token: receives the answer as it is generated.
            stream: give an iterator over the pieces as they are generated; its `answer` is the whole, checked answer.

        Raises:
            UsageError: the question is empty, or there is no such mode.
        """
        text_of(question, "question", what="The question is empty.", remedy='Try: instill ask "your question"')
        one_of(mode, AskMode, "mode", "This is not a way to answer.")
        seen, turns, condition = self.seen_by(labels), turns_of(history), utf8(where, "where")
        if not stream:
            return seen._asked(question, turns, mode, condition, on_token)
        from instill.answer.streaming import AnswerStream

        return AnswerStream(lambda put: seen._asked(question, turns, mode, condition, on_token or put))

    def _asked(
        self, question: str, history: Sequence[Turn], mode: AskMode, where: str, on_token: OnToken | None
    ) -> Answer:
        from instill.answer.log import log_answer

        self._must_be_open()
        started = time.perf_counter()
        threshold = self.threshold
        answerer = self._answerer(where, mode, threshold.value)
        answer = answerer.ask(question, history=history, mode=mode, on_token=on_token)
        answer = replace(answer, timings={**answer.timings, "total": (time.perf_counter() - started) * 1000})
        if threshold.notice:
            answer = replace(answer, notices=(*answer.notices, threshold.notice))
        if not answer.trace.candidates and self.is_empty:
            answer = replace(answer, notices=(*answer.notices, EMPTY if self.labels is None else NOTHING_TO_SEE))
        if self.settings.privacy.log_questions and self.settings.log.questions:
            try:
                whole = self if self._whole is None else self._whole
                number = log_answer(self.catalog, question, answer, self.labels, whole.index)
                answer = replace(answer, question_id=number)
            except WorkspaceError as error:  # An answer that was found is not lost because it cannot be written down.
                answer = replace(answer, notices=(*answer.notices, f"The question was not logged. {error.what}"))
        return answer

    def chat(self, conversation_id: str | None = None, *, labels: Labels = None) -> Chat:
        """A conversation, new or taken up again.

        Raises:
            UsageError: there is no such conversation, or it was held under labels that the caller does not hold.
        """
        from instill.answer.chat import Chat

        seen = self.seen_by(labels)
        if conversation_id is not None:
            text_of(conversation_id, "conversation_id")

        def ask(question: str, *, history: Sequence[Turn], on_token: OnToken | None) -> Answer:
            return seen.ask(question, history=history, on_token=on_token)

        keep = self.settings.privacy.log_questions
        return Chat(ask, self.catalog, conversation_id, keep=keep, labels=seen.labels)

    def conversations(self, *, limit: int = 20, labels: Labels = None) -> list[dict[str, Any]]:
        """The newest conversations that the caller may see.

        Each with `conversation_id`, `started`, `turns` (a count), `first_question`.
        """
        return self.catalog.conversations(count_of(limit, "limit"), self.seen_by(labels).labels)

    def sql(self, query: str, *, labels: Labels = None, near: str = "") -> pa.Table:
        """Read-only SQL over the views `documents` and `passages`.

        `near` adds a column `similarity` (cosine to this text) to `passages`.
        """
        from instill.index.sql_limits import SqlLimits

        text_of(query, "query", what="The query is empty.", remedy='Try: instill sql "select count(*) from documents"')
        seen = self.seen_by(labels)
        if utf8(near, "near"):
            seen.check_encoder()
        vector = self.encoder.encode_queries([near])[0] if near else None
        return seen.index.sql(query, query_vector=vector, limits=SqlLimits(**self.settings.sql.model_dump()))

    def show(self, reference: str | os.PathLike[str], *, labels: Labels = None) -> StoredDocument:
        """One document with its canonical text, by id, the start of an id, or source path.

        Raises:
            UsageError: the reference names no document, or several.
        """
        from instill.ingest.references import resolve

        index = self.seen_by(labels).index
        [named] = paths_of(reference, "reference")[:1]
        [record] = resolve(index, named, many=False)
        stored = index.document_text(record.doc_id)
        if stored is None:
            raise UsageError("The document has just been removed.", where=named)
        return stored

    def documents(self, *, where: str = "", labels: Labels = None) -> list[DocumentRecord]:
        """All documents that the caller may see, by source."""
        index = self.seen_by(labels).index
        if utf8(where, "where"):
            index.require_known_fields(where)
        records = index.records(where=where)
        return sorted(records, key=lambda record: record.source)

    def status(self, *, labels: Labels = None) -> Status:
        """What is in the workspace, as far as the caller may see it."""
        from instill.status import status_of

        seen = self.seen_by(labels)
        return status_of(
            self.path,
            seen.settings,
            self.catalog,
            seen.index,
            seen.threshold,
            writable=self.writable,
            learned=seen._adapted.sentences,
            labels=seen.labels,
        )

    # -- inside ------------------------------------------------------------------------------------------------

    def check_encoder(self) -> None:
        """Refuse where the index was made by an encoder that was trained on what the caller may not see.

        Raises:
            UsageError: it was, so that the caller searches by words only.
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
        from instill.encoders import open_encoder

        return open_encoder(self.given.encoder)

    def _request(self, query: str, k: int, mode: Mode, where: str) -> SearchRequest:
        if where:
            self.index.require_known_fields(where)
        if not self._searches_by_meaning:
            if mode == "vector":
                self.check_encoder()
            mode = "keyword"
        return SearchRequest(
            query=query,
            k=k,
            mode=mode,
            where=where,
            labels=self.labels,
            pool=max(self.settings.search.pool, k),
        )

    def _search(self, request: SearchRequest) -> SearchResult:
        from instill.answer.searching import search_index

        return search_index(self.index, self.encoder, self.fusion, request)

    def _speller(self, where: str) -> Speller:
        from instill.answer.asked.spelling import speller

        return speller(lambda: self.index.vocabulary(where=where), lambda: self._asking_encoder.tokenizer)

    def _answerer(self, where: str, mode: AskMode, threshold: float) -> Answerer:
        from instill.answer.for_caller import answerer_for

        def search(query: str, *, k: int) -> Sequence[Hit]:
            # Not reranked: the reader looks at all that it is given anyway.
            return self._search(self._request(query, k, "hybrid", where)).hits

        def search_within(query: str, about: About, *, k: int) -> Sequence[Hit]:
            request = self._request(query, k, "hybrid", where)
            return self._search(replace(request, documents=about.documents, titles=about.titles)).hits

        return answerer_for(
            self.index,
            search=search,
            search_within=search_within,
            labels=self.labels,
            encoder=self._asking_encoder,
            generator=self.generator if mode == "auto" else None,
            reader=self.reader,
            settings=self.settings,
            speller=self._speller(where),
            threshold=threshold,
        )

    def _ingest(
        self,
        progress: Callable[[Progress], None] | None,
        on_file: Callable[[FileOutcome], None] | None,
        *,
        moves: bool = True,
    ) -> Ingest:
        from instill.ingest.run import Ingest

        return Ingest(
            self.index,
            lambda: self.encoder,
            self.index.generation.fingerprint,
            self.settings.documents,
            progress,
            on_file,
            moves=moves,
        )

    def _upkeep(self) -> None:
        if self.index.needs_upkeep():
            self.index.upkeep()

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
