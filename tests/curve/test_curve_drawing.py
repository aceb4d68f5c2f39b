"""The picture: well-formed, holds every point within its frame, and marks the recommended size."""

from __future__ import annotations

import re
from itertools import pairwise
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instill.curve.advising import advise
from instill.curve.drawing import curve_picture
from instill.curve.laws.fitting import fit_curve
from instill.curve.results import Result

SIZES = (10, 22, 46, 100, 220, 460, 1000)
SPACE = "{http://www.w3.org/2000/svg}"


def drawn(shares: dict[int, float], seeds: int = 3, questions: int = 100) -> list[Result]:
    chance = np.random.default_rng(0)
    return [
        Result(size, seed, tuple((chance.random(questions) < share).astype(float)))
        for size, share in shares.items()
        for seed in range(seeds)
    ]


def parts(picture: str, name: str) -> list[ElementTree.Element]:
    return [each for each in ElementTree.fromstring(picture).iter() if each.get("class") == name]


def numbers(picture: str) -> list[tuple[float, float]]:
    """All places that are drawn at."""
    found: list[tuple[float, float]] = []
    for each in ElementTree.fromstring(picture).iter():
        for x, y in (("x1", "y1"), ("x2", "y2"), ("cx", "cy"), ("x", "y")):
            if each.get(x) and each.get(y):
                found.append((float(str(each.get(x))), float(str(each.get(y)))))
        for pair in (each.get("points") or "").split():
            left, right = pair.split(",")
            found.append((float(left), float(right)))
    return found


def test_every_point_is_there_at_its_place() -> None:
    results = drawn({size: 0.9 - 2 * size**-0.5 for size in SIZES})
    fit = fit_curve(results)
    picture = curve_picture(fit, advise(fit, gain=0.02, have=100), results=results, title="<facts> & formats")
    assert len(parts(picture, "point")) == 7
    assert len(parts(picture, "seed")) == 21
    assert len(parts(picture, "curve")) == len(parts(picture, "band")) == 1
    places = [float(str(each.get("cx"))) for each in parts(picture, "point")]
    steps = np.diff(places) / np.diff(np.log10(SIZES))
    assert steps == pytest.approx(np.full(6, steps[0]), rel=0.01)
    heights = [float(str(each.get("cy"))) for each in parts(picture, "point")]
    assert np.argsort(heights).tolist() == np.argsort([-point.score.mean for point in fit.points]).tolist()
    assert ElementTree.fromstring(picture).get("aria-label") == "<facts> & formats"


def test_the_recommended_size_is_marked() -> None:
    fit = fit_curve([Result(n, 0, (0.9 - 3 * n**-0.8,) * 500) for n in SIZES])
    advice = advise(fit, gain=0.02, have=60)
    assert advice.enough is not None
    picture = curve_picture(fit, advice)
    assert len(parts(picture, "enough")) == len(parts(picture, "enough-interval")) == 1
    points = {
        each.size: float(str(part.get("cx"))) for each, part in zip(fit.points, parts(picture, "point"), strict=True)
    }
    x = float(str(parts(picture, "enough")[0].get("x1")))
    share = (np.log10(advice.enough.mean) - 2) / (np.log10(220) - 2)
    assert x == pytest.approx(points[100] + share * (points[220] - points[100]), abs=0.2)
    assert re.search(r"enough: 1\d\d rows", picture)


def test_text_is_readable_on_a_phone() -> None:
    """10 units in 360: 10 pixels on a phone; no text reaches beyond the picture, at 0.6 of its height a character."""
    results = drawn({size: 0.9 - 2 * size**-0.5 for size in SIZES})
    fit = fit_curve(results)
    root = ElementTree.fromstring(curve_picture(fit, advise(fit, gain=0.02, have=100), results=results))
    assert root.get("viewBox", "").startswith("0 0 360 ")
    assert root.get("font-size") == "10"
    for text in root.iter(f"{SPACE}text"):
        width, x = 5.4 * len(text.text or ""), float(text.get("x", "0"))
        start = {"start": x, "middle": x - width / 2, "end": x - width}[text.get("text-anchor", "start")]
        assert start >= 0, text.text
        assert start + width <= 360, text.text


def test_labels_of_the_axes_do_not_touch() -> None:
    for sizes in (
        SIZES,
        (10, 20, 30, 40),
        (3, 9, 27, 81, 243, 729, 2187, 100_000),
        (900, 950, 990, 1000),
        (1, 2, 3, 4),
    ):
        fit = fit_curve(drawn({size: 0.9 - 0.5 * (size / sizes[0]) ** -0.5 for size in sizes}))
        root = ElementTree.fromstring(curve_picture(fit, advise(fit)))
        ticks = [text for text in root.iter(f"{SPACE}text") if text.get("y") == "221.0"]
        assert len(ticks) >= 1
        ends = [(float(str(t.get("x"))), 3 * len(str(t.text))) for t in ticks]
        for (one, half), (other, other_half) in pairwise(ends):
            assert one + half + 2 < other - other_half


@settings(max_examples=25, deadline=None)
@given(
    st.dictionaries(st.integers(1, 10**6), st.floats(0, 1), min_size=1, max_size=8),
    st.integers(1, 10**7),
    st.floats(0.001, 0.5),
)
def test_any_curve_is_drawn_within_its_frame(shares: dict[int, float], have: int, gain: float) -> None:
    results = drawn(shares, seeds=2, questions=20)
    fit = fit_curve(results, resamples=100)
    picture = curve_picture(fit, advise(fit, gain=gain, have=have), results=results, label="a < b & c")
    assert len(parts(picture, "point")) == len(shares)
    assert len(parts(picture, "seed")) == len(results)
    assert all(0 <= x <= 360 and 0 <= y <= 286 for x, y in numbers(picture))
    assert "nan" not in picture
    assert "inf" not in picture.replace("interval", "")
