"""The sections of the page on the verdict, the scores and the costs."""

from __future__ import annotations

from instill.compare.report.answer_means import answers
from instill.compare.report.cost_words import cost_notes
from instill.compare.report.drawing import bars
from instill.compare.report.scores import TaskScores, scores_by_task
from instill.compare.report.types import Report
from instill.compare.report.writer_words import WRITERS, writer_notes
from instill.measure.page.elements import (
    Markup,
    details,
    figure,
    join,
    listed,
    paragraph,
    safe,
    section,
    table,
)
from instill.measure.page.units import difference, duration, money, money_interval, score, time_interval
from instill.measure.verdict import ASKED_NEEDS, NeedVerdict

STATES = {
    "decided": "",
    "no arm": "no arm is good enough",
    "not enough evidence": "not enough evidence",
    "not measured": "not measured",
}


def needs_section(report: Report) -> Markup:
    """The table of needs."""
    rules = report.verdict.rules
    rows = [
        [
            safe(each.need),
            Markup(f'<span class="state">{safe(_named(each))}</span>'),
            _own_score(each),
            _number("–" if each.bound is None else f"{each.bound:.2f}"),
            Markup(f'<span class="number">{each.questions:,}</span>'),
            safe(each.said),
        ]
        for each in report.verdict.needs
    ]
    head = ("Need", "Recommended", "Right answers [95%]", "Loses at most", "Questions", "Why")
    how = (
        "For each need the cheapest arm that is not shown to be worse, and what choosing it can cost at most, as a "
        f"share of the questions. An arm is shown to be worse when another leads it by more than {rules.tolerance:g}, "
        f"and half of that is proven. There is not enough evidence while the bound is above {rules.acceptable:g} "
        f"({rules.cost_tolerance:g} for cost, where all questions count together). An arm's preparation is spread over "
        f"{rules.answers:,} answers; costs that differ by less than a fifth are equal. Each need is decided by itself, "
        f"at the level {rules.level:g}."
    )
    caption = "What to use for what"
    return section("needs", "By need", [table(caption, head, rows, stacked=True), paragraph(how)])


def scores_section(report: Report) -> Markup:
    """Bars, a picture a task, and the numbers."""
    tasks = [each for each in scores_by_task(report.outcomes, report.verdict.fewer) if each.scores]
    if not tasks:
        return section("scores", "Scores", [paragraph("No questions were asked.")])
    reference = set(report.verdict.references)
    figures = join(_figure(each, report, reference) for each in tasks)
    numbers = [
        [safe(arm), *(_number(score(each.scores[arm]) if arm in each.scores else "") for each in tasks)]
        for arm in report.arms
        if any(arm in each.scores for each in tasks)
    ]
    about = (
        "Share of right answers, with 95% intervals over facts or documents. For questions that the documents do not "
        "answer, abstaining is right."
    )
    if reference:
        about += " A hollow bar shows what is possible; it is not recommended."
    return section(
        "scores",
        "Scores",
        [
            paragraph(about),
            Markup(f'<div class="figures">\n{figures}\n</div>'),
            details("The numbers", table("Right answers by arm and task", ("Arm", *(t.task for t in tasks)), numbers)),
            *_writers(report),
            details("Passages, citations and abstentions", _answers_table(report)),
        ],
    )


def _writers(report: Report) -> list[Markup]:
    """Which answers a model wrote, of the arms that quote where it cannot be proved."""
    notes = writer_notes(report)
    return [Markup(f"<h3>{WRITERS}</h3>"), listed(map(safe, notes))] if notes else []


def costs_section(report: Report) -> Markup:
    """Preparation, answers, and one more fact."""
    return section(
        "costs",
        "Costs",
        [_costs_table(report), *map(paragraph, cost_notes(report)), _facts_table(report), _ratios(report)],
    )


def _named(each: NeedVerdict) -> str:
    if each.arm is None or each.decided:
        return each.arm or STATES[each.state]
    return f"{STATES[each.state]}; until then: {each.arm}"


def _own_score(each: NeedVerdict) -> Markup:
    return _number(score(each.scores[each.arm])) if each.arm is not None else safe("–")


def _figure(each: TaskScores, report: Report, reference: set[str]) -> Markup:
    chosen = {
        need.arm
        for need in report.verdict.needs
        if need.arm is not None and need.decided and each.task in _tasks_of(need.need)
    }
    drawn = bars(each.scores, label=f"Right answers: {each.task}", chosen=chosen, reference=reference)
    return figure(f"{each.task}, {each.questions:,} question{'s' * (each.questions != 1)}", drawn)


def _tasks_of(need: str) -> tuple[str, ...]:
    return ASKED_NEEDS.get(need, ())


def _answers_table(report: Report) -> Markup:
    def share(value: float | None) -> Markup:
        return _number("–" if value is None else f"{value:.2f}")

    rows = [
        [safe(each.arm), share(each.f1), share(each.recall), share(each.precision), share(each.abstained)]
        for each in answers(report.outcomes, report.arms)
    ]
    head = ("Arm", "F1", "Passage among those given", "Citations in the evidence", "Abstained")
    return table("Means over questions that can be answered, controls left out", head, rows)


def _costs_table(report: Report) -> Markup:
    prepared = {each.arm: each for each in report.preparations}
    asked = {each.arm: each for each in answers(report.outcomes, report.arms)}
    rows = []
    for arm in report.arms:
        before, own = prepared.get(arm), asked.get(arm)
        texts = (
            ["–"] * 3
            if before is None
            else [duration(before.seconds), money(before.money, report.currency), f"{before.facts:,}"]
        )
        texts += (
            ["–"] * 5
            if own is None
            else [
                duration(own.seconds),
                duration(own.slow),
                "–" if own.words is None else f"{own.words:,.0f}",
                f"{own.tokens_in:,.0f} + {own.tokens_out:,.0f}",
                money(own.money, report.currency),
            ]
        )
        rows.append([safe(arm), *map(_number, texts)])
    head = (
        "Arm",
        "Preparation",
        "Its money",
        "Facts",
        "An answer, median",
        "19 of 20 within",
        "Words to read",
        "Tokens in + out",
        "Money an answer",
    )
    return table(
        "Preparation is indexing, or training with the replay written for it, in all; money at the configured prices",
        head,
        rows,
    )


def _facts_table(report: Report) -> Markup:
    if not report.verdict.fact_costs:
        return paragraph("What one more answerable fact costs was not measured.")
    prepared = {each.arm: each for each in report.preparations}
    rows = []
    for each in report.verdict.fact_costs:
        before = prepared.get(each.arm)
        rows.append(
            [
                safe(each.arm),
                _number("not measured" if before is None else duration(before.seconds_per_fact)),
                _number("not measured" if each.gain is None else difference(each.gain)),
                _number(time_interval(each.seconds)),
                _number(money_interval(each.money, report.currency)),
            ]
        )
    head = ("Arm", "Time spent on one more", "Facts gained", "Time for one more answerable", "Money")
    return table(
        "One more fact; gained is the share answered rightly beyond the model as it is", head, rows, stacked=True
    )


def _ratios(report: Report) -> Markup:
    if not report.verdict.ratios:
        return paragraph("How many times more one arm costs for it than another was not measured.")
    items = listed(safe(each.said) for each in report.verdict.ratios)
    return join(
        [
            Markup("<h3>One more answerable fact, as a ratio</h3>"),
            items,
            paragraph(
                "The intervals hold the uncertainty of the scores; the costs of the preparation were measured once."
            ),
        ]
    )


def _number(content: str) -> Markup:
    return Markup(f'<span class="number">{safe(content)}</span>')
