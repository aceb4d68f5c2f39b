"""`/v1/models`, `/v1/embeddings`, `/v1/files` and the search of `/v1/vector_stores`: what else of OpenAI's API has
its counterpart in a workspace."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import anyio
import numpy as np
from fastapi import APIRouter, File, Form, UploadFile
from fastapi.responses import PlainTextResponse
from pydantic import BaseModel, ConfigDict, Field

from instill.errors import UsageError
from instill.index.types import DocumentRecord
from instill.server.api.documents import found, remove, upload
from instill.server.doors.model_names import ENCODER, ways_of
from instill.server.errors import Refused, unknown
from instill.server.service import Editing, Reading, Seen

router = APIRouter(prefix="/v1", tags=["OpenAI"])

STORE = "instill"
"""The one vector store that there is."""

_MOST_TEXTS = 2048
_LONGEST_TEXT = 100_000
_READ_S = 60


class EmbeddingRequest(BaseModel):
    """Texts to be encoded, by the encoder of the index. `input_type` "query" encodes questions."""

    model_config = ConfigDict(extra="allow")

    input: str | list[str] | list[int] | list[list[int]]
    model: str = ENCODER
    encoding_format: Literal["float", "base64"] = "float"
    dimensions: int | None = None
    input_type: Literal["passage", "query"] = "passage"


class StoreSearch(BaseModel):
    """A search of the vector store."""

    model_config = ConfigDict(extra="allow")

    query: str | list[str]
    max_num_results: int = Field(10, ge=1, le=50)


@router.get("/models")
def list_models(seen: Reading) -> dict[str, Any]:
    """Ways of answering, and the encoder."""
    return {"object": "list", "data": [_model(name) for name in [*ways_of(seen), ENCODER]]}


@router.get("/models/{model}")
def show_model(seen: Reading, model: str) -> dict[str, Any]:
    """One of them."""
    if model not in (*ways_of(seen), ENCODER):
        raise Refused(404, "There is no such model.", where=model[:100], remedy="List them: GET /v1/models")
    return _model(model)


def _model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": 0, "owned_by": "instill"}


@router.post("/embeddings")
def embed(seen: Reading, request: EmbeddingRequest) -> dict[str, Any]:
    """Vectors of length 1, as the index has them."""
    given = [request.input] if isinstance(request.input, str) else request.input
    texts = [text for text in given if isinstance(text, str)]
    if len(texts) != len(given) or not texts:
        raise UsageError("Texts can be encoded, tokens of another model cannot.", where="input", remedy="Send texts.")
    if len(texts) > _MOST_TEXTS or max(map(len, texts)) > _LONGEST_TEXT or not all(text.strip() for text in texts):
        raise UsageError(
            f"At most {_MOST_TEXTS} texts of 1 to {_LONGEST_TEXT:,} characters are encoded at once.", where="input"
        )
    workspace = seen.workspace
    workspace.check_encoder()
    encoder = workspace.encoder
    if request.dimensions not in (None, encoder.dimension):
        raise UsageError(f"The vectors have {encoder.dimension} dimensions.", where="dimensions")
    encode = encoder.encode_queries if request.input_type == "query" else encoder.encode_passages
    vectors = encode(texts).astype("<f4")
    count = sum(len(each.ids) for each in encoder.tokenizer.encode_batch(texts, add_special_tokens=False))
    data = [
        {"object": "embedding", "index": number, "embedding": _vector(vector, request.encoding_format)}
        for number, vector in enumerate(vectors)
    ]
    usage = {"prompt_tokens": count, "total_tokens": count}
    return {"object": "list", "data": data, "model": request.model, "usage": usage}


def _vector(vector: np.ndarray[Any, np.dtype[np.float32]], form: str) -> list[float] | str:
    return base64.b64encode(vector.tobytes()).decode() if form == "base64" else [float(each) for each in vector]


@router.get("/files")
def list_files(seen: Reading) -> dict[str, Any]:
    """The documents that the caller may see."""
    data = [_file(seen, record) for record in seen.workspace.documents()]
    return {"object": "list", "data": data, "has_more": False}


@router.post("/files")
async def add_file(
    seen: Editing, file: Annotated[UploadFile, File()], purpose: Annotated[str, Form()] = "assistants"
) -> dict[str, Any]:
    """Add a document, and wait until it is read."""
    job = await upload(seen, [file], None, None, "{}", _READ_S)
    if job.state != "done" or job.result["failed"]:
        told = job.result["failed"][0] if job.state == "done" else {"what": "It is not read yet.", "remedy": ""}
        raise Refused(
            422, told["what"], where=file.filename or "", remedy=told["remedy"] or f"GET /api/jobs/{job.job_id}"
        )
    path = job.arguments["paths"][0]
    [record] = await anyio.to_thread.run_sync(lambda: seen.workspace.index.records([path]))
    return {**_file(seen, record), "purpose": purpose}


@router.get("/files/{doc_id}")
def show_file(seen: Reading, doc_id: str) -> dict[str, Any]:
    """One document."""
    return _file(seen, found(seen, doc_id))


@router.get("/files/{doc_id}/content", response_class=PlainTextResponse)
def file_content(seen: Reading, doc_id: str) -> str:
    """Its canonical text, to which all citations point."""
    stored = seen.workspace.index.document_text(found(seen, doc_id).doc_id)
    if stored is None:
        raise unknown("No document has this name or id.", doc_id[:100])
    return stored.text


@router.delete("/files/{doc_id}")
def delete_file(seen: Editing, doc_id: str) -> dict[str, Any]:
    """Take a document out of the index."""
    [record] = remove(seen, doc_id).removed
    return {"id": record.doc_id, "object": "file", "deleted": True}


@router.post("/vector_stores/{store}/search")
def search_store(seen: Reading, store: str, request: StoreSearch) -> dict[str, Any]:
    """The passages that fit best, from the one store that there is: "instill"."""
    if store != STORE:
        raise unknown("There is no such vector store.", store[:100], f"It is called {STORE}.")
    query = request.query if isinstance(request.query, str) else " ".join(request.query)
    hits = seen.workspace.search(query, k=request.max_num_results).hits
    data = [
        {
            "file_id": hit.doc_id,
            "filename": seen.named(hit.source),
            "score": hit.score,
            "attributes": {**hit.metadata, "start": hit.start, "end": hit.end, "headings": hit.headings},
            "content": [{"type": "text", "text": hit.text}],
        }
        for hit in hits
    ]
    return {
        "object": "vector_store.search_results.page",
        "search_query": [query],
        "data": data,
        "has_more": False,
        "next_page": None,
    }


def _file(seen: Seen, record: DocumentRecord) -> dict[str, Any]:
    return {
        "id": record.doc_id,
        "object": "file",
        "bytes": record.size,
        "created_at": _seconds(record.added),
        "filename": seen.named(record.source),
        "purpose": "assistants",
        "status": "processed",
        "instill": {"source": record.source, "title": record.title, "labels": list(record.labels)},
    }


def _seconds(moment: str) -> int:
    try:
        return int(datetime.fromisoformat(moment.replace("Z", "+00:00")).astimezone(UTC).timestamp())
    except ValueError:
        return 0
