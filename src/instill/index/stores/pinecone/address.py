"""`store.url` of Pinecone: the service's address, with options for new indexes behind it."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

from instill.common.loopback import is_loopback
from instill.errors import UsageError

SERVICE = "https://api.pinecone.io"
_CLOUD = {"cloud": "aws", "region": "us-east-1"}


def address_of(url: str) -> tuple[str, dict[str, str]]:
    """The service's address, and the cloud and region of new indexes.

    Raises:
        UsageError: it is no such address.

    Example:
        >>> address_of("")
        ('https://api.pinecone.io', {'cloud': 'aws', 'region': 'us-east-1'})
        >>> address_of("https://api.pinecone.io?cloud=gcp&region=europe-west4")[1]
        {'cloud': 'gcp', 'region': 'europe-west4'}
    """
    parts = urlsplit(url or SERVICE)
    asked = dict(parse_qsl(parts.query, keep_blank_values=True))
    why = ""
    if parts.scheme not in ("https", "http") or not parts.hostname:
        why = "it does not begin with https://"
    elif parts.scheme == "http" and not is_loopback(parts.hostname):
        why = "the key would be sent in clear text"
    elif parts.username or parts.password:
        why = "a key does not belong into it"
    elif unknown := sorted(set(asked) - set(_CLOUD)):
        why = f"{', '.join(unknown)} is not known"
    if why:
        raise UsageError(
            f"This is no address of Pinecone: {why}.",
            where="store.url",
            remedy=f'Leave it empty, or set for example "{SERVICE}?cloud=aws&region=eu-west-1".',
        )
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}", {**_CLOUD, **asked}
