"""An S3 server (moto) as a process on loopback."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_START_S = 60

KEY = "test-id:test-secret"


@contextmanager
def running_s3() -> Iterator[str]:
    """The server's address; it ends with the block."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    secrets = {"AWS_ACCESS_KEY_ID": "test-id", "AWS_SECRET_ACCESS_KEY": "test-secret"}
    process = subprocess.Popen(
        command, env={**os.environ, **secrets}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    address = f"http://127.0.0.1:{port}"
    try:
        _wait(address, process)
        yield address
    finally:
        process.terminate()
        process.wait(10)


def make_bucket(address: str, bucket: str) -> None:
    """A new bucket."""
    _send(f"{address}/{bucket}", "PUT")


def delete_bucket(address: str, bucket: str) -> None:
    """Delete a bucket with all that is in it."""
    import obstore

    store = client(address, bucket)
    paths = [each["path"] for each in obstore.list(store).collect()]
    if paths:
        obstore.delete(store, paths)
    _send(f"{address}/{bucket}", "DELETE")


def contents_of(address: str, bucket: str, prefix: str) -> list[bytes]:
    """Every object below a prefix."""
    import obstore

    store = client(address, bucket)
    return [bytes(obstore.get(store, each["path"]).bytes()) for each in obstore.list(store, prefix=prefix).collect()]


def client(address: str, bucket: str) -> Any:
    """Of the whole bucket (`obstore.store.S3Store`)."""
    from obstore.store import S3Store

    return S3Store(
        bucket, endpoint=address, access_key_id="a", secret_access_key="b", region="us-east-1",
        virtual_hosted_style_request=False, client_options={"allow_http": True},
    )  # fmt: skip


def _send(url: str, method: str) -> None:
    urllib.request.urlopen(urllib.request.Request(url, method=method), timeout=10).read()


def _wait(address: str, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + _START_S
    while time.monotonic() < until:
        if process.poll() is not None:
            raise RuntimeError("the S3 server ended")
        try:
            urllib.request.urlopen(f"{address}/moto-api/", timeout=5).read()
            return
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
    raise RuntimeError("the S3 server does not start")
