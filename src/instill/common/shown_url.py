"""Addresses of servers as they may be shown."""

from __future__ import annotations

from urllib.parse import urlsplit


def without_password(url: str) -> str:
    """An address as it may be shown and written down.

    Example:
        >>> without_password("postgresql://anna:secret@db.example:5432/docs")
        'postgresql://anna@db.example:5432/docs'
    """
    parts = urlsplit(url)
    if parts.password is None:
        return url
    user, _, host = parts.netloc.rpartition("@")
    return parts._replace(netloc=f"{user.partition(':')[0]}@{host}").geturl()
