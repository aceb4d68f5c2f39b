"""A folder that another process holds, and a server that does not answer: told in our words, and nothing else is."""

from __future__ import annotations

import logging
import socket
import subprocess
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from instill.errors import StoreInUse, WorkspaceError
from instill.settings import StoreSettings
from instill.testing.store_writer import opened
from instill.workspace import Workspace
from instill.workspace.doctor import examine
from tests.index.stores_needed import needs

HOLDS = {
    "milvus": "from milvus_lite.db import MilvusLite; held = MilvusLite(path + '/milvus.db')",
    "qdrant": "from qdrant_client import QdrantClient; held = QdrantClient(path=path + '/qdrant')",
}


@contextmanager
def held(kind: str, index: Path) -> Iterator[None]:
    """Another process uses the store of the index."""
    [generation] = index.glob("g*")
    code = f"import sys; path = sys.argv[1]; {HOLDS[kind]}; print('held', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", code, str(generation)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        pytest.param("milvus", "Milvus", marks=[needs("pymilvus", "milvus"), needs("milvus_lite", "milvus")]),
        pytest.param("qdrant", "Qdrant", marks=needs("qdrant_client", "qdrant")),
    ],
)
def test_a_folder_that_another_process_holds(
    kind: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("INSTILL_STORE__KIND", kind)
    with Workspace.init(tmp_path / "kb") as workspace:
        workspace.add_text("Tea is at four.", name="tea.md")
        folder = workspace.home / "index"
    capfd.readouterr()
    with held(kind, folder):
        with pytest.raises(StoreInUse, match=rf"Another process .* {name} folder") as caught:
            Workspace.open(tmp_path / "kb").index.count()
        assert "server" in caught.value.command
        [finding] = [each for each in examine(str(tmp_path / "kb")) if each.name == "index"]
        assert (finding.verdict, finding.remedy) == ("in use", caught.value.command)
    assert capfd.readouterr() == ("", "")
    with Workspace.open(tmp_path / "kb") as workspace:
        assert workspace.index.count() == (1, 1)


@pytest.mark.parametrize(
    ("kind", "scheme"),
    [
        pytest.param("qdrant", "http", marks=needs("qdrant_client", "qdrant")),
        pytest.param("postgres", "postgresql", marks=needs("psycopg", "postgres")),
    ],
)
def test_a_server_that_does_not_answer_is_told_once(kind: str, scheme: str, tmp_path: Path) -> None:
    with socket.socket() as unused, warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        unused.bind(("127.0.0.1", 0))
        url = f"{scheme}://127.0.0.1:{unused.getsockname()[1]}"
        with pytest.raises(WorkspaceError, match=f"The store '{kind}' failed"):
            opened(tmp_path / "index", StoreSettings(kind=kind, url=url))
    if kind == "postgres":
        assert not logging.getLogger("psycopg").isEnabledFor(logging.WARNING)
