"""Weights of a BERT-family transformer in one form, whatever its checkpoint calls them.

Covered: bert, roberta, xlm-roberta, camembert, mpnet, distilbert. They differ in names, in where position numbers
start, and in MPNet's relative position bias; all are post-norm encoders with learned absolute positions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from instill.common.untrusted_files import outside_shard, read_index
from instill.errors import WorkspaceError

Floats = NDArray[np.float32]
Tensors = Mapping[str, Floats]

ARCHITECTURES = ("bert", "roberta", "xlm-roberta", "camembert", "mpnet", "distilbert")
ACTIVATIONS = {"gelu": "gelu", "relu": "relu", "gelu_new": "gelu_tanh", "gelu_pytorch_tanh": "gelu_tanh"}


class UnsupportedArchitecture(Exception):
    """The model is not one that this room builds by itself; the message says why."""


@dataclass(frozen=True, slots=True)
class Linear:
    """`y = x @ weight + bias`; weight `(inputs, outputs)`, bias `(outputs,)`."""

    weight: Floats
    bias: Floats


@dataclass(frozen=True, slots=True)
class Norm:
    """Layer normalisation's gain and bias, `(width,)` each."""

    gain: Floats
    bias: Floats


@dataclass(frozen=True, slots=True)
class Layer:
    """One post-norm encoder layer; `qkv` holds query, key and value side by side, `(width, 3 * width)`."""

    qkv: Linear
    output: Linear
    attention_norm: Norm
    up: Linear
    down: Linear
    norm: Norm


@dataclass(frozen=True, slots=True)
class TransformerWeights:
    """A whole encoder.

    Args:
        words: `(vocabulary, width)`.
        positions: `(longest input, width)`, row 0 for the first token; token type 0 is added in.
        relative_bias: `(heads, longest, longest)` added to attention scores, or None.
        activation: "gelu", "gelu_tanh" or "relu".
    """

    words: Floats
    positions: Floats
    norm: Norm
    layers: tuple[Layer, ...]
    heads: int
    epsilon: float
    activation: str
    relative_bias: Floats | None = None

    @property
    def width(self) -> int:
        return int(self.words.shape[1])


def read_transformer(folder: Path, config: Mapping[str, Any]) -> TransformerWeights:
    """Read the checkpoint in `folder`, whose `config.json` is `config`.

    Raises:
        UnsupportedArchitecture: an architecture or an option outside those above.
        WorkspaceError: a tensor is missing, has the wrong shape, or the file is damaged.
    """
    _check_config(config)  # before the weights, which are larger
    return transformer_from(read_tensors(folder), config, where=folder)


def transformer_from(tensors: Tensors, config: Mapping[str, Any], *, where: Path) -> TransformerWeights:
    """The same from tensors at hand; `where` is named in errors. See `read_transformer`."""
    kind, activation = _check_config(config)
    try:
        reader = {"mpnet": _read_mpnet, "distilbert": _read_distilbert}.get(kind, _read_bert)
        weights = reader(tensors, config, activation)
        _check_shapes(weights)
    except (KeyError, ValueError, IndexError, TypeError, ZeroDivisionError) as error:
        raise WorkspaceError(
            f"The encoder's weights do not fit its config.json: {error}.",
            where=str(where),
            remedy="Download the folder again.",
        ) from error
    return weights


def _check_config(config: Mapping[str, Any]) -> tuple[str, str]:
    """Architecture and activation, when both are known here."""
    kind = str(config.get("model_type"))
    if kind not in ARCHITECTURES:
        raise UnsupportedArchitecture(f'architecture "{kind}"')
    activation = ACTIVATIONS.get(str(config.get("activation" if kind == "distilbert" else "hidden_act", "gelu")))
    if activation is None:
        raise UnsupportedArchitecture(f'activation "{config.get("hidden_act", config.get("activation"))}"')
    if config.get("position_embedding_type", "absolute") != "absolute" or config.get("is_decoder"):
        raise UnsupportedArchitecture("relative positions or a decoder")
    return kind, activation


def checkpoint_files(folder: Path) -> list[Path]:
    """The safetensors files of a checkpoint, one or several shards.

    Raises:
        WorkspaceError: there are none, or the index names a file outside the folder.
    """
    single, index = folder / "model.safetensors", folder / "model.safetensors.index.json"
    if single.is_file():
        return [single]
    if index.is_file():
        problem = outside_shard(folder)
        if problem:
            raise WorkspaceError(f"The checkpoint is refused: {problem}.", where=str(index))
        return [folder / name for name in sorted(set(read_index(index).values()))]
    raise WorkspaceError(
        "The folder has no model.safetensors; other weight formats can run code when they are read and are refused.",
        where=str(folder),
        remedy="Save the model again with sentence-transformers (it writes safetensors), or choose another.",
    )


def read_tensors(folder: Path) -> dict[str, Floats]:
    """All floating-point tensors of a checkpoint as float32, without the prefix of the model's class."""
    from safetensors import SafetensorError, safe_open

    tensors: dict[str, Floats] = {}
    for path in checkpoint_files(folder):
        try:
            with safe_open(path, framework="numpy") as stream:
                for name in stream.keys():  # noqa: SIM118 - not a mapping.
                    if not name.endswith("position_ids"):
                        tensors[_without_prefix(name)] = np.asarray(stream.get_tensor(name)).astype(np.float32)
        except SafetensorError as error:
            raise WorkspaceError(
                f"The file is not readable as safetensors: {error}.", where=str(path), remedy="Download it again."
            ) from error
    return tensors


def _without_prefix(name: str) -> str:
    for prefix in ("bert.", "roberta.", "mpnet.", "distilbert.", "camembert.", "model."):
        if name.startswith(prefix):
            return name[len(prefix) :]
    return name


