"""Keys, roles, logins: who gets in, and what they may."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from instill import Workspace
from instill.errors import UsageError
from instill.server.access.caller_role import ROLES, Role
from instill.server.access.keys import KeyStore
from tests.cli.test_cli import as_json, instill
from tests.server.running import Running, running
from tests.server.test_api import ok
from tests.server.walking import routes_of

SITE = "https://example.org"


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    with Workspace.init(tmp_path / "kb") as found:
        found.add_text("# Tea\n\nTea is brewed at 80 degrees.", name="tea.md", labels="staff")
        yield found


def made(workspace: Workspace, role: Role = "reader", **more: Any) -> str:
    if role == "public":
        more = {"labels": ["public"], "origins": [SITE], **more}
    return KeyStore(workspace.catalog).add(f"a {role}", role=role, **more).secret


def test_a_key_is_shown_once_and_kept_as_a_hash(tmp_path: Path) -> None:
    instill("init", "kb", cwd=tmp_path)
    place = tmp_path / "kb"
    instill("keys", "add", "boss", "--role", "admin", cwd=place)
    secret = as_json("keys", "add", "ann", "--role", "editor", "--label", "hr", "--days", "30", cwd=place)["secret"]
    assert len(secret) > 40
    instill("keys", "add", "bob", cwd=place)
    listed = instill("keys", "list", "--json", cwd=place).stdout
    assert [(key["name"], key["role"], key["labels"], key["state"]) for key in json.loads(listed)["keys"]] == [
        ("boss", "admin", None, "active"),
        ("ann", "editor", ["hr"], "active"),
        ("bob", "reader", None, "active"),
    ]
    again = instill("keys", "add", "ann", cwd=place, code=2).stderr
    first = next(key["key_id"] for key in json.loads(listed)["keys"] if key["name"] == "ann")
    assert "An active key has this name, and two could not be told apart.\n  where: ann\n" in again
    assert f'Choose another name, such as "ann 2", or revoke that key first: instill keys revoke {first}' in again
    for file in (place / ".instill").rglob("*"):
        assert not file.is_file() or secret.encode() not in file.read_bytes()
    assert secret not in listed + instill("keys", "list", cwd=place).stdout
    assert as_json("keys", "revoke", "ann", cwd=place)["state"] == "revoked"
    assert "No admin's key is left" in instill("keys", "revoke", "boss", cwd=place).stdout
    assert "No key is left" in instill("keys", "revoke", "bob", cwd=place).stdout
    assert "No key has this name" in instill("keys", "revoke", "eve", cwd=place, code=2).stderr


def test_the_last_admins_key_is_revoked_last(workspace: Workspace) -> None:
    """Over the service: whoever did it earlier would have locked everybody out of keys and settings."""
    store = KeyStore(workspace.catalog)
    boss = store.add("boss", role="admin")
    ann = store.add("ann", role="reader")
    with running(workspace.path) as server, login(server, boss.secret) as client:
        for reference in (boss.key.key_id, "boss", boss.key.key_id[:6]):
            told = ok(client.delete(f"/api/keys/{reference}"), 400)["error"]
            assert told["what"].startswith("This is the last admin's key")
        other = store.add("other", role="admin", days=1)
        assert ok(client.delete(f"/api/keys/{other.key.key_id}"))["state"] == "revoked"
        assert ok(client.delete(f"/api/keys/{ann.key.key_id}"))["state"] == "revoked"
        assert ok(client.delete(f"/api/keys/{boss.key.key_id}"))["state"] == "revoked"
    assert not store.any()


def test_the_first_key_is_an_admins(workspace: Workspace) -> None:
    """A reader's would log out whoever made it, with nobody left who may make another."""
    told = json.loads(instill("keys", "add", "ann", "--json", cwd=workspace.path, code=2).stderr)["error"]
    assert told["what"].startswith("The first key is an admin's")
    assert told["remedy"] == "Make your own first: instill keys add NAME --role admin"
    with running(workspace.path) as server, server.client() as client:
        for role in ("reader", "editor", "public"):
            assert (
                ok(client.post("/api/keys", json={"name": "ann", "role": role}), 400)["error"]["where"]
                == f"role: {role}"
            )
        assert ok(client.get("/api/keys"))["keys"] == []
        boss = ok(client.post("/api/keys", json={"name": "boss", "role": "admin"}), 201)["secret"]
        with server.client(boss) as owner:
            assert ok(owner.post("/api/keys", json={"name": "ann"}), 201)["key"]["role"] == "reader"


