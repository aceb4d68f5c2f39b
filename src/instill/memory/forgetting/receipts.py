"""Receipts: what was forgotten, where it was taken out and what could not be, signed with the workspace's key (Ed25519,
RFC 8032)."""

from __future__ import annotations

import base64
import hashlib
import json
import os
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from instill.common.durable_files import write_json
from instill.common.untrusted_files import read_small_json
from instill.errors import UsageError, WorkspaceError
from instill.memory import FOLDER
from instill.memory.forgetting.probe_result import Probed

KEY_FILE = "receipt.key"
_FOLDER = "receipts"
_MOST_BYTES = 4_000_000
_REMEDY = (
    "Name a file that instill forget --receipt FILE wrote. To list the receipts that are kept: instill receipt list"
)


class Taken(BaseModel):
    """One place that something was taken out of, or could not be taken out of."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    where: str
    said: str


class Document(BaseModel):
    """A document that was forgotten, or of which a fact was."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    doc_id: str
    source: str
    content_hash: str
    labels: tuple[str, ...] = ()


class Receipt(BaseModel):
    """What was forgotten.

    Args:
        id: names its file.
        at: when it was done, ISO 8601 UTC.
        kind: "documents" are gone wholly; of "fact" the evidence is blanked in its document.
        reference: what was asked for; of a fact its id.
        removed, not_removed: places, with what was done, or why it could not be.
        rebuild: weights that have to be made again.
        probes: what weights show of it, before and after, where they were probed.
        key: the public key, base64 of 32 bytes.
        signature: base64 of 64 bytes, over all the rest; "" until it is signed.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: Literal[1] = 1
    id: str
    at: str
    kind: Literal["documents", "fact"]
    reference: str
    documents: tuple[Document, ...]
    removed: tuple[Taken, ...]
    not_removed: tuple[Taken, ...]
    withdrawn: tuple[str, ...]
    rebuild: tuple[str, ...]
    probes: tuple[Probed, ...] = ()
    key: str = ""
    signature: str = ""

    def signed_bytes(self) -> bytes:
        """What the signature is over: all but the signature, as JSON with sorted keys, in ASCII, without spaces. Probes
        are part of it where there are any."""
        content = self.model_dump(mode="json", exclude={"signature"} if self.probes else {"signature", "probes"})
        return json.dumps(content, sort_keys=True, separators=(",", ":")).encode("ascii")


def sign(receipt: Receipt, home: Path) -> Receipt:
    """The receipt with the workspace's key and signature. The key is made when there is none, for its owner alone.

    Args:
        home: a workspace's `.instill`.

    Raises:
        WorkspaceError: the key is damaged, or others can read it.
    """
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = Ed25519PrivateKey.from_private_bytes(_secret(home))
    public = base64.b64encode(key.public_key().public_bytes_raw()).decode("ascii")
    unsigned = receipt.model_copy(update={"key": public, "signature": ""})
    signature = base64.b64encode(key.sign(unsigned.signed_bytes())).decode("ascii")
    return unsigned.model_copy(update={"signature": signature})


def is_genuine(receipt: Receipt) -> bool:
    """Whether the signature is the key's, over this very content."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        public = Ed25519PublicKey.from_public_bytes(base64.b64decode(receipt.key, validate=True))
        public.verify(base64.b64decode(receipt.signature, validate=True), receipt.signed_bytes())
    except (InvalidSignature, ValueError):
        return False
    return True


@dataclass(frozen=True, slots=True)
class Verified:
    """What is found of a receipt.

    Args:
        signed: the signature is the key's, over this very content.
        trusted: the key is one of those that were expected, or none was.
        key: its name, see `key_name`.
    """

    signed: bool
    trusted: bool
    key: str

    @property
    def genuine(self) -> bool:
        """Whether the receipt is what it says, by whom it should be."""
        return self.signed and self.trusted


def verify(receipt: Receipt, trusted_keys: Collection[str] = ()) -> Verified:
    """Check a receipt's signature, and whose it is.

    Args:
        trusted_keys: names of the keys of which one must have signed it; without them any key may.
    """
    name = key_name(receipt.key)
    return Verified(is_genuine(receipt), not trusted_keys or name in trusted_keys, name)


def key_name(public: str) -> str:
    """A key in short, for people to compare: 16 hexadecimal digits of its SHA-256."""
    return hashlib.sha256(public.encode("utf-8", "replace")).hexdigest()[:16]


def public_key(home: Path) -> str:
    """The workspace's public key, base64; "" where it has none yet."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    if not (home / KEY_FILE).exists():
        return ""
    secret = Ed25519PrivateKey.from_private_bytes(_secret(home))
    return base64.b64encode(secret.public_key().public_bytes_raw()).decode("ascii")


def keep_receipt(home: Path, receipt: Receipt) -> Path:
    """Put a signed receipt into the workspace; its file."""
    folder = home / FOLDER / _FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    write_receipt(folder / f"{receipt.id}.json", receipt)
    return folder / f"{receipt.id}.json"


def write_receipt(file: Path, receipt: Receipt) -> None:
    """Write a receipt where somebody wants it, at once."""
    write_json(file, receipt.model_dump(mode="json"))


def read_receipt(file: Path) -> Receipt:
    """The receipt in a file; whether it is genuine is another question.

    Raises:
        UsageError: there is no such file, or it is no receipt.
    """
    try:
        content: Any = read_small_json(file, _MOST_BYTES)
        return Receipt.model_validate(content)
    except FileNotFoundError as error:
        raise UsageError("There is no such file.", where=str(file), remedy=_REMEDY) from error
    except (OSError, ValidationError, ValueError, RecursionError) as error:
        raise UsageError("The file is not a receipt of Instill.", where=str(file), remedy=_REMEDY) from error


def receipts_of(home: Path) -> list[Receipt]:
    """The receipts that a workspace keeps, oldest first; files that are none are left out."""
    found = []
    for file in sorted((home / FOLDER / _FOLDER).glob("*.json")):
        try:
            found.append(read_receipt(file))
        except UsageError:
            continue
    return sorted(found, key=lambda receipt: (receipt.at, receipt.id))


def _secret(home: Path) -> bytes:
    file = home / KEY_FILE
    if not file.exists():
        _make(file)
    if os.name == "posix" and file.stat().st_mode & 0o077:
        raise WorkspaceError(
            "Others can read the key that signs receipts.", where=str(file), remedy=f"Run: chmod 600 '{file}'"
        )
    secret = file.read_bytes()
    if len(secret) != 32:
        raise WorkspaceError(
            "The key that signs receipts is damaged.",
            where=str(file),
            remedy="Remove it; a new one is made. Receipts that it signed can still be verified.",
        )
    return secret


def _make(file: Path) -> None:
    """Written whole under another name first; of two processes the first one's key stays."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    draft = file.with_name(f".{file.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
        stream.write(Ed25519PrivateKey.generate().private_bytes_raw())
        stream.flush()
        os.fsync(stream.fileno())
    try:
        os.link(draft, file)
    except FileExistsError:
        pass
    finally:
        draft.unlink(missing_ok=True)
