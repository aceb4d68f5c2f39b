"""The pinned releases fit each other: what one of them asks for, the pin of the other meets.

A clean checkout cannot be installed otherwise; a folder that was installed into step by step does not show it.
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib.metadata import Distribution, distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[2]


def pins(text: str) -> dict[NormalizedName, Version]:
    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    return {canonicalize_name(name): Version(pin) for name, _, pin in (line.partition("==") for line in lines if line)}


def refused(pinned: dict[NormalizedName, Version], name: str, requires: Iterable[str]) -> list[str]:
    """The requirements of a package that a pin does not meet; those of its extras are left out."""
    found = []
    for text in requires:
        requirement = Requirement(text)
        if requirement.marker and not requirement.marker.evaluate({"extra": ""}):
            continue
        pin = pinned.get(canonicalize_name(requirement.name))
        if pin is not None and not requirement.specifier.contains(pin, prereleases=True):
            found.append(f"{name} asks for {requirement}, and constraints.txt has {pin}")
    return found


def test_each_pin_meets_what_the_installed_packages_ask_for() -> None:
    pinned = pins((ROOT / "constraints.txt").read_text())
    assert len(pinned) > 100
    packages: list[Distribution] = [d for d in distributions() if canonicalize_name(d.name) in pinned]
    assert [line for d in packages for line in refused(pinned, d.name, d.requires or ())] == []


def test_what_is_installed_is_what_is_pinned() -> None:
    """Else the tests run on other releases than the ones that a clean checkout gets."""
    pinned = pins((ROOT / "constraints.txt").read_text())
    versions = {canonicalize_name(d.name): Version(d.version) for d in distributions()}
    other = {name: f"{versions[name]}, pinned {pin}" for name, pin in pinned.items() if versions.get(name, pin) != pin}
    assert {name: told for name, told in other.items() if "+cpu" not in told} == {}


def test_a_pin_that_a_package_refuses_is_found() -> None:
    pinned = pins("python-dateutil==4.0.0\nPyYAML==6.0.3  # a remark\n")
    asked = ["python-dateutil<3.0.0,>=2.1", "pyyaml>=6", "six>=1", 'python-dateutil<3 ; extra == "crt"']
    assert refused(pinned, "botocore", asked) == [
        "botocore asks for python-dateutil<3.0.0,>=2.1, and constraints.txt has 4.0.0"
    ]


@pytest.mark.parametrize("line", ["# only a remark", "", "   "])
def test_a_line_without_a_pin_is_passed_over(line: str) -> None:
    assert pins(line) == {}
