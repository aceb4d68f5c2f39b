"""Installed packages as pip leaves them: a folder of metadata beside modules."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent


def install(
    folder: Path,
    package: str,
    entries: Mapping[str, str],
    modules: Mapping[str, str],
    *,
    version: str = "1.0",
) -> Path:
    """Put a package into a folder of packages.

    Args:
        entries: "readers.odt" -> "module:object".
        modules: name -> source.
    """
    info = folder / f"{package.replace('-', '_')}-{version}.dist-info"
    info.mkdir(parents=True, exist_ok=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n")
    lines = []
    for full_name, target in entries.items():
        group, _, name = full_name.partition(".")
        lines.append(f"[instill.{group}]\n{name} = {target}\n")
    (info / "entry_points.txt").write_text("\n".join(lines))
    for name, source in modules.items():
        (folder / f"{name}.py").write_text(dedent(source))
    return folder
