from __future__ import annotations

from pathlib import Path

import pytest

from instill.models.registry import Registry
from tests.models.registry.made import make_base


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return make_base(tmp_path / "base")


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(tmp_path / "kb" / ".instill")
