"""Uses that are uses of one fact, and how much it weighs: properties of the grouping."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from instill.answer.terms import same_words
from instill.answer.uses_of_answer import occurrence, places_of
from instill.memory.moved_spans import place_now
from instill.memory.recurrence import Group, Shape, grouped, overlap
from instill.memory.same_question import same_pins
from instill.memory.types import Spot, Use

START = datetime(2026, 1, 1, tzinfo=UTC)
DIRECTIONS = [np.array(v, dtype=np.float32) for v in ((1, 0), (0.8, 0.6), (0.3, 0.954), (0, 1))]


def spot(start: int, end: int, doc_id: str = "d1", version: str = "v1") -> Spot:
    return Spot(doc_id, version, start, end, "x" * (end - start), 0, 1)


@st.composite
def a_use(draw: st.DrawFn) -> tuple[float, int, int, str, str, int]:
    start = draw(st.integers(0, 60))
    return (
        draw(st.floats(0, 50)),
        start,
        start + draw(st.integers(1, 30)),
        draw(st.sampled_from(["d1", "d2"])),
        draw(st.sampled_from(["", "80 degrees", "80", "two minutes"])),
        draw(st.integers(0, 3)),
    )


def made(parts: list[tuple[float, int, int, str, str, int]]) -> list[tuple[Use, Spot]]:
    uses = []
    for number, (days, start, end, doc_id, short, direction) in enumerate(parts, 1):
        at = spot(start, end, doc_id)
        question = f"q{'abcd'[direction]}"
        use = Use(number, number, START + timedelta(days=days), question, at, (), short, None, DIRECTIONS[direction])
        uses.append((use, at))
    return uses


def members(groups: list[Group]) -> dict[str, list[int]]:
    return {group.fact_id: [use.use_id for use in group.uses] for group in groups}


@given(st.lists(a_use(), max_size=25), st.randoms())
@settings(max_examples=150)
def test_every_use_is_in_one_fact_whatever_the_order(parts: list[tuple[float, int, int, str, str, int]], rng) -> None:  # type: ignore[no-untyped-def]
    uses = made(parts)
    groups = grouped([], uses)
    assert sorted(use.use_id for group in groups for use in group.uses) == [use.use_id for use, _ in uses]
    assert len({group.fact_id for group in groups}) == len(groups)
    assert all(len({use.spot.doc_id for use in group.uses}) == 1 for group in groups)
    shuffled = list(uses)
    rng.shuffle(shuffled)
    assert members(grouped([], shuffled)) == members(groups)


@given(st.lists(a_use(), max_size=20), st.integers(0, 20))
@settings(max_examples=150)
def test_later_uses_never_change_what_earlier_ones_belong_to(
    parts: list[tuple[float, int, int, str, str, int]], cut: int
) -> None:
    uses = sorted(made(parts), key=lambda each: (each[0].at, each[0].use_id))
    before, after = members(grouped([], uses[:cut])), members(grouped([], uses))
    for fact_id, ids in before.items():
        assert after[fact_id][: len(ids)] == ids


@given(st.lists(a_use(), max_size=15), st.text(alphabet="ab ", max_size=30), st.text(alphabet="ab ", max_size=30))
@settings(max_examples=100)
def test_an_edit_elsewhere_that_moves_the_spans_changes_no_fact(
    parts: list[tuple[float, int, int, str, str, int]], ahead: str, behind: str
) -> None:
    """Every character of the document is another one, so that each span's text stands there once."""
    text = "".join(chr(0x4E00 + number) for number in range(100))
    uses = []
    for use, at in made(parts):
        there = Spot(at.doc_id, "v1", at.start, at.end, text[at.start : at.end], 0, 1)
        uses.append((use, there))
    now = [(use, place_now(at, "v2", ahead + text + behind)) for use, at in uses]
    assert all(at is not None and at.start == use.spot.start + len(ahead) for use, at in now)
    moved = [(use, at) for use, at in now if at is not None]
    assert members(grouped([], moved)) == members(grouped([], uses))


@given(st.lists(st.floats(0, 400), max_size=12), st.floats(0.5, 100), st.floats(0, 100))
def test_weight_halves_with_each_half_life_and_grows_with_each_use(
    days: list[float], half_life: float, later: float
) -> None:
    uses = [
        Use(number, number, START - timedelta(days=day), "q", spot(0, 5), (), "", None, DIRECTIONS[0])
        for number, day in enumerate(days)
    ]
    shape = Shape("q", "", spot(0, 5), DIRECTIONS[0])
    weight = Group("f", shape, tuple(uses)).weight(START, half_life)
    assert 0 <= weight <= len(uses)
    after = Group("f", shape, tuple(uses)).weight(START + timedelta(days=half_life), half_life)
    assert abs(after - weight / 2) < 1e-6 * max(1, weight)
    assert Group("f", shape, tuple(uses[1:])).weight(START, half_life) <= weight
    ahead = [Use(0, 0, START + timedelta(days=later), "q", spot(0, 5), (), "", None, DIRECTIONS[0])]
    assert Group("f", shape, tuple(ahead)).weight(START, half_life) == 1  # A clock that was set back.


