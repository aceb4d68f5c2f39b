"""A comparison's verdict as a person would say it, for reports and pages; the exact figures stand behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from instill.measure.verdict import FEW


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found for one need.

    Args:
        about: what was asked, "Facts".
        said: sentences.
        decided: whether an arm can be recommended without a reserve.
    """

    about: str
    said: Sequence[str]
    decided: bool


def findings(verdict: Any) -> list[Finding]:
    """What a report's verdict says of each need that was measured.

    Args:
        verdict: of `report.json`; of one that lacks what is told here, nothing is told.

    Example:
        >>> score = {"mean": 0.8333, "low": 0.686, "high": 0.930}
        >>> need = {"need": "facts", "state": "decided", "arm": "retrieval", "questions": 42, "bound": 0.1}
        >>> for each in findings({"needs": [{**need, "scores": {"retrieval": score}}]})[0].said:
        ...     print(each)
        Use “retrieval”.
        It is right in 83 of 100 questions, between 69 and 93 with 95% certainty (42 were asked).
        Another way would be right in at most 10 of 100 more.
    """
    needs = verdict.get("needs") if isinstance(verdict, Mapping) else None
    rules = verdict.get("rules") if isinstance(verdict, Mapping) else None
    level = rules.get("level", 0.95) if isinstance(rules, Mapping) else 0.95
    found = [_finding(each, level) for each in needs or () if isinstance(each, Mapping)]
    return [each for each in found if each is not None]


_ABOUT = {
    "facts": "Facts",
    "freshness": "Changed documents",
    "format": "The format",
    "tone": "The tone",
    "refusal": "Refusals",
    "cost": "Where cost decides",
}


def _finding(need: Mapping[str, Any], level: float) -> Finding | None:
    scores = need.get("scores")
    state, arm = need.get("state"), need.get("arm")
    if state == "not measured" and need.get("need") == "facts":
        some = "were put to all ways to answer" if need.get("left_out") else "were asked"
        return Finding(_ABOUT["facts"], [f"No questions on facts {some}, so nothing is said of them."], False)
    if not isinstance(scores, Mapping) or not scores or state == "not measured" or need.get("need") not in _ABOUT:
        return None
    is_alone = len(need.get("standings") or ()) == 1
    if is_alone and need["need"] == "cost":
        return None
    asked = int(need.get("questions") or 0)
    is_little = 0 < asked < FEW
    said = []
    if is_alone and arm is not None:
        said.append(f"“{arm}” was the only way to answer that can be recommended: there was none to compare it with.")
    elif state == "no arm":
        arm = max(scores, key=lambda each: float(scores[each]["mean"]))
        if not is_little:
            said.append(f"No way to answer is good enough. The best is “{arm}”.")
    elif arm is None:
        said.append("There are too few questions to choose a way to answer.")
    else:
        sure = state == "decided" and not is_little
        said.append(f"Use “{arm}”." if sure else f"Use “{arm}” for now: too few questions were asked.")
    if arm in scores:
        said.append(_share(scores[arm], level, asked, int(need.get("groups") or 0)))
    bound, needed = need.get("bound"), need.get("needed")
    if isinstance(bound, (int, float)) and not is_little:
        said.append(f"Another way would be right in at most {_of_100(bound)} of 100 more.")
    if state == "not enough evidence" and needed:
        said.append(f"About {needed:,} questions would decide.")
    return Finding(_ABOUT[str(need["need"])], said, state == "decided" and not is_little)


def _share(score: Mapping[str, Any], level: float, asked: int, groups: int) -> str:
    about = f", about {groups:,} fact{'s' * (groups != 1)}" if 0 < groups < asked else ""
    if 0 < asked < FEW:
        many = "1 question was" if asked == 1 else f"{asked} questions were"
        return f"{many} asked{about}: too few to say how often it is right. It takes {FEW}."
    low, mean, high = (_of_100(score[name]) for name in ("low", "mean", "high"))
    many = f"{asked:,} were asked{about}" if asked else ""
    return (
        f"It is right in {mean} of 100 questions, between {low} and {high} with {level:.0%} certainty"
        f"{f' ({many})' if many else ''}."
    )


def _of_100(share: float) -> int:
    return round(100 * share)
