"""Tiny randomly initialised models in the layout of sentence-transformers, written without any of its code."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

WORDS = "the cat sat on a mat while rain fell over hills and rivers ran to sea".split()  # noqa: SIM905
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
WIDTH, HEADS, LAYERS, INNER, POSITIONS = 16, 2, 2, 24, 40

BERT = {
    "architectures": ["BertModel"],
    "model_type": "bert",
    "hidden_act": "gelu",
    "hidden_size": WIDTH,
    "intermediate_size": INNER,
    "layer_norm_eps": 1e-12,
    "max_position_embeddings": POSITIONS,
    "num_attention_heads": HEADS,
    "num_hidden_layers": LAYERS,
    "pad_token_id": 0,
    "type_vocab_size": 2,
    "vocab_size": len(WORDS) + len(SPECIAL),
}


def write_json(path: Path, content: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), "utf-8")


def write_tokenizer(folder: Path) -> None:
    vocabulary = {word: number for number, word in enumerate(SPECIAL + WORDS)}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    # A setting that checkpoints carry and that must not reach the vectors.
    tokenizer.enable_padding(length=12)
    tokenizer.save(str(folder / "tokenizer.json"))
    names = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    write_json(
        folder / "tokenizer_config.json",
        {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": 512, **names},
    )


def bert_tensors(seed: int = 0) -> dict[str, np.ndarray[Any, np.dtype[np.float32]]]:
    chance = np.random.default_rng(seed)

    def matrix(*shape: int) -> np.ndarray[Any, np.dtype[np.float32]]:
        return chance.normal(0, 0.3, shape).astype(np.float32)

    tensors = {
        "embeddings.word_embeddings.weight": matrix(len(WORDS) + len(SPECIAL), WIDTH),
        "embeddings.position_embeddings.weight": matrix(POSITIONS, WIDTH),
        "embeddings.token_type_embeddings.weight": matrix(2, WIDTH),
        "embeddings.LayerNorm.weight": 1 + matrix(WIDTH),
        "embeddings.LayerNorm.bias": matrix(WIDTH),
    }
    for number in range(LAYERS):
        at = f"encoder.layer.{number}."
        shapes = {f"attention.self.{part}": (WIDTH, WIDTH) for part in ("query", "key", "value")}
        shapes |= {"attention.output.dense": (WIDTH, WIDTH), "intermediate.dense": (INNER, WIDTH)}
        shapes |= {"output.dense": (WIDTH, INNER)}
        for name, shape in shapes.items():
            tensors[f"{at}{name}.weight"] = matrix(*shape)
            tensors[f"{at}{name}.bias"] = matrix(shape[0])
        for name in ("attention.output.LayerNorm", "output.LayerNorm"):
            tensors[f"{at}{name}.weight"] = 1 + matrix(WIDTH)
            tensors[f"{at}{name}.bias"] = matrix(WIDTH)
    return tensors


def write_layout(
    folder: Path, *, pooling: dict[str, Any] | None = None, prompts: dict[str, str] | None = None, max_tokens: int = 32
) -> Path:
    """Everything but config.json and the weights: modules, pooling, limits, prompts, tokenizer."""
    folder.mkdir(parents=True, exist_ok=True)
    package = "sentence_transformers.models."
    modules = [("", "Transformer"), ("1_Pooling", "Pooling"), ("2_Normalize", "Normalize")]
    write_json(
        folder / "modules.json",
        [
            {"idx": number, "name": str(number), "path": place, "type": package + kind}
            for number, (place, kind) in enumerate(modules)
        ],
    )
    write_json(
        folder / "1_Pooling" / "config.json",
        pooling or {"word_embedding_dimension": WIDTH, "pooling_mode_mean_tokens": True},
    )
    (folder / "2_Normalize").mkdir(exist_ok=True)
    write_json(folder / "sentence_bert_config.json", {"max_seq_length": max_tokens, "do_lower_case": False})
    write_json(folder / "config_sentence_transformers.json", {"prompts": prompts or {}, "default_prompt_name": None})
    write_tokenizer(folder)
    return folder


def write_bert_folder(folder: Path, *, seed: int = 0, **layout: Any) -> Path:
    """A complete folder of a tiny BERT."""
    write_layout(folder, **layout)
    write_json(folder / "config.json", BERT)
    save_file(bert_tensors(seed), folder / "model.safetensors", metadata={"format": "pt"})
    return folder


def add_dense(folder: Path, outputs: int, activation: str) -> None:
    """A dense layer between pooling and normalisation."""
    chance = np.random.default_rng(7)
    listed = json.loads((folder / "modules.json").read_text("utf-8"))
    listed.insert(2, {"idx": 2, "name": "2", "path": "3_Dense", "type": "sentence_transformers.models.Dense"})
    write_json(folder / "modules.json", [{**entry, "idx": n, "name": str(n)} for n, entry in enumerate(listed)])
    config = {"in_features": WIDTH, "out_features": outputs, "bias": True, "activation_function": activation}
    write_json(folder / "3_Dense" / "config.json", config)
    weights = {
        "linear.weight": chance.normal(0, 0.3, (outputs, WIDTH)).astype(np.float32),
        "linear.bias": chance.normal(0, 0.3, outputs).astype(np.float32),
    }
    save_file(weights, folder / "3_Dense" / "model.safetensors", metadata={"format": "pt"})
