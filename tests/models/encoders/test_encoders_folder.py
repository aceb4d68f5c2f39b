from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from instill.common.extras import how_to_install
from instill.errors import MissingDependency, UsageError, WorkspaceError
from instill.models.encoders import open_encoder
from instill.models.encoders.cache import file_sha256
from instill.models.encoders.onnx_encoder import OnnxEncoder
from instill.models.encoders.protocol import Encoder, Vectors
from instill.settings import EncoderSettings
from tests.models.encoders.tiny_folders import (
    BERT,
    INNER,
    POSITIONS,
    WIDTH,
    WORDS,
    add_dense,
    bert_tensors,
    write_bert_folder,
    write_json,
)

TEXTS = ["the cat sat on a mat", "rain", "", "Rivers RAN to sea and hills", "the unknown dog", " ".join(WORDS * 5)]
ATOL = 2e-5

pytestmark = pytest.mark.usefixtures("private_cache")


@pytest.fixture
def private_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of encoders for this test alone."""
    monkeypatch.setenv("INSTILL_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


def fp32(folder: Path) -> Encoder:
    return open_encoder(EncoderSettings(model=str(folder), precision="fp32"))


def library_vectors(folder: Path, texts: list[str], prompt: str = "") -> Vectors:
    library = pytest.importorskip("sentence_transformers")
    model = library.SentenceTransformer(str(folder), device="cpu")
    vectors: Vectors = model.encode(texts, prompt=prompt, normalize_embeddings=True)
    return vectors


def bert_by_hand(tensors: dict[str, Any], ids: list[int]) -> Vectors:
    """BERT written out in numpy: the reference that needs no library. Devlin et al. 2018; mean pooling."""
    from math import erf

    def linear(name: str, x: Vectors) -> Vectors:
        return np.asarray(x @ tensors[f"{name}.weight"].T + tensors[f"{name}.bias"])

    def norm(name: str, x: Vectors) -> Vectors:
        centred = x - x.mean(-1, keepdims=True)
        scaled = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-12)
        return np.asarray(scaled * tensors[f"{name}.weight"] + tensors[f"{name}.bias"])

    x = tensors["embeddings.word_embeddings.weight"][ids]
    x = x + tensors["embeddings.position_embeddings.weight"][: len(ids)]
    x = norm("embeddings.LayerNorm", x + tensors["embeddings.token_type_embeddings.weight"][0])
    for number in range(BERT["num_hidden_layers"]):  # type: ignore[call-overload]
        at = f"encoder.layer.{number}."
        heads = []
        q, k, v = (linear(f"{at}attention.self.{part}", x) for part in ("query", "key", "value"))
        for start in range(0, WIDTH, 8):
            part = slice(start, start + 8)
            scores = np.exp(q[:, part] @ k[:, part].T / np.sqrt(8))
            heads.append(scores / scores.sum(-1, keepdims=True) @ v[:, part])
        attended = linear(f"{at}attention.output.dense", np.concatenate(heads, -1))
        x = norm(f"{at}attention.output.LayerNorm", attended + x)
        inner = linear(f"{at}intermediate.dense", x)
        inner = inner * (1 + np.vectorize(erf)(inner / np.sqrt(2))) / 2
        x = norm(f"{at}output.LayerNorm", linear(f"{at}output.dense", inner) + x)
    mean = x.mean(0)
    return np.asarray(mean / np.linalg.norm(mean))


def test_bert_is_what_the_paper_says(tmp_path: Path) -> None:
    encoder = fp32(write_bert_folder(tmp_path / "model"))
    assert isinstance(encoder, OnnxEncoder)
    tensors = {name: tensor.astype(np.float64) for name, tensor in bert_tensors().items()}
    for text in TEXTS[:5]:
        expected = bert_by_hand(tensors, encoder.tokenizer.encode(text).ids)
        np.testing.assert_allclose(encoder.encode_passages([text])[0], expected, atol=ATOL)


def test_int8_of_a_folder_is_close_and_has_its_own_fingerprint(tmp_path: Path) -> None:
    folder = write_bert_folder(tmp_path / "model")
    int8 = open_encoder(EncoderSettings(model=str(folder), precision="int8"))
    cosines = (int8.encode_passages(TEXTS) * fp32(folder).encode_passages(TEXTS)).sum(axis=1)
    assert cosines.min() > 0.995
    assert int8.fingerprint != fp32(folder).fingerprint


@pytest.mark.parametrize(
    "pooling",
    [
        {"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False},
        {"pooling_mode_max_tokens": True, "pooling_mode_mean_tokens": False},
        {"pooling_mode_mean_tokens": True, "pooling_mode_mean_sqrt_len_tokens": True},
        {"pooling_mode": ["cls", "mean"]},
        {"pooling_mode": "lasttoken"},
    ],
)
def test_poolings_match_the_library(tmp_path: Path, pooling: dict[str, Any]) -> None:
    folder = write_bert_folder(tmp_path / "model", pooling={"word_embedding_dimension": WIDTH, **pooling})
    encoder = fp32(folder)
    assert isinstance(encoder, OnnxEncoder)
    np.testing.assert_allclose(encoder.encode_passages(TEXTS), library_vectors(folder, TEXTS), atol=ATOL)


@pytest.mark.parametrize("activation", ["activation.Tanh", "linear.Identity"])
def test_a_dense_layer_matches_the_library(tmp_path: Path, activation: str) -> None:
    folder = write_bert_folder(tmp_path / "model")
    add_dense(folder, 9, f"torch.nn.modules.{activation}")
    encoder = fp32(folder)
    assert encoder.dimension == 9
    np.testing.assert_allclose(encoder.encode_passages(TEXTS), library_vectors(folder, TEXTS), atol=ATOL)


def test_prompts_stand_before_queries_and_passages(tmp_path: Path) -> None:
    prompts = {"query": "the cat ", "document": "rain and "}
    folder = write_bert_folder(tmp_path / "model", prompts=prompts)
    encoder, plain = fp32(folder), fp32(write_bert_folder(tmp_path / "plain"))
    passages, queries = encoder.encode_passages(TEXTS), encoder.encode_queries(TEXTS)
    np.testing.assert_allclose(passages, plain.encode_passages(["rain and " + text for text in TEXTS]), atol=ATOL)
    np.testing.assert_allclose(queries, plain.encode_queries(["the cat " + text for text in TEXTS]), atol=ATOL)
    np.testing.assert_allclose(queries, library_vectors(folder, TEXTS, "the cat "), atol=ATOL)
    assert encoder.fingerprint != plain.fingerprint


def test_the_length_limit_is_the_smallest_that_the_folder_names(tmp_path: Path) -> None:
    assert fp32(write_bert_folder(tmp_path / "a", max_tokens=7)).max_tokens == 7
    assert fp32(write_bert_folder(tmp_path / "b", max_tokens=900)).max_tokens == POSITIONS


def _transformers_config(kind: str) -> Any:
    library = pytest.importorskip("transformers")
    sizes = {"vocab_size": BERT["vocab_size"], "max_position_embeddings": POSITIONS}
    if kind == "distilbert":
        return library.DistilBertConfig(dim=WIDTH, n_layers=2, n_heads=2, hidden_dim=INNER, **sizes)
    shape = {"hidden_size": WIDTH, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": INNER}
    return library.AutoConfig.for_model(kind, **shape, **sizes, pad_token_id=0 if kind == "electra" else 1)


def write_random_model(folder: Path, kind: str) -> Path:
    transformers = pytest.importorskip("transformers")
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    write_bert_folder(folder)
    model = transformers.AutoModel.from_config(_transformers_config(kind))
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    model.save_pretrained(folder)
    if kind != "electra":  # These number positions from the padding token, so it must not be a word of the texts.
        tokenizer = json.loads((folder / "tokenizer.json").read_text("utf-8"))
        vocabulary = tokenizer["model"]["vocab"]
        vocabulary["[PAD]"], vocabulary["[UNK]"] = 1, 0
        tokenizer["added_tokens"] = []
        if tokenizer["padding"]:
            tokenizer["padding"]["pad_id"] = 1
        write_json(folder / "tokenizer.json", tokenizer)
    return folder


@pytest.mark.parametrize("kind", ["roberta", "xlm-roberta", "mpnet", "distilbert"])
def test_other_architectures_match_the_library(tmp_path: Path, kind: str) -> None:
    folder = write_random_model(tmp_path / "model", kind)
    encoder = fp32(folder)
    assert isinstance(encoder, OnnxEncoder)
    np.testing.assert_allclose(encoder.encode_passages(TEXTS), library_vectors(folder, TEXTS), atol=5e-5)


def test_an_unknown_architecture_is_run_by_the_library(tmp_path: Path) -> None:
    folder = write_random_model(tmp_path / "model", "electra")
    encoder = fp32(folder)
    assert not isinstance(encoder, OnnxEncoder)
    reports: list[int] = []
    vectors = encoder.encode_passages(TEXTS, progress=reports.append)
    np.testing.assert_allclose(vectors, library_vectors(folder, TEXTS), atol=1e-6)
    assert vectors.shape == (len(TEXTS), encoder.dimension)
    assert sum(reports) == len(TEXTS)
    assert encoder.encode_passages([]).shape == (0, WIDTH)
    assert len(encoder.tokenizer.encode("the cat")) == 4


def test_without_the_library_an_unknown_architecture_names_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_bert_folder(tmp_path / "model")
    write_json(folder / "config.json", {**BERT, "model_type": "electra"})
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(MissingDependency, match='architecture "electra"') as caught:
        fp32(folder)
    assert caught.value.remedy == how_to_install("train")


def test_folders_that_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not exist"):
        fp32(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match=r"no modules\.json"):
        fp32(tmp_path / "empty")

    pickled = write_bert_folder(tmp_path / "pickled")
    (pickled / "model.safetensors").rename(pickled / "pytorch_model.bin")
    with pytest.raises(WorkspaceError, match=r"no model\.safetensors") as caught:
        fp32(pickled)
    assert "safetensors" in caught.value.remedy

    outside = write_bert_folder(tmp_path / "outside")
    modules = json.loads((outside / "modules.json").read_text("utf-8"))
    modules[1]["path"] = "../elsewhere"
    write_json(outside / "modules.json", modules)
    with pytest.raises(WorkspaceError, match="leads outside"):
        fp32(outside)

    wordless = write_bert_folder(tmp_path / "wordless")
    (wordless / "tokenizer.json").unlink()
    with pytest.raises(WorkspaceError, match=r"no tokenizer\.json"):
        fp32(wordless)


def test_damaged_folders_are_clear_errors(tmp_path: Path) -> None:
    cut = write_bert_folder(tmp_path / "cut")
    whole = (cut / "model.safetensors").read_bytes()
    (cut / "model.safetensors").write_bytes(whole[:2000])
    with pytest.raises(WorkspaceError, match="safetensors"):
        fp32(cut)

    wrong = write_bert_folder(tmp_path / "wrong")
    write_json(wrong / "config.json", {**BERT, "num_hidden_layers": 3})
    with pytest.raises(WorkspaceError, match="do not fit"):
        fp32(wrong)

    broken = write_bert_folder(tmp_path / "broken")
    (broken / "config.json").write_text("{", "utf-8")
    with pytest.raises(WorkspaceError, match="as JSON"):
        fp32(broken)

    garbled = write_bert_folder(tmp_path / "garbled")
    (garbled / "tokenizer.json").write_text("{}", "utf-8")
    with pytest.raises(WorkspaceError, match="tokenizer"):
        fp32(garbled)

    narrow = write_bert_folder(tmp_path / "narrow")
    add_dense(narrow, 9, "torch.nn.modules.activation.Tanh")
    save_file({"linear.weight": np.ones((9, WIDTH + 1), np.float32)}, narrow / "3_Dense" / "model.safetensors")
    with pytest.raises(WorkspaceError, match="do not fit together"):
        fp32(narrow)

    listing = write_bert_folder(tmp_path / "listing")
    (listing / "config.json").write_text("[]", "utf-8")
    with pytest.raises(WorkspaceError, match="JSON object"):
        fp32(listing)


def test_a_folder_is_hashed_again_only_when_a_file_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_bert_folder(tmp_path / "model")
    first = fp32(folder).fingerprint
    read: list[Path] = []

    def spy(path: Path) -> str:
        read.append(path)
        return file_sha256(path)

    monkeypatch.setattr("instill.models.encoders.folder_hash.file_sha256", spy)
    assert fp32(folder).fingerprint == first
    assert read == []
    write_json(folder / "sentence_bert_config.json", {"max_seq_length": 9})
    assert fp32(folder).fingerprint != first
    assert folder / "model.safetensors" in read


def test_changed_weights_change_fingerprint_and_vectors(tmp_path: Path) -> None:
    first = fp32(write_bert_folder(tmp_path / "model", seed=0))
    second = fp32(write_bert_folder(tmp_path / "model", seed=1))
    assert first.fingerprint != second.fingerprint
    assert not np.allclose(first.encode_queries(["rain"]), second.encode_queries(["rain"]), atol=1e-2)


def test_a_copy_elsewhere_is_the_same_encoder(tmp_path: Path) -> None:
    first, second = fp32(write_bert_folder(tmp_path / "a")), fp32(write_bert_folder(tmp_path / "b"))
    assert first.fingerprint == second.fingerprint
