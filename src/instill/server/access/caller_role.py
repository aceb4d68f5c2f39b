"""What a caller of the service may do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

Role = Literal["public", "reader", "editor", "admin"]
ROLES: tuple[Role, ...] = get_args(Role)
"""Each may do what those before it may. `public` asks, and nothing else: for the widget on a web site."""


@dataclass(frozen=True, slots=True)
class Who:
    """Who asks.

    Args:
        role: what they may do.
        labels: the labels that they hold; None sees all.
        name: as it is shown and written into jobs and judgements; "owner" on a machine without keys.
        key_id: "" without a key.
        way: how they were recognised. A cookie comes by itself with every request of a browser, so that what changes
            something has to bring the session's token too.
        csrf: the session's token.
        rate: requests a minute; 0: as it is set.
        origins: of a public key, the web sites that may use it.
    """

    role: Role
    labels: tuple[str, ...] | None
    name: str
    key_id: str = ""
    way: Literal["open", "key", "cookie"] = "open"
    csrf: str = ""
    rate: int = 0
    origins: tuple[str, ...] = ()

    def may(self, role: Role) -> bool:
        """Whether what takes `role` is allowed.

        Example:
            >>> Who("editor", None, "Ann").may("reader"), Who("reader", None, "Bob").may("editor")
            (True, False)
        """
        return ROLES.index(self.role) >= ROLES.index(role)


OWNER = Who("admin", None, "owner")
"""On this machine, while there is no key."""
