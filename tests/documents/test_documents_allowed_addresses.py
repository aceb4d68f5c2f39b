"""No fetch is led into a private network: names, redirects, disguised numbers; with a resolver and connections of ours.

Nothing is ever sent to an address that is not loopback: `OurNetwork` answers for all names, and its transport carries
every request to one server here, having written down where it was meant to go.
"""

from __future__ import annotations

import ipaddress
import threading
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from instill.documents.allowed_addresses import Allowed, Kind, kind_of, parsed, written_plainly
from instill.documents.web import fetch
from instill.errors import DocumentError, UsageError
from instill.settings import DocumentSettings

NOWHERE = tuple(
    f"http://{host}/"
    for host in ("0.0.0.0", "0", "[::]", "255.255.255.255", "224.0.0.1", "[ff02::1]", "240.0.0.1", "[::ffff:0.0.0.0]")
)
PUBLIC, OTHER_PUBLIC, METADATA = "93.184.215.14", "151.101.1.69", "169.254.169.254"


Names = dict[str, Sequence[str] | Sequence[Sequence[str]]]


class Handler(BaseHTTPRequestHandler):
    """/to/ADDRESS redirects there; everything else is a page."""

    def do_GET(self) -> None:
        target = unquote(self.path).partition("/to/")[2]
        self.send_response(302 if target else 200)
        body = b"" if target else b"a page"
        if target:
            self.send_header("Location", target.encode().decode("latin-1"))
        self.send_header("Set-Cookie", "who=me")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        return


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    running = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=running.serve_forever, daemon=True).start()
    yield int(running.server_address[1])
    running.shutdown()
    running.server_close()


class OurNetwork(httpx.BaseTransport):
    """Answers for names, in turn and the last one for ever; carries every request to this machine's server.

    `went`: the addresses that were connected to, with host header and cookies.
    """

    def __init__(
        self, port: int, names: dict[str, Sequence[str] | Sequence[Sequence[str]]], dead: Sequence[str] = ()
    ) -> None:
        self.port, self.dead = port, dead
        self.names = {name: list(answers) for name, answers in names.items()}
        self.went: list[str] = []
        self.requests: list[httpx.Request] = []

    def look_up(self, host: str, port: int) -> Sequence[str]:
        if host not in self.names:
            raise OSError(host)
        answers = self.names[host]
        if answers and not isinstance(answers[0], str):
            found = answers.pop(0) if len(answers) > 1 else answers[0]
            return [str(each) for each in found]
        return [str(each) for each in answers]

    def transport(self) -> httpx.BaseTransport:
        return self

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.went.append(f"{request.url.host}:{request.url.port or {'http': 80, 'https': 443}[request.url.scheme]}")
        self.requests.append(request)
        if request.url.host in self.dead:
            raise httpx.ConnectError("nobody listens")
        request.url = request.url.copy_with(scheme="http", host="127.0.0.1", port=self.port)
        with httpx.HTTPTransport(verify=False) as real:
            response = real.handle_request(request)
            response.read()
            return response


def fetched(network: OurNetwork, address: str, *, allow: Sequence[str] = ()) -> bytes:
    return fetch(address, DocumentSettings(url_allow=list(allow)), network).data


def refusal(network: OurNetwork, address: str, *, allow: Sequence[str] = ()) -> DocumentError:
    with pytest.raises(DocumentError) as error:
        fetched(network, address, allow=allow)
    assert error.value.remedy
    return error.value


# -- redirects ---------------------------------------------------------------------------------------------------------

NAMES: Names = {
    "public.example": [PUBLIC],
    "second.example": [OTHER_PUBLIC],
    "wiki.local": ["10.0.0.5"],
    "alias.local": ["10.0.0.5"],
    "database.local": ["10.0.0.6"],
    "metadata.local": [METADATA],
    "localhost": ["127.0.0.1", "::1"],
    "mixed.example": [PUBLIC, "10.0.0.5"],
}


