"""Who may see a document: the one rule of labels, as a condition of a statement and as a test of a document.

A caller holds labels; a document has some. Stores that do not speak this SQL say the same in their own words
(`_visible` in `stores/snapshot.py` and `stores/postgres/snapshot.py`); the conformance suite holds them to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from instill.index.sql_quoting import NOTHING, text_literal


def visible(labels: Sequence[str] | None) -> str:
    """What a caller holding `labels` may see: "" for the unrestricted caller, no row for one without labels.

    Example:
        >>> visible(None), visible(()), visible(("hr", "it"))
        ('', 'false', "array_has_any(labels, ['hr', 'it'])")
    """
    if labels is None:
        return ""
    if not labels:
        return NOTHING
    return f"array_has_any(labels, [{', '.join(text_literal(label) for label in labels)}])"


def held_of(document: Iterable[str], labels: Sequence[str] | None) -> tuple[str, ...]:
    """The labels of a document that its reader is shown: only those that the reader holds.

    Example:
        >>> held_of(["hr", "staff"], ("staff", "it")), held_of(["hr"], None)
        (('staff',), ('hr',))
    """
    return tuple(label for label in document if labels is None or label in labels)
