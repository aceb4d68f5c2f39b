"""Who may see what was said, by the labels that it was said under."""

from __future__ import annotations

import json

Labels = tuple[str, ...] | None
"""What a caller holds; None is the owner, who sees all. Stored as a sorted list, the owner's as NULL."""


def may_see(held_under: Labels, labels: Labels) -> bool:
    """Whether a caller may see what was said by one who held other labels: only if no document was visible to that one
    alone. Who holds none saw no document, so that only the words of the question are left; they stay with such callers.

    Example:
        >>> may_see(("hr",), ("hr", "staff")), may_see(("hr", "staff"), ("hr",)), may_see((), ("hr",))
        (True, False, False)
    """
    if labels is None:
        return True
    if held_under is None:
        return False
    return set(held_under) <= set(labels) if held_under else not labels


def stored_labels(labels: Labels) -> str | None:
    """Labels as a column holds them: a sorted list as JSON; NULL is the owner."""
    return None if labels is None else json.dumps(sorted(set(labels)), ensure_ascii=False)