def test_a_public_address_leads_to_public_ones(port: int) -> None:
    network = OurNetwork(port, NAMES)
    assert (
        fetched(network, "http://public.example/to/https://second.example/to/http://public.example/page") == b"a page"
    )
    assert network.went == [f"{PUBLIC}:80", f"{OTHER_PUBLIC}:443", f"{PUBLIC}:80"]
    assert [request.headers["Host"] for request in network.requests] == [
        "public.example",
        "second.example",
        "public.example",
    ]
    assert all("Cookie" not in request.headers for request in network.requests)
    assert network.requests[1].extensions["sni_hostname"] == "second.example"


@pytest.mark.parametrize(
    "target",
    [
        "http://10.0.0.6/",
        "http://database.local/",
        "http://localhost/",
        "http://127.0.0.1/",
        "http://127.1/",
        "http://2130706433/",
        "http://0x7f000001/",
        "http://0177.0.0.1/",
        "http://017700000001/",
        "http://１２７.0.0.1/",
        "http://[::1]/",
        "http://[::ffff:10.0.0.6]/",
        "http://[::ffff:7f00:1]/",
        "http://[64:ff9b::10.0.0.6]/",
        "http://[2002:a00:6::]/",
        "http://[fd00::1]/",
        "http://[fec0::1]/",
        "http://100.64.0.1/",
        "http://mixed.example/",
    ],
)
@pytest.mark.parametrize(
    "start",
    ["http://public.example/to/", "http://wiki.local/to/", "http://public.example/to/http://second.example/to/"],
)
def test_no_redirect_leads_to_a_private_address_that_was_not_named(port: int, start: str, target: str) -> None:
    network = OurNetwork(port, NAMES)
    hops = start.count("/to/")
    assert "private network" in refusal(network, start + target).what
    assert len(network.went) == hops  # nothing was sent to the target


@pytest.mark.parametrize(
    "target",
    [
        f"http://{METADATA}/latest/meta-data/",
        "http://metadata.local/",
        "http://2852039166/",
        "http://0xa9fea9fe/",
        "http://0251.0376.0251.0376/",
        "http://[::ffff:169.254.169.254]/",
        "http://[::ffff:a9fe:a9fe]/",
        "http://[64:ff9b::a9fe:a9fe]/",
        "http://[2002:a9fe:a9fe::1]/",
        "http://[::169.254.169.254]/",
        "http://[fe80::1]/",
        "http://[fd00:ec2::254]/",
        "http://100.100.100.200/",
        "http://168.63.129.16/",
        "http://192.0.0.192/",
    ],
)
@pytest.mark.parametrize("start", ["", "http://public.example/to/", "http://wiki.local/to/"])
def test_metadata_addresses_are_refused_even_when_they_are_named(port: int, start: str, target: str) -> None:
    network = OurNetwork(port, NAMES)
    for allow in ((), ("0.0.0.0/0", "::/0", "metadata.local")):
        network.went.clear()
        assert "link-local or metadata" in refusal(network, start + target, allow=allow).what
        assert len(network.went) == start.count("/to/")


@pytest.mark.parametrize(
    "target",
    [
        "http://0.0.0.0/",
        "http://0/",
        "http://[::]/",
        "http://255.255.255.255/",
        "http://224.0.0.1/",
        "http://[ff02::1]/",
        "http://240.0.0.1/",
        "http://[::ffff:0.0.0.0]/",
    ],
)
@pytest.mark.parametrize("start", ["", "http://public.example/to/", "http://wiki.local/to/"])
def test_addresses_that_no_page_comes_from_are_refused_always(port: int, start: str, target: str) -> None:
    network = OurNetwork(port, NAMES)
    assert (
        "not an address that a page can come from" in refusal(network, start + target, allow=["0.0.0.0/0", "::/0"]).what
    )
    assert len(network.went) == start.count("/to/")


def test_the_private_address_that_was_named_opens_itself_at_its_port_and_no_more(port: int) -> None:
    network = OurNetwork(port, NAMES)
    assert fetched(network, "http://wiki.local/to/http://10.0.0.5/to/http://alias.local/page") == b"a page"
    assert fetched(network, "http://wiki.local/to/https://wiki.local/page") == b"a page"
    assert fetched(network, "http://10.0.0.5:8080/to/http://wiki.local:8080/page") == b"a page"
    assert fetched(network, "http://wiki.local/to/http://public.example/page") == b"a page"
    for target in (
        "http://wiki.local:6379/",
        "http://10.0.0.5:22/",
        "http://database.local/",
        "https://wiki.local:8443/",
    ):
        assert "private network" in refusal(network, f"http://wiki.local/to/{target}").what
    assert "private network" in refusal(network, "https://wiki.local/to/http://wiki.local/page").what


