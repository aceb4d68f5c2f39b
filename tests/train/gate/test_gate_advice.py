"""After a gate that has not passed, a person is told what to change."""

from __future__ import annotations

import pytest

from instill.train.gate.advice import WORDS, Gained, advice, scale_text
from instill.train.gate.specification import SECTIONS


def test_what_is_not_proven_is_not_called_a_failure() -> None:
    assert WORDS["undecided"] == "not proven yet"
    [said] = advice([("format", "undecided", 60), ("text", "passed", 0)])
    assert said.startswith("Give [format] of the gate about 60 rows")
    assert said.endswith("only the gate is measured anew.")


def test_a_small_gain_is_first_to_be_made_larger() -> None:
    [said] = advice([("gain", "undecided", 146)])
    assert said == (
        "A larger gain is proven by fewer rows. Train longer or at a higher rate (recipe: steps or epochs, "
        "learning_rate), or add rows like the gate's. Or give [gain] of the gate about 146 rows, which prove a gain as "
        "small as this one. For a study set they are questions of its gate: instill study make --most N (more facts) "
        "or --gate 0.5 (more wordings of each). Else write more questions with their replies into the file that [gain] "
        "names. Then train again: only the gate is measured anew."
    )


@pytest.mark.parametrize(
    ("gained", "outcome", "said", "longer"),
    [
        (Gained(0.1, 0.2, 40), "undecided", "A larger gain is proven by fewer rows. Train longer", True),
        (Gained(0.1, 0.1, 40), "failed", "Train longer or at a higher rate", True),
        (Gained(1.0, 1.0, 40), "failed", "The base scores 1 on the rows of [gain] already, so there is nothing", False),
        (Gained(0.95, 0.9, 40, 0.1), "failed", "The base scores 0.95 on the rows of [gain] already, so there", False),
        (Gained(0.95, 0.95, 40), "failed", "The base scores 0.95 on the rows of [gain] already: even a", False),
        (Gained(0.0, 1.0, 6), "undecided", "The candidate is right on every row of [gain]; training", False),
    ],
)
def test_training_longer_is_advised_only_where_something_is_left_to_gain(
    gained: Gained, outcome: str, said: str, longer: bool
) -> None:
    [found] = advice([("gain", outcome, 9)], gained)
    assert found.startswith(said)
    assert ("Train longer" in found) is longer


def test_each_advice_is_given_once() -> None:
    found = advice([("forgetting.kl", "failed", 0), ("forgetting.accuracy", "failed", 0), ("gain", "failed", 0)])
    assert len(found) == 2
    assert "[replay]" in found[0]
    assert "learning_rate" in found[1]


@pytest.mark.parametrize("section", SECTIONS)
def test_every_section_of_a_gate_has_an_advice_of_its_own(section: str) -> None:
    [said] = advice([(section, "failed", 0)])
    assert not said.startswith("Look at what")


def test_parts_of_a_change_have_names() -> None:
    assert [scale_text(each) for each in (1.0, 0.75, 0.5, 0.25, 0.1)] == [
        "the whole change", "three quarters of the change", "half of the change", "a quarter of the change",
        "0.1 of the change",
    ]  # fmt: skip


@pytest.mark.parametrize("section", SECTIONS)
def test_where_more_rows_come_from_is_said_for_every_section(section: str) -> None:
    [said] = advice([(section, "undecided", 58)])
    assert "about 58 rows" in said
    assert section == "gain" or said.startswith(f"Give [{section}] of the gate about 58 rows; what it has proves")
    told = {"gain": "instill study make --most N", "controls": "instill study make --controls 0.4"}
    assert told.get(section, f"that [{section}] names") in said
