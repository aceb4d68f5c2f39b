"""The page of claims: it is what the committed runs give, and its verdicts are what the intervals say."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import claims_material as material
import pytest
from claims import IDENTITY, PAGE, RUNS, page_of
from claims_figures import LINE, check, costs, level, shown, values_of, verdict
from claims_measures import pairs_of
from claims_page import page, shown_as
from claims_said import CLAIMS, NAMES

from instill.lab.experiments.experiment import Claim
from instill.measure.statistics.interval_type import Interval


def line(arm: str, seed: int, right: Sequence[int]) -> dict[str, Any]:
    """A made-up run: so many of two right answers about each person."""
    scores = {"asked": {f"person {place}": [count, 2] for place, count in enumerate(right)}}
    return {"task": "facts", "arm": arm, "seed": seed, "date": "2026-11-29", "scores": scores}


def test_the_committed_page_is_what_the_committed_runs_give() -> None:
    assert PAGE.read_text(encoding="utf-8") == page_of(RUNS)


def test_the_committed_runs_are_of_this_identity_and_each_is_there_once() -> None:
    first, *lines = [json.loads(text) for text in RUNS.read_text(encoding="utf-8").splitlines()]
    assert first == {"identity": IDENTITY}
    names = [(each["task"], each["arm"], each["seed"]) for each in lines]
    assert len(set(names)) == len(names)
    assert RUNS.stat().st_size < 1_000_000
    shares = [by for each in lines for name, by in each["scores"].items() if name not in ("nats", "words")]
    assert all(0 <= number <= of for by in shares for number, of in by.values())


def test_a_figure_is_the_mean_over_people_with_the_wider_interval() -> None:
    runs = values_of([line("a", 0, [2, 0]), line("a", 1, [2, 0])])
    assert runs["a"][0]["asked"] == {"person 0": 1.0, "person 1": 0.0}
    found = level(runs, "a", "asked")
    assert found is not None
    assert found.mean == 0.5
    assert 0 < found.low < 0.1
    assert 0.9 < found.high < 1
    # All people alike and seeds far apart: the interval over seeds counts, and ends where shares do.
    apart = shown({0: {"a": 1.0}, 1: {"a": 0.0}, 2: {"a": 1.0}}, (0.0, 1.0))
    assert (apart.low, apart.high) == (0.0, 1.0)
    assert level(runs, "a", "reverse") is None
    assert level(runs, "b", "asked") is None


def test_a_difference_is_paired_by_person() -> None:
    one, other = [2, 1, 2, 1] * 4, [1, 0, 1, 0] * 4
    lines = [*(line("a", seed, one) for seed in range(3)), *(line("b", seed, other) for seed in range(3))]
    seen = check(Claim("a is better", ("a", "asked"), ("b", "asked")), values_of(lines))
    assert seen is not None
    assert seen.verdict == "seen"
    assert seen.difference.mean == 0.5
    assert seen.difference.low > 0.38
    turned = check(Claim("b is better", ("b", "asked"), ("a", "asked")), values_of(lines))
    assert turned is not None
    assert turned.verdict == "the opposite was seen"
    alike = check(Claim("a is no worse", ("a", "asked"), ("a", "asked"), 0.1), values_of(lines))
    assert alike is not None
    assert alike.difference.mean == 0
    assert alike.verdict == "seen"
    assert check(Claim("", ("a", "asked"), ("a", "reverse")), values_of(lines)) is None


@pytest.mark.parametrize(("right", "said"), [(2, "seen"), (0, "the opposite was seen")])
def test_a_line_is_beside_an_arm_on_either_side(right: int, said: str) -> None:
    runs = values_of([line("a", seed, [right] * 20) for seed in range(3)])
    seen = check(Claim("", ("a", "asked"), (LINE, "0.8")), runs)
    assert seen is not None
    assert seen.verdict == said
    assert seen.difference.mean == pytest.approx(right / 2 - 0.8)
    turned = check(Claim("", (LINE, "0.8"), ("a", "asked")), runs)
    assert turned is not None
    assert turned.difference.mean == pytest.approx(0.8 - right / 2)
    assert turned.verdict != said


def test_the_verdict_follows_from_the_parts() -> None:
    runs = values_of(
        [*(line("a", seed, [2] * 20) for seed in range(3)), *(line("b", seed, [0] * 20) for seed in range(3))]
    )
    above, below = Claim("", ("a", "asked"), ("b", "asked")), Claim("", ("b", "asked"), ("a", "asked"))
    equal = Claim("", ("a", "asked"), ("a", "asked"))
    good, bad, unclear, missing = (check(each, runs) for each in (above, below, equal, Claim("", ("c", ""), ("a", ""))))
    assert verdict([good, good]) == "held"
    assert verdict([good, bad]) == verdict([good, unclear]) == verdict([good, missing]) == "held in part"
    assert verdict([bad, unclear]) == "did not hold"
    assert verdict([unclear]) == verdict([missing]) == verdict([]) == "not shown"


def test_one_more_fact_costs_its_share_of_what_was_answered() -> None:
    lines = [
        {**line("with questions", 0, [2, 2]), "processor seconds": 40.0},
        {**line("search", 0, [2, 0]), "processor seconds": 0.2},
        {**line("search", 1, [2, 0]), "processor seconds": 0.2},
    ]
    # 4 of 4 questions about 2 facts: 20 s each; by index 1 fact: .2 s.
    assert costs(lines) == {0: {"weights": 20.0, "index": 0.2, "times": pytest.approx(100.0)}}
    assert values_of(lines)["cost"] == {0: {"log10 times": {"all": pytest.approx(2.0)}}}


def test_the_gap_is_between_taught_and_other_words() -> None:
    run = line("a", 0, [1, 0])
    run["scores"]["as taught"] = {"person 0": [2, 2], "person 1": [1, 2]}
    assert values_of([run])["a"][0]["gap"] == {"person 0": 0.5, "person 1": 0.5}


def test_figures_are_short() -> None:
    assert shown_as(Interval(0.25, 0.0, 1.0), "asked") == ".25 [.00, 1.00]"
    assert shown_as(Interval(-0.25, -1.0, 0.5), "asked", signed=True) == "-.25 [-1.00, +.50]"
    assert shown_as(Interval(0.0, -0.001, 0.001), "asked", signed=True) == ".00 [.00, .00]"
    assert shown_as(Interval(19.25, 18.0, 20.0), "words") == "19.2 [18.0, 20.0]"


def test_a_page_says_which_seeds_are_missing() -> None:
    settings = {"rows": 1, "shown": 16, "steps": 1, "batch": 16, "rate": 0.002}
    more = {"processor seconds": 1.0, "tokens": 10, "loss": 1.0, "settings": settings}
    runs = [line(arm, seed, [2]) | more for arm, seed in (("with questions", 0), ("replay", 0), ("replay", 1))]
    made = page(runs, "run")
    assert "measured with 1 seed. Of seed 1 only some trainings were finished" in made
    assert "Three were wanted" in made
    assert "- Not measured: ten wordings teach more than one." in made


def test_every_arm_of_a_table_has_a_name() -> None:
    assert {arm for said in CLAIMS for arm in said.arms} <= NAMES.keys()
    assert {arm for said in CLAIMS for arm in said.beside or {}} <= {arm for said in CLAIMS for arm in said.arms}


def test_material_follows_from_the_seed_and_keeps_what_is_asked_out_of_what_is_taught() -> None:
    people = material.people(1)
    assert people == material.people(1) != material.people(2)
    for how in ("one wording", "many wordings", "with questions"):
        rows = material.fact_rows(people.taught, how)
        taught = {row.text for row in rows} | {str(row.prompt[-1]["content"]) for row in rows if row.messages}
        asked = {each.question for each in material.fact_questions(people.taught, evaluated=True)}
        assert not taught & (asked | {each.question for each in material.reverse_asked(people.taught)})
        assert not any(person.name in text for person in people.controls for text in taught)
    held_out = material.tickets(1, material.HELD_OUT, held_out=True)
    assert not {row.prompt[-1]["content"] for row in held_out} & {
        row.prompt[-1]["content"] for row in material.tickets(1, 50)
    }
    assert all(material.is_ticket(row.said) for row in held_out)
    assert all(
        material.in_tone(row.said) and material.keeps(row.said, str(row.prompt[-1]["content"]))
        for row in material.tone_rows(1, 20)
    )
    words = [word for word, _ in material.words(1)]
    assert len(set(words)) == material.WORDS + material.CONTROL_WORDS


def test_form_and_tone_are_told_by_rules() -> None:
    assert material.is_ticket('{"item": "lamp", "place": "hall", "urgent": true}')
    for reply in ('{"item": "lamp"}', "lamp", '{"item": "lamp", "place": "hall", "urgent": "yes"}', "[]"):
        assert not material.is_ticket(reply)
    plain = "The bar closes at nine."
    said = "Bless you, dear guest! Our bar closes at nine. Warmly, your innkeepers."
    assert material.in_tone(said)
    assert material.keeps(said, plain)
    assert not material.in_tone(plain)
    assert not material.keeps(said.replace("nine", "ten"), plain)


def test_pairs_of_words_are_counted_within_replies() -> None:
    assert pairs_of(["A b a b", "a b"]) == (2, 4, 6)
    assert pairs_of(["", "one"]) == (0, 0, 1)


def test_changed_capitals_are_known_ones_with_new_towns() -> None:
    new = material.new_capitals(["France", "Italy", "Spain", "Peru"], 1)
    assert len(new) == 2
    assert new.keys() <= {"France", "Italy", "Spain", "Peru"}
    asked = material.capital_questions(new, passage=True)
    assert len(asked) == 4
    assert all(each.right[0] in each.question and each.wrong not in each.question for each in asked)


def test_the_page_names_a_file_that_is_there() -> None:
    assert Path(PAGE).is_file()
    assert "bench/claims_runs.jsonl" in PAGE.read_text(encoding="utf-8")
