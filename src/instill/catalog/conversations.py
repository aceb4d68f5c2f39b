"""Conversations and their turns."""

from __future__ import annotations

import json
import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

import sqlalchemy as sa

from instill.catalog.asker import NOBODY, Asker
from instill.catalog.database import Database, now
from instill.catalog.labels_of_conversations import Labels, stored_labels
from instill.catalog.tables import CONVERSATIONS, TURNS
from instill.common.kept_answers import shown_to
from instill.common.made_from import OWNER, Caller
from instill.errors import UsageError


@dataclass(frozen=True, slots=True)
class StoredTurn:
    """One turn of a conversation; `answer` is `Answer.as_dict()` for the assistant's turns, {} for the user's."""

    role: str
    text: str
    answer: Mapping[str, Any]
    at: str


@dataclass(frozen=True, slots=True)
class FollowUp:
    """A question of a conversation, and the one `before` it; "" where it is the first. `at`: when it was kept."""

    text: str
    at: str
    before: str


def turns_shown_to(caller: Caller, turns: Sequence[StoredTurn]) -> list[StoredTurn]:
    """The turns of one conversation, oldest first, as far as the caller sees the documents of the answers now."""
    shown = shown_to(caller, [each.answer for each in turns])
    return [
        replace(turn, answer=answer, text=str(answer["text"]) if answer.get("hidden") else turn.text)
        for turn, answer in zip(turns, shown, strict=True)
    ]


