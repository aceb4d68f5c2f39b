"""Looking for words of a document in every file of a workspace, after it was forgotten."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from instill.answer.found.sentences import split_sentences
from instill.answer.harmless_text import plain_text
from instill.errors import WorkspaceError
from instill.memory.forgetting import search_files

_SHORTEST, _LONGEST, _MOST = 24, 160, 12
"""Characters of a sentence that is looked for, and how many of a document are."""


@dataclass(frozen=True, slots=True)
class Leftovers:
    """What was looked for, and where it was found.

    Args:
        sentences, files: how many were looked for, and looked through.
        found: names of files, relative to the folder, that hold one of them.
    """

    sentences: int
    files: int
    found: tuple[str, ...]


def telling_sentences(text: str, in_others: Callable[[str], bool]) -> list[str]:
    """The longest lines of a document that no other document holds, at most twelve, and those of them that have marks
    of Markdown also without, as training rows have them.

    Args:
        in_others: whether another document holds the text.
    """
    lines = {
        line.strip()[:_LONGEST]
        for unit in split_sentences(text)
        for line in text[unit.start : unit.end].splitlines()
        if len(line.strip()) >= _SHORTEST
    }
    found: list[str] = []
    for line in sorted(lines, key=lambda each: (-len(each), each)):
        if len(found) < _MOST and not in_others(line):
            found.append(line)
    plain = [said for line in found if (said := plain_text(line)) not in line and len(said) >= _SHORTEST]
    return [*found, *(said for said in dict.fromkeys(plain) if not in_others(said))]


def look_for(folder: Path, sentences: Sequence[str]) -> Leftovers:
    """Look for the sentences in every file of a folder, in any case, as UTF-8 and UTF-16, and as JSON writes them.

    Compressed files (vectors, some columns of the index) are looked through as they are: what stands in them
    compressed is not found. The index is written anew beforehand, and old files are deleted.

    It is done by a process of its own; `search_files.py` says why.

    Raises:
        WorkspaceError: a file cannot be read.
    """
    forms = sorted({form for sentence in sentences for form in _forms(sentence)})
    task = json.dumps({"folder": str(folder), "wanted": [form.hex() for form in forms]})
    program = [sys.executable, "-I", "-S", search_files.__file__]
    done = subprocess.run(program, input=task, capture_output=True, text=True, check=False)  # noqa: S603 (ours)
    if done.returncode != 0:
        raise WorkspaceError(
            "The workspace's files could not be searched for what was forgotten.",
            where=done.stderr.strip().rpartition("\n")[2] or str(folder),
            remedy="Correct the permissions of that file and forget again.",
        )
    found = json.loads(done.stdout)
    return Leftovers(len(sentences), found["files"], tuple(found["found"]))


def _forms(sentence: str) -> Iterator[bytes]:
    """As it stands, in small and in capital letters; the letters A to Z are small in all of them, as in `search`."""
    for text in (sentence, sentence.lower(), sentence.upper()):
        for encoding in ("utf-8", "utf-16-le", "utf-16-be"):
            yield text.encode(encoding, "surrogatepass").lower()
        yield json.dumps(text)[1:-1].encode("ascii").lower()
