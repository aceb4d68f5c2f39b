"""Estimated vectors: close where passages are alike, never for prose, and never for the one that is unlike."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest

from instill.models.encoders.estimated import FITTED, LEAST_COSINE, DocumentVectors, document_vectors
from instill.models.encoders.protocol import Encoder, Vectors
from instill.models.encoders.shipped_encoder import open_shipped

FIRST = ["Ember", "Amber", "Maple", "Kelp", "Willow", "Pine", "Umber", "Copper"]
COLOURS = ["red", "blue", "green", "black", "white", "yellow"]
REMARK = "the battery is empty after an hour"


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return open_shipped(threads=1)


def rows(count: int) -> list[str]:
    random = Random(5)
    return [
        f"number: {number}; name: {random.choice(FIRST)}; colour: {random.choice(COLOURS)}; pieces: "
        f"{random.randint(1, 99)}"
        for number in range(count)
    ]


@pytest.fixture(scope="module")
def exact(encoder: Encoder) -> Vectors:
    return encoder.encode_passages(rows(400))


@pytest.fixture(scope="module")
def like(encoder: Encoder) -> DocumentVectors:
    return document_vectors(encoder, [*rows(400), f"number: 400; remark: {REMARK}"], estimated_from=300)


def test_rows_that_are_alike_are_estimated_closely(exact: Vectors, like: DocumentVectors) -> None:
    assert 100 < like.estimated <= 400 - FITTED
    cosines = (like.vectors[:400] * exact).sum(axis=1)
    estimated = ~like.computed[:400]
    assert np.allclose(cosines[~estimated], 1.0, atol=1e-5)
    assert cosines[estimated].mean() >= LEAST_COSINE
    assert np.allclose(np.linalg.norm(like.vectors, axis=1), 1.0, atol=1e-5)


def test_what_was_promised_is_what_it_came_to(exact: Vectors, like: DocumentVectors) -> None:
    estimated = ~like.computed[:400]
    assert (like.vectors[:400] * exact).sum(axis=1)[estimated].mean() == pytest.approx(like.cosine, abs=0.02)


def test_a_row_that_is_unlike_is_computed(encoder: Encoder, like: DocumentVectors) -> None:
    assert like.computed[400]
    question = encoder.encode_queries(["Whose device does not hold its charge?"])[0]
    assert int(np.argmax(like.vectors @ question)) == 400


def test_prose_is_computed_to_the_last_bit(encoder: Encoder) -> None:
    random = Random(6)
    vocabulary = [word for word in encoder.tokenizer.get_vocab() if word.isalpha() and len(word) > 3]
    texts = [" ".join(random.choices(sorted(vocabulary), k=3)) for _ in range(FITTED + 60)]
    found = document_vectors(encoder, texts, estimated_from=1)
    assert found.estimated == 0
    assert np.array_equal(found.vectors, encoder.encode_passages(texts))


def test_short_documents_and_zero_are_computed(encoder: Encoder, exact: Vectors) -> None:
    for estimated_from in (0, 401):
        found = document_vectors(encoder, rows(400), estimated_from=estimated_from)
        assert found.estimated == 0
        assert np.array_equal(found.vectors, exact)


def test_the_same_document_gets_the_same_vectors(encoder: Encoder, like: DocumentVectors) -> None:
    again = document_vectors(encoder, [*rows(400), f"number: 400; remark: {REMARK}"], estimated_from=300)
    assert np.array_equal(again.vectors, like.vectors)


def test_equal_texts_are_encoded_once(encoder: Encoder) -> None:
    class Counting:
        seen = 0

        def __getattr__(self, name: str) -> object:
            return getattr(encoder, name)

        def encode_passages(self, texts: list[str]) -> np.ndarray:
            self.seen += len(texts)
            return encoder.encode_passages(texts)

    counting = Counting()
    found = document_vectors(counting, ["a b", "c d", "a b"] * 500, estimated_from=1000)  # type: ignore[arg-type]
    assert counting.seen == 2
    assert found.vectors.shape == (1500, encoder.dimension)
    assert np.array_equal(found.vectors[0::3], found.vectors[2::3])


def test_remarks_are_computed_though_the_sample_holds_some_of_them(encoder: Encoder) -> None:
    texts = rows(500)
    remarks = {number: f"number: {number}; name: Ember; colour: red; remark: {REMARK}" for number in range(7, 500, 50)}
    remarks |= {number: f"number: {number}; name: Pine; colour: blue; remark: the invoice was charged twice"
                for number in range(23, 500, 50)}  # fmt: skip
    for number, text in remarks.items():
        texts[number] = text
    found = document_vectors(encoder, texts, estimated_from=300)
    assert found.estimated > 200
    assert sum(found.computed[number] for number in remarks) >= 0.9 * len(remarks)
    questions = encoder.encode_queries(["Whose device does not hold its charge?", "Who paid two times?"])
    best = np.argsort(-(questions @ found.vectors.T), axis=1)[:, :5]
    assert {int(number) % 50 for number in best[0]} == {7}
    assert {int(number) % 50 for number in best[1]} == {23}