def _read_bert(tensors: Tensors, config: Mapping[str, Any], activation: str) -> TransformerWeights:
    first = 0 if config["model_type"] == "bert" else int(config.get("pad_token_id", 1)) + 1
    layers = []
    for number in range(int(config["num_hidden_layers"])):
        at = f"encoder.layer.{number}."
        qkv = [_linear(tensors, f"{at}attention.self.{part}") for part in ("query", "key", "value")]
        layers.append(
            Layer(
                qkv=_side_by_side(qkv),
                output=_linear(tensors, f"{at}attention.output.dense"),
                attention_norm=_norm(tensors, f"{at}attention.output.LayerNorm"),
                up=_linear(tensors, f"{at}intermediate.dense"),
                down=_linear(tensors, f"{at}output.dense"),
                norm=_norm(tensors, f"{at}output.LayerNorm"),
            )
        )
    positions = tensors["embeddings.position_embeddings.weight"][first:]
    return TransformerWeights(
        words=tensors["embeddings.word_embeddings.weight"],
        positions=positions + tensors["embeddings.token_type_embeddings.weight"][0],
        norm=_norm(tensors, "embeddings.LayerNorm"),
        layers=tuple(layers),
        heads=int(config["num_attention_heads"]),
        epsilon=float(config.get("layer_norm_eps", 1e-12)),
        activation=activation,
    )


def _read_mpnet(tensors: Tensors, config: Mapping[str, Any], activation: str) -> TransformerWeights:
    layers = []
    for number in range(int(config["num_hidden_layers"])):
        at = f"encoder.layer.{number}."
        layers.append(
            Layer(
                qkv=_side_by_side([_linear(tensors, f"{at}attention.attn.{part}") for part in "qkv"]),
                output=_linear(tensors, f"{at}attention.attn.o"),
                attention_norm=_norm(tensors, f"{at}attention.LayerNorm"),
                up=_linear(tensors, f"{at}intermediate.dense"),
                down=_linear(tensors, f"{at}output.dense"),
                norm=_norm(tensors, f"{at}output.LayerNorm"),
            )
        )
    positions = tensors["embeddings.position_embeddings.weight"][2:]  # MPNet's padding index is always 1.
    bias = tensors["encoder.relative_attention_bias.weight"]
    return TransformerWeights(
        words=tensors["embeddings.word_embeddings.weight"],
        positions=positions,
        norm=_norm(tensors, "embeddings.LayerNorm"),
        layers=tuple(layers),
        heads=int(config["num_attention_heads"]),
        epsilon=float(config.get("layer_norm_eps", 1e-12)),
        activation=activation,
        relative_bias=np.ascontiguousarray(bias[_buckets(len(positions), len(bias))].transpose(2, 0, 1)),
    )


def _read_distilbert(tensors: Tensors, config: Mapping[str, Any], activation: str) -> TransformerWeights:
    layers = []
    for number in range(int(config["n_layers"])):
        at = f"transformer.layer.{number}."
        layers.append(
            Layer(
                qkv=_side_by_side([_linear(tensors, f"{at}attention.{part}_lin") for part in "qkv"]),
                output=_linear(tensors, f"{at}attention.out_lin"),
                attention_norm=_norm(tensors, f"{at}sa_layer_norm"),
                up=_linear(tensors, f"{at}ffn.lin1"),
                down=_linear(tensors, f"{at}ffn.lin2"),
                norm=_norm(tensors, f"{at}output_layer_norm"),
            )
        )
    return TransformerWeights(
        words=tensors["embeddings.word_embeddings.weight"],
        positions=tensors["embeddings.position_embeddings.weight"],
        norm=_norm(tensors, "embeddings.LayerNorm"),
        layers=tuple(layers),
        heads=int(config["n_heads"]),
        epsilon=1e-12,
        activation=activation,
    )


def _buckets(length: int, count: int) -> NDArray[np.int64]:
    """Bucket of the relative position for each pair of tokens, `(length, length)`.

    T5's scheme as MPNet uses it (Raffel et al. 2020, section 2.1): half of the buckets for each direction; of these
    half hold one distance each, the rest grow logarithmically up to 128 tokens.
    """
    half, exact = count // 2, count // 4
    ahead = np.arange(length)[None, :] - np.arange(length)[:, None]
    distance = np.abs(ahead)
    grown = np.log(np.maximum(distance, 1).astype(np.float32) / np.float32(exact)) / np.log(128 / exact)
    far = np.minimum(exact + (grown * (half - exact)).astype(np.int64), half - 1)
    buckets: NDArray[np.int64] = np.where(ahead > 0, half, 0) + np.where(distance < exact, distance, far)
    return buckets


def _linear(tensors: Tensors, name: str) -> Linear:
    return Linear(np.ascontiguousarray(tensors[f"{name}.weight"].T), tensors[f"{name}.bias"])


def _side_by_side(parts: list[Linear]) -> Linear:
    return Linear(np.concatenate([part.weight for part in parts], 1), np.concatenate([part.bias for part in parts]))


def _norm(tensors: Tensors, name: str) -> Norm:
    return Norm(tensors[f"{name}.weight"], tensors[f"{name}.bias"])


def _check_shapes(weights: TransformerWeights) -> None:
    width = weights.width
    if width % weights.heads or not weights.layers or weights.positions.shape[1] != width:
        raise ValueError("width, heads and positions disagree")
    for number, layer in enumerate(weights.layers):
        inner = layer.up.weight.shape[1]
        expected = ((width, 3 * width), (width, width), (width, inner), (inner, width))
        if tuple(part.weight.shape for part in (layer.qkv, layer.output, layer.up, layer.down)) != expected:
            raise ValueError(f"layer {number} has matrices of other shapes than {expected}")
