"""Keeping transformers from reading a GGUF file's header again and again.

It opens the file once for the settings, once for the vocabulary and once for the weights, and makes the table of all
tensors' names anew for every part of the model. The package gguf reads headers in Python, word by word: of a model of
135 million weights that took twice as long as all else.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any


@contextmanager
def read_once() -> Iterator[None]:
    """Inside, each file is opened once and each table of names is made once; afterwards all is as it was."""
    import gguf

    names: dict[str, Any] = {name: getattr(gguf, name) for name in ("GGUFReader", "get_tensor_name_map")}
    try:
        for name, made in names.items():
            setattr(gguf, name, cache(made))
        yield
    finally:
        for name, made in names.items():
            setattr(gguf, name, made)
