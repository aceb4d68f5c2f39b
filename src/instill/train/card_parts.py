"""The parts that the cards of all trained weights have: what they were made from, with what command and settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def origin(manifest: Mapping[str, Any]) -> str:
    """Fingerprint, base and rows, as the lines of a list; the rows only where the manifest names them."""
    lines = f"- Fingerprint: `{manifest['fingerprint']}`"
    if "rows" in manifest:
        rows, split = manifest["rows"], manifest["split"]
        lines += (
            f"\n- Made: {manifest['made']}, from the base `{manifest['base']}`"
            f"\n- Rows: {rows['trained']} trained on, {rows['held out']} held out (hash `{rows['hash']}`); the split is"
            f"\n  by article (share {split['share']}, seed {split['seed']})"
        )
    if "averaged" in manifest:
        other = manifest["averaged"]
        lines += (
            f"\n- Averaged: {other['share']} of each of its weights, the rest from `{other['with']}`, which training"
            "\n  began from (Wortsman et al., 2022)"
        )
    return lines


def making(manifest: Mapping[str, Any], settings: Mapping[str, Any]) -> list[str]:
    """Sections on sources, command and settings; those that the manifest lacks are left out."""
    parts = []
    if manifest.get("attribution"):
        sources = "\n".join(f"- {line}" for line in manifest["attribution"])
        parts.append(f"## Made from\n\n{sources}\n\nThe texts themselves are not part of the weights' package.")
    if manifest.get("command"):
        parts.append(f"## Command\n\n```\n{manifest['command']}\n```")
    if settings:
        table = "\n".join(f"| {name} | {value} |" for name, value in settings.items())
        parts.append(f"## Settings\n\n| setting | value |\n|---|---|\n{table}")
    return parts
