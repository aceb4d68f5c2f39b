"""What an open page asks now and then: whether something was forgotten since it was made."""

from __future__ import annotations

from fastapi import APIRouter

from instill.common.purges import last_purge
from instill.server.service import Reading

router = APIRouter(prefix="/still-there")


@router.get("")
def still_there(seen: Reading) -> dict[str, str]:
    """`purged` is another one after every purge; a page that was made before it is loaded again."""
    return {"purged": last_purge(seen.workspace.home)}
