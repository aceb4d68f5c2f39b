"""The files of a small task, written once, and a copy of them for each test."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.train.pipeline.small_recipes import write_task


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_task(tmp_path_factory.mktemp("task"))


@pytest.fixture
def task(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "task"))
