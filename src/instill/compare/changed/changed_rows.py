"""Training rows after a change: what a study set would teach had the documents been like this from the start."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from instill.compare.changed.changes import Change, pattern_of
from instill.study.rules.wordings_of_fact import accepted_answers


def changed_rows(rows: Iterable[Mapping[str, Any]], changes: Sequence[Change]) -> list[dict[str, Any]]:
    """The rows with the new values in the place of the old ones.

    Looked at are the rows that name a touched fact in `facts`. One about a changed fact that does not have the old
    value word for word, because a generator retold it, is left out: it would teach what is not so any longer. Rows
    of the task "unanswerable" have no value and stay.

    Args:
        rows: in the `messages` or `text` form, as `StoredStudy.rows` gives them.
    """
    found = []
    for row in rows:
        named = set(row.get("facts") or ())
        new: dict[str, Any] | None = dict(row)
        for change in changes:
            if new is not None and named.intersection(change.touched):
                new = _changed(new, change, must_hold=bool(named.intersection(change.fact_ids)))
        if new is not None:
            found.append(new)
    return found


def _changed(row: dict[str, Any], change: Change, *, must_hold: bool) -> dict[str, Any] | None:
    pattern = pattern_of(change.old)
    count = 0

    def put(text: str) -> str:
        nonlocal count
        text, number = pattern.subn(lambda _: change.new, text)
        count += number
        return text

    new = dict(row)
    if "text" in row:
        new["text"] = put(str(row["text"]))
    if "messages" in row:
        new["messages"] = [{**turn, "content": put(str(turn.get("content") or ""))} for turn in row["messages"]]
        if "answers" in row and new["messages"][-1]["content"] == change.new:
            others = list(accepted_answers(change.new)[1:])
            new = {key: value for key, value in new.items() if key != "answers"} | (
                {"answers": others} if others else {}
            )
    if must_hold and not count and row.get("task") != "unanswerable":
        return None
    return new
