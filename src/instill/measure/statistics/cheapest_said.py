"""What is found of the cheapest arm, in sentences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from instill.common.plurals import counted
from instill.measure.numbers_in_sentences import beside, interval_beside, limit_text

if TYPE_CHECKING:
    from instill.measure.statistics.cheapest import Cheapest

_EDGE = 1e-9


def sentence(found: Cheapest) -> str:
    """What is found, for people; arms stand in quotes."""
    if len(found.standings) == 1:
        return f"{quoted(found.arm)} is held against no other arm."
    parts = []
    if found.beaten:
        cheaper = [arm for arm in found.beaten if arm in found.passed]
        others = [arm for arm in found.beaten if arm not in found.passed]
        proven = f"proven better than {_all(cheaper + others)}"
        if cheaper:
            each = "which is cheaper" if len(cheaper) == 1 else "which are cheaper"
            proven = f"proven better than {_all(cheaper)}, {each}"
            proven += f", and than {_all(others)}" if others else ""
        parts.append(proven)
    shown = [arm for arm in found.passed if arm not in found.beaten]
    for arm in shown:
        standing = found.standing(arm)
        lost = interval_beside(standing.loss, found.tolerance)
        parts.append(f"{quoted(arm)} is cheaper, but loses {lost} against {quoted(standing.rival)}")
    if found.against is not None:
        most, rival = beside(found.bound, found.acceptable), quoted(found.against)
        parts.append(
            f"it loses {most} at most, against {rival}" if found.decided else f"it may lose {most}, against {rival}"
        )
    if found.decided:
        return f"{quoted(found.arm)}: {'; '.join(parts) or 'no other arm can be better'}."
    many = "More questions would hardly help" if found.needed is None else f"About {found.needed:,} would decide"
    return (
        f"Not enough evidence after {counted(found.questions, 'question')}: the cheapest arm that is not shown to be "
        f"worse is {quoted(found.arm)} ({'; '.join(parts)}), and you accept a loss of {limit_text(found.acceptable)}. "
        f"{many}. {_until_then(found)}"
    )


def _until_then(found: Cheapest) -> str:
    if all(each.score <= _EDGE for each in found.standings):
        return "Until then no arm can be advised: none gave a right answer."
    if found.meanwhile is None or found.meanwhile_bound is None:
        return (
            "Until then no arm can be advised: after so few questions, each may lose nearly all that another one has."
        )
    if found.meanwhile == found.arm:
        return "Until then use it: no other arm is shown to lose less."
    most = beside(found.meanwhile_bound, found.acceptable)
    if found.meanwhile_bound <= found.acceptable + _EDGE:
        return f"Until then use {quoted(found.meanwhile)}: it loses {most} at most."
    return f"Until then use {quoted(found.meanwhile)}: it may lose {most}, the least of all arms."


def quoted(arm: str) -> str:
    """An arm's name as it stands in a sentence: some names have a comma or are words of the sentence.

    Example:
        >>> print(quoted("retrieval, quoted"))
        "retrieval, quoted"
    """
    return f'"{arm}"'


def _all(arms: Sequence[str]) -> str:
    return joined([quoted(arm) for arm in arms])


def joined(names: Sequence[str]) -> str:
    """Example: `a, b and c`."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
