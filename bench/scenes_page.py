"""The figures of `bench/scenes.py` as a table and as pictures."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from instill.measure.page.pictures import line, picture, text
from instill.measure.statistics.percentile_bootstrap import bootstrap_interval

NAMES = {
    "recurring": "facts that recur, in new wordings",
    "once": "facts asked for once",
    "controls": "never taught",
    "old value": "old value of a changed fact",
    "forgotten": "forgotten facts",
    "skills": "what it could do before",
}


def spread(found: Sequence[dict[str, Any]], arm: str, measure: str, day: int) -> tuple[float, float, float]:
    """Mean, and the interval over seeds, of one measure on one evening."""
    values = [each[measure] for run in found for each in run["evenings"] if each["arm"] == arm and each["day"] == day]
    values = [each for each in values if each is not None and not math.isnan(each)]
    if not values:
        return math.nan, math.nan, math.nan
    if len(values) == 1:
        return values[0], values[0], values[0]
    made = bootstrap_interval(values, [str(number) for number in range(len(values))])
    return made.mean, made.low, made.high


def arms_of(found: Sequence[dict[str, Any]]) -> list[str]:
    """In the order of the run."""
    return list(dict.fromkeys(each["arm"] for each in found[0]["evenings"]))


def summary(found: Sequence[dict[str, Any]]) -> str:
    """A Markdown table of the last evening."""
    last = max(each["day"] for each in found[0]["evenings"])
    lines = ["| arm | " + " | ".join(NAMES.values()) + " | stale | seconds |", "|---" * (len(NAMES) + 3) + "|"]
    for arm in arms_of(found):
        cells = []
        for measure in NAMES:
            mean, low, high = spread(found, arm, measure, last)
            cells.append("-" if math.isnan(mean) else f"{mean:.3f} [{low:.3f}, {high:.3f}]")
        stale, watched = sum(run["stale"][arm] for run in found), sum(run["watched"] for run in found)
        seconds = sum(run["seconds"][arm] for run in found) / len(found)
        lines.append(f"| {arm} | {' | '.join(cells)} | {stale} of {watched} | {seconds:.0f} |")
    return "\n".join(lines)


def write_pictures(found: Sequence[dict[str, Any]], folder: Path) -> None:
    """`scenes-end.svg`: each measure of the last evening, arm by arm."""
    folder.mkdir(parents=True, exist_ok=True)
    last = max(each["day"] for each in found[0]["evenings"])
    arms = arms_of(found)
    left, wide, row, top = 150.0, 150.0, 26.0, 40.0
    parts: list[str] = []
    for column, (measure, name) in enumerate(NAMES.items()):
        x = left + column * wide
        parts.append(text(x + 60, 16, name.partition(",")[0], anchor="middle"))
        for at in (0.0, 0.5, 1.0):
            parts.append(line(x + 120 * at, 24, x + 120 * at, top + row * len(arms), width=0.5))
        for number, arm in enumerate(arms):
            y = top + row * number + row / 2
            mean, low, high = spread(found, arm, measure, last)
            if not math.isnan(mean):
                parts.append(line(x + 120 * low, y, x + 120 * high, y, width=2))
                parts.append(line(x + 120 * mean, y - 6, x + 120 * mean, y + 6, width=4))
    for number, arm in enumerate(arms):
        parts.append(text(8, top + row * number + row / 2 + 4, arm, anchor="start"))
    drawn = picture(
        parts,
        top + row * len(arms) + 20,
        label=f"Ways to keep what recurs, after {last} days",
        described=summary(found),
        width=int(left + wide * len(NAMES)),
    )
    (folder / "scenes-end.svg").write_text(drawn, encoding="utf-8")
