"""Weights that come with the package: made by us, each with a card beside it that says from what and how."""

from __future__ import annotations

from pathlib import Path


def shipped() -> Path:
    """The folder with the shipped encoder, reader, and the word table and tokenizer that they share."""
    return Path(__file__).parent
