"""Where a bucket is and how it is reached: from an address and the environment to a client."""

from __future__ import annotations

import configparser
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from instill.errors import UsageError

FORM = "s3://BUCKET/PREFIX, followed by ?endpoint=URL&region=NAME where they are not AWS's own"
ROLE = "role"
"""Instead of a key: the credentials are those of the container or the machine."""

RETRIES = 6
RETRY_S = 40
CONNECT_S = 5
REQUEST_S = 60

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_ELSEWHERE = ("AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
              "AWS_CONTAINER_CREDENTIALS_FULL_URI")  # fmt: skip


class NoAddress(ValueError):
    """This is no address of object storage; the text says why, and has no part of the address that may be secret."""


class PasswordInAddress(NoAddress):
    """There is a user name or password in it."""


@dataclass(frozen=True, slots=True)
class Address:
    """A place in a bucket.

    Args:
        prefix: names between "/", without one at the start and end; "": the whole bucket.
        endpoint: of a service other than AWS; "": that of the environment, else AWS.
        region: "": that of the environment, else us-east-1.
    """

    bucket: str
    prefix: str
    endpoint: str = ""
    region: str = ""

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.prefix}".rstrip("/")


def split(url: str) -> tuple[Address, dict[str, str]]:
    """The place that an address names, and the options that it has beside endpoint and region.

    Raises:
        NoAddress: it is none.

    Example:
        >>> split("s3://team-docs/handbook?region=eu-central-1&more=1")
        (Address(bucket='team-docs', prefix='handbook', endpoint='', region='eu-central-1'), {'more': '1'})
    """
    try:
        parts = urlsplit(url)
        given = dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query)))
        endpoint, region = given.pop("endpoint", ""), given.pop("region", "")
        to = urlsplit(endpoint)
        bad = bool(endpoint) and (to.scheme not in ("http", "https") or not to.hostname or to.port == 0)
    except ValueError as error:
        raise NoAddress("what follows the ? cannot be read") from error
    names = [name for name in parts.path.split("/") if name]
    if "@" in parts.netloc or "@" in to.netloc:
        raise PasswordInAddress("it has a user name or password in it")
    if parts.scheme != "s3" or not _BUCKET.fullmatch(parts.netloc):
        raise NoAddress("it names no bucket")
    if parts.fragment:
        raise NoAddress("it has a part after #")
    if any(name in (".", "..") for name in names):
        raise NoAddress("the prefix may not have . or .. as a name")
    if bad or to.query or to.fragment:
        raise NoAddress("the endpoint is not an http or https address")
    return Address(parts.netloc, "/".join(names), endpoint.rstrip("/"), region), given


@dataclass(frozen=True, slots=True)
class Use:
    """What a bucket is used for, in the words of errors.

    Args:
        address: what names it: "store.url in instill.toml".
        key: the variable that takes ID:SECRET, beside AWS's own variables; or "".
        role: how to say that the machine has a role: "NAME=value".
        rights: what the credentials have to allow, as a sentence.
    """

    address: str
    key: str
    role: str
    rights: str


@dataclass(frozen=True, slots=True)
class Access:
    """An address with what is needed to open it.

    Args:
        key: "ID:SECRET"; "role"; or "": keys of the environment, or of a profile.
    """

    address: Address
    key: str
    use: Use

    def bucket(self, below: str = "", *, request_s: float = REQUEST_S) -> Any:
        """A client (`obstore.store.S3Store`) whose paths begin at the prefix, or at a folder below it.

        Args:
            request_s: the longest that one request may take, with its answer.

        Raises:
            UsageError: there are no credentials.
        """
        from datetime import timedelta

        from obstore.store import S3Store

        prefix = "/".join(part for part in (self.address.prefix, below) if part)
        endpoint = self.endpoint()
        config: dict[str, Any] = {**self.credentials(), "region": self.region()}
        if endpoint:
            config |= {"endpoint": endpoint, "virtual_hosted_style_request": False}
        return S3Store(
            self.address.bucket,
            prefix=prefix or None,
            **config,
            client_options={
                "allow_http": endpoint.startswith("http://"),
                "connect_timeout": timedelta(seconds=CONNECT_S),
                "timeout": timedelta(seconds=request_s),
            },
            retry_config={"max_retries": RETRIES, "retry_timeout": timedelta(seconds=RETRY_S)},
        )

    def endpoint(self) -> str:
        """Of a service other than AWS; "": AWS."""
        return self.address.endpoint or endpoint_of_environment()

    def region(self) -> str:
        """Of the bucket."""
        return self.address.region or region_of_environment() or "us-east-1"

    def credentials(self) -> dict[str, str]:
        """{} where the client library gets them by itself: from a container's or a machine's role.

        Raises:
            UsageError: there are none.
        """
        if self.key == ROLE:
            return {}
        if self.key:
            id_, colon, secret = self.key.partition(":")
            if not (id_ and colon and secret):
                raise UsageError("store.key is not ID:SECRET.", where="store.key", remedy="See docs/stores.md")
            return {"access_key_id": id_, "secret_access_key": secret}
        found = _of_environment() or _of_profile()
        if not found and not _have_role():
            or_key = f", or {self.use.key} to ID:SECRET" if self.use.key else ""
            raise UsageError(
                "There are no credentials for the object storage.",
                where=str(self.address),
                remedy=f"Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE{or_key}; on a machine that "
                f"has a role: {self.use.role}.",
            )
        return found


def endpoint_of_environment() -> str:
    """The endpoint for addresses that name none; "": AWS."""
    return (os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL", "")).rstrip("/")


def region_of_environment() -> str:
    """The region for addresses that name none, or ""."""
    return os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION", "")


def _have_role() -> bool:
    """Nobody is asked over the network for a role unless the environment says that there is one."""
    asked = os.environ.get("AWS_EC2_METADATA_DISABLED", "").lower() == "false"
    return asked or any(os.environ.get(name) for name in _ELSEWHERE)


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