def test_a_question_counts_once_and_known_facts_take_their_uses() -> None:
    use, at = made([(0, 0, 10, "d1", "80", 0)])[0]
    twice = Use(9, use.usage_id, use.at, use.question, use.spot, (), "80 degrees", None, use.vector)
    [group] = grouped([("mine", Shape("other words", "80 degrees", at, DIRECTIONS[1]))], [(use, at), (twice, at)])
    assert (group.fact_id, [each.use_id for each in group.uses]) == ("mine", [1])
    [alone] = grouped([("mine", Shape("q", "80", at, DIRECTIONS[0]))], [])
    assert (alone.fact_id, alone.uses) == ("mine", ())


def one_fact(short: str, other: str, direction: int, questions: tuple[str, str] = ("q", "q")) -> bool:
    uses = [
        (Use(n, n, START, questions[n], spot(0, 20), (), each, None, DIRECTIONS[n * direction]), spot(0, 20))
        for n, each in enumerate((short, other))
    ]
    return len(grouped([], uses)) == 1


def test_the_short_answer_tells_facts_of_one_sentence_apart() -> None:
    assert one_fact("80 degrees", "80 degrees", 1)
    assert one_fact("80 degrees", "80", 1)
    assert not one_fact("80 degrees", "two minutes", 0)
    assert not one_fact("80 degrees", "80 degrees", 2)  # Two questions that have nothing in common.
    assert one_fact("", "", 1)
    assert not one_fact("", "80 degrees", 2)
    assert not one_fact("", "", 0, ("When was it built?", "Who built it?"))
    assert not one_fact("", "", 0, ("Who runs Lyra 2?", "Who runs Lyra 3?"))
    assert one_fact("Umber", "Umber", 0, ("Where does Ann work?", "Who does Ann work for?"))
    assert not one_fact("", "Umber", 0, ("Where does Ann work?", "Who does Ann work for?"))
    assert not one_fact("1929", "1929", 0, ("When was it built?", "Who built it?"))
    assert not one_fact("", "Ida", 0, ("What is the job of Ann?", "What is the employer of Ann?"))


def test_uses_without_a_short_answer_do_not_bring_two_answers_together() -> None:
    shorts = ("", "Koralla", "Tilsby")
    uses = [
        (Use(n, n, START, "q", spot(0, 20), (), each, None, DIRECTIONS[0]), spot(0, 20))
        for n, each in enumerate(shorts)
    ]
    assert [[use.short for use in group.uses] for group in grouped([], uses)] == [["", "Koralla"], ["Tilsby"]]


@given(st.text(alphabet="ab", max_size=12), st.text(alphabet="ab", min_size=1, max_size=3))
def test_occurrences_are_counted_as_they_stand(text: str, part: str) -> None:
    places = places_of(text, part)
    assert places == [at for at in range(len(text)) if text.startswith(part, at)]
    for number, at in enumerate(places):
        assert occurrence(text, part, at) == (number, len(places))


@given(st.integers(1, 4), st.data())
def test_of_equal_texts_the_one_of_the_same_number_is_meant(count: int, data: st.DataObject) -> None:
    text = "".join(f"{number}. Yes. " for number in range(count))
    nth = data.draw(st.integers(0, count - 1))
    start = places_of(text, "Yes.")[nth]
    meant = Spot("d", "v1", start, start + 4, "Yes.", nth, count)
    found = place_now(meant, "v2", "New. " + text)
    assert found is not None
    assert found.start == start + 5
    assert place_now(meant, "v2", text + " Yes.") is None
    assert place_now(meant, "v1", text) == meant
    assert place_now(meant, "v1", "other") is None


@given(st.integers(0, 30), st.integers(1, 30), st.integers(0, 30), st.integers(1, 30))
def test_overlap_is_symmetric_and_asks_for_half_of_the_shorter(a: int, n: int, b: int, m: int) -> None:
    one, other = spot(a, a + n), spot(b, b + m)
    common = len(set(range(a, a + n)) & set(range(b, b + m)))
    assert overlap(one, other) == overlap(other, one) == (common > 0 and 2 * common >= min(n, m))
    later = spot(a, a + m, version="v2")  # Texts of one letter: one is a part of the other.
    assert overlap(one, later) == overlap(later, one) == (2 * min(n, m) >= max(n, m))


def test_pins_hold_in_both_directions() -> None:
    assert same_pins("who runs lyra", "By whom is Lyra run?")
    for one, other in (
        ("Does Basel pay 12 euros?", "Does it pay 12 euros?"),
        ("Is it 12 or 13?", "Is it 12?"),
        ("May I smoke?", "May I never smoke?"),
        ("May I smoke?", "Mayn't I smoke?"),
        ("What does E-12 mean?", "What does E-13 mean?"),
    ):
        assert not same_pins(one, other)
        assert not same_pins(other, one)


def test_a_shorter_answer_is_the_same_and_another_value_is_not() -> None:
    assert same_words("80 degrees", "80 degrees for two minutes")
    assert not same_words("80 degrees", "95 degrees")
