"""Instill beside other programs: which documents and queries go in, how much of a text is read, and the table."""

from __future__ import annotations

from typing import Any

import pytest
from peers import chosen, scores, spread, synthetic, table
from peers_arms import Piece, share_read, whole
from retrieval import Collection
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from tokenizers.processors import TemplateProcessing


@pytest.fixture
def words() -> Tokenizer:
    """A token for each word, and a mark at each end."""
    tokenizer = Tokenizer(WordLevel({"[UNK]": 0, "[CLS]": 1, "[SEP]": 2}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.post_processor = TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 1), ("[SEP]", 2)])
    return tokenizer


@pytest.mark.parametrize(("tokens", "share"), [(3, 0.25), (4, 0.5), (6, 1.0), (256, 1.0)])
def test_what_is_cut_off_is_not_read(words: Tokenizer, tokens: int, share: float) -> None:
    texts = {"a": "ab cd ef gh"}
    assert share_read(texts, whole(texts), words, tokens) == share


def test_what_stands_before_a_text_takes_its_place(words: Tokenizer) -> None:
    texts = {"a": "ab cd ef gh"}
    pieces = [Piece("a", "file: a.txt\n\nab cd ef gh", "ab cd ef gh", 0)]
    assert share_read(texts, pieces, words, 8) == 0.25  # "file", ":", "a", ".", "txt", "ab" and two marks


def test_passages_are_added_up_and_counted_once(words: Tokenizer) -> None:
    texts = {"a": "ab cd ef gh"}
    pieces = [Piece("a", "t\nab cd", "ab cd", 0), Piece("a", "t\ncd ef", "cd ef", 3)]
    assert share_read(texts, pieces, words, 256) == 0.75


def collection(documents: int, judged: int) -> Collection:
    """Each of the queries has one document."""
    rows = [(f"d{number}", "", "text") for number in range(documents)]
    queries = [(f"q{number}", "words") for number in range(judged)]
    return Collection("made", rows, queries, {f"q{number}": {f"d{number}": 1.0} for number in range(judged)})


def test_at_most_half_of_the_documents_are_judged() -> None:
    found = chosen(collection(100, 40), 20)
    assert [query for query, _ in found.queries] == [f"q{number}" for number in range(10)]
    assert len(found.documents) == 20
    assert {f"d{number}" for number in range(10)} <= {name for name, _, _ in found.documents}


def test_all_queries_are_asked_where_there_is_room() -> None:
    found = chosen(collection(100, 10), 50)
    assert (len(found.queries), len(found.documents)) == (10, 50)


def test_a_synthetic_query_has_words_of_its_document() -> None:
    found = synthetic(12)
    texts = {name: text for name, _, text in found.documents}
    assert all(query in texts[name] for name, query in found.queries)


def test_scores_of_a_ranking() -> None:
    gained, hit = scores(collection(3, 2), [["000000"], ["000002"]])
    assert (gained, hit) == ([1.0, 0.0], [1.0, 0.0])


def test_the_interval_of_rounds() -> None:
    assert [round(each, 2) for each in spread([1.9, 2.0, 2.1])] == [2.0, 1.76, 2.26]


def outcome(arm: str, number: int, seconds: float, **asked: Any) -> dict[str, Any]:
    fixed = {"process_seconds": 2 * seconds, "processor_seconds": seconds, "peak_mb": 100.0, "disk_mb": 1.0}
    return {"arm": arm, "round": number, "seconds": seconds, "versions": {arm.lower(): "1"}, **fixed, **asked}


def test_the_table_has_ratios_to_the_fastest_peer() -> None:
    asked = {"found": [["000000"], ["000001"]], "pieces": 4, "tokens": 256, "share_read": 0.5}
    runs = [
        outcome(arm, number, seconds, **(asked if number == 0 else {}))
        for number in (0, 1)
        for arm, seconds in (("Chroma", 2.0), ("txtai", 4.0), ("Instill", 1.0))
    ]
    lines = table(collection(4, 2), runs).splitlines()
    assert lines[2] == "| Chroma | 2.0 [2.0, 2.0] | 2.0 | 1.0 | 1.00 | 256 tokens | 50.0% | 1.000 | 1.000 | 100 | 1.0 |"
    assert lines[6] == (
        "Instill: 2.00 [2.00, 2.00] times as fast as Chroma; in processor time 2.00 [2.00, 2.00]. "
        "nDCG@10 minus that of Chroma: +0.000 [+0.000, +0.000]"
    )
    assert lines[-1] == "chroma 1, instill 1, txtai 1"
