"""What Lance and obstore say of the bucket of the store, in our words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from instill.common.object_storage.failures import explained, is_of_client
from instill.errors import InstillError
from instill.index.lance_tables import is_of_the_store
from instill.index.stores.objects.address import USE, Address


@contextmanager
def object_errors(address: Address) -> Iterator[None]:
    """Turn what Lance or obstore raise into a `WorkspaceError` that says what to do."""
    try:
        yield
    except InstillError:
        raise
    except BaseException as error:
        if not (is_of_the_store(error) or is_of_client(error)):
            raise
        raise explained(error, address, USE) from error
