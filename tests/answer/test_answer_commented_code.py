"""The reader sees comments in code as prose, each character at its place."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instill.answer.reading.commented_code import with_comments_as_prose
from instill.answer.reading.reader import Reader
from instill.models.weights import shipped

BACKUP = """Run this script at night:

```bash
# Stop the database first
systemctl stop ledgerdb
# Copy the volume
rsync -a /srv/ledger /mnt/vault
```

The copy is kept for 45 days."""


@pytest.mark.parametrize(
    ("block", "expected"),
    [
        ("# Stop it\nhalt db", "  Stop it:halt db."),
        ("# Stop it.\nhalt db;", "  Stop it.\nhalt db;\n"),
        ("// One\n// and two\nlet a = 1;\nlet b = 2", "   One\n   and two:let a = 1;\nlet b = 2."),
        ("-- Paid ones\nSELECT 1\n\n-- Alone\n", "   Paid ones:SELECT 1.\n   Alone\n\n"),
        ("  # Seconds\n  idle: 90\nlog: warn", "    Seconds:  idle: 90\nlog: warn."),
        ("#!/bin/sh\n#include <a.h>\na # beside\n# 1\nb", "#!/bin/sh\n#include <a.h>\na # beside\n# 1\nb\n"),
    ],
)
def test_a_comment_introduces_the_lines_below_it(block: str, expected: str) -> None:
    assert with_comments_as_prose(f"A.\n\n```\n{block}\n```\n# B\nC") == f"A.\n\n```\n{expected}```\n# B\nC"


def test_only_blocks_are_changed_and_an_open_one_too() -> None:
    assert with_comments_as_prose("# Title\ntext") == "# Title\ntext"
    assert with_comments_as_prose("~~~~\n# One\na\n~~~\n# Two\nb") == "~~~~\n  One:a\n~~~.  Two:b"


@given(st.text(st.sampled_from("ab #/-;`~.:\n"), max_size=80))
def test_everything_else_stands_where_it_stood(text: str) -> None:
    found = with_comments_as_prose(text)
    assert len(found) == len(text)
    for was, now in zip(text, found, strict=True):
        assert was == now or (was in "#/-;%" and now == " ") or (was == "\n" and now in ":.")


def test_what_a_command_does_is_found_by_the_comment_above_it() -> None:
    reader = Reader(shipped())
    [found] = reader.read("What is stopped first?", [("Backup server > Nightly job", BACKUP)])
    assert found.score > 1  # -3.3 where the reader sees the comment's mark
    assert "systemctl stop ledgerdb" in BACKUP[found.start : found.end]
    [other] = reader.read("What is the password of the database?", [("Backup server > Nightly job", BACKUP)])
    assert other.score < -6
