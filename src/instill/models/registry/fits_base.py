"""Do a candidate's tensors belong to its base? Answered from the headers of both, without loading either."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

from instill.errors import WorkspaceError
from instill.models.registry.folder_check import ADAPTER, WEIGHTS, Shape, adapter_rank, tensor_headers

Shapes = dict[str, Shape]

_ADAPTED = re.compile(r"base_model\.model\.(?P<module>.+)\.(?P<part>lora_A|lora_B|lora_magnitude_vector)(?:\.weight)?")


def check_fit(folder: Path, base: Path) -> None:
    """Refuse a candidate with tensors that its base does not have, or not in this shape.

    Args:
        base: a transformers folder.

    Raises:
        WorkspaceError: a name or a shape does not fit.
    """
    adapter = (folder / ADAPTER).is_file()
    tensors = _shapes(folder / (ADAPTER if adapter else WEIGHTS))
    known = base_shapes(base)
    rank = adapter_rank(folder) if adapter else 0
    problem = _problem(tensors, known, rank)
    if problem:
        # Some architectures name or join weights in memory otherwise than in their files, so the model is asked too.
        problem = _problem(tensors, architecture_shapes(base) or known, rank)
    if problem:
        raise WorkspaceError(
            f"The candidate does not fit its base: {problem}.",
            where=str(folder),
            remedy="Use it with the base that its card names, or train it again.",
        )


def base_shapes(base: Path) -> Shapes:
    """Shapes of all tensors of the model in `base`, by name."""
    found: Shapes = {}
    for file in sorted(base.glob("*.safetensors")):
        found.update(_shapes(file))
    return found


def _shapes(file: Path) -> Shapes:
    return {name: shape for name, (_, shape) in tensor_headers(file).items()}


def architecture_shapes(base: Path) -> Shapes:
    """Shapes as the model has them in memory, without its weights; nothing where transformers is not installed."""
    if importlib.util.find_spec("transformers") is None:
        return {}
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    try:
        config = AutoConfig.from_pretrained(str(base), local_files_only=True, trust_remote_code=False)
        with torch.device("meta"):
            model = AutoModelForCausalLM.from_config(config, trust_remote_code=False)
    except Exception:  # whatever a damaged folder makes the library raise; the headers decide then
        return {}
    return {name: tuple(each.shape) for name, each in model.state_dict().items()}


def _problem(tensors: Shapes, base: Shapes, rank: int) -> str:
    """What does not fit, or nothing."""
    for name, shape in tensors.items():
        if not rank:
            expected = base.get(name)
        else:
            found = _ADAPTED.fullmatch(name)
            whole = base.get(f"{found['module']}.weight") if found else None
            expected = _adapted(found["part"], whole, rank) if found and whole and len(whole) == 2 else None
        if expected is None:
            return f"the base has no {name}"
        if shape != expected:
            return f"{name} has the shape {shape}, not {expected}"
    return ""


def _adapted(part: str, whole: Shape, rank: int) -> Shape:
    outputs, inputs = whole
    return {"lora_A": (rank, inputs), "lora_B": (outputs, rank), "lora_magnitude_vector": (outputs,)}[part]
