from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.answer.answer_corpus import COMPANY, Corpus
from tests.models.generators.endpoint_process import Endpoint, running_endpoint


@pytest.fixture(scope="session")
def company(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return Corpus.of(COMPANY, tmp_path_factory.mktemp("company") / "index")


@pytest.fixture(scope="session")
def endpoint() -> Iterator[Endpoint]:
    with running_endpoint() as found:
        yield found
