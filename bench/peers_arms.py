"""One system takes in a folder of text files and is asked: `bench/peers.py` runs this in a fresh process each time.

    python bench/peers_arms.py ARM FILES PLACE JOB

Each system does what its own documentation shows first. The clock starts when the model is loaded and stops when the
first query is answered and everything is on the disk. JOB is a JSON file with the folder of the MiniLM weights and the
queries; its outcome is written into it.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Protocol

DEPTH = 10
_PASSAGES = 3 * DEPTH  # asked of a system that cuts documents, for `DEPTH` documents
_ENDING = ".txt"


@dataclass(frozen=True, slots=True)
class Piece:
    """What a vector was made from: `read` is the encoder's input, in which `text`, from the document, begins at
    `at` of the document."""

    document: str
    read: str
    text: str
    at: int


@dataclass(frozen=True, slots=True)
class Setting:
    """What a system is given: the folders of MiniLM's weights, of the files, and of its index."""

    minilm: Path
    files: Path
    place: Path


class Arm(Protocol):
    """A system whose model is loaded.

    Attributes:
        versions: the packages that decide the figures.
        tokens: after how many its encoder cuts a text.
        tokenizer: as of the package tokenizers; it neither cuts nor pads.
    """

    versions: tuple[str, ...]
    tokens: int
    tokenizer: Any

    def ingest(self) -> None:
        """All files into an index on the disk."""
        ...

    def find(self, query: str) -> list[str]:
        """The names of the best documents, best first; a document may come twice."""
        ...

    def pieces(self) -> Iterator[Piece]: ...


class LlamaIndex:
    versions: tuple[str, ...] = (
        "llama-index-core",
        "llama-index-embeddings-huggingface",
        "sentence-transformers",
        "torch",
    )

    def __init__(self, given: Setting) -> None:
        from llama_index.core import SimpleDirectoryReader, VectorStoreIndex
        from llama_index.core.schema import MetadataMode
        from llama_index.embeddings.huggingface import HuggingFaceEmbedding

        self._given = given
        self._reader, self._store, self._mode = SimpleDirectoryReader, VectorStoreIndex, MetadataMode.EMBED
        self._model = HuggingFaceEmbedding(model_name=str(given.minilm), device="cpu")
        self._model.get_text_embedding("ready")
        self.tokens, self.tokenizer = int(self._model.max_length), _tokenizer(given.minilm)

    def ingest(self) -> None:
        documents = self._reader(str(self._given.files)).load_data()
        self._index = self._store.from_documents(documents, embed_model=self._model)
        self._index.storage_context.persist(str(self._given.place))
        self._retriever = self._index.as_retriever(similarity_top_k=_PASSAGES)

    def find(self, query: str) -> list[str]:
        return [Path(found.node.metadata["file_path"]).stem for found in self._retriever.retrieve(query)]

    def pieces(self) -> Iterator[Piece]:
        for node in self._index.docstore.docs.values():
            name = Path(node.metadata["file_path"]).stem
            yield Piece(name, node.get_content(self._mode), node.text, int(node.start_char_idx))


class Chroma:
    """Its default encoder is a download. This is the same code over an export of the same weights."""

    versions: tuple[str, ...] = ("chromadb", "onnxruntime")

    def __init__(self, given: Setting) -> None:
        from chromadb import PersistentClient, Settings
        from chromadb.utils.embedding_functions.onnx_mini_lm_l6_v2 import ONNXMiniLM_L6_V2

        self._given = given
        ONNXMiniLM_L6_V2.DOWNLOAD_PATH = given.minilm.parent
        ONNXMiniLM_L6_V2.EXTRACTED_FOLDER_NAME = given.minilm.name
        self._client, self._settings = PersistentClient, Settings(anonymized_telemetry=False)
        self._model = ONNXMiniLM_L6_V2()
        self._model(["ready"])
        self.tokens, self.tokenizer = self._model.max_tokens(), _tokenizer(given.minilm)

    def ingest(self) -> None:
        self._texts = texts_of(self._given.files)
        client = self._client(str(self._given.place), self._settings)
        self._collection = client.create_collection("documents", embedding_function=self._model)
        most, names = client.get_max_batch_size(), list(self._texts)
        for start in range(0, len(names), most):
            some = names[start : start + most]
            self._collection.add(ids=some, documents=[self._texts[name] for name in some])

    def find(self, query: str) -> list[str]:
        return list(self._collection.query(query_texts=[query], n_results=DEPTH)["ids"][0])

    def pieces(self) -> Iterator[Piece]:
        return whole(self._texts)


class Txtai:
    versions: tuple[str, ...] = ("txtai", "faiss-cpu", "transformers", "torch")

    def __init__(self, given: Setting) -> None:
        from txtai import Embeddings

        self._given = given
        self._embeddings = Embeddings(path=str(given.minilm), hybrid=True, content=True)
        self._embeddings.batchtransform(["ready"])
        self.tokens, self.tokenizer = int(self._embeddings.model.model.maxlength), _tokenizer(given.minilm)

    def ingest(self) -> None:
        self._texts = texts_of(self._given.files)
        self._embeddings.index(self._texts.items())
        self._embeddings.save(str(self._given.place))

    def find(self, query: str) -> list[str]:
        return [row["id"] for row in self._embeddings.search(query, DEPTH)]

    def pieces(self) -> Iterator[Piece]:
        return whole(self._texts)


