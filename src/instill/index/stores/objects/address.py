"""Where a bucket is and how it is reached: from `store.url` and the environment to what both clients need.

The Lance library and obstore are built on the same client library (Rust's `object_store`), so both get the same
address, keys and limits.
"""

from __future__ import annotations

import configparser
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from instill.errors import UsageError

_FORM = "s3://BUCKET/PREFIX, followed by ?endpoint=URL&region=NAME where they are not AWS's own"
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_RETRIES = 6
_RETRY_S = 40
_CONNECT_S = 5
_REQUEST_S = 60
_ELSEWHERE = ("AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
              "AWS_CONTAINER_CREDENTIALS_FULL_URI")  # fmt: skip
_ROLE = "role"


@dataclass(frozen=True, slots=True)
class Address:
    """A place in a bucket.

    Args:
        endpoint: of a service other than AWS; "": AWS.
        region: "": that of the environment, else us-east-1.
        lease_s: seconds after which a writer that died is given up.
    """

    bucket: str
    prefix: str
    endpoint: str = ""
    region: str = ""
    lease_s: float = 30.0

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.prefix}".rstrip("/")


def parsed(url: str) -> Address:
    """The place that `store.url` names.

    Raises:
        UsageError: it is none.

    Example:
        >>> parsed("s3://team-docs/handbook?region=eu-central-1")
        Address(bucket='team-docs', prefix='handbook', endpoint='', region='eu-central-1', lease_s=30.0)
    """
    try:
        parts = urlsplit(url)
        given = dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query)))
        lease_s = float(given.pop("lease_s", 30.0))
    except ValueError as error:
        raise _wrong(url, str(error)) from None
    endpoint, region = given.pop("endpoint", ""), given.pop("region", "")
    names = [name for name in parts.path.split("/") if name]
    if parts.scheme != "s3" or not _BUCKET.fullmatch(parts.netloc):
        raise _wrong(url, "it names no bucket")
    if given or parts.fragment:
        raise _wrong(url, f"it has more than that: {', '.join(given) or parts.fragment}")
    if any(name in (".", "..") for name in names) or not re.fullmatch(r"[\w!.*'()/ -]*", parts.path, re.ASCII):
        raise _wrong(url, "the prefix may have letters, digits and - _ . only")
    if endpoint and urlsplit(endpoint).scheme not in ("http", "https"):
        raise _wrong(url, "the endpoint is not an http or https address")
    if not 1 <= lease_s <= 3600:
        raise _wrong(url, "lease_s is from 1 to 3600")
    return Address(parts.netloc, "/".join(names), endpoint.rstrip("/"), region, lease_s)


def _wrong(url: str, why: str) -> UsageError:
    return UsageError(f"This is not an address of object storage: {why}.", where=url, remedy=f"store.url = {_FORM}")


@dataclass(frozen=True, slots=True)
class Access:
    """An address with what is needed to open it. `key` is `store.key`: "ID:SECRET", "role", or ""."""

    address: Address
    key: str = ""

    def bucket(self, below: str = "") -> Any:
        """A client (`obstore.store.S3Store`) whose paths begin at the prefix, or at a folder below it.

        Raises:
            UsageError: there are no credentials.
        """
        from datetime import timedelta

        from obstore.store import S3Store

        prefix = "/".join(part for part in (self.address.prefix, below) if part)
        endpoint = self._endpoint()
        config: dict[str, Any] = {**self._credentials(), "region": self._region()}
        if endpoint:
            config |= {"endpoint": endpoint, "virtual_hosted_style_request": False}
        return S3Store(
            self.address.bucket,
            prefix=prefix or None,
            **config,
            client_options={
                "allow_http": endpoint.startswith("http://"),
                "connect_timeout": timedelta(seconds=_CONNECT_S),
                "timeout": timedelta(seconds=_REQUEST_S),
            },
            retry_config={"max_retries": _RETRIES, "retry_timeout": timedelta(seconds=_RETRY_S)},
        )

    def lance(self, generation: str) -> tuple[str, dict[str, str]]:
        """The address of a generation's database, and the options for it.

        Raises:
            UsageError: there are no credentials.
        """
        endpoint = self._endpoint()
        options = {f"aws_{name}": value for name, value in self._credentials().items()}
        options |= {
            "aws_region": self._region(),
            "connect_timeout": f"{_CONNECT_S}s",
            "timeout": f"{_REQUEST_S}s",
            "client_max_retries": str(_RETRIES),
            "client_retry_timeout": str(_RETRY_S),
        }
        if endpoint:
            options |= {"aws_endpoint": endpoint, "aws_virtual_hosted_style_request": "false"}
            options |= {"allow_http": "true"} if endpoint.startswith("http://") else {}
        return f"{self.address}/{generation}", options

    def _endpoint(self) -> str:
        return self.address.endpoint or os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL", "")

    def _region(self) -> str:
        named = (self.address.region, os.environ.get("AWS_REGION"), os.environ.get("AWS_DEFAULT_REGION"))
        return next((name for name in named if name), "us-east-1")

    def _credentials(self) -> dict[str, str]:
        """{} where the client library gets them by itself: from a container's or a machine's role."""
        if self.key == _ROLE:
            return {}
        if self.key:
            id_, colon, secret = self.key.partition(":")
            if not (id_ and colon and secret):
                raise UsageError("store.key is not ID:SECRET.", where="store.key", remedy="See docs/stores.md")
            return {"access_key_id": id_, "secret_access_key": secret}
        found = _of_environment() or _of_profile()
        if not found and not any(os.environ.get(name) for name in _ELSEWHERE):
            raise UsageError(
                "There are no credentials for the object storage.",
                where=str(self.address),
                remedy="Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, or INSTILL_STORE__KEY to "
                "ID:SECRET; on a machine that has a role: INSTILL_STORE__KEY=role.",
            )
        return found


def _of_environment() -> dict[str, str]:
    id_, secret = os.environ.get("AWS_ACCESS_KEY_ID", ""), os.environ.get("AWS_SECRET_ACCESS_KEY", "")
    return _with_token(id_, secret, os.environ.get("AWS_SESSION_TOKEN", ""))


def _of_profile() -> dict[str, str]:
    """The profile of the shared credentials file that AWS_PROFILE names, else `default`."""
    file = Path(os.environ.get("AWS_SHARED_CREDENTIALS_FILE") or Path.home() / ".aws" / "credentials")
    profiles = configparser.RawConfigParser()
    try:
        profiles.read(file, encoding="utf-8")
        profile = profiles[os.environ.get("AWS_PROFILE") or "default"]
    except (configparser.Error, KeyError, UnicodeDecodeError):
        return {}
    return _with_token(
        profile.get("aws_access_key_id", ""),
        profile.get("aws_secret_access_key", ""),
        profile.get("aws_session_token", ""),
    )


def _with_token(id_: str, secret: str, token: str) -> dict[str, str]:
    if not (id_ and secret):
        return {}
    return {"access_key_id": id_, "secret_access_key": secret, **({"session_token": token} if token else {})}
