"""What is no address of PostgreSQL is refused in a sentence, before anything is connected to."""

from __future__ import annotations

from pathlib import Path

import pytest

from instill.errors import UsageError
from instill.index.protocol import Place
from instill.index.stores.postgres.connections import open_store


@pytest.mark.parametrize("url", ["http://db.example/docs", "qdrant://u:secret@db.example", "file:///tmp/x"])
def test_another_address_is_refused(tmp_path: Path, url: str) -> None:
    with pytest.raises(UsageError, match="not an address of a PostgreSQL database") as error:
        open_store(Place(tmp_path, "g1", 3, url=url), create=False)
    assert "secret" not in str(error.value)
    assert "postgresql://" in error.value.remedy
