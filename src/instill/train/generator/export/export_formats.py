"""The forms in which a candidate leaves Instill, each written into a folder that exists."""

from __future__ import annotations

import copy
import json
import shlex
import shutil
from pathlib import Path
from typing import Any, Literal

import torch

from instill.errors import UsageError
from instill.models.generators.adapter_settings import ADAPTER_CONFIG
from instill.models.generators.candidate_weights import ADAPTER
from instill.models.generators.chat_text import plain_template
from instill.models.registry.card import CARD
from instill.train.generator.export.ollama import find_layout, go_template, modelfile
from instill.train.generator.export.parity import Precision
from instill.train.generator.export.saving import save_merged

Format = Literal["merged", "adapter", "gguf", "ollama"]

MODELFILE, ORIGIN, TEMPLATE = "Modelfile", "instill-card.json", "chat_template.jinja"
_DTYPES: dict[Precision, torch.dtype] = {"float32": torch.float32, "bf16": torch.bfloat16}
_SERVED_RANKS = (8, 16, 32, 64, 128, 256, 320, 512)  # vLLM takes no others.


def write_merged(merged: Any, tokenizer: Any, candidate: Path, folder: Path, precision: Precision) -> None:
    """A transformers folder with the candidate in its weights, and the candidate's card beside them."""
    save_merged(merged.to(_DTYPES[precision]), tokenizer, folder)
    shutil.copyfile(candidate / CARD, folder / ORIGIN)


def with_template(tokenizer: Any) -> Any:
    """The tokenizer as it leaves: where it has no chat template, a copy with the plain layout that was trained."""
    if tokenizer.chat_template:
        return tokenizer
    made = copy.deepcopy(tokenizer)
    made.chat_template = plain_template(tokenizer)
    return made


def write_adapter(base: Path, candidate: Path, folder: Path, tokenizer: Any) -> None:
    """PEFT's folder of an adapter, which names its base; with the chat template, where the base has none.

    Raises:
        UsageError: the candidate is no adapter.
    """
    if not (candidate / ADAPTER).is_file():
        raise UsageError(
            "The candidate is not an adapter: weights of the model itself were trained.",
            where=candidate.name,
            remedy="Export it as a whole model: --format merged",
        )
    shutil.copyfile(candidate / ADAPTER, folder / ADAPTER)
    settings = json.loads((candidate / ADAPTER_CONFIG).read_text(encoding="utf-8"))
    settings["base_model_name_or_path"] = str(base)
    (folder / ADAPTER_CONFIG).write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")
    if not tokenizer.chat_template:
        (folder / TEMPLATE).write_text(plain_template(tokenizer), encoding="utf-8")


def write_modelfile(source: str, tokenizer: Any, model: Any, folder: Path, remark: str = "") -> None:
    """Ollama's Modelfile; see `instill.train.generator.export.ollama`.

    Args:
        remark: one line that stands at its end.
    """
    text = modelfile(source, tokenizer, model.config, getattr(model, "generation_config", None))
    (folder / MODELFILE).write_text(text + (f"# {remark}\n" if remark else ""), encoding="utf-8")


def layout_notices(form: Format, tokenizer: Any) -> list[str]:
    """What a person should know of how messages are laid out for what was written.

    Args:
        tokenizer: the base's.
    """
    if not tokenizer.chat_template:
        place = {
            "adapter": f"{TEMPLATE}, which the server must be given",
            "gguf": "the GGUF and the Modelfile",
            "ollama": "the tokenizer and the Modelfile",
        }.get(form, "the tokenizer")
        return [f"The base has no chat template. The layout that was trained is in {place}."]
    layout = find_layout(tokenizer) if form in ("gguf", "ollama") else None
    if form in ("gguf", "ollama") and (layout is None or go_template(layout) is None):
        return [
            "The chat template has no counterpart in a Modelfile. Whether Ollama lays messages out as they were"
            " trained hangs on what it finds with the weights: compare a prompt before you rely on it."
        ]
    return []


def serving_line(form: Format, base: Path, candidate: Path, out: Path) -> tuple[str, str]:
    """The command that serves what was exported to `out`, and a notice, or nothing.

    Example:
        >>> serving_line("merged", Path("/models/m"), Path("adapters/dates-01"), Path("/out/my model"))
        ("vllm serve '/out/my model' --served-model-name dates-01", '')
    """
    name = candidate.name
    if form in ("gguf", "ollama"):
        return f"ollama create {shlex.quote(name)} -f {shlex.quote(str(out / MODELFILE))}", ""
    if form == "merged":
        return f"vllm serve {shlex.quote(str(out))} --served-model-name {shlex.quote(name)}", ""
    settings = json.loads((candidate / ADAPTER_CONFIG).read_text(encoding="utf-8"))
    if settings.get("use_dora"):
        return "", "vLLM does not serve DoRA adapters; for it, export with --format merged."
    rank = next((each for each in _SERVED_RANKS if each >= settings["r"]), None)
    if rank is None:
        return "", f"vLLM serves adapters up to rank {_SERVED_RANKS[-1]}; for it, export with --format merged."
    module = shlex.quote(f"{name}={out}")
    line = f"vllm serve {shlex.quote(str(base))} --enable-lora --lora-modules {module} --max-lora-rank {rank}"
    if (out / TEMPLATE).is_file():
        line += f" --chat-template {shlex.quote(str(out / TEMPLATE))}"
    return line, ""
