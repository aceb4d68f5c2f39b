"""What a public key is for: pages of the web sites that it names ask, and get nothing else."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from instill import Workspace
from instill.errors import UsageError
from instill.server.access.admission import address_of
from instill.server.access.keys import KeyStore
from instill.server.access.origins import origin_of
from tests.cli.test_cli import as_json, instill
from tests.server.running import Running, running
from tests.server.test_api import ok
from tests.server.walking import routes_of

SITE, OTHER = "https://example.org", "https://other.example"
QUESTION = {"question": "At how many degrees is tea brewed?"}
TEA = "# Tea\n\nTea is brewed at 80 degrees.\n\nThe teapot of the kitchen holds two litres.\n"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Running, dict[str, str]]]:
    folder = tmp_path_factory.mktemp("widget")
    (folder / "private-folder").mkdir()
    (folder / "private-folder" / "tea.md").write_text(TEA)
    with Workspace.init(folder / "kb") as workspace:
        workspace.add(folder / "private-folder", labels="public")
        workspace.add_text("# Pay\n\nThe boss is paid 9000 euros.", name="pay.md", labels="staff")
        store = KeyStore(workspace.catalog, ["public", "staff"])
        more: dict[str, Any] = {"role": "public", "rate": 100_000}
        keys = {
            "site": store.add("site", labels=["public"], origins=[SITE], **more).secret,
            "other": store.add("other", labels=["public"], origins=[OTHER], **more).secret,
            "mixed": store.add("mixed", labels=["public", "staff"], origins=[SITE], **more).secret,
            "reader": store.add("reader", role="reader", rate=100_000).secret,
        }
    (folder / "kb" / "instill.toml").write_text("[server]\nvisitor_per_minute = 100000\n")
    with running(folder / "kb") as server:
        yield server, keys


def asking(server: Running, key: str, origin: str, **more: Any) -> httpx.Response:
    with server.client(key) as client:
        return client.post("/api/ask", json={**QUESTION, **more}, headers={"origin": origin} if origin else {})


def before(server: Running, path: str, origin: str, method: str = "POST", **more: str) -> httpx.Response:
    """What a browser asks first."""
    headers = {"origin": origin, "access-control-request-method": method, **more}
    with server.client() as client:
        return client.options(path, headers=headers)


def test_its_sites_ask_and_read_the_answer(place: tuple[Running, dict[str, str]]) -> None:
    server, keys = place
    first = before(server, "/api/ask", SITE, **{"access-control-request-headers": "authorization,content-type"})
    assert (first.status_code, first.content) == (204, b"")
    assert first.headers["access-control-allow-origin"] == SITE
    assert first.headers["access-control-allow-methods"] == "POST"
    assert {"authorization", "content-type"} <= set(first.headers["access-control-allow-headers"].split(", "))
    answer = asking(server, keys["site"], SITE)
    assert ok(answer)["short"] == "80 degrees"
    assert answer.headers["access-control-allow-origin"] == SITE
    assert answer.headers["vary"] == "Origin"
    assert "access-control-allow-credentials" not in {*first.headers, *answer.headers}


def test_other_sites_and_programs_do_not(place: tuple[Running, dict[str, str]]) -> None:
    server, keys = place
    for origin in (
        OTHER,
        "null",
        "http://example.org",
        SITE + ":8443",
        SITE + ".evil.example",
        "https://www.example.org",
        "",
    ):
        refused = asking(server, keys["site"], origin)
        assert ok(refused, 403)["error"]["what"] == "This key is for pages of other web sites."
        assert "access-control-allow-origin" not in refused.headers
        if origin not in (OTHER, ""):
            assert before(server, "/api/ask", origin).status_code == 403
    assert asking(server, "", SITE).status_code == 403
    # A key that is no public one: a program sends it, and no page of another site reads what comes back.
    assert "access-control-allow-origin" not in asking(server, keys["reader"], SITE).headers


def test_nothing_but_ask_is_open_to_them(place: tuple[Running, dict[str, str]]) -> None:
    server, keys = place
    closed = [route for route in routes_of(server.app) if route.takes and route.path != "/api/ask"]
    assert len(closed) > 40
    with server.client(keys["site"], {"origin": SITE}) as client, server.client() as browser:
        for route in closed:
            path = route.path.replace("{", "").replace("}", "")
            response = client.request(route.method, path)
            assert response.status_code == 403, f"{route.method} {path}"
            assert "access-control-allow-origin" not in response.headers
            asked = browser.options(path, headers={"origin": SITE, "access-control-request-method": route.method})
            assert asked.status_code == 403, f"preflight of {route.method} {path}"
            assert "access-control-allow-origin" not in asked.headers
    assert before(server, "/api/ask", SITE, "DELETE").status_code == 403
    for more in ({"where": "kind = 'markdown'"}, {"mode": "clusters"}, {"stream": True}):
        assert asking(server, keys["site"], SITE, **more).status_code == 403


def test_a_visitor_learns_nothing_of_the_machine_or_the_settings(place: tuple[Running, dict[str, str]]) -> None:
    server, keys = place
    told = asking(server, keys["site"], SITE)
    answer = ok(told)
    assert [each["source"] for claim in answer["claims"] for each in claim["citations"]] == ["tea.md"]
    refused = asking(server, keys["site"], SITE, question="Who is the king of Spain?")
    assert ok(refused)["abstained"]
    for response in (told, refused):
        assert "private-folder" not in response.text
        body = response.json()
        assert body["trace"]["candidates"] == body["notices"] == []
        assert (body["timings"], body["question_id"]) == ({}, None)
    assert ok(asking(server, keys["site"], SITE, question=" "), 400)["error"]["what"] == "The question is empty."


def test_a_label_that_is_not_for_the_public_counts_for_nothing(place: tuple[Running, dict[str, str]]) -> None:
    server, keys = place
    secret = {"question": "How much is the boss paid?"}
    answer = asking(server, keys["mixed"], SITE, **secret)
    assert ok(answer)["abstained"]
    assert "9000" not in answer.text
    assert ok(asking(server, keys["mixed"], SITE))["short"] == "80 degrees"


def test_what_keeps_it_from_answering_goes_to_the_log_alone(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with Workspace.init(tmp_path / "kb") as workspace:
        workspace.add_text(TEA, name="tea.md", labels="public")
        key = KeyStore(workspace.catalog).add("s", role="public", labels=["public"], origins=[SITE]).secret
    (tmp_path / "kb" / "instill.toml").write_text('[answer]\nreader = "secret-reader"\n')
    with running(tmp_path / "kb") as server:
        told = asking(server, key, SITE)
        assert ok(told, 503)["error"]["what"] == "There is no answer at the moment."
        assert "secret-reader" not in told.text
        assert told.headers["access-control-allow-origin"] == SITE
    assert "secret-reader" in caplog.text


def test_a_page_reads_why_it_is_refused_whoever_refuses(tmp_path: Path) -> None:
    """A key that is not known any more, too many tries, a body that is too large, too slow or of two lengths, a
    mistake of ours: without these headers a browser only says that the network failed."""
    with Workspace.init(tmp_path / "kb") as workspace:
        store = KeyStore(workspace.catalog)
        key = store.add("s", role="public", labels=["public"], origins=[SITE]).secret
        gone = store.add("gone", role="public", labels=["public"], origins=[OTHER]).secret
        store.revoke("gone")
    (tmp_path / "kb" / "instill.toml").write_text("[server]\nmax_body_mb = 0.01\nbody_timeout_s = 0.3\n")
    with running(tmp_path / "kb", clock=lambda: 0.0) as server:

        def checked(response: httpx.Response, status: int, site: str = SITE) -> None:
            assert response.status_code == status
            assert response.headers.get_list("access-control-allow-origin") == ([site] if site else [])
            assert ("Retry-After" in response.headers.get("access-control-expose-headers", "")) == bool(site)
            assert "content-security-policy" in response.headers

        checked(asking(server, gone, SITE), 401)
        checked(asking(server, gone, OTHER), 401, "")  # no public key names it any more
        checked(asking(server, "", SITE), 403)
        checked(asking(server, key, SITE, question="x" * 20_000), 413)
        checked(asking(server, "instill_x", SITE, question="x" * 20_000), 413)
        with server.client(key, {"origin": SITE}) as client:

            def parts(size: int, wait: float) -> Iterator[bytes]:
                yield b'{"question": "' + b"x" * size
                time.sleep(wait)
                yield b"x"

            checked(client.post("/api/ask", content=parts(20_000, 0)), 413)
            checked(client.post("/api/ask", content=parts(1, 0.9)), 408)
            checked(client.post("/api/ask", content=b"{}", headers={"content-type": "application/json"}), 422)
        for _ in range(8):
            checked(asking(server, "instill_x", SITE), 401)
        checked(asking(server, "instill_x", SITE), 429)
        # The request that asks first is answered, however many came before it: its refusal could not be read.
        assert {before(server, "/api/ask", SITE).status_code for _ in range(30)} == {204}
        opened, server.service.opened = server.service.opened, None  # type: ignore[assignment]  # a mistake of ours
        checked(asking(server, key, SITE), 500)
        server.service.opened = opened


def test_one_visitor_does_not_use_up_what_the_others_have(tmp_path: Path) -> None:
    with Workspace.init(tmp_path / "kb") as workspace:
        key = KeyStore(workspace.catalog).add("s", role="public", labels=["public"], origins=[SITE]).secret
    (tmp_path / "kb" / "instill.toml").write_text("[server]\nvisitor_per_minute = 1\n")
    with running(tmp_path / "kb", clock=lambda: 0.0) as server:
        assert asking(server, key, SITE).status_code == 200
        refused = asking(server, key, SITE)
        assert refused.status_code == 429
        assert refused.headers["retry-after"] == "60"
        assert refused.headers["access-control-expose-headers"] == "Retry-After"
        assert refused.headers["access-control-allow-origin"] == SITE
        elsewhere = httpx.HTTPTransport(local_address="127.0.0.2")
        with server.client(key, {"origin": SITE}, transport=elsewhere) as another:
            assert another.post("/api/ask", json=QUESTION).status_code == 200


def test_addresses_of_one_network_are_one_caller() -> None:
    def of(address: str) -> str:
        return address_of({"client": (address, 1)})

    assert of("2001:db8:1:2::5") == of("2001:db8:1:2:ffff::9") != of("2001:db8:1:3::5")
    assert of("fe80::1%eth0") == of("fe80::2")
    assert of("10.0.0.1") != of("10.0.0.2")
    assert of("") == ""


@pytest.mark.parametrize(
    ("written", "named"),
    [
        ("https://Example.org/", "https://example.org"),
        ("https://example.org.:443", "https://example.org"),
        ("http://example.org:80", "http://example.org"),
        ("https://example.org:80", "https://example.org:80"),
        ("http://[::1]:8080", "http://[::1]:8080"),
        ("https://Bücher.example", "https://xn--bcher-kva.example"),
    ],
)
def test_a_site_is_kept_as_browsers_name_it(written: str, named: str) -> None:
    assert origin_of(written) == named


@pytest.mark.parametrize(
    "written",
    ["", "null", "*", "example.org", "https://", "https://*.example.org", "https://a@b.c", "https://@b.c", "https://b.c/x",
     "https://b.c?x", "https://b.c#x", "ftp://b.c", "https://b.c:x", "https://b.c:99999", "https://b c", "https://a..b"],
)  # fmt: skip
def test_what_is_no_site_is_refused(written: str) -> None:
    with pytest.raises(UsageError, match="no web site"):
        origin_of(written)


@given(st.text(max_size=40) | st.text("htps:/.*@[]?#a1", max_size=20).map("https://".__add__))
def test_a_site_is_itself_or_refused(written: str) -> None:
    try:
        named = origin_of(written)
    except UsageError:
        return
    assert origin_of(named) == named
    assert named.isascii()
    assert not set(named.partition("://")[2]) & set("/@?#* \\")


def test_the_script_is_loaded_by_any_page(place: tuple[Running, dict[str, str]]) -> None:
    server, _ = place
    with server.client() as client:
        script = client.get("/widget.js", headers={"sec-fetch-site": "cross-site", "sec-fetch-dest": "script"})
    assert script.status_code == 200
    assert script.headers["content-type"].startswith("text/javascript")
    assert script.headers["cross-origin-resource-policy"] == "cross-origin"
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function", script.text)


def test_the_command_line_makes_one_and_shows_what_the_pages_take(tmp_path: Path) -> None:
    instill("init", "kb", cwd=tmp_path)
    kb = tmp_path / "kb"
    instill("keys", "add", "boss", "--role", "admin", cwd=kb)
    arguments = ["keys", "add", "site", "--role", "public", "--label", "public", "--origin", "https://Example.org/"]
    said = instill(*arguments, cwd=kb).stdout
    assert "For the pages of https://example.org" in said
    assert '/widget.js" data-key="instill_' in said
    arguments[2] = "the same site"
    assert as_json(*arguments, cwd=kb)["key"]["origins"] == ["https://example.org"]
    told = json.loads(instill("keys", "add", "x", "--role", "public", "--label", "hr", "--json", cwd=kb, code=2).stderr)
    assert "public_labels" in told["error"]["remedy"]


def test_the_page_about_it_names_what_the_script_reads() -> None:
    root = Path(__file__).parents[2]
    script = (root / "src/instill/server/pages/static/widget.js").read_text()
    page = (root / "docs/widget.md").read_text()
    read = {re.sub("[A-Z]", lambda found: "-" + found[0].lower(), name) for name in re.findall(r"given\.(\w+)", script)}
    assert read == set(re.findall(r"^\| `data-([\w-]+)`", page, re.MULTILINE))
    [snippet] = re.findall(r"^<script .*$", page, re.MULTILINE)
    tag = ElementTree.fromstring(snippet.replace(" async>", ">"))
    assert tag.attrib.keys() - {"src"} <= {f"data-{name}" for name in read}
    assert {"--instill-accent", "--instill-accent-ink"} <= set(re.findall(r"--instill-[\w-]+", page))
