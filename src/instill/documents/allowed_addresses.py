"""Which network addresses may be fetched: public ones, private ones that a person named, link-local ones hardly ever.

An address can hide another: IPv4 in IPv6 in several forms, a number in decimal, octal or hexadecimal. What counts is
where a packet would go, so hidden addresses are taken out and the worst of all decides.
"""

from __future__ import annotations

import ipaddress
import re
import socket
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from enum import IntEnum

from instill.errors import UsageError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_NUMBER = re.compile(r"(?:0[xX][0-9a-fA-F]*|[0-9]+)(?:\.(?:0[xX][0-9a-fA-F]*|[0-9]+)){0,3}")
_HOST = re.compile(r"(?!-)[\w-]{1,63}(?:\.[\w-]{1,63})*", re.ASCII)
_LINK_LOCAL = tuple(
    map(
        ipaddress.ip_network,
        # The last one is where EC2 keeps its services for one machine: metadata, credentials (fd00:ec2::23), names.
        ("169.254.0.0/16", "fe80::/10", "fd00:ec2::/32"),
    )
)
# Where clouds keep what a machine may do: their documentation names these beside 169.254.169.254.
_METADATA = frozenset(map(ipaddress.ip_address, ("100.100.100.200", "168.63.129.16", "192.0.0.192", "fd20:ce::254")))
_NOWHERE = (ipaddress.ip_network("0.0.0.0/8"), ipaddress.ip_network("240.0.0.0/4"))
_GLOBAL_IPV6 = ipaddress.ip_network("2000::/3")
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_LOCAL_NAT64 = ipaddress.ip_network("64:ff9b:1::/48")
_NOT_PUBLIC = tuple(
    map(
        ipaddress.ip_network,
        ("192.0.0.0/24", "192.88.99.0/24", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20", "3ffe::/16"),
    )
)
"""What some versions of Python take for global: protocol assignments, documentation, tunnels."""


class Kind(IntEnum):
    """How far an address is from being fetched without a word; a higher one is refused earlier."""

    PUBLIC = 0
    PRIVATE = 1
    LINK_LOCAL = 2
    NEVER = 3


def kind_of(address: str) -> Kind:
    """What kind of address it is, with all that it hides; `address` is one as a resolver gives it.

    Example:
        >>> kind_of("93.184.215.14").name, kind_of("10.0.0.1").name, kind_of("::ffff:169.254.169.254").name
        ('PUBLIC', 'PRIVATE', 'LINK_LOCAL')
        >>> kind_of("64:ff9b::7f00:1").name, kind_of("0.0.0.0").name, kind_of("no address").name
        ('PRIVATE', 'NEVER', 'NEVER')
    """
    found = parsed(address)
    return Kind.NEVER if found is None else _kind(found)


def parsed(address: str) -> Address | None:
    """The address without zone, an IPv4 address that is mapped into IPv6 as itself; None for what is no address."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return mapped or found


def written_plainly(host: str) -> str:
    """A host's name as it is looked up: "2130706433", "0x7f.1" and "127。0。0。1" are 127.0.0.1.

    Raises:
        ValueError: it is a number that is no address.

    Example:
        >>> written_plainly("0177.1"), written_plainly("2130706433"), written_plainly("Example.ORG.")
        ('127.0.0.1', '127.0.0.1', 'example.org')
    """
    plain = unicodedata.normalize("NFKC", host).replace("。", ".").lower().rstrip(".")
    if _NUMBER.fullmatch(plain):
        try:
            return socket.inet_ntoa(socket.inet_aton(plain))
        except OSError as error:
            raise ValueError(host) from error
    return plain


class Allowed:
    """The private hosts, addresses and networks that a setting names.

    Raises:
        UsageError: an entry is neither.
    """

    def __init__(self, entries: Iterable[str]) -> None:
        self._hosts: set[str] = set()
        self._networks: list[Network] = []
        for entry in entries:
            try:
                self._networks.append(ipaddress.ip_network(entry.strip().strip("[]"), strict=False))
            except ValueError:
                self._hosts.add(_host_entry(entry))

    def opens(self, host: str, address: str) -> bool:
        """Whether `address`, which `host` means, may be fetched although it is not public.

        A link-local address has to be named by number: itself, or a network that is wholly link-local.
        """
        found, kind = parsed(address), kind_of(address)
        if found is None or kind == Kind.NEVER:
            return False
        if kind == Kind.LINK_LOCAL:
            return any(found in network and _is_narrow(network) for network in self._networks)
        return host in self._hosts or any(found in network for network in self._networks)


def worst(addresses: Sequence[str]) -> Kind:
    """The kind of the address that is refused first."""
    return max(map(kind_of, addresses), default=Kind.NEVER)


def _kind(address: Address) -> Kind:
    if address.is_multicast or address.is_unspecified or str(address) == "255.255.255.255":
        return Kind.NEVER
    if isinstance(address, ipaddress.IPv4Address) and (
        address in ipaddress.ip_network("0.0.0.0/8") or address.is_reserved
    ):
        return Kind.NEVER
    if address in _METADATA or any(address in network for network in _LINK_LOCAL):
        return Kind.LINK_LOCAL
    hidden = list(_hidden(address))
    if address in _NAT64:  # a translator sends it on to the IPv4 address
        return max(map(_kind, hidden))
    if any(address in network for network in _NOT_PUBLIC) or not address.is_global or not _is_unicast(address):
        return max([Kind.PRIVATE, *map(_kind, hidden)])
    return max([Kind.PUBLIC, *map(_kind, hidden)])


def _is_unicast(address: Address) -> bool:
    return isinstance(address, ipaddress.IPv4Address) or address in _GLOBAL_IPV6


def _hidden(address: Address) -> Iterator[ipaddress.IPv4Address]:
    """IPv4 addresses that an IPv6 address is a way to."""
    if isinstance(address, ipaddress.IPv4Address) or address == ipaddress.IPv6Address("::1"):
        return
    low = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    upper = int(address) >> 32
    if address in _NAT64 or upper in (0, 0xFFFF0000):  # compatible (::a.b.c.d) and translated (::ffff:0:a.b.c.d)
        yield low
    if (upper & 0xFDFFFFFF) == 0x5EFE:  # ISATAP
        yield low
    if address.sixtofour is not None:
        yield address.sixtofour
    if address.teredo is not None:
        yield from address.teredo
    if address in _LOCAL_NAT64:
        yield from (found for found in _translated(address) if _kind(found) == Kind.LINK_LOCAL)


def _translated(address: ipaddress.IPv6Address) -> Iterator[ipaddress.IPv4Address]:
    """What a translator of this network may send it on to (RFC 8215). How long its prefix is nobody can tell from the
    address, so that it is one for each length (RFC 6052, 2.2: the bits 64 to 71 belong to no address)."""
    bits = int(address)
    joined = (bits >> 64 << 56) | (bits & ((1 << 56) - 1))
    for after in (40, 32, 24):  # prefixes of 48, 56 and 64 bits
        yield ipaddress.IPv4Address(joined >> after & 0xFFFFFFFF)
    yield ipaddress.IPv4Address(bits & 0xFFFFFFFF)


def _is_narrow(network: Network) -> bool:
    return network.num_addresses == 1 or any(
        network.version == each.version and network.subnet_of(each)  # type: ignore[arg-type]
        for each in _LINK_LOCAL
    )


def _host_entry(entry: str) -> str:
    try:
        host = written_plainly(entry.strip())
    except ValueError:
        host = ""
    if not _HOST.fullmatch(host.encode("idna").decode() if host.isascii() is False else host):
        raise UsageError(
            "This is not a host, address or network.",
            where=f"documents.url_allow: {entry}",
            remedy='Write for example: url_allow = ["wiki.local", "10.0.0.0/8"]',
        )
    return host
