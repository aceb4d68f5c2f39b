"""A model of a GGUF file as a transformers folder, which training works on; made once, kept in the user's cache.

The weights become float32, the very numbers that the file's bits stand for: nothing is lost, at four bytes a weight.
So a candidate that was trained on the folder fits the file's own numbers too. `Made.loss` is what was measured.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from contextlib import redirect_stderr
from dataclasses import dataclass
from importlib.util import find_spec
from io import StringIO
from pathlib import Path
from typing import Any

from instill.common.extras import how_to_install
from instill.errors import MissingDependency, UsageError
from instill.models.encoders.cache import file_sha256, make_entry, open_entry
from instill.models.generators.gguf.checked_header import refused
from instill.models.generators.gguf.known import KNOWN, Known, place_of
from instill.models.generators.gguf.model_file import read_model
from instill.models.generators.gguf.read_once import read_once
from instill.models.generators.quiet_libraries import quiet_libraries
from instill.settings.location import expanded

SHELF = "bases"
ORIGIN = "gguf-origin.json"
"""In such a folder: which file it was made from, so that what was trained on it is found again with the file."""


@dataclass(frozen=True, slots=True)
class Made:
    """A folder and what is known of it.

    Args:
        folder: a transformers folder.
        file: the GGUF file.
        hash: of the file, 16 hexadecimal digits; the base's hash on cards.
        loss: largest difference in a tensor's size (root mean square) between folder and file, as a share.
    """

    folder: Path
    file: Path
    hash: str
    loss: float


def gguf_hash(file: Path, known: Known | None = None) -> str:
    """16 hexadecimal digits that identify a model file."""
    return known.sha256[:16] if known else file_sha256(file)[:16]


def base_of(base: str, folder: Path | None = None, *, progress: Callable[[str], None] | None = None) -> Made:
    """The transformers folder of a model in a GGUF file.

    Args:
        base: a known model's name, or a .gguf file.
        folder: what a relative path is relative to.
        progress: told in words when it takes longer.

    Raises:
        UsageError: the model was not got, or the file cannot be used.
        MissingDependency: torch, transformers or gguf are not installed.
        WorkspaceError: the cache cannot be written.
    """
    file = gguf_of(base, folder)
    hash_ = gguf_hash(file, KNOWN.get(base))
    name = f"{''.join(each if each.isalnum() or each in '._-' else '-' for each in file.stem)[:60]}-{hash_}"
    found = open_entry(name, shelf=SHELF)
    if found is None:
        read_model(file)  # Before libraries read it that believe what it says.
        for package in ("torch", "transformers", "gguf"):
            if find_spec(package) is None:
                raise MissingDependency(
                    "Training on a GGUF file needs torch, transformers and gguf.",
                    where=package,
                    remedy=how_to_install("train"),
                )
        if progress is not None:
            progress(f"unpacking the weights of {file.name} (once)")
        found = make_entry(name, lambda draft: _write(file, hash_, draft), shelf=SHELF)
    return Made(found[0], file, hash_, float(found[1]["loss"]))


def origin(folder: Path) -> str | None:
    """The hash of the GGUF file that a folder of the cache was made from; None for other folders, and changed ones."""
    if not (folder / ORIGIN).is_file():
        return None
    found = open_entry(folder.name, shelf=SHELF)
    return str(found[1]["hash"]) if found is not None and found[0].resolve() == folder.resolve() else None


def origin_file(folder: Path) -> Path | None:
    """The GGUF file that a folder of the cache was made from, if it is still there."""
    found = open_entry(folder.name, shelf=SHELF) if origin(folder) else None
    file = None if found is None else Path(found[1]["file"])
    return file if file is not None and file.is_file() else None


def gguf_of(base: str, folder: Path | None = None) -> Path:
    """The GGUF file of a base: a known model's name, or a path, relative to `folder`.

    Raises:
        UsageError: the model was not got, or there is no file at the path.
    """
    if base in KNOWN:
        place = place_of(KNOWN[base])
        if place is None:
            raise UsageError(
                f"The model {base} is not on this machine.", where="base", remedy=f"Run: instill generator get {base}"
            )
        return place
    file = expanded(base)
    file = (file if file.is_absolute() or folder is None else folder / file).resolve()
    if not file.is_file():
        raise UsageError("There is no file at this path.", where=f"base = {base}", remedy="Name a .gguf file.")
    return file


def _write(file: Path, hash_: str, draft: Path) -> dict[str, Any]:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    options = {"gguf_file": file.name, "local_files_only": True, "trust_remote_code": False}
    try:
        # The library draws a bar of its own, whatever it is told.
        with quiet_libraries(), redirect_stderr(StringIO()), read_once():
            tokenizer = AutoTokenizer.from_pretrained(str(file.parent), **options)
            read = AutoModelForCausalLM.from_pretrained(str(file.parent), dtype=torch.float32, **options)
            # A model that was read from a GGUF file refuses to be saved, and so does what has its settings.
            config = copy.deepcopy(read.config)
            vars(config).pop("quantization_config", None)
            fresh = type(read)(config)
            fresh.load_state_dict(read.state_dict())
            fresh.save_pretrained(str(draft))
            tokenizer.save_pretrained(str(draft))
            loss = _loss(file, fresh)
    except Exception as error:  # whatever the file makes the library raise
        raise refused(file, f"cannot be read by transformers: {type(error).__name__}: {str(error)[:200]}") from error
    (draft / ORIGIN).write_text(json.dumps({"file": file.name, "hash": hash_}) + "\n", encoding="utf-8")
    return {"file": str(file), "hash": hash_, "loss": loss}


def _loss(file: Path, model: Any) -> float:
    """Largest distance of a weight's root mean square between file and model, as a share of the file's.

    Rows of queries and keys are in another order in the file, which leaves it as it is; a tensor that was left out, or
    read in a wrong kind, does not.
    """
    import gguf
    import numpy as np
    from gguf import quants

    sizes = sorted(_size(each.detach().numpy()) for each in model.parameters())
    theirs = sorted(_size(quants.dequantize(each.data, each.tensor_type)) for each in gguf.GGUFReader(file).tensors)
    if len(sizes) != len(theirs):
        raise ValueError(f"{len(theirs)} tensors became {len(sizes)}")
    return float(np.max(np.abs(np.array(sizes) - theirs) / np.maximum(theirs, 1e-12)))


def _size(weights: Any) -> float:
    import numpy as np

    return float(np.sqrt(np.mean(np.square(weights, dtype=np.float64))))