def test_two_active_keys_never_have_one_name(workspace: Workspace) -> None:
    store = KeyStore(workspace.catalog)
    boss = store.add("boss", role="admin").secret
    first = store.add("Ann  Lee").key
    store.add("ann lee 2", days=0.000001)
    with running(workspace.path) as server, login(server, boss) as client:
        told = ok(client.post("/api/keys", json={"name": " ann lee"}), 400)["error"]
        assert (told["what"], told["where"]) == (
            "An active key has this name, and two could not be told apart.", "Ann  Lee",
        )  # fmt: skip
        assert told["remedy"] == (
            'Choose another name, such as "ann lee 2", or revoke that key first on the page Settings'
        )
        assert [each["name"] for each in ok(client.get("/api/keys"))["keys"]] == ["boss", "Ann  Lee", "ann lee 2"]
        assert ok(client.post("/api/keys", json={"name": "Ann Lee 2"}), 201), "the one before has expired"
        ok(client.delete(f"/api/keys/{first.key_id}"))
        assert ok(client.post("/api/keys", json={"name": "ann lee"}), 201)
    with pytest.raises(UsageError, match='such as "Ann Lee 3"'):
        store.add("Ann Lee")


@pytest.mark.parametrize(
    ("role", "more"),
    [
        ("owner", {}),
        ("admin", {"labels": ["hr"]}),
        ("public", {}),
        ("reader", {"labels": []}),
        ("reader", {"days": 0}),
        ("reader", {"days": float("nan")}),
        ("public", {"labels": ["public"]}),
        ("public", {"labels": ["public", "staff"], "origins": [SITE]}),
        ("public", {"labels": ["public"], "origins": ["example.org/page"]}),
        ("reader", {"origins": [SITE]}),
        ("reader", {"rate": -1}),
    ],
)
def test_keys_that_make_no_sense_are_refused(workspace: Workspace, role: Role, more: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        KeyStore(workspace.catalog).add("x", role=role, **more)
    with pytest.raises(UsageError, match="needs a name"):
        KeyStore(workspace.catalog).add(" ")


def test_with_a_key_nobody_comes_in_without_one(workspace: Workspace) -> None:
    with running(workspace.path) as server, server.client() as client:
        assert ok(client.get("/api/me"))["way"] == "open"
        secret = made(workspace)
        for path in ("/api/me", "/api/documents", "/openapi.json", "/"):
            told = ok(client.get(path), 401)
            assert told["error"]["where"] == "Authorization"
        assert ok(client.get("/healthz")) == {"status": "ok"}
        for header in ({"authorization": f"Bearer {secret}"}, {"x-api-key": secret}):
            assert ok(client.get("/api/me", headers=header))["name"] == "a reader"
        for wrong in (secret[:-1], secret + "x", "instill_", "x" * 5000):
            assert client.get("/api/me", headers={"authorization": f"Bearer {wrong}"}).status_code == 401
        basic = {"authorization": f"Basic {secret}"}
        assert client.get("/api/me", headers=basic).status_code == 401
        KeyStore(workspace.catalog).revoke("a reader")
        made(workspace, "admin")
        assert client.get("/api/me", headers={"authorization": f"Bearer {secret}"}).status_code == 401


def test_a_key_expires_and_its_last_use_is_seen(workspace: Workspace) -> None:
    store = KeyStore(workspace.catalog)
    secret = store.add("ann", days=30).secret
    assert store.all()[0].last_used == ""
    assert store.recognise(secret) is not None
    assert store.all()[0].last_used != ""
    with sqlite3.connect(workspace.home / "catalog.db") as database:
        database.execute("UPDATE keys SET expires = '2020-01-01T00:00:00Z'")
    assert store.recognise(secret) is None
    assert store.all()[0].state == "expired"
    assert store.any(), "an expired key does not open the door for everybody"


def test_a_reader_judges_what_they_may_see(workspace: Workspace) -> None:
    """Who asked knows best; docs/serve.md has it among what each role may."""
    made(workspace, "admin")
    with running(workspace.path) as server, server.client(made(workspace)) as client:
        number = ok(client.post("/api/ask", json={"question": "At how many degrees is tea brewed?"}))["question_id"]
        judged = ok(client.post(f"/api/questions/{number}/judgements", json={"verdict": "right"}), 201)
        assert [each["judge"] for each in judged["judgements"]] == ["a reader"]


def test_every_route_takes_a_role_and_refuses_those_below(workspace: Workspace) -> None:
    (workspace.path / "instill.toml").write_text("[server]\nvisitor_per_minute = 100000\n")
    keys = {role: made(workspace, role, rate=100_000) for role in ROLES}
    with running(workspace.path) as server:
        routes = [route for route in routes_of(server.app) if route.takes]
        assert len(routes) > 30
        assert {route.takes for route in routes} == set(ROLES)
        for route in routes_of(server.app):
            if not route.takes:
                assert route.path in OPEN, f"{route.path} takes no role"
        for route in routes:
            for role in ROLES[: ROLES.index(route.takes)]:
                with server.client(keys[role]) as client:
                    response = client.request(route.method, route.path.replace("{", "").replace("}", ""))
                assert response.status_code == 403, f"{role}: {route.method} {route.path}"


OPEN = {"/healthz", "/readyz", "/api/login", "/api/logout", "/openapi.json", "/login", "/favicon.ico", "/static/",
        "/widget.js"}  # fmt: skip


@contextmanager
def login(server: Running, secret: str) -> Iterator[httpx.Client]:
    with server.client() as client:
        said = client.post("/api/login", json={"key": secret})
        assert said.status_code == 200, said.text
        cookie = said.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=lax" in cookie
        assert secret not in cookie
        client.headers["x-csrf-token"] = said.json()["csrf_token"]
        yield client


def test_a_login_is_a_cookie_and_needs_its_token_to_change_something(workspace: Workspace) -> None:
    secret = made(workspace, "admin")
    with running(workspace.path) as server:
        with login(server, secret) as client:
            assert ok(client.get("/api/me"))["way"] == "cookie"
            assert ok(client.post("/api/keys", json={"name": "bob"}), 201)["key"]["name"] == "bob"
            del client.headers["x-csrf-token"]
            assert ok(client.get("/api/me"))["csrf_token"] != ""
            forged = [
                client.post("/api/keys", json={"name": "eve"}),
                client.post("/api/keys", json={"name": "eve"}, headers={"x-csrf-token": "x"}),
                client.post("/api/keys", data={"name": "eve"}),
                client.post("/api/logout", headers={"content-type": "application/x-www-form-urlencoded"}),
                client.delete("/api/documents/tea.md"),
            ]
            assert [each.status_code for each in forged] == [403] * len(forged)
            assert len(ok(client.get("/api/keys"))["keys"]) == 2
        with login(server, secret) as client:
            assert client.post("/api/logout").status_code == 204
            assert client.get("/api/me").status_code == 401
        with login(server, secret) as client:
            KeyStore(workspace.catalog).revoke("a admin")
            assert client.get("/api/me").status_code == 401
        with server.client() as client:
            public = made(workspace, "public")
            for wrong in ("instill_wrong", "", public):
                assert ok(client.post("/api/login", json={"key": wrong}), 401)["error"]["where"] == "key"


def test_a_session_is_over_in_time(workspace: Workspace) -> None:
    secret = made(workspace)
    with running(workspace.path) as server, login(server, secret) as client:
        with sqlite3.connect(workspace.home / "catalog.db") as database:
            database.execute("UPDATE sessions SET expires = '2020-01-01T00:00:00Z'")
        assert client.get("/api/me").status_code == 401


def test_pages_of_other_web_sites_get_nowhere(workspace: Workspace) -> None:
    with running(workspace.path) as server, server.client() as client:
        host = f"127.0.0.1:{server.port}"
        for origin in ("https://evil.example", "null", f"http://localhost:{server.port}", "http://127.0.0.1:1"):
            for call in (
                client.post("/api/search", json={"query": "tea"}, headers={"origin": origin}),
                client.get("/api/documents", headers={"origin": origin}),
            ):
                assert ok(call, 403)["error"]["what"] == "The request comes from a page of another web site."
        for site in ("cross-site", "same-site"):
            assert client.post("/api/sql", json={}, headers={"sec-fetch-site": site}).status_code == 403
        right = {"origin": f"http://{host}", "sec-fetch-site": "same-origin"}
        assert client.post("/api/search", json={"query": "tea"}, headers=right).status_code == 200
        # A name on the net that suddenly means this machine.
        for name in (
            "evil.example",
            "evil.example:80",
            "10.0.0.1",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "",
        ):
            assert client.get("/api/documents", headers={"host": name}).status_code == 403, name
        for name in ("localhost", f"localhost:{server.port}", "[::1]:80", "127.0.0.9", "kb.localhost"):
            assert client.get("/api/documents", headers={"host": name}).status_code == 200, name


def test_other_addresses_are_served_with_keys_only(workspace: Workspace) -> None:
    told = instill("serve", "--host", "0.0.0.0", "--port", "0", cwd=workspace.path, code=2).stderr
    assert "Without a key only this machine is served." in told
    assert "instill keys add" in told
    with running(workspace.path, loopback=False) as server, server.client() as client:
        assert client.get("/api/me").status_code == 401  # whatever became of the keys since it began


def test_too_many_requests_are_told_when_to_come_again(workspace: Workspace) -> None:
    secret, moment = made(workspace, rate=60), [0.0]
    with running(workspace.path, clock=lambda: moment[0]) as server, server.client(secret) as client:
        codes = [client.get("/api/me").status_code for _ in range(12)]
        assert codes == [200] * 10 + [429] * 2
        assert client.get("/api/me").headers["retry-after"] == "1"
        moment[0] = 2.0
        assert [client.get("/api/me").status_code for _ in range(3)] == [200, 200, 429]
        with server.client() as stranger:
            assert stranger.get("/healthz").status_code == 200
            guesses = [
                stranger.get("/api/me", headers={"x-api-key": f"instill_{number}"}).status_code for number in range(14)
            ]
        assert guesses == [401] * 10 + [429] * 4
