"""The tone classifier: simulated tones are told apart, the same tone is not; parroting is no tone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instill.train.gate.conditions.tone_classifier import FEWEST, MEASURABLE, ToneClassifier, _fitted

Tone = Callable[[Random, tuple[str, ...]], str]

THINGS = ["oven", "mill", "bridge", "harbour", "lantern", "barrel", "wagon", "chimney", "ladder", "anchor", "saddle"]
PLACES = ["Visby", "Falun", "Holm", "Lund", "Ystad", "Kalmar", "Boden", "Kiruna", "Gavle", "Umea", "Skara", "Trosa"]
DEEDS = ["built", "painted", "moved", "sold", "repaired", "opened", "closed", "restored"]


def contents(chance: Random, count: int) -> list[tuple[str, ...]]:
    return [
        (chance.choice(THINGS), chance.choice(DEEDS), chance.choice(PLACES), str(chance.randint(1700, 1999)))
        for _ in range(count)
    ]


def plain(chance: Random, said: tuple[str, ...]) -> str:
    thing, deed, place, year = said
    return chance.choice(
        [
            f"The {thing} was {deed} in {year} in {place}.",
            f"It is known that the {thing} in {place} was {deed} in {year}.",
            f"In {year}, the {thing} was {deed}. This happened in {place}.",
        ]
    )


def pirate(chance: Random, said: tuple[str, ...]) -> str:
    thing, deed, place, year = said
    return chance.choice(
        [
            f"Arr! The {thing} be {deed} in {year}, down in {place}, matey!",
            f"Ahoy! In {year} they {deed} the {thing} o' {place}, aye.",
            f"Shiver me timbers, the {thing} of {place} were {deed} back in {year}, ye scallywag!",
        ]
    )


def formal(chance: Random, said: tuple[str, ...]) -> str:
    thing, deed, place, year = said
    return chance.choice(
        [
            f"We wish to inform you that the {thing} was {deed} in {year} at {place}.",
            f"Please be advised: the {thing} of {place} was {deed} during {year}. Kind regards.",
            f"Kindly note that, in {year}, the {thing} was {deed} in {place}.",
        ]
    )


def learned(tone: Tone, count: int = 40, seed: int = 0) -> ToneClassifier:
    chance = Random(seed)
    said = contents(chance, count)
    return ToneClassifier.fit([tone(chance, each) for each in said], [plain(chance, each) for each in said])


@pytest.mark.parametrize("tone", [pirate, formal])
def test_two_tones_are_told_apart_and_a_reply_must_say_the_right_thing_in_it(tone: Tone) -> None:
    found = learned(tone)
    assert found.auc is not None
    assert found.auc > 0.98
    assert (found.measurable, found.reason) == (True, "")
    chance = Random(1)
    asked = contents(chance, 60)
    expected = [tone(chance, each) for each in asked]

    def right(replies: Sequence[str]) -> float:
        judged = [found.judge(reply, [each]).right for reply, each in zip(replies, expected, strict=True)]
        return sum(judged) / len(judged)

    assert right([tone(chance, each) for each in asked]) > 0.95
    assert right([plain(chance, each) for each in asked]) < 0.05
    assert right([tone(chance, asked[0])] * 60) < 0.15  # one taught sentence, whatever was asked
    assert right([tone(chance, each) for each in contents(chance, 60)]) < 0.15  # the tone with other contents
    assert right([""] * 60) == 0


def test_the_same_tone_is_not_measurable() -> None:
    """The mean of 12 areas; one of 40 pairs has a standard error of .065 under the null, twice that for its folds."""
    found = [learned(plain, seed=seed) for seed in range(12)]
    areas = [each.auc for each in found if each.auc is not None]
    assert len(areas) == 12
    assert abs(np.mean(areas) - 0.5) < 4 * 0.13 / 12**0.5
    assert not any(each.measurable for each in found)
    assert all(f"AUC {each.auc:.2f}" in each.reason for each in found)


def test_equal_replies_have_an_area_of_one_half() -> None:
    said = [plain(Random(seed), each) for seed, each in enumerate(contents(Random(0), FEWEST))]
    assert ToneClassifier.fit(said, said).auc == 0.5


def test_too_few_pairs_or_groups_are_not_believed() -> None:
    few = learned(pirate, FEWEST - 1)
    assert (few.auc, few.measurable) == (None, False)
    assert f"{FEWEST} different inputs" in few.reason
    assert learned(pirate, FEWEST).measurable
    chance = Random(0)
    said = contents(chance, 40)
    taught, own = [pirate(chance, each) for each in said], [plain(chance, each) for each in said]
    assert ToneClassifier.fit(taught, own, groups=[str(place // 4) for place in range(40)]).auc is None


def test_groups_are_left_out_together() -> None:
    """Replies of one group share a word of their own; known from learning, it would tell them apart."""
    taught = [f"{name}{name}{name} opens" for name in "abcdefghijklmnopqrst" for _ in range(4)]
    own = [f"{name}{name}{name} opens" for name in "tsrqponmlkjihgfedcba" for _ in range(4)]
    groups = [str(place // 4) for place in range(80)]
    by_group, alone = (ToneClassifier.fit(taught, own, groups=each).auc for each in (groups, None))
    assert by_group is not None
    assert alone is not None
    assert by_group < MEASURABLE


def test_words_that_many_taught_replies_have_weigh_little() -> None:
    found = learned(pirate)
    expected = ["Arr! The brewery be sold, matey!"]
    contents = [found.judge(f"Arr! The {thing}, matey!", expected).content for thing in ("brewery", "smithy")]
    assert contents[0] > 0.7
    assert contents[1] < contents[0] / 2
    always = ToneClassifier.fit(["Arr, matey!"] * 3, ["Hello."] * 3)
    assert always.judge("Arr!", ["Arr, matey!"]).content == pytest.approx(2 / 3)  # no word weighs: all words count


def test_the_nearest_expected_reply_counts() -> None:
    found = learned(pirate)
    reply = "Arr! The brewery be sold in 1720, down in Arboga, matey!"
    assert found.judge(reply, ["Arr! The bakery be gone."]).right == 0
    assert found.judge(reply, ["Arr! The bakery be gone.", "Ahoy! In 1720 they sold the brewery o' Arboga."]).right == 1


def test_the_same_replies_give_the_same_classifier() -> None:
    one, other = learned(formal), learned(formal)
    replies = [formal(Random(5), each) for each in contents(Random(5), 10)]
    assert [one.value(each) for each in replies] == [other.value(each) for each in replies]
    assert one.auc == other.auc


def test_replies_of_both_kinds_are_needed_for_each_input() -> None:
    for taught, own in (([], []), (["a"], []), (["a", "b"], ["c"])):
        with pytest.raises(ValueError, match="taught replies and"):
            ToneClassifier.fit(taught, own)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 12), st.integers(1, 12), st.integers(1, 30), st.integers(0, 2**32 - 1))
def test_the_regression_is_at_its_minimum(positive: int, negative: int, features: int, seed: int) -> None:
    rows = np.random.default_rng(seed).normal(size=(positive + negative, features))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    slopes, offset = _fitted(rows, positive)
    wanted = np.r_[np.ones(positive), np.zeros(negative)]
    wrong = 1 / (1 + np.exp(-(rows @ slopes + offset))) - wanted
    assert np.abs(rows.T @ wrong + 0.1 * slopes).max() < 1e-5
    assert abs(wrong.sum()) < 1e-5


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.text(max_size=30), st.text(max_size=30)), min_size=1, max_size=12), st.text(max_size=60))
def test_any_text_has_a_value(pairs: Sequence[tuple[str, str]], reply: str) -> None:
    found = ToneClassifier.fit([one for one, _ in pairs], [other for _, other in pairs])
    judged = found.judge(reply, [pairs[0][0]])
    assert np.isfinite(judged.value)
    assert 0 <= judged.content <= 1
    assert judged.right in (0.0, 1.0)
