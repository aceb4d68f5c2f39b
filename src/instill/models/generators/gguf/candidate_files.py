"""A candidate as llama.cpp takes it: its adapter as a GGUF LoRA, or, where it is none, its base with the change in it.

Both are kept in the user's cache. A candidate that was trained elsewhere is served without PyTorch.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from instill.errors import WorkspaceError
from instill.models.encoders.cache import file_sha256, make_entry, open_entry
from instill.models.generators.adapter_settings import read_adapter_settings
from instill.models.generators.gguf.model_file import ModelFile
from instill.models.generators.gguf.rewriting import copy_metadata, finish, need_gguf

ADAPTER, WEIGHTS = "adapter_model.safetensors", "weights.safetensors"
LORA, MERGED = "lora.gguf", "merged.gguf"
SHELF = "candidates"

Matrix = np.ndarray[Any, np.dtype[np.float32]]

_MODULES = {
    "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down", "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm",
}  # fmt: skip
_OUTER = {"model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output"}
_LAYER = re.compile(r"model\.layers\.(\d+)\.(.+)")
_PART = re.compile(r"base_model\.model\.(.+)\.(lora_A|lora_B|lora_magnitude_vector)(?:\.weight)?")


@dataclass(frozen=True, slots=True)
class Change:
    """What a candidate does to one weight, in the row order of GGUF files.

    Args:
        whole: the new weight; with it nothing else is set.
        down, up: (rank, inputs) and (outputs, rank); their product times `scale` is added.
        magnitude: lengths of rows that DoRA sets, (outputs,).
    """

    whole: Matrix | None = None
    down: Matrix | None = None
    up: Matrix | None = None
    scale: float = 1.0
    magnitude: Matrix | None = None


def files_of(candidate: Path, model: ModelFile) -> tuple[Path, Path | None]:
    """The files to open for a candidate: a model, and an adapter or None.

    Raises:
        WorkspaceError: the candidate does not fit the model, or is damaged.
        MissingDependency: the package gguf is not installed.
    """
    weights = candidate / (ADAPTER if (candidate / ADAPTER).is_file() else WEIGHTS)
    name = f"{candidate.name[:60]}-{file_sha256(weights)[:16]}-{_stamp(model.file)}"
    found = open_entry(name, shelf=SHELF)
    if found is None:
        found = make_entry(name, lambda draft: _write(candidate, model, draft), shelf=SHELF)
    folder = found[0]
    if (folder / LORA).is_file():
        return model.file, folder / LORA
    return folder / MERGED, None


def changes_of(candidate: Path, model: ModelFile) -> dict[str, Change]:
    """What a candidate changes, by the names of GGUF files.

    Raises:
        WorkspaceError: something of it has no counterpart in the model.
    """
    values, name = model.layout.values, model.layout.architecture
    heads = int(values[f"{name}.attention.head_count"])
    groups = int(values.get(f"{name}.attention.head_count_kv", heads))

    def ordered(weight: str, rows: Matrix) -> Matrix:
        """Rows of queries and keys are in another order there: pairs that are turned together stand side by side."""
        count = heads if ".attn_q." in weight else groups if ".attn_k." in weight else 0
        if not count:
            return rows
        halves = rows.reshape(count, 2, rows.shape[0] // count // 2, *rows.shape[1:])
        return np.ascontiguousarray(halves.swapaxes(1, 2).reshape(rows.shape))

    if not (candidate / ADAPTER).is_file():
        found = {_weight(key.removesuffix(".weight"), candidate): value for key, value in _read(candidate / WEIGHTS)}
        return {weight: Change(whole=ordered(weight, value)) for weight, value in found.items()}
    settings = read_adapter_settings(candidate)
    rank, alpha = int(settings["r"]), float(settings.get("lora_alpha", settings["r"]))
    scale = alpha / (math.sqrt(rank) if settings.get("use_rslora") else rank)
    parts: dict[str, dict[str, Matrix]] = {}
    for key, value in _read(candidate / ADAPTER):
        match = _PART.fullmatch(key)
        if match is None:
            raise _misfit(candidate, f"{key[:100]} has no counterpart in a GGUF file")
        parts.setdefault(_weight(match[1], candidate), {})[match[2]] = value
    made = {}
    for weight, each in parts.items():
        if not {"lora_A", "lora_B"} <= each.keys():
            raise _misfit(candidate, f"half of what changes {weight} is missing")
        length = each.get("lora_magnitude_vector")
        made[weight] = Change(
            down=each["lora_A"],
            up=ordered(weight, each["lora_B"]),
            scale=scale,
            magnitude=None if length is None else ordered(weight, length),
        )
    return made


def write_merged(candidate: Path, model: ModelFile, target: Path, kind: str = "Q8_0") -> None:
    """The model with the candidate in its weights, as a GGUF file of its own.

    Args:
        kind: of matrices: "Q8_0", "F32", "F16" or "BF16". What is of this kind and not changed stays as it is.

    Raises:
        WorkspaceError: the candidate does not fit the model.
        MissingDependency: the package gguf is not installed.
    """
    gguf = need_gguf()
    from gguf import quants

    changes = changes_of(candidate, model)
    reader = gguf.GGUFReader(model.file)
    _check_shapes(candidate, changes, {each.name: tuple(each.shape.tolist()) for each in reader.tensors})
    writer = gguf.GGUFWriter(target, model.layout.architecture)
    copy_metadata(reader, writer)
    wanted = gguf.GGMLQuantizationType[kind]
    for tensor in reader.tensors:
        change = changes.get(tensor.name)
        goal = gguf.GGMLQuantizationType.F32 if len(tensor.shape) == 1 else wanted
        if change is None and tensor.tensor_type == goal:
            writer.add_tensor(tensor.name, tensor.data, raw_dtype=goal)
            continue
        numbers = quants.dequantize(tensor.data, tensor.tensor_type).astype(np.float32)
        if change is not None:
            numbers = _changed(numbers, change)
        writer.add_tensor(tensor.name, quants.quantize(np.ascontiguousarray(numbers), goal), raw_dtype=goal)
    finish(writer)


def write_lora(candidate: Path, model: ModelFile, target: Path) -> None:
    """A LoRA candidate as a GGUF file of 16-bit numbers, half as large as the one that is used here.

    Raises:
        WorkspaceError: the candidate does not fit the model, or is no LoRA.
        MissingDependency: the package gguf is not installed.
    """
    changes = changes_of(candidate, model)
    if any(each.down is None or each.magnitude is not None for each in changes.values()):
        raise _misfit(candidate, "it is no LoRA")
    _check_shapes(candidate, changes, {name: each.shape for name, each in model.layout.tensors.items()})
    _write_lora(changes, model, target, np.dtype(np.float16))


def _write(candidate: Path, model: ModelFile, draft: Path) -> dict[str, Any]:
    changes = changes_of(candidate, model)
    if any(each.down is None or each.magnitude is not None for each in changes.values()):
        write_merged(candidate, model, draft / MERGED)
    else:
        _check_shapes(candidate, changes, {name: each.shape for name, each in model.layout.tensors.items()})
        _write_lora(changes, model, draft / LORA, np.dtype(np.float32))
    return {"candidate": candidate.name, "model": str(model.file)}


def _write_lora(
    changes: Mapping[str, Change], model: ModelFile, target: Path, kind: np.dtype[np.float16 | np.float32]
) -> None:
    gguf = need_gguf()
    writer = gguf.GGUFWriter(target, model.layout.architecture)
    writer.add_type("adapter")
    writer.add_string("adapter.type", "lora")
    first = next(iter(changes.values()))
    assert first.down is not None
    # llama.cpp divides by the rank, as it is usual.
    writer.add_float32("adapter.lora.alpha", first.scale * first.down.shape[0])
    for name, change in changes.items():
        assert change.down is not None
        assert change.up is not None
        writer.add_tensor(f"{name}.lora_a", change.down.astype(kind))
        writer.add_tensor(f"{name}.lora_b", change.up.astype(kind))
    finish(writer)


def _changed(weight: Matrix, change: Change) -> Matrix:
    if change.whole is not None:
        return change.whole
    assert change.down is not None
    assert change.up is not None
    moved: Matrix = weight + change.scale * (change.up @ change.down)
    if change.magnitude is None:
        return moved
    lengths: Matrix = np.linalg.norm(moved, axis=1, keepdims=True).astype(np.float32)
    turned: Matrix = moved * (change.magnitude[:, None] / lengths)
    return turned


def _check_shapes(candidate: Path, changes: Mapping[str, Change], shapes: Mapping[str, tuple[int, ...]]) -> None:
    """GGUF files have the innermost side first."""
    if not changes:
        raise _misfit(candidate, "it changes nothing")
    for name, change in changes.items():
        if name not in shapes:
            raise _misfit(candidate, f"the model has no {name}")
        if change.whole is not None:
            found: tuple[int, ...] = change.whole.shape[::-1]
        else:
            assert change.down is not None
            assert change.up is not None
            same = change.down.shape[0] == change.up.shape[1]
            found = (change.down.shape[1], change.up.shape[0]) if same else ()
        if found != shapes[name]:
            raise _misfit(candidate, f"{name} has another shape")


def _weight(module: str, candidate: Path) -> str:
    layer = _LAYER.fullmatch(module)
    if layer and layer[2] in _MODULES:
        return f"blk.{layer[1]}.{_MODULES[layer[2]]}.weight"
    if module in _OUTER:
        return f"{_OUTER[module]}.weight"
    raise _misfit(candidate, f"{module[:100]} has no counterpart in a GGUF file of the llama architecture")


def _read(file: Path) -> list[tuple[str, Matrix]]:
    """Tensors as float32, also those that numpy has no numbers for."""
    content = file.read_bytes()
    length = int.from_bytes(content[:8], "little")
    try:
        header = json.loads(content[8 : 8 + length])
        return [
            (name, _tensor(memoryview(content)[8 + length :], entry))
            for name, entry in header.items()
            if name != "__metadata__"
        ]
    except (ValueError, KeyError, TypeError) as error:
        raise WorkspaceError(
            f"The weights cannot be read: {error}.", where=str(file), remedy="Train it again from its recipe."
        ) from error


def _tensor(content: memoryview, entry: Mapping[str, Any]) -> Matrix:
    start, end = entry["data_offsets"]
    raw, kind = content[start:end], entry["dtype"]
    if kind == "BF16":
        found = (np.frombuffer(raw, "<u2").astype(np.uint32) << 16).view(np.float32)
    else:
        found = np.frombuffer(raw, {"F64": "<f8", "F32": "<f4", "F16": "<f2"}[kind]).astype(np.float32)
    if not bool(np.isfinite(found).all()):
        raise ValueError("some are no finite numbers")
    return found.reshape(entry["shape"])


def _stamp(file: Path) -> str:
    """Of the model's file: another one makes another entry."""
    status = file.stat()
    return f"{status.st_size:x}-{status.st_mtime_ns:x}"


def _misfit(candidate: Path, why: str) -> WorkspaceError:
    return WorkspaceError(
        f"The candidate does not fit the model in the GGUF file: {why}.",
        where=str(candidate),
        remedy="Use it with the base that its card names, or train it again.",
    )
