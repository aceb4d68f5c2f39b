"""A follow-up is understood from the messages alone, as where the citations of the conversation are kept."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest

from instill import Workspace
from instill.answer.types import Turn
from instill.server.access.keys import KeyStore
from tests.server.running import Running, running
from tests.server.test_api import ok

DOCUMENTS = {
    "laptops": "# Ordering laptops\n\nA laptop is ordered in the hardware portal by the team lead.\n\n## Delivery\n\n"
    "Delivery takes ten working days.\n\n## Approval\n\nThe head of the department approves the order.\n\n"
    "## Limit\n\nThe limit is 1,500 euros.\n",
    "expenses": "# Expense reports\n\nAn expense report is submitted in the finance tool with all receipts.\n\n"
    "## Payment\n\nPayment takes five working days.\n\n## Approval\n\nThe direct manager approves the report.\n\n"
    "## Limit\n\nThe limit is 300 euros.\n",
    "visas": "# Visas\n\nA visa is requested from the travel desk with a copy of the passport.\n\n## Processing\n\n"
    "Processing takes six weeks.\n\n## Approval\n\nThe embassy approves the visa.\n\n"
    "## Limit\n\nThe limit is two visas a year.\n",
}
TALKS = [
    ("Where is a laptop ordered?", "and how long does that take?", "ten working days"),
    ("Where is a laptop ordered?", "What is the limit?", "1,500 euros"),
    ("How is an expense report submitted?", "Who approves it?", "direct manager"),
    ("How is an expense report submitted?", "What is the limit?", "300 euros"),
    ("Where is a visa requested?", "and how long does that take?", "six weeks"),
    ("Where is a visa requested?", "What is the limit?", "two visas a year"),
]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    with Workspace.init(tmp_path_factory.mktemp("follow") / "kb") as workspace:
        for name, text in DOCUMENTS.items():
            workspace.add_text(text, name=f"{name}.md", labels=["staff"])
        workspace.add_text(DOCUMENTS["visas"].replace("six weeks", "two days"), name="hidden.md", labels=["board"])
        return workspace.path


@pytest.fixture(scope="module")
def server(place: Path) -> Iterator[Running]:
    with running(place) as found:
        yield found


@pytest.fixture(scope="module")
def secret(place: Path) -> str:
    with Workspace.open(place) as workspace:
        return KeyStore(workspace.catalog).add("ann", role="editor", labels=["staff"], rate=10_000).secret


def spans(answer: Any) -> set[tuple[str, int, int]]:
    return {(each["doc_id"], each["start"], each["end"]) for claim in answer["claims"] for each in claim["citations"]}


@pytest.mark.parametrize(("first", "follow", "words"), TALKS)
def test_the_official_clients_get_what_the_page_gets(
    server: Running, secret: str, first: str, follow: str, words: str
) -> None:
    import anthropic

    with server.client(secret) as client:
        talk = ok(client.post("/api/chat", json={"text": first}))
        kept = ok(client.post("/api/chat", json={"text": follow, "conversation_id": talk["conversation_id"]}))["answer"]
        assert (kept["abstained"], words in kept["text"]) == (False, True)
        history = [{"role": "user", "text": first}, {"role": "assistant", "text": talk["answer"]["text"]}]
        bare = ok(client.post("/api/ask", json={"question": follow, "history": history}))
        assert (spans(bare), bare["text"]) == (spans(kept), kept["text"])
    with openai.OpenAI(base_url=f"{server.address}/v1", api_key=secret, max_retries=0) as gpt:
        said: Any = [{"role": "user", "content": first}]
        reply: Any = gpt.chat.completions.create(model="instill", messages=said)
        said += [
            {"role": "assistant", "content": reply.choices[0].message.content},
            {"role": "user", "content": follow},
        ]
        reply = gpt.chat.completions.create(model="instill", messages=said)
        assert spans(reply.choices[0].message.instill) == spans(kept)
        response: Any = gpt.responses.create(model="instill", input=said)
        assert response.output_text == kept["text"]
    with anthropic.Anthropic(base_url=server.address, api_key=secret, max_retries=0) as claude:
        message: Any = claude.messages.create(model="instill", max_tokens=99, messages=said)
        cited = {(place.document_title, place.cited_text) for part in message.content for place in part.citations or ()}
        assert any(words in text for _, text in cited)


def test_only_what_the_caller_sees_is_found_again(place: Path) -> None:
    with Workspace.open(place) as workspace:
        told = [Turn("user", "How long does a visa take?"), Turn("assistant", "Processing takes two days.")]
        answer = workspace.ask("Who approves it?", history=told, labels=["staff"])
        assert {each.source for each in answer.citations} <= {"stdin:visas.md"}