class Conversations(Database):
    """What was said, each conversation under the labels of who said it."""

    def start_conversation(self, labels: Labels = None, asked_by: Asker = NOBODY) -> str:
        """A new conversation's id, 12 hexadecimal digits.

        Args:
            labels: what the caller holds who begins it.
            asked_by: who that is; the conversation is theirs.
        """
        conversation_id = uuid.uuid4().hex[:12]
        with self.writing() as connection:
            if connection is not None:
                row = {
                    "conversation_id": conversation_id,
                    "started": now(),
                    "labels": stored_labels(labels),
                    "asked_by": asked_by.name,
                    "key_id": asked_by.key_id,
                }
                connection.execute(sa.insert(CONVERSATIONS).values(row))
        return conversation_id

    def add_turns(
        self, conversation_id: str, turns: Sequence[StoredTurn], labels: Labels = None, *, instead_of: str = ""
    ) -> None:
        """Append turns, all or none; from now on it takes `labels` to see the conversation.

        Args:
            instead_of: where the last question has these words, it goes with its answer.

        Raises:
            UsageError: there is no such conversation, or none that the caller may see.
        """
        rows = [
            {
                "conversation_id": conversation_id,
                "role": turn.role,
                "text": turn.text,
                "answer": json.dumps(turn.answer, ensure_ascii=False),
                "at": turn.at or now(),
            }
            for turn in turns
        ]
        with self.writing() as connection:
            if connection is not None:
                self._require(connection, conversation_id, labels)
                held = CONVERSATIONS.c.conversation_id == conversation_id
                connection.execute(sa.update(CONVERSATIONS).where(held).values(labels=stored_labels(labels)))
                if instead_of:
                    self._drop_last(connection, conversation_id, instead_of)
                connection.execute(sa.insert(TURNS), rows)

    def turns(self, conversation_id: str, caller: Caller = OWNER) -> list[StoredTurn]:
        """The turns of a conversation in order, as far as the caller sees the documents of the answers now
        (`instill.common.kept_answers`).

        Raises:
            UsageError: there is no such conversation, or none that the caller may see; in the same words.
        """
        with self._engine.connect() as connection:
            self._require(connection, conversation_id, caller.labels)
            here = TURNS.c.conversation_id == conversation_id
            rows = connection.execute(sa.select(TURNS).where(here).order_by(TURNS.c.turn_id)).all()
        return turns_shown_to(caller, [StoredTurn(row.role, row.text, self._read(row.answer), row.at) for row in rows])

    def labels_of(self, conversation_id: str, labels: Labels = None) -> Labels:
        """The labels that a conversation was held under; None: those of the owner.

        Raises:
            UsageError: there is no such conversation, or none that the caller may see.
        """
        with self._engine.connect() as connection:
            self._require(connection, conversation_id, labels)
            here = CONVERSATIONS.c.conversation_id == conversation_id
            stored = connection.execute(sa.select(CONVERSATIONS).where(here)).mappings().one().get("labels")
        return None if stored is None else tuple(self._read(stored))

    def key_of_conversation(self, conversation_id: str, labels: Labels = None) -> str | None:
        """The id of the key that began a conversation; "": none, None: not known.

        Raises:
            UsageError: there is no such conversation, or none that the caller may see; in the same words.
        """
        with self._engine.connect() as connection:
            self._require(connection, conversation_id, labels)
            query = sa.select(CONVERSATIONS.c.key_id).where(CONVERSATIONS.c.conversation_id == conversation_id)
            found: str | None = connection.execute(query).scalar_one()
            return found

    def conversations(
        self, limit: int = 20, caller: Caller = OWNER, *, words: str = "", key_id: str | None = None, after: int = 0
    ) -> list[dict[str, Any]]:
        """The newest conversations that the caller may see, without the first `after` of them; with `words`, those in
        which they were said, by somebody or in an answer that the caller is still shown; with `key_id`, those that were
        begun with this key.

        Each with `conversation_id`, `started`, `asked_by` ("": not known), `turns` (a count), `first_question`.
        """
        first = (
            sa.select(TURNS.c.text)
            .where(TURNS.c.conversation_id == CONVERSATIONS.c.conversation_id)
            .order_by(TURNS.c.turn_id)
            .limit(1)
            .scalar_subquery()
        )
        count = (
            sa.select(sa.func.count())
            .where(TURNS.c.conversation_id == CONVERSATIONS.c.conversation_id)
            .scalar_subquery()
        )
        query = (
            sa.select(CONVERSATIONS.c.conversation_id, CONVERSATIONS.c.started)
            .add_columns(sa.func.coalesce(CONVERSATIONS.c.asked_by, "").label("asked_by"))
            .add_columns(count.label("turns"), first.label("first_question"))
            .order_by(CONVERSATIONS.c.started.desc(), CONVERSATIONS.c.conversation_id)
        )
        with self._engine.connect() as connection:
            query = query.where(self._listed(connection, caller, words, key_id)).limit(limit).offset(after)
            return [dict(row) for row in connection.execute(query).mappings()]

    def conversation_count(self, caller: Caller = OWNER, *, words: str = "", key_id: str | None = None) -> int:
        """How many there are of those that `conversations` lists."""
        with self._engine.connect() as connection:
            query = sa.select(sa.func.count()).where(self._listed(connection, caller, words, key_id))
            found: int = connection.execute(query.select_from(CONVERSATIONS)).scalar_one()
            return found

    def _listed(
        self, connection: sa.Connection, caller: Caller, words: str, key_id: str | None
    ) -> sa.ColumnElement[bool]:
        chosen = sa.and_(
            self._seen_by(connection, CONVERSATIONS, caller.labels),
            self.asked_with(connection, CONVERSATIONS, key_id),
        )
        if not words:
            return chosen
        said = TURNS.c.text.icontains(words, autoescape=True)
        held = sa.select(TURNS.c.conversation_id).where(said)
        if caller.labels is None:
            return sa.and_(chosen, CONVERSATIONS.c.conversation_id.in_(held))
        asked = CONVERSATIONS.c.conversation_id.in_(held.where(TURNS.c.role == "user"))
        told = sa.select(CONVERSATIONS.c.conversation_id).where(
            chosen, ~asked, CONVERSATIONS.c.conversation_id.in_(held)
        )
        return sa.and_(
            chosen, sa.or_(asked, CONVERSATIONS.c.conversation_id.in_(self._told(connection, caller, told, said)))
        )

    def _told(
        self, connection: sa.Connection, caller: Caller, among: sa.Select[Any], said: sa.ColumnElement[bool]
    ) -> list[str]:
        """Of these conversations, those in which it is said in an answer that the caller is shown as it is kept."""
        here = TURNS.c.conversation_id.in_(among)
        saying = set(connection.execute(sa.select(TURNS.c.turn_id).where(here, said)).scalars())
        query = sa.select(TURNS).where(here, TURNS.c.role != "user")
        rows = connection.execute(query.order_by(TURNS.c.conversation_id, TURNS.c.turn_id)).all()
        found = []
        for conversation_id, group in groupby(rows, key=lambda row: row.conversation_id):
            kept = list(group)
            shown = shown_to(caller, [self._read(row.answer) for row in kept])
            if any(row.turn_id in saying and not each.get("hidden") for row, each in zip(kept, shown, strict=True)):
                found.append(conversation_id)
        return found

    def asked_before(
        self, texts: Collection[str], labels: Labels = None, *, key_id: str | None = None
    ) -> list[FollowUp]:
        """What was asked with these words, in conversations that the caller may see, oldest first; each with the
        question before it. With `key_id`, only in those that were begun with this key."""
        held = sa.select(TURNS.c.conversation_id).where(TURNS.c.role == "user", TURNS.c.text.in_(texts))
        with self._engine.connect() as connection:
            seen = sa.select(CONVERSATIONS.c.conversation_id).where(self._seen_by(connection, CONVERSATIONS, labels))
            seen = seen.where(self.asked_with(connection, CONVERSATIONS, key_id))
            here = sa.and_(TURNS.c.conversation_id.in_(held), TURNS.c.conversation_id.in_(seen))
            query = sa.select(TURNS.c.conversation_id, TURNS.c.text, TURNS.c.at).where(here, TURNS.c.role == "user")
            rows = connection.execute(query.order_by(TURNS.c.conversation_id, TURNS.c.turn_id)).all()
        pairs = zip([None, *rows], rows, strict=False)
        found = [
            FollowUp(row.text, row.at, last.text if last and last.conversation_id == row.conversation_id else "")
            for last, row in pairs
            if row.text in texts
        ]
        return sorted(found, key=lambda each: each.at)

    def forget_conversation(self, conversation_id: str, labels: Labels = None) -> None:
        """Delete a conversation.

        Raises:
            UsageError: there is no such conversation, or none that the caller may see; in the same words.
        """
        with self.writing() as connection:
            if connection is not None:
                self._require(connection, conversation_id, labels)
                for table in (TURNS, CONVERSATIONS):
                    connection.execute(sa.delete(table).where(table.c.conversation_id == conversation_id))

    def _drop_last(self, connection: sa.Connection, conversation_id: str, question: str) -> None:
        """Delete the last question with its answer, if it has these words: somebody else may have said more."""
        here = TURNS.c.conversation_id == conversation_id
        query = sa.select(TURNS.c.turn_id, TURNS.c.role, TURNS.c.text).where(here)
        last = connection.execute(query.order_by(TURNS.c.turn_id.desc()).limit(2)).all()
        if [(each.role, each.text) for each in last[1:]] == [("user", question)]:
            connection.execute(sa.delete(TURNS).where(TURNS.c.turn_id.in_([each.turn_id for each in last])))

    def _require(self, connection: sa.Connection, conversation_id: str, labels: Labels) -> None:
        """Refuse a conversation that is not there, and one that the caller may not see, in the same words."""
        query = sa.select(CONVERSATIONS.c.conversation_id).where(CONVERSATIONS.c.conversation_id == conversation_id)
        query = query.where(self._seen_by(connection, CONVERSATIONS, labels))
        if connection.execute(query).first() is None:
            raise UsageError(
                "There is no such conversation.", where=conversation_id, remedy="List them: instill chat --list"
            )
