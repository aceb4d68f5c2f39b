"""What a job gives that did not come to its end.

In a module of its own: `job_process` runs as `__main__`, whose classes are others than those under its name.
"""

from __future__ import annotations


class Cancelled:
    """It was stopped."""


class Paused:
    """It stopped because text is taken out; it begins again afterwards."""
