"""Before a comparison: how long it takes, by what was measured before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from instill.compare.plan import ComparePlan


@dataclass(frozen=True, slots=True)
class Measured:
    """Seconds of an answer, and of a training, by arm.

    Args:
        asked: what an ordinary question took; None where nobody asked.
    """

    answers: Mapping[str, float]
    trainings: Mapping[str, float]
    asked: float | None

    def seconds(self, plan: ComparePlan, arms: Sequence[str], each: int) -> tuple[float | None, list[str]]:
        """Of so many answers of each arm with the trainings, and what is not known."""
        total, known, unmeasured = 0.0, False, []
        for arm in arms:
            # What was asked here went the way of retrieval, by quotes where nothing generates.
            like_asking = arm == "retrieval" or (arm == "retrieval, quoted" and "retrieval" not in arms)
            one = self.answers.get(arm, self.asked if like_asking else None)
            if one is None:
                unmeasured.append(arm)
            else:
                total, known = total + one * each, True
            if plan.known[arm].needs_tuning:
                if arm in self.trainings:
                    total += self.trainings[arm]
                else:
                    unmeasured.append(f"training of {arm}")
        return (total if known else None), unmeasured


def how_long(arms: int, answers: int, seconds: float | None, unmeasured: Sequence[str]) -> str:
    """The same for people.

    Example:
        >>> how_long(2, 120, 90.0, ["oracle passage"])
        '120 answers of 2 arms at most: about 2 minutes. Not known yet: oracle passage.'
    """
    counted = f"{answers:,} answers of {arms} arms at most"
    if seconds is None:
        return f"{counted}. How long they take is not known: nothing was asked or compared here yet."
    minutes = max(1, round(seconds / 60))
    about = f"about {minutes} minute{'s' * (minutes != 1)}" if minutes < 120 else f"about {seconds / 3600:.0f} hours"
    known = f" Not known yet: {', '.join(unmeasured)}." if unmeasured else ""
    return f"{counted}: {about}.{known}"
