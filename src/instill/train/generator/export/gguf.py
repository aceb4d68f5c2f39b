"""GGUF, the format of llama.cpp, by its own converter where that is installed; opened again through transformers."""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
import sys
from contextlib import redirect_stderr
from importlib.util import find_spec
from io import StringIO
from pathlib import Path
from typing import Any

import torch

from instill.common.extras import how_to_install
from instill.errors import InstillError, MissingDependency
from instill.models.generators.gguf.read_once import read_once
from instill.models.generators.quiet_libraries import quiet_libraries
from instill.train.generator.export.parity import Precision

CONVERTER = "convert_hf_to_gguf.py"
_KINDS: dict[Precision, str] = {"float32": "f32", "bf16": "bf16"}


def find_converter() -> Path:
    """The converter in the folder $LLAMA_CPP_DIR, else on the PATH.

    Raises:
        MissingDependency: it is in neither.
    """
    folder = os.environ.get("LLAMA_CPP_DIR")
    if folder and (Path(folder) / CONVERTER).is_file():
        return Path(folder) / CONVERTER
    found = shutil.which(CONVERTER)
    if found is None:
        raise MissingDependency(
            f"GGUF needs llama.cpp's {CONVERTER}.",
            where=f"LLAMA_CPP_DIR = {folder}" if folder else "PATH",
            remedy="Get llama.cpp, install its requirements, and set LLAMA_CPP_DIR to its folder.",
        )
    return Path(found)


def write_gguf(converter: Path, model: Path, file: Path, precision: Precision) -> None:
    """Convert a transformers folder.

    Raises:
        InstillError: the converter fails, or what it wrote is no GGUF with tensors.
    """
    command = [sys.executable, str(converter), str(model), "--outfile", str(file), "--outtype", _KINDS[precision]]
    if os.access(converter, os.X_OK):  # It may begin with another Python, one that has its requirements.
        command = command[1:]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  What the user set.
    except OSError as error:
        raise _failed(converter, str(error.strerror)) from error
    if done.returncode != 0:
        last = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:]
        raise _failed(converter, f"exit {done.returncode}: {' '.join(last)[:300]}")
    try:
        with file.open("rb") as stream:
            magic, _, tensors = struct.unpack("<4sIQ", stream.read(16))
    except (OSError, struct.error) as error:
        raise _failed(converter, "it wrote no file") from error
    if magic != b"GGUF" or not tensors:
        raise _failed(converter, "it wrote something else than a GGUF with tensors")


def open_gguf(file: Path) -> Any:
    """The model in a GGUF, in float32, as transformers reads it: not llama.cpp's arithmetic, but the file's own weights
    and settings, so that a wrong conversion is found.

    Raises:
        MissingDependency: the package gguf is missing, or transformers does not know this architecture as GGUF.
        InstillError: the file is damaged.
    """
    if find_spec("gguf") is None:
        raise MissingDependency("To open it the package gguf is needed.", remedy=how_to_install("local"))
    from transformers import AutoModelForCausalLM

    options = {"dtype": torch.float32, "trust_remote_code": False, "local_files_only": True}
    try:
        # The library draws a bar of its own, whatever it is told.
        with quiet_libraries(), redirect_stderr(StringIO()), read_once():
            return AutoModelForCausalLM.from_pretrained(str(file.parent), gguf_file=file.name, **options).train(False)
    except Exception as error:  # whatever a damaged file makes the library raise
        if "not supported" in str(error):
            raise MissingDependency(
                "transformers does not read GGUF files of this architecture.",
                where=file.name,
                remedy="Ask it something in llama.cpp before you rely on it.",
            ) from error
        raise InstillError(
            f"The GGUF that the converter wrote cannot be opened: {type(error).__name__}: {str(error)[:200]}",
            where=file.name,
            remedy="Check that this version of llama.cpp knows the architecture.",
        ) from error


def _failed(converter: Path, why: str) -> InstillError:
    return InstillError(
        f"The converter to GGUF failed: {why}.",
        where=str(converter),
        remedy="Check that this version of llama.cpp knows the architecture and that its requirements are installed.",
    )
