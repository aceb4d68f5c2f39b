"""The encoder and the reader that come with the package: their files belong together and say what they are."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from instill.errors import UsageError
from instill.models.encoders import open_encoder
from instill.models.encoders.known_vectors import KnownVectors
from instill.models.encoders.minilm import find_minilm
from instill.models.encoders.protocol import Encoder, Vectors
from instill.models.encoders.transformer_weights import read_tensors
from instill.models.encoders.word_table import WordTable
from instill.models.weights import shipped
from instill.settings import EncoderSettings


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return open_encoder(EncoderSettings(threads=2))


@pytest.mark.parametrize("name", ["encoder", "reader"])
def test_the_fingerprint_is_that_of_the_files(name: str) -> None:
    digest = hashlib.sha256()
    for file in (f"{name}.onnx", "words.bin", "tokenizer.json"):
        digest.update((shipped() / file).read_bytes())
    manifest = json.loads((shipped() / f"{name}.json").read_text(encoding="utf-8"))
    assert manifest["fingerprint"].endswith(digest.hexdigest()[:24])
    card = (shipped() / f"{name.upper()}.md").read_text(encoding="utf-8")
    assert manifest["fingerprint"] in card
    assert manifest["command"] in card
    assert all(line in card for line in manifest["attribution"])


def test_the_words_are_the_base_s(tmp_path: Path) -> None:
    WordTable.of(read_tensors(find_minilm())["embeddings.word_embeddings.weight"]).save(tmp_path)
    assert (tmp_path / "words.bin").read_bytes() == (shipped() / "words.bin").read_bytes()


def test_vectors_have_length_one_and_do_not_depend_on_their_neighbours(
    encoder: Encoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encoder, "_known", None)  # Every vector is computed.
    texts = ["", "Green tea is brewed at 80 degrees.", "word " * 1000, "図書館はどこですか。"]
    vectors = encoder.encode_passages(texts)
    assert vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(4), abs=1e-6)
    assert np.array_equal(encoder.encode_passages(texts[1:2])[0], vectors[1])


def test_a_text_is_computed_once_and_its_vector_stays_the_same(
    encoder: Encoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    computed: list[str] = []
    real = encoder._computed  # type: ignore[attr-defined]

    def counted(texts: Sequence[str], progress: Callable[[int], None] | None) -> Vectors:
        computed.extend(texts)
        found: Vectors = real(texts, progress)
        return found

    monkeypatch.setattr(encoder, "_computed", counted)
    monkeypatch.setattr(encoder, "_known", KnownVectors(most=3))
    done: list[int] = []
    first = encoder.encode_passages(["one", "two", "one"])
    kept = first.copy()
    first[:] = 0  # A caller may change what it got.
    again = encoder.encode_passages(["two", "three", "one"], progress=done.append)
    assert np.array_equal(again[[2, 0]], kept[:2])
    assert (computed, done) == (["one", "two", "three"], [3])
    encoder.encode_passages(["four"])
    encoder.encode_passages(["three", "one"])  # "two" was asked for longest ago.
    assert computed == ["one", "two", "three", "four"]
    long = ["five " * 500]  # A page is not remembered.
    assert np.array_equal(encoder.encode_passages(long), encoder.encode_passages(long))
    assert computed[4:] == long * 2


def test_what_is_meant_is_near(encoder: Encoder) -> None:
    [query] = encoder.encode_queries(["How hot should the water for green tea be?"])
    passages = ["Green tea is brewed at 80 degrees.", "The king died at sea in 1120.", "Returns take thirty days."]
    near = encoder.encode_passages(passages) @ query
    assert near.argmax() == 0
    assert near[0] > 0.5 > near[1:].max()


def test_it_opens_without_heavy_packages() -> None:
    program = (
        "import sys, json; from instill.models.encoders import open_encoder\n"
        "from instill.settings import EncoderSettings\n"
        "open_encoder(EncoderSettings()).encode_queries(['x']); print(json.dumps(sorted(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    loaded = {name.partition(".")[0] for name in json.loads(done.stdout)}
    assert loaded.isdisjoint({"torch", "transformers", "sentence_transformers", "pandas", "onnx", "safetensors"})


def test_fp32_is_refused_with_what_to_set() -> None:
    with pytest.raises(UsageError, match="int8 only") as caught:
        open_encoder(EncoderSettings(precision="fp32"))
    assert "minilm" in caught.value.remedy
