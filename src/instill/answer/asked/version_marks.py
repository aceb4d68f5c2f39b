"""What tells versions of a document apart, in its name and in questions."""

from __future__ import annotations

import re

MARK = re.compile(
    r"(?<![\w.])(?:(?:19|20)\d\d(?:-\d\d(?:-\d\d)?)?|[vV]?\d+(?:\.\d+)+|[vV]\d+|[qQ][1-4])(?![\w]|\.\d)", re.IGNORECASE
)
"""What tells versions apart: a year, a month, a day, a quarter, "v2", "3.1"."""
