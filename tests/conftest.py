"""What several rooms' tests share: a small handbook, and a clean environment."""

from __future__ import annotations

import gc
import ipaddress
import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from tests.warm import Warm, running_warm

# How fast the machine is at this moment is no property of what is tested.
settings.register_profile("instill", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("instill")

HANDBOOK = {
    "refunds.md": (
        "# Refunds\n\nCustomers may return goods within thirty days of delivery for a full refund.\n\n"
        "## Sale items\n\nSale items can be exchanged within fourteen days, but they are not refunded.\n\n"
        "## How it is paid\n\nThe money goes back to the card that was used, usually within five working days.\n"
    ),
    "travel.md": (
        "---\nyear: 2023\nteam: finance\n---\n# Travel\n\nEvery journey is approved by the head of the department "
        "before it is booked.\n\n## Trains and planes\n\nJourneys under five hours are made by train.\n\n"
        "## Hotels\n\nA hotel may cost up to 140 euros a night.\n"
    ),
    "security/passwords.txt": (
        "Passwords have at least fourteen characters. They are kept in the password manager, never sent by mail.\n\n"
        "A lost laptop is reported to the security team within one hour.\n"
    ),
    "security/visitors.html": (
        "<html><head><title>Visitors</title></head><body><h1>Visitors</h1>"
        "<p>Visitors sign the book at the reception and wear a yellow badge.</p></body></html>"
    ),
}


SHARED = "WARM_PROGRAMS"
"""In the environment of xdist's workers: the address of the server of warm programs that all of them use."""


def pytest_configure(config: pytest.Config) -> None:
    """The process that gives work to others starts the programs' server for all; nobody looks for garbage among the
    thousands of modules that collecting brings in."""
    gc.disable()
    if config.getoption("numprocesses", None) and not hasattr(config, "workerinput"):
        running = ExitStack()
        os.environ[SHARED] = running.enter_context(running_warm(wait=False)).address
        config.add_cleanup(running.close)


def pytest_collection_finish() -> None:
    gc.freeze()
    gc.enable()


LONG = ("tests/docs/", "tests/compare/", "tests/workspace/test_crash.py", "tests/train/generator/", "tests/cli/")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes long begins first, so that no worker waits for another at the end; what takes a minute, and is shown
    in parts by shorter tests, only with LONG_TESTS=yes."""
    if os.environ.get("LONG_TESTS") != "yes":
        for item in items:
            if item.get_closest_marker("long"):
                item.add_marker(pytest.mark.skip(reason="takes a minute; LONG_TESTS=yes"))
    items.sort(key=lambda item: next((at for at, name in enumerate(LONG) if item.nodeid.startswith(name)), len(LONG)))


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of the person who runs the tests decides what they find."""
    for variable in list(os.environ):
        if variable.startswith("INSTILL_") and variable != "INSTILL_CACHE_DIR":
            monkeypatch.delenv(variable)


@pytest.fixture(autouse=True, scope="session")
def _models_stay_open() -> Iterator[None]:
    """A process shares opened models while somebody holds them; here that is so between tests, too."""
    from instill.answer.reading.opening import open_reader
    from instill.models.encoders import open_encoder
    from instill.settings import EncoderSettings
    from tests.known_readings import remembered

    encoder, reader = open_encoder(EncoderSettings()), open_reader("shipped")
    assert reader is not None
    with remembered(reader):
        yield
    del encoder, reader


@pytest.fixture(autouse=True, scope="session")
def _nothing_leaves_this_machine() -> Iterator[None]:
    """A test that looks a name up, or connects to what is not loopback, fails instead of sending anything; unless the
    person who runs the tests has named a service to run them against."""
    if any(name.startswith(("INSTILL_TEST_", "TESTED_")) for name in os.environ):
        yield
        return
    connect, connect_ex, look_up = socket.socket.connect, socket.socket.connect_ex, socket.getaddrinfo

    def check(kind: int, address: Any) -> None:
        if kind in (socket.AF_INET, socket.AF_INET6) and not ipaddress.ip_address(address[0]).is_loopback:
            raise AssertionError(f"a test connects to {address}")

    def guarded(real: Any) -> Any:
        def connected(self: socket.socket, address: Any) -> Any:
            check(self.family, address)
            return real(self, address)

        return connected

    def looked_up(host: Any, *args: Any, **more: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        try:
            known = name in (None, "", "localhost", socket.gethostname()) or bool(ipaddress.ip_address(name))
        except ValueError:
            known = False
        if not known:
            raise socket.gaierror(socket.EAI_NONAME, f"a test looks up {name}")
        return look_up(host, *args, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", guarded(connect))
        patch.setattr(socket.socket, "connect_ex", guarded(connect_ex))
        patch.setattr(socket, "getaddrinfo", looked_up)
        yield


@pytest.fixture(scope="session")
def warm() -> Iterator[Warm]:
    """Starts programs that need not import what is slow."""
    if SHARED in os.environ:
        yield Warm(os.environ[SHARED]).awaited()
        return
    with running_warm() as found:
        yield found


@pytest.fixture
def handbook(tmp_path: Path) -> Path:
    """A folder of four small documents, in two levels."""
    return write_handbook(tmp_path / "handbook")


def write_handbook(folder: Path) -> Path:
    for name, text in HANDBOOK.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def one_thread() -> Iterator[None]:
    """For trainings of models whose matrices are so small that they are not worth dividing."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
