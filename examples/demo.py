"""A tour of Instill on the documentation that every Python ships: `make demo`.

Writes Python's own reference topics as text files, adds them to a workspace in `demo/`, asks three questions that
they answer and one that they do not, and holds a conversation of two turns. Every step is a command that you can
type yourself.
"""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from pydoc_data.topics import topics  # type: ignore[import-untyped, unused-ignore]

PLACE = Path("demo")
ANSWERED = (
    "What does the nonlocal statement do?",
    "How are default parameter values evaluated?",
    "When is the else clause of a try statement executed?",
)
REFUSED = "What is the capital of Mongolia?"
CONVERSATION = "What is a lambda expression?\nAnd can it contain statements?\n/sources\n"


def instill(*arguments: str, typed: str = "") -> None:
    """Show a command, then run it; a failing command ends the tour."""
    print(
        f"\n\033[1m$ instill {shlex.join(arguments)}\033[0m"
        if sys.stdout.isatty()
        else f"\n$ instill {shlex.join(arguments)}"
    )
    sys.stdout.flush()
    command = [sys.executable, "-m", "instill", *arguments]
    code = subprocess.run(command, input=typed or None, text=True, check=False).returncode
    if code != 0:
        sys.exit(f"The tour stops here: the command above left with exit code {code}.")


def write_topics(folder: Path) -> int:
    """One text file a topic; returns how many."""
    folder.mkdir(parents=True)
    for name, text in topics.items():
        (folder / f"{name}.rst").write_text(text, encoding="utf-8")
    return len(topics)


def main() -> None:
    shutil.rmtree(PLACE, ignore_errors=True)
    count = write_topics(PLACE / "python-topics")
    print(f"Wrote {count} pages of Python's own reference to {PLACE / 'python-topics'}.")
    workspace = ("--workspace", str(PLACE))
    instill("init", str(PLACE))
    instill("add", str(PLACE / "python-topics"), *workspace)
    for question in ANSWERED:
        instill("ask", question, *workspace)
    print("\nThe next question is not answered by these pages, and Instill should say so:")
    instill("ask", REFUSED, *workspace)
    print("\nA conversation; the second question only makes sense after the first:")
    instill("chat", *workspace, typed=CONVERSATION)
    print(
        "\nNow try it on a folder of your own:\n"
        "  source .venv/bin/activate\n"
        "  instill init ~/knowledge && cd ~/knowledge\n"
        "  instill add ~/Documents          # pdf, docx, xlsx, html, md, mail, code, images, ...\n"
        '  instill ask "your question"      # add --json for machines, --trace for how it was found\n'
        "  instill sync                     # later: take in what has changed\n"
        "With a model behind an OpenAI-compatible endpoint: docs/bring-your-own-model.md.\n"
        "In a browser:\n"
        "  instill serve --open"
    )


if __name__ == "__main__":
    main()
