"""A workspace as a program has it: `Workspace`; who may call it how is in `arguments`.

`status.py` counts what it holds, `doctor.py` examines it, `asked_questions.py` keeps what people asked and how they
judged the answers, `purge/` takes the text of removed documents out of everything, `replies.py` makes JSON of what is
found.
"""

from __future__ import annotations

from instill.workspace.arguments import AskMode, Labels, Paths
from instill.workspace.workspace import Workspace

__all__ = ["AskMode", "Labels", "Paths", "Workspace"]
