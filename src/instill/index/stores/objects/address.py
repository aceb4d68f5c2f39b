"""From `store.url` and `store.key` to what both clients of the store need.

The Lance library and obstore are built on the same client library (Rust's `object_store`), so both get the same
address, keys and limits.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from instill.common.object_storage import address as common
from instill.errors import UsageError

USE = common.Use(
    address="store.url in instill.toml",
    key="INSTILL_STORE__KEY",
    role="INSTILL_STORE__KEY=role",
    rights="They need to list the bucket, and to read, write and delete objects below the prefix.",
)


@dataclass(frozen=True, slots=True)
class Address(common.Address):
    """The place of a store.

    Args:
        lease_s: seconds after which a writer that died is given up.
    """

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
        found, given = common.split(url)
        lease_s = _seconds(given.pop("lease_s", "30"))
        if given:
            raise common.NoAddress(f"it has more than that: {', '.join(given)}")
        if not re.fullmatch(r"[\w!.*'()/ -]*", found.prefix, re.ASCII):
            raise common.NoAddress("the prefix may have letters, digits and - _ . only")
    except common.NoAddress as error:
        raise UsageError(
            f"This is not an address of object storage: {error}.", where=url, remedy=f"store.url = {common.FORM}"
        ) from None
    return Address(found.bucket, found.prefix, found.endpoint, found.region, lease_s)


def _seconds(text: str) -> float:
    try:
        found = float(text)
    except ValueError:
        found = 0
    if not 1 <= found <= 3600:
        raise common.NoAddress("lease_s is from 1 to 3600")
    return found


@dataclass(frozen=True, slots=True)
class Access(common.Access):
    """The address of a store with what is needed to open it."""

    address: Address
    key: str = ""
    use: common.Use = USE

    def lance(self, generation: str) -> tuple[str, dict[str, str]]:
        """The address of a generation's database, and the options for it.

        Raises:
            UsageError: there are no credentials.
        """
        endpoint = self.endpoint()
        options = {f"aws_{name}": value for name, value in self.credentials().items()}
        options |= {
            "aws_region": self.region(),
            "connect_timeout": f"{common.CONNECT_S}s",
            "timeout": f"{common.REQUEST_S}s",
            "client_max_retries": str(common.RETRIES),
            "client_retry_timeout": str(common.RETRY_S),
        }
        if endpoint:
            options |= {"aws_endpoint": endpoint, "aws_virtual_hosted_style_request": "false"}
            options |= {"allow_http": "true"} if endpoint.startswith("http://") else {}
        return f"{self.address}/{generation}", options
