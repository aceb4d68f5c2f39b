"""Parts that other people's packages bring: found by entry points, checked, and loaded when they are needed.

A `Group` is one kind of part (readers, generators, ...). The room that uses the parts declares the group; the rooms
stay as they are when a package is installed. docs/plugins.md has the page for people who write one.
"""

from __future__ import annotations

from instill.plugins.entry_points import Entry
from instill.plugins.group import Group, Plugin

__all__ = ["Entry", "Group", "Plugin"]
