"""The pictures: well-formed, within their frame, and at the places that the numbers say."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instill.compare.report.drawing import bars, matrix
from instill.compare.report.types import Kept
from instill.measure.statistics.interval_type import Interval
from tests.compare.report.sample import sample

SPACE = "{http://www.w3.org/2000/svg}"


def parts(picture: str, name: str) -> list[ElementTree.Element]:
    return [each for each in ElementTree.fromstring(picture).iter() if each.get("class") == name]


def within(picture: str) -> bool:
    """Whether everything lies in the frame; a letter of text is at most 0.55 of its height wide on average."""
    root = ElementTree.fromstring(picture)
    letters = float(root.get("font-size", ""))
    _, _, width, height = map(float, root.get("viewBox", "").split())
    for each in root.iter():
        for x, y in (("x", "y"), ("x1", "y1"), ("x2", "y2")):
            if each.get(x) is not None and not (
                0 <= float(str(each.get(x))) <= width and 0 <= float(str(each.get(y))) <= height
            ):
                return False
        if float(each.get("x", "0")) + float((each.get("width") or "0").rstrip("%")) > width:
            return False
        if each.tag == f"{SPACE}text":
            size, x0 = 0.55 * letters * len(each.text or ""), float(each.get("x", "0"))
            start = {"start": x0, "middle": x0 - size / 2, "end": x0 - size}[each.get("text-anchor", "start")]
            if start < -4 or start + size > width + 4:
                return False
    return True


def test_bars_are_as_long_as_their_scores() -> None:
    scores = {
        "closed-book": Interval(0.0, 0.0, 0.1),
        "retrieval": Interval(0.5, 0.4, 0.6),
        "all": Interval(1.0, 0.9, 1.0),
    }
    drawn = bars(scores, label="facts", chosen={"retrieval"}, reference={"all"})
    widths = [float(str(each.get("width"))) for each in parts(drawn, "bar")]
    assert widths == pytest.approx([0.8, 90.5, 181.0])
    lines = [(float(str(e.get("x1"))), float(str(e.get("x2")))) for e in parts(drawn, "interval")]
    assert lines[1] == pytest.approx((142 + 0.4 * 181, 142 + 0.6 * 181), abs=0.06)
    assert [each.get("fill") for each in parts(drawn, "bar")] == ["#4477aa", "#4477aa", "none"]
    bold = [
        each.text for each in ElementTree.fromstring(drawn).iter(f"{SPACE}text") if each.get("font-weight") == "bold"
    ]
    assert bold == ["retrieval", "0.50"]
    assert "retrieval 0.500 [0.400, 0.600]" in (ElementTree.fromstring(drawn).findtext(f"{SPACE}desc") or "")


def test_the_sample_lies_within_its_frames() -> None:
    from instill.compare.report.scores import scores_by_task

    for each in scores_by_task(sample().outcomes):
        assert within(bars(each.scores, label=each.task))
    assert within(matrix(sample().kept))


def test_the_matrix_tells_states_apart_without_colours() -> None:
    drawn = matrix(sample().kept)
    cells = parts(drawn, "cell")
    assert len(cells) == 8
    states = {f"{each.arm}, {each.skill}": each.state for each in sample().kept}
    for cell in cells:
        state = states[(cell.findtext(f"{SPACE}title") or "").split(":")[0]]
        assert (cell.get("stroke-width") == "2") == (state == "lost")
        assert (cell.get("stroke-dasharray") == "2 2") == (state == "open")
    texts = [each.text for each in ElementTree.fromstring(drawn).iter(f"{SPACE}text")]
    assert "−0.45" in texts
    assert "+0.07" in texts


NAMES = st.text(min_size=1, max_size=60)
SCORES = st.tuples(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1)).map(sorted)


@settings(max_examples=40, deadline=None)
@given(st.dictionaries(NAMES, SCORES, min_size=1, max_size=9), NAMES)
def test_any_bars_are_drawn_within_their_frame(found: dict[str, list[float]], label: str) -> None:
    drawn = bars({arm: Interval(mid, low, high) for arm, (low, mid, high) in found.items()}, label=label)
    assert len(parts(drawn, "bar")) == len(found)
    assert within(drawn)


@settings(max_examples=40, deadline=None)
@given(st.dictionaries(st.tuples(NAMES, NAMES), st.floats(-1, 1), min_size=1, max_size=14))
def test_any_matrix_is_drawn_within_its_frame(found: dict[tuple[str, str], float]) -> None:
    kept = [Kept(arm, skill, 1.0, 0.5, Interval(v, v - 0.1, v + 0.1), 0.05) for (arm, skill), v in found.items()]
    drawn = matrix(kept)
    assert len(parts(drawn, "cell")) == len(found)
    assert within(drawn)
