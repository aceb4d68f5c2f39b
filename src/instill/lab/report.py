"""The report on the experiments: one HTML file that needs nothing else, and lines for a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from instill.lab.drawing import bars, curves, differences
from instill.lab.effects import Runs, Seen, Verdict, check, means
from instill.lab.experiments.all import EXPERIMENTS
from instill.lab.experiments.experiment import Experiment
from instill.lab.running import Result
from instill.measure.statistics.interval_type import Interval

_STYLE = """\
body{font:16px/1.5 system-ui,sans-serif;max-width:54rem;margin:0 auto;padding:1rem;color:#222;background:#fff}
h1{font-size:1.6rem}h2{font-size:1.2rem;margin-top:2.5rem;border-top:1px solid #ddd;padding-top:1rem}
table{border-collapse:collapse;margin:.7rem 0;font-size:.85rem;display:block;overflow-x:auto}
th,td{padding:.2rem .6rem;text-align:right;border-bottom:1px solid #eee;white-space:nowrap}
th:first-child,td:first-child{text-align:left}
.seen{color:#116633}.opposite{color:#aa3311}.open{color:#555}.source{color:#666;font-size:.85rem}
svg{max-width:100%;height:auto}ul{padding-left:1.2rem}
@media print{h2{break-after:avoid}svg,table{break-inside:avoid}}"""

_ABOUT = """\
A micro model, trained from nothing on a world of fictional people, is taught new things in different ways. Each
experiment mirrors a published effect and says whether it was seen here. Numbers are shares of right answers, word for
word, with 95% intervals over people. An effect counts as seen when the whole interval of the paired difference, over
seeds and people, is above zero; the opposite counts as seen when the whole interval is below zero. Otherwise so many
seeds do not show it either way."""


@dataclass(frozen=True, slots=True)
class Findings:
    """An experiment with its results.

    Args:
        seconds: of one core, all arms and seeds together.
    """

    experiment: Experiment
    means: Mapping[str, Mapping[str, Interval]]
    seen: Sequence[Seen]
    seeds: int
    seconds: float

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "name": self.experiment.name,
            "question": self.experiment.question,
            "mirrors": self.experiment.mirrors,
            "source": self.experiment.source,
            "seeds": self.seeds,
            "seconds": round(self.seconds, 1),
            "arms": {
                arm: {name: {"mean": each.mean, "low": each.low, "high": each.high} for name, each in found.items()}
                for arm, found in self.means.items()
            },
            "claims": [
                {
                    "said": each.claim.said,
                    "seen": each.held,
                    "verdict": each.verdict,
                    "difference": {
                        "mean": each.difference.mean,
                        "low": each.difference.low,
                        "high": each.difference.high,
                    },
                }
                for each in self.seen
            ],
        }


def findings(results: Sequence[Result]) -> list[Findings]:
    """The results by experiment, in the order of the report."""
    found = []
    for name, experiment in EXPERIMENTS.items():
        runs: dict[str, dict[int, Any]] = {}
        seconds = 0.0
        for result in results:
            if result.trial.experiment == name:
                runs.setdefault(result.trial.arm, {})[result.trial.seed] = result.measures
                seconds += result.seconds
        if runs:
            frozen: Runs = runs
            seeds = max(len(each) for each in runs.values())
            found.append(
                Findings(experiment, means(frozen, experiment.quantities), check(experiment, frozen), seeds, seconds)
            )
    return found


def as_text(found: Findings) -> str:
    """A table and the claims, for a terminal."""
    names = found.experiment.quantities
    rows = [["", *names]]
    for arm, values in found.means.items():
        rows.append([arm, *(str(values[name]) if name in values else "" for name in names)])
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    head = f"{found.experiment.name}: {found.experiment.question}"
    return "\n".join([head, *lines, *(f"  {each}" for each in found.seen)])


def as_html(found: Sequence[Findings], *, about: Mapping[str, str]) -> str:
    """The whole report.

    Args:
        about: what is said at the top, by name: command, machine, date, model.
    """
    claims = [each for part in found for each in part.seen]
    held = sum(each.held for each in claims)
    top = "".join(f"<tr><td>{escape(key)}</td><td>{escape(value)}</td></tr>" for key, value in about.items())
    contents = "".join(
        f'<li><a href="#{part.experiment.name}">{escape(part.experiment.question)}</a> '
        f"{sum(each.held for each in part.seen)} of {len(part.seen)} effects seen</li>"
        for part in found
    )
    body = "\n".join(_section(part) for part in found)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width,initial-scale=1">\n'
        f"<title>What a small model learns and forgets</title>\n<style>{_STYLE}</style></head><body>\n"
        "<h1>What a small model learns and forgets</h1>\n"
        f"<p>{_ABOUT}</p>\n"
        f"<p><strong>{held} of {len(claims)}</strong> effects were seen{_rest(claims)}.</p>\n<table>{top}</table>\n"
        f"{_effects(claims)}\n<ol>{contents}</ol>\n{body}\n</body></html>\n"
    )


def _rest(claims: Sequence[Seen]) -> str:
    """What became of the effects that were not seen."""
    opposite = sum(each.verdict == "the opposite was seen" for each in claims)
    unshown = sum(each.verdict == "not shown either way" for each in claims)
    return (f"; of {opposite} the opposite was seen" if opposite else "") + (
        f"; {unshown} were not shown either way" if unshown else ""
    )


_MARKS: dict[Verdict, tuple[str, str]] = {
    "seen": ("seen", "#116633"),
    "the opposite was seen": ("opposite", "#aa3311"),
    "not shown either way": ("open", "#888888"),
}
"""Class and colour of a verdict."""


def _effects(claims: Sequence[Seen]) -> str:
    """All effects in one picture: where the interval lies is the verdict."""
    return differences(
        {each.claim.said: each.difference for each in claims},
        {each.claim.said: -each.claim.no_worse_by for each in claims},
        {each.claim.said: _MARKS[each.verdict][1] for each in claims},
    )


def _section(part: Findings) -> str:
    experiment = part.experiment
    names = list(experiment.quantities)
    head = "".join(f"<th>{escape(name)}</th>" for name in names)
    rows = "".join(
        f"<tr><td>{escape(arm)}</td>"
        + "".join(f"<td>{values[name]}</td>" if name in values else "<td></td>" for name in names)
        + "</tr>"
        for arm, values in part.means.items()
    )
    seen = "".join(f'<li class="{_MARKS[each.verdict][0]}">{escape(str(each))}</li>' for each in part.seen)
    picture = _curves(part, experiment.curve) if experiment.curve else bars(part.means, names)
    return (
        f'<h2 id="{experiment.name}">{escape(experiment.question)}</h2>\n<p>{escape(experiment.mirrors)}</p>\n'
        f'<p class="source">{escape(experiment.source)}</p>\n{picture}\n'
        f"<table><tr><th>{part.seeds} seeds</th>{head}</tr>{rows}</table>\n<ul>{seen}</ul>"
        f'<p class="source">instill lab run {experiment.name}: {part.seconds:.0f} s of one core</p>'
    )


def _curves(part: Findings, sizes: Mapping[str, float]) -> str:
    """A line of each kind and quantity."""
    first, *others = part.experiment.quantities
    points = {arm: found[first] for arm, found in part.means.items()}
    places = dict(sizes)
    for name in others:
        for arm, found in part.means.items():
            if name in found:
                kind, _, size = arm.partition(",")
                points[f"{kind}: {name},{size}"] = found[name]
                places[f"{kind}: {name},{size}"] = sizes[arm]
    return curves(points, places, label=", ".join(part.experiment.quantities))
