"""The card of the micro model: what it is, what it can do, how it was made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from instill.lab.measuring import Task
from instill.lab.world import GROUPS, SIZES
from instill.measure.statistics.interval_type import Interval
from instill.train.card_parts import making

_TASKS: Mapping[Task, str] = {
    "facts": "questions about people of group A, in wordings that it was trained on",
    "new wordings": "the same facts, in wordings that it was never trained on",
    "untaught questions": "facts of group B, of whom it saw statements and never a question",
    "reading": "the answer from one to four passages about people that it never saw; all answerable",
    "reading, new wordings": "the same, passages and questions worded as nothing that it was trained on",
    "reading, names alike": "as reading, but all other people have a part of the name that is asked for",
    "unknown": 'the same passages without the fact or the person: "unknown" is right',
    "unknown, names alike": "as unknown, but all other people have a part of the name that is asked for",
    "json": "a biography as JSON with some of the keys",
    "asking": "the prompt of `instill ask`: the answer, whose passage is then found by its words",
}


def micro_card(manifest: Mapping[str, Any], measured: Mapping[Task, Interval]) -> str:
    """The card, Markdown."""
    groups = "\n".join(f"- {name}, {SIZES[name]} people: {said}" for name, said in GROUPS.items())
    rows = "\n".join(f"| {name} | {value} | {_TASKS[name]} |" for name, value in measured.items())
    parts = [
        "# The micro model",
        f"A causal language model of {manifest['parameters']:,} parameters (Llama's architecture, byte-level "
        "vocabulary), trained from nothing on a world of fictional people that Instill makes itself. It exists to "
        "show in minutes, on a laptop, how a model learns and forgets. It knows nothing of the real world and little "
        "of any language.",
        f"## Groups of the world\n\n{groups}",
        "## What it can do\n\nShare of right answers, word for word, with 95% intervals; `instill lab measure` prints "
        f"this again.\n\n| task | right | asked |\n|---|---|---|\n{rows}",
        *making(manifest, manifest["settings"]),
        "## Made from\n\nThe laboratory's own sentences (`src/instill/lab`); no other text. Licence: Apache-2.0.",
    ]
    return "\n\n".join(parts) + "\n"
