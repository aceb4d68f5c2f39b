"""A gate for what is trained on a study set: its own questions in other wordings, and facts that no row teaches."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from instill.study.stored_study import StoredStudy
from instill.study.study_set import StudyItem
from instill.train.gate.decision_rules import provable_loss

GATE_FILE = "gate.toml"
"""In the study set's folder."""

_CONTROL, _NOT_TAUGHT = "control", ("control", "reverse", "unanswerable")


def write_gate(study: StoredStudy) -> Path | None:
    """Write `GATE_FILE` and the rows that it asks for into the study set's folder, so that they go when it goes.

    The file, or None where nothing can be asked.

    Raises:
        WorkspaceError: the study set is not as it was written.
        OSError: a file cannot be written.
    """
    gate = [item for item in study.items("gate") if item.answer]
    taught = [item for item in gate if item.phrasing not in _NOT_TAUGHT]
    controls = [item for item in gate if item.phrasing == _CONTROL]
    if not taught:
        return None
    write_asked(study.folder / "gate.jsonl", taught)
    text = '[gain]\nrows = "gate.jsonl"\n'
    if controls:
        write_asked(study.folder / "controls.jsonl", controls)
        rise = provable_loss(len({item.fact_ids for item in controls}))
        text += f'\n[controls]\nrows = "controls.jsonl"\nrise = {rise:g}\n'
    about = "# What a model trained on this study set must meet: answers in wordings that no row has, and no answers\n"
    about += "# about facts that no row teaches. Add [forgetting] with rows of what the model can do already.\n\n"
    file = study.folder / GATE_FILE
    file.write_text(about + text, encoding="utf-8")
    return file


def write_asked(file: Path, items: Sequence[StudyItem]) -> None:
    """Questions with their answers, as rows of a gate; those about one fact count as one group."""
    lines = [
        {
            "messages": [{"role": "user", "content": item.question}, {"role": "assistant", "content": item.answer}],
            "answers": list(item.accepted),
            "group": item.fact_ids[0],
        }
        for item in items
    ]
    file.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), encoding="utf-8")
