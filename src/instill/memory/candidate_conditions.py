"""Why a fact is, or is not, a candidate for weights."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from instill.index.lookup import StoredDocument
from instill.memory.document_versions import SeenVersion
from instill.memory.kind_of_value import has_kind_wanted
from instill.memory.types import Condition, Decision, Spot
from instill.settings import MemorySettings

_NOT_ASKED = (
    "No document says otherwise in the same words. Other words are looked for before a consolidation, and when the "
    "fact is shown by itself."
)


def conditions(
    *,
    weight: float,
    uses: int,
    decision: Decision,
    question: str,
    answer: str,
    by_hand: bool,
    stored: StoredDocument | None,
    spot: Spot | None,
    seen: SeenVersion | None,
    settings: MemorySettings,
    now: datetime,
    contradicted_by: Callable[[], str],
    edited: bool = False,
) -> tuple[Condition, ...]:
    """All conditions of a fact; whether another document says otherwise is looked at only where the others are met.

    Args:
        stored, spot: the fact's document and its evidence there, as they are now.
        seen: the version of the document that was met last, and since when.
        edited: weights were made to say it by hand, so nobody waits whether its document stays as it is.
        by_hand: a person wrote the question or the answer, so its kind is not checked.
        contradicted_by: the source of a document that says otherwise, or "".
    """
    found = [
        _used(weight, uses, decision, settings),
        _in_place(stored, spot, decision),
        _stable(stored, seen, settings, now, edited),
        _answered(question, answer, spot, by_hand=by_hand),
        _allowed(stored, decision),
    ]
    if all(each.met for each in found):
        source = contradicted_by()
        said = f"{source} says otherwise, or is newer." if source else _NOT_ASKED
        return (*found, Condition(name="undisputed", met=not source, said=said))
    return (*found, Condition(name="undisputed", met=None, said="Not looked at yet."))


def _used(weight: float, uses: int, decision: Decision, settings: MemorySettings) -> Condition:
    times = f"{uses} time{'s' * (uses != 1)}, weight {weight:.2f}"
    if decision == "pinned":
        return Condition(name="used", met=True, said=f"Pinned. Used {times}.")
    met = round(weight, 2) >= settings.threshold  # as it is told: after a minute, three uses weigh 2.9999
    return Condition(name="used", met=met, said=f"Used {times}; a candidate has {settings.threshold:g} or more.")


def _in_place(stored: StoredDocument | None, spot: Spot | None, decision: Decision) -> Condition:
    stays = f" The fact stays {decision}, and counts again once the evidence is back." if decision else ""
    if stored is None:
        return Condition(name="in place", met=False, said=f"Its document is not in the index.{stays}")
    if spot is None:
        return Condition(name="in place", met=False, said=f"The document does not hold the evidence any longer.{stays}")
    return Condition(name="in place", met=True, said="The document holds the evidence.")


def _stable(
    stored: StoredDocument | None,
    seen: SeenVersion | None,
    settings: MemorySettings,
    now: datetime,
    edited: bool,
) -> Condition:
    if stored is None:
        return Condition(name="stable", met=False, said="Its document is not in the index.")
    if edited:
        return Condition(name="stable", met=True, said="Weights were made to say it by hand.")
    days = None if seen is None else seen.days_unchanged(stored.record.content_hash, now)
    if days is None:
        return Condition(name="stable", met=settings.stable_days == 0, said="Its document has just changed.")
    said = f"Its document has been the same for {days:.1f} days; {settings.stable_days:g} are needed."
    return Condition(name="stable", met=days >= settings.stable_days, said=said)


def _answered(question: str, answer: str, spot: Spot | None, *, by_hand: bool) -> Condition:
    if not answer:
        return Condition(name="answered", met=False, said="It is not known which words of the evidence answer.")
    if spot is None:
        return Condition(name="answered", met=False, said="Its evidence is gone.")
    if answer not in spot.text:
        return Condition(name="answered", met=False, said="The evidence does not hold the answer.")
    if not by_hand and not has_kind_wanted(question, answer):
        return Condition(name="answered", met=False, said="The answer is not of the kind that the question asks for.")
    return Condition(name="answered", met=True, said="The evidence holds the answer.")


def _allowed(stored: StoredDocument | None, decision: Decision) -> Condition:
    if decision == "excluded":
        return Condition(name="allowed", met=False, said="Excluded by hand.")
    return Condition(name="allowed", met=True, said=audience(() if stored is None else stored.record.labels))


def audience(labels: Sequence[str]) -> str:
    """Who may use weights that hold a fact of a document with these labels.

    Example:
        >>> audience(("hr", "staff")), audience(())
        ('For callers who hold one of: hr, staff.', 'For the owner alone.')
    """
    return f"For callers who hold one of: {', '.join(sorted(labels))}." if labels else "For the owner alone."
