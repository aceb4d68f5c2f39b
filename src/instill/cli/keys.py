"""keys: who may use the service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, cast

import typer

from instill.cli.output import JsonOption, WorkspaceOption, clean, columns, print_json
from instill.cli.terminal import say, say_block
from instill.server.access.default_key_days import DEFAULT_DAYS, DEFAULT_IN_WORDS
from instill.workspace import Workspace

if TYPE_CHECKING:
    from instill.server.access.caller_role import Role
    from instill.server.access.keys import KeyStore

keys = typer.Typer(no_args_is_help=True, help="Manage the keys of the service; each has a role and labels.")

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="Whose key it is.")]


def register(app: typer.Typer) -> None:
    """Add this group's commands to the application."""
    app.add_typer(keys, name="keys")


@keys.command("add")
def add_key(
    name: NameArgument,
    role: Annotated[
        str,
        typer.Option(
            help="reader (asks), editor (also adds and removes), admin (everything), public (for a web site)."
        ),
    ] = "reader",
    label: Annotated[
        list[str] | None, typer.Option("--label", "-l", help="Sees only documents with this label (repeatable).")
    ] = None,
    days: Annotated[
        float | None, typer.Option(help=f"Number of days until it expires; default: {DEFAULT_IN_WORDS}.")
    ] = DEFAULT_DAYS,
    origin: Annotated[
        list[str] | None, typer.Option("--origin", metavar="URL", help="For public: a web site that may use it.")
    ] = None,
    rate: Annotated[int, typer.Option(min=0, help="Maximum requests a minute; 0: the limit for all keys.")] = 0,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a key. It is shown only once, because only its hash is stored. The first key has the role admin. No two
    active keys have the same name.

    Example: `instill keys add ann --role editor --label staff --days 365`
    """
    with Workspace.open(workspace) as opened:
        store = _store(opened)
        store.check_first(role)
        made = store.add(name, role=cast("Role", role), labels=label, days=days, origins=origin or (), rate=rate)
    if as_json:
        print_json(made.model_dump(mode="json"))
        return
    say(f"Key {made.key.key_id} for {clean(made.key.name)}, {_may(made.key.role, made.key.labels)}:", "")
    say(f"    {made.secret}", bold=True)
    if made.key.role == "public":
        say("", f"For the pages of {clean(', '.join(made.key.origins))}, with the address of your server:", "")
        say(f'    <script src="https://instill.example.org/widget.js" data-key="{made.secret}" async></script>')
    else:
        say("", "It is shown this once. Programs send it as: Authorization: Bearer KEY", dim=True)


@keys.command("list")
def list_keys(workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """List all keys, oldest first. The secrets are not shown.

    Example: `instill keys list`
    """
    with Workspace.open(workspace) as opened:
        found = _store(opened).all()
    if as_json:
        print_json({"keys": [key.model_dump(mode="json") for key in found]})
        return
    if not found:
        say("There are no keys, so only this machine can use the service. Make one: instill keys add NAME --role admin")
        return
    rows: list[tuple[str, ...]] = [("id", "name", "role", "labels", "state", "expires", "last used")]
    rows += [
        (
            key.key_id,
            clean(key.name, 40),
            key.role,
            "all" if key.labels is None else clean(",".join(key.labels), 40),
            key.state,
            key.expires or "never",
            key.last_used or "never",
        )
        for key in found
    ]
    say_block(columns(rows))


@keys.command("revoke")
def revoke_key(
    key: Annotated[str, typer.Argument(metavar="KEY", help="Its id, the start of it, or its name.")],
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Revoke a key. It stops working at once, and whoever is logged in with it is logged out.

    Example: `instill keys revoke ann`
    """
    with Workspace.open(workspace) as opened:
        store = _store(opened)
        revoked = store.revoke(key)
        left, managed = store.any(), store.has_admin()
    if as_json:
        print_json(revoked.model_dump(mode="json"))
        return
    say(f"Revoked key {revoked.key_id} of {clean(revoked.name)}.")
    if not left:
        say("No key is left: a server on this machine's own address asks for none.", fg="yellow")
    elif not managed:
        say("No admin's key is left. Make one: instill keys add NAME --role admin", fg="yellow")


def _store(opened: Workspace) -> KeyStore:
    from instill.server.access.keys import KeyStore

    return KeyStore(opened.catalog, opened.given.server.public_labels)


def _may(role: str, labels: list[str] | None) -> str:
    sees = "all documents" if labels is None else f"documents with {' or '.join(clean(label) for label in labels)}"
    return f"{role}, sees {sees}"
