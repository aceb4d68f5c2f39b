from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def private_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of encoders for this test alone."""
    monkeypatch.setenv("INSTILL_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"