class Instill:
    """With `encoder.model` as the environment has it."""

    versions: tuple[str, ...] = ("instill", "lancedb", "onnxruntime")

    def __init__(self, given: Setting) -> None:
        import lancedb  # noqa: F401

        from instill import Workspace

        self._files = given.files
        self._workspace = Workspace.init(given.place)
        encoder = self._workspace.encoder
        encoder.encode_passages(["ready"])
        self.tokens, self.tokenizer = encoder.max_tokens, encoder.tokenizer

    def ingest(self) -> None:
        self._workspace.add(self._files)

    def find(self, query: str) -> list[str]:
        return [Path(hit.source).stem for hit in self._workspace.search(query, k=_PASSAGES).hits]

    def pieces(self) -> Iterator[Piece]:
        from instill.documents.document import Passage
        from instill.ingest.passages import encoder_input

        for record in self._workspace.documents():
            for each in self._workspace.index.passages_of(record.doc_id):
                passage = Passage(each.ordinal, each.start, each.end, each.text, each.headings)
                name = Path(record.source).stem
                yield Piece(name, encoder_input(record.title, passage), each.text, each.start)


ARMS: dict[str, Callable[[Setting], Arm]] = {
    "LlamaIndex": LlamaIndex,
    "Chroma": Chroma,
    "txtai": Txtai,
    "Instill, MiniLM": Instill,
    "Instill": Instill,
}


def texts_of(files: Path) -> dict[str, str]:
    """The texts of a folder by the names of the files, without ending."""
    return {path.stem: path.read_text("utf-8") for path in sorted(files.glob("*" + _ENDING))}


def whole(texts: dict[str, str]) -> Iterator[Piece]:
    """Documents that are not cut into passages."""
    return (Piece(name, text, text, 0) for name, text in texts.items())


def share_read(texts: dict[str, str], pieces: Iterable[Piece], tokenizer: Any, tokens: int) -> float:
    """The share of the documents' letters, without white space, that an encoder which cuts after `tokens` tokens reads.

    Example:
        >>> class Words:
        ...     def encode(self, text):
        ...         class Encoding:
        ...             offsets = [(0, 0)] + [(at, at + 1) for at in range(len(text))] + [(0, 0)]
        ...         return Encoding
        >>> share_read({"a": "six 666"}, whole({"a": "six 666"}), Words(), 6)
        0.5
    """
    read = {name: bytearray(len(text)) for name, text in texts.items()}
    for piece in pieces:
        offsets = tokenizer.encode(piece.read).offsets
        last = offsets[min(len(offsets), tokens) - 2][1]  # one place is the end mark's
        count = min(len(piece.text), max(0, last - max(0, piece.read.rfind(piece.text))))
        read[piece.document][piece.at : piece.at + count] = b"\x01" * count
    solid = sum(not letter.isspace() for text in texts.values() for letter in text)
    seen = sum(
        mark and not letter.isspace() for name in texts for mark, letter in zip(read[name], texts[name], strict=True)
    )
    return seen / solid


def peak_mb() -> float:
    """The most memory that this process has had, in MB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:"))


def measured(name: str, given: Setting, first: str, queries: Sequence[str]) -> dict[str, Any]:
    """Seconds of wall and processor time until `first` is answered; with `queries`, also what is found."""
    arm = ARMS[name](given)
    ready, used = time.perf_counter(), sum(os.times()[:4])
    arm.ingest()
    if not arm.find(first):
        raise SystemExit(f"{name} finds nothing.")
    outcome: dict[str, Any] = {
        "arm": name,
        "seconds": time.perf_counter() - ready,
        "processor_seconds": sum(os.times()[:4]) - used,
        "peak_mb": peak_mb(),
        "disk_mb": sum(path.stat().st_size for path in given.place.rglob("*") if path.is_file()) / 1e6,
        "versions": {package: version(package) for package in arm.versions},
    }
    if queries:
        pieces = list(arm.pieces())
        outcome["tokens"], outcome["pieces"] = arm.tokens, len(pieces)
        outcome["share_read"] = share_read(texts_of(given.files), pieces, arm.tokenizer, arm.tokens)
        outcome["found"] = [list(dict.fromkeys(arm.find(query)))[:DEPTH] for query in queries]
    return outcome


def _tokenizer(minilm: Path) -> Any:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(minilm / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def main() -> None:
    name, files, place, path = sys.argv[1:]
    job = json.loads(Path(path).read_text("utf-8"))
    given = Setting(Path(job["minilm"]), Path(files), Path(place))
    outcome = measured(name, given, job["first"], job["queries"])
    Path(path).write_text(json.dumps(outcome), encoding="utf-8")


if __name__ == "__main__":
    main()
