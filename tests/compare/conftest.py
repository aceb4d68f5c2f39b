from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.compare.compare_world import World, make_world
from tests.models.generators.endpoint_process import Endpoint, running_endpoint


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return make_world(tmp_path_factory.mktemp("compare"))


@pytest.fixture(scope="session")
def endpoint() -> Iterator[Endpoint]:
    with running_endpoint() as found:
        yield found