def test_a_public_server_does_not_lead_back_into_the_network_that_was_named(port: int) -> None:
    network = OurNetwork(port, NAMES)
    assert (
        "private network" in refusal(network, "http://wiki.local/to/http://public.example/to/http://wiki.local/x").what
    )
    assert network.went == ["10.0.0.5:80", f"{PUBLIC}:80"]


def test_who_may_not_name_a_private_address_is_told_the_setting(port: int) -> None:
    """A service fetches none that its callers name: to add the address itself, as one just did, does not help."""
    served = DocumentSettings(url_private=False)
    with pytest.raises(DocumentError) as error:
        fetch("http://wiki.local/page", served, OurNetwork(port, NAMES))
    assert error.value.what == "wiki.local is inside a private network."
    assert (
        error.value.remedy == "If you trust it, have wiki.local named in url_allow under [documents] in instill.toml."
    )
    redirected = refusal(OurNetwork(port, NAMES), "http://public.example/to/http://wiki.local/page")
    assert redirected.remedy.startswith(
        "If you trust it, add that address itself, or have wiki.local named in url_allow"
    )


def test_the_setting_opens_what_it_names(port: int) -> None:
    network = OurNetwork(port, NAMES)
    to_database = "http://public.example/to/http://database.local:5000/page"
    for allow in ("database.local", "10.0.0.6", "10.0.0.0/24", "DATABASE.local"):
        assert fetched(network, to_database, allow=[allow]) == b"a page"
    for allow in ("database", "10.0.0.5", "10.0.1.0/24", "local"):
        assert "private network" in refusal(network, to_database, allow=[allow]).what
    for allow in (METADATA, "169.254.0.0/16"):
        assert fetched(network, f"http://public.example/to/http://{METADATA}/page", allow=[allow]) == b"a page"
        assert fetched(network, "http://[::ffff:a9fe:a9fe]/page", allow=[allow]) == b"a page"


@pytest.mark.parametrize("entry", ["", "http://wiki.local", "10.0.0.0/99", "a b", "*.local", "999.1.1.1"])
def test_an_entry_of_the_setting_that_is_nothing_is_refused(port: int, entry: str) -> None:
    with pytest.raises(UsageError, match="url_allow") as error:
        fetched(OurNetwork(port, NAMES), "http://public.example/", allow=[entry])
    assert error.value.exit_code == 2


# -- names -------------------------------------------------------------------------------------------------------------


def test_a_name_is_looked_up_once_and_the_address_that_was_judged_is_connected_to(port: int) -> None:
    network = OurNetwork(port, {"rebound.example": [[PUBLIC], ["127.0.0.1"]]})
    assert fetched(network, "http://rebound.example/page") == b"a page"
    assert network.went == [f"{PUBLIC}:80"]


def test_a_name_that_means_something_private_on_the_next_hop_is_refused(port: int) -> None:
    network = OurNetwork(port, {"rebound.example": [[PUBLIC], ["10.0.0.6"]]})
    assert "private network" in refusal(network, "http://rebound.example/to/http://rebound.example/page").what
    private_first = OurNetwork(port, {"rebound.local": [["10.0.0.5"], ["10.0.0.6"]]})
    assert "private network" in refusal(private_first, "http://rebound.local/to/http://rebound.local/page").what
    assert private_first.went == ["10.0.0.5:80"]


def test_a_name_that_is_public_and_private_at_once_is_refused(port: int) -> None:
    network = OurNetwork(port, NAMES)
    assert "private network" in refusal(network, "http://mixed.example/page").what
    assert network.went == []
    assert fetched(network, "http://mixed.example/page", allow=["10.0.0.5"]) == b"a page"


def test_the_next_address_is_tried_when_nobody_listens_at_the_first(port: int) -> None:
    network = OurNetwork(port, NAMES, dead=["127.0.0.1"])
    assert fetched(network, "http://localhost:8080/page") == b"a page"
    assert network.went == ["127.0.0.1:8080", "::1:8080"]


