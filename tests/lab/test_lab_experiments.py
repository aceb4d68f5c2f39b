"""Experiments: effects from results, the report, and a real trial with the model that ships."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from instill.lab.effects import check, difference, means, over_seeds
from instill.lab.experiments.all import EXPERIMENTS
from instill.lab.experiments.experiment import Claim, Experiment
from instill.lab.report import as_html, as_text, findings
from instill.lab.running import Result, Trial, run_trials, trials_of
from instill.measure.statistics.interval_type import Interval


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


def seeded(*differences: float, people: int = 10) -> dict[str, dict[int, dict[str, list[tuple[str, float]]]]]:
    """Arm "a" is above "b" by so much with each seed, for each person alike."""
    return {
        arm: {seed: {"new": [(str(n), value if arm == "a" else 0.0) for n in range(people)]} for seed, value in each}
        for arm, each in (("a", list(enumerate(differences))), ("b", list(enumerate(differences))))
    }


@pytest.mark.parametrize(
    ("a", "b", "no_worse_by", "verdict"),
    [
        ([1.0] * 20, [0.0] * 20, 0.0, "seen"),
        ([1.0] * 20, [0.0] * 12 + [1.0] * 8, 0.0, "seen"),  # how large it is, the interval says
        ([0.0] * 20, [1.0] * 20, 0.0, "the opposite was seen"),
        ([1.0, 0.0] * 10, [0.0, 1.0] * 10, 0.0, "not shown either way"),
        ([1.0] * 20, [1.0] * 20, 0.0, "not shown either way"),  # as good is not better
        ([1.0] * 20, [1.0] * 20, 0.05, "seen"),  # but it is not worse
        ([0.0] * 10 + [1.0] * 10, [1.0] * 20, 0.05, "the opposite was seen"),
    ],
)
def test_the_interval_decides_about_a_claim(a: list[float], b: list[float], no_worse_by: float, verdict: str) -> None:
    (found,) = check(experiment(Claim("said", ("a", "new"), ("b", "new"), no_worse_by)), runs(a, b))
    assert found.verdict == verdict
    assert found.held is (verdict == "seen")
    assert str(found).startswith(f"{verdict}: said (")


def test_seeds_that_disagree_show_nothing_however_many_people_were_asked() -> None:
    """Hundreds of people of three seeds: the interval over people alone would be narrow."""
    claim = experiment(Claim("said", ("a", "new"), ("b", "new")))
    (apart,) = check(claim, seeded(0.5, 0.02, 0.02, people=200))
    (alike,) = check(claim, seeded(0.20, 0.17, 0.17, people=200))
    assert apart.difference.mean == pytest.approx(alike.difference.mean)
    assert apart.verdict == "not shown either way"
    assert alike.verdict == "seen"


def test_the_interval_over_seeds_is_students() -> None:
    found = over_seeds([0.1, 0.2, 0.3])
    assert (found.mean, found.low, found.high) == pytest.approx(
        (0.2, 0.2 - 4.303 * 0.1 / 3**0.5, 0.2 + 0.2484), abs=2e-4
    )
    assert over_seeds([0.4]) == Interval(0.4, 0.4, 0.4)
    assert over_seeds([]) == Interval(0.0, 0.0, 0.0)


def test_further_seeds_are_other_trials_than_the_first_ones() -> None:
    first, later = trials_of(["replay"], 2), trials_of(["replay"], 2, first=2)
    assert {trial.seed for trial in first} == {0, 1}
    assert {trial.seed for trial in later} == {2, 3}
    assert not {trial.name for trial in first} & {trial.name for trial in later}


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
    assert page.count("<svg") == len(EXPERIMENTS) + 1  # and all effects in one picture
    assert page.count("<circle") == sum(len(each.claims) for each in EXPERIMENTS.values())
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
