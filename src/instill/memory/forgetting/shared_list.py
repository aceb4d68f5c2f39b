"""What was forgotten, as folders that share a catalog know it: the hashes of `forgotten.json`, in two tables."""

from __future__ import annotations

import sqlalchemy as sa

from instill.catalog import Catalog
from instill.catalog.tables import FORGOTTEN, FORGOTTEN_FACTS
from instill.memory.forgetting.forgotten_facts import ForgottenFact

Hashes = tuple[tuple[str, str], ...]
"""Of sources and of contents."""


def read_shared(catalog: Catalog) -> tuple[Hashes, tuple[ForgottenFact, ...]]:
    """The documents and the facts; none where the catalog is a file of one folder, which has its own list."""
    if not catalog.shared:
        return (), ()
    with catalog.reading() as connection:
        if not sa.inspect(connection).has_table(FORGOTTEN.name):  # of an older Instill, which takes no migration
            return (), ()
        documents = sorted(tuple(row) for row in connection.execute(sa.select(FORGOTTEN)))
        facts = connection.execute(sa.select(FORGOTTEN_FACTS).order_by(*FORGOTTEN_FACTS.primary_key.columns))
        return tuple(documents), tuple(ForgottenFact(**row) for row in facts.mappings())


def change_shared(
    catalog: Catalog,
    *,
    gone: tuple[Hashes, tuple[ForgottenFact, ...]] = ((), ()),
    new: tuple[Hashes, tuple[ForgottenFact, ...]] = ((), ()),
) -> None:
    """Take out what may come back, and put in what is to stay out; nothing where the catalog is not shared.

    Raises:
        WorkspaceError: the database cannot be written.
    """
    if not catalog.shared or not any((*gone, *new)):
        return
    with catalog.writing() as connection:
        if connection is None:
            return
        for documents, facts in (gone, new):  # What is there already is put in once.
            for source, content in documents:
                same = sa.and_(FORGOTTEN.c.source == source, FORGOTTEN.c.content == content)
                connection.execute(sa.delete(FORGOTTEN).where(same))
            for fact in facts:
                same = sa.and_(FORGOTTEN_FACTS.c.doc_id == fact.doc_id, FORGOTTEN_FACTS.c.hash == fact.hash)
                connection.execute(sa.delete(FORGOTTEN_FACTS).where(same))
        for source, content in dict.fromkeys(new[0]):
            connection.execute(sa.insert(FORGOTTEN).values(source=source, content=content))
        for fact in new[1]:
            connection.execute(sa.insert(FORGOTTEN_FACTS).values(**fact.model_dump()))
