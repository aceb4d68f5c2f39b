"""Is a GGUF file a LoRA adapter of a model? Every part of it is held against the weight that it changes."""

from __future__ import annotations

from pathlib import Path

from instill.models.generators.gguf.checked_header import read_layout, refused
from instill.models.generators.gguf.model_file import ModelFile

_ANOTHER = "Use it with the model that it was made for."


def check_lora(file: Path, model: ModelFile) -> Path:
    """The file, if it is an adapter that fits the model.

    Raises:
        UsageError: it is no sound GGUF file, no LoRA adapter, or of another model.
    """
    layout = read_layout(file)
    kind = (layout.values.get("general.type"), layout.values.get("adapter.type"))
    if kind != ("adapter", "lora"):
        raise refused(file, "is no LoRA adapter", "Name an adapter's .gguf file.")
    if layout.architecture != model.layout.architecture:
        raise refused(file, f"is an adapter of the architecture {layout.architecture[:60]}", _ANOTHER)
    parts: dict[str, dict[str, tuple[int, ...]]] = {}
    for name, tensor in layout.tensors.items():
        weight, _, part = name.rpartition(".")
        if part not in ("lora_a", "lora_b") or weight not in model.layout.tensors or len(tensor.shape) != 2:
            raise refused(file, f"holds {name}, which changes nothing in the model", _ANOTHER)
        parts.setdefault(weight, {})[part] = tensor.shape
    for weight, found in parts.items():
        shape = model.layout.tensors[weight].shape
        if len(found) != 2 or len(shape) != 2:
            raise refused(file, f"holds half of what changes {weight}")
        (inputs, rank), (rank_too, outputs) = found["lora_a"], found["lora_b"]
        if (inputs, outputs) != shape or rank != rank_too:
            raise refused(file, f"changes {weight} in another shape than the model's", _ANOTHER)
    if not parts:
        raise refused(file, "holds no weights")
    return file
