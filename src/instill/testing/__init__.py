"""Tests that a part of another package should pass, as classes for pytest (or any runner that collects `test_*`).

    from instill.testing import ReaderTests
    from instill_odt import FORMAT

    class TestOdt(ReaderTests):
        part = FORMAT
        samples = {"minutes.odt": Path("minutes.odt").read_bytes()}

Each class says what it needs. The parts that come with Instill pass them too. pytest is not imported here; the suite
for stores, `store_conformance`, needs it.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from instill.testing.arms import ArmTests
    from instill.testing.encoders import EncoderTests
    from instill.testing.generators import GeneratorTests
    from instill.testing.metrics import MetricTests
    from instill.testing.readers import ReaderTests

__all__ = ["ArmTests", "EncoderTests", "GeneratorTests", "MetricTests", "ReaderTests"]

if "pytest" in sys.modules:  # so that a failed assertion shows its values, as in a test file
    _MODULES = ("arms", "encoders", "generators", "metrics", "readers", "store_conformance")
    _NEW = [f"{__name__}.{each}" for each in _MODULES if f"{__name__}.{each}" not in sys.modules]
    sys.modules["pytest"].register_assert_rewrite(*_NEW)

_HOMES = {
    "ArmTests": "instill.testing.arms",
    "EncoderTests": "instill.testing.encoders",
    "GeneratorTests": "instill.testing.generators",
    "MetricTests": "instill.testing.metrics",
    "ReaderTests": "instill.testing.readers",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'instill.testing' has no attribute {name!r}")
