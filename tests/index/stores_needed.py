"""Which tests of stores can run here."""

from __future__ import annotations

import importlib.util

import pytest


def needs(package: str, extra: str) -> pytest.MarkDecorator:
    """Skips where the package of an extra is not installed."""
    lacks = importlib.util.find_spec(package) is None
    return pytest.mark.skipif(lacks, reason=f"{package} is not installed: pip install 'instill[{extra}]'")
