from __future__ import annotations

from pathlib import Path

from instill.answer.said.clusters_answer import clusters_of, keywords
from tests.answer.answer_corpus import Corpus

TOPICS = {
    "noise": ["The night train is too loud near the harbour.", "Noise from the train wakes the guests at night."],
    "price": ["Guests complain that the ticket price is too high.", "The price of a train ticket doubled for guests."],
    "food": ["The food on the train was cold, guests complain.", "Guests say the food in the train kitchen is stale."],
}
FILES = {
    f"{topic}{number}.md": f"# Letter {topic} {number}\n\n{text}\n"
    for topic, texts in TOPICS.items()
    for number, text in enumerate(texts)
} | {"other.md": "# Garden\n\nRoses need water in summer.\n"}


def test_one_answer_from_many_documents(tmp_path: Path) -> None:
    corpus = Corpus.of(FILES, tmp_path / "index")
    answer = corpus.verified(
        corpus.answerer(threshold=0.0).ask("What do guests complain about on the train?", mode="clusters")
    )
    assert answer.trace.method == "clusters"
    topics = {citation.source.removesuffix(".md").rstrip("01") for citation in answer.citations}
    assert {"price", "food"} <= topics
    assert len(answer.trace.clusters) >= 2
    assert all(": " in line and "passage" in line for line in answer.trace.clusters)
    assert "Roses" not in answer.text


def test_clusters_refuse_too(company: Corpus) -> None:
    answer = company.answerer().ask("What is the capital of Mongolia?", mode="clusters")
    assert answer.abstained
    assert answer.trace.method == "clusters"


def test_clusters_follow_the_ranking(company: Corpus) -> None:
    hits = list(company.search("oven bread", k=8))
    found = clusters_of(hits, company.index.vectors_of(hits))
    assert sorted(hit.text for group in found for hit in group.hits) == sorted(hit.text for hit in hits)
    assert found[0].hits[0] == hits[0]


def test_keywords() -> None:
    assert keywords("What do our customers complain about?") == "customers complain"
    assert keywords("Why?") == "Why?"
