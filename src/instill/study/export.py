"""Training rows as files for other trainers and services: JSON Lines with one `messages` or `text` column.

`messages` (a list of `role` and `content`) is what trl's SFTTrainer, Axolotl's `chat_template` type, LLaMA-Factory's
`sharegpt` format with its tags set, and hosted fine-tuning services read; `text` is for pre-training on plain text.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from instill.common.durable_files import write_json
from instill.errors import UsageError
from instill.study.links import SOURCES_FILE
from instill.study.rows_from_facts import UNKNOWN, as_form
from instill.study.stored_study import StoredStudy

ExportForm = Literal["messages", "text"]


def export_study(
    study: StoredStudy, folder: Path, *, form: ExportForm = "messages", labels: Sequence[str] | None = None
) -> dict[str, int]:
    """Write train.jsonl, gate.jsonl and, for LLaMA-Factory, dataset_info.json; how many rows each file has.

    Which documents they were made from stands in `sources.json`, so that what Instill trains on them still has their
    labels. The audit split is never exported.

    Args:
        folder: is created; it must not exist, or be empty.
        labels: of the caller, whose labels alone are written; None: all.

    Raises:
        UsageError: the folder holds something.
        WorkspaceError: a file of the set is not as it was written.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError("The folder to export to is not empty.", where=str(folder), remedy="Name a new folder.")
    gate = [_asked(item.question, item.answer or UNKNOWN) for item in study.items("gate")]
    rows = {"train": list(as_form(study.rows(), form)), "gate": list(as_form(gate, form))}
    folder.mkdir(parents=True, exist_ok=True)
    counts = {}
    for name, found in rows.items():
        counts[f"{name}.jsonl"] = _write(folder / f"{name}.jsonl", (_only(row, form) for row in found))
    sources = study.card.made_from.shown_to(labels).as_json()
    write_json(folder / SOURCES_FILE, dict.fromkeys(counts, sources))
    write_json(folder / "dataset_info.json", {f"study_{name}": _entry(f"{name}.jsonl", form) for name in rows})
    return counts


def _only(row: Mapping[str, Any], form: ExportForm) -> dict[str, Any]:
    """One column: services refuse keys that they do not know."""
    return {form: row[form]}


def _asked(question: str, answer: str) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]}


def _entry(file: str, form: ExportForm) -> dict[str, Any]:
    """A data set as LLaMA-Factory's dataset_info.json describes it."""
    if form == "text":
        return {"file_name": file, "columns": {"prompt": "text"}}
    tags = {"role_tag": "role", "content_tag": "content", "user_tag": "user", "assistant_tag": "assistant"}
    return {"file_name": file, "formatting": "sharegpt", "columns": {"messages": "messages"}, "tags": tags}


def _write(file: Path, rows: Iterable[Mapping[str, Any]]) -> int:
    count = 0
    with file.open("w", encoding="utf-8") as stream:
        for row in rows:
            stream.write(json.dumps(row, ensure_ascii=False) + "\n")
            count += 1
    return count
