"""The output of frozen layers, computed once for each row and kept on disk.

When only the last layers are trained, everything below gives the same output in every epoch, with every seed and for
every amount of data. With `n` of `L` layers trained a step costs 3n instead of L + 2n layer passes (a backward pass
counts twice a forward pass): 3.3 times less for 4 of 32.

On disk are two files: `hidden.bin`, the states end to end, and `index.bin`, a record for each row, which is written
after its states. A process that is killed leaves states without a record at most.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from filelock import FileLock, Timeout
from torch import Tensor

from instill.train.generator.data.examples import Example
from instill.train.generator.loop.batches import Batch
from instill.train.generator.loop.layers import decoder, decoder_layers, only_above, only_below

_RECORD = np.dtype([("row", "S32"), ("token", "<i8"), ("length", "<i8")])


class FrozenCache:
    """What comes out of the first `below` layers.

    Args:
        folder: holds the caches of all models, each in a folder of its own; made when it is missing.
        below: how many layers are frozen, one at least.
        precision: named in the key, since other arithmetic gives other states.

    A second process that uses the same cache at the same time reads it, and does not write.
    """

    def __init__(self, folder: Path, model: Any, below: int, *, precision: str) -> None:
        self._below = below
        self.folder = folder / lower_hash(model, below, precision)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.computed = self.reused = 0
        self._lock = FileLock(self.folder / "lock")
        with contextlib.suppress(Timeout):
            self._lock.acquire(timeout=0)
        self._places: dict[bytes, tuple[int, int]] = {}
        self._states: Tensor | None = None
        self._read_index()

    @property
    def writes(self) -> bool:
        """Whether this process holds the cache's lock."""
        return bool(self._lock.is_locked)

    def close(self) -> None:
        """Let other processes write."""
        self._states = None
        self._lock.release()

    def upper(self, model: Any, batch: Batch) -> Tensor:
        """Last hidden states `(rows, tokens, width)`; the lower layers run for rows that are not there yet."""
        hidden = self._lower(model, batch)
        with only_above(model, self._below, hidden):
            found: Tensor = self._run(model, batch)
        return found

    def _lower(self, model: Any, batch: Batch) -> Tensor:
        keys = [_key(example) for example in batch.examples]
        if any(key not in self._places for key in keys):
            with torch.no_grad(), only_below(model, self._below), _without_dropout(model):
                hidden: Tensor = self._run(model, batch)
            self.computed += len(keys)
            if self.writes:
                self._append(keys, hidden, batch)
            return hidden
        self.reused += len(keys)
        states = self._mapped()
        hidden = states.new_zeros((*batch.ids.shape, states.shape[1]))
        for key, (row, column) in zip(keys, batch.corners, strict=True):
            token, length = self._places[key]
            hidden[row, column : column + length] = states[token : token + length]
        return hidden.to(batch.ids.device)

    @staticmethod
    def _run(model: Any, batch: Batch) -> Any:
        return decoder(model)(input_ids=batch.ids, position_ids=batch.positions, use_cache=False).last_hidden_state

    def _append(self, keys: list[bytes], hidden: Tensor, batch: Batch) -> None:
        states, index = self.folder / "hidden.bin", self.folder / "index.bin"
        width, size = hidden.shape[-1], hidden.element_size()
        (self.folder / "dtype").write_text(f"{str(hidden.dtype).removeprefix('torch.')} {width}", encoding="utf-8")
        records: list[tuple[bytes, int, int]] = []
        with states.open("ab") as stream:
            # States of a row whose record was never written: overwritten in effect, by counting from their end.
            token = -(-stream.tell() // (width * size))
            stream.write(b"\0" * (token * width * size - stream.tell()))
            for key, (row, column), example in zip(keys, batch.corners, batch.examples, strict=True):
                if key in self._places:
                    continue
                part = hidden[row, column : column + example.length].detach().cpu().contiguous()
                stream.write(part.view(torch.uint8).numpy().tobytes())
                records.append((key, token, example.length))
                self._places[key] = (token, example.length)
                token += example.length
        with index.open("ab") as stream:
            stream.write(np.array(records, _RECORD).tobytes())
        self._states = None

    def _mapped(self) -> Tensor:
        if self._states is None:
            name, width = (self.folder / "dtype").read_text(encoding="utf-8").split()
            dtype: torch.dtype = getattr(torch, name)
            count = (self.folder / "hidden.bin").stat().st_size // dtype.itemsize
            # Shared: the file is mapped, not read.
            flat = torch.from_file(str(self.folder / "hidden.bin"), shared=False, size=count, dtype=dtype)
            self._states = flat[: count // int(width) * int(width)].view(-1, int(width))
        return self._states

    def _read_index(self) -> None:
        file = self.folder / "index.bin"
        content = file.read_bytes() if file.exists() else b""
        whole = len(content) // _RECORD.itemsize * _RECORD.itemsize
        if self.writes and whole < len(content):
            with file.open("r+b") as stream:  # A record that a killed process left unfinished.
                stream.truncate(whole)
        for row, token, length in np.frombuffer(content[:whole], _RECORD):
            self._places[bytes(row).ljust(32, b"\0")] = (int(token), int(length))


@contextlib.contextmanager
def _without_dropout(model: Any) -> Iterator[None]:
    """What is kept must be the same for every epoch and run, and a run that finds it must not miss random numbers."""
    training = [module for module in model.modules() if module.training]
    model.eval()
    try:
        yield
    finally:
        for module in training:
            module.training = True


def lower_hash(model: Any, below: int, precision: str) -> str:
    """32 hexadecimal digits over the weights that decide the states: word table and frozen layers."""
    digest = hashlib.sha256(f"{type(decoder(model)).__name__} {below} {precision} ".encode())
    parts = [model.get_input_embeddings(), *decoder_layers(model)[:below]]
    for part in parts:
        for name, value in part.state_dict().items():
            digest.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
            digest.update(value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    digest.update(_config(model).encode())
    return digest.hexdigest()[:32]


def _config(model: Any) -> str:
    """The settings that change what layers compute, such as rotary frequencies."""
    found = model.config.get_text_config().to_dict()
    left_out = ("_name_or_path", "transformers_version", "dtype", "torch_dtype", "architectures", "use_cache")
    return repr(sorted((key, repr(value)) for key, value in found.items() if key not in left_out))


def _key(example: Example) -> bytes:
    return hashlib.sha256(example.ids.tobytes()).digest()