def test_a_proxy_is_asked_for_nothing_private_either(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{port}")
    network = OurNetwork(port, NAMES)
    assert fetched(network, "http://only-the-proxy-knows.example/page") == b"a page"
    for target in ("http://10.0.0.6/", "http://2130706433/", "http://database.local/", "http://localhost/"):
        assert "private network" in refusal(network, f"http://only-the-proxy-knows.example/to/{target}").what
    assert "link-local" in refusal(network, f"http://{METADATA}/").what
    assert network.went == []  # all of it went through the proxy


# -- numbers -----------------------------------------------------------------------------------------------------------

ipv4 = st.integers(0, 2**32 - 1).map(ipaddress.IPv4Address)
WAYS = ("::ffff:{}", "64:ff9b::{}")


@given(ipv4)
def test_an_ipv4_address_is_of_one_kind_however_it_is_written(address: ipaddress.IPv4Address) -> None:
    number, kind = int(address), kind_of(str(address))
    parts = str(address).split(".")
    forms = [str(number), hex(number), f"0{number:o}", ".".join(f"0{int(part):o}" for part in parts)]
    forms += [".".join(hex(int(part)) for part in parts), f"{parts[0]}.{number & 0xFFFFFF}", str(address) + "."]
    for form in forms:
        assert written_plainly(form) == str(address)
    for way in WAYS:
        assert kind_of(way.format(address)) == kind
    tunnels = [
        f"{ipaddress.IPv6Address((0x2002 << 112) | number << 80)}",
        f"::ffff:0:{address}",
        f"2a00:1450:1:1:0:5efe:{address}",
    ]
    for tunnel in [*tunnels, *([f"::{address}"] if number > 1 else [])]:
        assert kind_of(tunnel) >= max(kind, Kind.PUBLIC if "5efe" in tunnel else Kind.PRIVATE)


@given(st.ip_addresses())
def test_what_python_says_is_private_is_never_public(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    if (
        address.is_private
        or address.is_loopback
        or address.is_link_local
        or address.is_multicast
        or address.is_unspecified
    ):
        embedded = address in ipaddress.ip_network("64:ff9b::/96") if address.version == 6 else False
        assert embedded or kind_of(str(parsed(str(address)))) > Kind.PUBLIC


@pytest.mark.parametrize("host", ["999.1.1.1", "4294967296", "256.256", "1.2.3.256", "0x1ffffffff"])
def test_a_number_that_is_no_address_is_refused(port: int, host: str) -> None:
    with pytest.raises(ValueError, match=host):
        written_plainly(host)
    assert "not valid" in refusal(OurNetwork(port, NAMES), f"http://{host}/").what


def test_link_local_is_opened_by_number_only() -> None:
    assert Allowed([METADATA]).opens("anything", f"::ffff:{METADATA}")
    assert not Allowed(["metadata.local", "0.0.0.0/0"]).opens("metadata.local", METADATA)
    assert Allowed(["fe80::/10"]).opens("x", "fe80::1%eth0")


@pytest.mark.parametrize(
    "address",
    ["64:ff9b:1:a9fe:a9:fe00::", "64:ff9b:1:a9:fe:a9fe::", "64:ff9b:1::a9:fea9:fe00:0", "64:ff9b:1::a9fe:a9fe"],
)
def test_a_translator_of_the_own_network_is_a_way_to_metadata_whatever_its_prefix(address: str) -> None:
    """RFC 6052, 2.2: how 169.254.169.254 is written behind prefixes of 48, 56, 64 and 96 bits."""
    assert kind_of(address) == Kind.LINK_LOCAL
    assert kind_of("64:ff9b:1:5db8:d7:e00::") == Kind.PRIVATE  # a public address, translated: fetched when it is named


def test_all_services_for_one_machine_on_ec2_are_metadata() -> None:
    assert {kind_of(f"fd00:ec2::{end}") for end in ("254", "23", "123")} == {Kind.LINK_LOCAL}
    assert Allowed(["fd00:ec2::254"]).opens("any", "fd00:ec2::254")
    assert not Allowed(["fd00::/8"]).opens("any", "fd00:ec2::254")
