"""The workspace's SQLite catalog: the folders it follows, conversations, and the log of questions.

Public face: `Catalog`, `Root` and `StoredTurn`; `may_see` and `Asker` say who may see what was said.
The tables are in `tables`.
"""

from __future__ import annotations

from instill.catalog.asker import NOBODY, Asker
from instill.catalog.catalog import Catalog
from instill.catalog.conversations import StoredTurn
from instill.catalog.database import now
from instill.catalog.labels_of_conversations import Labels, may_see, stored_labels
from instill.catalog.roots import Root
from instill.catalog.sqlite_or_postgres import Server

__all__ = ["NOBODY", "Asker", "Catalog", "Labels", "Root", "Server", "StoredTurn", "may_see", "now", "stored_labels"]
