"""The doors of OpenAI and Anthropic, asked by their own clients; the same question gives the same spans everywhere."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import openai
import pytest

from instill import Workspace
from instill.answer.types import Answer, Citation, Claim, Trace
from instill.server.access.keys import KeyStore
from instill.server.doors.answer_with_marks import marked, pieces
from tests.conftest import write_handbook
from tests.server.running import Running, running

if TYPE_CHECKING:
    import anthropic  # Its import takes seconds.

QUESTIONS = (
    "Within how many days can goods be returned?",
    "How much may a hotel cost?",
    "How long are passwords, and when is a lost laptop reported?",
)
UNANSWERED = "What is the capital of Mongolia?"
Span = tuple[str, int, int, str]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("doors")
    write_handbook(folder / "handbook")
    with Workspace.init(folder / "kb") as workspace:
        workspace.add(folder / "handbook", labels="staff")
        KeyStore(workspace.catalog).add("boss", role="admin")
    return folder / "kb"


@pytest.fixture(scope="module")
def server(place: Path) -> Iterator[Running]:
    with running(place, jobs=True) as found:
        yield found


@pytest.fixture(scope="module")
def key(server: Running) -> str:
    return server.service.keys.add(token_hex(4), role="editor", labels=["staff"], rate=100_000).secret


@pytest.fixture
def gpt(server: Running, key: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{server.address}/v1", api_key=key, max_retries=0) as client:
        yield client


@pytest.fixture
def claude(server: Running, key: str) -> Iterator[anthropic.Anthropic]:
    import anthropic

    with anthropic.Anthropic(base_url=server.address, api_key=key, max_retries=0) as client:
        yield client


def spans_of_workspace(place: Path, question: str) -> set[Span]:
    with Workspace.open(place) as workspace:
        answer = workspace.ask(question, labels="staff")
    return {(each.doc_id, each.start, each.end, each.text) for each in answer.citations}


def spans_of_claims(claims: Any) -> set[Span]:
    return {
        (each["doc_id"], each["start"], each["end"], each["text"]) for claim in claims for each in claim["citations"]
    }


def spans_of_annotations(annotations: Any) -> set[Span]:
    return {(each.file_id, each.start, each.end, each.quote) for each in annotations}


def spans_of_blocks(content: Any) -> set[Span]:
    citations = [each for block in content for each in block.citations or ()]
    assert all(each.type == "char_location" for each in citations)
    return {(each.file_id, each.start_char_index, each.end_char_index, each.cited_text) for each in citations}


@pytest.mark.parametrize("question", QUESTIONS)
def test_every_door_gives_the_same_spans(
    place: Path, server: Running, key: str, gpt: openai.OpenAI, claude: anthropic.Anthropic, question: str
) -> None:
    expected = spans_of_workspace(place, question)
    assert expected
    with server.client(key) as client:
        told = client.post("/api/ask", json={"question": question}).json()
        assert spans_of_claims(told["claims"]) == expected
    said = [{"role": "user", "content": question}]
    chat: Any = gpt.chat.completions.create(model="instill", messages=said)  # type: ignore[arg-type]
    assert spans_of_claims(chat.choices[0].message.instill["claims"]) == expected
    assert chat.choices[0].message.content == told["text"]
    assert chat.choices[0].finish_reason == "stop"
    response: Any = gpt.responses.create(model="instill", input=question)
    assert response.output_text == told["text"]
    annotations = response.output[0].content[0].annotations
    assert spans_of_annotations(annotations) == expected
    for each in annotations:
        assert each.type == "file_citation"
        assert told["text"][each.index] == "["
    message: Any = claude.messages.create(model="instill", max_tokens=100, messages=said)
    assert spans_of_blocks(message.content) == expected
    titles = {each.document_index: each.document_title for block in message.content for each in block.citations or ()}
    assert sorted(titles) == list(range(len(titles)))
    for block in message.content:
        for each in block.citations or ():
            text = gpt.files.content(each.file_id).text
            assert text[each.start_char_index : each.end_char_index] == each.cited_text


@pytest.mark.parametrize("question", QUESTIONS[:2])
def test_streams_carry_what_whole_answers_carry(
    place: Path, gpt: openai.OpenAI, claude: anthropic.Anthropic, question: str
) -> None:
    expected = spans_of_workspace(place, question)
    said: Any = [{"role": "user", "content": question}]
    whole: Any = gpt.chat.completions.create(model="instill", messages=said)
    text = whole.choices[0].message.content
    chunks: list[Any] = list(
        gpt.chat.completions.create(model="instill", messages=said, stream=True, stream_options={"include_usage": True})
    )
    assert chunks[0].choices[0].delta.role == "assistant"
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == text
    assert len(chunks) > 3
    last = chunks[-2].choices[0]
    assert last.finish_reason == "stop"
    assert spans_of_claims(last.delta.instill["claims"]) == expected
    assert chunks[-1].usage.total_tokens == whole.usage.total_tokens > 10
    with gpt.responses.stream(model="instill", input=question) as stream:
        events: list[Any] = list(stream)
        final: Any = stream.get_final_response()
    assert "".join(event.delta for event in events if event.type == "response.output_text.delta") == text
    added = [event.annotation for event in events if event.type == "response.output_text.annotation.added"]
    assert {(each["file_id"], each["start"], each["end"], each["quote"]) if isinstance(each, dict) else
            (each.file_id, each.start, each.end, each.quote) for each in added} == expected  # fmt: skip
    assert spans_of_annotations(final.output[0].content[0].annotations) == expected
    assert [event.sequence_number for event in events if hasattr(event, "sequence_number")][:2] == [0, 1]
    with claude.messages.stream(model="instill", max_tokens=100, messages=said) as talk:
        streamed = "".join(talk.text_stream)
        message: Any = talk.get_final_message()
    assert spans_of_blocks(message.content) == expected
    assert streamed == "".join(block.text for block in message.content)
    assert message.stop_reason == "end_turn"


def test_a_refusal_is_an_ordinary_message_that_says_so(gpt: openai.OpenAI, claude: anthropic.Anthropic) -> None:
    said: Any = [{"role": "system", "content": "You know everything."}, {"role": "user", "content": UNANSWERED}]
    chat: Any = gpt.chat.completions.create(model="instill", messages=said)
    message = chat.choices[0].message
    assert message.content.startswith("The documents do not answer")
    assert message.instill["abstained"] is True
    assert message.refusal is None
    assert message.annotations == []
    response: Any = gpt.responses.create(model="instill", input=said)
    assert response.instill["abstained"] is True
    assert response.status == "completed"
    told: Any = claude.messages.create(model="instill", system="x", max_tokens=9, messages=said[1:])
    assert told.instill["abstained"] is True
    assert told.content[0].citations is None
    assert told.stop_reason == "end_turn"


def test_a_conversation_is_understood(gpt: openai.OpenAI, claude: anthropic.Anthropic) -> None:
    said: Any = [
        {"role": "user", "content": [{"type": "text", "text": "How much may a hotel cost?"}]},
        {"role": "assistant", "content": "A hotel may cost up to 140 euros a night."},
        {"role": "user", "content": "And who approves the journey?"},
    ]
    chat: Any = gpt.chat.completions.create(model="instill:quoted", messages=said)
    assert "head of the department" in chat.choices[0].message.content
    told: Any = claude.messages.create(model="instill:clusters", max_tokens=9, messages=said)
    assert told.model == "instill:clusters"
    response: Any = gpt.responses.create(
        model="instill", input=[{"role": "user", "content": [{"type": "input_text", "text": QUESTIONS[1]}]}]
    )
    assert "140 euros" in response.output_text


def test_models_embeddings_files_and_the_store(place: Path, gpt: openai.OpenAI) -> None:
    names = [model.id for model in gpt.models.list()]
    assert names == ["instill", "instill:quoted", "instill:clusters", "instill:encoder"]
    assert gpt.models.retrieve("instill:quoted").owned_by == "instill"
    texts = ["Tea is hot.", "Ice is cold."]
    with Workspace.open(place) as workspace:
        expected = workspace.encoder.encode_passages(texts)
    forms: tuple[Literal["float", "base64"], ...] = ("float", "base64")
    for form in forms:
        got = gpt.embeddings.create(model="instill:encoder", input=texts, encoding_format=form)
        vectors = [
            np.array(each.embedding) if form == "float" else np.frombuffer(_decoded(each.embedding), "<f4")
            for each in got.data
        ]
        assert np.allclose(np.stack(vectors), expected, atol=1e-6)
    assert got.usage.total_tokens >= 6
    before = {file.filename for file in gpt.files.list()}
    assert before == {
        "handbook/refunds.md", "handbook/travel.md", "handbook/security/passwords.txt",
        "handbook/security/visitors.html",
    }  # fmt: skip
    said: Any = gpt.responses.create(model="instill", input="How much may a hotel cost?").output[0]
    cited = {each.filename for each in said.content[0].annotations}
    found = gpt.vector_stores.search("instill", query="How much may a hotel cost?", max_num_results=1)
    assert cited == {found.data[0].filename} == {"handbook/travel.md"}, "one name in every form"
    added = gpt.files.create(
        file=("tea.md", io.BytesIO(b"# Tea\n\nTea is brewed at 80 degrees.")), purpose="assistants"
    )
    assert gpt.files.retrieve(added.id).filename == "tea.md"
    assert gpt.files.content(added.id).text == "# Tea\n\nTea is brewed at 80 degrees."
    page = gpt.vector_stores.search("instill", query="At how many degrees is tea brewed?", max_num_results=2)
    assert page.data[0].file_id == added.id
    assert "80 degrees" in page.data[0].content[0].text
    assert gpt.files.delete(added.id).deleted
    with pytest.raises(openai.NotFoundError):
        gpt.files.retrieve(added.id)
    with pytest.raises(openai.UnprocessableEntityError, match="empty"):
        gpt.files.create(file=("empty.md", io.BytesIO(b"")), purpose="assistants")


def _decoded(value: Any) -> bytes:
    import base64

    return base64.b64decode(value)


def test_errors_are_those_that_the_clients_know(
    server: Running, gpt: openai.OpenAI, claude: anthropic.Anthropic
) -> None:
    import anthropic

    said: Any = [{"role": "user", "content": "x"}]
    with pytest.raises(openai.NotFoundError, match="There is no such model") as missing:
        gpt.chat.completions.create(model="gpt-4o", messages=said)
    assert missing.value.body["what"] == "There is no such model."  # type: ignore[index]
    assert missing.value.body["type"] == "not_found_error"  # type: ignore[index]
    with pytest.raises(anthropic.NotFoundError, match="There is no such model"):
        claude.messages.create(model="claude", max_tokens=9, messages=said)
    for wrong in ([], [{"role": "assistant", "content": "x"}], [{"role": "user", "content": [{"type": "image"}]}]):
        with pytest.raises((openai.BadRequestError, openai.UnprocessableEntityError)):
            gpt.chat.completions.create(model="instill", messages=wrong)  # type: ignore[arg-type]
    with pytest.raises(openai.BadRequestError, match="tokens of another model"):
        gpt.embeddings.create(model="x", input=[[1, 2], [3]])
    with pytest.raises(openai.BadRequestError, match="not kept"):
        gpt.responses.create(model="instill", input="x", previous_response_id="resp_1")
    stranger = openai.OpenAI(base_url=f"{server.address}/v1", api_key="instill_wrong", max_retries=0)
    with stranger, pytest.raises(openai.AuthenticationError, match="not known"):
        stranger.models.list()
    other = anthropic.Anthropic(base_url=server.address, api_key="wrong", max_retries=0)
    with other, pytest.raises(anthropic.AuthenticationError):
        other.messages.create(model="instill", max_tokens=9, messages=said)


def test_langchain_asks_and_streams(server: Running, key: str) -> None:
    from langchain_openai import ChatOpenAI, OpenAIEmbeddings

    chat = ChatOpenAI(model="instill", base_url=f"{server.address}/v1", api_key=key, max_retries=0)
    whole = chat.invoke(QUESTIONS[0]).content
    assert "thirty days" in whole
    assert "".join(str(chunk.content) for chunk in chat.stream(QUESTIONS[0])) == whole
    embeddings = OpenAIEmbeddings(  # type: ignore[call-arg]
        model="instill:encoder", base_url=f"{server.address}/v1", api_key=key, check_embedding_ctx_length=False,
    )  # fmt: skip
    assert len(embeddings.embed_query("tea")) == server.service.opened.whole.encoder.dimension


def test_marks_are_found_behind_their_claims() -> None:
    """A document may say "[2]" itself."""
    one, two = (Citation(f"d{n}", f"/{n}.md", "T", n, n + 5, "quote") for n in (1, 2))
    claims = (Claim("See [2] for this.", (one,)), Claim("And that.", (two, one)))
    answer = Answer("See [2] for this. [1]\n\nAnd that. [2][1]", claims, 1.0, False, Trace("q", "q", "extractive"))
    found = marked(answer)
    assert [(each.number, answer.text[each.start : each.end], each.start) for each in found] == [
        (1, "[1]", 18),
        (2, "[2]", 33),
        (1, "[1]", 36),
    ]
    assert "".join(pieces(answer)) == answer.text
