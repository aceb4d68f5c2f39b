"""Experiments: effects from results, the report, and a real trial with the model that ships."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from instill.lab.effects import check, difference, means
from instill.lab.experiments.all import EXPERIMENTS
from instill.lab.experiments.experiment import Claim, Experiment
from instill.lab.report import as_html, as_text, findings
from instill.lab.running import Result, Trial, run_trials, trials_of


def nothing(_: object) -> dict[str, list[tuple[str, float]]]:
    return {}


def experiment(*claims: Claim) -> Experiment:
    return Experiment("x", "?", "", "", {"a": nothing, "b": nothing}, ("new",), claims)


def runs(a: list[float], b: list[float]) -> dict[str, dict[int, dict[str, list[tuple[str, float]]]]]:
    return {
        arm: {seed: {"new": [(str(number), value) for number, value in enumerate(values)]} for seed in range(3)}
        for arm, values in (("a", a), ("b", b))
    }


def test_means_are_over_all_seeds() -> None:
    found = means(runs([1, 1, 0, 0], [0, 0, 0, 0]), ["new", "absent"])
    assert found["a"]["new"].mean == 0.5
    assert found["a"]["new"].low < 0.5 < found["a"]["new"].high
    assert (found["b"]["new"].low, found["b"]["new"].high) == (0, 0)
    assert "absent" not in found["a"]


@pytest.mark.parametrize(
    ("a", "b", "by", "held"),
    [
        ([1.0] * 20, [0.0] * 20, 0.5, True),
        ([1.0] * 20, [0.0] * 12 + [1.0] * 8, 0.7, False),  # proven, but smaller than was said
        ([1.0, 0.0] * 10, [0.0, 1.0] * 10, 0.0, False),  # no difference
        ([1.0] * 20, [1.0] * 20, -0.05, True),  # not worse
        ([0.0] * 10 + [1.0] * 10, [1.0] * 20, -0.05, False),
    ],
)
def test_a_claim_is_seen_when_it_is_proven_and_as_large_as_said(
    a: list[float], b: list[float], by: float, held: bool
) -> None:
    (found,) = check(experiment(Claim("said", ("a", "new"), ("b", "new"), by)), runs(a, b))
    assert found.held is held
    assert ("NOT seen" in str(found)) is not held


def test_questions_about_the_same_people_are_paired() -> None:
    first = [(str(number), float(number % 2)) for number in range(40)]
    assert (difference(first, first).low, difference(first, first).high) == (0, 0)
    other = [(f"other {name}", value) for name, value in first]
    unpaired = difference(first, other)
    assert unpaired.low < -0.1 < 0.1 < unpaired.high


def test_every_claim_names_arms_and_quantities_that_the_experiment_has() -> None:
    for each in EXPERIMENTS.values():
        assert each.claims
        for claim in each.claims:
            for arm, quantity in (claim.higher, claim.lower):
                assert arm in each.arms, (each.name, arm)
                assert quantity in each.quantities, (each.name, quantity)
        assert each.curve is None or each.curve.keys() == each.arms.keys()
        assert re.search(r"\d{4}", each.source)


def results() -> list[Result]:
    found = []
    for trial in trials_of(list(EXPERIMENTS), 2):
        names = EXPERIMENTS[trial.experiment].quantities
        found.append(Result(trial, {name: [("p", 1.0), ("q", 0.0)] for name in names}, 1.0))
    return found


def test_the_report_has_every_experiment_and_needs_nothing_else() -> None:
    found = findings(results())
    page = as_html(found, about={"command": "instill lab run all <x>"})
    assert {">format<", ">format: form<", ">facts<"} <= set(re.findall(r">[a-z: ]+<", page))  # lines of the curves
    assert "&lt;x&gt;" in page
    for name in EXPERIMENTS:
        assert f'<h2 id="{name}">' in page
    assert page.count("<svg") == len(EXPERIMENTS)
    assert not re.search(r'(src|href)="(?!#)', page)
    assert json.dumps([each.as_dict() for each in found])
    assert as_text(found[0]).splitlines()[0].startswith("wordings: ")


def test_a_trial_runs_in_a_process_of_its_own_and_is_kept(tmp_path: Path) -> None:
    from instill.models.weights import micro_folder

    trial = Trial("replay", "not taught", 0)
    (first,) = run_trials([trial], micro_folder(), tmp_path, workers=1)
    assert set(first.measures) == {"new", "controls", "old facts", "reading", "unknown"}
    shares = {name: sum(value for _, value in found) / len(found) for name, found in first.measures.items()}
    assert shares["old facts"] > 0.95
    assert shares["controls"] < 0.3
    (again,) = run_trials([trial], micro_folder(), tmp_path, workers=1)
    assert again == first
