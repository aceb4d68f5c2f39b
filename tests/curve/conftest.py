"""The files of a small task, as the tests of training have them."""

from __future__ import annotations

from tests.train.pipeline.conftest import made, task

__all__ = ["made", "task"]
