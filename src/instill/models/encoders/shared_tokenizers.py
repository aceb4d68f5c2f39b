"""Tokenizers by their file: the encoder that comes with the package and its reader have the same one."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from tokenizers import Tokenizer


def tokenizer_of(file: Path, most_tokens: int = 0) -> Tokenizer:
    """The tokenizer of a file, which does not pad; opened once a process, so nobody may change it.

    Args:
        most_tokens: where a text is cut, special tokens included; 0: nowhere.

    Raises:
        OSError: the file cannot be read.
        Exception: it is no tokenizer; the library raises nothing more exact.

    Example:
        >>> from instill.models.weights import shipped
        >>> tokenizer = tokenizer_of(shipped() / "tokenizer.json", most_tokens=4)
        >>> len(tokenizer.encode("Green tea is brewed.").ids), tokenizer is tokenizer_of(shipped() / "tokenizer.json")
        (4, False)
    """
    found = file.stat()
    return _opened(file.absolute(), found.st_mtime_ns, found.st_size, most_tokens)


@lru_cache(maxsize=8)
def _opened(file: Path, _changed: int, _size: int, most_tokens: int) -> Tokenizer:
    tokenizer = Tokenizer.from_file(str(file))
    tokenizer.no_padding()
    if most_tokens:
        tokenizer.enable_truncation(most_tokens)
    else:
        tokenizer.no_truncation()
    return tokenizer
