"""Vectors that are told from words: near those of the encoder, for any text, without the encoder reading it."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest

from instill.models.encoders.protocol import Encoder, EncodesWords, Vectors
from instill.models.encoders.shipped_encoder import open_shipped
from instill.models.encoders.word_vectors import WordVectors

SUBJECTS = {
    "sea": ["boat", "harbour", "wave", "sailor", "fish", "storm", "island", "anchor"],
    "law": ["court", "judge", "appeal", "contract", "lawyer", "verdict", "clause", "witness"],
    "food": ["soup", "bread", "oven", "butter", "salt", "kitchen", "recipe", "onion"],
}


def texts(count: int, seed: int) -> tuple[list[str], list[str]]:
    """Sentences of one subject each, and the subjects."""
    random = Random(seed)
    subjects = [random.choice(sorted(SUBJECTS)) for _ in range(count)]
    return [f"The {' '.join(random.choices(SUBJECTS[subject], k=6))}." for subject in subjects], subjects


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return open_shipped(threads=1)


@pytest.fixture(scope="module")
def words(encoder: Encoder) -> WordVectors:
    sample, _ = texts(100, 1)
    return WordVectors(encoder, sample, encoder.encode_passages(sample))


def test_they_are_near_those_of_the_encoder(encoder: Encoder, words: WordVectors) -> None:
    others, subjects = texts(60, 2)
    told, wanted = words.vectors(others), encoder.encode_passages(others)
    assert told.shape == wanted.shape
    assert told.dtype == np.float32
    assert np.allclose(np.linalg.norm(told, axis=1), 1.0, atol=1e-5)
    assert (told * wanted).sum(axis=1).mean() > 0.8
    questions = encoder.encode_queries([f"something about {' and '.join(each[:3])}" for each in SUBJECTS.values()])
    for subject, question in zip(SUBJECTS, questions, strict=True):
        first = np.argsort(-(told @ question))[:10]
        assert sum(subjects[at] == subject for at in first) >= 9


def test_any_text_has_one_and_the_same_each_time(words: WordVectors) -> None:
    hostile = ["", " ", "\u200b", "zzzqqq xkcd", "boat " * 5000, "x\ud800y"]
    told: Vectors = words.vectors(hostile)
    assert np.isfinite(told).all()
    assert np.allclose(np.linalg.norm(told, axis=1), 1.0, atol=1e-5)
    assert np.array_equal(told, words.vectors(hostile))
    assert np.allclose(told, np.concatenate([words.vectors([text]) for text in hostile]), atol=1e-5)


def test_words_that_are_encoded_together_are_near_those_that_are_encoded_alone(encoder: Encoder) -> None:
    assert isinstance(encoder, EncodesWords)
    found = [f"{word} {number}" for number in range(40) for each in SUBJECTS.values() for word in each]
    found += [word for each in SUBJECTS.values() for word in each]
    together, alone = encoder.encode_words(found), encoder.encode_passages(found)
    assert np.allclose(np.linalg.norm(together, axis=1), 1.0, atol=1e-5)
    assert (together * alone).sum(axis=1).min() > 0.97
    assert encoder.encode_words([]).shape == (0, encoder.dimension)
