"""The report for a terminal, and as a dictionary for `--json`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from textwrap import fill, wrap
from typing import Any

from instill.compare.report.answer_means import answers
from instill.compare.report.cost_words import cost_notes
from instill.compare.report.failures import failures
from instill.compare.report.judge_words import ARMS_HEAD_NARROW, JUDGE, disagreement_sentence, judge_notes
from instill.compare.report.not_measured import not_measured
from instill.compare.report.scores import BESIDE, CONFLICTS, TaskScores, against_facts, scores_by_task
from instill.compare.report.types import Report
from instill.compare.report.writer_words import WRITERS, writer_notes
from instill.errors.escapes import shown_block
from instill.measure.fact_costs import interval_dict
from instill.measure.page.plain import plain
from instill.measure.page.units import (
    difference,
    duration,
    money,
    money_interval,
    score,
    three_digits,
    time_interval,
)
from instill.measure.verdict_in_words import findings

_NAME, _NARROW = 30, 20
"""Columns that an arm's name may take, and as few as it may be left with: a longer name goes on below."""

_DISAGREEMENTS = 3
"""Replies that are shown of those that scorer and judge say different things of."""


def as_text(report: Report, *, width: int = 80) -> str:
    """Lines of at most `width` characters, without colours; only a single long word reaches further.

    Args:
        width: from 40.

    Example:
        >>> from instill.measure.verdict import reach_verdict
        >>> print(as_text(Report("Handbook", reach_verdict([], []), [])).splitlines()[2])
        Nothing was measured, so nothing is recommended.
    """
    parts = [
        f"{plain(report.title)}\n\n{_wrapped(report.verdict.said, width)}",
        _needs(report, width),
        _scores(scores_by_task(report.outcomes, report.verdict.fewer), report.arms, width),
        _section(WRITERS, (_wrapped(each, width, hang=2) for each in writer_notes(report))),
        *_examples(report, width),
        _costs(report, width),
        _facts(report, width),
        _beside(report, width),
        _kept(report, width),
        _refreshes(report, width),
        _conflicts(report, width),
        *(_wrapped(f"{each.name}: {each.advice.said}", width) for each in report.curves),
        _failures(report, width),
        _judge(report, width),
        _section("Not measured", (_wrapped(f"{k}: {v}", width, hang=2) for k, v in not_measured(report).items())),
        _section("Do it again", (f"  {plain(command)}" for command in report.commands)),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def as_dict(report: Report) -> dict[str, Any]:
    """All numbers of the report, for `--json`; nothing is cut or cleaned in it.

    Example:
        >>> from instill.measure.verdict import reach_verdict
        >>> sorted(as_dict(Report("Handbook", reach_verdict([], []), [])))[:4]
        ['about', 'against_facts', 'answers', 'arms']
    """
    names = (
        "arm",
        "questions",
        "seconds",
        "slow",
        "tokens_in",
        "tokens_out",
        "money",
        "words",
        "f1",
        "recall",
        "precision",
    )
    tasks = scores_by_task(report.outcomes, report.verdict.fewer)
    return {
        "title": report.title,
        "arms": report.arms,
        "verdict": report.verdict.as_dict(),
        "in_short": [asdict(each) for each in findings(report.verdict.as_dict())],
        "tasks": [
            {
                "task": each.task,
                "questions": each.questions,
                "left_out": each.left_out,
                "scores": {arm: interval_dict(found) for arm, found in each.scores.items()},
            }
            for each in tasks
        ],
        "against_facts": {
            each.task: {arm: interval_dict(d) for arm, d in against_facts(report.outcomes, each.task).items()}
            for each in tasks
            if each.task in BESIDE
        },
        "answers": [
            {**{name: getattr(each, name) for name in names}, "abstained": each.abstained}
            for each in answers(report.outcomes, report.arms)
        ],
        "preparations": [
            {
                name: getattr(each, name)
                for name in (
                    "arm",
                    "seconds",
                    "money",
                    "facts",
                    "seconds_per_fact",
                    "money_per_fact",
                    "replay_seconds",
                )
            }
            for each in report.preparations
        ],
        "writers": [asdict(each) for each in report.writers],
        "overheads": [
            {name: getattr(each, name) for name in ("what", "seconds", "money")} for each in report.overheads
        ],
        "forgetting": [
            {
                **{name: getattr(each, name) for name in ("arm", "skill", "before", "after", "allowed", "state")},
                "loss": interval_dict(each.loss),
            }
            for each in report.kept
        ],
        "freshness": [
            {name: getattr(each, name) for name in ("arm", "seconds", "money", "said")} for each in report.refreshes
        ],
        "curves": [
            {
                "name": each.name,
                "fit": each.fit.as_dict(),
                "advice": each.advice.as_dict(),
                "overfitting": None if each.overfitting is None else each.overfitting.as_dict(),
            }
            for each in report.curves
        ],
        "failures": {each.kind: each.counts for each in failures(report.outcomes, report.causes)},
        "not_measured": not_measured(report),
        "commands": list(report.commands),
        "about": dict(report.about),
        "currency": report.currency,
    }


def _needs(report: Report, width: int) -> str:
    rows = [["Need", "Recommended", "Right answers", "May lose", "Questions"]]
    for each in report.verdict.needs:
        right = score(each.scores[each.arm]) if each.arm is not None else ""
        named = f"({each.state})"
        if each.arm is not None:
            named = each.arm if each.decided else f"until then: {each.arm}"
        most = "" if each.bound is None else f"{each.bound:.2f}"
        rows.append([each.need, named, right, most, str(each.questions)])
    why = [_wrapped(f"{each.need}: {each.said}", width, hang=2) for each in report.verdict.needs if each.questions]
    return "\n".join([_columns(rows, width), "", *why])


def _scores(tasks: Sequence[TaskScores], arms: Sequence[str], width: int) -> str:
    """A task a block, so that the interval has its place in a narrow window too."""
    blocks = []
    for each in tasks:
        if each.scores:
            rows = [[f"{each.task} ({each.questions})", "right answers [95%]", ""]]
            rows += [[arm, score(each.scores[arm]), _bar(each.scores[arm].mean)] for arm in arms if arm in each.scores]
            blocks.append(_columns(rows, width))
    return "\n\n".join(blocks)


def _costs(report: Report, width: int) -> str:
    prepared = {each.arm: each for each in report.preparations}
    rows = [["Arm", "Preparation", "Money", "An answer", "Words", "Money"]]
    for each in answers(report.outcomes, report.arms):
        before = prepared.get(each.arm)
        first = ("–", "–") if before is None else (duration(before.seconds), money(before.money, report.currency))
        words = "–" if each.words is None else f"{each.words:,.0f}"
        rows.append([each.arm, *first, duration(each.seconds), words, money(each.money, report.currency)])
    table = _columns(rows, width) if len(rows) > 1 else ""
    return "\n".join([*([table] if table else []), *(_wrapped(each, width, hang=2) for each in cost_notes(report))])


def _examples(report: Report, width: int) -> list[str]:
    blocks = []
    for need in dict.fromkeys(each.need for each in report.examples):
        own = [each for each in report.examples if each.need == need]
        rows = [[f"{need} ({own[0].questions}), means", *own[0].means]]
        rows += [[each.arm, *map(score, each.means.values())] for each in own]
        blocks.append(_columns(rows, width))
    return blocks


def _judge(report: Report, width: int) -> str:
    if report.judge is None:
        return ""
    found = report.judge.agreement
    lines = [_wrapped(each, width, hang=2) for each in judge_notes(report.judge)]
    rows = [list(ARMS_HEAD_NARROW)]
    for each in found.arms:
        kappa = "–" if each.kappa is None else f"{each.kappa:.2f}"
        rows.append([each.arm, score(each.matched), score(each.judged), kappa])
    if len(rows) > 1:
        lines.append(_columns(rows, width))
    for case in found.disagreements[:_DISAGREEMENTS]:
        lines.append(_wrapped(disagreement_sentence(case), width, hang=2, cut=True))
    return _section(JUDGE, lines)


def _facts(report: Report, width: int) -> str:
    rows = [["One more answerable fact", "Time [95%]", "Money [95%]"]]
    for each in report.verdict.fact_costs:
        rows.append([each.arm, time_interval(each.seconds), money_interval(each.money, report.currency)])
    if len(rows) == 1:
        return ""
    ratios = [_wrapped(each.said, width, hang=2) for each in report.verdict.ratios]
    return "\n".join([_columns(rows, width), *ratios])


def _beside(report: Report, width: int) -> str:
    rows = [["Against plain questions", "task", "difference [95%]"]]
    for task in BESIDE:
        if any(row.task == task for row in report.outcomes):
            found = against_facts(report.outcomes, task)
            rows += [[arm, task, difference(each)] for arm, each in found.items()]
    return _columns(rows, width) if len(rows) > 1 else ""


def _kept(report: Report, width: int) -> str:
    rows = [["Forgetting", "skill", "before → after", "found"]]
    for each in report.kept:
        change = f"{three_digits(each.before)} → {three_digits(each.after)}"
        rows.append([each.arm, each.skill, change, "not shown either way" if each.state == "open" else each.state])
    return _columns(rows, width) if len(rows) > 1 else ""


def _refreshes(report: Report, width: int) -> str:
    rows = [["Freshness", "until answered", "money", "by"]]
    for each in report.refreshes:
        time = "not within the run" if each.seconds is None else duration(each.seconds)
        rows.append([each.arm, time, "–" if each.money is None else money(each.money, report.currency), each.said])
    return _columns(rows, width) if len(rows) > 1 else ""


def _conflicts(report: Report, width: int) -> str:
    if not report.conflicts:
        return ""
    names = list(report.conflicts[0].counts)
    rows = [["Which one wins", "asked", *names]]
    rows += [
        [each.arm, f"{each.questions:,}", *(f"{each.counts[name]:,}" for name in names)] for each in report.conflicts
    ]
    return "\n".join([_columns(rows, width), _wrapped(CONFLICTS, width)])


def _failures(report: Report, width: int) -> str:
    lines = []
    for each in failures(report.outcomes, report.causes):
        counts = ", ".join(f'"{arm}" {count}' for arm, count in each.counts.items())
        lines.append(_wrapped(f"{each.kind}: {counts}", width, hang=2))
    return _section("Failures", lines)


def _section(heading: str, lines: Any) -> str:
    found = list(lines)
    return "\n".join([heading, *found]) if found else ""


def _columns(rows: Sequence[Sequence[str]], width: int) -> str:
    """Cells under each other, names that are too long in several lines; where the other cells leave a name too little
    room, they stand below it, each on its line."""
    cleaned = [[plain(cell) for cell in row] for row in rows]
    rest = [max(len(row[column]) for row in cleaned) for column in range(1, len(cleaned[0]))]
    longest = max(len(row[0]) for row in cleaned)
    name = min(longest, _NAME, width - sum(rest) - 2 * len(rest))
    if name >= min(longest, _NARROW):
        return "\n".join(line for row in cleaned for line in _row(row, [name, *rest]))
    lines = [cleaned[0][0]]
    for row in cleaned[1:]:
        lines.append(_wrapped(row[0], width, indent=2, hang=4))
        lines += [
            _wrapped(f"{heading}: {cell}", width, indent=4, hang=6)
            for heading, cell in zip(cleaned[0][1:], row[1:], strict=True)
            if cell
        ]
    return "\n".join(lines)


def _row(row: Sequence[str], widths: Sequence[int]) -> list[str]:
    """One line, and one more for each part of the first cell that goes on."""
    first, *more = wrap(row[0], widths[0], subsequent_indent="  ", break_on_hyphens=False) or [""]
    cells = zip((first, *row[1:]), widths, strict=True)
    return ["  ".join(cell.ljust(size) for cell, size in cells).rstrip(), *more]


def _bar(share: float) -> str:
    return "#" * round(20 * share)


def _wrapped(content: str, width: int, *, indent: int = 0, hang: int = 0, cut: bool = False) -> str:
    """The content in lines of at most `width`; `cut`: also where a word is longer (a model's reply may be one word).

    What the terminal would show as an escape is one already, so that a line does not grow when it is printed.
    """
    return fill(
        shown_block(plain(content)),
        width,
        initial_indent=" " * indent,
        subsequent_indent=" " * hang,
        break_long_words=cut,
        break_on_hyphens=False,
    )
