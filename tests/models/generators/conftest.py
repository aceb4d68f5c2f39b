from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.models.generators.endpoint_process import Endpoint, running_endpoint


@pytest.fixture(scope="session")
def endpoint() -> Iterator[Endpoint]:
    with running_endpoint() as found:
        yield found
